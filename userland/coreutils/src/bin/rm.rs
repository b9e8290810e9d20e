//! `rm`: removes files (POSIX, GNU).
#![no_std]
#![no_main]
#![allow(clippy::struct_excessive_bools, reason = "a field for each option of the command line")]

extern crate alloc;

use coreutils::tree;
use rt::bstr::{BStr, ByteSlice};
use rt::options::{Item, Opt, Tool};
use rt::rustix::fs::{rmdir, unlink};
use rt::rustix::io::Errno;
use rt::{Arguments, ExitCode, path, strerror};

rt::main!(main);

static TOOL: Tool = Tool::new(
    "rm",
    "[OPTION]... [FILE]...",
    "Remove (unlink) the FILE(s).",
    &[
        Opt::flag('d', "dir", "remove empty directories"),
        Opt::flag('f', "force", "ignore nonexistent files and arguments"),
        Opt::flag('r', "recursive", "remove directories and their contents recursively"),
        Opt::flag('R', "", "remove directories and their contents recursively"),
        Opt::flag('v', "verbose", "explain what is being done"),
    ],
);

struct Options {
    directories: bool,
    force: bool,
    recursive: bool,
    verbose: bool,
}

fn main(arguments: Arguments) -> ExitCode {
    let mut options =
        Options { directories: false, force: false, recursive: false, verbose: false };
    let mut operands = alloc::vec::Vec::new();
    for item in TOOL.parse(arguments) {
        match item {
            Item::Option('d', _) => options.directories = true,
            Item::Option('f', _) => options.force = true,
            Item::Option('r' | 'R', _) => options.recursive = true,
            Item::Option('v', _) => options.verbose = true,
            Item::Option(..) | Item::Long(..) => {}
            Item::Operand(operand) => operands.push(operand),
        }
    }
    if operands.is_empty() && !options.force {
        TOOL.missing_operand(None);
    }
    let mut success = true;
    for operand in operands {
        success &= remove(operand, &options);
    }
    ExitCode::from_success(success)
}

fn remove(operand: &BStr, options: &Options) -> bool {
    let status = match tree::status(operand, false) {
        Ok(status) => status,
        Err(Errno::NOENT | Errno::NOTDIR) if options.force => return true,
        Err(error) => {
            rt::warn!("cannot remove '{operand}': {}", strerror(error));
            return false;
        }
    };
    let result = if tree::is_directory(&status) {
        if options.recursive {
            let name = path::base_name(operand);
            if name == "." || name == ".." {
                rt::warn!("refusing to remove '.' or '..' directory: skipping '{operand}'");
                return false;
            }
            if tree::status(BStr::new("/"), true).is_ok_and(|root| tree::is_same(&root, &status)) {
                rt::warn!("it is dangerous to operate recursively on '/'");
                return false;
            }
            return tree::remove(operand, &mut |path, directory| {
                if options.verbose {
                    say(path, directory);
                }
            });
        }
        if !options.directories {
            rt::warn!("cannot remove '{operand}': Is a directory");
            return false;
        }
        rmdir(operand.as_bytes())
    } else {
        unlink(operand.as_bytes())
    };
    match result {
        Ok(()) => {
            if options.verbose {
                say(operand, tree::is_directory(&status));
            }
            true
        }
        Err(error) => {
            rt::warn!("cannot remove '{operand}': {}", strerror(error));
            false
        }
    }
}

fn say(path: &BStr, directory: bool) {
    let what = if directory { "removed directory" } else { "removed" };
    rt::println!("{what} '{path}'");
}
