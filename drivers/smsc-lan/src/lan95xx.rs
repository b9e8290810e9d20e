//! The LAN95xx family (LAN9514 databook, chapter 5).

use crate::chip::Receiver;
use crate::error::Error;
use crate::phy;
use crate::registers::{Registers, address_words};
use net::netif::MacAddress;
use usb_core::class::Platform;

/// System and MAC registers by address.
mod register {
    pub(super) const ID_REV: u16 = 0x00;
    pub(super) const INT_STS: u16 = 0x08;
    pub(super) const TX_CFG: u16 = 0x10;
    pub(super) const HW_CFG: u16 = 0x14;
    pub(super) const PM_CTRL: u16 = 0x20;
    pub(super) const LED_GPIO_CFG: u16 = 0x24;
    pub(super) const BURST_CAP: u16 = 0x38;
    pub(super) const INT_EP_CTL: u16 = 0x68;
    pub(super) const BULK_IN_DLY: u16 = 0x6c;
    pub(super) const MAC_CR: u16 = 0x100;
    pub(super) const ADDRH: u16 = 0x104;
    pub(super) const ADDRL: u16 = 0x108;
    pub(super) const MII_ADDR: u16 = 0x114;
    pub(super) const MII_DATA: u16 = 0x118;
    pub(super) const FLOW: u16 = 0x11c;
    pub(super) const VLAN1: u16 = 0x120;
    pub(super) const COE_CR: u16 = 0x130;
}

/// The PHY access registers.
pub(crate) const MII: (u16, u16) = (register::MII_ADDR, register::MII_DATA);

/// INT_STS, INT_EP_CTL and the packet of the interrupt endpoint: the PHY.
pub(crate) const INT_PHY: u32 = 1 << 15;
const INT_ALL: u32 = u32::MAX;

const TX_CFG_ON: u32 = 1 << 2;

/// HW_CFG: NAK instead of an empty packet when there is no frame.
const HW_CFG_BIR: u32 = 1 << 12;
/// HW_CFG: bytes in front of the frame, behind its status.
const HW_CFG_RXDOFF: u32 = 3 << 9;
/// HW_CFG: several frames in a run of packets.
const HW_CFG_MEF: u32 = 1 << 5;
/// HW_CFG: a run is at most BURST_CAP packets long.
const HW_CFG_BCE: u32 = 1 << 1;
/// HW_CFG: soft reset of all but the USB side.
const HW_CFG_LRST: u32 = 1 << 3;

const PM_CTRL_PHY_RST: u32 = 1 << 4;

/// Speed, link and duplex LEDs on their pins.
const LEDS: u32 = 1 << 24 | 1 << 20 | 1 << 16;

/// How long the chip waits for more frames before it sends a run: 136 µs, in units of 16.667 ns.
const BULK_IN_DELAY: u32 = 0x2000;

/// VLAN1: the type of frames that may be four octets longer than others.
const VLAN_TAG: u32 = 0x8100;

/// MAC_CR: do not hear oneself, which only half duplex needs.
const MAC_CR_RCVOWN: u32 = 1 << 23;
const MAC_CR_FDPX: u32 = 1 << 20;
/// MAC_CR: pass all multicast, and let the stack select. The hash filter would have to follow each
/// joining of a group at once: a neighbor solicitation that is lost meanwhile is a duplicate address
/// not noticed.
const MAC_CR_MCPAS: u32 = 1 << 19;
/// MAC_CR: pass what is for other stations, too.
const MAC_CR_PRMS: u32 = 1 << 18;
const MAC_CR_TXEN: u32 = 1 << 3;
const MAC_CR_RXEN: u32 = 1 << 2;

/// The PHY's interrupt source and mask registers, and what is of interest: negotiation complete,
/// link down.
const PHY_INT_SOURCE: u8 = 29;
const PHY_INT_MASK: u8 = 30;
const PHY_INT_LINK: u16 = 1 << 6 | 1 << 4;

/// Resets the chip and starts it; returns its address.
pub(crate) async fn start<P: Platform>(
    registers: &Registers<'_, '_, P>,
    receiver: Receiver,
    address: MacAddress,
) -> Result<MacAddress, Error> {
    let identity = registers.read(register::ID_REV).await?;
    if !matches!(
        identity >> 16,
        0x9500 | 0x9505 | 0x9530 | 0x9730 | 0x9e00 | 0x9e01 | 0x9e08 | 0xec00
    ) {
        return Err(Error::Identity(identity));
    }
    log::debug!("usb {}: ID_REV {identity:#010x}", registers.device.path());
    // Before the reset, which may lose it.
    let own = registers.station_address(register::ADDRH, register::ADDRL).await?;
    let address = own.unwrap_or(address);
    registers.trigger(register::HW_CFG, HW_CFG_LRST).await?;
    registers.trigger(register::PM_CTRL, PM_CTRL_PHY_RST).await?;
    let (high, low) = address_words(address);
    registers.write(register::ADDRH, high).await?;
    registers.write(register::ADDRL, low).await?;

    let runs = HW_CFG_BIR | HW_CFG_MEF | HW_CFG_BCE;
    registers.change(register::HW_CFG, HW_CFG_RXDOFF, runs).await?;
    registers.write(register::BURST_CAP, receiver.burst_cap()).await?;
    registers.write(register::BULK_IN_DLY, BULK_IN_DELAY).await?;
    registers.write(register::INT_STS, INT_ALL).await?;
    registers.write(register::LED_GPIO_CFG, LEDS).await?;
    registers.write(register::FLOW, 0).await?;
    registers.write(register::VLAN1, VLAN_TAG).await?;
    registers.write(register::COE_CR, 0).await?;

    phy::negotiate(registers).await?;
    registers.phy_write(PHY_INT_MASK, PHY_INT_LINK).await?;
    acknowledge(registers).await?;
    registers.change(register::INT_EP_CTL, 0, INT_PHY).await?;

    let on = MAC_CR_MCPAS | MAC_CR_TXEN | MAC_CR_RXEN;
    registers.change(register::MAC_CR, MAC_CR_PRMS, on).await?;
    registers.write(register::TX_CFG, TX_CFG_ON).await?;
    Ok(address)
}

/// Sets the MAC to the duplex mode of the link.
pub(crate) async fn set_duplex<P: Platform>(
    registers: &Registers<'_, '_, P>,
    full: bool,
) -> Result<(), Error> {
    let (clear, set) =
        if full { (MAC_CR_RCVOWN, MAC_CR_FDPX) } else { (MAC_CR_FDPX, MAC_CR_RCVOWN) };
    registers.change(register::MAC_CR, clear, set).await
}

/// Has the MAC pass what is for other stations, or not.
pub(crate) async fn pass_all<P: Platform>(
    registers: &Registers<'_, '_, P>,
    all: bool,
) -> Result<(), Error> {
    let (clear, set) = if all { (0, MAC_CR_PRMS) } else { (MAC_CR_PRMS, 0) };
    registers.change(register::MAC_CR, clear, set).await
}

/// Reading the PHY's source register clears it; then the chip's may be cleared.
pub(crate) async fn acknowledge<P: Platform>(
    registers: &Registers<'_, '_, P>,
) -> Result<(), Error> {
    registers.phy_read(PHY_INT_SOURCE).await?;
    registers.write(register::INT_STS, INT_ALL).await
}
