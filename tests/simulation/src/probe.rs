//! A port without a stack: sends what a test tells it and keeps what it hears.

use crate::audit::Identity;
use crate::network::Node;
use crate::packet::Packet;
use net::netif::MacAddress;
use net::time::Instant;
use net::wire::icmpv6::Icmpv6Message;
use std::collections::VecDeque;

/// A frame and when it was heard.
pub type Heard = (Instant, Vec<u8>);

/// The node.
#[derive(Debug)]
pub struct Probe {
    /// Its station, for frames that tests make.
    pub mac: MacAddress,
    /// What it has heard, oldest first.
    pub heard: Vec<Heard>,
    queue: VecDeque<Vec<u8>>,
}

impl Probe {
    /// A probe that has heard nothing.
    pub const fn new(mac: MacAddress) -> Self {
        Self { mac, heard: Vec::new(), queue: VecDeque::new() }
    }

    /// Sends a frame as soon as time goes on.
    pub fn send(&mut self, frame: Vec<u8>) {
        self.queue.push_back(frame);
    }

    /// When it heard ICMPv6 messages that `select` wants, and what `select` made of them.
    pub fn messages<T>(
        &self,
        select: impl Fn(&Packet<'_>, &Icmpv6Message<'_>) -> Option<T>,
    ) -> Vec<(Instant, T)> {
        self.heard
            .iter()
            .filter_map(|(at, frame)| {
                let packet = Packet::parse(frame)?;
                let message = packet.icmpv6()?;
                Some((*at, select(&packet, &message)?))
            })
            .collect()
    }
}

impl Node for Probe {
    fn receive(&mut self, frame: &[u8], now: Instant) {
        self.heard.push((now, frame.to_vec()));
    }

    fn transmit(&mut self, _now: Instant) -> Option<Vec<u8>> {
        self.queue.pop_front()
    }

    fn deadline(&mut self, _now: Instant) -> Option<Instant> {
        None
    }

    fn wake(&mut self, _now: Instant) {}

    fn set_link(&mut self, _up: bool, _now: Instant) {}

    fn identity(&self) -> Option<Identity> {
        None
    }
}
