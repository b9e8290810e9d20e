//! What the user changes, and what the tables and events say then.

use super::*;
use crate::config::{Config, InterfaceSettings};
use crate::counters::DropReason;
use crate::event::Event;
use crate::expiry::Expiry;
use crate::interface::{InterfaceConfig, InterfaceError, InterfaceIndex, InterfaceKind};
use crate::limits;
use crate::neighbor::{NeighborError, NeighborState};
use crate::netif::{LinkDrop, LinkState, MacAddress};
use crate::route::{Route, RouteAction, RouteError, RouteProtocol, RouteSelector};
use crate::test_host::{Host, LINK_LOCAL, MAC, Peer, USB0, ip};
use crate::time::Duration;
use crate::unicast::{AddressOrigin, AddressState};
use crate::wire::icmpv6::{Echo, Icmpv6Message};
use crate::wire::ndp_option::RouterPreference;
use crate::{NoRoute, Table};

const LO: InterfaceIndex = InterfaceIndex::LOOPBACK;
const PEER: Peer = Peer {
    mac: MacAddress([2, 0, 0, 0, 0, 9]),
    address: core::net::Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 9),
};

fn new_address(text: &str, prefix_length: u8) -> NewAddress {
    NewAddress {
        address: ip(text),
        prefix_length,
        preferred_lifetime: u32::MAX,
        valid_lifetime: u32::MAX,
        no_duplicate_detection: false,
        no_prefix_route: false,
    }
}

fn route(prefix: &str, action: RouteAction) -> Route {
    Route {
        prefix: prefix.parse().unwrap(),
        interface: USB0,
        action,
        metric: Route::METRIC_DEFAULT,
        protocol: RouteProtocol::User(3),
        preference: RouterPreference::Medium,
        expires: Expiry::Never,
        advertised: false,
    }
}

fn prefixes(host: &Host) -> Vec<String> {
    let mut prefixes: Vec<String> =
        host.stack.routes().map(|route| format!("{} {}", route.prefix, route.interface)).collect();
    prefixes.sort_unstable();
    prefixes
}

#[test]
fn interfaces_that_cannot_be() {
    let mut host = Host::new(1, Config::default());
    let ethernet = InterfaceKind::Ethernet { mac: MAC };
    let good = InterfaceConfig { name: "usb1", kind: ethernet, mtu: 1500 };
    for (config, error) in [
        (InterfaceConfig { name: "usb0", ..good }, InterfaceError::NameTaken),
        (InterfaceConfig { name: "", ..good }, InterfaceError::BadName),
        (InterfaceConfig { name: "a/b", ..good }, InterfaceError::BadName),
        (InterfaceConfig { name: "a b", ..good }, InterfaceError::BadName),
        (InterfaceConfig { name: "sixteen-octets-x", ..good }, InterfaceError::BadName),
        (InterfaceConfig { mtu: 9000, ..good }, InterfaceError::BadMtu),
        (
            InterfaceConfig {
                kind: InterfaceKind::Ethernet { mac: MacAddress::BROADCAST },
                ..good
            },
            InterfaceError::BadMacAddress,
        ),
    ] {
        assert_eq!(host.stack.add_interface(&config), Err(error));
    }
    for number in 2..limits::INTERFACES {
        let name = format!("usb{number}");
        host.stack.add_interface(&InterfaceConfig { name: &name, ..good }).unwrap();
    }
    assert_eq!(host.stack.add_interface(&good), Err(InterfaceError::TableFull));
    let gone = InterfaceIndex::new(99).unwrap();
    assert_eq!(host.stack.set_admin_up(gone, true, host.now), Err(InterfaceError::NotFound));
    assert_eq!(host.stack.rename_interface(USB0, "lo"), Err(InterfaceError::NameTaken));
    host.stack.rename_interface(USB0, "net0").unwrap();
    assert_eq!(host.stack.interface_by_name("net0"), Some(USB0));
}

