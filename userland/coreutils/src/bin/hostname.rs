//! `hostname`: what this host is called, and to call it otherwise (net-tools).
#![no_std]
#![no_main]

use rt::options::{Item, Tool};
use rt::rustix::system::{sethostname, uname};
use rt::{Arguments, ExitCode, strerror};

rt::main!(main);

static TOOL: Tool = Tool::new(
    "hostname",
    "[NAME]",
    "Print the name of this host, or give it another until it is started again.",
    &[],
);

fn main(arguments: Arguments) -> ExitCode {
    let mut name = None;
    for item in TOOL.parse(arguments) {
        match item {
            Item::Operand(operand) if name.is_none() => name = Some(operand),
            Item::Operand(operand) => TOOL.extra_operand(operand),
            Item::Option(..) | Item::Long(..) => {}
        }
    }
    match name {
        None => rt::println!("{}", uname().nodename().to_string_lossy()),
        Some(name) if name.is_empty() => rt::fail!(1, "the specified hostname is invalid"),
        Some(name) => {
            if let Err(error) = sethostname(name) {
                rt::fail!(1, "sethostname: {}", strerror(error));
            }
        }
    }
    ExitCode::SUCCESS
}
