//! Command line options as GNU programs take them: short and long, bundled, abbreviated, in any
//! order with the operands, `--` ends them; `--help` printed from one table.
//!
//! POSIX.1-2024 "Utility Syntax Guidelines" and the long options of glibc's `getopt_long(3)`, with
//! the same messages.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;

use bstr::{BStr, ByteSlice};

use crate::exit::{ExitCode, exit};
use crate::{Arguments, program_name};

/// Whether an option takes an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Argument {
    /// It takes none.
    None,
    /// It needs one; the name stands in the help text.
    Required(&'static str),
    /// It takes one only when attached: `-xVALUE` or `--long=VALUE`.
    Optional(&'static str),
}

/// One option of a program.
#[derive(Clone, Copy, Debug)]
pub struct Opt {
    /// The letter after `-`.
    pub short: Option<char>,
    /// The word after `--`; empty for none.
    pub long: &'static str,
    /// Whether it takes an argument.
    pub argument: Argument,
    /// One line for `--help`.
    pub help: &'static str,
}

impl Opt {
    /// An option without argument.
    #[must_use]
    pub const fn flag(short: char, long: &'static str, help: &'static str) -> Self {
        Self { short: Some(short), long, argument: Argument::None, help }
    }

    /// An option with an argument, which `name` stands for in the help text.
    #[must_use]
    pub const fn value(
        short: char,
        long: &'static str,
        name: &'static str,
        help: &'static str,
    ) -> Self {
        Self { short: Some(short), long, argument: Argument::Required(name), help }
    }

    /// An option that has only a long name.
    #[must_use]
    pub const fn long(long: &'static str, argument: Argument, help: &'static str) -> Self {
        Self { short: None, long, argument, help }
    }

    fn is(&self, short: char) -> bool {
        self.short == Some(short)
    }
}

/// What follows the message about a wrong option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hint {
    /// `Try 'name --help' for more information.`
    TryHelp,
    /// The whole help text.
    Usage,
}

/// How a program is called: what `--help` prints and how wrong options end.
#[derive(Clone, Copy, Debug)]
pub struct Tool {
    /// Its name in the help text.
    pub name: &'static str,
    /// What comes after the name on the usage line; a line each when it has several forms.
    pub usage: &'static str,
    /// What it does, in one or more lines.
    pub about: &'static str,
    /// Its options; `--help` is added.
    pub options: &'static [Opt],
    /// The exit status for wrong usage.
    pub status: u8,
    /// What follows the message about a wrong option.
    pub hint: Hint,
    /// Options may stand after operands (GNU); otherwise the first operand ends them (POSIX), as
    /// for programs that start others.
    pub permute: bool,
}

impl Tool {
    /// A tool with status 1, the `--help` hint and options anywhere.
    #[must_use]
    pub const fn new(
        name: &'static str,
        usage: &'static str,
        about: &'static str,
        options: &'static [Opt],
    ) -> Self {
        Self { name, usage, about, options, status: 1, hint: Hint::TryHelp, permute: true }
    }

    /// The same with another exit status for wrong usage.
    #[must_use]
    pub const fn with_status(self, status: u8) -> Self {
        Self { status, ..self }
    }

    /// The same with the first operand ending the options.
    #[must_use]
    pub const fn operands_last(self) -> Self {
        Self { permute: false, ..self }
    }

    /// What `--help` prints.
    #[must_use]
    pub fn help(&self) -> String {
        let mut text = String::new();
        for (index, form) in self.usage.lines().enumerate() {
            let lead = if index == 0 { "Usage:" } else { "  or: " };
            let space = if form.is_empty() { "" } else { " " };
            let _ = writeln!(text, "{lead} {}{space}{form}", self.name);
        }
        if self.usage.is_empty() {
            let _ = writeln!(text, "Usage: {}", self.name);
        }
        let _ = writeln!(text, "{}\n", self.about);
        let help = Opt::long("help", Argument::None, "display this help and exit");
        for option in self.options.iter().chain([&help]) {
            let names = match (option.short, option.long) {
                (Some(short), "") => format!("-{short}"),
                (Some(short), long) => format!("-{short}, --{long}"),
                (None, long) => format!("    --{long}"),
            };
            let joint = if option.long.is_empty() { " " } else { "=" };
            let names = match option.argument {
                Argument::None => names,
                Argument::Required(name) => format!("{names}{joint}{name}"),
                Argument::Optional(name) => {
                    format!("{names}[{}{name}]", if option.long.is_empty() { "" } else { "=" })
                }
            };
            let _ = writeln!(text, "  {names:<24}  {}", option.help);
        }
        text
    }

    /// The arguments of the process, taken apart.
    #[must_use]
    pub fn parse(&'static self, arguments: Arguments) -> Options<Arguments> {
        Options { scanner: Scanner::new(self, arguments) }
    }

    /// Arguments from elsewhere, taken apart.
    #[must_use]
    pub fn parse_from<I: Iterator<Item = &'static BStr>>(
        &'static self,
        arguments: I,
    ) -> Options<I> {
        Options { scanner: Scanner::new(self, arguments) }
    }

    /// Prints `program: message` and the hint, and ends the program with the status for wrong
    /// usage.
    pub fn usage_error(&self, message: impl core::fmt::Display) -> ! {
        crate::warn!("{message}");
        match self.hint {
            Hint::TryHelp => {
                crate::eprintln!("Try '{} --help' for more information.", program_name());
            }
            Hint::Usage => crate::eprint!("{}", self.help()),
        }
        exit(ExitCode(self.status))
    }

    /// [`Tool::usage_error`] with `missing operand`, or `missing operand after 'LAST'`.
    pub fn missing_operand(&self, last: Option<&BStr>) -> ! {
        match last {
            Some(last) => self.usage_error(format_args!("missing operand after '{last}'")),
            None => self.usage_error("missing operand"),
        }
    }

    /// [`Tool::usage_error`] with `extra operand 'OPERAND'`.
    pub fn extra_operand(&self, operand: &BStr) -> ! {
        self.usage_error(format_args!("extra operand '{operand}'"))
    }
}

