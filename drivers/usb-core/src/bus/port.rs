//! A port seen from below: what enumeration needs of it, root port and hub port alike.

use super::path::DevicePath;
use super::slot::Parent;
use crate::host::Recovery;
use crate::pipe::{PortNumber, Speed, TransactionTranslator};
use crate::request::RequestError;
use crate::sync::Signal;
use core::cell::Cell;
use core::fmt;
use core::time::Duration;

/// Stable connection that counts as one (USB 2.0 section 7.1.7.3, TATTDB).
const DEBOUNCE_STABLE: Duration = Duration::from_millis(100);
/// Time between two looks while debouncing.
const DEBOUNCE_STEP: Duration = Duration::from_millis(25);
/// Bouncing longer than this is no connection.
const DEBOUNCE_LIMIT: Duration = Duration::from_secs(2);

/// What became of a port operation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum PortError {
    /// Nothing is attached any more.
    Disconnected,
    /// It comes and goes.
    Unstable,
    /// Power is off because of over-current.
    OverCurrent,
    /// The reset did not come to an end, or the port did not enable.
    ResetFailed,
    /// The hub of the port does not answer.
    Hub(RequestError),
}

impl fmt::Display for PortError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disconnected => f.write_str("disconnected"),
            Self::Unstable => f.write_str("the connection does not become stable"),
            Self::OverCurrent => f.write_str("over-current"),
            Self::ResetFailed => f.write_str("port reset failed"),
            Self::Hub(error) => write!(f, "hub does not answer: {error}"),
        }
    }
}

/// Connection of a port, as sampled while debouncing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Connection {
    /// Something is attached now.
    pub(crate) connected: bool,
    /// It came or went since the last sample.
    pub(crate) changed: bool,
}

/// A port with possibly a device on it.
pub(crate) trait Port {
    /// Where the port hangs.
    fn parent(&self) -> Parent;
    /// Its number at the parent.
    fn number(&self) -> PortNumber;
    /// The path of a device on it; `None` when that would be too deep.
    fn device_path(&self) -> Option<DevicePath>;
    /// The transaction translator that a device of this speed needs here.
    fn translator(&self, speed: Speed) -> Option<TransactionTranslator>;
    /// Looks whether something is attached, and forgets the change.
    async fn connection(&self) -> Result<Connection, PortError>;
    /// Returns when the device has left, though perhaps not at once: enumeration would notice it
    /// by time-outs only.
    async fn until_disconnected(&self);
    /// Resets the port; the device then answers to address 0.
    async fn reset(&self) -> Result<Speed, PortError>;
    /// Does more than a reset to bring a device back, where that is possible.
    async fn recover(&self, recovery: Recovery) -> Result<(), PortError>;
    /// Disables the port, so that a device left at address 0 is silent.
    async fn disable(&self);
}

/// Waits until the connection is stable; returns whether there is one.
pub(crate) async fn debounce(
    port: &impl Port,
    clock: &impl crate::host::Clock,
) -> Result<bool, PortError> {
    let start = clock.now();
    let mut stable_since = start;
    let mut last = None;
    loop {
        let Connection { connected, changed } = port.connection().await?;
        let now = clock.now();
        if changed || last != Some(connected) {
            stable_since = now;
            last = Some(connected);
        } else if now.saturating_sub(stable_since) >= DEBOUNCE_STABLE {
            return Ok(connected);
        }
        if now.saturating_sub(start) >= DEBOUNCE_LIMIT {
            return Err(PortError::Unstable);
        }
        clock.sleep(DEBOUNCE_STEP).await;
    }
}

/// Ports whose device asks to be reset and enumerated anew.
pub(crate) struct PortRequests {
    /// Bit n: port n.
    ports: Cell<u128>,
    signal: Signal,
}

impl PortRequests {
    pub(crate) const fn new() -> Self {
        Self { ports: Cell::new(0), signal: Signal::new() }
    }

    pub(crate) fn raise(&self, port: PortNumber) {
        self.ports.set(self.ports.get() | 1 << port.get());
        self.signal.raise();
    }

