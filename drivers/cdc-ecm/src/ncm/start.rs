//! Bringing up an NCM function (NCM 1.0 section 7.2): everything is settled while the data
//! interface is in setting 0.

use super::{Layout, NtbParameters, request};
use crate::adapter::{Adapter, ETHERNET_HEADER, Framing, IPV6_MIN_MTU, Learned, Start, failed};
use crate::ecm;
use crate::error::{Error, Step};
use crate::functional::NcmCapabilities;
use crate::receive::WINDOW;
use core::cell::Cell;
use net::netif::{LinkState, ReceiveFilter};
use usb_core::class::Platform;

/// Bytes of the blocks that are asked for: the least that may be asked for (NCM 1.0 section
/// 6.2.7). A frame of full size fills such a block alone and is not copied; a few dozen small ones
/// share it.
const INPUT_SIZE: usize = WINDOW;

/// Bytes of a block with one frame that carries the smallest MTU of IPv6: NTH16, NDP16 with two
/// entries, the frame.
const LEAST_BLOCK: usize = 28 + ETHERNET_HEADER + IPV6_MIN_MTU;

impl<'d, 'b, P: Platform> Start<'d, 'b, P> {
    /// Brings up an NCM function.
    pub(crate) async fn ncm(self) -> Result<Adapter<'d, 'b, P>, Error> {
        let (device, interface) = (self.device, self.matched.control_interface);
        let capabilities = self.matched.ncm.map_or(NcmCapabilities::all(), |ncm| ncm.capabilities);
        let mac = self.station_address().await?;
        self.reset_setting().await?;
        let parameters = request::parameters(device, interface).await?;
        log::debug!("usb {}: {parameters:?}", device.path());
        if parameters.formats & NtbParameters::FORMAT_32 != 0 {
            request::set_16_bit_format(device, interface).await?;
        }
        if capabilities.contains(NcmCapabilities::CRC_MODE) {
            request::set_no_crc(device, interface).await?;
        }
        let offered = usize::try_from(parameters.in_max_size).unwrap_or(usize::MAX);
        // Blocks that are larger than what the 16-bit format can say do not come.
        let mut max_block = offered.min(usize::from(u16::MAX));
        if max_block < LEAST_BLOCK {
            return Err(Error::TransferSize(parameters.in_max_size));
        }
        if max_block > INPUT_SIZE {
            // It may refuse: then its blocks are as large as it likes.
            if request::set_input_size(device, interface, INPUT_SIZE as u32).await? {
                max_block = INPUT_SIZE;
            }
        }
        if capabilities.contains(NcmCapabilities::PACKET_FILTER) {
            ecm::set_packet_filter(device, interface, ReceiveFilter::Own)
                .await
                .map_err(|error| failed(Step::SelectSetting, error))?;
        }
        self.select_setting().await?;
        let layout = Layout::new(&parameters);
        let mtu = layout.max_frame().saturating_sub(ETHERNET_HEADER).min(self.segment_mtu());
        // The standard wants a notification before anything else; not all devices send it.
        let link = LinkState::Up { speed: None };
        let framing = Framing::Ncm { layout, max_block, sequence: Cell::new(0) };
        self.finish(framing, Learned { mac, mtu, link })
    }
}
