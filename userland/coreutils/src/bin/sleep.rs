//! `sleep`: waits (POSIX, GNU).
#![no_std]
#![no_main]

use core::time::Duration;

use rt::options::{Item, Tool};
use rt::rustix::thread::{NanosleepRelativeResult, nanosleep};
use rt::rustix::time::Timespec;
use rt::{Arguments, ExitCode};

rt::main!(main);

static TOOL: Tool = Tool::new(
    "sleep",
    "NUMBER[SUFFIX]...",
    "Pause for NUMBER seconds, where NUMBER may have a fraction. SUFFIX may be 's',\n'm', 'h', or 'd', for seconds, minutes, hours, or days. With several arguments\npause for the sum of their values.",
    &[],
);

fn main(arguments: Arguments) -> ExitCode {
    let mut total = None::<Duration>;
    for item in TOOL.parse(arguments) {
        let Item::Operand(text) = item else { continue };
        match rt::number::duration(text) {
            Some(time) => total = Some(total.unwrap_or_default().saturating_add(time)),
            None if text == "infinity" || text == "inf" => total = Some(Duration::MAX),
            None => TOOL.usage_error(format_args!("invalid time interval '{text}'")),
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
