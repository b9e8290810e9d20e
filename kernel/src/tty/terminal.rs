//! The terminal on the console: an open file with the line discipline between it and the wire.
//!
//! There is one terminal. A session leader that opens it, or asks by `TIOCSCTTY`, makes it its
//! controlling terminal; keys then signal the foreground process group. See tty_ioctl(4).

use super::line_discipline::{KeySignal, LineDiscipline};
use super::termios::{SPEED, Termios, Termios2, WindowSize};
use crate::executor::WaitQueue;
use crate::fs::file::{File, Readiness, TimeLimit};
use crate::fs::ioctl;
use crate::fs::stat::Stat;
use crate::process::signal::Signal;
use crate::sync::TaskCell;
use crate::syscall::errno::Errno;
use crate::syscall::user_memory::{UserPtr, UserReader, UserWriter};
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::any::Any;
use core::time::Duration;
use linux_raw_sys::general::{TCIFLUSH, TCIOFF, TCIOFLUSH, TCION, TCOFLUSH, TCOOFF, TCOON};
use linux_raw_sys::ioctl::{
    TCFLSH, TCGETS, TCGETS2, TCSBRK, TCSBRKP, TCSETS, TCSETS2, TCSETSF, TCSETSF2, TCSETSW,
    TCSETSW2, TCXONC, TIOCGPGRP, TIOCGSID, TIOCGWINSZ, TIOCNOTTY, TIOCOUTQ, TIOCSCTTY, TIOCSPGRP,
    TIOCSWINSZ,
};
use owner::Caller;

/// Bytes that one write processes at a time.
const STEP: usize = 256;

/// What the terminal asks of processes.
#[cfg(target_os = "none")]
mod owner {
    pub(super) use crate::process::terminal_owner::{
        Caller, group_is_in_session, must_stop_for, signal_group,
    };
}

/// On the host no processes exist.
#[cfg(not(target_os = "none"))]
mod owner {
    use super::Signal;

    /// The process that makes a request.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub(super) struct Caller {
        pub(super) session: i32,
        pub(super) group: i32,
        pub(super) leads_session: bool,
    }

    impl Caller {
        pub(super) fn current() -> Option<Self> {
            None
        }
    }

    pub(super) fn must_stop_for(_caller: Caller, _signal: Signal) -> bool {
        false
    }

    pub(super) fn group_is_in_session(_group: i32, _session: i32) -> bool {
        false
    }

    pub(super) fn signal_group(_group: i32, _signal: Signal) {}
}

struct State {
    discipline: LineDiscipline,
    window: WindowSize,
    /// The session that it controls, and the process group in the foreground; 0 for none.
    session: i32,
    foreground: i32,
}

/// A terminal.
pub struct Terminal {
    state: TaskCell<State>,
    /// Woken when there is something to read, or output may go on.
    changed: WaitQueue,
}

/// The terminal on the console.
pub static CONSOLE: Terminal = Terminal::new();

/// The terminal on the console as an open file; `stat` is the device's.
pub fn open(stat: Stat) -> Box<dyn File> {
    Box::new(TerminalFile { terminal: &CONSOLE, stat })
}

/// Bytes that the wire takes now without waiting.
fn room() -> usize {
    #[cfg(target_os = "none")]
    return crate::board::console::room();
    #[cfg(not(target_os = "none"))]
    usize::MAX
}

fn transmit(bytes: &[u8]) {
    #[cfg(target_os = "none")]
    crate::board::console::write(bytes);
    // On the host there is no wire.
    #[cfg(not(target_os = "none"))]
    let _ = bytes;
}

impl Terminal {
    const fn new() -> Self {
        Self {
            state: TaskCell::new(State {
                discipline: LineDiscipline::new(),
                window: WindowSize { rows: 24, columns: 80, width: 0, height: 0 },
                session: 0,
                foreground: 0,
            }),
            changed: WaitQueue::new(),
        }
    }

    /// Takes bytes from the wire.
    pub fn receive(&self, bytes: &[u8]) {
        for &byte in bytes {
            let mut echo = Vec::new();
            let (signal, group) = self
                .state
                .with(|state| (state.discipline.input(byte, &mut echo), state.foreground));
            transmit(&echo);
            if let Some(key) = signal
                && group != 0
            {
                let signal = match key {
                    KeySignal::Interrupt => Signal::INT,
                    KeySignal::Quit => Signal::QUIT,
                    KeySignal::Suspend => Signal::TSTP,
                };
                owner::signal_group(group, signal);
            }
        }
        self.changed.wake_all();
    }

    /// The wire has room again.
    pub fn output_drained(&self) {
        self.changed.wake_all();
    }

    /// Makes it the controlling terminal of a session with a group in the foreground.
    pub fn attach(&self, session: i32, group: i32) {
        self.state.with(|state| (state.session, state.foreground) = (session, group));
    }

    /// The session it controls has lost its leader: nobody is in the foreground any more. Returns
    /// the group that was, which is to be hung up.
    pub fn detach(&self, session: i32) -> Option<i32> {
        self.state.with(|state| {
            let ours = state.session == session && session != 0;
            ours.then(|| {
                state.session = 0;
                core::mem::take(&mut state.foreground)
            })
        })
    }

