//! Programs as tcpdump compiles them, and programs that are none.

use super::{Filter, INSTRUCTIONS_MAX, View};
use alloc::vec::Vec;
use proptest::prelude::*;

type Line = (u16, u8, u8, u32);

fn program(lines: &[Line]) -> Vec<u8> {
    let bytes = |(code, when_true, when_false, value): &Line| {
        let mut bytes = code.to_ne_bytes().to_vec();
        bytes.extend([*when_true, *when_false]);
        bytes.extend(value.to_ne_bytes());
        bytes
    };
    lines.iter().flat_map(bytes).collect()
}

fn filter(lines: &[Line]) -> Filter {
    Filter::parse(&program(lines)).expect("a program")
}

fn view(frame: &[u8]) -> View<'_> {
    View {
        frame,
        header: 14,
        start: 0,
        protocol: 0x86dd,
        packet_type: 4,
        interface: 2,
        hardware: 1,
    }
}

/// An Ethernet header, an IPv6 header with this next header, and ports.
fn frame(next_header: u8, source: u16, destination: u16) -> Vec<u8> {
    let mut frame = alloc::vec![0; 62];
    frame[12..14].copy_from_slice(&[0x86, 0xdd]);
    frame[14] = 0x60;
    frame[20] = next_header;
    frame[54..56].copy_from_slice(&source.to_be_bytes());
    frame[56..58].copy_from_slice(&destination.to_be_bytes());
    frame
}

/// What `tcpdump -dd 'ip6 and udp port 53'` gives, without the branch for fragments.
const UDP_PORT_53: [Line; 10] = [
    (0x28, 0, 0, 12),
    (0x15, 0, 7, 0x86dd),
    (0x30, 0, 0, 20),
    (0x15, 0, 5, 17),
    (0x28, 0, 0, 54),
    (0x15, 2, 0, 53),
    (0x28, 0, 0, 56),
    (0x15, 0, 1, 53),
    (0x06, 0, 0, 262_144),
    (0x06, 0, 0, 0),
];

#[test]
fn a_compiled_expression_chooses_packets() {
    let filter = filter(&UDP_PORT_53);
    assert_eq!(filter.run(&view(&frame(17, 4000, 53))), 262_144);
    assert_eq!(filter.run(&view(&frame(17, 53, 4000))), 262_144);
    assert_eq!(filter.run(&view(&frame(17, 54, 4000))), 0);
    assert_eq!(filter.run(&view(&frame(6, 4000, 53))), 0);
    // Loads beyond the end say no.
    assert_eq!(filter.run(&view(&frame(17, 4000, 53)[..57])), 0);
    assert_eq!(filter.run(&view(&[])), 0);
}

#[test]
fn loads_count_from_their_headers() {
    let network = (-0x10_0000_i32).cast_unsigned();
    let next_header = filter(&[(0x30, 0, 0, network + 6), (0x16, 0, 0, 0)]);
    let frame = frame(58, 0, 0);
    assert_eq!(next_header.run(&view(&frame)), 58);
    let from_network = View { start: 14, ..view(&frame) };
    assert_eq!(next_header.run(&from_network), 58);
    let first = filter(&[(0x30, 0, 0, 0), (0x16, 0, 0, 0)]);
    assert_eq!((first.run(&view(&frame)), first.run(&from_network)), (0, 0x60));
    let length = filter(&[(0x80, 0, 0, 0), (0x16, 0, 0, 0)]);
    assert_eq!((length.run(&view(&frame)), length.run(&from_network)), (62, 48));
    let indirect = filter(&[(0x01, 0, 0, 8), (0x50, 0, 0, 12), (0x16, 0, 0, 0)]);
    assert_eq!(indirect.run(&view(&frame)), 58);
}

#[test]
fn ancillary_loads_tell_of_the_packet() {
    let frame = frame(58, 0, 0);
    let ask = |number: u32| {
        let offset = (-0x1000_i32).cast_unsigned() + number;
        Filter::parse(&program(&[(0x28, 0, 0, offset), (0x16, 0, 0, 0)]))
            .map(|filter| filter.run(&view(&frame)))
    };
    let found = [0, 4, 8, 28, 44].map(ask);
    assert_eq!(found, [Some(0x86dd), Some(4), Some(2), Some(1), Some(0)]);
    assert_eq!(ask(12), None, "there are no netlink attributes here");
}

