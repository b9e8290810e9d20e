//! A received segment as the state machine sees it (RFC 9293, Section 3.3.1).

use crate::wire::tcp::{TcpFlags, TcpHeader, TcpOptions};
#[cfg(test)]
use crate::wire::tcp_plain::PlainHeader;
use crate::wire::tcp_sequence::SequenceNumber;

/// A segment without its data.
#[expect(clippy::struct_excessive_bools, reason = "control bits")]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Segment {
    /// SEG.SEQ: the number of the SYN, or of the first octet of data.
    pub(crate) sequence: SequenceNumber,
    /// SEG.ACK, if the segment acknowledges.
    pub(crate) ack: Option<SequenceNumber>,
    pub(crate) syn: bool,
    pub(crate) fin: bool,
    pub(crate) rst: bool,
    /// ECN echo and "congestion window reduced" (RFC 3168, Section 6.1).
    pub(crate) ece: bool,
    pub(crate) cwr: bool,
    /// Its packet was marked "congestion experienced".
    pub(crate) marked: bool,
    /// SEG.WND as it is in the header: not scaled.
    pub(crate) window: u16,
    /// SEG.UP, if the segment has urgent data.
    pub(crate) urgent: Option<u16>,
    /// Octets of data.
    pub(crate) data_len: u32,
    pub(crate) options: TcpOptions,
}

impl Segment {
    /// What a header with `data_len` octets of data behind it says. Marks are for the caller to
    /// tell.
    #[inline]
    pub(crate) const fn new(header: &TcpHeader, data_len: u32) -> Self {
        Self {
            sequence: header.sequence,
            ack: header.ack(),
            syn: header.flags.contains(TcpFlags::SYN),
            fin: header.flags.contains(TcpFlags::FIN),
            rst: header.flags.contains(TcpFlags::RST),
            ece: header.flags.contains(TcpFlags::ECE),
            cwr: header.flags.contains(TcpFlags::CWR),
            marked: false,
            window: header.window,
            urgent: header.urgent(),
            data_len,
            options: header.options,
        }
    }

    /// The same as a plain header, if it is one.
    #[cfg(test)]
    pub(crate) fn plain(&self) -> Option<PlainHeader> {
        let Self { sequence, window, options, .. } = *self;
        let header = PlainHeader {
            sequence,
            acknowledgment: self.ack?,
            push: false,
            window,
            timestamps: options.timestamps,
        };
        (Self::new(&TcpHeader::from(&header), self.data_len) == *self).then_some(header)
    }

    /// Whether a SYN asks for ECN (RFC 3168, Section 6.1.1).
    pub(crate) const fn asks_for_ecn(&self) -> bool {
        self.syn && self.ack.is_none() && self.ece && self.cwr
    }

    /// SEG.LEN: data, SYN and FIN.
    pub(crate) fn len(&self) -> u32 {
        self.data_len + u32::from(self.syn) + u32::from(self.fin)
    }

    /// The number behind its last one.
    pub(crate) fn end(&self) -> SequenceNumber {
        self.sequence + self.len()
    }

    /// The number of its first octet of data.
    pub(crate) fn data_start(&self) -> SequenceNumber {
        self.sequence + u32::from(self.syn)
    }
}
