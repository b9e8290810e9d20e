//! This machine's Linux as the device under test of the conformance suite: a network namespace of
//! its own with one interface, a TAP whose other end the test holds. What the suite makes it do is
//! done with plain sockets by a thread in the namespace.

use crate::cable::tap;
use conformance::dut::{Action, Dut};
use conformance::station::Mac;
use net::time::{Duration, Instant};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, ipproto};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::{Ipv6Addr, SocketAddrV6, TcpListener, UdpSocket};
use std::os::fd::{AsFd as _, OwnedFd};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel, sync_channel};
use std::time;

/// The interface.
const INTERFACE: &str = "dut0";
/// Its station.
const MAC: [u8; 6] = [0x02, 0, 0, 0, 0, 0xdd];
/// Longer than any frame.
const FRAME_MAX: usize = 2048;
/// How often the thread in the namespace looks for datagrams to echo and connections to accept.
const TICK: time::Duration = time::Duration::from_millis(10);
/// How long an action, or a change of the link, may take before the test gives up.
const PATIENCE: time::Duration = time::Duration::from_mins(1);

/// What is set in the namespace before its interface is made; all else is as the kernel has it. The
/// suite's cases know addresses by their modified EUI-64 identifiers.
pub const SETTINGS: &[&str] = &[
    "net.ipv6.conf.default.accept_ra=1",
    "net.ipv6.conf.default.addr_gen_mode=0",
    "net.ipv6.conf.default.use_tempaddr=0",
];

/// What of the kernel's settings bears on the cases.
const TELLING: &[&str] = &[
    "net.ipv6.conf.dut0.accept_dad",
    "net.ipv6.conf.dut0.accept_ra_min_hop_limit",
    "net.ipv6.conf.dut0.accept_ra_mtu",
    "net.ipv6.conf.dut0.accept_ra_rtr_pref",
    "net.ipv6.conf.dut0.accept_redirects",
    "net.ipv6.conf.dut0.accept_source_route",
    "net.ipv6.conf.dut0.accept_untracked_na",
    "net.ipv6.conf.dut0.dad_transmits",
    "net.ipv6.conf.dut0.enhanced_dad",
    "net.ipv6.conf.dut0.forwarding",
    "net.ipv6.conf.dut0.max_addresses",
    "net.ipv6.conf.dut0.optimistic_dad",
    "net.ipv6.conf.dut0.router_solicitations",
    "net.ipv6.conf.dut0.suppress_frag_ndisc",
    "net.ipv6.icmp.ratelimit",
    "net.ipv6.icmp.ratemask",
    "net.ipv6.ip6frag_high_thresh",
    "net.ipv6.ip6frag_time",
    "net.ipv6.neigh.dut0.base_reachable_time_ms",
    "net.ipv6.neigh.dut0.delay_first_probe_time",
    "net.ipv6.route.mtu_expires",
];

/// Linux at the end of a cable. The namespace goes with the value.
pub struct LinuxDut {
    namespace: String,
    cable: File,
    frames: Receiver<(Instant, Vec<u8>)>,
    orders: Sender<(Action, Sender<()>)>,
    began: time::Instant,
    /// Somebody has set the interface up, which is when the cable is plugged in first.
    up: bool,
}

/// The sockets in the namespace, as a thread there has them.
struct Programs {
    namespace: String,
    interface: u32,
    /// A raw socket; Linux fills in the checksum of what it sends.
    icmpv6: OwnedFd,
    echo: UdpSocket,
    memberships: UdpSocket,
    listeners: Vec<TcpListener>,
    /// What stays open as long as the device is there.
    open: Vec<OwnedFd>,
}

impl LinuxDut {
    /// A namespace whose interface is down. Needs root and `/dev/net/tun`.
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let namespace = format!("dut-{}-{number}", std::process::id());
        run("ip", &["netns", "add", &namespace]);
        for setting in SETTINGS {
            run("ip", &["netns", "exec", &namespace, "sysctl", "-qw", setting]);
        }
        let (ready, made) = sync_channel(1);
        let (orders, taken) = channel();
        std::thread::spawn({
            let namespace = namespace.clone();
            move || {
                // Only this thread moves.
                let path = File::open(format!("/run/netns/{namespace}")).expect("it was made");
                let kind = Some(LinkNameSpaceType::Network);
                move_into_link_name_space(path.as_fd(), kind).expect("root may enter it");
                let cable = tap::open(INTERFACE).expect("there is no other interface");
                let programs = Programs::new(namespace);
                ready.send(cable).expect("the test waits for it");
                programs.run(&taken);
            }
        });
        let cable: File = made.recv().expect("the thread in the namespace has started");
        let mac = MAC.map(|octet| format!("{octet:02x}")).join(":");
        let inside = ["-n", &namespace, "link", "set"];
        run("ip", &[&inside[..], &["lo", "up"]].concat());
        // What Linux sends in a flood waits until the test has time for it.
        let settings = [INTERFACE, "address", &mac, "txqueuelen", "20000"];
        run("ip", &[&inside[..], &settings].concat());

