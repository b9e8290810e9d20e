//! `timeout`: runs a program for a limited time (GNU).
#![no_std]
#![no_main]

extern crate alloc;

use alloc::vec::Vec;
use core::time::Duration;

use rt::bstr::BStr;
use rt::options::{Item, Opt, Tool};
use rt::process::{Fork, execute_command, fork, send_signal, shell_status};
use rt::rustix::io::Errno;
use rt::rustix::process::{Pid, WaitOptions, waitpid};
use rt::rustix::thread::nanosleep;
use rt::rustix::time::{ClockId, Timespec, clock_gettime};
use rt::{Arguments, ExitCode, signal, strerror};

rt::main!(main);

static TOOL: Tool = Tool::new(
    "timeout",
    "[OPTION]... DURATION COMMAND [ARG]...",
    "Start COMMAND, and kill it if still running after DURATION.\nDURATION is a number with an optional suffix s, m, h or d; 0 means for ever.",
    &[
        Opt::value('k', "kill-after", "DURATION", "also send a KILL signal this long after the first"),
        Opt::value('s', "signal", "SIGNAL", "specify the signal to be sent on timeout (default TERM)"),
        Opt::flag('v', "verbose", "say which signal is sent"),
    ],
)
.with_status(125)
.operands_last();

/// How often it is looked whether the program has ended.
const LOOK: Timespec = Timespec { tv_sec: 0, tv_nsec: 5_000_000 };

fn duration(text: &BStr) -> Duration {
    rt::number::duration(text)
        .unwrap_or_else(|| TOOL.usage_error(format_args!("invalid time interval '{text}'")))
}

fn now() -> Duration {
    let time = clock_gettime(ClockId::Monotonic);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

fn main(arguments: Arguments) -> ExitCode {
    let (mut number, mut kill_after, mut verbose) = (15, None, false);
    let mut words: Vec<&'static BStr> = Vec::new();
    for item in TOOL.parse(arguments) {
        match item {
            Item::Option('k', Some(text)) => kill_after = Some(duration(text)),
            Item::Option('s', Some(name)) => {
                number = signal::number(name)
                    .unwrap_or_else(|| TOOL.usage_error(format_args!("'{name}': invalid signal")));
            }
            Item::Option('v', _) => verbose = true,
            Item::Option(..) | Item::Long(..) => {}
            Item::Operand(word) => words.push(word),
        }
    }
    let Some((limit, command)) = words.split_first().filter(|(_, command)| !command.is_empty())
    else {
        // As its namesake, without saying what is missing.
        rt::eprintln!("Try '{} --help' for more information.", rt::program_name());
        return ExitCode(125);
    };
    let limit = duration(limit);
    let child = match fork() {
        Ok(Fork::Parent(child)) => child,
        Ok(Fork::Child) => {
            let error = execute_command(command);
            let name = command.first().copied().unwrap_or_default();
            rt::warn!("failed to run command '{name}': {}", strerror(error));
            rt::exit::exit_now(ExitCode(if error == Errno::NOENT { 127 } else { 126 }))
        }
        Err(error) => rt::fail!(125, "fork system call failed: {}", strerror(error)),
    };
    let tell = |number: i32| {
        if verbose {
            let name =
                usize::try_from(number).ok().and_then(|n| signal::NAMES.get(n)).unwrap_or(&"?");
            rt::warn!(
                "sending signal {name} to command '{}'",
                command.first().copied().unwrap_or_default()
            );
        }
        // It may have ended a moment ago.
        let _ = send_signal(child.as_raw_nonzero().get(), number);
    };
    if let Some(status) = wait_until(child, (!limit.is_zero()).then(|| now() + limit)) {
        return ExitCode(status);
    }
    tell(number);
    let kill_at = kill_after.map(|after| now() + after);
    if wait_until(child, kill_at).is_none() {
        tell(9);
        wait_until(child, None);
        return ExitCode(137);
    }
    ExitCode(if number == 9 { 137 } else { 124 })
}

/// The status of the child, or `None` when the time is over.
fn wait_until(child: Pid, deadline: Option<Duration>) -> Option<u8> {
    let options = if deadline.is_some() { WaitOptions::NOHANG } else { WaitOptions::empty() };
    loop {
        match waitpid(Some(child), options) {
            Ok(Some((_, status))) => return Some(shell_status(status)),
            Ok(None) | Err(Errno::INTR) => {}
            Err(error) => rt::fail!(125, "error waiting for command: {}", strerror(error)),
        }
        if deadline.is_some_and(|deadline| now() >= deadline) {
            return None;
        }
        if deadline.is_some() {
            // Being woken early does no harm.
            let _ = nanosleep(&LOOK);
        }
    }
}
