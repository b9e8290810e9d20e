//! Signals: signal(7). Sets, actions, what is pending and what is delivered next.
//!
//! Pure state of one process; sending to processes and groups is `process::kill`, entering
//! handlers `signal_frame`.

use crate::syscall::user_memory::plain;
use linux_raw_sys::general::{
    SA_NOCLDSTOP, SA_NOCLDWAIT, SA_NODEFER, SA_RESETHAND, SA_RESTART, SIGABRT, SIGALRM, SIGBUS,
    SIGCHLD, SIGCONT, SIGFPE, SIGHUP, SIGILL, SIGINT, SIGKILL, SIGPIPE, SIGQUIT, SIGSEGV, SIGSTOP,
    SIGSYS, SIGTERM, SIGTRAP, SIGTSTP, SIGTTIN, SIGTTOU, SIGURG, SIGWINCH, SIGXCPU, SIGXFSZ,
};

/// Number of signals; they are counted from 1.
pub const SIGNALS: usize = 64;

/// A signal number, 1 to 64.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Signal(u8);

/// What a signal does when the program has said nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DefaultAction {
    /// The process ends.
    Terminate,
    /// The process ends, and where there are core dumps leaves one.
    Core,
    /// Nothing.
    Ignore,
    /// The process stops until it is continued.
    Stop,
    /// A stopped process goes on.
    Continue,
}

macro_rules! signals {
    ($($name:ident = $value:ident;)*) => {
        impl Signal {
            $(
                #[doc = concat!("`", stringify!($value), "`.")]
                pub const $name: Self = Self($value as u8);
            )*
        }
    };
}

signals! {
    HUP = SIGHUP;
    INT = SIGINT;
    QUIT = SIGQUIT;
    ILL = SIGILL;
    TRAP = SIGTRAP;
    ABRT = SIGABRT;
    BUS = SIGBUS;
    FPE = SIGFPE;
    KILL = SIGKILL;
    SEGV = SIGSEGV;
    PIPE = SIGPIPE;
    ALRM = SIGALRM;
    TERM = SIGTERM;
    CHLD = SIGCHLD;
    CONT = SIGCONT;
    STOP = SIGSTOP;
    TSTP = SIGTSTP;
    TTIN = SIGTTIN;
    TTOU = SIGTTOU;
    WINCH = SIGWINCH;
}

impl Signal {
    /// A signal by number.
    pub fn new(number: i32) -> Option<Self> {
        u8::try_from(number)
            .ok()
            .filter(|&number| (1..=SIGNALS).contains(&usize::from(number)))
            .map(Self)
    }

    /// The number.
    pub const fn number(self) -> u8 {
        self.0
    }

    const fn index(self) -> usize {
        self.0 as usize - 1
    }

    /// What it does by default.
    pub fn default_action(self) -> DefaultAction {
        match u32::from(self.0) {
            SIGQUIT | SIGILL | SIGTRAP | SIGABRT | SIGBUS | SIGFPE | SIGSEGV | SIGXCPU
            | SIGXFSZ | SIGSYS => DefaultAction::Core,
            SIGCHLD | SIGURG | SIGWINCH => DefaultAction::Ignore,
            SIGCONT => DefaultAction::Continue,
            SIGSTOP | SIGTSTP | SIGTTIN | SIGTTOU => DefaultAction::Stop,
            _ => DefaultAction::Terminate,
        }
    }
}

/// A set of signals as system calls carry it: signal `n` is bit `n - 1`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SignalSet(pub u64);

impl SignalSet {
    /// What can be neither caught, blocked nor ignored.
    pub const UNBLOCKABLE: Self = Self(Signal::KILL.set().0 | Signal::STOP.set().0);
    /// What stops a process.
    pub const STOPPING: Self = Self(
        Signal::STOP.set().0 | Signal::TSTP.set().0 | Signal::TTIN.set().0 | Signal::TTOU.set().0,
    );

    /// Whether `signal` is in it.
    pub const fn contains(self, signal: Signal) -> bool {
        self.0 & signal.set().0 != 0
    }

