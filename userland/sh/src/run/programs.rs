//! Other processes: programs, pipelines, subshells (POSIX.1-2024, "Shell Command Language", 2.9.1.4,
//! 2.9.2, 2.12).

use alloc::format;
use alloc::vec::Vec;

use rt::bstr::{BStr, BString, ByteSlice};
use rt::process::{Fork, Vector, execute, find};
use rt::rustix::fd::{AsFd, OwnedFd};
use rt::rustix::io::Errno;
use rt::rustix::pipe::{PipeFlags, pipe_with};
use rt::rustix::process::{Pid, setpgid};
use rt::rustix::termios::tcsetpgrp;
use rt::{ExitCode, descriptor, strerror};

use super::{Flow, Unwind, describe};
use crate::expand::ExpansionError;
use crate::jobs::{self, Job, State};
use crate::shell::Shell;
use crate::syntax::{AndOr, Command, List, Redirection};

impl Shell {
    /// Runs several commands at the same time, connected by pipes.
    pub(super) fn piped(&mut self, commands: &[Command]) -> Flow {
        let mut pids = Vec::new();
        let mut group = None;
        let mut input: Option<OwnedFd> = None;
        for (index, command) in commands.iter().enumerate() {
            let (reader, writer) = if index + 1 < commands.len() {
                match pipe_with(PipeFlags::CLOEXEC) {
                    Ok((reader, writer)) => (Some(reader), Some(writer)),
                    Err(error) => {
                        self.complain(format_args!("Cannot make a pipe: {}", strerror(error)));
                        break;
                    }
                }
            } else {
                (None, None)
            };
            let from = core::mem::replace(&mut input, reader);
            let started = self.start(group, true, |shell| {
                // The other ends close by themselves when a program is started; here they must be
                // closed by hand, or a reader would never see the end.
                drop(input.take());
                if let Some(from) = from
                    && descriptor::place(from, 0).is_err()
                {
                    return Err(Unwind::Exit);
                }
                if let Some(writer) = writer
                    && descriptor::place(writer, 1).is_err()
                {
                    return Err(Unwind::Exit);
                }
                shell.last_command(command)
            });
            let Some(pid) = started else { break };
            group = group.or(self.jobs.controls_terminal().then_some(pid));
            pids.push(pid);
        }
        drop(input);
        if pids.is_empty() {
            self.status = 2;
            return Ok(());
        }
        self.finish(Job::new(BString::default(), &pids, group))
    }

    /// Waits for a job in the foreground and takes its status.
    pub(crate) fn finish(&mut self, mut job: Job) -> Flow {
        let state = self.jobs.foreground(&mut job);
        let signal = job.processes.last().and_then(|process| process.signal);
        match state {
            State::Done(status) => self.status = status,
            State::Stopped | State::Running => {
                self.status = 128 + 20;
                if job.text.is_empty() {
                    job.text = core::mem::take(&mut self.foreground_text);
                }
                let text = job.text.clone();
                let number = if job.number == 0 {
                    self.jobs.add(job)
                } else {
                    let number = job.number;
                    self.jobs.put_back(job);
                    number
                };
                rt::eprintln!("\n[{number}]+  Stopped                 {text}");
                return Ok(());
            }
        }
        match signal {
            Some(2) if self.is_interactive() => {
                jobs::take_interrupt();
                Err(Unwind::Interrupt)
            }
            // A pipe's writer that nobody reads from any more is nothing to talk about.
            None | Some(2 | 13) => Ok(()),
            Some(signal) => {
                let text = usize::try_from(signal).ok().and_then(|n| rt::signal::TEXTS.get(n));
                match text {
                    Some(text) => rt::eprintln!("{text}"),
                    None => rt::eprintln!("Signal {signal}"),
                }
                Ok(())
            }
        }
    }

    /// Runs `body` in a copy of the shell. `group` is the process group to join; without one the
    /// child begins its own where jobs have their own at all.
    pub(super) fn start(
        &mut self,
        group: Option<Pid>,
        foreground: bool,
        body: impl FnOnce(&mut Self) -> Flow,
    ) -> Option<Pid> {
        match jobs::fork_child(self.is_interactive()) {
            Ok(Fork::Parent(pid)) => {
                if self.jobs.controls_terminal() {
                    // Both sides do this, so that neither can be too late. It fails when the child
                    // has gone on to another program, and then the child has done it.
                    let _ = setpgid(Some(pid), Some(group.unwrap_or(pid)));
                }
                Some(pid)
            }
            Ok(Fork::Child) => {
                if self.jobs.controls_terminal() {
                    let _ = setpgid(None, group);
                    if foreground {
                        let own = group.unwrap_or_else(rt::rustix::process::getpid);
                        let _ = tcsetpgrp(rt::input::stdin(), own);
                    }
                }
                self.become_subshell();
                // Whatever unwinds ends here.
                let _ = body(self);
                rt::exit::exit(ExitCode(self.status))
            }
            Err(error) => {
                self.complain(format_args!("Cannot fork: {}", strerror(error)));
                self.status = 2;
                None
            }
        }
    }

    fn become_subshell(&mut self) {
        self.jobs.forget();
        self.settings.set(b'i', false);
        self.settings.set(b'm', false);
        self.subshell = true;
        self.exit_trap = None;
        self.loops = 0;
    }

