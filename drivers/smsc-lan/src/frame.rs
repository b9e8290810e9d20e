//! The words in front of frames on the bulk pipes.
//!
//! ```text
//!  from the device   ┌ status ┬ frame, FCS ┬ to a multiple of 4 ┬ status ┬ …
//!  to the device     ┌ command A ┬ command B ┬ frame
//! ```

use crate::chip::Model;
use core::ops::Range;

/// Bytes of the FCS behind a received frame.
const FCS: usize = 4;
/// Frames begin on multiples of this, counted from the first status.
const ALIGNMENT: usize = 4;

/// Bytes in front of a frame to the device.
pub const COMMAND: usize = 8;
/// Bytes of a received message from which its length is known.
pub const RECEIVE_PREFIX: usize = 4;

/// LAN95xx receive status: frame length, and the summary of all errors.
const LAN95XX_LENGTH: u32 = 16;
const LAN95XX_LENGTH_MASK: u32 = 0x3fff;
const LAN95XX_ERROR: u32 = 1 << 15;
/// LAN95xx transmit command A: first and last segment of a frame.
const LAN95XX_WHOLE: u32 = 1 << 13 | 1 << 12;
/// The largest length that its commands hold.
const LAN95XX_MAX: u32 = 0x7ff;

/// LAN78xx receive command A: frame length, and that there was an error.
const LAN78XX_LENGTH_MASK: u32 = 0x3fff;
const LAN78XX_ERROR: u32 = 1 << 22;
/// LAN78xx transmit command A: append the FCS.
const LAN78XX_APPEND_FCS: u32 = 1 << 22;
const LAN78XX_MAX: u32 = 0x000f_ffff;

/// A received message: status words and a frame.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Received {
    /// Bytes of the message with the padding behind it: where the next one begins.
    pub length: usize,
    /// Where the frame is, without its FCS.
    pub frame: Range<usize>,
    /// Whether it came undamaged over the wire.
    pub intact: bool,
}

impl Model {
    /// Bytes of the status words in front of a received frame.
    const fn status(self) -> usize {
        match self {
            Self::Lan95xx => 4,
            Self::Lan78xx => 10,
        }
    }
}

fn status_word(bytes: &[u8]) -> Option<u32> {
    bytes.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))
}

/// Bytes of the message that `bytes` begin with, when enough of it is there. The padding behind
/// the last one of a transfer is not sent by every chip, and is not counted.
pub fn received_length(model: Model, bytes: &[u8]) -> Option<usize> {
    let status = status_word(bytes)?;
    let frame = match model {
        Model::Lan95xx => status >> LAN95XX_LENGTH & LAN95XX_LENGTH_MASK,
        Model::Lan78xx => status & LAN78XX_LENGTH_MASK,
    };
    // At most 16 KiB.
    Some(model.status() + frame as usize)
}

/// Reads the message that `bytes` begin with, which must be there completely. `None` when it makes
/// no sense.
pub fn received(model: Model, bytes: &[u8]) -> Option<Received> {
    let status = status_word(bytes)?;
    let end = received_length(model, bytes).filter(|end| *end <= bytes.len())?;
    let start = model.status();
    let error = match model {
        Model::Lan95xx => LAN95XX_ERROR,
        Model::Lan78xx => LAN78XX_ERROR,
    };
    let intact = status & error == 0;
    // Only what is damaged may be shorter than its FCS.
    let frame = start..end.saturating_sub(FCS).max(start);
    (!frame.is_empty() || !intact).then_some(Received {
        length: end.next_multiple_of(ALIGNMENT),
        frame,
        intact,
    })
}

/// The words in front of a frame of `length` octets; `None` when it is too long.
pub fn command(model: Model, length: usize) -> Option<[u8; COMMAND]> {
    let length = u32::try_from(length).ok()?;
    let (a, b, most) = match model {
        Model::Lan95xx => (LAN95XX_WHOLE | length, length, LAN95XX_MAX),
        Model::Lan78xx => (LAN78XX_APPEND_FCS | length, 0, LAN78XX_MAX),
    };
    if length > most {
        return None;
    }
    let ([a0, a1, a2, a3], [b0, b1, b2, b3]) = (a.to_le_bytes(), b.to_le_bytes());
    Some([a0, a1, a2, a3, b0, b1, b2, b3])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;
    use std::vec;

    #[test]
    fn a_frame_of_each_family() {
        // 61 octets and FCS.
        let mut bytes = vec![0; 80];
        bytes[..4].copy_from_slice(&(65_u32 << 16 | 0x20).to_le_bytes());
        let expected = Received { length: 72, frame: 4..65, intact: true };
        assert_eq!(received(Model::Lan95xx, &bytes), Some(expected.clone()));
        // The padding may be missing.
        assert_eq!(received(Model::Lan95xx, &bytes[..69]), Some(expected));
        assert_eq!(received(Model::Lan95xx, &bytes[..68]), None);
        bytes[..4].copy_from_slice(&65_u32.to_le_bytes());
        let expected = Received { length: 76, frame: 10..71, intact: true };
        assert_eq!(received(Model::Lan78xx, &bytes), Some(expected));
    }

    #[test]
    fn damaged_frames_are_passed_over() {
        let mut bytes = [0; 80];
        bytes[..4].copy_from_slice(&(64_u32 << 16 | 0x8002).to_le_bytes());
        assert_eq!(
            received(Model::Lan95xx, &bytes),
            Some(Received { length: 68, frame: 4..64, intact: false })
        );
        bytes[..4].copy_from_slice(&(LAN78XX_ERROR | 0x3c).to_le_bytes());
        assert_eq!(
            received(Model::Lan78xx, &bytes),
            Some(Received { length: 72, frame: 10..66, intact: false })
        );
        // Less than an FCS, without an error: nonsense.
        bytes[..4].copy_from_slice(&(4_u32 << 16).to_le_bytes());
        assert_eq!(received(Model::Lan95xx, &bytes), None);
    }

    #[test]
    fn commands_hold_what_fits() {
        assert_eq!(command(Model::Lan95xx, 60), Some([60, 0x30, 0, 0, 60, 0, 0, 0]));
        assert_eq!(command(Model::Lan95xx, 0x800), None);
        assert_eq!(command(Model::Lan78xx, 1514), Some([0xea, 0x05, 0x40, 0, 0, 0, 0, 0]));
    }

    proptest! {
        #[test]
        fn anything(bytes in vec(any::<u8>(), 0..100)) {
            for model in [Model::Lan95xx, Model::Lan78xx] {
                if let Some(Received { length, frame, .. }) = received(model, &bytes) {
                    // A walk gets on, and a frame is where bytes are.
                    prop_assert!(length >= RECEIVE_PREFIX);
                    prop_assert!(bytes.get(frame).is_some());
                }
            }
        }
    }
}
