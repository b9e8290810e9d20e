//! The files of a process in `/proc/PID`, made from a snapshot of it.

use crate::process::initial_stack::CLOCK_TICKS;
use crate::process::regions::{Purpose, Regions};
use crate::process::signal::{Signal, SignalSet};
use crate::time::Duration;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write as _;

/// What a process is doing, by the letter of proc(5).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RunState {
    /// Running or ready to.
    Running,
    /// Waiting.
    Sleeping,
    /// Stopped by a signal.
    Stopped,
    /// Ended and not yet waited for.
    Zombie,
}

impl RunState {
    fn letter(self) -> char {
        match self {
            Self::Running => 'R',
            Self::Sleeping => 'S',
            Self::Stopped => 'T',
            Self::Zombie => 'Z',
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Sleeping => "sleeping",
            Self::Stopped => "stopped",
            Self::Zombie => "zombie",
        }
    }
}

/// What `/proc/PID` shows.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Its number.
    pub pid: i32,
    /// Its parent's.
    pub parent: i32,
    /// Its process group.
    pub group: i32,
    /// Its session.
    pub session: i32,
    /// Foreground group of its terminal; -1 without one.
    pub terminal_group: i32,
    /// Its name, up to 15 bytes.
    pub name: Vec<u8>,
    /// What it is doing.
    pub state: RunState,
    /// Time that it ran at EL0.
    pub user_time: Duration,
    /// Time that the kernel worked for it.
    pub system_time: Duration,
    /// The same of its children that were waited for.
    pub children_time: (Duration, Duration),
    /// When it began, since boot.
    pub started: Duration,
    /// Bytes that its ranges span.
    pub size: u64,
    /// Bytes of pages that are there.
    pub resident: u64,
    /// The most bytes that were there.
    pub peak: u64,
    /// Open descriptors.
    pub descriptors: usize,
    /// File mode creation mask.
    pub umask: u32,
    /// Signals that are pending, blocked, ignored, caught.
    pub signals: [SignalSet; 4],
}

/// Ticks of `CLK_TCK`.
fn ticks(time: Duration) -> u64 {
    time.as_secs() * CLOCK_TICKS + u64::from(time.subsec_millis()) * CLOCK_TICKS / 1000
}

/// `/proc/PID/stat`: 52 fields.
pub fn stat(process: &Snapshot) -> Vec<u8> {
    // The device number of /dev/console, as tty_nr has it.
    const CONSOLE: i32 = 5 << 8 | 1;
    let terminal = if process.terminal_group < 0 { 0 } else { CONSOLE };
    let mut text = format!("{} (", process.pid).into_bytes();
    text.extend_from_slice(&process.name);
    let (children_user, children_system) = process.children_time;
    text.extend_from_slice(
        format!(
            ") {} {} {} {} {} {} 0 0 0 0 0 {} {} {} {} 20 0 1 0 {} {} {} {} \
             0 0 0 0 0 {} {} {} {} 0 0 0 {} 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n",
            process.state.letter(),
            process.parent,
            process.group,
            process.session,
            terminal,
            process.terminal_group,
            ticks(process.user_time),
            ticks(process.system_time),
            ticks(children_user),
            ticks(children_system),
            ticks(process.started),
            process.size,
            process.resident / 4096,
            u64::MAX,
            process.signals[0].0 & 0x7fff_ffff,
            process.signals[1].0 & 0x7fff_ffff,
            process.signals[2].0 & 0x7fff_ffff,
            process.signals[3].0 & 0x7fff_ffff,
            Signal::CHLD.number(),
        )
        .as_bytes(),
    );
    text
}

/// `/proc/PID/statm`: sizes in pages.
pub fn statm(process: &Snapshot) -> Vec<u8> {
    let (size, resident) = (process.size / 4096, process.resident / 4096);
    format!("{size} {resident} 0 0 0 {resident} 0\n").into_bytes()
}

