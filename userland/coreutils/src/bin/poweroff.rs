//! `poweroff`: turns the machine off (util-linux, systemd).
#![no_std]
#![no_main]

use coreutils::ending;
use rt::options::{Item, Opt, Tool};
use rt::rustix::fs::sync;
use rt::rustix::process::Signal;
use rt::rustix::system::{RebootCommand, reboot};
use rt::{Arguments, ExitCode, strerror};

rt::main!(main);

static TOOL: Tool = Tool::new(
    "poweroff",
    "[OPTION]...",
    "Turn the machine off.",
    &[Opt::flag('f', "force", "do it at once, without telling any program")],
);

fn main(arguments: Arguments) -> ExitCode {
    let mut force = false;
    for item in TOOL.parse(arguments) {
        match item {
            Item::Operand(operand) => TOOL.extra_operand(operand),
            Item::Option(..) | Item::Long(..) => force = true,
        }
    }
    if !force {
        ending::ask(Signal::USR2);
    }
    sync();
    // It returns only when it failed.
    match reboot(RebootCommand::PowerOff) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => rt::fail!(1, "{}", strerror(error)),
    }
}
