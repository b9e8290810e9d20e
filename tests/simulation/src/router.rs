//! A scripted router: advertises what a test tells it to, answers for its own addresses, and is
//! the door to a world in which every address answers echo requests and echoes datagrams.

use crate::audit::Identity;
use crate::network::Node;
use crate::packet::{Envelope, Packet, link_local};
use crate::random::Seeded;
use net::address::{ALL_NODES, AddressExt, Prefix};
use net::netif::MacAddress;
use net::time::{Duration, Instant};
use net::wire::icmpv6::Icmpv6Message;
use net::wire::ipv6::HopLimit;
use net::wire::ndp::{NeighborAdvertisement, RouterAdvertisement};
use net::wire::ndp_option::{
    Lifetime, NdpOption, NdpOptions, PrefixInformation, RouteInformation, RouterPreference,
};
use std::collections::VecDeque;
use std::net::Ipv6Addr;

/// The longest time to wait with the answer to a solicitation (RFC 4861, Section 10).
const MAX_RA_DELAY_TIME: Duration = Duration::from_millis(500);

/// What a router says in its advertisements.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Advertisement {
    /// How long it is a default router.
    pub lifetime: Duration,
    /// How much it wants to be.
    pub preference: RouterPreference,
    /// The hop limit for hosts.
    pub hop_limit: Option<HopLimit>,
    /// The reachable time for hosts.
    pub reachable_time: Option<Duration>,
    /// The retransmission timer for hosts.
    pub retrans_timer: Option<Duration>,
    /// The MTU of the link.
    pub mtu: Option<u32>,
    /// Its prefixes.
    pub prefixes: Vec<PrefixInformation>,
    /// Its more specific routes.
    pub routes: Vec<RouteInformation>,
}

impl Default for Advertisement {
    fn default() -> Self {
        Self {
            lifetime: Duration::from_mins(30),
            preference: RouterPreference::Medium,
            hop_limit: None,
            reachable_time: None,
            retrans_timer: None,
            mtu: None,
            prefixes: Vec::new(),
            routes: Vec::new(),
        }
    }
}

/// A prefix that is on the link and makes addresses, with these lifetimes in seconds.
pub fn prefix(prefix: &str, valid: u32, preferred: u32) -> PrefixInformation {
    PrefixInformation {
        prefix: prefix.parse().expect("a prefix is written address/length"),
        on_link: true,
        autonomous: true,
        valid_lifetime: Lifetime::from_secs(valid),
        preferred_lifetime: Lifetime::from_secs(preferred),
    }
}

/// The node.
#[derive(Debug)]
pub struct Router {
    /// Its station.
    pub mac: MacAddress,
    /// Its link-local address.
    pub address: Ipv6Addr,
    /// What it advertises.
    pub advertisement: Advertisement,
    /// The time between advertisements that nobody asked for; `None` for none at all.
    pub interval: Option<Duration>,
    /// Whether it is there: a dead router neither hears nor says anything.
    pub alive: bool,
    /// Router Solicitations that it has heard.
    pub solicitations: usize,
    /// Neighbor Solicitations for its addresses that it has heard.
    pub neighbor_solicitations: usize,
    /// Packets for the world beyond that it was given: source and destination.
    pub forwarded: Vec<(Ipv6Addr, Ipv6Addr)>,
    next_advertisement: Option<Instant>,
    queue: VecDeque<Vec<u8>>,
    random: Seeded,
}

impl Router {
    /// A router that advertises `advertisement` when it is asked, and every `interval`.
    pub fn new(
        mac: MacAddress,
        advertisement: Advertisement,
        interval: Option<Duration>,
        random: Seeded,
    ) -> Self {
        Self {
            mac,
            address: link_local(mac),
            advertisement,
            interval,
            alive: true,
            solicitations: 0,
            neighbor_solicitations: 0,
            forwarded: Vec::new(),
            next_advertisement: interval.map(|_| Instant::ZERO),
            queue: VecDeque::new(),
            random,
        }
    }

    /// Sends an advertisement to all as soon as time goes on.
    pub fn advertise(&mut self) {
        let said = &self.advertisement;
        let mut options = vec![NdpOption::SourceLinkLayerAddress(self.mac)];
        options.extend(said.mtu.map(NdpOption::Mtu));
        options.extend(said.prefixes.iter().copied().map(NdpOption::PrefixInformation));
        options.extend(said.routes.iter().copied().map(NdpOption::RouteInformation));
        let message = Icmpv6Message::RouterAdvertisement(RouterAdvertisement {
            hop_limit: said.hop_limit,
            managed: false,
            other: false,
            preference: said.preference,
            router_lifetime: said.lifetime,
            reachable_time: said.reachable_time,
            retrans_timer: said.retrans_timer,
            options: NdpOptions::new(&options),
        });
        let envelope = Envelope::multicast(self.mac, self.address, ALL_NODES);
        self.queue.push_back(envelope.icmpv6(&message));
    }

