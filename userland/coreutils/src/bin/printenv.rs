//! `printenv`: the environment (GNU).
#![no_std]
#![no_main]

extern crate alloc;

use alloc::vec::Vec;

use rt::bstr::BStr;
use rt::options::{Item, Opt, Tool};
use rt::{Arguments, ExitCode, output};

rt::main!(main);

static TOOL: Tool = Tool::new(
    "printenv",
    "[OPTION]... [VARIABLE]...",
    "Print the values of the specified environment VARIABLE(s).\nIf no VARIABLE is specified, print name and value pairs for them all.",
    &[Opt::flag('0', "null", "end each output line with NUL, not newline")],
)
.with_status(2);

fn main(arguments: Arguments) -> ExitCode {
    let mut end = b"\n";
    let mut names: Vec<&'static BStr> = Vec::new();
    for item in TOOL.parse(arguments) {
        match item {
            Item::Option('0', _) => end = b"\0",
            Item::Option(..) | Item::Long(..) => {}
            Item::Operand(name) => names.push(name),
        }
    }
    let mut success = true;
    if names.is_empty() {
        for entry in rt::environment() {
            output::write(entry);
            output::write(end);
        }
    }
    for name in names {
        let value = core::str::from_utf8(name).ok().and_then(rt::variable);
        match value {
            Some(value) => {
                output::write(value);
                output::write(end);
            }
            None => success = false,
        }
    }
    ExitCode::from_success(success)
}
