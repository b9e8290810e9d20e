//! Where frames pass by: whoever captures gets a copy.
//!
//! While nobody captures, a frame costs a load and a comparison. Frames of an Ethernet interface
//! are seen when the driver hands them over or fetches them. What no driver sees the stack shows:
//! frames of VLANs, without their tags, and packets of the node to itself, as frames without
//! addresses on `lo`, once on their way out and once in.

use super::address::{LinkAddress, PacketType};
use super::{PacketSocket, SOCKETS};
use crate::net::change_stack;
use crate::time;
use ::net::interface::InterfaceIndex;
use ::net::netif::MacAddress;
use ::net::tap::Tapped;
use ::net::wire::ethernet::{EtherType, EthernetHeader};
use alloc::rc::{Rc, Weak};
use alloc::vec::Vec;
use core::sync::atomic::{AtomicUsize, Ordering};
use linux_raw_sys::if_arp::{ARPHRD_ETHER, ARPHRD_LOOPBACK, ETH_P_802_2};

/// Packet sockets that are open.
static SOCKET_COUNT: AtomicUsize = AtomicUsize::new(0);

/// The smallest EtherType; less is a length (IEEE 802.3).
const ETHER_TYPE_MIN: u16 = 0x600;

/// Which way a frame goes on an Ethernet interface.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::net) enum Direction {
    /// It came; the interface has this address.
    In(MacAddress),
    /// It leaves.
    Out,
}

/// A frame that passes by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Passing<'a> {
    /// The frame, from its Ethernet header on.
    pub(super) frame: &'a [u8],
    /// Where and whose it is.
    pub(super) address: LinkAddress,
}

/// Counts a new socket. The first has the stack show what it sends itself.
pub(super) fn open() {
    if SOCKET_COUNT.fetch_add(1, Ordering::Relaxed) == 0 {
        change_stack(|stack| stack.set_tap(Some(see)));
    }
}

/// Counts a socket that is gone.
pub(super) fn close() {
    if SOCKET_COUNT.fetch_sub(1, Ordering::Relaxed) == 1 {
        change_stack(|stack| stack.set_tap(None));
    }
}

/// Shows a frame of an Ethernet interface to whoever captures there.
#[cfg_attr(not(target_os = "none"), expect(dead_code, reason = "drivers call it"))]
pub(in crate::net) fn ethernet(interface: InterfaceIndex, direction: Direction, frame: &[u8]) {
    if SOCKET_COUNT.load(Ordering::Relaxed) == 0 {
        return;
    }
    pass(interface, direction, frame);
}

fn pass(interface: InterfaceIndex, direction: Direction, frame: &[u8]) {
    if let Some(passing) = describe(interface, direction, frame) {
        deliver(&passing);
    }
}

/// Whose frame it is; `None` for what is no frame.
pub(super) fn describe(
    interface: InterfaceIndex,
    direction: Direction,
    frame: &[u8],
) -> Option<Passing<'_>> {
    let (header, _) = EthernetHeader::parse(frame).ok()?;
    let packet_type = match direction {
        Direction::Out => PacketType::Outgoing,
        Direction::In(_) if header.destination == MacAddress::BROADCAST => PacketType::Broadcast,
        Direction::In(_) if header.destination.is_multicast() => PacketType::Multicast,
        Direction::In(own) if header.destination == own => PacketType::Host,
        Direction::In(_) => PacketType::OtherHost,
    };
    let address = LinkAddress {
        protocol: protocol(header.ethertype),
        interface: Some(interface),
        hardware: ARPHRD_ETHER as u16,
        packet_type,
        station: Some(header.source),
    };
    Some(Passing { frame, address })
}

fn protocol(ethertype: EtherType) -> u16 {
    if ethertype.0 < ETHER_TYPE_MIN { ETH_P_802_2 as u16 } else { ethertype.0 }
}

/// Shows what the stack alone sees. Runs within it.
fn see(tapped: Tapped<'_>) {
    match tapped {
        Tapped::Local(packet) => local(packet),
        Tapped::Vlan { interface, mac, outgoing, frame } => {
            let direction = if outgoing { Direction::Out } else { Direction::In(mac) };
            pass(interface, direction, frame);
        }
    }
}

/// Shows a packet of the node to itself.
fn local(packet: &[u8]) {
    let none = MacAddress::default();
    let header = EthernetHeader { destination: none, source: none, ethertype: EtherType::IPV6 };
    let mut frame = Vec::new();
    // Without memory it passes unseen.
    if frame.try_reserve_exact(EthernetHeader::LEN + packet.len()).is_err() {
        return;
    }
    frame.resize(EthernetHeader::LEN, 0);
    header.emit(&mut frame);
    frame.extend_from_slice(packet);
    for packet_type in [PacketType::Outgoing, PacketType::Host] {
        let address = LinkAddress {
            protocol: EtherType::IPV6.0,
            interface: Some(InterfaceIndex::LOOPBACK),
            hardware: ARPHRD_LOOPBACK as u16,
            packet_type,
            station: Some(none),
        };
        deliver(&Passing { frame: &frame, address });
    }
}

fn deliver(passing: &Passing<'_>) {
    let now = time::realtime();
    let sockets: Vec<Rc<PacketSocket>> =
        SOCKETS.with(|sockets| sockets.iter().filter_map(Weak::upgrade).collect());
    for socket in sockets {
        socket.capture(passing, now);
    }
}
