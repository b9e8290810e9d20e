//! Commands that are part of the shell.

#![allow(
    clippy::unnecessary_wraps,
    reason = "all of them have the signature that the table asks for"
)]

pub mod jobs;
pub mod print;
pub mod test;
pub mod variables;

use alloc::vec::Vec;

use rt::bstr::{BStr, BString, ByteSlice};
use rt::rustix::fs::{Mode, stat};
use rt::rustix::process::{chdir, getcwd};
use rt::strerror;

use crate::run::{Flow, Unwind};
use crate::shell::{SETTINGS, Shell};

/// A builtin command.
#[derive(Debug)]
pub struct Builtin {
    /// Its name.
    pub name: &'static str,
    /// What comes after the name.
    pub usage: &'static str,
    /// What it does, in one line.
    pub about: &'static str,
    action: fn(&mut Shell, &[BString]) -> Flow,
}

impl Builtin {
    /// Runs it; `arguments` begin with its name. `--help` explains it, except where that is an
    /// argument like any other.
    pub fn run(&self, shell: &mut Shell, arguments: &[BString]) -> Flow {
        let explains = !matches!(self.name, ":" | "[" | "echo" | "false" | "test" | "true");
        if explains && matches!(arguments, [_, option] if option == "--help") {
            rt::println!("Usage: {} {}\n{}", self.name, self.usage, self.about);
            return Ok(());
        }
        (self.action)(shell, arguments)
    }

    /// `exec` works on the redirections themselves, so the shell runs it by hand.
    #[must_use]
    pub fn is_exec(&self) -> bool {
        self.name == "exec"
    }
}

/// Finds a builtin by name.
#[must_use]
pub fn find(name: &[u8]) -> Option<&'static Builtin> {
    BUILTINS.iter().find(|builtin| builtin.name.as_bytes() == name)
}

macro_rules! builtins {
    ($($name:literal $usage:literal $about:literal $action:path;)*) => {
        &[$(Builtin { name: $name, usage: $usage, about: $about, action: $action },)*]
    };
}

/// All builtins by name.
pub static BUILTINS: &[Builtin] = builtins! {
    "." "FILE [ARGUMENT]..." "run the commands of a file in this shell" source;
    ":" "[ARGUMENT]..." "do nothing" nothing;
    "[" "EXPRESSION ]" "evaluate a condition" test::run;
    "bg" "[%JOB]" "let a stopped job go on in the background" jobs::background;
    "break" "[N]" "leave loops" leave_loop;
    "cd" "[DIRECTORY | -]" "change the current directory" change_directory;
    "command" "[-v] COMMAND [ARGUMENT]..." "run or find a command that is not a function" command;
    "continue" "[N]" "go on with the next turn of a loop" next_turn;
    "echo" "[-neE] [TEXT]..." "print text" print::echo;
    "eval" "[TEXT]..." "run text as commands" evaluate;
    "exec" "[COMMAND [ARGUMENT]...]" "replace the shell by a program" nothing;
    "exit" "[STATUS]" "end the shell" exit;
    "export" "[-p] [NAME[=VALUE]]..." "give variables to programs" variables::export;
    "false" "" "fail" fail;
    "fg" "[%JOB]" "bring a job to the foreground" jobs::foreground;
    "hash" "" "do nothing: programs are looked up each time" nothing;
    "history" "" "list the lines typed before" history;
    "jobs" "[-l]" "list jobs" jobs::list;
    "kill" "[-SIGNAL] PID|%JOB..." "send a signal" jobs::kill;
    "local" "[NAME[=VALUE]]..." "make variables local to a function" variables::local;
    "printf" "FORMAT [ARGUMENT]..." "print text by a format" print::printf;
    "pwd" "" "print the current directory" print_directory;
    "read" "[-r] [-p PROMPT] [NAME]..." "read a line into variables" variables::read;
    "readonly" "[NAME[=VALUE]]..." "make variables constant" variables::read_only;
    "return" "[STATUS]" "leave a function or a sourced file" leave_function;
    "set" "[-efux] [+efux] [-o NAME] [--] [ARGUMENT]..." "change settings and arguments" set;
    "shift" "[N]" "drop the first arguments" shift;
    "test" "EXPRESSION" "evaluate a condition" test::run;
    "times" "" "print the time used by the shell and its programs" jobs::times;
    "trap" "[COMMANDS EXIT]" "run commands when the shell ends" trap;
    "true" "" "succeed" nothing;
    "type" "NAME..." "say what a command is" describe;
    "umask" "[MODE]" "show or set which permissions new files lack" umask;
    "unset" "[-fv] NAME..." "remove variables or functions" variables::unset;
    "wait" "[PID|%JOB]..." "wait until jobs end" jobs::wait;
};

