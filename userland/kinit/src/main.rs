//! `kinit`: the first process.
//!
//! It sets up what every program expects (standard descriptors, PATH, the host's name), runs the
//! self-tests when the boot arguments say `selftest`, and otherwise starts the programs in the
//! background and keeps a shell on the console. Children whose parents have ended become its own
//! and are waited for. It ends the machine when `poweroff` or `reboot` asks.
#![no_std]
#![no_main]

extern crate alloc;

mod daemons;
mod ending;
mod host_name;
mod selftest;
mod shell;

use rt::bstr::ByteSlice;
use rt::{Arguments, ExitCode};

rt::main!(main);

/// Whether a word is among the boot arguments: those of this process, and the kernel's own, which
/// it shows in `/proc/cmdline`.
fn asked_for(word: &str, mut arguments: Arguments) -> bool {
    if arguments.any(|argument| argument == word) {
        return true;
    }
    // A kernel without that file says it with the arguments of this process.
    let line = rt::input::read_file("/proc/cmdline").unwrap_or_default();
    line.split_str(" ").any(|argument| argument.trim_ascii() == word.as_bytes())
}

fn main(arguments: Arguments) -> ExitCode {
    shell::open_console();
    host_name::set();
    if asked_for("selftest", arguments) {
        // The status of the first process is the status of the machine.
        return ExitCode::from_success(selftest::run());
    }
    rt::println!("kinit: ready");
    let requests = ending::Requests::note();
    shell::keep_running(daemons::Daemons::start(requests), requests)
}
