//! The unicast addresses of an interface: their states and lifetimes (RFC 4862, Section 5.5.4).
//!
//! Where addresses come from is elsewhere: `slaac` and the user. Testing them for
//! duplicates is in `dad`.

use crate::address::{AddressExt, Prefix, Scope};
use crate::announcement::Announcement;
use crate::config::InterfaceSettings;
use crate::dad::Dad;
use crate::expiry::Expiry;
use crate::interface::InterfaceIndex;
use crate::limits;
use crate::temporary::Temporary;
use crate::time::Instant;
use core::net::Ipv6Addr;
use heapless::Vec;

/// Where an address comes from.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum AddressOrigin {
    /// ::1 on the loopback interface.
    Loopback,
    /// The link-local address that every interface makes for itself (RFC 4862, Section 5.3).
    LinkLocal,
    /// A prefix of a Router Advertisement (RFC 4862, Section 5.5.3).
    Autoconfiguration,
    /// The same, with an identifier that changes (RFC 8981).
    Temporary,
    /// The user.
    Manual,
}

/// What an address can be used for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum AddressState {
    /// Being tested for uniqueness: not ours yet.
    Tentative,
    /// Being tested, and used with care meanwhile (RFC 4429).
    Optimistic,
    /// Fully usable.
    Preferred,
    /// Still ours, but not for new communication.
    Deprecated,
    /// Somebody else's: not usable.
    Duplicated,
}

/// An address as `ip address` shows it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AddressInfo {
    /// Whose address.
    pub interface: InterfaceIndex,
    /// The address.
    pub address: Ipv6Addr,
    /// Length of the subnet prefix it was configured with.
    pub prefix_length: u8,
    /// Usability.
    pub state: AddressState,
    /// Where it comes from.
    pub origin: AddressOrigin,
    /// Whether its identifier is stable and opaque (RFC 7217).
    pub stable_opaque: bool,
    /// Temporary addresses are made beside it.
    pub manages_temporary: bool,
    /// Configured without Duplicate Address Detection.
    pub no_duplicate_detection: bool,
    /// Configured without a route to its prefix.
    pub no_prefix_route: bool,
    /// Until when it may be used for new communication.
    pub preferred: Expiry,
    /// Until when it may be used at all.
    pub valid: Expiry,
    /// When it was added.
    pub created: Instant,
    /// When its lifetimes or flags were last set.
    pub updated: Instant,
}

impl AddressInfo {
    /// The subnet it was configured with.
    pub fn prefix(&self) -> Prefix {
        Prefix::new(self.address, self.prefix_length).unwrap_or(Prefix::host(self.address))
    }

    /// Its scope.
    pub fn scope(&self) -> Scope {
        self.address.scope()
    }
}

/// State of an address, with what belongs to the state.
#[derive(Clone, Debug)]
pub(crate) enum State {
    Tentative(Dad),
    Optimistic(Dad),
    Preferred,
    Deprecated,
    Duplicated,
}

/// An address of an interface.
#[derive(Clone, Debug)]
pub(crate) struct InterfaceAddress {
    pub(crate) address: Ipv6Addr,
    pub(crate) prefix_length: u8,
    pub(crate) state: State,
    pub(crate) origin: AddressOrigin,
    pub(crate) stable_opaque: bool,
    pub(crate) manages_temporary: bool,
    /// The limits of a temporary address.
    pub(crate) temporary: Option<Temporary>,
    pub(crate) no_duplicate_detection: bool,
    pub(crate) no_prefix_route: bool,
    pub(crate) preferred: Expiry,
    pub(crate) valid: Expiry,
    pub(crate) created: Instant,
    pub(crate) updated: Instant,
    /// DAD_Counter of RFC 7217, Section 5: how many identifiers were duplicates before this one.
    pub(crate) dad_counter: u8,
    /// What routers are still to be told of it (RFC 9131).
    pub(crate) announcement: Option<Announcement>,
}

impl InterfaceAddress {
    /// Whether packets to it are for us, and it may be their source.
    pub(crate) const fn is_assigned(&self) -> bool {
        matches!(self.state, State::Preferred | State::Deprecated | State::Optimistic(_))
    }

    /// Whether it is assigned and has passed its test.
    pub(crate) const fn is_unique(&self) -> bool {
        matches!(self.state, State::Preferred | State::Deprecated)
    }

    /// Whether others are to be preferred as a source. An optimistic address counts as deprecated
    /// (RFC 4429, Section 2.1).
    pub(crate) const fn is_second_choice(&self) -> bool {
        matches!(self.state, State::Deprecated | State::Optimistic(_))
    }

