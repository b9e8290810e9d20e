//! What scenarios with TCP have in common: options, links and weather by seed, pairs of ends, and
//! running them until they are done.

use crate::host::Host;
use crate::impairment::Impairment;
use crate::middlebox::Middlebox;
use crate::network::{Handle, Network};
use crate::random::Seeded;
use crate::tcp_foreign::TcpForeign;
use crate::tcp_program::Program;
use crate::tcp_stream::{HostStream, Stream};
use net::tcp::{CongestionAlgorithm, TcpId, TcpSocketOptions};
use net::time::{Duration, Instant};
use std::net::{Ipv6Addr, SocketAddrV6};

/// How long two programs may take, whatever the weather.
const PATIENCE: Duration = Duration::from_mins(50);
/// When the weather clears up. A connection without a user is given up after five minutes without
/// an answer, so that rare bad luck on a bad link would end one that should not.
const BAD_WEATHER: Duration = Duration::from_mins(2);
/// When a program stops waiting for an end that has closed without a word: longer than a
/// connection is silent before it fails.
const GIVING_UP: Duration = Duration::from_mins(20);

/// Opens a listener on a port.
///
/// # Panics
/// When that is refused.
pub fn listen(network: &mut Network, at: Handle<Host>, port: u16, backlog: usize) -> TcpId {
    let stack = &mut network[at].stack;
    let listener = stack.tcp_open().expect("there is room");
    let any = SocketAddrV6::new(Ipv6Addr::UNSPECIFIED, port, 0, 0);
    stack.tcp_bind(listener, any).expect("the port is free");
    stack.tcp_listen(listener, backlog).expect("nobody listens");
    listener
}

/// Begins to connect, with options.
///
/// # Panics
/// When that is refused.
pub fn connect(
    network: &mut Network,
    from: Handle<Host>,
    to: (Ipv6Addr, u16),
    options: impl FnOnce(&mut TcpSocketOptions),
) -> TcpId {
    let now = network.now();
    let host = &mut network[from];
    let id = host.stack.tcp_open().expect("there is room");
    host.stack.change_tcp_options(id, options, now).expect("the options make sense");
    let to = host.socket_address(to.0, to.1);
    host.stack.tcp_connect(id, to, now).expect("there is a route");
    id
}

/// Options as odd as programs set them, with every algorithm.
pub fn vary_options(random: &mut Seeded, options: &mut TcpSocketOptions) {
    options.congestion = *random.pick(&CongestionAlgorithm::ALL);
    options.no_delay = random.chance(300);
    options.cork = random.chance(150);
    options.quick_ack = random.chance(200);
    options.maximum_segment = random.chance(200).then(|| 88 + random.index(1300) as u16);
    let mut size = || match random.index(10) {
        0 => Some(2304),
        1 => Some(4000 + random.index(10_000) as u32),
        2 => Some(16_384 + random.index(300_000) as u32),
        _ => None,
    };
    (options.send_buffer, options.receive_buffer) = (size(), size());
    if random.chance(200) {
        options.keep_alive = true;
        options.keep_idle = Duration::from_secs(1 + random.index(5) as u64);
        options.keep_interval = Duration::from_secs(2);
        // So many do not get lost in a row.
        options.keep_count = 60;
    }
}

/// A link as bad as the seed says, with up to `worst_loss` lost of 1000 frames.
pub fn impairment(random: &mut Seeded, worst_loss: usize) -> Impairment {
    let mut some = |most| if random.chance(400) { 0 } else { random.index(most + 1) as u32 };
    let (loss, duplication, corruption) = (some(worst_loss), some(200), some(20));
    let shortest = Duration::from_micros(10 + random.index(20_000) as u64);
    let spread = if random.chance(500) { 0 } else { random.index(40_000) as u64 };
    Impairment {
        loss,
        duplication,
        corruption,
        shortest_delay: shortest,
        longest_delay: shortest + Duration::from_micros(spread),
    }
}

/// Boxes in the way as the seed says.
pub fn middlebox(random: &mut Seeded) -> Middlebox {
    Middlebox {
        no_timestamps: random.chance(250),
        no_sack: random.chance(250),
        no_window_scale: random.chance(150),
        mss: random.chance(150).then(|| 64 + random.index(1300) as u16),
        mtu: None,
        marks: if random.chance(300) { random.index(300) as u32 } else { 0 },
    }
}

/// What changes on the way while a connection lasts: black-outs, a path that becomes narrower and
/// wider again.
#[derive(Debug)]
pub struct Weather {
    random: Seeded,
    black_out: Instant,
    black_outs: usize,
    dark: bool,
    narrowing: Instant,
    narrowings: usize,
    boxes: Middlebox,
}

impl Weather {
    /// Weather by seed, over links with these boxes.
    pub fn new(mut random: Seeded, boxes: Middlebox, now: Instant) -> Self {
        let mut soon = |most| now + Duration::from_millis(random.index(most) as u64);
        let (black_out, narrowing) = (soon(3000), soon(1000));
        let black_outs = if random.chance(300) { 1 + random.index(3) } else { 0 };
        let narrowings = if random.chance(300) { 1 + random.index(3) } else { 0 };
        Self { random, black_out, black_outs, dark: false, narrowing, narrowings, boxes }
    }

