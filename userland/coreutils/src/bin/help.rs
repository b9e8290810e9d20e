//! `help`: what programs there are.
#![no_std]
#![no_main]

extern crate alloc;

use alloc::vec::Vec;

use coreutils::catalog::{self, BUILTINS};
use coreutils::tree;
use rt::bstr::{BStr, BString, ByteSlice};
use rt::options::{Item, Opt, Tool};
use rt::{Arguments, ExitCode};

rt::main!(main);

static TOOL: Tool = Tool::new(
    "help",
    "[NAME]...",
    "List the programs, or say what the programs named do. `NAME --help` says more.",
    &[Opt::flag('1', "", "names only, one per line")],
);

fn main(arguments: Arguments) -> ExitCode {
    let mut brief = false;
    let mut wanted: Vec<&'static BStr> = Vec::new();
    for item in TOOL.parse(arguments) {
        match item {
            Item::Option('1', _) => brief = true,
            Item::Option(..) | Item::Long(..) => {}
            Item::Operand(name) => wanted.push(name),
        }
    }
    if !wanted.is_empty() {
        let mut success = true;
        for name in wanted {
            if let Some(about) = catalog::find(name) {
                rt::println!("{name:<11} {about}");
            } else {
                rt::warn!("nothing known about '{name}'");
                success = false;
            }
        }
        return ExitCode::from_success(success);
    }
    let mut names: Vec<BString> = Vec::new();
    for directory in rt::process::search_path().split(|&byte| byte == b':') {
        // A directory that is not there holds no programs.
        names.extend(tree::names(directory.as_bstr()).unwrap_or_default());
    }
    names.sort();
    names.dedup();
    // On another system only what is ours is listed.
    let foreign = names.iter().filter(|name| catalog::find(name).is_none()).count() > 50;
    for name in names {
        match catalog::find(&name) {
            Some(_) if brief => rt::println!("{name}"),
            Some(about) => rt::println!("{name:<11} {about}"),
            None if !foreign => rt::println!("{name}"),
            None => {}
        }
    }
    if !brief {
        let (first, second) = BUILTINS.split_at(BUILTINS.len() / 2);
        rt::println!("\nThe shell itself knows {}\n{}.", first.join(" "), second.join(" "));
        rt::println!("`NAME --help` says more about a program.");
    }
    ExitCode::SUCCESS
}
