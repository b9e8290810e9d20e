//! `clear`: an empty screen (ncurses).
#![no_std]
#![no_main]

use rt::options::Tool;
use rt::{Arguments, ExitCode};

rt::main!(main);

static TOOL: Tool = Tool::new("clear", "", "Clear the terminal screen (ECMA-48: CUP, ED).", &[]);

fn main(arguments: Arguments) -> ExitCode {
    // There are no options to do anything about.
    TOOL.parse(arguments).for_each(drop);
    rt::print!("\x1b[H\x1b[2J\x1b[3J");
    ExitCode::SUCCESS
}
