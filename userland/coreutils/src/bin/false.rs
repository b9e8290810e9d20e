//! `false`: fails.
#![no_std]
#![no_main]

use rt::options::Tool;
use rt::{Arguments, ExitCode};

rt::main!(main);

static TOOL: Tool = Tool::new(
    "false",
    "[ignored command line arguments]",
    "Exit with a status code indicating failure.",
    &[],
);

fn main(arguments: Arguments) -> ExitCode {
    // Only `--help` as the one argument means anything.
    if arguments.eq(["--help"]) {
        rt::print!("{}", TOOL.help());
    }
    ExitCode::FAILURE
}
