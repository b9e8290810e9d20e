//! Multicast Listener Discovery (RFC 3810, Section 5; RFC 2710, Section 3).

use super::Frame;
use super::icmpv6::kind;
use std::net::Ipv6Addr;

/// A Multicast Address Record of a version 2 report.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Record {
    /// Record Type: 1 and 2 are what is, 3 and 4 what has become, 5 and 6 sources.
    pub kind: u8,
    /// The group.
    pub group: Ipv6Addr,
    /// The sources.
    pub sources: Vec<Ipv6Addr>,
}

/// The Router Alert option with the value for MLD (RFC 2711).
const ROUTER_ALERT: &[u8] = &[5, 2, 0, 0];

impl Frame {
    fn listener(self, kind: u8, body: &[u8]) -> Self {
        self.hop_limit(1).hop_by_hop(&[ROUTER_ALERT]).icmpv6(kind, 0, body)
    }

    /// A query of version 1 for `group`, or for all when that is `::`.
    #[must_use]
    pub fn listener_query_v1(self, group: Ipv6Addr, response_delay: u16) -> Self {
        let body = [&response_delay.to_be_bytes()[..], &[0; 2], &group.octets()].concat();
        self.listener(kind::LISTENER_QUERY, &body)
    }

    /// A query of version 2 for `group` and `sources`.
    #[must_use]
    pub fn listener_query_v2(
        self,
        group: Ipv6Addr,
        response_code: u16,
        sources: &[Ipv6Addr],
    ) -> Self {
        let mut body = [&response_code.to_be_bytes()[..], &[0; 2], &group.octets()].concat();
        // Robustness 2, query interval 125 s.
        body.extend([2, 125]);
        body.extend((sources.len() as u16).to_be_bytes());
        for source in sources {
            body.extend(source.octets());
        }
        self.listener(kind::LISTENER_QUERY, &body)
    }

    /// A report of version 1.
    #[must_use]
    pub fn listener_report_v1(self, group: Ipv6Addr) -> Self {
        let body = [&[0; 4][..], &group.octets()].concat();
        self.listener(kind::LISTENER_REPORT_V1, &body)
    }
}
