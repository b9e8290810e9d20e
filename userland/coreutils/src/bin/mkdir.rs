//! `mkdir`: makes directories (POSIX, GNU).
#![no_std]
#![no_main]

extern crate alloc;

use alloc::vec::Vec;

use coreutils::filter::operands;
use coreutils::tree;
use rt::bstr::{BStr, ByteSlice};
use rt::options::{Item, Opt, Tool};
use rt::rustix::fs::{Mode, chmod, mkdir};
use rt::rustix::io::Errno;
use rt::{Arguments, ExitCode, strerror};

rt::main!(main);

static TOOL: Tool = Tool::new(
    "mkdir",
    "[OPTION]... DIRECTORY...",
    "Create the DIRECTORY(ies), if they do not already exist.",
    &[
        Opt::value('m', "mode", "MODE", "set file mode (octal), not a=rwx - umask"),
        Opt::flag('p', "parents", "no error if existing, make parent directories as needed"),
        Opt::flag('v', "verbose", "print a message for each created directory"),
    ],
);

fn main(arguments: Arguments) -> ExitCode {
    let (mut parents, mut verbose, mut mode) = (false, false, None);
    let items: Vec<Item> = TOOL.parse(arguments).collect();
    for item in &items {
        match item {
            Item::Option('m', Some(text)) => {
                let bits = text.to_str().ok().and_then(|text| u32::from_str_radix(text, 8).ok());
                let bits = bits.filter(|bits| *bits <= 0o7777);
                let bits = bits.unwrap_or_else(|| rt::fail!(1, "invalid mode '{text}'"));
                mode = Some(Mode::from_raw_mode(bits));
            }
            Item::Option('p', _) => parents = true,
            Item::Option('v', _) => verbose = true,
            Item::Option(..) | Item::Long(..) | Item::Operand(_) => {}
        }
    }
    let directories = operands(items.into_iter());
    if directories.is_empty() {
        TOOL.missing_operand(None);
    }
    let mut success = true;
    for directory in directories {
        success &= if parents {
            with_parents(directory, mode, verbose)
        } else {
            make(directory, mode, verbose, false)
        };
    }
    ExitCode::from_success(success)
}

/// Makes one directory; `existing`: one that is there already is no error.
fn make(directory: &BStr, mode: Option<Mode>, verbose: bool, existing: bool) -> bool {
    let result = mkdir(directory.as_bytes(), mode.unwrap_or(Mode::from_raw_mode(0o777)))
        // The mode given is meant as it is, whatever the umask says.
        .and_then(|()| mode.map_or(Ok(()), |mode| chmod(directory.as_bytes(), mode)));
    match result {
        Ok(()) => {
            if verbose {
                rt::println!("{}: created directory '{directory}'", rt::program_name());
            }
            true
        }
        Err(error) => {
            let there =
                || tree::status(directory, true).is_ok_and(|status| tree::is_directory(&status));
            // On a read-only file system that is said before one says that it exists.
            if existing && matches!(error, Errno::EXIST | Errno::ROFS | Errno::ACCESS) && there() {
                return true;
            }
            // A parent that is a file is no directory.
            let error = if existing && error == Errno::EXIST { Errno::NOTDIR } else { error };
            rt::warn!("cannot create directory '{directory}': {}", strerror(error));
            false
        }
    }
}

fn with_parents(directory: &BStr, mode: Option<Mode>, verbose: bool) -> bool {
    for (at, &byte) in directory.iter().enumerate() {
        let parent = directory.get(..at).unwrap_or_default().as_bstr();
        let ends = byte == b'/' && !parent.is_empty() && !parent.ends_with(b"/");
        if ends && !make(parent, None, verbose, true) {
            return false;
        }
    }
    make(directory, mode, verbose, true)
}