/// Reports `builtin: message` and takes `status`.
pub(crate) fn complain(
    shell: &mut Shell,
    arguments: &[BString],
    status: u8,
    message: impl core::fmt::Display,
) -> Flow {
    let name = arguments.first().cloned().unwrap_or_default();
    shell.complain(format_args!("{name}: {message}"));
    shell.status = status;
    Ok(())
}

fn nothing(shell: &mut Shell, _arguments: &[BString]) -> Flow {
    shell.status = 0;
    Ok(())
}

fn fail(shell: &mut Shell, _arguments: &[BString]) -> Flow {
    shell.status = 1;
    Ok(())
}

/// The number in the first argument, or a default.
fn count(arguments: &[BString], default: u32) -> Option<u32> {
    match arguments.get(1) {
        None => Some(default),
        Some(text) => rt::number::decimal(text).and_then(|number| u32::try_from(number).ok()),
    }
}

fn illegal_number(shell: &mut Shell, arguments: &[BString]) -> Flow {
    let text = arguments.get(1).cloned().unwrap_or_default();
    complain(shell, arguments, 2, format_args!("Illegal number: {text}"))?;
    if shell.is_interactive() { Ok(()) } else { Err(Unwind::Exit) }
}

fn leave_loop(shell: &mut Shell, arguments: &[BString]) -> Flow {
    match count(arguments, 1) {
        Some(levels @ 1..) if shell.loops > 0 => Err(Unwind::Break(levels.min(shell.loops))),
        Some(1..) => Ok(()),
        _ => illegal_number(shell, arguments),
    }
}

fn next_turn(shell: &mut Shell, arguments: &[BString]) -> Flow {
    match count(arguments, 1) {
        Some(levels @ 1..) if shell.loops > 0 => Err(Unwind::Continue(levels.min(shell.loops))),
        Some(1..) => Ok(()),
        _ => illegal_number(shell, arguments),
    }
}

fn exit(shell: &mut Shell, arguments: &[BString]) -> Flow {
    match count(arguments, u32::from(shell.status_before)) {
        Some(status) => {
            shell.status = status as u8;
            Err(Unwind::Exit)
        }
        None => illegal_number(shell, arguments),
    }
}

fn leave_function(shell: &mut Shell, arguments: &[BString]) -> Flow {
    match count(arguments, u32::from(shell.status_before)) {
        Some(status) => {
            shell.status = status as u8;
            Err(Unwind::Return)
        }
        None => illegal_number(shell, arguments),
    }
}

fn shift(shell: &mut Shell, arguments: &[BString]) -> Flow {
    match count(arguments, 1).map(|count| count as usize) {
        Some(count) if count <= shell.positional.len() => {
            shell.positional.drain(..count);
            Ok(())
        }
        Some(_) => complain(shell, arguments, 2, "can't shift that many"),
        None => illegal_number(shell, arguments),
    }
}

fn evaluate(shell: &mut Shell, arguments: &[BString]) -> Flow {
    let text = arguments.get(1..).unwrap_or_default().join(b" ".as_slice());
    shell.status = 0;
    shell.run_text(&text)
}

