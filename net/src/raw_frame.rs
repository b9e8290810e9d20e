//! What packet sockets need of the stack: sending a frame that a program wrote whole, and a look
//! at the packets that never leave the node. Frames of an Ethernet interface pass through the
//! hands of the system around the stack anyway.

use crate::buffer::{BufferPool, PAYLOAD_OFFSET, PacketBuffer};
use crate::counters::DropReason;
use crate::interface::InterfaceIndex;
use crate::ipv6_output::Urgency;
use crate::random::Random;
use crate::stack::Stack;
use crate::time::Instant;
use crate::wire::ethernet::{EtherType, EthernetHeader};
use crate::wire::ipv6::Ipv6Header;
use core::fmt;

/// Sees every unicast and interface-local packet from this node to itself, from its IPv6 header
/// on, when it is queued. It is called from within the stack, so it must not call it.
pub type LocalTap = fn(packet: &[u8]);

/// Octets in front of a frame: it begins where the frame around a transport segment would.
const FRAME_OFFSET: usize = PAYLOAD_OFFSET - Ipv6Header::LEN - EthernetHeader::LEN;

/// Why a frame was not sent. `E` is the error of the closure that writes it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FrameError<E = core::convert::Infallible> {
    /// There is no such interface: ENXIO.
    NoInterface,
    /// The interface is down: ENETDOWN.
    InterfaceDown,
    /// No room for an Ethernet header: EINVAL.
    TooShort,
    /// Longer than header and MTU: EMSGSIZE.
    TooLong,
    /// The queue is full or there is no buffer: ENOBUFS.
    NoRoom,
    /// The frame could not be written.
    Fill(E),
}

impl<E> fmt::Display for FrameError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoInterface => "no such interface",
            Self::InterfaceDown => "interface is down",
            Self::TooShort => "frame is too short",
            Self::TooLong => "frame is too long",
            Self::NoRoom => "no room for the frame",
            Self::Fill(_) => "frame could not be written",
        })
    }
}

impl<E: fmt::Debug> core::error::Error for FrameError<E> {}

impl<P: BufferPool, R: Random> Stack<P, R> {
    /// Has `tap` see the packets from this node to itself; `None`: nobody does.
    pub fn set_local_tap(&mut self, tap: Option<LocalTap>) {
        self.local_tap = tap;
    }

    /// Sends an Ethernet frame of `length` octets that `fill` writes. On the loopback interface it
    /// comes back as a packet; what is not IPv6 is dropped there, and counted.
    pub fn send_frame<E>(
        &mut self,
        index: InterfaceIndex,
        length: usize,
        fill: impl FnOnce(&mut [u8]) -> Result<(), E>,
        now: Instant,
    ) -> Result<(), FrameError<E>> {
        let interface = self.interface(index).ok_or(FrameError::NoInterface)?;
        if !interface.is_running() {
            return Err(FrameError::InterfaceDown);
        }
        if length < EthernetHeader::LEN {
            return Err(FrameError::TooShort);
        }
        if length > EthernetHeader::LEN + usize::from(interface.device_mtu()) {
            return Err(FrameError::TooLong);
        }
        let loopback = interface.is_loopback();
        let full = interface.transmit.len() >= Urgency::User.transmit_limit();
        if full || loopback && self.local.is_full() {
            self.count_drop(Some(index), DropReason::TransmitQueueFull);
            return Err(FrameError::NoRoom);
        }
        let frame = self.pool.allocate(FRAME_OFFSET).and_then(|mut frame| {
            frame.append(length)?;
            Some(frame)
        });
        let Some(mut frame) = frame else {
            self.count_drop(Some(index), DropReason::NoBuffer);
            return Err(FrameError::NoRoom);
        };
        fill(frame.data_mut()).map_err(FrameError::Fill)?;
        if loopback {
            self.loop_frame(index, frame);
            self.finish(now);
        } else if self
            .interface_mut(index)
            .is_none_or(|found| found.transmit.push_back(frame).is_err())
        {
            self.count_drop(Some(index), DropReason::TransmitQueueFull);
        }
        Ok(())
    }

