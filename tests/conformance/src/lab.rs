//! The link between the device under test and the nodes that the test plays.

use crate::dut::{Action, Dut};
use crate::frame::{Frame, PrefixInformation, RouterAdvertisement, packet};
use crate::pattern::{self, Pattern};
use crate::seen::Seen;
use crate::station::{ALL_NODES, Mac, PREFIX, Station, TR1, eui64, solicited_node};
use net::time::{Duration, Instant};
use std::borrow::Borrow;
use std::collections::VecDeque;
use std::net::Ipv6Addr;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(3);

/// Seconds.
pub const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// Makes a device that knows nothing yet.
pub type Factory = Box<dyn Fn() -> Box<dyn Dut>>;

/// The link.
pub struct Lab {
    factory: Factory,
    device: Box<dyn Dut>,
    /// When the device was put there, by its clock.
    began: Instant,
    /// How long the devices before it were there.
    earlier: Duration,
    /// The link-local address of the device.
    pub dut: Ipv6Addr,
    /// The address of the device in [`PREFIX`], once that is advertised.
    pub dut_global: Ipv6Addr,
    /// The station of the device.
    pub mac: Mac,
    /// Frames that no expectation has looked at.
    waiting: VecDeque<Seen>,
    /// Everything seen, for who must find out why a test fails.
    history: Vec<String>,
    /// Stations that answer solicitations.
    answering: Vec<Station>,
    /// The cable has been plugged in, and what the test has wanted of the device.
    plugged_in: bool,
    demands: Demands,
}

/// What not every device can be made to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Demands {
    /// Its cable is pulled.
    pub cable_pulled: bool,
    /// It joins multicast groups.
    pub membership: bool,
}