#[test]
fn arithmetic_and_memory() {
    let lines = [
        (0x00, 0, 0, 7),  // A = 7
        (0x02, 0, 0, 3),  // M[3] = A
        (0x24, 0, 0, 6),  // A *= 6
        (0x61, 0, 0, 3),  // X = M[3]
        (0x3c, 0, 0, 0),  // A /= X
        (0x64, 0, 0, 4),  // A <<= 4
        (0x0c, 0, 0, 0),  // A += X
        (0x94, 0, 0, 10), // A %= 10
        (0x84, 0, 0, 0),  // A = -A
        (0x16, 0, 0, 0),
    ];
    assert_eq!(filter(&lines).run(&view(&[])), 3u32.wrapping_neg());
    let by_zero = filter(&[(0x00, 0, 0, 7), (0x3c, 0, 0, 0), (0x16, 0, 0, 0)]);
    assert_eq!(by_zero.run(&view(&[])), 0);
}

#[test]
fn what_is_no_program_is_refused() {
    let refused: [(&str, &[Line]); 9] = [
        ("empty", &[]),
        ("without an end", &[(0x00, 0, 0, 1)]),
        ("unknown instruction", &[(0xff, 0, 0, 0), (0x06, 0, 0, 0)]),
        ("jump behind the end", &[(0x05, 0, 0, 1), (0x06, 0, 0, 0)]),
        ("jump around the world", &[(0x05, 0, 0, u32::MAX), (0x06, 0, 0, 0)]),
        ("branch behind the end", &[(0x15, 0, 1, 0), (0x06, 0, 0, 0)]),
        ("division by zero", &[(0x34, 0, 0, 0), (0x06, 0, 0, 0)]),
        ("shift by 32", &[(0x64, 0, 0, 32), (0x06, 0, 0, 0)]),
        ("17th word of memory", &[(0x02, 0, 0, 16), (0x06, 0, 0, 0)]),
    ];
    for (what, lines) in refused {
        assert_eq!(Filter::parse(&program(lines)), None, "{what}");
    }
    assert!(Filter::parse(&program(&alloc::vec![(0x06, 0, 0, 0); INSTRUCTIONS_MAX])).is_some());
    assert!(Filter::parse(&program(&alloc::vec![(0x06, 0, 0, 0); INSTRUCTIONS_MAX + 1])).is_none());
    assert!(Filter::parse(&program(&[(0x06, 0, 0, 0)])[..7]).is_none());
}

#[test]
fn memory_is_written_before_it_is_read() {
    let read = (0x60, 0, 0, 5);
    let write = (0x02, 0, 0, 5);
    let end = (0x16, 0, 0, 0);
    assert!(Filter::parse(&program(&[write, read, end])).is_some());
    assert!(Filter::parse(&program(&[read, end])).is_none());
    // One branch writes, the other does not.
    let one = [(0x15, 0, 1, 0), write, read, end];
    assert!(Filter::parse(&program(&one)).is_none());
    let both = [(0x15, 0, 2, 0), write, (0x05, 0, 0, 1), write, read, end];
    assert!(Filter::parse(&program(&both)).is_some());
}

proptest! {
    #[test]
    fn whatever_is_accepted_runs_to_its_end(
        bytes in proptest::collection::vec(any::<u8>(), 0..256),
        packet in proptest::collection::vec(any::<u8>(), 0..100),
    ) {
        if let Some(filter) = Filter::parse(&bytes) {
            filter.run(&view(&packet));
        }
    }

    #[test]
    fn likely_programs_do_not_panic(
        lines in proptest::collection::vec(
            (prop::sample::select(alloc::vec![
                0x00u16, 0x20, 0x28, 0x30, 0x40, 0x48, 0x50, 0x60, 0x80, 0x01, 0x61, 0x81, 0xb1,
                0x02, 0x03, 0x05, 0x15, 0x1d, 0x25, 0x35, 0x45, 0x04, 0x0c, 0x14, 0x24, 0x34,
                0x3c, 0x64, 0x6c, 0x7c, 0x84, 0x94, 0x9c, 0x07, 0x87, 0x16, 0x06,
            ]), 0u8..4, 0u8..4, prop_oneof![0u32..70, any::<u32>()]),
            1..20,
        ),
        packet in proptest::collection::vec(any::<u8>(), 0..100),
    ) {
        let mut lines = lines;
        lines.push((0x16, 0, 0, 0));
        if let Some(filter) = Filter::parse(&program(&lines)) {
            filter.run(&view(&packet));
        }
    }
}
