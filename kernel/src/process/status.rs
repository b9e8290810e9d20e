//! How a process ended or paused, and how wait(2) encodes it.

use super::signal::Signal;
use linux_raw_sys::general::{CLD_CONTINUED, CLD_EXITED, CLD_KILLED, CLD_STOPPED};

/// How a process ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ExitStatus {
    /// By exit(2), with the low eight bits of its argument.
    Exited(u8),
    /// By a signal.
    Killed(Signal),
}

/// What a parent can wait for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Change {
    /// The child has ended.
    Ended(ExitStatus),
    /// The child was stopped by a signal.
    Stopped(Signal),
    /// The child goes on after SIGCONT.
    Continued,
}

impl Change {
    /// The status word of wait4(2).
    pub const fn wait_status(self) -> i32 {
        match self {
            Self::Ended(ExitStatus::Exited(code)) => (code as i32) << 8,
            Self::Ended(ExitStatus::Killed(signal)) => signal.number() as i32,
            Self::Stopped(signal) => (signal.number() as i32) << 8 | 0x7f,
            Self::Continued => 0xffff,
        }
    }

    /// `si_code` and `si_status` of the SIGCHLD that tells of it.
    pub const fn child_code(self) -> (i32, i32) {
        match self {
            Self::Ended(ExitStatus::Exited(code)) => (CLD_EXITED as i32, code as i32),
            Self::Ended(ExitStatus::Killed(signal)) => (CLD_KILLED as i32, signal.number() as i32),
            Self::Stopped(signal) => (CLD_STOPPED as i32, signal.number() as i32),
            Self::Continued => (CLD_CONTINUED as i32, Signal::CONT.number() as i32),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_wait() {
        for (change, word, code) in [
            (Change::Ended(ExitStatus::Exited(0)), 0, (1, 0)),
            (Change::Ended(ExitStatus::Exited(255)), 0xff00, (1, 255)),
            (Change::Ended(ExitStatus::Killed(Signal::KILL)), 9, (2, 9)),
            (Change::Stopped(Signal::TSTP), 0x147f, (5, 20)),
            (Change::Continued, 0xffff, (6, 18)),
        ] {
            assert_eq!((change.wait_status(), change.child_code()), (word, code));
        }
    }
}
