//! (Micro)frames: the interval to program and the parity of the next one.

use crate::registers::bits::HFNUM;
use crate::registers::{Register, Registers};
use core::time::Duration;
use usb_core::pipe::Speed;

/// A microframe (USB 2.0 section 7.1.18).
pub(crate) const MICROFRAME: Duration = Duration::from_micros(125);

/// HFIR.FRINT: PHY clocks in a (micro)frame minus 1. UTMI+ runs at 60 MHz with 8 bits and 30 MHz
/// with 16.
pub(crate) fn interval(speed: Speed, wide_phy: bool) -> u32 {
    let clocks_per_microsecond = if wide_phy { 30 } else { 60 };
    match speed {
        Speed::High => 125 * clocks_per_microsecond - 1,
        Speed::Full | Speed::Low => 1000 * clocks_per_microsecond - 1,
    }
}

/// Whether the next (micro)frame is an odd one: a periodic channel runs in the frame whose parity
/// HCCHAR.ODDFRM names.
pub(crate) fn next_is_odd(registers: &impl Registers) -> bool {
    HFNUM::FRNUM.read(registers.read(Register::Hfnum)) & 1 == 0
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
}
