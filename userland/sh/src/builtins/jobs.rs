//! `jobs`, `wait`, `fg`, `bg`, `kill`, `times`.

use alloc::vec::Vec;

use rt::bstr::{BString, ByteSlice};
use rt::rustix::io::Errno;
use rt::rustix::process::{Signal, kill_process_group};
use rt::strerror;

use super::complain;
use crate::jobs::{Job, State, take_interrupt};
use crate::run::Flow;
use crate::shell::Shell;

/// `jobs [-l]`
pub(super) fn list(shell: &mut Shell, arguments: &[BString]) -> Flow {
    let long = arguments.get(1).is_some_and(|option| option == "-l");
    let marks = Marks::new(shell);
    let done = shell.jobs.reap();
    let mut jobs: Vec<&Job> = shell.jobs.list().iter().chain(&done).collect();
    jobs.sort_by_key(|job| job.number);
    for job in jobs {
        show(job, marks.of(job), long);
    }
    Ok(())
}

/// The two jobs that have a mark: the last one, `%+`, and the one before, `%-`.
struct Marks([Option<usize>; 2]);

impl Marks {
    /// As the jobs are before those that are done have gone.
    fn new(shell: &Shell) -> Self {
        let mut numbers = shell.jobs.list().iter().rev().map(|job| job.number);
        Self([numbers.next(), numbers.next()])
    }

    fn of(&self, job: &Job) -> char {
        match self.0.iter().position(|number| *number == Some(job.number)) {
            Some(0) => '+',
            Some(_) => '-',
            None => ' ',
        }
    }
}

fn show(job: &Job, mark: char, long: bool) {
    let state: BString = match job.state() {
        State::Running => "Running".into(),
        State::Stopped => "Stopped".into(),
        State::Done(0) => "Done".into(),
        State::Done(_) if job.signal_text().is_some() => job.signal_text().unwrap_or("").into(),
        State::Done(status) => alloc::format!("Done({status})").into(),
    };
    match job.processes.first() {
        Some(process) if long => {
            let pid = process.pid.as_raw_nonzero();
            rt::println!("[{}]{mark} {pid} {state:<24}{}", job.number, job.text);
        }
        _ => rt::println!("[{}]{mark}  {state:<24}{}", job.number, job.text),
    }
}

/// Prints what has ended since the last prompt.
pub fn announce(shell: &mut Shell) {
    let marks = Marks::new(shell);
    for job in shell.jobs.reap() {
        show(&job, marks.of(&job), false);
    }
}

/// `wait [PID|%JOB]...`: the status is that of the last one.
pub(super) fn wait(shell: &mut Shell, arguments: &[BString]) -> Flow {
    let names = arguments.get(1..).unwrap_or_default();
    if names.is_empty() {
        while !shell.jobs.list().is_empty() {
            if !wait_for(shell, 0) {
                shell.status = 130;
                return Ok(());
            }
        }
        shell.status = 0;
        return Ok(());
    }
    for name in names {
        match shell.jobs.find(name) {
            Some(index) => {
                if !wait_for(shell, index) {
                    shell.status = 130;
                    return Ok(());
                }
            }
            None => shell.status = 127,
        }
    }
    Ok(())
}

/// Waits for a job and forgets it; false when ^C came first.
fn wait_for(shell: &mut Shell, index: usize) -> bool {
    let Some(mut job) = shell.jobs.take(index) else { return true };
    // A stopped program may still be continued by somebody else, and end.
    job.resume();
    match shell.jobs.wait(&mut job, false, shell.is_interactive()) {
        State::Done(status) => {
            shell.status = status;
            true
        }
        State::Running | State::Stopped => {
            shell.jobs.put_back(job);
            take_interrupt();
            rt::eprintln!();
            false
        }
    }
}

fn resumed(shell: &mut Shell, arguments: &[BString]) -> Option<Job> {
    let name = arguments.get(1).map_or(b"".as_slice(), |name| name.as_slice());
    let job = shell.jobs.find(name).and_then(|index| shell.jobs.take(index));
    let Some(mut job) = job else {
        let _ = complain(shell, arguments, 1, "no such job");
        return None;
    };
    if let Some(group) = job.group {
        // A job that has ended in the meantime can't be continued, and need not be.
        let _ = kill_process_group(group, Signal::CONT);
    }
    job.resume();
    Some(job)
}

