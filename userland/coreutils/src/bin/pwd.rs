//! `pwd`: the current directory (POSIX, GNU).
#![no_std]
#![no_main]

extern crate alloc;

use alloc::vec::Vec;

use rt::bstr::ByteSlice;
use rt::options::{Item, Opt, Tool};
use rt::rustix::process::getcwd;
use rt::{Arguments, ExitCode, strerror};

rt::main!(main);

static TOOL: Tool = Tool::new(
    "pwd",
    "[OPTION]...",
    "Print the full filename of the current working directory.",
    &[
        Opt::flag('L', "logical", "(ignored: there are no other names for directories)"),
        Opt::flag('P', "physical", "avoid all symlinks (always so)"),
    ],
);

fn main(arguments: Arguments) -> ExitCode {
    for item in TOOL.parse(arguments) {
        if let Item::Operand(_) = item {
            rt::warn!("ignoring non-option arguments");
        }
    }
    match getcwd(Vec::new()) {
        Ok(path) => {
            rt::println!("{}", path.as_bytes().as_bstr());
            ExitCode::SUCCESS
        }
        Err(error) => rt::fail!(1, "couldn't find directory entry: {}", strerror(error)),
    }
}
