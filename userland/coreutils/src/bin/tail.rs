//! `tail`: the end of files (POSIX, GNU).
#![no_std]
#![no_main]

extern crate alloc;

use alloc::collections::VecDeque;
use alloc::vec;
use alloc::vec::Vec;

use coreutils::count::{Count, parse, spell_out};
use rt::bstr::BStr;
use rt::input::{Input, Lines, read, read_all};
use rt::options::{Item, Opt, Tool};
use rt::rustix::fd::AsFd;
use rt::rustix::fs::{SeekFrom, fstat, seek};
use rt::rustix::io::Errno;
use rt::rustix::thread::nanosleep;
use rt::rustix::time::Timespec;
use rt::{Arguments, ExitCode, output};

rt::main!(main);

static TOOL: Tool = Tool::new(
    "tail",
    "[OPTION]... [FILE]...",
    "Print the last 10 lines of each FILE to standard output.\nWith no FILE, or when FILE is -, read standard input.",
    &[
        Opt::value(
            'c',
            "bytes",
            "[+]NUM",
            "output the last NUM bytes; with +, starting with byte NUM",
        ),
        Opt::flag('f', "follow", "output appended data as the file grows"),
        Opt::value(
            'n',
            "lines",
            "[+]NUM",
            "output the last NUM lines; with +, starting with line NUM",
        ),
        Opt::flag('q', "quiet", "never output headers giving file names"),
        Opt::value(
            's',
            "sleep-interval",
            "N",
            "with -f, sleep for N seconds between looks (default 1.0)",
        ),
        Opt::flag('v', "verbose", "always output headers giving file names"),
    ],
);

fn main(arguments: Arguments) -> ExitCode {
    let (mut count, mut bytes, mut headers, mut follow) = (Count::Plain(10), false, None, false);
    let mut interval = core::time::Duration::from_secs(1);
    let mut files: Vec<&'static BStr> = Vec::new();
    for item in TOOL.parse_from(spell_out(arguments, true)) {
        match item {
            Item::Option(unit @ ('c' | 'n'), Some(value)) => {
                bytes = unit == 'c';
                let what = if bytes { "bytes" } else { "lines" };
                count = parse(value)
                    .unwrap_or_else(|| rt::fail!(1, "invalid number of {what}: '{value}'"));
            }
            Item::Option('f', _) => follow = true,
            Item::Option('q', _) => headers = Some(false),
            Item::Option('s', Some(value)) => {
                interval = rt::number::duration(value)
                    .unwrap_or_else(|| rt::fail!(1, "invalid number of seconds: '{value}'"));
            }
            Item::Option('v', _) => headers = Some(true),
            Item::Option(..) | Item::Long(..) => {}
            Item::Operand(file) => files.push(file),
        }
    }
    if files.is_empty() {
        files.push(BStr::new("-"));
    }
    let headers = headers.unwrap_or(files.len() > 1);
    let mut open = Vec::new();
    let mut success = true;
    for (index, name) in files.iter().copied().enumerate() {
        let input = match Input::open(name) {
            Ok(input) => input,
            Err(error) => {
                rt::warn!("cannot open '{name}' for reading: {}", rt::strerror(error));
                success = false;
                continue;
            }
        };
        if headers {
            header(name, index == 0);
        }
        if let Err(error) = end_of(&input, count, bytes) {
            rt::warn!("error reading '{name}': {}", rt::strerror(error));
            success = false;
            continue;
        }
        open.push((name, input));
    }
    if follow && !open.is_empty() {
        follow_all(&open, headers, interval);
    }
    ExitCode::from_success(success)
}

fn header(name: &BStr, first: bool) {
    let gap = if first { "" } else { "\n" };
    let name = if name == "-" { BStr::new("standard input") } else { name };
    rt::println!("{gap}==> {name} <==");
}

fn end_of(input: &Input, count: Count, bytes: bool) -> Result<(), Errno> {
    match (count, bytes) {
        (Count::Plus(from), _) => from_on(input, from.max(1), bytes),
        (Count::Plain(last) | Count::Minus(last), true) => {
            // A file can be entered near its end; a pipe must be read.
            let size = fstat(input.as_fd()).map_or(0, |status| status.st_size as u64);
            if size > last {
                match seek(input.as_fd(), SeekFrom::Start(size - last)) {
                    Ok(_) | Err(Errno::SPIPE) => {}
                    Err(error) => return Err(error),
                }
            }
            let content = read_all(input.as_fd())?;
            let skipped = content.len().saturating_sub(usize::try_from(last).unwrap_or(usize::MAX));
            output::write(content.get(skipped..).unwrap_or_default());
            Ok(())
        }
        (Count::Plain(last) | Count::Minus(last), false) => {
            let mut lines = Lines::new(input.as_fd());
            let mut held: VecDeque<Vec<u8>> = VecDeque::new();
            while let Some(line) = lines.next_line()? {
                held.push_back(line.into());
                if held.len() as u64 > last {
                    held.pop_front();
                }
            }
            for line in &held {
                output::write(line);
            }
            Ok(())
        }
    }
}

fn from_on(input: &Input, from: u64, bytes: bool) -> Result<(), Errno> {
    if bytes {
        let content = read_all(input.as_fd())?;
        let from = usize::try_from(from - 1).unwrap_or(usize::MAX);
        output::write(content.get(from..).unwrap_or_default());
        return Ok(());
    }
    let mut lines = Lines::new(input.as_fd());
    let mut number = 1;
    while let Some(line) = lines.next_line()? {
        if number >= from {
            output::write(line);
        }
        number += 1;
    }
    Ok(())
}

/// Prints what is added to the files; ends only by a signal.
fn follow_all(files: &[(&'static BStr, Input)], headers: bool, interval: core::time::Duration) {
    let pause =
        Timespec { tv_sec: interval.as_secs() as i64, tv_nsec: i64::from(interval.subsec_nanos()) };
    let mut last = files.len() - 1;
    let mut buffer = vec![0; 16 * 1024];
    loop {
        output::flush();
        // Being woken early by a signal does no harm.
        let _ = nanosleep(&pause);
        for (index, (name, input)) in files.iter().enumerate() {
            loop {
                let count = match read(input.as_fd(), &mut buffer) {
                    Ok(0) => break,
                    Ok(count) => count,
                    Err(error) => {
                        rt::warn!("error reading '{name}': {}", rt::strerror(error));
                        break;
                    }
                };
                if headers && last != index {
                    header(name, false);
                    last = index;
                }
                output::write(buffer.get(..count).unwrap_or_default());
            }
        }
    }
}
