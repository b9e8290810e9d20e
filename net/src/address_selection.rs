//! Default address selection (RFC 6724): source selection and destination ordering. The policy table
//! is in [`crate::policy`].

use crate::address::{AddressExt, common_prefix_len};
use crate::interface::InterfaceIndex;
use crate::policy::PolicyTable;
use core::cmp::Ordering;
use core::net::Ipv6Addr;

/// Which addresses to prefer as a source, temporary ones or others (RFC 6724, Section 5, rule 7;
/// RFC 5014: IPV6_PREFER_SRC_TMP and IPV6_PREFER_SRC_PUBLIC).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum SourcePreference {
    /// Addresses that stay.
    #[default]
    Public,
    /// Temporary addresses (RFC 8981).
    Temporary,
}

/// What the choice of a source depends on besides the addresses.
#[derive(Clone, Copy, Debug)]
pub struct SourceRules<'a> {
    /// Labels.
    pub policies: &'a PolicyTable,
    /// The outgoing interface, which is the candidates'.
    pub interface: Option<InterfaceIndex>,
    /// For rule 7.
    pub preference: SourcePreference,
}

/// An address that could be the source of a packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Candidate {
    /// The address.
    pub address: Ipv6Addr,
    /// Length of its prefix on the link: longer matches with the destination do not count
    /// (RFC 6724, Section 2.2).
    pub prefix_length: u8,
    /// Its preferred lifetime is over.
    pub deprecated: bool,
    /// Its prefix was advertised by the router that the packet goes to.
    pub of_next_hop: bool,
    /// A temporary address (RFC 8981).
    pub temporary: bool,
}

/// Which of two candidates is the better source for a packet to `destination`; `Greater` means
/// `a` (RFC 6724, Section 5). All candidates are of the outgoing interface, so rule 5 does not
/// appear; neither does rule 4, there is no mobility here.
fn compare_sources(
    destination: Ipv6Addr,
    rules: &SourceRules<'_>,
    a: &Candidate,
    b: &Candidate,
) -> Ordering {
    let same_address = |candidate: &Candidate| candidate.address == destination;
    let label_of = |address| rules.policies.of(address, rules.interface).1;
    let same_label = |candidate: &Candidate| label_of(candidate.address) == label_of(destination);
    let preferred = |candidate: &Candidate| {
        candidate.temporary == (rules.preference == SourcePreference::Temporary)
    };
    let matching = |candidate: &Candidate| {
        common_prefix_len(candidate.address, destination).min(candidate.prefix_length)
    };
    // Rule 1: prefer same address.
    same_address(a)
        .cmp(&same_address(b))
        // Rule 2: prefer appropriate scope.
        .then_with(|| {
            let (scope_a, scope_b) = (a.address.scope(), b.address.scope());
            let wanted = destination.scope();
            match scope_a.cmp(&scope_b) {
                Ordering::Less if scope_a < wanted => Ordering::Less,
                Ordering::Less => Ordering::Greater,
                Ordering::Greater if scope_b < wanted => Ordering::Greater,
                Ordering::Greater => Ordering::Less,
                Ordering::Equal => Ordering::Equal,
            }
        })
        // Rule 3: avoid deprecated addresses.
        .then_with(|| b.deprecated.cmp(&a.deprecated))
        // Rule 5.5: prefer addresses in a prefix advertised by the next hop.
        .then_with(|| a.of_next_hop.cmp(&b.of_next_hop))
        // Rule 6: prefer matching label.
        .then_with(|| same_label(a).cmp(&same_label(b)))
        // Rule 7: prefer temporary addresses, or, as the user or the program likes it, others.
        .then_with(|| preferred(a).cmp(&preferred(b)))
        // Rule 8: use longest matching prefix.
        .then_with(|| matching(a).cmp(&matching(b)))
}

/// The best source for a packet to `destination`. Among equals the first one.
pub fn select_source(
    destination: Ipv6Addr,
    rules: &SourceRules<'_>,
    candidates: impl IntoIterator<Item = Candidate>,
) -> Option<Ipv6Addr> {
    candidates
        .into_iter()
        .reduce(|best, next| match compare_sources(destination, rules, &next, &best) {
            Ordering::Greater => next,
            Ordering::Less | Ordering::Equal => best,
        })
        .map(|best| best.address)
}

