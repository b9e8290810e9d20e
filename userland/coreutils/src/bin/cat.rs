//! `cat`: files one after the other (POSIX, GNU).
#![no_std]
#![no_main]
#![allow(clippy::struct_excessive_bools, reason = "a field for each option of the command line")]

extern crate alloc;

use alloc::vec::Vec;

use coreutils::copy::{self, CopyError};
use coreutils::filter::each_input;
use rt::input::{Input, Lines};
use rt::options::{Item, Opt, Tool};
use rt::rustix::fd::AsFd;
use rt::rustix::io::Errno;
use rt::{Arguments, ExitCode, output};

rt::main!(main);

static TOOL: Tool = Tool::new(
    "cat",
    "[OPTION]... [FILE]...",
    "Concatenate FILE(s) to standard output.\nWith no FILE, or when FILE is -, read standard input.",
    &[
        Opt::flag('A', "show-all", "equivalent to -vET"),
        Opt::flag('b', "number-nonblank", "number nonempty output lines, overrides -n"),
        Opt::flag('e', "", "equivalent to -vE"),
        Opt::flag('E', "show-ends", "display $ at end of each line"),
        Opt::flag('n', "number", "number all output lines"),
        Opt::flag('s', "squeeze-blank", "suppress repeated empty output lines"),
        Opt::flag('t', "", "equivalent to -vT"),
        Opt::flag('T', "show-tabs", "display TAB characters as ^I"),
        Opt::flag('u', "", "(ignored)"),
        Opt::flag('v', "show-nonprinting", "use ^ and M- notation, except for LFD and TAB"),
    ],
);

/// What is done to the lines.
#[derive(Default)]
struct Style {
    number: bool,
    number_nonblank: bool,
    squeeze: bool,
    ends: bool,
    tabs: bool,
    nonprinting: bool,
}

impl Style {
    fn is_plain(&self) -> bool {
        !(self.number
            || self.number_nonblank
            || self.squeeze
            || self.ends
            || self.tabs
            || self.nonprinting)
    }
}

fn main(arguments: Arguments) -> ExitCode {
    let mut style = Style::default();
    let mut files = Vec::new();
    for item in TOOL.parse(arguments) {
        match item {
            Item::Option('A', _) => {
                (style.nonprinting, style.ends, style.tabs) = (true, true, true);
            }
            Item::Option('b', _) => style.number_nonblank = true,
            Item::Option('e', _) => (style.nonprinting, style.ends) = (true, true),
            Item::Option('E', _) => style.ends = true,
            Item::Option('n', _) => style.number = true,
            Item::Option('s', _) => style.squeeze = true,
            Item::Option('t', _) => (style.nonprinting, style.tabs) = (true, true),
            Item::Option('T', _) => style.tabs = true,
            Item::Option('v', _) => style.nonprinting = true,
            Item::Option(..) | Item::Long(..) => {}
            Item::Operand(file) => files.push(file),
        }
    }
    let mut state = State { line: 0, blank: false, mid_line: false };
    each_input(
        &files,
        |_, input| {
            if style.is_plain() { plain(input) } else { state.styled(input, &style) }
        },
    )
}

fn plain(input: &Input) -> Result<(), Errno> {
    match copy::all(input.as_fd(), output::stdout()) {
        Ok(()) => Ok(()),
        Err(CopyError::Read(error)) => Err(error),
        Err(CopyError::Write(error)) => rt::fail!(1, "write error: {}", rt::strerror(error)),
    }
}

/// What goes on from file to file.
struct State {
    line: u64,
    blank: bool,
    mid_line: bool,
}

impl State {
    fn styled(&mut self, input: &Input, style: &Style) -> Result<(), Errno> {
        let mut lines = Lines::new(input.as_fd());
        while let Some(line) = lines.next_line()? {
            let blank = line == b"\n" && !self.mid_line;
            if blank && self.blank && style.squeeze {
                continue;
            }
            self.blank = blank;
            if !self.mid_line
                && (style.number && !style.number_nonblank || style.number_nonblank && !blank)
            {
                self.line += 1;
                rt::print!("{:6}\t", self.line);
            }
            let (text, end) = match line.strip_suffix(b"\n") {
                Some(text) => (text, true),
                None => (line, false),
            };
            self.mid_line = !end;
            let mut shown = Vec::with_capacity(text.len());
            for &byte in text {
                show(byte, style, &mut shown);
            }
            if end && style.ends {
                shown.push(b'$');
            }
            if end {
                shown.push(b'\n');
            }
            output::write(&shown);
        }
        Ok(())
    }
}

fn show(byte: u8, style: &Style, shown: &mut Vec<u8>) {
    match byte {
        b'\t' if style.tabs => shown.extend_from_slice(b"^I"),
        b'\t' => shown.push(byte),
        _ if !style.nonprinting => shown.push(byte),
        0x80.. => {
            shown.extend_from_slice(b"M-");
            show_low(byte - 0x80, shown);
        }
        _ => show_low(byte, shown),
    }
}

fn show_low(byte: u8, shown: &mut Vec<u8>) {
    match byte {
        0..0x20 => shown.extend_from_slice(&[b'^', byte + 0x40]),
        0x7f => shown.extend_from_slice(b"^?"),
        _ => shown.push(byte),
    }
}
