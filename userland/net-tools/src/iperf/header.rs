//! What iperf 2 sides say to each other. All numbers are in network byte order.
//!
//! TCP: the client begins with a header of 60 octets, which says how the test goes; the server
//! answers with 28 octets unless the test is reversed. UDP: every datagram begins with 16 octets of
//! sequence number and time, followed by the same 60 octets; the last one has the negative of its
//! number, and the server answers it with its report.

/// Octets 0 to 23 of the header are there, as version 1.7 had them.
const VERSION1: u32 = 0x8000_0000;
/// Octets 24 to 59 are there.
const EXTEND: u32 = 0x4000_0000;
/// UDP: the upper flags are about the test.
const UDP_TESTS: u32 = 0x2000_0000;
/// UDP: sequence numbers have 64 bits.
const SEQUENCE_64: u32 = 0x0800_0000;
/// The header is that of 2.1: the upper flags say which way the traffic goes.
const VERSION2: u32 = 0x0400_0000;
/// TCP: the client wants the acknowledgment of [`acknowledgment`] even in a header of version 2.
const DETECT_PEER: u32 = 0x0200_0000;
/// TCP: a bounce-back test, with another header.
const BOUNCE_BACK: u32 = 0x0080_0000;
/// The length of the header stands in [`LENGTH_MASK`], shifted left by one.
const HAS_LENGTH: u32 = 0x0001_0000;
const LENGTH_MASK: u32 = 0x0000_01fe;
/// With [`VERSION1`] alone: the server connects back at once.
const RUN_NOW: u32 = 0x0000_0001;

/// Upper flag: the server sends.
const REVERSE: u16 = 0x0400;
/// Upper flag: both send.
const FULL_DUPLEX: u16 = 0x0800;

/// The version that this program speaks as: 2.1.8, in the form of the header.
const SPOKEN_VERSION: (u32, u32) = (0x0002_0001, 0x0008_0003);

/// The length of a client's header.
pub const CLIENT: usize = 60;
/// The length of a client's header of version 1.7.
const CLIENT_V1: usize = 24;
/// The length of what stands before it in a datagram.
pub const DATAGRAM: usize = 16;
/// The length of the acknowledgment of a TCP server.
pub const ACKNOWLEDGMENT: usize = 28;
/// The length of a UDP server's report, after the 16 octets of the datagram.
const REPORT: usize = 40;
/// The longest header a length can name.
pub const LONGEST: usize = 255;

/// How much to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amount {
    /// For this long, microseconds; on the wire hundredths of a second.
    Time(u64),
    /// This many octets.
    Bytes(u64),
}

/// What the client asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Test {
    /// The server sends.
    pub reverse: bool,
    /// How many streams the client has.
    pub streams: u32,
    /// The client's port option.
    pub port: u16,
    /// Octets a write; 0 is the default.
    pub length: u32,
    /// The size of the socket buffer; 0 is the default.
    pub window: u32,
    /// How much to send.
    pub amount: Amount,
    /// Bits a second; 0 is no limit.
    pub rate: u64,
}

/// What a server makes of the beginning of a stream or of a datagram after its first 16 octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opening {
    /// No header: all of it is traffic.
    Traffic,
    /// Not all octets are there: so many are needed.
    Needs(usize),
    /// A test that this program does.
    Test {
        /// What it is.
        test: Test,
        /// The length of the header.
        length: usize,
        /// A TCP server answers with [`acknowledgment`].
        wants_acknowledgment: bool,
    },
    /// A test that it does not: the name.
    Unsupported(&'static str),
}

fn u32_at(bytes: &[u8], offset: usize) -> u32 {
    let octets = bytes.get(offset..).and_then(|rest| rest.first_chunk().copied());
    u32::from_be_bytes(octets.unwrap_or_default())
}

fn put(bytes: &mut [u8], offset: usize, value: u32) {
    if let Some(place) = bytes.get_mut(offset..offset + 4) {
        place.copy_from_slice(&value.to_be_bytes());
    }
}

