//! `ip route`: show, get, add, append, change, replace, del, flush.

use alloc::vec::Vec;
use core::mem::{offset_of, size_of};
use core::net::IpAddr;

use linux_raw_sys::netlink::{
    NLM_F_APPEND, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE, RTAX_ADVMSS, RTAX_HOPLIMIT, RTAX_LOCK,
    RTAX_MTU, RTM_DELROUTE, RTM_F_LOOKUP_TABLE, RTM_GETROUTE, RTM_NEWROUTE, RTN_UNICAST,
    RTNH_F_ONLINK, RTPROT_BOOT, rt_class_t, rt_scope_t, rtattr_type_t as rta, rtmsg,
};

use super::arguments::{Family, Words, address, matches, number, prefix};
use super::failure::Failure;
use super::interfaces::Interfaces;
use super::names::{PROTOCOLS, ROUTE_TYPES, SCOPES, TABLES, value};
use super::route::{Filter, MAIN, Match, Route};
use super::session::Session;
use crate::netlink::{Record, Request, field};
use crate::prefix::{Prefix, octets};

/// What `ip route help` prints.
pub const USAGE: &str = "\
Usage: ip route { list | flush } SELECTOR
       ip route get ADDRESS [ from ADDRESS iif STRING ]
                            [ oif STRING ]
       ip route { add | del | change | append | replace } ROUTE
SELECTOR := [ root PREFIX ] [ match PREFIX ] [ exact PREFIX ]
            [ table TABLE_ID ] [ proto RTPROTO ] [ dev STRING ] [ via ADDRESS ]
            [ type TYPE ] [ scope SCOPE ] [ metric METRIC ]
ROUTE := NODE_SPEC [ INFO_SPEC ]
NODE_SPEC := [ TYPE ] PREFIX
             [ table TABLE_ID ] [ proto RTPROTO ]
             [ scope SCOPE ] [ metric METRIC ]
INFO_SPEC := [ via [ inet6 ] ADDRESS ] [ dev STRING ] OPTIONS [ onlink ]
OPTIONS := [ mtu [ lock ] NUMBER ] [ advmss NUMBER ] [ src ADDRESS ]
           [ hoplimit NUMBER ] [ pref PREF ] [ expires SECONDS ]
TYPE := { unicast | local | broadcast | multicast | throw |
          unreachable | prohibit | blackhole }
TABLE_ID := [ local | main | default | all | NUMBER ]
SCOPE := [ host | link | global | NUMBER ]
RTPROTO := [ kernel | boot | static | ra | NUMBER ]
PREF := [ low | medium | high ]
Without -4 or -6 IPv4 routes are shown, and where there are none, IPv6 routes.
";

/// Runs `ip route …`.
pub fn run(session: &mut Session, mut words: Words<'_>) -> Result<(), Failure> {
    let Some(word) = words.next() else { return show(session, words) };
    let new = RTM_NEWROUTE as u32;
    match word {
        _ if matches(word, "list") || matches(word, "show") || matches(word, "lst") => {
            show(session, words)
        }
        _ if matches(word, "get") => get(session, words),
        _ if matches(word, "add") => modify(session, words, new, NLM_F_CREATE | NLM_F_EXCL),
        _ if matches(word, "append") => modify(session, words, new, NLM_F_CREATE | NLM_F_APPEND),
        _ if matches(word, "change") || word == "chg" => modify(session, words, new, NLM_F_REPLACE),
        _ if matches(word, "replace") => modify(session, words, new, NLM_F_CREATE | NLM_F_REPLACE),
        _ if matches(word, "prepend") => modify(session, words, new, NLM_F_CREATE),
        _ if matches(word, "delete") => modify(session, words, RTM_DELROUTE as u32, 0),
        _ if matches(word, "flush") => flush(session, words),
        _ if matches(word, "help") => Err(Failure::usage(USAGE.trim_end())),
        _ => Err(Failure::command("route", word)),
    }
}

