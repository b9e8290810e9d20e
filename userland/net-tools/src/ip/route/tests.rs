//! Routes as `ip` prints them, compared with what iproute2 6.1 printed for the same messages.

use alloc::string::String;
use alloc::vec::Vec;
use core::net::IpAddr;

use linux_raw_sys::netlink::{RTAX_HOPLIMIT, RTAX_MTU, RTM_NEWROUTE, rtattr_type_t as rta};

use super::{Filter, MAIN, Match, Route};
use crate::ip::interfaces::Interfaces;
use crate::ip::link::Link;
use crate::ip::style::Style;
use crate::netlink::Request;
use crate::prefix::{Prefix, octets};

struct Given<'a> {
    to: &'a str,
    table: u8,
    protocol: u8,
    kind: u8,
    metric: u32,
}

fn message(given: &Given<'_>) -> Request {
    let to = Prefix::parse(given.to).unwrap();
    let fixed = [10, to.length, 0, 0, given.table, given.protocol, 0, given.kind, 0, 0, 0, 0];
    let mut message = Request::new(RTM_NEWROUTE as u32, 0, &fixed);
    if to.length != 0 {
        message.attribute(rta::RTA_DST as u32, &octets(to.address));
    }
    message
        .u32(rta::RTA_TABLE as u32, given.table.into())
        .u32(rta::RTA_PRIORITY as u32, given.metric)
        .u32(rta::RTA_OIF as u32, 2);
    message
}

fn cache(expires: i32) -> Vec<u8> {
    let mut bytes = [0; 32];
    bytes[8..12].copy_from_slice(&expires.to_ne_bytes());
    bytes.to_vec()
}

fn router() -> IpAddr {
    "fe80::2".parse().unwrap()
}

fn print(message: &Request, style: Style, filter: &Filter) -> String {
    let interfaces =
        Interfaces::from_links(&[Link { index: 2, name: "usb0".into(), ..Link::default() }]);
    Route::parse(message.payload()).unwrap().text(&interfaces, style, filter)
}

const LINK_LOCAL: Given<'_> =
    Given { to: "fe80::/64", table: 254, protocol: 2, kind: 1, metric: 256 };
const DEFAULT: Given<'_> = Given { to: "::/0", table: 254, protocol: 9, kind: 1, metric: 1024 };

#[test]
fn as_iproute2_prints_them() {
    let main = Filter { table: Some(MAIN), ..Filter::default() };
    let plain = Style::default();
    let mut route = message(&LINK_LOCAL);
    route.u8(rta::RTA_PREF as u32, 0);
    assert_eq!(
        print(&route, plain, &main),
        "fe80::/64 dev usb0 proto kernel metric 256 pref medium\n"
    );

    let mut route = message(&DEFAULT);
    route
        .attribute(rta::RTA_GATEWAY as u32, &octets(router()))
        .attribute(rta::RTA_CACHEINFO as u32, &cache(179_950))
        .nested(rta::RTA_METRICS as u32, |metrics| {
            metrics.u32(RTAX_HOPLIMIT as u32, 64);
        })
        .u8(rta::RTA_PREF as u32, 3);
    assert_eq!(
        print(&route, plain, &main),
        "default via fe80::2 dev usb0 proto ra metric 1024 expires 1799sec hoplimit 64 pref low\n"
    );
    let details = Style { details: true, ..plain };
    assert_eq!(
        print(&route, details, &Filter::default()),
        "unicast default via fe80::2 dev usb0 table main proto ra scope global metric 1024 \
         expires 1799sec hoplimit 64 pref low\n"
    );
    let local = Given { to: "::1/128", table: 255, protocol: 2, kind: 2, metric: 0 };
    let mut route = message(&local);
    route.u8(rta::RTA_PREF as u32, 0);
    assert_eq!(
        print(&route, plain, &Filter::default()),
        "local ::1 dev usb0 table local proto kernel metric 0 pref medium\n"
    );
    let on_device = Filter { interface: Some(2), ..main };
    let static_route = Given { to: "3004::/64", table: 254, protocol: 3, kind: 1, metric: 1024 };
    let mut route = message(&static_route);
    route
        .nested(rta::RTA_METRICS as u32, |metrics| {
            metrics.u32(RTAX_MTU as u32, 1400).u32(RTAX_HOPLIMIT as u32, u32::MAX);
        })
        .u8(rta::RTA_PREF as u32, 1);
    assert_eq!(print(&route, plain, &on_device), "3004::/64 metric 1024 mtu 1400 pref high\n");
}

