//! `hexdump`: bytes as numbers (util-linux, BSD).
#![no_std]
#![no_main]

extern crate alloc;

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt::Write;

use rt::bstr::BStr;
use rt::input::{Input, read};
use rt::options::{Item, Opt, Tool};
use rt::rustix::fd::AsFd;
use rt::{Arguments, ExitCode, output};

rt::main!(main);

static TOOL: Tool = Tool::new(
    "hexdump",
    "[OPTION]... [FILE]...",
    "Display file contents in hexadecimal.",
    &[
        Opt::flag('C', "canonical", "canonical hex+ASCII display"),
        Opt::value('n', "length", "LENGTH", "interpret only LENGTH bytes of input"),
        Opt::value('s', "skip", "OFFSET", "skip OFFSET bytes from the beginning"),
        Opt::flag('v', "no-squeezing", "output identical lines"),
        Opt::flag('x', "two-bytes-hex", "two-byte hexadecimal display"),
    ],
);

/// Bytes on a line.
const LINE: usize = 16;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    /// Two-byte words of the machine's byte order.
    Words,
    /// The same, farther apart.
    WideWords,
    /// Bytes, and the characters they stand for.
    Canonical,
}

fn size(option: char, text: &BStr) -> u64 {
    let value = match text.strip_prefix(b"0x") {
        Some(digits) => {
            core::str::from_utf8(digits).ok().and_then(|text| u64::from_str_radix(text, 16).ok())
        }
        None => rt::number::size(text),
    };
    let what = if option == 'n' { "length" } else { "offset" };
    value.unwrap_or_else(|| rt::fail!(1, "failed to parse {what}: '{text}'"))
}

fn main(arguments: Arguments) -> ExitCode {
    let (mut style, mut left, mut skip, mut squeeze) = (Style::Words, u64::MAX, 0, true);
    let mut files: Vec<&'static BStr> = Vec::new();
    for item in TOOL.parse(arguments) {
        match item {
            Item::Option('C', _) => style = Style::Canonical,
            Item::Option('x', _) => style = Style::WideWords,
            Item::Option('n', Some(text)) => left = size('n', text),
            Item::Option('s', Some(text)) => skip = size('s', text),
            Item::Option('v', _) => squeeze = false,
            Item::Option(..) | Item::Long(..) => {}
            Item::Operand(file) => files.push(file),
        }
    }
    if files.is_empty() {
        files.push(BStr::new("-"));
    }
    let mut dump =
        Dump { style, squeeze, offset: 0, line: Vec::new(), previous: None, starred: false };
    let mut success = true;
    let mut buffer = vec![0; 4096];
    'files: for name in files {
        let input = match Input::open(name) {
            Ok(input) => input,
            Err(error) => {
                output::warn_path(name, error);
                success = false;
                continue;
            }
        };
        loop {
            if left == 0 {
                break 'files;
            }
            // Read no more than needed: the rest may be for the next program.
            let most = skip.saturating_add(left).min(buffer.len() as u64) as usize;
            let count = match read(input.as_fd(), buffer.get_mut(..most).unwrap_or_default()) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) => {
                    output::warn_path(name, error);
                    success = false;
                    break;
                }
            };
            let skipped = skip.min(count as u64);
            skip -= skipped;
            dump.offset += skipped;
            let bytes = buffer.get(skipped as usize..count).unwrap_or_default();
            let wanted = (bytes.len() as u64).min(left) as usize;
            left -= wanted as u64;
            dump.add(bytes.get(..wanted).unwrap_or_default());
        }
    }
    dump.finish();
    ExitCode::from_success(success)
}

struct Dump {
    style: Style,
    squeeze: bool,
    /// Of the first byte of `line`.
    offset: u64,
    line: Vec<u8>,
    previous: Option<Vec<u8>>,
    starred: bool,
}

impl Dump {
    fn add(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.line.push(byte);
            if self.line.len() == LINE {
                self.line_is_full();
            }
        }
    }

    fn line_is_full(&mut self) {
        let line = core::mem::take(&mut self.line);
        if self.squeeze && self.previous.as_ref() == Some(&line) {
            if !self.starred {
                rt::println!("*");
            }
            self.starred = true;
        } else {
            self.starred = false;
            self.show(&line);
        }
        self.offset += line.len() as u64;
        self.previous = Some(line);
    }

    fn finish(mut self) {
        let rest = core::mem::take(&mut self.line);
        if !rest.is_empty() {
            self.show(&rest);
            self.offset += rest.len() as u64;
        }
        if self.offset > 0 {
            match self.style {
                Style::Canonical => rt::println!("{:08x}", self.offset),
                Style::Words | Style::WideWords => rt::println!("{:07x}", self.offset),
            }
        }
    }

    fn show(&self, line: &[u8]) {
        let mut text = String::new();
        // Writing to a string does not fail.
        match self.style {
            Style::Canonical => {
                for index in 0..LINE {
                    if index == LINE / 2 {
                        text.push(' ');
                    }
                    let _ = match line.get(index) {
                        Some(byte) => write!(text, " {byte:02x}"),
                        None => write!(text, "   "),
                    };
                }
                text.push_str("  |");
                text.extend(line.iter().map(|&byte| match byte {
                    b' '..=b'~' => char::from(byte),
                    _ => '.',
                }));
                text.push('|');
            }
            Style::Words | Style::WideWords => {
                let gap = if self.style == Style::Words { " " } else { "    " };
                for pair in 0..LINE / 2 {
                    let high = line.get(2 * pair + 1).copied().unwrap_or(0);
                    let _ = match line.get(2 * pair) {
                        Some(low) => write!(text, "{gap}{high:02x}{low:02x}"),
                        None => write!(text, "{gap}    "),
                    };
                }
            }
        }
        match self.style {
            Style::Canonical => rt::println!("{:08x} {text}", self.offset),
            Style::Words | Style::WideWords => rt::println!("{:07x}{text}", self.offset),
        }
    }
}