impl Test {
    /// The header, for a stream or for after the first octets of a datagram.
    #[must_use]
    pub fn encode(&self, udp: bool) -> [u8; CLIENT] {
        let mut bytes = [0; CLIENT];
        let length = if udp { DATAGRAM + CLIENT } else { CLIENT };
        let mut flags = EXTEND | HAS_LENGTH | (length as u32) << 1;
        if udp {
            flags |= SEQUENCE_64;
        }
        if self.reverse {
            flags |= VERSION2 | if udp { UDP_TESTS } else { 0 };
        }
        let amount = match self.amount {
            Amount::Time(time) => -i32::try_from(time / 10_000).unwrap_or(i32::MAX),
            Amount::Bytes(bytes) => i32::try_from(bytes).unwrap_or(i32::MAX),
        };
        let upper = if self.reverse { u32::from(REVERSE) << 16 } else { 0 };
        put(&mut bytes, 0, flags);
        put(&mut bytes, 4, self.streams);
        put(&mut bytes, 8, self.port.into());
        put(&mut bytes, 12, self.length);
        put(&mut bytes, 16, self.window);
        put(&mut bytes, 20, amount as u32);
        put(&mut bytes, 32, upper);
        put(&mut bytes, 36, SPOKEN_VERSION.0);
        put(&mut bytes, 40, SPOKEN_VERSION.1);
        put(&mut bytes, 48, self.rate as u32);
        put(&mut bytes, 52, (self.rate >> 32) as u32);
        bytes
    }
}

impl Opening {
    /// Reads the beginning of a stream, or of a datagram after its first 16 octets.
    #[must_use]
    pub fn parse(bytes: &[u8], udp: bool) -> Self {
        if bytes.len() < 4 {
            return Self::Needs(4);
        }
        let flags = u32_at(bytes, 0);
        if flags & BOUNCE_BACK != 0 && !udp {
            return Self::Unsupported("bounce-back");
        }
        if flags & (VERSION1 | EXTEND | VERSION2) == 0 {
            return Self::Traffic;
        }
        let extended = flags & (EXTEND | VERSION2) != 0;
        let shortest = if extended { CLIENT } else { CLIENT_V1 };
        let length = if flags & HAS_LENGTH == 0 {
            shortest
        } else {
            let length = ((flags & LENGTH_MASK) >> 1) as usize;
            if udp { length.saturating_sub(DATAGRAM) } else { length }
        };
        if length < shortest {
            return Self::Traffic;
        }
        if bytes.len() < length {
            return Self::Needs(length);
        }
        let upper = if extended { (u32_at(bytes, 32) >> 16) as u16 } else { 0 };
        if flags & VERSION1 != 0 && !extended {
            // Who measures both ways has the server connect back, in this version.
            return Self::Unsupported(if flags & RUN_NOW == 0 { "tradeoff" } else { "dual" });
        }
        if flags & VERSION2 != 0 && upper & FULL_DUPLEX != 0 {
            return Self::Unsupported("full-duplex");
        }
        let amount = u32_at(bytes, 20) as i32;
        let test = Test {
            reverse: flags & VERSION2 != 0 && upper & REVERSE != 0,
            streams: u32_at(bytes, 4),
            port: u32_at(bytes, 8) as u16,
            length: u32_at(bytes, 12),
            window: u32_at(bytes, 16),
            amount: if amount < 0 {
                Amount::Time(u64::from(amount.unsigned_abs()) * 10_000)
            } else {
                Amount::Bytes(amount as u64)
            },
            rate: u64::from(u32_at(bytes, 48)) | u64::from(u32_at(bytes, 52)) << 32,
        };
        let wants_acknowledgment =
            !udp && extended && (flags & VERSION2 == 0 || flags & DETECT_PEER != 0);
        Self::Test { test, length, wants_acknowledgment }
    }
}

