//! Signals of a program that sleeps in one place: they are blocked everywhere else, so none is
//! missed.

use core::sync::atomic::{AtomicBool, Ordering};

use rt::signal::{Action, Mask, block, set_action};
use rustix::event::PollFd;
use rustix::io::Errno;
use rustix::process::Signal;

static STOP: AtomicBool = AtomicBool::new(false);
static RELOAD: AtomicBool = AtomicBool::new(false);

extern "C" fn on_stop(_: i32) {
    STOP.store(true, Ordering::Relaxed);
}

extern "C" fn on_reload(_: i32) {
    RELOAD.store(true, Ordering::Relaxed);
}

/// A child's end: waking up is all it has to do.
extern "C" fn on_child(_: i32) {}

/// The signals of a daemon, from now on noted.
#[derive(Clone, Copy, Debug)]
pub struct Signals {
    /// What was blocked before, and is while the program sleeps.
    asleep: Mask,
}

impl Signals {
    /// Takes note of TERM, INT, HUP and CHLD from now on.
    pub fn note() -> Result<Self, Errno> {
        let all = [Signal::TERM, Signal::INT, Signal::HUP, Signal::CHILD];
        let bits = all.iter().fold(0, |bits, signal| bits | Mask::of(*signal).0);
        let asleep = block(Mask(bits))?;
        set_action(Signal::TERM, Action::Handle(on_stop))?;
        set_action(Signal::INT, Action::Handle(on_stop))?;
        set_action(Signal::HUP, Action::Handle(on_reload))?;
        set_action(Signal::CHILD, Action::Handle(on_child))?;
        Ok(Self { asleep: Mask(asleep.0 & !bits) })
    }

    /// What a program that this one starts has blocked: what this one had.
    pub fn restore(self) -> Result<(), Errno> {
        rt::signal::set_mask(self.asleep).map(|_| ())
    }

    /// Sleeps until a descriptor is ready, a signal comes, or `timeout` microseconds are over.
    pub fn wait(self, wanted: &mut [PollFd<'_>], timeout: Option<u64>) -> Result<(), Errno> {
        let timeout = timeout.map(net_tools::clock::timespec);
        match rt::signal::poll(wanted, timeout.as_ref(), self.asleep) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(errno) => Err(errno),
        }
    }

    /// Whether the program is to end.
    #[must_use]
    pub fn stop(self) -> bool {
        STOP.load(Ordering::Relaxed)
    }

    /// Whether HUP came since the last time this was asked.
    #[must_use]
    pub fn reload(self) -> bool {
        RELOAD.swap(false, Ordering::Relaxed)
    }
}
