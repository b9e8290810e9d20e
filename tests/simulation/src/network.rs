//! The switch, the clock and the loop that moves both.

use crate::audit::{self, Identity};
use crate::impairment::Impairment;
use crate::middlebox::{Middlebox, Passage};
use crate::pcap::Capture;
use crate::random::Seeded;
use net::netif::MacAddress;
use net::time::{Duration, Instant};
use std::any::Any;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::marker::PhantomData;
use std::ops::{Index, IndexMut};

/// Something on a port of the switch.
pub trait Node: Any {
    /// A frame has arrived.
    fn receive(&mut self, frame: &[u8], now: Instant);

    /// The next frame to send.
    fn transmit(&mut self, now: Instant) -> Option<Vec<u8>>;

    /// When [`Self::wake`] is wanted.
    fn deadline(&mut self, now: Instant) -> Option<Instant>;

    /// The deadline has come.
    fn wake(&mut self, now: Instant);

    /// The cable was plugged in or pulled.
    fn set_link(&mut self, up: bool, now: Instant);

    /// Who must obey the rules of [`audit`] on this port, if anybody.
    fn identity(&self) -> Option<Identity>;
}

/// A node of a network, as a type that gives access to it.
#[derive(Debug)]
pub struct Handle<N> {
    port: usize,
    kind: PhantomData<fn() -> N>,
}

impl<N> Clone for Handle<N> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<N> Copy for Handle<N> {}

impl<N> Handle<N> {
    /// The number of its port.
    pub const fn port(self) -> usize {
        self.port
    }
}

struct Port {
    node: Box<dyn Node>,
    /// Ports with the same number hear each other.
    island: usize,
    plugged: bool,
}

/// A frame on its way to a port.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Arrival {
    at: Instant,
    /// Keeps frames that arrive at the same time in the order in which they were sent.
    number: u64,
    port: usize,
    frame: Vec<u8>,
}

/// How often anything may happen at one instant before the simulation is taken to be stuck.
const STUCK: u32 = 20_000;

/// How many frames there may be between two calls from outside before it is taken to be a storm.
const STORM: u64 = 200_000;

/// Nodes on a switch. All time is virtual and begins at [`Instant::ZERO`].
pub struct Network {
    seed: u64,
    now: Instant,
    random: Seeded,
    impairment: Impairment,
    middlebox: Middlebox,
    ports: Vec<Port>,
    stations: BTreeMap<MacAddress, usize>,
    arrivals: BinaryHeap<Reverse<Arrival>>,
    sent: u64,
    /// Of these, those before the last call from outside.
    sent_before: u64,
    number: u64,
    capture: Capture,
}

