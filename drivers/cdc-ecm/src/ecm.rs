//! Requests of the Ethernet Control Model (ECM 1.2 section 6.2).

use bitflags::bitflags;
use core::time::Duration;
use usb_core::class::Platform;
use usb_core::device::Device;
use usb_core::host::{SetupPacket, TransferError};

/// SET_ETHERNET_PACKET_FILTER, a class request to the interface.
const SET_ETHERNET_PACKET_FILTER: (u8, u8) = (0x21, 0x43);
const TIMEOUT: Duration = Duration::from_secs(1);

bitflags! {
    /// wValue of SET_ETHERNET_PACKET_FILTER (table 8).
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub(crate) struct PacketFilter: u16 {
        const ALL_MULTICAST = 1 << 1;
        const DIRECTED = 1 << 2;
        const BROADCAST = 1 << 3;
    }
}

/// Makes the device pass unicast, broadcast and all multicast frames: IPv6 Neighbor Discovery
/// needs its multicasts, and the stack filters by itself.
///
/// A device that does not know the request passes everything, so that a STALL is no failure.
pub(crate) async fn set_packet_filter<P: Platform>(
    device: &Device<'_, P>,
    interface: u8,
) -> Result<(), TransferError> {
    let filter = PacketFilter::ALL_MULTICAST | PacketFilter::DIRECTED | PacketFilter::BROADCAST;
    let (request_type, request) = SET_ETHERNET_PACKET_FILTER;
    let setup = SetupPacket {
        request_type,
        request,
        value: filter.bits(),
        index: u16::from(interface),
        length: 0,
    };
    match device.control(setup, &mut [], TIMEOUT).await {
        Ok(_) => Ok(()),
        Err(TransferError::Stall) => {
            log::debug!("usb {}: no packet filter in the device", device.path());
            Ok(())
        }
        Err(error) => Err(error),
    }
}
