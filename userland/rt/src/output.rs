//! Standard output and standard error.
//!
//! Standard output is buffered: by the line on a terminal, by the block elsewhere, written at
//! [`crate::exit::exit`]. Standard error is written in one piece a message.
//!
//! When nobody reads standard output any more (EPIPE), the program ends quietly, as one that
//! SIGPIPE ended would.

use alloc::vec::Vec;
use core::fmt::{self, Write};

use bstr::BStr;
use rustix::fd::BorrowedFd;
use rustix::io::Errno;
use spin::Mutex;

use crate::exit::{ExitCode, exit_now};
use crate::{program_name, strerror};

/// How many bytes of output are collected before they are written.
const CAPACITY: usize = 8192;

/// 128 + SIGPIPE: the status a shell would show had the signal ended the program.
const BROKEN_PIPE: ExitCode = ExitCode(128 + 13);

struct Stdout {
    buffer: Vec<u8>,
    /// Whether a newline is a reason to write; unknown until the first output.
    terminal: Option<bool>,
    /// A write failed and the message about it was printed.
    failed: bool,
}

static STDOUT: Mutex<Stdout> =
    Mutex::new(Stdout { buffer: Vec::new(), terminal: None, failed: false });

/// Descriptor 1, for what bypasses the buffer.
#[must_use]
pub fn stdout() -> BorrowedFd<'static> {
    // SAFETY: if descriptor 1 is closed, writing fails with EBADF, which callers report.
    unsafe { rustix::stdio::stdout() }
}

/// Descriptor 2.
#[must_use]
pub fn stderr() -> BorrowedFd<'static> {
    // SAFETY: if descriptor 2 is closed, writing fails with EBADF.
    unsafe { rustix::stdio::stderr() }
}

/// Writes all of `bytes` to a descriptor, however many calls it takes.
pub fn write_all(fd: BorrowedFd<'_>, mut bytes: &[u8]) -> Result<(), Errno> {
    while !bytes.is_empty() {
        match rustix::io::write(fd, bytes) {
            Ok(0) => return Err(Errno::IO),
            Ok(count) => bytes = bytes.get(count..).unwrap_or_default(),
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => {
                let mut wanted =
                    [rustix::event::PollFd::from_borrowed_fd(fd, rustix::event::PollFlags::OUT)];
                match rustix::event::poll(&mut wanted, None) {
                    Ok(_) | Err(Errno::INTR) => {}
                    Err(error) => return Err(error),
                }
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

impl Stdout {
    fn flush(&mut self) {
        if self.buffer.is_empty() {
            return;
        }
        let result = write_all(stdout(), &self.buffer);
        self.buffer.clear();
        match result {
            Ok(()) => {}
            Err(Errno::PIPE) => exit_now(BROKEN_PIPE),
            Err(error) => {
                if !self.failed {
                    self.failed = true;
                    crate::eprintln!("{}: write error: {}", program_name(), strerror(error));
                }
            }
        }
    }

    fn write(&mut self, bytes: &[u8]) {
        let terminal = *self.terminal.get_or_insert_with(|| rustix::termios::isatty(stdout()));
        if self.buffer.len() + bytes.len() > CAPACITY {
            self.flush();
        }
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= CAPACITY || (terminal && bytes.contains(&b'\n')) {
            self.flush();
        }
    }
}

impl Write for Stdout {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.write(text.as_bytes());
        Ok(())
    }
}

/// Adds bytes to standard output.
pub fn write(bytes: &[u8]) {
    STDOUT.lock().write(bytes);
}

/// Writes what standard output holds.
pub fn flush() {
    STDOUT.lock().flush();
}

/// Throws away what standard output holds: what a child does right after a fork, for the same
/// bytes are in its parent's buffer.
pub fn discard() {
    STDOUT.lock().buffer.clear();
}

/// Forgets whether standard output is a terminal, for a program that has redirected it.
pub fn redirected() {
    STDOUT.lock().terminal = None;
}

/// Whether a write to standard output has failed since the last time this was asked.
pub fn take_failure() -> bool {
    core::mem::take(&mut STDOUT.lock().failed)
}

/// Flushes; false when this or an earlier write failed.
pub(crate) fn finish() -> bool {
    // Nobody else can hold the lock: a program has one thread. A panic in a `Display`
    // implementation may have left it locked, and then there is nothing to save.
    STDOUT.try_lock().is_none_or(|mut stdout| {
        stdout.flush();
        !stdout.failed
    })
}

/// What [`print!`] does.
#[doc(hidden)]
pub fn print(arguments: fmt::Arguments<'_>) {
    // `Stdout::write_str` never fails; an error can only come from a `Display` implementation.
    let _ = STDOUT.lock().write_fmt(arguments);
}

/// A message being put together for standard error.
struct Message {
    bytes: [u8; 512],
    length: usize,
}

impl Message {
    fn flush(&mut self) {
        let bytes = self.bytes.get(..self.length).unwrap_or_default();
        // There is nowhere left to report that standard error cannot be written.
        let _ = write_all(stderr(), bytes);
        self.length = 0;
    }
}

impl Write for Message {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for &byte in text.as_bytes() {
            if self.length == self.bytes.len() {
                self.flush();
            }
            if let Some(place) = self.bytes.get_mut(self.length) {
                *place = byte;
                self.length += 1;
            }
        }
        Ok(())
    }
}

/// What [`eprint!`] does: needs no heap, so it works when that is exhausted.
#[doc(hidden)]
pub fn eprint(arguments: fmt::Arguments<'_>) {
    let mut message = Message { bytes: [0; 512], length: 0 };
    let _ = message.write_fmt(arguments);
    message.flush();
}

/// Prints `program: text` and a newline to standard error.
#[doc(hidden)]
pub fn warn(arguments: fmt::Arguments<'_>) {
    flush();
    eprint(format_args!("{}: {arguments}\n", program_name()));
}

/// Reports a failed operation on a file the way most programs do: `program: path: reason`.
pub fn warn_path(path: impl AsRef<[u8]>, error: Errno) {
    warn(format_args!("{}: {}", BStr::new(path.as_ref()), strerror(error)));
}

/// Prints to standard output.
#[macro_export]
macro_rules! print {
    ($($argument:tt)*) => { $crate::output::print(::core::format_args!($($argument)*)) };
}

/// Prints to standard output, with a newline.
#[macro_export]
macro_rules! println {
    () => { $crate::output::write(b"\n") };
    ($($argument:tt)*) => {
        $crate::output::print(::core::format_args!("{}\n", ::core::format_args!($($argument)*)))
    };
}

/// Prints to standard error.
#[macro_export]
macro_rules! eprint {
    ($($argument:tt)*) => { $crate::output::eprint(::core::format_args!($($argument)*)) };
}

/// Prints to standard error, with a newline.
#[macro_export]
macro_rules! eprintln {
    () => { $crate::output::eprint(::core::format_args!("\n")) };
    ($($argument:tt)*) => {
        $crate::output::eprint(::core::format_args!("{}\n", ::core::format_args!($($argument)*)))
    };
}

/// Prints `program: message` and a newline to standard error, after flushing standard output.
#[macro_export]
macro_rules! warn {
    ($($argument:tt)*) => { $crate::output::warn(::core::format_args!($($argument)*)) };
}

/// [`warn!`], then ends the program with the status given first.
#[macro_export]
macro_rules! fail {
    ($status:expr, $($argument:tt)*) => {{
        $crate::output::warn(::core::format_args!($($argument)*));
        $crate::exit::exit($crate::ExitCode($status))
    }};
}