#[test]
fn answers_to_route_get() {
    let fixed = [10, 128, 128, 0, 254, 2, 0, 1, 0, 0, 0, 0];
    let mut route = Request::new(RTM_NEWROUTE as u32, 0, &fixed);
    let to: IpAddr = "2001:db8::9".parse().unwrap();
    let from: IpAddr = "2001:db8::5".parse().unwrap();
    route
        .u32(rta::RTA_TABLE as u32, 254)
        .attribute(rta::RTA_DST as u32, &octets(to))
        .attribute(rta::RTA_SRC as u32, &[0; 16])
        .attribute(rta::RTA_PREFSRC as u32, &octets(from))
        .u32(rta::RTA_PRIORITY as u32, 256)
        .u32(rta::RTA_OIF as u32, 2)
        .u8(rta::RTA_PREF as u32, 0);
    assert_eq!(
        print(&route, Style::default(), &Filter::default()),
        "2001:db8::9 from :: dev usb0 proto kernel src 2001:db8::5 metric 256 pref medium\n"
    );
}

#[test]
fn several_next_hops() {
    let mut hop = Vec::from(28u16.to_ne_bytes());
    hop.extend([4, 0]);
    hop.extend(2u32.to_ne_bytes());
    hop.extend(20u16.to_ne_bytes());
    hop.extend(5u16.to_ne_bytes());
    hop.extend(octets(router()));
    let mut route = message(&LINK_LOCAL);
    route.attribute(rta::RTA_MULTIPATH as u32, &[hop.as_slice(), &hop, &[9, 0]].concat());
    assert_eq!(
        print(&route, Style::default(), &Filter { table: Some(MAIN), ..Filter::default() }),
        "fe80::/64 dev usb0 proto kernel metric 256 \
         \n\tnexthop via fe80::2 dev usb0 weight 1 onlink \
         \n\tnexthop via fe80::2 dev usb0 weight 1 onlink \n"
    );
}

#[test]
fn filters() {
    let parse = |given| Route::parse(message(given).payload()).unwrap();
    let (link_local, default) = (parse(&LINK_LOCAL), parse(&DEFAULT));
    let to = |how: fn(Prefix) -> Match, text| Filter {
        destination: Some(how(Prefix::parse(text).unwrap())),
        ..Filter::default()
    };
    for (filter, expected) in [
        (Filter::default(), [true, true]),
        (Filter { table: Some(255), ..Filter::default() }, [false, false]),
        (Filter { protocol: Some(9), ..Filter::default() }, [false, true]),
        (Filter { interface: Some(2), priority: Some(256), ..Filter::default() }, [true, false]),
        (Filter { gateway: Some(router()), ..Filter::default() }, [false, false]),
        (Filter { cloned: true, ..Filter::default() }, [false, false]),
        (to(Match::Exact, "fe80::/64"), [true, false]),
        (to(Match::Exact, "::/0"), [false, true]),
        (to(Match::Root, "fe80::/10"), [true, false]),
        (to(Match::Match, "fe80::1"), [true, true]),
        (to(Match::Match, "2001::1"), [false, true]),
    ] {
        let accepted = [filter.accepts(&link_local), filter.accepts(&default)];
        assert_eq!(accepted, expected, "{filter:?}");
    }
}

#[test]
fn too_short_to_be_a_route() {
    let message = message(&DEFAULT);
    for end in 0..12 {
        assert_eq!(Route::parse(&message.payload()[..end]), None, "{end}");
    }
}