#[test]
fn loopback() {
    let mut host = Host::new(1, Config::default());
    let lo = host.stack.interface(LO).unwrap();
    let info: Vec<_> = lo.addresses().collect();
    assert_eq!(info.len(), 1);
    assert_eq!((info[0].address, info[0].prefix_length), (ip("::1"), 128));
    assert_eq!((info[0].state, info[0].origin), (AddressState::Preferred, AddressOrigin::Loopback));
    assert_eq!(prefixes(&host), ["::1/128 1"]);
    host.stack.set_admin_up(LO, false, host.now).unwrap();
    assert_eq!(host.stack.route_to(ip("::1"), None, host.now), Err(NoRoute::NoMatch));
    host.stack.set_admin_up(LO, true, host.now).unwrap();
    assert!(host.stack.route_to(ip("::1"), None, host.now).unwrap().local);
}

#[test]
fn down_takes_everything_along() {
    let mut host = Host::up(2);
    host.stack.add_address(USB0, &new_address("2001:db8::1", 64), false, host.now).unwrap();
    host.stack.add_route(route("::/0", RouteAction::Via(ip("fe80::1"))), false).unwrap();
    host.stack.set_neighbor(USB0, PEER.address, PEER.mac, true, false, host.now).unwrap();
    host.run(Duration::from_secs(3));
    assert_eq!(prefixes(&host), ["2001:db8::/64 2", "::/0 2", "::1/128 1", "fe80::/64 2"]);
    host.events();
    host.stack.set_admin_up(USB0, false, host.now).unwrap();
    assert_eq!(prefixes(&host), ["::1/128 1"]);
    let events = host.events();
    let count = |which: fn(&Event) -> bool| events.iter().filter(|event| which(event)).count();
    assert_eq!(count(|event| matches!(event, Event::LinkChanged(USB0))), 1);
    assert_eq!(count(|event| matches!(event, Event::AddressRemoved(_))), 2);
    assert_eq!(count(|event| matches!(event, Event::RouteRemoved(_))), 3);
    assert_eq!(host.stack.interface(USB0).unwrap().groups().count(), 0);
    assert_eq!(host.run(Duration::from_secs(100)), []);
    host.stack.remove_interface(USB0, host.now).unwrap();
    assert_eq!(host.stack.neighbor_count(), 0);
    assert!(
        host.events().iter().any(
            |event| matches!(event, Event::LinkRemoved { index: USB0, name } if name == "usb0")
        )
    );
    assert!(host.stack.interface(USB0).is_none());
}

/// Counters of an interface that is gone still count for the node.
#[test]
fn counters_survive() {
    let mut host = Host::up(3);
    let before = host.stack.node_counters();
    assert!(before.icmpv6.sent(135) > 0);
    host.stack.count_link_drop(USB0, LinkDrop::ReceiveTooLong);
    assert_eq!(host.stack.interface(USB0).unwrap().counters().link.receive_too_long, 1);
    host.stack.remove_interface(USB0, host.now).unwrap();
    assert_eq!(host.stack.node_counters().icmpv6.sent(135), before.icmpv6.sent(135));
}

