//! Commands from standard input: typed by a person, or not.

use alloc::vec::Vec;

use rt::bstr::{BStr, BString};
use rt::input::stdin;
use rt::rustix::io::Errno;

use crate::builtins;
use crate::editor::{Editor, Typed};
use crate::jobs;
use crate::run::Unwind;
use crate::shell::Shell;
use crate::syntax::SyntaxError;
use crate::syntax::parser::Parser;

/// So many `^D` in a row end a shell that has stopped jobs, or whose input is gone.
const MAX_END_OF_FILES: u32 = 10;

/// Reads commands from a person until `exit` or ^D.
pub fn run(shell: &mut Shell) {
    shell.settings.set(b'i', true);
    jobs::guard_signals();
    if shell.jobs.control_terminal() {
        shell.settings.set(b'm', true);
    }
    let mut editor = Editor::default();
    let mut text = Vec::new();
    let mut ends = 0;
    loop {
        jobs::take_interrupt();
        let prompt = if text.is_empty() {
            builtins::jobs::announce(shell);
            shell.variable("PS1")
        } else {
            shell.variable("PS2")
        };
        let prompt = prompt.cloned().unwrap_or_default();
        rt::output::flush();
        match editor.read_line(shell, &prompt) {
            Ok(Typed::Line(line)) => {
                ends = 0;
                text.extend_from_slice(&line);
                text.push(b'\n');
            }
            Ok(Typed::Interrupt) => {
                text.clear();
                shell.status = 130;
                continue;
            }
            Ok(Typed::End) if !text.is_empty() => {
                text.clear();
                shell.complain_syntax(&SyntaxError::Incomplete("more"));
                continue;
            }
            Ok(Typed::End) => {
                let stopped =
                    (shell.jobs.list().iter()).any(|job| job.state() == jobs::State::Stopped);
                ends += 1;
                if !stopped || ends > 1 {
                    return;
                }
                rt::eprintln!("You have stopped jobs.");
                continue;
            }
            Err(error) => {
                shell.complain(rt::strerror(error));
                ends += 1;
                if error != Errno::INTR || ends > MAX_END_OF_FILES {
                    return;
                }
                continue;
            }
        }
        if run_typed(shell, &mut text) == Err(Unwind::Exit) {
            return;
        }
    }
}

/// Runs what has been typed so far, if it is complete; otherwise it stays in `text`.
fn run_typed(shell: &mut Shell, text: &mut Vec<u8>) -> Result<(), Unwind> {
    let mut lists = Vec::new();
    let mut parser = Parser::new(text, 0);
    let parsed = loop {
        match parser.next_line() {
            Ok(Some(list)) => lists.push(list),
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        }
    };
    match parsed {
        Err(SyntaxError::Incomplete(_)) => return Ok(()),
        Err(error) => {
            text.clear();
            shell.complain_syntax(&error);
            return Ok(());
        }
        Ok(()) => {}
    }
    shell.remember(BStr::new(text));
    text.clear();
    for list in &lists {
        match shell.list(list) {
            Ok(()) => {}
            Err(Unwind::Exit) => return Err(Unwind::Exit),
            Err(Unwind::Interrupt) => {
                // The terminal has echoed `^C`.
                rt::eprintln!();
                break;
            }
            Err(_) => break,
        }
    }
    rt::output::flush();
    Ok(())
}

/// Reads commands from a pipe or a file, never beyond the command that runs: the rest may be input
/// for it.
pub fn run_stdin(shell: &mut Shell) {
    let mut text = Vec::new();
    loop {
        let ended = match read_line(&mut text) {
            Ok(ended) => ended,
            Err(error) => {
                shell.complain(rt::strerror(error));
                shell.status = 1;
                return;
            }
        };
        shell.line += 1;
        let mut parser = Parser::new(&text, 0);
        match parser.next_line() {
            Ok(Some(list)) => {
                text.clear();
                if shell.list(&list).is_err() {
                    return;
                }
            }
            Ok(None) => text.clear(),
            Err(SyntaxError::Incomplete(_)) if !ended => {}
            Err(error) => {
                shell.complain_syntax(&error);
                return;
            }
        }
        if ended {
            return;
        }
    }
}

/// Adds a line to `text`; true at the end of the input.
fn read_line(text: &mut Vec<u8>) -> Result<bool, Errno> {
    loop {
        let mut byte = [0];
        if rt::input::read(stdin(), &mut byte)? == 0 {
            return Ok(true);
        }
        text.extend_from_slice(&byte);
        if byte == *b"\n" {
            return Ok(false);
        }
    }
}

impl Shell {
    /// Adds a line to the history, unless it is empty or the same as the one before.
    pub fn remember(&mut self, text: &BStr) {
        const CAPACITY: usize = 500;
        let line = BString::from(text.trim_ascii());
        if line.is_empty() || self.history.last() == Some(&line) {
            return;
        }
        if self.history.len() == CAPACITY {
            self.history.remove(0);
        }
        self.history.push(line);
    }
}
