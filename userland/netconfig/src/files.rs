//! Files that the two programs share, all of them gone when the machine is switched off:
//!
//! | file | what |
//! |---|---|
//! | `/run/netconfigd.pid` | the process that keeps `/etc/resolv.conf` |
//! | `/run/dhcp6c-IF.pid` | the client of an interface |
//! | `/run/dhcp6c-IF.lease` | its lease ([`crate::dhcp6::lease::Lease::text`]) |
//! | `/run/dhcp6c-IF.conf` | the name servers it was told, in the format of resolv.conf(5) |

use alloc::format;
use alloc::string::String;

use rustix::fs::{Mode, OFlags, mkdir, open, rename, unlink};
use rustix::io::Errno;

/// The folder of all of them.
pub const FOLDER: &str = "/run";
/// The process that keeps the file of name servers.
pub const DAEMON_PID: &str = "/run/netconfigd.pid";
/// Where programs look for name servers (resolv.conf(5)).
pub const RESOLV_CONF: &str = "/etc/resolv.conf";

/// A file of the client of an interface.
#[must_use]
pub fn of_client(interface: &str, kind: &str) -> String {
    format!("{FOLDER}/dhcp6c-{interface}.{kind}")
}

/// Replaces a file at once: whoever reads it sees the old content or the new one.
pub fn replace(path: &str, content: &str) -> Result<(), Errno> {
    let new = format!("{path}.new");
    // It is there, or the next call says what is wrong.
    let _ = mkdir(FOLDER, Mode::from_raw_mode(0o755));
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::CLOEXEC;
    let file = open(new.as_str(), flags, Mode::from_raw_mode(0o644))?;
    let written = rt::output::write_all(rustix::fd::AsFd::as_fd(&file), content.as_bytes());
    drop(file);
    let result = written.and_then(|()| rename(new.as_str(), path));
    if result.is_err() {
        let _ = unlink(new.as_str());
    }
    result
}

/// Removes a file that may be there.
pub fn remove(path: &str) {
    let _ = unlink(path);
}

/// The content of a file; `None` when there is none.
#[must_use]
pub fn read(path: &str) -> Option<String> {
    let bytes = rt::input::read_file(path).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// The process whose number stands in a file, if it still runs and has that name.
#[must_use]
pub fn running(pid_file: &str, name: &str) -> Option<i32> {
    let pid = read(pid_file)?.trim().parse().ok().filter(|pid: &i32| *pid > 1)?;
    let comm = rt::input::read_file(format!("/proc/{pid}/comm")).ok()?;
    (comm.trim_ascii() == name.as_bytes()).then_some(pid)
}

/// Tells the keeper of `/etc/resolv.conf`, if there is one, to look again.
pub fn tell_daemon() {
    if let Some(pid) = running(DAEMON_PID, "netconfigd") {
        let _ = rt::process::send_signal(pid, rustix::process::Signal::HUP.as_raw());
    }
}