        let began = time::Instant::now();
        let (sender, frames) = channel();
        let mut reader = cable.try_clone().expect("a file can be duplicated");
        // It ends with the interface.
        std::thread::spawn(move || {
            let mut frame = [0; FRAME_MAX];
            while let Ok(length @ 1..) = reader.read(&mut frame) {
                if sender.send((instant(began), frame[..length].to_vec())).is_err() {
                    break;
                }
            }
        });
        Self { namespace, cable, frames, orders, began, up: false }
    }

    /// The version of this machine's Linux, and the settings that bear on the cases.
    pub fn describe() -> (String, Vec<String>) {
        let device = Self::new();
        // What a distribution or a user adds to it follows a hyphen.
        let version = output("uname", &["-r"]);
        let version = version.split('-').next().unwrap_or(&version).to_owned();
        let namespace = device.namespace.as_str();
        let values = TELLING.iter().filter_map(|name| {
            // What an older kernel does not have is not told.
            let command = ["netns", "exec", namespace, "sysctl", "-n", name];
            let made = Command::new("ip").args(command).output().ok()?;
            let text = String::from_utf8_lossy(&made.stdout).trim().to_owned();
            made.status.success().then(|| format!("{name}={text}"))
        });
        (version, values.collect())
    }

    fn set_link(&mut self, up: bool) {
        let inside = ["-n", &self.namespace, "link", "set", INTERFACE];
        if self.up {
            run("ip", &[&inside[..], &["carrier", if up { "on" } else { "off" }]].concat());
        } else if up {
            run("ip", &[&inside[..], &["up"]].concat());
            self.up = true;
        } else {
            return;
        }
        // Linux notices with up to a second's delay, and might miss what is shorter.
        let deadline = time::Instant::now() + PATIENCE;
        let sees = if up { "LOWER_UP" } else { "NO-CARRIER" };
        let operational = if up { "state UP" } else { "state DOWN" };
        loop {
            let text = output("ip", &["-n", &self.namespace, "link", "show", INTERFACE]);
            // A TAP's state is UNKNOWN until its carrier has changed once.
            if text.contains(sees) && (text.contains(operational) || text.contains("UNKNOWN")) {
                return;
            }
            assert!(time::Instant::now() < deadline, "the link does not change: {text}");
            std::thread::sleep(TICK);
        }
    }
}

impl Default for LinuxDut {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for LinuxDut {
    fn drop(&mut self) {
        // Reading from the TAP ends with it; the thread inside ends with `orders`.
        for words in [
            &["-n", &self.namespace, "link", "del", INTERFACE][..],
            &["netns", "del", &self.namespace],
        ] {
            if let Err(error) = Command::new("ip").args(words).status() {
                eprintln!("ip {words:?}: {error}");
            }
        }
    }
}

impl Dut for LinuxDut {
    fn mac(&self) -> Mac {
        Mac(MAC)
    }

    fn now(&self) -> Instant {
        instant(self.began)
    }

    fn send(&mut self, frame: &[u8]) {
        // A TAP whose carrier is off refuses frames, as a cable that is pulled loses them.
        let _ = self.cable.write(frame);
    }

    fn receive(&mut self, deadline: Instant) -> Option<(Instant, Vec<u8>)> {
        let left = deadline.as_millis().saturating_sub(self.now().as_millis());
        self.frames.recv_timeout(time::Duration::from_millis(left)).ok()
    }

    fn act(&mut self, action: &Action) {
        if let Action::SetLink(up) = *action {
            return self.set_link(up);
        }
        let (done, finished) = channel();
        self.orders.send((action.clone(), done)).expect("the thread in the namespace is there");
        finished.recv_timeout(PATIENCE).expect("the action is done");
    }

    /// As when somebody sets the interface down: Linux keeps addresses, routes and redirects when
    /// only the cable is pulled.
    fn reset(&mut self) {
        run("ip", &["-n", &self.namespace, "link", "set", INTERFACE, "down"]);
        self.up = false;
    }

    fn is_settled(&mut self) -> bool {
        let all = output("ip", &["-n", &self.namespace, "addr", "show", "dev", INTERFACE]);
        all.contains("inet6") && !all.contains("tentative")
    }

    fn slack(&self) -> Duration {
        Duration::from_secs(5)
    }
}

impl Programs {
    fn new(namespace: String) -> Self {
        let kind = (AddressFamily::INET6, SocketType::RAW, Some(ipproto::ICMPV6));
        let icmpv6 = rustix::net::socket_with(kind.0, kind.1, SocketFlags::NONBLOCK, kind.2)
            .expect("root may open a raw socket");
        let interface = rustix::net::netdevice::name_to_index(&icmpv6, INTERFACE)
            .expect("the interface has been made");
        let udp = |port| UdpSocket::bind((Ipv6Addr::UNSPECIFIED, port)).expect("no port is taken");
        let echo = udp(7);
        echo.set_nonblocking(true).expect("a socket can be set so");
        let memberships = udp(0);
        Self {
            namespace,
            interface,
            icmpv6,
            echo,
            memberships,
            listeners: Vec::new(),
            open: Vec::new(),
        }
    }

