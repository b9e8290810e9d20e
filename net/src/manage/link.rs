//! Interfaces: adding, removing, up and down.

use crate::address::Prefix;
use crate::buffer::{BufferPool, PAYLOAD_CAPACITY};
use crate::config::InterfaceSettings;
use crate::counters::{DropReason, InterfaceCounters, TableFull};
use crate::event::Event;
use crate::interface::{
    HostVariables, Interface, InterfaceConfig, InterfaceError, InterfaceIndex, InterfaceKind,
    InterfaceName, MINIMUM_MTU,
};
use crate::mld::Listener;
use crate::netif::{LinkDrop, LinkState};
use crate::random::Random;
use crate::route::{Route, RouteAction, RouteProtocol};
use crate::router_dns::RouterDns;
use crate::router_prefix::RouterPrefixes;
use crate::router_solicitation::RouterSolicitation;
use crate::slaac::MAX_INITIAL_DELAY;
use crate::socket::SocketError;
use crate::stack::Stack;
use crate::time::{Duration, Instant};
use crate::unicast::{AddressList, AddressOrigin, InterfaceAddress, State};
use crate::vlan::Vlan;
use crate::wire::ipv6::Ipv6Header;
use crate::wire::ndp_option::RouterPreference;
use core::net::Ipv6Addr;
use heapless::Deque;

/// The longest packet that a buffer holds behind a full chain of headers.
const MAX_MTU: usize = PAYLOAD_CAPACITY;

/// Whether an interface may be called that: Linux's rules.
fn check_name(name: &str) -> Result<InterfaceName, InterfaceError> {
    let bad = |c: char| c == '/' || c == ':' || c.is_whitespace() || c.is_control();
    if name.is_empty() || name == "." || name == ".." || name.contains(bad) {
        return Err(InterfaceError::BadName);
    }
    InterfaceName::try_from(name).map_err(|_| InterfaceError::BadName)
}

impl<P: BufferPool, R: Random> Stack<P, R> {
    /// Adds an interface; it is administratively down and, but for loopback, without carrier. The
    /// first one is `lo`: it gets number 1.
    pub fn add_interface(
        &mut self,
        config: &InterfaceConfig<'_>,
    ) -> Result<InterfaceIndex, InterfaceError> {
        let &InterfaceConfig { name, kind, mtu } = config;
        let loopback = matches!(kind, InterfaceKind::Loopback);
        let link = if loopback { LinkState::Up { speed: None } } else { LinkState::Down };
        self.new_interface(name, (kind, None), mtu, link)
    }

    /// A new interface, administratively down.
    pub(super) fn new_interface(
        &mut self,
        name: &str,
        (kind, vlan): (InterfaceKind, Option<Vlan>),
        mtu: u16,
        link: LinkState,
    ) -> Result<InterfaceIndex, InterfaceError> {
        self.seed();
        let name = check_name(name)?;
        if self.interface_by_name(&name).is_some() {
            return Err(InterfaceError::NameTaken);
        }
        if let InterfaceKind::Ethernet { mac } = kind
            && !mac.is_station()
        {
            return Err(InterfaceError::BadMacAddress);
        }
        if usize::from(mtu) > MAX_MTU || usize::from(mtu) < Ipv6Header::LEN {
            return Err(InterfaceError::BadMtu);
        }
        let index = self.interfaces.vacant().ok_or(InterfaceError::TableFull)?;
        let settings = self.config.interface.clone();
        let variables = HostVariables::new(settings.hop_limit);
        self.interfaces.insert(Interface {
            index,
            name,
            kind,
            vlan,
            device_mtu: mtu,
            admin_up: false,
            link,
            duplicate_hardware_address: false,
            settings,
            variables,
            redraw_reachable_time: Instant::FAR_FUTURE,
            addresses: AddressList::default(),
            listener: Listener::default(),
            solicitation: RouterSolicitation::default(),
            dns: RouterDns::new(),
            router_prefixes: RouterPrefixes::new(),
            transmit: Deque::new(),
            counters: InterfaceCounters::default(),
        });
        self.emit(Event::LinkChanged(index));
        Ok(index)
    }

