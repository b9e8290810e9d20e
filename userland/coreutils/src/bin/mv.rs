//! `mv`: renames and moves files (POSIX, GNU).
#![no_std]
#![no_main]

extern crate alloc;

use alloc::vec::Vec;

use coreutils::copy_tree::{Options, Target, copy};
use coreutils::tree;
use rt::bstr::{BStr, ByteSlice};
use rt::options::{Item, Opt, Tool};
use rt::rustix::fs::{rename, unlink};
use rt::rustix::io::Errno;
use rt::{Arguments, ExitCode, strerror};

rt::main!(main);

static TOOL: Tool = Tool::new(
    "mv",
    "[OPTION]... [-T] SOURCE DEST\n[OPTION]... SOURCE... DIRECTORY\n[OPTION]... -t DIRECTORY SOURCE...",
    "Rename SOURCE to DEST, or move SOURCE(s) to DIRECTORY.",
    &[
        Opt::flag('f', "force", "do not prompt before overwriting (default)"),
        Opt::flag('n', "no-clobber", "do not overwrite an existing file"),
        Opt::value(
            't',
            "target-directory",
            "DIRECTORY",
            "move all SOURCE arguments into DIRECTORY",
        ),
        Opt::flag('T', "no-target-directory", "treat DEST as a normal file"),
        Opt::flag('v', "verbose", "explain what is being done"),
    ],
);

fn main(arguments: Arguments) -> ExitCode {
    let (mut keep, mut verbose, mut directory, mut exact) = (false, false, None, false);
    let mut operands: Vec<&'static BStr> = Vec::new();
    for item in TOOL.parse(arguments) {
        match item {
            Item::Option('f', _) => keep = false,
            Item::Option('n', _) => keep = true,
            Item::Option('t', value) => directory = value,
            Item::Option('T', _) => exact = true,
            Item::Option('v', _) => verbose = true,
            Item::Option(..) | Item::Long(..) => {}
            Item::Operand(operand) => operands.push(operand),
        }
    }
    let target = Target::find(&TOOL, &mut operands, directory, exact);
    let mut success = true;
    for source in operands {
        success &= move_one(source, target.of(source).as_bstr(), keep, verbose);
    }
    ExitCode::from_success(success)
}

fn move_one(source: &BStr, target: &BStr, keep: bool, verbose: bool) -> bool {
    let status = match tree::status(source, false) {
        Ok(status) => status,
        Err(error) => {
            rt::warn!("cannot stat '{source}': {}", strerror(error));
            return false;
        }
    };
    if let Ok(existing) = tree::status(target, false) {
        if keep {
            return true;
        }
        if tree::is_same(&status, &existing) {
            rt::warn!("'{source}' and '{target}' are the same file");
            return false;
        }
        match (tree::is_directory(&status), tree::is_directory(&existing)) {
            (true, false) => {
                rt::warn!("cannot overwrite non-directory '{target}' with directory '{source}'");
                return false;
            }
            (false, true) => {
                rt::warn!("cannot overwrite directory '{target}' with non-directory");
                return false;
            }
            _ => {}
        }
    }
    let moved = match rename(source.as_bytes(), target.as_bytes()) {
        Ok(()) => true,
        Err(Errno::XDEV) => move_between(source, target, tree::is_directory(&status)),
        Err(Errno::INVAL) => {
            rt::warn!("cannot move '{source}' to a subdirectory of itself, '{target}'");
            false
        }
        Err(error) => {
            rt::warn!("cannot move '{source}' to '{target}': {}", strerror(error));
            false
        }
    };
    if moved && verbose {
        rt::println!("renamed '{source}' -> '{target}'");
    }
    moved
}

/// Moves from one file system to another: copies, then removes.
fn move_between(source: &BStr, target: &BStr, directory: bool) -> bool {
    let options = Options { recursive: true, preserve: true, force: true, ..Options::default() };
    if !copy(source, target, options) {
        return false;
    }
    if directory {
        return tree::remove(source, &mut |_, _| ());
    }
    match unlink(source.as_bytes()) {
        Ok(()) => true,
        Err(error) => {
            rt::warn!("cannot remove '{source}': {}", strerror(error));
            false
        }
    }
}