/// What a TCP server answers to the header: type 2, the length, flags, the version.
#[must_use]
pub fn acknowledgment() -> [u8; ACKNOWLEDGMENT] {
    let mut bytes = [0; ACKNOWLEDGMENT];
    put(&mut bytes, 0, 2);
    put(&mut bytes, 4, ACKNOWLEDGMENT as u32);
    put(&mut bytes, 12, SPOKEN_VERSION.0);
    put(&mut bytes, 16, SPOKEN_VERSION.1);
    bytes
}

/// The first octets of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// The sequence number, from 1.
    pub sequence: u64,
    /// It is the last one.
    pub last: bool,
    /// When it was sent, microseconds since 1970.
    pub time: u64,
}

impl Stamp {
    /// Writes it at the beginning of a datagram.
    pub fn write(&self, datagram: &mut [u8]) {
        let number = self.sequence as i64 * if self.last { -1 } else { 1 };
        put(datagram, 0, number as u32);
        put(datagram, 4, (self.time / 1_000_000) as u32);
        put(datagram, 8, (self.time % 1_000_000) as u32);
        put(datagram, 12, (number >> 32) as u32);
    }

    /// Reads it; `None` when the datagram is too short.
    #[must_use]
    pub fn parse(datagram: &[u8]) -> Option<Self> {
        if datagram.len() < DATAGRAM {
            return None;
        }
        let low = u32_at(datagram, 0);
        let high = u32_at(datagram, 12);
        // Old clients have no upper half: there a negative number is one of 32 bits.
        let number = if high == 0 && low >> 31 != 0 {
            i64::from(low as i32)
        } else {
            i64::from(high as i32) << 32 | i64::from(low)
        };
        Some(Self {
            sequence: number.unsigned_abs(),
            last: number < 0,
            time: u64::from(u32_at(datagram, 4)) * 1_000_000 + u64::from(u32_at(datagram, 8)),
        })
    }
}

/// What a UDP server has counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ServerReport {
    /// Octets that arrived.
    pub bytes: u64,
    /// From the first datagram to the last, microseconds.
    pub duration: u64,
    /// Datagrams lost.
    pub lost: u32,
    /// Datagrams that came late.
    pub out_of_order: u32,
    /// Datagrams sent.
    pub datagrams: u32,
    /// RFC 3550 section 6.4.1, microseconds.
    pub jitter: u64,
}

impl ServerReport {
    /// Writes it after the first octets of the last datagram; false when there is no room.
    #[must_use]
    pub fn write(&self, datagram: &mut [u8]) -> bool {
        let Some(bytes) = datagram.get_mut(DATAGRAM..DATAGRAM + REPORT) else { return false };
        put(bytes, 0, VERSION1);
        put(bytes, 4, (self.bytes >> 32) as u32);
        put(bytes, 8, self.bytes as u32);
        put(bytes, 12, (self.duration / 1_000_000) as u32);
        put(bytes, 16, (self.duration % 1_000_000) as u32);
        put(bytes, 20, self.lost);
        put(bytes, 24, self.out_of_order);
        put(bytes, 28, self.datagrams);
        put(bytes, 32, (self.jitter / 1_000_000) as u32);
        put(bytes, 36, (self.jitter % 1_000_000) as u32);
        true
    }

    /// Reads it from an answer; `None` when there is none.
    #[must_use]
    pub fn parse(datagram: &[u8]) -> Option<Self> {
        let bytes = datagram.get(DATAGRAM..DATAGRAM + REPORT)?;
        if u32_at(bytes, 0) & VERSION1 == 0 {
            return None;
        }
        let time = |offset| {
            u64::from(u32_at(bytes, offset)) * 1_000_000 + u64::from(u32_at(bytes, offset + 4))
        };
        Some(Self {
            bytes: u64::from(u32_at(bytes, 4)) << 32 | u64::from(u32_at(bytes, 8)),
            duration: time(12),
            lost: u32_at(bytes, 20),
            out_of_order: u32_at(bytes, 24),
            datagrams: u32_at(bytes, 28),
            jitter: time(32),
        })
    }
}

#[cfg(test)]
mod tests;
