//! The LAN78xx family (LAN7800 databook, chapter 15).

use crate::chip::Receiver;
use crate::error::Error;
use crate::phy;
use crate::registers::{Registers, address_words};
use net::netif::MacAddress;
use usb_core::class::Platform;

/// System and MAC registers by address.
mod register {
    pub(super) const ID_REV: u16 = 0x000;
    pub(super) const INT_STS: u16 = 0x00c;
    pub(super) const HW_CFG: u16 = 0x010;
    pub(super) const PMT_CTL: u16 = 0x014;
    pub(super) const USB_CFG0: u16 = 0x080;
    pub(super) const BURST_CAP: u16 = 0x090;
    pub(super) const BULK_IN_DLY: u16 = 0x094;
    pub(super) const INT_EP_CTL: u16 = 0x098;
    pub(super) const RFE_CTL: u16 = 0x0b0;
    pub(super) const FCT_RX_CTL: u16 = 0x0c0;
    pub(super) const FCT_TX_CTL: u16 = 0x0c4;
    pub(super) const FCT_RX_FIFO_END: u16 = 0x0c8;
    pub(super) const FCT_TX_FIFO_END: u16 = 0x0cc;
    pub(super) const FCT_FLOW: u16 = 0x0d0;
    pub(super) const MAC_CR: u16 = 0x100;
    pub(super) const MAC_RX: u16 = 0x104;
    pub(super) const MAC_TX: u16 = 0x108;
    pub(super) const FLOW: u16 = 0x10c;
    pub(super) const RX_ADDRH: u16 = 0x118;
    pub(super) const RX_ADDRL: u16 = 0x11c;
    pub(super) const MII_ACC: u16 = 0x120;
    pub(super) const MII_DATA: u16 = 0x124;
    /// The first perfect filter.
    pub(super) const MAF_HI: u16 = 0x400;
    pub(super) const MAF_LO: u16 = 0x404;
}

/// The PHY access registers.
pub(crate) const MII: (u16, u16) = (register::MII_ACC, register::MII_DATA);

/// INT_STS, INT_EP_CTL and the packet of the interrupt endpoint: the PHY.
pub(crate) const INT_PHY: u32 = 1 << 17;
const INT_ALL: u32 = u32::MAX;

/// HW_CFG: soft reset of all but the USB side.
const HW_CFG_LRST: u32 = 1 << 1;
/// HW_CFG: several frames in a run of packets.
const HW_CFG_MEF: u32 = 1 << 4;
/// HW_CFG: the LEDs of the socket.
const HW_CFG_LEDS: u32 = 1 << 20 | 1 << 21;

const PMT_CTL_PHY_RST: u32 = 1 << 4;
const PMT_CTL_READY: u32 = 1 << 7;

/// USB_CFG0: a run is at most BURST_CAP packets long.
const USB_CFG_BCE: u32 = 1 << 5;
/// USB_CFG0: NAK instead of an empty packet when there is no frame.
const USB_CFG_BIR: u32 = 1 << 6;

/// How long the chip waits for more frames before it sends a run.
const BULK_IN_DELAY: u32 = 0x800;

/// RFE_CTL: pass broadcasts, all multicasts (IPv6 Neighbor Discovery needs its own, and the stack
/// selects), and what the perfect filters know. Nothing else: no checksums.
const RFE_CTL_BCAST: u32 = 1 << 10;
const RFE_CTL_MCAST: u32 = 1 << 9;
const RFE_CTL_DA_PERFECT: u32 = 1 << 1;
/// RFE_CTL: pass what is for other stations, too.
const RFE_CTL_UCAST: u32 = 1 << 8;

/// FCT_RX_CTL and FCT_TX_CTL: the FIFO works.
const FCT_ENABLE: u32 = 1 << 31;
/// Sizes of the FIFOs in units of 512 bytes, less one: 12 KiB each.
const FIFO_END: u32 = 12 * 1024 / 512 - 1;

/// MAC_CR: duplex and speed as the PHY has them.
const MAC_CR_AUTOMATIC: u32 = 1 << 12 | 1 << 11;
/// MAC_RX: enabled, the longest frame (with a VLAN tag and FCS), and where its length goes.
const MAC_RX_ENABLE: u32 = 1 << 0;
const MAC_RX_MAX_SIZE: u32 = 0x3fff << 16;
const LONGEST_FRAME: u32 = 1522 << 16;
const MAC_TX_ENABLE: u32 = 1 << 0;

