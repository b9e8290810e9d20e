//! Addresses that the user adds and removes.

use crate::address::{AddressExt, Prefix};
use crate::buffer::BufferPool;
use crate::event::Event;
use crate::expiry::Expiry;
use crate::interface::InterfaceIndex;
use crate::random::Random;
use crate::route::{RouteAction, RouteProtocol};
use crate::stack::Stack;
use crate::time::{Duration, Instant};
use crate::unicast::{AddressInfo, AddressOrigin, InterfaceAddress};
use core::fmt;
use core::net::Ipv6Addr;
use heapless::Vec;

/// An address to be added.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NewAddress {
    /// The address.
    pub address: Ipv6Addr,
    /// Length of its subnet's prefix, 1 to 128.
    pub prefix_length: u8,
    /// Preferred lifetime in seconds; all ones is infinite.
    pub preferred_lifetime: u32,
    /// Valid lifetime in seconds, not 0 and not below the preferred one; all ones is infinite.
    pub valid_lifetime: u32,
    /// Use it without Duplicate Address Detection (`nodad`).
    pub no_duplicate_detection: bool,
    /// Make no route to its prefix (`noprefixroute`).
    pub no_prefix_route: bool,
}

/// Why an address cannot be added or removed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AddressError {
    /// No such interface: ENODEV.
    NoInterface,
    /// The interface is down: Linux allows that, but the address would be lost when it comes up.
    InterfaceDown,
    /// Not an address that an interface can have, or a bad prefix length: EINVAL.
    BadAddress,
    /// Lifetimes that contradict each other: EINVAL.
    BadLifetime,
    /// The interface has it: EEXIST.
    Exists,
    /// The interface does not have it: EADDRNOTAVAIL.
    NotFound,
    /// Too many addresses: ENOBUFS.
    TableFull,
}

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoInterface => "no such interface",
            Self::InterfaceDown => "interface is down",
            Self::BadAddress => "bad address",
            Self::BadLifetime => "bad lifetime",
            Self::Exists => "address exists",
            Self::NotFound => "no such address",
            Self::TableFull => "too many addresses",
        })
    }
}

impl core::error::Error for AddressError {}

impl<P: BufferPool, R: Random> Stack<P, R> {
    /// Adds an address. If it is there already, `replace` changes its lifetimes instead.
    pub fn add_address(
        &mut self,
        index: InterfaceIndex,
        new: &NewAddress,
        replace: bool,
        now: Instant,
    ) -> Result<(), AddressError> {
        let interface = self.interface(index).ok_or(AddressError::NoInterface)?;
        let address = new.address;
        if !address.is_assignable()
            || address.is_v4_mapped()
            || address.is_loopback() && !interface.is_loopback()
            || !(1..=128).contains(&new.prefix_length)
        {
            return Err(AddressError::BadAddress);
        }
        if new.valid_lifetime == 0 || new.preferred_lifetime > new.valid_lifetime {
            return Err(AddressError::BadLifetime);
        }
        let preferred = Expiry::from_secs(new.preferred_lifetime, now);
        let valid = Expiry::from_secs(new.valid_lifetime, now);
        if interface.addresses.get(address).is_some() {
            if !replace {
                return Err(AddressError::Exists);
            }
            return self.change_lifetimes(index, address, preferred, valid, now);
        }
        if !interface.is_admin_up() {
            return Err(AddressError::InterfaceDown);
        }
        let entry = InterfaceAddress {
            address,
            prefix_length: new.prefix_length,
            origin: AddressOrigin::Manual,
            stable_opaque: false,
            no_duplicate_detection: new.no_duplicate_detection,
            no_prefix_route: new.no_prefix_route,
            preferred,
            valid,
            ..self.new_address(index, now)
        };
        // RFC 4862, Section 5.4.2: the delay is for the first message and for answers to
        // multicast; the user's command is neither.
        if !self.add_tentative(index, entry, Duration::ZERO, now) {
            return Err(AddressError::TableFull);
        }
        if let Some(prefix) = Prefix::new(address, new.prefix_length)
            && !new.no_prefix_route
            && new.prefix_length < 128
        {
            self.add_connected_route(index, prefix);
        }
        self.poll_listener(index, now);
        self.poll_duplicate_detection(index, now);
        self.finish(now);
        Ok(())
    }

    fn change_lifetimes(
        &mut self,
        index: InterfaceIndex,
        address: Ipv6Addr,
        preferred: Expiry,
        valid: Expiry,
        now: Instant,
    ) -> Result<(), AddressError> {
        let interface = self.interface_mut(index).ok_or(AddressError::NoInterface)?;
        let entry = interface.addresses.get_mut(address).ok_or(AddressError::NotFound)?;
        entry.preferred = preferred;
        entry.valid = valid;
        entry.updated = now;
        if entry.is_assigned() {
            entry.state = entry.assigned_state(now);
        }
        let info = entry.info(index);
        self.emit(Event::AddressChanged(info));
        Ok(())
    }

    /// Removes an address, and the route to its prefix with the last address in it.
    pub fn remove_address(
        &mut self,
        index: InterfaceIndex,
        address: Ipv6Addr,
        prefix_length: Option<u8>,
        now: Instant,
    ) -> Result<(), AddressError> {
        let interface = self.interface(index).ok_or(AddressError::NoInterface)?;
        let entry = interface.addresses.get(address).ok_or(AddressError::NotFound)?;
        if prefix_length.is_some_and(|length| length != entry.prefix_length) {
            return Err(AddressError::NotFound);
        }
        let prefix = Prefix::new(address, entry.prefix_length);
        self.remove_address_entry(index, address, now);
        if let Some(prefix) = prefix {
            self.remove_connected_route(index, prefix);
        }
        self.finish(now);
        Ok(())
    }

    /// Removes the route that addresses in a prefix made, if none is left.
    fn remove_connected_route(&mut self, index: InterfaceIndex, prefix: Prefix) {
        let still_used = self.interface(index).is_some_and(|interface| {
            interface.addresses.iter().any(|entry| {
                Prefix::new(entry.address, entry.prefix_length) == Some(prefix)
                    && !entry.no_prefix_route
                    && entry.origin != AddressOrigin::Autoconfiguration
            })
        });
        if still_used || prefix == crate::address::LINK_LOCAL_SUBNET {
            return;
        }
        self.remove_routes(|route| {
            route.prefix == prefix
                && route.interface == index
                && route.action == RouteAction::OnLink
                && route.protocol == RouteProtocol::Kernel
                && !route.advertised
        });
    }

    /// Removes the addresses for which `which` holds, and their prefixes' routes.
    pub fn remove_addresses(
        &mut self,
        index: InterfaceIndex,
        now: Instant,
        which: impl Fn(&AddressInfo) -> bool,
    ) {
        let Some(interface) = self.interface(index) else { return };
        let addresses: Vec<(Ipv6Addr, u8), { crate::limits::ADDRESSES }> = interface
            .addresses()
            .filter(which)
            .map(|info| (info.address, info.prefix_length))
            .collect();
        for (address, prefix_length) in addresses {
            self.remove_address_entry(index, address, now);
            if let Some(prefix) = Prefix::new(address, prefix_length) {
                self.remove_connected_route(index, prefix);
            }
        }
    }
}
