//! Adapters that QEMU does not have, by USB redirection: NCM, EEM, the chips of the Raspberry Pi 3.

use system_tests::guest::Guest;
use system_tests::redirected::{Adapter, Redirected};
use usb_sim::lan::{Family, LanDevice, Partner};
use usb_sim::{EthernetDevice, ncm_configuration};

/// The neighbor: its link-local address is fe80::1, its station address 02:00:00:00:00:01.
const STATION: [u8; 6] = [2, 0, 0, 0, 0, 1];
const ADDRESS: [u8; 16] = [0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];

/// The one's complement sum of an ICMPv6 message and its pseudo-header (RFC 8200 section 8.1).
fn checksum(source: &[u8], destination: &[u8], message: &[u8]) -> u16 {
    let length = (message.len() as u32).to_be_bytes();
    let all = [source, destination, &length, &[0, 0, 0, 58], message].concat();
    let mut sum: u32 = all
        .chunks(2)
        .map(|pair| u32::from(pair[0]) << 8 | pair.get(1).map_or(0, |b| u32::from(*b)))
        .sum();
    while sum >> 16 != 0 {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

/// Answers neighbor solicitations for [`ADDRESS`] and echo requests to it.
fn neighbor(frame: &[u8]) -> Vec<Vec<u8>> {
    let (Some(header), Some(packet)) = (frame.get(..14), frame.get(14..)) else {
        return Vec::new();
    };
    let Some((ip, rest)) = packet.split_at_checked(40) else { return Vec::new() };
    let length = usize::from(u16::from_be_bytes([ip[4], ip[5]]));
    let Some(message) = rest.get(..length).filter(|_| ip[6] == 58) else { return Vec::new() };
    let mut reply = match message.first() {
        Some(135) if message.get(8..24) == Some(&ADDRESS[..]) && ip[8..24] != [0; 16] => {
            // Solicited, override, with the station address.
            let mut advertisement = vec![136, 0, 0, 0, 0x60, 0, 0, 0];
            advertisement.extend(ADDRESS);
            advertisement.extend([2, 1]);
            advertisement.extend(STATION);
            advertisement
        }
        Some(128) if ip[24..40] == ADDRESS => {
            let mut echo = message.to_vec();
            (echo[0], echo[2], echo[3]) = (129, 0, 0);
            echo
        }
        _ => return Vec::new(),
    };
    let sum = checksum(&ADDRESS, &ip[8..24], &reply);
    reply[2..4].copy_from_slice(&sum.to_be_bytes());
    let mut answer = [&header[6..12], &STATION, &[0x86, 0xdd]].concat();
    answer.extend([0x60, 0, 0, 0]);
    answer.extend((reply.len() as u16).to_be_bytes());
    answer.extend([58, 255]);
    answer.extend(ADDRESS);
    answer.extend(&ip[8..24]);
    answer.extend(reply);
    vec![answer]
}

/// Plugs a device in and has the guest ping the neighbor with packets small and large.
fn works<A: Adapter + 'static>(make: impl FnOnce() -> A + Send + 'static, protocol: &str) {
    let device = Redirected::new(make, neighbor);
    let mut guest = Guest::boot_to_shell(&[]);
    if !plug_in(&mut guest, &device, protocol) {
        return;
    }
    for size in ["56", "1452"] {
        let ping = guest.run(&format!("ping6 -c 5 -i 0.2 -s {size} fe80::1%usb0")).success();
        assert!(ping.contains("5 packets transmitted, 5 received, 0% packet loss"), "{ping}");
    }
    let flood = guest.run("ping6 -q -c 200 -i 0 fe80::1%usb0").success();
    assert!(flood.contains(", 0% packet loss"), "{flood}");
    power_off(&mut guest);
}

/// Plugs the device in and waits for its interface; returns whether this QEMU can do that at all.
fn plug_in<A: Adapter + 'static>(
    guest: &mut Guest,
    device: &Redirected<A>,
    protocol: &str,
) -> bool {
    let path = device.path();
    let answer = guest.monitor(&format!("chardev-add socket,id=redirected,path={path},server=off"));
    assert!(!answer.contains("Error"), "{answer}");
    let answer = guest.monitor("device_add usb-redir,chardev=redirected,id=adapter,port=1");
    if answer.contains("not a valid device model name") {
        eprintln!("skipped: this QEMU was built without usb-redir");
        return false;
    }
    assert!(!answer.contains("Error"), "{answer}");
    guest.expect("usb0");
    guest.run_until("ip addr show dev usb0", |text| {
        text.contains("inet6 fe80::") && !text.contains("tentative")
    });
    let tree = guest.run("lsusb -t").success();
    assert!(tree.contains(&format!("Driver={protocol}, 480M")), "{tree}");
    true
}

