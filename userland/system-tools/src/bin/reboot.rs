//! `reboot`: restarts the system.
#![no_std]
#![no_main]

use rt::options::{Item, Opt, Tool};
use rt::{Arguments, ExitCode};
use rustix::system::{RebootCommand, reboot};

rt::main!(main);

static TOOL: Tool = Tool::new(
    "reboot",
    "[OPTION]...",
    "Restart the system.",
    &[Opt::flag('f', "force", "do it at once (always so here)")],
);

fn main(arguments: Arguments) -> ExitCode {
    for item in TOOL.parse(arguments) {
        if let Item::Operand(operand) = item {
            TOOL.extra_operand(operand);
        }
    }
    rustix::fs::sync();
    match reboot(RebootCommand::Restart) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => rt::fail!(1, "{}", rt::strerror(error)),
    }
}