#[test]
fn addresses() {
    let mut host = Host::up(4);
    let add = |host: &mut Host, address: NewAddress, replace| {
        host.stack.add_address(USB0, &address, replace, host.now)
    };
    let good = new_address("2001:db8::1", 64);
    for (address, error) in [
        (NewAddress { address: ip("ff02::1"), ..good }, AddressError::BadAddress),
        (NewAddress { address: ip("::"), ..good }, AddressError::BadAddress),
        (NewAddress { address: ip("::1"), ..good }, AddressError::BadAddress),
        (NewAddress { address: ip("::ffff:1.2.3.4"), ..good }, AddressError::BadAddress),
        (NewAddress { prefix_length: 129, ..good }, AddressError::BadAddress),
        (
            NewAddress { valid_lifetime: 0, preferred_lifetime: 0, ..good },
            AddressError::BadLifetime,
        ),
        (NewAddress { valid_lifetime: 5, ..good }, AddressError::BadLifetime),
    ] {
        assert_eq!(add(&mut host, address, false), Err(error), "{address:?}");
    }
    add(&mut host, good, false).unwrap();
    let state = |host: &Host, text: &str| {
        let interface = host.stack.interface(USB0).unwrap();
        interface.addresses().find(|info| info.address == ip(text)).map(|info| info.state)
    };
    assert_eq!(state(&host, "2001:db8::1"), Some(AddressState::Tentative));
    let seen = host.run(Duration::from_secs(2));
    assert!(seen.iter().any(|seen| seen.icmpv6_type() == 135), "tested");
    assert_eq!(state(&host, "2001:db8::1"), Some(AddressState::Preferred));
    assert_eq!(add(&mut host, good, false), Err(AddressError::Exists));
    add(&mut host, NewAddress { preferred_lifetime: 0, valid_lifetime: 50, ..good }, true).unwrap();
    assert_eq!(state(&host, "2001:db8::1"), Some(AddressState::Deprecated));
    host.run(Duration::from_secs(50));
    assert_eq!(state(&host, "2001:db8::1"), None);
    // Two in one prefix: its route goes with the second.
    add(&mut host, NewAddress { no_duplicate_detection: true, ..good }, false).unwrap();
    assert_eq!(state(&host, "2001:db8::1"), Some(AddressState::Preferred));
    add(&mut host, new_address("2001:db8::2", 64), false).unwrap();
    add(&mut host, NewAddress { no_prefix_route: true, ..new_address("2001:db8:5::1", 64) }, false)
        .unwrap();
    assert_eq!(prefixes(&host), ["2001:db8::/64 2", "::1/128 1", "fe80::/64 2"]);
    let remove = |host: &mut Host, text: &str, length| {
        host.stack.remove_address(USB0, ip(text), length, host.now)
    };
    remove(&mut host, "2001:db8::1", Some(64)).unwrap();
    assert_eq!(remove(&mut host, "2001:db8::2", Some(48)), Err(AddressError::NotFound));
    assert_eq!(prefixes(&host).len(), 3);
    remove(&mut host, "2001:db8::2", None).unwrap();
    assert_eq!(prefixes(&host).len(), 2);
    assert_eq!(remove(&mut host, "2001:db8::2", None), Err(AddressError::NotFound));
    // Full.
    let mut added = 0;
    while add(&mut host, new_address(&format!("2001:db8:9::{added:x}:1"), 64), false).is_ok() {
        added += 1;
    }
    assert_eq!(added + 2, limits::ADDRESSES);
}

/// An address that is added while there is no carrier is tested when there is one.
#[test]
fn without_carrier_no_test_is_passed() {
    let mut host = Host::new(5, Config::default());
    host.stack.set_admin_up(USB0, true, host.now).unwrap();
    host.stack.add_address(USB0, &new_address("2001:db8::1", 64), false, host.now).unwrap();
    assert_eq!(host.run(Duration::from_secs(1000)), []);
    assert!(!host.stack.is_own_address(ip("2001:db8::1"), None));
    host.stack.set_link(USB0, LinkState::Up { speed: Some(100) }, host.now).unwrap();
    let seen = host.run(Duration::from_secs(3));
    assert_eq!(seen.iter().filter(|seen| seen.icmpv6_type() == 135).count(), 2);
    assert!(host.stack.is_own_address(ip("2001:db8::1"), None));
}

