//! `time`: runs a command and tells how long it took.
#![no_std]
#![no_main]

extern crate alloc;

use alloc::vec::Vec;
use core::time::Duration;
use rt::options::{Item, Opt, Tool};
use rt::process::{Fork, Usage};
use rt::{Arguments, ExitCode};
use rustix::io::Errno;
use rustix::time::{ClockId, clock_gettime};

rt::main!(main);

static TOOL: Tool = Tool::new(
    "time",
    "[-p] COMMAND [ARG]...",
    "Run COMMAND, then print the time it took and the processor time it used, in seconds.",
    &[Opt::flag('p', "portability", "print in the format of POSIX (always so here)")],
)
.operands_last();

/// Statuses of a command that could not be run (POSIX).
const CANNOT_RUN: u8 = 126;
const NOT_FOUND: u8 = 127;

fn main(arguments: Arguments) -> ExitCode {
    let mut command = Vec::new();
    for item in TOOL.parse(arguments) {
        if let Item::Operand(word) = item {
            command.push(word);
        }
    }
    if command.is_empty() {
        TOOL.missing_operand(None);
    }
    let start = now();
    let child = match rt::process::fork() {
        Ok(Fork::Child) => {
            let error = rt::process::execute_command(&command);
            rt::warn!("cannot run {}: {}", command[0], rt::strerror(error));
            rt::exit::exit(ExitCode(if error == Errno::NOENT { NOT_FOUND } else { CANNOT_RUN }))
        }
        Ok(Fork::Parent(child)) => child,
        Err(error) => rt::fail!(1, "cannot fork: {}", rt::strerror(error)),
    };
    let status = match rt::process::wait(child) {
        Ok(status) => status,
        Err(error) => rt::fail!(1, "error waiting for child process: {}", rt::strerror(error)),
    };
    let real = now().saturating_sub(start);
    let Usage { user, system } = Usage::children();
    for (name, duration) in [("real", real), ("user", user), ("sys", system)] {
        rt::eprintln!("{name} {}.{:02}", duration.as_secs(), duration.subsec_millis() / 10);
    }
    ExitCode(rt::process::shell_status(status))
}

fn now() -> Duration {
    let time = clock_gettime(ClockId::Monotonic);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec as u32)
}
