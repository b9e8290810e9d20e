//! Requests of the Network Control Model (NCM 1.0 section 6.2). They are sent while the data
//! interface is in setting 0, where it carries nothing.

use super::NtbParameters;
use crate::adapter::failed;
use crate::error::{Error, Step};
use core::time::Duration;
use usb_core::class::Platform;
use usb_core::device::Device;
use usb_core::host::{SetupPacket, TransferError};

const TIMEOUT: Duration = Duration::from_secs(1);

/// bmRequestType of a class request to an interface.
const TO_DEVICE: u8 = 0x21;
const TO_HOST: u8 = 0xa1;

/// Codes of bRequest (NCM 1.0 table 6-2).
mod code {
    pub(super) const GET_NTB_PARAMETERS: u8 = 0x80;
    pub(super) const SET_NTB_FORMAT: u8 = 0x84;
    pub(super) const SET_NTB_INPUT_SIZE: u8 = 0x86;
    pub(super) const SET_CRC_MODE: u8 = 0x8a;
}

/// Asks for the parameters.
pub(crate) async fn parameters<P: Platform>(
    device: &Device<'_, P>,
    interface: u8,
) -> Result<NtbParameters, Error> {
    let mut bytes = [0; NtbParameters::LENGTH];
    let setup = SetupPacket {
        request_type: TO_HOST,
        request: code::GET_NTB_PARAMETERS,
        value: 0,
        index: u16::from(interface),
        length: bytes.len() as u16,
    };
    let length = device
        .control(setup, &mut bytes, TIMEOUT)
        .await
        .map_err(|error| failed(Step::NtbParameters, error))?;
    bytes.get(..length).and_then(NtbParameters::parse).ok_or(Error::NtbParameters)
}

/// Chooses 16-bit blocks, of a device that has both.
pub(crate) async fn set_16_bit_format<P: Platform>(
    device: &Device<'_, P>,
    interface: u8,
) -> Result<(), Error> {
    request(device, code::SET_NTB_FORMAT, interface, &mut []).await.map(|_| ())
}

/// Turns CRCs behind datagrams off, of a device that can append them.
pub(crate) async fn set_no_crc<P: Platform>(
    device: &Device<'_, P>,
    interface: u8,
) -> Result<(), Error> {
    request(device, code::SET_CRC_MODE, interface, &mut []).await.map(|_| ())
}

/// Asks for blocks of at most `size` bytes; returns whether the device agreed.
pub(crate) async fn set_input_size<P: Platform>(
    device: &Device<'_, P>,
    interface: u8,
    size: u32,
) -> Result<bool, Error> {
    request(device, code::SET_NTB_INPUT_SIZE, interface, &mut size.to_le_bytes()).await
}

/// A request whose refusal is no failure; returns whether it was taken.
async fn request<P: Platform>(
    device: &Device<'_, P>,
    request: u8,
    interface: u8,
    data: &mut [u8],
) -> Result<bool, Error> {
    let setup = SetupPacket {
        request_type: TO_DEVICE,
        request,
        value: 0,
        index: u16::from(interface),
        length: data.len() as u16,
    };
    match device.control(setup, data, TIMEOUT).await {
        Ok(_) => Ok(true),
        Err(TransferError::Stall) => {
            log::debug!("usb {}: ncm request {request:#04x} refused", device.path());
            Ok(false)
        }
        Err(error) => Err(failed(Step::NtbParameters, error)),
    }
}
