//! UDP (RFC 768) and TCP (RFC 9293) segments.

use super::{Frame, next_header};

impl Frame {
    /// A UDP datagram.
    #[must_use]
    pub fn udp(self, source: u16, destination: u16, data: &[u8]) -> Self {
        let length = 8 + data.len() as u16;
        let words = [source, destination, length, 0];
        let mut datagram: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
        datagram.extend(data);
        self.checksummed(next_header::UDP, datagram, 6)
    }

    /// A UDP datagram whose checksum field is zero.
    #[must_use]
    pub fn udp_without_checksum(self, source: u16, destination: u16, data: &[u8]) -> Self {
        let datagram = self.clone().udp(source, destination, data).upper.1;
        self.upper(next_header::UDP, &datagram)
    }

    /// A TCP segment without options; `flags` are letters such as "SA" or "F".
    #[must_use]
    pub fn tcp(
        self,
        (source, destination): (u16, u16),
        sequence: u32,
        acknowledgment: u32,
        flags: &str,
        data: &[u8],
    ) -> Self {
        let bits = "FSRPAUEC".char_indices().filter(|(_, letter)| flags.contains(*letter));
        let flags = bits.fold(0_u8, |sum, (bit, _)| sum | 1 << bit);
        let mut segment = [source.to_be_bytes(), destination.to_be_bytes()].concat();
        segment.extend(sequence.to_be_bytes());
        segment.extend(acknowledgment.to_be_bytes());
        segment.extend([5 << 4, flags, 0xff, 0xff, 0, 0, 0, 0]);
        segment.extend(data);
        self.checksummed(next_header::TCP, segment, 16)
    }
}
