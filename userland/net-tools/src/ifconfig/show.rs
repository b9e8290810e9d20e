//! What `ifconfig` prints about an interface.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;
use core::mem::size_of;
use core::net::{IpAddr, Ipv4Addr};

use linux_raw_sys::if_arp::{ARPHRD_ETHER, ARPHRD_LOOPBACK, ARPHRD_NONE};
use linux_raw_sys::net::net_device_flags as flag;
use linux_raw_sys::netlink::{RTM_GETADDR, ifaddrmsg};

use crate::ip::address::Address;
use crate::ip::failure::Failure;
use crate::ip::link::Link;
use crate::ip::session::Session;
use crate::ip::statistics::Statistics;
use crate::netlink::Request;
use crate::prefix::LinkAddress;

/// The flags by name, in the order of net-tools, each with its letter in the short listing.
const FLAGS: [(u32, &str, &str); 14] = [
    (flag::IFF_UP as u32, "UP", ""),
    (flag::IFF_BROADCAST as u32, "BROADCAST", "B"),
    (flag::IFF_DEBUG as u32, "DEBUG", "D"),
    (flag::IFF_LOOPBACK as u32, "LOOPBACK", "L"),
    (flag::IFF_POINTOPOINT as u32, "POINTOPOINT", "P"),
    (flag::IFF_NOTRAILERS as u32, "NOTRAILERS", "N"),
    (flag::IFF_RUNNING as u32, "RUNNING", ""),
    (flag::IFF_NOARP as u32, "NOARP", "O"),
    (flag::IFF_PROMISC as u32, "PROMISC", ""),
    (flag::IFF_ALLMULTI as u32, "ALLMULTI", "A"),
    (flag::IFF_SLAVE as u32, "SLAVE", "s"),
    (flag::IFF_MASTER as u32, "MASTER", "m"),
    (flag::IFF_MULTICAST as u32, "MULTICAST", "M"),
    (flag::IFF_DYNAMIC as u32, "DYNAMIC", ""),
];

/// All addresses there are.
pub fn addresses(session: &mut Session) -> Result<Vec<Address>, Failure> {
    let records =
        session.dump(Request::new(RTM_GETADDR as u32, 0, &[0; size_of::<ifaddrmsg>()]))?;
    Ok(records.iter().filter_map(|record| Address::parse(&record.payload)).collect())
}

/// The counters that `/proc/net/dev` adds up, in its words.
struct Sums {
    receive_dropped: u64,
    receive_frame: u64,
    send_carrier: u64,
}

impl Sums {
    fn of(counters: &Statistics) -> Self {
        Self {
            receive_dropped: counters.rx_dropped() + counters.rx_missed_errors(),
            receive_frame: counters.rx_length_errors()
                + counters.rx_over_errors()
                + counters.rx_crc_errors()
                + counters.rx_frame_errors(),
            send_carrier: counters.tx_carrier_errors()
                + counters.tx_aborted_errors()
                + counters.tx_window_errors()
                + counters.tx_heartbeat_errors(),
        }
    }
}

/// A number of bytes in the largest unit that leaves something before the point.
fn human(count: u64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let mut power = 0;
    while power + 1 < units.len() && count >> (10 * (power + 1)) != 0 {
        power += 1;
    }
    let tenths = (u128::from(count) * 10) >> (10 * power);
    alloc::format!("{}.{} {}", tenths / 10, tenths % 10, units.get(power).unwrap_or(&""))
}

/// The scope of an IPv6 address as net-tools names it: by the bits of `/proc/net/if_inet6`.
fn scope(scope: u8) -> &'static str {
    match scope {
        0 => "0x0<global>",
        253 => "0x20<link>",
        254 => "0x10<host>",
        200 => "0x40<site>",
        _ => "0x0<unknown>",
    }
}

fn write_address(text: &mut String, address: &Address) {
    // Writing to a string does not fail, here and below.
    let _ = match address.local {
        IpAddr::V6(local) => writeln!(
            text,
            "        inet6 {local}  prefixlen {}  scopeid {}",
            address.prefix_length,
            scope(address.scope)
        ),
        IpAddr::V4(local) => {
            let bits = u32::from(address.prefix_length).min(32);
            let mask = Ipv4Addr::from(u32::MAX.checked_shl(32 - bits).unwrap_or(0));
            let _ = write!(text, "        inet {local}  netmask {mask}");
            if let Some(broadcast) = address.broadcast {
                let _ = write!(text, "  broadcast {broadcast}");
            }
            if let Some(peer) = address.peer {
                let _ = write!(text, "  destination {peer}");
            }
            writeln!(text)
        }
    };
}

