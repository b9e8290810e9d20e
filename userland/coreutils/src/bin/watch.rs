//! `watch`: runs a command again and again on a clear screen (procps).
#![no_std]
#![no_main]

extern crate alloc;

use alloc::vec::Vec;
use core::time::Duration;

use coreutils::calendar::Moment;
use coreutils::strftime::strftime;
use rt::bstr::{BStr, BString, ByteSlice};
use rt::options::{Item, Opt, Tool};
use rt::process::{Fork, execute_command, fork, shell_status, wait};
use rt::rustix::thread::nanosleep;
use rt::rustix::time::{ClockId, Timespec, clock_gettime};
use rt::{Arguments, ExitCode, strerror};

rt::main!(main);

static TOOL: Tool = Tool::new(
    "watch",
    "[OPTION]... COMMAND...",
    "Run COMMAND by the shell every 2 seconds and show what it prints.",
    &[
        Opt::flag('e', "errexit", "end when the command fails"),
        Opt::value('n', "interval", "SECONDS", "seconds to wait between updates"),
        Opt::flag('t', "no-title", "turn off header"),
    ],
)
.operands_last();

fn main(arguments: Arguments) -> ExitCode {
    let (mut interval, mut title, mut stop) = (Duration::from_secs(2), true, false);
    let mut words: Vec<&'static BStr> = Vec::new();
    for item in TOOL.parse(arguments) {
        match item {
            Item::Option('e', _) => stop = true,
            Item::Option('n', Some(text)) => {
                interval = rt::number::duration(text)
                    .unwrap_or_else(|| rt::fail!(1, "failed to parse argument: '{text}'"))
                    .max(Duration::from_millis(100));
            }
            Item::Option('t', _) => title = false,
            Item::Option(..) | Item::Long(..) => {}
            Item::Operand(word) => words.push(word),
        }
    }
    if words.is_empty() {
        TOOL.usage_error("missing command");
    }
    let words: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
    let line = BString::from(words.join(b" ".as_slice()));
    let pause =
        Timespec { tv_sec: interval.as_secs() as i64, tv_nsec: interval.subsec_nanos().into() };
    loop {
        rt::print!("\x1b[H\x1b[2J");
        if title {
            let now = Moment::from_seconds(clock_gettime(ClockId::Realtime).tv_sec, 0);
            let time = strftime("%c", &now);
            let (whole, tenth) = (interval.as_secs(), interval.subsec_millis() / 100);
            rt::println!("Every {whole}.{tenth}s: {line}    {time}\n");
        }
        let status = match fork() {
            Ok(Fork::Parent(child)) => wait(child).map_or(1, shell_status),
            Ok(Fork::Child) => {
                let error = execute_command(&[b"sh".as_slice(), b"-c", line.as_bytes()]);
                rt::warn!("sh: {}", strerror(error));
                rt::exit::exit_now(ExitCode(127))
            }
            Err(error) => rt::fail!(1, "cannot fork: {}", strerror(error)),
        };
        if stop && status != 0 {
            return ExitCode(status);
        }
        // A signal that does not end the program may shorten the wait.
        let _ = nanosleep(&pause);
    }
}
