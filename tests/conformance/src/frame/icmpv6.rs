//! ICMPv6 (RFC 4443).

use super::{Frame, next_header};

/// Types of messages.
pub mod kind {
    /// Destination Unreachable.
    pub const DESTINATION_UNREACHABLE: u8 = 1;
    /// Packet Too Big.
    pub const PACKET_TOO_BIG: u8 = 2;
    /// Time Exceeded.
    pub const TIME_EXCEEDED: u8 = 3;
    /// Parameter Problem.
    pub const PARAMETER_PROBLEM: u8 = 4;
    /// Echo Request.
    pub const ECHO_REQUEST: u8 = 128;
    /// Echo Reply.
    pub const ECHO_REPLY: u8 = 129;
    /// Multicast Listener Query.
    pub const LISTENER_QUERY: u8 = 130;
    /// Multicast Listener Report, version 1.
    pub const LISTENER_REPORT_V1: u8 = 131;
    /// Multicast Listener Done.
    pub const LISTENER_DONE: u8 = 132;
    /// Router Solicitation.
    pub const ROUTER_SOLICITATION: u8 = 133;
    /// Router Advertisement.
    pub const ROUTER_ADVERTISEMENT: u8 = 134;
    /// Neighbor Solicitation.
    pub const NEIGHBOR_SOLICITATION: u8 = 135;
    /// Neighbor Advertisement.
    pub const NEIGHBOR_ADVERTISEMENT: u8 = 136;
    /// Redirect.
    pub const REDIRECT: u8 = 137;
    /// Multicast Listener Report, version 2.
    pub const LISTENER_REPORT_V2: u8 = 143;
}

impl Frame {
    /// A message of any type, code and body.
    #[must_use]
    pub fn icmpv6(self, kind: u8, code: u8, body: &[u8]) -> Self {
        let mut message = vec![kind, code, 0, 0];
        message.extend(body);
        self.checksummed(next_header::ICMPV6, message, 2)
    }

    /// The code of the ICMPv6 message in it.
    #[must_use]
    pub fn code(self, code: u8) -> Self {
        self.with_octet(1, code)
    }

    /// An Echo Request.
    #[must_use]
    pub fn echo_request(self, identifier: u16, sequence: u16, data: &[u8]) -> Self {
        let body = [&identifier.to_be_bytes()[..], &sequence.to_be_bytes(), data].concat();
        self.icmpv6(kind::ECHO_REQUEST, 0, &body)
    }

    /// An Echo Reply.
    #[must_use]
    pub fn echo_reply(self, identifier: u16, sequence: u16, data: &[u8]) -> Self {
        let body = [&identifier.to_be_bytes()[..], &sequence.to_be_bytes(), data].concat();
        self.icmpv6(kind::ECHO_REPLY, 0, &body)
    }

    /// An error message: `word` is the MTU, the pointer, or zero; `invoking` the packet it is
    /// about, of which as much is quoted as fits 1280 octets.
    #[must_use]
    pub fn error(self, kind: u8, code: u8, word: u32, invoking: &[u8]) -> Self {
        let quoted = &invoking[..invoking.len().min(1280 - 40 - 8)];
        self.icmpv6(kind, code, &[&word.to_be_bytes()[..], quoted].concat())
    }
}
