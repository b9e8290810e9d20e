//! Two hosts on a path with a bottleneck: a rate, a queue in front of it, a delay, random losses
//! and late frames. One of them sends a stream to the other; how fast it arrives is the same in
//! each run of a seed.

use crate::host::Host;
use crate::network::Node;
use crate::packet::link_local;
use crate::random::Seeded;
use crate::tcp_stream::{HostStream, Read, Stream};
use net::config::Config;
use net::netif::MacAddress;
use net::tcp::TcpId;
use net::time::{Duration, Instant};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::{Ipv6Addr, SocketAddrV6};

const PORT: u16 = 8080;
/// Octets written or read at once.
const CHUNK: usize = 64 * 1024;

/// What both directions of the path do to frames. Chances are in hundred-thousandths.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Path {
    /// Bits a second.
    pub rate: u64,
    /// Time on the way of each frame, one way, besides what the rate costs.
    pub delay: Duration,
    /// Octets that may wait in front of the bottleneck; a frame beyond is lost.
    pub queue: u64,
    /// Chance that a frame is lost at random.
    pub loss: u32,
    /// Chance that a frame comes late.
    pub late: u32,
    /// How much later.
    pub lateness: Duration,
    /// Octets in the queue from which on frames that are ECN-capable are marked instead of lost.
    pub mark_from: Option<u64>,
}

impl Path {
    /// 100 Mbit/s, a round trip of 20 ms, and a queue of 500 kB: two round trips' worth.
    pub const GOOD: Self = Self {
        rate: 100_000_000,
        delay: Duration::from_millis(10),
        queue: 500_000,
        loss: 0,
        late: 0,
        lateness: Duration::from_millis(2),
        mark_from: None,
    };
}

/// A frame on its way.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Arrival {
    at: Instant,
    number: u64,
    to: usize,
    frame: Vec<u8>,
}

/// Counts of what the path did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct PathCounts {
    /// Frames that the queue had no room for.
    pub overflowed: u64,
    /// Frames lost at random.
    pub lost: u64,
    /// Frames marked "congestion experienced".
    pub marked: u64,
}

/// The two hosts and the path between them.
pub struct Bottleneck {
    /// The host that sends, and the one that receives.
    pub hosts: [Host; 2],
    /// What the path does to frames from now on.
    pub path: Path,
    /// What it did.
    pub counts: PathCounts,
    /// The most frames that one host sent at one instant.
    pub longest_burst: usize,
    now: Instant,
    random: Seeded,
    /// When the last frame of each direction has left the bottleneck.
    busy_until: [Instant; 2],
    arrivals: BinaryHeap<Reverse<Arrival>>,
    number: u64,
}

const fn mac(last: u8) -> MacAddress {
    MacAddress([0x52, 0x54, 0, 0x12, 0x34, last])
}

impl Bottleneck {
    /// Two hosts with these settings that know each other, after some seconds on a good path.
    pub fn new(seed: u64, config: &Config, path: Path) -> Self {
        let mut random = Seeded::new(seed);
        let hosts = [1, 2].map(|last| Host::new(mac(last), config.clone(), random.fork()));
        let mut bottleneck = Self {
            hosts,
            path: Path::GOOD,
            counts: PathCounts::default(),
            longest_burst: 0,
            now: Instant::ZERO,
            random,
            busy_until: [Instant::ZERO; 2],
            arrivals: BinaryHeap::new(),
            number: 0,
        };
        for host in &mut bottleneck.hosts {
            host.set_link(true, Instant::ZERO);
        }
        bottleneck.run_until(Instant::from_secs(3), |_| false);
        bottleneck.path = path;
        bottleneck
    }

    /// The present.
    pub const fn now(&self) -> Instant {
        self.now
    }

    /// Lets time pass until `end`, or until `done` after something happened. Tells whether it was
    /// `done`.
    pub fn run_until(&mut self, end: Instant, mut done: impl FnMut(&mut Self) -> bool) -> bool {
        loop {
            self.carry();
            if done(self) {
                return true;
            }
            self.carry();
            let now = self.now;
            let deadlines = self.hosts.iter_mut().filter_map(|host| host.deadline(now));
            let arrival = self.arrivals.peek().map(|Reverse(arrival)| arrival.at);
            let Some(next) = deadlines.chain(arrival).min().filter(|&next| next <= end) else {
                self.now = self.now.max(end);
                return false;
            };
            self.now = self.now.max(next);
            let now = self.now;
            if self.arrivals.peek().is_some_and(|Reverse(arrival)| arrival.at <= now)
                && let Some(Reverse(arrival)) = self.arrivals.pop()
            {
                self.hosts[arrival.to].receive(&arrival.frame, now);
                continue;
            }
            for host in &mut self.hosts {
                if host.deadline(now).is_some_and(|deadline| deadline <= now) {
                    host.wake(now);
                }
            }
        }
    }

