//! The revision code, by which the firmware names the board (Raspberry Pi documentation, "Raspberry
//! Pi revision codes").

use core::fmt::{self, Display, Formatter};

/// A revision code.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Revision(pub u32);

/// The boards with a BCM2837, on which this kernel can run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Model {
    /// Raspberry Pi 2 Model B; its revision 1.2 has a BCM2837.
    Pi2B,
    /// Raspberry Pi 3 Model B.
    Pi3B,
    /// Raspberry Pi 3 Model B+.
    Pi3BPlus,
    /// Raspberry Pi 3 Model A+.
    Pi3APlus,
    /// Compute Module 3.
    ComputeModule3,
    /// Compute Module 3+.
    ComputeModule3Plus,
    /// Raspberry Pi Zero 2 W.
    Zero2W,
}

/// Where a board's activity LED is connected.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Led {
    /// To a pin of the BCM2837.
    Gpio {
        /// Its number.
        pin: u8,
        /// The LED is on when the pin is low.
        active_low: bool,
    },
    /// To a line of an expander that only the firmware reaches.
    Expander {
        /// Its number.
        line: u8,
    },
}

impl Model {
    /// What the board is called.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pi2B => "Raspberry Pi 2 Model B",
            Self::Pi3B => "Raspberry Pi 3 Model B",
            Self::Pi3BPlus => "Raspberry Pi 3 Model B Plus",
            Self::Pi3APlus => "Raspberry Pi 3 Model A Plus",
            Self::ComputeModule3 => "Raspberry Pi Compute Module 3",
            Self::ComputeModule3Plus => "Raspberry Pi Compute Module 3 Plus",
            Self::Zero2W => "Raspberry Pi Zero 2 W",
        }
    }

    /// Its activity LED. The compute modules have theirs, if any, on the board they are plugged into.
    pub const fn activity_led(self) -> Option<Led> {
        match self {
            Self::Zero2W => Some(Led::Gpio { pin: 29, active_low: true }),
            Self::Pi3APlus | Self::Pi3BPlus => Some(Led::Gpio { pin: 29, active_low: false }),
            Self::Pi2B => Some(Led::Gpio { pin: 47, active_low: false }),
            Self::Pi3B => Some(Led::Expander { line: 2 }),
            Self::ComputeModule3 | Self::ComputeModule3Plus => None,
        }
    }
}

impl Revision {
    /// Bit 23: the code has fields. Older boards, none with a BCM2837, had plain numbers.
    const fn has_fields(self) -> bool {
        self.0 & (1 << 23) != 0
    }

    /// The board, if it is one with a BCM2837.
    pub const fn model(self) -> Option<Model> {
        if !self.has_fields() {
            return None;
        }
        match (self.0 >> 4) & 0xff {
            0x04 => Some(Model::Pi2B),
            0x08 => Some(Model::Pi3B),
            0x0a => Some(Model::ComputeModule3),
            0x0d => Some(Model::Pi3BPlus),
            0x0e => Some(Model::Pi3APlus),
            0x10 => Some(Model::ComputeModule3Plus),
            0x12 => Some(Model::Zero2W),
            _ => None,
        }
    }

    /// RAM on the board in MiB, the GPU's part included.
    pub const fn memory(self) -> Option<u32> {
        if self.has_fields() { Some(256 << ((self.0 >> 20) & 7)) } else { None }
    }

    /// The digit behind the point of "Rev 1.2".
    const fn number(self) -> u32 {
        self.0 & 0xf
    }
}

/// The name that Linux shows, such as "Raspberry Pi Zero 2 W Rev 1.0".
impl Display for Revision {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.model() {
            Some(model) => write!(f, "{} Rev 1.{}", model.name(), self.number()),
            None => write!(f, "board with revision code {:x}", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn boards_are_known_by_their_codes() {
        let cases = [
            (0x90_2120, "Raspberry Pi Zero 2 W Rev 1.0", 512),
            (0xa0_2082, "Raspberry Pi 3 Model B Rev 1.2", 1024),
            (0xa0_20d3, "Raspberry Pi 3 Model B Plus Rev 1.3", 1024),
            (0x90_20e0, "Raspberry Pi 3 Model A Plus Rev 1.0", 512),
            (0xa0_2100, "Raspberry Pi Compute Module 3 Plus Rev 1.0", 1024),
        ];
        for (code, name, memory) in cases {
            let revision = Revision(code);
            assert_eq!(revision.to_string(), name);
            assert_eq!(revision.memory(), Some(memory), "{name}");
        }
    }

    #[test]
    fn other_boards_and_old_codes_have_no_model() {
        for code in [0, 0x0010, 0xa0_3111, 0xff_ffff & !(1 << 23)] {
            assert_eq!(Revision(code).model(), None, "{code:#x}");
        }
        assert_eq!(Revision(0x10).to_string(), "board with revision code 10");
        assert_eq!(Revision(0x10).memory(), None);
    }
}
