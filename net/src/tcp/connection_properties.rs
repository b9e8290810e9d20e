//! A connection against a network that does anything: whatever arrives and whenever timers run
//! out, with every congestion control, its variables make sense and its memory comes back.

use super::congestion::{CongestionAlgorithm, Models};
use super::connection::{Connection, Context, Opening};
use super::micros::Micros;
use super::option::TcpSocketOptions;
use super::packed_options::PackedOptions;
use super::segment::Segment;
use super::state::TcpState;
use super::store::Store;
use super::timeout::Outcome;
use crate::buffer::{BufferPool, PAYLOAD_OFFSET, PacketBuffer};
use crate::counters::TcpCounters;
use crate::test_host::{HeapBuffer, HeapPool};
use crate::time::{Duration, Instant};
use crate::wire::tcp::{SackBlock, TcpHeader, TcpOptions, Timestamps};
use crate::wire::tcp_sequence::SequenceNumber;
use proptest::prelude::*;

/// Close to the wrap, so that every comparison crosses it.
const ISS: SequenceNumber = SequenceNumber(u32::MAX - 3000);
const IRS: SequenceNumber = SequenceNumber(u32::MAX - 5000);
/// No window is larger.
const LARGEST_WINDOW: u32 = 1 << 30;

/// What happens. Numbers of the other side count from SND.UNA and RCV.NXT, in octets, and are
/// wrong now and then.
#[derive(Clone, Debug)]
enum Step {
    Write(usize),
    Read(usize),
    Finish,
    /// Time goes by, in microseconds, and what is due happens.
    Wait(u64),
    /// An acknowledgment with a window and blocks: offset and length.
    Acknowledge {
        ahead: i32,
        window: u16,
        blocks: Vec<(i32, u32)>,
    },
    /// The same for all that was sent.
    AcknowledgeAll,
    /// Data that begins so far from RCV.NXT.
    Data {
        from: i32,
        length: usize,
        fin: bool,
    },
    /// Anything with these control bits and number.
    Wild {
        from: i32,
        ahead: i32,
        flags: u8,
    },
    /// The path becomes narrower or wider.
    PathMtu(u16),
}

fn step() -> impl Strategy<Value = Step> {
    let blocks = proptest::collection::vec((-500i32..20_000, 1u32..6000), 0..4);
    prop_oneof![
        4 => (1usize..30_000).prop_map(Step::Write),
        2 => (1usize..30_000).prop_map(Step::Read),
        1 => Just(Step::Finish),
        4 => prop_oneof![0u64..5000, 0u64..300_000, 0u64..5_000_000].prop_map(Step::Wait),
        6 => (-100i32..20_000, any::<u16>(), blocks).prop_map(|(ahead, window, blocks)| {
            Step::Acknowledge { ahead, window, blocks }
        }),
        3 => Just(Step::AcknowledgeAll),
        4 => (prop_oneof![Just(0), -2000i32..20_000], 0usize..1400, proptest::bool::weighted(0.1))
            .prop_map(|(from, length, fin)| Step::Data { from, length, fin }),
        1 => (-70_000i32..70_000, -70_000i32..70_000, any::<u8>())
            .prop_map(|(from, ahead, flags)| Step::Wild { from, ahead, flags }),
        1 => (1280u16..=1500).prop_map(Step::PathMtu),
    ]
}

struct Bench {
    connection: Connection,
    store: Store<HeapBuffer>,
    models: Models,
    pool: HeapPool,
    counters: TcpCounters,
    now: Instant,
    edge: SequenceNumber,
    una: SequenceNumber,
    /// Segments that were foreseen take the short way.
    predicts: bool,
}

fn payload(length: usize) -> HeapBuffer {
    let mut buffer = HeapPool { left: 1 }.allocate(PAYLOAD_OFFSET).unwrap();
    buffer.append(length).unwrap().fill(7);
    buffer
}

