//! `find`: files in directories that meet conditions (POSIX, GNU). A part of its expressions.
#![no_std]
#![no_main]

extern crate alloc;

use alloc::vec::Vec;

use coreutils::tree;
use rt::bstr::{BStr, ByteSlice};
use rt::options::{Opt, Tool};
use rt::rustix::fs::{FileType, Stat};
use rt::{Arguments, ExitCode, output, path, strerror};

rt::main!(main);

static TOOL: Tool = Tool::new(
    "find",
    "[PATH]... [EXPRESSION]",
    "Search for files. The expression is a list of conditions, all of which must hold:
  -name PATTERN    the last component matches (*, ?, [...])
  -path PATTERN    the whole path matches
  -type C          f file, d directory, l link, c character device, p pipe
  -size [+-]N[ck]  size in 512-byte blocks, bytes (c) or KiB (k)
  -empty           an empty file or directory
  -maxdepth N      go at most N levels down
  -mindepth N      nothing above level N
  !                the next condition must not hold
  -print, -print0, -delete: what is done with what is found (default: -print)",
    &[] as &[Opt],
);

enum Condition {
    Name(&'static BStr),
    Path(&'static BStr),
    Type(FileType),
    Size(core::cmp::Ordering, u64, u64),
    Empty,
}

#[derive(Clone, Copy)]
enum Action {
    Print,
    PrintNull,
    Delete,
}

struct Search {
    /// With whether it must not hold.
    conditions: Vec<(bool, Condition)>,
    action: Action,
    least_depth: u64,
    most_depth: u64,
    failed: bool,
}

fn main(arguments: Arguments) -> ExitCode {
    let mut words = arguments;
    let mut paths: Vec<&'static BStr> = Vec::new();
    while let Some(word) = words.peek() {
        if word == "--help" {
            rt::print!("{}", TOOL.help());
            return ExitCode::SUCCESS;
        }
        if word.starts_with(b"-") || word == "!" {
            break;
        }
        paths.extend(words.next());
    }
    if paths.is_empty() {
        paths.push(BStr::new("."));
    }
    let mut search = Search {
        conditions: Vec::new(),
        action: Action::Print,
        least_depth: 0,
        most_depth: u64::MAX,
        failed: false,
    };
    parse(&mut search, words);
    for path in paths {
        search.visit(path, 0);
    }
    ExitCode::from_success(!search.failed)
}

fn parse(search: &mut Search, mut words: Arguments) {
    let mut negated = false;
    while let Some(word) = words.next() {
        let mut value =
            || words.next().unwrap_or_else(|| rt::fail!(1, "missing argument to `{word}'"));
        let depth = |text: &BStr| {
            rt::number::decimal(text).unwrap_or_else(|| {
                rt::fail!(
                    1,
                    "Expected a positive decimal integer argument to {word}, but got '{text}'"
                )
            })
        };
        let condition = match word.as_bytes() {
            b"!" | b"-not" => {
                negated = !negated;
                continue;
            }
            b"-a" | b"-and" => continue,
            b"-maxdepth" => {
                search.most_depth = depth(value());
                continue;
            }
            b"-mindepth" => {
                search.least_depth = depth(value());
                continue;
            }
            b"-print" => {
                search.action = Action::Print;
                continue;
            }
            b"-print0" => {
                search.action = Action::PrintNull;
                continue;
            }
            b"-delete" => {
                search.action = Action::Delete;
                continue;
            }
            b"-name" => Condition::Name(value()),
            b"-path" => Condition::Path(value()),
            b"-empty" => Condition::Empty,
            b"-type" => {
                let letter = value();
                Condition::Type(match letter.as_bytes() {
                    b"f" => FileType::RegularFile,
                    b"d" => FileType::Directory,
                    b"l" => FileType::Symlink,
                    b"c" => FileType::CharacterDevice,
                    b"b" => FileType::BlockDevice,
                    b"p" => FileType::Fifo,
                    b"s" => FileType::Socket,
                    _ => rt::fail!(1, "Unknown argument to -type: {letter}"),
                })
            }
            b"-size" => size(value()),
            _ if word.starts_with(b"-") => rt::fail!(1, "unknown predicate `{word}'"),
            _ => rt::fail!(1, "paths must precede expression: `{word}'"),
        };
        search.conditions.push((core::mem::take(&mut negated), condition));
    }
}

fn size(text: &'static BStr) -> Condition {
    use core::cmp::Ordering;
    let (order, digits) = match text.as_bytes() {
        [b'+', digits @ ..] => (Ordering::Greater, digits),
        [b'-', digits @ ..] => (Ordering::Less, digits),
        digits => (Ordering::Equal, digits),
    };
    let (unit, digits) = match digits {
        [digits @ .., b'c'] => (1, digits),
        [digits @ .., b'k'] => (1024, digits),
        [digits @ .., b'M'] => (1 << 20, digits),
        digits => (512, digits),
    };
    let number = rt::number::decimal(digits)
        .unwrap_or_else(|| rt::fail!(1, "Invalid argument '{text}' to -size"));
    Condition::Size(order, number, unit)
}

impl Search {
    fn complain(&mut self, path: &BStr, error: rt::rustix::io::Errno) {
        rt::warn!("'{path}': {}", strerror(error));
        self.failed = true;
    }

    fn visit(&mut self, path: &BStr, depth: u64) {
        let status = match tree::status(path, false) {
            Ok(status) => status,
            Err(error) => return self.complain(path, error),
        };
        // What is to be deleted must be empty first.
        let inside_first = matches!(self.action, Action::Delete);
        if !inside_first {
            self.consider(path, &status, depth);
        }
        if tree::is_directory(&status) && depth < self.most_depth {
            match tree::names(path) {
                Ok(names) => {
                    for name in names {
                        self.visit(path::join(path, name.as_bstr()).as_bstr(), depth + 1);
                    }
                }
                Err(error) => self.complain(path, error),
            }
        }
        if inside_first {
            self.consider(path, &status, depth);
        }
    }

    fn consider(&mut self, path: &BStr, status: &Stat, depth: u64) {
        let holds =
            |(negated, condition): &(bool, Condition)| holds(condition, path, status) != *negated;
        if depth < self.least_depth || !self.conditions.iter().all(holds) {
            return;
        }
        match self.action {
            Action::Print => rt::println!("{path}"),
            Action::PrintNull => {
                output::write(path);
                output::write(b"\0");
            }
            Action::Delete => {
                let removed = if tree::is_directory(status) {
                    rt::rustix::fs::rmdir(path.as_bytes())
                } else {
                    rt::rustix::fs::unlink(path.as_bytes())
                };
                if let Err(error) = removed {
                    rt::warn!("cannot delete '{path}': {}", strerror(error));
                    self.failed = true;
                }
            }
        }
    }
}

fn holds(condition: &Condition, path: &BStr, status: &Stat) -> bool {
    match condition {
        Condition::Name(pattern) => coreutils::wildcard::matches(pattern, path::base_name(path)),
        Condition::Path(pattern) => coreutils::wildcard::matches(pattern, path),
        Condition::Type(kind) => FileType::from_raw_mode(status.st_mode) == *kind,
        Condition::Size(order, number, unit) => {
            (status.st_size as u64).div_ceil(*unit).cmp(number) == *order
        }
        Condition::Empty if tree::is_directory(status) => {
            tree::names(path).is_ok_and(|names| names.is_empty())
        }
        Condition::Empty => {
            FileType::from_raw_mode(status.st_mode) == FileType::RegularFile && status.st_size == 0
        }
    }
}
