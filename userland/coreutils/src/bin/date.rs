//! `date`: shows and sets the time (POSIX, GNU). The time zone is UTC.
#![no_std]
#![no_main]

extern crate alloc;

use coreutils::calendar::{Moment, parse};
use coreutils::strftime::strftime;
use rt::bstr::{BStr, ByteSlice};
use rt::options::{Argument, Item, Opt, Tool};
use rt::rustix::fs::stat;
use rt::rustix::time::{ClockId, Timespec, clock_gettime, clock_settime};
use rt::{Arguments, ExitCode, output, strerror};

rt::main!(main);

static TOOL: Tool = Tool::new(
    "date",
    "[OPTION]... [+FORMAT]",
    "Display date and time in the given FORMAT, or set the system date with -s.\nThe time zone is always UTC. STRING is @SECONDS, YYYY-MM-DD [HH:MM[:SS]] or HH:MM[:SS].",
    &[
        Opt::value('d', "date", "STRING", "display time described by STRING, not 'now'"),
        Opt::long("iso-8601", Argument::Optional("SPEC"), "as -I"),
        Opt {
            short: Some('I'),
            long: "",
            argument: Argument::Optional("SPEC"),
            help: "ISO 8601 format; SPEC: date (default), hours, minutes, seconds, ns",
        },
        Opt::value('r', "reference", "FILE", "display the last modification time of FILE"),
        Opt::flag('R', "rfc-email", "RFC 5322 format"),
        Opt::value('s', "set", "STRING", "set time described by STRING"),
        Opt::flag('u', "utc", "Coordinated Universal Time (always so)"),
    ],
);

fn main(arguments: Arguments) -> ExitCode {
    let now = clock_gettime(ClockId::Realtime);
    let mut shown = (now.tv_sec, now.tv_nsec as u32);
    let mut set = None;
    let mut format = None;
    let described = |text: &'static BStr| {
        text.to_str()
            .ok()
            .and_then(|text| parse(text, now.tv_sec))
            .unwrap_or_else(|| rt::fail!(1, "invalid date '{text}'"))
    };
    for item in TOOL.parse(arguments) {
        match item {
            Item::Option('d', Some(text)) => shown = (described(text), 0),
            Item::Option('s', Some(text)) => set = Some(described(text)),
            Item::Option('R', _) => format = Some("%a, %d %b %Y %H:%M:%S %z"),
            Item::Option('I', spec) | Item::Long("iso-8601", spec) => {
                format = Some(match spec.unwrap_or(BStr::new("date")).as_bytes() {
                    b"date" => "%Y-%m-%d",
                    b"hours" => "%Y-%m-%dT%H+00:00",
                    b"minutes" => "%Y-%m-%dT%H:%M+00:00",
                    b"seconds" => "%Y-%m-%dT%H:%M:%S+00:00",
                    b"ns" => "%Y-%m-%dT%H:%M:%S,%N+00:00",
                    spec => {
                        let spec = spec.as_bstr();
                        TOOL.usage_error(format_args!("invalid argument '{spec}' for '--iso-8601'"))
                    }
                });
            }
            Item::Option('r', Some(file)) => match stat(file.as_bytes()) {
                Ok(status) => {
                    shown = (status.st_mtime, u32::try_from(status.st_mtime_nsec).unwrap_or(0));
                }
                Err(error) => {
                    output::warn_path(file, error);
                    return ExitCode::FAILURE;
                }
            },
            Item::Option(..) | Item::Long(..) => {}
            Item::Operand(operand) => match operand.strip_prefix(b"+") {
                Some(_) if format.is_some() => TOOL.extra_operand(operand),
                Some(text) => {
                    let valid = || rt::fail!(1, "the format is not valid UTF-8");
                    format = Some(text.to_str().unwrap_or_else(|_| valid()));
                }
                None => rt::fail!(1, "invalid date '{operand}'"),
            },
        }
    }
    let mut success = true;
    if let Some(seconds) = set {
        shown = (seconds, 0);
        let time = Timespec { tv_sec: seconds, tv_nsec: 0 };
        if let Err(error) = clock_settime(ClockId::Realtime, time) {
            rt::warn!("cannot set date: {}", strerror(error));
            success = false;
        }
    }
    let moment = Moment::from_seconds(shown.0, shown.1);
    rt::println!("{}", strftime(format.unwrap_or("%a %b %e %H:%M:%S %Z %Y"), &moment));
    ExitCode::from_success(success)
}
