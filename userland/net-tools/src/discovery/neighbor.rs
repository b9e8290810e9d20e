//! The question of `ndisc6`: which link-layer address has this neighbor (RFC 4861 sections 4.3 and
//! 4.4)?

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::Ipv6Addr;

use super::Question;
use crate::tcpdump::octets::Octets;

const NEIGHBOR_SOLICITATION: u8 = 135;
const NEIGHBOR_ADVERTISEMENT: u8 = 136;
/// Source and Target Link-Layer Address options (RFC 4861 section 4.6.1).
const SOURCE_LINK_ADDRESS: u8 = 1;
const TARGET_LINK_ADDRESS: u8 = 2;
/// The length of a solicitation and an advertisement without options.
const LENGTH: usize = 24;

/// A Source Link-Layer Address option; empty for a link without such addresses.
#[must_use]
pub fn source_option(link_address: Option<&[u8]>) -> Vec<u8> {
    let mut option = Vec::new();
    // Zeros stand for the address that a loopback interface does not have.
    if let Some(address) = link_address.filter(|address| address.iter().any(|octet| *octet != 0)) {
        let units = (2 + address.len()).div_ceil(8);
        option.extend([SOURCE_LINK_ADDRESS, units as u8]);
        option.extend(address);
        option.resize(units * 8, 0);
    }
    option
}

/// The options of a Neighbor Discovery message (RFC 4861 section 4.6); stops at one that is longer
/// than what is left, or has no length.
pub fn options(mut rest: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    core::iter::from_fn(move || {
        let (&kind, &units) = (rest.first()?, rest.get(1)?);
        let (option, after) = rest.split_at_checked(usize::from(units) * 8)?;
        rest = after;
        (units != 0).then_some((kind, option))
    })
}

/// A link-layer address as the program writes it, `52:54:00:12:34:57`, from an option of a link
/// with addresses of 6 octets.
#[must_use]
pub fn link_address_text(option: &[u8]) -> Option<String> {
    let octets: Vec<String> =
        option.get(2..8)?.iter().map(|octet| format!("{octet:02X}")).collect();
    Some(octets.join(":"))
}

/// Looks for the link-layer address of `target`.
#[derive(Clone, Copy, Debug)]
pub struct Neighbor {
    /// Whom to ask for.
    pub target: Ipv6Addr,
}

impl Question for Neighbor {
    /// The solicited-node group (RFC 4291 section 2.7.1).
    fn destination(&self) -> Ipv6Addr {
        let [.., high, middle, low] = self.target.octets();
        let mut group = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff00, 0).octets();
        group[13..].copy_from_slice(&[high, middle, low]);
        group.into()
    }

    fn solicitation(&self, link_address: Option<&[u8]>) -> Vec<u8> {
        let mut message = Vec::from([NEIGHBOR_SOLICITATION, 0, 0, 0, 0, 0, 0, 0]);
        message.extend(self.target.octets());
        message.extend(source_option(link_address));
        message
    }

    fn answer(&self) -> u8 {
        NEIGHBOR_ADVERTISEMENT
    }

    fn describe(&self, message: &[u8], quiet: bool) -> Option<String> {
        let octets = Octets::new(message, "icmp6");
        let ours = octets.u8(0) == Ok(NEIGHBOR_ADVERTISEMENT)
            && octets.u8(1) == Ok(0)
            && octets.address(8) == Ok(self.target);
        let (_, option) =
            options(octets.rest(LENGTH)).find(|(kind, _)| ours && *kind == TARGET_LINK_ADDRESS)?;
        let address = link_address_text(option)?;
        let label = if quiet { "" } else { "Target link-layer address: " };
        Some(format!("{label}{address}\n"))
    }
}

#[cfg(test)]
mod tests {
    use super::{Neighbor, Question, source_option};

    const TARGET: &str = "2001:db8:1::aabb:ccdd";

    fn question() -> Neighbor {
        Neighbor { target: TARGET.parse().unwrap() }
    }

    #[test]
    fn the_question() {
        let question = question();
        assert_eq!(
            question.destination(),
            "ff02::1:ffbb:ccdd".parse::<core::net::Ipv6Addr>().unwrap()
        );
        let message = question.solicitation(Some(&[0x52, 0x54, 0, 1, 2, 3]));
        assert_eq!(message.len(), 32);
        assert_eq!(message[..8], [135, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(message[24..], [1, 1, 0x52, 0x54, 0, 1, 2, 3]);
        assert_eq!(question.solicitation(None).len(), 24);
        assert!(source_option(Some(&[0; 6])).is_empty(), "a loopback interface");
        // Infiniband has 20 octets, which take three units.
        assert_eq!(source_option(Some(&[1; 20])).len(), 24);
    }

    #[test]
    fn the_answer() {
        let question = question();
        let mut message = alloc::vec::Vec::from([136, 0, 0, 0, 0x60, 0, 0, 0]);
        message.extend(question.target.octets());
        assert_eq!(question.describe(&message, false), None, "no address in it");
        message.extend([99, 1, 0, 0, 0, 0, 0, 0, 2, 1, 0x52, 0x54, 0, 0x12, 0x34, 0x57]);
        let text = question.describe(&message, false).unwrap();
        assert_eq!(text, "Target link-layer address: 52:54:00:12:34:57\n");
        assert_eq!(question.describe(&message, true).unwrap(), "52:54:00:12:34:57\n");
        for end in 0..message.len() {
            assert_eq!(question.describe(&message[..end], false), None, "{end}");
        }
        let other = Neighbor { target: "2001:db8:1::1".parse().unwrap() };
        assert_eq!(other.describe(&message, false), None);
        message[25] = 0;
        assert_eq!(question.describe(&message, false), None, "an option without length");
    }
}
