//! `poweroff`: turns the machine off (util-linux, systemd).
#![no_std]
#![no_main]

use rt::options::{Item, Opt, Tool};
use rt::rustix::fs::sync;
use rt::rustix::system::{RebootCommand, reboot};
use rt::{Arguments, ExitCode, strerror};

rt::main!(main);

static TOOL: Tool = Tool::new(
    "poweroff",
    "[OPTION]...",
    "Turn the machine off.",
    &[Opt::flag('f', "force", "do it at once (always so)")],
);

fn main(arguments: Arguments) -> ExitCode {
    for item in TOOL.parse(arguments) {
        if let Item::Operand(operand) = item {
            TOOL.extra_operand(operand);
        }
    }
    sync();
    // It returns only when it failed.
    match reboot(RebootCommand::PowerOff) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => rt::fail!(1, "{}", strerror(error)),
    }
}