fn source(shell: &mut Shell, arguments: &[BString]) -> Flow {
    let Some(path) = arguments.get(1) else {
        return complain(shell, arguments, 2, "filename argument required");
    };
    let text = match rt::input::read_file(path) {
        Ok(text) => text,
        Err(error) => {
            complain(shell, arguments, 2, format_args!("{path}: {}", strerror(error)))?;
            return if shell.is_interactive() { Ok(()) } else { Err(Unwind::Exit) };
        }
    };
    let parameters = (arguments.len() > 2).then(|| {
        let new = arguments.get(2..).unwrap_or_default().to_vec();
        core::mem::replace(&mut shell.positional, new)
    });
    shell.status = 0;
    let flow = shell.run_text(&text);
    if let Some(parameters) = parameters {
        shell.positional = parameters;
    }
    match flow {
        Err(Unwind::Return) => Ok(()),
        flow => flow,
    }
}

fn change_directory(shell: &mut Shell, arguments: &[BString]) -> Flow {
    let mut show = false;
    let target = match arguments.get(1) {
        None => match shell.variable("HOME") {
            Some(home) => home.clone(),
            None => return complain(shell, arguments, 2, "HOME not set"),
        },
        Some(dash) if dash == "-" => match shell.variable("OLDPWD") {
            Some(old) => {
                show = true;
                old.clone()
            }
            None => return complain(shell, arguments, 2, "OLDPWD not set"),
        },
        Some(directory) => directory.clone(),
    };
    let old = current_directory();
    if let Err(error) = chdir(target.as_bytes()) {
        return complain(
            shell,
            arguments,
            2,
            format_args!("can't cd to {target}: {}", strerror(error)),
        );
    }
    let new = current_directory();
    for (name, value) in [("OLDPWD", old), ("PWD", new.clone())] {
        // A read-only PWD stays what it is.
        let _ = shell.change(BStr::new(name), |variable| variable.value = value);
    }
    if let (true, Some(new)) = (show, new) {
        rt::println!("{new}");
    }
    Ok(())
}

fn current_directory() -> Option<BString> {
    getcwd(Vec::new()).ok().map(|path| path.into_bytes().into())
}

fn print_directory(shell: &mut Shell, arguments: &[BString]) -> Flow {
    match getcwd(Vec::new()) {
        Ok(path) => {
            rt::println!("{}", BStr::new(path.as_bytes()));
            Ok(())
        }
        Err(error) => complain(shell, arguments, 1, strerror(error)),
    }
}

fn history(shell: &mut Shell, _arguments: &[BString]) -> Flow {
    for (number, line) in shell.history.iter().enumerate() {
        rt::println!("{:5}  {line}", number + 1);
    }
    Ok(())
}

fn umask(shell: &mut Shell, arguments: &[BString]) -> Flow {
    match arguments.get(1) {
        None => {
            let mask = rt::rustix::process::umask(Mode::empty());
            rt::rustix::process::umask(mask);
            rt::println!("{:04o}", mask.as_raw_mode());
            Ok(())
        }
        Some(text) => match text.to_str().ok().and_then(|text| u32::from_str_radix(text, 8).ok()) {
            Some(mode @ 0..=0o777) => {
                rt::rustix::process::umask(Mode::from_raw_mode(mode));
                Ok(())
            }
            _ => complain(shell, arguments, 2, format_args!("Illegal mode: {text}")),
        },
    }
}

fn trap(shell: &mut Shell, arguments: &[BString]) -> Flow {
    match arguments.get(1..).unwrap_or_default() {
        [] => {
            if let Some(commands) = &shell.exit_trap {
                rt::println!("trap -- '{}' EXIT", commands);
            }
            Ok(())
        }
        [commands, conditions @ ..] => {
            for condition in conditions {
                match condition.as_slice() {
                    b"EXIT" | b"0" => {
                        shell.exit_trap = (commands != "-").then(|| commands.clone());
                    }
                    _ => {
                        return complain(
                            shell,
                            arguments,
                            1,
                            format_args!("{condition}: only EXIT can be trapped"),
                        );
                    }
                }
            }
            Ok(())
        }
    }
}

