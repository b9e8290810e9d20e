//! What is done when the controller, or the device on its root port, does not do what it should.
//!
//! The ladder, from the bottom; each rung has a count in [`Statistics`](crate::Statistics) or in
//! `usb_core::bus::BusCounters`, and all but the first a line in the log:
//!
//! 1. a transaction is repeated (`transfer`, `split`);
//! 2. the port is reset and the device enumerated anew (usb-core: a driver gave up);
//! 3. a hub switches the port off and on (usb-core: enumeration fails, or resets did not last);
//! 4. the core is reset ([`Dwc2::reset`]): a channel does not halt, or enumeration of the device on
//!    the root port fails;
//! 5. the power of the core's block is switched off and on ([`Board::cycle_power`]): the reset does
//!    not end, or did not help.

use crate::controller::{Board, Dwc2, StartError};
use crate::registers::{Register, Registers};
use core::fmt;
use core::time::Duration;
use usb_core::host::{Clock, Recovery, TransferError};

/// What transfers may take to let go of their channels before the registers go away.
const SETTLE: Duration = Duration::from_millis(1);

/// The power of the controller's block could not be switched.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PowerError;

impl fmt::Display for PowerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the controller's power can't be switched")
    }
}

impl core::error::Error for PowerError {}

impl<R: Registers, C: Clock, A: Board> Dwc2<'_, R, C, A> {
    /// Resets the core because a channel did not halt or the port died; a reset that fails is
    /// followed by a power cycle. Everything in flight ends with
    /// [`Disconnected`](TransferError::Disconnected), and the root port must be reset before
    /// anything else.
    pub(crate) async fn reset(&self) {
        self.climb(Recovery::Reset).await;
    }

    /// As the `HostController` has it.
    pub(crate) async fn recover_root_port(&self, recovery: Recovery) -> Result<(), TransferError> {
        self.climb(recovery).await;
        if self.reset_due.get() { Err(TransferError::Controller) } else { Ok(()) }
    }

    /// Goes up the ladder from `rung` until the core is usable, or there is no further rung: then
    /// `reset_due` stays set.
    async fn climb(&self, rung: Recovery) {
        if self.resetting.replace(true) {
            // Someone else is at it.
            while self.resetting.get() {
                self.clock.sleep(Duration::from_millis(1)).await;
            }
            return;
        }
        let _end = EndOfReset(self);
        self.reset_due.set(true);
        self.interrupts.port_lost();
        // Whoever waits for a channel ends now, and touches its registers for the last time.
        self.clock.sleep(SETTLE).await;
        let result = match rung {
            Recovery::Reset => {
                let result = self.reset_once().await;
                if result.is_err() { self.power_cycle_once().await } else { result }
            }
            Recovery::Power => self.power_cycle_once().await,
        };
        if result.is_ok() {
            self.reset_due.set(false);
        } else {
            // Without the DMA master no memory is written behind anyone's back.
            self.registers.write(Register::Gahbcfg, 0);
        }
        self.port_enabled.set(false);
        self.translators.forget();
        self.channels.release_all_parked(|pipe| {
            self.pipes.update(pipe, |state| state.busy = false);
        });
    }

    /// Whether the port's register says anything: not while the core is reset, and not before the
    /// reset that is due.
    pub(crate) fn has_port(&self) -> bool {
        !self.resetting.get() && !self.reset_due.get()
    }

    async fn reset_once(&self) -> Result<(), StartError> {
        self.count(|s| s.core_resets += 1);
        let result = self.initialize().await;
        match result {
            Ok(()) => log::warn!("DWC2: core reset"),
            Err(error) => log::error!("DWC2: core reset failed: {error}"),
        }
        result
    }

    async fn power_cycle_once(&self) -> Result<(), StartError> {
        // Where the power can't be switched, a reset is the most that can be done.
        self.cycle_power().await;
        let result = self.initialize().await;
        if let Err(error) = result {
            log::error!("DWC2: the core does not come up after a power cycle: {error}");
        }
        result
    }

    /// Switches the block off and on; returns whether that was possible.
    pub(crate) async fn cycle_power(&self) -> bool {
        // No interrupt from here on, so that the handler leaves the registers alone; no DMA either.
        self.registers.write(Register::Gahbcfg, 0);
        match self.board.cycle_power().await {
            Ok(()) => {
                self.count(|s| s.power_cycles += 1);
                log::warn!("DWC2: controller switched off and on");
                true
            }
            Err(error) => {
                log::error!("DWC2: {error}");
                false
            }
        }
    }
}

/// The end of a reset, also of one whose future is dropped on the way: then it is still due.
struct EndOfReset<'h, 'a, R: Registers, C: Clock, A: Board>(&'h Dwc2<'a, R, C, A>);

impl<R: Registers, C: Clock, A: Board> Drop for EndOfReset<'_, '_, R, C, A> {
    fn drop(&mut self) {
        self.0.resetting.set(false);
        self.0.waiters.wake_all();
        self.0.interrupts.report_port_change();
    }
}
