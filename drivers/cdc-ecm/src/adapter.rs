//! An adapter: brought up by [`Adapter::start`], driven by [`Adapter::run`].

use crate::counters::Counters;
use crate::error::{Error, Step};
use crate::filter;
use crate::mac::locally_administered;
use crate::ncm;
use crate::probe::Match;
use crate::protocol::Protocol;
use crate::rndis::command::CommandChannel;
use core::cell::Cell;
use embassy_futures::select::{Either4, select4};
use net::buffer::PacketBuffer;
use net::netif::{LinkState, MacAddress, Port};
use smsc_lan::Chip;
use usb_core::class::{BufferOf, Platform};
use usb_core::device::{Device, DevicePipe};
use usb_core::host::TransferError;

/// Octets of an Ethernet header.
pub(crate) const ETHERNET_HEADER: usize = 14;
/// Octets of a VLAN tag, which a device may pass on.
const VLAN_TAG: usize = 4;
/// The MTU of Ethernet (RFC 2464 section 2), which we do not exceed.
pub(crate) const ETHERNET_MTU: usize = 1500;
/// The smallest MTU of IPv6 (RFC 8200 section 5).
pub(crate) const IPV6_MIN_MTU: usize = 1280;

/// How frames travel.
pub(crate) enum Framing<'d, 'b, P: Platform> {
    /// One a transfer.
    Ecm,
    /// In blocks.
    Ncm {
        /// The blocks to the device.
        layout: ncm::Layout,
        /// Bytes of the largest block of the device.
        max_block: usize,
        /// wSequence of the next block to the device.
        sequence: Cell<u16>,
    },
    /// As a stream, each with a short header.
    Eem,
    /// As a stream, with command words; the link is in the chip's registers.
    Smsc(Chip<'d, 'b, P>),
    /// With a header, and a command channel beside.
    Rndis {
        commands: CommandChannel<'d, 'b, P>,
        /// The longest transfer the device takes, in bytes.
        max_transfer_size: usize,
    },
}

/// A USB Ethernet adapter that was brought up.
pub struct Adapter<'d, 'b, P: Platform> {
    pub(crate) device: &'d Device<'b, P>,
    pub(crate) framing: Framing<'d, 'b, P>,
    pub(crate) bulk_in: DevicePipe,
    pub(crate) bulk_out: DevicePipe,
    pub(crate) notification: Option<DevicePipe>,
    pub(crate) counters: &'d Cell<Counters>,
    pub(crate) link: Cell<LinkState>,
    /// What the device last said of its speed, in Mbit/s; some say it before there is a link.
    pub(crate) speed: Cell<Option<u32>>,
    /// Where the packet filter is set.
    pub(crate) filter_interface: Option<u8>,
    protocol: Protocol,
    mac: MacAddress,
    mtu: usize,
}

/// Where the address of a device without one comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Addresses {
    /// That of the board, for a chip that is soldered to it and was given none (a Raspberry Pi's
    /// LAN9514 or LAN7515).
    pub board: Option<MacAddress>,
    /// Random octets, for everything else.
    pub random: [u8; 6],
}

/// What is learned of an adapter while it is brought up.
#[derive(Clone, Copy)]
pub(crate) struct Learned {
    /// Its address, if it has a usable one.
    pub(crate) mac: Option<MacAddress>,
    /// The largest IP packet, in octets.
    pub(crate) mtu: usize,
    pub(crate) link: LinkState,
}

/// What every start begins with.
pub(crate) struct Start<'d, 'b, P: Platform> {
    pub(crate) device: &'d Device<'b, P>,
    pub(crate) matched: Match,
    pub(crate) addresses: Addresses,
    pub(crate) notification: Option<DevicePipe>,
    pub(crate) counters: &'d Cell<Counters>,
}

impl<'d, 'b, P: Platform> Start<'d, 'b, P> {
    /// Selects the setting of the data interface that has the endpoints.
    pub(crate) async fn select_setting(&self) -> Result<(), Error> {
        let Match { has_alternates, data_interface, data_alternate, .. } = self.matched;
        if !has_alternates {
            return Ok(());
        }
        tolerate_stall(self.device.set_interface(data_interface, data_alternate).await)
    }

