//! NCM blocks, EEM streams and those of the SMSC chips with any content, cut at any
//! place.

mod support;

use cdc_ecm::ncm::{Assembly, Bundle, Layout, NtbParameters};
use cdc_ecm::{Counters, Format, Model, Reassembly};
use net::buffer::PacketBuffer;
use proptest::collection::vec;
use proptest::prelude::*;
use std::cell::Cell;
use support::Quiet;

/// Buffers of the pool: more than a block of the largest size has pieces.
const BUFFERS: usize = 64;

/// Feeds transfers to an assembly; the frames that come out, and how often something was lost.
fn assemble(transfers: &[(Vec<u8>, bool)], max_size: usize) -> (Vec<Vec<u8>>, u32) {
    let port = Quiet::new(BUFFERS);
    let counters = Cell::new(Counters::default());
    let mut assembly = Assembly::new(max_size);
    let mut frames = Vec::new();
    for (transfer, full) in transfers {
        let buffer = port.filled(transfer);
        assembly.transfer(buffer, *full, &port, &counters, |frame| {
            frames.push(frame.data().to_vec());
        });
        // What is kept is bounded.
        assert!(port.pool.free() >= BUFFERS - 19);
    }
    drop(assembly);
    assert_eq!(port.pool.free(), BUFFERS);
    (frames, port.lost.get())
}

/// A block with those frames, made by the other direction of the driver.
fn block(frames: &[Vec<u8>], out_divisor: u16, out_remainder: u16) -> Option<Vec<u8>> {
    let layout = Layout::new(&NtbParameters {
        formats: 1,
        in_max_size: 4096,
        out_max_size: 4095,
        out_divisor,
        out_remainder,
        out_alignment: 4,
        out_max_datagrams: 0,
    });
    let port = Quiet::new(1);
    let mut bundle = Bundle::new(layout, port.pool.allocate(0)?, usize::MAX);
    frames.iter().all(|frame| bundle.push(frame)).then(|| bundle.finish(7, 512).data().to_vec())
}

/// Words in front of which a header makes them look like a block.
fn block_like() -> impl Strategy<Value = Vec<u8>> {
    let small = prop_oneof![0..64_u16, any::<u16>()];
    let words = vec(small, 0..60);
    (words, 0..64_u16, prop_oneof![Just(0), 0..140_u16], any::<bool>()).prop_map(
        |(words, table, length, signed)| {
            let mut bytes = b"NCMH".to_vec();
            for word in [12, 1, length, table].into_iter().chain(words) {
                bytes.extend(word.to_le_bytes());
            }
            let table = usize::from(table);
            if signed && bytes.len() > table + 8 {
                bytes[table..table + 4].copy_from_slice(b"NCM0");
            }
            bytes
        },
    )
}

/// The streams other than RNDIS.
fn formats() -> impl Strategy<Value = Format> {
    prop_oneof![
        Just(Format::Eem),
        Just(Format::Smsc(Model::Lan95xx)),
        Just(Format::Smsc(Model::Lan78xx)),
    ]
}

/// A frame as a device puts it into its stream.
fn message(format: Format, frame: &[u8]) -> Vec<u8> {
    let length = frame.len() as u32 + 4;
    let mut bytes = match format {
        Format::Smsc(Model::Lan95xx) => (length << 16).to_le_bytes().to_vec(),
        Format::Smsc(Model::Lan78xx) => [&length.to_le_bytes()[..], &[0; 6]].concat(),
        _ => (length as u16).to_le_bytes().to_vec(),
    };
    bytes.extend(frame);
    bytes.extend([0xde, 0xad, 0xbe, 0xef]);
    if matches!(format, Format::Smsc(_)) {
        bytes.resize(bytes.len().next_multiple_of(4), 0);
    }
    bytes
}

/// Feeds transfers to a reassembly; the frames that come out, and how often something was lost.
fn restore(format: Format, transfers: &[(Vec<u8>, bool)]) -> (Vec<Vec<u8>>, u32) {
    let port = Quiet::new(BUFFERS);
    let counters = Cell::new(Counters::default());
    let mut reassembly = Reassembly::new(format);
    let mut frames = Vec::new();
    for (transfer, full) in transfers {
        reassembly.transfer(port.filled(transfer), *full, &port, &counters, |frame| {
            frames.push(frame.data().to_vec());
        });
        // What is kept is bounded.
        assert!(port.pool.free() >= BUFFERS - 1);
    }
    (frames, port.lost.get())
}