    /// The signals of both.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The signals of this one that the other has not.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether it has none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    fn first(self) -> Option<Signal> {
        (self.0 != 0).then(|| Signal(self.0.trailing_zeros() as u8 + 1))
    }
}

impl Signal {
    /// The set of this signal alone.
    pub const fn set(self) -> SignalSet {
        SignalSet(1 << self.index())
    }
}

/// What is to happen on a signal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Disposition {
    /// What the signal does by default.
    Default,
    /// Nothing.
    Ignore,
    /// The program's function at this address.
    Handler(u64),
}

/// `struct sigaction` as rt_sigaction(2) carries it.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Action {
    /// `SIG_DFL` (0), `SIG_IGN` (1) or the handler's address.
    pub handler: u64,
    /// `SA_…`.
    pub flags: u64,
    /// Where the handler returns to, with `SA_RESTORER`.
    pub restorer: u64,
    /// What is blocked meanwhile.
    pub mask: u64,
}

plain!(Action);

impl Action {
    /// What `handler` means.
    pub const fn disposition(&self) -> Disposition {
        match self.handler {
            0 => Disposition::Default,
            1 => Disposition::Ignore,
            address => Disposition::Handler(address),
        }
    }

    /// Whether flag `SA_…` is set.
    pub const fn has(&self, flag: u32) -> bool {
        self.flags & flag as u64 != 0
    }

    /// Whether a call that it interrupts starts again.
    pub const fn restarts(&self) -> bool {
        self.has(SA_RESTART)
    }
}

/// Why a signal was sent, for `siginfo`: `si_code` and what goes with it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cause {
    /// By kill(2) (`SI_USER`).
    User {
        /// Who sent it.
        sender: i32,
    },
    /// By tgkill(2) or tkill(2) (`SI_TKILL`).
    Thread {
        /// Who sent it.
        sender: i32,
    },
    /// By the kernel: a timer, a key, a broken pipe (`SI_KERNEL`).
    Kernel,
    /// A fault at an address, with its `SEGV_…`, `BUS_…` or `ILL_…` code.
    Fault {
        /// `si_code`.
        code: i32,
        /// `si_addr`.
        address: u64,
    },
    /// A child changed its state.
    Child {
        /// `CLD_…`.
        code: i32,
        /// Which child.
        pid: i32,
        /// Its exit status, or the signal.
        status: i32,
    },
}

/// A signal on its way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sent {
    /// Which.
    pub signal: Signal,
    /// Why.
    pub cause: Cause,
}

/// An alternate stack for handlers, as sigaltstack(2) sets it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AlternateStack {
    /// Lowest address.
    pub start: u64,
    /// Bytes.
    pub size: u64,
}

impl AlternateStack {
    /// Whether a stack pointer is on it.
    pub const fn contains(&self, pointer: u64) -> bool {
        pointer > self.start && pointer - self.start <= self.size
    }
}

/// What a process does about signals, and which wait for it.
#[derive(Clone)]
pub struct SignalState {
    actions: [Action; SIGNALS],
    causes: [Cause; SIGNALS],
    pending: SignalSet,
    /// What is held back.
    pub blocked: SignalSet,
    /// Put back when the call that replaced the mask (rt_sigsuspend, ppoll) has ended and the
    /// handler has been entered.
    pub saved_mask: Option<SignalSet>,
    /// The stack for handlers with `SA_ONSTACK`.
    pub alternate_stack: Option<AlternateStack>,
    /// Signals at their default are dropped: for the first process, without which nothing runs.
    protected: bool,
}

/// What becomes of a signal that is sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// Nothing: it is ignored or pending already.
    Nothing,
    /// It waits until it is unblocked.
    Blocked,
    /// The process must look at it now.
    Deliverable,
}

impl SignalState {
    /// The state of a fresh process.
    pub const fn new() -> Self {
        const NONE: Action = Action { handler: 0, flags: 0, restorer: 0, mask: 0 };
        Self {
            actions: [NONE; SIGNALS],
            causes: [Cause::Kernel; SIGNALS],
            pending: SignalSet(0),
            blocked: SignalSet(0),
            saved_mask: None,
            alternate_stack: None,
            protected: false,
        }
    }

