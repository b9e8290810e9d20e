//! Programs in the background: started before the shell, started again when they end.

use core::ffi::CStr;
use core::time::Duration;

use rt::process::{Fork, Vector, execute, fork};
use rt::rustix::fs::{Access, Mode, OFlags, access, open};
use rt::rustix::io::Errno;
use rt::rustix::process::{Pid, setsid};
use rt::{ExitCode, descriptor, strerror};

use crate::ending::Requests;
use crate::shell::{ENVIRONMENT, now};

/// The programs and their arguments after the name. They wait for a network by themselves, and say
/// nothing unless something is wrong. One that is not there is left out.
const DAEMONS: [(&CStr, &[&str]); 2] = [
    // Keeps /etc/resolv.conf and starts DHCPv6, as routers say.
    (c"/bin/netconfigd", &[]),
    // Answers for this host's name on its links.
    (c"/bin/mdnsd", &[]),
];

/// One that ends sooner than this after its start is not started again.
const SHORT_LIFE: Duration = Duration::from_secs(10);

/// What runs.
pub(crate) struct Daemons {
    /// In the order of the list: as which process, since when.
    running: [Option<(Pid, Duration)>; DAEMONS.len()],
    requests: Requests,
}

impl Daemons {
    /// Starts all of them.
    pub(crate) fn start(requests: Requests) -> Self {
        let mut daemons = Self { running: [None; DAEMONS.len()], requests };
        for ((path, arguments), running) in DAEMONS.iter().zip(&mut daemons.running) {
            if access(*path, Access::EXEC_OK).is_ok() {
                *running = begin(path, arguments, requests);
            }
        }
        daemons
    }

    /// A child has ended: if it is one of these, it is started again.
    pub(crate) fn ended(&mut self, child: Pid) {
        for ((path, arguments), running) in DAEMONS.iter().zip(&mut self.running) {
            let Some((pid, started)) = *running else { continue };
            if pid == child {
                let short = now().saturating_sub(started) < SHORT_LIFE;
                *running = if short { None } else { begin(path, arguments, self.requests) };
            }
        }
    }

    /// A child has ended and is not started again.
    pub(crate) fn forget(&mut self, child: Pid) {
        for running in &mut self.running {
            *running = running.filter(|(pid, _)| *pid != child);
        }
    }

    /// Whether none runs.
    pub(crate) fn are_gone(&self) -> bool {
        self.running.iter().all(Option::is_none)
    }
}

fn begin(path: &CStr, arguments: &[&str], requests: Requests) -> Option<(Pid, Duration)> {
    match fork() {
        Ok(Fork::Parent(pid)) => Some((pid, now())),
        Ok(Fork::Child) => {
            requests.restore();
            // Keys on the console are not for it, neither as signals nor as input.
            let _ = setsid();
            let _ = open("/dev/null", OFlags::RDWR, Mode::empty())
                .and_then(|null| descriptor::place(null, 0));
            let error = run(path, arguments).unwrap_or_else(|error| error);
            warn(path, error);
            rt::exit::exit_now(ExitCode(127))
        }
        Err(error) => {
            warn(path, error);
            None
        }
    }
}

/// Becomes the program; returns only why that can't be.
fn run(path: &CStr, arguments: &[&str]) -> Result<Errno, Errno> {
    let name = path.to_str().unwrap_or_default();
    let arguments = Vector::new(core::iter::once(name).chain(arguments.iter().copied()))?;
    Ok(execute(path, &arguments, &Vector::new(ENVIRONMENT)?))
}

fn warn(path: &CStr, error: Errno) {
    rt::warn!("{}: {}", path.to_string_lossy(), strerror(error));
}
