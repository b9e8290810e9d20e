//! `which`: where the programs are (debianutils).
#![no_std]
#![no_main]

extern crate alloc;

use alloc::vec::Vec;

use rt::bstr::{BStr, ByteSlice};
use rt::options::{Item, Opt, Tool};
use rt::process::{find, search_path};
use rt::{Arguments, ExitCode};

rt::main!(main);

static TOOL: Tool = Tool::new(
    "which",
    "[-a] NAME...",
    "Print the path of the file that is run for each NAME.",
    &[Opt::flag('a', "", "print all matching paths")],
)
.with_status(2);

fn main(arguments: Arguments) -> ExitCode {
    let mut all = false;
    let mut names: Vec<&'static BStr> = Vec::new();
    for item in TOOL.parse(arguments) {
        match item {
            Item::Option('a', _) => all = true,
            Item::Option(..) | Item::Long(..) => {}
            Item::Operand(name) => names.push(name),
        }
    }
    let mut success = !names.is_empty();
    for name in names {
        let directories: Vec<&BStr> = if all {
            search_path().split(|&byte| byte == b':').map(ByteSlice::as_bstr).collect()
        } else {
            Vec::from([search_path()])
        };
        let mut found = false;
        for directory in directories {
            if let Ok(path) = find(name, directory) {
                rt::println!("{}", path.as_bytes().as_bstr());
                found = true;
            }
        }
        success &= found;
    }
    ExitCode::from_success(success)
}
