//! The stack: frames, time and what programs want, in any order. The corpus is the conformance
//! suite, each of its cases as a script.

use super::Verdict;
use crate::script::{OPERAND, Step, decode, encode};
use conformance::dut::{Action, Dut, VirtualDut};
use conformance::frame::packet;
use conformance::pattern::{echo_reply, neighbor_advertisement};
use conformance::seen::Seen;
use conformance::station::{Mac, Station, TN1, eui64, solicited_node};
use conformance::{Lab, suite};
use net::config::Config;
use net::netif::MacAddress;
use net::socket::SocketId;
use net::time::{Duration, Instant};
use simulation::host::Host;
use simulation::network::Node as _;
use simulation::random::Seeded;
use std::cell::RefCell;
use std::net::Ipv6Addr;
use std::rc::Rc;

/// The station of the device, which is that of the suite's.
const MAC: [u8; 6] = [0x02, 0, 0, 0, 0, 0xdd];
/// Scripts of the corpus have no more steps than this: longer ones are floods.
const STEPS: usize = 60;
/// What a host does in a month of its own takes fewer wakings.
const WAKINGS: u32 = 2_000_000;
/// Frames that may come of one event.
const BURST: u32 = 2000;
/// No adapter takes in more.
const LONGEST_FRAME: usize = 1518;
/// How much a program sends at once.
const LARGEST: usize = 4096;

/// A device that takes down what happens to it.
struct Recorder {
    device: VirtualDut,
    last: Instant,
    script: Rc<RefCell<Vec<Step>>>,
}

impl Recorder {
    fn take_down(&mut self, step: Step) {
        let mut script = self.script.borrow_mut();
        let passed = self.device.now().saturating_since(self.last).as_millis();
        if passed > 0 {
            script.push(Step::Time(u32::try_from(passed).unwrap_or(u32::MAX)));
        }
        self.last = self.device.now();
        script.push(step);
    }
}

impl Dut for Recorder {
    fn mac(&self) -> Mac {
        self.device.mac()
    }

    fn now(&self) -> Instant {
        self.device.now()
    }

    fn send(&mut self, frame: &[u8]) {
        self.take_down(Step::Arrival(frame.to_vec()));
        self.device.send(frame);
    }

    fn receive(&mut self, deadline: Instant) -> Option<(Instant, Vec<u8>)> {
        self.device.receive(deadline)
    }

    fn act(&mut self, action: &Action) {
        if let Some(want) = want(action) {
            self.take_down(want);
        }
        self.device.act(action);
    }
}

/// An address, a port and a size as an operand.
fn operand(address: Ipv6Addr, port: u16, size: usize) -> [u8; OPERAND] {
    let mut operand = [0; OPERAND];
    operand[..16].copy_from_slice(&address.octets());
    operand[16..18].copy_from_slice(&port.to_be_bytes());
    operand[18..].copy_from_slice(&u16::try_from(size).unwrap_or(u16::MAX).to_be_bytes());
    operand
}

/// An action as a step; none for those that only a user does.
fn want(action: &Action) -> Option<Step> {
    let (what, operand) = match *action {
        Action::SetLink(up) => (u8::from(up), [0; OPERAND]),
        Action::Ping { destination, size } => (2, operand(destination, 0, size)),
        Action::SendUdp { destination, port, size } => (3, operand(destination, port, size)),
        Action::Connect { destination, port } => (4, operand(destination, port, 0)),
        Action::Listen(port) => (5, operand(Ipv6Addr::UNSPECIFIED, port, 0)),
        Action::Membership { .. } | Action::AddAddress(_) | Action::AddVlan(_) => return None,
    };
    Some(Step::Want(what, operand))
}

/// The suite's cases as scripts, those of which all frames are dropped aside.
pub(super) fn corpus() -> Vec<Vec<u8>> {
    let mut scripts = Vec::new();
    for case in suite::all().into_iter().filter(|case| case.settings.is_none()) {
        let script = Rc::new(RefCell::new(Vec::new()));
        let record = Rc::clone(&script);
        let factory = move || -> Box<dyn Dut> {
            let device = VirtualDut::new(Config::DEFAULT, 1);
            Box::new(Recorder { last: device.now(), device, script: Rc::clone(&record) })
        };
        (case.run)(&mut Lab::new(Box::new(factory)));
        let mut script = script.take();
        script.truncate(STEPS);
        scripts.push(encode(&script));
    }
    scripts.retain(|octets| run(octets) == Verdict::Taken);
    scripts
}

/// A host, and the time.
struct Device {
    host: Host,
    udp: SocketId,
    now: Instant,
    sent: Vec<Seen>,
}

