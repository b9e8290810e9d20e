//! `grep`: lines that match (POSIX, GNU).
#![no_std]
#![no_main]
#![allow(clippy::struct_excessive_bools, reason = "a field for each option of the command line")]

extern crate alloc;

use alloc::vec::Vec;

use coreutils::regular_expression::{Conditions, Expression, Syntax};
use coreutils::tree;
use rt::bstr::{BStr, BString, ByteSlice};
use rt::input::{Input, Lines};
use rt::options::{Argument, Item, Opt, Tool};
use rt::rustix::fd::AsFd;
use rt::rustix::io::Errno;
use rt::{Arguments, ExitCode, output, path, strerror};

rt::main!(main);

static TOOL: Tool = Tool::new(
    "grep",
    "[OPTION]... PATTERNS [FILE]...",
    "Search for PATTERNS in each FILE.\nPATTERNS can contain multiple patterns separated by newlines.",
    &[
        Opt::value('A', "after-context", "NUM", "print NUM lines of trailing context"),
        Opt::value('B', "before-context", "NUM", "print NUM lines of leading context"),
        Opt::value('C', "context", "NUM", "print NUM lines of output context"),
        Opt::flag('c', "count", "print only a count of selected lines per FILE"),
        Opt::value('e', "regexp", "PATTERNS", "use PATTERNS for matching"),
        Opt::flag('E', "extended-regexp", "PATTERNS are extended regular expressions"),
        Opt::value('f', "file", "FILE", "take PATTERNS from FILE"),
        Opt::flag('F', "fixed-strings", "PATTERNS are strings"),
        Opt::flag('G', "basic-regexp", "PATTERNS are basic regular expressions (default)"),
        Opt::flag('h', "no-filename", "suppress the file name prefix on output"),
        Opt::flag('H', "with-filename", "print file name with output lines"),
        Opt::flag('i', "ignore-case", "ignore case distinctions"),
        Opt::flag('l', "files-with-matches", "print only names of FILEs with selected lines"),
        Opt::flag('L', "files-without-match", "print only names of FILEs with no selected lines"),
        Opt::value('m', "max-count", "NUM", "stop after NUM selected lines"),
        Opt::flag('n', "line-number", "print line number with output lines"),
        Opt::flag('o', "only-matching", "show only nonempty parts of lines that match"),
        Opt::flag('q', "quiet", "suppress all normal output"),
        Opt::flag('r', "recursive", "search directories"),
        Opt::flag('R', "", "search directories"),
        Opt::flag('s', "no-messages", "suppress error messages"),
        Opt::flag('v', "invert-match", "select non-matching lines"),
        Opt::flag('w', "word-regexp", "match only whole words"),
        Opt::flag('x', "line-regexp", "match only whole lines"),
        Opt::long("color", Argument::Optional("WHEN"), "accepted; there are no colors"),
    ],
)
.with_status(2);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Report {
    Lines,
    Parts,
    Count,
    NamesWith,
    NamesWithout,
    Nothing,
}

struct Search {
    expression: Expression,
    report: Report,
    invert: bool,
    names: bool,
    numbers: bool,
    most: u64,
    before: usize,
    after: u64,
    silent: bool,
    recursive: bool,
    matched: bool,
    failed: bool,
}

fn number(text: &BStr) -> u64 {
    rt::number::decimal(text)
        .unwrap_or_else(|| rt::fail!(2, "{text}: invalid context length argument"))
}

fn main(arguments: Arguments) -> ExitCode {
    let (mut syntax, mut conditions) = (Syntax::Basic, Conditions::default());
    let (mut report, mut invert, mut names, mut numbers) = (Report::Lines, false, None, false);
    let (mut most, mut before, mut after) = (u64::MAX, 0, 0);
    let (mut silent, mut recursive) = (false, false);
    let mut patterns: Option<Vec<BString>> = None;
    let mut operands: Vec<&'static BStr> = Vec::new();
    let add = |patterns: &mut Option<Vec<BString>>, text: &[u8]| {
        let text = text.strip_suffix(b"\n").unwrap_or(text);
        let list = patterns.get_or_insert_default();
        list.extend(text.split(|&byte| byte == b'\n').map(BString::from));
    };
    for item in TOOL.parse(arguments) {
        match item {
            Item::Option('A', Some(text)) => after = number(text),
            Item::Option('B', Some(text)) => before = number(text),
            Item::Option('C', Some(text)) => (before, after) = (number(text), number(text)),
            Item::Option('c', _) => report = Report::Count,
            Item::Option('e', Some(text)) => add(&mut patterns, text),
            Item::Option('E', _) => syntax = Syntax::Extended,
            Item::Option('f', Some(file)) => {
                let content =
                    Input::open(file).and_then(|input| rt::input::read_all(input.as_fd()));
                match content {
                    // An empty file holds no pattern, and nothing matches.
                    Ok(content) if content.is_empty() => {
                        patterns.get_or_insert_default();
                    }
                    Ok(content) => add(&mut patterns, &content),
                    Err(error) => rt::fail!(2, "{file}: {}", strerror(error)),
                }
            }
            Item::Option('F', _) => syntax = Syntax::Fixed,
            Item::Option('G', _) => syntax = Syntax::Basic,
            Item::Option('h', _) => names = Some(false),
            Item::Option('H', _) => names = Some(true),
            Item::Option('i', _) => conditions.ignore_case = true,
            Item::Option('l', _) => report = Report::NamesWith,
            Item::Option('L', _) => report = Report::NamesWithout,
            Item::Option('m', Some(text)) => {
                most =
                    rt::number::decimal(text).unwrap_or_else(|| rt::fail!(2, "invalid max count"));
            }
            Item::Option('n', _) => numbers = true,
            Item::Option('o', _) => report = Report::Parts,
            Item::Option('q', _) => report = Report::Nothing,
            Item::Option('r' | 'R', _) => recursive = true,
            Item::Option('s', _) => silent = true,
            Item::Option('v', _) => invert = true,
            Item::Option('w', _) => conditions.whole_word = true,
            Item::Option('x', _) => conditions.whole_line = true,
            Item::Option(..) | Item::Long(..) => {}
            Item::Operand(operand) => operands.push(operand),
        }
    }
    if patterns.is_none() {
        if operands.is_empty() {
            rt::eprintln!("Usage: grep [OPTION]... PATTERNS [FILE]...");
            rt::eprintln!("Try '{} --help' for more information.", rt::program_name());
            return ExitCode(2);
        }
        let text = operands.remove(0);
        add(&mut patterns, text);
    }
    let expression = match Expression::new(&patterns.unwrap_or_default(), syntax, conditions) {
        Ok(expression) => expression,
        Err(message) => rt::fail!(2, "{message}"),
    };
    if operands.is_empty() {
        operands.push(BStr::new(if recursive { "." } else { "-" }));
    }
    let names = names.unwrap_or(operands.len() > 1 || recursive);
    let before = usize::try_from(before).unwrap_or(usize::MAX);
    let mut search = Search {
        expression,
        report,
        invert,
        names,
        numbers,
        most,
        before,
        after,
        silent,
        recursive,
        matched: false,
        failed: false,
    };
    for operand in operands {
        search.file(operand);
        if search.matched && report == Report::Nothing {
            return ExitCode::SUCCESS;
        }
    }
    match (search.failed, search.matched) {
        (true, _) => ExitCode(2),
        (false, matched) => ExitCode::from_success(matched),
    }
}

