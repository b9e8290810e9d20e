//! The states of a connection (RFC 9293, Section 3.3.2).

use core::fmt;

/// A state. Connections in LISTEN, half-open ones of a listener and those in TIME-WAIT are kept
/// elsewhere, in less room; here are their names.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum TcpState {
    /// Not connected.
    Closed,
    /// Waits for connections.
    Listen,
    /// Waits for the answer to its SYN.
    SynSent,
    /// Waits for the acknowledgment of its SYN; the other side's has come.
    SynReceived,
    /// Data can go both ways.
    Established,
    /// Has sent a FIN and waits for its acknowledgment or for the other side's.
    FinWait1,
    /// Waits for the other side's FIN.
    FinWait2,
    /// The other side has sent a FIN; the user has not closed.
    CloseWait,
    /// Both have sent a FIN; waits for the acknowledgment.
    Closing,
    /// The other side closed first; waits for the acknowledgment of the own FIN.
    LastAck,
    /// Waits for old segments to die out.
    TimeWait,
}

impl TcpState {
    /// The number that Linux has for it (TCP_INFO, `/proc/net/tcp6`).
    pub const fn number(self) -> u8 {
        match self {
            Self::Established => 1,
            Self::SynSent => 2,
            Self::SynReceived => 3,
            Self::FinWait1 => 4,
            Self::FinWait2 => 5,
            Self::TimeWait => 6,
            Self::Closed => 7,
            Self::CloseWait => 8,
            Self::LastAck => 9,
            Self::Listen => 10,
            Self::Closing => 11,
        }
    }

    /// Whether both sides know each other's numbers.
    pub const fn is_synchronized(self) -> bool {
        !matches!(self, Self::Closed | Self::Listen | Self::SynSent | Self::SynReceived)
    }

    /// Whether the other side may still send data.
    pub const fn can_receive(self) -> bool {
        matches!(self, Self::Established | Self::FinWait1 | Self::FinWait2)
    }

    /// Whether the user may still send data.
    pub const fn can_send(self) -> bool {
        matches!(self, Self::Established | Self::CloseWait)
    }
}

impl fmt::Display for TcpState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed => "CLOSED",
            Self::Listen => "LISTEN",
            Self::SynSent => "SYN-SENT",
            Self::SynReceived => "SYN-RECEIVED",
            Self::Established => "ESTABLISHED",
            Self::FinWait1 => "FIN-WAIT-1",
            Self::FinWait2 => "FIN-WAIT-2",
            Self::CloseWait => "CLOSE-WAIT",
            Self::Closing => "CLOSING",
            Self::LastAck => "LAST-ACK",
            Self::TimeWait => "TIME-WAIT",
        })
    }
}
