//! RTM_NEWNDUSEROPT: options of Router Advertisements as they came, for programs that configure
//! what the kernel does not (name servers, RFC 8106).

use super::message::{Builder, Header};
use crate::net::Buffer;
use ::net::RouterOption;
use alloc::vec::Vec;
use linux_raw_sys::net::AF_INET6;
use linux_raw_sys::netlink::{NDUSEROPT_SRCADDR, RTM_NEWNDUSEROPT};

/// The ICMPv6 type of a Router Advertisement, its code behind it (RFC 4861, Section 4.2).
const ROUTER_ADVERTISEMENT: [u8; 2] = [134, 0];

/// The message: `nduseroptmsg`, the option, and the router's address.
pub(super) fn emit(option: &RouterOption<Buffer>, header: Header) -> Vec<u8> {
    emit_octets(option.octets(), option.interface.get(), option.router, header)
}

fn emit_octets(
    octets: &[u8],
    interface: u32,
    router: core::net::Ipv6Addr,
    header: Header,
) -> Vec<u8> {
    let header = Header { kind: RTM_NEWNDUSEROPT as u16, ..header };
    let mut builder = Builder::new(header)
        .body(&[AF_INET6 as u8, 0])
        .body(&(octets.len() as u16).to_ne_bytes())
        .body(&interface.to_ne_bytes())
        .body(&ROUTER_ADVERTISEMENT)
        .body(&[0; 6])
        .body(octets);
    builder.attribute(NDUSEROPT_SRCADDR as u32, &router.octets());
    builder.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::netlink::message::{Attributes, Messages, read_u16, read_u32};

    /// Rows: RD-16
    #[test]
    fn the_option_stands_between_the_body_and_the_router() {
        let mut option = [0x11; 24];
        option[..2].copy_from_slice(&[25, 3]);
        let router = core::net::Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);
        let header = Header { kind: 0, flags: 0, sequence: 0, port: 0 };
        let bytes = emit_octets(&option, 7, router, header);
        let message = Messages::new(&bytes).next().unwrap();
        assert_eq!(message.header.kind, 68);
        assert_eq!(message.payload[0], 10);
        assert_eq!(read_u16(message.payload, 2), Some(24));
        assert_eq!(read_u32(message.payload, 4), Some(7));
        assert_eq!(message.payload[8..10], [134, 0]);
        assert_eq!(message.payload[16..40], option);
        let attributes = Attributes::after(message.payload, 40);
        assert_eq!(attributes.get(1), Some(&router.octets()[..]));
    }
}
