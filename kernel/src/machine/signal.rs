//! What the activity LED says, as patterns of light. `docs/hardware.md` has the table for people.
//!
//! The firmware uses the same LED for its own errors: none of those has exactly one long flash, and
//! none is repeated every two seconds.

/// How far the network is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Network {
    /// No adapter runs.
    NoAdapter,
    /// An adapter runs and has an address on its link; no router has given a prefix.
    LinkLocal,
    /// It has an address that the world can reach.
    Global,
}

/// What a kernel panic was about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// The kernel found its state to be wrong.
    Bug,
    /// The kernel accessed memory that it must not, or executed what it can't.
    Exception,
    /// The kernel's stack overflowed.
    StackOverflow,
    /// An access to memory or to a device failed in the hardware (SError), or there was an FIQ.
    Hardware,
}

/// What there is to say. Steady light means that the kernel has been entered and no more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Signal {
    /// The kernel runs, the first program does not yet: fast flashes.
    Booting,
    /// All runs: one, two or three short flashes every two seconds.
    Running(Network),
    /// The kernel is dead: one long flash, then as many short ones as the fault's number.
    Panic(Fault),
}

/// The longest step of a pattern, in milliseconds: as often something happens at least.
pub const LONGEST_STEP: u16 = 2000;

impl Signal {
    /// For how many milliseconds the LED is on, off, on and so on, until it starts over.
    pub const fn pattern(self) -> &'static [u16] {
        match self {
            Self::Booting => &[100, 100],
            Self::Running(Network::NoAdapter) => &[80, 1920],
            Self::Running(Network::LinkLocal) => &[80, 200, 80, 1640],
            Self::Running(Network::Global) => &[80, 200, 80, 200, 80, 1360],
            Self::Panic(Fault::Bug) => &[1000, 400, 200, 2000],
            Self::Panic(Fault::Exception) => &[1000, 400, 200, 300, 200, 2000],
            Self::Panic(Fault::StackOverflow) => &[1000, 400, 200, 300, 200, 300, 200, 2000],
            Self::Panic(Fault::Hardware) => &[1000, 400, 200, 300, 200, 300, 200, 300, 200, 2000],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Signal; 8] = [
        Signal::Booting,
        Signal::Running(Network::NoAdapter),
        Signal::Running(Network::LinkLocal),
        Signal::Running(Network::Global),
        Signal::Panic(Fault::Bug),
        Signal::Panic(Fault::Exception),
        Signal::Panic(Fault::StackOverflow),
        Signal::Panic(Fault::Hardware),
    ];

    #[test]
    fn a_pattern_ends_dark_and_differs_from_all_others() {
        for (index, signal) in ALL.iter().enumerate() {
            let pattern = signal.pattern();
            assert!(pattern.len().is_multiple_of(2) && !pattern.contains(&0), "{signal:?}");
            // Each step feeds the watchdog.
            assert!(pattern.iter().all(|step| *step <= LONGEST_STEP), "{signal:?}");
            assert!(ALL[index + 1..].iter().all(|other| other.pattern() != pattern));
        }
    }

    #[test]
    fn a_life_takes_two_seconds_and_a_panic_has_one_long_flash() {
        for signal in ALL {
            let lights = || signal.pattern().iter().step_by(2);
            let long = lights().filter(|step| **step >= 1000).count();
            match signal {
                Signal::Booting => {}
                Signal::Running(_) => {
                    assert_eq!(signal.pattern().iter().sum::<u16>(), 2000, "{signal:?}");
                    assert_eq!(long, 0);
                }
                Signal::Panic(_) => assert_eq!(long, 1, "{signal:?}"),
            }
        }
    }
}
