//! Group memberships of sockets (RFC 3493, Section 5.2).

use super::{MembershipError, SocketId};
use crate::buffer::BufferPool;
use crate::counters::TableFull;
use crate::interface::InterfaceIndex;
use crate::random::Random;
use crate::stack::Stack;
use crate::time::Instant;
use core::net::Ipv6Addr;

/// A socket's membership.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Membership {
    pub(crate) socket: SocketId,
    pub(crate) group: Ipv6Addr,
    pub(crate) interface: InterfaceIndex,
}

impl<P: BufferPool, R: Random> Stack<P, R> {
    /// Joins a group on an interface, or on the one that multicast leaves by (IPV6_JOIN_GROUP).
    pub fn join_group(
        &mut self,
        id: SocketId,
        group: Ipv6Addr,
        interface: Option<InterfaceIndex>,
        now: Instant,
    ) -> Result<(), MembershipError> {
        self.sockets.get(id).ok_or(MembershipError::Closed)?;
        if !group.is_multicast() {
            return Err(MembershipError::NotMulticast);
        }
        let interface = match interface {
            Some(index) => index,
            None => self.default_multicast_interface().ok_or(MembershipError::NoInterface)?,
        };
        if self.interface(interface).is_none() {
            return Err(MembershipError::NoInterface);
        }
        let membership = Membership { socket: id, group, interface };
        if self.memberships.contains(&membership) {
            return Err(MembershipError::AlreadyMember);
        }
        if self.memberships.is_full() {
            self.counters.tables.count(TableFull::Memberships);
            return Err(MembershipError::TableFull);
        }
        if !self.join_interface_group(interface, group, now) {
            return Err(MembershipError::TableFull);
        }
        let _has_room = self.memberships.push(membership);
        self.finish(now);
        Ok(())
    }

    /// Leaves a group (IPV6_LEAVE_GROUP). Without an interface, wherever it was joined first.
    pub fn leave_group(
        &mut self,
        id: SocketId,
        group: Ipv6Addr,
        interface: Option<InterfaceIndex>,
        now: Instant,
    ) -> Result<(), MembershipError> {
        self.sockets.get(id).ok_or(MembershipError::Closed)?;
        if !group.is_multicast() {
            return Err(MembershipError::NotMulticast);
        }
        if interface.is_some_and(|index| self.interface(index).is_none()) {
            return Err(MembershipError::NoInterface);
        }
        let position = self
            .memberships
            .iter()
            .position(|membership| {
                membership.socket == id
                    && membership.group == group
                    && interface.is_none_or(|index| membership.interface == index)
            })
            .ok_or(MembershipError::NotMember)?;
        let membership = self.memberships.swap_remove(position);
        self.leave_interface_group(membership.interface, group, now);
        self.finish(now);
        Ok(())
    }

    /// Leaves everything: the socket is being closed.
    pub(super) fn leave_all_groups(&mut self, id: SocketId, now: Instant) {
        while let Some(position) =
            self.memberships.iter().position(|membership| membership.socket == id)
        {
            let membership = self.memberships.swap_remove(position);
            self.leave_interface_group(membership.interface, membership.group, now);
        }
        self.finish(now);
    }
}
