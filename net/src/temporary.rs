//! Temporary addresses (RFC 8981): beside the stable address of an advertised prefix, one with a
//! random identifier that is given up after a day and replaced by another, so that whom this node
//! talks to cannot tell that it is the same one.
//!
//! A temporary address belongs to the stable one of its prefix: it takes its lifetimes from there,
//! up to its own limits, and goes with it.

use crate::address::{InterfaceIdentifier, Prefix};
use crate::buffer::BufferPool;
use crate::config::{InterfaceSettings, TemporaryAddresses};
use crate::event::Event;
use crate::expiry::Expiry;
use crate::interface::InterfaceIndex;
use crate::random::Random;
use crate::slaac::MAX_INITIAL_DELAY;
use crate::stack::Stack;
use crate::time::{Duration, Instant};
use crate::unicast::{AddressOrigin, InterfaceAddress, State};

/// TEMP_IDGEN_RETRIES (RFC 8981, Section 3.8).
const IDGEN_RETRIES: u8 = 3;
/// The part of TEMP_PREFERRED_LIFETIME that MAX_DESYNC_FACTOR is (RFC 8981, Section 3.8: 0.4).
const DESYNC_TENTHS: u32 = 4;

/// What a temporary address knows of its own limits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Temporary {
    /// Creation + TEMP_PREFERRED_LIFETIME - DESYNC_FACTOR: it is never preferred for longer.
    preferred_limit: Instant,
    /// Creation + TEMP_VALID_LIFETIME: it is never valid for longer.
    valid_limit: Instant,
    /// REGEN_ADVANCE: so long before it is deprecated, the next one is made.
    advance: Duration,
    /// The time for that came, and what could be done was done.
    renewed: bool,
}

impl Temporary {
    /// The limits of an address that is made now.
    fn start(
        settings: &InterfaceSettings,
        retrans_timer: Duration,
        now: Instant,
        random: &mut impl Random,
    ) -> Self {
        let preferred = settings.temporary_preferred_lifetime;
        // RFC 8981, Section 3.8: two seconds, and the time that a new address may need.
        let transmits = u32::from(settings.duplicate_address_detection_transmits);
        let advance = Duration::from_secs(2) + retrans_timer * transmits * u32::from(IDGEN_RETRIES);
        let longest = preferred * DESYNC_TENTHS / 10;
        let desync = random.up_to(longest.min(preferred.saturating_sub(advance)));
        Self {
            preferred_limit: now + preferred.saturating_sub(desync),
            valid_limit: now + settings.temporary_valid_lifetime,
            advance,
            renewed: false,
        }
    }

    /// When its successor is to be made, if the address is preferred until then.
    pub(crate) fn renewal(&self, preferred: Expiry) -> Instant {
        match preferred {
            Expiry::At(end) if !self.renewed => end - self.advance,
            _ => Instant::FAR_FUTURE,
        }
    }

    /// Preferred and valid lifetime, when these are the prefix's.
    fn limit(&self, preferred: Expiry, valid: Expiry) -> (Expiry, Expiry) {
        let valid = valid.min(Expiry::At(self.valid_limit));
        (preferred.min(Expiry::At(self.preferred_limit)).min(valid), valid)
    }

    /// Whether an address that is preferred so long needs no successor yet.
    fn lasts(&self, preferred: Expiry, now: Instant) -> bool {
        preferred > Expiry::At(now + self.advance)
    }
}

/// Whether two addresses, one of them autoconfigured, are of one prefix.
fn is_of(entry: &InterfaceAddress, prefix: Prefix) -> bool {
    entry.prefix_length == prefix.length() && prefix.contains(entry.address)
}

impl<P: BufferPool, R: Random> Stack<P, R> {
    /// Brings the temporary addresses of a prefix up to date: their lifetimes follow those of the
    /// stable address (RFC 8981, Section 3.4), and if none of them lasts, another one is made.
    /// Without the stable address they go.
    pub(crate) fn manage_temporary(&mut self, index: InterfaceIndex, prefix: Prefix, now: Instant) {
        let Some(interface) = self.interface(index) else { return };
        let off = interface.settings.temporary == TemporaryAddresses::Off;
        if off && interface.addresses.iter().all(|entry| entry.temporary.is_none()) {
            return;
        }
        let Some(interface) = self.interface_mut(index) else { return };
        let stable = interface
            .addresses
            .iter()
            .find(|entry| entry.origin == AddressOrigin::Autoconfiguration && is_of(entry, prefix));
        let wanted = interface.settings.temporary != TemporaryAddresses::Off;
        let Some(stable) = stable.filter(|_| wanted) else {
            return self.remove_temporary(index, now, |entry| is_of(entry, prefix));
        };
        let (preferred, valid) = (stable.preferred, stable.valid);
        let mut wants_another = true;
        let mut changed = heapless::Vec::<_, { crate::limits::ADDRESSES }>::new();
        for entry in interface.addresses.iter_mut().filter(|entry| is_of(entry, prefix)) {
            let Some(temporary) = &mut entry.temporary else { continue };
            if matches!(entry.state, State::Duplicated) {
                // Section 3.4: after the last retry, no more of them in this prefix.
                wants_another = false;
                continue;
            }
            let lifetimes = temporary.limit(preferred, valid);
            temporary.renewed = !temporary.lasts(lifetimes.0, now);
            wants_another &= temporary.renewed;
            if (entry.preferred, entry.valid) != lifetimes {
                (entry.preferred, entry.valid) = lifetimes;
                entry.updated = now;
                if entry.is_unique() {
                    entry.state = entry.assigned_state(now);
                }
                let _fits = changed.push(entry.info(index));
            }
        }
        for info in changed {
            self.emit(Event::AddressChanged(info));
        }
        if wants_another {
            self.make_temporary(index, prefix, (preferred, valid), now);
        }
    }

