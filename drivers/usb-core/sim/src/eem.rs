//! EEM packets as a device makes and reads them (EEM 1.0 section 5.1.2).

/// A frame with its header; the CRC is said to be not computed.
pub(crate) fn packet(frame: &[u8]) -> Vec<u8> {
    let mut packet = ((frame.len() + 4) as u16).to_le_bytes().to_vec();
    packet.extend(frame);
    packet.extend([0xde, 0xad, 0xbe, 0xef]);
    packet
}

/// The frames in a transfer; `None` when a device could not read it.
pub(crate) fn frames(transfer: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut frames = Vec::new();
    let mut rest = transfer;
    while !rest.is_empty() {
        let (header, behind) = rest.split_first_chunk()?;
        let header = u16::from_le_bytes(*header);
        if header & 0x8000 != 0 {
            return None;
        }
        let (packet, behind) = behind.split_at_checked(usize::from(header & 0x3fff))?;
        rest = behind;
        if packet.is_empty() {
            continue;
        }
        let (frame, crc) = packet.split_last_chunk()?;
        if header & 0x4000 != 0 || *crc != [0xde, 0xad, 0xbe, 0xef] {
            return None;
        }
        frames.push(frame.to_vec());
    }
    Some(frames)
}
