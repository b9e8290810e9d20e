//! smoltcp with an Ethernet interface: what the nodes that run it have in common.

use net::netif::MacAddress;
use net::time::Instant;
use smoltcp::iface::{Config, Interface, SocketSet};
use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::time::Instant as SmoltcpInstant;
use smoltcp::wire::{EthernetAddress, IpAddress, IpCidr};
use std::collections::VecDeque;
use std::net::Ipv6Addr;

/// Octets that a frame holds.
const FRAME: usize = 1514;

/// A stack, its sockets and its end of the cable.
pub(crate) struct ForeignStack {
    queues: Queues,
    pub(crate) interface: Interface,
    pub(crate) sockets: SocketSet<'static>,
    /// It wants to be polled: its user did something.
    pub(crate) due: bool,
}

impl ForeignStack {
    /// A stack with these addresses, each on a subnet of 64 bits.
    ///
    /// # Panics
    /// When there are more addresses than smoltcp takes.
    pub(crate) fn new(mac: MacAddress, addresses: &[Ipv6Addr], seed: u64) -> Self {
        let mut queues = Queues::default();
        let mut config = Config::new(EthernetAddress(mac.0).into());
        config.random_seed = seed;
        let mut interface = Interface::new(config, &mut queues, SmoltcpInstant::ZERO);
        interface.update_ip_addrs(|list| {
            for address in addresses {
                list.push(IpCidr::new(IpAddress::Ipv6(*address), 64)).expect("there is room");
            }
        });
        Self { queues, interface, sockets: SocketSet::new(Vec::new()), due: true }
    }

    /// A frame has come; [`Self::poll`] looks at it.
    pub(crate) fn receive(&mut self, frame: &[u8]) {
        self.queues.received.push_back(frame.to_vec());
    }

    /// The next frame to send.
    pub(crate) fn transmit(&mut self) -> Option<Vec<u8>> {
        self.queues.sent.pop_front()
    }

    /// Does what is due.
    pub(crate) fn poll(&mut self, now: Instant) {
        self.due = false;
        self.interface.poll(time(now), &mut self.queues, &mut self.sockets);
    }

    /// When it wants to be polled.
    pub(crate) fn deadline(&mut self, now: Instant) -> Option<Instant> {
        if self.due {
            return Some(now);
        }
        let at = self.interface.poll_at(time(now), &self.sockets)?;
        // Rounded up: polled too early, smoltcp has nothing to do yet.
        let micros = u64::try_from(at.total_micros()).unwrap_or(0);
        Some(Instant::from_nanos(micros * 1000).max(now))
    }
}

fn time(now: Instant) -> SmoltcpInstant {
    SmoltcpInstant::from_micros((now.as_nanos() / 1000) as i64)
}

/// The wire as smoltcp sees it.
#[derive(Default)]
struct Queues {
    received: VecDeque<Vec<u8>>,
    sent: VecDeque<Vec<u8>>,
}

struct Received(Vec<u8>);
struct Sending<'a>(&'a mut VecDeque<Vec<u8>>);

impl Device for Queues {
    type RxToken<'a> = Received;
    type TxToken<'a> = Sending<'a>;

    fn receive(&mut self, _now: SmoltcpInstant) -> Option<(Received, Sending<'_>)> {
        let frame = self.received.pop_front()?;
        Some((Received(frame), Sending(&mut self.sent)))
    }

    fn transmit(&mut self, _now: SmoltcpInstant) -> Option<Sending<'_>> {
        Some(Sending(&mut self.sent))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = FRAME;
        capabilities
    }
}

impl RxToken for Received {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(&self.0)
    }
}

impl TxToken for Sending<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let mut frame = vec![0; len];
        let result = f(&mut frame);
        self.0.push_back(frame);
        result
    }
}
