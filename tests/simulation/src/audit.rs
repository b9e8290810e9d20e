//! What is true of every frame that our stack sends, whatever happens: checked as it goes onto
//! the wire, so that a violation fails the test that it happens in.

use crate::packet::Packet;
use net::address::{AddressExt, MLDV2_ROUTERS, Scope};
use net::netif::MacAddress;
use net::wire::ethernet::{EthernetHeader, multicast_mac};
use net::wire::icmpv6::{Icmpv6Message, Icmpv6Type};
use net::wire::ipv6::{HopLimit, NextHeader};
use net::wire::ndp_option::NdpOptions;

/// Who sends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Identity {
    /// Its station.
    pub mac: MacAddress,
    /// The most octets that its link carries behind the Ethernet header.
    pub mtu: usize,
}

macro_rules! ensure {
    ($condition:expr, $rule:expr) => {
        if !$condition {
            return Err($rule);
        }
    };
}

/// The rule that `frame` breaks, if any.
pub fn check(sender: &Identity, frame: &[u8]) -> Result<(), &'static str> {
    let packet = Packet::parse(frame).ok_or("a frame is well-formed IPv6")?;
    let (ethernet, ipv6) = (&packet.ethernet, &packet.ipv6);
    ensure!(ethernet.source == sender.mac, "the source station is the interface's");
    ensure!(frame.len() - EthernetHeader::LEN <= sender.mtu, "a packet fits the link");
    ensure!(
        frame.len() == EthernetHeader::LEN + packet.octets.len(),
        "nothing follows the packet (RFC 8200, Section 3)"
    );
    let (source, destination) = (ipv6.source, ipv6.destination);
    ensure!(!source.is_multicast(), "the source is not multicast (RFC 4291, Section 2.7)");
    ensure!(
        !source.is_loopback() && !destination.is_loopback(),
        "loopback stays inside (RFC 4291, Section 2.5.3)"
    );
    ensure!(!destination.is_unspecified(), "the destination is specified");
    ensure!(
        !source.is_v4_mapped() && !destination.is_v4_mapped(),
        "mapped addresses stay inside (RFC 4942, Section 2.2)"
    );
    if destination.is_multicast() {
        ensure!(
            ethernet.destination == multicast_mac(destination),
            "a group has its station (RFC 2464, Section 7)"
        );
        ensure!(destination.scope() > Scope::INTERFACE_LOCAL, "interface-local stays inside");
    } else {
        ensure!(ethernet.destination.is_station(), "a unicast packet goes to one station");
    }
    ensure!(packet.checksum_is_valid(), "checksums are right");
    ensure!(ipv6.hop_limit.0 > 0, "a hop is left");
    if let Some(fragment) = packet.fragment {
        ensure!(!source.is_unspecified(), "data has a source");
        ensure!(packet.extensions == 1, "nothing else needs an extension header");
        ensure!(
            !fragment.more || packet.payload.len().is_multiple_of(8),
            "all fragments but the last are multiples of 8 octets (RFC 8200, Section 4.5)"
        );
        return Ok(());
    }
    ensure!(
        packet.extensions == usize::from(packet.router_alert),
        "what is whole needs no fragment header (RFC 8021)"
    );
    if packet.protocol == NextHeader::ICMPV6 {
        let message = packet.icmpv6().ok_or("ICMPv6 messages are well-formed")?;
        check_icmpv6(&packet, &message)?;
    } else {
        ensure!(!source.is_unspecified(), "data has a source");
    }
    Ok(())
}

