//! An address from its first test to its use: probes (RFC 4862, Section 5.4), what a duplicate
//! leads to, and what follows from having an address. The timing of a test is in `dad`.

use crate::address::{AddressExt, Prefix};
use crate::buffer::BufferPool;
use crate::config::IdentifierMethod;
use crate::counters::TableFull;
use crate::dad::{Action, Dad};
use crate::event::Event;
use crate::interface::InterfaceIndex;
use crate::random::Random;
use crate::stack::Stack;
use crate::time::{Duration, Instant};
use crate::unicast::{AddressOrigin, Expired, InterfaceAddress, State};
use crate::wire::icmpv6::Icmpv6Message;
use crate::wire::ndp::NeighborSolicitation;
use crate::wire::ndp_option::{NdpOption, NdpOptions};
use core::net::Ipv6Addr;

/// IDGEN_RETRIES (RFC 7217, Section 7).
const IDGEN_RETRIES: u8 = 3;
/// IDGEN_DELAY (RFC 7217, Section 7).
pub(crate) const IDGEN_DELAY: Duration = Duration::from_secs(1);

impl<P: BufferPool, R: Random> Stack<P, R> {
    /// Adds an address and begins to test it after `delay`. False when there is no room.
    pub(crate) fn add_tentative(
        &mut self,
        index: InterfaceIndex,
        mut entry: InterfaceAddress,
        delay: Duration,
        now: Instant,
    ) -> bool {
        let Some(interface) = self.interface_mut(index) else { return false };
        let transmits = if entry.no_duplicate_detection || interface.is_loopback() {
            0
        } else {
            interface.settings.duplicate_address_detection_transmits
        };
        let at_once = transmits == 0
            || entry.dad_counter == 0 && entry.may_be_optimistic(&interface.settings);
        let delay = if at_once { Duration::ZERO } else { delay };
        let mut dad = Dad::start(now, delay, transmits);
        if transmits > 0 && !interface.is_running() {
            // Begun when the link comes up.
            dad.suspend();
        }
        entry.state = State::Tentative(dad);
        let (address, info) = (entry.address, entry.info(index));
        if !interface.addresses.add(entry) {
            self.counters.tables.count(TableFull::Addresses);
            return false;
        }
        // RFC 4862, Section 5.4.2: the groups come first, and their report waits as well if this
        // is the first thing that the interface sends.
        self.join_interface_group_at(index, address.solicited_node(), now + delay);
        self.emit(Event::AddressChanged(info));
        if transmits == 0 {
            self.poll_duplicate_detection(index, now);
        }
        true
    }

    /// Sends the probes that are due, and assigns addresses that passed.
    pub(crate) fn poll_duplicate_detection(&mut self, index: InterfaceIndex, now: Instant) {
        loop {
            let Some(interface) = self.interfaces.get_mut(index) else {
                return;
            };
            let retrans_timer = interface.variables.retrans_timer;
            let random = &mut self.random;
            let due = interface.addresses.iter_mut().find_map(|entry| {
                let action = entry.dad_mut()?.poll(now, retrans_timer, random)?;
                Some((entry.address, action))
            });
            match due {
                Some((address, Action::Probe(nonce))) => {
                    // RFC 4862, Section 5.4.2: from `::`, without a link-layer address.
                    let options = [NdpOption::Nonce(&nonce)];
                    let message = Icmpv6Message::NeighborSolicitation(NeighborSolicitation {
                        target: address,
                        options: NdpOptions::new(&options),
                    });
                    let group = address.solicited_node();
                    self.send_ndp(index, Ipv6Addr::UNSPECIFIED, group, &message, now);
                    self.use_optimistically(index, address, now);
                }
                Some((address, Action::Assign)) => self.assign(index, address, now),
                None => return,
            }
        }
    }

    /// A probe for the address is out: it is used from now on if it may be (RFC 4429,
    /// Section 3.3). Routers are asked at once: "in some cases, the random delay MAY be omitted if
    /// necessary" (RFC 4861, Section 6.3.7).
    fn use_optimistically(&mut self, index: InterfaceIndex, address: Ipv6Addr, now: Instant) {
        let Some(interface) = self.interfaces.get_mut(index) else {
            return;
        };
        let solicits = interface.settings.accept_router_advertisements && interface.is_running();
        let first_link_local = address.is_unicast_link_local()
            && interface.addresses.link_local().is_none()
            && interface.addresses.optimistic_link_local().is_none();
        let settings = &interface.settings;
        let Some(entry) = interface.addresses.get_mut(address) else { return };
        let State::Tentative(dad) = &entry.state else { return };
        if !entry.may_be_optimistic(settings) {
            return;
        }
        entry.state = State::Optimistic(dad.clone());
        if settings.announce_addresses {
            entry.announce(now);
        }
        let info = entry.info(index);
        if first_link_local && solicits {
            interface.solicitation.start(now, true, &mut self.random);
        }
        self.emit(Event::AddressChanged(info));
    }