    /// Does what is ordered until nobody orders any more.
    fn run(mut self, orders: &Receiver<(Action, Sender<()>)>) {
        loop {
            match orders.recv_timeout(TICK) {
                Ok((action, done)) => {
                    self.act(&action);
                    // Who does not wait any more has failed already.
                    let _ = done.send(());
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            self.serve();
        }
    }

    fn serve(&mut self) {
        let mut datagram = vec![0; usize::from(u16::MAX)];
        // Errors that came back for an echo are reported here, too; they concern nobody.
        while let Ok((length, from)) = self.echo.recv_from(&mut datagram) {
            let _ = self.echo.send_to(&datagram[..length], from);
        }
        // The raw socket gets a copy of every ICMPv6 message.
        while rustix::net::recv(&self.icmpv6, &mut datagram[..], RecvFlags::DONTWAIT).is_ok() {}
        let accepted = self.listeners.iter().filter_map(|listener| listener.accept().ok());
        self.open.extend(accepted.map(|(stream, _)| stream.into()));
    }

    /// A socket address in the namespace: with the interface where Linux wants one.
    fn to(&self, address: Ipv6Addr, port: u16) -> SocketAddrV6 {
        let local = address.is_unicast_link_local() || matches!(address.octets(), [0xff, 2, ..]);
        SocketAddrV6::new(address, port, 0, if local { self.interface } else { 0 })
    }

    /// Does what is ordered. What Linux refuses is silence on the wire, which the test sees.
    fn act(&mut self, action: &Action) {
        match *action {
            Action::SetLink(_) => unreachable!("the cable is not the programs' business"),
            Action::Ping { destination, size } => {
                // Type, code, checksum, identifier, sequence number.
                let mut message = vec![128, 0, 0, 0, 0, 1, 0, 1];
                message.resize(8 + size, 0x5a);
                let to = self.to(destination, 0);
                let _ = rustix::net::sendto(&self.icmpv6, &message, SendFlags::empty(), &to);
            }
            Action::SendUdp { destination, port, size } => {
                let socket = UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0)).expect("a port is free");
                let _ = socket.send_to(&vec![0x5a; size], self.to(destination, port));
                self.open.push(socket.into());
            }
            Action::Connect { destination, port } => {
                let socket = rustix::net::socket_with(
                    AddressFamily::INET6,
                    SocketType::STREAM,
                    SocketFlags::NONBLOCK,
                    None,
                );
                let socket = socket.expect("sockets can be opened");
                let _in_progress = rustix::net::connect(&socket, &self.to(destination, port));
                self.open.push(socket);
            }
            Action::Listen(port) => {
                let any = (Ipv6Addr::UNSPECIFIED, port);
                let listener = TcpListener::bind(any).expect("no port is taken");
                listener.set_nonblocking(true).expect("a socket can be set so");
                self.listeners.push(listener);
            }
            Action::Membership { group, join } => {
                let _ = if join {
                    self.memberships.join_multicast_v6(&group, self.interface)
                } else {
                    self.memberships.leave_multicast_v6(&group, self.interface)
                };
            }
            // Without 802.1Q in this Linux there is none, and what belongs to it fails.
            Action::AddVlan(number) => {
                let name = format!("{INTERFACE}.{number}");
                let add = format!("link add link {INTERFACE} name {name} up type vlan id {number}");
                let words = ["-n", &self.namespace].into_iter().chain(add.split(' '));
                let _ = Command::new("ip").args(words).stderr(Stdio::null()).status();
            }
            Action::AddAddress(address) => {
                let address = format!("{address}/64");
                let words = ["-n", &self.namespace, "addr", "add", &address, "dev", INTERFACE];
                let _ = Command::new("ip").args(words).status();
            }
        }
    }
}

/// The time by a cable that has been there since `began`.
fn instant(began: time::Instant) -> Instant {
    Instant::from_millis(1_000_000 + began.elapsed().as_millis() as u64)
}

/// What a command prints; it must succeed.
#[track_caller]
fn output(program: &str, words: &[&str]) -> String {
    let made = Command::new(program).args(words).output().expect("the command runs");
    let error = String::from_utf8_lossy(&made.stderr);
    assert!(made.status.success(), "{program} {words:?}: {}\n{error}", made.status);
    String::from_utf8_lossy(&made.stdout).trim().to_owned()
}

#[track_caller]
fn run(program: &str, words: &[&str]) {
    output(program, words);
}
