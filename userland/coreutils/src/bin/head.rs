//! `head`: the beginning of files (POSIX, GNU).
#![no_std]
#![no_main]

extern crate alloc;

use alloc::collections::VecDeque;
use alloc::vec;
use alloc::vec::Vec;

use coreutils::count::{Count, parse, spell_out};
use coreutils::filter::each_input_or;
use rt::bstr::BStr;
use rt::input::{Input, Lines, read, read_all};
use rt::options::{Item, Opt, Tool};
use rt::rustix::fd::AsFd;
use rt::rustix::io::Errno;
use rt::{Arguments, ExitCode, output, strerror};

rt::main!(main);

static TOOL: Tool = Tool::new(
    "head",
    "[OPTION]... [FILE]...",
    "Print the first 10 lines of each FILE to standard output.\nWith no FILE, or when FILE is -, read standard input.",
    &[
        Opt::value(
            'c',
            "bytes",
            "[-]NUM",
            "print the first NUM bytes; with -, all but the last NUM",
        ),
        Opt::value(
            'n',
            "lines",
            "[-]NUM",
            "print the first NUM lines; with -, all but the last NUM",
        ),
        Opt::flag('q', "quiet", "never print headers giving file names"),
        Opt::flag('v', "verbose", "always print headers giving file names"),
    ],
);

fn main(arguments: Arguments) -> ExitCode {
    let (mut count, mut bytes, mut headers) = (Count::Plain(10), false, None);
    let mut files: Vec<&'static BStr> = Vec::new();
    for item in TOOL.parse_from(spell_out(arguments, false)) {
        match item {
            Item::Option(unit @ ('c' | 'n'), Some(value)) => {
                bytes = unit == 'c';
                let what = if bytes { "bytes" } else { "lines" };
                count = parse(value)
                    .unwrap_or_else(|| rt::fail!(1, "invalid number of {what}: '{value}'"));
            }
            Item::Option('q', _) => headers = Some(false),
            Item::Option('v', _) => headers = Some(true),
            Item::Option(..) | Item::Long(..) => {}
            Item::Operand(file) => files.push(file),
        }
    }
    let headers = headers.unwrap_or(files.len() > 1);
    let mut first = true;
    let complain = |name: &BStr, error| {
        rt::warn!("cannot open '{name}' for reading: {}", strerror(error));
    };
    each_input_or(&files, complain, |name, input| {
        if headers {
            let gap = if first { "" } else { "\n" };
            let name = if name == "-" { BStr::new("standard input") } else { name };
            rt::println!("{gap}==> {name} <==");
        }
        first = false;
        match (count, bytes) {
            (Count::Plain(most) | Count::Plus(most), true) => first_bytes(input, most),
            (Count::Plain(most) | Count::Plus(most), false) => first_lines(input, most),
            (Count::Minus(without), true) => {
                let content = read_all(input.as_fd())?;
                let kept =
                    content.len().saturating_sub(usize::try_from(without).unwrap_or(usize::MAX));
                output::write(content.get(..kept).unwrap_or_default());
                Ok(())
            }
            (Count::Minus(without), false) => all_but_last_lines(input, without),
        }
    })
}

fn first_bytes(input: &Input, mut left: u64) -> Result<(), Errno> {
    let mut buffer = vec![0; 16 * 1024];
    while left > 0 {
        let room = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let count = read(input.as_fd(), buffer.get_mut(..room).unwrap_or_default())?;
        if count == 0 {
            break;
        }
        output::write(buffer.get(..count).unwrap_or_default());
        left -= count as u64;
    }
    Ok(())
}

fn first_lines(input: &Input, most: u64) -> Result<(), Errno> {
    let mut lines = Lines::new(input.as_fd());
    for _ in 0..most {
        match lines.next_line()? {
            Some(line) => output::write(line),
            None => break,
        }
    }
    Ok(())
}

fn all_but_last_lines(input: &Input, without: u64) -> Result<(), Errno> {
    let mut lines = Lines::new(input.as_fd());
    let mut held: VecDeque<Vec<u8>> = VecDeque::new();
    while let Some(line) = lines.next_line()? {
        held.push_back(line.into());
        if held.len() as u64 > without
            && let Some(line) = held.pop_front()
        {
            output::write(&line);
        }
    }
    Ok(())
}
