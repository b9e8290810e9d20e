//! Requests of the hub class (USB 2.0 section 11.24).

use crate::class::Platform;
use crate::descriptor::{HubDescriptor, kind};
use crate::device::Device;
use crate::host::{SetupPacket, TransferError};
use crate::pipe::PortNumber;
use crate::request::{RequestError, STANDARD_TIMEOUT};
use bitflags::bitflags;

bitflags! {
    /// wPortStatus (section 11.24.2.7.1).
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub(super) struct PortState: u16 {
        /// A device is attached.
        const CONNECTION = 1 << 0;
        /// The port carries traffic.
        const ENABLE = 1 << 1;
        /// Suspended.
        const SUSPEND = 1 << 2;
        /// Over-current on this port.
        const OVER_CURRENT = 1 << 3;
        /// Reset signalling is going on.
        const RESET = 1 << 4;
        /// Powered.
        const POWER = 1 << 8;
        /// A low-speed device.
        const LOW_SPEED = 1 << 9;
        /// A high-speed device.
        const HIGH_SPEED = 1 << 10;
    }
}

bitflags! {
    /// wPortChange (section 11.24.2.7.2).
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub(super) struct PortChange: u16 {
        /// Something came or went.
        const CONNECTION = 1 << 0;
        /// The hub disabled the port because of an error.
        const ENABLE = 1 << 1;
        /// Resume is complete.
        const SUSPEND = 1 << 2;
        /// Over-current came or went.
        const OVER_CURRENT = 1 << 3;
        /// Reset is complete.
        const RESET = 1 << 4;
    }
}

/// The answer to GET_STATUS of a port.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct PortStatus {
    /// How the port is.
    pub(super) state: PortState,
    /// What changed and was not cleared.
    pub(super) change: PortChange,
}

impl PortStatus {
    const fn from_bytes(bytes: [u8; 4]) -> Self {
        Self {
            state: PortState::from_bits_truncate(u16::from_le_bytes([bytes[0], bytes[1]])),
            change: PortChange::from_bits_truncate(u16::from_le_bytes([bytes[2], bytes[3]])),
        }
    }
}

bitflags! {
    /// wHubStatus and wHubChange, which have the same bits (section 11.24.2.6).
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub(super) struct HubState: u16 {
        /// The hub's own power supply is gone.
        const LOCAL_POWER_LOST = 1 << 0;
        /// Over-current on the hub as a whole.
        const OVER_CURRENT = 1 << 1;
    }
}

/// The answer to GET_STATUS of the hub.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct HubStatus {
    /// How the hub is.
    pub(super) state: HubState,
    /// What changed and was not cleared.
    pub(super) change: HubState,
}

/// Features of a port that are set or cleared (table 11-17).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum PortFeature {
    Enable = 1,
    Reset = 4,
    Power = 8,
    ConnectionChange = 16,
    EnableChange = 17,
    SuspendChange = 18,
    OverCurrentChange = 19,
    ResetChange = 20,
}

/// Features of the hub that are cleared (table 11-17).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum HubFeature {
    LocalPowerChange = 0,
    OverCurrentChange = 1,
}

const GET_STATUS: u8 = 0;
const CLEAR_FEATURE: u8 = 1;
const SET_FEATURE: u8 = 3;
const GET_DESCRIPTOR: u8 = 6;

const HUB_IN: u8 = 0xa0;
const HUB_OUT: u8 = 0x20;
const PORT_IN: u8 = 0xa3;
const PORT_OUT: u8 = 0x23;

async fn send<P: Platform>(
    device: &Device<'_, P>,
    request_type: u8,
    request: u8,
    value: u16,
    index: u16,
) -> Result<(), RequestError> {
    let setup = SetupPacket { request_type, request, value, index, length: 0 };
    device.control(setup, &mut [], STANDARD_TIMEOUT).await?;
    Ok(())
}

async fn status<P: Platform>(
    device: &Device<'_, P>,
    request_type: u8,
    index: u16,
) -> Result<[u8; 4], RequestError> {
    let mut data = [0; 4];
    let setup = SetupPacket { request_type, request: GET_STATUS, value: 0, index, length: 4 };
    match device.control(setup, &mut data, STANDARD_TIMEOUT).await? {
        4 => Ok(data),
        short => Err(RequestError::Short(short)),
    }
}

/// GET_STATUS of the hub.
pub(super) async fn hub_status<P: Platform>(
    device: &Device<'_, P>,
) -> Result<HubStatus, RequestError> {
    let [state, _, change, _] = status(device, HUB_IN, 0).await?;
    Ok(HubStatus {
        state: HubState::from_bits_truncate(u16::from(state)),
        change: HubState::from_bits_truncate(u16::from(change)),
    })
}

/// GET_STATUS of a port.
pub(super) async fn port_status<P: Platform>(
    device: &Device<'_, P>,
    port: PortNumber,
) -> Result<PortStatus, RequestError> {
    status(device, PORT_IN, u16::from(port.get())).await.map(PortStatus::from_bytes)
}

/// SET_FEATURE of a port.
pub(super) async fn set_port_feature<P: Platform>(
    device: &Device<'_, P>,
    port: PortNumber,
    feature: PortFeature,
) -> Result<(), RequestError> {
    send(device, PORT_OUT, SET_FEATURE, feature as u16, u16::from(port.get())).await
}

/// CLEAR_FEATURE of a port.
pub(super) async fn clear_port_feature<P: Platform>(
    device: &Device<'_, P>,
    port: PortNumber,
    feature: PortFeature,
) -> Result<(), RequestError> {
    send(device, PORT_OUT, CLEAR_FEATURE, feature as u16, u16::from(port.get())).await
}

/// CLEAR_FEATURE of the hub.
pub(super) async fn clear_hub_feature<P: Platform>(
    device: &Device<'_, P>,
    feature: HubFeature,
) -> Result<(), RequestError> {
    send(device, HUB_OUT, CLEAR_FEATURE, feature as u16, 0).await
}

/// GET_DESCRIPTOR of the hub descriptor; three tries, since everything below depends on it.
pub(super) async fn hub_descriptor<P: Platform>(
    device: &Device<'_, P>,
) -> Result<HubDescriptor, RequestError> {
    let mut data = [0; HubDescriptor::MAX_LENGTH];
    let setup = SetupPacket {
        request_type: HUB_IN,
        request: GET_DESCRIPTOR,
        value: (kind::HUB as u16) << 8,
        index: 0,
        length: data.len() as u16,
    };
    let mut last = RequestError::Transfer(TransferError::Timeout);
    for _ in 0..3 {
        match device.control(setup, &mut data, STANDARD_TIMEOUT).await {
            Ok(length) => match HubDescriptor::parse(data.get(..length).unwrap_or(&[])) {
                Ok(descriptor) => return Ok(descriptor),
                Err(error) => last = error.into(),
            },
            Err(TransferError::Disconnected) => return Err(TransferError::Disconnected.into()),
            Err(error) => last = error.into(),
        }
    }
    Err(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn port_status_bits() {
        let status = PortStatus::from_bytes([0x03, 0x05, 0x11, 0]);
        assert_eq!(
            status.state,
            PortState::CONNECTION | PortState::ENABLE | PortState::POWER | PortState::HIGH_SPEED
        );
        assert_eq!(status.change, PortChange::CONNECTION | PortChange::RESET);
    }
}