    /// The state of the first process, which signals at their default do not reach.
    pub const fn for_init() -> Self {
        let mut state = Self::new();
        state.protected = true;
        state
    }

    /// The action for `signal`.
    pub fn action(&self, signal: Signal) -> Action {
        self.actions[signal.index()]
    }

    /// Sets the action for `signal`. What is pending and now ignored is forgotten.
    pub fn set_action(&mut self, signal: Signal, action: Action) {
        self.actions[signal.index()] = action;
        if self.is_ignored(signal) {
            self.pending = self.pending.without(signal.set());
        }
    }

    /// What waits to be delivered, blocked or not.
    pub fn pending(&self) -> SignalSet {
        self.pending
    }

    /// Whether it would have no effect, pending or not.
    fn is_ignored(&self, signal: Signal) -> bool {
        match self.action(signal).disposition() {
            Disposition::Ignore => true,
            Disposition::Handler(_) => false,
            Disposition::Default => {
                matches!(signal.default_action(), DefaultAction::Ignore)
                    || (self.protected && signal.default_action() != DefaultAction::Continue)
            }
        }
    }

    /// The signals that are ignored and those that have a handler.
    pub fn dispositions(&self) -> (SignalSet, SignalSet) {
        let (mut ignored, mut caught) = (0, 0);
        for (bit, action) in self.actions.iter().enumerate() {
            match action.disposition() {
                Disposition::Default => {}
                Disposition::Ignore => ignored |= 1 << bit,
                Disposition::Handler(_) => caught |= 1 << bit,
            }
        }
        (SignalSet(ignored), SignalSet(caught))
    }

    /// Whether the children of this process vanish without being waited for (wait(2), notes).
    pub fn reaps_children(&self) -> bool {
        let action = self.action(Signal::CHLD);
        action.disposition() == Disposition::Ignore || action.has(SA_NOCLDWAIT)
    }

    /// Whether a child that stops or goes on is to be reported by SIGCHLD.
    pub fn reports_stops(&self) -> bool {
        !self.action(Signal::CHLD).has(SA_NOCLDSTOP)
    }

    /// A signal arrives. Only one of each kind is kept, as for the classic signals of Linux.
    pub fn send(&mut self, sent: Sent) -> Outcome {
        let signal = sent.signal;
        if signal == Signal::CONT {
            self.pending = self.pending.without(SignalSet::STOPPING);
        } else if SignalSet::STOPPING.contains(signal) {
            self.pending = self.pending.without(Signal::CONT.set());
        }
        let blocked = self.blocked.contains(signal);
        // A blocked signal is kept even if ignored: the program may change its mind first.
        if (self.is_ignored(signal) && !blocked) || self.pending.contains(signal) {
            return Outcome::Nothing;
        }
        self.pending = self.pending.union(signal.set());
        self.causes[signal.index()] = sent.cause;
        if blocked { Outcome::Blocked } else { Outcome::Deliverable }
    }

    /// A fault of the program itself: it cannot go on as if nothing had happened, so an ignored or
    /// blocked signal ends it.
    pub fn force(&mut self, sent: Sent) {
        let signal = sent.signal;
        let held = self.blocked.contains(signal) || self.is_ignored(signal);
        if held {
            self.actions[signal.index()] = Action::default();
            self.blocked = self.blocked.without(signal.set());
            self.protected = false;
        }
        self.pending = self.pending.union(signal.set());
        self.causes[signal.index()] = sent.cause;
    }

    /// Whether something is to be delivered: a waiting call must end.
    pub fn is_interrupted(&self) -> bool {
        !self.deliverable().is_empty()
    }

    fn deliverable(&self) -> SignalSet {
        let ready = self.pending.without(self.blocked);
        let mut left = ready;
        let mut effective = SignalSet(0);
        while let Some(signal) = left.first() {
            left = left.without(signal.set());
            if !self.is_ignored(signal) {
                effective = effective.union(signal.set());
            }
        }
        effective
    }