    /// Removes an interface and everything learned or configured on it, VLANs included. Its number
    /// is free.
    pub fn remove_interface(
        &mut self,
        index: InterfaceIndex,
        now: Instant,
    ) -> Result<(), InterfaceError> {
        self.set_admin_up(index, false, now)?;
        for vlan in self.vlans(index) {
            self.remove_interface(vlan, now)?;
        }
        self.remove_addresses(index, now, |_| true);
        self.memberships.retain(|membership| membership.interface != index);
        self.membership_sources.retain(|entry| entry.membership.interface != index);
        self.anycast.forget_interface(index);
        self.remove_neighbors(index, |_| true);
        let Some(interface) = self.interfaces.remove(index) else {
            return Err(InterfaceError::NotFound);
        };
        self.counters.absorb(&interface.counters);
        self.policies.forget_interface(index);
        self.emit(Event::LinkRemoved { index, name: interface.name });
        Ok(())
    }

    /// The driver tells about the carrier, which is that of the interface's VLANs, too.
    pub fn set_link(
        &mut self,
        index: InterfaceIndex,
        link: LinkState,
        now: Instant,
    ) -> Result<(), InterfaceError> {
        let interface = self.interface_mut(index).ok_or(InterfaceError::NotFound)?;
        if interface.link == link {
            return Ok(());
        }
        let (had, ran) = (interface.has_carrier(), interface.is_running());
        interface.link = link;
        if had != interface.has_carrier() {
            interface.counters.link.carrier_changes += 1;
        }
        let runs = interface.is_running();
        self.emit(Event::LinkChanged(index));
        self.running_changed(index, ran, runs, now);
        for vlan in self.vlans(index) {
            self.set_link(vlan, link, now)?;
        }
        self.finish(now);
        Ok(())
    }

    /// The user sets an interface up or down. Down removes its addresses and routes, as on Linux;
    /// also as there, its VLANs follow, and are up only while it is.
    pub fn set_admin_up(
        &mut self,
        index: InterfaceIndex,
        up: bool,
        now: Instant,
    ) -> Result<(), InterfaceError> {
        let interface = self.interface(index).ok_or(InterfaceError::NotFound)?;
        if interface.admin_up == up {
            return Ok(());
        }
        if let Some(Vlan { parent, .. }) = interface.vlan
            && up
            && self.interface(parent).is_none_or(|parent| !parent.admin_up)
        {
            return Err(InterfaceError::ParentDown);
        }
        if !up {
            self.set_vlans_up(index, false, now)?;
        }
        let interface = self.interface_mut(index).ok_or(InterfaceError::NotFound)?;
        let ran = interface.is_running();
        if up {
            interface.duplicate_hardware_address = false;
        }
        interface.admin_up = up;
        let runs = interface.is_running();
        self.emit(Event::LinkChanged(index));
        if up {
            self.join_permanent_groups(index, now);
            self.add_loopback_address(index, now);
        }
        self.running_changed(index, ran, runs, now);
        if up {
            self.set_vlans_up(index, true, now)?;
        } else {
            self.remove_addresses(index, now, |_| true);
            self.remove_routes(|route| route.interface == index);
            if let Some(interface) = self.interface_mut(index) {
                for group in [crate::address::ALL_NODES_OF_INTERFACE, crate::address::ALL_NODES] {
                    interface.listener.leave(group, now);
                }
                interface.listener.link_down();
            }
        }
        self.finish(now);
        Ok(())
    }