fn set(shell: &mut Shell, arguments: &[BString]) -> Flow {
    if arguments.len() == 1 {
        for (name, variable) in shell.variables() {
            if let Some(value) = &variable.value {
                rt::println!("{name}={}", variables::quoted(value.as_bstr()));
            }
        }
        return Ok(());
    }
    let mut rest = arguments.get(1..).unwrap_or_default();
    while let Some((first, after)) = rest.split_first() {
        let (on, letters) = match first.as_slice() {
            b"--" => {
                shell.positional = after.to_vec();
                return Ok(());
            }
            [b'-', letters @ ..] if !letters.is_empty() => (true, letters),
            [b'+', letters @ ..] if !letters.is_empty() => (false, letters),
            _ => {
                shell.positional = rest.to_vec();
                return Ok(());
            }
        };
        rest = after;
        for &letter in letters {
            let letter = if letter == b'o' {
                let Some((name, after)) = rest.split_first() else {
                    for (letter, name) in SETTINGS {
                        let state = if shell.settings.has(letter) { "on" } else { "off" };
                        rt::println!("{name:<16}{state}");
                    }
                    return Ok(());
                };
                rest = after;
                SETTINGS
                    .iter()
                    .find(|(_, known)| known.as_bytes() == name.as_slice())
                    .map(|(letter, _)| *letter)
            } else {
                Some(letter)
            };
            // Whether somebody types is a fact, not a setting.
            let known = letter.is_some_and(|letter| {
                !matches!(letter, b'i' | b'm') && shell.settings.set(letter, on)
            });
            if !known {
                return complain(shell, arguments, 2, format_args!("Illegal option {first}"));
            }
        }
    }
    Ok(())
}

/// What a command name means.
fn meaning(shell: &Shell, name: &BString) -> Option<(BString, BString)> {
    const RESERVED: [&str; 16] = [
        "!", "{", "}", "case", "do", "done", "elif", "else", "esac", "fi", "for", "if", "in",
        "then", "until", "while",
    ];
    if RESERVED.iter().any(|word| word.as_bytes() == name.as_slice()) {
        return Some(("a shell keyword".into(), name.clone()));
    }
    if shell.functions.contains_key(name) {
        return Some(("a shell function".into(), name.clone()));
    }
    if find(name).is_some() {
        return Some(("a shell builtin".into(), name.clone()));
    }
    let search_path = shell.variable("PATH").cloned().unwrap_or_default();
    let path = rt::process::find(name.as_bstr(), search_path.as_bstr()).ok()?;
    let path = BString::from(path.into_bytes());
    stat(path.as_bytes()).ok()?;
    Some((path.clone(), path))
}

fn describe(shell: &mut Shell, arguments: &[BString]) -> Flow {
    for name in arguments.get(1..).unwrap_or_default() {
        match meaning(shell, name) {
            Some((what, _)) => rt::println!("{name} is {what}"),
            None => {
                rt::println!("{name}: not found");
                shell.status = 127;
            }
        }
    }
    Ok(())
}

fn command(shell: &mut Shell, arguments: &[BString]) -> Flow {
    match arguments.get(1..).unwrap_or_default() {
        [] => Ok(()),
        [option, names @ ..] if option == "-v" || option == "-V" => {
            for name in names {
                match meaning(shell, name) {
                    Some((what, _)) if option == "-V" => rt::println!("{name} is {what}"),
                    Some((_, word)) => rt::println!("{word}"),
                    None => shell.status = 127,
                }
            }
            Ok(())
        }
        command => shell.run_command(command),
    }
}
