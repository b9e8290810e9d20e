//! NCM blocks as a device makes and reads them (NCM 1.0 chapters 3 and 6).

use crate::world::Answer;
use std::collections::VecDeque;
use usb_core::host::SetupPacket;

/// How a device wants and makes blocks.
#[derive(Clone, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "each quirk is there or not, in any combination")]
pub struct Quirks {
    /// dwNtbInMaxSize.
    pub in_max_size: u32,
    /// dwNtbOutMaxSize.
    pub out_max_size: u32,
    /// wNdpOutDivisor.
    pub divisor: u16,
    /// wNdpOutPayloadRemainder.
    pub remainder: u16,
    /// wNdpOutAlignment.
    pub alignment: u16,
    /// wNtbOutMaxDatagrams.
    pub max_datagrams: u16,
    /// SET_NTB_INPUT_SIZE is answered with STALL.
    pub refuses_input_size: bool,
    /// GET_NTB_PARAMETERS is answered with a few bytes only.
    pub short_parameters: bool,
    /// The table stands behind the datagrams.
    pub table_last: bool,
    /// wBlockLength is 0.
    pub no_block_length: bool,
    /// Every block is filled up to its largest size.
    pub fills_up: bool,
}

impl Default for Quirks {
    fn default() -> Self {
        Self {
            in_max_size: 16384,
            out_max_size: 16384,
            divisor: 4,
            remainder: 2,
            alignment: 4,
            max_datagrams: 0,
            refuses_input_size: false,
            short_parameters: false,
            table_last: false,
            no_block_length: false,
            fills_up: false,
        }
    }
}

/// What a device keeps.
#[derive(Clone, Default, Debug)]
pub struct State {
    /// What SET_NTB_INPUT_SIZE asked for.
    pub input_size: Option<u32>,
    /// wSequence of the next block.
    pub sequence: u16,
    /// What is left of the present block.
    rest: Vec<u8>,
    /// A short or empty packet ends it.
    ends: bool,
    /// A packet without data is still to end it.
    empty_follows: bool,
}

/// What a receive transfer gets.
pub(crate) enum Transfer {
    /// Nothing yet.
    Nothing,
    Bytes(Vec<u8>),
    /// A block of the largest size, which nothing ends, before the transfer is full: on a real bus
    /// it would wait for the next block.
    Misfit(Vec<u8>),
}

/// A request of the class.
pub(crate) fn request(
    state: &mut State,
    quirks: &Quirks,
    setup: SetupPacket,
    data: &[u8],
) -> Answer {
    match setup.request {
        0x80 => {
            let mut answer = vec![28, 0, 3, 0];
            answer.extend(quirks.in_max_size.to_le_bytes());
            answer.extend([4, 0, 0, 0, 4, 0, 0, 0]);
            answer.extend(quirks.out_max_size.to_le_bytes());
            for word in [quirks.divisor, quirks.remainder, quirks.alignment, quirks.max_datagrams] {
                answer.extend(word.to_le_bytes());
            }
            if quirks.short_parameters {
                answer.truncate(8);
            }
            Answer::Data(answer)
        }
        0x86 if !quirks.refuses_input_size => match *data {
            [a, b, c, d] => {
                state.input_size = Some(u32::from_le_bytes([a, b, c, d]));
                Answer::accept()
            }
            _ => Answer::Stall,
        },
        0x84 | 0x8a if setup.value == 0 => Answer::accept(),
        _ => Answer::Stall,
    }
}

/// The next transfer, of at most `room` bytes in packets of `packet`, out of frames that wait.
pub(crate) fn transfer(
    state: &mut State,
    quirks: &Quirks,
    frames: &mut VecDeque<Vec<u8>>,
    room: usize,
    packet: usize,
) -> Transfer {
    if std::mem::take(&mut state.empty_follows) {
        return Transfer::Bytes(Vec::new());
    }
    let size = state.input_size.unwrap_or(quirks.in_max_size) as usize;
    if state.rest.is_empty() {
        state.rest = next_block(state.sequence, quirks, frames, size);
        if state.rest.is_empty() {
            return Transfer::Nothing;
        }
        state.sequence = state.sequence.wrapping_add(1);
        // Blocks below the largest size end with a short packet, or else with an empty one.
        state.ends = state.rest.len() < size;
    }
    let bytes: Vec<u8> = state.rest.drain(..room.min(state.rest.len())).collect();
    if !state.rest.is_empty() || !bytes.len().is_multiple_of(packet) {
        return Transfer::Bytes(bytes);
    }
    match (state.ends, bytes.len() == room) {
        (true, full) => {
            state.empty_follows = full;
            Transfer::Bytes(bytes)
        }
        (false, true) => Transfer::Bytes(bytes),
        (false, false) => Transfer::Misfit(bytes),
    }
}

