//! A stack on a desk: one interface, whose cable the test holds in its hands.

use crate::buffer::{BufferPool, PacketBuffer};
use crate::config::Config;
use crate::counters::DropReason;
use crate::event::Event;
use crate::interface::{InterfaceConfig, InterfaceIndex, InterfaceKind};
use crate::manage::NewAddress;
use crate::netif::{FRAME_HEADROOM, LinkState, MacAddress};
use crate::random::test::TestRandom;
use crate::raw_frame::FrameError;
use crate::stack::Stack;
use crate::time::{Duration, Instant};
use crate::wire::checksum::Checksum;
use crate::wire::ethernet::{EtherType, EthernetHeader, multicast_mac};
use crate::wire::extension::HeaderChain;
use crate::wire::icmpv6::Icmpv6Message;
use crate::wire::ipv6::{FlowLabel, HopLimit, Ipv6Header, NextHeader, TrafficClass};
use crate::wire::ndp::RouterAdvertisement;
use crate::wire::ndp_option::{NdpOption, NdpOptions, RouterPreference};
use crate::wire::tcp::TcpHeader;
use core::net::Ipv6Addr;

/// The advertisement of a default router that says nothing of the link but what is in the options.
pub(crate) fn router_advertisement<'a>(options: &'a [NdpOption<'a>]) -> Icmpv6Message<'a> {
    Icmpv6Message::RouterAdvertisement(RouterAdvertisement {
        hop_limit: None,
        managed: false,
        other: false,
        preference: RouterPreference::Medium,
        router_lifetime: Duration::from_secs(1800),
        reachable_time: None,
        retrans_timer: None,
        options: NdpOptions::new(options),
    })
}

/// Packet memory of the heap, with the kernel's block size.
#[derive(Debug)]
pub(crate) struct HeapBuffer {
    block: Vec<u8>,
    start: usize,
    end: usize,
}

const BLOCK: usize = 2048;

impl PacketBuffer for HeapBuffer {
    fn data(&self) -> &[u8] {
        &self.block[self.start..self.end]
    }

    fn data_mut(&mut self) -> &mut [u8] {
        &mut self.block[self.start..self.end]
    }

    fn headroom(&self) -> usize {
        self.start
    }

    fn tailroom(&self) -> usize {
        self.block.len() - self.end
    }

    fn prepend(&mut self, n: usize) -> Option<&mut [u8]> {
        self.start = self.start.checked_sub(n)?;
        Some(&mut self.block[self.start..self.start + n])
    }

    fn append(&mut self, n: usize) -> Option<&mut [u8]> {
        if n > self.tailroom() {
            return None;
        }
        self.end += n;
        Some(&mut self.block[self.end - n..self.end])
    }

    fn trim_front(&mut self, n: usize) {
        self.start = (self.start + n).min(self.end);
    }

    fn truncate(&mut self, len: usize) {
        self.end = self.end.min(self.start + len);
    }
}

/// Allocates while `left` lasts.
pub(crate) struct HeapPool {
    pub(crate) left: usize,
}

impl BufferPool for HeapPool {
    type Buffer = HeapBuffer;

    fn allocate(&mut self, headroom: usize) -> Option<HeapBuffer> {
        self.left = self.left.checked_sub(1)?;
        Some(HeapBuffer { block: vec![0xa5; BLOCK], start: headroom, end: headroom })
    }
}

pub(crate) const USB0: InterfaceIndex = InterfaceIndex::from_slot(1);
pub(crate) const MAC: MacAddress = MacAddress([0x52, 0x54, 0, 0x12, 0x34, 0x57]);
/// The EUI-64 link-local address of [`MAC`].
pub(crate) const LINK_LOCAL: &str = "fe80::5054:ff:fe12:3457";

/// A neighbor played by the test.
#[derive(Clone, Copy)]
pub(crate) struct Peer {
    pub(crate) mac: MacAddress,
    pub(crate) address: Ipv6Addr,
}

/// A router played by the test.
pub(crate) const ROUTER: Peer = Peer {
    mac: MacAddress([2, 0, 0, 0, 0, 1]),
    address: Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1),
};

/// A packet seen on the cable.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Seen {
    pub(crate) at: Instant,
    pub(crate) mac: MacAddress,
    pub(crate) header: Ipv6Header,
    pub(crate) packet: Vec<u8>,
}