    /// Returns when there may be a request.
    pub(crate) async fn wait(&self) {
        self.signal.wait().await;
    }

    /// Takes the request of one port.
    pub(crate) fn take(&self, port: PortNumber) -> bool {
        let (ports, bit) = (self.ports.get(), 1 << port.get());
        self.ports.set(ports & !bit);
        ports & bit != 0
    }

    /// Whether a request waits to be taken.
    pub(crate) const fn any(&self) -> bool {
        self.ports.get() != 0
    }

    pub(crate) fn clear(&self) {
        self.ports.set(0);
    }
}

/// What a parent remembers of a port between devices and attempts.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct PortMemory {
    /// Enumerations in a row that failed.
    failures: u8,
    /// Times in a row that a driver asked to start over.
    pub(crate) restarts: u8,
    /// When to try the device again that could not be enumerated.
    retry_at: Option<Duration>,
    /// Over-current took the port's power away, and it has not got it back yet.
    pub(crate) power_due: bool,
}

impl PortMemory {
    /// First pause after a device that could not be enumerated; doubles up to `MAX_PAUSE`.
    const FIRST_PAUSE: Duration = Duration::from_secs(2);
    const MAX_PAUSE: Duration = Duration::from_secs(64);
    /// A device that worked this long starts with a clean record.
    const GOOD: Duration = Duration::from_secs(30);

    /// Something came or went: the record belonged to something else.
    pub(crate) fn forget(&mut self) {
        *self = Self { power_due: self.power_due, ..Self::default() };
    }

    pub(crate) fn enumerated(&mut self) {
        self.failures = 0;
        self.retry_at = None;
    }

    /// Notes a failed enumeration and returns how many that makes. The 5 V of a small board are
    /// not switched and its user may be far away, so a device that failed is tried again, less and
    /// less often.
    pub(crate) fn failed(&mut self, now: Duration) -> u8 {
        let pause = Self::FIRST_PAUSE * (1 << self.failures.min(5));
        self.retry_at = Some(now + pause.min(Self::MAX_PAUSE));
        self.failures = self.failures.saturating_add(1);
        self.failures
    }

    /// Has the port looked at again at once, though nothing on it may change any more.
    pub(crate) fn look_again(&mut self, now: Duration) {
        self.retry_at = Some(now);
    }

    /// Notes that a driver asked to start over with a device that was there since `since`.
    pub(crate) fn restart(&mut self, since: Duration, now: Duration) {
        if now.saturating_sub(since) >= Self::GOOD {
            self.restarts = 0;
        }
        self.restarts = self.restarts.saturating_add(1);
        self.retry_at = None;
    }

    /// Whether an attempt is allowed at this time.
    pub(crate) fn may_try(&self, now: Duration) -> bool {
        self.retry_at.is_none_or(|at| at <= now)
    }

    /// When the next attempt is due, if one is waiting.
    pub(crate) const fn retry_at(&self) -> Option<Duration> {
        self.retry_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_stop_growing() {
        let mut memory = PortMemory::default();
        assert!(memory.may_try(Duration::ZERO));
        let mut pauses = heapless::Vec::<u64, 8>::new();
        for _ in 0..8 {
            memory.failed(Duration::ZERO);
            let _ = pauses.push(memory.retry_at().expect("a retry is planned").as_secs());
        }
        assert_eq!(pauses[..], [2, 4, 8, 16, 32, 64, 64, 64]);
        assert!(!memory.may_try(Duration::from_secs(63)));
        assert!(memory.may_try(Duration::from_secs(64)));
    }

    #[test]
    fn a_device_that_worked_starts_clean() {
        let mut memory = PortMemory::default();
        memory.restart(Duration::ZERO, Duration::from_secs(1));
        memory.restart(Duration::from_secs(1), Duration::from_secs(2));
        assert_eq!(memory.restarts, 2);
        memory.restart(Duration::from_secs(2), Duration::from_secs(40));
        assert_eq!(memory.restarts, 1);
    }
}