    /// Selects setting 0 of the data interface, where that is the one without endpoints: it makes
    /// the device forget what was in its buffers (ECM 1.2 section 3.3.2, NCM 1.0 section 7.2).
    pub(crate) async fn reset_setting(&self) -> Result<(), Error> {
        if self.matched.data_alternate == 0 {
            return Ok(());
        }
        tolerate_stall(self.device.set_interface(self.matched.data_interface, 0).await)
    }

    /// Opens the data pipes; the adapter is ready then.
    pub(crate) fn finish(
        self,
        framing: Framing<'d, 'b, P>,
        learned: Learned,
    ) -> Result<Adapter<'d, 'b, P>, Error> {
        let Self { device, matched, addresses, notification, counters } = self;
        let Learned { mac, mtu, link } = learned;
        let open =
            |endpoint| device.open_pipe(endpoint).map_err(|error| failed(Step::OpenPipe, error));
        let mac = mac.unwrap_or_else(|| {
            log::warn!("usb {}: device has no usable address, making one up", device.path());
            locally_administered(addresses.random)
        });
        Ok(Adapter {
            device,
            framing,
            bulk_in: open(&matched.bulk_in)?,
            bulk_out: open(&matched.bulk_out)?,
            notification,
            counters,
            link: Cell::new(link),
            speed: Cell::new(None),
            filter_interface: filter::interface(&matched),
            protocol: matched.protocol,
            mac,
            mtu,
        })
    }
}

impl<'d, 'b, P: Platform> Adapter<'d, 'b, P> {
    /// Brings up the function that [`crate::probe()`] found; the device is in its configuration.
    /// One of `addresses` becomes the address of a device that has none of its own. `counters` go
    /// on from where they are.
    pub async fn start(
        device: &'d Device<'b, P>,
        matched: &Match,
        addresses: Addresses,
        counters: &'d Cell<Counters>,
    ) -> Result<Self, Error> {
        let notification = match matched.notification {
            Some(endpoint) => device.open_pipe(&endpoint).ok(),
            None => None,
        };
        let start = Start { device, matched: *matched, addresses, notification, counters };
        let adapter = match matched.protocol {
            Protocol::Ncm => start.ncm().await,
            Protocol::Ecm => start.ecm().await,
            Protocol::Eem => start.eem().await,
            Protocol::Rndis => start.rndis().await,
            Protocol::Smsc(model) => start.smsc(model).await,
        }?;
        if adapter.mtu < IPV6_MIN_MTU {
            return Err(Error::TransferSize(adapter.mtu as u32));
        }
        log::info!(
            "usb {}: {}, address {}, MTU {}",
            device.path(),
            adapter.protocol.name(),
            adapter.mac,
            adapter.mtu
        );
        Ok(adapter)
    }

    /// The interface's Ethernet address.
    pub const fn mac(&self) -> MacAddress {
        self.mac
    }

    /// The largest IP packet, in octets; 1280 to 1500.
    pub const fn mtu(&self) -> usize {
        self.mtu
    }

    /// The protocol spoken.
    pub const fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// The longest frame that is taken from or given to the device, in octets.
    pub(crate) const fn max_frame(&self) -> usize {
        ETHERNET_HEADER + VLAN_TAG + self.mtu
    }

    /// Moves frames between the device and `port` until the device is gone or does not work any
    /// more. The error tells which, and [`Error::end`] what is to be done.
    pub async fn run<Q>(&self, port: &Q) -> Error
    where
        Q: Port<Buffer = BufferOf<P>>,
        BufferOf<P>: PacketBuffer,
    {
        port.set_link(self.link.get());
        let gone = self.device.until_gone();
        let ended = select4(gone, self.receive(port), self.transmit(port), self.watch(port)).await;
        let error = match ended {
            Either4::First(()) => Error::Disconnected,
            Either4::Second(error) | Either4::Third(error) | Either4::Fourth(error) => error,
        };
        port.set_link(LinkState::Down);
        // An error that came a moment before the news that the device is gone.
        if self.device.is_gone() { Error::Disconnected } else { error }
    }
}

/// A device with one setting may refuse to be told to take it (USB 2.0 section 9.4.10).
fn tolerate_stall(result: Result<(), TransferError>) -> Result<(), Error> {
    match result {
        Ok(()) | Err(TransferError::Stall) => Ok(()),
        Err(error) => Err(failed(Step::SelectSetting, error)),
    }
}

pub(crate) const fn failed(step: Step, error: TransferError) -> Error {
    match error {
        TransferError::Disconnected => Error::Disconnected,
        other => Error::Transfer(step, other),
    }
}
