//! `time`: how long a program takes (POSIX).
#![no_std]
#![no_main]

extern crate alloc;

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use rt::options::{Item, Opt, Tool};
use rt::process::{Fork, Usage, execute_command, fork, shell_status, wait};
use rt::rustix::io::Errno;
use rt::rustix::process::Signal;
use rt::rustix::time::{ClockId, clock_gettime};
use rt::signal::{Action, set_action};
use rt::{Arguments, ExitCode, strerror};

rt::main!(main);

static TOOL: Tool = Tool::new(
    "time",
    "[-p] COMMAND [ARGUMENT]...",
    "Run COMMAND, then print the elapsed time and the processor time it used.",
    &[Opt::flag('p', "portability", "print seconds only, in the POSIX format")],
)
.with_status(125)
.operands_last();

fn now() -> Duration {
    let time = clock_gettime(ClockId::Monotonic);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

fn main(arguments: Arguments) -> ExitCode {
    let mut portable = false;
    let mut command = Vec::new();
    for item in TOOL.parse(arguments) {
        match item {
            Item::Option('p', _) => portable = true,
            Item::Option(..) | Item::Long(..) => {}
            Item::Operand(word) => command.push(word),
        }
    }
    let Some(name) = command.first() else { TOOL.missing_operand(None) };
    let began = now();
    let child = match fork() {
        Ok(Fork::Parent(child)) => child,
        Ok(Fork::Child) => {
            let error = execute_command(&command);
            rt::warn!("cannot run {name}: {}", strerror(error));
            rt::exit::exit_now(ExitCode(if error == Errno::NOENT { 127 } else { 126 }))
        }
        Err(error) => rt::fail!(125, "cannot fork: {}", strerror(error)),
    };
    // ^C is for the program; its times are still wanted.
    let _ = set_action(Signal::INT, Action::Ignore);
    let _ = set_action(Signal::QUIT, Action::Ignore);
    let status = match wait(child) {
        Ok(status) => shell_status(status),
        Err(error) => rt::fail!(125, "error waiting for child process: {}", strerror(error)),
    };
    let elapsed = now().saturating_sub(began);
    let usage = Usage::children();
    if portable {
        let show = |time: Duration| format!("{}.{:02}", time.as_secs(), time.subsec_millis() / 10);
        rt::eprintln!(
            "real {}\nuser {}\nsys {}",
            show(elapsed),
            show(usage.user),
            show(usage.system)
        );
    } else {
        rt::eprintln!(
            "\nreal\t{}\nuser\t{}\nsys\t{}",
            minutes(elapsed),
            minutes(usage.user),
            minutes(usage.system)
        );
    }
    ExitCode(status)
}

fn minutes(time: Duration) -> String {
    format!("{}m{}.{:03}s", time.as_secs() / 60, time.as_secs() % 60, time.subsec_millis())
}
