//! CDC Ethernet Control Model (ECM 1.2): a frame is a transfer.

use crate::adapter::{Adapter, ETHERNET_HEADER, ETHERNET_MTU, Framing, Learned, Start, failed};
use crate::error::{Error, Step};
use crate::functional::EthernetDescriptor;
use crate::mac::parse_mac;
use bitflags::bitflags;
use core::time::Duration;
use net::netif::{LinkState, MacAddress, ReceiveFilter};
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
        const PROMISCUOUS = 1 << 0;
        const ALL_MULTICAST = 1 << 1;
        const DIRECTED = 1 << 2;
        const BROADCAST = 1 << 3;
    }
}

impl<'d, 'b, P: Platform> Start<'d, 'b, P> {
    /// Brings up an ECM function.
    pub(crate) async fn ecm(self) -> Result<Adapter<'d, 'b, P>, Error> {
        let mac = self.station_address().await?;
        self.reset_setting().await?;
        self.select_setting().await?;
        set_packet_filter(self.device, self.matched.control_interface, ReceiveFilter::Own)
            .await
            .map_err(|error| failed(Step::SelectSetting, error))?;
        let mtu = self.segment_mtu();
        // Many devices say nothing as long as the link is up.
        let link = LinkState::Up { speed: None };
        self.finish(Framing::Ecm, Learned { mac, mtu, link })
    }

    /// The address that the Ethernet functional descriptor names.
    pub(crate) async fn station_address(&self) -> Result<Option<MacAddress>, Error> {
        let Some(EthernetDescriptor { mac_string: index @ 1.., .. }) = self.matched.ethernet else {
            return Ok(None);
        };
        match self.device.string::<32>(index).await {
            Ok(text) => Ok(parse_mac(&text)),
            Err(error) if error.is_disconnected() => Err(Error::Disconnected),
            Err(_) => Ok(None),
        }
    }

    /// The MTU that wMaxSegmentSize allows.
    pub(crate) fn segment_mtu(&self) -> usize {
        match self.matched.ethernet.map_or(0, |ethernet| usize::from(ethernet.max_segment_size)) {
            0 => ETHERNET_MTU,
            segment => segment.saturating_sub(ETHERNET_HEADER).min(ETHERNET_MTU),
        }
    }
}

/// Makes the device pass unicast, broadcast and all multicast frames, or whatever there is: IPv6
/// Neighbor Discovery needs its multicasts, and the stack filters by itself.
///
/// A device that does not know the request passes everything, so that a STALL is no failure.
pub(crate) async fn set_packet_filter<P: Platform>(
    device: &Device<'_, P>,
    interface: u8,
    wanted: ReceiveFilter,
) -> Result<(), TransferError> {
    let mut filter = PacketFilter::ALL_MULTICAST | PacketFilter::DIRECTED | PacketFilter::BROADCAST;
    filter.set(PacketFilter::PROMISCUOUS, wanted == ReceiveFilter::All);
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
