//! The PHY: auto-negotiation and what came of it (IEEE 802.3 clauses 22, 28 and 40).

use crate::error::Error;
use crate::registers::Registers;
use bitflags::bitflags;
use usb_core::class::Platform;

/// Registers that every PHY has.
mod register {
    pub(super) const CONTROL: u8 = 0;
    pub(super) const STATUS: u8 = 1;
    pub(super) const ADVERTISEMENT: u8 = 4;
    pub(super) const PARTNER: u8 = 5;
    /// Of gigabit PHYs.
    pub(super) const GIGABIT_CONTROL: u8 = 9;
    pub(super) const GIGABIT_STATUS: u8 = 10;
}

/// Control register: start auto-negotiation, and use it.
const RESTART_NEGOTIATION: u16 = 1 << 9;
const NEGOTIATE: u16 = 1 << 12;
/// Status register: there is a link. It stays clear from a loss until it has been read.
const LINK: u16 = 1 << 2;
/// Selector field of the advertisement: IEEE 802.3.
const SELECTOR: u16 = 1;
/// Gigabit control and status registers: 1000BASE-T, full and half duplex, of ours and of the
/// partner.
const OUR_1000_FULL: u16 = 1 << 9;
const OUR_1000_HALF: u16 = 1 << 8;
const THEIR_1000_FULL: u16 = 1 << 11;
const THEIR_1000_HALF: u16 = 1 << 10;

bitflags! {
    /// Technology ability field of the advertisement and of the partner's.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    struct Ability: u16 {
        const TEN_HALF = 1 << 5;
        const TEN_FULL = 1 << 6;
        const HUNDRED_HALF = 1 << 7;
        const HUNDRED_FULL = 1 << 8;
    }
}

/// What a link was negotiated to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Mode {
    /// Mbit/s.
    pub(crate) speed: u32,
    pub(crate) full_duplex: bool,
}

/// Starts negotiating for everything the PHY can do. Pause frames are not asked for: a queue that
/// is full is TCP's business.
pub(crate) async fn negotiate<P: Platform>(registers: &Registers<'_, '_, P>) -> Result<(), Error> {
    registers.phy_write(register::ADVERTISEMENT, Ability::all().bits() | SELECTOR).await?;
    registers.phy_write(register::CONTROL, NEGOTIATE | RESTART_NEGOTIATION).await
}

/// The link as it is now; `None` without one.
pub(crate) async fn link<P: Platform>(
    registers: &Registers<'_, '_, P>,
    gigabit: bool,
) -> Result<Option<Mode>, Error> {
    // The first read tells of the past.
    registers.phy_read(register::STATUS).await?;
    if registers.phy_read(register::STATUS).await? & LINK == 0 {
        return Ok(None);
    }
    let ours = registers.phy_read(register::ADVERTISEMENT).await?;
    let theirs = registers.phy_read(register::PARTNER).await?;
    if gigabit {
        let control = registers.phy_read(register::GIGABIT_CONTROL).await?;
        let status = registers.phy_read(register::GIGABIT_STATUS).await?;
        if let Some(mode) = resolve_gigabit(control, status) {
            return Ok(Some(mode));
        }
    }
    Ok(Some(resolve(ours & theirs)))
}

fn resolve_gigabit(control: u16, status: u16) -> Option<Mode> {
    let both = |ours, theirs| control & ours != 0 && status & theirs != 0;
    if both(OUR_1000_FULL, THEIR_1000_FULL) {
        return Some(Mode { speed: 1000, full_duplex: true });
    }
    both(OUR_1000_HALF, THEIR_1000_HALF).then_some(Mode { speed: 1000, full_duplex: false })
}

/// The best that both sides can do (IEEE 802.3 annex 28B.3). A partner that does not negotiate
/// shows what was sensed of it, half duplex.
fn resolve(common: u16) -> Mode {
    let common = Ability::from_bits_truncate(common);
    let speed =
        if common.intersects(Ability::HUNDRED_FULL | Ability::HUNDRED_HALF) { 100 } else { 10 };
    let full = if speed == 100 { Ability::HUNDRED_FULL } else { Ability::TEN_FULL };
    Mode { speed, full_duplex: common.contains(full) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_common_mode_is_taken() {
        let mode = |speed, full_duplex| Mode { speed, full_duplex };
        assert_eq!(resolve(0x01e1), mode(100, true));
        assert_eq!(resolve(0x00e1), mode(100, false));
        assert_eq!(resolve(0x0061), mode(10, true));
        assert_eq!(resolve(0x0021), mode(10, false));
        assert_eq!(resolve(0), mode(10, false));
        assert_eq!(resolve_gigabit(0x0300, 0x0c00), Some(mode(1000, true)));
        assert_eq!(resolve_gigabit(0x0300, 0x0400), Some(mode(1000, false)));
        assert_eq!(resolve_gigabit(0x0200, 0x0400), None);
    }
}