    /// The session it controls and the group in the foreground, 0 for none.
    pub fn control(&self) -> (i32, i32) {
        self.state.with(|state| (state.session, state.foreground))
    }

    /// A session leader without a terminal opens it.
    pub fn opened_by(&self, session: i32, group: i32) {
        if self.control().0 == 0 {
            self.attach(session, group);
        }
    }

    fn termios(&self) -> Termios {
        self.state.with(|state| *state.discipline.termios())
    }

    /// `flush` also forgets what nobody has read.
    fn set_termios(&self, termios: Termios, flush: bool) {
        self.state.with(|state| {
            if flush {
                state.discipline.flush_input();
            }
            state.discipline.set_termios(termios);
        });
        self.changed.wake_all();
    }

    /// A process of the background that reads is stopped; one that cannot be is told `EIO`.
    fn check_background(&self) -> Result<(), Errno> {
        let Some(caller) = Caller::current() else { return Ok(()) };
        let (session, foreground) = self.control();
        if session == 0 || caller.session != session || caller.group == foreground {
            return Ok(());
        }
        if owner::must_stop_for(caller, Signal::TTIN) {
            owner::signal_group(caller.group, Signal::TTIN);
            return Err(Errno::RESTARTSYS);
        }
        Err(Errno::IO)
    }

    fn set_foreground(&self, group: i32) -> Result<(), Errno> {
        let caller = Caller::current().ok_or(Errno::NOTTY)?;
        let (session, _) = self.control();
        if session == 0 || caller.session != session {
            return Err(Errno::NOTTY);
        }
        if group < 0 {
            return Err(Errno::INVAL);
        }
        if !owner::group_is_in_session(group, session) {
            return Err(Errno::PERM);
        }
        self.state.with(|state| state.foreground = group);
        Ok(())
    }

    fn take_control(&self, force: bool) -> Result<(), Errno> {
        let caller = Caller::current().ok_or(Errno::NOTTY)?;
        let (session, _) = self.control();
        if session == caller.session && caller.leads_session {
            return Ok(());
        }
        if !caller.leads_session || (session != 0 && !force) {
            return Err(Errno::PERM);
        }
        self.attach(caller.session, caller.group);
        Ok(())
    }

    fn ioctl(&self, request: u32, argument: u64) -> Result<usize, Errno> {
        let number = argument as i32;
        match request {
            TCGETS => UserPtr::new(argument).write(&self.termios())?,
            TCGETS2 => {
                let termios = self.termios();
                let both = Termios2 { termios, input_speed: SPEED, output_speed: SPEED };
                UserPtr::new(argument).write(&both)?;
            }
            TCSETS | TCSETSW | TCSETSF => {
                let termios = UserPtr::<Termios>::new(argument).read()?;
                self.set_termios(termios, request == TCSETSF);
            }
            TCSETS2 | TCSETSW2 | TCSETSF2 => {
                let both = UserPtr::<Termios2>::new(argument).read()?;
                self.set_termios(both.termios, request == TCSETSF2);
            }
            TIOCGWINSZ => UserPtr::new(argument).write(&self.state.with(|state| state.window))?,
            TIOCSWINSZ => self.set_window(UserPtr::<WindowSize>::new(argument).read()?),
            TIOCGPGRP => UserPtr::new(argument).write(&self.control().1)?,
            TIOCSPGRP => self.set_foreground(UserPtr::<i32>::new(argument).read()?)?,
            TIOCGSID => match self.control().0 {
                0 => return Err(Errno::NOTTY),
                session => UserPtr::new(argument).write(&session)?,
            },
            TIOCSCTTY => self.take_control(number == 1)?,
            TIOCNOTTY => self.give_up()?,
            // Output is on the wire as soon as it is written.
            TIOCOUTQ => UserPtr::new(argument).write(&0_i32)?,
            TCSBRK | TCSBRKP => {}
            TCFLSH => match argument as u32 {
                TCIFLUSH | TCIOFLUSH => self.state.with(|state| state.discipline.flush_input()),
                TCOFLUSH => {}
                _ => return Err(Errno::INVAL),
            },
            TCXONC => match argument as u32 {
                TCOOFF => self.state.with(|state| state.discipline.set_stopped(true)),
                TCOON => {
                    self.state.with(|state| state.discipline.set_stopped(false));
                    self.changed.wake_all();
                }
                TCIOFF | TCION => {}
                _ => return Err(Errno::INVAL),
            },
            _ => {
                let available = self.state.with(|state| state.discipline.readable_bytes());
                return ioctl::bytes_available(request, argument, available);
            }
        }
        Ok(0)
    }

    fn set_window(&self, window: WindowSize) {
        let changed = self.state.with(|state| {
            let changed = state.window != window;
            state.window = window;
            (changed && state.foreground != 0).then_some(state.foreground)
        });
        if let Some(group) = changed {
            owner::signal_group(group, Signal::WINCH);
        }
    }

