//! Two hosts and what lies between them, in virtual time: in each direction a queue, a bottleneck
//! and a delay, with losses and late frames by seed.

use crate::block::{Block, Pool};
use crate::host::{Host, Setup};
use crate::random::Seeded;
use alloc::collections::BTreeMap;
use net::buffer::PacketBuffer;
use net::tcp::CongestionAlgorithm;
use net::time::{Duration, Instant};

/// One direction of a link.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Link {
    /// Bits per second.
    pub rate: u64,
    /// From the end of the bottleneck to the other host.
    pub delay: Duration,
    /// Frames lost, in a million.
    pub loss: u32,
    /// Frames that are late, in a million.
    pub late: u32,
    /// By how much.
    pub lateness: Duration,
    /// Octets that may wait for the bottleneck; what comes on top is dropped.
    pub queue: u64,
}

impl Link {
    /// 100 Mbit/s, a round trip of 20 ms, a queue that no window of a host here overflows.
    pub const CLEAN: Self = Self {
        rate: 100_000_000,
        delay: Duration::from_millis(10),
        loss: 0,
        late: 0,
        lateness: Duration::ZERO,
        queue: 1_000_000,
    };
}

/// Two hosts of the same kind, A and B.
pub struct Path<H> {
    /// The hosts.
    pub hosts: [H; 2],
    /// The present.
    pub now: Instant,
    link: Link,
    random: Seeded,
    /// When the bottleneck of each direction is free again.
    free_at: [Instant; 2],
    /// Frames on their way, by the time of their arrival and their number.
    arrivals: BTreeMap<(Instant, u64), (usize, Block)>,
    sent: u64,
}

/// How often anything may happen at one instant before a host is taken to spin.
const STUCK: u32 = 100_000;

impl<H: Host> Path<H> {
    /// Two hosts that use `congestion`, if they have a choice.
    pub fn new(link: Link, congestion: CongestionAlgorithm, seed: u64) -> Self {
        let pool = Pool::default();
        let mut random = Seeded::new(seed);
        let hosts = [1, 2].map(|station| {
            let seed = random.draw();
            H::new(&Setup { station, seed, pool: pool.clone(), buffer: None, congestion })
        });
        Self {
            hosts,
            now: Instant::ZERO,
            link,
            random,
            free_at: [Instant::ZERO; 2],
            arrivals: BTreeMap::new(),
            sent: 0,
        }
    }

    /// What the link is from now on.
    pub fn set_link(&mut self, link: Link) {
        self.link = link;
    }

    fn send(&mut self, from: usize, frame: Block) {
        let Link { rate, delay, loss, late, lateness, queue } = self.link;
        let free_at = &mut self.free_at[from];
        let octets = |time: Duration| time.as_nanos() as u64 * (rate / 1_000_000) / 8_000;
        let waiting = octets(free_at.saturating_since(self.now));
        if waiting + frame.len() as u64 > queue {
            return;
        }
        let time = Duration::from_nanos(frame.len() as u64 * 8_000_000_000 / rate);
        *free_at = (*free_at).max(self.now) + time;
        let mut at = *free_at + delay;
        // Both are drawn for each frame, so that links of one seed are alike.
        let (lost, is_late) = (self.random.chance(loss), self.random.chance(late));
        if is_late {
            at += lateness;
        }
        self.sent += 1;
        if !lost {
            self.arrivals.insert((at, self.sent), (1 - from, frame));
        }
    }

    /// Lets both hosts send what they have to.
    fn carry(&mut self) {
        for from in 0..2 {
            self.hosts[from].poll(self.now);
            while let Some(frame) = self.hosts[from].transmit() {
                self.send(from, frame);
            }
        }
    }

    /// Goes on to the next instant at which anything happens, at most to `end`; false when
    /// nothing happens until then.
    pub fn step(&mut self, end: Instant) -> bool {
        self.carry();
        let mut next = end;
        if let Some((&(at, _), _)) = self.arrivals.first_key_value() {
            next = next.min(at);
        }
        for host in &mut self.hosts {
            if let Some(deadline) = host.deadline(self.now) {
                next = next.min(deadline);
            }
        }
        self.now = self.now.max(next);
        let mut happened = 0;
        while let Some(first) = self.arrivals.first_entry()
            && first.key().0 <= self.now
        {
            let (to, frame) = first.remove();
            self.hosts[to].receive(frame, self.now);
            happened += 1;
            assert!(happened < STUCK, "time stands still");
        }
        self.now < end
    }

    /// Lets time pass until `condition` holds, at most up to `end`; tells whether it does.
    pub fn run(&mut self, end: Instant, mut condition: impl FnMut(&mut Self) -> bool) -> bool {
        let mut steps = 0;
        let mut last = self.now;
        loop {
            self.carry();
            if condition(self) {
                return true;
            }
            if !self.step(end) {
                return condition(self);
            }
            steps = if self.now == last { steps + 1 } else { 0 };
            last = self.now;
            assert!(steps < STUCK, "a deadline stays in the past");
        }
    }
}
