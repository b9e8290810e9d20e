//! Blocks from the device: put together from transfers, taken apart into frames.
//!
//! A device that keeps to the size it was asked for sends a block in a transfer. One that does not
//! let itself be asked sends larger ones, which arrive as full transfers and a rest; they are kept
//! side by side, never moved together.
//!
//! The last frame of a block is passed on in the buffer it came in, unless it straddles two; the
//! others are copied out. With blocks of 2048 bytes a frame of full size is alone in its block, so
//! that only small ones are copied.

use super::ntb::{Datagrams, Header, NTH16, NtbError};
use crate::counters::{Counters, count};
use core::cell::Cell;
use core::ops::Range;
use heapless::Vec;
use net::buffer::PacketBuffer;
use net::netif::{LinkDrop, Port};

/// Transfers that a block may be spread over: 64 KiB in windows of 3584 bytes.
const MAX_PIECES: usize = 19;

/// What is kept from one transfer to the next.
pub struct Assembly<B> {
    /// The transfers of the present block. All but the last are equally long.
    pieces: Vec<B, MAX_PIECES>,
    /// Bytes of the largest block of the device.
    max_size: usize,
    /// The rest of a block that makes no sense is still to come.
    skipping: bool,
    /// wSequence of the next block, once one has come.
    next_sequence: Option<u16>,
}

impl<B: PacketBuffer> Assembly<B> {
    /// For a device whose blocks have at most `max_size` bytes.
    pub fn new(max_size: usize) -> Self {
        Self { pieces: Vec::new(), max_size, skipping: false, next_sequence: None }
    }

    /// Forgets what was begun, after an error on the pipe.
    pub fn reset(&mut self) {
        self.pieces.clear();
        self.skipping = false;
    }

    /// Takes a transfer. `buffer`'s window is what arrived; `full` says whether it filled the
    /// buffer, so that the block may go on in the next one. Frames go to `deliver`.
    pub fn transfer<P: Port<Buffer = B>>(
        &mut self,
        buffer: B,
        full: bool,
        port: &P,
        counters: &Cell<Counters>,
        deliver: impl FnMut(B),
    ) {
        if self.skipping {
            self.skipping = full;
            return;
        }
        let lose = |error: NtbError| {
            log::debug!("ncm: block dropped: {error}");
            count(counters, |c| c.malformed += 1);
            port.count(LinkDrop::ReceiveMalformed);
        };
        if buffer.is_empty() {
            // The end of a block that was begun, or just a packet without data.
            if self.pieces.is_empty() {
                return;
            }
        } else if self.pieces.push(buffer).is_err() {
            lose(NtbError::Truncated);
            self.pieces.clear();
            self.skipping = full;
            return;
        }
        let header = match self.pieces.first().map(|first| Header::parse(first.data())) {
            Some(Ok(header)) => header,
            Some(Err(error)) => {
                lose(error);
                self.pieces.clear();
                self.skipping = full;
                return;
            }
            None => return,
        };
        let arrived: usize = self.pieces.iter().map(PacketBuffer::len).sum();
        let wanted = match usize::from(header.block_length) {
            0 => self.max_size,
            length => length,
        };
        if full && arrived < wanted {
            return;
        }
        if arrived < usize::from(header.block_length) || wanted < NTH16 {
            lose(NtbError::Truncated);
            self.pieces.clear();
            return;
        }
        count(counters, |c| c.blocks += 1);
        if self.next_sequence.is_some_and(|next| next != header.sequence) {
            count(counters, |c| c.sequence_gaps += 1);
        }
        self.next_sequence = Some(header.sequence.wrapping_add(1));
        self.unpack(header, arrived.min(wanted), port, counters, deliver);
    }

    /// Passes on the frames of a block that is complete.
    fn unpack<P: Port<Buffer = B>>(
        &mut self,
        header: Header,
        length: usize,
        port: &P,
        counters: &Cell<Counters>,
        mut deliver: impl FnMut(B),
    ) {
        let pieces = core::mem::take(&mut self.pieces);
        let size = pieces.first().map_or(0, PacketBuffer::len);
        let byte = |at: usize| pieces.get(at.checked_div(size)?)?.data().get(at % size).copied();
        let word = |at: usize| Some(u16::from_le_bytes([byte(at)?, byte(at + 1)?]));
        let mut copy_out = |range: Range<usize>| {
            if let Some(frame) = copy(&pieces, size, range, port) {
                count(counters, |c| c.copied += 1);
                deliver(frame);
            } else {
                count(counters, |c| c.no_buffer += 1);
                port.count(LinkDrop::ReceiveNoBuffer);
            }
        };
        let mut last: Option<Range<usize>> = None;
        for datagram in Datagrams::new(header, length, word) {
            match datagram {
                Ok(range) => {
                    if let Some(before) = last.replace(range) {
                        copy_out(before);
                    }
                }
                Err(error) => {
                    log::debug!("ncm: {error}");
                    count(counters, |c| c.malformed += 1);
                    port.count(LinkDrop::ReceiveMalformed);
                }
            }
        }
        let Some(last) = last else { return };
        let (first_piece, last_piece) = (last.start / size, (last.end - 1) / size);
        if first_piece != last_piece {
            copy_out(last);
            return;
        }
        // The piece is there: the datagram lies within what arrived.
        if let Some(mut buffer) = pieces.into_iter().nth(first_piece) {
            buffer.truncate(last.end - first_piece * size);
            buffer.trim_front(last.start - first_piece * size);
            deliver(buffer);
        }
    }
}

/// A frame out of pieces of `size` bytes.
fn copy<P: Port>(
    pieces: &[P::Buffer],
    size: usize,
    range: Range<usize>,
    port: &P,
) -> Option<P::Buffer> {
    let mut frame = port.allocate()?;
    let mut at = range.start;
    while at < range.end {
        let piece = pieces.get(at / size)?.data();
        let from = at % size;
        let part = piece.get(from..piece.len().min(from + range.end - at))?;
        if part.is_empty() {
            return None;
        }
        frame.append(part.len())?.copy_from_slice(part);
        at += part.len();
    }
    Some(frame)
}
