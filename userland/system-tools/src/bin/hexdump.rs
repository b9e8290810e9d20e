//! `hexdump`: shows files in hexadecimal.
#![no_std]
#![no_main]

extern crate alloc;

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;
use rt::input::{Input, read};
use rt::options::{Item, Opt, Tool};
use rt::{Arguments, ExitCode};
use rustix::fd::AsFd;

rt::main!(main);

static TOOL: Tool = Tool::new(
    "hexdump",
    "[OPTION]... [FILE]...",
    "Display file contents in hexadecimal. Without FILE, or when it is -, read standard input.",
    &[
        Opt::flag('C', "canonical", "canonical hex+ASCII display"),
        Opt::value('n', "length", "LENGTH", "interpret only LENGTH bytes of input"),
        Opt::value('s', "skip", "OFFSET", "skip OFFSET bytes from the beginning"),
        Opt::flag('v', "no-squeezing", "output identical lines"),
    ],
);

/// Bytes in a line.
const WIDTH: usize = 16;

struct Dump {
    canonical: bool,
    squeeze: bool,
    skip: u64,
    left: u64,
    offset: u64,
    line: Vec<u8>,
    previous: Option<Vec<u8>>,
    starred: bool,
}

fn main(arguments: Arguments) -> ExitCode {
    let mut dump = Dump {
        canonical: false,
        squeeze: true,
        skip: 0,
        left: u64::MAX,
        offset: 0,
        line: Vec::with_capacity(WIDTH),
        previous: None,
        starred: false,
    };
    let mut files = Vec::new();
    for item in TOOL.parse(arguments) {
        match item {
            Item::Option('C', _) => dump.canonical = true,
            Item::Option('v', _) => dump.squeeze = false,
            Item::Option(letter, Some(text)) => {
                let Some(number) = rt::number::size(text) else {
                    let what = if letter == 'n' { "length" } else { "offset" };
                    rt::fail!(1, "failed to parse {what}: '{text}'");
                };
                *(if letter == 'n' { &mut dump.left } else { &mut dump.skip }) = number;
            }
            Item::Operand(file) => files.push(file),
            _ => {}
        }
    }
    if files.is_empty() {
        files.push("-".into());
    }
    dump.offset = dump.skip;
    let mut status = ExitCode::SUCCESS;
    for file in files {
        if let Err(error) = dump.file(file) {
            rt::output::warn_path(file, error);
            status = ExitCode(1);
        }
    }
    dump.finish();
    status
}

impl Dump {
    fn file(&mut self, path: &rt::bstr::BStr) -> Result<(), rustix::io::Errno> {
        let input = Input::open(path)?;
        let mut buffer = [0; 4096];
        while self.left > 0 {
            let room = usize::try_from(self.skip.saturating_add(self.left)).unwrap_or(usize::MAX);
            let room = room.min(buffer.len());
            let count = read(input.as_fd(), &mut buffer[..room])?;
            if count == 0 {
                break;
            }
            let skipped = usize::try_from(self.skip).unwrap_or(usize::MAX).min(count);
            self.skip -= skipped as u64;
            for byte in &buffer[skipped..count] {
                self.byte(*byte);
            }
            self.left -= (count - skipped) as u64;
        }
        Ok(())
    }

    fn byte(&mut self, byte: u8) {
        self.line.push(byte);
        if self.line.len() == WIDTH {
            self.flush();
        }
    }

    fn flush(&mut self) {
        let line = core::mem::take(&mut self.line);
        if self.squeeze && self.previous.as_ref() == Some(&line) {
            if !core::mem::replace(&mut self.starred, true) {
                rt::println!("*");
            }
        } else {
            let text = if self.canonical { canonical(&line) } else { words(&line) };
            rt::println!("{}{text}", self.show_offset());
            self.starred = false;
        }
        self.offset += line.len() as u64;
        self.previous = Some(line);
    }

    fn show_offset(&self) -> String {
        if self.canonical { format!("{:08x}", self.offset) } else { format!("{:07x}", self.offset) }
    }

    /// The last, short line and the length.
    fn finish(&mut self) {
        if !self.line.is_empty() {
            self.previous = None;
            self.flush();
        }
        if self.previous.is_some() {
            rt::println!("{}", self.show_offset());
        }
    }
}

/// Bytes and what they look like.
fn canonical(line: &[u8]) -> String {
    let mut text = String::new();
    for index in 0..WIDTH {
        if index % 8 == 0 {
            text.push(' ');
        }
        // Writing to a String can't fail.
        let _ = match line.get(index) {
            Some(byte) => write!(text, " {byte:02x}"),
            None => write!(text, "   "),
        };
    }
    text.push_str("  |");
    text.extend(line.iter().map(|byte| match byte {
        b' '..=b'~' => char::from(*byte),
        _ => '.',
    }));
    text.push('|');
    text
}

/// Pairs of bytes as little-endian numbers, which is what hexdump shows by itself.
fn words(line: &[u8]) -> String {
    let mut text = String::new();
    for pair in line.chunks(2) {
        let word = u16::from_le_bytes([pair[0], pair.get(1).copied().unwrap_or(0)]);
        let _ = write!(text, " {word:04x}");
    }
    while text.len() < WIDTH / 2 * 5 {
        text.push(' ');
    }
    text
}
