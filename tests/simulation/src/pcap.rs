//! Captures in the classic pcap format with nanoseconds, for tcpdump and Wireshark.
//!
//! Format: <https://www.ietf.org/archive/id/draft-ietf-opsawg-pcap-05.html>.

use net::time::Instant;
use std::fs;
use std::io;
use std::path::Path;

const MAGIC_NANOSECONDS: u32 = 0xa1b2_3c4d;
const LINKTYPE_ETHERNET: u32 = 1;
const SNAP_LEN: u32 = 65_535;
/// Octets in front of the first frame.
const FILE_HEADER: usize = 24;
/// Octets in front of each frame.
const FRAME_HEADER: usize = 16;

/// Frames and when they went over the wire.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Capture(Vec<u8>);

impl Capture {
    /// No frames.
    pub fn new() -> Self {
        let mut file = Vec::new();
        file.extend(MAGIC_NANOSECONDS.to_le_bytes());
        file.extend(2u16.to_le_bytes()); // version 2.4
        file.extend(4u16.to_le_bytes());
        file.extend([0; 8]); // time zone and accuracy, both unused
        file.extend(SNAP_LEN.to_le_bytes());
        file.extend(LINKTYPE_ETHERNET.to_le_bytes());
        Self(file)
    }

    /// Adds a frame.
    pub fn push(&mut self, now: Instant, frame: &[u8]) {
        let nanos = now.as_nanos();
        let len = frame.len() as u32;
        for word in [(nanos / 1_000_000_000) as u32, (nanos % 1_000_000_000) as u32, len, len] {
            self.0.extend(word.to_le_bytes());
        }
        self.0.extend(frame);
    }

    /// The file's octets.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The frames, oldest first.
    pub fn frames(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = self.0.get(FILE_HEADER..).unwrap_or_default();
        std::iter::from_fn(move || {
            let (header, after) = rest.split_first_chunk::<FRAME_HEADER>()?;
            let [.., a, b, c, d] = *header;
            let (frame, after) =
                after.split_at_checked(u32::from_le_bytes([a, b, c, d]) as usize)?;
            rest = after;
            Some(frame)
        })
    }

    /// Writes the file.
    pub fn save(&self, path: &Path) -> io::Result<()> {
        fs::write(path, &self.0)
    }
}

impl Default for Capture {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn golden() {
        let mut capture = Capture::new();
        capture.push(Instant::from_nanos(3_000_000_007), &[1, 2, 3]);
        let expected = [
            0x4d, 0x3c, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 1, 0, 0,
            0, // one frame
            3, 0, 0, 0, 7, 0, 0, 0, 3, 0, 0, 0, 3, 0, 0, 0, 1, 2, 3,
        ];
        assert_eq!(capture.as_bytes(), expected);
        capture.push(Instant::ZERO, &[4]);
        assert!(capture.frames().eq([&[1, 2, 3][..], &[4]]));
    }
}