proptest! {
    #[test]
    fn any_transfers_as_blocks(transfers in vec((vec(any::<u8>(), 0..300), any::<bool>()), 0..20)) {
        assemble(&transfers, 2048);
    }

    #[test]
    fn transfers_like_blocks(
        transfers in vec((block_like(), any::<bool>()), 0..16),
        max_size in 0..4096_usize,
    ) {
        let total: usize = transfers.iter().map(|(transfer, _)| transfer.len()).sum();
        let (frames, _) = assemble(&transfers, max_size);
        // Overlapping datagrams do not make more of what came.
        prop_assert!(frames.iter().map(Vec::len).sum::<usize>() <= total);
    }

    #[test]
    fn a_block_cut_anywhere_comes_out_whole(
        frames in vec(vec(any::<u8>(), 14..1514), 1..8),
        divisor in prop_oneof![Just(4_u16), Just(8), Just(64)],
        remainder in 0..8_u16,
        window in 400..2048_usize,
    ) {
        let Some(block) = block(&frames, divisor, remainder) else { return Ok(()) };
        let transfers: Vec<_> =
            block.chunks(window).map(|chunk| (chunk.to_vec(), chunk.len() == window)).collect();
        let (received, lost) = assemble(&transfers, 4096);
        prop_assert_eq!(received, frames);
        prop_assert_eq!(lost, 0);
    }

    #[test]
    fn a_damaged_block_gives_no_frame_that_was_not_in_it(
        frames in vec(vec(any::<u8>(), 14..200), 1..6),
        at in 0..160_usize,
        value in any::<u8>(),
    ) {
        let mut block = block(&frames, 4, 0).expect("small frames");
        let at = at % block.len();
        block[at] = value;
        let length = block.len();
        let (received, _) = assemble(&[(block, false)], 4096);
        prop_assert!(received.iter().map(Vec::len).sum::<usize>() <= length);
    }

    #[test]
    fn any_parameters_make_a_layout(words in vec(any::<u16>(), 14), length in 0..1600_usize) {
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        let parameters = NtbParameters::parse(&bytes).expect("enough bytes");
        let layout = Layout::new(&parameters);
        let port = Quiet::new(2);
        let frame = vec![0x55; length];
        let mut buffer = port.pool.allocate(176).expect("a buffer");
        buffer.append(length).expect("room").copy_from_slice(&frame);
        let alone = layout.in_place(buffer, 1, 512).ok();
        let mut bundle = Bundle::new(layout, port.pool.allocate(0).expect("a buffer"), 1);
        let copied = bundle.push(&frame).then(|| bundle.finish(1, 512));
        for block in [alone, copied].into_iter().flatten() {
            let block = block.data().to_vec();
            prop_assert!(block.len() as u64 <= u64::from(parameters.out_max_size));
            if length > 0 {
                let (received, lost) = assemble(&[(block, false)], 65535);
                prop_assert_eq!((received, lost), (vec![frame.clone()], 0));
            }
        }
    }

    #[test]
    fn any_stream(
        transfers in vec((vec(any::<u8>(), 0..300), any::<bool>()), 0..8),
        format in formats(),
    ) {
        restore(format, &transfers);
    }

    #[test]
    fn a_stream_cut_at_any_packet_comes_out_whole(
        frames in vec(vec(any::<u8>(), 14..1514), 1..12),
        packets in 2..32_usize,
        format in formats(),
    ) {
        let window = packets * 64;
        let stream: Vec<u8> = frames.iter().flat_map(|frame| message(format, frame)).collect();
        let transfers: Vec<_> =
            stream.chunks(window).map(|chunk| (chunk.to_vec(), chunk.len() == window)).collect();
        let (received, lost) = restore(format, &transfers);
        prop_assert_eq!(received, frames);
        prop_assert_eq!(lost, 0);
    }
}