/// `/proc/PID/status`: the same for people.
pub fn status(process: &Snapshot) -> Vec<u8> {
    let mut text = String::new();
    let name = String::from_utf8_lossy(&process.name);
    let _ = writeln!(text, "Name:\t{name}\nUmask:\t{:04o}", process.umask);
    let _ = writeln!(text, "State:\t{} ({})", process.state.letter(), process.state.name());
    let _ = writeln!(text, "Tgid:\t{0}\nPid:\t{0}\nPPid:\t{1}", process.pid, process.parent);
    text.push_str("TracerPid:\t0\nUid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\n");
    let _ = writeln!(text, "FDSize:\t{}", process.descriptors);
    let _ = writeln!(text, "NSpgid:\t{}\nNSsid:\t{}", process.group, process.session);
    for (name, bytes) in
        [("VmSize", process.size), ("VmHWM", process.peak), ("VmRSS", process.resident)]
    {
        let _ = writeln!(text, "{name}:\t{:>8} kB", bytes / 1024);
    }
    text.push_str("Threads:\t1\n");
    for (name, set) in ["SigPnd", "SigBlk", "SigIgn", "SigCgt"].iter().zip(process.signals) {
        let _ = writeln!(text, "{name}:\t{:016x}", set.0);
    }
    text.into_bytes()
}

/// `/proc/PID/maps`.
pub fn maps(regions: &Regions, program: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    for (start, region) in regions.iter() {
        let permissions = region.permissions;
        let letter = |set: bool, letter: char| if set { letter } else { '-' };
        let line = format!(
            "{start:08x}-{:08x} {}{}{}p 00000000 00:00 0",
            region.end,
            letter(permissions.read, 'r'),
            letter(permissions.write, 'w'),
            letter(permissions.execute, 'x'),
        );
        text.extend_from_slice(line.as_bytes());
        let what: &[u8] = match region.purpose {
            Purpose::Program => program,
            Purpose::Heap => b"[heap]",
            Purpose::Stack => b"[stack]",
            Purpose::Trampoline => b"[vdso]",
            Purpose::Mapping => b"",
        };
        if !what.is_empty() {
            text.resize(text.len() + 73_usize.saturating_sub(line.len()), b' ');
            text.extend_from_slice(what);
        }
        text.push(b'\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::Permissions;
    use crate::process::regions::{Backing, PageRange};

    fn snapshot() -> Snapshot {
        Snapshot {
            pid: 7,
            parent: 1,
            group: 7,
            session: 2,
            terminal_group: 7,
            name: b"a) b".to_vec(),
            state: RunState::Sleeping,
            user_time: Duration::from_millis(1230),
            system_time: Duration::from_millis(450),
            children_time: (Duration::ZERO, Duration::ZERO),
            started: Duration::from_secs(9),
            size: 8192,
            resident: 4096,
            peak: 8192,
            descriptors: 3,
            umask: 0o22,
            signals: [SignalSet(0), SignalSet(2), SignalSet(0), SignalSet(4)],
        }
    }

    #[test]
    fn stat_has_52_fields_in_their_places() {
        let text = String::from_utf8(stat(&snapshot())).expect("text");
        let rest = text.strip_prefix("7 (a) b) ").expect("the name may hold anything");
        let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
        assert_eq!(fields.len(), 50);
        let field = |number: usize| fields[number - 3];
        assert_eq!((field(3), field(4), field(5), field(6), field(8)), ("S", "1", "7", "2", "7"));
        assert_eq!((field(14), field(15)), ("123", "45"));
        assert_eq!((field(20), field(22)), ("1", "900"));
        assert_eq!((field(23), field(24)), ("8192", "1"));
        assert_eq!((field(32), field(34), field(38)), ("2", "4", "17"));
    }

    #[test]
    fn status_names_its_fields() {
        let text = String::from_utf8(status(&snapshot())).expect("text");
        for line in ["Name:\ta) b", "State:\tS (sleeping)", "PPid:\t1", "VmRSS:\t       4 kB"] {
            assert!(text.lines().any(|found| found == line), "{line} in {text}");
        }
    }

    #[test]
    fn maps_show_ranges_and_what_they_are_for() {
        let mut regions = Regions::new();
        let range = PageRange::new(0x40_0000, 4096).expect("a range");
        let permissions = Permissions { read: true, write: false, execute: true };
        regions.insert(&range, permissions, Backing::Zero, Purpose::Program).expect("few");
        let text = String::from_utf8(maps(&regions, b"/bin/sh")).expect("text");
        assert!(text.starts_with("00400000-00401000 r-xp 00000000 00:00 0 "));
        assert!(text.ends_with(" /bin/sh\n"));
    }
}
