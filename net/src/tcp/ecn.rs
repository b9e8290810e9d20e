//! Explicit Congestion Notification (RFC 3168, Section 6.1): the network marks packets where it
//! would lose them, the receiver echoes the mark, the sender slows down and says so.

use super::segment::Segment;
use crate::wire::tcp::TcpFlags;
use crate::wire::tcp_sequence::SequenceNumber;

/// Whether new connections use ECN: Linux's `tcp_ecn`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum EcnMode {
    /// Neither asked for nor accepted.
    Off,
    /// Asked for, and accepted when the other side asks.
    Request,
    /// Accepted when the other side asks.
    #[default]
    Accept,
}

impl EcnMode {
    /// The mode of a number, as Linux has them.
    pub const fn from_number(number: u32) -> Option<Self> {
        match number {
            0 => Some(Self::Off),
            1 => Some(Self::Request),
            2 => Some(Self::Accept),
            _ => None,
        }
    }

    /// The number that Linux has for it.
    pub const fn number(self) -> u32 {
        match self {
            Self::Off => 0,
            Self::Request => 1,
            Self::Accept => 2,
        }
    }

    /// Whether a SYN asks for it.
    pub(crate) const fn requests(self) -> bool {
        matches!(self, Self::Request)
    }

    /// Whether a SYN that asks for it is told yes.
    pub(crate) const fn accepts(self) -> bool {
        !matches!(self, Self::Off)
    }
}

/// How far the two sides have agreed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Agreement {
    /// Not on ECN.
    None,
    /// The SYN asks for it.
    Asked,
    /// On ECN.
    Full,
}

/// ECN of a connection, in both directions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EcnState {
    agreement: Agreement,
    /// A mark arrived, and the other side has not told yet that it has slowed down.
    echo: bool,
    /// The next new data tells that this side has slowed down.
    tell: bool,
    /// Echoes are answered once this is acknowledged and more.
    answered: SequenceNumber,
}

impl EcnState {
    /// Without ECN.
    pub(crate) const fn off() -> Self {
        let answered = SequenceNumber(0);
        Self { agreement: Agreement::None, echo: false, tell: false, answered }
    }

    /// A connection whose SYN has the number `iss` and asks for ECN.
    pub(crate) const fn asking(iss: SequenceNumber) -> Self {
        Self { agreement: Agreement::Asked, answered: iss, ..Self::off() }
    }

    /// A connection that was asked for ECN in time, whose SYN-ACK had the number `iss`.
    pub(crate) const fn agreed(iss: SequenceNumber) -> Self {
        Self { agreement: Agreement::Full, answered: iss, ..Self::off() }
    }

    pub(crate) fn is_on(self) -> bool {
        self.agreement == Agreement::Full
    }

    /// The flags of a SYN. A SYN that was lost goes out again without ECN, in case something on
    /// the way dislikes it (Section 6.1.1.1).
    pub(crate) fn syn_flags(&mut self, again: bool) -> TcpFlags {
        if again {
            self.agreement = Agreement::None;
        }
        match self.agreement {
            Agreement::Asked => TcpFlags::ECE | TcpFlags::CWR,
            Agreement::None | Agreement::Full => TcpFlags::empty(),
        }
    }

    /// The answer to the SYN: a SYN-ACK with ECE and without CWR agrees (Section 6.1.1).
    pub(crate) fn on_syn_ack(&mut self, segment: &Segment) {
        let agreed = self.agreement == Agreement::Asked
            && segment.ack.is_some()
            && segment.ece
            && !segment.cwr;
        self.agreement = if agreed { Agreement::Full } else { Agreement::None };
    }

    /// Whether a segment may be marked: new data, but no retransmission and nothing without data
    /// (Sections 6.1.4 to 6.1.6).
    pub(crate) fn is_capable(self, data_len: u32, again: bool) -> bool {
        self.is_on() && data_len > 0 && !again
    }

    /// The flags of a segment behind the handshake, which carries new data or not.
    pub(crate) fn flags(&mut self, new_data: bool) -> TcpFlags {
        let mut flags = TcpFlags::empty();
        flags.set(TcpFlags::ECE, self.echo);
        if new_data {
            flags.set(TcpFlags::CWR, core::mem::take(&mut self.tell));
        }
        flags
    }

    /// An acceptable segment with data arrived (Section 6.1.3). Whether the other side should
    /// hear of a mark at once.
    pub(crate) fn on_data(&mut self, segment: &Segment) -> bool {
        if !self.is_on() {
            return false;
        }
        if segment.cwr {
            self.echo = false;
        }
        segment.marked && !core::mem::replace(&mut self.echo, true)
    }

    /// An acknowledgment arrived. Whether it asks to slow down: once in a round trip
    /// (Section 6.1.2).
    pub(crate) fn on_acknowledgment(self, segment: &Segment, ack: SequenceNumber) -> bool {
        self.is_on() && segment.ece && ack.is_after(self.answered)
    }

