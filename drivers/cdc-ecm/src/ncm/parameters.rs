//! What a device says of the blocks it sends and takes (NCM 1.0 table 6-3).

/// The answer to GET_NTB_PARAMETERS, as far as it matters to the 16-bit format.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NtbParameters {
    /// bmNtbFormatsSupported: bit 0 is the 16-bit format, bit 1 the 32-bit one.
    pub formats: u16,
    /// dwNtbInMaxSize: bytes of the largest block it sends.
    pub in_max_size: u32,
    /// dwNtbOutMaxSize: bytes of the largest block it takes.
    pub out_max_size: u32,
    /// wNdpOutDivisor.
    pub out_divisor: u16,
    /// wNdpOutPayloadRemainder.
    pub out_remainder: u16,
    /// wNdpOutAlignment: of the datagram pointer table within a block.
    pub out_alignment: u16,
    /// wNtbOutMaxDatagrams: frames in a block to the device; 0 is any number.
    pub out_max_datagrams: u16,
}

impl NtbParameters {
    /// Bytes of the answer.
    pub const LENGTH: usize = 28;
    /// Bit of bmNtbFormatsSupported: 32-bit blocks.
    pub const FORMAT_32: u16 = 1 << 1;

    /// Reads the answer; `None` when it is too short.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; Self::LENGTH] = bytes.first_chunk()?;
        let [_, _, f0, f1, i0, i1, i2, i3, _, _, _, _, _, _, _, _, out @ ..] = *bytes;
        let [o0, o1, o2, o3, d0, d1, r0, r1, a0, a1, n0, n1] = out;
        Some(Self {
            formats: u16::from_le_bytes([f0, f1]),
            in_max_size: u32::from_le_bytes([i0, i1, i2, i3]),
            out_max_size: u32::from_le_bytes([o0, o1, o2, o3]),
            out_divisor: u16::from_le_bytes([d0, d1]),
            out_remainder: u16::from_le_bytes([r0, r1]),
            out_alignment: u16::from_le_bytes([a0, a1]),
            out_max_datagrams: u16::from_le_bytes([n0, n1]),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_is_where_the_standard_has_it() {
        let bytes = [
            28, 0, 3, 0, 0, 64, 0, 0, 4, 0, 0, 0, 4, 0, 0, 0, // to the host
            0, 32, 0, 0, 8, 0, 2, 0, 16, 0, 5, 0, // to the device
        ];
        assert_eq!(
            NtbParameters::parse(&bytes),
            Some(NtbParameters {
                formats: 3,
                in_max_size: 16384,
                out_max_size: 8192,
                out_divisor: 8,
                out_remainder: 2,
                out_alignment: 16,
                out_max_datagrams: 5,
            })
        );
        assert_eq!(NtbParameters::parse(&bytes[..27]), None);
    }
}