/// `fg [%JOB]`
pub(super) fn foreground(shell: &mut Shell, arguments: &[BString]) -> Flow {
    let Some(job) = resumed(shell, arguments) else { return Ok(()) };
    rt::println!("{}", job.text);
    rt::output::flush();
    shell.finish(job)
}

/// `bg [%JOB]`
pub(super) fn background(shell: &mut Shell, arguments: &[BString]) -> Flow {
    if let Some(job) = resumed(shell, arguments) {
        rt::println!("[{}] {}", job.number, job.text);
        shell.jobs.put_back(job);
    }
    Ok(())
}

/// `kill [-SIGNAL] PID|%JOB...`; jobs are why the shell has a `kill` of its own.
pub(super) fn kill(shell: &mut Shell, arguments: &[BString]) -> Flow {
    let mut targets = arguments.get(1..).unwrap_or_default();
    let mut number = Signal::TERM.as_raw();
    if let Some((first, rest)) = targets.split_first() {
        let wanted = match (first.as_slice(), rest.split_first()) {
            (b"-l", _) => {
                for name in rt::signal::NAMES.iter().skip(1) {
                    rt::println!("{name}");
                }
                return Ok(());
            }
            (b"--", _) => None,
            (b"-s" | b"-n", Some((name, rest))) => {
                targets = rest;
                Some(name.as_slice())
            }
            ([b'-', name @ ..], _) => {
                targets = rest;
                Some(name)
            }
            _ => None,
        };
        if let Some(name) = wanted {
            match rt::signal::number(name) {
                Some(known) => number = known,
                None => {
                    let name = name.as_bstr();
                    return complain(
                        shell,
                        arguments,
                        2,
                        format_args!("invalid signal number or name: {name}"),
                    );
                }
            }
        }
    }
    if next_is_end(targets) {
        targets = targets.get(1..).unwrap_or_default();
    }
    if targets.is_empty() {
        return complain(shell, arguments, 2, "usage: kill [-SIGNAL] PID|%JOB...");
    }
    for target in targets {
        if let Err(error) = send(shell, target, number) {
            match error {
                Some(error) => {
                    complain(
                        shell,
                        arguments,
                        1,
                        format_args!("({target}) - {}", strerror(error)),
                    )?;
                }
                None => complain(shell, arguments, 2, format_args!("Illegal number: {target}"))?,
            }
        }
    }
    Ok(())
}

fn next_is_end(arguments: &[BString]) -> bool {
    arguments.first().is_some_and(|first| first == "--")
}

/// Sends signal `number` (0 only asks whether one could). No error number: there is no such job or
/// it is no number.
fn send(shell: &Shell, target: &BString, number: i32) -> Result<(), Option<Errno>> {
    if target.starts_with(b"%") {
        let job = shell.jobs.find(target).and_then(|index| shell.jobs.list().get(index));
        let job = job.ok_or(Some(Errno::SRCH))?;
        return match job.group {
            Some(group) => {
                let result = rt::process::send_signal(-group.as_raw_nonzero().get(), number);
                // A stopped program would not notice before it goes on.
                if job.state() == State::Stopped
                    && matches!(Signal::from_named_raw(number), Some(Signal::TERM | Signal::HUP))
                {
                    let _ = kill_process_group(group, Signal::CONT);
                }
                result
            }
            None => (job.processes.iter()).try_for_each(|process| {
                rt::process::send_signal(process.pid.as_raw_nonzero().get(), number)
            }),
        }
        .map_err(Some);
    }
    let pid: i32 = target.to_str().ok().and_then(|text| text.parse().ok()).ok_or(None)?;
    rt::process::send_signal(pid, number).map_err(Some)
}

/// `times`: user and system time of the shell, then of its children.
pub(super) fn times(_shell: &mut Shell, _arguments: &[BString]) -> Flow {
    for who in [rt::process::Usage::own(), rt::process::Usage::children()] {
        let (user, system) = (who.user, who.system);
        let show = |time: core::time::Duration| {
            alloc::format!(
                "{}m{}.{:03}s",
                time.as_secs() / 60,
                time.as_secs() % 60,
                time.subsec_millis()
            )
        };
        rt::println!("{} {}", show(user), show(system));
    }
    Ok(())
}
