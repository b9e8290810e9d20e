use alloc::vec::Vec;

use super::{Amount, CLIENT, DATAGRAM, Opening, REPORT, ServerReport, Stamp, Test, acknowledgment};

fn from_hex(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text.chars().filter_map(|digit| digit.to_digit(16)).collect();
    digits.chunks(2).map(|pair| (pair[0] * 16 + pair[1]) as u8).collect()
}

/// What iperf 2.1.8 sent for `-t 2`, `-n 1M -R` and `-u -n 100K -b 10M -R`, each with `-p 5099`.
const TIMED: &str = "40010078 00000001 000013eb 00000000 00000000 ffffff38 00000000 00000000
    00000000 00020001 00080003 00000000 00000000 00000000 00000000";
const REVERSED: &str = "44010078 00000001 000013eb 00000000 00000000 00100000 00000000 00000000
    04000000 00020001 00080003 00000000 00000000 00000000 00000000";
const DATAGRAMS: &str = "6c010098 00000001 000013eb 00000000 00000000 00019000 00000000 00000000
    04000000 00020001 00080003 00000000 00a00000 00000000 00000000";

const PLAIN: Test = Test {
    reverse: false,
    streams: 1,
    port: 5099,
    length: 0,
    window: 0,
    amount: Amount::Time(2_000_000),
    rate: 0,
};

#[test]
fn recorded_headers() {
    let reversed = Test { reverse: true, amount: Amount::Bytes(1 << 20), ..PLAIN };
    let datagrams = Test { amount: Amount::Bytes(102_400), rate: 10 << 20, ..reversed };
    for (recorded, expected, udp, wants) in [
        (TIMED, PLAIN, false, true),
        (REVERSED, reversed, false, false),
        (DATAGRAMS, datagrams, true, false),
    ] {
        let bytes = from_hex(recorded);
        let opening = Opening::parse(&bytes, udp);
        let wanted = Opening::Test { test: expected, length: CLIENT, wants_acknowledgment: wants };
        assert_eq!(opening, wanted);
        assert_eq!(expected.encode(udp)[..], bytes[..]);
    }
    let acknowledged = "00000002 0000001c 00000000 00020001 00080003 00000000 00000000";
    assert_eq!(acknowledgment()[..], from_hex(acknowledged)[..]);
}

#[test]
fn other_openings() {
    assert_eq!(Opening::parse(b"0123456789", false), Opening::Traffic);
    assert_eq!(Opening::parse(b"012", false), Opening::Needs(4));
    let mut bytes = from_hex(TIMED);
    assert_eq!(Opening::parse(&bytes[..59], false), Opening::Needs(60));
    // A length that the fields do not fit in.
    bytes[3] = 0x20;
    assert_eq!(Opening::parse(&bytes, false), Opening::Traffic);
    let mut full_duplex = from_hex(REVERSED);
    full_duplex[32] = 0x08;
    assert_eq!(Opening::parse(&full_duplex, false), Opening::Unsupported("full-duplex"));
    assert_eq!(
        Opening::parse(
            &from_hex("80000001 0000 0000 0000 0000 0000 0000 0000 0000 0000 0000"),
            false
        ),
        Opening::Unsupported("dual")
    );
    assert_eq!(Opening::parse(&from_hex("00800000"), false), Opening::Unsupported("bounce-back"));
}

#[test]
fn nothing_panics() {
    let mut state = 1u32;
    for _ in 0..20_000 {
        let mut bytes = [0u8; 80];
        for byte in &mut bytes {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *byte = (state >> 24) as u8;
        }
        let length = (state >> 8) as usize % bytes.len();
        for udp in [false, true] {
            let opening = Opening::parse(&bytes[..length], udp);
            if let Opening::Test { length: header, .. } = opening {
                assert!(header <= length);
            }
        }
        let _ = (Stamp::parse(&bytes[..length]), ServerReport::parse(&bytes[..length]));
    }
}

#[test]
fn stamps() {
    let mut bytes = [0; DATAGRAM];
    for (sequence, last) in [(1, false), (72, true), (1 << 40, false), (1 << 40, true)] {
        let stamp = Stamp { sequence, last, time: 1_795_691_124_388_149 };
        stamp.write(&mut bytes);
        assert_eq!(Stamp::parse(&bytes), Some(stamp));
    }
    let recorded = from_hex("ffffffb8 6b081274 0005fd99 ffffffff");
    let stamp = Stamp::parse(&recorded).unwrap();
    assert_eq!((stamp.sequence, stamp.last), (72, true));
    // A client of version 2.0 with 32 bits.
    let stamp = Stamp::parse(&from_hex("ffffffb8 6b081274 0005fd99 00000000")).unwrap();
    assert_eq!((stamp.sequence, stamp.last), (72, true));
}

#[test]
fn reports() {
    let report = ServerReport {
        bytes: 5 << 32,
        duration: 10_000_123,
        lost: 3,
        out_of_order: 2,
        datagrams: 1000,
        jitter: 1_000_007,
    };
    let mut datagram = [0; DATAGRAM + REPORT];
    assert!(report.write(&mut datagram));
    assert_eq!(ServerReport::parse(&datagram), Some(report));
    assert!(!report.write(&mut datagram[..55]));
    assert_eq!(ServerReport::parse(&datagram[..55]), None);
    assert_eq!(ServerReport::parse(&[0; 100]), None, "no flag");
}
