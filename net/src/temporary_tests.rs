//! Temporary addresses in virtual time.

use crate::address::Prefix;
use crate::config::{Config, InterfaceSettings, TemporaryAddresses};
use crate::counters::TableFull;
use crate::limits;
use crate::netif::{LinkState, MacAddress};
use crate::test_host::{Host, Peer, ROUTER, Seen, USB0, ip};
use crate::time::Duration;
use crate::unicast::{AddressInfo, AddressOrigin, AddressState};
use crate::wire::icmpv6::Icmpv6Message;
use crate::wire::ndp::{NeighborAdvertisement, RouterAdvertisement};
use crate::wire::ndp_option::{
    Lifetime, NdpOption, NdpOptions, PrefixInformation, RouterPreference,
};
use core::net::Ipv6Addr;

const DAY: u64 = 86_400;
const PREFIX: &str = "2001:db8:1::/64";

fn config(temporary: TemporaryAddresses) -> Config {
    let interface = InterfaceSettings { temporary, ..InterfaceSettings::DEFAULT };
    Config { interface, ..Config::DEFAULT }
}

fn host(seed: u64, temporary: TemporaryAddresses) -> Host {
    let mut host = Host::new(seed, config(temporary));
    host.plug_in();
    host.run(Duration::from_secs(3));
    host
}

fn advertise(host: &mut Host, prefix: &str, valid: u32, preferred: u32) {
    let options = [NdpOption::PrefixInformation(PrefixInformation {
        prefix: prefix.parse().unwrap(),
        on_link: true,
        autonomous: true,
        valid_lifetime: Lifetime::from_secs(valid),
        preferred_lifetime: Lifetime::from_secs(preferred),
    })];
    let message = Icmpv6Message::RouterAdvertisement(RouterAdvertisement {
        hop_limit: None,
        managed: false,
        other: false,
        preference: RouterPreference::Medium,
        router_lifetime: Duration::from_secs(40_000),
        reachable_time: None,
        retrans_timer: None,
        options: NdpOptions::new(&options),
    });
    host.message(ROUTER, "ff02::1", &message);
}

fn temporaries(host: &Host) -> Vec<AddressInfo> {
    let interface = host.stack.interface(USB0).unwrap();
    interface.addresses().filter(|info| info.origin == AddressOrigin::Temporary).collect()
}

fn left(host: &Host, info: &AddressInfo) -> (u64, u64) {
    let secs = |expiry: crate::expiry::Expiry| expiry.remaining_secs(host.now).into();
    (secs(info.preferred), secs(info.valid))
}

fn solicited(seen: &Seen) -> Option<Ipv6Addr> {
    match seen.icmpv6() {
        Some(Icmpv6Message::NeighborSolicitation(message)) => Some(message.target),
        _ => None,
    }
}

/// Rows: TMP-1, TMP-2, DAD-1
#[test]
fn beside_the_stable_address_only_when_wanted() {
    let mut without = host(1, TemporaryAddresses::Off);
    advertise(&mut without, PREFIX, u32::MAX, u32::MAX);
    without.run(Duration::from_secs(5));
    assert_eq!(temporaries(&without), []);
    for seed in 0..20 {
        let mut host = host(seed, TemporaryAddresses::Available);
        advertise(&mut host, PREFIX, u32::MAX, u32::MAX);
        let seen = host.run(Duration::from_secs(5));
        let [temporary] = temporaries(&host)[..] else { panic!("one") };
        assert_eq!(temporary.state, AddressState::Preferred);
        assert!(seen.iter().any(|seen| solicited(seen) == Some(temporary.address)), "tested");
        // A day less up to four tenths, and two days.
        let (preferred, valid) = left(&host, &temporary);
        assert!((DAY * 6 / 10 - 6..DAY).contains(&preferred), "{preferred}");
        assert!((2 * DAY - 6..=2 * DAY).contains(&valid), "{valid}");
        let stable = host.stack.interface(USB0).unwrap().addresses();
        let stable = stable.filter(|info| info.manages_temporary).collect::<Vec<_>>();
        assert_eq!(stable.len(), 1);
        assert_ne!(stable[0].address.octets()[8..], temporary.address.octets()[8..]);
    }
}

