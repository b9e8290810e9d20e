//! Every state and every kind of segment (RFC 9293, Section 3.10.7).

use super::TcpError;
use super::arrival::End;
use super::congestion::Models;
use super::connection::{Connection, Context, Opening};
use super::half_open::{HalfOpen, Origin, Verdict};
use super::isn::FourTuple;
use super::option::TcpSocketOptions;
use super::packed_options::PackedOptions;
use super::segment::Segment;
use super::state::TcpState;
use super::store::Store;
use crate::buffer::{BufferPool, PacketBuffer};
use crate::counters::TcpCounters;
use crate::test_host::{HeapBuffer, HeapPool};
use crate::time::Instant;
use crate::wire::tcp::TcpOptions;
use crate::wire::tcp_sequence::SequenceNumber;
use core::net::Ipv6Addr;

/// Close to the wrap, so that every comparison crosses it.
const ISS: SequenceNumber = SequenceNumber(u32::MAX - 1);
const IRS: SequenceNumber = SequenceNumber(u32::MAX - 4);
const WINDOW: u16 = 20_000;

struct Bench {
    connection: Connection,
    store: Store<HeapBuffer>,
    models: Models,
    pool: HeapPool,
    counters: TcpCounters,
    now: Instant,
}

fn segment(sequence: SequenceNumber, ack: Option<SequenceNumber>, flags: &str) -> Segment {
    Segment {
        sequence,
        ack,
        syn: flags.contains('S'),
        fin: flags.contains('F'),
        rst: flags.contains('R'),
        ece: false,
        cwr: false,
        marked: false,
        window: WINDOW,
        urgent: flags.contains('U').then_some(10),
        data_len: if flags.contains('D') { 10 } else { 0 },
        options: TcpOptions::NONE,
    }
}

impl Bench {
    /// SYN-SENT.
    fn new() -> Self {
        let opening = Opening { iss: ISS, timestamp_offset: 0, path_mtu: 1500 };
        let now = Instant::from_secs(50);
        let mut bench = Self {
            connection: Connection::new(
                &opening,
                &PackedOptions::pack(&TcpSocketOptions::default()),
                now,
            ),
            store: Store::new(),
            models: Models::new(),
            pool: HeapPool { left: usize::MAX },
            counters: TcpCounters::new(),
            now,
        };
        assert!(bench.connection.send.push_syn(&mut bench.store));
        bench.connection.state = TcpState::SynSent;
        assert_eq!(bench.sent(), "S");
        bench
    }

    fn in_state(state: TcpState) -> Self {
        let mut bench = Self::new();
        let ours = Some(ISS + 1);
        match state {
            TcpState::SynSent => {}
            TcpState::SynReceived => {
                bench.take(&segment(IRS, None, "S"));
            }
            _ => {
                bench.take(&segment(IRS, ours, "S"));
            }
        }
        bench.sent();
        let fin = segment(IRS + 1, ours, "F");
        let finish = |bench: &mut Self| {
            assert!(bench.connection.finish_sending(&mut bench.store));
            assert_eq!(bench.sent(), "F");
        };
        match state {
            TcpState::FinWait1 => finish(&mut bench),
            TcpState::FinWait2 => {
                finish(&mut bench);
                bench.take(&segment(IRS + 1, Some(ISS + 2), ""));
            }
            TcpState::Closing => {
                finish(&mut bench);
                bench.take(&fin);
            }
            TcpState::CloseWait => {
                bench.take(&fin);
            }
            TcpState::LastAck => {
                bench.take(&fin);
                bench.sent();
                finish(&mut bench);
            }
            _ => {}
        }
        bench.sent();
        assert_eq!(bench.connection.state, state);
        bench.connection.last_challenge = None;
        bench
    }

