//! A network namespace with a TAP interface, a router and Linux as the other host.
//!
//! Everything lives in namespaces that the lab makes and removes; nothing outside them changes.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Name of the TAP interface inside the namespace.
pub const TAP: &str = "mona0";

/// A namespace whose `mona0` is the far end of the guest's cable: `fe80::1` and
/// `2001:db8:1::1/64`, forwarding, no router advertisements until [`Lab::start_router`].
pub struct Lab {
    name: String,
    folder: PathBuf,
    router: Option<Child>,
}

impl Lab {
    /// Makes the namespace. Needs root and `/dev/net/tun`.
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("lab-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(&name);
        fs::create_dir_all(&folder).expect("a temporary folder can be made");
        host(&["ip", "netns", "add", &name]);
        let lab = Self { name, folder, router: None };
        for line in [
            "ip link set lo up",
            "sysctl -qw net.ipv6.conf.all.forwarding=1 net.ipv6.conf.default.accept_ra=0 \
             net.ipv6.conf.default.accept_dad=0 net.ipv6.icmp.ratelimit=0",
            "ip tuntap add dev mona0 mode tap",
            "ip link set mona0 txqueuelen 100 addrgenmode none up",
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

    /// Runs a command in the namespace, whatever its exit status.
    pub fn try_run(&self, line: &str) -> Output {
        self.command(line).output().expect("ip runs")
    }

    /// Starts a program in the namespace and leaves it running.
    pub fn spawn(&self, line: &str) -> Child {
        self.command(line).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("ip runs")
    }

    fn command(&self, line: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name]).args(line.split_whitespace());
        command.stdin(Stdio::null());
        command
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
        // A namespace with a program in it would live on unseen.
        while Instant::now() < deadline {
            let pids = Command::new("ip").args(["netns", "pids", &self.name]).output();
            if pids.is_ok_and(|output| output.stdout.is_empty()) {
                break;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let _ = Command::new("ip").args(["netns", "del", &self.name]).status();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

#[track_caller]
fn host(words: &[&str]) {
    let status = Command::new(words[0]).args(&words[1..]).status().expect("the command runs");
    assert!(status.success(), "`{}` failed: {status}", words.join(" "));
}