    /// This side has slowed down, for whatever reason; `nxt` is SND.NXT.
    pub(crate) fn on_slowed_down(&mut self, nxt: SequenceNumber) {
        self.answered = nxt;
        self.tell = self.is_on();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::tcp::{TcpHeader, TcpOptions};

    const ISS: SequenceNumber = SequenceNumber(u32::MAX - 10);
    const BOTH: TcpFlags = TcpFlags::ECE.union(TcpFlags::CWR);

    fn segment(flags: TcpFlags, marked: bool) -> Segment {
        let header = TcpHeader {
            source_port: 1,
            destination_port: 2,
            sequence: SequenceNumber(0),
            acknowledgment: ISS + 1,
            flags,
            window: 1000,
            checksum: 0,
            urgent_pointer: 0,
            options: TcpOptions::NONE,
        };
        Segment { marked, ..Segment::new(&header, 100) }
    }

    /// Section 6.1.1: every answer to a SYN that asks.
    #[test]
    fn what_a_syn_ack_agrees_to() {
        for (flags, again, agreed) in [
            (TcpFlags::ACK | TcpFlags::ECE, false, true),
            (TcpFlags::ACK, false, false),
            (TcpFlags::ACK | TcpFlags::CWR, false, false),
            // A host that reflects what it does not know.
            (TcpFlags::ACK | BOTH, false, false),
            // Simultaneous open.
            (BOTH, false, false),
            // The SYN had to be sent again.
            (TcpFlags::ACK | TcpFlags::ECE, true, false),
        ] {
            let mut ecn = EcnState::asking(ISS);
            assert_eq!(ecn.syn_flags(false), BOTH);
            if again {
                assert_eq!(ecn.syn_flags(true), TcpFlags::empty());
            }
            ecn.on_syn_ack(&segment(flags | TcpFlags::SYN, false));
            assert_eq!(ecn.is_on(), agreed, "{flags:?}, again: {again}");
        }
        let mut off = EcnState::off();
        assert_eq!(off.syn_flags(false), TcpFlags::empty());
        off.on_syn_ack(&segment(TcpFlags::SYN | TcpFlags::ACK | TcpFlags::ECE, false));
        assert!(!off.is_on());
    }

    /// Section 6.1.3: echoes from the mark until the other side has slowed down.
    #[test]
    fn a_mark_is_echoed_until_it_is_answered() {
        let mut ecn = EcnState::agreed(ISS);
        assert!(!ecn.on_data(&segment(TcpFlags::ACK, false)));
        assert_eq!(ecn.flags(false), TcpFlags::empty());
        assert!(ecn.on_data(&segment(TcpFlags::ACK, true)));
        assert!(!ecn.on_data(&segment(TcpFlags::ACK, true)), "it was told already");
        for _ in 0..3 {
            assert!(!ecn.on_data(&segment(TcpFlags::ACK, false)));
            assert_eq!((ecn.flags(false), ecn.flags(true)), (TcpFlags::ECE, TcpFlags::ECE));
        }
        ecn.on_data(&segment(TcpFlags::ACK | TcpFlags::CWR, false));
        assert_eq!(ecn.flags(false), TcpFlags::empty());
        // The segment that answers the last mark has one itself.
        ecn.on_data(&segment(TcpFlags::ACK, true));
        assert!(ecn.on_data(&segment(TcpFlags::ACK | TcpFlags::CWR, true)));
        assert_eq!(ecn.flags(false), TcpFlags::ECE);
    }

    /// Section 6.1.2: once in a round trip, and CWR on the next new data.
    #[test]
    fn an_echo_is_answered_once_in_a_round_trip() {
        let mut ecn = EcnState::agreed(ISS);
        let echo = segment(TcpFlags::ACK | TcpFlags::ECE, false);
        assert!(!ecn.on_acknowledgment(&segment(TcpFlags::ACK, false), ISS + 100));
        assert!(ecn.on_acknowledgment(&echo, ISS + 100));
        ecn.on_slowed_down(ISS + 500);
        assert_eq!(ecn.flags(false), TcpFlags::empty());
        assert_eq!(ecn.flags(true), TcpFlags::CWR);
        assert_eq!(ecn.flags(true), TcpFlags::empty());
        assert!(!ecn.on_acknowledgment(&echo, ISS + 500));
        assert!(ecn.on_acknowledgment(&echo, ISS + 501));
    }

    #[test]
    fn only_new_data_may_be_marked() {
        let ecn = EcnState::agreed(ISS);
        assert!(ecn.is_capable(1, false));
        assert!(!ecn.is_capable(1, true) && !ecn.is_capable(0, false));
        assert!(!EcnState::off().is_capable(1, false));
        assert!(!EcnState::asking(ISS).is_capable(1, false));
    }

    #[test]
    fn without_agreement_nothing_happens() {
        let mut ecn = EcnState::off();
        assert!(!ecn.on_data(&segment(TcpFlags::ACK, true)));
        assert!(!ecn.on_acknowledgment(&segment(TcpFlags::ACK | TcpFlags::ECE, false), ISS + 9));
        ecn.on_slowed_down(ISS);
        assert_eq!(ecn.flags(true), TcpFlags::empty());
    }

    #[test]
    fn numbers_are_those_of_linux() {
        for mode in [EcnMode::Off, EcnMode::Request, EcnMode::Accept] {
            assert_eq!(EcnMode::from_number(mode.number()), Some(mode));
        }
        assert_eq!(EcnMode::from_number(3), None);
        assert_eq!(EcnMode::default().number(), 2);
    }
}
