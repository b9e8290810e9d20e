//! `date`: shows or sets the clock. The time zone is UTC.
#![no_std]
#![no_main]

use rt::bstr::ByteSlice;
use rt::options::{Item, Opt, Tool};
use rt::{Arguments, ExitCode};
use rustix::time::{ClockId, Timespec, clock_gettime, clock_settime};
use system_tools::calendar::DateTime;

rt::main!(main);

static TOOL: Tool = Tool::new(
    "date",
    "[OPTION]... [+FORMAT]",
    "Display the time in the given FORMAT, or set it. There is no clock that survives a power-off:
after a boot the time starts at 1970 until it is set.",
    &[
        Opt::value('d', "date", "STRING", "display the time described by STRING, not 'now'"),
        Opt::value(
            's',
            "set",
            "STRING",
            "set time described by STRING: '@SECONDS' or 'YYYY-MM-DD HH:MM:SS'",
        ),
        Opt::flag('u', "utc", "print or set Coordinated Universal Time (always so here)"),
    ],
);

const DEFAULT_FORMAT: &str = "%a %b %e %H:%M:%S %Z %Y";

fn main(arguments: Arguments) -> ExitCode {
    let mut format = None;
    let mut moment = None;
    let mut set = false;
    for item in TOOL.parse(arguments) {
        match item {
            Item::Option(letter @ ('d' | 's'), Some(text)) => {
                let Some(seconds) = text.to_str().ok().and_then(DateTime::parse) else {
                    rt::fail!(1, "invalid date '{text}'");
                };
                moment = Some(seconds);
                set |= letter == 's';
            }
            Item::Operand(text) => match text.strip_prefix(b"+").map(ByteSlice::to_str) {
                Some(Ok(text)) if format.is_none() => format = Some(text),
                Some(_) => TOOL.extra_operand(text),
                None => rt::fail!(1, "invalid date '{text}'"),
            },
            _ => {}
        }
    }
    if let (true, Some(seconds)) = (set, moment) {
        let time = Timespec { tv_sec: seconds, tv_nsec: 0 };
        if let Err(error) = clock_settime(ClockId::Realtime, time) {
            rt::fail!(1, "cannot set date: {}", rt::strerror(error));
        }
    }
    let now = clock_gettime(ClockId::Realtime);
    let (seconds, nanoseconds) = match moment {
        Some(seconds) => (seconds, 0),
        None => (now.tv_sec, now.tv_nsec as u32),
    };
    let text = DateTime::from_unix(seconds).format(format.unwrap_or(DEFAULT_FORMAT), nanoseconds);
    rt::println!("{text}");
    ExitCode::SUCCESS
}