/// The number of a name in a table, of at most 8 bits.
fn byte_of(table: &'static [(u32, &'static str)], text: &str) -> Option<u8> {
    value(table, text).and_then(|number| u8::try_from(number).ok())
}

/// What the words of `show` and `flush` ask for. `device` is resolved by the caller.
fn selection<'a>(
    words: &mut Words<'a>,
    family: Family,
) -> Result<(Filter, Option<&'a str>), Failure> {
    let mut filter = Filter { table: Some(MAIN), ..Filter::default() };
    let mut device = None;
    while let Some(word) = words.next() {
        match word {
            _ if matches(word, "table") => {
                let text = words.value()?;
                match text {
                    "all" => filter.table = None,
                    "cache" => (filter.table, filter.cloned) = (None, true),
                    _ => {
                        let table = value(TABLES, text);
                        let invalid = || Failure::invalid(text, "table id value is invalid\n");
                        filter.table = Some(table.ok_or_else(invalid)?);
                    }
                }
            }
            "cached" | "cloned" => (filter.table, filter.cloned) = (None, true),
            _ if matches(word, "protocol") => {
                let text = words.value()?;
                let invalid = || Failure::invalid(text, "invalid \"protocol\"\n");
                filter.protocol = match text {
                    "all" => None,
                    _ => Some(byte_of(PROTOCOLS, text).ok_or_else(invalid)?),
                };
            }
            _ if matches(word, "scope") => {
                let text = words.value()?;
                let invalid = || Failure::invalid(text, "invalid \"scope\"\n");
                filter.scope = match text {
                    "all" => None,
                    _ => Some(byte_of(SCOPES, text).ok_or_else(invalid)?),
                };
            }
            _ if matches(word, "type") => {
                let text = words.value()?;
                let invalid = || Failure::invalid(text, "node type value is invalid\n");
                filter.kind = Some(byte_of(ROUTE_TYPES, text).ok_or_else(invalid)?);
            }
            "dev" | "oif" => device = Some(words.value()?),
            "via" => {
                let mut text = words.value()?;
                if matches!(text, "inet" | "inet6") {
                    text = words.value()?;
                }
                filter.gateway = Some(address(text, family)?);
            }
            "metric" | "priority" | "preference" => {
                filter.priority = Some(words.number("metric")?);
            }
            "root" => filter.destination = Some(Match::Root(words.prefix(family)?)),
            "match" => filter.destination = Some(Match::Match(words.prefix(family)?)),
            "exact" => filter.destination = Some(Match::Exact(words.prefix(family)?)),
            _ if matches(word, "help") => return Err(Failure::usage(USAGE.trim_end())),
            _ => {
                let mut text = if word == "to" { words.value()? } else { word };
                let how = match text {
                    "root" => Match::Root,
                    "match" => Match::Match,
                    _ => Match::Exact,
                };
                if matches!(text, "root" | "match" | "exact") {
                    text = words.value()?;
                }
                filter.destination = Some(how(prefix(text, family)?));
            }
        }
    }
    Ok((filter, device))
}

fn index_of(interfaces: &Interfaces, device: Option<&str>) -> Result<Option<u32>, Failure> {
    device.map(|name| interfaces.index(name).ok_or_else(|| Failure::no_device(name))).transpose()
}

/// All routes of a family, each with the message it came in.
fn read(session: &mut Session, family: Family) -> Result<Vec<(Route, Record)>, Failure> {
    let mut fixed = [0; size_of::<rtmsg>()];
    field::put(&mut fixed, offset_of!(rtmsg, rtm_family), &[family.number()]);
    let records = session.dump(Request::new(RTM_GETROUTE as u32, 0, &fixed))?;
    let of_family = |record: Record| {
        let route = Route::parse(&record.payload)?;
        family.wants(route.family).then_some((route, record))
    };
    Ok(records.into_iter().filter_map(of_family).collect())
}

