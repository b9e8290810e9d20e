//! Stateless address autoconfiguration (RFC 4862, Sections 5.3 and 5.5) and stable opaque
//! interface identifiers (RFC 7217).

use crate::address::{InterfaceIdentifier, LINK_LOCAL, LINK_LOCAL_SUBNET, Prefix};
use crate::buffer::BufferPool;
use crate::config::{IdentifierMethod, TemporaryAddresses};
use crate::event::Event;
use crate::expiry::Expiry;
use crate::hash::HashKey;
use crate::interface::{Interface, InterfaceIndex};
use crate::ipv6_input::Received;
use crate::random::Random;
use crate::stack::Stack;
use crate::time::{Duration, Instant};
use crate::unicast::{AddressOrigin, InterfaceAddress, State};
use crate::wire::ndp_option::{Lifetime, PrefixInformation};
use core::net::Ipv6Addr;

/// The two-hour rule (RFC 4862, Section 5.5.3(e)): an unauthenticated advertisement cannot
/// shorten a valid lifetime to less.
const TWO_HOURS: Duration = Duration::from_secs(2 * 3600);

/// The longest delay before the first packet (RFC 4862, Section 5.4.2: that of a first Router
/// Solicitation).
pub(crate) const MAX_INITIAL_DELAY: Duration = Duration::from_secs(1);

/// The valid lifetime of an address that exists after another advertisement of its prefix
/// (RFC 4862, Section 5.5.3(e)); `None` is no change.
fn new_valid_lifetime(stored: Expiry, advertised: Expiry, now: Instant) -> Option<Expiry> {
    let two_hours = Expiry::At(now + TWO_HOURS);
    if advertised > two_hours || advertised > stored {
        Some(advertised)
    } else if stored <= two_hours {
        None
    } else {
        Some(two_hours)
    }
}

/// A stable opaque identifier: F(prefix, interface, DAD counter, secret)
/// (RFC 7217, Section 5), with SipHash as F. Reserved identifiers are skipped.
fn stable_opaque_identifier<B>(
    secret: &[u8; 16],
    interface: &Interface<B>,
    prefix: Prefix,
    dad_counter: u8,
) -> InterfaceIdentifier {
    let key = HashKey::new(*secret);
    let mut attempt = 0u32;
    loop {
        // The Ethernet address names the interface: unlike its number it survives replugging.
        let mac = interface.mac().map(|mac| mac.0);
        let hash = key.hash(&(prefix, mac, dad_counter, attempt));
        let identifier = InterfaceIdentifier(hash);
        if !identifier.is_reserved() {
            return identifier;
        }
        attempt += 1;
    }
}

impl<P: BufferPool, R: Random> Stack<P, R> {
    /// The identifier of an interface for a subnet.
    pub(crate) fn interface_identifier(
        &self,
        index: InterfaceIndex,
        prefix: Prefix,
        dad_counter: u8,
    ) -> Option<InterfaceIdentifier> {
        let interface = self.interface(index)?;
        Some(match interface.settings.identifiers {
            IdentifierMethod::Eui64 => InterfaceIdentifier::from_mac(interface.mac()?),
            IdentifierMethod::StableOpaque => {
                stable_opaque_identifier(&self.stable_secret, interface, prefix, dad_counter)
            }
        })
    }

    /// Makes the link-local address of an interface that came up (RFC 4862, Section 5.3).
    pub(crate) fn make_link_local(&mut self, index: InterfaceIndex, dad_counter: u8, now: Instant) {
        let Some(identifier) = self.interface_identifier(index, LINK_LOCAL_SUBNET, dad_counter)
        else {
            return;
        };
        let Some(address) = LINK_LOCAL_SUBNET.with_interface_identifier(identifier) else { return };
        let entry = InterfaceAddress {
            address,
            prefix_length: LINK_LOCAL_SUBNET.length(),
            origin: AddressOrigin::LinkLocal,
            dad_counter,
            ..self.new_address(index, now)
        };
        // RFC 4862, Section 5.4.2: this is the first message after the start, so wait a random
        // time. Repeated attempts waited already (RFC 7217, Section 6: IDGEN_DELAY).
        let delay = if dad_counter == 0 {
            self.random.up_to(MAX_INITIAL_DELAY)
        } else {
            crate::duplicate::IDGEN_DELAY
        };
        self.add_tentative(index, entry, delay, now);
    }

    /// An entry with what all addresses have in common.
    pub(crate) fn new_address(&self, index: InterfaceIndex, now: Instant) -> InterfaceAddress {
        let stable_opaque = self.interface(index).is_some_and(|interface| {
            interface.settings.identifiers == IdentifierMethod::StableOpaque
        });
        InterfaceAddress {
            address: Ipv6Addr::UNSPECIFIED,
            prefix_length: 128,
            state: State::Preferred,
            origin: AddressOrigin::Manual,
            stable_opaque,
            manages_temporary: false,
            temporary: None,
            no_duplicate_detection: false,
            no_prefix_route: false,
            preferred: Expiry::Never,
            valid: Expiry::Never,
            created: now,
            updated: now,
            dad_counter: 0,
            announcement: None,
        }
    }

