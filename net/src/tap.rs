//! A look at what never passes through a driver's hands. Who captures (packet(7)) sees the rest
//! there.

use crate::buffer::{BufferPool, PacketBuffer};
use crate::interface::{Interface, InterfaceIndex};
use crate::netif::MacAddress;
use crate::random::Random;
use crate::stack::Stack;

/// What a tap sees.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tapped<'a> {
    /// A unicast or interface-local packet from this node to itself, from its IPv6 header on, when
    /// it is queued.
    Local(&'a [u8]),
    /// A frame of a VLAN's interface, from its Ethernet header on, without its tag.
    Vlan {
        /// The VLAN's interface.
        interface: InterfaceIndex,
        /// Its address.
        mac: MacAddress,
        /// It leaves; otherwise it came.
        outgoing: bool,
        /// The frame.
        frame: &'a [u8],
    },
}

/// Sees what passes. It is called from within the stack, so it must not call it.
pub type Tap = fn(Tapped<'_>);

impl<P: BufferPool, R: Random> Stack<P, R> {
    /// Has `tap` see what passes through no driver's hands; `None`: nobody does.
    pub fn set_tap(&mut self, tap: Option<Tap>) {
        self.tap = tap;
    }

    /// Shows a packet of the node to itself to the tap, if there is one.
    pub(crate) fn tap_local(&self, packet: &P::Buffer) {
        if let Some(tap) = self.tap {
            tap(Tapped::Local(packet.data()));
        }
    }

    /// The same with a frame that a VLAN's interface received.
    pub(crate) fn tap_vlan(&self, interface: InterfaceIndex, frame: &P::Buffer) {
        let Some(tap) = self.tap else { return };
        if let Some(mac) = self.interface(interface).and_then(Interface::mac) {
            tap(Tapped::Vlan { interface, mac, outgoing: false, frame: frame.data() });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::counters::DropReason;
    use crate::raw_frame::FrameError;
    use crate::socket::{SendOptions, SocketKind};
    use crate::test_host::{Host, MAC, ROUTER};
    use crate::wire::ethernet::{EtherType, EthernetHeader};
    use core::net::{Ipv6Addr, SocketAddrV6};
    use std::cell::RefCell;
    use std::vec::Vec;

    std::thread_local!(static SEEN: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) });

    fn see(tapped: Tapped<'_>) {
        let Tapped::Local(packet) = tapped else { panic!("{tapped:?}") };
        SEEN.with_borrow_mut(|seen| seen.push(packet.to_vec()));
    }

    fn loop_back(host: &mut Host, ethertype: EtherType, packet: &[u8]) {
        let mut frame = vec![0; EthernetHeader::LEN];
        EthernetHeader { destination: ROUTER.mac, source: MAC, ethertype }.emit(&mut frame);
        frame.extend(packet);
        let write = |room: &mut [u8]| {
            room.copy_from_slice(&frame);
            Ok(())
        };
        let sent: Result<(), FrameError<()>> =
            host.stack.send_frame(InterfaceIndex::LOOPBACK, frame.len(), write, host.now);
        sent.unwrap();
    }

    #[test]
    fn the_tap_sees_what_the_node_sends_itself() {
        let mut host = Host::up(1);
        host.stack.set_tap(Some(see));
        let receiver = host.stack.open_socket(SocketKind::Udp).unwrap();
        let to = SocketAddrV6::new(Ipv6Addr::LOCALHOST, 7, 0, 0);
        host.stack.bind(receiver, to).unwrap();
        let sender = host.stack.open_socket(SocketKind::Udp).unwrap();
        let options = SendOptions::default();
        let write = |room: &mut [u8]| {
            room.copy_from_slice(b"seen");
            Ok::<(), ()>(())
        };
        host.stack.send(sender, Some(to), 4, write, &options, host.now).unwrap();
        let seen = SEEN.take();
        assert_eq!(seen.len(), 1);
        assert_eq!((seen[0].len(), &seen[0][48..]), (52, &b"seen"[..]));
        // The same again, written whole, reaches the socket.
        loop_back(&mut host, EtherType::IPV6, &seen[0]);
        assert_eq!(SEEN.take(), seen);
        let read = |host: &mut Host| host.stack.receive(receiver, false, |_, data| data.len());
        assert_eq!((read(&mut host), read(&mut host)), (Ok(4), Ok(4)));
        loop_back(&mut host, EtherType::ARP, &[0; 28]);
        assert_eq!(host.drops(DropReason::FrameNotIpv6), 1);
        host.stack.set_tap(None);
        host.stack.send(sender, Some(to), 4, write, &options, host.now).unwrap();
        assert!(SEEN.take().is_empty());
    }
}
