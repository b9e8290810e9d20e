//! Echo Request and Echo Reply (RFC 4443 sections 4.1 and 4.2), and what this program puts into
//! them: the time of sending in the first 16 bytes, then a pattern that must come back unchanged.

use alloc::vec::Vec;

/// The length of the ICMPv6 header with identifier and sequence number.
pub const HEADER: usize = 8;
/// The length of the time stamp: seconds and microseconds, 64 bits each, as a C `struct timeval`.
pub const STAMP: usize = 16;
/// The most data that a packet with a 16-bit length carries: 65535 - 8.
pub const MAX_DATA: usize = 65527;

/// ICMPv6 type of a request.
pub const ECHO_REQUEST: u8 = 128;
/// ICMPv6 type of a reply.
pub const ECHO_REPLY: u8 = 129;

/// Next Header numbers that may stand between an IPv6 header and the request quoted in an error.
const ICMPV6: u8 = 58;
const FRAGMENT: u8 = 44;

/// Microseconds in a second.
const MICROSECONDS: u64 = 1_000_000;

/// The request that is sent again and again.
#[derive(Clone, Debug)]
pub struct Probe {
    packet: Vec<u8>,
}

impl Probe {
    /// A request with `size` bytes of data and this identifier (which a ping socket replaces). The
    /// data counts up from 0, or repeats `pattern`.
    #[must_use]
    pub fn new(size: usize, identifier: u16, pattern: Option<&[u8]>) -> Self {
        let mut packet = Vec::with_capacity(HEADER + size);
        packet.extend([ECHO_REQUEST, 0, 0, 0]);
        packet.extend(identifier.to_be_bytes());
        packet.extend([0, 0]);
        match pattern.filter(|pattern| !pattern.is_empty()) {
            Some(pattern) => packet.extend(pattern.iter().cycle().take(size)),
            None => packet.extend((0..size).map(|place| place as u8)),
        }
        Self { packet }
    }

    /// Whether it has room for the time of sending.
    #[must_use]
    pub fn is_timed(&self) -> bool {
        self.packet.len() >= HEADER + STAMP
    }

    /// The request with this sequence number, sent at `now` (microseconds). The checksum is the
    /// kernel's business.
    pub fn stamped(&mut self, sequence: u16, now: u64) -> &[u8] {
        let timed = self.is_timed();
        let mut fields = self.packet.chunks_exact_mut(8);
        if let Some(header) = fields.next() {
            header[6..8].copy_from_slice(&sequence.to_be_bytes());
        }
        if timed && let (Some(seconds), Some(rest)) = (fields.next(), fields.next()) {
            seconds.copy_from_slice(&(now / MICROSECONDS).to_ne_bytes());
            rest.copy_from_slice(&(now % MICROSECONDS).to_ne_bytes());
        }
        &self.packet
    }

    /// The data that must come back: all after the time stamp.
    #[must_use]
    pub fn pattern(&self) -> &[u8] {
        self.packet.get(HEADER + STAMP..).unwrap_or_default()
    }
}

/// An echo message, request or reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Echo<'a> {
    /// [`ECHO_REQUEST`] or [`ECHO_REPLY`].
    pub kind: u8,
    /// Whose it is.
    pub identifier: u16,
    /// Which one it is.
    pub sequence: u16,
    /// What comes after the header.
    pub data: &'a [u8],
}

impl<'a> Echo<'a> {
    /// Reads a message; `None` when it is too short or another one.
    #[must_use]
    pub fn parse(message: &'a [u8]) -> Option<Self> {
        let (header, data) = message.split_first_chunk::<HEADER>()?;
        let [kind @ (ECHO_REQUEST | ECHO_REPLY), 0, _, _, rest @ ..] = *header else { return None };
        let [identifier_high, identifier_low, sequence_high, sequence_low] = rest;
        Some(Self {
            kind,
            identifier: u16::from_be_bytes([identifier_high, identifier_low]),
            sequence: u16::from_be_bytes([sequence_high, sequence_low]),
            data,
        })
    }

    /// When the request was sent, microseconds; `None` when there was no room to say it, or what
    /// stands there cannot be a time.
    #[must_use]
    pub fn sent_at(&self) -> Option<u64> {
        let (seconds, rest) = self.data.split_first_chunk::<8>()?;
        let (rest, _) = rest.split_first_chunk::<8>()?;
        let microseconds = Some(u64::from_ne_bytes(*rest)).filter(|rest| *rest < MICROSECONDS)?;
        u64::from_ne_bytes(*seconds).checked_mul(MICROSECONDS)?.checked_add(microseconds)
    }

    /// Compares the data after the time stamp; returns the place of the first wrong byte (counted
    /// from the start of the data), what it should be and what it is.
    #[must_use]
    pub fn difference(&self, pattern: &[u8]) -> Option<(usize, u8, u8)> {
        let received = self.data.get(STAMP..).unwrap_or_default();
        let place = received.iter().zip(pattern).position(|(is, should)| is != should)?;
        Some((place + STAMP, *pattern.get(place)?, *received.get(place)?))
    }
}

