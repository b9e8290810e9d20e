//! Capture files as libpcap writes and reads them (pcap-savefile(5)).
//!
//! A header of 24 octets, then a header of 16 octets before each packet, in the byte order of who
//! wrote the file. `pcapng` is another format, which is not read.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::link::LinkType;

/// The first number of a file: times with microseconds, or with nanoseconds.
const MAGIC_MICROSECONDS: u32 = 0xa1b2_c3d4;
const MAGIC_NANOSECONDS: u32 = 0xa1b2_3c4d;
/// What libpcap takes for a packet at most; more is a broken file.
pub const LONGEST: usize = 262_144;
/// The length of the file's header.
pub const FILE_HEADER: usize = 24;
/// The length of a packet's header.
pub const PACKET_HEADER: usize = 16;

/// When a packet was captured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Time {
    /// Seconds since 1970.
    pub seconds: u32,
    /// Microseconds of the second.
    pub microseconds: u32,
}

/// The header of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileHeader {
    /// Numbers are in the other byte order.
    swapped: bool,
    nanoseconds: bool,
    /// What packets begin with.
    pub link: LinkType,
    /// No packet is longer in the file.
    pub snapshot: u32,
}

/// The header of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PacketHeader {
    /// When it was captured.
    pub time: Time,
    /// Octets in the file.
    pub captured: usize,
    /// Octets on the wire.
    pub length: usize,
}

fn number(bytes: &[u8], offset: usize, swapped: bool) -> Option<u32> {
    let octets: [u8; 4] = bytes.get(offset..)?.first_chunk().copied()?;
    let value = u32::from_le_bytes(octets);
    Some(if swapped { value.swap_bytes() } else { value })
}

impl FileHeader {
    /// Reads the header of a file.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let magic = number(bytes, 0, false).ok_or("truncated dump file")?;
        let (swapped, nanoseconds) = match magic {
            MAGIC_MICROSECONDS => (false, false),
            MAGIC_NANOSECONDS => (false, true),
            _ => match magic.swap_bytes() {
                MAGIC_MICROSECONDS => (true, false),
                MAGIC_NANOSECONDS => (true, true),
                _ => return Err("unknown file format".into()),
            },
        };
        let field = |offset| number(bytes, offset, swapped).ok_or("truncated dump file");
        let version = field(4)?;
        // The two halves are numbers of their own.
        let major = if swapped { version >> 16 } else { version & 0xffff };
        if major != 2 {
            return Err(format!("unsupported version {major} of the file format"));
        }
        // The upper bits tell of the frame check sequence.
        let kind = field(20)? & 0x03ff_ffff;
        let link = LinkType::from_number(kind)
            .ok_or_else(|| format!("packets of link-layer type {kind} are not understood"))?;
        Ok(Self { swapped, nanoseconds, link, snapshot: field(16)? })
    }

    /// Reads the header of a packet.
    pub fn packet(&self, bytes: &[u8]) -> Result<PacketHeader, String> {
        let field = |offset| number(bytes, offset, self.swapped).ok_or("truncated dump file");
        let fraction = field(4)?;
        let captured = field(8)? as usize;
        if captured > LONGEST {
            return Err(format!("invalid packet capture length {captured}, bigger than {LONGEST}"));
        }
        Ok(PacketHeader {
            time: Time {
                seconds: field(0)?,
                microseconds: if self.nanoseconds { fraction / 1000 } else { fraction },
            },
            captured,
            length: (field(12)? as usize).max(captured),
        })
    }
}

/// The header of a file that is about to be written.
#[must_use]
pub fn file_header(link: LinkType, snapshot: u32) -> [u8; FILE_HEADER] {
    let fields = [MAGIC_MICROSECONDS, 2 | 4 << 16, 0, 0, snapshot, link.number()];
    let mut bytes = [0; FILE_HEADER];
    for (place, field) in bytes.chunks_exact_mut(4).zip(fields) {
        place.copy_from_slice(&field.to_le_bytes());
    }
    bytes
}

/// A packet as the file has it.
#[must_use]
pub fn record(time: Time, packet: &[u8], length: usize) -> Vec<u8> {
    let fields = [time.seconds, time.microseconds, packet.len() as u32, length as u32];
    let mut bytes = Vec::with_capacity(PACKET_HEADER + packet.len());
    bytes.extend(fields.iter().flat_map(|field| field.to_le_bytes()));
    bytes.extend_from_slice(packet);
    bytes
}

#[cfg(test)]
mod tests {
    use super::{FileHeader, LinkType, PACKET_HEADER, Time, file_header, record};

    #[test]
    fn round_trip() {
        let header = FileHeader::parse(&file_header(LinkType::Ethernet, 1234)).unwrap();
        assert_eq!((header.link, header.snapshot), (LinkType::Ethernet, 1234));
        let time = Time { seconds: 1_700_000_000, microseconds: 999_999 };
        let bytes = record(time, b"abcd", 100);
        let packet = header.packet(&bytes).unwrap();
        assert_eq!((packet.time, packet.captured, packet.length), (time, 4, 100));
        assert_eq!(&bytes[PACKET_HEADER..], b"abcd");
    }

    #[test]
    fn other_byte_order_and_nanoseconds() {
        let mut bytes = [0; 24];
        bytes[..4].copy_from_slice(&0xa1b2_3c4d_u32.to_be_bytes());
        bytes[4..8].copy_from_slice(&[0, 2, 0, 4]);
        bytes[20..].copy_from_slice(&1u32.to_be_bytes());
        let header = FileHeader::parse(&bytes).unwrap();
        let mut packet = [0; 16];
        packet[4..8].copy_from_slice(&5_000u32.to_be_bytes());
        packet[8..12].copy_from_slice(&60u32.to_be_bytes());
        let packet = header.packet(&packet).unwrap();
        assert_eq!((packet.time.microseconds, packet.captured, packet.length), (5, 60, 60));
    }

    #[test]
    fn refusals() {
        let good = file_header(LinkType::Ethernet, 1);
        assert!(FileHeader::parse(&good[..23]).is_err());
        assert!(FileHeader::parse(b"root:x:0:0:root:/root:/bin/bash").is_err());
        let mut other = good;
        other[20] = 113;
        assert!(FileHeader::parse(&other).is_err());
        let mut old = good;
        old[4] = 1;
        assert!(FileHeader::parse(&old).is_err());
        let header = FileHeader::parse(&good).unwrap();
        assert!(header.packet(&[0; 15]).is_err());
        assert!(header.packet(&[0xff; 16]).is_err());
    }
}