    /// A prefix information option with the rules for addresses (RFC 4862, Section 5.5.3). What
    /// it says about on-link prefixes is another matter.
    pub(crate) fn slaac_input(
        &mut self,
        received: &Received,
        information: &PrefixInformation,
        now: Instant,
    ) {
        let index = received.interface;
        let prefix = information.prefix;
        let enabled =
            self.interface(index).is_some_and(|interface| interface.settings.autoconfiguration);
        // (a) A flag; (b) link-local prefix; (c) preferred beyond valid.
        if !enabled
            || !information.autonomous
            || LINK_LOCAL.covers(prefix)
            || prefix.address().is_multicast()
            || information.preferred_lifetime > information.valid_lifetime
        {
            return;
        }
        let valid = Expiry::from_secs(information.valid_lifetime.as_secs(), now);
        let preferred = Expiry::from_secs(information.preferred_lifetime.as_secs(), now);
        // (e) The address exists.
        let Some(interface) = self.interfaces.get_to_renew(index) else { return };
        let manages_temporary = interface.settings.temporary != TemporaryAddresses::Off;
        let existing = interface.addresses.iter_mut().find(|entry| {
            entry.origin == AddressOrigin::Autoconfiguration
                && entry.prefix_length == prefix.length()
                && prefix.contains(entry.address)
        });
        if let Some(entry) = existing {
            entry.preferred = preferred;
            if let Some(valid) = new_valid_lifetime(entry.valid, valid, now) {
                entry.valid = valid;
            }
            entry.updated = now;
            let was_second_choice = entry.is_second_choice();
            if entry.is_unique() {
                entry.state = entry.assigned_state(now);
            }
            let is_another_choice = entry.is_second_choice() != was_second_choice;
            let info = entry.info(index);
            if is_another_choice {
                self.interfaces.touch(index);
            }
            self.emit(Event::AddressChanged(info));
            self.manage_temporary(index, prefix, now);
            return;
        }
        // (d) A new one, unless it would be invalid at once, or prefix and identifier do not make
        // 128 bits.
        if information.valid_lifetime == Lifetime::ZERO || prefix.length() != 64 {
            return;
        }
        let entry = InterfaceAddress {
            prefix_length: prefix.length(),
            origin: AddressOrigin::Autoconfiguration,
            manages_temporary,
            preferred,
            valid,
            ..self.new_address(index, now)
        };
        // RFC 4862, Section 5.4.2: everybody hears a multicast advertisement at the same time.
        let delay = if received.destination.is_multicast() {
            self.random.up_to(MAX_INITIAL_DELAY)
        } else {
            Duration::ZERO
        };
        self.add_autoconfigured(index, prefix, entry, delay, now);
    }

    /// Completes an address with the interface's identifier and begins to test it.
    pub(crate) fn add_autoconfigured(
        &mut self,
        index: InterfaceIndex,
        prefix: Prefix,
        entry: InterfaceAddress,
        delay: Duration,
        now: Instant,
    ) {
        let Some(identifier) = self.interface_identifier(index, prefix, entry.dad_counter) else {
            return;
        };
        let Some(address) = prefix.with_interface_identifier(identifier) else { return };
        let known =
            self.interface(index).is_some_and(|found| found.addresses.get(address).is_some());
        if !known && self.add_tentative(index, InterfaceAddress { address, ..entry }, delay, now) {
            self.manage_temporary(index, prefix, now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Instant = Instant::from_secs(1000);

    fn secs(secs: u32) -> Expiry {
        Expiry::from_secs(secs, NOW)
    }

    /// RFC 4862, Section 5.5.3(e): stored, advertised, then.
    #[test]
    fn two_hour_rule() {
        for (stored, advertised, expected) in [
            // Greater than two hours: taken, even if shorter.
            (86_400, 7201, Some(7201)),
            // Greater than what is left: taken.
            (100, 200, Some(200)),
            // At most two hours left and not longer: ignored.
            (7200, 100, None),
            (7200, 7200, None),
            (50, 0, None),
            // More left: cut to two hours.
            (86_400, 100, Some(7200)),
            (86_400, 0, Some(7200)),
            (u32::MAX, 7200, Some(7200)),
            // Infinity is longer than all.
            (86_400, u32::MAX, Some(u32::MAX)),
            (u32::MAX, 86_400, Some(86_400)),
        ] {
            assert_eq!(
                new_valid_lifetime(secs(stored), secs(advertised), NOW),
                expected.map(secs),
                "stored {stored}, advertised {advertised}"
            );
        }
    }
}
