//! Programs the shell has started: waiting for them, the terminal's foreground group, `jobs`.

use alloc::vec::Vec;
use core::sync::atomic::{AtomicBool, Ordering};

use rt::bstr::BString;
use rt::process::{Fork, shell_status};
use rt::rustix::io::Errno;
use rt::rustix::process::{
    Pid, Signal, WaitOptions, WaitStatus, kill_process_group, setpgid, waitpid,
};
use rt::rustix::termios;
use rt::signal::{self, Action, Mask};

/// A signal said that the user pressed ^C.
static INTERRUPTED: AtomicBool = AtomicBool::new(false);

extern "C" fn note_interrupt(_signal: i32) {
    INTERRUPTED.store(true, Ordering::Relaxed);
}

/// Whether ^C was pressed since the last time this was asked.
pub fn take_interrupt() -> bool {
    INTERRUPTED.swap(false, Ordering::Relaxed)
}

/// Signals that an interactive shell does not die of.
const HARMLESS: [Signal; 5] =
    [Signal::TERM, Signal::QUIT, Signal::TTIN, Signal::TTOU, Signal::TSTP];

/// What an interactive shell does with signals: ^C is noted, the others do nothing.
pub fn guard_signals() {
    // Failure would mean that a signal can't be changed; then it keeps its meaning.
    let _ = signal::set_action(Signal::INT, Action::Handle(note_interrupt));
    for harmless in HARMLESS {
        let _ = signal::set_action(harmless, Action::Ignore);
    }
}

/// Undoes [`guard_signals`] in a child.
pub fn restore_signals() {
    for signal in HARMLESS.into_iter().chain([Signal::INT]) {
        let _ = signal::set_action(signal, Action::Default);
    }
}

/// Makes a child that has the signals' default actions when `guarded` ones are in force here.
///
/// Signals are held back until the child has restored them: one sent to it right after its birth
/// must not be ignored because this shell ignores it.
pub fn fork_child(guarded: bool) -> Result<Fork, Errno> {
    if !guarded {
        return rt::process::fork();
    }
    let mask = signal::block(Mask(u64::MAX))?;
    let fork = rt::process::fork();
    if fork == Ok(Fork::Child) {
        restore_signals();
    }
    // It was in force a moment ago, so it is valid.
    let _ = signal::set_mask(mask);
    fork
}

/// How a program is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It runs.
    Running,
    /// It was stopped, by ^Z for example.
    Stopped,
    /// It ended with this status, as `$?` shows it.
    Done(u8),
}

/// One program of a job.
#[derive(Clone, Copy, Debug)]
pub struct Process {
    /// Its id.
    pub pid: Pid,
    /// How it is doing.
    pub state: State,
    /// The signal it ended of.
    pub signal: Option<i32>,
}

/// A pipeline.
#[derive(Clone, Debug)]
pub struct Job {
    /// The number after `%`.
    pub number: usize,
    /// What was typed, as far as it is known.
    pub text: BString,
    /// Its programs in the order of the pipeline.
    pub processes: Vec<Process>,
    /// Its process group, where it has its own.
    pub group: Option<Pid>,
}

impl Job {
    /// A job of programs that were just started.
    #[must_use]
    pub fn new(text: BString, pids: &[Pid], group: Option<Pid>) -> Self {
        let process = |&pid| Process { pid, state: State::Running, signal: None };
        Self { number: 0, text, processes: pids.iter().map(process).collect(), group }
    }

    /// Running as long as one program runs, done when all are: then with the status of the last.
    #[must_use]
    pub fn state(&self) -> State {
        let has = |state| self.processes.iter().any(|process| process.state == state);
        if has(State::Running) {
            State::Running
        } else if has(State::Stopped) {
            State::Stopped
        } else {
            self.processes.last().map_or(State::Done(0), |process| process.state)
        }
    }

    /// What a shell says about the signal that ended it, if one did.
    #[must_use]
    pub fn signal_text(&self) -> Option<&'static str> {
        let signal = self.processes.last()?.signal?;
        signal::TEXTS.get(usize::try_from(signal).ok()?).copied()
    }

    /// Takes its stopped programs for running again.
    pub fn resume(&mut self) {
        for process in &mut self.processes {
            if process.state == State::Stopped {
                process.state = State::Running;
            }
        }
    }

    fn note(&mut self, pid: Pid, status: WaitStatus) {
        let Some(process) = self.processes.iter_mut().find(|process| process.pid == pid) else {
            return;
        };
        process.state = if status.stopped() {
            State::Stopped
        } else if status.continued() {
            State::Running
        } else {
            process.signal = status.terminating_signal();
            State::Done(shell_status(status))
        };
    }
}

/// The jobs that are not in the foreground.
#[derive(Debug, Default)]
pub struct Jobs {
    list: Vec<Job>,
    /// The shell's own process group, when it controls a terminal.
    terminal_group: Option<Pid>,
}