    /// What is sent: S, F, D for pieces with a SYN, a FIN, data; A for a bare acknowledgment.
    fn sent(&mut self) -> String {
        let mut sent = String::new();
        let Self { connection, store, models, pool, counters, now } = self;
        let mut context = Context { pool, store, models, counters, now: *now };
        while let Some(emission) = connection.next_output(&mut context) {
            let piece = emission.place.and_then(|at| context.store.get(at));
            sent.push(match piece {
                Some(piece) if piece.syn => 'S',
                Some(piece) if piece.fin => 'F',
                Some(_) => 'D',
                None => 'A',
            });
            let header = connection.header(context.store, &emission, *now);
            assert_eq!(header.sequence, emission.sequence);
            connection.on_sent(&mut context, &emission);
        }
        sent
    }

    /// A segment arrives. Gives what comes of the connection and what is sent: `R` for a reset.
    fn take(&mut self, segment: &Segment) -> (Option<TcpState>, String) {
        let mut buffer = self.pool.allocate(0).unwrap();
        buffer.append(segment.data_len as usize).unwrap().fill(7);
        let Self { connection, store, models, pool, counters, now } = self;
        let mut context = Context { pool, store, models, counters, now: *now };
        let arrival = connection.on_segment(&mut context, segment, buffer);
        let mut sent = self.sent();
        if arrival.reset {
            sent.push('R');
        }
        let state = match arrival.end {
            End::None => Some(self.connection.state),
            End::TimeWait => Some(TcpState::TimeWait),
            End::Closed => None,
        };
        (state, sent)
    }
}

/// Rows: STATES, MUST-65
#[test]
fn syn_sent() {
    let (ours, wrong) = (Some(ISS + 1), Some(ISS + 9));
    let same = Some(TcpState::SynSent);
    let error = Some(TcpError::ConnectionRefused);
    for (sequence, ack, flags, state, sent, told) in [
        (IRS, ours, "R", None, "", error),
        (IRS, None, "R", same, "", None),
        (IRS, wrong, "R", same, "", None),
        (IRS, Some(ISS), "R", same, "", None),
        (IRS, ours, "S", Some(TcpState::Established), "A", None),
        (IRS, wrong, "S", same, "R", None),
        (IRS, Some(ISS), "S", same, "R", None),
        (IRS, None, "S", Some(TcpState::SynReceived), "S", None),
        (IRS, ours, "", same, "", None),
        (IRS, wrong, "", same, "R", None),
        (IRS, None, "D", same, "", None),
        (IRS, ours, "F", same, "", None),
        (IRS, ours, "SDF", Some(TcpState::CloseWait), "A", None),
    ] {
        let mut bench = Bench::new();
        let result = bench.take(&segment(sequence, ack, flags));
        assert_eq!(result, (state, sent.into()), "{flags} {ack:?}");
        assert_eq!(bench.connection.error, told);
    }
}