impl Lab {
    /// A link to a device whose cable is not plugged in yet.
    pub fn new(factory: Factory) -> Self {
        let device = factory();
        let mac = device.mac();
        let link_local = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0);
        Self {
            factory,
            began: device.now(),
            earlier: Duration::ZERO,
            device,
            dut: eui64(link_local, mac),
            dut_global: eui64(PREFIX, mac),
            mac,
            waiting: VecDeque::new(),
            history: Vec::new(),
            answering: Vec::new(),
            plugged_in: false,
            demands: Demands::default(),
        }
    }

    /// Another device, as new, in place of the one that there was; its cable is not plugged in.
    pub fn replace(&mut self) {
        self.earlier = self.elapsed();
        self.device = (self.factory)();
        self.began = self.device.now();
        self.plugged_in = false;
        self.waiting.clear();
        self.history.push("         another device".to_owned());
    }

    /// Makes the device forget what it has learned from the link; its cable is not plugged in then.
    pub fn reset(&mut self) {
        self.history.push("         the device is reset".to_owned());
        self.device.reset();
    }

    /// How much longer than an RFC allows things may take; nothing in virtual time.
    pub fn slack(&self) -> Duration {
        self.device.slack()
    }

    /// Plugs the cable in and waits until the link-local address is in use; there is no router.
    pub fn start(&mut self) {
        self.act(Action::SetLink(true));
        self.settle(seconds(4));
    }

    /// Waits until the addresses are in use: so long, and longer where a device in real time has not
    /// come to it; forgets what is seen.
    pub fn settle(&mut self, duration: Duration) {
        self.wait(duration);
        let deadline = self.now() + self.slack();
        while !self.device.is_settled() && self.now() < deadline {
            self.wait(Duration::from_millis(100));
        }
        self.forget();
    }

    /// The same, and `station` answers solicitations.
    pub fn start_with(&mut self, station: Station) {
        self.answer_for(station);
        self.start();
    }

    /// The common set-up of the IPv6 Ready tests: `TR1` advertises itself and the prefix, answers
    /// solicitations and is known; the device has its global address.
    pub fn common_setup(&mut self) {
        self.start();
        self.answer_for(TR1);
        self.advertise(TR1, RouterAdvertisement::default(), Some(PrefixInformation::default()));
        self.settle(seconds(3));
        // The router's cache entry is known to be reachable after an exchange.
        self.send(TR1, packet(TR1.link_local, self.dut).echo_request(1, 1, b"setup"));
        self.wait(seconds(8));
        self.forget();
    }

    /// Sends a Router Advertisement to all nodes, with or without a prefix.
    pub fn advertise(
        &mut self,
        router: Station,
        what: RouterAdvertisement,
        prefix: Option<PrefixInformation>,
    ) {
        let frame = packet(router.link_local, ALL_NODES)
            .router_advertisement(what)
            .source_link_layer(router.mac);
        let frame = match prefix {
            Some(prefix) => frame.prefix(prefix),
            None => frame,
        };
        self.send(router, frame);
    }

    /// From now on `station` answers solicitations for its addresses.
    pub fn answer_for(&mut self, station: Station) {
        if !self.answering.contains(&station) {
            self.answering.push(station);
        }
    }

    /// From now on `station` does not answer solicitations.
    pub fn no_answer_for(&mut self, station: Station) {
        self.answering.retain(|other| *other != station);
    }

    /// The time by the cable.
    pub fn now(&self) -> Instant {
        self.device.now()
    }

    /// How long the test has taken, by the clocks of its devices.
    pub fn elapsed(&self) -> Duration {
        self.earlier + self.now().saturating_since(self.began)
    }

    /// What the test has wanted of its devices so far.
    pub const fn demands(&self) -> Demands {
        self.demands
    }

    /// Makes the device do something.
    pub fn act(&mut self, action: impl Borrow<Action>) {
        let action = action.borrow();
        match action {
            Action::SetLink(true) => self.plugged_in = true,
            Action::SetLink(false) => self.demands.cable_pulled |= self.plugged_in,
            Action::Membership { .. } => self.demands.membership = true,
            _ => {}
        }
        self.history.push(format!("         the device: {action:?}"));
        self.device.act(action);
    }

    /// Sends a frame from `station` to the device, or to a group.
    pub fn send(&mut self, station: Station, frame: impl Borrow<Frame>) {
        let frame = frame.borrow();
        let octets = frame.octets(station.mac, self.mac);
        let millis = self.now().as_millis();
        let text = Seen::parse(&octets, self.now())
            .map_or_else(|error| format!("({error})"), |seen| seen.to_string());
        self.history.push(format!("{} at {millis} ms: {text}", station.name));
        self.device.send(&octets);
    }

    /// Sends frames one after the other.
    pub fn send_all(&mut self, station: Station, frames: impl IntoIterator<Item = Frame>) {
        frames.into_iter().for_each(|frame| self.send(station, frame));
    }

    fn answer(&mut self, seen: &Seen) {
        let Some(target) = seen.target().filter(|_| seen.icmpv6() == Some(135)) else { return };
        let owner = self
            .answering
            .iter()
            .copied()
            .find(|station| [station.link_local, station.global].contains(&target));
        let Some(station) = owner.filter(|_| !seen.source.is_unspecified()) else { return };
        let flags = if station.router { "RSO" } else { "SO" };
        let frame = packet(target, seen.source)
            .neighbor_advertisement(target, flags)
            .target_link_layer(station.mac);
        let frame = match seen.vlan {
            Some(tag) => frame.vlan(tag),
            None => frame,
        };
        self.send(station, frame);
    }

    /// The next frame until `deadline`.
    ///
    /// # Panics
    /// When the device sends what nobody may send.
    #[track_caller]
    fn next(&mut self, deadline: Instant) -> Option<Seen> {
        let (at, octets) = self.device.receive(deadline)?;
        let seen = match Seen::parse(&octets, at) {
            Ok(seen) => seen,
            Err(error) => {
                self.fail(&format!("a frame that may not be sent: {error}\n{octets:02x?}"))
            }
        };
        self.history.push(format!("     DUT {seen}"));
        self.answer(&seen);
        Some(seen)
    }

    #[track_caller]
    fn fail(&self, why: &str) -> ! {
        let from = self.history.len().saturating_sub(60);
        panic!("{why}\nwhat was seen:\n{}", self.history[from..].join("\n"))
    }

    /// Fails the test with these words when `condition` does not hold.
    #[track_caller]
    pub fn check(&self, condition: bool, words: &str) {
        if !condition {
            self.fail(words);
        }
    }

    /// Lets time pass; what is seen waits to be looked at.
    #[track_caller]
    pub fn wait(&mut self, duration: Duration) {
        let deadline = self.now() + duration;
        while let Some(seen) = self.next(deadline) {
            self.waiting.push_back(seen);
        }
    }

    /// Whatever was seen until now does not matter.
    #[track_caller]
    pub fn forget(&mut self) {
        self.wait(Duration::ZERO);
        self.waiting.clear();
    }

    /// Waits for a frame; others before it do not matter, except frames of its kind that are
    /// otherwise wrong.
    #[track_caller]
    pub fn expect_within(&mut self, duration: Duration, pattern: impl Borrow<Pattern>) -> Seen {
        let pattern = pattern.borrow();
        let deadline = self.now() + duration + self.device.slack();
        let mut near = String::new();
        while let Some(seen) = self.waiting.pop_front().or_else(|| self.next(deadline)) {
            match pattern.failures(&seen) {
                Some(failures) if failures.is_empty() => return seen,
                Some(failures) => {
                    near = format!(
                        "\nthe nearest: {seen}\nof which this is false: {}",
                        failures.join("; ")
                    );
                }
                None => {}
            }
        }
        let name = pattern.name();
        self.fail(&format!("no {name} within {} ms{near}", duration.as_millis()))
    }

    /// Waits for a frame as long as an answer may take.
    #[track_caller]
    pub fn expect(&mut self, pattern: impl Borrow<Pattern>) -> Seen {
        let pattern = pattern.borrow();
        self.expect_within(PATIENCE, pattern)
    }

    /// Everything that matches within a time.
    #[track_caller]
    pub fn collect(&mut self, duration: Duration, pattern: impl Borrow<Pattern>) -> Vec<Seen> {
        let pattern = pattern.borrow();
        self.wait(duration);
        let all = std::mem::take(&mut self.waiting);
        all.into_iter().filter(|seen| pattern.matches(seen)).collect()
    }

    /// No frame like that may come within a time.
    #[track_caller]
    pub fn never(&mut self, duration: Duration, pattern: impl Borrow<Pattern>) {
        let pattern = pattern.borrow();
        if let Some(seen) = self.collect(duration, pattern).first() {
            self.fail(&format!("there should be no {}: {seen}", pattern.name()));
        }
    }

    /// The device must not react.
    #[track_caller]
    pub fn silence(&mut self) {
        self.never(PATIENCE, pattern::reaction());
    }

    /// Sends an Echo Request and expects the reply.
    #[track_caller]
    pub fn ping(&mut self, station: Station, source: Ipv6Addr, destination: Ipv6Addr) -> Seen {
        self.send(station, packet(source, destination).echo_request(7, 7, b"ping"));
        self.expect(pattern::echo_reply().from(destination).to(source).data(b"ping"))
    }

    /// The device is still there.
    #[track_caller]
    pub fn still_answers(&mut self, station: Station) {
        self.answer_for(station);
        self.ping(station, station.link_local, self.dut);
    }

    /// Makes `station` known to the device and reachable, by an exchange as they happen.
    #[track_caller]
    pub fn make_reachable(&mut self, station: Station, address: Ipv6Addr) {
        let group = solicited_node(self.dut);
        self.send(
            station,
            packet(address, group).neighbor_solicitation(self.dut).source_link_layer(station.mac),
        );
        self.expect(pattern::neighbor_advertisement(self.dut, "SO"));
        // STALE now; traffic brings DELAY and PROBE, the answer REACHABLE.
        self.ping(station, address, self.dut);
        self.expect_within(seconds(7), pattern::unicast_solicitation(station, address));
        let confirmation = packet(address, self.dut)
            .neighbor_advertisement(address, if station.router { "RSO" } else { "SO" })
            .target_link_layer(station.mac);
        self.send(station, confirmation);
        self.forget();
    }
}
