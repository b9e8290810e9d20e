//! Running commands (POSIX.1-2024, "Shell Command Language", 2.9).

mod programs;

use alloc::borrow::ToOwned;
use alloc::rc::Rc;
use alloc::vec::Vec;

use rt::ExitCode;
use rt::bstr::{BStr, BString, ByteSlice};

use crate::builtins::{self, Builtin};
use crate::expand::{self, Environment, ExpansionError};
use crate::jobs::{self, Job};
use crate::shell::Shell;
use crate::syntax::parser::Parser;
use crate::syntax::{
    AndOr, Command, Compound, Connective, List, Pipeline, Redirection, Simple, SyntaxError,
};

/// Functions that call themselves deeper than this end with an error rather than a full stack.
const MAX_CALLS: u32 = 200;

/// Why the commands after this one do not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unwind {
    /// `break`, out of this many loops.
    Break(u32),
    /// `continue` of the loop this many levels out.
    Continue(u32),
    /// `return`
    Return,
    /// `exit`, or an error that ends the shell.
    Exit,
    /// ^C in an interactive shell: back to the prompt.
    Interrupt,
    /// An error after which an interactive shell goes back to the prompt.
    Abort,
}

/// What running a command comes to; its status is in `$?`.
pub type Flow = Result<(), Unwind>;

impl Shell {
    /// Runs the text of a script, or of `eval`. A syntax error is reported; its status is 2.
    pub fn run_text(&mut self, text: &[u8]) -> Flow {
        let mut parser = Parser::new(text, 0);
        loop {
            match parser.next_line() {
                Ok(Some(list)) => self.list(&list)?,
                Ok(None) => return Ok(()),
                Err(error) => {
                    self.complain_syntax(&error);
                    return if self.is_interactive() { Ok(()) } else { Err(Unwind::Exit) };
                }
            }
        }
    }

    /// Reports a syntax error.
    pub fn complain_syntax(&mut self, error: &SyntaxError) {
        self.complain(error);
        self.status = 2;
    }

    /// Runs commands one after the other.
    pub fn list(&mut self, list: &List) -> Flow {
        for item in &list.0 {
            if item.background {
                self.background(&item.and_or);
            } else {
                self.and_or(&item.and_or)?;
            }
            if self.is_interactive() && jobs::take_interrupt() {
                self.status = 130;
                return Err(Unwind::Interrupt);
            }
        }
        Ok(())
    }

    fn and_or(&mut self, and_or: &AndOr) -> Flow {
        if self.jobs.controls_terminal() {
            self.foreground_text = describe(and_or);
        }
        let last = and_or.rest.len();
        self.pipeline(&and_or.first, last > 0)?;
        for (index, (connective, pipeline)) in and_or.rest.iter().enumerate() {
            let wanted = match connective {
                Connective::And => self.status == 0,
                Connective::Or => self.status != 0,
            };
            if wanted {
                self.pipeline(pipeline, index + 1 < last)?;
            }
        }
        Ok(())
    }

    /// `decides`: what comes next depends on the status, so a failure does not end the shell.
    fn pipeline(&mut self, pipeline: &Pipeline, decides: bool) -> Flow {
        let tested = decides || pipeline.negated;
        self.conditions += u32::from(tested);
        let flow = match pipeline.commands.as_slice() {
            [command] => self.command(command),
            commands => self.piped(commands),
        };
        self.conditions -= u32::from(tested);
        flow?;
        if pipeline.negated {
            self.status = u8::from(self.status == 0);
        } else if !decides && self.status != 0 && self.settings.has(b'e') && self.conditions == 0 {
            return Err(Unwind::Exit);
        }
        Ok(())
    }

    /// Runs the last command of a subshell: a program takes over its process.
    fn last_command(&mut self, command: &Command) -> Flow {
        self.replaceable = true;
        self.command(command)
    }

    /// Runs all that a subshell has to run.
    fn only_and_or(&mut self, and_or: &AndOr) -> Flow {
        match (and_or.first.commands.as_slice(), and_or.rest.as_slice()) {
            ([command], []) if !and_or.first.negated => self.last_command(command),
            _ => self.and_or(and_or),
        }
    }

    /// Runs one command in this process, as far as that is possible.
    fn command(&mut self, command: &Command) -> Flow {
        let replaceable = core::mem::take(&mut self.replaceable);
        match command {
            Command::Simple(simple) => self.simple(simple, replaceable),
            Command::Compound(Compound::Subshell(list), redirections) if replaceable => {
                self.redirected(redirections, |shell| shell.list(list))
            }
            Command::Function(name, body) => {
                self.functions.insert(name.clone(), body.clone());
                self.status = 0;
                Ok(())
            }
            Command::Compound(Compound::Subshell(list), redirections) => {
                let started = self.start(None, true, |shell| {
                    shell.redirected(redirections, |shell| shell.list(list))
                });
                match started {
                    Some(pid) => {
                        let group = self.jobs.controls_terminal().then_some(pid);
                        self.finish(Job::new(BString::default(), &[pid], group))
                    }
                    None => Ok(()),
                }
            }
            Command::Compound(compound, redirections) => {
                self.redirected(redirections, |shell| shell.compound(compound))
            }
        }
    }