impl Bench {
    fn new(congestion: CongestionAlgorithm, sack: bool, stamps: bool) -> Self {
        let options = TcpSocketOptions { congestion, ..TcpSocketOptions::default() };
        let opening = Opening { iss: ISS, timestamp_offset: 5, path_mtu: 1500 };
        let now = Instant::from_secs(50);
        let mut bench = Self {
            connection: Connection::new(&opening, &PackedOptions::pack(&options), now),
            store: Store::new(),
            models: Models::new(),
            pool: HeapPool { left: usize::MAX },
            counters: TcpCounters::new(),
            now,
            edge: IRS,
            una: ISS,
            predicts: true,
        };
        assert!(bench.connection.congestion.choose(congestion, &mut bench.models, 5, now));
        assert!(bench.connection.send.push_syn(&mut bench.store));
        bench.connection.state = TcpState::SynSent;
        bench.flush();
        bench.now += Duration::from_millis(10);
        let options = TcpOptions {
            maximum_segment_size: Some(1440),
            window_scale: Some(4),
            sack_permitted: sack,
            timestamps: stamps.then_some(Timestamps { value: 1, echo_reply: 5 }),
            ..TcpOptions::NONE
        };
        let mut answer = bench.segment(0, 1);
        (answer.sequence, answer.syn, answer.options) = (IRS, true, options);
        bench.take(&answer, 0);
        assert_eq!(bench.connection.state, TcpState::Established);
        bench.edge = bench.connection.receive.edge();
        bench.una = bench.connection.send.una;
        bench
    }

    /// A bare acknowledgment.
    fn segment(&self, from: i32, ahead: i32) -> Segment {
        let Connection { send, receive, .. } = &self.connection;
        let timestamps = self
            .connection
            .timestamps
            .map(|_| Timestamps { value: self.now.as_millis() as u32, echo_reply: 5 });
        Segment {
            sequence: receive.nxt + from as u32,
            ack: Some(send.una + ahead as u32),
            syn: false,
            fin: false,
            rst: false,
            ece: false,
            cwr: false,
            marked: false,
            window: 4000,
            urgent: None,
            data_len: 0,
            options: TcpOptions { timestamps, ..TcpOptions::NONE },
        }
    }

