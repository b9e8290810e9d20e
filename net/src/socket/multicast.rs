//! Group memberships of sockets (RFC 3493, Section 5.2).

use super::source_filter::{FilterMode, is_source_specific};
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
    /// How its sources are meant, which are in [`Stack::membership_sources`]; a membership of the
    /// whole group excludes none.
    pub(crate) mode: FilterMode,
}

impl Membership {
    /// Whether both are about the same socket, group and interface.
    pub(super) fn is(&self, other: &Self) -> bool {
        (self.socket, self.group, self.interface) == (other.socket, other.group, other.interface)
    }
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
        let interface = self.membership_interface(interface)?;
        if is_source_specific(group) {
            return Err(MembershipError::SourceSpecific);
        }
        let membership = Membership { socket: id, group, interface, mode: FilterMode::Exclude };
        if self.memberships.iter().any(|other| other.is(&membership)) {
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
        let place = self.membership_place(id, group, interface)?;
        self.end_membership(place, now);
        self.finish(now);
        Ok(())
    }

    fn end_membership(&mut self, place: usize, now: Instant) {
        let unfiltered = self.is_unfiltered(&self.memberships[place]);
        let membership = self.memberships.swap_remove(place);
        self.forget_membership(&membership, unfiltered, now);
    }

    /// Leaves everything: the socket is being closed.
    pub(super) fn leave_all_groups(&mut self, id: SocketId, now: Instant) {
        while let Some(place) =
            self.memberships.iter().position(|membership| membership.socket == id)
        {
            self.end_membership(place, now);
        }
        self.finish(now);
    }
}
