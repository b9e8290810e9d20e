//! `sync`: writes what file systems still hold (GNU).
#![no_std]
#![no_main]

use rt::options::{Item, Tool};
use rt::rustix::fs::fsync;
use rt::{Arguments, ExitCode};

rt::main!(main);

static TOOL: Tool = Tool::new(
    "sync",
    "[FILE]...",
    "Synchronize cached writes to persistent storage. If one or more files are\nspecified, sync only them.",
    &[],
);

fn main(arguments: Arguments) -> ExitCode {
    let (mut any, mut success) = (false, true);
    for item in TOOL.parse(arguments) {
        let Item::Operand(path) = item else { continue };
        any = true;
        if let Err(error) = rt::input::open(path).and_then(fsync) {
            rt::warn!("error syncing '{path}': {}", rt::strerror(error));
            success = false;
        }
    }
    if !any {
        rt::rustix::fs::sync();
    }
    ExitCode::from_success(success)
}
