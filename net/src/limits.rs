//! Capacities of every table of the stack.
//!
//! Nothing in the stack grows beyond these. What happens when a table is full is said at the
//! table; each case has a counter (see [`crate::counters::DropReason`] and
//! [`crate::counters::TableFull`]).
//!
//! Who builds the stack chooses between two sizes: as it is, for a machine that serves a few
//! hundred conversations in a megabyte, or with the feature `large-tables`, for tens of thousands.
//! A feature, since capacities are types here: as parameters of the stack they would be part of
//! every signature, and a heap, from which tables could grow, is what this stack does without.
//! What packets cost does not depend on it.

/// The capacity of a table that the feature `large-tables` makes larger.
const fn sized(normal: usize, large: usize) -> usize {
    if cfg!(feature = "large-tables") { large } else { normal }
}

/// Interfaces, `lo` and virtual LANs included.
pub const INTERFACES: usize = 6 + VLANS;

/// Of these, virtual LANs (IEEE 802.1Q): however many there are, adapters find room.
pub const VLANS: usize = 8;

/// Unicast addresses of one interface.
pub const ADDRESSES: usize = 48;

/// Of these, addresses made by stateless autoconfiguration: the rest is kept for the user.
pub const AUTOCONFIGURED_ADDRESSES: usize = 16;

/// Of these, temporary addresses (RFC 8981): two or three for each prefix.
pub const TEMPORARY_ADDRESSES: usize = 16;

/// Rows of the policy table of address selection (RFC 6724, Section 2.1); the default has nine.
pub const POLICIES: usize = 32;

/// Neighbor cache entries of all interfaces.
pub const NEIGHBORS: usize = 256;

/// Of these, entries whose address is being resolved because a program sends there. A sweep
/// through a prefix (RFC 6583, Section 7.1) recycles these and leaves the resolved ones alone.
pub const NEIGHBORS_INCOMPLETE: usize = 48;

/// Entries whose address is being resolved only because this node wants to answer: anybody on the
/// link can cause those, so they never take the places of the others.
pub const NEIGHBORS_INCOMPLETE_ANSWERS: usize = 48;

/// Packets that wait for one neighbor's link-layer address (RFC 4861, Section 7.2.2 asks for one
/// at least): all fragments of the longest datagram.
pub const NEIGHBOR_QUEUE: usize = 64;

/// Of these, packets that are answers.
pub const NEIGHBOR_QUEUE_ANSWERS: usize = 8;

/// Packets that wait for link-layer addresses, of all neighbors together.
pub const NEIGHBOR_PACKETS: usize = 256;

/// Of these, places that this node's answers leave free for what programs send.
pub const NEIGHBOR_PACKETS_RESERVE: usize = 128;

/// Routes of all kinds: connected, advertised and by the user.
pub const ROUTES: usize = 160;

/// Default routers learned from advertisements, of one interface.
pub const DEFAULT_ROUTERS: usize = 8;

/// On-link prefixes learned from advertisements, of one interface.
pub const ADVERTISED_PREFIXES: usize = 32;

/// More-specific routes learned from advertisements (RFC 4191), of one interface.
pub const ADVERTISED_ROUTES: usize = 16;

/// Prefixes of which it is known who advertised them (RFC 8028), of one interface.
pub const ROUTER_PREFIXES: usize = 32;

/// Of these, prefixes of one router.
pub const PREFIXES_OF_ROUTER: usize = 16;

/// DNS servers learned from advertisements (RFC 8106), of one interface. "The sufficient number" is
/// three (Section 5.3.1).
pub const DNS_SERVERS: usize = 8;

/// DNS search domains learned from advertisements, of one interface.
pub const DNS_DOMAINS: usize = 8;

/// Of each of these, entries of one router.
pub const DNS_ENTRIES_OF_ROUTER: usize = 4;

/// Options of Router Advertisements that wait for
/// [`crate::stack::Stack::poll_router_option`].
pub const ROUTER_OPTIONS: usize = 32;

/// Destinations with a next hop (Redirect) or path MTU of their own.
pub const DESTINATIONS: usize = 128;

/// Datagram sockets: UDP and ICMPv6.
pub const SOCKETS: usize = sized(256, 16_384);

/// Stream sockets: listeners, connections, and connections that their users have closed.
pub const TCP_SOCKETS: usize = sized(256, 16_384);

/// Connections that can use BBR at once; the others make do with CUBIC. A model of a path is a
/// quarter of a connection, and most connections do without.
pub const TCP_MODELS: usize = sized(64, 2_048);

