//! The default control endpoint and the standard requests (USB 2.0 chapter 9.4).

use crate::descriptor::{
    DescriptorError, DeviceDescriptor, EndpointAddress, kind, language_ids, parse_string,
};
use crate::host::{HostController, SetupPacket, TransferError};
use crate::pipe::{DeviceAddress, Direction, EndpointNumber, TransactionTranslator, TransferType};
use crate::sync::Lock;
use core::fmt;
use core::time::Duration;
use heapless::String;

/// How long a standard request may take. USB 2.0 section 9.2.6.4 asks for 50 ms without and
/// 500 ms a packet with data; slow devices get twice that.
pub const STANDARD_TIMEOUT: Duration = Duration::from_secs(1);

/// Codes of bRequest and wValue that the core uses (USB 2.0 tables 9-4 and 9-6).
mod code {
    pub(super) const CLEAR_FEATURE: u8 = 1;
    pub(super) const SET_ADDRESS: u8 = 5;
    pub(super) const GET_DESCRIPTOR: u8 = 6;
    pub(super) const SET_CONFIGURATION: u8 = 9;
    pub(super) const SET_INTERFACE: u8 = 11;
    pub(super) const CLEAR_TT_BUFFER: u8 = 8;
    pub(super) const ENDPOINT_HALT: u16 = 0;
}

/// Why a request brought no usable answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum RequestError {
    /// The transfer failed.
    Transfer(TransferError),
    /// The answer is no valid descriptor.
    Descriptor(DescriptorError),
    /// The answer is shorter than the request's definition says; the length.
    Short(usize),
}

impl RequestError {
    /// Whether the device is gone, so that trying again is of no use.
    pub const fn is_disconnected(self) -> bool {
        matches!(self, Self::Transfer(TransferError::Disconnected))
    }
}

impl From<TransferError> for RequestError {
    fn from(error: TransferError) -> Self {
        Self::Transfer(error)
    }
}

impl From<DescriptorError> for RequestError {
    fn from(error: DescriptorError) -> Self {
        Self::Descriptor(error)
    }
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Transfer(error) => write!(f, "transfer failed: {error:?}"),
            Self::Descriptor(error) => error.fmt(f),
            Self::Short(length) => write!(f, "answer of only {length} bytes"),
        }
    }
}

impl SetupPacket {
    /// GET_DESCRIPTOR (section 9.4.3) for `length` bytes of a descriptor.
    pub const fn get_descriptor(kind: u8, index: u8, language: u16, length: u16) -> Self {
        Self {
            request_type: 0x80,
            request: code::GET_DESCRIPTOR,
            value: (kind as u16) << 8 | index as u16,
            index: language,
            length,
        }
    }

    /// SET_ADDRESS (section 9.4.6).
    pub const fn set_address(address: DeviceAddress) -> Self {
        Self {
            request_type: 0,
            request: code::SET_ADDRESS,
            value: address.get() as u16,
            index: 0,
            length: 0,
        }
    }

    /// SET_CONFIGURATION (section 9.4.7); 0 is "not configured".
    pub const fn set_configuration(value: u8) -> Self {
        Self {
            request_type: 0,
            request: code::SET_CONFIGURATION,
            value: value as u16,
            index: 0,
            length: 0,
        }
    }

    /// SET_INTERFACE (section 9.4.10).
    pub const fn set_interface(interface: u8, alternate: u8) -> Self {
        Self {
            request_type: 1,
            request: code::SET_INTERFACE,
            value: alternate as u16,
            index: interface as u16,
            length: 0,
        }
    }

    /// CLEAR_TT_BUFFER (section 11.24.2.3) to the hub of `translator`, for a control or bulk
    /// endpoint of a device below it: frees the buffer that an unfinished split transaction left
    /// in use (section 11.17.5). Buffers of interrupt endpoints are emptied each frame.
    pub const fn clear_tt_buffer(
        translator: TransactionTranslator,
        device: DeviceAddress,
        endpoint: EndpointNumber,
        transfer_type: TransferType,
        direction: Direction,
    ) -> Self {
        // bmAttributes of the endpoint's descriptor.
        let transfer_type = match transfer_type {
            TransferType::Control => 0,
            TransferType::Bulk => 2,
            TransferType::Interrupt => 3,
        };
        let direction = match direction {
            Direction::Out => 0,
            Direction::In => 1,
        };
        Self {
            request_type: 0x23,
            request: code::CLEAR_TT_BUFFER,
            value: endpoint.get() as u16
                | (device.get() as u16) << 4
                | transfer_type << 11
                | direction << 15,
            index: translator.request_port().get() as u16,
            length: 0,
        }
    }

    /// CLEAR_FEATURE(ENDPOINT_HALT) (section 9.4.1).
    pub const fn clear_halt(endpoint: EndpointAddress) -> Self {
        Self {
            request_type: 2,
            request: code::CLEAR_FEATURE,
            value: code::ENDPOINT_HALT,
            index: endpoint.to_byte() as u16,
            length: 0,
        }
    }
}

