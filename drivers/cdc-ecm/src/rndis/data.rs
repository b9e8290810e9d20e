//! Frames on the data path: REMOTE_NDIS_PACKET_MSG ([MS-RNDIS] section 2.2.14).

use super::message::MessageError;
use crate::stream::{Content, Message};

/// Bytes in front of a frame when nothing else is in the message.
pub(crate) const HEADER: usize = 44;

/// MessageType of a frame.
const KIND: u32 = 1;
/// Where DataOffset counts from.
const OFFSET_BASE: usize = 8;

/// The header of a message with a frame of `frame` bytes and `padding` bytes behind it, which the
/// message's length covers.
///
/// Padding outside the message is what other hosts use to avoid transfers that end with a full
/// packet; but a device that reads messages as a stream takes it for the start of the next one.
pub fn data_header(frame: usize, padding: usize) -> [u8; HEADER] {
    let words = [
        KIND,
        // A frame is at most a packet buffer long.
        (HEADER + frame + padding) as u32,
        (HEADER - OFFSET_BASE) as u32,
        frame as u32,
    ];
    let mut bytes = [0; HEADER];
    for (to, word) in bytes.chunks_exact_mut(4).zip(words) {
        to.copy_from_slice(&word.to_le_bytes());
    }
    bytes
}

/// MessageLength of the message that `bytes` begin with, when enough of it is there.
pub(crate) fn message_length(bytes: &[u8]) -> Option<usize> {
    let length = u32::from_le_bytes(*bytes.get(4..)?.first_chunk()?);
    usize::try_from(length).ok()
}

/// Reads the message that `bytes` begin with, which must be there completely.
pub fn parse_packet(bytes: &[u8]) -> Result<Message, MessageError> {
    let length = message_length(bytes).ok_or(MessageError::Truncated)?;
    // Below 8 the walk through a transfer would not get on.
    let message = bytes
        .get(..length)
        .filter(|message| message.len() >= OFFSET_BASE)
        .ok_or(MessageError::Length(length as u32))?;
    let word = |at: usize| {
        let bytes = message.get(at..).and_then(<[u8]>::first_chunk);
        bytes.map(|bytes| u32::from_le_bytes(*bytes)).ok_or(MessageError::Truncated)
    };
    if word(0)? != KIND {
        return Ok(Message { length, content: Content::Other });
    }
    let range = |offset: u32, size: u32| {
        let start = usize::try_from(offset).ok()?.checked_add(OFFSET_BASE)?;
        let end = start.checked_add(usize::try_from(size).ok()?)?;
        (end <= length).then_some(start..end)
    };
    let frame = range(word(8)?, word(12)?).ok_or(MessageError::Range)?;
    Ok(Message { length, content: Content::Frame(frame) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for (frame, padding) in [(60, 0), (1514, 0), (84, 1)] {
            let mut bytes = [0; 2048];
            bytes[..HEADER].copy_from_slice(&data_header(frame, padding));
            assert_eq!(
                parse_packet(&bytes),
                Ok(Message {
                    length: HEADER + frame + padding,
                    content: Content::Frame(HEADER..HEADER + frame)
                })
            );
        }
    }

    #[test]
    fn frames_outside_their_message_are_refused() {
        let mut bytes = [0; 100];
        bytes[..HEADER].copy_from_slice(&data_header(56, 0));
        assert!(parse_packet(&bytes).is_ok());
        assert_eq!(parse_packet(&bytes[..99]), Err(MessageError::Length(100)));
        for (at, value) in [(8, 37), (12, 57), (8, u32::MAX), (12, u32::MAX)] {
            let mut wrong = bytes;
            wrong[at..at + 4].copy_from_slice(&value.to_le_bytes());
            assert_eq!(parse_packet(&wrong), Err(MessageError::Range), "{at} {value}");
        }
        bytes[4..8].copy_from_slice(&4_u32.to_le_bytes());
        assert_eq!(parse_packet(&bytes), Err(MessageError::Length(4)));
    }

    #[test]
    fn other_messages_carry_no_frame() {
        let mut bytes = [0; 12];
        bytes[0] = 8;
        bytes[4] = 12;
        assert_eq!(parse_packet(&bytes), Ok(Message { length: 12, content: Content::Other }));
    }
}