/// The family whose routes are shown when none was asked for: IPv4 where it has routes, as
/// iproute2 does, else IPv6.
fn shown_family(session: &mut Session, filter: &Filter) -> Family {
    match session.style.family {
        Family::Any => {}
        family => return family,
    }
    if let Some(Match::Root(prefix) | Match::Match(prefix) | Match::Exact(prefix)) =
        filter.destination
        && prefix.length != 0
    {
        return Family::of(prefix.address);
    }
    // A kernel without IPv4 may refuse the question.
    let any = read(session, Family::Inet)
        .is_ok_and(|routes| routes.iter().any(|(route, _)| route.table == MAIN));
    if any { Family::Inet } else { Family::Inet6 }
}

fn show(session: &mut Session, mut words: Words<'_>) -> Result<(), Failure> {
    let (mut filter, device) = selection(&mut words, session.style.family)?;
    let interfaces = session.interfaces()?;
    filter.interface = index_of(&interfaces, device)?;
    let family = shown_family(session, &filter);
    for (route, _) in read(session, family)? {
        if filter.accepts(&route) {
            rt::print!("{}", route.text(&interfaces, session.style, &filter));
        }
    }
    Ok(())
}

fn flush(session: &mut Session, mut words: Words<'_>) -> Result<(), Failure> {
    if words.is_empty() {
        return Err(Failure::other("\"ip route flush\" requires arguments."));
    }
    let (mut filter, device) = selection(&mut words, session.style.family)?;
    let interfaces = session.interfaces()?;
    filter.interface = index_of(&interfaces, device)?;
    let family = shown_family(session, &filter);
    session.flush("entries", |session| {
        Ok(read(session, family)?
            .into_iter()
            .filter(|(route, _)| filter.accepts(route))
            .map(|(_, record)| Request::new(RTM_DELROUTE as u32, 0, &record.payload))
            .collect())
    })
}

fn get(session: &mut Session, mut words: Words<'_>) -> Result<(), Failure> {
    let family = session.style.family;
    let interfaces = session.interfaces()?;
    let (mut to, mut from, mut input, mut output) = (None, None, None, None);
    while let Some(word) = words.next() {
        match word {
            _ if matches(word, "from") => {
                from = Some(words.prefix(family)?);
            }
            "iif" => input = Some(words.value()?),
            "oif" | "dev" => output = Some(words.value()?),
            _ if matches(word, "help") => return Err(Failure::usage(USAGE.trim_end())),
            _ => {
                let text = if word == "to" { words.value()? } else { word };
                to = Some(prefix(text, family)?);
            }
        }
    }
    let to = to.ok_or_else(|| Failure::other("need at least a destination address"))?;
    let mut fixed = [0; size_of::<rtmsg>()];
    field::put(&mut fixed, offset_of!(rtmsg, rtm_family), &[Family::of(to.address).number()]);
    field::put(&mut fixed, offset_of!(rtmsg, rtm_dst_len), &[to.length]);
    field::put(&mut fixed, offset_of!(rtmsg, rtm_flags), &RTM_F_LOOKUP_TABLE.to_ne_bytes());
    if let Some(from) = from {
        field::put(&mut fixed, offset_of!(rtmsg, rtm_src_len), &[from.length]);
    }
    let mut request = Request::new(RTM_GETROUTE as u32, 0, &fixed);
    request.attribute(rta::RTA_DST as u32, &octets(to.address));
    if let Some(from) = from {
        request.attribute(rta::RTA_SRC as u32, &octets(from.address));
    }
    if let Some(index) = index_of(&interfaces, input)? {
        request.u32(rta::RTA_IIF as u32, index);
    }
    if let Some(index) = index_of(&interfaces, output)? {
        request.u32(rta::RTA_OIF as u32, index);
    }
    let record = session.socket.query(request)?;
    let route = Route::parse(&record.payload)
        .ok_or_else(|| Failure::other("An error in the answer of the kernel"))?;
    rt::print!("{}", route.text(&interfaces, session.style, &Filter::default()));
    Ok(())
}