#[test]
fn routes() {
    let mut host = Host::up(6);
    let via = |text: &str| RouteAction::Via(ip(text));
    for (new, error) in [
        (route("::/0", via("2001:db8::1")), RouteError::GatewayUnreachable),
        (route("::/0", via(LINK_LOCAL)), RouteError::GatewayUnreachable),
        (route("::/0", via("ff02::2")), RouteError::GatewayUnreachable),
        (route("ff05::/16", RouteAction::OnLink), RouteError::BadPrefix),
        (
            Route { interface: InterfaceIndex::new(9).unwrap(), ..route("::/0", via("fe80::1")) },
            RouteError::NoInterface,
        ),
    ] {
        assert_eq!(host.stack.add_route(new, false), Err(error), "{new:?}");
    }
    let default = route("::/0", via("fe80::1"));
    host.stack.add_route(default, false).unwrap();
    assert_eq!(host.stack.add_route(default, false), Err(RouteError::Exists));
    host.stack.add_route(route("2001:db8:1::/64", RouteAction::OnLink), false).unwrap();
    host.stack.add_route(route("2001:db8:2::/64", via("2001:db8:1::1")), false).unwrap();
    let gateway =
        |host: &Host, to: &str| host.stack.route_to(ip(to), None, host.now).unwrap().gateway;
    assert_eq!(gateway(&host, "2600::1"), Some(ip("fe80::1")));
    assert_eq!(gateway(&host, "2001:db8:1::7"), None);
    assert_eq!(gateway(&host, "2001:db8:2::7"), Some(ip("2001:db8:1::1")));
    host.stack.add_route(route("::/0", via("fe80::2")), true).unwrap();
    assert_eq!(gateway(&host, "2600::1"), Some(ip("fe80::2")), "replaced");
    // Refusing routes.
    for (action, error) in [
        (RouteAction::Blackhole, NoRoute::Blackhole),
        (RouteAction::Unreachable, NoRoute::Unreachable),
        (RouteAction::Prohibit, NoRoute::Prohibited),
    ] {
        host.stack.add_route(route("2001:db8:3::/64", action), true).unwrap();
        assert_eq!(host.stack.route_to(ip("2001:db8:3::1"), None, host.now), Err(error));
    }
    let selector = RouteSelector::prefix("2001:db8:3::/64".parse().unwrap());
    let other = RouteSelector { metric: Some(5), ..selector };
    assert_eq!(host.stack.remove_route(&other), Err(RouteError::NotFound));
    host.stack.remove_route(&selector).unwrap();
    assert_eq!(host.stack.remove_route(&selector), Err(RouteError::NotFound));
    assert_eq!(gateway(&host, "2001:db8:3::1"), Some(ip("fe80::2")));
}

/// What `ip route get` shows of the route that was found.
#[test]
fn the_route_to_a_destination_is_told() {
    let mut host = Host::up(6);
    let default = Route { metric: 77, ..route("::/0", RouteAction::Via(ip("fe80::1"))) };
    host.stack.add_route(default, false).unwrap();
    let told = |to: &str| {
        let found = host.stack.route_to(ip(to), Some(USB0), host.now).unwrap();
        (found.table, found.metric, found.protocol)
    };
    assert_eq!(told("2600::1"), (Table::Main, 77, default.protocol));
    assert_eq!(told("fe80::9"), (Table::Main, Route::METRIC_CONNECTED, RouteProtocol::Kernel));
    assert_eq!(told("ff02::1"), (Table::Local, Route::METRIC_CONNECTED, RouteProtocol::Kernel));
    assert_eq!(told(LINK_LOCAL), (Table::Local, 0, RouteProtocol::Kernel));
}

#[test]
fn neighbors() {
    let mut host = Host::up(7);
    let mut set = |address: &str, mac: MacAddress, permanent, replace| {
        host.stack.set_neighbor(USB0, ip(address), mac, permanent, replace, host.now)
    };
    assert_eq!(set("ff02::1", PEER.mac, true, false), Err(NeighborError::BadAddress));
    assert_eq!(set(LINK_LOCAL, PEER.mac, true, false), Err(NeighborError::BadAddress));
    assert_eq!(set("fe80::9", MacAddress::BROADCAST, true, false), Err(NeighborError::BadAddress));
    set("fe80::9", PEER.mac, true, false).unwrap();
    assert_eq!(set("fe80::9", PEER.mac, false, false), Err(NeighborError::Exists));
    set("fe80::9", PEER.mac, false, true).unwrap();
    set("fe80::a", PEER.mac, true, false).unwrap();
    assert_eq!(
        host.stack.set_neighbor(LO, ip("fe80::9"), PEER.mac, true, false, host.now),
        Err(NeighborError::NoInterface)
    );
    let states: Vec<_> = host.stack.neighbors().map(|info| (info.address, info.state)).collect();
    assert_eq!(
        states,
        [(ip("fe80::9"), NeighborState::Stale), (ip("fe80::a"), NeighborState::Permanent)]
    );
    // Deleting drops what waits.
    let echo = Icmpv6Message::EchoRequest(Echo { identifier: 1, sequence: 1, data: b"" });
    host.message(Peer { address: ip("fe80::b"), ..PEER }, LINK_LOCAL, &echo);
    host.stack.remove_neighbor(USB0, ip("fe80::b")).unwrap();
    assert_eq!(host.drops(DropReason::NeighborRemoved), 1);
    assert_eq!(host.stack.remove_neighbor(USB0, ip("fe80::b")), Err(NeighborError::NotFound));
    host.stack.remove_neighbors(USB0, |info| info.state != NeighborState::Permanent);
    assert_eq!(host.stack.neighbor_count(), 1);
}

