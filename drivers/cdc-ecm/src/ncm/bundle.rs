//! Blocks to the device.
//!
//! ```text
//!  ┌───────┬───────┬───────────────────┬ … ┬────────┬ … ┬────────┬ … ┐
//!  │ NTH16 │ NDP16 │ entries, null     │   │ frame  │   │ frame  │   │
//!  └───────┴───────┴───────────────────┴ … ┴────────┴ … ┴────────┴ … ┘
//! ```
//!
//! A frame that goes alone gets header and table put in front of it, in its own buffer, where the
//! device's rule for the place of a frame allows that; otherwise frames are copied into a block.

use super::NtbParameters;
use super::ntb::{ENTRY, NDP16, NDP16_SIGNATURE, NTH16, NTH16_SIGNATURE};
use net::buffer::PacketBuffer;

/// Frames in a block. A block of one DMA buffer holds some fifty acknowledgments.
const MAX_FRAMES: usize = 32;
/// Octets of an Ethernet header: it is the payload behind it that devices want aligned.
const ETHERNET_HEADER: usize = 14;
/// Divisors and alignments below this say nothing (NCM 1.0 table 6-3).
const LEAST_ALIGNMENT: usize = 4;

/// Where things have to be in a block to the device.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Layout {
    /// Bytes of the largest block.
    max_size: usize,
    /// Frames in a block at most, at least 1.
    max_frames: usize,
    /// Index of the table.
    table: usize,
    /// The index of a frame is `remainder` modulo `divisor`.
    divisor: usize,
    remainder: usize,
}

impl Layout {
    /// What a device asks for, with values that make no sense replaced by those that the standard
    /// has as defaults.
    pub fn new(parameters: &NtbParameters) -> Self {
        let max_size = usize::try_from(parameters.out_max_size).unwrap_or(usize::MAX);
        let max_size = max_size.min(usize::from(u16::MAX));
        let sound = |value: u16| {
            let value = usize::from(value);
            let sound = value.is_power_of_two() && value >= LEAST_ALIGNMENT && value < max_size;
            if sound { value } else { LEAST_ALIGNMENT }
        };
        let divisor = sound(parameters.out_divisor);
        // The remainder is of the payload, the frame begins 14 octets before.
        let payload = usize::from(parameters.out_remainder);
        let payload = if payload < divisor { payload } else { 0 };
        let remainder =
            (payload + ETHERNET_HEADER.next_multiple_of(divisor) - ETHERNET_HEADER) % divisor;
        let max_frames = match usize::from(parameters.out_max_datagrams) {
            0 => MAX_FRAMES,
            frames => frames.min(MAX_FRAMES),
        };
        let table = NTH16.next_multiple_of(sound(parameters.out_alignment));
        Self { max_size, max_frames, table, divisor, remainder }
    }

    /// Bytes of the longest frame that a block holds.
    pub fn max_frame(&self) -> usize {
        self.max_size.saturating_sub(self.first_frame(1))
    }

    /// Index of the first frame behind a table with room for `frames`.
    fn first_frame(&self, frames: usize) -> usize {
        self.place(self.table + NDP16 + (frames + 1) * ENTRY)
    }

    /// The first index from `at` on where a frame may begin.
    fn place(&self, at: usize) -> usize {
        let behind = at % self.divisor;
        at + (self.divisor + self.remainder - behind) % self.divisor
    }

    /// Whether a frame that begins on a multiple of 4 may stay where it is.
    pub fn allows_in_place(&self) -> bool {
        self.first_frame(1).is_multiple_of(4)
    }

