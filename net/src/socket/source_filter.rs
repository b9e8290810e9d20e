//! Which sources a socket wants of the groups that it joined (RFC 3678), and what all sockets
//! together want of a group on an interface (RFC 3810, Section 4.2).

use super::multicast::Membership;
use super::{MembershipError, SocketId};
use crate::buffer::BufferPool;
use crate::counters::TableFull;
use crate::interface::InterfaceIndex;
pub use crate::mld_source::FilterMode;
use crate::mld_source::SourceList;
use crate::random::Random;
use crate::stack::Stack;
use crate::time::Instant;
use core::net::Ipv6Addr;

/// A change of a membership by one source (RFC 3678, Section 4.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SourceChange {
    /// MCAST_JOIN_SOURCE_GROUP: this source, too; joins the group if need be.
    Join,
    /// MCAST_LEAVE_SOURCE_GROUP: not this source any more; leaves the group with the last one.
    Leave,
    /// MCAST_BLOCK_SOURCE: of the group joined as a whole, not this source.
    Block,
    /// MCAST_UNBLOCK_SOURCE: the blocked source, again.
    Unblock,
}

impl SourceChange {
    /// The mode of the memberships that it is for.
    const fn mode(self) -> FilterMode {
        match self {
            Self::Join | Self::Leave => FilterMode::Include,
            Self::Block | Self::Unblock => FilterMode::Exclude,
        }
    }

    const fn adds(self) -> bool {
        matches!(self, Self::Join | Self::Block)
    }
}

/// A source in the filter of a membership.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct MembershipSource {
    pub(crate) membership: Membership,
    pub(crate) source: Ipv6Addr,
}

/// Whether a group may only be joined source by source: ff3x::/32 (RFC 4607, Section 1).
pub(super) const fn is_source_specific(group: Ipv6Addr) -> bool {
    matches!(group.octets(), [0xff, flags, 0, 0, ..] if flags >> 4 == 3)
}

impl<P: BufferPool, R: Random> Stack<P, R> {
    /// Changes a membership by one source. The interface is the one of the membership, or for a new
    /// one where multicast leaves by, if none is given.
    pub fn change_source(
        &mut self,
        id: SocketId,
        group: Ipv6Addr,
        interface: Option<InterfaceIndex>,
        (change, source): (SourceChange, Ipv6Addr),
        now: Instant,
    ) -> Result<(), MembershipError> {
        if source.is_multicast() || source.is_unspecified() {
            return Err(MembershipError::NoSource);
        }
        let place = match self.membership_place(id, group, interface) {
            Err(MembershipError::NotMember) if change == SourceChange::Join => None,
            Err(MembershipError::NotMember) if change.mode() == FilterMode::Exclude => {
                return Err(MembershipError::WrongMode);
            }
            place => Some(place?),
        };
        let Some(place) = place else {
            let interface = self.membership_interface(interface)?;
            let new = Membership { socket: id, group, interface, mode: FilterMode::Include };
            return self.replace_filter(None, new, &[source], now);
        };
        let membership = self.memberships[place];
        if membership.mode != change.mode() {
            return Err(MembershipError::WrongMode);
        }
        let mut sources = self.filter_of(&membership);
        let known = sources.iter().position(|other| *other == source);
        match (change.adds(), known) {
            (true, None) => sources.push(source).map_err(|_| MembershipError::TableFull)?,
            (false, Some(at)) => drop(sources.swap_remove(at)),
            _ => return Err(MembershipError::NoSource),
        }
        if change == SourceChange::Leave && sources.is_empty() {
            return self.leave_group(id, group, Some(membership.interface), now);
        }
        self.replace_filter(Some(place), membership, &sources, now)
    }

    /// Sets the whole filter of a membership (MCAST_MSFILTER): joins if need be, and leaves when no
    /// source is wanted.
    pub fn set_source_filter(
        &mut self,
        id: SocketId,
        group: Ipv6Addr,
        interface: Option<InterfaceIndex>,
        (mode, sources): (FilterMode, &[Ipv6Addr]),
        now: Instant,
    ) -> Result<(), MembershipError> {
        let place = match self.membership_place(id, group, interface) {
            Err(MembershipError::NotMember) => None,
            place => Some(place?),
        };
        let interface = match place {
            Some(place) => self.memberships[place].interface,
            None => self.membership_interface(interface)?,
        };
        if mode == FilterMode::Include && sources.is_empty() {
            return match place {
                Some(_) => self.leave_group(id, group, Some(interface), now),
                None => Ok(()),
            };
        }
        let membership = Membership { socket: id, group, interface, mode };
        self.replace_filter(place, membership, sources, now)
    }

    /// The filter of a membership.
    pub fn source_filter(
        &self,
        id: SocketId,
        group: Ipv6Addr,
        interface: Option<InterfaceIndex>,
    ) -> Result<(FilterMode, impl Iterator<Item = Ipv6Addr>), MembershipError> {
        let membership = self.memberships[self.membership_place(id, group, interface)?];
        Ok((membership.mode, self.filter_of(&membership).into_iter()))
    }