fn check_icmpv6(packet: &Packet<'_>, message: &Icmpv6Message<'_>) -> Result<(), &'static str> {
    let ipv6 = &packet.ipv6;
    let kind = message.kind();
    if (Icmpv6Type::ROUTER_SOLICITATION..=Icmpv6Type::REDIRECT).contains(&kind) {
        ensure!(ipv6.hop_limit == HopLimit::MAX, "ND has hop limit 255 (RFC 4861, Section 4)");
        ensure!(packet.extensions == 0, "ND has no extension headers (RFC 6980, Section 5)");
    }
    let well_formed = |options: NdpOptions<'_>| options.iter().all(|option| option.is_ok());
    match message {
        Icmpv6Message::RouterAdvertisement(_) => Err("a host advertises no router"),
        Icmpv6Message::Redirect(_) => Err("a host redirects nobody (RFC 4861, Section 8.3)"),
        Icmpv6Message::RouterSolicitation(message) => {
            ensure!(well_formed(message.options), "options make sense");
            ensure!(
                !ipv6.source.is_unspecified()
                    || message.options.source_link_layer_address().is_none(),
                "no address, no option (RFC 4861, Section 4.1)"
            );
            Ok(())
        }
        Icmpv6Message::NeighborSolicitation(message) => {
            ensure!(well_formed(message.options), "options make sense");
            ensure!(message.target.is_assignable(), "a target is unicast (RFC 4861, Section 4.3)");
            let link_layer = message.options.source_link_layer_address();
            if ipv6.source.is_unspecified() {
                ensure!(
                    ipv6.destination == message.target.solicited_node() && link_layer.is_none(),
                    "a DAD probe is anonymous (RFC 4862, Section 5.4.2)"
                );
            } else if ipv6.destination.is_multicast() {
                ensure!(
                    link_layer == Some(packet.ethernet.source),
                    "a multicast solicitation says who asks (RFC 4861, Section 4.3)"
                );
            }
            Ok(())
        }
        Icmpv6Message::NeighborAdvertisement(message) => {
            ensure!(well_formed(message.options), "options make sense");
            ensure!(!message.router, "a host is no router (RFC 4861, Section 4.4)");
            ensure!(
                !(ipv6.destination.is_multicast() && message.solicited),
                "what is sent to all was not solicited (RFC 4861, Section 7.2.4)"
            );
            ensure!(!ipv6.source.is_unspecified(), "an advertisement has a source");
            Ok(())
        }
        Icmpv6Message::MulticastListenerReport(_)
        | Icmpv6Message::MulticastListenerDone(_)
        | Icmpv6Message::MulticastListenerReportV2(_) => {
            ensure!(
                ipv6.hop_limit == HopLimit::ONE && packet.router_alert,
                "MLD stays on the link and is seen by routers (RFC 3810, Section 5)"
            );
            ensure!(
                ipv6.source.is_unspecified() || ipv6.source.is_unicast_link_local(),
                "MLD has a link-local source (RFC 3810, Section 5.2.13)"
            );
            ensure!(
                kind != Icmpv6Type::MULTICAST_LISTENER_REPORT_V2
                    || ipv6.destination == MLDV2_ROUTERS,
                "version 2 reports go to the routers (RFC 3810, Section 5.2.14)"
            );
            Ok(())
        }
        _ => {
            ensure!(!ipv6.source.is_unspecified(), "a message has a source");
            ensure!(
                !kind.is_error() || packet.octets.len() <= 1280,
                "an error fits the minimum MTU (RFC 4443, Section 2.4(c))"
            );
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::{Envelope, dad_probe, link_local};
    use net::address::ALL_NODES;
    use net::wire::extension::FragmentHeader;
    use net::wire::icmpv6::Echo;
    use net::wire::ndp::{NeighborAdvertisement, NeighborSolicitation};
    use net::wire::ndp_option::NdpOption;
    use std::net::Ipv6Addr;

    const MAC: MacAddress = MacAddress([2, 0, 0, 0, 0, 1]);
    const SENDER: Identity = Identity { mac: MAC, mtu: 1280 };

    /// A fragment that is not the first.
    fn envelope_fragment(more: bool, len: usize) -> Vec<u8> {
        let header =
            FragmentHeader { next_header: NextHeader::UDP, offset: 64, more, identification: 7 };
        let mut payload = vec![0xff; FragmentHeader::LEN + len];
        header.emit(&mut payload);
        Envelope::multicast(MAC, link_local(MAC), ALL_NODES).raw(NextHeader::FRAGMENT, &payload)
    }

    #[test]
    fn what_is_allowed() {
        let me = link_local(MAC);
        let echo =
            Icmpv6Message::EchoRequest(Echo { identifier: 1, sequence: 1, data: &[0; 1232] });
        let options = [NdpOption::SourceLinkLayerAddress(MAC)];
        let options = NdpOptions::new(&options);
        let solicitation =
            Icmpv6Message::NeighborSolicitation(NeighborSolicitation { target: me, options });
        for frame in [
            dad_probe(MAC, me),
            Envelope::multicast(MAC, me, me.solicited_node()).icmpv6(&solicitation),
            Envelope::multicast(MAC, me, ALL_NODES).icmpv6(&echo),
            Envelope::multicast(MAC, me, ALL_NODES).udp(1, 2, b"x"),
            envelope_fragment(true, 16),
            envelope_fragment(false, 9),
        ] {
            assert_eq!(check(&SENDER, &frame), Ok(()));
        }
    }

    #[test]
    fn what_is_not() {
        let me = link_local(MAC);
        let envelope = Envelope::multicast(MAC, me, ALL_NODES);
        let echo =
            Icmpv6Message::EchoRequest(Echo { identifier: 1, sequence: 1, data: &[0; 1233] });
        let router = Icmpv6Message::NeighborAdvertisement(NeighborAdvertisement {
            router: true,
            solicited: false,
            overrides: false,
            target: me,
            options: NdpOptions::EMPTY,
        });
        let mut bad_checksum = envelope.udp(1, 2, b"x");
        *bad_checksum.last_mut().unwrap() ^= 1;
        let mut padded = envelope.udp(1, 2, b"x");
        padded.push(0);
        let mut atomic = envelope_fragment(false, 16);
        atomic[14 + 40 + 2..][..2].fill(0);
        for frame in [
            vec![0; 60],
            bad_checksum,
            padded,
            envelope.icmpv6(&echo),
            envelope.icmpv6(&router),
            envelope.mld(&router),
            Envelope { hop_limit: HopLimit(64), ..envelope }.icmpv6(&router),
            Envelope { source: ALL_NODES, ..envelope }.udp(1, 2, b"x"),
            Envelope { source: Ipv6Addr::UNSPECIFIED, ..envelope }.udp(1, 2, b"x"),
            Envelope { source: Ipv6Addr::LOCALHOST, ..envelope }.udp(1, 2, b"x"),
            Envelope { destination_mac: MacAddress::BROADCAST, ..envelope }.udp(1, 2, b"x"),
            dad_probe(MacAddress([2, 0, 0, 0, 0, 2]), me),
            envelope_fragment(true, 9),
            atomic,
        ] {
            assert!(check(&SENDER, &frame).is_err(), "{frame:02x?}");
        }
    }
}