    fn give_up(&self) -> Result<(), Errno> {
        let caller = Caller::current().ok_or(Errno::NOTTY)?;
        if caller.session != self.control().0 {
            return Err(Errno::NOTTY);
        }
        if caller.leads_session
            && let Some(group) = self.detach(caller.session)
        {
            owner::signal_group(group, Signal::HUP);
            owner::signal_group(group, Signal::CONT);
        }
        Ok(())
    }
}

/// The terminal, open.
struct TerminalFile {
    terminal: &'static Terminal,
    stat: Stat,
}

impl File for TerminalFile {
    fn try_read(&self, to: &mut UserWriter<'_>) -> Result<usize, Errno> {
        self.terminal.check_background()?;
        let room = to.remaining();
        let bytes = self.terminal.state.with(|state| state.discipline.read(room));
        to.copy(&bytes.ok_or(Errno::AGAIN)?)
    }

    fn try_write(&self, from: &mut UserReader<'_>) -> Result<usize, Errno> {
        if self.terminal.state.with(|state| state.discipline.is_stopped()) {
            return Err(Errno::AGAIN);
        }
        // A byte can become two on the wire. Programs wait for the wire, the kernel never does.
        let count = STEP.min(room() / 2);
        if count == 0 {
            return Err(Errno::AGAIN);
        }
        let mut step = [0; STEP];
        let count = from.copy(&mut step[..count])?;
        let mut wire = Vec::new();
        self.terminal.state.with(|state| {
            for &byte in &step[..count] {
                state.discipline.output_byte(byte, &mut wire);
            }
        });
        transmit(&wire);
        Ok(count)
    }

    fn readiness(&self) -> Readiness {
        self.terminal.state.with(|state| {
            let mut ready = Readiness::empty();
            ready.set(Readiness::IN, state.discipline.is_readable());
            ready.set(Readiness::OUT, !state.discipline.is_stopped() && room() >= 2 * STEP);
            ready
        })
    }

    fn wait_queue(&self) -> Option<&WaitQueue> {
        Some(&self.terminal.changed)
    }

    fn read_limit(&self) -> Option<TimeLimit> {
        let tenths = self.terminal.state.with(|state| state.discipline.read_timeout())?;
        let after = Duration::from_millis(100) * u32::from(tenths);
        Some(TimeLimit { after, result: Ok(0) })
    }

    fn ioctl(&self, request: u32, argument: u64) -> Result<usize, Errno> {
        self.terminal.ioctl(request, argument)
    }

    fn stat(&self) -> Result<Stat, Errno> {
        Ok(self.stat)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// Whether an open file is the terminal.
pub fn is_terminal(file: &dyn File) -> bool {
    file.as_any().is::<TerminalFile>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fs::stat::{DeviceNumber, Kind};

    fn file() -> TerminalFile {
        let terminal = Box::leak(Box::new(Terminal::new()));
        let stat = Stat::new(DeviceNumber::new(0, 5), 2, Kind::Character, 0o600);
        TerminalFile { terminal, stat }
    }

    #[test]
    fn lines_wake_readers_and_output_waits_for_a_key() {
        let file = file();
        let mut line = [0; 16];
        let read = |to: &mut [u8]| file.try_read(&mut UserWriter::from_bytes(to));
        assert_eq!(read(&mut line), Err(Errno::AGAIN));
        assert_eq!(file.readiness(), Readiness::OUT);
        file.terminal.receive(b"ls\r");
        assert_eq!(file.readiness(), Readiness::OUT | Readiness::IN);
        assert_eq!(read(&mut line), Ok(3));
        assert_eq!(&line[..3], b"ls\n");
        let write = || file.try_write(&mut UserReader::from_bytes(&[b'x'; 300]));
        assert_eq!(write(), Ok(STEP), "a step at a time");
        file.terminal.receive(b"\x13");
        assert_eq!(write(), Err(Errno::AGAIN));
        assert_eq!(file.readiness(), Readiness::empty());
        file.terminal.receive(b"\x11");
        assert_eq!(write(), Ok(STEP));
    }

    #[test]
    fn a_session_has_it_until_its_leader_goes() {
        let file = file();
        file.terminal.opened_by(5, 5);
        file.terminal.opened_by(9, 9);
        assert_eq!(file.terminal.control(), (5, 5), "the first keeps it");
        assert_eq!(file.terminal.detach(9), None);
        assert_eq!(file.terminal.detach(5), Some(5));
        assert_eq!(file.terminal.control(), (0, 0));
    }

    #[test]
    fn unknown_requests_and_bad_pointers() {
        let file = file();
        assert_eq!(file.ioctl(0x1234, 0), Err(Errno::NOTTY));
        assert_eq!(file.ioctl(TCGETS, 0), Err(Errno::FAULT));
        assert_eq!(file.ioctl(TCFLSH, 9), Err(Errno::INVAL));
        assert_eq!(file.ioctl(TCFLSH, u64::from(TCIFLUSH)), Ok(0));
        assert_eq!(file.ioctl(TIOCGSID, 0), Err(Errno::NOTTY));
    }
}
