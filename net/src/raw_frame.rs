//! Sending a frame that a program wrote whole (packet(7)).

use crate::buffer::{BufferPool, PAYLOAD_OFFSET, PacketBuffer};
use crate::counters::DropReason;
use crate::interface::InterfaceIndex;
use crate::ipv6_output::Urgency;
use crate::random::Random;
use crate::stack::Stack;
use crate::time::Instant;
use crate::wire::ethernet::{EtherType, EthernetHeader};
use crate::wire::ipv6::Ipv6Header;
use crate::wire::vlan::VlanTag;
use core::fmt;

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
    /// Sends an Ethernet frame of `length` octets that `fill` writes. On the loopback interface it
    /// comes back as a packet; what is not IPv6 is dropped there, and counted. A VLAN's tag is
    /// added; a frame that brings its own may be so much longer than others.
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
        let longest = EthernetHeader::LEN + usize::from(interface.device_mtu());
        if length > longest + VlanTag::LEN {
            return Err(FrameError::TooLong);
        }
        let loopback = interface.is_loopback();
        let queued = self.interfaces.queued(index);
        let full = queued.is_none_or(|queued| queued >= Urgency::User.transmit_limit());
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
        let tagged = EthernetHeader::parse(frame.data())
            .is_ok_and(|(header, _)| header.ethertype == EtherType::VLAN);
        if length > longest && !tagged {
            return Err(FrameError::TooLong);
        }
        if loopback {
            self.loop_frame(index, frame);
            self.finish(now);
        } else if let Some(mut traffic) = self.interfaces.traffic(index)
            && let Err(reason) = traffic.queue(frame, self.tap)
        {
            self.count_drop(Some(index), reason);
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_host::{Host, MAC, ROUTER, USB0, ip, ipv6_packet};
    use crate::wire::ipv6::NextHeader;
    use std::vec::Vec;

    fn frame(ethertype: EtherType, packet: &[u8]) -> Vec<u8> {
        let mut frame = vec![0; EthernetHeader::LEN];
        EthernetHeader { destination: ROUTER.mac, source: MAC, ethertype }.emit(&mut frame);
        frame.extend(packet);
        frame
    }

    #[test]
    fn a_frame_goes_out_as_it_is() {
        let mut host = Host::up(1);
        host.sent();
        let packet = ipv6_packet(ip("fe80::1"), ROUTER.address, NextHeader::NONE, b"");
        host.write_frame(USB0, &frame(EtherType::IPV6, &packet)).unwrap();
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
        assert_eq!(host.write_frame(nowhere, &full), Err(FrameError::NoInterface));
        assert_eq!(host.write_frame(USB0, &short), Err(FrameError::TooShort));
        assert_eq!(host.write_frame(USB0, &long), Err(FrameError::TooLong));
        let unreadable = host.stack.send_frame(USB0, 60, |_| Err(7), host.now);
        assert_eq!(unreadable, Err(FrameError::Fill(7)));
        while host.write_frame(USB0, &full).is_ok() {}
        assert_eq!(host.write_frame(USB0, &full), Err(FrameError::NoRoom));
        assert!(host.drops(DropReason::TransmitQueueFull) > 0);
        host.stack.set_admin_up(USB0, false, host.now).unwrap();
        assert_eq!(host.write_frame(USB0, &full), Err(FrameError::InterfaceDown));
    }
}
