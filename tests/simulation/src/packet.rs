//! Whole frames, taken apart and put together.

use crate::mutation::repair;
use net::address::AddressExt;
use net::netif::MacAddress;
use net::wire::checksum::{self, Checksum};
use net::wire::ethernet::{EtherType, EthernetHeader, multicast_mac};
use net::wire::extension::{ExtensionHeader, FragmentHeader, HeaderChain, OptionsHeader};
use net::wire::icmpv6::Icmpv6Message;
use net::wire::ipv6::{FlowLabel, HopLimit, Ipv6Header, NextHeader, TrafficClass};
use net::wire::option::{HeaderOption, Options};
use net::wire::tcp::TcpHeader;
use net::wire::udp::UdpHeader;
use std::net::Ipv6Addr;

/// The addresses of a packet to be made, from the link to the hop limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Envelope {
    /// The sending station.
    pub source_mac: MacAddress,
    /// The receiving station or group.
    pub destination_mac: MacAddress,
    /// The sender.
    pub source: Ipv6Addr,
    /// The receiver.
    pub destination: Ipv6Addr,
    /// Hops left.
    pub hop_limit: HopLimit,
}

impl Envelope {
    /// To a group of the link, with the hop limit of Neighbor Discovery.
    pub fn multicast(source_mac: MacAddress, source: Ipv6Addr, group: Ipv6Addr) -> Self {
        let destination_mac = multicast_mac(group);
        let hop_limit = HopLimit::MAX;
        Self { source_mac, destination_mac, source, destination: group, hop_limit }
    }

    /// To one station, with the hop limit of Neighbor Discovery.
    pub fn unicast(
        (source_mac, source): (MacAddress, Ipv6Addr),
        (destination_mac, destination): (MacAddress, Ipv6Addr),
    ) -> Self {
        let hop_limit = HopLimit::MAX;
        Self { source_mac, destination_mac, source, destination, hop_limit }
    }

    /// A frame with these octets behind the IPv6 header.
    pub fn raw(&self, next_header: NextHeader, payload: &[u8]) -> Vec<u8> {
        let ethernet = EthernetHeader {
            destination: self.destination_mac,
            source: self.source_mac,
            ethertype: EtherType::IPV6,
        };
        let ipv6 = Ipv6Header {
            traffic_class: TrafficClass::default(),
            flow_label: FlowLabel::NONE,
            payload_length: u16::try_from(payload.len()).expect("a payload has 65535 octets"),
            next_header,
            hop_limit: self.hop_limit,
            source: self.source,
            destination: self.destination,
        };
        let mut frame = vec![0; EthernetHeader::LEN + Ipv6Header::LEN];
        ethernet.emit(&mut frame);
        ipv6.emit(&mut frame[EthernetHeader::LEN..]);
        frame.extend(payload);
        frame
    }

    /// A frame with an ICMPv6 message.
    pub fn icmpv6(&self, message: &Icmpv6Message<'_>) -> Vec<u8> {
        let mut payload = vec![0; message.len()];
        message.emit(self.source, self.destination, &mut payload);
        self.raw(NextHeader::ICMPV6, &payload)
    }

    /// A frame with an MLD message behind its Router Alert.
    pub fn mld(&self, message: &Icmpv6Message<'_>) -> Vec<u8> {
        let options = [HeaderOption::ROUTER_ALERT_MLD];
        let alert =
            OptionsHeader { next_header: NextHeader::ICMPV6, options: Options::new(&options) };
        let mut payload = vec![0; alert.len() + message.len()];
        let (header, body) = payload.split_at_mut(alert.len());
        alert.emit(header);
        message.emit(self.source, self.destination, body);
        Self { hop_limit: HopLimit::ONE, ..*self }.raw(NextHeader::HOP_BY_HOP, &payload)
    }

    /// A frame with a UDP datagram.
    pub fn udp(&self, source_port: u16, destination_port: u16, data: &[u8]) -> Vec<u8> {
        let mut sum = Checksum::new();
        sum.add(data);
        let (source, destination) =
            ((self.source, source_port), (self.destination, destination_port));
        let header =
            UdpHeader::new(source, destination, data.len(), sum).expect("the data fits a datagram");
        let mut payload = vec![0; UdpHeader::LEN];
        header.emit(&mut payload);
        payload.extend(data);
        self.raw(NextHeader::UDP, &payload)
    }

    /// A frame with a TCP segment; its checksum is filled in.
    pub fn tcp(&self, header: &TcpHeader, data: &[u8]) -> Vec<u8> {
        let mut payload = vec![0; header.len()];
        header.emit(&mut payload);
        payload.extend(data);
        let mut frame = self.raw(NextHeader::TCP, &payload);
        repair(&mut frame);
        frame
    }
}

/// An IPv6 frame taken apart.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    /// The frame's header.
    pub ethernet: EthernetHeader,
    /// The packet's header.
    pub ipv6: Ipv6Header,
    /// The packet, IPv6 header included, without what pads the frame.
    pub octets: &'a [u8],
    /// Extension headers in front of the payload.
    pub extensions: usize,
    /// Whether there is a Router Alert among them.
    pub router_alert: bool,
    /// The fragment header, if the payload is but a part of something.
    pub fragment: Option<FragmentHeader>,
    /// The type of the payload.
    pub protocol: NextHeader,
    /// Where the payload begins, from the IPv6 header on.
    pub payload_offset: usize,
    /// What is behind the extension headers.
    pub payload: &'a [u8],
}

