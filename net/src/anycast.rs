//! Anycast addresses (RFC 4291, Section 2.6), which programs join like groups, as on Linux:
//! IPV6_JOIN_ANYCAST.
//!
//! Such an address belongs to several nodes, and a packet for it goes to the nearest. So it is
//! never tested for duplicates (RFC 4862, Section 5.4), never the source of a packet, and a stream
//! socket does not answer there. Neighbors that ask for it get an answer after a random time and
//! without Override, so that the first of several answers stays (RFC 4861, Section 7.2.7).

use crate::address::{AddressExt, Prefix};
use crate::buffer::BufferPool;
use crate::counters::{DropReason, TableFull};
use crate::interface::InterfaceIndex;
use crate::limits;
use crate::random::Random;
use crate::socket::SocketId;
use crate::stack::Stack;
use crate::time::{Duration, Instant};
use crate::unicast::InterfaceAddress;
use crate::wire::icmpv6::Icmpv6Message;
use crate::wire::ndp::NeighborAdvertisement;
use crate::wire::ndp_option::{NdpOption, NdpOptions};
use core::fmt;
use core::net::Ipv6Addr;
use heapless::Vec;

/// MAX_ANYCAST_DELAY_TIME (RFC 4861, Section 10).
const MAX_ANYCAST_DELAY_TIME: Duration = Duration::from_secs(1);

/// A socket's wish that its node has an anycast address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Membership {
    socket: SocketId,
    interface: InterfaceIndex,
    address: Ipv6Addr,
}

/// A Neighbor Advertisement that waits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Answer {
    interface: InterfaceIndex,
    target: Ipv6Addr,
    destination: Ipv6Addr,
    due: Instant,
}

/// An anycast address of an interface, as `/proc/net/anycast6` shows it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AnycastInfo {
    /// The interface.
    pub interface: InterfaceIndex,
    /// The address.
    pub address: Ipv6Addr,
    /// How often it was joined.
    pub users: usize,
}

/// Why an anycast address cannot be joined or left.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AnycastError {
    /// The socket is closed.
    Closed,
    /// A group, or a unicast address of this node: EINVAL.
    BadAddress,
    /// There is no such interface: ENODEV.
    NoInterface,
    /// The interface has no address in a subnet with it: EADDRNOTAVAIL.
    NotOnLink,
    /// The socket did not join it: ENOENT.
    NotMember,
    /// There is no room: ENOMEM.
    TableFull,
}

impl fmt::Display for AnycastError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed => "socket is closed",
            Self::BadAddress => "not an anycast address",
            Self::NoInterface => "no such interface",
            Self::NotOnLink => "address is not in a subnet of the interface",
            Self::NotMember => "not joined",
            Self::TableFull => "too many anycast addresses",
        })
    }
}

impl core::error::Error for AnycastError {}

/// The anycast addresses of all interfaces.
pub(crate) struct Anycast {
    memberships: Vec<Membership, { limits::ANYCAST_MEMBERSHIPS }>,
    answers: Vec<Answer, { limits::ANYCAST_ANSWERS }>,
    /// When the first of the answers is due.
    next: Instant,
}

impl Anycast {
    pub(crate) const fn new() -> Self {
        Self { memberships: Vec::new(), answers: Vec::new(), next: Instant::FAR_FUTURE }
    }

    /// The interface that has this address: the given one, or any if there is no zone to it.
    #[inline]
    pub(crate) fn interface_of(
        &self,
        address: Ipv6Addr,
        zone: Option<InterfaceIndex>,
    ) -> Option<InterfaceIndex> {
        self.memberships
            .iter()
            .find(|it| it.address == address && zone.is_none_or(|zone| zone == it.interface))
            .map(|it| it.interface)
    }

    /// Whether the interface has this address.
    #[inline]
    pub(crate) fn has(&self, interface: InterfaceIndex, address: Ipv6Addr) -> bool {
        self.interface_of(address, Some(interface)).is_some()
    }

    pub(crate) const fn next_deadline(&self) -> Instant {
        self.next
    }

    /// The interface is gone.
    pub(crate) fn forget_interface(&mut self, interface: InterfaceIndex) {
        self.memberships.retain(|it| it.interface != interface);
    }

    fn set_deadline(&mut self) {
        let first = self.answers.iter().map(|answer| answer.due).min();
        self.next = first.unwrap_or(Instant::FAR_FUTURE);
    }

    /// Puts off an answer; false when there is no room. Who asks twice is answered once.
    fn put_off(&mut self, answer: Answer) -> bool {
        let same = |other: &Answer| Answer { due: answer.due, ..*other } == answer;
        let waits = self.answers.iter().any(same) || self.answers.push(answer).is_ok();
        self.set_deadline();
        waits
    }

    fn take_due(&mut self, now: Instant) -> Option<Answer> {
        if now < self.next {
            return None;
        }
        let place = self.answers.iter().position(|answer| answer.due <= now);
        let answer = place.map(|place| self.answers.swap_remove(place));
        self.set_deadline();
        answer
    }
}