    /// Whether it may be used while it is tested. Not if the user chose it: then a duplicate is
    /// as likely as a typing error (RFC 4429, Section 3.1).
    pub(crate) fn may_be_optimistic(&self, settings: &InterfaceSettings) -> bool {
        settings.optimistic
            && settings.duplicate_address_detection_transmits > 0
            && matches!(
                self.origin,
                AddressOrigin::LinkLocal
                    | AddressOrigin::Autoconfiguration
                    | AddressOrigin::Temporary
            )
    }

    /// The test for duplicates that it is in.
    pub(crate) const fn dad_mut(&mut self) -> Option<&mut Dad> {
        match &mut self.state {
            State::Tentative(dad) | State::Optimistic(dad) => Some(dad),
            State::Preferred | State::Deprecated | State::Duplicated => None,
        }
    }

    /// The state to enter once the address is known to be unique.
    pub(crate) fn assigned_state(&self, now: Instant) -> State {
        if self.preferred.is_over(now) { State::Deprecated } else { State::Preferred }
    }

    pub(crate) fn info(&self, interface: InterfaceIndex) -> AddressInfo {
        let Self {
            address,
            prefix_length,
            ref state,
            origin,
            stable_opaque,
            manages_temporary,
            temporary: _,
            no_duplicate_detection,
            no_prefix_route,
            preferred,
            valid,
            created,
            updated,
            dad_counter: _,
            announcement: _,
        } = *self;
        AddressInfo {
            interface,
            address,
            prefix_length,
            state: match state {
                State::Tentative(_) => AddressState::Tentative,
                State::Optimistic(_) => AddressState::Optimistic,
                State::Preferred => AddressState::Preferred,
                State::Deprecated => AddressState::Deprecated,
                State::Duplicated => AddressState::Duplicated,
            },
            origin,
            stable_opaque,
            manages_temporary,
            no_duplicate_detection,
            no_prefix_route,
            preferred,
            valid,
            created,
            updated,
        }
    }

    /// When the successor of a temporary address is to be made.
    pub(crate) fn renewal(&self) -> Instant {
        match (&self.temporary, &self.state) {
            (None, _) | (_, State::Duplicated) => Instant::FAR_FUTURE,
            (Some(temporary), _) => temporary.renewal(self.preferred),
        }
    }

    /// When its state changes next by itself, apart from Duplicate Address Detection.
    fn lifetime_deadline(&self) -> Instant {
        match self.state {
            State::Preferred => self.preferred.min(self.valid).deadline(),
            State::Tentative(_) | State::Optimistic(_) | State::Deprecated | State::Duplicated => {
                self.valid.deadline()
            }
        }
    }
}

/// What the passing of time did to an address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Expired {
    /// Its preferred lifetime is over.
    Deprecated(Ipv6Addr),
    /// Its valid lifetime is over: remove it.
    Invalid(Ipv6Addr),
}

/// The addresses of one interface, in the order in which they were added.
#[derive(Clone, Debug, Default)]
pub(crate) struct AddressList(Vec<InterfaceAddress, { limits::ADDRESSES }>);