/// The kinds of segments, relative to RCV.NXT, the window's edge, SND.UNA and SND.NXT.
fn kinds(bench: &Bench) -> [(&'static str, Segment); 19] {
    let nxt = bench.connection.receive.nxt;
    let edge = nxt + bench.connection.receive.advertised();
    let (una, all) = (Some(bench.connection.send.una), Some(bench.connection.send.nxt));
    let old = Some(bench.connection.send.una - u32::from(WINDOW) - 1);
    [
        ("reset, exact", segment(nxt, una, "R")),
        ("reset, in the window", segment(nxt + 10, una, "R")),
        ("reset, outside", segment(nxt - 10, una, "R")),
        ("SYN", segment(nxt + 10, None, "S")),
        ("old ACK", segment(nxt, una, "")),
        ("ACK of all", segment(nxt, all, "")),
        ("ACK of what was not sent", segment(nxt, all.map(|all| all + 1), "")),
        ("ACK from long ago", segment(nxt, old, "")),
        ("data without ACK", segment(nxt, None, "D")),
        ("data", segment(nxt, una, "D")),
        ("data that came before", segment(nxt - 20, una, "D")),
        ("data beyond the window", segment(edge + 1, una, "D")),
        ("nothing, beyond the window", segment(edge + 1, una, "")),
        ("FIN", segment(nxt, una, "F")),
        ("FIN with ACK of all", segment(nxt, all, "F")),
        ("SYN with ACK of all", segment(nxt, all, "S")),
        ("urgent data", segment(nxt, una, "DU")),
        ("data behind a hole", segment(nxt + 5, una, "D")),
        ("FIN behind a hole", segment(nxt + 5, una, "F")),
    ]
}

/// In the order of [`kinds`]: the state after, `=` for the same, and what is sent.
const TABLE: [(TcpState, [&str; 19]); 7] = {
    use TcpState as S;
    [
        (
            S::SynReceived,
            // Only a new acknowledgment counts before the handshake is over.
            [
                "gone", "= A", "=", "= A", "= R", "est", "= R", "= R", "=", "= R", "= A", "= A",
                "= A", "= R", "cw A", "= A", "= R", "= R", "= R",
            ],
        ),
        (
            S::Established,
            [
                "gone", "= A", "=", "= A", "=", "=", "= A", "= A", "=", "= A", "= A", "= A", "= A",
                "cw A", "cw A", "= A", "= A", "= A", "= A",
            ],
        ),
        (
            S::FinWait1,
            [
                "gone", "= A", "=", "= A", "=", "fw2", "= A", "= A", "=", "= A", "= A", "= A",
                "= A", "cl A", "tw A", "= A", "= A", "= A", "= A",
            ],
        ),
        (
            S::FinWait2,
            [
                "gone", "= A", "=", "= A", "=", "=", "= A", "= A", "=", "= A", "= A", "= A", "= A",
                "tw A", "tw A", "= A", "= A", "= A", "= A",
            ],
        ),
        (
            S::CloseWait,
            // Nothing comes after a FIN; whoever sends it learns where this side stands.
            [
                "gone", "= A", "=", "= A", "=", "=", "= A", "= A", "=", "= A", "= A", "= A", "= A",
                "= A", "= A", "= A", "= A", "= A", "= A",
            ],
        ),
        (
            S::Closing,
            [
                "gone", "= A", "=", "= A", "=", "tw", "= A", "= A", "=", "= A", "= A", "= A",
                "= A", "= A", "tw", "= A", "= A", "= A", "= A",
            ],
        ),
        (
            S::LastAck,
            [
                "gone", "= A", "=", "= A", "=", "gone", "= A", "= A", "=", "= A", "= A", "= A",
                "= A", "= A", "gone", "= A", "= A", "= A", "= A",
            ],
        ),
    ]
};

/// Rows: STATES, MUST-58, MUST-59, MAY-13, MUST-66
#[test]
fn every_state_and_every_kind_of_segment() {
    for (state, expected) in TABLE {
        for (number, expected) in expected.into_iter().enumerate() {
            let mut bench = Bench::in_state(state);
            let (name, segment) = kinds(&bench)[number];
            let (after, sent) = bench.take(&segment);
            let after = match after {
                None => "gone",
                Some(after) if after == state => "=",
                Some(TcpState::Established) => "est",
                Some(TcpState::FinWait2) => "fw2",
                Some(TcpState::CloseWait) => "cw",
                Some(TcpState::Closing) => "cl",
                Some(TcpState::TimeWait) => "tw",
                Some(other) => panic!("{state}: {name}: {other}"),
            };
            let result = format!("{after} {sent}");
            assert_eq!(result.trim_end(), expected, "{state}: {name}");
            if after != "gone" {
                bench.connection.send.check(&bench.store);
            }
            bench.connection.discard(&mut bench.store);
            assert_eq!(bench.store.used(), 0);
        }
    }
}

/// Rows: MUST-12, STATES
#[test]
fn who_is_reset_learns_it() {
    for (state, error) in [
        (TcpState::SynReceived, Some(TcpError::ConnectionRefused)),
        (TcpState::Established, Some(TcpError::ConnectionReset)),
        (TcpState::FinWait1, Some(TcpError::ConnectionReset)),
        (TcpState::FinWait2, Some(TcpError::ConnectionReset)),
        (TcpState::CloseWait, Some(TcpError::BrokenPipe)),
        (TcpState::Closing, None),
        (TcpState::LastAck, None),
    ] {
        let mut bench = Bench::in_state(state);
        let exact = kinds(&bench)[0].1;
        bench.take(&exact);
        assert_eq!(bench.connection.error, error, "{state}");
    }
}

/// Rows: TCP-5961
#[test]
fn challenges_are_rare() {
    let mut bench = Bench::in_state(TcpState::Established);
    let [_, (_, reset), _, (_, syn), ..] = kinds(&bench);
    assert_eq!(bench.take(&reset).1, "A");
    assert_eq!(bench.take(&reset).1, "");
    assert_eq!(bench.take(&syn).1, "");
    bench.now = Instant::from_secs(51);
    assert_eq!(bench.take(&syn).1, "A");
}

/// Rows: MUST-10
#[test]
fn both_open_at_once() {
    let mut bench = Bench::in_state(TcpState::SynReceived);
    // The other side's SYN again, now with an acknowledgment.
    let (state, sent) = bench.take(&segment(IRS, Some(ISS + 1), "S"));
    assert_eq!((state, sent.as_str()), (Some(TcpState::Established), ""));
}

/// Rows: MUST-11, STATES, TCP-5961
#[test]
fn half_open_connections() {
    let origin = Origin {
        tuple: FourTuple { local: (Ipv6Addr::LOCALHOST, 1), remote: (Ipv6Addr::LOCALHOST, 2) },
        zone: None,
        listener: (0, 1),
        iss: ISS,
        window: WINDOW,
    };
    let entry = HalfOpen::new(&origin, IRS, &TcpOptions::NONE);
    let (ours, nxt) = (Some(ISS + 1), IRS + 1);
    for (segment, expected) in [
        (segment(nxt, None, "R"), Verdict::Remove),
        (segment(nxt + 1, None, "R"), Verdict::Challenge),
        (segment(nxt - 1, None, "R"), Verdict::Drop),
        (segment(IRS, None, "S"), Verdict::Answer),
        (segment(IRS + 5, None, "S"), Verdict::Challenge),
        (segment(nxt, ours, ""), Verdict::Establish),
        (segment(nxt, ours, "D"), Verdict::Establish),
        (segment(nxt, ours, "F"), Verdict::Establish),
        (segment(nxt, Some(ISS), ""), Verdict::Reset),
        (segment(nxt, Some(ISS + 2), ""), Verdict::Reset),
        (segment(nxt, None, "D"), Verdict::Drop),
        (segment(nxt + 1 + u32::from(WINDOW), ours, "D"), Verdict::Challenge),
        (segment(nxt - 10, ours, ""), Verdict::Challenge),
    ] {
        assert_eq!(entry.on_segment(&segment), expected, "{segment:?}");
    }
}

/// RFC 7323, Section 2.2: all windows but those of SYNs are scaled, if any are.
/// Rows: TCP-WS
#[test]
fn the_window_of_a_half_open_connection() {
    let origin = Origin {
        tuple: FourTuple { local: (Ipv6Addr::LOCALHOST, 1), remote: (Ipv6Addr::LOCALHOST, 2) },
        zone: None,
        listener: (0, 1),
        iss: ISS,
        window: u16::MAX,
    };
    assert_eq!(HalfOpen::new(&origin, IRS, &TcpOptions::NONE).window_field(3), u16::MAX);
    let scaled = TcpOptions { window_scale: Some(0), ..TcpOptions::NONE };
    assert_eq!(HalfOpen::new(&origin, IRS, &scaled).window_field(3), 8192);
}

/// RFC 5681, Section 4.1 counts windows in segments: one must always fit.
/// Rows: SHLD-5, SHLD-6, MAY-3
#[test]
fn a_segment_fits_the_window_when_the_path_becomes_wider() {
    let mut bench = Bench::in_state(TcpState::Established);
    bench.connection.set_path_mtu(1280);
    bench.connection.window.cwnd = bench.connection.window.mss;
    bench.connection.set_path_mtu(1500);
    assert!(bench.connection.window.cwnd >= bench.connection.window.mss);
}
