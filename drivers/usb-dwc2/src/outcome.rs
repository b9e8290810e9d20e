//! What HCINT says about a halted channel (databook, HCINT; USB 2.0 section 8.4.5).

use crate::registers::bits::HCINT;

/// How a program ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Outcome {
    /// Everything moved, or a short packet came.
    Complete {
        /// The device's last answer was NYET: it has no room for the next packet (high speed).
        nyet: bool,
    },
    /// The endpoint is halted, or the request not supported.
    Stall,
    /// No answer, or a broken one.
    TransactionError {
        /// The device also gave proper answers during this program, so that earlier errors do not
        /// count.
        answered: bool,
    },
    /// More than MPS bytes came.
    Babble,
    /// A periodic transaction missed its (micro)frame.
    FrameOverrun,
    /// The device is not ready, or the translator has no result yet.
    Nyet,
    /// The device has nothing, or no room.
    Nak,
    /// A start-split was taken.
    Ack,
    /// The device sent a packet again that had been acknowledged.
    ToggleError,
    /// The controller could not reach memory.
    DmaFault,
    /// Halted, and nothing else: seen on hardware when a NYET is lost.
    NoCause,
}

impl Outcome {
    /// Reads HCINT. The order of the tests matters, because several bits are usually set.
    pub(crate) fn of(hcint: u32) -> Self {
        let set = |field: tock_registers::fields::Field<u32, HCINT::Register>| field.is_set(hcint);
        if set(HCINT::AHBERR) {
            Self::DmaFault
        } else if set(HCINT::XFERCOMPL) {
            Self::Complete { nyet: set(HCINT::NYET) }
        } else if set(HCINT::STALL) {
            Self::Stall
        } else if set(HCINT::XACTERR) {
            let answered = set(HCINT::NAK) || set(HCINT::NYET) || set(HCINT::ACK);
            Self::TransactionError { answered }
        } else if set(HCINT::BBLERR) {
            Self::Babble
        } else if set(HCINT::FRMOVRUN) {
            Self::FrameOverrun
        } else if set(HCINT::NYET) {
            Self::Nyet
        } else if set(HCINT::NAK) {
            Self::Nak
        } else if set(HCINT::DATATGLERR) {
            Self::ToggleError
        } else if set(HCINT::ACK) {
            Self::Ack
        } else {
            Self::NoCause
        }
    }
}

/// Counts the errors of one packet: "three strikes" (USB 2.0 section 10.2.6).
#[derive(Default)]
pub(crate) struct Strikes(u8);

impl Strikes {
    /// One more error; whether it was the last one allowed.
    #[must_use]
    pub(crate) fn strike(&mut self) -> bool {
        self.0 += 1;
        self.0 >= 3
    }

    /// The device answered properly.
    pub(crate) fn forgive(&mut self) {
        self.0 = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_of_tests() {
        for (hcint, outcome) in [
            (0x003, Outcome::Complete { nyet: false }),
            (0x013, Outcome::Complete { nyet: false }),
            (0x063, Outcome::Complete { nyet: true }),
            (0x00a, Outcome::Stall),
            (0x01a, Outcome::Stall),
            (0x082, Outcome::TransactionError { answered: false }),
            (0x092, Outcome::TransactionError { answered: true }),
            (0x0a2, Outcome::TransactionError { answered: true }),
            (0x102, Outcome::Babble),
            (0x202, Outcome::FrameOverrun),
            (0x042, Outcome::Nyet),
            (0x012, Outcome::Nak),
            (0x402, Outcome::ToggleError),
            (0x422, Outcome::ToggleError),
            (0x022, Outcome::Ack),
            (0x006, Outcome::DmaFault),
            (0x007, Outcome::DmaFault),
            (0x002, Outcome::NoCause),
        ] {
            assert_eq!(Outcome::of(hcint), outcome, "{hcint:#x}");
        }
    }

    #[test]
    fn three_strikes() {
        let mut strikes = Strikes::default();
        assert!(!strikes.strike());
        assert!(!strikes.strike());
        strikes.forgive();
        assert!(!strikes.strike());
        assert!(!strikes.strike());
        assert!(strikes.strike());
    }
}
