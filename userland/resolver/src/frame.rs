//! Messages in a stream: two octets of length before each (RFC 1035 section 4.2.2).

use alloc::vec::Vec;

/// `message` as it goes into a stream; `None` when it is longer than a message can be.
#[must_use]
pub fn frame(message: &[u8]) -> Option<Vec<u8>> {
    let length = u16::try_from(message.len()).ok()?;
    let mut bytes = Vec::with_capacity(message.len() + 2);
    bytes.extend(length.to_be_bytes());
    bytes.extend(message);
    Some(bytes)
}

/// Puts the pieces of one message together.
#[derive(Clone, Debug, Default)]
pub struct Reader {
    bytes: Vec<u8>,
}

impl Reader {
    /// Takes the next piece of the stream; returns the message once it is whole. What comes after
    /// it is not kept: one question is asked per stream.
    pub fn take(&mut self, piece: &[u8]) -> Option<&[u8]> {
        let length = |bytes: &[u8]| {
            let octets = bytes.first_chunk().copied()?;
            Some(2 + usize::from(u16::from_be_bytes(octets)))
        };
        let most = length(&self.bytes).unwrap_or(2 + usize::from(u16::MAX));
        let room = most.saturating_sub(self.bytes.len());
        self.bytes.extend(piece.iter().take(room));
        let end = length(&self.bytes)?;
        self.bytes.get(2..end)
    }
}

#[cfg(test)]
mod tests {
    use super::{Reader, frame};

    #[test]
    fn pieces_become_a_message() {
        let bytes = frame(b"hello").unwrap();
        assert_eq!(bytes, b"\0\x05hello");
        let mut reader = Reader::default();
        for piece in bytes[..6].chunks(1) {
            assert_eq!(reader.take(piece), None);
        }
        assert_eq!(reader.take(b"o and more"), Some(&b"hello"[..]));
        assert_eq!(Reader::default().take(b"\0\0"), Some(&b""[..]));
        assert_eq!(frame(&alloc::vec![0; 65536]), None);
    }

    #[test]
    fn nobody_makes_it_grow() {
        let mut reader = Reader::default();
        for _ in 0..100 {
            reader.take(&[0xff; 10_000]);
        }
        assert!(reader.bytes.len() <= 65537);
    }
}
