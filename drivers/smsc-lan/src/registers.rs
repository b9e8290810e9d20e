//! Registers behind vendor requests, and the PHY's behind two of them.

use crate::error::Error;
use core::time::Duration;
use net::netif::MacAddress;
use usb_core::class::Platform;
use usb_core::device::Device;
use usb_core::host::{Clock, SetupPacket};

/// USB_VENDOR_REQUEST_WRITE_REGISTER, host to device.
const WRITE_REGISTER: (u8, u8) = (0x40, 0xa0);
/// USB_VENDOR_REQUEST_READ_REGISTER, device to host.
const READ_REGISTER: (u8, u8) = (0xc0, 0xa1);
/// Bytes of a register.
const WIDTH: usize = 4;
const TIMEOUT: Duration = Duration::from_secs(1);

/// How often a busy bit is looked at, and for how long.
const BUSY_PAUSE: Duration = Duration::from_millis(1);
const BUSY_TRIES: u32 = 1000;

/// MII_ADDR and MII_ACC: busy, write, and where the numbers of register and PHY go.
const MII_BUSY: u32 = 1 << 0;
const MII_WRITE: u32 = 1 << 1;
const MII_REGISTER: u32 = 6;
const MII_PHY: u32 = 11;
/// The number of the PHY inside the chip.
const INTERNAL_PHY: u32 = 1;

/// The registers of a chip; everything is a transfer over endpoint 0.
pub(crate) struct Registers<'d, 'b, P: Platform> {
    pub(crate) device: &'d Device<'b, P>,
    /// Addresses of the PHY access registers: address and data.
    pub(crate) mii: (u16, u16),
}

impl<P: Platform> Registers<'_, '_, P> {
    pub(crate) async fn read(&self, register: u16) -> Result<u32, Error> {
        let (request_type, request) = READ_REGISTER;
        let setup =
            SetupPacket { request_type, request, value: 0, index: register, length: WIDTH as u16 };
        let mut bytes = [0; WIDTH];
        match self.device.control(setup, &mut bytes, TIMEOUT).await? {
            WIDTH => Ok(u32::from_le_bytes(bytes)),
            length => Err(Error::Short(length)),
        }
    }

    pub(crate) async fn write(&self, register: u16, value: u32) -> Result<(), Error> {
        let (request_type, request) = WRITE_REGISTER;
        let setup =
            SetupPacket { request_type, request, value: 0, index: register, length: WIDTH as u16 };
        self.device.control(setup, &mut value.to_le_bytes(), TIMEOUT).await?;
        Ok(())
    }

    /// Clears and sets bits.
    pub(crate) async fn change(&self, register: u16, clear: u32, set: u32) -> Result<(), Error> {
        let before = self.read(register).await?;
        self.write(register, before & !clear | set).await
    }

    /// Returns once all of `bits` are clear.
    pub(crate) async fn until_clear(&self, register: u16, bits: u32) -> Result<(), Error> {
        self.until(register, |value| value & bits == 0).await
    }

    /// Returns once the register is as it should be.
    pub(crate) async fn until(
        &self,
        register: u16,
        done: impl Fn(u32) -> bool,
    ) -> Result<(), Error> {
        for _ in 0..BUSY_TRIES {
            if done(self.read(register).await?) {
                return Ok(());
            }
            self.device.platform().clock().sleep(BUSY_PAUSE).await;
        }
        Err(Error::Stuck(register))
    }

    /// Sets bits that the chip clears when it has done what they stand for.
    pub(crate) async fn trigger(&self, register: u16, bits: u32) -> Result<(), Error> {
        self.change(register, 0, bits).await?;
        self.until_clear(register, bits).await
    }

    /// Reads a register of the PHY (IEEE 802.3 clause 22).
    pub(crate) async fn phy_read(&self, register: u8) -> Result<u16, Error> {
        let (address, data) = self.mii;
        self.until_clear(address, MII_BUSY).await?;
        self.write(address, phy_address(register) | MII_BUSY).await?;
        self.until_clear(address, MII_BUSY).await?;
        // The upper half is reserved.
        Ok(self.read(data).await? as u16)
    }

    /// Writes a register of the PHY.
    pub(crate) async fn phy_write(&self, register: u8, value: u16) -> Result<(), Error> {
        let (address, data) = self.mii;
        self.until_clear(address, MII_BUSY).await?;
        self.write(data, u32::from(value)).await?;
        self.write(address, phy_address(register) | MII_WRITE | MII_BUSY).await?;
        self.until_clear(address, MII_BUSY).await
    }

    /// Reads the station address out of its two registers. What the chip loaded from an EEPROM is
    /// there after power-on; without one it is all ones.
    pub(crate) async fn station_address(
        &self,
        high: u16,
        low: u16,
    ) -> Result<Option<MacAddress>, Error> {
        let words = u64::from(self.read(high).await?) << 32 | u64::from(self.read(low).await?);
        let address = words.to_le_bytes().first_chunk().copied().map(MacAddress);
        Ok(address.filter(|address| address.is_station()))
    }
}

fn phy_address(register: u8) -> u32 {
    INTERNAL_PHY << MII_PHY | u32::from(register) << MII_REGISTER
}

/// The two words that a station address has in registers: the last two octets, the first four.
pub(crate) fn address_words(address: MacAddress) -> (u32, u32) {
    let mut words = [0; 8];
    for (byte, octet) in words.iter_mut().zip(address.0) {
        *byte = octet;
    }
    let words = u64::from_le_bytes(words);
    // Each half of it is a word.
    ((words >> 32) as u32, words as u32)
}
