//! `wc`: lines, words and bytes (POSIX, GNU).
#![no_std]
#![no_main]
#![allow(clippy::struct_excessive_bools, reason = "a field for each option of the command line")]

extern crate alloc;

use alloc::vec;
use alloc::vec::Vec;

use rt::bstr::BStr;
use rt::input::{Input, read, stdin};
use rt::options::{Item, Opt, Tool};
use rt::rustix::fd::AsFd;
use rt::rustix::fs::{FileType, fstat, stat};
use rt::rustix::io::Errno;
use rt::{Arguments, ExitCode, output};

rt::main!(main);

static TOOL: Tool = Tool::new(
    "wc",
    "[OPTION]... [FILE]...",
    "Print newline, word, and byte counts for each FILE, and a total line if\nmore than one FILE is specified.",
    &[
        Opt::flag('c', "bytes", "print the byte counts"),
        Opt::flag('m', "chars", "print the character counts (UTF-8)"),
        Opt::flag('l', "lines", "print the newline counts"),
        Opt::flag('L', "max-line-length", "print the maximum display width"),
        Opt::flag('w', "words", "print the word counts"),
    ],
);

#[derive(Clone, Copy, Default)]
struct Counts {
    lines: u64,
    words: u64,
    characters: u64,
    bytes: u64,
    longest: u64,
}

/// Which counts are printed, in the order in which they are.
#[derive(Clone, Copy, Default)]
struct Wanted {
    lines: bool,
    words: bool,
    characters: bool,
    bytes: bool,
    longest: bool,
}

impl Wanted {
    fn of(self, counts: &Counts) -> impl Iterator<Item = u64> {
        [
            (self.lines, counts.lines),
            (self.words, counts.words),
            (self.characters, counts.characters),
            (self.bytes, counts.bytes),
            (self.longest, counts.longest),
        ]
        .into_iter()
        .filter_map(|(wanted, count)| wanted.then_some(count))
    }
}

fn main(arguments: Arguments) -> ExitCode {
    let mut wanted = Wanted::default();
    let mut files: Vec<&'static BStr> = Vec::new();
    for item in TOOL.parse(arguments) {
        match item {
            Item::Option('c', _) => wanted.bytes = true,
            Item::Option('m', _) => wanted.characters = true,
            Item::Option('l', _) => wanted.lines = true,
            Item::Option('L', _) => wanted.longest = true,
            Item::Option('w', _) => wanted.words = true,
            Item::Option(..) | Item::Long(..) => {}
            Item::Operand(file) => files.push(file),
        }
    }
    if wanted.of(&Counts::default()).next().is_none() {
        wanted = Wanted { lines: true, words: true, bytes: true, ..wanted };
    }
    let width = width(&files, wanted);
    let mut total = Counts::default();
    let mut success = true;
    let inputs: &[&BStr] = if files.is_empty() { &[BStr::new("-")] } else { &files };
    for name in inputs {
        match Input::open(name).and_then(|input| count(&input)) {
            Ok(counts) => {
                show(&counts, wanted, width, (!files.is_empty()).then_some(*name));
                total.lines += counts.lines;
                total.words += counts.words;
                total.characters += counts.characters;
                total.bytes += counts.bytes;
                total.longest = total.longest.max(counts.longest);
            }
            Err(error) => {
                output::warn_path(name, error);
                success = false;
            }
        }
    }
    if files.len() > 1 {
        show(&total, wanted, width, Some(BStr::new("total")));
    }
    ExitCode::from_success(success)
}

/// How wide the numbers are: what the sizes of the files need, 7 when one has no size, and nothing
/// when there is only one number to print.
fn width(files: &[&BStr], wanted: Wanted) -> usize {
    if files.len() <= 1 && wanted.of(&Counts::default()).count() == 1 {
        return 1;
    }
    let mut sum = 0;
    let mut least = 1;
    let statuses = if files.is_empty() {
        Vec::from([fstat(stdin())])
    } else {
        files
            .iter()
            .map(|name| if *name == "-" { fstat(stdin()) } else { stat(name.as_ref() as &[u8]) })
            .collect()
    };
    for status in statuses.into_iter().flatten() {
        if FileType::from_raw_mode(status.st_mode) == FileType::RegularFile {
            sum += status.st_size as u64;
        } else {
            least = 7;
        }
    }
    alloc::format!("{sum}").len().max(least)
}

fn show(counts: &Counts, wanted: Wanted, width: usize, name: Option<&BStr>) {
    for (index, count) in wanted.of(counts).enumerate() {
        let gap = if index > 0 { " " } else { "" };
        rt::print!("{gap}{count:width$}");
    }
    match name {
        Some(name) => rt::println!(" {name}"),
        None => rt::println!(),
    }
}

fn count(input: &Input) -> Result<Counts, Errno> {
    let mut counts = Counts::default();
    let mut buffer = vec![0; 64 * 1024];
    let (mut in_word, mut column) = (false, 0);
    loop {
        let length = read(input.as_fd(), &mut buffer)?;
        if length == 0 {
            break;
        }
        counts.bytes += length as u64;
        for &byte in buffer.get(..length).unwrap_or_default() {
            let starts_character = byte & 0xc0 != 0x80;
            counts.characters += u64::from(starts_character);
            match byte {
                b'\n' => counts.lines += 1,
                b'\t' => column = (column / 8 + 1) * 8,
                b' '..=b'~' | 0xc0.. => column += 1,
                _ => {}
            }
            counts.longest = counts.longest.max(column);
            if matches!(byte, b'\n' | b'\r' | 0x0c) {
                column = 0;
            }
            let space = matches!(byte, b'\t'..=b'\r' | b' ');
            if !space && !in_word {
                counts.words += 1;
            }
            in_word = !space;
        }
    }
    Ok(counts)
}
