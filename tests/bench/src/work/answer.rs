//! ICMPv6: what a host answers or takes in by itself.

use super::Work;
use super::pair::Pair;
use crate::block::Block;
use crate::frame::Ends;
use crate::host::{Host, address_of, link_local_of, mac_of};
use alloc::vec::Vec;
use net::address::{AddressExt, Prefix};
use net::time::Duration;
use net::wire::icmpv6::{Echo, Icmpv6Message};
use net::wire::ipv6::HopLimit;
use net::wire::ndp::{NeighborSolicitation, RouterAdvertisement};
use net::wire::ndp_option::{Lifetime, NdpOption, NdpOptions, PrefixInformation, RouterPreference};

/// Frames of a run.
const COUNT: u32 = 64;
/// The station that is a router.
const ROUTER: u8 = 9;

/// Frames in, and perhaps as many out.
pub(super) struct Answer<H> {
    pair: Pair<H>,
    request: Vec<u8>,
    answered: bool,
    frames: Vec<Block>,
}

impl<H: Host> Answer<H> {
    fn new(request: Vec<u8>, answered: bool) -> Self {
        Self { pair: Pair::new(None), request, answered, frames: Vec::new() }
    }

    /// A ping.
    pub(super) fn echo() -> Self {
        let ends = Ends { source: (1, address_of(1)), destination: (2, address_of(2)) };
        let echo = Echo { identifier: 77, sequence: 1, data: &[0x55; 56] };
        Self::new(ends.icmpv6(&Icmpv6Message::EchoRequest(echo)), true)
    }

    /// Somebody wants to know the Ethernet address.
    pub(super) fn solicitation() -> Self {
        let group = address_of(2).solicited_node();
        let ends = Ends { source: (1, address_of(1)), destination: (2, group) };
        let options = [NdpOption::SourceLinkLayerAddress(mac_of(1))];
        let message = Icmpv6Message::NeighborSolicitation(NeighborSolicitation {
            target: address_of(2),
            options: NdpOptions::new(&options),
        });
        Self::new(ends.icmpv6(&message), true)
    }

    /// A router tells of itself once more.
    pub(super) fn advertisement() -> Self {
        let group = core::net::Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
        let ends = Ends { source: (ROUTER, link_local_of(ROUTER)), destination: (2, group) };
        let prefix = Prefix::new(core::net::Ipv6Addr::new(0x2001, 0xdb8, 9, 0, 0, 0, 0, 0), 64);
        let options = [
            NdpOption::SourceLinkLayerAddress(mac_of(ROUTER)),
            NdpOption::Mtu(1500),
            NdpOption::PrefixInformation(PrefixInformation {
                prefix: prefix.expect("64 bits are a prefix"),
                on_link: true,
                autonomous: true,
                valid_lifetime: Lifetime::from_secs(86_400),
                preferred_lifetime: Lifetime::from_secs(14_400),
            }),
        ];
        let message = Icmpv6Message::RouterAdvertisement(RouterAdvertisement {
            hop_limit: Some(HopLimit::DEFAULT),
            managed: false,
            other: false,
            preference: RouterPreference::Medium,
            router_lifetime: Duration::from_mins(30),
            reachable_time: None,
            retrans_timer: None,
            options: NdpOptions::new(&options),
        });
        let mut work = Self::new(ends.icmpv6(&message), false);
        // The new address is announced, then nothing happens any more.
        let frame = work.pair.frame(&work.request);
        work.pair.b.receive(frame, work.pair.now);
        for _ in 0..10 {
            work.pair.pass(Duration::from_secs(1));
        }
        work
    }
}

impl<H: Host> Work for Answer<H> {
    fn prepare(&mut self) {
        let Self { pair, request, frames, .. } = self;
        frames.extend((0..COUNT).map(|_| pair.frame(request)));
    }

    fn run(&mut self) -> u32 {
        let (host, now) = (&mut self.pair.b, self.pair.now);
        for frame in self.frames.drain(..) {
            host.receive(frame, now);
            host.poll(now);
            assert_eq!(host.transmit().is_some(), self.answered);
            assert!(host.transmit().is_none());
        }
        COUNT
    }
}
