//! What QEMU's model of this controller does differently, behind one run-time predicate.
//!
//! The model names itself release 2.94a, which no BCM283x contains, so [`Quirks::detect`] can tell
//! it from the hardware (2.80a). Everything the driver does because of it is a question asked of
//! [`Quirks`]; nothing else in the crate knows of an emulator. In short:
//!
//! - A bulk or control transaction that was answered NAK stays pending inside the model even after
//!   the channel has been disabled, and QEMU aborts when the device of a pending channel goes
//!   away. Interrupt transactions never become pending.
//! - Programs of up to 1536 bytes move one packet of HCCHAR.MPS bytes at a time, 250 µs apart;
//!   a packet as large as the program goes through inside the store that enables the channel.
//! - A channel enabled towards nobody never reports anything.
//! - Data toggles, splits and frame numbers do not exist.

use crate::registers::bits::HCCHAR;
use core::time::Duration;
use usb_core::pipe::TransferType;

/// GSNPSID of QEMU's model.
const QEMU_SNPSID: u32 = 0x4f54_294a;

/// The largest program that the model splits into packets of HCCHAR.MPS bytes, and so the packet
/// size with which it never does.
const STEP: u16 = 1536;

/// Which of the model's peculiarities to work around: all or none.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Quirks {
    qemu: bool,
}

impl Quirks {
    /// A real controller.
    pub(crate) const NONE: Self = Self { qemu: false };

    /// Looks at GSNPSID.
    pub const fn detect(gsnpsid: u32) -> Self {
        Self { qemu: gsnpsid == QEMU_SNPSID }
    }

    /// Whether this is QEMU's model.
    pub const fn is_qemu(self) -> bool {
        self.qemu
    }

    /// The packet size for HCCHAR.MPS. The model uses it only as the size of a step, so the
    /// largest step makes every program finish inside the store that enables its channel. The
    /// price: an IN transfer ends after one program, even when its last packet was a full one, and
    /// the zero-length packet that follows is then an empty transfer of its own.
    pub(crate) const fn packet_size(self, packet_size: u16) -> u16 {
        if self.qemu { STEP } else { packet_size }
    }

    /// Whether an IN program has ended when so many bytes have come, because the last packet was not
    /// a full one of the size in HCCHAR.MPS.
    pub(crate) const fn is_short(self, moved: u32) -> bool {
        self.qemu && !moved.is_multiple_of(STEP as u32)
    }

    /// The endpoint type for HCCHAR.EPTYPE. Everything but a SETUP is called an interrupt
    /// transaction, so that a NAK halts the channel and nothing stays pending.
    pub(crate) fn endpoint_type(
        self,
        transfer_type: TransferType,
        setup: bool,
    ) -> HCCHAR::EPTYPE::Value {
        match transfer_type {
            _ if self.qemu && !setup => HCCHAR::EPTYPE::Value::Interrupt,
            TransferType::Control => HCCHAR::EPTYPE::Value::Control,
            TransferType::Bulk => HCCHAR::EPTYPE::Value::Bulk,
            TransferType::Interrupt => HCCHAR::EPTYPE::Value::Interrupt,
        }
    }

    /// Whether a program has normally ended when the store that started it retires: then looking
    /// is cheaper than an interrupt.
    pub(crate) const fn ends_at_once(self) -> bool {
        self.qemu
    }

    /// Whether HCTSIZ.PID says which PID comes next. The model leaves it alone; packets are
    /// counted instead.
    pub(crate) const fn keeps_pid(self) -> bool {
        !self.qemu
    }

    /// Whether HFNUM counts frames and HCCHAR.ODDFRM must match them.
    pub(crate) const fn has_frames(self) -> bool {
        !self.qemu
    }

    /// How long a started program may show no sign of life. The hardware reports a device that
    /// does not answer as a transaction error; the model says nothing at all.
    pub(crate) fn silence(self) -> Option<Duration> {
        self.qemu.then_some(Duration::from_millis(100))
    }

    /// Pause before a bulk endpoint that answered NAK is asked again, when its pipe has been idle
    /// for `idle`. The hardware asks again by itself (`None`); with the model every question costs
    /// the emulator a few microseconds under its global lock, so they become rarer the longer
    /// nothing has come. Right after a frame the next one needs a turn of the emulator's main
    /// loop: asking sooner than that gains nothing. As long as frames come often, pauses are so
    /// short that the executor does not sleep in them, because an emulated core takes longer to
    /// wake up than a frame to be answered; between the pings of a second it sleeps, but not for
    /// long; a pipe that nobody uses is looked at now and then.
    pub(crate) fn nak_pause(self, idle: Duration) -> Option<Duration> {
        const SHORTEST: Duration = Duration::from_micros(20);
        const BUSY: Duration = Duration::from_micros(40);
        const CONVERSATION: Duration = Duration::from_micros(100);
        const UNUSED: Duration = Duration::from_millis(2);
        self.qemu.then(|| {
            if idle < Duration::from_millis(50) {
                (idle / 8).clamp(SHORTEST, BUSY)
            } else if idle < Duration::from_secs(3) {
                CONVERSATION
            } else {
                UNUSED
            }
        })
    }

    /// Whether the core looks at HCSPLT.
    pub(crate) const fn has_splits(self) -> bool {
        !self.qemu
    }

    /// Whether a program that moved nothing before its NAK has left HCTSIZ, HCDMA and HCSPLT as
    /// they were, so that enabling the channel again is asking again. Each register that need not be
    /// written saves a turn through the emulator's global lock.
    pub(crate) const fn leaves_program(self) -> bool {
        self.qemu
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_models_identity_is_the_model() {
        assert!(Quirks::detect(0x4f54_294a).is_qemu());
        assert!(!Quirks::detect(0x4f54_280a).is_qemu());
        assert!(!Quirks::detect(0x4f54_300a).is_qemu());
    }

    #[test]
    fn hardware_gets_what_the_endpoint_says() {
        let none = Quirks::NONE;
        assert_eq!(none.packet_size(64), 64);
        assert!(
            none.endpoint_type(TransferType::Bulk, false) as u32
                == HCCHAR::EPTYPE::Value::Bulk as u32
        );
        assert_eq!(none.nak_pause(Duration::ZERO), None);
        assert_eq!(none.silence(), None);
    }

    #[test]
    fn idle_pipes_of_the_model_are_asked_less_often() {
        let qemu = Quirks::detect(QEMU_SNPSID);
        let pause = |idle| qemu.nak_pause(Duration::from_micros(idle)).unwrap().as_micros();
        assert_eq!(pause(0), 20);
        assert_eq!(pause(240), 30);
        assert_eq!(pause(40_000), 40);
        assert_eq!(pause(60_000), 100);
        assert_eq!(pause(1_000_000), 100);
        assert_eq!(pause(10_000_000), 2_000);
    }
}
