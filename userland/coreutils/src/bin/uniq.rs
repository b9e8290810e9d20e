//! `uniq`: equal lines in a row only once (POSIX, GNU).
#![no_std]
#![no_main]
#![allow(clippy::struct_excessive_bools, reason = "a field for each option of the command line")]

extern crate alloc;

use alloc::vec::Vec;

use rt::bstr::{BStr, ByteSlice};
use rt::input::{Input, Lines};
use rt::options::{Item, Opt, Tool};
use rt::rustix::fd::AsFd;
use rt::rustix::fs::{Mode, OFlags, open};
use rt::{Arguments, ExitCode, descriptor, output, strerror};

rt::main!(main);

static TOOL: Tool = Tool::new(
    "uniq",
    "[OPTION]... [INPUT [OUTPUT]]",
    "Filter adjacent matching lines from INPUT (or standard input),\nwriting to OUTPUT (or standard output).",
    &[
        Opt::flag('c', "count", "prefix lines by the number of occurrences"),
        Opt::flag('d', "repeated", "only print duplicate lines, one for each group"),
        Opt::value('f', "skip-fields", "N", "avoid comparing the first N fields"),
        Opt::flag('i', "ignore-case", "ignore differences in case when comparing"),
        Opt::value('s', "skip-chars", "N", "avoid comparing the first N characters"),
        Opt::flag('u', "unique", "only print unique lines"),
        Opt::value('w', "check-chars", "N", "compare no more than N characters in lines"),
    ],
);

struct Style {
    count: bool,
    repeated: bool,
    unique: bool,
    ignore_case: bool,
    skip_fields: u64,
    skip_characters: u64,
    most: u64,
}

impl Style {
    /// The part of a line that is compared.
    fn key<'l>(&self, line: &'l [u8]) -> &'l [u8] {
        let mut rest = line.strip_suffix(b"\n").unwrap_or(line);
        for _ in 0..self.skip_fields {
            let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
            let blanks = rest.iter().take_while(|byte| blank(byte)).count();
            let field = rest.iter().skip(blanks).take_while(|byte| !blank(byte)).count();
            rest = rest.get(blanks + field..).unwrap_or_default();
            if rest.is_empty() {
                break;
            }
        }
        let skipped = usize::try_from(self.skip_characters).unwrap_or(usize::MAX);
        let rest = rest.get(skipped..).unwrap_or_default();
        rest.get(..usize::try_from(self.most).unwrap_or(usize::MAX)).unwrap_or(rest)
    }

    fn same(&self, first: &[u8], second: &[u8]) -> bool {
        let (first, second) = (self.key(first), self.key(second));
        if self.ignore_case { first.eq_ignore_ascii_case(second) } else { first == second }
    }

    fn show(&self, line: &[u8], count: u64) {
        if self.repeated && count < 2 || self.unique && count > 1 {
            return;
        }
        if self.count {
            rt::print!("{count:7} ");
        }
        output::write(line.strip_suffix(b"\n").unwrap_or(line));
        output::write(b"\n");
    }
}

fn main(arguments: Arguments) -> ExitCode {
    let mut style = Style {
        count: false,
        repeated: false,
        unique: false,
        ignore_case: false,
        skip_fields: 0,
        skip_characters: 0,
        most: u64::MAX,
    };
    let mut operands: Vec<&'static BStr> = Vec::new();
    for item in TOOL.parse(arguments) {
        let number = |text: &BStr, what: &str| {
            rt::number::decimal(text)
                .unwrap_or_else(|| rt::fail!(1, "{text}: invalid number of {what}"))
        };
        match item {
            Item::Option('c', _) => style.count = true,
            Item::Option('d', _) => style.repeated = true,
            Item::Option('f', Some(text)) => style.skip_fields = number(text, "fields to skip"),
            Item::Option('i', _) => style.ignore_case = true,
            Item::Option('s', Some(text)) => style.skip_characters = number(text, "bytes to skip"),
            Item::Option('u', _) => style.unique = true,
            Item::Option('w', Some(text)) => style.most = number(text, "bytes to compare"),
            Item::Option(..) | Item::Long(..) => {}
            Item::Operand(operand) => operands.push(operand),
        }
    }
    let name = operands.first().copied().unwrap_or(BStr::new("-"));
    if let Some(extra) = operands.get(2) {
        TOOL.extra_operand(extra);
    }
    let input = match Input::open(name) {
        Ok(input) => input,
        Err(error) => rt::fail!(1, "{name}: {}", strerror(error)),
    };
    if let Some(target) = operands.get(1).filter(|target| **target != "-") {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::CLOEXEC;
        let placed = open(target.as_bytes(), flags, Mode::from_raw_mode(0o666))
            .and_then(|file| descriptor::place(file, 1));
        if let Err(error) = placed {
            rt::fail!(1, "{target}: {}", strerror(error));
        }
    }
    let mut lines = Lines::new(input.as_fd());
    let mut group: Option<(Vec<u8>, u64)> = None;
    loop {
        let line = match lines.next_line() {
            Ok(Some(line)) => line,
            Ok(None) => break,
            Err(error) => rt::fail!(1, "error reading '{name}': {}", strerror(error)),
        };
        match &mut group {
            Some((first, count)) if style.same(first, line) => *count += 1,
            group => {
                if let Some((first, count)) = group.replace((line.into(), 1)) {
                    style.show(&first, count);
                }
            }
        }
    }
    if let Some((first, count)) = group {
        style.show(&first, count);
    }
    ExitCode::SUCCESS
}
