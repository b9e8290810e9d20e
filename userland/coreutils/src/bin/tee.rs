//! `tee`: standard input to files and on (POSIX, GNU).
#![no_std]
#![no_main]

extern crate alloc;

use alloc::vec;
use alloc::vec::Vec;

use rt::input::{read, stdin};
use rt::options::{Item, Opt, Tool};
use rt::rustix::fd::AsFd;
use rt::rustix::fs::{Mode, OFlags, open};
use rt::rustix::process::Signal;
use rt::{Arguments, ExitCode, output};

rt::main!(main);

static TOOL: Tool = Tool::new(
    "tee",
    "[OPTION]... [FILE]...",
    "Copy standard input to each FILE, and also to standard output.",
    &[
        Opt::flag('a', "append", "append to the given FILEs, do not overwrite"),
        Opt::flag('i', "ignore-interrupts", "ignore interrupt signals"),
    ],
);

fn main(arguments: Arguments) -> ExitCode {
    let mut mode = OFlags::TRUNC;
    let mut files = Vec::new();
    for item in TOOL.parse(arguments) {
        match item {
            Item::Option('a', _) => mode = OFlags::APPEND,
            Item::Option('i', _) => {
                // It exists, so it can be ignored.
                let _ = rt::signal::set_action(Signal::INT, rt::signal::Action::Ignore);
            }
            Item::Option(..) | Item::Long(..) => {}
            Item::Operand(file) => files.push(file),
        }
    }
    let mut success = true;
    let mut open_files = Vec::new();
    for name in files {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::CLOEXEC | mode;
        match open(name.as_ref() as &[u8], flags, Mode::from_raw_mode(0o666)) {
            Ok(file) => open_files.push((name, file)),
            Err(error) => {
                output::warn_path(name, error);
                success = false;
            }
        }
    }
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let bytes = match read(stdin(), &mut buffer) {
            Ok(0) => break,
            Ok(count) => buffer.get(..count).unwrap_or_default(),
            Err(error) => rt::fail!(1, "read error: {}", rt::strerror(error)),
        };
        output::write(bytes);
        // What came in goes on at once.
        output::flush();
        open_files.retain(|(name, file)| match output::write_all(file.as_fd(), bytes) {
            Ok(()) => true,
            Err(error) => {
                output::warn_path(name, error);
                success = false;
                false
            }
        });
    }
    ExitCode::from_success(success)
}
