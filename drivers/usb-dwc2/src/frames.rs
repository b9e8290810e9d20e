//! Frames and microframes: the interval to program, and counting them.

use crate::registers::bits::HFNUM;
use crate::registers::{Register, Registers};
use core::time::Duration;
use usb_core::pipe::Speed;

/// A microframe (USB 2.0 section 7.1.18).
pub(crate) const MICROFRAME: Duration = Duration::from_micros(125);

/// HFNUM counts so far, then starts over.
const FRAMES: u16 = 0x4000;

/// HFIR.FRINT: PHY clocks in a (micro)frame minus 1. UTMI+ runs at 60 MHz with 8 bits and 30 MHz
/// with 16.
pub(crate) fn interval(speed: Speed, wide_phy: bool) -> u32 {
    let clocks_per_microsecond = if wide_phy { 30 } else { 60 };
    match speed {
        Speed::High => 125 * clocks_per_microsecond - 1,
        Speed::Full | Speed::Low => 1000 * clocks_per_microsecond - 1,
    }
}

/// The number of a (micro)frame: of a microframe when the root port runs at high speed, of a frame
/// otherwise. It wraps, so that two of them have a distance but no order of their own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct FrameNumber(u16);

impl FrameNumber {
    /// The one that runs now.
    pub(crate) fn now(registers: &impl Registers) -> Self {
        Self(HFNUM::FRNUM.read(registers.read(Register::Hfnum)) as u16 % FRAMES)
    }

    /// The one `count` later.
    pub(crate) const fn after(self, count: u16) -> Self {
        Self((self.0 + count % FRAMES) % FRAMES)
    }

    /// How many later than `other` it is; negative when it is earlier. The nearer way round counts.
    pub(crate) const fn since(self, other: Self) -> i16 {
        let forward = (self.0 + FRAMES - other.0) % FRAMES;
        if forward < FRAMES / 2 { forward as i16 } else { forward as i16 - FRAMES as i16 }
    }

    /// At high speed: the place of the microframe in its frame, 0 to 7.
    pub(crate) const fn place(self) -> u16 {
        self.0 % 8
    }

    /// A periodic channel runs in the (micro)frame whose parity HCCHAR.ODDFRM names.
    pub(crate) const fn is_odd(self) -> bool {
        self.0 % 2 == 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_of_the_databook() {
        assert_eq!(interval(Speed::High, false), 7499);
        assert_eq!(interval(Speed::Full, false), 59_999);
        assert_eq!(interval(Speed::Low, false), 59_999);
        assert_eq!(interval(Speed::High, true), 3749);
        assert_eq!(interval(Speed::Full, true), 29_999);
    }

    #[test]
    fn numbers_wrap() {
        let last = FrameNumber(0x3fff);
        assert_eq!(last.after(1), FrameNumber(0));
        assert_eq!(last.after(3).since(last), 3);
        assert_eq!(last.since(last.after(3)), -3);
        assert_eq!(last.since(last), 0);
        assert!(last.is_odd() && !last.after(1).is_odd());
        assert_eq!((last.place(), last.after(1).place()), (7, 0));
    }
}