impl Jobs {
    /// Takes over the terminal: from now on every job has its own process group. False when there
    /// is no terminal that can be controlled.
    pub fn control_terminal(&mut self) -> bool {
        let terminal = rt::input::stdin();
        let own = rt::rustix::process::getpid();
        // A session leader is the leader of its group already and may not change it.
        let _ = setpgid(None, None);
        let leads = rt::rustix::process::getpgrp() == own;
        if leads && termios::tcsetpgrp(terminal, own).is_ok() {
            self.terminal_group = Some(own);
        }
        self.terminal_group.is_some()
    }

    /// Whether jobs have their own process groups.
    #[must_use]
    pub fn controls_terminal(&self) -> bool {
        self.terminal_group.is_some()
    }

    /// In a child: the jobs are its parent's, and so is the terminal.
    pub fn forget(&mut self) {
        self.list.clear();
        self.terminal_group = None;
    }

    /// Adds a job and returns its number.
    pub fn add(&mut self, mut job: Job) -> usize {
        job.number = self.list.iter().map(|job| job.number).max().unwrap_or(0) + 1;
        let number = job.number;
        self.list.push(job);
        number
    }

    /// Puts a job back that was taken out, with its number.
    pub fn put_back(&mut self, job: Job) {
        let at = self.list.iter().position(|other| other.number > job.number);
        self.list.insert(at.unwrap_or(self.list.len()), job);
    }

    /// All jobs.
    #[must_use]
    pub fn list(&self) -> &[Job] {
        &self.list
    }

    /// The job that `%2`, `%%`, `%+`, a process id or nothing means: where it is in the list.
    #[must_use]
    pub fn find(&self, name: &[u8]) -> Option<usize> {
        match name {
            b"" | b"%" | b"%%" | b"%+" => self.list.len().checked_sub(1),
            b"%-" => self.list.len().checked_sub(2),
            [b'%', digits @ ..] => {
                let number = usize::try_from(rt::number::decimal(digits)?).ok()?;
                self.list.iter().position(|job| job.number == number)
            }
            digits => {
                let pid = Pid::from_raw(i32::try_from(rt::number::decimal(digits)?).ok()?)?;
                self.list
                    .iter()
                    .position(|job| job.processes.iter().any(|process| process.pid == pid))
            }
        }
    }

    /// Takes a job out of the list.
    pub fn take(&mut self, index: usize) -> Option<Job> {
        (index < self.list.len()).then(|| self.list.remove(index))
    }

    /// Notes what has happened to the jobs, without waiting; returns those that are done.
    pub fn reap(&mut self) -> Vec<Job> {
        let options = WaitOptions::NOHANG | WaitOptions::UNTRACED | WaitOptions::CONTINUED;
        while let Ok(Some((pid, status))) = rt::rustix::process::wait(options) {
            self.list.iter_mut().for_each(|job| job.note(pid, status));
        }
        let done = |job: &mut Job| matches!(job.state(), State::Done(_));
        self.list.extract_if(.., done).collect()
    }

    /// Gives the terminal to a job, waits until it ends or stops, and takes the terminal back.
    pub fn foreground(&mut self, job: &mut Job) -> State {
        let terminal = rt::input::stdin();
        let modes = termios::tcgetattr(terminal);
        let controlled = self.terminal_group.filter(|_| job.group.is_some());
        if let (Some(_), Some(group)) = (controlled, job.group) {
            // A job that has ended already needs no terminal.
            let _ = termios::tcsetpgrp(terminal, group);
            // ^C that was typed before the job had the terminal came here.
            if take_interrupt() {
                let _ = kill_process_group(group, Signal::INT);
            }
        }
        let state = self.wait(job, controlled.is_some(), false);
        if let Some(own) = controlled {
            let _ = termios::tcsetpgrp(terminal, own);
            // A program that a signal ended may have left the terminal in a strange mode.
            let unclean = job.processes.iter().any(|process| process.signal.is_some());
            if let (true, Ok(modes)) = (unclean || state == State::Stopped, modes) {
                let _ = termios::tcsetattr(terminal, termios::OptionalActions::Now, &modes);
            }
        }
        state
    }

    /// Waits until a job ends (or stops, where it may). With `interruptible`, ^C ends the waiting
    /// and the job goes on.
    pub fn wait(&mut self, job: &mut Job, may_stop: bool, interruptible: bool) -> State {
        let options = if may_stop { WaitOptions::UNTRACED } else { WaitOptions::empty() };
        loop {
            let Some(pid) = (job.processes.iter())
                .find(|process| process.state == State::Running)
                .map(|process| process.pid)
            else {
                return job.state();
            };
            match waitpid(Some(pid), options) {
                Ok(Some((pid, status))) => job.note(pid, status),
                Err(Errno::INTR) if interruptible && INTERRUPTED.load(Ordering::Relaxed) => {
                    return State::Running;
                }
                Ok(None) | Err(Errno::INTR) => {}
                // Somebody else has waited for it: nothing more will be learned.
                Err(_) => job
                    .processes
                    .iter_mut()
                    .filter(|process| process.pid == pid)
                    .for_each(|process| process.state = State::Done(127)),
            }
        }
    }
}
