//! `echo`: its arguments on a line (bash).
#![no_std]
#![no_main]

extern crate alloc;

use alloc::vec::Vec;

use rt::bstr::BStr;
use rt::options::{Opt, Tool};
use rt::{Arguments, ExitCode, output};

rt::main!(main);

static TOOL: Tool = Tool::new(
    "echo",
    "[SHORT-OPTION]... [STRING]...",
    "Echo the STRING(s) to standard output.",
    &[
        Opt::flag('n', "", "do not output the trailing newline"),
        Opt::flag('e', "", "enable interpretation of backslash escapes"),
        Opt::flag('E', "", "disable interpretation of backslash escapes (default)"),
    ],
);

fn main(arguments: Arguments) -> ExitCode {
    let words: Vec<&'static BStr> = arguments.collect();
    // Anything but a lone `--help` is text.
    if words == ["--help"] {
        rt::print!("{}", TOOL.help());
    } else {
        output::write(&rt::text::echo(&words));
    }
    ExitCode::SUCCESS
}
