//! Interfaces and what their routers said: the flags in IFLA_INET6_FLAGS.

use alloc::string::{String, ToString};
use core::mem::{offset_of, size_of};

use linux_raw_sys::net::AF_INET6;
use linux_raw_sys::netlink::{
    IFLA_AF_SPEC, IFLA_IFNAME, IFLA_INET6_FLAGS, IFLA_PROTINFO, ifinfomsg,
};
use net_tools::ip::link::LOOPBACK;
use net_tools::netlink::{Attribute, Attributes, field};

// Linux's headers for programs do not name them (include/net/if_inet6.h).
/// A Router Advertisement came.
const IF_RA_RCVD: u32 = 0x20;
/// Its M flag: addresses by DHCPv6.
const IF_RA_MANAGED: u32 = 0x40;
/// Its O flag: other configuration by DHCPv6.
const IF_RA_OTHERCONF: u32 = 0x80;

/// What a DHCPv6 client is to do on an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// Nothing: no router asks for it.
    Nothing,
    /// Information only.
    Information,
    /// Addresses, and information with them.
    Addresses,
}

/// What a message about a link says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Link {
    /// Its index.
    pub(super) index: u32,
    /// Its name.
    pub(super) name: String,
    /// A router has advertised something.
    pub(super) advertised: bool,
    /// What routers ask for; `None` when the message does not speak of IPv6.
    pub(super) wish: Option<Wish>,
}

impl Link {
    /// Reads RTM_NEWLINK or RTM_DELLINK: with IFLA_PROTINFO when it is about IPv6 alone, with
    /// IFLA_AF_SPEC when it is about all families. Loopback interfaces are no concern.
    pub(super) fn parse(payload: &[u8]) -> Option<Self> {
        let attributes = Attributes::after(payload, size_of::<ifinfomsg>());
        let flags = field::u32_at(payload, offset_of!(ifinfomsg, ifi_flags))?;
        if flags & LOOPBACK != 0 {
            return None;
        }
        let ipv6 = || {
            if let Some(own) = attributes.find(IFLA_PROTINFO as u32) {
                return own.nested().find(IFLA_INET6_FLAGS as u32);
            }
            let families = attributes.find(IFLA_AF_SPEC as u32)?.nested();
            families.find(AF_INET6)?.nested().find(IFLA_INET6_FLAGS as u32)
        };
        let told = ipv6().and_then(Attribute::u32);
        Some(Self {
            index: field::u32_at(payload, offset_of!(ifinfomsg, ifi_index))?,
            name: attributes.find(IFLA_IFNAME as u32)?.text()?.to_string(),
            advertised: told.is_some_and(|bits| bits & IF_RA_RCVD != 0),
            wish: told.map(|bits| match bits {
                bits if bits & IF_RA_MANAGED != 0 => Wish::Addresses,
                bits if bits & IF_RA_OTHERCONF != 0 => Wish::Information,
                _ => Wish::Nothing,
            }),
        })
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use linux_raw_sys::netlink::{IFLA_AF_SPEC, IFLA_IFNAME, IFLA_INET6_FLAGS, IFLA_PROTINFO};
    use net_tools::netlink::Request;

    use super::{Link, Wish};

    fn message(fill: impl FnOnce(&mut Request)) -> Vec<u8> {
        let mut fixed = [0; 16];
        fixed[4] = 2;
        let mut request = Request::new(16, 0, &fixed);
        request.text(IFLA_IFNAME as u32, "usb0");
        fill(&mut request);
        request.payload().to_vec()
    }

    /// Rows: RD-14
    #[test]
    fn flags_of_routers() {
        for (bits, advertised, wish) in [
            (0x8000_0010, false, Wish::Nothing),
            (0x20, true, Wish::Nothing),
            (0xa0, true, Wish::Information),
            (0x60, true, Wish::Addresses),
            (0xe0, true, Wish::Addresses),
        ] {
            let own = message(|request| {
                request.nested(IFLA_PROTINFO as u32, |inner| {
                    inner.u32(IFLA_INET6_FLAGS as u32, bits);
                });
            });
            let among_others = message(|request| {
                request.nested(IFLA_AF_SPEC as u32, |families| {
                    families.nested(10, |inner| {
                        inner.u32(IFLA_INET6_FLAGS as u32, bits);
                    });
                });
            });
            for payload in [own, among_others] {
                let link = Link::parse(&payload).unwrap();
                assert_eq!((link.index, link.name.as_str()), (2, "usb0"));
                assert_eq!((link.advertised, link.wish), (advertised, Some(wish)));
            }
        }
        assert_eq!(Link::parse(&message(|_| {})).unwrap().wish, None);
        let mut loopback = message(|_| {});
        loopback[8] = 8;
        assert_eq!(Link::parse(&loopback), None);
        assert_eq!(Link::parse(&[0; 15]), None);
    }
}
