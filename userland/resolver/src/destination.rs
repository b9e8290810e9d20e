//! In which order the addresses of a host are tried (RFC 6724 section 6).

use core::cmp::Reverse;
use core::net::{Ipv6Addr, SocketAddrV6};

/// A destination and how it would be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Where to.
    pub destination: SocketAddrV6,
    /// From which address; `None` when there is no way there.
    pub source: Option<Ipv6Addr>,
    /// That source is deprecated.
    pub deprecated: bool,
}

/// A row of the policy table (section 2.1).
struct Policy {
    prefix: Ipv6Addr,
    length: u32,
    precedence: u8,
    label: u8,
}

const fn policy(high: u128, length: u32, precedence: u8, label: u8) -> Policy {
    // The prefix is written without the zeros at its end.
    let prefix = if length == 0 { 0 } else { high << (128 - length) };
    Policy { prefix: Ipv6Addr::from_bits(prefix), length, precedence, label }
}

/// The default policy table, longer prefixes before those they lie in.
const POLICIES: [Policy; 9] = [
    policy(1, 128, 50, 0),
    policy(0xffff, 96, 35, 4),
    policy(0, 96, 1, 3),
    policy(0x2001_0000, 32, 5, 5),
    policy(0x2002, 16, 30, 2),
    policy(0x3ffe, 16, 1, 12),
    policy(0xfec0 >> 6, 10, 1, 11),
    policy(0xfc00 >> 9, 7, 3, 13),
    policy(0, 0, 40, 1),
];

/// Bits that two addresses have in common at their beginning.
fn common_bits(one: Ipv6Addr, other: Ipv6Addr) -> u32 {
    (one.to_bits() ^ other.to_bits()).leading_zeros()
}

/// Precedence and label of an address.
fn policy_of(address: Ipv6Addr) -> (u8, u8) {
    let matching = |policy: &&Policy| common_bits(address, policy.prefix) >= policy.length;
    POLICIES.iter().find(matching).map_or((0, 0), |policy| (policy.precedence, policy.label))
}

/// The scope of an address as the number that multicast addresses carry (section 3.1, RFC 4291
/// section 2.7): 2 link, 5 site, 14 global.
fn scope(address: Ipv6Addr) -> u8 {
    match address.segments() {
        [first, ..] if first >> 8 == 0xff => first as u8 & 0xf,
        [first, ..] if first & 0xffc0 == 0xfec0 => 5,
        _ if address.is_unicast_link_local() || address.is_loopback() => 2,
        // IPv4's own link-local and loopback addresses (section 3.2).
        [0, 0, 0, 0, 0, 0xffff, high, _] if high == 0xa9fe || high >> 8 == 127 => 2,
        _ => 14,
    }
}

/// What decides, the rules in their order; the greater one is tried first. Rules 4 and 7 (home
/// addresses, encapsulation) have no meaning on this host.
fn key(candidate: &Candidate) -> impl Ord + use<> {
    let destination = *candidate.destination.ip();
    let source = candidate.source.unwrap_or(Ipv6Addr::UNSPECIFIED);
    let (precedence, label) = policy_of(destination);
    (
        // 1: avoid what can't be reached.
        candidate.source.is_some(),
        // 2: prefer a source of the same scope.
        scope(destination) == scope(source),
        // 3: avoid deprecated sources.
        !candidate.deprecated,
        // 5: prefer a source with the same label.
        label == policy_of(source).1,
        // 6: prefer higher precedence.
        precedence,
        // 8: prefer smaller scope.
        Reverse(scope(destination)),
        // 9: prefer what has more in common with its source. Beyond the prefix of the link there
        // is nothing to be gained.
        common_bits(destination, source).min(64),
    )
}

/// Puts the best destination first; among equals the order stays (rule 10).
pub fn sort(candidates: &mut [Candidate]) {
    candidates.sort_by_key(|candidate| Reverse(key(candidate)));
}

#[cfg(test)]
mod tests {
    use alloc::string::{String, ToString};
    use alloc::vec::Vec;
    use core::net::SocketAddrV6;

    use super::{Candidate, sort};

    /// `DESTINATION<SOURCE`, `DESTINATION` without a way there, `!` behind a deprecated source.
    fn order(destinations: &[&str]) -> Vec<String> {
        let mut candidates: Vec<Candidate> = (destinations.iter())
            .map(|text| {
                let (destination, source) = text.split_once('<').unwrap_or((text, ""));
                let deprecated = source.ends_with('!');
                let source = source.trim_end_matches('!');
                Candidate {
                    destination: SocketAddrV6::new(destination.parse().unwrap(), 0, 0, 0),
                    source: (!source.is_empty()).then(|| source.parse().unwrap()),
                    deprecated,
                }
            })
            .collect();
        sort(&mut candidates);
        candidates.iter().map(|candidate| candidate.destination.ip().to_string()).collect()
    }

    /// Each pair stands in the right order; the other way round it comes out the same.
    fn check(better: &str, worse: &str) {
        let expected = order(&[better, worse]);
        assert_eq!(order(&[worse, better]), expected);
        assert!(better.starts_with(expected[0].as_str()), "{better} before {worse}");
    }

    /// Rows: SEL-8
    #[test]
    fn one_rule_after_the_other() {
        // 1, 2, 3.
        check("2001:db8:1::1<2001:db8:1::2", "2001:db8:2::1");
        check("fe80::1<fe80::2", "2001:db8:1::1<fe80::2");
        check("2001:db8:2::1<2001:db8:1::2", "2001:db8:1::1<2001:db8:1::2!");
        // 5: native to native before native to 6to4.
        check("2002:c633:6401::1<2002:c633:6401::2", "2001:db8:1::1<2002:c633:6401::2");
        // 6: 6to4 has the lower precedence; a unique local one a lower still.
        check("2001:db8:1::1<2001:db8:1::2", "2002:c633:6401::1<2002:c633:6401::2");
        check("2001:db8:1::1<2001:db8:1::2", "fc00::1<fc00::2");
        // 8: the smaller scope.
        check("fe80::1<fe80::2", "2001:db8:1::1<2001:db8:1::2");
        // 9: the longer common prefix.
        check("2001:db8:3ffe::1<2001:db8:3f44::2", "2001:db8:4001::1<2001:db8:3f44::2");
    }

    /// Rows: SEL-8
    #[test]
    fn equals_stay_in_order() {
        let both = ["2001:db8:1::1<2001:db8:9::2", "2001:db8:1::2<2001:db8:9::2"];
        assert_eq!(order(&both), ["2001:db8:1::1", "2001:db8:1::2"]);
        let turned = [both[1], both[0]];
        assert_eq!(order(&turned), ["2001:db8:1::2", "2001:db8:1::1"]);
        // Within the link's own prefix the identifier does not matter.
        let near = ["2001:db8:9::8<2001:db8:9::2", "2001:db8:9::3<2001:db8:9::2"];
        assert_eq!(order(&near), ["2001:db8:9::8", "2001:db8:9::3"]);
    }
}
