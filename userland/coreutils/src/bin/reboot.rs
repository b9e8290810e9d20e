//! `reboot`: starts the machine again (util-linux, systemd).
#![no_std]
#![no_main]

use coreutils::ending;
use rt::options::Tool;
use rt::rustix::process::Signal;
use rt::rustix::system::RebootCommand;
use rt::{Arguments, ExitCode};

rt::main!(main);

static TOOL: Tool =
    Tool::new("reboot", "[OPTION]...", "Start the machine again.", &ending::OPTIONS);

fn main(arguments: Arguments) -> ExitCode {
    ending::end(&TOOL, arguments, Signal::TERM, RebootCommand::Restart)
}
