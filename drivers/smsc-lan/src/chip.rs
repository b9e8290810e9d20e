//! A chip: which one it is, how it is brought up, and its link.

use crate::error::Error;
use crate::registers::Registers;
use crate::{lan78xx, lan95xx, phy};
use net::netif::{LinkState, MacAddress, ReceiveFilter};
use usb_core::class::Platform;
use usb_core::device::Device;

/// SMSC's idVendor.
const SMSC: u16 = 0x0424;

/// A family of chips.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Model {
    /// LAN9500, LAN9512, LAN9514 and their like.
    Lan95xx,
    /// LAN7800, LAN7850, LAN7515.
    Lan78xx,
}

impl Model {
    /// The family of a device.
    pub const fn of(vendor: u16, product: u16) -> Option<Self> {
        match (vendor, product) {
            // LAN9500, LAN9500A, LAN9505(A), LAN9512/9514, LAN9530, LAN9730, LAN89530.
            (SMSC, 0x9500 | 0x9505 | 0x9e00 | 0x9e01 | 0xec00 | 0x9530 | 0x9730 | 0x9e08) => {
                Some(Self::Lan95xx)
            }
            // LAN7800 and LAN7515, LAN7850, LAN7801 has no PHY of its own and is left out.
            (SMSC, 0x7800 | 0x7850) => Some(Self::Lan78xx),
            _ => None,
        }
    }

    /// The name that people use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Lan95xx => "smsc95xx",
            Self::Lan78xx => "lan78xx",
        }
    }

    /// Addresses of the PHY access registers.
    const fn mii(self) -> (u16, u16) {
        match self {
            Self::Lan95xx => lan95xx::MII,
            Self::Lan78xx => lan78xx::MII,
        }
    }
}

/// How frames are to come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Receiver {
    /// Bytes of a packet of the bulk pipe.
    pub packet: usize,
    /// Bytes that a receive transfer has room for: the chip ends a run of frames there.
    pub window: usize,
}

impl Receiver {
    /// BURST_CAP: packets in a run.
    pub(crate) fn burst_cap(self) -> u32 {
        // A few, or a few dozen; the register has eight bits.
        (self.window / self.packet.max(1)).clamp(1, 0xff) as u32
    }
}

/// A chip that runs.
pub struct Chip<'d, 'b, P: Platform> {
    registers: Registers<'d, 'b, P>,
    model: Model,
}

/// What [`Chip::start`] returns.
pub struct Started<'d, 'b, P: Platform> {
    /// The chip.
    pub chip: Chip<'d, 'b, P>,
    /// Its station address.
    pub address: MacAddress,
}

impl<'d, 'b, P: Platform> Chip<'d, 'b, P> {
    /// Resets the chip and starts it: receiver, transmitter, PHY. A chip without an address of its
    /// own gets `address`.
    pub async fn start(
        device: &'d Device<'b, P>,
        model: Model,
        receiver: Receiver,
        address: MacAddress,
    ) -> Result<Started<'d, 'b, P>, Error> {
        let chip = Self { registers: Registers { device, mii: model.mii() }, model };
        let address = match model {
            Model::Lan95xx => lan95xx::start(&chip.registers, receiver, address).await?,
            Model::Lan78xx => lan78xx::start(&chip.registers, receiver, address).await?,
        };
        Ok(Started { chip, address })
    }

    /// The family.
    pub const fn model(&self) -> Model {
        self.model
    }

    /// The link as the PHY has it now. The MAC is set to the duplex mode of the link.
    pub async fn link(&self) -> Result<LinkState, Error> {
        let Some(mode) = phy::link(&self.registers, self.model == Model::Lan78xx).await? else {
            return Ok(LinkState::Down);
        };
        match self.model {
            Model::Lan95xx => lan95xx::set_duplex(&self.registers, mode.full_duplex).await?,
            // The MAC follows the PHY by itself.
            Model::Lan78xx => {}
        }
        Ok(LinkState::Up { speed: Some(mode.speed) })
    }

    /// Has the chip hand over what the stack wants: all groups in any case, and with
    /// [`ReceiveFilter::All`] what is for other stations, too.
    pub async fn set_filter(&self, wanted: ReceiveFilter) -> Result<(), Error> {
        let all = wanted == ReceiveFilter::All;
        match self.model {
            Model::Lan95xx => lan95xx::pass_all(&self.registers, all).await,
            Model::Lan78xx => lan78xx::pass_all(&self.registers, all).await,
        }
    }

    /// Whether a packet of the interrupt endpoint tells that the PHY has news.
    pub fn tells_of_phy(&self, packet: &[u8]) -> bool {
        let phy = match self.model {
            Model::Lan95xx => lan95xx::INT_PHY,
            Model::Lan78xx => lan78xx::INT_PHY,
        };
        packet.first_chunk().is_some_and(|bytes| u32::from_le_bytes(*bytes) & phy != 0)
    }

    /// Tells the chip that its interrupt was seen.
    pub async fn acknowledge(&self) -> Result<(), Error> {
        match self.model {
            Model::Lan95xx => lan95xx::acknowledge(&self.registers).await,
            Model::Lan78xx => lan78xx::acknowledge(&self.registers).await,
        }
    }
}
