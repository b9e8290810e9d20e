//! Addresses that the user adds and removes.

use crate::address::{AddressExt, Prefix};
use crate::buffer::BufferPool;
use crate::event::Event;
use crate::expiry::Expiry;
use crate::interface::InterfaceIndex;
use crate::random::Random;
use crate::route::{Route, RouteAction, RouteProtocol};
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
        if entry.is_unique() {
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

    /// Removes the route that addresses in a prefix made, if none is left. While there are
    /// autoconfigured addresses in the prefix it is on the link because it was advertised, and the
    /// route lasts as long as they do.
    fn remove_connected_route(&mut self, index: InterfaceIndex, prefix: Prefix) {
        let Some(interface) = self.interface(index) else { return };
        let inside = || {
            interface.addresses.iter().filter(|entry| {
                Prefix::new(entry.address, entry.prefix_length) == Some(prefix)
                    && !entry.no_prefix_route
            })
        };
        let advertised = |entry: &&InterfaceAddress| {
            matches!(entry.origin, AddressOrigin::Autoconfiguration | AddressOrigin::Temporary)
        };
        let still_used = inside().any(|entry| !advertised(&entry));
        if still_used || prefix == crate::address::LINK_LOCAL_SUBNET {
            return;
        }
        let until = inside().filter(advertised).map(|entry| entry.valid).max();
        let is_meant = |route: &Route| {
            route.prefix == prefix
                && route.interface == index
                && route.action == RouteAction::OnLink
                && route.protocol == RouteProtocol::Kernel
                && !route.advertised
        };
        match until {
            None => self.remove_routes(is_meant),
            Some(expires) => {
                let route = self.routes.iter().find(|route| is_meant(route)).copied();
                if let Some(route) = route {
                    self.put_route(Route { expires, advertised: true, ..route });
                }
            }
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_host::{Host, ROUTER, USB0, ip};
    use crate::wire::icmpv6::Icmpv6Message;
    use crate::wire::ndp::RouterAdvertisement;
    use crate::wire::ndp_option::{
        Lifetime, NdpOption, NdpOptions, PrefixInformation, RouterPreference,
    };

    const PREFIX: &str = "2001:db8:1::/64";

    fn advertise(host: &mut Host, valid: u32) {
        let options = [NdpOption::PrefixInformation(PrefixInformation {
            prefix: PREFIX.parse().unwrap(),
            on_link: true,
            autonomous: true,
            valid_lifetime: Lifetime::from_secs(valid),
            preferred_lifetime: Lifetime::from_secs(valid),
        })];
        let message = Icmpv6Message::RouterAdvertisement(RouterAdvertisement {
            hop_limit: None,
            managed: false,
            other: false,
            preference: RouterPreference::Medium,
            router_lifetime: Duration::ZERO,
            reachable_time: None,
            retrans_timer: None,
            options: NdpOptions::new(&options),
        });
        host.message(ROUTER, "ff02::1", &message);
    }

    fn on_link(host: &Host) -> Option<Route> {
        let prefix: Prefix = PREFIX.parse().unwrap();
        host.stack.routes().find(|route| route.prefix == prefix).copied()
    }

    /// Rows: SLA-10
    #[test]
    fn an_advertised_prefix_outlives_a_manual_address_in_it() {
        let mut host = Host::up(1);
        advertise(&mut host, 10_000);
        host.run(Duration::from_secs(3));
        let manual = NewAddress {
            address: ip("2001:db8:1::5"),
            prefix_length: 64,
            preferred_lifetime: u32::MAX,
            valid_lifetime: u32::MAX,
            no_duplicate_detection: false,
            no_prefix_route: false,
        };
        host.stack.add_address(USB0, &manual, false, host.now).unwrap();
        // While the user's address is there, no advertisement ends the route.
        assert_eq!(on_link(&host).unwrap().expires, Expiry::Never);
        advertise(&mut host, 10_000);
        assert_eq!(on_link(&host).unwrap().expires, Expiry::Never);
        let advertised_until = host.now + Duration::from_secs(10_000);
        host.run(Duration::from_secs(30));
        host.stack.remove_address(USB0, manual.address, Some(64), host.now).unwrap();
        let route = on_link(&host).unwrap();
        assert!(route.advertised);
        assert_eq!(route.expires, Expiry::At(advertised_until));
        host.run(Duration::from_secs(10_001));
        assert_eq!(on_link(&host), None);
    }

    #[test]
    fn the_last_manual_address_takes_its_prefix_along() {
        let mut host = Host::up(2);
        let manual = |address: &str| NewAddress {
            address: ip(address),
            prefix_length: 64,
            preferred_lifetime: u32::MAX,
            valid_lifetime: u32::MAX,
            no_duplicate_detection: true,
            no_prefix_route: false,
        };
        for address in ["2001:db8:1::5", "2001:db8:1::6"] {
            host.stack.add_address(USB0, &manual(address), false, host.now).unwrap();
        }
        host.stack.remove_address(USB0, ip("2001:db8:1::5"), None, host.now).unwrap();
        assert!(on_link(&host).is_some());
        host.stack.remove_address(USB0, ip("2001:db8:1::6"), None, host.now).unwrap();
        assert_eq!(on_link(&host), None);
    }
}
