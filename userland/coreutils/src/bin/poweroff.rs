//! `poweroff`: turns the machine off (util-linux, systemd).
#![no_std]
#![no_main]

use coreutils::ending;
use rt::options::Tool;
use rt::rustix::process::Signal;
use rt::rustix::system::RebootCommand;
use rt::{Arguments, ExitCode};

rt::main!(main);

static TOOL: Tool = Tool::new("poweroff", "[OPTION]...", "Turn the machine off.", &ending::OPTIONS);

fn main(arguments: Arguments) -> ExitCode {
    ending::end(&TOOL, arguments, Signal::USR2, RebootCommand::PowerOff)
}