impl AddressList {
    pub(crate) fn iter(&self) -> core::slice::Iter<'_, InterfaceAddress> {
        self.0.iter()
    }

    pub(crate) fn iter_mut(&mut self) -> core::slice::IterMut<'_, InterfaceAddress> {
        self.0.iter_mut()
    }

    pub(crate) fn get(&self, address: Ipv6Addr) -> Option<&InterfaceAddress> {
        self.iter().find(|entry| entry.address == address)
    }

    pub(crate) fn get_mut(&mut self, address: Ipv6Addr) -> Option<&mut InterfaceAddress> {
        self.iter_mut().find(|entry| entry.address == address)
    }

    /// Whether `address` is ours and usable.
    pub(crate) fn is_assigned(&self, address: Ipv6Addr) -> bool {
        self.get(address).is_some_and(InterfaceAddress::is_assigned)
    }

    /// Adds an address that is not in the list; false when there is no room. Addresses made by
    /// autoconfiguration leave room for the user's.
    pub(crate) fn add(&mut self, entry: InterfaceAddress) -> bool {
        let capacity = match entry.origin {
            AddressOrigin::Autoconfiguration => limits::AUTOCONFIGURED_ADDRESSES,
            AddressOrigin::Temporary => limits::TEMPORARY_ADDRESSES,
            AddressOrigin::Loopback | AddressOrigin::LinkLocal | AddressOrigin::Manual => {
                limits::ADDRESSES
            }
        };
        if self.iter().filter(|other| other.origin == entry.origin).count() >= capacity {
            return false;
        }
        self.0.push(entry).is_ok()
    }

    pub(crate) fn remove(&mut self, address: Ipv6Addr) -> Option<InterfaceAddress> {
        let position = self.iter().position(|entry| entry.address == address)?;
        Some(self.0.remove(position))
    }

    /// The first link-local address that has passed its test.
    pub(crate) fn link_local(&self) -> Option<Ipv6Addr> {
        self.iter()
            .find(|entry| entry.is_unique() && entry.address.is_unicast_link_local())
            .map(|entry| entry.address)
    }

    /// The first optimistic link-local address.
    pub(crate) fn optimistic_link_local(&self) -> Option<Ipv6Addr> {
        self.iter()
            .find(|entry| {
                matches!(entry.state, State::Optimistic(_)) && entry.address.is_unicast_link_local()
            })
            .map(|entry| entry.address)
    }

    /// One change that is due. Call until `None`; an invalid address must be removed in between.
    pub(crate) fn expire(&mut self, now: Instant) -> Option<Expired> {
        for entry in self.iter_mut() {
            if entry.valid.is_over(now) {
                return Some(Expired::Invalid(entry.address));
            }
            if matches!(entry.state, State::Preferred) && entry.preferred.is_over(now) {
                entry.state = State::Deprecated;
                return Some(Expired::Deprecated(entry.address));
            }
        }
        None
    }

    /// When [`Self::expire`] or a test for duplicates has something to do next.
    pub(crate) fn next_deadline(&self) -> Instant {
        let mut next = Instant::FAR_FUTURE;
        for entry in self.iter() {
            next = next.min(entry.lifetime_deadline()).min(entry.renewal());
            if let State::Tentative(dad) | State::Optimistic(dad) = &entry.state {
                next = next.min(dad.deadline());
            }
            if let Some(announcement) = entry.announcement {
                next = next.min(announcement.deadline());
            }
        }
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Duration;

    fn entry(address: &str, origin: AddressOrigin) -> InterfaceAddress {
        InterfaceAddress {
            address: address.parse().unwrap(),
            prefix_length: 64,
            state: State::Preferred,
            origin,
            stable_opaque: false,
            manages_temporary: false,
            temporary: None,
            no_duplicate_detection: false,
            no_prefix_route: false,
            preferred: Expiry::Never,
            valid: Expiry::Never,
            created: Instant::ZERO,
            updated: Instant::ZERO,
            dad_counter: 0,
            announcement: None,
        }
    }

    #[test]
    fn lifetimes_run_out_in_two_steps() {
        let mut list = AddressList::default();
        let address = "2001:db8::1".parse().unwrap();
        let mut slaac = entry("2001:db8::1", AddressOrigin::Autoconfiguration);
        slaac.preferred = Expiry::from_secs(10, Instant::ZERO);
        slaac.valid = Expiry::from_secs(20, Instant::ZERO);
        assert!(list.add(slaac));
        assert!(list.add(entry("fe80::1", AddressOrigin::LinkLocal)));
        assert_eq!(list.next_deadline(), Instant::from_secs(10));
        assert_eq!(list.expire(Instant::from_secs(10) - Duration::from_nanos(1)), None);
        assert_eq!(list.expire(Instant::from_secs(10)), Some(Expired::Deprecated(address)));
        assert_eq!(list.expire(Instant::from_secs(10)), None);
        assert!(list.is_assigned(address));
        assert_eq!(list.next_deadline(), Instant::from_secs(20));
        assert_eq!(list.expire(Instant::from_secs(20)), Some(Expired::Invalid(address)));
        list.remove(address).unwrap();
        assert_eq!(list.expire(Instant::from_secs(1_000_000)), None);
        assert_eq!(list.next_deadline(), Instant::FAR_FUTURE);
    }

    #[test]
    fn autoconfiguration_leaves_room_for_the_user() {
        let mut list = AddressList::default();
        let mut added = 0;
        for number in 0..100 {
            let text = format!("2001:db8:{number:x}::1");
            added += usize::from(list.add(entry(&text, AddressOrigin::Autoconfiguration)));
        }
        assert_eq!(added, limits::AUTOCONFIGURED_ADDRESSES);
        for number in 0..100 {
            let text = format!("2001:db8:ffff::{number:x}");
            added += usize::from(list.add(entry(&text, AddressOrigin::Manual)));
        }
        assert_eq!(added, limits::ADDRESSES);
    }
}