/// The paragraph about an interface, without the empty line after it.
#[must_use]
pub fn text(link: &Link, addresses: &[&Address]) -> String {
    let mut text = String::new();
    // The ioctl of old has 16 bits.
    let flags = link.flags & 0xffff;
    let names: Vec<&str> =
        FLAGS.iter().filter(|(bit, ..)| flags & bit != 0).map(|(_, name, _)| *name).collect();
    let _ = writeln!(
        text,
        "{}: flags={flags}<{}>  mtu {}",
        link.name,
        names.join(","),
        link.mtu.unwrap_or(0)
    );
    let (old, new): (Vec<&Address>, Vec<&Address>) =
        addresses.iter().partition(|address| address.local.is_ipv4());
    for address in old.into_iter().chain(new) {
        write_address(&mut text, address);
    }
    let queue = link.queue_length.unwrap_or(0);
    let _ = match (u32::from(link.kind), &link.address) {
        (ARPHRD_LOOPBACK, _) => {
            writeln!(text, "        loop  txqueuelen {queue}  (Local Loopback)")
        }
        (ARPHRD_ETHER, Some(address)) => {
            writeln!(text, "        ether {}  txqueuelen {queue}  (Ethernet)", LinkAddress(address))
        }
        (ARPHRD_NONE, _) | (_, None) => {
            writeln!(text, "        unspec  txqueuelen {queue}  (UNSPEC)")
        }
        (_, Some(address)) => {
            writeln!(text, "        unspec {}  txqueuelen {queue}  (UNSPEC)", LinkAddress(address))
        }
    };
    if let Some(counters) = &link.statistics {
        let sums = Sums::of(counters);
        let (received, sent) = (counters.rx_bytes(), counters.tx_bytes());
        let _ = writeln!(
            text,
            "        RX packets {}  bytes {received} ({})\n        \
             RX errors {}  dropped {}  overruns {}  frame {}\n        \
             TX packets {}  bytes {sent} ({})\n        \
             TX errors {}  dropped {} overruns {}  carrier {}  collisions {}",
            counters.rx_packets(),
            human(received),
            counters.rx_errors(),
            sums.receive_dropped,
            counters.rx_fifo_errors(),
            sums.receive_frame,
            counters.tx_packets(),
            human(sent),
            counters.tx_errors(),
            counters.tx_dropped(),
            counters.tx_fifo_errors(),
            sums.send_carrier,
            counters.collisions(),
        );
    }
    text
}

/// The listing of `-s`.
#[must_use]
pub fn short(links: &[Link]) -> String {
    let mut text = String::from(
        "Iface      MTU    RX-OK RX-ERR RX-DRP RX-OVR    TX-OK TX-ERR TX-DRP TX-OVR Flg\n",
    );
    for link in links {
        let empty = Statistics::from_wide(&[], None);
        let counters = link.statistics.as_ref().unwrap_or(&empty);
        let _ = write!(
            text,
            "{:<16}{:5} {:8} {:6} {:6} {:<6} {:8} {:6} {:6} {:6} ",
            link.name,
            link.mtu.unwrap_or(0),
            counters.rx_packets(),
            counters.rx_errors(),
            Sums::of(counters).receive_dropped,
            counters.rx_fifo_errors(),
            counters.tx_packets(),
            counters.tx_errors(),
            counters.tx_dropped(),
            counters.tx_fifo_errors(),
        );
        let mut letters: Vec<&str> =
            FLAGS.iter().filter(|(bit, ..)| link.flags & bit != 0).map(|entry| entry.2).collect();
        letters.sort_unstable();
        let running = link.flags & flag::IFF_RUNNING as u32 != 0;
        let up = link.flags & flag::IFF_UP as u32 != 0;
        let _ = writeln!(
            text,
            "{}{}{}",
            letters.concat(),
            if running { "R" } else { "" },
            if up { "U" } else { "" }
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use alloc::string::String;
    use alloc::vec::Vec;

    use super::super::example;
    use super::{human, short, text};
    use crate::ip::address::Address;
    use crate::ip::link::Link;
    use crate::ip::statistics::Statistics;
    use crate::netlink::Request;
    use crate::prefix::octets;

    fn address(text: &str, length: u8, scope: u8) -> Address {
        let mut message = Request::new(20, 0, &[10, length, 0x80, scope, 2, 0, 0, 0]);
        message.attribute(1, &octets(text.parse().unwrap()));
        Address::parse(message.payload()).unwrap()
    }

    #[test]
    fn units() {
        for (count, expected) in [
            (0, "0.0 B"),
            (1023, "1023.0 B"),
            (1024, "1.0 KiB"),
            (2896, "2.8 KiB"),
            (433_361_901, "413.2 MiB"),
            (u64::MAX, "15.9 EiB"),
        ] {
            assert_eq!(human(count), expected, "{count}");
        }
    }

    #[test]
    fn a_paragraph() {
        let counters: Vec<u8> =
            [5, 6, 2896, 700].into_iter().flat_map(|count: u64| count.to_ne_bytes()).collect();
        let link = Link { statistics: Some(Statistics::from_wide(&counters, None)), ..example() };
        let addresses = [address("fec0::1", 64, 200), address("fe80::1", 64, 253)];
        let expected: String = [
            "usb0: flags=4163<UP,BROADCAST,RUNNING,MULTICAST>  mtu 1500\n",
            "        inet6 fec0::1  prefixlen 64  scopeid 0x40<site>\n",
            "        inet6 fe80::1  prefixlen 64  scopeid 0x20<link>\n",
            "        ether 40:54:00:12:34:56  txqueuelen 1000  (Ethernet)\n",
            "        RX packets 5  bytes 2896 (2.8 KiB)\n",
            "        RX errors 0  dropped 0  overruns 0  frame 0\n",
            "        TX packets 6  bytes 700 (700.0 B)\n",
            "        TX errors 0  dropped 0 overruns 0  carrier 0  collisions 0\n",
        ]
        .concat();
        assert_eq!(text(&link, &addresses.iter().collect::<Vec<_>>()), expected);
        let listing = "usb0             1500        5      0      0 0             6      0      0      0 BMRU";
        assert_eq!(short(&[link]).lines().nth(1), Some(listing));
    }

    #[test]
    fn without_flags_or_counters() {
        let link = Link { flags: 0, kind: 65534, address: None, queue_length: None, ..example() };
        assert_eq!(
            text(&link, &[]),
            "usb0: flags=0<>  mtu 1500\n        unspec  txqueuelen 0  (UNSPEC)\n"
        );
    }
}
