//! Which links there are, and which of their addresses are made known: from the kernel by netlink.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::mem::{offset_of, size_of};
use core::net::{IpAddr, Ipv6Addr};

use linux_raw_sys::netlink::{
    IFA_F_DADFAILED, IFA_F_DEPRECATED, IFA_F_OPTIMISTIC, IFA_F_TEMPORARY, IFA_F_TENTATIVE,
    RTM_GETADDR, RTM_GETLINK, ifaddrmsg, ifinfomsg,
};
use net_tools::ip::address::Address;
use net_tools::netlink::message::Request;
use net_tools::netlink::socket::Error;
use net_tools::netlink::{Record, RouteSocket, field};

/// Interface flags (netdevice(7)).
const IFF_UP: u32 = 0x1;
const IFF_LOOPBACK: u32 = 0x8;
const IFF_MULTICAST: u32 = 0x1000;

/// `AF_INET6`.
const INET6: u8 = 10;
/// `RT_SCOPE_LINK`.
const SCOPE_LINK: u8 = 253;

/// The addresses to be made known, by interface.
pub type Links = BTreeMap<u32, Vec<Ipv6Addr>>;

/// Asks the kernel.
pub fn ask(socket: &mut RouteSocket) -> Result<Links, Error> {
    let links = socket.dump(Request::new(RTM_GETLINK as u32, 0, &[0; size_of::<ifinfomsg>()]))?;
    let mut which = [0; size_of::<ifaddrmsg>()];
    field::put(&mut which, offset_of!(ifaddrmsg, ifa_family), &[INET6]);
    let addresses = socket.dump(Request::new(RTM_GETADDR as u32, 0, &which))?;
    Ok(usable(&links, &addresses))
}

/// Puts links and addresses together.
fn usable(links: &[Record], addresses: &[Record]) -> Links {
    let speaks = |record: &Record| {
        let index = field::u32_at(&record.payload, offset_of!(ifinfomsg, ifi_index))?;
        let flags = field::u32_at(&record.payload, offset_of!(ifinfomsg, ifi_flags))?;
        let wanted = IFF_UP | IFF_MULTICAST;
        (flags & (wanted | IFF_LOOPBACK) == wanted).then_some(index)
    };
    let mut found: Links =
        links.iter().filter_map(speaks).map(|index| (index, Vec::new())).collect();
    // Without a link-local address nothing can be sent to the group.
    let mut speaking = Vec::new();
    for address in addresses.iter().filter_map(|record| Address::parse(&record.payload)) {
        let IpAddr::V6(local) = address.local else { continue };
        let unusable = IFA_F_TENTATIVE | IFA_F_DADFAILED;
        // An optimistic address may be used, but is not to be told to others (RFC 4429 section 3.1).
        if address.flags & (unusable | IFA_F_OPTIMISTIC) != 0 {
            continue;
        }
        if address.scope == SCOPE_LINK {
            speaking.push(address.index);
        }
        // A temporary address is there so that the host is not known by it (RFC 8981); a deprecated
        // one will be gone.
        if address.flags & (IFA_F_TEMPORARY | IFA_F_DEPRECATED) == 0
            && let Some(known) = found.get_mut(&address.index)
        {
            known.push(local);
        }
    }
    found.retain(|index, known| speaking.contains(index) && !known.is_empty());
    found
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;
    use core::net::Ipv6Addr;

    use net_tools::netlink::Record;

    use super::usable;

    /// `struct ifinfomsg`.
    fn link(index: u32, flags: u32) -> Record {
        let mut payload = Vec::from([0; 4]);
        payload.extend(index.to_ne_bytes());
        payload.extend(flags.to_ne_bytes());
        payload.extend([0; 4]);
        Record { kind: 16, payload }
    }

    /// `struct ifaddrmsg` and IFA_ADDRESS.
    fn address(index: u32, scope: u8, flags: u8, address: &str) -> Record {
        let mut payload = Vec::from([10, 64, flags, scope]);
        payload.extend(index.to_ne_bytes());
        payload.extend(20u16.to_ne_bytes());
        payload.extend(1u16.to_ne_bytes());
        payload.extend(address.parse::<Ipv6Addr>().unwrap().octets());
        Record { kind: 20, payload }
    }

    #[test]
    fn what_is_made_known() {
        let links = [link(1, 0x49), link(2, 0x1043), link(3, 0x1002), link(4, 0x1043)];
        let addresses = [
            address(1, 254, 0x80, "::1"),
            address(2, 253, 0x80, "fe80::1"),
            address(2, 0, 0, "2001:db8::1"),
            // Tentative, deprecated, temporary, optimistic.
            address(2, 0, 0x40, "2001:db8::2"),
            address(2, 0, 0x20, "2001:db8::3"),
            address(2, 0, 0x01, "2001:db8::4"),
            address(2, 0, 0x04, "2001:db8::5"),
            // The interface is down, has no link-local address, or is not there.
            address(3, 253, 0x80, "fe80::3"),
            address(4, 0, 0, "2001:db8:4::1"),
            address(9, 253, 0x80, "fe80::9"),
        ];
        let found = usable(&links, &addresses);
        let expected: [Ipv6Addr; 2] = ["fe80::1".parse().unwrap(), "2001:db8::1".parse().unwrap()];
        assert_eq!(found.into_iter().collect::<Vec<_>>(), [(2, Vec::from(expected))]);
    }
}
