//! A network namespace with a TAP interface, a router and Linux as the other host.
//!
//! Everything lives in namespaces that the lab makes and removes; nothing outside them changes.

use crate::guest::PATIENCE;
use std::fs;
use std::io::Read;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Name of the TAP interface inside the namespace.
pub const TAP: &str = "mona0";
/// Linux's address on the cable.
pub const LINUX: &str = "2001:db8:1::1";
/// Address of [`Lab::add_far_host`].
pub const FAR: &str = "2001:db8:2::2";

/// Octets without a pattern that a displaced segment could fit into.
pub fn content(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut octets = Vec::with_capacity(length + 8);
    while octets.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        octets.extend(state.to_le_bytes());
    }
    octets.truncate(length);
    octets
}

/// A namespace whose `mona0` is the far end of the guest's cable: `fe80::1` and
/// `2001:db8:1::1/64`, forwarding, no router advertisements until [`Lab::start_router`].
pub struct Lab {
    name: String,
    folder: PathBuf,
    router: Option<Child>,
    far: Option<String>,
}

/// A program in the namespace. Dropping it ends the program.
pub struct Service(Child);

impl Service {
    /// Waits until the program has ended by itself and returns what it printed; it must have
    /// succeeded.
    #[track_caller]
    pub fn finish(mut self) -> String {
        let deadline = Instant::now() + PATIENCE;
        while self.0.try_wait().expect("it is our child").is_none() {
            assert!(Instant::now() < deadline, "a program in the namespace does not end");
            std::thread::sleep(Duration::from_millis(20));
        }
        let read = |from: Option<&mut dyn Read>| {
            let mut text = String::new();
            from.map(|from| from.read_to_string(&mut text)).transpose().expect("it prints text");
            text
        };
        let text = read(self.0.stdout.as_mut().map(|from| from as &mut dyn Read));
        let error = read(self.0.stderr.as_mut().map(|from| from as &mut dyn Read));
        let status = self.0.wait().expect("it is our child");
        assert!(status.success(), "a program in the namespace failed: {status}\n{text}{error}");
        text
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Lab {
    /// Makes the namespace. Needs root and `/dev/net/tun`.
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("lab-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(&name);
        fs::create_dir_all(&folder).expect("a temporary folder can be made");
        host(&["ip", "netns", "add", &name]);
        let lab = Self { name, folder, router: None, far: None };
        for line in [
            "ip link set lo up",
            "sysctl -qw net.ipv6.conf.all.forwarding=1 net.ipv6.conf.default.accept_ra=0 \
             net.ipv6.conf.default.accept_dad=0 net.ipv6.icmp.ratelimit=0 \
             net.unix.max_dgram_qlen=512",
            "ip tuntap add dev mona0 mode tap",
            // Without segmentation in Linux, what nftables sees and drops is a frame.
            "ip link set mona0 txqueuelen 100 gso_max_segs 1 addrgenmode none up",
            "ip addr add fe80::1/64 dev mona0 nodad",
            "ip addr add 2001:db8:1::1/64 dev mona0 nodad",
        ] {
            lab.run(line);
        }
        lab
    }

    /// The namespace's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs a command in the namespace and returns what it printed; it must succeed.
    #[track_caller]
    pub fn run(&self, line: &str) -> String {
        let output = self.try_run(line);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "`{line}` failed: {}\n{text}{error}", output.status);
        text
    }

    /// Runs a command in the namespace again and again until what it prints satisfies
    /// `condition`. Words are separated by one space.
    #[track_caller]
    pub fn run_until(&self, line: &str, condition: impl Fn(&str) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let text = self.run(line);
            let words: Vec<_> = text.split_whitespace().collect();
            if condition(&words.join(" ")) {
                return;
            }
            assert!(Instant::now() < deadline, "`{line}` at last printed:\n{text}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Runs a command in the namespace, whatever its exit status.
    pub fn try_run(&self, line: &str) -> Output {
        self.command(line).output().expect("ip runs")
    }

    /// Starts a program in the namespace and leaves it running.
    pub fn spawn(&self, line: &str) -> Child {
        self.command(line).spawn().expect("ip runs")
    }

    /// Starts a program that listens at a TCP port, and waits until it does.
    #[track_caller]
    pub fn serve(&self, port: u16, line: &str) -> Service {
        let service = self.start(line);
        self.run_until(&format!("ss -Hltn sport = :{port}"), |text| !text.is_empty());
        service
    }

    /// Starts a program and leaves it running until the value is dropped.
    pub fn start(&self, line: &str) -> Service {
        Service(self.spawn(line))
    }

    /// Runs a line of shell in the namespace and returns what it printed; it must succeed.
    #[track_caller]
    pub fn shell(&self, line: &str) -> String {
        self.start_shell(line).finish()
    }

    /// Starts a line of shell in the namespace.
    pub fn start_shell(&self, line: &str) -> Service {
        let mut command = in_namespace(&self.name, "sh -c");
        Service(command.arg(line).spawn().expect("ip runs"))
    }

    /// A path for a file of the test's, which disappears with the lab.
    pub fn path(&self, name: &str) -> String {
        self.folder.join(name).display().to_string()
    }

    /// Does to frames what a script of nftables says; it may define the table `netdev fault`.
    #[track_caller]
    pub fn set_faults(&self, script: &str) {
        let path = self.path("faults.nft");
        fs::write(&path, script).expect("the script can be written");
        self.run(&format!("nft -f {path}"));
    }

    /// How often each rule with a counter matched, in the order of the script; the rules go.
    #[track_caller]
    pub fn end_faults(&self) -> Vec<u64> {
        let rules = self.run("nft list table netdev fault");
        self.run("nft delete table netdev fault");
        let counts = rules.split("counter packets ").skip(1);
        counts.filter_map(|rest| rest.split(' ').next()?.parse().ok()).collect()
    }

    /// Adds a host behind the router, [`FAR`]. The router sends nothing longer than `mtu` octets
    /// on the link there; the host does not know that.
    pub fn add_far_host(&mut self, mtu: u16) {
        let far = format!("{}-far", self.name);
        host(&["ip", "netns", "add", &far]);
        self.far = Some(far.clone());
        self.run(&format!("ip link add far0 type veth peer name far1 netns {far}"));
        self.run(&format!("ip link set far0 mtu {mtu} up"));
        self.run("ip addr add 2001:db8:2::1/64 dev far0 nodad");
        for line in [
            "ip link set lo up".to_owned(),
            "ip link set far1 up".to_owned(),
            format!("ip addr add {FAR}/64 dev far1 nodad"),
            "ip route add default via 2001:db8:2::1".to_owned(),
        ] {
            let words: Vec<_> =
                ["ip", "netns", "exec", &far].into_iter().chain(line.split(' ')).collect();
            host(&words);
        }
    }

    /// Starts a program on the far host.
    #[track_caller]
    pub fn start_far(&self, line: &str) -> Service {
        let far = self.far.as_deref().expect("there is a far host");
        Service(in_namespace(far, line).spawn().expect("ip runs"))
    }

    fn command(&self, line: &str) -> Command {
        in_namespace(&self.name, line)
    }

    /// Starts radvd, advertising `2001:db8:1::/64` and a default route of `lifetime` seconds.
    pub fn start_router(&mut self, lifetime: u32) {
        let configuration = self.write_router_configuration(lifetime);
        let pid_file = self.folder.join("radvd.pid");
        let line = format!("radvd -n -C {configuration} -p {} -m stderr", pid_file.display());
        let mut command = self.command(&line);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        self.router = Some(command.spawn().expect("radvd starts"));
        let deadline = Instant::now() + Duration::from_secs(30);
        while !pid_file.exists() {
            assert!(Instant::now() < deadline, "radvd did not come up");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Stops radvd, which says farewell with a router lifetime of 0.
    pub fn stop_router(&mut self) {
        if let Some(mut router) = self.router.take() {
            let pid = router.id().to_string();
            host(&["kill", "-TERM", &pid]);
            let _ = router.wait();
        }
    }

    fn write_router_configuration(&self, lifetime: u32) -> String {
        let path = self.folder.join("radvd.conf");
        let text = format!(
            "interface {TAP} {{ AdvSendAdvert on; IgnoreIfMissing on; MinRtrAdvInterval 3; \
             MaxRtrAdvInterval 4; AdvDefaultLifetime {lifetime}; AdvLinkMTU 1500;\n\
             prefix 2001:db8:1::/64 {{ AdvOnLink on; AdvAutonomous on; AdvValidLifetime 3600; \
             AdvPreferredLifetime 1800; }}; }};\n"
        );
        fs::write(&path, text).expect("the configuration can be written");
        path.display().to_string()
    }
}

impl Default for Lab {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        self.stop_router();
        let deadline = Instant::now() + Duration::from_secs(10);
        for name in self.far.iter().chain([&self.name]) {
            // A namespace with a program in it would live on unseen.
            while Instant::now() < deadline {
                let pids = Command::new("ip").args(["netns", "pids", name]).output();
                if pids.is_ok_and(|output| output.stdout.is_empty()) {
                    break;
                }
                std::thread::sleep(Duration::from_millis(50));
            }
            let _ = Command::new("ip").args(["netns", "del", name]).status();
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn in_namespace(name: &str, line: &str) -> Command {
    let mut command = Command::new("ip");
    command.args(["netns", "exec", name]).args(line.split_whitespace());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

#[track_caller]
fn host(words: &[&str]) {
    let status = Command::new(words[0]).args(&words[1..]).status().expect("the command runs");
    assert!(status.success(), "`{}` failed: {status}", words.join(" "));
}