/// The ICMPv6 error message about a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ErrorReport<'a> {
    /// Type, 1 to 127.
    pub kind: u8,
    /// Code.
    pub code: u8,
    /// MTU, pointer or 0.
    pub info: u32,
    /// The request as far as it is quoted; there is no data in it.
    pub request: Echo<'a>,
    /// Where the request was going.
    pub destination: [u8; 16],
}

impl<'a> ErrorReport<'a> {
    /// Reads an error message (RFC 4443 section 3) that quotes an echo request.
    #[must_use]
    pub fn parse(message: &'a [u8]) -> Option<Self> {
        let (header, quoted) = message.split_first_chunk::<8>()?;
        let [kind @ 1..=127, code, _, _, info @ ..] = *header else { return None };
        let (ipv6, mut rest) = quoted.split_first_chunk::<40>()?;
        let destination = ipv6.last_chunk::<16>().copied()?;
        let mut next = ipv6[6];
        if next == FRAGMENT {
            let (fragment, after) = rest.split_first_chunk::<8>()?;
            // Only the first fragment begins with the ICMPv6 header.
            if u16::from_be_bytes([fragment[2], fragment[3]]) >> 3 != 0 {
                return None;
            }
            (next, rest) = (fragment[0], after);
        }
        let request = Echo::parse(rest).filter(|echo| echo.kind == ECHO_REQUEST)?;
        let info = u32::from_be_bytes(info);
        (next == ICMPV6).then_some(Self { kind, code, info, request, destination })
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::{ECHO_REQUEST, Echo, ErrorReport, HEADER, Probe};

    #[test]
    fn requests() {
        let mut probe = Probe::new(56, 0x1234, None);
        let packet = probe.stamped(7, 3_000_005).to_vec();
        assert_eq!(packet.len(), 64);
        assert_eq!(packet[..8], [128, 0, 0, 0, 0x12, 0x34, 0, 7]);
        assert_eq!(packet[24..28], [16, 17, 18, 19]);
        let echo = Echo::parse(&packet).unwrap();
        assert_eq!((echo.kind, echo.identifier, echo.sequence), (ECHO_REQUEST, 0x1234, 7));
        assert_eq!(echo.sent_at(), Some(3_000_005));
        assert_eq!(echo.difference(probe.pattern()), None);
    }

    #[test]
    fn small_requests_have_no_time() {
        for size in 0..16 {
            let mut probe = Probe::new(size, 1, None);
            assert!(!probe.is_timed(), "{size}");
            let packet = probe.stamped(1, 5).to_vec();
            assert_eq!(packet.len(), HEADER + size);
            let counted: Vec<u8> = (0..size as u8).collect();
            assert_eq!(packet[8..], counted[..]);
            assert_eq!(Echo::parse(&packet).unwrap().sent_at(), None);
        }
    }

    #[test]
    fn changed_data_is_found() {
        let mut probe = Probe::new(40, 1, Some(&[0xab, 0xcd]));
        let mut packet = probe.stamped(1, 5).to_vec();
        assert_eq!(packet[24..27], [0xab, 0xcd, 0xab]);
        packet[8 + 17] = 9;
        let echo = Echo::parse(&packet).unwrap();
        assert_eq!(echo.difference(probe.pattern()), Some((17, 0xcd, 9)));
        // A time that is none, and a reply cut short.
        packet[8 + 8..8 + 16].fill(0xff);
        assert_eq!(Echo::parse(&packet).unwrap().sent_at(), None);
        assert_eq!(Echo::parse(&packet[..20]).unwrap().difference(probe.pattern()), None);
        assert_eq!(Echo::parse(&packet[..7]), None);
        packet[1] = 1;
        assert_eq!(Echo::parse(&packet), None, "only code 0 is an echo");
    }

    #[test]
    fn errors_quote_the_request() {
        let mut message = Vec::from([1, 3, 0, 0, 0, 0, 0, 0]);
        let mut ipv6 = [0; 40];
        ipv6[6] = 58;
        ipv6[39] = 9;
        message.extend(ipv6);
        message.extend(Probe::new(16, 0x55, None).stamped(4, 0));
        let report = ErrorReport::parse(&message).unwrap();
        assert_eq!((report.kind, report.code), (1, 3));
        assert_eq!((report.request.identifier, report.request.sequence), (0x55, 4));
        assert_eq!(report.destination[15], 9);
        for end in 0..56 {
            assert_eq!(ErrorReport::parse(&message[..end]), None, "{end}");
        }
        // A first fragment, then a later one.
        let mut fragmented = message[..48].to_vec();
        fragmented[8 + 6] = 44;
        fragmented.extend([58, 0, 0, 1, 0, 0, 0, 1]);
        fragmented.extend(&message[48..]);
        assert_eq!(ErrorReport::parse(&fragmented).unwrap().request.sequence, 4);
        fragmented[48 + 3] = 8;
        assert_eq!(ErrorReport::parse(&fragmented), None);
        message[0] = 129;
        assert_eq!(ErrorReport::parse(&message), None, "not an error");
    }
}