/// What `ip route add` and the others were told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Change<'a> {
    kind: Option<u8>,
    destination: Option<Prefix>,
    gateway: Option<IpAddr>,
    device: Option<&'a str>,
    table: Option<u32>,
    protocol: Option<u8>,
    scope: Option<u8>,
    source: Option<IpAddr>,
    priority: Option<u32>,
    preference: Option<u8>,
    expires: Option<u32>,
    onlink: bool,
    mtu: Option<u32>,
    mtu_locked: bool,
    advertised_mss: Option<u32>,
    hop_limit: Option<u32>,
}

fn parse_change<'a>(words: &mut Words<'a>, family: Family) -> Result<Change<'a>, Failure> {
    let mut change = Change::default();
    while let Some(word) = words.next() {
        match word {
            "src" => change.source = Some(words.address(family)?),
            "via" => {
                let mut text = words.value()?;
                let mut family = change.destination.map_or(family, |to| Family::of(to.address));
                if let "inet" | "inet6" = text {
                    family = if text == "inet" { Family::Inet } else { Family::Inet6 };
                    text = words.value()?;
                }
                change.gateway = Some(address(text, family)?);
            }
            "dev" | "oif" => change.device = Some(words.value()?),
            "metric" | "priority" | "preference" => {
                change.priority = Some(words.number("metric")?);
            }
            "scope" => {
                let text = words.value()?;
                let invalid = || Failure::invalid(text, "invalid \"scope\" value\n");
                change.scope = Some(byte_of(SCOPES, text).ok_or_else(invalid)?);
            }
            "expires" => change.expires = Some(words.number("expires")?),
            "mtu" => {
                if words.peek() == Some("lock") {
                    words.next();
                    change.mtu_locked = true;
                }
                change.mtu = Some(words.number("mtu")?);
            }
            "hoplimit" => {
                let text = words.value()?;
                let limit = number(text).filter(|limit| *limit <= 255);
                let invalid = || Failure::invalid(text, "\"hoplimit\" value is invalid\n");
                change.hop_limit = Some(limit.ok_or_else(invalid)?);
            }
            "advmss" => change.advertised_mss = Some(words.number("mss")?),
            _ if matches(word, "protocol") => {
                let text = words.value()?;
                let invalid = || Failure::invalid(text, "\"protocol\" value is invalid\n");
                change.protocol = Some(byte_of(PROTOCOLS, text).ok_or_else(invalid)?);
            }
            _ if matches(word, "table") => {
                let text = words.value()?;
                let invalid = || Failure::invalid(text, "\"table\" value is invalid\n");
                change.table = Some(value(TABLES, text).ok_or_else(invalid)?);
            }
            "onlink" => change.onlink = true,
            "pref" => {
                change.preference = Some(match words.value()? {
                    "medium" => 0,
                    "high" => 1,
                    "low" => 3,
                    other => return Err(Failure::invalid(other, "\"pref\" value is invalid\n")),
                });
            }
            _ => {
                let mut text = if word == "to" { words.value()? } else { word };
                let known = change.destination.is_none() && change.kind.is_none();
                if let Some(kind) =
                    byte_of(ROUTE_TYPES, text).filter(|_| known && number(text).is_none())
                {
                    change.kind = Some(kind);
                    text = words.value()?;
                }
                if matches(text, "help") {
                    return Err(Failure::usage(USAGE.trim_end()));
                }
                if change.destination.is_some() {
                    return Err(Failure::garbage("to", text));
                }
                change.destination = Some(prefix(text, family)?);
            }
        }
    }
    Ok(change)
}

