//! `xargs`: runs a program with arguments from standard input (POSIX, GNU).
#![no_std]
#![no_main]

extern crate alloc;

use alloc::vec::Vec;

use rt::bstr::{BStr, BString, ByteSlice};
use rt::input::{read_all, stdin};
use rt::options::{Item, Opt, Tool};
use rt::process::{Fork, execute_command, fork, wait};
use rt::rustix::io::Errno;
use rt::{Arguments, ExitCode, descriptor, strerror};

rt::main!(main);

static TOOL: Tool = Tool::new(
    "xargs",
    "[OPTION]... COMMAND [INITIAL-ARGS]...",
    "Run COMMAND with arguments INITIAL-ARGS and more arguments read from input.",
    &[
        Opt::flag('0', "null", "items are separated by a null, not whitespace"),
        Opt::value('I', "", "R", "replace R in INITIAL-ARGS with a line read from input"),
        Opt::value('n', "max-args", "MAX", "use at most MAX arguments per command line"),
        Opt::flag('r', "no-run-if-empty", "if there are no arguments, do not run COMMAND"),
        Opt::flag('t', "verbose", "print commands before executing them"),
    ],
)
.operands_last();

/// A command line is not made longer than this (the kernel's limit is larger).
const MAX_BYTES: usize = 100_000;

fn main(arguments: Arguments) -> ExitCode {
    let (mut null, mut replace, mut most) = (false, None, usize::MAX);
    let (mut skip_empty, mut verbose) = (false, false);
    let mut command: Vec<BString> = Vec::new();
    for item in TOOL.parse(arguments) {
        match item {
            Item::Option('0', _) => null = true,
            Item::Option('I', text) => replace = text,
            Item::Option('n', Some(text)) => {
                match rt::number::decimal(text).and_then(|most| usize::try_from(most).ok()) {
                    Some(value @ 1..) => most = value,
                    Some(0) => TOOL.usage_error("value 0 for -n option should be >= 1"),
                    _ => TOOL.usage_error(format_args!("invalid number \"{text}\" for -n option")),
                }
            }
            Item::Option('r', _) => skip_empty = true,
            Item::Option('t', _) => verbose = true,
            Item::Option(..) | Item::Long(..) => {}
            Item::Operand(word) => command.push(word.into()),
        }
    }
    if command.is_empty() {
        command.push("echo".into());
    }
    let input = match read_all(stdin()) {
        Ok(input) => input,
        Err(error) => rt::fail!(1, "cannot read standard input: {}", strerror(error)),
    };
    let items = if null {
        let body = input.strip_suffix(b"\0").unwrap_or(&input);
        if input.is_empty() {
            Vec::new()
        } else {
            body.split(|&byte| byte == 0).map(BString::from).collect()
        }
    } else if replace.is_some() {
        let lines = input.lines().map(<[u8]>::trim_ascii_start);
        lines.filter(|line| !line.is_empty()).map(BString::from).collect()
    } else {
        split(&input).unwrap_or_else(|| {
            rt::fail!(1, "unmatched quote; use the -0 option to take quotes as they are")
        })
    };
    let mut runner = Runner { verbose, status: 0 };
    if let Some(mark) = replace {
        for item in items {
            let words: Vec<BString> =
                command.iter().map(|word| word.replace(mark, &item).into()).collect();
            runner.run(&words);
        }
        return ExitCode(runner.status);
    }
    let mut rest = items.as_slice();
    if rest.is_empty() && !skip_empty {
        runner.run(&command);
    }
    while !rest.is_empty() {
        let mut bytes = 0;
        let fitting = rest
            .iter()
            .take(most)
            .take_while(|item| {
                bytes += item.len() + 1;
                bytes <= MAX_BYTES
            })
            .count();
        // An item too long by itself is tried: the kernel says what is wrong.
        let (now, later) = rest.split_at(fitting.max(1));
        rest = later;
        let words: Vec<BString> = command.iter().chain(now).cloned().collect();
        runner.run(&words);
    }
    ExitCode(runner.status)
}

/// Items separated by blanks and newlines; quotes and backslashes keep them together. `None` when a
/// quote is not closed.
fn split(input: &[u8]) -> Option<Vec<BString>> {
    let mut items = Vec::new();
    let mut current: Option<BString> = None;
    let mut bytes = input.iter().copied();
    while let Some(byte) = bytes.next() {
        match byte {
            b' ' | b'\t' | b'\n' => items.extend(current.take()),
            quote @ (b'\'' | b'"') => {
                let item = current.get_or_insert_default();
                loop {
                    match bytes.next()? {
                        b'\n' => return None,
                        byte if byte == quote => break,
                        byte => item.push(byte),
                    }
                }
            }
            b'\\' => current.get_or_insert_default().extend(bytes.next()),
            byte => current.get_or_insert_default().push(byte),
        }
    }
    items.extend(current);
    Some(items)
}

struct Runner {
    verbose: bool,
    status: u8,
}

impl Runner {
    fn run(&mut self, words: &[BString]) {
        if self.verbose {
            let line = words.join(b" ".as_slice());
            rt::eprintln!("{}", line.as_bstr());
        }
        let name = words.first().map_or(BStr::new(""), |word| word.as_bstr());
        let child = match fork() {
            Ok(Fork::Parent(child)) => child,
            Ok(Fork::Child) => {
                // What is left of the input is not for the program.
                if let Ok(null) = rt::input::open("/dev/null") {
                    let _ = descriptor::place(null, 0);
                }
                let error = execute_command(words);
                rt::warn!("{name}: {}", strerror(error));
                rt::exit::exit_now(ExitCode(if error == Errno::NOENT { 127 } else { 126 }))
            }
            Err(error) => rt::fail!(1, "cannot fork: {}", strerror(error)),
        };
        let status = match wait(child) {
            Ok(status) => status,
            Err(error) => rt::fail!(1, "error waiting for child process: {}", strerror(error)),
        };
        match (status.exit_status(), status.terminating_signal()) {
            (Some(0), _) => {}
            (Some(code @ (126 | 127)), _) => rt::exit::exit(ExitCode(code as u8)),
            (Some(255), _) => rt::fail!(124, "{name}: exited with status 255; aborting"),
            (_, Some(signal)) => rt::fail!(125, "{name}: terminated by signal {signal}"),
            _ => self.status = 123,
        }
    }
}
