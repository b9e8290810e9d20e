//! `uptime`: how long the system has been running (procps).
#![no_std]
#![no_main]

extern crate alloc;

use alloc::format;
use alloc::string::String;

use coreutils::calendar::Moment;
use coreutils::strftime::strftime;
use rt::options::{Item, Opt, Tool};
use rt::rustix::system::sysinfo;
use rt::rustix::time::{ClockId, clock_gettime};
use rt::{Arguments, ExitCode};

rt::main!(main);

static TOOL: Tool = Tool::new(
    "uptime",
    "[OPTION]...",
    "Tell how long the system has been running.",
    &[
        Opt::flag('p', "pretty", "show uptime in pretty format"),
        Opt::flag('s', "since", "system up since"),
    ],
);

fn main(arguments: Arguments) -> ExitCode {
    let (mut pretty, mut since) = (false, false);
    for item in TOOL.parse(arguments) {
        match item {
            Item::Option('p', _) => pretty = true,
            Item::Option('s', _) => since = true,
            Item::Option(..) | Item::Long(..) => {}
            Item::Operand(operand) => TOOL.extra_operand(operand),
        }
    }
    let information = sysinfo();
    let up = information.uptime as u64;
    let now = clock_gettime(ClockId::Realtime).tv_sec;
    if since {
        let moment = Moment::from_seconds(now - up as i64, 0);
        rt::println!("{}", strftime("%Y-%m-%d %H:%M:%S", &moment));
    } else if pretty {
        rt::println!("up {}", in_words(up));
    } else {
        let time = strftime("%H:%M:%S", &Moment::from_seconds(now, 0));
        // Averages are fixed-point numbers with 16 bits of fraction.
        let [one, five, fifteen] = information.loads.map(|load| {
            let hundredths = (load * 100 + (1 << 15)) >> 16;
            format!("{}.{:02}", hundredths / 100, hundredths % 100)
        });
        rt::println!(" {time} up {},  0 users,  load average: {one}, {five}, {fifteen}", short(up));
    }
    ExitCode::SUCCESS
}

fn short(up: u64) -> String {
    let (days, hours, minutes) = (up / 86400, up / 3600 % 24, up / 60 % 60);
    let days = match days {
        0 => String::new(),
        1 => "1 day, ".into(),
        days => format!("{days} days, "),
    };
    if hours > 0 { format!("{days}{hours:2}:{minutes:02}") } else { format!("{days}{minutes} min") }
}

fn in_words(up: u64) -> String {
    let mut parts = alloc::vec::Vec::new();
    for (count, unit) in [
        (up / 604_800, "week"),
        (up / 86400 % 7, "day"),
        (up / 3600 % 24, "hour"),
        (up / 60 % 60, "minute"),
    ] {
        match count {
            0 => {}
            1 => parts.push(format!("1 {unit}")),
            count => parts.push(format!("{count} {unit}s")),
        }
    }
    if parts.is_empty() { "0 minutes".into() } else { parts.join(", ") }
}