/// MAF_HI: the filter is in use.
const MAF_VALID: u32 = 1 << 31;

/// The PHY's interrupt mask and status registers; link change, and that its pin is used at all.
const PHY_INT_MASK: u8 = 25;
const PHY_INT_STATUS: u8 = 26;
const PHY_INT_LINK: u16 = 1 << 15 | 1 << 13;

/// Resets the chip and starts it; returns its address.
pub(crate) async fn start<P: Platform>(
    registers: &Registers<'_, '_, P>,
    receiver: Receiver,
    address: MacAddress,
) -> Result<MacAddress, Error> {
    let identity = registers.read(register::ID_REV).await?;
    if !matches!(identity >> 16, 0x7800 | 0x7850) {
        return Err(Error::Identity(identity));
    }
    log::debug!("usb {}: ID_REV {identity:#010x}", registers.device.path());
    // Before the reset, which may lose it.
    let own = registers.station_address(register::RX_ADDRH, register::RX_ADDRL).await?;
    let address = own.unwrap_or(address);
    registers.trigger(register::HW_CFG, HW_CFG_LRST).await?;
    let (high, low) = address_words(address);
    registers.write(register::RX_ADDRL, low).await?;
    registers.write(register::RX_ADDRH, high).await?;
    registers.write(register::MAF_LO, low).await?;
    registers.write(register::MAF_HI, high | MAF_VALID).await?;

    registers.write(register::BURST_CAP, receiver.burst_cap()).await?;
    registers.write(register::BULK_IN_DLY, BULK_IN_DELAY).await?;
    registers.change(register::HW_CFG, 0, HW_CFG_MEF | HW_CFG_LEDS).await?;
    registers.change(register::USB_CFG0, 0, USB_CFG_BCE | USB_CFG_BIR).await?;
    registers.write(register::FCT_RX_FIFO_END, FIFO_END).await?;
    registers.write(register::FCT_TX_FIFO_END, FIFO_END).await?;
    registers.write(register::INT_STS, INT_ALL).await?;
    registers.write(register::FLOW, 0).await?;
    registers.write(register::FCT_FLOW, 0).await?;
    let filter = RFE_CTL_BCAST | RFE_CTL_MCAST | RFE_CTL_DA_PERFECT;
    registers.write(register::RFE_CTL, filter).await?;

    registers.trigger(register::PMT_CTL, PMT_CTL_PHY_RST).await?;
    registers.until(register::PMT_CTL, |value| value & PMT_CTL_READY != 0).await?;
    registers.change(register::MAC_CR, 0, MAC_CR_AUTOMATIC).await?;
    phy::negotiate(registers).await?;
    registers.phy_write(PHY_INT_MASK, PHY_INT_LINK).await?;
    acknowledge(registers).await?;
    registers.change(register::INT_EP_CTL, 0, INT_PHY).await?;

    registers.change(register::MAC_TX, 0, MAC_TX_ENABLE).await?;
    registers.change(register::FCT_TX_CTL, 0, FCT_ENABLE).await?;
    let receive = LONGEST_FRAME | MAC_RX_ENABLE;
    registers.change(register::MAC_RX, MAC_RX_MAX_SIZE, receive).await?;
    registers.change(register::FCT_RX_CTL, 0, FCT_ENABLE).await?;
    Ok(address)
}

/// Has the receive filter pass what is for other stations, or not.
pub(crate) async fn pass_all<P: Platform>(
    registers: &Registers<'_, '_, P>,
    all: bool,
) -> Result<(), Error> {
    let (clear, set) = if all { (0, RFE_CTL_UCAST) } else { (RFE_CTL_UCAST, 0) };
    registers.change(register::RFE_CTL, clear, set).await
}

/// Reading the PHY's status register clears it; then the chip's may be cleared.
pub(crate) async fn acknowledge<P: Platform>(
    registers: &Registers<'_, '_, P>,
) -> Result<(), Error> {
    registers.phy_read(PHY_INT_STATUS).await?;
    registers.write(register::INT_STS, INT_ALL).await
}