impl<'a> Packet<'a> {
    /// Takes a frame apart; `None` when it is not well-formed IPv6.
    pub fn parse(frame: &'a [u8]) -> Option<Self> {
        let (ethernet, rest) = EthernetHeader::parse(frame).ok()?;
        if ethernet.ethertype != EtherType::IPV6 {
            return None;
        }
        let (ipv6, payload) = Ipv6Header::parse(rest).ok()?;
        let octets = &rest[..Ipv6Header::LEN + payload.len()];
        let mut chain = HeaderChain::new(&ipv6, payload);
        let mut extensions = 0;
        let mut router_alert = false;
        let mut fragment = None;
        for item in chain.by_ref() {
            extensions += 1;
            match item.ok()?.header {
                ExtensionHeader::HopByHop(header) => {
                    router_alert = header
                        .options
                        .iter()
                        .any(|(_, option)| option == HeaderOption::ROUTER_ALERT_MLD);
                }
                ExtensionHeader::Fragment(header) if !header.is_atomic() => fragment = Some(header),
                _ => {}
            }
        }
        let upper = chain.upper_layer();
        Some(Self {
            ethernet,
            ipv6,
            octets,
            extensions,
            router_alert,
            fragment,
            protocol: upper.next_header,
            payload_offset: upper.offset,
            payload: upper.payload,
        })
    }

    /// Whether the payload's checksum is right; true for protocols without one and for fragments.
    pub fn checksum_is_valid(&self) -> bool {
        let Ipv6Header { source, destination, .. } = self.ipv6;
        match self.protocol {
            _ if self.fragment.is_some() => true,
            NextHeader::ICMPV6 | NextHeader::UDP | NextHeader::TCP => {
                checksum::verify(source, destination, self.protocol, self.payload)
            }
            _ => true,
        }
    }

    fn is_whole_and_valid(&self) -> bool {
        self.fragment.is_none() && self.checksum_is_valid()
    }

    /// The ICMPv6 message in it, if it is one with a valid checksum.
    pub fn icmpv6(&self) -> Option<Icmpv6Message<'a>> {
        (self.protocol == NextHeader::ICMPV6 && self.is_whole_and_valid())
            .then(|| Icmpv6Message::parse(self.payload).ok())?
    }

    /// The UDP datagram in it, if it is one with a valid checksum.
    pub fn udp(&self) -> Option<(UdpHeader, &'a [u8])> {
        (self.protocol == NextHeader::UDP && self.is_whole_and_valid())
            .then(|| UdpHeader::parse(self.payload).ok())?
    }
}

/// The link-local address that EUI-64 gives a station.
pub fn link_local(mac: MacAddress) -> Ipv6Addr {
    use net::address::{InterfaceIdentifier, LINK_LOCAL_SUBNET};
    LINK_LOCAL_SUBNET
        .with_interface_identifier(InterfaceIdentifier::from_mac(mac))
        .expect("the subnet has 64 bits")
}

/// A Neighbor Solicitation for `target` as Duplicate Address Detection sends it, without a nonce.
pub fn dad_probe(source_mac: MacAddress, target: Ipv6Addr) -> Vec<u8> {
    use net::wire::ndp::NeighborSolicitation;
    use net::wire::ndp_option::NdpOptions;
    let message = NeighborSolicitation { target, options: NdpOptions::EMPTY };
    Envelope::multicast(source_mac, Ipv6Addr::UNSPECIFIED, target.solicited_node())
        .icmpv6(&Icmpv6Message::NeighborSolicitation(message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use net::wire::icmpv6::Echo;
    use net::wire::mld::{MulticastRecord, MulticastRecords, RecordType};

    const MAC: MacAddress = MacAddress([2, 0, 0, 0, 0, 1]);
    const GROUP: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x16);

    #[test]
    fn what_is_put_together_comes_apart() {
        let envelope = Envelope::multicast(MAC, link_local(MAC), GROUP);
        let echo = Icmpv6Message::EchoRequest(Echo { identifier: 1, sequence: 2, data: b"hi" });
        let mut frame = envelope.icmpv6(&echo);
        frame.extend([0; 20]);
        let packet = Packet::parse(&frame).unwrap();
        assert_eq!(packet.icmpv6(), Some(echo));
        assert_eq!((packet.extensions, packet.octets.len()), (0, 50));

        let frame = envelope.udp(1, 2, b"datagram");
        let packet = Packet::parse(&frame).unwrap();
        assert_eq!(packet.udp().unwrap().1, b"datagram");
        assert_eq!(packet.icmpv6(), None);

        let records = [MulticastRecord {
            kind: RecordType::ChangeToExclude,
            group: GROUP,
            sources: net::wire::address_list::AddressList::EMPTY,
        }];
        let report = Icmpv6Message::MulticastListenerReportV2(MulticastRecords::new(&records));
        let frame = envelope.mld(&report);
        let packet = Packet::parse(&frame).unwrap();
        assert_eq!(packet.icmpv6(), Some(report));
        assert!(packet.router_alert && packet.extensions == 1);
        assert_eq!((packet.ipv6.hop_limit, packet.payload_offset), (HopLimit::ONE, 48));
    }

    #[test]
    fn a_wrong_bit_is_noticed() {
        let mut frame = Envelope::multicast(MAC, link_local(MAC), GROUP).udp(1, 2, b"x");
        *frame.last_mut().unwrap() ^= 1;
        let packet = Packet::parse(&frame).unwrap();
        assert!(!packet.checksum_is_valid() && packet.udp().is_none());
        assert!(Packet::parse(&frame[..60]).is_none());
    }
}