impl Device {
    fn new() -> Self {
        let mut host = Host::new(MacAddress(MAC), Config::DEFAULT, Seeded::new(1));
        // Anybody may speak in another's name.
        host.expect_forgery();
        let udp = host.open_udp(4000);
        Self { host, udp, now: Instant::from_secs(1000), sent: Vec::new() }
    }

    /// Everything that it sends must be a frame that may be sent.
    fn collect(&mut self) {
        let mut count = 0;
        while let Some(frame) = self.host.transmit(self.now) {
            match Seen::parse(&frame, self.now) {
                Ok(seen) => self.sent.push(seen),
                Err(error) => panic!("a frame that may not be sent: {error}\n{frame:02x?}"),
            }
            count += 1;
            assert!(count < BURST, "it does not stop sending");
        }
    }

    fn arrive(&mut self, frame: &[u8]) {
        self.host.receive(frame, self.now);
        self.collect();
    }

    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        let mut wakings = 0;
        while let Some(next) = self.host.deadline(self.now).filter(|&next| next <= end) {
            self.now = self.now.max(next);
            self.host.wake(self.now);
            self.collect();
            self.sent.clear();
            wakings += 1;
            assert!(wakings < WAKINGS, "it does not come to rest");
        }
        self.now = end;
    }

    /// What is refused is silence.
    fn act(&mut self, what: u8, operand: &[u8; OPERAND]) {
        let [address @ .., a, b, c, d] = *operand;
        let (destination, port) = (Ipv6Addr::from(address), u16::from_be_bytes([a, b]));
        let data = vec![0x5a; usize::from(u16::from_be_bytes([c, d])).min(LARGEST)];
        let now = self.now;
        match what % 6 {
            up @ (0 | 1) => self.host.set_link(up == 1, now),
            2 => {
                self.host.ping_with(destination, 1, &data, now);
            }
            3 => {
                self.host.send(self.udp, (destination, port), &data, now);
            }
            4 => {
                let to = self.host.socket_address(destination, port);
                if let Ok(id) = self.host.stack.tcp_open() {
                    let _refused = self.host.stack.tcp_connect(id, to, now);
                }
            }
            _ => {
                let any = std::net::SocketAddrV6::new(Ipv6Addr::UNSPECIFIED, port, 0, 0);
                if let Ok(id) = self.host.stack.tcp_open()
                    && self.host.stack.tcp_bind(id, any).is_ok()
                {
                    let _refused = self.host.stack.tcp_listen(id, 8);
                }
            }
        }
        self.collect();
    }

    fn set_admin_up(&mut self, up: bool) {
        let (index, now) = (self.host.index, self.now);
        self.host.stack.set_admin_up(index, up, now).expect("nobody removes the interface");
    }

    /// Whatever happened: once its interface is set down and up, as a user has to do when another
    /// node has its address, it is a host like any other.
    fn survives(&mut self) {
        let Station { link_local, mac, .. } = TN1;
        self.host.set_link(true, self.now);
        self.set_admin_up(false);
        self.pass(Duration::from_secs(1));
        self.set_admin_up(true);
        self.pass(Duration::from_secs(10));
        let device = Mac(MAC);
        let own = eui64(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), device);
        self.sent.clear();
        let solicitation = packet(link_local, solicited_node(own))
            .neighbor_solicitation(own)
            .source_link_layer(mac);
        self.arrive(&solicitation.octets(mac, device));
        let request = packet(link_local, own).echo_request(1, 1, b"alive");
        self.arrive(&request.octets(mac, device));
        for answer in [neighbor_advertisement(own, "SO"), echo_reply().from(own).data(b"alive")] {
            let found = self.sent.iter().any(|seen| answer.matches(seen));
            assert!(found, "no {} at the end", answer.name());
        }
    }
}

/// No panic, no frame that may not be sent, nothing that does not end, no frame that disappears
/// uncounted, no invariant of TCP broken, and afterwards a host that answers.
pub(super) fn run(octets: &[u8]) -> Verdict {
    let mut device = Device::new();
    let outcomes = |device: &Device| {
        let counters = device.host.stack.node_counters();
        (counters.ipv6.in_delivers + counters.ipv6.reassembly_requests, counters.drops.total())
    };
    for step in decode(octets) {
        match step {
            Step::Time(milliseconds) => {
                device.pass(Duration::from_millis(u64::from(milliseconds)));
            }
            Step::Arrival(mut frame) => {
                frame.truncate(LONGEST_FRAME);
                let (taken, dropped) = outcomes(&device);
                device.arrive(&frame);
                let after = outcomes(&device);
                assert!(after.0 > taken || after.1 > dropped, "uncounted: {frame:02x?}");
            }
            Step::Want(what, operand) => device.act(what, &operand),
        }
        device.sent.clear();
    }
    let (taken, _) = outcomes(&device);
    device.survives();
    Verdict::taken_if(taken > 0)
}
