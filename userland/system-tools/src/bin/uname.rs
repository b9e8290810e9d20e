//! `uname`: what system this is.
#![no_std]
#![no_main]

extern crate alloc;

use alloc::vec::Vec;
use rt::options::{Item, Opt, Tool};
use rt::{Arguments, ExitCode};

rt::main!(main);

static TOOL: Tool = Tool::new(
    "uname",
    "[OPTION]...",
    "Print certain system information.  With no OPTION, same as -s.",
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
    const ORDER: [char; 6] = ['s', 'n', 'r', 'v', 'm', 'o'];
    let mut wanted = Vec::new();
    for item in TOOL.parse(arguments) {
        match item {
            Item::Option('a', _) => wanted.extend(ORDER),
            Item::Option(letter, _) => wanted.push(letter),
            Item::Operand(operand) => TOOL.extra_operand(operand),
            Item::Long(..) => {}
        }
    }
    if wanted.is_empty() {
        wanted.push('s');
    }
    let names = rustix::system::uname();
    let mut separator: &[u8] = b"";
    for letter in ORDER.iter().filter(|letter| wanted.contains(letter)) {
        let text = match letter {
            'n' => names.nodename().to_bytes(),
            'r' => names.release().to_bytes(),
            'v' => names.version().to_bytes(),
            'm' => names.machine().to_bytes(),
            // `-s` and `-o`: the system is named after its kernel.
            _ => names.sysname().to_bytes(),
        };
        rt::output::write(separator);
        rt::output::write(text);
        separator = b" ";
    }
    rt::output::write(b"\n");
    ExitCode::SUCCESS
}
