//! `rmdir`: removes empty directories (POSIX, GNU).
#![no_std]
#![no_main]

extern crate alloc;

use rt::bstr::{BStr, ByteSlice};
use rt::options::{Item, Opt, Tool};
use rt::rustix::fs::rmdir;
use rt::{Arguments, ExitCode, strerror};

rt::main!(main);

static TOOL: Tool = Tool::new(
    "rmdir",
    "[OPTION]... DIRECTORY...",
    "Remove the DIRECTORY(ies), if they are empty.",
    &[
        Opt::flag('p', "parents", "remove DIRECTORY and its ancestors"),
        Opt::flag('v', "verbose", "output a diagnostic for every directory processed"),
    ],
);

fn main(arguments: Arguments) -> ExitCode {
    let (mut parents, mut verbose) = (false, false);
    let mut directories = alloc::vec::Vec::new();
    for item in TOOL.parse(arguments) {
        match item {
            Item::Option('p', _) => parents = true,
            Item::Option('v', _) => verbose = true,
            Item::Option(..) | Item::Long(..) => {}
            Item::Operand(operand) => directories.push(operand),
        }
    }
    if directories.is_empty() {
        TOOL.missing_operand(None);
    }
    let mut success = true;
    for directory in directories {
        let mut next = Some(directory);
        while let Some(directory) = next {
            if verbose {
                rt::println!("{}: removing directory, '{directory}'", rt::program_name());
            }
            if let Err(error) = rmdir(directory.as_bytes()) {
                rt::warn!("failed to remove '{directory}': {}", strerror(error));
                success = false;
                break;
            }
            next = parent(directory).filter(|_| parents);
        }
    }
    ExitCode::from_success(success)
}

/// The path without its last component, if there is one before it.
fn parent(path: &'static BStr) -> Option<&'static BStr> {
    let trimmed = path.trim_end_with(|character| character == '/');
    let slash = trimmed.rfind_byte(b'/')?;
    let parent = trimmed.get(..slash)?.trim_end_with(|character| character == '/');
    (!parent.is_empty()).then_some(parent.as_bstr())
}