impl<P: BufferPool, R: Random> Stack<P, R> {
    /// Gives an interface an anycast address for as long as the socket wants it
    /// (IPV6_JOIN_ANYCAST). Without an interface, the one on whose link the address is.
    pub fn join_anycast(
        &mut self,
        socket: SocketId,
        address: Ipv6Addr,
        interface: Option<InterfaceIndex>,
        now: Instant,
    ) -> Result<(), AnycastError> {
        self.sockets.get(socket).ok_or(AnycastError::Closed)?;
        if !address.is_assignable() || self.is_own_address(address, interface) {
            return Err(AnycastError::BadAddress);
        }
        let interface = match interface {
            Some(index) => index,
            None => match self.route(address, None, now) {
                Ok(path) if path.next_hop == address => path.interface,
                _ => return Err(AnycastError::NotOnLink),
            },
        };
        let found = self.interface(interface).ok_or(AnycastError::NoInterface)?;
        let is_beside = |entry: &InterfaceAddress| {
            let subnet = Prefix::new(entry.address, entry.prefix_length);
            subnet.is_some_and(|subnet| subnet.contains(address))
        };
        if !found.addresses.iter().any(is_beside) {
            return Err(AnycastError::NotOnLink);
        }
        if self.anycast.memberships.is_full() {
            self.counters.tables.count(TableFull::Memberships);
            return Err(AnycastError::TableFull);
        }
        if !self.join_interface_group(interface, address.solicited_node(), now) {
            return Err(AnycastError::TableFull);
        }
        let _has_room = self.anycast.memberships.push(Membership { socket, interface, address });
        self.finish(now);
        Ok(())
    }

    /// The socket does not want an anycast address any more (IPV6_LEAVE_ANYCAST). Without an
    /// interface, wherever it was joined first.
    pub fn leave_anycast(
        &mut self,
        socket: SocketId,
        address: Ipv6Addr,
        interface: Option<InterfaceIndex>,
        now: Instant,
    ) -> Result<(), AnycastError> {
        self.sockets.get(socket).ok_or(AnycastError::Closed)?;
        let left = self.end_anycast(now, |it| {
            (it.socket, it.address) == (socket, address)
                && interface.is_none_or(|interface| it.interface == interface)
        });
        self.finish(now);
        if left { Ok(()) } else { Err(AnycastError::NotMember) }
    }

    /// The socket is being closed.
    pub(crate) fn leave_all_anycast(&mut self, socket: SocketId, now: Instant) {
        while self.end_anycast(now, |it| it.socket == socket) {}
    }

    fn end_anycast(&mut self, now: Instant, which: impl Fn(&Membership) -> bool) -> bool {
        let Some(place) = self.anycast.memberships.iter().position(which) else { return false };
        let left = self.anycast.memberships.remove(place);
        self.leave_interface_group(left.interface, left.address.solicited_node(), now);
        true
    }

    /// The anycast addresses of all interfaces, each once.
    pub fn anycast_addresses(&self) -> impl Iterator<Item = AnycastInfo> + '_ {
        let all = &self.anycast.memberships;
        all.iter().enumerate().filter_map(move |(place, first)| {
            let same =
                |it: &&Membership| (it.interface, it.address) == (first.interface, first.address);
            if all.iter().take(place).any(|it| same(&it)) {
                return None;
            }
            let users = all.iter().filter(same).count();
            Some(AnycastInfo { interface: first.interface, address: first.address, users })
        })
    }

    /// Somebody asks for an anycast address of ours, or tests it for being unique if
    /// `destination` is all nodes.
    pub(crate) fn on_anycast_solicitation(
        &mut self,
        interface: InterfaceIndex,
        target: Ipv6Addr,
        destination: Ipv6Addr,
        now: Instant,
    ) {
        let due = now + self.random.up_to(MAX_ANYCAST_DELAY_TIME);
        let answer = Answer { interface, target, destination, due };
        // The delay spares the link, and is worth no more than the room there is.
        if !self.anycast.put_off(answer) {
            self.send_anycast_advertisement(&answer, now);
        }
    }

    /// Sends the answers that are due.
    pub(crate) fn poll_anycast(&mut self, now: Instant) {
        while let Some(answer) = self.anycast.take_due(now) {
            if self.anycast.has(answer.interface, answer.target) {
                self.send_anycast_advertisement(&answer, now);
            }
        }
    }

    fn send_anycast_advertisement(&mut self, answer: &Answer, now: Instant) {
        let &Answer { interface: index, target, destination, .. } = answer;
        let Some(interface) = self.interface(index) else { return };
        let Some(mac) = interface.mac() else { return };
        let unique = || {
            interface.addresses.iter().find(|entry| entry.is_unique()).map(|entry| entry.address)
        };
        let Some(source) = interface.addresses.link_local().or_else(unique) else {
            return self.count_drop(Some(index), DropReason::NoSourceAddress);
        };
        let options = [NdpOption::TargetLinkLayerAddress(mac)];
        let message = Icmpv6Message::NeighborAdvertisement(NeighborAdvertisement {
            router: false,
            solicited: !destination.is_multicast(),
            overrides: false,
            target,
            options: NdpOptions::new(&options),
        });
        self.send_ndp(index, source, destination, &message, now);
    }
}

#[cfg(test)]
#[path = "anycast_tests.rs"]
mod tests;
