//! `/proc/PID`, `/proc/self`, and the files that count processes.

use super::object::{Process, RunState};
use super::table;
use crate::fs::file::OpenFile;
use crate::fs::generated::Generated;
use crate::fs::path::Mount;
use crate::fs::proc::{self, format, format::Snapshot};
use crate::fs::stat::Kind;
use crate::time::Duration;
use crate::tty;
use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::Write as _;

/// A file of `/proc/PID` and who makes it.
type ProcessFile = (&'static str, fn(&Process) -> Vec<u8>);

const FILES: [ProcessFile; 8] = [
    ("auxv", |process| process.program().auxiliary.clone()),
    ("cmdline", |process| process.program().command_line.clone()),
    ("comm", |process| [&process.program().name[..], b"\n"].concat()),
    ("maps", maps),
    ("mounts", |process| mounts(process.files().namespace.mounts())),
    ("stat", |process| format::stat(&snapshot(process))),
    ("statm", |process| format::statm(&snapshot(process))),
    ("status", |process| format::status(&snapshot(process))),
];

/// Registers the files.
pub(super) fn register() {
    proc::register_source("", find);
    proc::register("loadavg", |text| {
        let (count, _, last) = table::statistics();
        // Load averages are not kept.
        let _ = writeln!(text, "0.00 0.00 0.00 1/{count} {last}");
    });
}

fn find(path: &str) -> Option<Generated> {
    let (first, rest) =
        path.split_once('/').map_or((path, None), |(first, rest)| (first, Some(rest)));
    match (first, rest) {
        ("", _) => Some(Generated::Directory(list())),
        ("self", None) => Some(Generated::Link(table::current()?.pid().to_string())),
        ("mounts", None) => Some(Generated::Link("self/mounts".to_string())),
        (pid, rest) => {
            let process = table::find(pid.parse().ok()?)?;
            in_process(&process, rest.unwrap_or_default())
        }
    }
}

fn list() -> Vec<(String, Kind)> {
    let links = ["self", "mounts"].map(|name| (name.to_string(), Kind::SymbolicLink));
    let processes = table::all().into_iter().map(|process| process.pid().to_string());
    links.into_iter().chain(processes.map(|name| (name, Kind::Directory))).collect()
}

fn in_process(process: &Rc<Process>, path: &str) -> Option<Generated> {
    let entry = |name: &str, kind: Kind| (name.to_string(), kind);
    match path {
        "" => {
            let files = FILES.iter().map(|(name, _)| entry(name, Kind::Regular));
            let links = ["cwd", "exe", "root"].map(|name| entry(name, Kind::SymbolicLink));
            let fd = entry("fd", Kind::Directory);
            Some(Generated::Directory(files.chain(links).chain([fd]).collect()))
        }
        "cwd" => Some(link(&process.files().directory.borrow().path())),
        "root" => Some(link(b"/")),
        "exe" => {
            let path = process.program().path.clone();
            (!path.is_empty()).then(|| link(&path))
        }
        "fd" => {
            let table = process.descriptors();
            let table = table.borrow();
            let entries =
                table.open().map(|(fd, _)| (fd.to_string(), Kind::SymbolicLink)).collect();
            Some(Generated::Directory(entries))
        }
        _ => {
            if let Some(fd) = path.strip_prefix("fd/") {
                let file: Rc<OpenFile> = process.file(fd.parse().ok()?).ok()?;
                return Some(Generated::OpenFile(file));
            }
            let (_, make) = FILES.iter().find(|(name, _)| *name == path)?;
            let (make, process) = (*make, process.clone());
            Some(Generated::File(Box::new(move || make(&process))))
        }
    }
}

fn link(path: &[u8]) -> Generated {
    Generated::Link(String::from_utf8_lossy(path).into_owned())
}

fn maps(process: &Process) -> Vec<u8> {
    process
        .memory()
        .map(|memory| format::maps(&memory.regions(), &process.program().path))
        .unwrap_or_default()
}

fn mounts(mounts: &[Mount]) -> Vec<u8> {
    let mut text = String::new();
    for mount in mounts {
        let mode = if mount.root().file_system().read_only { "ro" } else { "rw" };
        let _ = writeln!(text, "{0} {1} {0} {mode} 0 0", mount.kind, mount.path);
    }
    text.into_bytes()
}

fn snapshot(process: &Process) -> Snapshot {
    let family = process.family();
    let times = process.times();
    let (session, foreground) = tty::CONSOLE.control();
    let memory = process.memory();
    let signals = process.signals().borrow();
    let running = table::current().is_some_and(|current| current.pid() == process.pid());
    let state = match process.state.get() {
        RunState::Zombie(_) => format::RunState::Zombie,
        RunState::Stopped(_) => format::RunState::Stopped,
        RunState::Active if running => format::RunState::Running,
        RunState::Active => format::RunState::Sleeping,
    };
    let (ignored, caught) = signals.dispositions();
    Snapshot {
        pid: process.pid(),
        parent: family.parent,
        group: family.group,
        session: family.session,
        terminal_group: if session == family.session { foreground } else { -1 },
        name: process.program().name.clone(),
        state,
        user_time: times.user,
        system_time: times.system,
        children_time: (times.children_user, times.children_system),
        started: Duration::from_nanos(process.started().as_nanos()),
        size: memory.as_ref().map_or(0, |memory| memory.size()),
        resident: memory.as_ref().map_or(0, |memory| memory.resident()),
        peak: memory.as_ref().map_or(0, |memory| memory.peak()),
        descriptors: process.descriptors().borrow().open().count(),
        umask: process.files().umask.get(),
        signals: [signals.pending(), signals.blocked, ignored, caught],
    }
}
