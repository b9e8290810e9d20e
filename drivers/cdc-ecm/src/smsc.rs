//! Chips of the LAN95xx and LAN78xx families, which crate `smsc-lan` knows.

use crate::adapter::{Adapter, ETHERNET_MTU, Framing, Learned, Start};
use crate::error::Error;
use crate::mac::locally_administered;
use crate::receive::WINDOW;
use net::netif::LinkState;
use smsc_lan::{Chip, Model, Receiver, Started};
use usb_core::class::Platform;

impl<'d, 'b, P: Platform> Start<'d, 'b, P> {
    /// Brings up a chip.
    pub(crate) async fn smsc(self, model: Model) -> Result<Adapter<'d, 'b, P>, Error> {
        let random = locally_administered(self.addresses.random);
        let address = self.addresses.board.filter(|board| board.is_station()).unwrap_or(random);
        let packet = usize::from(self.matched.bulk_in.max_packet_size());
        let receiver = Receiver { packet, window: WINDOW };
        let Started { chip, address } = Chip::start(self.device, model, receiver, address).await?;
        // Negotiating has only begun.
        let learned = Learned { mac: Some(address), mtu: ETHERNET_MTU, link: LinkState::Down };
        self.finish(Framing::Smsc(chip), learned)
    }
}