#[test]
fn settings() {
    let mut host = Host::new(8, Config::default());
    let settings = InterfaceSettings {
        accept_router_advertisements: false,
        link_local_address: false,
        ..InterfaceSettings::default()
    };
    host.stack.set_interface_settings(USB0, settings.clone(), host.now).unwrap();
    host.plug_in();
    assert_eq!(host.run(Duration::from_secs(100)), [], "nothing by itself");
    let solicit = InterfaceSettings { accept_router_advertisements: true, ..settings };
    host.stack.set_interface_settings(USB0, solicit, host.now).unwrap();
    host.stack.set_admin_up(USB0, false, host.now).unwrap();
    host.plug_in();
    let seen = host.run(Duration::from_secs(2));
    assert_eq!(seen.len(), 1);
    assert_eq!((seen[0].icmpv6_type(), seen[0].header.source), (133, ip("::")));
    host.stack.set_mtu(USB0, 1400, host.now).unwrap();
    assert_eq!(host.stack.interface(USB0).unwrap().mtu(), 1400);
    assert_eq!(host.stack.set_mtu(USB0, 1279, host.now), Err(InterfaceError::BadMtu));
}

/// Nobody fetches events: one more says so, and sockets are never lost.
#[test]
fn events_that_overflow() {
    let mut host = Host::up(9);
    host.events();
    let id = host.stack.open_socket(crate::socket::SocketKind::Udp).unwrap();
    for _ in 0..limits::EVENTS {
        host.stack.set_mtu(USB0, 1400, host.now).unwrap();
        host.stack.set_mtu(USB0, 1500, host.now).unwrap();
    }
    host.stack.notify_socket(id);
    let events = host.events();
    assert_eq!(events.len(), limits::EVENTS + 2);
    assert_eq!(events[0], Event::Socket(id));
    assert_eq!(events[limits::EVENTS + 1], Event::Lost);
    assert!(!host.stack.has_event());
    assert_eq!(host.stack.table_full(crate::counters::TableFull::Events), limits::EVENTS as u64);
}

/// Rows: SEL-6
#[test]
fn sources_are_addresses_of_the_outgoing_link() {
    let mut host = Host::up(20);
    let mac = crate::netif::MacAddress([2, 0, 0, 0, 0, 0x33]);
    let kind = InterfaceKind::Ethernet { mac };
    let config = InterfaceConfig { name: "usb1", kind, mtu: 1500 };
    let usb1 = host.stack.add_interface(&config).unwrap();
    host.stack.set_admin_up(usb1, true, host.now).unwrap();
    let up = crate::netif::LinkState::Up { speed: None };
    host.stack.set_link(usb1, up, host.now).unwrap();
    for (index, address) in [(USB0, "2001:db8:1::5"), (usb1, "2001:db8:2::5")] {
        host.stack.add_address(index, &new_address(address, 64), false, host.now).unwrap();
    }
    host.run(Duration::from_secs(3));
    for index in [USB0, usb1] {
        let own = |host: &Host, address| {
            let mut addresses = host.stack.interface(index).unwrap().addresses();
            addresses.any(|info| Some(info.address) == address)
        };
        for to in ["ff02::1", "ff05::1", "ff0e::1", "fe80::9"] {
            let source = host.stack.route_to(ip(to), Some(index), host.now).unwrap().source;
            assert!(own(&host, source), "{to} from {source:?}");
        }
    }
}
