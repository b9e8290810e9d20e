//! `cp`: copies files (POSIX, GNU).
#![no_std]
#![no_main]

extern crate alloc;

use alloc::vec::Vec;

use coreutils::copy_tree::{Options, Target, copy};
use rt::bstr::{BStr, ByteSlice};
use rt::options::{Item, Opt, Tool};
use rt::{Arguments, ExitCode};

rt::main!(main);

static TOOL: Tool = Tool::new(
    "cp",
    "[OPTION]... [-T] SOURCE DEST\n[OPTION]... SOURCE... DIRECTORY\n[OPTION]... -t DIRECTORY SOURCE...",
    "Copy SOURCE to DEST, or multiple SOURCE(s) to DIRECTORY.",
    &[
        Opt::flag('a', "archive", "same as -rp"),
        Opt::flag(
            'f',
            "force",
            "if an existing destination file cannot be opened, remove it and try again",
        ),
        Opt::flag('n', "no-clobber", "do not overwrite an existing file"),
        Opt::flag('p', "", "preserve mode and timestamps"),
        Opt::flag('r', "recursive", "copy directories recursively"),
        Opt::flag('R', "", "copy directories recursively"),
        Opt::value(
            't',
            "target-directory",
            "DIRECTORY",
            "copy all SOURCE arguments into DIRECTORY",
        ),
        Opt::flag('T', "no-target-directory", "treat DEST as a normal file"),
        Opt::flag('v', "verbose", "explain what is being done"),
    ],
);

fn main(arguments: Arguments) -> ExitCode {
    let mut options = Options::default();
    let (mut directory, mut exact) = (None, false);
    let mut operands: Vec<&'static BStr> = Vec::new();
    for item in TOOL.parse(arguments) {
        match item {
            Item::Option('a', _) => (options.recursive, options.preserve) = (true, true),
            Item::Option('f', _) => options.force = true,
            Item::Option('n', _) => options.no_clobber = true,
            Item::Option('p', _) => options.preserve = true,
            Item::Option('r' | 'R', _) => options.recursive = true,
            Item::Option('t', value) => directory = value,
            Item::Option('T', _) => exact = true,
            Item::Option('v', _) => options.verbose = true,
            Item::Option(..) | Item::Long(..) => {}
            Item::Operand(operand) => operands.push(operand),
        }
    }
    let target = Target::find(&TOOL, &mut operands, directory, exact);
    let mut success = true;
    for source in operands {
        success &= copy(source, target.of(source).as_bstr(), options);
    }
    ExitCode::from_success(success)
}