    fn context<T>(
        &mut self,
        act: impl FnOnce(&mut Connection, &mut Context<'_, HeapPool>) -> T,
    ) -> T {
        let Self { connection, store, models, pool, counters, now, .. } = self;
        act(connection, &mut Context { pool, store, models, counters, now: *now })
    }

    fn take(&mut self, segment: &Segment, length: usize) {
        let segment = Segment { data_len: length as u32, ..*segment };
        let predicts = self.predicts;
        self.context(|connection, context| {
            let plain = segment.plain().filter(|_| predicts);
            match plain.filter(|plain| connection.foresees(plain, segment.data_len)) {
                Some(plain) => {
                    connection.take_foreseen(context, &plain, payload(length));
                }
                None => {
                    connection.on_segment(context, &segment, payload(length));
                }
            }
        });
        self.flush();
    }

    /// Sends what may be sent.
    fn flush(&mut self) {
        for count in 0.. {
            assert!(count < 2000, "it sends without end");
            let sent = self.context(|connection, context| {
                let emission = connection.next_output(context)?;
                let edge = connection.send.una + connection.send.window;
                let end = emission.sequence + emission.data_len;
                let now = context.now;
                let plain = connection.plain_header(context.store, &emission, now);
                // Before the handshake there is no window.
                assert!(
                    emission.data_len == 0 || emission.again || end.is_at_or_before(edge),
                    "new data fits the window"
                );
                let header = connection.header(context.store, &emission, now);
                assert!(plain.is_none_or(|plain| TcpHeader::from(&plain) == header));
                connection.on_sent(context, &emission);
                Some(())
            });
            if sent.is_none() {
                return;
            }
        }
    }

    fn apply(&mut self, step: &Step) {
        match step {
            Step::Write(length) => {
                let mut left = *length;
                while left > 0 && self.connection.state.can_send() {
                    let room = self.connection.send_room(&self.store) as usize;
                    let count = left.min(room).min(self.connection.window.mss as usize);
                    if count == 0
                        || !self.connection.send.push_data(&mut self.store, payload(count))
                    {
                        break;
                    }
                    left -= count;
                }
            }
            Step::Read(length) => {
                let Self { connection, store, .. } = self;
                connection.receive.read(store, *length, false, |_| Ok::<_, ()>(())).unwrap();
            }
            Step::Finish => {
                let Self { connection, store, .. } = self;
                connection.finish_sending(store);
            }
            Step::Wait(micros) => {
                self.now += Duration::from_micros(*micros);
                if self.connection.timers.next() <= self.now {
                    let outcome = self.context(Connection::on_timers);
                    assert!(outcome == Outcome::Goes || self.connection.state == TcpState::Closed);
                }
            }
            Step::Acknowledge { ahead, window, blocks } => {
                let flight = self.connection.send.flight() as i32;
                let mut segment = self.segment(0, (*ahead).min(flight + 10));
                segment.window = *window;
                for &(offset, length) in blocks {
                    let left = self.connection.send.una + offset as u32;
                    let _full = segment.options.sack.push(SackBlock { left, right: left + length });
                }
                self.take(&segment, 0);
            }
            Step::AcknowledgeAll => {
                let segment = self.segment(0, self.connection.send.flight() as i32);
                self.take(&segment, 0);
            }
            Step::Data { from, length, fin } => {
                let segment = Segment { fin: *fin, ..self.segment(*from, 0) };
                self.take(&segment, *length);
            }
            Step::Wild { from, ahead, flags } => {
                let mut segment = self.segment(*from, *ahead);
                segment.syn = flags & 1 != 0;
                segment.fin = flags & 2 != 0;
                segment.rst = flags & 0b1100 == 0b1100;
                segment.ack = segment.ack.filter(|_| flags & 0b11_0000 != 0b11_0000);
                self.take(&segment, usize::from(*flags));
            }
            Step::PathMtu(mtu) => self.connection.set_path_mtu(*mtu),
        }
        self.flush();
        self.check();
    }

    fn check(&mut self) {
        let Self { connection, store, .. } = self;
        let Connection { send, receive, window, timers, state, .. } = connection;
        if *state == TcpState::Closed {
            assert_eq!(timers.next(), Instant::FAR_FUTURE);
            return;
        }
        send.check(store);
        assert!(self.una.is_at_or_before(send.una));
        self.una = send.una;
        assert!(self.edge.is_at_or_before(receive.edge()), "the window is not withdrawn");
        self.edge = receive.edge();
        assert!(window.cwnd >= window.mss && window.cwnd <= LARGEST_WINDOW, "{window:?}");
        assert!(window.ssthresh > 0 && window.ssthresh <= LARGEST_WINDOW, "{window:?}");
        let rto = connection.rtt.rto();
        assert!(rto >= Micros::from_millis(200) && rto <= super::rtt::MAX_RTO, "{rto:?}");
        assert!(
            send.una == send.end || timers.next() != Instant::FAR_FUTURE,
            "what is to be sent waits for something"
        );
    }
}

proptest! {
    #[test]
    fn whatever_happens(
        algorithm in proptest::sample::select(&CongestionAlgorithm::ALL[..]),
        sack: bool,
        stamps: bool,
        steps in proptest::collection::vec(step(), 0..150),
    ) {
        let mut bench = Bench::new(algorithm, sack, stamps);
        for step in &steps {
            bench.apply(step);
        }
        let Bench { mut connection, mut store, .. } = bench;
        connection.discard(&mut store);
        prop_assert_eq!(store.used(), 0);
    }

    /// Whether a segment was foreseen makes no difference to anything.
    #[test]
    fn prediction_changes_nothing(
        algorithm in proptest::sample::select(&CongestionAlgorithm::ALL[..]),
        sack: bool,
        stamps: bool,
        steps in proptest::collection::vec(step(), 0..100),
    ) {
        let mut short = Bench::new(algorithm, sack, stamps);
        let mut long = Bench::new(algorithm, sack, stamps);
        long.predicts = false;
        for step in &steps {
            short.apply(step);
            long.apply(step);
            let [a, b] = [&short, &long].map(|bench| format!("{:?}", bench.connection));
            prop_assert_eq!(a, b, "after {:?}", step);
            prop_assert_eq!(short.counters, long.counters);
            prop_assert_eq!(short.store.used(), long.store.used());
        }
    }
}
