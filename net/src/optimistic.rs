//! What a packet does whose source address is optimistic (RFC 4429): it must not make this node ask
//! for a neighbor's link-layer address, because the answer would go to an address that may be
//! somebody else's.

use crate::address::AddressExt;
use crate::buffer::BufferPool;
use crate::ipv6_output::{Outgoing, Path};
use crate::random::Random;
use crate::stack::Stack;
use crate::unicast::State;

impl<P: BufferPool, R: Random> Stack<P, R> {
    /// A packet has just begun to wait for the link-layer address of a new neighbor. If nobody can
    /// ask for that, because all addresses are being tested, the packet goes to a router, which
    /// knows its way (RFC 4429, Section 3.2). False if that is not so, or there is no such router.
    pub(crate) fn detour(&mut self, outgoing: &Outgoing, hop: &Path) -> bool {
        let (index, neighbor) = (hop.interface, hop.next_hop);
        let Some(interface) = self.interfaces.get(index) else { return false };
        let source = interface.addresses.get(outgoing.source);
        let optimistic = source.is_some_and(|entry| matches!(entry.state, State::Optimistic(_)));
        // A router does not forward what is link-local.
        if !optimistic
            || neighbor.needs_zone()
            || outgoing.source.needs_zone()
            || interface.addresses.link_local().is_some()
        {
            return false;
        }
        let mut routers = self.routes.iter().filter(|route| {
            route.interface == index && route.is_default() && route.gateway().is_some()
        });
        let station = routers.find_map(|route| self.neighbors.get((index, route.gateway()?))?.mac);
        let Some(station) = station else { return false };
        let waiting =
            self.neighbors.remove_one(|info| (info.interface, info.address) == (index, neighbor));
        let Some((_, mut queue)) = waiting else { return false };
        while let Some(packet) = self.neighbors.pop(&mut queue) {
            self.transmit_frame(index, station, packet, outgoing.urgency);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use crate::config::{Config, InterfaceSettings};
    use crate::netif::MacAddress;
    use crate::socket::SendOptions;
    use crate::socket::SocketKind;
    use crate::test_host::{Host, ROUTER, Seen, ip, router_advertisement};
    use crate::time::Duration;
    use crate::wire::icmpv6::Icmpv6Message;
    use crate::wire::ipv6::NextHeader;
    use crate::wire::ndp::NeighborSolicitation;
    use crate::wire::ndp_option::{Lifetime, NdpOption, NdpOptions, PrefixInformation};
    use core::net::SocketAddrV6;

    const NEIGHBOR: &str = "2001:db8:1::9";

    /// A host whose addresses are all optimistic, and that knows its router.
    fn host() -> Host {
        let interface = InterfaceSettings { optimistic: true, ..InterfaceSettings::DEFAULT };
        let mut host = Host::new(1, Config { interface, ..Config::DEFAULT });
        host.plug_in();
        let options = [
            NdpOption::SourceLinkLayerAddress(ROUTER.mac),
            NdpOption::PrefixInformation(PrefixInformation {
                prefix: "2001:db8:1::/64".parse().unwrap(),
                on_link: true,
                autonomous: true,
                valid_lifetime: Lifetime::INFINITE,
                preferred_lifetime: Lifetime::INFINITE,
            }),
        ];
        let message = router_advertisement(&options);
        host.message(ROUTER, "ff02::1", &message);
        host.run(Duration::from_millis(100));
        host
    }

    fn send(host: &mut Host, to: &str) -> Vec<Seen> {
        let socket = host.stack.open_socket(SocketKind::Udp).unwrap();
        let to = SocketAddrV6::new(ip(to), 7, 0, 0);
        let fill = |payload: &mut [u8]| {
            payload.fill(1);
            Ok::<(), ()>(())
        };
        let options = SendOptions::default();
        host.stack.send(socket, Some(to), 8, fill, &options, host.now).unwrap();
        host.sent()
    }

    fn datagrams(seen: &[Seen]) -> Vec<MacAddress> {
        let is_udp = |seen: &&Seen| seen.header.next_header == NextHeader::UDP;
        seen.iter().filter(is_udp).map(|seen| seen.mac).collect()
    }

    /// Rows: DAD-13
    #[test]
    fn packets_for_new_neighbors_go_by_way_of_the_router() {
        let mut host = host();
        let seen = send(&mut host, NEIGHBOR);
        assert_eq!(datagrams(&seen), [ROUTER.mac]);
        assert!(seen.iter().all(|seen| seen.icmpv6_type() != 135), "nobody is asked");
        // A neighbor that told its address gets its packets itself.
        let options = [NdpOption::SourceLinkLayerAddress(MacAddress([2, 0, 0, 0, 0, 9]))];
        let us = host.stack.route_to(ip(NEIGHBOR), None, host.now).unwrap().source.unwrap();
        let message = Icmpv6Message::NeighborSolicitation(NeighborSolicitation {
            target: us,
            options: NdpOptions::new(&options),
        });
        let neighbor =
            crate::test_host::Peer { mac: MacAddress([2, 0, 0, 0, 0, 9]), address: ip(NEIGHBOR) };
        host.message(neighbor, &us.to_string(), &message);
        assert_eq!(datagrams(&send(&mut host, NEIGHBOR)), [neighbor.mac]);
    }

    /// Rows: DAD-13, NUD-8
    #[test]
    fn once_an_address_is_tested_it_asks_for_all() {
        let mut host = host();
        // The link-local address has passed its test, another one begins.
        host.run(Duration::from_secs(2));
        let seen = send(&mut host, NEIGHBOR);
        assert_eq!(datagrams(&seen).len(), 0);
        let asked: Vec<_> = seen.iter().filter(|seen| seen.icmpv6_type() == 135).collect();
        assert_eq!(asked.len(), 1);
        let source = host.stack.route_to(ip(NEIGHBOR), None, host.now).unwrap().source;
        assert_eq!(Some(asked[0].header.source), source, "from the packet's own source");
    }
}
