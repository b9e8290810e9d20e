//! A cable between QEMU and a TAP that loses, doubles, delays and reorders frames, by seed.
//!
//! ```text
//!  guest ── QEMU's dgram back end ══ unix sockets ══ cable ══ TAP ── Linux in a lab's namespace
//! ```
//!
//! Each frame costs the same number of random draws, from one generator for each direction: with
//! the same seed the same frames suffer, whatever happens to the others.

mod fault;
pub(crate) mod tap;

pub use fault::Faults;

use fault::Line;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixDatagram;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::lab::{Lab, TAP};

/// Longer than any frame.
const FRAME_MAX: usize = 2048;
/// How soon the cable notices that it is pulled, or that its faults are others.
const TICK: Duration = Duration::from_millis(50);

/// What became of the frames of one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Frames that came in at one end.
    pub frames: u64,
    /// Of these, those that were lost by intent.
    pub lost: u64,
    /// Those that came out twice.
    pub doubled: u64,
    /// Those that later ones may overtake.
    pub held: u64,
}

/// A cable that is plugged in. It is pulled when the value is dropped.
pub struct Cable {
    options: String,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    faults: Mutex<Faults>,
    /// From the guest, and to it.
    counts: Mutex<[Counts; 2]>,
    pulled: AtomicBool,
}

impl Cable {
    /// Plugs one end into the lab's TAP; the other is for a guest that is booted with
    /// [`Cable::options`]. There are no faults yet.
    pub fn new(lab: &Lab, seed: u64) -> Self {
        let (guest, ours) = (lab.path("guest.sock"), lab.path("cable.sock"));
        let shared = Arc::new(Shared::default());
        let (ready, plugged_in) = mpsc::channel();
        let namespace = format!("/run/netns/{}", lab.name());
        let thread = std::thread::spawn({
            let (shared, guest, ours) = (Arc::clone(&shared), guest.clone(), ours.clone());
            move || {
                // Only this thread moves. The sockets' queues are as long as the namespace says.
                let namespace = File::open(namespace).expect("the lab has a namespace");
                let kind = Some(LinkNameSpaceType::Network);
                move_into_link_name_space(namespace.as_fd(), kind).expect("root may enter it");
                let tap = tap::open(TAP).expect("the lab has a TAP");
                let socket = UnixDatagram::bind(ours).expect("the path is free");
                socket.set_write_timeout(Some(Duration::from_secs(1))).expect("it is not zero");
                ready.send(()).expect("the test waits for it");
                carry(tap, &socket, &guest, seed, &shared);
            }
        });
        plugged_in.recv().expect("the cable is plugged in");
        Self { options: format!("{guest},{ours}"), shared, thread: Some(thread) }
    }

    /// The options of `tools/run-qemu-raspi3b.sh` for a guest at this cable.
    pub fn options(&self) -> [&str; 4] {
        ["--usb-net-backend", "dgram", "--dgram", &self.options]
    }

    /// What happens to frames from now on, in either direction.
    pub fn set_faults(&self, faults: Faults) {
        *self.shared.faults.lock().expect("nobody panics with it locked") = faults;
    }

    /// What became of the frames so far: of those from the guest, and of those to it.
    pub fn counts(&self) -> [Counts; 2] {
        *self.shared.counts.lock().expect("nobody panics with it locked")
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        self.shared.pulled.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // What it had to say was said by its panic.
            let _ = thread.join();
        }
    }
}

/// Carries frames until the cable is pulled.
fn carry(mut tap: File, socket: &UnixDatagram, guest: &str, seed: u64, shared: &Shared) {
    let mut out = Line::new(seed);
    let mut back = Line::new(seed.rotate_left(32) ^ 1);
    let mut frame = [0; FRAME_MAX];
    while !shared.pulled.load(Ordering::Relaxed) {
        let due = [&out, &back].into_iter().filter_map(Line::due).min();
        let wait = due.map_or(TICK, |due| due.saturating_duration_since(Instant::now()).min(TICK));
        let wait = Timespec::try_from(wait).expect("it is short");
        let mut ends = [PollFd::new(socket, PollFlags::IN), PollFd::new(&tap, PollFlags::IN)];
        poll(&mut ends, Some(&wait)).expect("both ends are open");
        let ready = ends.map(|end| end.revents().contains(PollFlags::IN));
        let faults = *shared.faults.lock().expect("nobody panics with it locked");
        if ready[0]
            && let Ok(length) = socket.recv(&mut frame)
        {
            out.take(&frame[..length], faults);
        }
        if ready[1]
            && let Ok(length) = tap.read(&mut frame)
        {
            back.take(&frame[..length], faults);
        }
        // Who is not there, or has no room, loses what is sent, as with any cable.
        let now = Instant::now();
        while let Some(frame) = out.give(now) {
            let _ = tap.write(&frame);
        }
        while let Some(frame) = back.give(now) {
            let _ = socket.send_to(&frame, guest);
        }
        *shared.counts.lock().expect("nobody panics with it locked") = [out.counts, back.counts];
    }
}
