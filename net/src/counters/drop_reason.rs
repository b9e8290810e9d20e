//! Why packets disappear, and which tables were full.

use core::fmt;
use core::ops::AddAssign;

/// Makes an enum whose values have a name, and an array of counters for it.
macro_rules! counted {
    (
        $(#[$meta:meta])* $type:ident,
        $(#[$counters_meta:meta])* $counters:ident {
            $($(#[$variant_meta:meta])* $variant:ident = $name:literal,)*
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        #[cfg_attr(feature = "defmt", derive(defmt::Format))]
        pub enum $type {
            $($(#[$variant_meta])* $variant,)*
        }

        impl $type {
            /// Every value.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The name that users see.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.name())
            }
        }

        $(#[$counters_meta])*
        #[derive(Clone, PartialEq, Eq, Debug)]
        pub struct $counters([u64; $type::ALL.len()]);

        impl Default for $counters {
            fn default() -> Self {
                Self::new()
            }
        }

        impl $counters {
            /// Nothing counted.
            pub const fn new() -> Self {
                Self([0; $type::ALL.len()])
            }

            pub(crate) fn count(&mut self, what: $type) {
                self.0[what as usize] += 1;
            }

            /// The count of one.
            pub const fn get(&self, what: $type) -> u64 {
                self.0[what as usize]
            }

            /// Every value with its count, zeros included.
            pub fn iter(&self) -> impl Iterator<Item = ($type, u64)> + '_ {
                $type::ALL.iter().copied().zip(self.0.iter().copied())
            }

            /// Sum of all.
            pub fn total(&self) -> u64 {
                self.0.iter().sum()
            }
        }

        impl AddAssign<&Self> for $counters {
            fn add_assign(&mut self, other: &Self) {
                for (sum, count) in self.0.iter_mut().zip(&other.0) {
                    *sum += count;
                }
            }
        }
    };
}

counted! {
    /// Why a packet disappeared.
    DropReason,
    /// Count of packets that disappeared, by reason.
    DropCounters {
        /// Count of frames received on an interface that is down.
        InterfaceDown = "interface-down",
        /// Count of packets on an interface whose IPv6 is disabled: its hardware address is a
        /// duplicate (RFC 4862, Section 5.4.5) or its MTU below 1280 (RFC 8200, Section 5).
        Ipv6Disabled = "ipv6-disabled",
        /// Count of frames shorter than a link header.
        FrameTooShort = "frame-too-short",
        /// Count of frames longer than the interface's MTU allows.
        FrameTooLong = "frame-too-long",
        /// Count of frames to another station.
        FrameForeignDestination = "frame-foreign-destination",
        /// Count of frames that carry no IPv6.
        FrameNotIpv6 = "frame-not-ipv6",
        /// Count of frames of a VLAN (IEEE 802.1Q) that has no interface here.
        FrameVlanUnknown = "frame-vlan-unknown",
        /// Count of frames whose VLAN identifier is the reserved one, 4095.
        FrameVlanReserved = "frame-vlan-reserved",
        /// Count of frames with a service tag (0x88a8) or with a second VLAN tag.
        FrameVlanStacked = "frame-vlan-stacked",

        /// Count of packets shorter than their header, or than it says.
        Ipv6Truncated = "ipv6-truncated",
        /// Count of packets of another version than 6.
        Ipv6BadVersion = "ipv6-bad-version",
        /// Count of packets from a multicast address.
        Ipv6SourceMulticast = "ipv6-source-multicast",
        /// Count of packets from or to ::1 on a link.
        Ipv6Loopback = "ipv6-loopback-on-link",
        /// Count of packets from or to an IPv4-mapped address.
        Ipv6Mapped = "ipv6-v4-mapped",
        /// Count of packets to the unspecified address.
        Ipv6DestinationUnspecified = "ipv6-destination-unspecified",
        /// Count of packets to a multicast address of scope 0, or of scope 1 on a link.
        Ipv6MulticastScope = "ipv6-multicast-scope",
        /// Count of packets to a unicast address that is not ours.
        Ipv6NotForUs = "ipv6-not-for-us",
        /// Count of packets to our address on another interface (strong host model).
        Ipv6OtherInterface = "ipv6-other-interface",
        /// Count of packets to a multicast group that the interface did not join.
        Ipv6NotMember = "ipv6-not-member",
        /// Count of packets to a tentative or duplicate address of ours.
        Ipv6Tentative = "ipv6-tentative",
        /// Count of packets from `::` that are not what may come from there.
        Ipv6SourceUnspecified = "ipv6-source-unspecified",
        /// Count of packets whose next header is "nothing follows".
        Ipv6NoNextHeader = "ipv6-no-next-header",
        /// Count of packets with a next header that nobody here understands.
        Ipv6UnknownNextHeader = "ipv6-unknown-next-header",

        /// Count of packets whose extension headers do not fit into them.
        ExtensionMalformed = "extension-malformed",
        /// Count of packets with too many extension headers.
        ExtensionTooMany = "extension-too-many",
        /// Count of packets with too many unknown options.
        OptionTooMany = "option-too-many",
        /// Count of packets with an unknown option whose action bits say discard.
        OptionUnknown = "option-unknown",
        /// Count of packets with a jumbo payload (RFC 2675), which is not supported.
        OptionJumbo = "option-jumbo",
        /// Count of packets with a routing header that has segments left.
        RoutingHeader = "routing-header",
        /// Count of fragments that are empty, not a multiple of eight octets long though not the
        /// last, beyond the end of any packet, or inside of other fragments.
        FragmentMalformed = "fragment-malformed",
        /// Count of first fragments without all headers (RFC 7112, Section 5).
        FragmentIncompleteChain = "fragment-incomplete-chain",
        /// Count of fragments of packets whose fragments overlap (RFC 5722, Section 4).
        FragmentOverlap = "fragment-overlap",
        /// Count of fragments that came twice.
        FragmentDuplicate = "fragment-duplicate",
        /// Count of fragments of packets in too many pieces.
        FragmentTooMany = "fragment-too-many",
        /// Count of fragments whose others did not come in time.
        FragmentTimeout = "fragment-timeout",
        /// Count of fragments that made room for others.
        FragmentNoRoom = "fragment-no-room",
        /// Count of packets, put together, that are longer than their protocol takes.
        FragmentTooLong = "fragment-too-long",

        /// Count of ICMPv6 messages shorter than their format.
        Icmpv6Truncated = "icmpv6-truncated",
        /// Count of ICMPv6 messages with a wrong checksum.
        Icmpv6Checksum = "icmpv6-checksum",
        /// Count of informational ICMPv6 messages of a type that is not understood.
        Icmpv6UnknownType = "icmpv6-unknown-type",
        /// Count of echo requests not answered: from `::`, or from a place answers may not go to.
        Icmpv6EchoSource = "icmpv6-echo-source",
        /// Count of echo replies that no socket asked for.
        Icmpv6EchoReplyUnexpected = "icmpv6-echo-reply-unexpected",
        /// Count of ICMPv6 errors that quote nothing of ours.
        Icmpv6ErrorUnmatched = "icmpv6-error-unmatched",

        /// Count of Neighbor Discovery messages with a hop limit other than 255.
        NdHopLimit = "nd-hop-limit",
        /// Count of Neighbor Discovery messages with a code other than 0.
        NdCode = "nd-code",
        /// Count of Neighbor Discovery messages too short or with bad options.
        NdMalformed = "nd-malformed",
        /// Count of Neighbor Discovery messages that came in a fragment (RFC 6980).
        NdFragment = "nd-fragment",
        /// Count of Neighbor Discovery messages from a source they must not have.
        NdSource = "nd-source",
        /// Count of Neighbor Discovery messages to a destination they must not have.
        NdDestination = "nd-destination",
        /// Count of Neighbor Discovery messages about a multicast target, or with flags that
        /// contradict their addresses.
        NdTarget = "nd-target",
        /// Count of Neighbor Solicitations for somebody else.
        NdForeignTarget = "nd-foreign-target",
        /// Count of Neighbor Solicitations for a tentative address of ours.
        NdTentativeTarget = "nd-tentative-target",
        /// Count of our own Neighbor Solicitations that a link sent back (RFC 7527).
        NdOwnNonce = "nd-own-nonce",
        /// Count of Neighbor Advertisements about neighbors we are not interested in.
        NdUnknownNeighbor = "nd-unknown-neighbor",
        /// Count of Neighbor Advertisements that claim an address we use.
        NdConflict = "nd-conflict",
        /// Count of Router Solicitations: a host ignores them.
        NdRouterSolicitation = "nd-router-solicitation",
        /// Count of Router Advertisements that the interface's settings ignore.
        NdAdvertisementIgnored = "nd-advertisement-ignored",
        /// Count of Redirects that did not come from the first hop, or that settings ignore.
        NdRedirectIgnored = "nd-redirect-ignored",

        /// Count of Multicast Listener messages that are malformed or come from where they must
        /// not.
        MldInvalid = "mld-invalid",
        /// Count of Multicast Listener messages that are for routers.
        MldNotForHosts = "mld-not-for-hosts",

        /// Count of UDP datagrams whose length is wrong.
        UdpMalformed = "udp-malformed",
        /// Count of UDP datagrams with a wrong checksum.
        UdpChecksum = "udp-checksum",
        /// Count of UDP datagrams without a checksum (RFC 6935).
        UdpZeroChecksum = "udp-zero-checksum",
        /// Count of UDP datagrams for a port nobody listens at.
        UdpNoPort = "udp-no-port",

        /// Count of TCP segments whose header makes no sense.
        TcpMalformed = "tcp-malformed",
        /// Count of TCP segments with a wrong checksum.
        TcpChecksum = "tcp-checksum",
        /// Count of TCP segments to a group or from an address that nobody can have.
        TcpAddress = "tcp-address",
        /// Count of TCP segments for which there is neither connection nor listener.
        TcpNoSocket = "tcp-no-socket",
        /// Count of TCP segments outside of the window, or without what they must have.
        TcpUnacceptable = "tcp-unacceptable",
        /// Count of TCP segments with an old timestamp (RFC 7323, Section 5).
        TcpTimestamp = "tcp-timestamp",
        /// Count of TCP segments that acknowledge what was not sent, or too long ago.
        TcpAcknowledgment = "tcp-acknowledgment",
        /// Count of TCP resets that reset nothing.
        TcpReset = "tcp-reset",
        /// Count of TCP SYNs in a connection (RFC 5961, Section 4).
        TcpSyn = "tcp-syn",
        /// Count of TCP segments with data that had all arrived before, or SYNs that had.
        TcpDuplicate = "tcp-duplicate",
        /// Count of TCP segments with data behind the other side's FIN.
        TcpAfterFin = "tcp-after-fin",
        /// Count of TCP segments for a connection that nobody reads any more.
        TcpAfterClose = "tcp-after-close",
        /// Count of TCP segments whose data found no memory.
        TcpMemoryFull = "tcp-memory-full",
        /// Count of TCP segments dropped because too many connections wait to be accepted.
        TcpBacklogFull = "tcp-backlog-full",
        /// Count of TCP SYNs dropped because too many connections are half open.
        TcpHalfOpenFull = "tcp-half-open-full",
        /// Count of TCP segments for a connection in TIME-WAIT.
        TcpTimeWait = "tcp-time-wait",
        /// Count of TCP resets not sent because of the rate limit.
        TcpResetRateLimited = "tcp-reset-rate-limited",

        /// Count of datagrams that did not fit into the socket's receive buffer.
        SocketBufferFull = "socket-buffer-full",
        /// Count of datagrams for which the memory of all sockets had no room.
        SocketMemoryFull = "socket-memory-full",
        /// Count of datagrams in the buffer of a socket that was closed or shut down.
        SocketClosed = "socket-closed",

        /// Count of packets not sent because no buffer was free.
        NoBuffer = "no-buffer",
        /// Count of packets not sent because the interface was down or gone.
        TransmitInterfaceDown = "transmit-interface-down",
        /// Count of packets not sent because the interface's queue was full.
        TransmitQueueFull = "transmit-queue-full",
        /// Count of packets not sent because there was no route.
        NoRoute = "no-route",
        /// Count of packets not sent because no source address was usable.
        NoSourceAddress = "no-source-address",
        /// Count of packets not sent because they were bigger than the path allows.
        TooBig = "too-big",
        /// Count of packets whose next hop did not answer.
        NeighborUnreachable = "neighbor-unreachable",
        /// Count of waiting packets that newer ones pushed out (RFC 4861, Section 7.2.2).
        NeighborQueueFull = "neighbor-queue-full",
        /// Count of packets dropped because the neighbor cache had no room for their next hop.
        NeighborCacheFull = "neighbor-cache-full",
        /// Count of packets that waited for a neighbor whose entry was removed.
        NeighborRemoved = "neighbor-removed",
        /// Count of packets to ourselves that were too many at once.
        LocalQueueFull = "local-queue-full",
        /// Count of ICMPv6 errors not sent because of the rate limit.
        ErrorRateLimited = "error-rate-limited",
    }
}

counted! {
    /// A table without room for one more.
    TableFull,
    /// Count of refusals or evictions because a table was full.
    TableFullCounters {
        /// Count of VLAN interfaces refused.
        Vlans = "vlans",
        /// Count of neighbors refused.
        Neighbors = "neighbors",
        /// Count of neighbors thrown out for others.
        NeighborsEvicted = "neighbors-evicted",
        /// Count of routes refused.
        Routes = "routes",
        /// Count of advertised default routers ignored.
        DefaultRouters = "default-routers",
        /// Count of advertised prefixes ignored.
        Prefixes = "prefixes",
        /// Count of advertised prefixes whose router is not remembered (RFC 8028).
        RouterPrefixes = "router-prefixes",
        /// Count of advertised more-specific routes ignored.
        AdvertisedRoutes = "advertised-routes",
        /// Count of advertised DNS servers and search domains ignored.
        Dns = "dns",
        /// Count of addresses refused.
        Addresses = "addresses",
        /// Count of multicast groups refused.
        Groups = "groups",
        /// Count of lists of multicast sources that an interface had no room for.
        GroupSources = "group-sources",
        /// Count of destinations thrown out for others.
        Destinations = "destinations",
        /// Count of sockets refused.
        Sockets = "sockets",
        /// Count of socket memberships refused.
        Memberships = "memberships",
        /// Count of stream sockets refused.
        TcpSockets = "tcp-sockets",
        /// Count of connections that asked for BBR and got CUBIC.
        TcpModels = "tcp-models",
        /// Count of half-open connections refused.
        TcpHalfOpen = "tcp-half-open",
        /// Count of connections whose TIME-WAIT was cut short for others.
        TcpTimeWait = "tcp-time-wait",
        /// Count of events lost.
        Events = "events",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows: QOS-6
    #[test]
    fn each_reason_has_its_own_counter_and_name() {
        let mut counters = DropCounters::default();
        for (index, &reason) in DropReason::ALL.iter().enumerate() {
            for _ in 0..=index {
                counters.count(reason);
            }
        }
        for (index, (reason, count)) in counters.iter().enumerate() {
            assert_eq!((count, counters.get(reason)), (index as u64 + 1, index as u64 + 1));
        }
        let mut names: Vec<_> = DropReason::ALL.iter().map(|reason| reason.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), DropReason::ALL.len());
    }
}
