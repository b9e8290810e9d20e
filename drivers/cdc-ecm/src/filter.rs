//! Which of the frames on the cable an adapter hands over.

use crate::adapter::{Adapter, Framing, failed};
use crate::ecm;
use crate::error::{Error, Step};
use crate::functional::NcmCapabilities;
use crate::probe::Match;
use crate::protocol::Protocol;
use crate::rndis::command::Event;
use net::netif::{Port, ReceiveFilter};
use usb_core::class::Platform;

/// The interface that takes SET_ETHERNET_PACKET_FILTER, if one does.
pub(crate) fn interface(matched: &Match) -> Option<u8> {
    let takes_it = match matched.protocol {
        Protocol::Ecm => true,
        Protocol::Ncm => {
            let capabilities = matched.ncm.map(|ncm| ncm.capabilities);
            capabilities.is_none_or(|known| known.contains(NcmCapabilities::PACKET_FILTER))
        }
        _ => false,
    };
    takes_it.then_some(matched.control_interface)
}

impl<P: Platform> Adapter<'_, '_, P> {
    /// Has the device hand over what the stack wants. A device without such a filter goes on as
    /// before.
    pub(crate) async fn set_filter(
        &self,
        wanted: ReceiveFilter,
        port: &impl Port,
    ) -> Result<(), Error> {
        match (&self.framing, self.filter_interface) {
            (Framing::Rndis { commands, .. }, _) => {
                let mut event = |Event::Link(up)| self.set_up(up, port);
                commands.set_filter(wanted, &mut event).await
            }
            (Framing::Smsc(chip), _) => Ok(chip.set_filter(wanted).await?),
            (_, Some(interface)) => ecm::set_packet_filter(self.device, interface, wanted)
                .await
                .map_err(|error| failed(Step::SelectSetting, error)),
            (_, None) => {
                log::debug!("usb {}: no packet filter to be set", self.device.path());
                Ok(())
            }
        }
    }
}