/// A piece of a command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Item {
    /// An option by its letter, and its argument.
    Option(char, Option<&'static BStr>),
    /// An option that has only a long name, by that name, and its argument.
    Long(&'static str, Option<&'static BStr>),
    /// Anything else.
    Operand(&'static BStr),
}

/// Takes a command line apart and ends the program with the usual message when it is wrong.
#[derive(Debug)]
pub struct Options<I> {
    scanner: Scanner<I>,
}

impl<I: Iterator<Item = &'static BStr>> Options<I> {
    /// The arguments not yet looked at: for a program that runs another one.
    pub fn rest(self) -> I {
        self.scanner.arguments
    }
}

impl<I: Iterator<Item = &'static BStr>> Iterator for Options<I> {
    type Item = Item;

    fn next(&mut self) -> Option<Item> {
        match self.scanner.next() {
            Ok(Some(Found::Item(item))) => Some(item),
            Ok(Some(Found::Help)) => {
                crate::print!("{}", self.scanner.tool.help());
                exit(ExitCode::SUCCESS)
            }
            Ok(None) => None,
            Err(message) => self.scanner.tool.usage_error(message),
        }
    }
}

/// What [`Scanner::next`] found.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    Item(Item),
    Help,
}

#[derive(Debug)]
struct Scanner<I> {
    tool: &'static Tool,
    arguments: I,
    /// Letters still to come of a bundle such as `-la`.
    bundle: &'static [u8],
    only_operands: bool,
}

impl<I: Iterator<Item = &'static BStr>> Scanner<I> {
    fn new(tool: &'static Tool, arguments: I) -> Self {
        Self { tool, arguments, bundle: b"", only_operands: false }
    }

    fn next(&mut self) -> Result<Option<Found>, String> {
        if let Some((&letter, rest)) = self.bundle.split_first() {
            return self.short(letter, rest).map(Some);
        }
        let Some(argument) = self.arguments.next() else { return Ok(None) };
        if self.only_operands {
            return Ok(Some(Found::Item(Item::Operand(argument))));
        }
        match argument.as_bytes() {
            b"--" => {
                self.only_operands = true;
                self.next()
            }
            [b'-', b'-', long @ ..] => self.long(long.as_bstr()).map(Some),
            [b'-', letter, rest @ ..] => self.short(*letter, rest).map(Some),
            _ => {
                self.only_operands = !self.tool.permute;
                Ok(Some(Found::Item(Item::Operand(argument))))
            }
        }
    }

    fn short(&mut self, letter: u8, rest: &'static [u8]) -> Result<Found, String> {
        self.bundle = b"";
        let name = char::from(letter);
        let Some(option) = self.tool.options.iter().find(|option| option.is(name)) else {
            return Err(format!("invalid option -- '{}'", BStr::new(&[letter])));
        };
        let value = match option.argument {
            Argument::None => {
                self.bundle = rest;
                None
            }
            Argument::Optional(_) => (!rest.is_empty()).then_some(rest.as_bstr()),
            Argument::Required(_) if !rest.is_empty() => Some(rest.as_bstr()),
            Argument::Required(_) => Some(
                self.arguments
                    .next()
                    .ok_or_else(|| format!("option requires an argument -- '{name}'"))?,
            ),
        };
        Ok(Found::Item(Item::Option(name, value)))
    }

    fn long(&mut self, text: &'static BStr) -> Result<Found, String> {
        let mut halves = text.splitn(2, |&byte| byte == b'=');
        let name = halves.next().unwrap_or_default().as_bstr();
        let attached = halves.next().map(ByteSlice::as_bstr);
        let names = |option: &&Opt| !option.long.is_empty();
        let exact = self.tool.options.iter().find(|option| option.long.as_bytes() == name);
        let option = match exact.filter(names) {
            Some(option) => option,
            None if name == "help" => return Ok(Found::Help),
            None => {
                let tool = self.tool;
                let candidates: Vec<&'static Opt> = (tool.options.iter())
                    .filter(names)
                    .filter(|option| option.long.as_bytes().starts_with(name))
                    .collect();
                let help = !name.is_empty() && b"help".starts_with(name.as_bytes());
                match (candidates.as_slice(), help) {
                    ([], true) => return Ok(Found::Help),
                    ([], false) => return Err(format!("unrecognized option '--{name}'")),
                    ([option], false) => *option,
                    (several, help) => {
                        let mut message = format!("option '--{name}' is ambiguous; possibilities:");
                        for option in several {
                            let _ = write!(message, " '--{}'", option.long);
                        }
                        if help {
                            message.push_str(" '--help'");
                        }
                        return Err(message);
                    }
                }
            }
        };
        let long = option.long;
        let value = match (option.argument, attached) {
            (Argument::None, Some(_)) => {
                return Err(format!("option '--{long}' doesn't allow an argument"));
            }
            (Argument::Required(_), None) => Some(
                self.arguments
                    .next()
                    .ok_or_else(|| format!("option '--{long}' requires an argument"))?,
            ),
            (_, attached) => attached,
        };
        Ok(Found::Item(match option.short {
            Some(short) => Item::Option(short, value),
            None => Item::Long(long, value),
        }))
    }
}

#[cfg(test)]
mod tests;
