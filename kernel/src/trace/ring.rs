//! A bounded queue of encoded frames: a frame is in it whole or not at all.
//!
//! What it holds is what the encoder wrote; a frame's end is a zero byte, which only the reader of
//! the second port looks for.

/// Bytes of frames that wait for the port.
pub struct Ring<const N: usize> {
    bytes: [u8; N],
    /// Position of the oldest byte that waits, counted from the first byte ever written.
    start: u64,
    /// Position behind the last finished frame.
    end: u64,
    /// Position behind the frame that is being written.
    open: u64,
    /// The frame that is being written found no room.
    overflown: bool,
    frames: u64,
    lost: u64,
}

impl<const N: usize> Ring<N> {
    /// An empty ring.
    pub const fn new() -> Self {
        Self { bytes: [0; N], start: 0, end: 0, open: 0, overflown: false, frames: 0, lost: 0 }
    }

    /// Whether no finished frame waits.
    pub const fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Count of frames that were taken in.
    pub const fn frames(&self) -> u64 {
        self.frames
    }

    /// Count of frames that were dropped because there was no room.
    pub const fn lost(&self) -> u64 {
        self.lost
    }

    /// Appends to the frame that is being written.
    pub fn push(&mut self, bytes: &[u8]) {
        let used = (self.open - self.start) as usize;
        if self.overflown || bytes.len() > N - used {
            self.overflown = true;
            return;
        }
        for byte in bytes {
            self.bytes[Self::index(self.open)] = *byte;
            self.open += 1;
        }
    }

    /// Ends the frame. One that did not fit leaves nothing behind but its count.
    pub fn finish(&mut self) {
        if self.overflown {
            self.overflown = false;
            self.open = self.end;
            self.lost += 1;
        } else {
            self.end = self.open;
            self.frames += 1;
        }
    }

    /// Moves the oldest bytes of finished frames to `to`, and returns how many those are.
    pub fn take(&mut self, to: &mut [u8]) -> usize {
        let length = to.len().min((self.end - self.start) as usize);
        for byte in &mut to[..length] {
            *byte = self.bytes[Self::index(self.start)];
            self.start += 1;
        }
        length
    }

    fn index(position: u64) -> usize {
        (position % N as u64) as usize
    }
}

impl<const N: usize> Default for Ring<N> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    fn frame<const N: usize>(ring: &mut Ring<N>, parts: &[&[u8]]) {
        for part in parts {
            ring.push(part);
        }
        ring.finish();
    }

    fn drain<const N: usize>(ring: &mut Ring<N>, at_once: usize) -> Vec<u8> {
        let mut all = Vec::new();
        let mut chunk = [0; 16];
        loop {
            let count = ring.take(&mut chunk[..at_once]);
            if count == 0 {
                return all;
            }
            all.extend_from_slice(&chunk[..count]);
        }
    }

    #[test]
    fn an_unfinished_frame_is_not_taken() {
        let mut ring = Ring::<8>::new();
        frame(&mut ring, &[b"ab", b"\0"]);
        ring.push(b"cd");
        assert_eq!(drain(&mut ring, 16), b"ab\0");
        assert!(ring.is_empty());
        ring.push(b"\0");
        ring.finish();
        assert_eq!(drain(&mut ring, 16), b"cd\0");
    }

    #[test]
    fn a_frame_without_room_is_dropped_whole_and_counted() {
        let mut ring = Ring::<8>::new();
        frame(&mut ring, &[b"abcd\0"]);
        // The second part fits again, but must not be taken without the first.
        frame(&mut ring, &[b"efgh", b"i\0"]);
        assert_eq!((ring.frames(), ring.lost()), (1, 1));
        frame(&mut ring, &[b"jk\0"]);
        assert_eq!((ring.frames(), ring.lost()), (2, 1));
        frame(&mut ring, &[b"\0"]);
        assert_eq!(ring.lost(), 2);
        assert_eq!(drain(&mut ring, 3), b"abcd\0jk\0");
    }

    #[test]
    fn a_frame_larger_than_the_ring_is_dropped() {
        let mut ring = Ring::<8>::new();
        frame(&mut ring, &[b"abcd", b"efgh", b"\0"]);
        assert!(ring.is_empty());
        assert_eq!((ring.frames(), ring.lost()), (0, 1));
    }

    #[test]
    fn bytes_come_out_in_order_around_the_end() {
        let mut ring = Ring::<7>::new();
        let (mut expected, mut taken) = (Vec::new(), Vec::new());
        for number in 1..=100_u8 {
            frame(&mut ring, &[&[number], &[number, 0]]);
            expected.extend_from_slice(&[number, number, 0]);
            taken.extend(drain(&mut ring, 2));
        }
        assert_eq!(taken, expected);
        assert_eq!((ring.frames(), ring.lost()), (100, 0));
    }
}