impl Seen {
    /// The ICMPv6 message in it.
    pub(crate) fn icmpv6(&self) -> Option<Icmpv6Message<'_>> {
        let (header, payload) = Ipv6Header::parse(&self.packet).ok()?;
        let mut chain = HeaderChain::new(&header, payload);
        chain.by_ref().for_each(drop);
        let upper = chain.upper_layer();
        if upper.next_header != NextHeader::ICMPV6 {
            return None;
        }
        assert!(crate::wire::checksum::verify(
            header.source,
            header.destination,
            NextHeader::ICMPV6,
            upper.payload
        ));
        Icmpv6Message::parse(upper.payload).ok()
    }

    /// The type of the ICMPv6 message in it, 0 without one.
    pub(crate) fn icmpv6_type(&self) -> u8 {
        self.icmpv6().map_or(0, |message| message.kind().0)
    }
}

pub(crate) fn ip(text: &str) -> Ipv6Addr {
    text.parse().unwrap()
}

/// A stack with `lo` and `usb0` in virtual time.
pub(crate) struct Host {
    pub(crate) stack: Box<Stack<HeapPool, TestRandom>>,
    pub(crate) now: Instant,
    /// What arrives now belongs to a burst.
    pub(crate) in_burst: bool,
}

impl Host {
    /// Both interfaces exist, `lo` is up, `usb0` is not.
    pub(crate) fn new(seed: u64, config: Config) -> Self {
        let pool = HeapPool { left: usize::MAX };
        let mut stack = Box::new(Stack::new(config, pool, TestRandom(seed)));
        let now = Instant::from_secs(100);
        let lo = stack
            .add_interface(&InterfaceConfig {
                name: "lo",
                kind: InterfaceKind::Loopback,
                mtu: 1500,
            })
            .unwrap();
        assert_eq!(lo, InterfaceIndex::LOOPBACK);
        stack.set_admin_up(lo, true, now).unwrap();
        let usb0 = stack
            .add_interface(&InterfaceConfig {
                name: "usb0",
                kind: InterfaceKind::Ethernet { mac: MAC },
                mtu: 1500,
            })
            .unwrap();
        assert_eq!(usb0, USB0);
        Self { stack, now, in_burst: false }
    }

    /// Sets `usb0` up, with carrier.
    pub(crate) fn plug_in(&mut self) {
        self.stack.set_admin_up(USB0, true, self.now).unwrap();
        self.stack.set_link(USB0, LinkState::Up { speed: None }, self.now).unwrap();
    }

    /// A host that has its link-local address and saw no router.
    pub(crate) fn up(seed: u64) -> Self {
        let mut host = Self::new(seed, Config::default());
        host.plug_in();
        host.run(Duration::from_secs(3));
        assert!(host.stack.is_own_address(ip(LINK_LOCAL), Some(USB0)));
        host
    }

    /// What the stack has to send now.
    pub(crate) fn sent(&mut self) -> Vec<Seen> {
        let mut seen = Vec::new();
        while let Some(frame) = self.stack.poll_transmit(USB0) {
            assert!(frame.headroom() >= 64 && frame.headroom() % 4 == 0);
            let (ethernet, packet) = EthernetHeader::parse(frame.data()).unwrap();
            assert_eq!((ethernet.source, ethernet.ethertype), (MAC, EtherType::IPV6));
            let (header, payload) = Ipv6Header::parse(packet).unwrap();
            assert_eq!(packet.len(), Ipv6Header::LEN + payload.len());
            if header.destination.is_multicast() {
                assert_eq!(ethernet.destination, multicast_mac(header.destination));
            }
            seen.push(Seen {
                at: self.now,
                mac: ethernet.destination,
                header,
                packet: packet.to_vec(),
            });
        }
        seen
    }

    /// Lets time pass and gives what is sent meanwhile.
    pub(crate) fn run(&mut self, time: Duration) -> Vec<Seen> {
        let end = self.now + time;
        let mut seen = self.sent();
        loop {
            let next = self.stack.next_deadline().unwrap_or(Instant::FAR_FUTURE);
            if next > end {
                self.now = end;
                return seen;
            }
            let before = (self.now, seen.len());
            self.now = self.now.max(next);
            self.stack.poll(self.now);
            seen.extend(self.sent());
            let after = self.stack.next_deadline().unwrap_or(Instant::FAR_FUTURE);
            assert!(
                after > next || (self.now, seen.len()) != before,
                "the deadline {next:?} stays"
            );
        }
    }