    /// The user sets the MTU. A VLAN's is at most that of the interface below.
    pub fn set_mtu(
        &mut self,
        index: InterfaceIndex,
        mtu: u16,
        now: Instant,
    ) -> Result<(), InterfaceError> {
        if mtu < MINIMUM_MTU || usize::from(mtu) > MAX_MTU {
            return Err(InterfaceError::BadMtu);
        }
        let vlan = self.interface(index).and_then(|interface| interface.vlan);
        let below = vlan.and_then(|vlan| self.interface(vlan.parent));
        if below.is_some_and(|below| mtu > below.device_mtu) {
            return Err(InterfaceError::MtuBeyondParent);
        }
        let interface = self.interface_mut(index).ok_or(InterfaceError::NotFound)?;
        let ran = interface.is_running();
        interface.device_mtu = mtu;
        interface.variables.advertised_mtu = None;
        let runs = interface.is_running();
        self.emit(Event::LinkChanged(index));
        self.running_changed(index, ran, runs, now);
        self.limit_vlan_mtu(index, mtu, now);
        Ok(())
    }

    /// The user gives an interface that is down another name.
    pub fn rename_interface(
        &mut self,
        index: InterfaceIndex,
        name: &str,
    ) -> Result<(), InterfaceError> {
        let name = check_name(name)?;
        match self.interface_by_name(&name) {
            Some(other) if other != index => return Err(InterfaceError::NameTaken),
            _ => {}
        }
        self.interface_mut(index).ok_or(InterfaceError::NotFound)?.name = name;
        self.emit(Event::LinkChanged(index));
        Ok(())
    }

    /// The user changes settings; they hold for what happens next. Temporary addresses come and go
    /// with theirs.
    pub fn set_interface_settings(
        &mut self,
        index: InterfaceIndex,
        settings: InterfaceSettings,
        now: Instant,
    ) -> Result<(), InterfaceError> {
        let interface = self.interface_mut(index).ok_or(InterfaceError::NotFound)?;
        if interface.settings.hop_limit != settings.hop_limit {
            interface.variables.hop_limit = settings.hop_limit;
        }
        if !settings.accept_router_advertisements {
            interface.solicitation.stop();
        }
        let temporary = settings.temporary != interface.settings.temporary;
        interface.settings = settings;
        if temporary {
            self.apply_temporary_setting(index, now);
        }
        self.emit(Event::LinkChanged(index));
        Ok(())
    }

    /// Counts a frame that a driver lost.
    pub fn count_link_drop(&mut self, index: InterfaceIndex, lost: LinkDrop) {
        if let Some(counters) = self.interface_counters(index) {
            counters.link.count(lost);
        }
    }

    /// Whether an interface works changed: begin anew, or forget what was learned there
    /// (RFC 4861, Section 6.3.7; RFC 4862, Section 5.3).
    fn running_changed(&mut self, index: InterfaceIndex, ran: bool, runs: bool, now: Instant) {
        match (ran, runs) {
            (false, true) => self.start_interface(index, now),
            (true, false) => self.stop_interface(index),
            _ => {}
        }
    }

    fn start_interface(&mut self, index: InterfaceIndex, now: Instant) {
        self.draw_reachable_time(index, now);
        // RFC 8981, Section 3.6: on another link this node shall not be known by the old ones.
        self.remove_temporary(index, now, |_| true);
        let delay = self.random.up_to(MAX_INITIAL_DELAY);
        let Some(interface) = self.interface_mut(index) else { return };
        if interface.is_loopback() {
            return;
        }
        // Addresses that survived the loss of the carrier are tested again: this may be another
        // link.
        let transmits = interface.settings.duplicate_address_detection_transmits;
        let settings = &interface.settings;
        for entry in interface.addresses.iter_mut() {
            let transmits = if entry.no_duplicate_detection { 0 } else { transmits };
            let delay = if entry.may_be_optimistic(settings) { Duration::ZERO } else { delay };
            entry.state = State::Tentative(crate::dad::Dad::start(now, delay, transmits));
        }
        interface.listener.report_all(now + delay);
        let has_link_local =
            interface.addresses.iter().any(|entry| entry.origin == AddressOrigin::LinkLocal);
        let settings = &interface.settings;
        let (wanted, solicits) =
            (settings.link_local_address, settings.accept_router_advertisements);
        self.add_connected_route(index, crate::address::LINK_LOCAL_SUBNET);
        if wanted && !has_link_local {
            self.make_link_local(index, 0, now);
        } else if !wanted
            && solicits
            && let Some(interface) = self.interfaces.get_mut(index)
        {
            interface.solicitation.start(now, false, &mut self.random);
        }
        self.poll_duplicate_detection(index, now);
    }

