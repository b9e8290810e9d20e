//! `sleep`: waits.
#![no_std]
#![no_main]

use core::time::Duration;
use rt::options::{Item, Tool};
use rt::{Arguments, ExitCode};
use rustix::thread::{NanosleepRelativeResult, nanosleep};
use rustix::time::Timespec;

rt::main!(main);

static TOOL: Tool = Tool::new(
    "sleep",
    "NUMBER[SUFFIX]...",
    "Pause for NUMBER seconds, which may have a fraction. SUFFIX may be 's' for seconds (the
default), 'm' for minutes, 'h' for hours or 'd' for days. Several are added up.",
    &[],
);

fn main(arguments: Arguments) -> ExitCode {
    let mut total: Option<Duration> = None;
    for item in TOOL.parse(arguments) {
        if let Item::Operand(text) = item {
            let Some(duration) = rt::number::duration(text) else {
                TOOL.usage_error(format_args!("invalid time interval '{text}'"));
            };
            total = Some(total.unwrap_or_default().saturating_add(duration));
        }
    }
    let Some(total) = total else { TOOL.missing_operand(None) };
    let mut left = Timespec {
        tv_sec: i64::try_from(total.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: total.subsec_nanos().into(),
    };
    loop {
        match nanosleep(&left) {
            NanosleepRelativeResult::Ok => return ExitCode::SUCCESS,
            NanosleepRelativeResult::Interrupted(rest) => left = rest,
            NanosleepRelativeResult::Err(error) => {
                rt::fail!(1, "cannot read realtime clock: {}", rt::strerror(error));
            }
        }
    }
}