/// Pieces of stream data of all connections, a packet buffer each: data not yet acknowledged, not
/// yet read, and behind holes.
pub const TCP_PIECES: usize = sized(2048, 16_384);

/// Of these, pieces that data to be sent may not take, so that what arrives always finds room.
pub const TCP_RECEIVE_RESERVE: usize = sized(384, 6_144);

/// Of these, pieces that a connection leaves to those that hold little.
pub const TCP_RECEIVE_SCARCE: usize = 64;

/// Errors that wait in the error queues of all stream sockets together.
pub const TCP_ERRORS: usize = 64;

/// Connections of listeners whose handshake is not over.
pub const TCP_HALF_OPEN: usize = sized(256, 4_096);

/// Connections in TIME-WAIT.
pub const TCP_TIME_WAIT: usize = sized(256, 16_384);

/// The longest queue of connections that wait to be accepted (Linux's `somaxconn` is 4096).
pub const TCP_BACKLOG: usize = 128;

/// Octets that may wait to be read from a connection at its start.
pub const TCP_RECEIVE_BUFFER: u32 = 64 * 1024;

/// What that grows to with the path's need.
pub const TCP_RECEIVE_BUFFER_MAX: u32 = 1024 * 1024;

/// Octets that may wait to be acknowledged, of a connection at its start.
pub const TCP_SEND_BUFFER: u32 = 64 * 1024;

/// What that grows to with the congestion window.
pub const TCP_SEND_BUFFER_MAX: u32 = 1024 * 1024;

/// Group memberships of all sockets.
pub const MEMBERSHIPS: usize = 256;

/// Anycast memberships of all sockets.
pub const ANYCAST_MEMBERSHIPS: usize = 16;

/// Answers to neighbors that ask for anycast addresses, which wait for their time (RFC 4861,
/// Section 7.2.7). When there are more, the others are sent at once.
pub const ANYCAST_ANSWERS: usize = 16;

/// Sources in the filters of all sockets' memberships (RFC 3678).
pub const MEMBERSHIP_SOURCES: usize = 256;

/// Sources that one interface listens to or not, of all groups. A report about one group with all of
/// them fits the smallest MTU. If there are more, all are listened to and the sockets choose.
pub const LISTENER_SOURCES: usize = 64;

/// Multicast groups that one interface listens to.
pub const GROUPS: usize = 96;

/// Received datagrams and errors that wait in socket buffers, of all sockets together. One socket
/// can hold at most half of what the others leave free.
pub const RECEIVE_PACKETS: usize = 512;

/// Frames that wait for an interface's driver.
pub const TRANSMIT_QUEUE: usize = 128;

/// Of these, places that only the stack's own traffic (Neighbor Discovery, MLD, ICMPv6) may take,
/// so that a flooding program cannot cut the machine off.
pub const TRANSMIT_RESERVE: usize = 32;

/// Packets on their way from this node to itself.
pub const LOCAL_QUEUE: usize = 128;

/// Events that wait for [`crate::stack::Stack::poll_event`], besides those of sockets, which
/// cannot overflow.
pub const EVENTS: usize = 128;

/// Extension headers of one packet; a chain of more is dropped (RFC 8504, Section 5.3).
pub const EXTENSION_HEADERS: usize = 16;

/// Fragments of one packet: as many as a packet of 65535 octets has on a link with the smallest
/// MTU, and some.
pub const FRAGMENTS_OF_PACKET: usize = 64;

/// Fragments that wait to be put together, of all packets.
pub const FRAGMENTS: usize = 256;

/// Of these, fragments from one source.
pub const FRAGMENTS_OF_SOURCE: usize = 128;

/// Packets that are being put together. Of several, the ones that came in one fragment so far
/// make room for others first, the oldest of them.
pub const REASSEMBLIES: usize = 32;

/// Of these, packets from one source.
pub const REASSEMBLIES_OF_SOURCE: usize = 8;

/// Buffers that datagrams in socket buffers need beyond their first, because they came in
/// fragments.
pub const RECEIVE_TAILS: usize = 256;

/// Unknown options with action 00 ("skip") in one options header before the packet is dropped
/// (RFC 8504, Section 5.3 suggests 8).
pub const UNKNOWN_OPTIONS: usize = 8;

/// Duplicate Address Detection probes whose nonces are remembered, per address (RFC 7527).
pub const NONCES: usize = 4;