    /// Takes out the next signal to act upon, with the action at that moment. Faults of the
    /// program come first, then by number, as on Linux.
    pub fn take(&mut self) -> Option<(Sent, Action)> {
        const SYNCHRONOUS: SignalSet = SignalSet(
            Signal::SEGV.set().0
                | Signal::BUS.set().0
                | Signal::ILL.set().0
                | Signal::TRAP.set().0
                | Signal::FPE.set().0
                | Signal::KILL.set().0,
        );
        let ready = self.deliverable();
        // What has become ignored while it was blocked is dropped.
        self.pending = self.pending.without(self.pending.without(self.blocked).without(ready));
        let first = SignalSet(ready.0 & SYNCHRONOUS.0).first().or_else(|| ready.first())?;
        self.pending = self.pending.without(first.set());
        let sent = Sent { signal: first, cause: self.causes[first.index()] };
        Some((sent, self.action(first)))
    }

    /// Takes one of `wanted` out for rt_sigtimedwait(2), blocked or not.
    pub fn take_of(&mut self, wanted: SignalSet) -> Option<Sent> {
        let signal = SignalSet(self.pending.0 & wanted.0).first()?;
        self.pending = self.pending.without(signal.set());
        Some(Sent { signal, cause: self.causes[signal.index()] })
    }

    /// A handler is entered: the mask grows, a one-shot action is used up. Returns the mask that
    /// the handler's end restores.
    pub fn enter_handler(&mut self, signal: Signal, action: &Action) -> SignalSet {
        let restored = self.saved_mask.take().unwrap_or(self.blocked);
        let mut mask = self.blocked.union(SignalSet(action.mask));
        if !action.has(SA_NODEFER) {
            mask = mask.union(signal.set());
        }
        self.set_blocked(mask);
        if action.has(SA_RESETHAND) {
            self.actions[signal.index()] = Action::default();
        }
        restored
    }

    /// Replaces the mask; SIGKILL and SIGSTOP stay unblocked.
    pub fn set_blocked(&mut self, mask: SignalSet) {
        self.blocked = mask.without(SignalSet::UNBLOCKABLE);
    }

    /// After execve(2): handlers are gone, ignored signals stay ignored, mask and pending stay.
    pub fn reset_for_program(&mut self) {
        for action in &mut self.actions {
            if matches!(action.disposition(), Disposition::Handler(_)) {
                *action = Action::default();
            } else {
                *action = Action { handler: action.handler, ..Action::default() };
            }
        }
        self.alternate_stack = None;
    }

    /// For a child of fork(2): nothing is pending.
    #[must_use]
    pub fn for_child(&self) -> Self {
        Self { pending: SignalSet(0), saved_mask: None, protected: false, ..self.clone() }
    }
}

impl Default for SignalState {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(signal: Signal) -> Sent {
        Sent { signal, cause: Cause::User { sender: 7 } }
    }

    fn handler(flags: u32) -> Action {
        Action { handler: 0x1000, flags: u64::from(flags), restorer: 0, mask: 0 }
    }

    const IGNORE: Action = Action { handler: 1, flags: 0, restorer: 0, mask: 0 };

    #[test]
    fn numbers_are_checked() {
        assert_eq!(Signal::new(0), None);
        assert_eq!(Signal::new(65), None);
        assert_eq!(Signal::new(-1), None);
        assert_eq!(Signal::new(257), None);
        assert_eq!(Signal::new(2), Some(Signal::INT));
        assert_eq!(Signal::new(64).map(|signal| signal.set().0), Some(1 << 63));
    }

    #[test]
    fn default_actions_are_those_of_linux() {
        let actions: alloc::string::String = (1..=31)
            .map(|number| match Signal::new(number).expect("a signal").default_action() {
                DefaultAction::Terminate => 'T',
                DefaultAction::Core => 'A',
                DefaultAction::Ignore => 'I',
                DefaultAction::Stop => 'S',
                DefaultAction::Continue => 'C',
            })
            .collect();
        assert_eq!(actions, "TTAAAAAATTATTTTTICSSSSIAATTITTA");
        assert_eq!(Signal::new(40).map(Signal::default_action), Some(DefaultAction::Terminate));
    }