    fn make_temporary(
        &mut self,
        index: InterfaceIndex,
        prefix: Prefix,
        (preferred, valid): (Expiry, Expiry),
        now: Instant,
    ) {
        let Some(interface) = self.interfaces.get(index) else { return };
        let retrans_timer = interface.variables.retrans_timer;
        let temporary = Temporary::start(&interface.settings, retrans_timer, now, &mut self.random);
        let (preferred, valid) = temporary.limit(preferred, valid);
        // Section 3.4: not for a moment only.
        if !temporary.lasts(preferred, now) {
            return;
        }
        let entry = InterfaceAddress {
            prefix_length: prefix.length(),
            origin: AddressOrigin::Temporary,
            stable_opaque: false,
            temporary: Some(temporary),
            preferred,
            valid,
            ..self.new_address(index, now)
        };
        let delay = self.random.up_to(MAX_INITIAL_DELAY);
        self.add_temporary(index, prefix, entry, delay, now);
    }

    /// Completes an address with a random identifier (Section 3.3.1) and begins to test it.
    fn add_temporary(
        &mut self,
        index: InterfaceIndex,
        prefix: Prefix,
        entry: InterfaceAddress,
        delay: Duration,
        now: Instant,
    ) {
        // Reserved identifiers and own addresses are as good as never drawn, nor again.
        for _ in 0..IDGEN_RETRIES {
            let mut octets = [0; 8];
            self.random.fill(&mut octets);
            let identifier = InterfaceIdentifier(u64::from_be_bytes(octets));
            let address = prefix.with_interface_identifier(identifier).filter(|address| {
                let known = self.interface(index).and_then(|found| found.addresses.get(*address));
                !identifier.is_reserved() && known.is_none()
            });
            if let Some(address) = address {
                self.add_tentative(index, InterfaceAddress { address, ..entry }, delay, now);
                return;
            }
        }
    }

    /// Another node has a temporary address: another identifier, a few times (Section 3.4).
    pub(crate) fn on_temporary_duplicate(
        &mut self,
        index: InterfaceIndex,
        entry: &InterfaceAddress,
        now: Instant,
    ) {
        let Some(prefix) = Prefix::new(entry.address, entry.prefix_length) else { return };
        if entry.dad_counter < IDGEN_RETRIES {
            self.remove_address_entry(index, entry.address, now);
            let dad_counter = entry.dad_counter + 1;
            let next = InterfaceAddress { dad_counter, ..entry.clone() };
            self.add_temporary(index, prefix, next, Duration::ZERO, now);
            return;
        }
        log::warn!("{prefix}: no more temporary addresses, all tried were duplicates");
        // It stays as a sign of that, as long as the prefix does.
        if let Some(interface) = self.interface_mut(index)
            && let Some(entry) = interface.addresses.get_mut(entry.address)
        {
            entry.valid = Expiry::Never;
        }
    }

    /// Makes the successors of temporary addresses that are soon deprecated (Section 3.5).
    pub(crate) fn poll_temporary(&mut self, index: InterfaceIndex, now: Instant) {
        while let Some(interface) = self.interfaces.get(index)
            && let Some(due) = interface.addresses.iter().find(|entry| entry.renewal() <= now)
            && let Some(prefix) = Prefix::new(due.address, due.prefix_length)
        {
            // That marks the address as renewed, or makes it last, or takes it away.
            self.manage_temporary(index, prefix, now);
        }
    }

    /// The setting of an interface changed: makes the temporary addresses of all prefixes, or
    /// removes them.
    pub(crate) fn apply_temporary_setting(&mut self, index: InterfaceIndex, now: Instant) {
        let Some(interface) = self.interface_mut(index) else { return };
        let managed = interface.settings.temporary != TemporaryAddresses::Off;
        let mut prefixes = heapless::Vec::<_, { crate::limits::ADDRESSES }>::new();
        for entry in interface.addresses.iter_mut() {
            if entry.origin == AddressOrigin::Autoconfiguration {
                entry.manages_temporary = managed;
                let prefix = Prefix::new(entry.address, entry.prefix_length);
                let _fits = prefix.map(|prefix| prefixes.push(prefix));
            }
        }
        for prefix in prefixes {
            self.manage_temporary(index, prefix, now);
        }
    }

    /// Removes the temporary addresses for which `which` holds.
    pub(crate) fn remove_temporary(
        &mut self,
        index: InterfaceIndex,
        now: Instant,
        which: impl Fn(&InterfaceAddress) -> bool,
    ) {
        while let Some(interface) = self.interfaces.get(index)
            && let Some(found) =
                interface.addresses.iter().find(|entry| entry.temporary.is_some() && which(entry))
        {
            let address = found.address;
            self.remove_address_entry(index, address, now);
        }
    }
}

#[cfg(test)]
#[path = "temporary_tests.rs"]
mod tests;
