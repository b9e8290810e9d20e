//! `kill`: sends a signal to processes.
#![no_std]
#![no_main]

use rt::bstr::{BStr, ByteSlice};
use rt::{Arguments, ExitCode, signal};

rt::main!(main);

const HELP: &str = "Usage: kill [-s SIGNAL | -SIGNAL] PID...
  or:  kill -l [SIGNAL]...
Send signals to processes, or list signals. A negative PID is a process group.

  -s SIGNAL, -SIGNAL   specify the name or number of the signal to be sent (default TERM)
  -l                   list signal names, or convert signal names to/from numbers
  --help               display this help and exit
";

/// The parameters are unlike any other tool's: `-9` is a signal here and `-5` after it a group.
fn main(mut arguments: Arguments) -> ExitCode {
    let mut number = rustix::process::Signal::TERM.as_raw();
    let mut first = arguments.next();
    match first.map(|word| word.as_bytes()) {
        None => rt::fail!(2, "not enough arguments"),
        Some(b"--help") => {
            rt::print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Some(b"-l" | b"-L") => return list(arguments),
        Some(b"-s") => {
            let Some(name) = arguments.next() else {
                rt::fail!(2, "option requires an argument -- 's'");
            };
            number = parse(name);
            first = arguments.next();
        }
        Some([b'-', name @ ..]) if !name.is_empty() && name != b"-" => {
            number = parse(name.as_bstr());
            first = arguments.next();
        }
        Some(_) => {}
    }
    if first.is_some_and(|word| word == "--") {
        first = arguments.next();
    }
    if first.is_none() {
        rt::fail!(2, "not enough arguments");
    }
    let mut status = ExitCode::SUCCESS;
    for word in first.into_iter().chain(arguments) {
        let (digits, sign) =
            word.strip_prefix(b"-").map_or((word.as_bytes(), 1), |rest| (rest, -1));
        let pid = rt::number::decimal(digits).and_then(|pid| i32::try_from(pid).ok());
        let result = match pid {
            None => {
                rt::warn!("failed to parse argument: '{word}'");
                status = ExitCode(1);
                continue;
            }
            Some(pid) => rt::process::send_signal(sign * pid, number),
        };
        if let Err(error) = result {
            rt::warn!("({word}) - {}", rt::strerror(error));
            status = ExitCode(1);
        }
    }
    status
}

fn parse(name: &BStr) -> i32 {
    signal::number(name).unwrap_or_else(|| rt::fail!(1, "unknown signal {name}"))
}

fn list(arguments: Arguments) -> ExitCode {
    let mut any = false;
    for word in arguments {
        any = true;
        let Some(number) = rt::number::decimal(word) else {
            rt::println!("{}", parse(word));
            continue;
        };
        // A shell's status of a process that a signal ended counts from 128.
        let name = signal::NAMES.get(number as usize & 0x7f).filter(|_| number > 0);
        rt::println!("{}", name.unwrap_or_else(|| rt::fail!(1, "unknown signal {word}")));
    }
    if !any {
        for (number, name) in signal::NAMES.iter().enumerate().skip(1) {
            let end = if number % 8 == 0 || number + 1 == signal::NAMES.len() { "\n" } else { "" };
            rt::print!("{number:>2} {name:<7}{end}");
        }
    }
    ExitCode::SUCCESS
}