/// The request for a change; `interface` is the index of its device.
fn request(change: &Change<'_>, interface: Option<u32>, kind: u32, flags: u32) -> Request {
    let deleting = kind == RTM_DELROUTE as u32;
    let family = (change.destination.filter(|to| to.length != 0).map(|to| to.address))
        .or(change.gateway)
        .or(change.source)
        .map_or(Family::Inet6, Family::of);
    let local_kind = change.kind.filter(|kind| Some(*kind) == byte_of(ROUTE_TYPES, "local"));
    let table = change.table.unwrap_or(match local_kind {
        Some(_) => rt_class_t::RT_TABLE_LOCAL as u32,
        None => MAIN,
    });
    let mut fixed = [0; size_of::<rtmsg>()];
    field::put(&mut fixed, offset_of!(rtmsg, rtm_family), &[family.number()]);
    let length = change.destination.map_or(0, |to| to.length);
    field::put(&mut fixed, offset_of!(rtmsg, rtm_dst_len), &[length]);
    let short_table = u8::try_from(table).unwrap_or(rt_class_t::RT_TABLE_UNSPEC as u8);
    field::put(&mut fixed, offset_of!(rtmsg, rtm_table), &[short_table]);
    let maker = change.protocol.unwrap_or(if deleting { 0 } else { RTPROT_BOOT as u8 });
    field::put(&mut fixed, offset_of!(rtmsg, rtm_protocol), &[maker]);
    // IPv4 routes without a router reach only the link; IPv6 routes have no scope.
    let scope = change.scope.unwrap_or(match family {
        Family::Inet if deleting => rt_scope_t::RT_SCOPE_NOWHERE as u8,
        Family::Inet if change.gateway.is_none() => rt_scope_t::RT_SCOPE_LINK as u8,
        _ => rt_scope_t::RT_SCOPE_UNIVERSE as u8,
    });
    field::put(&mut fixed, offset_of!(rtmsg, rtm_scope), &[scope]);
    let route_kind = change.kind.unwrap_or(if deleting { 0 } else { RTN_UNICAST as u8 });
    field::put(&mut fixed, offset_of!(rtmsg, rtm_type), &[route_kind]);
    let bits = if change.onlink { RTNH_F_ONLINK } else { 0 };
    field::put(&mut fixed, offset_of!(rtmsg, rtm_flags), &bits.to_ne_bytes());
    let mut request = Request::new(kind, flags, &fixed);
    if let Some(to) = change.destination.filter(|to| to.length != 0) {
        request.attribute(rta::RTA_DST as u32, &octets(to.address));
    }
    if let Some(gateway) = change.gateway {
        request.attribute(rta::RTA_GATEWAY as u32, &octets(gateway));
    }
    if let Some(index) = interface {
        request.u32(rta::RTA_OIF as u32, index);
    }
    if let Some(source) = change.source {
        request.attribute(rta::RTA_PREFSRC as u32, &octets(source));
    }
    if let Some(priority) = change.priority {
        request.u32(rta::RTA_PRIORITY as u32, priority);
    }
    if table > 255 {
        request.u32(rta::RTA_TABLE as u32, table);
    }
    if let Some(preference) = change.preference {
        request.u8(rta::RTA_PREF as u32, preference);
    }
    if let Some(seconds) = change.expires {
        request.u32(rta::RTA_EXPIRES as u32, seconds);
    }
    let metrics = [
        (RTAX_LOCK as u32, change.mtu_locked.then_some(1 << RTAX_MTU as u32)),
        (RTAX_MTU as u32, change.mtu),
        (RTAX_ADVMSS as u32, change.advertised_mss),
        (RTAX_HOPLIMIT as u32, change.hop_limit),
    ];
    if metrics.iter().any(|(_, value)| value.is_some()) {
        request.nested(rta::RTA_METRICS as u32, |request| {
            for (metric, value) in metrics {
                if let Some(value) = value {
                    request.u32(metric, value);
                }
            }
        });
    }
    request
}

fn modify(
    session: &mut Session,
    mut words: Words<'_>,
    kind: u32,
    flags: u32,
) -> Result<(), Failure> {
    let change = parse_change(&mut words, session.style.family)?;
    let interfaces = session.interfaces()?;
    let interface = index_of(&interfaces, change.device)?;
    Ok(session.socket.change(request(&change, interface, kind, flags))?)
}

#[cfg(test)]
mod tests {
    use alloc::string::String;
    use alloc::vec::Vec;

    use linux_raw_sys::netlink::{RTAX_MTU, RTM_DELROUTE, RTM_NEWROUTE, rtattr_type_t as rta};