    /// Where a membership is in the table.
    pub(super) fn membership_place(
        &self,
        id: SocketId,
        group: Ipv6Addr,
        interface: Option<InterfaceIndex>,
    ) -> Result<usize, MembershipError> {
        self.sockets.get(id).ok_or(MembershipError::Closed)?;
        if !group.is_multicast() {
            return Err(MembershipError::NotMulticast);
        }
        if interface.is_some_and(|index| self.interface(index).is_none()) {
            return Err(MembershipError::NoInterface);
        }
        let same = |membership: &Membership| {
            membership.socket == id
                && membership.group == group
                && interface.is_none_or(|index| membership.interface == index)
        };
        self.memberships.iter().position(same).ok_or(MembershipError::NotMember)
    }

    /// The interface of a new membership.
    pub(super) fn membership_interface(
        &self,
        interface: Option<InterfaceIndex>,
    ) -> Result<InterfaceIndex, MembershipError> {
        interface
            .or_else(|| self.default_multicast_interface())
            .filter(|index| self.interface(*index).is_some())
            .ok_or(MembershipError::NoInterface)
    }

    /// The sources in the filter of a membership.
    fn filter_of(&self, membership: &Membership) -> SourceList {
        let own = self.membership_sources.iter().filter(|entry| entry.membership.is(membership));
        own.map(|entry| entry.source).take(SourceList::new().capacity()).collect()
    }

    /// Whether a membership wants all sources.
    pub(super) fn is_unfiltered(&self, membership: &Membership) -> bool {
        membership.mode == FilterMode::Exclude
            && !self.membership_sources.iter().any(|entry| entry.membership.is(membership))
    }

    /// Whether a membership wants what comes from a source.
    pub(super) fn allows(&self, membership: &Membership, source: Ipv6Addr) -> bool {
        let listed = self
            .membership_sources
            .iter()
            .any(|entry| entry.source == source && entry.membership.is(membership));
        listed == (membership.mode == FilterMode::Include)
    }

    /// Puts a membership with this filter in place of the one at `place`, or adds it.
    fn replace_filter(
        &mut self,
        place: Option<usize>,
        membership: Membership,
        sources: &[Ipv6Addr],
        now: Instant,
    ) -> Result<(), MembershipError> {
        if membership.mode == FilterMode::Exclude && is_source_specific(membership.group) {
            return Err(MembershipError::SourceSpecific);
        }
        let before = self.filter_of(&membership).len();
        let room = self.membership_sources.capacity() - self.membership_sources.len() + before;
        if sources.len() > room.min(SourceList::new().capacity()) {
            return Err(MembershipError::TableFull);
        }
        if place.is_none() && self.memberships.is_full() {
            self.counters.tables.count(TableFull::Memberships);
            return Err(MembershipError::TableFull);
        }
        let was_user = place.is_some_and(|at| self.is_unfiltered(&self.memberships[at]));
        self.membership_sources.retain(|entry| !entry.membership.is(&membership));
        for &source in sources {
            let _has_room = self.membership_sources.push(MembershipSource { membership, source });
        }
        let place = if let Some(place) = place {
            self.memberships[place] = membership;
            place
        } else {
            let _has_room = self.memberships.push(membership);
            self.memberships.len() - 1
        };
        let users = i16::from(self.is_unfiltered(&membership)) - i16::from(was_user);
        if !self.refilter(membership.interface, membership.group, users, now) {
            // The table of groups is full, so this was to be a new membership.
            self.memberships.swap_remove(place);
            self.membership_sources.retain(|entry| !entry.membership.is(&membership));
            return Err(MembershipError::TableFull);
        }
        self.finish(now);
        Ok(())
    }

    /// Forgets the filter of a membership that is gone, and tells the interface what is wanted
    /// without it; it was one that wanted all sources, or was not.
    pub(super) fn forget_membership(
        &mut self,
        membership: &Membership,
        was_unfiltered: bool,
        now: Instant,
    ) {
        self.membership_sources.retain(|entry| !entry.membership.is(membership));
        if was_unfiltered {
            self.leave_interface_group(membership.interface, membership.group, now);
        } else {
            self.refilter(membership.interface, membership.group, 0, now);
        }
    }

    /// Tells an interface what the sockets want of a group: those that exclude win, without what
    /// any of them excludes alone or others include (RFC 3810, Section 4.2).
    fn refilter(
        &mut self,
        interface: InterfaceIndex,
        group: Ipv6Addr,
        users: i16,
        now: Instant,
    ) -> bool {
        let mut included = SourceList::new();
        let mut excluded: Option<SourceList> = None;
        let mut somebody = false;
        let mut too_many = false;
        for membership in &self.memberships {
            if membership.interface != interface
                || membership.group != group
                || self.is_unfiltered(membership)
            {
                continue;
            }
            somebody = true;
            let sources = self.filter_of(membership);
            match membership.mode {
                FilterMode::Include => {
                    for source in sources {
                        if !included.contains(&source) {
                            too_many |= included.push(source).is_err();
                        }
                    }
                }
                FilterMode::Exclude => match &mut excluded {
                    Some(common) => common.retain(|source| sources.contains(source)),
                    None => excluded = Some(sources),
                },
            }
        }
        let wanted = match &mut excluded {
            // More than can be listed: all of them.
            _ if too_many => Some((FilterMode::Exclude, &[][..])),
            Some(excluded) => {
                excluded.retain(|source| !included.contains(source));
                Some((FilterMode::Exclude, &excluded[..]))
            }
            None => somebody.then_some((FilterMode::Include, &included[..])),
        };
        self.filter_interface_group(interface, group, users, wanted, now)
    }
}