    /// The address is unique: it is ours from now on.
    fn assign(&mut self, index: InterfaceIndex, address: Ipv6Addr, now: Instant) {
        let Some(interface) = self.interface_mut(index) else { return };
        let first_link_local =
            address.is_unicast_link_local() && interface.addresses.link_local().is_none();
        let announces = interface.settings.announce_addresses && interface.mac().is_some();
        let Some(entry) = interface.addresses.get_mut(address) else { return };
        let was_optimistic = matches!(entry.state, State::Optimistic(_));
        entry.state = entry.assigned_state(now);
        if announces && !was_optimistic {
            entry.announce(now);
        }
        let info = entry.info(index);
        self.emit(Event::AddressChanged(info));
        if !first_link_local {
            return;
        }
        // RFC 3590, Section 4: routers ignored the reports from `::`.
        let Some(interface) = self.interfaces.get_mut(index) else {
            return;
        };
        if interface.is_loopback() {
            return;
        }
        interface.listener.report_all(now);
        if !was_optimistic
            && interface.settings.accept_router_advertisements
            && interface.is_running()
        {
            // The delay before Duplicate Address Detection was the one delay that is asked for
            // (RFC 4861, Section 6.3.7).
            let delayed = interface.settings.duplicate_address_detection_transmits > 0;
            interface.solicitation.start(now, delayed, &mut self.random);
        }
    }

    /// Another node has or wants a tentative address (RFC 4862, Section 5.4.5).
    pub(crate) fn on_duplicate_address(
        &mut self,
        index: InterfaceIndex,
        address: Ipv6Addr,
        now: Instant,
    ) {
        let Some(interface) = self.interface_mut(index) else { return };
        let method = interface.settings.identifiers;
        let Some(entry) = interface.addresses.get_mut(address) else { return };
        let was_assigned = entry.is_assigned();
        entry.state = State::Duplicated;
        entry.updated = now;
        let entry = entry.clone();
        if was_assigned {
            // It was optimistic: who used it must choose again.
            self.fail_sockets_of(address, index);
        }
        log::debug!("address {address} is a duplicate");
        self.emit(Event::DuplicateAddress { interface: index, address });
        self.emit(Event::AddressChanged(entry.info(index)));
        if entry.origin == AddressOrigin::Temporary {
            return self.on_temporary_duplicate(index, &entry, now);
        }
        let made_here = entry.origin != AddressOrigin::Manual;
        match method {
            // RFC 7217, Section 6: another identifier, a few times, and no other method then.
            IdentifierMethod::StableOpaque if made_here && entry.dad_counter < IDGEN_RETRIES => {
                self.remove_address_entry(index, address, now);
                self.retry_identifier(index, &entry, now);
            }
            // The identifier comes from the hardware address, so somebody has that too: no more
            // IPv6 on this interface.
            IdentifierMethod::Eui64 if entry.origin == AddressOrigin::LinkLocal => {
                self.disable_ipv6(index, now);
            }
            _ => {}
        }
    }

    fn retry_identifier(&mut self, index: InterfaceIndex, entry: &InterfaceAddress, now: Instant) {
        let dad_counter = entry.dad_counter + 1;
        if entry.origin == AddressOrigin::LinkLocal {
            return self.make_link_local(index, dad_counter, now);
        }
        let Some(prefix) = Prefix::new(entry.address, entry.prefix_length) else { return };
        let next = InterfaceAddress { dad_counter, ..entry.clone() };
        self.add_autoconfigured(index, prefix, next, IDGEN_DELAY, now);
    }

    /// Deprecates and removes addresses whose lifetimes are over (RFC 4862, Section 5.5.4).
    pub(crate) fn poll_addresses(&mut self, index: InterfaceIndex, now: Instant) {
        while let Some(expired) =
            self.interface_mut(index).and_then(|interface| interface.addresses.expire(now))
        {
            match expired {
                Expired::Deprecated(address) => {
                    let info = self
                        .interface(index)
                        .and_then(|interface| interface.addresses.get(address))
                        .map(|entry| entry.info(index));
                    if let Some(info) = info {
                        self.emit(Event::AddressChanged(info));
                    }
                }
                Expired::Invalid(address) => self.remove_address_entry(index, address, now),
            }
        }
        self.poll_temporary(index, now);
        let over = self.interfaces.get(index);
        if over.is_some_and(|interface| interface.router_prefixes.next_deadline() <= now)
            && let Some(interface) = self.interface_mut(index)
        {
            interface.router_prefixes.expire(now);
        }
    }

    /// Takes an address off an interface, with its group and its sockets' hope.
    pub(crate) fn remove_address_entry(
        &mut self,
        index: InterfaceIndex,
        address: Ipv6Addr,
        now: Instant,
    ) {
        let Some(interface) = self.interface_mut(index) else { return };
        let Some(entry) = interface.addresses.remove(address) else { return };
        self.leave_interface_group(index, address.solicited_node(), now);
        self.emit(Event::AddressRemoved(entry.info(index)));
        if entry.is_assigned() {
            self.fail_sockets_of(address, index);
        }
        if entry.origin == AddressOrigin::Autoconfiguration
            && let Some(prefix) = Prefix::new(address, entry.prefix_length)
        {
            self.remove_temporary(index, now, |entry| prefix.contains(entry.address));
        }
    }
}

#[cfg(test)]
#[path = "duplicate_tests.rs"]
mod tests;