    use super::{Failure, Family, Match, Request, Words, parse_change, request, selection};

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(String::from).collect()
    }

    fn build(line: &str, kind: u32) -> Result<Request, Failure> {
        let words = words(line);
        let change = parse_change(&mut Words::new(&words), Family::Any)?;
        Ok(request(&change, change.device.map(|_| 2), kind, 0))
    }

    #[test]
    fn adding_and_deleting() {
        let line = "default via fe80::1 dev usb0 metric 5 pref high";
        let added = build(line, RTM_NEWROUTE as u32).unwrap();
        assert_eq!(added.payload()[..8], [10, 0, 0, 0, 254, 3, 0, 1]);
        let attributes = added.attributes(12);
        assert_eq!(attributes.find(rta::RTA_DST as u32), None);
        let gateway = attributes.find(rta::RTA_GATEWAY as u32).unwrap().address();
        assert_eq!(gateway, "fe80::1".parse().ok());
        assert_eq!(attributes.find(rta::RTA_OIF as u32).unwrap().u32(), Some(2));
        assert_eq!(attributes.find(rta::RTA_PRIORITY as u32).unwrap().u32(), Some(5));
        assert_eq!(attributes.find(rta::RTA_PREF as u32).unwrap().u8(), Some(1));
        let deleted = build("3001::/64", RTM_DELROUTE as u32).unwrap();
        assert_eq!(deleted.payload()[..8], [10, 64, 0, 0, 254, 0, 0, 0]);
        let rejected = build("unreachable 3003::/64 table 1000", RTM_NEWROUTE as u32).unwrap();
        assert_eq!(rejected.payload()[4..8], [0, 3, 0, 7]);
        let table = rejected.attributes(12).find(rta::RTA_TABLE as u32).unwrap();
        assert_eq!(table.u32(), Some(1000));
    }

    #[test]
    fn metrics() {
        let request =
            build("3004::/64 dev usb0 mtu lock 1400 expires 9", RTM_NEWROUTE as u32).unwrap();
        let attributes = request.attributes(12);
        let metrics = attributes.find(rta::RTA_METRICS as u32).unwrap().nested();
        assert_eq!(metrics.find(RTAX_MTU as u32).unwrap().u32(), Some(1400));
        assert_eq!(metrics.find(1).unwrap().u32(), Some(4), "lock bits");
        assert_eq!(attributes.find(rta::RTA_EXPIRES as u32).unwrap().u32(), Some(9));
    }

    #[test]
    fn refusals() {
        for (line, status, message) in [
            ("3001::/64 via zz", 1, "Error: inet6 address is expected rather than \"zz\"."),
            ("zz", 1, "Error: any valid prefix is expected rather than \"zz\"."),
            ("::1 ::2", 255, "Error: either \"to\" is duplicate, or \"::2\" is a garbage."),
            ("::1 metric", 255, "Command line is not complete. Try option \"help\""),
            ("::1 metric x", 255, "Error: argument \"x\" is wrong: Invalid \"metric\" value\n"),
            (
                "::1 hoplimit 256",
                255,
                "Error: argument \"256\" is wrong: \"hoplimit\" value is invalid\n",
            ),
        ] {
            let failure = build(line, RTM_NEWROUTE as u32).unwrap_err();
            assert_eq!((failure.status, failure.message.as_str()), (status, message), "{line}");
        }
    }

    #[test]
    fn selections() {
        let line = words("table all proto ra dev usb0 root fe80::/10");
        let (filter, device) = selection(&mut Words::new(&line), Family::Inet6).unwrap();
        assert_eq!((filter.table, filter.protocol, device), (None, Some(9), Some("usb0")));
        assert!(matches!(filter.destination, Some(Match::Root(prefix)) if prefix.length == 10));
        let line = words("default");
        let (filter, _) = selection(&mut Words::new(&line), Family::Inet6).unwrap();
        assert!(matches!(filter.destination, Some(Match::Exact(prefix)) if prefix.length == 0));
        assert_eq!(filter.table, Some(254));
    }
}
