//! A ring of bytes that forgets whole lines.

use core::fmt;

/// The last `N` bytes of text at most, always from the beginning of a line (unless a single line
/// is longer than the ring).
pub struct Ring<const N: usize> {
    bytes: [u8; N],
    /// Position of the oldest byte kept, counted from the first byte ever written.
    start: u64,
    /// Position behind the newest.
    end: u64,
}

impl<const N: usize> Ring<N> {
    /// An empty ring.
    pub const fn new() -> Self {
        Self { bytes: [0; N], start: 0, end: 0 }
    }

    /// Bytes kept.
    pub const fn len(&self) -> usize {
        (self.end - self.start) as usize
    }

    /// Whether nothing is kept.
    pub const fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Position behind the newest byte.
    pub const fn end(&self) -> u64 {
        self.end
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.start = self.end;
    }

    /// Appends text; the oldest lines make room.
    pub fn push(&mut self, text: &[u8]) {
        for byte in text {
            if self.len() == N {
                self.forget_line();
            }
            self.bytes[Self::index(self.end)] = *byte;
            self.end += 1;
        }
    }

    fn index(position: u64) -> usize {
        (position % N as u64) as usize
    }

    fn forget_line(&mut self) {
        while self.start < self.end {
            let byte = self.bytes[Self::index(self.start)];
            self.start += 1;
            if byte == b'\n' {
                break;
            }
        }
    }

    /// Copies from `position` on (or from the oldest line, if that is later or nothing is given).
    /// Returns how many bytes, and the position behind them.
    pub fn read(&self, position: Option<u64>, to: &mut [u8]) -> (usize, u64) {
        let from = position.unwrap_or(self.start).clamp(self.start, self.end);
        let length = to.len().min((self.end - from) as usize);
        for (offset, byte) in to[..length].iter_mut().enumerate() {
            *byte = self.bytes[Self::index(from + offset as u64)];
        }
        (length, from + length as u64)
    }
}

impl<const N: usize> Default for Ring<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize> fmt::Write for Ring<N> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push(text.as_bytes());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contents<const N: usize>(ring: &Ring<N>) -> std::string::String {
        let mut bytes = [0; 64];
        let (length, _) = ring.read(None, &mut bytes);
        std::string::String::from_utf8(bytes[..length].to_vec()).expect("ASCII")
    }

    #[test]
    fn whole_lines_are_forgotten() {
        let mut ring = Ring::<12>::new();
        ring.push(b"one\ntwo\n");
        assert_eq!(contents(&ring), "one\ntwo\n");
        ring.push(b"three\n");
        assert_eq!(contents(&ring), "two\nthree\n");
        ring.push(b"four\n");
        assert_eq!(contents(&ring), "three\nfour\n");
        assert_eq!(ring.end(), 19);
    }

    #[test]
    fn a_line_longer_than_the_ring_keeps_its_end() {
        let mut ring = Ring::<8>::new();
        ring.push(b"abcdefghijklm");
        assert_eq!(contents(&ring), "ijklm");
    }

    #[test]
    fn a_reader_finds_its_place_again() {
        let mut ring = Ring::<12>::new();
        ring.push(b"one\ntwo\n");
        let mut bytes = [0; 4];
        let (length, position) = ring.read(None, &mut bytes);
        assert_eq!((length, &bytes), (4, b"one\n"));
        ring.push(b"three\nfour\n");
        let mut bytes = [0; 6];
        let (length, position) = ring.read(Some(position), &mut bytes);
        assert_eq!((&bytes[..length], position), (b"three\n".as_slice(), 14));
        ring.clear();
        assert_eq!(ring.read(Some(position), &mut bytes), (0, 19));
        assert!(ring.is_empty());
    }
}