/// A block of at most `size` bytes with as many frames as fit; empty when there are none.
fn next_block(
    sequence: u16,
    quirks: &Quirks,
    frames: &mut VecDeque<Vec<u8>>,
    size: usize,
) -> Vec<u8> {
    let mut taken = Vec::new();
    let mut length = 12 + 8 + 4;
    while let Some(frame) = frames.front() {
        // Up to three bytes to align each, and its entry.
        let more = frame.len() + 3 + 4;
        if length + more > size {
            break;
        }
        length += more;
        taken.extend(frames.pop_front());
    }
    if taken.is_empty() {
        // A frame that no block holds.
        frames.pop_front();
        return Vec::new();
    }
    let mut block = block(&taken, sequence, quirks);
    if quirks.fills_up {
        block.resize(size, 0);
        if !quirks.no_block_length {
            block[8..10].copy_from_slice(&(size as u16).to_le_bytes());
        }
    }
    block
}

fn block(frames: &[Vec<u8>], sequence: u16, quirks: &Quirks) -> Vec<u8> {
    let table_length = 8 + 4 * (frames.len() + 1);
    let mut block = vec![0; if quirks.table_last { 12 } else { 12 + table_length }];
    let mut entries = Vec::new();
    for frame in frames {
        block.resize(block.len().next_multiple_of(4), 0);
        entries.extend([block.len() as u16, frame.len() as u16]);
        block.extend(frame);
    }
    entries.extend([0, 0]);
    let mut table = b"NCM0".to_vec();
    table.extend([table_length as u16, 0].iter().chain(&entries).flat_map(|w| w.to_le_bytes()));
    let index = if quirks.table_last {
        block.resize(block.len().next_multiple_of(4), 0);
        let index = block.len();
        block.extend(table);
        index
    } else {
        block[12..12 + table_length].copy_from_slice(&table);
        12
    };
    let length = if quirks.no_block_length { 0 } else { block.len() as u16 };
    block[..4].copy_from_slice(b"NCMH");
    for (at, word) in [(4, 12), (6, sequence), (8, length), (10, index as u16)] {
        block[at..at + 2].copy_from_slice(&word.to_le_bytes());
    }
    block
}

/// The frames in a block of the host; `None` when it breaks a rule.
pub(crate) fn frames(block: &[u8], quirks: &Quirks) -> Option<Vec<Vec<u8>>> {
    let word = |at: usize| {
        let bytes = block.get(at..)?.first_chunk()?;
        Some(usize::from(u16::from_le_bytes(*bytes)))
    };
    let table = word(10)?;
    let sound = block.get(..4)? == b"NCMH"
        && word(4)? == 12
        && word(8)? == block.len()
        && block.len() <= quirks.out_max_size as usize
        && table.is_multiple_of(usize::from(quirks.alignment))
        && block.get(table..table + 4)? == b"NCM0"
        && word(table + 4)?.is_multiple_of(4)
        && word(table + 6)? == 0;
    if !sound {
        return None;
    }
    let mut frames = Vec::new();
    let end = table + word(table + 4)?;
    let mut behind = 12;
    for at in (table + 8..end).step_by(4) {
        let (index, length) = (word(at)?, word(at + 2)?);
        if (index, length) == (0, 0) {
            let last = at + 4 == end;
            let allowed =
                quirks.max_datagrams == 0 || frames.len() <= usize::from(quirks.max_datagrams);
            return Some(frames).filter(|frames| last && allowed && !frames.is_empty());
        }
        // The payload behind the Ethernet header is what has to be aligned.
        let placed = (index + 14) % usize::from(quirks.divisor) == usize::from(quirks.remainder);
        let apart = index >= behind && !(index < end && index + length > table);
        if !placed || !apart {
            return None;
        }
        behind = index + length;
        frames.push(block.get(index..index + length)?.to_vec());
    }
    None
}
