//! Counts of ICMPv6 messages by type (RFC 2466; the names are those of Linux).

use core::ops::AddAssign;

/// Counts of ICMPv6 messages, of one interface or of all.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Icmpv6Counters {
    /// Count of received messages that were broken.
    pub in_errors: u64,
    /// Count of messages that could not be sent.
    pub out_errors: u64,
    /// Count of received messages with a wrong checksum.
    pub in_checksum_errors: u64,
    /// Count of errors not sent because of the rate limit (RFC 4443, Section 2.4(f)).
    pub out_rate_limit_host: u64,
    in_types: [u32; 256],
    out_types: [u32; 256],
}

impl Default for Icmpv6Counters {
    fn default() -> Self {
        Self::new()
    }
}

impl Icmpv6Counters {
    /// Nothing counted.
    pub const fn new() -> Self {
        Self {
            in_errors: 0,
            out_errors: 0,
            in_checksum_errors: 0,
            out_rate_limit_host: 0,
            in_types: [0; 256],
            out_types: [0; 256],
        }
    }
}

/// Message types that have a name in `/proc/net/snmp6`, without `Icmp6In` or `Icmp6Out`.
const NAMED: [(u8, &str, &str); 14] = [
    (1, "Icmp6InDestUnreachs", "Icmp6OutDestUnreachs"),
    (2, "Icmp6InPktTooBigs", "Icmp6OutPktTooBigs"),
    (3, "Icmp6InTimeExcds", "Icmp6OutTimeExcds"),
    (4, "Icmp6InParmProblems", "Icmp6OutParmProblems"),
    (128, "Icmp6InEchos", "Icmp6OutEchos"),
    (129, "Icmp6InEchoReplies", "Icmp6OutEchoReplies"),
    (130, "Icmp6InGroupMembQueries", "Icmp6OutGroupMembQueries"),
    (131, "Icmp6InGroupMembResponses", "Icmp6OutGroupMembResponses"),
    (132, "Icmp6InGroupMembReductions", "Icmp6OutGroupMembReductions"),
    (133, "Icmp6InRouterSolicits", "Icmp6OutRouterSolicits"),
    (134, "Icmp6InRouterAdvertisements", "Icmp6OutRouterAdvertisements"),
    (135, "Icmp6InNeighborSolicits", "Icmp6OutNeighborSolicits"),
    (136, "Icmp6InNeighborAdvertisements", "Icmp6OutNeighborAdvertisements"),
    (137, "Icmp6InRedirects", "Icmp6OutRedirects"),
];

/// Version 2 Multicast Listener Report, which Linux lists behind the others.
const MLDV2_REPORT: u8 = 143;

impl Icmpv6Counters {
    pub(crate) fn count_in(&mut self, message_type: u8) {
        let count = &mut self.in_types[usize::from(message_type)];
        *count = count.wrapping_add(1);
    }

    pub(crate) fn count_out(&mut self, message_type: u8) {
        let count = &mut self.out_types[usize::from(message_type)];
        *count = count.wrapping_add(1);
    }

    /// Count of received messages of one type.
    pub fn received(&self, message_type: u8) -> u64 {
        self.in_types[usize::from(message_type)].into()
    }

    /// Count of sent messages of one type.
    pub fn sent(&self, message_type: u8) -> u64 {
        self.out_types[usize::from(message_type)].into()
    }

    /// Count of all received messages.
    pub fn in_messages(&self) -> u64 {
        self.in_types.iter().copied().map(u64::from).sum::<u64>() + self.in_checksum_errors
    }

    /// Count of all sent messages.
    pub fn out_messages(&self) -> u64 {
        self.out_types.iter().copied().map(u64::from).sum()
    }

    /// Name and value of each, in the order in which Linux prints them (without the `InType` and
    /// `OutType` lines, see [`Self::iter_types`]).
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        let head = [
            ("Icmp6InMsgs", self.in_messages()),
            ("Icmp6InErrors", self.in_errors),
            ("Icmp6OutMsgs", self.out_messages()),
            ("Icmp6OutErrors", self.out_errors),
            ("Icmp6InCsumErrors", self.in_checksum_errors),
            ("Icmp6OutRateLimitHost", self.out_rate_limit_host),
        ];
        let named_in = NAMED.iter().map(|&(number, name, _)| (name, self.received(number)));
        let named_out = NAMED.iter().map(|&(number, _, name)| (name, self.sent(number)));
        head.into_iter()
            .chain(named_in)
            .chain([("Icmp6InMLDv2Reports", self.received(MLDV2_REPORT))])
            .chain(named_out)
            .chain([("Icmp6OutMLDv2Reports", self.sent(MLDV2_REPORT))])
    }

    /// Received and sent counts of every message type that occurred: what Linux prints as
    /// `Icmp6InType134` and `Icmp6OutType133`.
    pub fn iter_types(&self) -> impl Iterator<Item = (u8, u64, u64)> + '_ {
        (0..=u8::MAX)
            .map(|number| (number, self.received(number), self.sent(number)))
            .filter(|&(_, received, sent)| received != 0 || sent != 0)
    }
}

impl AddAssign<&Self> for Icmpv6Counters {
    fn add_assign(&mut self, other: &Self) {
        let Self {
            in_errors,
            out_errors,
            in_checksum_errors,
            out_rate_limit_host,
            in_types,
            out_types,
        } = other;
        self.in_errors += in_errors;
        self.out_errors += out_errors;
        self.in_checksum_errors += in_checksum_errors;
        self.out_rate_limit_host += out_rate_limit_host;
        for (sum, count) in self.in_types.iter_mut().zip(in_types) {
            *sum = sum.wrapping_add(*count);
        }
        for (sum, count) in self.out_types.iter_mut().zip(out_types) {
            *sum = sum.wrapping_add(*count);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_counted_apart_and_summed() {
        let mut counters = Icmpv6Counters::default();
        counters.count_in(134);
        counters.count_in(134);
        counters.count_in(200);
        counters.count_out(133);
        let named: Vec<_> = counters.iter().filter(|&(_, value)| value != 0).collect();
        assert_eq!(
            named,
            [
                ("Icmp6InMsgs", 3),
                ("Icmp6OutMsgs", 1),
                ("Icmp6InRouterAdvertisements", 2),
                ("Icmp6OutRouterSolicits", 1),
            ]
        );
        assert_eq!(
            counters.iter_types().collect::<Vec<_>>(),
            [(133, 0, 1), (134, 2, 0), (200, 1, 0)]
        );
    }
}