    /// Makes a block of the frame in `buffer`, in place. Gives it back when there is no room in
    /// front of it, or when the block would not begin on a multiple of 4, as DMA wants it.
    pub fn in_place<B: PacketBuffer>(
        &self,
        mut buffer: B,
        sequence: u16,
        packet: usize,
    ) -> Result<B, B> {
        let (start, length) = (self.first_frame(1), buffer.len());
        let padding = self.padding(start + length, packet);
        if !self.allows_in_place()
            || buffer.headroom() < start
            || buffer.tailroom() < padding
            || start + length + padding > self.max_size
        {
            return Err(buffer);
        }
        if let Some(tail) = buffer.append(padding) {
            tail.fill(0);
        }
        if let Some(front) = buffer.prepend(start) {
            front.fill(0);
        }
        // At most the size of a packet buffer.
        self.write_header(buffer.data_mut(), sequence, [(start as u16, length as u16)]);
        Ok(buffer)
    }

    /// One byte when a block of `length` bytes would end with a full packet: the device would wait
    /// for more, and zero-length packets are not understood by all. The largest block needs none.
    fn padding(&self, length: usize, packet: usize) -> usize {
        usize::from(length < self.max_size && length.is_multiple_of(packet.max(1)))
    }

    /// Writes NTH16 and NDP16 into a block that is otherwise complete.
    fn write_header(
        &self,
        block: &mut [u8],
        sequence: u16,
        entries: impl IntoIterator<Item = (u16, u16)>,
    ) {
        let length = block.len() as u16;
        let mut put = |at: usize, bytes: &[u8]| {
            if let Some(place) = block.get_mut(at..at + bytes.len()) {
                place.copy_from_slice(bytes);
            }
        };
        put(0, &NTH16_SIGNATURE);
        for (at, word) in [(4, NTH16 as u16), (6, sequence), (8, length), (10, self.table as u16)] {
            put(at, &word.to_le_bytes());
        }
        let mut at = self.table + NDP16;
        for (index, length) in entries.into_iter().chain([(0, 0)]) {
            put(at, &index.to_le_bytes());
            put(at + 2, &length.to_le_bytes());
            at += ENTRY;
        }
        put(self.table, &NDP16_SIGNATURE);
        put(self.table + 4, &((at - self.table) as u16).to_le_bytes());
        put(self.table + 6, &[0; 2]);
    }
}

/// A block that frames are copied into.
pub struct Bundle<B> {
    layout: Layout,
    block: B,
    /// Bytes that the block may have.
    room: usize,
    /// Bytes it has, the reserved front included.
    length: usize,
    entries: heapless::Vec<(u16, u16), MAX_FRAMES>,
}

impl<B: PacketBuffer> Bundle<B> {
    /// An empty block in an empty buffer, with a table for `frames` of them or as many as the
    /// device takes.
    pub fn new(layout: Layout, block: B, frames: usize) -> Self {
        let layout = Layout { max_frames: layout.max_frames.min(frames), ..layout };
        // One byte stays free for padding.
        let room = layout.max_size.min(block.tailroom().saturating_sub(1));
        let length = layout.table + NDP16 + (layout.max_frames + 1) * ENTRY;
        Self { layout, block, room, length, entries: heapless::Vec::new() }
    }

    /// Frames in it.
    pub fn frames(&self) -> usize {
        self.entries.len()
    }

    /// Adds a frame; returns whether there was room for it.
    pub fn push(&mut self, frame: &[u8]) -> bool {
        let start = self.layout.place(self.length);
        let end = start + frame.len();
        if self.entries.len() >= self.layout.max_frames || end > self.room {
            return false;
        }
        let Some(missing) = end.checked_sub(self.block.len()) else { return false };
        let Some(new) = self.block.append(missing) else { return false };
        let (gap, place) = new.split_at_mut(missing - frame.len());
        gap.fill(0);
        place.copy_from_slice(frame);
        self.length = end;
        // Both are below the size of a block, which is below 64 KiB; room was checked.
        self.entries.push((start as u16, frame.len() as u16)).is_ok()
    }

    /// The finished block, for packets of `packet` bytes.
    pub fn finish(mut self, sequence: u16, packet: usize) -> B {
        let padding = self.layout.padding(self.length, packet);
        if let Some(tail) = self.block.append(padding) {
            tail.fill(0);
        }
        self.layout.write_header(self.block.data_mut(), sequence, self.entries.iter().copied());
        self.block
    }
}