/// Rows: TMP-2
#[test]
fn never_longer_than_the_prefix_nor_than_its_own_limits() {
    let mut host = host(2, TemporaryAddresses::Available);
    advertise(&mut host, PREFIX, 10_000, 5000);
    host.run(Duration::from_secs(3));
    let of = |host: &Host| left(host, &temporaries(host)[0]);
    assert_eq!(of(&host), (4997, 9997));
    // Refreshed as the prefix is, until the limits from its creation.
    host.run(Duration::from_secs(4000));
    advertise(&mut host, PREFIX, u32::MAX, u32::MAX);
    let (preferred, valid) = of(&host);
    assert_eq!(valid, 2 * DAY - 4003);
    let limit = preferred + 4003;
    assert!((DAY * 6 / 10..=DAY).contains(&limit), "{limit}");
    assert_eq!(temporaries(&host).len(), 1);
    // The prefix is deprecated, and so is the address; it comes back with it.
    advertise(&mut host, PREFIX, 10_000, 0);
    assert_eq!(temporaries(&host)[0].state, AddressState::Deprecated);
    advertise(&mut host, PREFIX, 10_000, 9000);
    assert_eq!(
        (temporaries(&host).len(), temporaries(&host)[0].state),
        (1, AddressState::Preferred)
    );
}

/// Rows: TMP-5
#[test]
fn none_for_a_prefix_that_is_not_preferred() {
    let mut host = host(3, TemporaryAddresses::Preferred);
    // Five seconds are REGEN_ADVANCE: two, and one probe of one second that may fail three times.
    for preferred in [0, 5] {
        advertise(&mut host, PREFIX, 10_000, preferred);
        host.run(Duration::from_secs(6));
        assert_eq!(temporaries(&host), []);
    }
    advertise(&mut host, PREFIX, 10_000, 6);
    assert_eq!(temporaries(&host).len(), 1);
}

/// Rows: TMP-3, SEL-5
#[test]
fn each_has_its_successor_in_time() {
    let mut host = host(4, TemporaryAddresses::Preferred);
    let mut used = Vec::new();
    // Two weeks with an advertisement every six hours.
    for _ in 0..56 {
        advertise(&mut host, PREFIX, 7 * DAY as u32, 3 * DAY as u32);
        let end = host.now + Duration::from_secs(DAY / 4);
        while host.now < end {
            let step = Duration::from_secs(900).min(end.saturating_since(host.now));
            host.run(step);
            let all = temporaries(&host);
            let preferred: Vec<_> =
                all.iter().filter(|info| info.state == AddressState::Preferred).collect();
            assert!((1..=2).contains(&preferred.len()), "{all:?}");
            assert!(all.len() <= 5, "{all:?}");
            let route = host.stack.route_to(ip("2001:db8:9::1"), None, host.now).unwrap();
            assert!(preferred.iter().any(|info| Some(info.address) == route.source));
            used.extend(preferred.iter().map(|info| info.address));
        }
    }
    used.sort_unstable();
    used.dedup();
    assert!((14..=25).contains(&used.len()), "{}", used.len());
}

/// Rows: TMP-4, DAD-10
#[test]
fn duplicates_are_replaced_three_times() {
    let mut host = host(5, TemporaryAddresses::Preferred);
    advertise(&mut host, PREFIX, u32::MAX, u32::MAX);
    let thief = Peer { mac: MacAddress([2, 0, 0, 0, 0, 9]), address: ROUTER.address };
    let mut tried = Vec::new();
    for _ in 0..100 {
        let seen = host.run(Duration::from_millis(200));
        for target in seen.iter().filter_map(solicited) {
            if temporaries(&host).iter().any(|info| info.address == target) {
                tried.push(target);
                let message = Icmpv6Message::NeighborAdvertisement(NeighborAdvertisement {
                    router: false,
                    solicited: false,
                    overrides: true,
                    target,
                    options: NdpOptions::EMPTY,
                });
                host.message(thief, "ff02::1", &message);
            }
        }
    }
    let distinct: std::collections::BTreeSet<_> = tried.iter().collect();
    assert_eq!((tried.len(), distinct.len()), (4, 4));
    assert_eq!(temporaries(&host)[0].state, AddressState::Duplicated);
    // No more for this prefix, but for others.
    advertise(&mut host, PREFIX, u32::MAX, u32::MAX);
    advertise(&mut host, "2001:db8:2::/64", u32::MAX, u32::MAX);
    host.run(Duration::from_secs(10));
    let other: Prefix = "2001:db8:2::/64".parse().unwrap();
    let states: Vec<_> =
        temporaries(&host).iter().map(|info| (other.contains(info.address), info.state)).collect();
    assert_eq!(states, [(false, AddressState::Duplicated), (true, AddressState::Preferred)]);
}

