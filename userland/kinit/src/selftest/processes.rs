//! Making processes, running programs, waiting, signals.

use alloc::string::ToString;
use alloc::vec::Vec;

use rt::ExitCode;
use rt::process::{Fork, Vector, execute, fork, wait};
use rt::rustix::io::Errno;
use rt::rustix::process::{Pid, Signal, WaitStatus, getpid, getppid, kill_process};

use super::{Outcome, Test, because, check};

pub(super) const TESTS: &[Test] = &[
    Test { name: "processes: a child ends with its own status", run: exit_status },
    Test { name: "processes: a child has its own copy of memory", run: separate_memory },
    Test { name: "processes: a program gets its arguments and environment", run: arguments },
    Test { name: "processes: a program that is not there is ENOENT", run: missing_program },
    Test { name: "processes: SIGINT, SIGTERM and SIGKILL end a process", run: signals },
    Test { name: "processes: a handler runs and the program goes on", run: handler },
    Test { name: "processes: an orphan becomes a child of the first process", run: orphan },
    Test { name: "processes: a hundred processes leave no memory behind", run: no_leak },
    Test { name: "processes: two hundred programs leave no memory behind", run: no_program_leak },
];

/// Runs `body` in a child and returns how that ended.
pub(super) fn in_child(body: impl FnOnce() -> u8) -> Result<WaitStatus, alloc::string::String> {
    let child = match because("fork", fork())? {
        Fork::Child => rt::exit::exit_now(ExitCode(body())),
        Fork::Parent(child) => child,
    };
    because("wait4", wait(child))
}

fn exit_status() -> Outcome {
    for wanted in [0, 1, 42, 255] {
        let status = in_child(|| wanted)?;
        check!(status.exit_status() == Some(i32::from(wanted)), "{wanted} became {status:?}");
    }
    let parent = getpid();
    let status = in_child(|| u8::from(getppid() != Some(parent) || getpid() == parent))?;
    check!(status.exit_status() == Some(0), "the child's idea of its parent: {status:?}");
    Ok(())
}

fn separate_memory() -> Outcome {
    let mut values = Vec::from([1u8, 2, 3]);
    let status = in_child(|| {
        values.fill(9);
        values.iter().sum()
    })?;
    check!(status.exit_status() == Some(27), "the child wrote to its copy: {status:?}");
    check!(values == [1, 2, 3], "the parent's copy changed: {values:?}");
    Ok(())
}

fn arguments() -> Outcome {
    let script = "test \"$1-$VALUE-$#\" = 'a b-x y-2'";
    let status = in_child(|| {
        let arguments = Vector::new(["sh", "-c", script, "name", "a b", ""]);
        let environment = Vector::new(["PATH=/bin", "VALUE=x y"]);
        if let (Ok(arguments), Ok(environment)) = (arguments, environment) {
            execute(c"/bin/sh", &arguments, &environment);
        }
        126
    })?;
    check!(status.exit_status() == Some(0), "{status:?}");
    Ok(())
}

fn missing_program() -> Outcome {
    let status = in_child(|| {
        let nothing = Vector::new([""; 0]);
        match nothing {
            Ok(nothing) => u8::from(execute(c"/bin/nothing", &nothing, &nothing) != Errno::NOENT),
            Err(_) => 2,
        }
    })?;
    check!(status.exit_status() == Some(0), "{status:?}");
    Ok(())
}

/// Starts a child that waits for ever.
fn sleeper() -> Result<Pid, alloc::string::String> {
    match because("fork", fork())? {
        Fork::Child => loop {
            // A signal that does not end the process ends this sleep, and the next one begins.
            let _ = rt::rustix::event::poll(&mut [], None);
        },
        Fork::Parent(child) => Ok(child),
    }
}

fn signals() -> Outcome {
    for signal in [Signal::INT, Signal::TERM, Signal::KILL] {
        let child = sleeper()?;
        because("kill", kill_process(child, signal))?;
        let status = because("wait4", wait(child))?;
        check!(
            status.terminating_signal() == Some(signal.as_raw()),
            "{signal:?} made it {status:?}"
        );
        let again = kill_process(child, signal);
        check!(again == Err(Errno::SRCH), "a signal to nobody: {again:?}");
    }
    Ok(())
}

fn handler() -> Outcome {
    use core::sync::atomic::{AtomicI32, Ordering};
    static SEEN: AtomicI32 = AtomicI32::new(0);
    extern "C" fn note(signal: i32) {
        SEEN.store(signal, Ordering::Relaxed);
    }
    let status = in_child(|| {
        let action = rt::signal::Action::Handle(note);
        if rt::signal::set_action(Signal::USR1, action).is_err() {
            return 2;
        }
        let sent = kill_process(getpid(), Signal::USR1);
        u8::from(sent.is_err() || SEEN.load(Ordering::Relaxed) != Signal::USR1.as_raw())
    })?;
    check!(status.exit_status() == Some(0), "{status:?}");
    Ok(())
}

fn orphan() -> Outcome {
    let init = Pid::INIT;
    check!(getpid() == init, "this is process {}, not the first one", getpid().as_raw_nonzero());
    let child = in_child(|| match fork() {
        // The grandchild waits until its parent is gone, and tells by its status.
        Ok(Fork::Child) => {
            for _ in 0..1000 {
                if getppid() == Some(Pid::INIT) {
                    rt::exit::exit_now(ExitCode(77));
                }
                rt::rustix::thread::sched_yield();
            }
            rt::exit::exit_now(ExitCode(1))
        }
        Ok(Fork::Parent(_)) => 0,
        Err(_) => 1,
    })?;
    check!(child.exit_status() == Some(0), "{child:?}");
    let options = rt::rustix::process::WaitOptions::empty();
    let adopted = because("wait4", rt::rustix::process::wait(options))?;
    let status = adopted.and_then(|(_, status)| status.exit_status());
    check!(status == Some(77), "the adopted child: {adopted:?}");
    Ok(())
}

/// MemFree of /proc/meminfo in KiB.
pub(super) fn free_memory() -> Result<u64, alloc::string::String> {
    let text = because("/proc/meminfo", rt::input::read_file("/proc/meminfo"))?;
    let text = alloc::string::String::from_utf8_lossy(&text).to_string();
    text.lines()
        .find_map(|line| line.strip_prefix("MemFree:"))
        .and_then(|rest| rest.trim().trim_end_matches(" kB").parse().ok())
        .ok_or_else(|| alloc::format!("no MemFree in:\n{text}"))
}

/// Runs `body` again and again; less than half a page each time may be missing afterwards.
fn leaves_nothing(times: u64, body: impl Fn() -> Outcome) -> Outcome {
    // The first one may make the kernel grow tables that it keeps.
    body()?;
    let before = free_memory()?;
    for _ in 0..times {
        body()?;
    }
    let after = free_memory()?;
    check!(after + times * 2 >= before, "{before} KiB were free, now {after}");
    Ok(())
}

fn no_leak() -> Outcome {
    leaves_nothing(100, || in_child(|| 0).map(|_| ()))
}

fn no_program_leak() -> Outcome {
    leaves_nothing(200, || {
        let status = in_child(|| {
            let nothing = Vector::new([""; 0]);
            if let (Ok(arguments), Ok(environment)) = (Vector::new(["false"]), nothing) {
                execute(c"/bin/false", &arguments, &environment);
            }
            126
        })?;
        check!(status.exit_status() == Some(1), "/bin/false: {status:?}");
        Ok(())
    })
}