/// The default control endpoint of a device: its pipe behind a lock, since hub port requests of
/// several tasks go to one hub.
pub(crate) struct ControlEndpoint<H: HostController> {
    pipe: Lock<Option<H::Pipe>>,
}

impl<H: HostController> ControlEndpoint<H> {
    pub(crate) const fn new() -> Self {
        Self { pipe: Lock::new(None) }
    }

    /// The pipe, `None` while there is no device.
    pub(crate) const fn pipe(&self) -> &Lock<Option<H::Pipe>> {
        &self.pipe
    }

    /// One control transfer.
    pub(crate) async fn transfer(
        &self,
        host: &H,
        setup: SetupPacket,
        data: &mut [u8],
        timeout: Duration,
    ) -> Result<usize, TransferError> {
        let pipe = self.pipe.lock().await;
        let pipe = pipe.as_ref().ok_or(TransferError::Disconnected)?;
        host.control(pipe, setup, data, timeout).await
    }

    /// A request without data stage.
    pub(crate) async fn send(&self, host: &H, setup: SetupPacket) -> Result<(), TransferError> {
        self.transfer(host, setup, &mut [], STANDARD_TIMEOUT).await.map(|_| ())
    }

    /// GET_DESCRIPTOR into `data`; returns how much came.
    pub(crate) async fn get_descriptor(
        &self,
        host: &H,
        kind: u8,
        index: u8,
        language: u16,
        data: &mut [u8],
    ) -> Result<usize, TransferError> {
        let length = u16::try_from(data.len()).unwrap_or(u16::MAX);
        let setup = SetupPacket::get_descriptor(kind, index, language, length);
        let received = self.transfer(host, setup, data, STANDARD_TIMEOUT).await?;
        Ok(received.min(data.len()))
    }

    /// The whole device descriptor.
    pub(crate) async fn device_descriptor(
        &self,
        host: &H,
    ) -> Result<DeviceDescriptor, RequestError> {
        let mut data = [0; DeviceDescriptor::LENGTH];
        let received = self.get_descriptor(host, kind::DEVICE, 0, 0, &mut data).await?;
        Ok(DeviceDescriptor::parse(data.get(..received).unwrap_or(&[]))?)
    }

    /// The first language of the device's strings, US English where the list makes no sense.
    pub(crate) async fn language(&self, host: &H) -> Result<u16, RequestError> {
        const ENGLISH: u16 = 0x0409;
        let mut data = [0; 64];
        let received = self.get_descriptor(host, kind::STRING, 0, 0, &mut data).await?;
        let mut ids = language_ids(data.get(..received).unwrap_or(&[]))?;
        Ok(ids.next().unwrap_or(ENGLISH))
    }

    /// String `index`, cut to `N` bytes of UTF-8.
    pub(crate) async fn string<const N: usize>(
        &self,
        host: &H,
        index: u8,
        language: u16,
    ) -> Result<String<N>, RequestError> {
        // Asking for the largest length at once is what other systems do, so devices stand it.
        let mut data = [0; 255];
        let received = self.get_descriptor(host, kind::STRING, index, language, &mut data).await?;
        Ok(parse_string(data.get(..received).unwrap_or(&[]))?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn setup_packets_are_those_of_the_standard() {
        assert_eq!(
            SetupPacket::get_descriptor(kind::CONFIGURATION, 1, 0, 9).to_bytes(),
            [0x80, 6, 1, 2, 0, 0, 9, 0]
        );
        let address = DeviceAddress::new(5).expect("a valid address");
        assert_eq!(SetupPacket::set_address(address).to_bytes(), [0, 5, 5, 0, 0, 0, 0, 0]);
        assert_eq!(SetupPacket::set_configuration(2).to_bytes(), [0, 9, 2, 0, 0, 0, 0, 0]);
        assert_eq!(SetupPacket::set_interface(3, 1).to_bytes(), [1, 11, 1, 0, 3, 0, 0, 0]);
        let endpoint = EndpointAddress::from_byte(0x82).expect("a valid endpoint");
        let clear = |multi| {
            let hub = DeviceAddress::DEFAULT;
            let port = crate::pipe::PortNumber::new(3).expect("a port");
            SetupPacket::clear_tt_buffer(
                TransactionTranslator { hub, port, multi },
                address,
                endpoint.number,
                TransferType::Bulk,
                endpoint.direction,
            )
            .to_bytes()
        };
        assert_eq!(clear(false), [0x23, 8, 0x52, 0x90, 1, 0, 0, 0]);
        assert_eq!(clear(true), [0x23, 8, 0x52, 0x90, 3, 0, 0, 0]);
        assert_eq!(SetupPacket::clear_halt(endpoint).to_bytes(), [2, 1, 0, 0, 0x82, 0, 0, 0]);
    }
}
