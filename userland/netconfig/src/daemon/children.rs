//! The DHCPv6 clients that the daemon has started, at most one for each interface.

use alloc::string::String;
use alloc::vec::Vec;

use rt::process::{Fork, Vector, execute, fork, send_signal};
use rustix::fs::{Mode, OFlags, open};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitOptions, waitpid};

use super::links::Wish;
use crate::signals::Signals;

/// The client's program.
const PROGRAM: &core::ffi::CStr = c"/bin/dhcp6c";

/// What was decided for an interface.
#[derive(Clone, Debug)]
struct Entry {
    interface: u32,
    /// What its client does, or did.
    task: Wish,
    /// Its process; `None` once it has ended. It is not started again before routers ask for
    /// something else: the user may have ended it.
    process: Option<Pid>,
}

/// All of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Children(Vec<Entry>);

impl Children {
    /// Routers ask for this on an interface: a client is started where there is none, or one that
    /// does more takes its place. When they stop asking, what was given is kept (RFC 4862 section
    /// 5.5.4 lets addresses end by their lifetimes).
    pub(super) fn wish(
        &mut self,
        interface: u32,
        name: &str,
        wish: Wish,
        signals: Signals,
    ) -> Result<(), Errno> {
        let old = self.0.iter().find(|entry| entry.interface == interface);
        let enough = match old {
            Some(entry) => wish == entry.task || wish != Wish::Addresses,
            None => wish == Wish::Nothing,
        };
        if enough {
            return Ok(());
        }
        if let Some(process) = old.and_then(|entry| entry.process) {
            end(process);
            // Its place must be free before the next one looks.
            let _ = rt::process::wait(process);
        }
        self.0.retain(|entry| entry.interface != interface);
        let process = start(name, wish, signals)?;
        self.0.push(Entry { interface, task: wish, process: Some(process) });
        Ok(())
    }

    /// An interface is gone; its client notices by itself, if it has not yet.
    pub(super) fn forget(&mut self, interface: u32) {
        for entry in self.0.extract_if(.., |entry| entry.interface == interface) {
            if let Some(process) = entry.process {
                end(process);
            }
        }
    }

    /// Takes note of children that have ended.
    pub(super) fn reap(&mut self) {
        while let Ok(Some((pid, _))) = waitpid(None, WaitOptions::NOHANG) {
            for entry in self.0.iter_mut().filter(|entry| entry.process == Some(pid)) {
                entry.process = None;
            }
        }
    }

    /// Ends all of them.
    pub(super) fn end(&self) {
        self.0.iter().filter_map(|entry| entry.process).for_each(end);
    }
}

fn end(process: Pid) {
    // It may have ended by itself.
    let _ = send_signal(process.as_raw_pid(), Signal::TERM.as_raw());
}

fn start(name: &str, task: Wish, signals: Signals) -> Result<Pid, Errno> {
    let mut words = Vec::from(["dhcp6c", "-f"]);
    if task == Wish::Information {
        words.push("-S");
    }
    words.push(name);
    let arguments = Vector::new(words)?;
    let environment = Vector::environment()?;
    match fork()? {
        Fork::Parent(pid) => Ok(pid),
        Fork::Child => {
            let run = || -> Result<Errno, Errno> {
                signals.restore()?;
                // What it tells is for somebody who started it by hand.
                let nowhere = open("/dev/null", OFlags::RDWR, Mode::empty())?;
                for fd in 0..2 {
                    rt::descriptor::place(rustix::io::dup(&nowhere)?, fd)?;
                }
                Ok(execute(PROGRAM, &arguments, &environment))
            };
            let error = run().unwrap_or_else(|error| error);
            rt::warn!("{}: {}", String::from_utf8_lossy(PROGRAM.to_bytes()), rt::strerror(error));
            rt::exit::exit_now(rt::ExitCode(127))
        }
    }
}