    #[test]
    fn ignored_signals_leave_no_trace_and_blocked_ones_wait() {
        let mut state = SignalState::new();
        assert_eq!(state.send(sent(Signal::CHLD)), Outcome::Nothing);
        state.set_action(Signal::INT, IGNORE);
        assert_eq!(state.send(sent(Signal::INT)), Outcome::Nothing);
        state.set_blocked(Signal::TERM.set().union(SignalSet::UNBLOCKABLE));
        assert_eq!(state.send(sent(Signal::TERM)), Outcome::Blocked);
        assert!(!state.is_interrupted());
        assert_eq!(state.send(sent(Signal::KILL)), Outcome::Deliverable);
        assert_eq!(state.take().map(|(sent, _)| sent.signal), Some(Signal::KILL));
        assert_eq!(state.take(), None);
        state.set_blocked(SignalSet(0));
        assert!(state.is_interrupted());
        assert_eq!(state.take(), Some((sent(Signal::TERM), Action::default())));
    }

    #[test]
    fn a_blocked_signal_that_becomes_ignored_is_dropped() {
        let mut state = SignalState::new();
        state.set_blocked(Signal::INT.set());
        state.send(sent(Signal::INT));
        state.set_action(Signal::INT, IGNORE);
        state.set_blocked(SignalSet(0));
        assert_eq!(state.take(), None);
        assert!(state.pending().is_empty());
    }

    #[test]
    fn handlers_hold_their_signal_back() {
        let mut state = SignalState::new();
        let action = Action { mask: Signal::TERM.set().0, ..handler(0) };
        state.set_action(Signal::INT, action);
        state.send(sent(Signal::INT));
        let (taken, action) = state.take().expect("deliverable");
        let restored = state.enter_handler(taken.signal, &action);
        assert_eq!(restored, SignalSet(0));
        assert_eq!(state.blocked, Signal::INT.set().union(Signal::TERM.set()));
        assert_eq!(state.send(sent(Signal::INT)), Outcome::Blocked);

        let mut state = SignalState::new();
        state.set_action(Signal::INT, handler(SA_NODEFER | SA_RESETHAND));
        state.saved_mask = Some(Signal::HUP.set());
        state.send(sent(Signal::INT));
        let (taken, action) = state.take().expect("deliverable");
        assert_eq!(state.enter_handler(taken.signal, &action), Signal::HUP.set());
        assert!(state.blocked.is_empty());
        assert_eq!(state.action(Signal::INT), Action::default());
    }

    #[test]
    fn stop_and_continue_cancel_each_other() {
        let mut state = SignalState::new();
        state.set_blocked(Signal::TSTP.set().union(Signal::CONT.set()));
        state.send(sent(Signal::TSTP));
        state.send(sent(Signal::CONT));
        assert_eq!(state.pending(), Signal::CONT.set());
        state.send(sent(Signal::TSTP));
        assert_eq!(state.pending(), Signal::TSTP.set());
    }

    #[test]
    fn a_fault_cannot_be_held_back() {
        let mut state = SignalState::new();
        state.set_action(Signal::SEGV, IGNORE);
        state.protected = true;
        state.force(Sent { signal: Signal::SEGV, cause: Cause::Fault { code: 1, address: 9 } });
        let (taken, action) = state.take().expect("deliverable");
        assert_eq!((taken.signal, action.disposition()), (Signal::SEGV, Disposition::Default));
    }

    #[test]
    fn the_first_process_is_only_reached_by_handlers() {
        let mut state = SignalState { protected: true, ..SignalState::new() };
        for signal in [Signal::TERM, Signal::KILL, Signal::STOP] {
            assert_eq!(state.send(sent(signal)), Outcome::Nothing);
        }
        state.set_action(Signal::TERM, handler(0));
        assert_eq!(state.send(sent(Signal::TERM)), Outcome::Deliverable);
    }

    #[test]
    fn a_new_program_keeps_what_is_ignored() {
        let mut state = SignalState::new();
        state.set_action(Signal::INT, handler(SA_RESTART));
        state.set_action(Signal::HUP, IGNORE);
        state.set_blocked(Signal::TERM.set());
        state.reset_for_program();
        assert_eq!(state.action(Signal::INT).disposition(), Disposition::Default);
        assert_eq!(state.action(Signal::HUP).disposition(), Disposition::Ignore);
        assert!(state.blocked.contains(Signal::TERM));
    }
}
