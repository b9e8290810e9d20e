//! The kernel in QEMU as the device under test of the conformance suite: its cable is a pair of
//! unix sockets, a frame a datagram, and what the suite makes it do is typed in its shell.

use crate::guest::Guest;
use conformance::dut::{Action, Dut};
use conformance::station::Mac;
use net::time::{Duration, Instant};
use std::net::Ipv6Addr;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time;

/// The adapter's station.
const MAC: [u8; 6] = [0x52, 0x54, 0x00, 0x12, 0x34, 0x57];

/// A kernel that boots when its cable is plugged in.
pub struct WireDut {
    cable: UnixDatagram,
    frames: Receiver<(Instant, Vec<u8>)>,
    folder: PathBuf,
    began: time::Instant,
    guest: Option<Guest>,
}

impl WireDut {
    /// A device whose cable is not plugged in yet.
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("wire-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a temporary folder can be made");
        let cable = UnixDatagram::bind(folder.join("test")).expect("the path is free");
        let began = time::Instant::now();
        let (sender, frames) = channel();
        let reader = cable.try_clone().expect("a socket can be duplicated");
        // A thread of its own: few datagrams fit in a unix socket before they are lost. It ends
        // with the datagram that `drop` sends, which is no frame.
        std::thread::spawn(move || {
            let mut buffer = [0; 2048];
            while let Ok(length @ 1..) = reader.recv(&mut buffer) {
                if sender.send((instant(began), buffer[..length].to_vec())).is_err() {
                    break;
                }
            }
        });
        Self { cable, frames, folder, began, guest: None }
    }

    fn qemu_end(&self) -> PathBuf {
        self.folder.join("guest")
    }

    fn boot(&mut self) {
        let path = |path: &Path| path.display().to_string();
        let ends = format!("{},{}", path(&self.qemu_end()), path(&self.folder.join("test")));
        let options = ["--usb-net-backend", "dgram", "--dgram", &ends];
        // As in virtual time: an address is used once it is known to be nobody else's.
        let settings = ["--append", "ip6.optimistic_dad=0"];
        let mut guest = Guest::boot(&[options.as_slice(), &settings].concat(), None);
        guest.wait_for_shell();
        guest.run("udp-echo -l -q 7 > /tmp/echo &").success();
        guest.run_until("ss -uln", |text| text.contains(":7 "));
        self.guest = Some(guest);
    }

    /// Sets the interface up or down; the first time, it boots.
    fn set_up(&mut self, up: bool) {
        match &mut self.guest {
            Some(guest) => {
                let state = if up { "up" } else { "down" };
                guest.run(&format!("ip link set dev usb0 {state}")).success();
            }
            None if up => self.boot(),
            None => {}
        }
    }
}

impl Default for WireDut {
    fn default() -> Self {
        Self::new()
    }
}

/// The time by a cable that has been there since `began`.
fn instant(began: time::Instant) -> Instant {
    Instant::from_millis(1_000_000 + began.elapsed().as_millis() as u64)
}

/// An address as programs want it: with the interface where it needs one.
fn scoped(address: Ipv6Addr) -> String {
    let local = address.is_unicast_link_local() || matches!(address.octets(), [0xff, 2, ..]);
    if local { format!("{address}%usb0") } else { address.to_string() }
}

impl Dut for WireDut {
    fn mac(&self) -> Mac {
        Mac(MAC)
    }

    fn now(&self) -> Instant {
        instant(self.began)
    }

    fn send(&mut self, frame: &[u8]) {
        self.cable.send_to(frame, self.qemu_end()).expect("QEMU takes frames");
    }

    fn receive(&mut self, deadline: Instant) -> Option<(Instant, Vec<u8>)> {
        let left = deadline.as_millis().saturating_sub(self.now().as_millis());
        self.frames.recv_timeout(time::Duration::from_millis(left)).ok()
    }

    fn act(&mut self, action: &Action) {
        if *action == Action::SetLink(true) {
            return self.set_up(true);
        }
        let guest = self.guest.as_mut().expect("the cable is plugged in first");
        let line = match *action {
            Action::SetLink(_) => panic!("QEMU's adapter does not tell when its cable is pulled"),
            Action::Ping { destination, size } => {
                format!("ping6 -c 1 -s {size} {} > /tmp/ping &", scoped(destination))
            }
            Action::SendUdp { destination, port, size } => {
                let to = scoped(destination);
                format!("head -c {size} /dev/zero | nc -u -N -w 1 {to} {port} > /tmp/udp &")
            }
            Action::Connect { destination, port } => {
                format!("nc {} {port} < /dev/null > /tmp/tcp &", scoped(destination))
            }
            Action::Listen(port) => {
                guest.run(&format!("nc -k -l {port} < /dev/null > /tmp/listen &")).success();
                let listens = format!(":{port} ");
                guest.run_until("ss -ltn", |text| text.contains(&listens));
                return;
            }
            Action::AddVlan(number) => {
                let name = format!("usb0.{number}");
                format!(
                    "ip link add link usb0 name {name} type vlan id {number} && ip link set {name} up"
                )
            }
            Action::AddAddress(address) => format!("ip addr add {address}/64 dev usb0"),
            Action::Membership { .. } => panic!("no program of the guest joins a group by itself"),
        };
        guest.run(&line).success();
    }

    /// As when somebody sets the interface down.
    fn reset(&mut self) {
        self.set_up(false);
    }

    fn is_settled(&mut self) -> bool {
        let Some(guest) = &mut self.guest else { return false };
        let all = guest.run("ip addr show dev usb0").success();
        all.contains("inet6") && !all.contains("tentative")
    }

    fn slack(&self) -> Duration {
        Duration::from_secs(20)
    }
}

impl Drop for WireDut {
    fn drop(&mut self) {
        self.guest = None;
        if let Ok(end) = UnixDatagram::unbound() {
            let _ = end.send_to(&[], self.folder.join("test"));
        }
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
