//! `uname`: what system this is (POSIX, GNU).
#![no_std]
#![no_main]

extern crate alloc;

use alloc::vec::Vec;

use rt::options::{Item, Opt, Tool};
use rt::rustix::system::uname;
use rt::{Arguments, ExitCode};

rt::main!(main);

static TOOL: Tool = Tool::new(
    "uname",
    "[OPTION]...",
    "Print certain system information. With no OPTION, same as -s.",
    &[
        Opt::flag('a', "all", "print all information"),
        Opt::flag('s', "kernel-name", "print the kernel name"),
        Opt::flag('n', "nodename", "print the network node hostname"),
        Opt::flag('r', "kernel-release", "print the kernel release"),
        Opt::flag('v', "kernel-version", "print the kernel version"),
        Opt::flag('m', "machine", "print the machine hardware name"),
        Opt::flag('o', "operating-system", "print the operating system"),
    ],
);

fn main(arguments: Arguments) -> ExitCode {
    let mut wanted = Vec::new();
    for item in TOOL.parse(arguments) {
        match item {
            Item::Option('a', _) => wanted.extend("snrvmo".chars()),
            Item::Option(letter, _) => wanted.push(letter),
            Item::Long(..) => {}
            Item::Operand(operand) => TOOL.extra_operand(operand),
        }
    }
    if wanted.is_empty() {
        wanted.push('s');
    }
    let names = uname();
    let field = |letter| match letter {
        's' => names.sysname().to_string_lossy(),
        'n' => names.nodename().to_string_lossy(),
        'r' => names.release().to_string_lossy(),
        'v' => names.version().to_string_lossy(),
        'm' => names.machine().to_string_lossy(),
        // GNU's name for a system with the system calls of Linux.
        _ => "GNU/Linux".into(),
    };
    let fields: Vec<_> =
        "snrvmo".chars().filter(|letter| wanted.contains(letter)).map(field).collect();
    rt::println!("{}", fields.join(" "));
    ExitCode::SUCCESS
}
