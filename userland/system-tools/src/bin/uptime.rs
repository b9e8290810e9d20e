//! `uptime`: how long the system has been running.
#![no_std]
#![no_main]

extern crate alloc;

use alloc::format;
use alloc::string::String;
use core::fmt::Write;
use rt::bstr::ByteSlice;
use rt::options::{Item, Opt, Tool};
use rt::{Arguments, ExitCode};
use rustix::time::{ClockId, clock_gettime};
use system_tools::calendar::DateTime;

rt::main!(main);

static TOOL: Tool = Tool::new(
    "uptime",
    "[OPTION]...",
    "Tell how long the system has been running.",
    &[
        Opt::flag('p', "pretty", "show uptime in pretty format"),
        Opt::flag('s', "since", "system up since, in yyyy-mm-dd HH:MM:SS format"),
    ],
);

fn main(arguments: Arguments) -> ExitCode {
    let mut format = ' ';
    for item in TOOL.parse(arguments) {
        match item {
            Item::Option(letter, _) => format = letter,
            Item::Operand(operand) => TOOL.extra_operand(operand),
            Item::Long(..) => {}
        }
    }
    let up = clock_gettime(ClockId::Boottime).tv_sec;
    let now = clock_gettime(ClockId::Realtime).tv_sec;
    let (days, hours, minutes) = (up / 86_400, up / 3600 % 24, up / 60 % 60);
    match format {
        's' => rt::println!("{}", DateTime::from_unix(now - up).format("%F %T", 0)),
        'p' => rt::println!("up {}", pretty(days, hours, minutes)),
        _ => {
            let clock = DateTime::from_unix(now).format("%T", 0);
            let day_part = match days {
                0 => String::new(),
                1 => String::from("1 day, "),
                _ => format!("{days} days, "),
            };
            let rest = if hours > 0 {
                format!("{hours:2}:{minutes:02}")
            } else {
                format!("{minutes} min")
            };
            rt::println!(" {clock} up {day_part}{rest},  load average: {}", load());
        }
    }
    ExitCode::SUCCESS
}

fn pretty(days: i64, hours: i64, minutes: i64) -> String {
    let mut text = String::new();
    for (count, unit) in [(days, "day"), (hours, "hour"), (minutes, "minute")] {
        let is_last = unit == "minute" && text.is_empty();
        if count > 0 || is_last {
            let plural = if count == 1 { "" } else { "s" };
            let comma = if text.is_empty() { "" } else { ", " };
            // Writing to a String can't fail.
            let _ = write!(text, "{comma}{count} {unit}{plural}");
        }
    }
    text
}

/// The three numbers of `/proc/loadavg`, with commas.
fn load() -> String {
    let text = rt::input::read_file("/proc/loadavg").unwrap_or_default();
    let mut fields =
        system_tools::proc::fields(&text).map(|field| String::from(field.to_str_lossy()));
    let mut next = || fields.next().unwrap_or_else(|| String::from("0.00"));
    format!("{}, {}, {}", next(), next(), next())
}
