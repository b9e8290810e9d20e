//! Everything that is counted.
//!
//! The names are those of `/proc/net/snmp6` on Linux where Linux has one (RFC 4293 and RFC 2466
//! give most of them); the reasons for drops are our own and complete: a packet that disappears
//! is counted in exactly one [`DropReason`].

mod drop_reason;
mod icmpv6;

pub use drop_reason::{DropCounters, DropReason, TableFull, TableFullCounters};
pub use icmpv6::Icmpv6Counters;

use crate::netif::LinkDrop;
use core::ops::AddAssign;

/// Makes a struct of `u64` counters with their Linux names.
macro_rules! counters {
    ($(#[$meta:meta])* $type:ident { $($(#[$field_meta:meta])* $field:ident = $name:literal,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
        pub struct $type {
            $($(#[$field_meta])* pub $field: u64,)*
        }

        impl $type {
            /// Nothing counted.
            pub const fn new() -> Self {
                Self { $($field: 0,)* }
            }

            /// Name and value of each, in the order in which Linux prints them.
            pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> + use<> {
                [$(($name, self.$field)),*].into_iter()
            }
        }

        impl AddAssign<&Self> for $type {
            fn add_assign(&mut self, other: &Self) {
                $(self.$field += other.$field;)*
            }
        }
    };
}

counters! {
    /// Counts of IPv6 packets, of one interface or of all.
    Ipv6Counters {
        /// Count of packets received, broken ones included.
        in_receives = "Ip6InReceives",
        /// Count of packets with a bad header or bad extension headers.
        in_header_errors = "Ip6InHdrErrors",
        /// Count of packets too big to be forwarded; a host never counts here.
        in_too_big_errors = "Ip6InTooBigErrors",
        /// Count of packets to be forwarded without a route; a host never counts here.
        in_no_routes = "Ip6InNoRoutes",
        /// Count of packets whose source or destination address is not allowed here.
        in_address_errors = "Ip6InAddrErrors",
        /// Count of packets with a next header that nobody here understands.
        in_unknown_protocols = "Ip6InUnknownProtos",
        /// Count of packets shorter than their header says.
        in_truncated_packets = "Ip6InTruncatedPkts",
        /// Count of packets dropped for want of room.
        in_discards = "Ip6InDiscards",
        /// Count of packets handed to a transport.
        in_delivers = "Ip6InDelivers",
        /// Count of packets forwarded; a host never does.
        out_forwarded_datagrams = "Ip6OutForwDatagrams",
        /// Count of packets that the transports asked to send.
        out_requests = "Ip6OutRequests",
        /// Count of packets not sent for want of room or of a link.
        out_discards = "Ip6OutDiscards",
        /// Count of packets not sent for want of a route.
        out_no_routes = "Ip6OutNoRoutes",
        /// Count of reassemblies that timed out.
        reassembly_timeouts = "Ip6ReasmTimeout",
        /// Count of fragments received.
        reassembly_requests = "Ip6ReasmReqds",
        /// Count of packets put together.
        reassembly_ok = "Ip6ReasmOKs",
        /// Count of failures to put packets together.
        reassembly_failures = "Ip6ReasmFails",
        /// Count of packets sent in fragments.
        fragmentation_ok = "Ip6FragOKs",
        /// Count of packets that should have been sent in fragments and could not.
        fragmentation_failures = "Ip6FragFails",
        /// Count of fragments made.
        fragments_created = "Ip6FragCreates",
        /// Count of multicast packets received.
        in_multicast_packets = "Ip6InMcastPkts",
        /// Count of multicast packets sent.
        out_multicast_packets = "Ip6OutMcastPkts",
        /// Count of octets received, IPv6 headers included.
        in_octets = "Ip6InOctets",
        /// Count of octets sent, IPv6 headers included.
        out_octets = "Ip6OutOctets",
        /// Count of octets received in multicast packets.
        in_multicast_octets = "Ip6InMcastOctets",
        /// Count of octets sent in multicast packets.
        out_multicast_octets = "Ip6OutMcastOctets",
        /// Always 0: IPv6 has no broadcast. Linux prints it.
        in_broadcast_octets = "Ip6InBcastOctets",
        /// Always 0: IPv6 has no broadcast. Linux prints it.
        out_broadcast_octets = "Ip6OutBcastOctets",
        /// Count of received packets that are not ECN-capable (RFC 3168).
        in_not_ect_packets = "Ip6InNoECTPkts",
        /// Count of received packets marked ECT(1).
        in_ect1_packets = "Ip6InECT1Pkts",
        /// Count of received packets marked ECT(0).
        in_ect0_packets = "Ip6InECT0Pkts",
        /// Count of received packets marked "congestion experienced".
        in_ce_packets = "Ip6InCEPkts",
        /// Count of packets handed to a link, the node's own included.
        out_transmits = "Ip6OutTransmits",
    }
}

counters! {
    /// Counts of UDP datagrams.
    UdpCounters {
        /// Count of datagrams put into a socket's buffer.
        in_datagrams = "Udp6InDatagrams",
        /// Count of datagrams for a port nobody listens at.
        no_ports = "Udp6NoPorts",
        /// Count of datagrams dropped for another reason.
        in_errors = "Udp6InErrors",
        /// Count of datagrams sent.
        out_datagrams = "Udp6OutDatagrams",
        /// Count of datagrams dropped because the socket's buffer was full.
        receive_buffer_errors = "Udp6RcvbufErrors",
        /// Count of datagrams not sent because the way out was full.
        send_buffer_errors = "Udp6SndbufErrors",
        /// Count of datagrams with a wrong checksum.
        in_checksum_errors = "Udp6InCsumErrors",
        /// Count of multicast datagrams that no socket wanted.
        ignored_multicast = "Udp6IgnoredMulti",
        /// Count of datagrams dropped because the memory of all sockets was full.
        memory_errors = "Udp6MemErrors",
    }
}

counters! {
    /// Counts of TCP. The names are those of `/proc/net/snmp` and, from `ListenOverflows` on, of
    /// `/proc/net/netstat`.
    TcpCounters {
        /// Count of connections that this side began to open.
        active_opens = "TcpActiveOpens",
        /// Count of connections that the other side opened.
        passive_opens = "TcpPassiveOpens",
        /// Count of connections that failed to open.
        attempt_fails = "TcpAttemptFails",
        /// Count of open connections that were reset.
        established_resets = "TcpEstabResets",
        /// Count of segments received, broken ones included.
        in_segments = "TcpInSegs",
        /// Count of segments sent.
        out_segments = "TcpOutSegs",
        /// Count of segments sent again.
        retransmitted_segments = "TcpRetransSegs",
        /// Count of segments received that were broken.
        in_errors = "TcpInErrs",
        /// Count of resets sent.
        out_resets = "TcpOutRsts",
        /// Count of segments received with a wrong checksum.
        in_checksum_errors = "TcpInCsumErrors",
        /// Count of connections not accepted because too many waited.
        listen_overflows = "TcpExtListenOverflows",
        /// Count of SYN cookies sent.
        syn_cookies_sent = "TcpExtSyncookiesSent",
        /// Count of SYN cookies that came back and were good.
        syn_cookies_received = "TcpExtSyncookiesRecv",
        /// Count of acknowledgments that could have had a SYN cookie and had none.
        syn_cookies_failed = "TcpExtSyncookiesFailed",
        /// Count of acknowledgments that were delayed.
        delayed_acks = "TcpExtDelayedACKs",
        /// Count of retransmission timeouts.
        timeouts = "TcpExtTCPTimeouts",
        /// Count of timeouts that proved to be premature.
        spurious_timeouts = "TcpExtTCPSpuriousRTOs",
        /// Count of fast recoveries.
        fast_recoveries = "TcpExtTCPSackRecovery",
        /// Count of fast recoveries undone: nothing had been lost.
        full_undos = "TcpExtTCPFullUndo",
        /// Count of recoveries undone because all that was sent again arrived twice.
        duplicate_undos = "TcpExtTCPDSACKUndo",
        /// Count of segments that the other side reported to have arrived twice.
        duplicates_reported = "TcpExtTCPDSACKRecv",
        /// Count of segments whose acknowledgment says that the network marked some (RFC 3168).
        marks_delivered = "TcpExtTCPDeliveredCE",
        /// Count of tail loss probes.
        loss_probes = "TcpExtTCPLossProbes",
        /// Count of segments with an old timestamp.
        paws_drops = "TcpExtPAWSEstab",
        /// Count of challenge acknowledgments (RFC 5961).
        challenge_acks = "TcpExtTCPChallengeACK",
        /// Count of connections reset because data came that nobody would read.
        aborts_on_data = "TcpExtTCPAbortOnData",
        /// Count of connections closed with unread data.
        aborts_on_close = "TcpExtTCPAbortOnClose",
        /// Count of connections given up because the other side was silent.
        aborts_on_timeout = "TcpExtTCPAbortOnTimeout",
        /// Count of probes of closed windows.
        window_probes = "TcpExtTCPWinProbe",
        /// Count of keep-alive probes.
        keep_alives = "TcpExtTCPKeepAlive",
        /// Count of paths that seemed to swallow long packets.
        black_holes = "TcpExtTCPMTUPFail",
        /// Count of segments with data behind a hole that were kept.
        out_of_order = "TcpExtTCPOFOQueue",
        /// Count of times that data behind a hole made room for other data.
        out_of_order_pruned = "TcpExtOfoPruned",
        /// Count of segments whose data found no memory.
        receive_memory_drops = "TcpExtTCPRcvQDrop",
    }
}

/// Counts of frames, as `ip -s link` shows them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct LinkCounters {
    /// Count of frames received.
    pub receive_frames: u64,
    /// Count of octets received, link headers included.
    pub receive_octets: u64,
    /// Count of frames received in a link-layer multicast.
    pub receive_multicast: u64,
    /// Count of frames handed to the driver.
    pub transmit_frames: u64,
    /// Count of octets handed to the driver, link headers included.
    pub transmit_octets: u64,
    /// Count of received frames shorter than an Ethernet header.
    pub receive_too_short: u64,
    /// Count of received frames longer than the link allows.
    pub receive_too_long: u64,
    /// Count of received transfers whose framing made no sense.
    pub receive_malformed: u64,
    /// Count of receive transfers that ended with an error.
    pub receive_errors: u64,
    /// Count of frames lost because the driver found no free buffer.
    pub receive_no_buffer: u64,
    /// Count of frames whose transmission failed.
    pub transmit_errors: u64,
    /// Count of changes from carrier to no carrier and back.
    pub carrier_changes: u64,
}

impl LinkCounters {
    /// Name and value of each.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> + use<> {
        let Self {
            receive_frames,
            receive_octets,
            receive_multicast,
            transmit_frames,
            transmit_octets,
            receive_too_short,
            receive_too_long,
            receive_malformed,
            receive_errors,
            receive_no_buffer,
            transmit_errors,
            carrier_changes,
        } = *self;
        [
            ("receive-frames", receive_frames),
            ("receive-octets", receive_octets),
            ("receive-multicast", receive_multicast),
            ("transmit-frames", transmit_frames),
            ("transmit-octets", transmit_octets),
            ("receive-too-short", receive_too_short),
            ("receive-too-long", receive_too_long),
            ("receive-malformed", receive_malformed),
            ("receive-errors", receive_errors),
            ("receive-no-buffer", receive_no_buffer),
            ("transmit-errors", transmit_errors),
            ("carrier-changes", carrier_changes),
        ]
        .into_iter()
    }

    /// Sum of what the driver lost on the way in.
    pub const fn receive_lost(&self) -> u64 {
        self.receive_too_short
            + self.receive_too_long
            + self.receive_malformed
            + self.receive_errors
            + self.receive_no_buffer
    }

    pub(crate) fn count(&mut self, lost: LinkDrop) {
        *match lost {
            LinkDrop::ReceiveTooShort => &mut self.receive_too_short,
            LinkDrop::ReceiveTooLong => &mut self.receive_too_long,
            LinkDrop::ReceiveMalformed => &mut self.receive_malformed,
            LinkDrop::ReceiveError => &mut self.receive_errors,
            LinkDrop::ReceiveNoBuffer => &mut self.receive_no_buffer,
            LinkDrop::TransmitError => &mut self.transmit_errors,
        } += 1;
    }
}

/// All counters of one interface.
#[derive(Clone, Debug, Default)]
pub struct InterfaceCounters {
    /// Frames.
    pub link: LinkCounters,
    /// IPv6 packets.
    pub ipv6: Ipv6Counters,
    /// ICMPv6 messages.
    pub icmpv6: Icmpv6Counters,
    /// Packets that disappeared, by reason.
    pub drops: DropCounters,
}

/// Counters of the node: what no interface counts, and what removed interfaces counted.
#[derive(Clone, Debug, Default)]
pub struct NodeCounters {
    /// IPv6 packets.
    pub ipv6: Ipv6Counters,
    /// ICMPv6 messages.
    pub icmpv6: Icmpv6Counters,
    /// UDP datagrams.
    pub udp: UdpCounters,
    /// TCP.
    pub tcp: TcpCounters,
    /// Packets that disappeared, by reason.
    pub drops: DropCounters,
    /// Refusals because a table was full.
    pub tables: TableFullCounters,
}

impl NodeCounters {
    /// Nothing counted.
    pub const fn new() -> Self {
        Self {
            ipv6: Ipv6Counters::new(),
            icmpv6: Icmpv6Counters::new(),
            udp: UdpCounters::new(),
            tcp: TcpCounters::new(),
            drops: DropCounters::new(),
            tables: TableFullCounters::new(),
        }
    }

    /// Adds what an interface counted.
    pub(crate) fn absorb(&mut self, interface: &InterfaceCounters) {
        let InterfaceCounters { link: _, ipv6, icmpv6, drops } = interface;
        self.ipv6 += ipv6;
        self.icmpv6 += icmpv6;
        self.drops += drops;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_linux_and_unique() {
        let names: Vec<_> = Ipv6Counters::default()
            .iter()
            .chain(UdpCounters::default().iter())
            .map(|(name, _)| name)
            .collect();
        assert!(names.contains(&"Ip6InReceives") && names.contains(&"Udp6NoPorts"));
        let mut sorted = names.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(sorted.len(), names.len());
    }

    #[test]
    fn sums_add_each_field() {
        let one = Ipv6Counters { in_receives: 1, out_transmits: 2, ..Default::default() };
        let mut sum = one;
        sum += &one;
        assert_eq!((sum.in_receives, sum.out_transmits, sum.in_discards), (2, 4, 0));
    }

    #[test]
    fn driver_losses_land_in_their_field() {
        let mut link = LinkCounters::default();
        link.count(LinkDrop::ReceiveTooShort);
        link.count(LinkDrop::ReceiveNoBuffer);
        link.count(LinkDrop::TransmitError);
        assert_eq!((link.receive_lost(), link.transmit_errors), (2, 1));
    }
}