    /// Sends any frame as soon as time goes on.
    pub fn send(&mut self, frame: Vec<u8>) {
        self.queue.push_back(frame);
    }

    /// Packets for the world beyond that came from `source`.
    pub fn forwarded_from(&self, source: Ipv6Addr) -> usize {
        self.forwarded.iter().filter(|(from, _)| *from == source).count()
    }

    fn is_on_link(&self, address: Ipv6Addr) -> bool {
        let on_link = |prefix: &Prefix| prefix.contains(address);
        let said = self.advertisement.prefixes.iter().filter(|information| information.on_link);
        address.needs_zone() || said.map(|information| information.prefix).any(|p| on_link(&p))
    }

    fn answer(&mut self, packet: &Packet<'_>, message: &Icmpv6Message<'_>, now: Instant) {
        match message {
            Icmpv6Message::RouterSolicitation(_) => {
                self.solicitations += 1;
                let at = now + self.random.time(Duration::ZERO, MAX_RA_DELAY_TIME);
                let next = self.next_advertisement.get_or_insert(at);
                *next = at.min(*next);
            }
            Icmpv6Message::NeighborSolicitation(solicitation)
                if solicitation.target == self.address =>
            {
                self.neighbor_solicitations += 1;
                let asker = packet.ipv6.source;
                let options = [NdpOption::TargetLinkLayerAddress(self.mac)];
                let advertisement = Icmpv6Message::NeighborAdvertisement(NeighborAdvertisement {
                    router: true,
                    solicited: !asker.is_unspecified(),
                    overrides: true,
                    target: self.address,
                    options: NdpOptions::new(&options),
                });
                let envelope = if asker.is_unspecified() {
                    Envelope::multicast(self.mac, self.address, ALL_NODES)
                } else {
                    Envelope::unicast((self.mac, self.address), (packet.ethernet.source, asker))
                };
                self.queue.push_back(envelope.icmpv6(&advertisement));
            }
            _ => {}
        }
    }

    /// Answers as the destination of a packet would, whether that is the router or one beyond.
    fn echo(&mut self, packet: &Packet<'_>) {
        let (source, destination) = (packet.ipv6.source, packet.ipv6.destination);
        let back = Envelope {
            hop_limit: HopLimit::DEFAULT,
            ..Envelope::unicast((self.mac, destination), (packet.ethernet.source, source))
        };
        if let Some(Icmpv6Message::EchoRequest(echo)) = packet.icmpv6() {
            self.queue.push_back(back.icmpv6(&Icmpv6Message::EchoReply(echo)));
        } else if let Some((header, data)) = packet.udp()
            && header.source_port >= 1024
        // two echo services would never end
        {
            self.queue.push_back(back.udp(header.destination_port, header.source_port, data));
        }
    }
}

impl Node for Router {
    fn receive(&mut self, frame: &[u8], now: Instant) {
        let Some(packet) = Packet::parse(frame).filter(|_| self.alive) else { return };
        if let Some(message) = packet.icmpv6() {
            self.answer(&packet, &message, now);
        }
        if packet.ethernet.destination != self.mac {
            return;
        }
        let (source, destination) = (packet.ipv6.source, packet.ipv6.destination);
        if destination == self.address {
            self.echo(&packet);
        } else if !self.is_on_link(destination) && !destination.is_multicast() {
            self.forwarded.push((source, destination));
            self.echo(&packet);
        }
    }

    fn transmit(&mut self, _now: Instant) -> Option<Vec<u8>> {
        if !self.alive {
            self.queue.clear();
        }
        self.queue.pop_front()
    }

    fn deadline(&mut self, _now: Instant) -> Option<Instant> {
        self.next_advertisement
    }

    fn wake(&mut self, now: Instant) {
        if self.next_advertisement.is_some_and(|at| at <= now) {
            self.advertise();
            self.next_advertisement = self.interval.map(|interval| now + interval);
        }
    }

    fn set_link(&mut self, _up: bool, _now: Instant) {}

    fn identity(&self) -> Option<Identity> {
        None
    }
}