    /// The same, but the path stays as it is.
    pub fn on_one_path(random: Seeded, now: Instant) -> Self {
        Self { narrowings: 0, ..Self::new(random, Middlebox::default(), now) }
    }

    /// Nothing changes.
    pub fn calm(random: Seeded, now: Instant) -> Self {
        Self { black_outs: 0, ..Self::on_one_path(random, now) }
    }

    /// When it changes next.
    pub fn changes_at(&self) -> Option<Instant> {
        let black_out = (self.black_outs > 0).then_some(self.black_out);
        let narrowing = (self.narrowings > 0).then_some(self.narrowing);
        black_out.into_iter().chain(narrowing).min()
    }

    /// Changes what is due. A black-out cuts `port` off.
    pub fn change(&mut self, network: &mut Network, port: usize) {
        let now = network.now();
        if self.black_outs > 0 && self.black_out <= now {
            if self.dark {
                network.heal();
                self.black_outs -= 1;
            } else {
                network.partition(&[port]);
            }
            self.dark = !self.dark;
            self.black_out = now + Duration::from_millis(self.random.index(6000) as u64);
        }
        if self.narrowings > 0 && self.narrowing <= now {
            let narrow = self.random.chance(700);
            self.boxes.mtu = narrow.then(|| 1280 + self.random.index(220) as u16);
            network.set_middlebox(self.boxes);
            self.narrowings -= 1;
            self.narrowing = now + Duration::from_millis(self.random.index(6000) as u64);
        }
    }
}

/// One end of a connection.
#[derive(Clone, Copy)]
pub enum End {
    /// At our stack.
    Host(Handle<Host>, TcpId),
    /// At smoltcp.
    Foreign(Handle<TcpForeign>),
}

impl End {
    fn with<T>(self, network: &mut Network, act: impl FnOnce(&mut dyn Stream) -> T) -> T {
        match self {
            Self::Host(host, id) => {
                let now = network.now();
                let result = act(&mut HostStream { host: &mut network[host], id });
                network[host].check_tcp(now);
                result
            }
            Self::Foreign(foreign) => act(&mut network[foreign]),
        }
    }
}

/// A connection with a program at either end.
pub struct Pair {
    /// The ends.
    pub ends: [End; 2],
    /// Their programs.
    pub programs: [Program; 2],
}

impl Pair {
    /// Whether both programs are done.
    pub fn is_done(&self) -> bool {
        self.programs.iter().all(Program::is_done)
    }

    fn run(&mut self, network: &mut Network) {
        let now = network.now();
        let closed = [self.programs[1].closed_at(), self.programs[0].closed_at()];
        for ((program, end), other) in self.programs.iter_mut().zip(self.ends).zip(closed) {
            if program.is_done() {
                continue;
            }
            end.with(network, |stream| {
                program.run(stream, now);
                if other.is_some_and(|at| now.saturating_since(at) > GIVING_UP) {
                    program.give_up(stream, now);
                }
            });
        }
    }

    /// What is wrong with what the programs have read, if anything.
    pub fn judge(&self) -> Result<(), String> {
        let [a, b] = &self.programs;
        a.judge(b)?;
        b.judge(a)
    }
}

/// Lets all pairs do their work until they are done; false when they do not come to an end.
pub fn run(network: &mut Network, pairs: &mut [Pair], weather: &mut Weather, port: usize) -> bool {
    let (clears_up, end) = (network.now() + BAD_WEATHER, network.now() + PATIENCE);
    while network.now() < end {
        // No longer than until a program or the link changes its mind.
        let now = network.now();
        let programs = pairs.iter().flat_map(|pair| &pair.programs);
        let wishes = programs.filter_map(|program| program.wakes_at(now));
        let next = wishes.chain(weather.changes_at()).filter(|&at| at > now).min();
        let slice = next.map_or(Duration::from_secs(5), |at| at.saturating_since(now));
        let done = network.run_until_true(slice.min(Duration::from_secs(5)), |network| {
            for pair in &mut *pairs {
                pair.run(network);
            }
            pairs.iter().all(Pair::is_done)
        });
        if done {
            return true;
        }
        if network.now() < clears_up {
            weather.change(network, port);
        } else {
            network.impair(Impairment::NONE);
            network.heal();
        }
    }
    false
}

/// Checks that nothing is left of any connection after a while. `hosts` come with their listeners.
///
/// # Panics
/// When something is.
pub fn assert_clean(network: &mut Network, hosts: &[(Handle<Host>, usize)], seed: u64) {
    network.impair(Impairment::NONE);
    network.set_middlebox(Middlebox::default());
    network.heal();
    network.run_for(Duration::from_mins(10));
    for &(host, listeners) in hosts {
        let stack = &network[host].stack;
        let left: Vec<_> = stack.tcp_sockets().collect();
        assert_eq!(left.len(), listeners, "seed {seed}: {left:?}");
        assert_eq!((stack.tcp_pieces(), stack.tcp_entries()), (0, (0, 0)), "seed {seed}");
        assert_eq!(network[host].pool.used(), 0, "seed {seed}: buffers leak");
    }
}
