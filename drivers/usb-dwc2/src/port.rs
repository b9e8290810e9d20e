//! HPRT0, the root port's register, behind the only code that may write it.
//!
//! HPRT0 mixes read-write bits with write-1-to-clear ones, and one of the latter, PRTENA, disables
//! the port when 1 is written: an ordinary read-modify-write acknowledges changes nobody has seen
//! and cuts off the device. Here every write starts from a value whose write-1-to-clear bits are
//! zero and adds exactly what the [`PortAction`] means (databook, HPRT0).

use crate::registers::bits::HPRT0;
use crate::registers::{Register, Registers};
use usb_core::pipe::Speed;

/// Bits for which writing 1 has an effect of its own.
const WRITE_ONE_TO_CLEAR: u32 = HPRT0::PRTCONNDET.val(1).value
    | HPRT0::PRTENA.val(1).value
    | HPRT0::PRTENCHNG.val(1).value
    | HPRT0::PRTOVRCURRCHNG.val(1).value;

/// Bits that say that something changed.
const CHANGES: u32 = WRITE_ONE_TO_CLEAR & !HPRT0::PRTENA.val(1).value;

/// What one read of HPRT0 said.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct PortStatus(u32);

impl PortStatus {
    pub(crate) fn read(registers: &impl Registers) -> Self {
        Self(registers.read(Register::Hprt0))
    }

    pub(crate) fn connected(self) -> bool {
        HPRT0::PRTCONNSTS.is_set(self.0)
    }

    pub(crate) fn enabled(self) -> bool {
        HPRT0::PRTENA.is_set(self.0)
    }

    pub(crate) fn over_current(self) -> bool {
        HPRT0::PRTOVRCURRACT.is_set(self.0)
    }

    pub(crate) fn powered(self) -> bool {
        HPRT0::PRTPWR.is_set(self.0)
    }

    /// The changes since they were last acknowledged.
    pub(crate) fn changes(self) -> PortChanges {
        PortChanges(self.0 & CHANGES)
    }

    /// Speed of the attached device; meaningful while the port is enabled.
    pub(crate) fn speed(self) -> Speed {
        match HPRT0::PRTSPD.read_as_enum(self.0) {
            Some(HPRT0::PRTSPD::Value::High) => Speed::High,
            Some(HPRT0::PRTSPD::Value::Low) => Speed::Low,
            // 3 is reserved; full speed is what every device can be talked to at first.
            Some(HPRT0::PRTSPD::Value::Full) | None => Speed::Full,
        }
    }
}

/// Change bits of HPRT0.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct PortChanges(u32);

impl PortChanges {
    pub(crate) fn any(self) -> bool {
        self.0 != 0
    }

    /// A device was attached, or (QEMU) detached.
    pub(crate) fn connect(self) -> bool {
        HPRT0::PRTCONNDET.is_set(self.0)
    }
}

/// One thing to do to the port.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum PortAction {
    /// Switches port power.
    Power(bool),
    /// Drives or ends reset signalling.
    Reset(bool),
    /// Acknowledges changes, and only these.
    Acknowledge(PortChanges),
}

impl PortAction {
    /// Does it, leaving everything else as it is.
    pub(crate) fn apply(self, registers: &impl Registers) {
        let kept = registers.read(Register::Hprt0) & !WRITE_ONE_TO_CLEAR;
        let value = match self {
            Self::Power(on) => HPRT0::PRTPWR.val(u32::from(on)).modify(kept),
            Self::Reset(on) => HPRT0::PRTRST.val(u32::from(on)).modify(kept),
            Self::Acknowledge(changes) => kept | changes.0,
        };
        registers.write(Register::Hprt0, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::cell::Cell;

    /// A register block that only has HPRT0.
    struct OnlyPort(Cell<u32>, Cell<u32>);

    impl Registers for OnlyPort {
        fn read(&self, register: Register) -> u32 {
            assert_eq!(register, Register::Hprt0);
            self.0.get()
        }

        fn write(&self, register: Register, value: u32) {
            assert_eq!(register, Register::Hprt0);
            self.1.set(value);
        }

        fn barrier(&self) {}
    }

    #[test]
    fn no_action_touches_the_other_bits() {
        // Everything on: connected, enabled, all changes, power, reset.
        let all = 0x0002_113f;
        let port = OnlyPort(Cell::new(all), Cell::new(0));
        let written = |action: PortAction| {
            action.apply(&port);
            port.1.get()
        };
        assert_eq!(written(PortAction::Power(false)), 0x0002_0111);
        assert_eq!(written(PortAction::Power(true)), 0x0002_1111);
        assert_eq!(written(PortAction::Reset(false)), 0x0002_1011);
        let seen = PortStatus(0x0000_100b).changes();
        assert_eq!(written(PortAction::Acknowledge(seen)), 0x0002_111b);
    }

    #[test]
    fn speeds() {
        for (bits, speed) in [(0, Speed::High), (1, Speed::Full), (2, Speed::Low), (3, Speed::Full)]
        {
            assert_eq!(PortStatus(bits << 17).speed(), speed);
        }
    }
}