    fn redirected(
        &mut self,
        redirections: &[Redirection],
        body: impl FnOnce(&mut Self) -> Flow,
    ) -> Flow {
        match self.redirect(redirections) {
            Ok(saved) => {
                let flow = body(self);
                saved.restore();
                flow
            }
            Err(error) => {
                self.complain(error.0);
                self.status = 2;
                Ok(())
            }
        }
    }

    fn compound(&mut self, compound: &Compound) -> Flow {
        match compound {
            Compound::Group(list) | Compound::Subshell(list) => self.list(list),
            Compound::If { branches, otherwise } => {
                for (condition, body) in branches {
                    self.condition(condition)?;
                    if self.status == 0 {
                        return self.list(body);
                    }
                }
                self.status = 0;
                otherwise.as_ref().map_or(Ok(()), |body| self.list(body))
            }
            Compound::Loop { until, condition, body } => {
                let mut status = 0;
                self.in_loop(|shell| {
                    shell.condition(condition)?;
                    if (shell.status == 0) == *until {
                        shell.status = status;
                        return Err(Unwind::Break(1));
                    }
                    let flow = shell.list(body);
                    status = shell.status;
                    flow
                })
            }
            Compound::For { name, words, body } => {
                let values = match words {
                    Some(words) => match expand::words(self, words) {
                        Ok(values) => values,
                        Err(error) => return self.expansion_failed(error),
                    },
                    None => self.positional.clone(),
                };
                self.status = 0;
                let mut values = values.into_iter();
                self.in_loop(|shell| {
                    let Some(value) = values.next() else { return Err(Unwind::Break(1)) };
                    if let Err(error) = shell.assign(name.as_bstr(), value) {
                        return shell.expansion_failed(error);
                    }
                    shell.list(body)
                })
            }
            Compound::Case { word, arms } => {
                let value = match expand::string(self, word) {
                    Ok(value) => value,
                    Err(error) => return self.expansion_failed(error),
                };
                for (patterns, body) in arms {
                    for pattern in patterns {
                        match expand::pattern(self, pattern) {
                            Ok(pattern) if pattern.matches(&value) => {
                                self.status = 0;
                                return self.list(body);
                            }
                            Ok(_) => {}
                            Err(error) => return self.expansion_failed(error),
                        }
                    }
                }
                self.status = 0;
                Ok(())
            }
        }
    }

    fn condition(&mut self, list: &List) -> Flow {
        self.conditions += 1;
        let flow = self.list(list);
        self.conditions -= 1;
        flow
    }

    /// Repeats `turn` until something breaks out.
    fn in_loop(&mut self, mut turn: impl FnMut(&mut Self) -> Flow) -> Flow {
        self.loops += 1;
        let flow = loop {
            match turn(self) {
                Ok(()) | Err(Unwind::Continue(1)) => {}
                Err(Unwind::Break(1)) => break Ok(()),
                Err(Unwind::Break(levels)) => break Err(Unwind::Break(levels - 1)),
                Err(Unwind::Continue(levels)) => break Err(Unwind::Continue(levels - 1)),
                Err(unwind) => break Err(unwind),
            }
            if self.is_interactive() && jobs::take_interrupt() {
                self.status = 130;
                break Err(Unwind::Interrupt);
            }
        };
        self.loops -= 1;
        flow
    }

    /// An error in an expansion ends a script, and the command line of an interactive shell.
    fn expansion_failed(&mut self, error: ExpansionError) -> Flow {
        self.complain(error.0);
        self.status = 2;
        Err(if self.is_interactive() { Unwind::Abort } else { Unwind::Exit })
    }

    /// `replaceable`: the process ends after this command.
    fn simple(&mut self, simple: &Simple, replaceable: bool) -> Flow {
        let arguments = match expand::words(self, &simple.words) {
            Ok(arguments) => arguments,
            Err(error) => return self.expansion_failed(error),
        };
        let Some(name) = arguments.first().cloned() else {
            return self.assignments_alone(simple);
        };
        let mut assignments = Vec::new();
        for (variable, word) in &simple.assignments {
            match expand::string(self, word) {
                Ok(value) => assignments.push((variable.clone(), value)),
                Err(error) => return self.expansion_failed(error),
            }
        }
        if self.settings.has(b'x') {
            trace(&assignments, &arguments);
        }
        if let Some(function) = self.functions.get(&name).cloned() {
            return self.with_variables(assignments, |shell| {
                shell.redirected(&simple.redirections, |shell| shell.call(&function, &arguments))
            });
        }
        if let Some(builtin) = builtins::find(&name) {
            if builtin.is_exec() {
                return self.exec(&simple.redirections, assignments, &arguments);
            }
            return self.with_variables(assignments, |shell| {
                shell.redirected(&simple.redirections, |shell| shell.builtin(builtin, &arguments))
            });
        }
        if replaceable {
            return self.exec(&simple.redirections, assignments, &arguments);
        }
        self.external(&simple.redirections, assignments, &arguments)
    }

