//! One direction of a transfer: a source, a sink, and a buffer between them.
//!
//! The buffer takes one read at a time and is empty before the next. That bounds it, keeps the
//! boundaries of datagrams, and holds back a source that is faster than its sink.

use alloc::boxed::Box;
use alloc::vec;

use rustix::io::Errno;

/// The most that is read at once, bytes.
pub const CAPACITY: usize = 64 * 1024;

/// A direction.
#[derive(Debug)]
pub struct Flow {
    buffer: Box<[u8]>,
    /// What of the buffer is still to be written.
    start: usize,
    end: usize,
    source_ended: bool,
    sink_ended: bool,
}

impl Default for Flow {
    fn default() -> Self {
        let buffer = vec![0; CAPACITY].into_boxed_slice();
        Self { buffer, start: 0, end: 0, source_ended: false, sink_ended: false }
    }
}

impl Flow {
    /// Whether there is reason to read.
    #[must_use]
    pub fn takes_input(&self) -> bool {
        !self.source_ended && !self.sink_ended && self.is_empty()
    }

    /// Whether there is reason to write.
    #[must_use]
    pub fn has_output(&self) -> bool {
        !self.sink_ended && !self.is_empty()
    }

    /// Whether everything read has been written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Nothing will come out of this direction any more.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.sink_ended || (self.source_ended && self.is_empty())
    }

    /// Whether the sink takes no more.
    #[must_use]
    pub fn sink_has_ended(&self) -> bool {
        self.sink_ended
    }

    /// Whether the source has no more.
    #[must_use]
    pub fn source_has_ended(&self) -> bool {
        self.source_ended
    }

    /// The source has no more.
    pub fn end_source(&mut self) {
        self.source_ended = true;
    }

    /// The sink takes no more; what waits for it is lost.
    pub fn end_sink(&mut self) {
        self.sink_ended = true;
        self.start = self.end;
    }

    /// Reads once, at most `most` bytes; returns how many came. A read that would have to wait is
    /// no error.
    pub fn fill(
        &mut self,
        most: usize,
        read: impl FnOnce(&mut [u8]) -> Result<usize, Errno>,
    ) -> Result<Option<usize>, Errno> {
        let most = most.min(self.buffer.len());
        let Some(room) = self.buffer.get_mut(..most) else { return Ok(None) };
        match read(room) {
            Ok(length) => {
                self.start = 0;
                self.end = length.min(most);
                Ok(Some(length))
            }
            Err(Errno::AGAIN | Errno::INTR) => Ok(None),
            Err(errno) => Err(errno),
        }
    }

    /// Writes once, at most `most` bytes and no further than the end of a line when `by_line`;
    /// returns whether that emptied the buffer or ended a line. A write that would have to wait is
    /// no error.
    pub fn drain(
        &mut self,
        most: usize,
        by_line: bool,
        write: impl FnOnce(&[u8]) -> Result<usize, Errno>,
    ) -> Result<bool, Errno> {
        let waiting = self.buffer.get(self.start..self.end).unwrap_or_default();
        let line = waiting.iter().position(|byte| by_line && *byte == b'\n');
        let length = line.map_or(waiting.len(), |newline| newline + 1).min(most);
        let piece = waiting.get(..length).unwrap_or_default();
        match write(piece) {
            Ok(written) => {
                let written = written.min(piece.len());
                let ends_line = piece.get(..written).is_some_and(|sent| sent.ends_with(b"\n"));
                self.start += written;
                Ok(self.is_empty() || (by_line && ends_line))
            }
            Err(Errno::AGAIN | Errno::INTR) => Ok(false),
            Err(errno) => Err(errno),
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use rustix::io::Errno;

    use super::{CAPACITY, Flow};

    fn put(flow: &mut Flow, text: &[u8]) {
        let filled = flow.fill(CAPACITY, |room| {
            room[..text.len()].copy_from_slice(text);
            Ok(text.len())
        });
        assert_eq!(filled, Ok(Some(text.len())));
    }

    #[test]
    fn a_slow_sink_holds_back_the_source() {
        let mut flow = Flow::default();
        assert!(flow.takes_input() && !flow.has_output());
        put(&mut flow, b"abc");
        assert!(!flow.takes_input() && flow.has_output());
        assert_eq!(flow.drain(CAPACITY, false, |_| Err(Errno::AGAIN)), Ok(false));
        assert_eq!(flow.drain(2, false, |piece| Ok(piece.len())), Ok(false));
        flow.end_source();
        assert!(!flow.is_done(), "one byte waits");
        let mut last = Vec::new();
        let drained = flow.drain(CAPACITY, false, |piece| {
            last.extend(piece);
            Ok(1)
        });
        assert_eq!((drained, last.as_slice()), (Ok(true), &b"c"[..]));
        assert!(flow.is_done());
    }

    #[test]
    fn line_by_line() {
        let mut flow = Flow::default();
        put(&mut flow, b"one\ntwo\nrest");
        let mut sent = Vec::new();
        while !flow.is_empty() {
            let drained = flow.drain(CAPACITY, true, |piece| {
                sent.push(Vec::from(piece));
                Ok(piece.len())
            });
            assert_eq!(drained, Ok(true));
        }
        assert_eq!(sent, [&b"one\n"[..], b"two\n", b"rest"]);
    }

    #[test]
    fn a_sink_that_ends_takes_nothing_more() {
        let mut flow = Flow::default();
        put(&mut flow, b"abc");
        flow.end_sink();
        assert!(flow.is_done() && !flow.has_output() && !flow.takes_input());
    }

    #[test]
    fn reading_less_than_the_buffer_holds() {
        let mut flow = Flow::default();
        let mut offered = 0;
        let filled = flow.fill(1232, |room| {
            offered = room.len();
            Ok(0)
        });
        assert_eq!((filled, offered), (Ok(Some(0)), 1232));
        assert_eq!(flow.fill(1, |_| Err(Errno::IO)), Err(Errno::IO));
        assert_eq!(flow.fill(1, |_| Err(Errno::AGAIN)), Ok(None));
    }
}
