//! Datagram sockets: UDP, raw ICMPv6 and ICMPv6 echo ("ping") sockets
//! (RFC 3493, RFC 3542; where they are silent, what Linux does).
//!
//! The types and the table are here; what the calls do is in the modules below, as methods of
//! [`crate::stack::Stack`].

mod bind;
mod connect;
mod error;
mod error_input;
mod extension;
mod icmpv6;
mod input;
mod multicast;
mod option;
mod path_mtu;
mod plan;
mod receive;
mod send;
mod send_as_before;
mod source_filter;
mod table;
mod udp;

pub use bind::SocketInfo;
pub use error::{
    BindError, ConnectError, MembershipError, OpenError, OptionError, ReceiveError, SendError,
    ShutdownError, SocketError,
};
pub use extension::{HeaderKind, OptionsOctets, SendHeaders};
pub use icmpv6::Icmpv6Filter;
pub use option::{SetOption, SocketOptions};
pub use path_mtu::{PathMtuDiscovery, PathMtuReport};
pub use receive::{ErrorMeta, ErrorOrigin, Payload, ReceiveMeta};
pub use send::SendOptions;
pub use source_filter::{FilterMode, SourceChange};

pub(crate) use bind::EPHEMERAL;
pub(crate) use error_input::{Quoted, meaning as error_meaning};
pub(crate) use extension::prepend as prepend_header;
pub(crate) use multicast::Membership;
pub(crate) use plan::PlanMemo;
pub(crate) use receive::{QueuedError, scoped};
pub(crate) use source_filter::MembershipSource;
pub(crate) use table::SocketTable;

use crate::interface::InterfaceIndex;
use crate::list::List;
use core::net::Ipv6Addr;

/// A socket. Closed sockets' numbers do not come back soon, so an old one finds nothing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct SocketId {
    slot: u16,
    generation: u32,
}

/// What a socket speaks.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum SocketKind {
    /// UDP datagrams.
    Udp,
    /// All ICMPv6 messages that its filter passes; the program writes whole messages, the stack
    /// the checksum.
    Icmpv6Raw,
    /// Echo requests out, their replies in; the port is the identifier.
    Icmpv6Echo,
}

/// One end of a conversation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Endpoint {
    pub(crate) address: Ipv6Addr,
    /// UDP port or echo identifier.
    pub(crate) port: u16,
    /// The zone of an address that needs one.
    pub(crate) zone: Option<InterfaceIndex>,
}

impl Endpoint {
    pub(crate) const ANY: Self = Self { address: Ipv6Addr::UNSPECIFIED, port: 0, zone: None };
}

/// What poll(2) asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Readiness {
    /// A datagram can be received, or receiving was shut down.
    pub readable: bool,
    /// A datagram can be sent.
    pub writable: bool,
    /// An error is pending, or the error queue is not empty.
    pub error: bool,
    /// Receiving was shut down.
    pub receive_shut_down: bool,
    /// Sending was shut down.
    pub send_shut_down: bool,
}

/// A socket's state.
pub(crate) struct Socket {
    pub(crate) kind: SocketKind,
    pub(crate) local: Endpoint,
    /// The user chose the local address, so disconnecting keeps it.
    pub(crate) address_bound: bool,
    /// The user chose the local port, so disconnecting keeps it.
    pub(crate) port_bound: bool,
    pub(crate) remote: Option<Endpoint>,
    pub(crate) options: SocketOptions,
    pub(crate) filter: Icmpv6Filter,
    pub(crate) pending_error: Option<SocketError>,
    /// What IPV6_RECVPATHMTU has to tell.
    pub(crate) path_mtu_report: Option<PathMtuReport>,
    /// Received datagrams.
    pub(crate) received: List,
    /// Octets charged for them.
    pub(crate) received_octets: usize,
    /// Errors for a user who asked for them in detail.
    pub(crate) errors: List,
    pub(crate) receive_shut_down: bool,
    pub(crate) send_shut_down: bool,
    /// A send was refused for want of room: tell when there is some.
    pub(crate) waits_to_send: bool,
    /// The socket is in the event queue already.
    pub(crate) notified: bool,
    /// Datagrams dropped because the buffer was full.
    pub(crate) drops: u64,
}

impl Socket {
    pub(crate) fn new(kind: SocketKind) -> Self {
        Self {
            kind,
            local: Endpoint::ANY,
            address_bound: false,
            port_bound: false,
            remote: None,
            options: SocketOptions::default(),
            filter: Icmpv6Filter::PASS_ALL,
            pending_error: None,
            path_mtu_report: None,
            received: List::new(),
            received_octets: 0,
            errors: List::new(),
            receive_shut_down: false,
            send_shut_down: false,
            waits_to_send: false,
            notified: false,
            drops: 0,
        }
    }

    /// The interface that the socket is confined to, by SO_BINDTODEVICE or by the zone of its
    /// local address.
    pub(crate) fn device(&self) -> Option<InterfaceIndex> {
        self.options.device.or(self.local.zone)
    }

    pub(crate) fn readiness(&self) -> Readiness {
        Readiness {
            readable: !self.received.is_empty()
                || self.receive_shut_down
                || self.path_mtu_report.is_some(),
            writable: !self.waits_to_send,
            error: self.pending_error.is_some() || !self.errors.is_empty(),
            receive_shut_down: self.receive_shut_down,
            send_shut_down: self.send_shut_down,
        }
    }
}

#[cfg(test)]
mod tests;