    fn loop_frame(&mut self, index: InterfaceIndex, mut frame: P::Buffer) {
        match EthernetHeader::parse(frame.data()) {
            Ok((header, _)) if header.ethertype == EtherType::IPV6 => {
                frame.trim_front(EthernetHeader::LEN);
                self.send_local(index, frame);
            }
            _ => self.count_drop(Some(index), DropReason::FrameNotIpv6),
        }
    }

    /// Shows a packet to the tap, if there is one.
    pub(crate) fn tap_local(&self, packet: &P::Buffer) {
        if let Some(tap) = self.local_tap {
            tap(packet.data());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::socket::{SendOptions, SocketKind};
    use crate::test_host::{Host, MAC, ROUTER, USB0, ip, ipv6_packet};
    use crate::wire::ipv6::NextHeader;
    use core::net::{Ipv6Addr, SocketAddrV6};
    use std::cell::RefCell;
    use std::vec::Vec;

    const LO: InterfaceIndex = InterfaceIndex::LOOPBACK;

    std::thread_local!(static SEEN: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) });

    fn see(packet: &[u8]) {
        SEEN.with_borrow_mut(|seen| seen.push(packet.to_vec()));
    }

    fn frame(ethertype: EtherType, packet: &[u8]) -> Vec<u8> {
        let mut frame = vec![0; EthernetHeader::LEN];
        EthernetHeader { destination: ROUTER.mac, source: MAC, ethertype }.emit(&mut frame);
        frame.extend(packet);
        frame
    }

    fn send(host: &mut Host, index: InterfaceIndex, frame: &[u8]) -> Result<(), FrameError<()>> {
        let fill = |room: &mut [u8]| {
            room.copy_from_slice(frame);
            Ok(())
        };
        host.stack.send_frame(index, frame.len(), fill, host.now)
    }

    #[test]
    fn a_frame_goes_out_as_it_is() {
        let mut host = Host::up(1);
        host.sent();
        let packet = ipv6_packet(ip("fe80::1"), ROUTER.address, NextHeader::NONE, b"");
        send(&mut host, USB0, &frame(EtherType::IPV6, &packet)).unwrap();
        let seen = host.sent();
        assert_eq!((seen.len(), seen[0].mac, &seen[0].packet), (1, ROUTER.mac, &packet));
    }

    #[test]
    fn frames_that_cannot_go_are_refused() {
        let mut host = Host::up(1);
        let nowhere = InterfaceIndex::new(77).unwrap();
        let short = vec![0; 13];
        let full = frame(EtherType::ARP, &[0; 1500]);
        let long = frame(EtherType::ARP, &[0; 1501]);
        assert_eq!(send(&mut host, nowhere, &full), Err(FrameError::NoInterface));
        assert_eq!(send(&mut host, USB0, &short), Err(FrameError::TooShort));
        assert_eq!(send(&mut host, USB0, &long), Err(FrameError::TooLong));
        let unreadable = host.stack.send_frame(USB0, 60, |_| Err(7), host.now);
        assert_eq!(unreadable, Err(FrameError::Fill(7)));
        while send(&mut host, USB0, &full).is_ok() {}
        assert_eq!(send(&mut host, USB0, &full), Err(FrameError::NoRoom));
        assert!(host.drops(DropReason::TransmitQueueFull) > 0);
        host.stack.set_admin_up(USB0, false, host.now).unwrap();
        assert_eq!(send(&mut host, USB0, &full), Err(FrameError::InterfaceDown));
    }

    #[test]
    fn the_tap_sees_what_the_node_sends_itself() {
        let mut host = Host::up(1);
        host.stack.set_local_tap(Some(see));
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
        send(&mut host, LO, &frame(EtherType::IPV6, &seen[0])).unwrap();
        assert_eq!(SEEN.take(), seen);
        let read = |host: &mut Host| host.stack.receive(receiver, false, |_, data| data.len());
        assert_eq!((read(&mut host), read(&mut host)), (Ok(4), Ok(4)));
        send(&mut host, LO, &frame(EtherType::ARP, &[0; 28])).unwrap();
        assert_eq!(host.drops(DropReason::FrameNotIpv6), 1);
        host.stack.set_local_tap(None);
        host.stack.send(sender, Some(to), 4, write, &options, host.now).unwrap();
        assert!(SEEN.take().is_empty());
    }
}