/// Rows: TMP-5
#[test]
fn they_go_with_the_prefix_with_the_link_and_with_the_setting() {
    let mut host = host(6, TemporaryAddresses::Preferred);
    advertise(&mut host, PREFIX, 8000, 8000);
    host.run(Duration::from_secs(3));
    let first = temporaries(&host)[0].address;
    host.stack.set_link(USB0, LinkState::Down, host.now).unwrap();
    host.run(Duration::from_secs(1));
    host.stack.set_link(USB0, LinkState::Up { speed: None }, host.now).unwrap();
    assert_eq!(temporaries(&host), []);
    advertise(&mut host, PREFIX, 8000, 8000);
    host.run(Duration::from_secs(3));
    let second = temporaries(&host)[0].address;
    assert_ne!(first, second);
    // The user changes the mind, twice.
    let mut settings = host.stack.interface(USB0).unwrap().settings().clone();
    settings.temporary = TemporaryAddresses::Off;
    host.stack.set_interface_settings(USB0, settings.clone(), host.now).unwrap();
    assert_eq!(temporaries(&host), []);
    settings.temporary = TemporaryAddresses::Available;
    host.stack.set_interface_settings(USB0, settings, host.now).unwrap();
    assert_eq!(temporaries(&host).len(), 1);
    let stable = host.stack.route_to(ip("2001:db8:9::1"), None, host.now).unwrap().source;
    assert_ne!(stable, Some(temporaries(&host)[0].address), "available is not preferred");
    host.run(Duration::from_secs(9000));
    assert_eq!(temporaries(&host), [], "the prefix is gone");
    assert_eq!(host.stack.interface(USB0).unwrap().addresses().count(), 1);
}

/// Rows: ADR-14, ADR-2
#[test]
fn addresses_of_all_kinds_live_side_by_side() {
    use AddressState::{Deprecated, Preferred, Tentative};
    let mut host = host(8, TemporaryAddresses::Preferred);
    advertise(&mut host, PREFIX, 9000, 8000);
    for (address, valid, preferred) in [("2001:db8:1::5", u32::MAX, 100), ("2001:db8:1::6", 50, 50)]
    {
        // As the user and as DHCPv6 would.
        let new = crate::manage::NewAddress {
            address: ip(address),
            prefix_length: 128,
            preferred_lifetime: preferred,
            valid_lifetime: valid,
            no_duplicate_detection: false,
            no_prefix_route: true,
        };
        host.stack.add_address(USB0, &new, false, host.now).unwrap();
    }
    let states = |host: &Host| {
        let interface = host.stack.interface(USB0).unwrap();
        let mut all: Vec<_> =
            interface.addresses().map(|info| (info.origin as u8, info.state)).collect();
        all.sort_unstable_by_key(|(origin, _)| *origin);
        all.into_iter().map(|(_, state)| state).collect::<Vec<_>>()
    };
    // Link-local, stable, temporary, manual twice.
    assert_eq!(states(&host), [Preferred, Tentative, Tentative, Tentative, Tentative]);
    host.run(Duration::from_secs(40));
    assert_eq!(states(&host), [Preferred; 5]);
    host.run(Duration::from_secs(70));
    assert_eq!(states(&host), [Preferred, Preferred, Preferred, Deprecated]);
    host.run(Duration::from_secs(7900));
    assert_eq!(states(&host), [Preferred, Deprecated, Deprecated, Deprecated]);
}

/// Rows: ADR-11
#[test]
fn no_bit_of_a_random_identifier_means_anything() {
    let (mut set, mut clear) = (0_u64, 0_u64);
    for seed in 0..60 {
        let mut host = host(seed, TemporaryAddresses::Available);
        advertise(&mut host, PREFIX, 9000, 8000);
        let identifier = u128::from(temporaries(&host)[0].address) as u64;
        set |= identifier;
        clear |= !identifier;
    }
    assert_eq!((set, clear), (u64::MAX, u64::MAX), "universal and group bits as any other");
}

/// Rows: RD-20
#[test]
fn a_flood_of_prefixes_leaves_room() {
    let mut host = host(7, TemporaryAddresses::Preferred);
    for number in 0..200 {
        advertise(&mut host, &format!("2001:db8:{number:x}::/64"), 8000, 8000);
        host.run(Duration::from_millis(100));
    }
    assert_eq!(temporaries(&host).len(), limits::TEMPORARY_ADDRESSES);
    assert!(host.stack.table_full(TableFull::Addresses) > 0);
    let all = host.stack.interface(USB0).unwrap().addresses().count();
    assert!(all < limits::ADDRESSES);
}