    /// What was learned on the link may be wrong on the next one.
    fn stop_interface(&mut self, index: InterfaceIndex) {
        self.remove_routes(|route| route.interface == index && route.advertised);
        self.destinations.forget_interface(index);
        self.remove_neighbors(index, |info| {
            info.state != crate::neighbor::NeighborState::Permanent
        });
        let Some(interface) = self.interface_mut(index) else { return };
        for entry in interface.addresses.iter_mut() {
            if let Some(dad) = entry.dad_mut() {
                dad.suspend();
            }
            entry.announcement = None;
        }
        interface.solicitation.stop();
        interface.listener.link_down();
        interface.variables = HostVariables::new(interface.settings.hop_limit);
        interface.dns = RouterDns::new();
        interface.router_prefixes = RouterPrefixes::new();
        interface.redraw_reachable_time = Instant::FAR_FUTURE;
        while let Some(frame) =
            self.interface_mut(index).and_then(|interface| interface.transmit.pop_front())
        {
            drop(frame);
            self.drop_transmit(index, DropReason::TransmitInterfaceDown);
        }
    }

    /// Another node has our hardware address (RFC 4862, Section 5.4.5).
    pub(crate) fn disable_ipv6(&mut self, index: InterfaceIndex, now: Instant) {
        let Some(interface) = self.interface_mut(index) else { return };
        let ran = interface.is_running();
        interface.duplicate_hardware_address = true;
        log::debug!("{}: duplicate hardware address", interface.name);
        self.emit(Event::LinkChanged(index));
        self.running_changed(index, ran, false, now);
    }

    /// ::1 on the loopback interface.
    fn add_loopback_address(&mut self, index: InterfaceIndex, now: Instant) {
        let is_loopback = self.interface(index).is_some_and(Interface::is_loopback);
        if !is_loopback {
            return;
        }
        let entry = InterfaceAddress {
            address: Ipv6Addr::LOCALHOST,
            origin: AddressOrigin::Loopback,
            stable_opaque: false,
            ..self.new_address(index, now)
        };
        self.add_tentative(index, entry, Duration::ZERO, now);
        self.add_connected_route(index, Prefix::host(Ipv6Addr::LOCALHOST));
    }

    /// A prefix that is on the link because the user or the stack configured it.
    pub(crate) fn add_connected_route(&mut self, index: InterfaceIndex, prefix: Prefix) {
        let route = Route {
            prefix,
            interface: index,
            action: RouteAction::OnLink,
            metric: Route::METRIC_CONNECTED,
            protocol: RouteProtocol::Kernel,
            preference: RouterPreference::Medium,
            expires: crate::expiry::Expiry::Never,
            advertised: false,
        };
        self.put_route(route);
    }

    /// Sockets bound or connected from an address that is gone learn it, instead of waiting for
    /// ever.
    pub(crate) fn fail_sockets_of(&mut self, address: Ipv6Addr, index: InterfaceIndex) {
        loop {
            let found = self.sockets.iter().find_map(|(id, socket)| {
                let here = socket.local.address == address
                    && socket.local.zone.is_none_or(|zone| zone == index);
                let told = socket.pending_error == Some(SocketError::NetworkDown);
                (here && !told).then_some(id)
            });
            let Some(id) = found else { return };
            if let Some(socket) = self.sockets.get_mut(id) {
                socket.pending_error = Some(SocketError::NetworkDown);
            }
            self.notify_socket(id);
        }
    }

    /// How often tables were full: counted for the node as a whole.
    pub fn table_full(&self, table: TableFull) -> u64 {
        self.counters.tables.get(table)
    }
}