    /// Runs a builtin or a program, functions left aside.
    pub(crate) fn run_command(&mut self, arguments: &[BString]) -> Flow {
        let builtin = arguments.first().and_then(|name| builtins::find(name));
        match builtin {
            Some(builtin) if builtin.is_exec() => self.exec(&[], Vec::new(), arguments),
            Some(builtin) => self.builtin(builtin, arguments),
            None => self.external(&[], Vec::new(), arguments),
        }
    }

    /// Runs a builtin and makes a failed write of its output its failure.
    pub(crate) fn builtin(&mut self, builtin: &Builtin, arguments: &[BString]) -> Flow {
        self.status_before = core::mem::take(&mut self.status);
        let flow = builtin.run(self, arguments);
        rt::output::flush();
        if rt::output::take_failure() && self.status == 0 {
            self.status = 1;
        }
        flow
    }

    fn assignments_alone(&mut self, simple: &Simple) -> Flow {
        // Without a command the status is that of the last command substitution.
        self.status = 0;
        let mut assignments = Vec::new();
        for (name, word) in &simple.assignments {
            let result = expand::string(self, word);
            let result = result.and_then(|value| {
                assignments.push((name.clone(), value.clone()));
                self.assign(name.as_bstr(), value)
            });
            if let Err(error) = result {
                return self.expansion_failed(error);
            }
        }
        if self.settings.has(b'x') {
            trace(&assignments, &[]);
        }
        let status = self.status;
        self.redirected(&simple.redirections, |shell| {
            shell.status = status;
            Ok(())
        })
    }

    /// Runs `body` with variables that are exported for its time only.
    fn with_variables(
        &mut self,
        assignments: Vec<(BString, BString)>,
        body: impl FnOnce(&mut Self) -> Flow,
    ) -> Flow {
        let mut saved = Vec::new();
        for (name, value) in assignments {
            saved.push(self.save(name.as_bstr()));
            let set = self.change(name.as_bstr(), |variable| {
                variable.value = Some(value);
                variable.exported = true;
            });
            if let Err(error) = set {
                saved.pop();
                saved.into_iter().rev().for_each(|variable| self.restore(variable));
                return self.expansion_failed(error);
            }
        }
        let flow = body(self);
        saved.into_iter().rev().for_each(|variable| self.restore(variable));
        flow
    }

    fn call(&mut self, function: &Rc<Command>, arguments: &[BString]) -> Flow {
        if self.calls == MAX_CALLS {
            self.complain("functions call each other too deep");
            self.status = 2;
            return Err(if self.is_interactive() { Unwind::Abort } else { Unwind::Exit });
        }
        self.calls += 1;
        let loops = core::mem::take(&mut self.loops);
        let parameters = arguments.get(1..).unwrap_or_default().to_owned();
        let parameters = core::mem::replace(&mut self.positional, parameters);
        self.enter_function();
        let flow = self.command(function);
        self.leave_function();
        self.positional = parameters;
        self.loops = loops;
        self.calls -= 1;
        match flow {
            Err(Unwind::Return) => Ok(()),
            flow => flow,
        }
    }

    /// The end of the shell: the trap for it runs, then the process ends.
    pub fn end(&mut self) -> ! {
        if let Some(commands) = self.exit_trap.take() {
            let status = self.status;
            if self.run_text(&commands) != Err(Unwind::Exit) {
                self.status = status;
            }
        }
        rt::exit::exit(ExitCode(self.status))
    }
}

/// Shows what is about to run (`set -x`).
fn trace(assignments: &[(BString, BString)], arguments: &[BString]) {
    let mut line = Vec::from(b"+".as_slice());
    for (name, value) in assignments {
        line.extend_from_slice(&[b" ".as_slice(), name, b"=", value].concat());
    }
    for argument in arguments {
        line.extend_from_slice(&[b" ".as_slice(), argument].concat());
    }
    rt::output::flush();
    rt::eprintln!("{}", BStr::new(&line));
}

/// The words of a command that can be shown without expanding anything, for `jobs`.
fn describe(and_or: &AndOr) -> BString {
    let mut text = BString::default();
    for (index, command) in and_or.first.commands.iter().enumerate() {
        if index > 0 {
            text.extend_from_slice(b" | ");
        }
        match command {
            Command::Simple(simple) => {
                let words: Vec<&[u8]> =
                    simple.words.iter().map(|w| w.plain().unwrap_or(b"...")).collect();
                text.extend_from_slice(&words.join(b" ".as_slice()));
            }
            Command::Compound(..) | Command::Function(..) => text.extend_from_slice(b"(...)"),
        }
    }
    text
}