/// A destination with the source that would be used for it, if there is a route and a source.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DestinationCandidate {
    /// The destination.
    pub destination: Ipv6Addr,
    /// The source that [`select_source`] gives.
    pub source: Option<Candidate>,
}

/// Which of two destinations to try first (RFC 6724, Section 6); `Less` means `a`. A stable sort
/// with it keeps the order of equals (rule 10). Rules 4 and 7 (mobility, encapsulation) do not
/// appear.
pub fn compare_destinations(
    policies: &PolicyTable,
    a: &DestinationCandidate,
    b: &DestinationCandidate,
) -> Ordering {
    let policy_of = |address| policies.of(address, None);
    // Rule 1: avoid unusable destinations.
    let (source_a, source_b) = match (a.source, b.source) {
        (Some(source_a), Some(source_b)) => (source_a, source_b),
        (usable_a, usable_b) => return usable_b.is_some().cmp(&usable_a.is_some()),
    };
    let (precedence_a, label_a) = policy_of(a.destination);
    let (precedence_b, label_b) = policy_of(b.destination);
    let same_scope =
        |destination: Ipv6Addr, source: Candidate| destination.scope() == source.address.scope();
    let same_label = |label: u32, source: Candidate| policy_of(source.address).1 == label;
    let matching = |destination: Ipv6Addr, source: Candidate| {
        common_prefix_len(source.address, destination).min(source.prefix_length)
    };
    // Rule 2: prefer matching scope.
    same_scope(b.destination, source_b)
        .cmp(&same_scope(a.destination, source_a))
        // Rule 3: avoid deprecated addresses.
        .then_with(|| source_a.deprecated.cmp(&source_b.deprecated))
        // Rule 5: prefer matching label.
        .then_with(|| same_label(label_b, source_b).cmp(&same_label(label_a, source_a)))
        // Rule 6: prefer higher precedence.
        .then_with(|| precedence_b.cmp(&precedence_a))
        // Rule 8: prefer smaller scope.
        .then_with(|| a.destination.scope().cmp(&b.destination.scope()))
        // Rule 9: use longest matching prefix.
        .then_with(|| matching(b.destination, source_b).cmp(&matching(a.destination, source_a)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> Ipv6Addr {
        text.parse().unwrap()
    }

    fn candidate(text: &str) -> Candidate {
        Candidate {
            address: ip(text),
            prefix_length: 64,
            deprecated: false,
            of_next_hop: false,
            temporary: false,
        }
    }

    const TABLE: PolicyTable = PolicyTable::DEFAULT;

    const fn rules(preference: SourcePreference) -> SourceRules<'static> {
        SourceRules { policies: &TABLE, interface: None, preference }
    }

    fn select(destination: &str, candidates: &[Candidate]) -> Ipv6Addr {
        select_by(SourcePreference::Temporary, destination, candidates)
    }

    fn select_by(
        preference: SourcePreference,
        destination: &str,
        candidates: &[Candidate],
    ) -> Ipv6Addr {
        let rules = rules(preference);
        let forward = select_source(ip(destination), &rules, candidates.iter().copied());
        let backward = select_source(ip(destination), &rules, candidates.iter().rev().copied());
        assert_eq!(forward, backward, "the order must not decide");
        forward.unwrap()
    }

    /// Rows: SEL-1, SEL-2
    /// The examples of RFC 6724, Section 10.1, that concern IPv6 alone.
    #[test]
    fn examples_of_the_rfc() {
        for (destination, sources, expected) in [
            ("2001:db8:1::1", ["2001:db8:3::1", "fe80::1"], "2001:db8:3::1"),
            ("ff05::1", ["2001:db8:3::1", "fe80::1"], "2001:db8:3::1"),
            ("fe80::1", ["fe80::2", "2001:db8:1::1"], "fe80::2"),
            ("2001:db8:1::1", ["2001:db8:1::2", "2001:db8:3::2"], "2001:db8:1::2"),
            (
                "2002:c633:6401::1",
                ["2002:c633:6401::d5e3", "2001:db8:1::2"],
                "2002:c633:6401::d5e3",
            ),
        ] {
            assert_eq!(select(destination, &sources.map(candidate)), ip(expected), "{destination}");
        }
    }

    /// Rows: SEL-2
    #[test]
    fn one_scenario_per_rule() {
        // Rule 1.
        let sources = ["2001:db8::1", "2001:db8::2"].map(candidate);
        assert_eq!(select("2001:db8::2", &sources), ip("2001:db8::2"));
        // Rule 2: site-local serves slirp's network, link-local would not leave the link.
        let sources = ["fe80::1", "fec0::5054"].map(candidate);
        assert_eq!(select("fec0::2", &sources), ip("fec0::5054"));
        assert_eq!(select("fe80::2", &sources), ip("fe80::1"));
        assert_eq!(select("ff02::1", &sources), ip("fe80::1"));
        // Rule 3.
        let deprecated = Candidate { deprecated: true, ..candidate("2001:db8:1::1") };
        let sources = [deprecated, candidate("2001:db8:2::1")];
        assert_eq!(select("2001:db8:1::9", &sources), ip("2001:db8:2::1"));
        // Rule 5.5.
        let of_next_hop = Candidate { of_next_hop: true, ..candidate("2001:db8:2::1") };
        let sources = [candidate("2001:db8:1::1"), of_next_hop];
        assert_eq!(select("2001:db8:1::9", &sources), ip("2001:db8:2::1"));
        // Rule 6.
        let sources = ["fd00::1", "2001:db8::1"].map(candidate);
        assert_eq!(select("fd99::1", &sources), ip("fd00::1"));
        assert_eq!(select("2600::1", &sources), ip("2001:db8::1"));
        // Rule 7.
        let temporary = Candidate { temporary: true, ..candidate("2001:db8:2::1") };
        let sources = [candidate("2001:db8:1::1"), temporary];
        assert_eq!(select("2001:db8:1::9", &sources), ip("2001:db8:2::1"));
        let public = select_by(SourcePreference::Public, "2001:db8:2::9", &sources);
        assert_eq!(public, ip("2001:db8:1::1"));
        // Rule 8, bounded by the prefix length.
        let sources = ["2001:db8:1::1", "2001:db8:2::1"].map(candidate);
        assert_eq!(select("2001:db8:2::9", &sources), ip("2001:db8:2::1"));
        let sources = ["2001:db8::9:1", "2001:db8::8:1"].map(candidate);
        let rules = rules(SourcePreference::Public);
        let first = select_source(ip("2001:db8::8:2"), &rules, sources);
        assert_eq!(first, Some(ip("2001:db8::9:1")), "beyond the prefix nothing counts");
        assert_eq!(select_source(ip("::1"), &rules, []), None);
    }

    /// Rows: SEL-8
    #[test]
    fn destinations() {
        let pair = |destination: &str, source: Option<&str>| DestinationCandidate {
            destination: ip(destination),
            source: source.map(candidate),
        };
        for (better, worse) in [
            // Rule 1, 2, 5, 6, 8, 9.
            (pair("2001:db8::1", Some("fe80::1")), pair("2600::1", None)),
            (pair("2001:db8:1::1", Some("2001:db8:1::2")), pair("2600::1", Some("fe80::1"))),
            (pair("fd00::1", Some("fd00::2")), pair("2600::1", Some("fd00::2"))),
            (pair("2600::1", Some("2001:db8::2")), pair("fd00::1", Some("fd00::2"))),
            (pair("fe80::1", Some("fe80::2")), pair("2001:db8:1::1", Some("2001:db8:1::2"))),
            (pair("2001:db8:1::1", Some("2001:db8:1::2")), pair("2600::1", Some("2001:db8:1::2"))),
        ] {
            assert_eq!(compare_destinations(&TABLE, &better, &worse), Ordering::Less, "{better:?}");
            assert_eq!(
                compare_destinations(&TABLE, &worse, &better),
                Ordering::Greater,
                "{better:?}"
            );
        }
    }
}
