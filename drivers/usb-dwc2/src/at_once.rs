//! Programs that end inside the store which starts them, as on QEMU's model: their end is looked for
//! with as few register accesses as there can be, since each takes the emulator's global lock.
//!
//! HCTSIZ says that a program went through: what was to move has moved. Then HCINT need not be read,
//! and since it holds nothing but XFERCOMPL and CHHLTD, it need not be cleared for the next program
//! either. Only a program of which HCTSIZ does not tell asks for more: [`Dwc2::ended_in_causes`] sorts
//! its causes from those that were left. Nothing is left when a task waits for a channel.

use crate::channels::Leftover;
use crate::controller::{Board, Dwc2};
use crate::outcome::Outcome;
use crate::program::{Halted, Program, Started, Token};
use crate::registers::bits::{HCCHAR, HCINT, HCTSIZ};
use crate::registers::{ChannelNumber, Register, Registers};
use usb_core::host::Clock;

/// What a program that went through leaves in HCINT.
const COMPLETION: u32 = HCINT::XFERCOMPL::SET.value | HCINT::CHHLTD::SET.value;

impl<R: Registers, C: Clock, A: Board> Dwc2<'_, R, C, A> {
    /// Whether HCINT must be cleared before a program is started.
    pub(crate) fn must_acknowledge(&self, channel: ChannelNumber, program: &Program) -> bool {
        let leftover = &self.channels.leftovers[channel.index()];
        let tells = self.core.get().quirks.ends_at_once()
            && program.token != Token::Setup
            && program.bytes > 0;
        !tells || leftover.get() != Leftover::Completion
    }

    /// Looks into HCTSIZ for the end of a program that was just started: `None` when it is not there.
    pub(crate) fn ended_in_size(&self, channel: ChannelNumber, started: Started) -> Option<Halted> {
        let programmed = HCTSIZ::XFERSIZE.read(started.size);
        if started.token == Token::Setup || programmed == 0 {
            return None;
        }
        let size = self.registers.read(Register::Hctsiz(channel));
        let left = HCTSIZ::XFERSIZE.read(size);
        let through = left == 0
            || matches!(started.token, Token::In(_))
                && self.core.get().quirks.is_short(programmed.saturating_sub(left));
        if !through {
            return None;
        }
        self.registers.barrier();
        trace!("channel {=usize} through: HCTSIZ {=u32:08x}", channel.index(), size);
        let leftover = &self.channels.leftovers[channel.index()];
        // If there were other bits they were cleared before the start.
        leftover.set(Leftover::Completion);
        Some(self.conclude(started, Outcome::Complete { nyet: false }, size))
    }

    /// HCINT of a program that was just started and of whose end HCTSIZ does not tell, without what
    /// was left there before.
    pub(crate) fn ended_in_causes(&self, channel: ChannelNumber) -> u32 {
        let registers = &self.registers;
        let leftover = &self.channels.leftovers[channel.index()];
        if leftover.replace(Leftover::Unknown) == Leftover::Unknown {
            return registers.read(Register::Hcint(channel));
        }
        registers.write(Register::Hcint(channel), COMPLETION);
        let at_work = HCCHAR::CHENA.is_set(registers.read(Register::Hcchar(channel)));
        let bits = registers.read(Register::Hcint(channel));
        if at_work || bits & !COMPLETION != 0 {
            // It tells of its end later, or did with another cause.
            if at_work { bits } else { bits | HCINT::CHHLTD::SET.value }
        } else {
            // It has ended, and what told of it was cleared together with the same of the one before.
            COMPLETION
        }
    }
}
