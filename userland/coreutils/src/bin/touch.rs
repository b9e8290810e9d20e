//! `touch`: sets the times of files, making them where needed (POSIX, GNU).
#![no_std]
#![no_main]

extern crate alloc;

use coreutils::calendar;
use coreutils::copy::times;
use rt::bstr::ByteSlice;
use rt::options::{Item, Opt, Tool};
use rt::rustix::fs::{
    AtFlags, CWD, Mode, OFlags, Timespec, Timestamps, UTIME_NOW, UTIME_OMIT, open, stat, utimensat,
};
use rt::rustix::io::Errno;
use rt::rustix::time::{ClockId, clock_gettime};
use rt::{Arguments, ExitCode, strerror};

rt::main!(main);

static TOOL: Tool = Tool::new(
    "touch",
    "[OPTION]... FILE...",
    "Update the access and modification times of each FILE to the current time.\nA FILE argument that does not exist is created empty, unless -c is supplied.",
    &[
        Opt::flag('a', "", "change only the access time"),
        Opt::flag('c', "no-create", "do not create any files"),
        Opt::value(
            'd',
            "date",
            "STRING",
            "parse STRING (@SECONDS, YYYY-MM-DD [HH:MM[:SS]]) and use it",
        ),
        Opt::flag('m', "", "change only the modification time"),
        Opt::value('r', "reference", "FILE", "use this file's times instead of current time"),
    ],
);

const NOW: Timespec = Timespec { tv_sec: 0, tv_nsec: UTIME_NOW };
const OMIT: Timespec = Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT };

fn main(arguments: Arguments) -> ExitCode {
    let (mut access, mut modification, mut create) = (false, false, true);
    let mut wanted = Timestamps { last_access: NOW, last_modification: NOW };
    let mut files = alloc::vec::Vec::new();
    for item in TOOL.parse(arguments) {
        match item {
            Item::Option('a', _) => access = true,
            Item::Option('c', _) => create = false,
            Item::Option('d', Some(text)) => {
                let now = clock_gettime(ClockId::Realtime).tv_sec;
                let seconds = text.to_str().ok().and_then(|text| calendar::parse(text, now));
                let tv_sec =
                    seconds.unwrap_or_else(|| rt::fail!(1, "invalid date format '{text}'"));
                let time = Timespec { tv_sec, tv_nsec: 0 };
                wanted = Timestamps { last_access: time, last_modification: time };
            }
            Item::Option('m', _) => modification = true,
            Item::Option('r', Some(file)) => match stat(file.as_bytes()) {
                Ok(status) => wanted = times(&status),
                Err(error) => {
                    rt::fail!(1, "failed to get attributes of '{file}': {}", strerror(error));
                }
            },
            Item::Option(..) | Item::Long(..) => {}
            Item::Operand(file) => files.push(file),
        }
    }
    if files.is_empty() {
        TOOL.usage_error("missing file operand");
    }
    if access && !modification {
        wanted.last_modification = OMIT;
    }
    if modification && !access {
        wanted.last_access = OMIT;
    }
    let mut success = true;
    for file in files {
        let mut result = utimensat(CWD, file.as_bytes(), &wanted, AtFlags::empty());
        if result == Err(Errno::NOENT) {
            if !create {
                continue;
            }
            let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::CLOEXEC;
            result = open(file.as_bytes(), flags, Mode::from_raw_mode(0o666))
                .and_then(|file| rt::rustix::fs::futimens(&file, &wanted));
        }
        if let Err(error) = result {
            rt::warn!("cannot touch '{file}': {}", strerror(error));
            success = false;
        }
    }
    ExitCode::from_success(success)
}
