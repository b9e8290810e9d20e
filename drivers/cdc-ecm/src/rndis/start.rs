//! Bringing up an RNDIS function.

use super::DATA_HEADER;
use super::command::{CommandChannel, Initialized};
use crate::adapter::{
    Adapter, ETHERNET_HEADER, ETHERNET_MTU, Framing, IPV6_MIN_MTU, Learned, Start,
};
use crate::error::Error;
use core::cell::Cell;
use net::netif::LinkState;
use usb_core::class::Platform;

impl<'d, 'b, P: Platform> Start<'d, 'b, P> {
    /// Brings up an RNDIS function.
    pub(crate) async fn rndis(self) -> Result<Adapter<'d, 'b, P>, Error> {
        self.select_setting().await?;
        let commands = CommandChannel {
            device: self.device,
            interface: self.matched.control_interface,
            notification: self.notification,
            counters: self.counters,
            next_id: Cell::new(1),
        };
        let Initialized { max_transfer_size, mac, max_payload, connected, speed } =
            commands.initialize().await?;
        let max_transfer_size = usize::try_from(max_transfer_size).unwrap_or(usize::MAX);
        // Some devices count the Ethernet header to the payload, which makes 1514 of 1500.
        let payload = max_payload
            .and_then(|payload| usize::try_from(payload).ok())
            .filter(|payload| *payload >= IPV6_MIN_MTU)
            .unwrap_or(ETHERNET_MTU);
        let mtu = max_transfer_size
            .saturating_sub(DATA_HEADER + ETHERNET_HEADER)
            .min(payload)
            .min(ETHERNET_MTU);
        let link = if connected { LinkState::Up { speed } } else { LinkState::Down };
        self.finish(Framing::Rndis { commands, max_transfer_size }, Learned { mac, mtu, link })
    }
}
