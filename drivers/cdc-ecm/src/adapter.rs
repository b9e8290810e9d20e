//! An adapter: brought up by [`Adapter::start`], driven by [`Adapter::run`].

use crate::counters::Counters;
use crate::ecm;
use crate::error::{Error, Step};
use crate::functional::EthernetDescriptor;
use crate::mac::{locally_administered, parse_mac};
use crate::probe::{Match, Protocol};
use crate::rndis::DATA_HEADER;
use crate::rndis::command::{CommandChannel, Initialized};
use core::cell::Cell;
use embassy_futures::select::{Either4, select4};
use net::buffer::PacketBuffer;
use net::netif::{LinkState, MacAddress, Port};
use usb_core::class::{BufferOf, Platform};
use usb_core::descriptor::EndpointDescriptor;
use usb_core::device::{Device, DevicePipe};
use usb_core::host::TransferError;

/// Octets of an Ethernet header.
pub(crate) const ETHERNET_HEADER: usize = 14;
/// Octets of a VLAN tag, which a device may pass on.
const VLAN_TAG: usize = 4;
/// The MTU of Ethernet (RFC 2464 section 2), which we do not exceed.
const ETHERNET_MTU: usize = 1500;
/// The smallest MTU of IPv6 (RFC 8200 section 5).
const IPV6_MIN_MTU: usize = 1280;

/// How frames travel.
pub(crate) enum Framing<'d, 'b, P: Platform> {
    /// One a transfer.
    Ecm,
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
    protocol: Protocol,
    mac: MacAddress,
    mtu: usize,
}

impl<'d, 'b, P: Platform> Adapter<'d, 'b, P> {
    /// Brings up the function that [`crate::probe()`] found; the device is in its configuration.
    /// `random` becomes the address of a device that has none of its own. `counters` go on from
    /// where they are.
    pub async fn start(
        device: &'d Device<'b, P>,
        matched: &Match,
        random: [u8; 6],
        counters: &'d Cell<Counters>,
    ) -> Result<Self, Error> {
        let notification = match matched.notification {
            Some(endpoint) => device.open_pipe(&endpoint).ok(),
            None => None,
        };
        let adapter = match matched.protocol {
            Protocol::Ecm => Self::start_ecm(device, matched, random, notification, counters).await,
            Protocol::Rndis => {
                Self::start_rndis(device, matched, random, notification, counters).await
            }
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

    async fn start_ecm(
        device: &'d Device<'b, P>,
        matched: &Match,
        random: [u8; 6],
        notification: Option<DevicePipe>,
        counters: &'d Cell<Counters>,
    ) -> Result<Self, Error> {
        let mac = match matched.ethernet {
            Some(EthernetDescriptor { mac_string, .. }) if mac_string != 0 => {
                match device.string::<32>(mac_string).await {
                    Ok(text) => parse_mac(&text),
                    Err(error) if error.is_disconnected() => return Err(Error::Disconnected),
                    Err(_) => None,
                }
            }
            _ => None,
        };
        // Setting 0 first: it makes the device forget what was in its buffers (ECM 1.2 section
        // 3.3.2).
        if matched.data_alternate != 0 {
            tolerate_stall(device.set_interface(matched.data_interface, 0).await)?;
        }
        if matched.has_alternates {
            tolerate_stall(
                device.set_interface(matched.data_interface, matched.data_alternate).await,
            )?;
        }
        let bulk_in = open(device, matched.bulk_in)?;
        let bulk_out = open(device, matched.bulk_out)?;
        ecm::set_packet_filter(device, matched.control_interface)
            .await
            .map_err(|error| failed(Step::SelectSetting, error))?;
        let segment = matched.ethernet.map_or(0, |ethernet| ethernet.max_segment_size);
        let mtu = match usize::from(segment) {
            0 => ETHERNET_MTU,
            segment => segment.saturating_sub(ETHERNET_HEADER).min(ETHERNET_MTU),
        };
        Ok(Self {
            device,
            framing: Framing::Ecm,
            bulk_in,
            bulk_out,
            notification,
            counters,
            // Many devices say nothing as long as the link is up.
            link: Cell::new(LinkState::Up { speed: None }),
            protocol: Protocol::Ecm,
            mac: address(device, mac, random),
            mtu,
        })
    }

    async fn start_rndis(
        device: &'d Device<'b, P>,
        matched: &Match,
        random: [u8; 6],
        notification: Option<DevicePipe>,
        counters: &'d Cell<Counters>,
    ) -> Result<Self, Error> {
        if matched.has_alternates {
            tolerate_stall(
                device.set_interface(matched.data_interface, matched.data_alternate).await,
            )?;
        }
        let bulk_in = open(device, matched.bulk_in)?;
        let bulk_out = open(device, matched.bulk_out)?;
        let commands = CommandChannel {
            device,
            interface: matched.control_interface,
            notification,
            counters,
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
        Ok(Self {
            device,
            framing: Framing::Rndis { commands, max_transfer_size },
            bulk_in,
            bulk_out,
            notification,
            counters,
            link: Cell::new(link),
            protocol: Protocol::Rndis,
            mac: address(device, mac, random),
            mtu,
        })
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

fn address<P: Platform>(
    device: &Device<'_, P>,
    mac: Option<MacAddress>,
    random: [u8; 6],
) -> MacAddress {
    mac.unwrap_or_else(|| {
        log::warn!("usb {}: device has no usable address, making one up", device.path());
        locally_administered(random)
    })
}

fn open<P: Platform>(
    device: &Device<'_, P>,
    endpoint: EndpointDescriptor,
) -> Result<DevicePipe, Error> {
    device.open_pipe(&endpoint).map_err(|error| failed(Step::OpenPipe, error))
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
