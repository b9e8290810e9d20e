//! `true`: succeeds.
#![no_std]
#![no_main]

use rt::options::Tool;
use rt::{Arguments, ExitCode};

rt::main!(main);

static TOOL: Tool = Tool::new(
    "true",
    "[ignored command line arguments]",
    "Exit with a status code indicating success.",
    &[],
);

fn main(arguments: Arguments) -> ExitCode {
    // Only `--help` as the one argument means anything.
    if arguments.eq(["--help"]) {
        rt::print!("{}", TOOL.help());
    }
    ExitCode::SUCCESS
}