fn power_off(guest: &mut Guest) {
    guest.type_keys("poweroff\r");
    assert_eq!(guest.wait_for_exit().code(), Some(0), "QEMU's exit status");
}

/// A device descriptor of Linux' gadgets.
fn gadget(product: u8) -> Vec<u8> {
    vec![18, 1, 0, 2, 2, 0, 0, 64, 0x25, 0x05, product, 0xa4, 0, 1, 1, 2, 10, 1]
}

#[test]
fn ncm() {
    works(|| EthernetDevice::with_descriptors(gadget(0xa1), vec![ncm_configuration()]), "cdc-ncm");
}

#[test]
fn ncm_with_blocks_larger_than_a_buffer() {
    let make = || {
        let device = EthernetDevice::with_descriptors(gadget(0xa1), vec![ncm_configuration()]);
        device.state.borrow_mut().quirks.ntb.refuses_input_size = true;
        device
    };
    works(make, "cdc-ncm");
}

#[test]
fn eem() {
    let configuration = vec![
        9, 2, 32, 0, 1, 1, 0, 0xc0, 1, // configuration 1
        9, 4, 0, 0, 2, 2, 0x0c, 7, 0, // interface 0
        7, 5, 0x81, 2, 0, 2, 0, 7, 5, 1, 2, 0, 2, 0, // bulk, 512 bytes
    ];
    works(move || EthernetDevice::with_descriptors(gadget(0xa2), vec![configuration]), "cdc-eem");
}

#[test]
fn lan9514() {
    works(|| chip(Family::Lan95xx, Partner::HUNDRED), "smsc95xx");
}

#[test]
fn lan7515() {
    works(|| chip(Family::Lan78xx, Partner::THOUSAND), "lan78xx");
}

fn chip(family: Family, partner: Partner) -> LanDevice {
    let chip = LanDevice::new(family);
    chip.cable(Some(partner));
    chip
}

#[test]
fn carrier_and_speed_follow_the_cable() {
    let device = Redirected::new(|| chip(Family::Lan95xx, Partner::HUNDRED), neighbor);
    let mut guest = Guest::boot_to_shell(&[]);
    if !plug_in(&mut guest, &device, "smsc95xx") {
        return;
    }
    let directory = "/sys/class/net/usb0";
    let show = format!("cat {directory}/carrier {directory}/operstate {directory}/speed");
    guest.run_until(&show, |text| text == "1\nup\n100\n");
    device.run(|chip| chip.cable(None));
    guest.run_until(&show, |text| text == "0\ndown\n-1\n");
    let link = guest.run("ip link show dev usb0").success();
    assert!(link.contains("NO-CARRIER") && link.contains("state DOWN"), "{link}");
    device.run(|chip| chip.cable(Some(Partner::TEN_HALF)));
    guest.run_until(&show, |text| text == "1\nup\n10\n");
    let ping = guest.run("ping6 -c 3 fe80::1%usb0").success();
    assert!(ping.contains("3 received"), "{ping}");
    let received = guest.run(&format!("cat {directory}/statistics/rx_packets")).success();
    assert!(received.trim().parse::<u64>().is_ok_and(|count| count >= 3), "{received}");
    // Pulled while packets are on their way, and in again.
    guest.type_keys("ping6 fe80::1%usb0\r");
    guest.expect("icmp_seq=2 ");
    let answer = guest.monitor("device_del adapter");
    assert!(!answer.contains("Error"), "{answer}");
    guest.expect("usb0: removed");
    guest.type_keys("\x03");
    guest.expect("packets transmitted");
    power_off(&mut guest);
}