impl Search {
    fn complain(&mut self, name: &BStr, error: Errno) {
        self.failed = true;
        if !self.silent {
            output::warn_path(name, error);
        }
    }

    fn file(&mut self, name: &BStr) {
        if name != "-" && tree::status(name, true).is_ok_and(|status| tree::is_directory(&status)) {
            if !self.recursive {
                self.complain_directory(name);
                return;
            }
            match tree::names(name) {
                Ok(names) => names.iter().for_each(|inside| {
                    self.file(path::join(name, inside.as_bstr()).as_bstr());
                }),
                Err(error) => self.complain(name, error),
            }
            return;
        }
        let result = Input::open(name).and_then(|input| self.lines(name, &input));
        if let Err(error) = result {
            self.complain(name, error);
        }
    }

    fn complain_directory(&mut self, name: &BStr) {
        self.failed = true;
        if !self.silent {
            rt::warn!("{name}: Is a directory");
        }
    }

    fn prefix(&self, shown: &BStr, number: u64, mark: char) {
        if self.names {
            rt::print!("{shown}{mark}");
        }
        if self.numbers {
            rt::print!("{number}{mark}");
        }
    }

    fn lines(&mut self, name: &BStr, input: &Input) -> Result<(), Errno> {
        let shown = if name == "-" { BStr::new("(standard input)") } else { name };
        let mut lines = Lines::new(input.as_fd());
        let (mut number, mut count, mut trailing, mut printed) = (0, 0u64, 0, 0);
        let mut binary = false;
        let mut leading: alloc::collections::VecDeque<Vec<u8>> =
            alloc::collections::VecDeque::new();
        while count < self.most || trailing > 0 {
            let Some(line) = lines.next_line()? else { break };
            number += 1;
            let text = line.strip_suffix(b"\n").unwrap_or(line);
            // Text has no such byte, and a terminal does not like what else has.
            binary |= text.contains(&0);
            if count < self.most && self.expression.matches(text) != self.invert {
                count += 1;
                self.matched = true;
                match self.report {
                    Report::Lines | Report::Parts if binary => {
                        output::flush();
                        rt::warn!("{shown}: binary file matches");
                        return Ok(());
                    }
                    Report::Nothing | Report::NamesWithout => return Ok(()),
                    Report::NamesWith => {
                        rt::println!("{shown}");
                        return Ok(());
                    }
                    Report::Count => {}
                    Report::Parts if self.invert => {}
                    Report::Parts => {
                        let mut from = 0;
                        while let Some((start, end)) = self.expression.find(text, from) {
                            if end > start {
                                self.prefix(shown, number, ':');
                                output::write(text.get(start..end).unwrap_or_default());
                                output::write(b"\n");
                            }
                            from = if end > start { end } else { end + 1 };
                            if from > text.len() {
                                break;
                            }
                        }
                    }
                    Report::Lines => {
                        let first = number - leading.len() as u64;
                        if (self.before > 0 || self.after > 0) && printed > 0 && first > printed + 1
                        {
                            rt::println!("--");
                        }
                        for (index, line) in leading.drain(..).enumerate() {
                            self.prefix(shown, first + index as u64, '-');
                            output::write(&line);
                            output::write(b"\n");
                        }
                        self.prefix(shown, number, ':');
                        output::write(text);
                        output::write(b"\n");
                        printed = number;
                        trailing = self.after;
                    }
                }
            } else if self.report == Report::Lines {
                if trailing > 0 {
                    trailing -= 1;
                    self.prefix(shown, number, '-');
                    output::write(text);
                    output::write(b"\n");
                    printed = number;
                } else if self.before > 0 {
                    if leading.len() == self.before {
                        leading.pop_front();
                    }
                    leading.push_back(text.into());
                }
            }
        }
        match self.report {
            Report::Count => {
                if self.names {
                    rt::print!("{shown}:");
                }
                rt::println!("{count}");
            }
            Report::NamesWithout if count == 0 => {
                rt::println!("{shown}");
            }
            _ => {}
        }
        Ok(())
    }
}