    pub(super) fn background(&mut self, and_or: &AndOr) {
        let controlled = self.jobs.controls_terminal();
        let started = self.start(None, false, |shell| {
            if !controlled {
                // It must not take input or ^C from whoever is in the foreground.
                if let Ok(null) = rt::input::open("/dev/null") {
                    let _ = descriptor::place(null, 0);
                }
                let ignore = rt::signal::Action::Ignore;
                let _ = rt::signal::set_action(rt::rustix::process::Signal::INT, ignore);
                let _ = rt::signal::set_action(rt::rustix::process::Signal::QUIT, ignore);
            }
            shell.only_and_or(and_or)
        });
        if let Some(pid) = started {
            self.last_background = Some(pid);
            self.status = 0;
            let text = describe(and_or);
            let number = self.jobs.add(Job::new(text, &[pid], controlled.then_some(pid)));
            if self.is_interactive() {
                rt::eprintln!("[{number}] {}", pid.as_raw_nonzero());
            }
        }
    }

    /// Runs commands in a copy of the shell and returns what they print.
    pub(crate) fn substitute(&mut self, list: &List) -> Result<Vec<u8>, ExpansionError> {
        let failed =
            |error: Errno| ExpansionError(format!("Cannot substitute: {}", strerror(error)).into());
        let (reader, writer) = pipe_with(PipeFlags::CLOEXEC).map_err(failed)?;
        let pid = match jobs::fork_child(self.is_interactive()).map_err(failed)? {
            Fork::Child => {
                drop(reader);
                self.become_subshell();
                if descriptor::place(writer, 1).is_ok() {
                    rt::output::redirected();
                    let _ = match list.0.as_slice() {
                        [item] if !item.background => self.only_and_or(&item.and_or),
                        _ => self.list(list),
                    };
                }
                rt::exit::exit(ExitCode(self.status))
            }
            Fork::Parent(pid) => pid,
        };
        drop(writer);
        let output = rt::input::read_all(reader.as_fd());
        drop(reader);
        if let Ok(status) = rt::process::wait(pid) {
            self.status = rt::process::shell_status(status);
        }
        output.map_err(failed)
    }

    pub(super) fn external(
        &mut self,
        redirections: &[Redirection],
        assignments: Vec<(BString, BString)>,
        arguments: &[BString],
    ) -> Flow {
        let started =
            self.start(None, true, |shell| shell.exec(redirections, assignments, arguments));
        match started {
            Some(pid) => {
                let group = self.jobs.controls_terminal().then_some(pid);
                self.finish(Job::new(BString::default(), &[pid], group))
            }
            None => Ok(()),
        }
    }

    /// Replaces the shell by a program; without one (`exec > file`) only the redirections stay.
    pub(super) fn exec(
        &mut self,
        redirections: &[Redirection],
        assignments: Vec<(BString, BString)>,
        arguments: &[BString],
    ) -> Flow {
        let is_builtin = arguments.first().is_some_and(|name| name == "exec");
        let command = if is_builtin { arguments.get(1..).unwrap_or_default() } else { arguments };
        let saved = match self.redirect(redirections) {
            Ok(saved) => saved,
            Err(error) => {
                self.complain(error.0);
                self.status = 2;
                return if self.is_interactive() { Ok(()) } else { Err(Unwind::Exit) };
            }
        };
        for (name, value) in assignments {
            let set = self.change(name.as_bstr(), |variable| {
                variable.value = Some(value);
                variable.exported = true;
            });
            if let Err(error) = set {
                return self.expansion_failed(error);
            }
        }
        if command.is_empty() {
            saved.keep();
            self.status = 0;
            return Ok(());
        }
        rt::output::flush();
        if self.is_interactive() {
            jobs::restore_signals();
        }
        self.status = self.replace(command);
        if self.is_interactive() {
            jobs::guard_signals();
        }
        saved.restore();
        if self.is_interactive() { Ok(()) } else { Err(Unwind::Exit) }
    }

    /// Replaces this process by a program. It returns only when that failed: with the status.
    fn replace(&mut self, command: &[BString]) -> u8 {
        let Some(name) = command.first() else { return 0 };
        let search_path = self.variable("PATH").cloned().unwrap_or_default();
        let error = match find(name.as_bstr(), search_path.as_bstr()) {
            Ok(path) => {
                let environment = self.exported();
                match (Vector::new(command), Vector::new(&environment)) {
                    (Ok(arguments), Ok(environment)) => {
                        match execute(&path, &arguments, &environment) {
                            // A file of commands without `#!` line.
                            Errno::NOEXEC => return self.script(path.to_bytes(), command),
                            error => error,
                        }
                    }
                    _ => Errno::INVAL,
                }
            }
            Err(error) => error,
        };
        match error {
            Errno::NOENT => {
                self.complain(format_args!("{name}: not found"));
                127
            }
            Errno::ACCESS => {
                self.complain(format_args!("{name}: Permission denied"));
                126
            }
            error => {
                self.complain(format_args!("{name}: {}", strerror(error)));
                126
            }
        }
    }

    fn script(&mut self, path: &[u8], command: &[BString]) -> u8 {
        let text = match rt::input::read_file(path) {
            Ok(text) => text,
            Err(error) => {
                self.complain(format_args!("{}: {}", BStr::new(path), strerror(error)));
                return 126;
            }
        };
        if text.contains(&0) {
            self.complain(format_args!("{}: Exec format error", BStr::new(path)));
            return 126;
        }
        self.name = path.into();
        self.positional = command.get(1..).unwrap_or_default().to_vec();
        self.functions.clear();
        // Whatever unwinds ends here.
        let _ = self.run_text(&text);
        self.status
    }
}
