//! `sort`: lines in order (POSIX, GNU, C locale).
#![no_std]
#![no_main]

extern crate alloc;

use alloc::vec::Vec;
use core::cmp::Ordering;

use coreutils::filter::each_input_or;
use coreutils::sorting::{Key, Order};
use rt::bstr::{BStr, ByteSlice};
use rt::options::{Item, Opt, Tool};
use rt::output::write_all;
use rt::rustix::fd::AsFd;
use rt::rustix::fs::{Mode, OFlags, open};
use rt::{Arguments, ExitCode, output, strerror};

rt::main!(main);

static TOOL: Tool = Tool::new(
    "sort",
    "[OPTION]... [FILE]...",
    "Write sorted concatenation of all FILE(s) to standard output.",
    &[
        Opt::flag('b', "ignore-leading-blanks", "ignore leading blanks"),
        Opt::flag('c', "check", "check for sorted input; do not sort"),
        Opt::flag('f', "ignore-case", "fold lower case to upper case characters"),
        Opt::value('k', "key", "KEYDEF", "sort via a key; KEYDEF gives location and type"),
        Opt::flag('n', "numeric-sort", "compare according to string numerical value"),
        Opt::value('o', "output", "FILE", "write result to FILE instead of standard output"),
        Opt::flag('r', "reverse", "reverse the result of comparisons"),
        Opt::flag('s', "stable", "stabilize sort by disabling last-resort comparison"),
        Opt::value(
            't',
            "field-separator",
            "SEP",
            "use SEP instead of non-blank to blank transition",
        ),
        Opt::flag('u', "unique", "output only the first of an equal run"),
        Opt::flag('z', "zero-terminated", "line delimiter is NUL, not newline"),
    ],
)
.with_status(2);

fn main(arguments: Arguments) -> ExitCode {
    let mut global = Order::default();
    let (mut keys, mut separator, mut end) = (Vec::new(), None, b'\n');
    let (mut unique, mut stable, mut check, mut target) = (false, false, false, None);
    let mut files: Vec<&'static BStr> = Vec::new();
    for item in TOOL.parse(arguments) {
        match item {
            Item::Option('c', _) => check = true,
            Item::Option('k', Some(text)) => match Key::parse(text) {
                Some(key) => keys.push(key),
                None if text.starts_with(b"0") => {
                    rt::fail!(2, "field number is zero: invalid field specification '{text}'");
                }
                None => rt::fail!(2, "invalid field specification '{text}'"),
            },
            Item::Option('o', Some(file)) => target = Some(file),
            Item::Option('s', _) => stable = true,
            Item::Option('t', Some(text)) => match text.as_bytes() {
                [byte] => separator = Some(*byte),
                b"\\0" => separator = Some(0),
                [] => rt::fail!(2, "empty tab"),
                _ => rt::fail!(2, "multi-character tab '{text}'"),
            },
            Item::Option('u', _) => unique = true,
            Item::Option('z', _) => end = 0,
            Item::Option(letter, _) => {
                // The letters left are the orders a key can have, too.
                global.add(letter as u8);
            }
            Item::Long(..) => {}
            Item::Operand(file) => files.push(file),
        }
    }
    for key in &mut keys {
        key.inherit(global);
    }
    if keys.is_empty() {
        keys.push(Key::whole_line(global));
    }
    let compare = |a: &Vec<u8>, b: &Vec<u8>| {
        (keys.iter())
            .map(|key| key.compare(a, b, separator))
            .find(|order| *order != Ordering::Equal)
            .unwrap_or(Ordering::Equal)
    };
    // Lines that are equal by their keys are put in order as a whole.
    let last_resort = |a: &Vec<u8>, b: &Vec<u8>| {
        if stable || unique {
            return Ordering::Equal;
        }
        if global.reverse() { b.cmp(a) } else { a.cmp(b) }
    };
    let mut lines: Vec<Vec<u8>> = Vec::new();
    let complain = |name: &BStr, error| rt::warn!("cannot read: {name}: {}", strerror(error));
    let status = each_input_or(&files, complain, |_, input| {
        let content = rt::input::read_all(input.as_fd())?;
        let body = content.strip_suffix(&[end]).unwrap_or(&content);
        if !content.is_empty() {
            lines.extend(body.split(|&byte| byte == end).map(Vec::from));
        }
        Ok(())
    });
    if status != ExitCode::SUCCESS {
        return ExitCode(2);
    }
    if check {
        let name = files.first().copied().unwrap_or(BStr::new("-"));
        for (index, pair) in lines.windows(2).enumerate() {
            let [first, second] = pair else { continue };
            let order = compare(first, second).then_with(|| last_resort(first, second));
            if order == Ordering::Greater || unique && order == Ordering::Equal {
                rt::warn!("{name}:{}: disorder: {}", index + 2, second.as_bstr());
                return ExitCode::FAILURE;
            }
        }
        return ExitCode::SUCCESS;
    }
    lines.sort_by(|a, b| compare(a, b).then_with(|| last_resort(a, b)));
    if unique {
        lines.dedup_by(|later, earlier| compare(earlier, later) == Ordering::Equal);
    }
    match target {
        None => lines.iter().for_each(|line| {
            output::write(line);
            output::write(&[end]);
        }),
        Some(file) => {
            let mut content = Vec::new();
            for line in &lines {
                content.extend_from_slice(line);
                content.push(end);
            }
            let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::CLOEXEC;
            let written = open(file.as_bytes(), flags, Mode::from_raw_mode(0o666))
                .and_then(|file| write_all(file.as_fd(), &content));
            if let Err(error) = written {
                rt::fail!(2, "open failed: {file}: {}", strerror(error));
            }
        }
    }
    ExitCode::SUCCESS
}