    fn carry(&mut self) {
        for from in 0..2 {
            let mut burst = 0;
            while let Some(frame) = self.hosts[from].transmit(self.now) {
                self.send(from, frame);
                burst += 1;
            }
            self.longest_burst = self.longest_burst.max(burst);
        }
    }

    fn send(&mut self, from: usize, mut frame: Vec<u8>) {
        let mut chance = |chance: u32| self.random.index(100_000) < chance as usize;
        if chance(self.path.loss) {
            self.counts.lost += 1;
            return;
        }
        let late = chance(self.path.late);
        let busy_until = self.busy_until[from].max(self.now);
        let wait = busy_until.saturating_since(self.now);
        let waiting = (wait.as_nanos() * u128::from(self.path.rate) / 8_000_000_000) as u64;
        if waiting + frame.len() as u64 > self.path.queue {
            self.counts.overflowed += 1;
            return;
        }
        if self.path.mark_from.is_some_and(|from| waiting > from) && mark(&mut frame) {
            self.counts.marked += 1;
        }
        let nanos = frame.len() as u64 * 8 * 1_000_000_000 / self.path.rate;
        let leaves = busy_until + Duration::from_nanos(nanos);
        self.busy_until[from] = leaves;
        let lateness = if late { self.path.lateness } else { Duration::ZERO };
        let at = leaves + self.path.delay + lateness;
        self.number += 1;
        self.arrivals.push(Reverse(Arrival { at, number: self.number, to: 1 - from, frame }));
    }

    /// Opens a connection from the first host to the second: its two ends.
    ///
    /// # Panics
    /// When that fails.
    pub fn connect(&mut self) -> [TcpId; 2] {
        let now = self.now;
        let [client, server] = &mut self.hosts;
        let listener = server.stack.tcp_open().expect("there is room");
        let any = SocketAddrV6::new(Ipv6Addr::UNSPECIFIED, PORT, 0, 0);
        server.stack.tcp_bind(listener, any).expect("the port is free");
        server.stack.tcp_listen(listener, 4).expect("nobody listens");
        let id = client.stack.tcp_open().expect("there is room");
        let to = client.socket_address(link_local(mac(2)), PORT);
        client.stack.tcp_connect(id, to, now).expect("there is a route");
        let mut accepted = None;
        self.run_until(now + Duration::from_mins(1), |this| {
            accepted = this.hosts[1].stack.tcp_accept(listener).ok().map(|(id, _)| id);
            accepted.is_some()
        });
        let accepted = accepted.expect("the connection opens");
        let now = self.now;
        self.hosts[1].stack.tcp_close(listener, now);
        [id, accepted]
    }

    /// Sends `octets` from the first end to the second; what has arrived after `time` at most,
    /// and after which time.
    pub fn transfer(&mut self, ends: [TcpId; 2], octets: u64, time: Duration) -> (u64, Duration) {
        let begin = self.now;
        let chunk = vec![0x5a; CHUNK];
        let (mut sent, mut got) = (0, 0);
        self.run_until(begin + time, |this| {
            let now = this.now;
            let [client, server] = &mut this.hosts;
            let mut stream = HostStream { host: client, id: ends[0] };
            while sent < octets {
                let most = (octets - sent).min(CHUNK as u64) as usize;
                match stream.write(&chunk[..most], now) {
                    0 => break,
                    count => sent += count as u64,
                }
            }
            let mut stream = HostStream { host: server, id: ends[1] };
            while let Read::Data(data) = stream.read(CHUNK, now) {
                got += data.len() as u64;
            }
            got >= octets
        });
        (got, self.now.saturating_since(begin))
    }

    /// Bits a second that arrive of an endless stream during `time`.
    pub fn goodput(&mut self, ends: [TcpId; 2], time: Duration) -> u64 {
        let (got, _) = self.transfer(ends, u64::MAX, time);
        (u128::from(got) * 8_000_000_000 / time.as_nanos().max(1)) as u64
    }
}

/// Marks an IPv6 packet "congestion experienced" if its sender says that it is ECN-capable.
fn mark(frame: &mut [u8]) -> bool {
    // The low two bits of the traffic class, behind the Ethernet header.
    let Some(octet) = frame.get_mut(15) else { return false };
    let capable = matches!(*octet >> 4 & 0b11, 0b01 | 0b10);
    if capable {
        *octet |= 0b11 << 4;
    }
    capable
}
