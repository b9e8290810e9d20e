//! The kernel log: lines on the console, and the last of them in memory for `dmesg`.
//!
//! Levels are set by module with the boot argument `log=`: a list of `level` (for everything) and
//! `module=level`, where a module is the beginning of a path such as `net` or `kernel::board`.
//! The longest one that matches counts: `log=warn,net=debug,net::nd=trace`.

mod levels;
mod ring;

pub use levels::Levels;
pub use ring::Ring;

use crate::sync::IrqCell;
use crate::time;
use core::fmt::{self, Write};
use log::{Level, LevelFilter, Log, Metadata, Record};

/// Bytes of past lines that are kept.
const RING_SIZE: usize = 128 * 1024;

struct State {
    levels: Levels,
    ring: Ring<RING_SIZE>,
    /// The console shows lines of this level and more important ones.
    console: LevelFilter,
}

static STATE: IrqCell<State> = IrqCell::new(State {
    levels: Levels::new(LevelFilter::Info),
    ring: Ring::new(),
    console: LevelFilter::Trace,
});

struct KernelLog;

static LOGGER: KernelLog = KernelLog;

/// Makes the `log` macros work.
pub fn initialize() {
    if log::set_logger(&LOGGER).is_ok() {
        log::set_max_level(LevelFilter::Info);
    }
}

/// Sets the levels from the boot argument's value; says so when it makes no sense.
pub fn set_levels(specification: Option<&str>) {
    let Some(text) = specification else { return };
    match Levels::parse(text) {
        Ok(levels) => {
            log::set_max_level(levels.highest());
            STATE.with(|state| state.levels = levels);
        }
        Err(word) => log::warn!("boot argument log={text}: '{word}' is not understood"),
    }
}

/// Which lines go to the console; all go to the ring. For syslog(2).
pub fn set_console_level(level: LevelFilter) {
    STATE.with(|state| state.console = level);
}

/// Copies the kept lines from byte `offset` of the oldest on into `to`, and returns how many bytes
/// that were. Lines look as Linux gives them: `<6>[    1.234567] text`.
///
/// Positions count from the start of the log, so a reader that comes back finds its place:
/// `None` for `position` starts at the oldest line. Returns the new position, too.
pub fn read(position: Option<u64>, to: &mut [u8]) -> (usize, u64) {
    STATE.with(|state| state.ring.read(position, to))
}

/// Bytes of lines that are kept.
pub fn length() -> usize {
    STATE.with(|state| state.ring.len())
}

/// Bytes of lines that can be kept.
pub const fn capacity() -> usize {
    RING_SIZE
}

/// Bytes of lines ever written: the position behind the newest.
pub fn end() -> u64 {
    STATE.with(|state| state.ring.end())
}

/// Forgets all lines.
pub fn clear() {
    STATE.with(|state| state.ring.clear());
}

/// Severity as syslog has it (RFC 5424 section 6.2.1), which the ring's lines begin with.
const fn severity(level: Level) -> u8 {
    match level {
        Level::Error => 3,
        Level::Warn => 4,
        Level::Info => 6,
        Level::Debug | Level::Trace => 7,
    }
}

impl Log for KernelLog {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        STATE.with(|state| state.levels.allows(metadata.target(), metadata.level()))
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            write_line(record.level(), record.target(), *record.args());
        }
    }

    fn flush(&self) {}
}

/// Writes one record. The text is formatted piece by piece, so it may be of any length; it gets to
/// the console and into the ring without a line of an interrupt handler in between.
fn write_line(level: Level, target: &str, text: fmt::Arguments<'_>) {
    let now = time::now().as_nanos() / 1000;
    let (seconds, micros) = (now / 1_000_000, now % 1_000_000);
    // The kernel's own messages need no origin but the module's last name.
    let origin = target.strip_prefix("kernel::").unwrap_or(target);
    let severity = severity(level);
    crate::sync::without_interrupts(|| {
        let mut line = STATE.with(|state| {
            let _ = write!(state.ring, "<{severity}>");
            Line { on_console: level <= state.console }
        });
        // Writing to a `Line` can't fail; a `Display` that fails ends its own text.
        let _ = write!(line, "[{seconds:5}.{micros:06}] ");
        let _ = match level {
            Level::Error => write!(line, "{origin}: error: {text}"),
            Level::Warn => write!(line, "{origin}: warning: {text}"),
            _ => write!(line, "{origin}: {text}"),
        };
        let _ = line.write_str("\n");
    });
}

/// Where a line's pieces go.
struct Line {
    on_console: bool,
}

impl Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        STATE.with(|state| state.ring.push(text.as_bytes()));
        if self.on_console {
            write_console(text);
        }
        Ok(())
    }
}

/// Writes text to the console with the line ends that a terminal in raw mode wants.
#[cfg(target_os = "none")]
fn write_console(text: &str) {
    for (number, line) in text.split('\n').enumerate() {
        if number > 0 {
            crate::board::console::write(b"\r\n");
        }
        crate::board::console::write(line.as_bytes());
    }
}

#[cfg(not(target_os = "none"))]
fn write_console(text: &str) {
    std::print!("{text}");
}

/// Puts text of a panic into the ring, if that is reachable.
#[cfg(target_os = "none")]
pub(crate) fn record_panic(text: &str) {
    STATE.try_with(|state| state.ring.push(text.as_bytes()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_kept_as_linux_writes_it() {
        let start = end();
        write_line(Level::Warn, "kernel::board::usb", format_args!("line {}\nrest", 1));
        let mut bytes = [0; 200];
        let (length, position) = read(Some(start), &mut bytes);
        assert_eq!(position, start + length as u64);
        let text = core::str::from_utf8(&bytes[..length]).expect("the line is UTF-8");
        assert_eq!(text, "<4>[    1.000000] board::usb: warning: line 1\nrest\n");
    }
}
