//! `kill`: sends signals (POSIX, util-linux).
#![no_std]
#![no_main]

extern crate alloc;

use alloc::vec::Vec;

use rt::bstr::{BStr, ByteSlice};
use rt::options::{Opt, Tool};
use rt::process::send_signal;
use rt::signal::{NAMES, number};
use rt::{Arguments, ExitCode, strerror};

rt::main!(main);

static TOOL: Tool = Tool::new(
    "kill",
    "[-s SIGNAL | -SIGNAL] PID...\n-l [SIGNAL]...",
    "Send signals to processes, or list signals. A negative PID is a process group.",
    &[
        Opt::value('s', "signal", "SIGNAL", "specify the name or number of the signal to be sent"),
        Opt::flag('l', "list", "list signal names, or convert signal names to/from numbers"),
    ],
);

fn main(arguments: Arguments) -> ExitCode {
    let words: Vec<&'static BStr> = arguments.collect();
    // A signal looks like an option and a process group too, so this is read by hand.
    let mut rest = words.as_slice();
    let mut signal = 15;
    match rest {
        [] => TOOL.usage_error("not enough arguments"),
        [first, ..] if *first == "--help" => {
            rt::print!("{}", TOOL.help());
            return ExitCode::SUCCESS;
        }
        [first, after @ ..] if *first == "-l" || *first == "--list" => return list(after),
        [first, name, after @ ..] if *first == "-s" || *first == "--signal" => {
            signal = signal_number(name);
            rest = after;
        }
        [first, ..] if *first == "-s" || *first == "--signal" => {
            TOOL.usage_error(format_args!("option requires an argument -- 's'"))
        }
        [first, after @ ..] if *first == "--" => rest = after,
        [first, after @ ..] => {
            if let Some(name) = first.strip_prefix(b"--signal=") {
                signal = signal_number(name.as_bstr());
                rest = after;
            } else if let Some(name) = first.strip_prefix(b"-") {
                signal = signal_number(name.as_bstr());
                rest = after;
            }
        }
    }
    if let [first, after @ ..] = rest
        && *first == "--"
    {
        rest = after;
    }
    if rest.is_empty() {
        TOOL.usage_error("not enough arguments");
    }
    let mut success = true;
    for target in rest {
        let Some(pid) = target.to_str().ok().and_then(|text| text.parse::<i32>().ok()) else {
            rt::warn!("cannot find process \"{target}\"");
            success = false;
            continue;
        };
        if let Err(error) = send_signal(pid, signal) {
            rt::warn!("sending signal to {pid} failed: {}", strerror(error));
            success = false;
        }
    }
    ExitCode::from_success(success)
}

fn signal_number(name: &BStr) -> i32 {
    number(name).unwrap_or_else(|| rt::fail!(1, "unknown signal: {name}"))
}

fn list(names: &[&'static BStr]) -> ExitCode {
    if names.is_empty() {
        let known: Vec<&str> = NAMES.iter().skip(1).copied().collect();
        rt::println!("{}", known.join(" "));
        return ExitCode::SUCCESS;
    }
    let mut success = true;
    for name in names {
        let value = number(name);
        let is_number = name.iter().all(u8::is_ascii_digit);
        // An exit status above 128 tells the signal, too.
        let of_status = rt::number::decimal(name).and_then(|status| status.checked_sub(128));
        let known = |index: u64| NAMES.get(usize::try_from(index).unwrap_or(usize::MAX));
        match (value, is_number) {
            (Some(value), false) => rt::println!("{value}"),
            (Some(value), true) if known(value as u64).is_some() => {
                rt::println!("{}", known(value as u64).copied().unwrap_or_default());
            }
            _ => {
                if let Some(name) = of_status.and_then(known) {
                    rt::println!("{name}");
                } else {
                    rt::warn!("unknown signal: {name}");
                    success = false;
                }
            }
        }
    }
    ExitCode::from_success(success)
}