    /// A frame arrives.
    pub(crate) fn frame(&mut self, destination: MacAddress, source: MacAddress, packet: &[u8]) {
        let mut frame = HeapPool { left: 1 }.allocate(FRAME_HEADROOM).unwrap();
        let header = EthernetHeader { destination, source, ethertype: EtherType::IPV6 };
        header.emit(frame.append(EthernetHeader::LEN).unwrap());
        frame.append(packet.len()).unwrap().copy_from_slice(packet);
        if self.in_burst {
            self.stack.input_in_burst(USB0, frame, self.now);
        } else {
            self.stack.input(USB0, frame, self.now);
        }
    }

    /// What arrives meanwhile arrives in one burst.
    pub(crate) fn burst(&mut self, arrivals: impl FnOnce(&mut Self)) {
        self.in_burst = true;
        arrivals(self);
        self.in_burst = false;
        self.stack.settle(self.now);
    }

    /// A packet arrives from a peer, in the frame that its destination asks for.
    pub(crate) fn packet(&mut self, peer: Peer, packet: &[u8]) {
        let (header, _) = Ipv6Header::parse_quoted(packet).unwrap();
        let mac =
            if header.destination.is_multicast() { multicast_mac(header.destination) } else { MAC };
        self.frame(mac, peer.mac, packet);
    }

    /// A program writes a whole frame.
    pub(crate) fn write_frame(
        &mut self,
        index: InterfaceIndex,
        frame: &[u8],
    ) -> Result<(), FrameError<()>> {
        let fill = |room: &mut [u8]| {
            room.copy_from_slice(frame);
            Ok(())
        };
        self.stack.send_frame(index, frame.len(), fill, self.now)
    }

    /// An ICMPv6 message arrives from a peer.
    pub(crate) fn message(&mut self, peer: Peer, destination: &str, message: &Icmpv6Message<'_>) {
        self.packet(peer, &icmpv6_packet(peer.address, ip(destination), message));
    }

    /// How many packets were dropped for a reason.
    pub(crate) fn drops(&self, reason: DropReason) -> u64 {
        self.stack.node_counters().drops.get(reason)
    }

    /// How many packets were dropped at all.
    pub(crate) fn all_drops(&self) -> u64 {
        self.stack.node_counters().drops.total()
    }

    pub(crate) fn events(&mut self) -> Vec<Event> {
        core::iter::from_fn(|| self.stack.poll_event()).collect()
    }
}

/// An address for good, of a subnet of 64 bits, that is not tested for duplicates.
pub(crate) fn address_at_once(address: Ipv6Addr) -> NewAddress {
    NewAddress {
        address,
        prefix_length: 64,
        preferred_lifetime: u32::MAX,
        valid_lifetime: u32::MAX,
        no_duplicate_detection: true,
        no_prefix_route: false,
    }
}

/// A packet with a TCP segment, whose checksum is made, with hop limit 255.
pub(crate) fn tcp_packet(
    (source, destination): (Ipv6Addr, Ipv6Addr),
    header: &TcpHeader,
    data: &[u8],
) -> Vec<u8> {
    let mut segment = vec![0; header.len()];
    TcpHeader { checksum: 0, ..*header }.emit(&mut segment);
    segment.extend(data);
    let length = segment.len() as u32;
    let mut sum = Checksum::pseudo_header(source, destination, NextHeader::TCP, length);
    sum.add(&segment);
    let at = TcpHeader::CHECKSUM_OFFSET;
    segment[at..at + 2].copy_from_slice(&sum.finish().to_be_bytes());
    ipv6_packet(source, destination, NextHeader::TCP, &segment)
}

/// A packet of an ICMPv6 message with hop limit 255.
pub(crate) fn icmpv6_packet(
    source: Ipv6Addr,
    destination: Ipv6Addr,
    message: &Icmpv6Message<'_>,
) -> Vec<u8> {
    let mut segment = vec![0; message.len()];
    message.emit(source, destination, &mut segment);
    ipv6_packet(source, destination, NextHeader::ICMPV6, &segment)
}

/// A packet with hop limit 255.
pub(crate) fn ipv6_packet(
    source: Ipv6Addr,
    destination: Ipv6Addr,
    next_header: NextHeader,
    payload: &[u8],
) -> Vec<u8> {
    let mut packet = vec![0; Ipv6Header::LEN];
    Ipv6Header {
        traffic_class: TrafficClass::default(),
        flow_label: FlowLabel::NONE,
        payload_length: payload.len() as u16,
        next_header,
        hop_limit: HopLimit::MAX,
        source,
        destination,
    }
    .emit(&mut packet);
    packet.extend(payload);
    packet
}