impl Network {
    /// An empty network whose every decision comes from `seed`.
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            now: Instant::ZERO,
            random: Seeded::new(seed),
            impairment: Impairment::NONE,
            middlebox: Middlebox::default(),
            ports: Vec::new(),
            stations: BTreeMap::new(),
            arrivals: BinaryHeap::new(),
            sent: 0,
            sent_before: 0,
            number: 0,
            capture: Capture::new(),
        }
    }

    /// The present.
    pub const fn now(&self) -> Instant {
        self.now
    }

    /// A generator for a node or a test.
    pub fn fork_random(&mut self) -> Seeded {
        self.random.fork()
    }

    /// Plugs a node in.
    pub fn add<N: Node>(&mut self, mut node: N) -> Handle<N> {
        node.set_link(true, self.now);
        self.ports.push(Port { node: Box::new(node), island: 0, plugged: true });
        Handle { port: self.ports.len() - 1, kind: PhantomData }
    }

    /// What links do to frames from now on.
    pub const fn impair(&mut self, impairment: Impairment) {
        self.impairment = impairment;
    }

    /// What stands between all nodes from now on.
    pub const fn set_middlebox(&mut self, middlebox: Middlebox) {
        self.middlebox = middlebox;
    }

    /// Cuts these ports off from all others, but not from each other.
    pub fn partition(&mut self, ports: &[usize]) {
        for (number, port) in self.ports.iter_mut().enumerate() {
            port.island = usize::from(ports.contains(&number));
        }
    }

    /// Ends a partition.
    pub fn heal(&mut self) {
        self.partition(&[]);
    }

    /// Pulls a cable or plugs it in again.
    pub fn set_plugged<N>(&mut self, handle: Handle<N>, plugged: bool) {
        let port = &mut self.ports[handle.port];
        port.plugged = plugged;
        port.node.set_link(plugged, self.now);
    }

    /// Frames that were sent so far.
    pub const fn sent(&self) -> u64 {
        self.sent
    }

    /// All of them.
    pub const fn capture(&self) -> &Capture {
        &self.capture
    }

    /// Hands a frame to a node at once, as if it came over the wire.
    pub fn inject<N>(&mut self, to: Handle<N>, frame: &[u8]) {
        self.capture.push(self.now, frame);
        self.ports[to.port].node.receive(frame, self.now);
    }

    /// Begins a new capture and gives the old one.
    pub fn take_capture(&mut self) -> Capture {
        std::mem::take(&mut self.capture)
    }

    /// Lets `time` pass.
    pub fn run_for(&mut self, time: Duration) {
        self.run_until(self.now + time);
    }

    /// Lets time pass up to `end`.
    pub fn run_until(&mut self, end: Instant) {
        self.sent_before = self.sent;
        while self.step(end) {}
        self.now = self.now.max(end);
    }

    /// Lets at most `time` pass until `condition` holds, and tells whether it does.
    pub fn run_until_true(
        &mut self,
        time: Duration,
        mut condition: impl FnMut(&mut Self) -> bool,
    ) -> bool {
        let end = self.now + time;
        self.sent_before = self.sent;
        loop {
            self.carry();
            if condition(self) {
                return true;
            }
            if !self.step(end) {
                self.now = self.now.max(end);
                return condition(self);
            }
        }
    }

    /// Goes on to the next instant up to `end` at which anything happens and lets it happen;
    /// false when nothing does.
    fn step(&mut self, end: Instant) -> bool {
        let mut at_this_instant = 0;
        self.carry();
        let Some(next) = self.next_event().filter(|&next| next <= end) else { return false };
        self.now = self.now.max(next);
        while self.next_event().is_some_and(|next| next <= self.now) {
            at_this_instant += 1;
            assert!(at_this_instant < STUCK, "a node's deadline stays in the past");
            self.happen();
            self.carry();
        }
        true
    }

    fn next_event(&mut self) -> Option<Instant> {
        let now = self.now;
        let arrival = self.arrivals.peek().map(|Reverse(arrival)| arrival.at);
        let deadlines = self.ports.iter_mut().filter_map(|port| port.node.deadline(now));
        deadlines.chain(arrival).min()
    }

    /// Delivers one frame that is due and wakes whoever is due.
    fn happen(&mut self) {
        let now = self.now;
        if self.arrivals.peek().is_some_and(|Reverse(arrival)| arrival.at <= now)
            && let Some(Reverse(Arrival { port, frame, .. })) = self.arrivals.pop()
        {
            let port = &mut self.ports[port];
            if port.plugged {
                port.node.receive(&frame, now);
            }
            return;
        }
        for port in &mut self.ports {
            if port.node.deadline(now).is_some_and(|deadline| deadline <= now) {
                port.node.wake(now);
            }
        }
    }

    /// Takes all frames that nodes want to send.
    fn carry(&mut self) {
        for from in 0..self.ports.len() {
            while let Some(frame) = self.ports[from].node.transmit(self.now) {
                self.send(from, &frame);
            }
        }
    }

    fn send(&mut self, from: usize, frame: &[u8]) {
        self.sent += 1;
        assert!(self.sent - self.sent_before < STORM, "nodes answer each other without end");
        self.capture.push(self.now, frame);
        if let Some(identity) = self.ports[from].node.identity()
            && let Err(violation) = audit::check(&identity, frame)
        {
            panic!("port {from} at {:?} sent {frame:02x?}: {violation}", self.now);
        }
        if !self.ports[from].plugged {
            return;
        }
        let Some((destination, source)) = stations(frame) else { return };
        self.stations.insert(source, from);
        let known = self.stations.get(&destination).copied();
        let frame = match self.middlebox.pass(frame, &mut self.random) {
            Passage::Through(frame) => frame,
            Passage::Back(answer) => {
                self.capture.push(self.now, &answer);
                return self.deliver(from, &answer);
            }
        };
        for to in 0..self.ports.len() {
            let cut_off =
                !self.ports[to].plugged || self.ports[to].island != self.ports[from].island;
            if to == from || cut_off || known.is_some_and(|known| known != to) {
                continue;
            }
            self.deliver(to, &frame);
        }
    }

    /// Puts a frame on its way to a port, if it is not lost.
    fn deliver(&mut self, port: usize, frame: &[u8]) {
        for (delay, frame) in self.impairment.apply(frame, &mut self.random) {
            self.number += 1;
            let (at, number) = (self.now + delay, self.number);
            self.arrivals.push(Reverse(Arrival { at, number, port, frame }));
        }
    }
}

/// Destination and source of a frame.
fn stations(frame: &[u8]) -> Option<(MacAddress, MacAddress)> {
    let (header, _) = net::wire::ethernet::EthernetHeader::parse(frame).ok()?;
    Some((header.destination, header.source))
}

impl<N: Node> Index<Handle<N>> for Network {
    type Output = N;

    fn index(&self, handle: Handle<N>) -> &N {
        let node: &dyn Any = &*self.ports[handle.port].node;
        node.downcast_ref().expect("a handle has the type of its node")
    }
}

impl<N: Node> IndexMut<Handle<N>> for Network {
    fn index_mut(&mut self, handle: Handle<N>) -> &mut N {
        let node: &mut dyn Any = &mut *self.ports[handle.port].node;
        node.downcast_mut().expect("a handle has the type of its node")
    }
}

impl Drop for Network {
    /// A failing test leaves its frames behind.
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        let test = std::thread::current().name().unwrap_or("simulation").replace("::", "-");
        let path = std::env::temp_dir().join(format!("{test}-seed-{}.pcap", self.seed));
        match self.capture.save(&path) {
            Ok(()) => eprintln!("frames of seed {} are in {}", self.seed, path.display()),
            Err(error) => eprintln!("{}: {error}", path.display()),
        }
    }
}
