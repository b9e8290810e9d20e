//! RNDIS messages of any content, and transfers cut at any place.

mod support;

use cdc_ecm::{
    Counters, Format, NotificationReader, Reassembly, Response, data_header, parse_packet,
};
use net::buffer::PacketBuffer;
use proptest::collection::vec;
use proptest::prelude::*;
use std::cell::Cell;
use support::Quiet;

/// Feeds transfers to a reassembly; the frames that come out, and how often something was lost.
fn reassemble(transfers: &[(Vec<u8>, bool)]) -> (Vec<Vec<u8>>, u32) {
    let port = Quiet::new(8);
    let counters = Cell::new(Counters::default());
    let mut reassembly = Reassembly::new(Format::Rndis);
    let mut frames = Vec::new();
    for (transfer, full) in transfers {
        let buffer = port.filled(transfer);
        reassembly.transfer(buffer, *full, &port, &counters, |frame| {
            frames.push(frame.data().to_vec());
        });
        // All but the begun message is free again.
        assert!(port.pool.free() >= 7);
    }
    (frames, port.lost.get())
}

fn message(frame: &[u8], padding: usize) -> Vec<u8> {
    let mut bytes = data_header(frame.len(), padding).to_vec();
    bytes.extend(frame);
    bytes.resize(bytes.len() + padding, 0);
    bytes
}

proptest! {
    #[test]
    fn any_answer(bytes in vec(any::<u8>(), 0..100)) {
        let _ = Response::parse(&bytes);
        let _ = parse_packet(&bytes);
    }

    #[test]
    fn answer_like_bytes(
        kind in prop_oneof![2..9_u32, 0x8000_0002..0x8000_0009_u32],
        length in 0..80_u32,
        rest in vec(any::<u8>(), 0..72),
    ) {
        let mut bytes = [kind.to_le_bytes(), length.to_le_bytes()].concat();
        bytes.extend(rest);
        if let Ok(Response::QueryComplete { value, .. }) = Response::parse(&bytes) {
            prop_assert!(value.len() <= bytes.len());
        }
    }

    #[test]
    fn any_notifications(packets in vec(vec(any::<u8>(), 0..20), 0..20)) {
        let mut reader = NotificationReader::default();
        for packet in packets {
            let _ = reader.packet(&packet);
        }
    }

    #[test]
    fn a_stream_cut_anywhere_comes_out_whole(
        frames in vec((vec(any::<u8>(), 14..1514), 0..4_usize), 1..12),
        window in 100..2048_usize,
    ) {
        let stream: Vec<u8> =
            frames.iter().flat_map(|(frame, padding)| message(frame, *padding)).collect();
        let transfers: Vec<_> = stream
            .chunks(window)
            .map(|chunk| (chunk.to_vec(), chunk.len() == window))
            .collect();
        let (received, lost) = reassemble(&transfers);
        let sent: Vec<_> = frames.into_iter().map(|(frame, _)| frame).collect();
        prop_assert_eq!(received, sent);
        prop_assert_eq!(lost, 0);
    }

    #[test]
    fn any_transfers(transfers in vec((vec(any::<u8>(), 0..300), any::<bool>()), 0..8)) {
        reassemble(&transfers);
    }

    #[test]
    fn damaged_transfers_are_counted(
        frames in vec(vec(any::<u8>(), 14..200), 1..6),
        at in 0..12_usize,
        value in any::<u8>(),
    ) {
        let mut stream: Vec<u8> = frames.iter().flat_map(|frame| message(frame, 0)).collect();
        let before = stream[at];
        stream[at] = value;
        let (received, lost) = reassemble(&[(stream, false)]);
        // A byte of the first header is wrong: either it does not matter, or it is noticed.
        if value == before {
            prop_assert_eq!(received, frames);
        } else {
            prop_assert!(lost > 0 || received != frames || at >= 4);
        }
    }
}
