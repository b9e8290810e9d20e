//! Frames made by hand, for work that begins with one.

use crate::host::mac_of;
use alloc::vec;
use alloc::vec::Vec;
use core::net::Ipv6Addr;
use net::wire::checksum::Checksum;
use net::wire::ethernet::{EtherType, EthernetHeader, multicast_mac};
use net::wire::icmpv6::Icmpv6Message;
use net::wire::ipv6::{FlowLabel, HopLimit, Ipv6Header, NextHeader, TrafficClass};
use net::wire::udp::UdpHeader;

/// Who sends it, and to whom: a station and its address each.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ends {
    /// The sender.
    pub source: (u8, Ipv6Addr),
    /// The receiver; the station does not matter for a group.
    pub destination: (u8, Ipv6Addr),
}

impl Ends {
    /// A frame with these octets behind the IPv6 header.
    fn raw(&self, next_header: NextHeader, payload: &[u8]) -> Vec<u8> {
        let (station, address) = self.destination;
        let destination =
            if address.is_multicast() { multicast_mac(address) } else { mac_of(station) };
        let source = mac_of(self.source.0);
        let ethernet = EthernetHeader { destination, source, ethertype: EtherType::IPV6 };
        let ipv6 = Ipv6Header {
            traffic_class: TrafficClass::default(),
            flow_label: FlowLabel::NONE,
            payload_length: payload.len() as u16,
            next_header,
            hop_limit: HopLimit::MAX,
            source: self.source.1,
            destination: address,
        };
        let mut frame = vec![0; EthernetHeader::LEN + Ipv6Header::LEN];
        ethernet.emit(&mut frame);
        ipv6.emit(&mut frame[EthernetHeader::LEN..]);
        frame.extend_from_slice(payload);
        frame
    }

    /// A frame with an ICMPv6 message.
    pub fn icmpv6(&self, message: &Icmpv6Message<'_>) -> Vec<u8> {
        let mut payload = vec![0; message.len()];
        message.emit(self.source.1, self.destination.1, &mut payload);
        self.raw(NextHeader::ICMPV6, &payload)
    }

    /// A frame with a UDP datagram.
    ///
    /// # Panics
    /// When the data does not fit.
    pub fn udp(&self, source_port: u16, destination_port: u16, data: &[u8]) -> Vec<u8> {
        let mut sum = Checksum::new();
        sum.add(data);
        let source = (self.source.1, source_port);
        let destination = (self.destination.1, destination_port);
        let header =
            UdpHeader::new(source, destination, data.len(), sum).expect("the data fits a datagram");
        let mut payload = vec![0; UdpHeader::LEN];
        header.emit(&mut payload);
        payload.extend_from_slice(data);
        self.raw(NextHeader::UDP, &payload)
    }
}
