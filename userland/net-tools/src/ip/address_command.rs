//! `ip address`: show, add, change, replace, del, flush.

use alloc::format;
use alloc::vec::Vec;
use core::mem::size_of;
use core::net::IpAddr;

use linux_raw_sys::netlink::{
    IFA_ADDRESS, IFA_BROADCAST, IFA_CACHEINFO, IFA_F_HOMEADDRESS, IFA_F_MANAGETEMPADDR,
    IFA_F_MCAUTOJOIN, IFA_F_NODAD, IFA_F_NOPREFIXROUTE, IFA_F_OPTIMISTIC, IFA_FLAGS, IFA_LABEL,
    IFA_LOCAL, IFA_RT_PRIORITY, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE, RTM_DELADDR, RTM_GETADDR,
    RTM_NEWADDR, ifaddrmsg, rt_scope_t,
};

use super::address::{Address, FOREVER, Filter};
use super::arguments::{Family, Words, matches, number};
use super::failure::Failure;
use super::interfaces::{Interfaces, read_links};
use super::link::{self, Link};
use super::names::{SCOPES, value};
use super::session::Session;
use crate::netlink::{Record, Request};
use crate::prefix::{Prefix, octets};

/// What `ip address help` prints.
pub const USAGE: &str = "\
Usage: ip address {add|change|replace} IFADDR dev IFNAME [ LIFETIME ]
                                                      [ CONFFLAG-LIST ]
       ip address del IFADDR dev IFNAME
       ip address flush [ dev IFNAME ] [ scope SCOPE-ID ]
                            [ to PREFIX ] [ FLAG-LIST ] [ up ]
       ip address [ show [ dev IFNAME ] [ scope SCOPE-ID ]
                         [ to PREFIX ] [ FLAG-LIST ] [ up ] ]
IFADDR := PREFIX | ADDR peer PREFIX
          [ broadcast ADDR ] [ label IFNAME ] [ scope SCOPE-ID ] [ metric METRIC ]
SCOPE-ID := [ host | link | site | global | NUMBER ]
FLAG-LIST := [ FLAG-LIST ] FLAG
FLAG  := [ permanent | dynamic | secondary | primary |
           [-]tentative | [-]deprecated | [-]dadfailed | temporary |
           CONFFLAG-LIST ]
CONFFLAG-LIST := [ CONFFLAG-LIST ] CONFFLAG
CONFFLAG  := [ home | nodad | optimistic | mngtmpaddr | noprefixroute | autojoin ]
LIFETIME := [ valid_lft LFT ] [ preferred_lft LFT ]
LFT := forever | SECONDS
";

/// The flags that a program may set.
const SETTABLE: [(u32, &str); 6] = [
    (IFA_F_HOMEADDRESS, "home"),
    (IFA_F_NODAD, "nodad"),
    (IFA_F_OPTIMISTIC, "optimistic"),
    (IFA_F_MANAGETEMPADDR, "mngtmpaddr"),
    (IFA_F_NOPREFIXROUTE, "noprefixroute"),
    (IFA_F_MCAUTOJOIN, "autojoin"),
];

/// Runs `ip address …`.
pub fn run(session: &mut Session, mut words: Words<'_>) -> Result<(), Failure> {
    let Some(word) = words.next() else { return show(session, words) };
    let (create, exclusive, replace) = (NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE);
    match word {
        _ if matches(word, "add") => modify(session, words, RTM_NEWADDR as u32, create | exclusive),
        _ if matches(word, "change") || matches(word, "chg") => {
            modify(session, words, RTM_NEWADDR as u32, replace)
        }
        _ if matches(word, "replace") => {
            modify(session, words, RTM_NEWADDR as u32, create | replace)
        }
        _ if matches(word, "delete") => modify(session, words, RTM_DELADDR as u32, 0),
        _ if matches(word, "show") || matches(word, "lst") || matches(word, "list") => {
            show(session, words)
        }
        _ if matches(word, "flush") => flush(session, words),
        _ if matches(word, "help") => Err(Failure::usage(USAGE.trim_end())),
        _ => Err(Failure::command("address", word)),
    }
}

/// What the words of `show` and `flush` ask for.
struct Selection {
    filter: Filter,
    /// Only interfaces that are up.
    up: bool,
}

fn selection(
    words: &mut Words<'_>,
    family: Family,
    interfaces: &Interfaces,
) -> Result<Selection, Failure> {
    let mut filter = Filter { family, ..Filter::default() };
    let mut up = false;
    let mut device = None;
    while let Some(word) = words.next() {
        match word {
            "to" => filter.prefix = Some(words.prefix(family)?),
            "scope" => {
                let scope = words.value()?;
                if scope == "all" {
                    filter.scope = None;
                    continue;
                }
                let number = value(SCOPES, scope).and_then(|scope| u8::try_from(scope).ok());
                let invalid = || Failure::invalid(scope, "invalid \"scope\"\n");
                filter.scope = Some(number.ok_or_else(invalid)?);
            }
            "up" => up = true,
            _ if filter.flag_word(word) => {}
            _ if matches(word, "help") => return Err(Failure::usage(USAGE.trim_end())),
            _ => {
                let name = if word == "dev" { words.value()? } else { word };
                if device.is_some() {
                    return Err(Failure::garbage("dev", name));
                }
                device = Some(name);
            }
        }
    }
    if let Some(name) = device {
        let unknown = || Failure::other(format!("Device \"{name}\" does not exist."));
        filter.index = Some(interfaces.index(name).ok_or_else(unknown)?);
    }
    Ok(Selection { filter, up })
}

/// All addresses of a family, each with the message it came in.
fn read(session: &mut Session, family: Family) -> Result<Vec<(Address, Record)>, Failure> {
    let mut fixed = [0; size_of::<ifaddrmsg>()];
    fixed[0] = family.number();
    let records = session.dump(Request::new(RTM_GETADDR as u32, 0, &fixed))?;
    let parsed = |record: Record| Some((Address::parse(&record.payload)?, record));
    Ok(records.into_iter().filter_map(parsed).collect())
}

/// The links as the kernel describes them to one family, which leaves out most that is not the
/// family's; the length of the queue is shown nevertheless.
fn links_of_family(session: &mut Session, all: &[Link]) -> Result<Vec<Link>, Failure> {
    let family = session.style.family.number();
    let mut links =
        read_links(&mut session.socket, family).map_err(|error| Failure::dump(&error))?;
    for link in &mut links {
        if let Some(same) = all.iter().find(|same| same.index == link.index) {
            link.queue_length = link.queue_length.or(same.queue_length);
        }
    }
    Ok(links)
}

fn show(session: &mut Session, mut words: Words<'_>) -> Result<(), Failure> {
    let style = session.style;
    if style.family == Family::Link {
        return super::link_command::show(session, words);
    }
    let mut links = read_links(&mut session.socket, 0).map_err(|error| Failure::dump(&error))?;
    let interfaces = Interfaces::from_links(&links);
    let Selection { filter, up } = selection(&mut words, style.family, &interfaces)?;
    if style.family != Family::Any && filter.index.is_none() {
        links = links_of_family(session, &links)?;
    }
    let addresses: Vec<Address> =
        read(session, style.family)?.into_iter().map(|(address, _)| address).collect();
    for link in links {
        if filter.index.is_some_and(|index| index != link.index)
            || (up && link.flags & link::UP == 0)
        {
            continue;
        }
        let mut of_link = addresses.iter().filter(|address| address.index == link.index).peekable();
        let has_none = of_link.peek().is_none();
        let mut shown = of_link.filter(|address| filter.accepts(address)).peekable();
        // A link shows when one of its addresses does, or when it has none at all and no family
        // was asked for.
        if shown.peek().is_none() && !(has_none && style.family == Family::Any) {
            continue;
        }
        if style.brief {
            rt::print!("{}", link.brief(&interfaces, false));
            for address in shown {
                rt::print!("{}", address.brief());
            }
            rt::println!();
            continue;
        }
        if !style.one_line {
            rt::print!("{}", link.text(&interfaces, style, false));
        }
        for address in shown {
            rt::print!("{}", address.text(&interfaces, style));
        }
    }
    Ok(())
}

fn flush(session: &mut Session, mut words: Words<'_>) -> Result<(), Failure> {
    if words.is_empty() {
        return Err(Failure::other("Flush requires arguments."));
    }
    let links = read_links(&mut session.socket, 0).map_err(|error| Failure::dump(&error))?;
    let interfaces = Interfaces::from_links(&links);
    let Selection { filter, up } = selection(&mut words, session.style.family, &interfaces)?;
    session.flush("addresses", |session| {
        let family = session.style.family;
        let meant = |address: &Address| {
            let is_up = interfaces.flags(address.index).is_some_and(|flags| flags & link::UP != 0);
            filter.accepts(address) && (!up || is_up)
        };
        Ok(read(session, family)?
            .into_iter()
            .filter(|(address, _)| meant(address))
            .map(|(_, record)| Request::new(RTM_DELADDR as u32, 0, &record.payload))
            .collect())
    })
}

/// What `ip address add` and the others were told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change<'a> {
    /// The address and its prefix length.
    pub local: Option<Prefix>,
    pub(crate) peer: Option<Prefix>,
    pub(crate) broadcast: Option<IpAddr>,
    pub(crate) device: Option<&'a str>,
    pub(crate) label: Option<&'a str>,
    pub(crate) scope: Option<u8>,
    pub(crate) metric: Option<u32>,
    pub(crate) flags: u32,
    pub(crate) valid: Option<u32>,
    pub(crate) preferred: Option<u32>,
}

/// A lifetime: `forever` or seconds.
fn lifetime(words: &mut Words<'_>, what: &str) -> Result<u32, Failure> {
    let text = words.value()?;
    if text == "forever" {
        return Ok(FOREVER);
    }
    number(text).ok_or_else(|| Failure::invalid(text, &format!("{what} value is invalid")))
}

fn parse_change<'a>(words: &mut Words<'a>, family: Family) -> Result<Change<'a>, Failure> {
    let mut change = Change::default();
    while let Some(word) = words.next() {
        match word {
            "peer" | "remote" => {
                if change.peer.is_some() {
                    return Err(Failure::duplicate("peer", words.value()?));
                }
                change.peer = Some(words.prefix(family)?);
            }
            _ if word.len() > 1 && matches(word, "broadcast") || word == "brd" => {
                change.broadcast = Some(words.address(family)?);
            }
            "scope" => {
                let scope = words.value()?;
                let number = value(SCOPES, scope).and_then(|scope| u8::try_from(scope).ok());
                let invalid = || Failure::invalid(scope, "invalid scope value.");
                change.scope = Some(number.ok_or_else(invalid)?);
            }
            "dev" => change.device = Some(words.value()?),
            "label" => change.label = Some(words.value()?),
            "metric" | "priority" | "preference" => change.metric = Some(words.number("metric")?),
            _ if word.len() > 1 && matches(word, "valid_lft") => {
                change.valid = Some(lifetime(words, "valid_lft")?);
            }
            _ if word.len() > 1 && matches(word, "preferred_lft") => {
                change.preferred = Some(lifetime(words, "preferred_lft")?);
            }
            _ if SETTABLE.iter().any(|(_, flag)| *flag == word) => {
                change.flags |= SETTABLE
                    .iter()
                    .filter(|(_, flag)| *flag == word)
                    .fold(0, |bits, (bit, _)| bits | bit);
            }
            _ => {
                let text = if word == "local" { words.value()? } else { word };
                if matches(text, "help") {
                    return Err(Failure::usage(USAGE.trim_end()));
                }
                if change.local.is_some() {
                    return Err(Failure::garbage("local", text));
                }
                change.local = Some(super::arguments::prefix(text, family)?);
            }
        }
    }
    Ok(change)
}

/// The request of this kind (`RTM_`) for a change on the interface with `index`.
pub fn request(change: &Change<'_>, index: u32, kind: u32, flags: u32) -> Result<Request, Failure> {
    let local = change
        .local
        .ok_or_else(|| Failure::other("Not enough information: an address is required."))?;
    let length = change.peer.map_or(local.length, |peer| peer.length);
    let deleting = kind == RTM_DELADDR as u32;
    // RFC 4291: the scope of an IPv6 address follows from the address; of IPv4 only loopback does.
    let scope = change.scope.unwrap_or(match local.address {
        IpAddr::V4(address) if address.is_loopback() && !deleting => {
            rt_scope_t::RT_SCOPE_HOST as u8
        }
        _ => 0,
    });
    let mut fixed =
        Vec::from([Family::of(local.address).number(), length, change.flags as u8, scope]);
    fixed.extend(index.to_ne_bytes());
    let mut request = Request::new(kind, flags, &fixed);
    let peer = change.peer.map_or(local.address, |peer| peer.address);
    request.attribute(IFA_LOCAL as u32, &octets(local.address));
    request.attribute(IFA_ADDRESS as u32, &octets(peer));
    if change.flags > 0xff {
        request.u32(IFA_FLAGS as u32, change.flags);
    }
    if let Some(broadcast) = change.broadcast {
        request.attribute(IFA_BROADCAST as u32, &octets(broadcast));
    }
    if let Some(label) = change.label {
        request.text(IFA_LABEL as u32, label);
    }
    if let Some(metric) = change.metric {
        request.u32(IFA_RT_PRIORITY as u32, metric);
    }
    if change.valid.is_some() || change.preferred.is_some() {
        let valid = change.valid.unwrap_or(FOREVER);
        let preferred = change.preferred.unwrap_or(FOREVER);
        if valid == 0 {
            return Err(Failure::other("valid_lft is zero"));
        }
        if valid < preferred {
            return Err(Failure::other("preferred_lft is greater than valid_lft"));
        }
        let cache: Vec<u8> =
            [preferred, valid, 0, 0].into_iter().flat_map(u32::to_ne_bytes).collect();
        request.attribute(IFA_CACHEINFO as u32, &cache);
    }
    Ok(request)
}

fn modify(
    session: &mut Session,
    mut words: Words<'_>,
    kind: u32,
    flags: u32,
) -> Result<(), Failure> {
    let change = parse_change(&mut words, session.style.family)?;
    let device = change
        .device
        .ok_or_else(|| Failure::other("Not enough information: \"dev\" argument is required."))?;
    let index = session.interfaces()?.index(device).ok_or_else(|| Failure::no_device(device))?;
    let request = request(&change, index, kind, flags)?;
    Ok(session.socket.change(request)?)
}

#[cfg(test)]
mod tests {
    use alloc::string::String;
    use alloc::vec::Vec;

    use linux_raw_sys::netlink::{
        IFA_ADDRESS, IFA_CACHEINFO, IFA_FLAGS, IFA_LOCAL, NLM_F_CREATE, RTM_DELADDR, RTM_NEWADDR,
    };

    use super::{FOREVER, Failure, Family, Request, Words, parse_change, request};

    fn build(line: &str, kind: u32) -> Result<Request, Failure> {
        let words: Vec<String> = line.split_whitespace().map(String::from).collect();
        let change = parse_change(&mut Words::new(&words), Family::Any)?;
        request(&change, 3, kind, NLM_F_CREATE)
    }

    #[test]
    fn adding() {
        let request = build(
            "2001:db8::5/64 dev usb0 valid_lft 100 preferred_lft 50 nodad noprefixroute",
            RTM_NEWADDR as u32,
        );
        let request = request.unwrap();
        assert_eq!(request.payload()[..8], [10, 64, 2, 0, 3, 0, 0, 0]);
        let attributes = request.attributes(8);
        let address = "2001:db8::5".parse().ok();
        assert_eq!(attributes.find(IFA_LOCAL as u32).unwrap().address(), address);
        assert_eq!(attributes.find(IFA_ADDRESS as u32).unwrap().address(), address);
        assert_eq!(attributes.find(IFA_FLAGS as u32).unwrap().u32(), Some(0x202));
        let cache = attributes.find(IFA_CACHEINFO as u32).unwrap().value;
        assert_eq!(cache[..8], [50, 0, 0, 0, 100, 0, 0, 0]);
    }

    #[test]
    fn deleting_and_peers() {
        let request = build("fe80::1 dev usb0 peer fe80::2/64", RTM_DELADDR as u32).unwrap();
        assert_eq!(request.payload()[..2], [10, 64]);
        let peer = request.attributes(8).find(IFA_ADDRESS as u32).unwrap();
        assert_eq!(peer.address(), "fe80::2".parse().ok());
        let request = build("fe80::1 dev usb0", RTM_DELADDR as u32).unwrap();
        assert_eq!(request.payload()[1], 128);
        assert_eq!(request.attributes(8).find(IFA_CACHEINFO as u32), None);
    }

    #[test]
    fn refusals() {
        let message = |line| build(line, RTM_NEWADDR as u32).unwrap_err().message;
        for (line, expected) in [
            ("zz/3 dev lo", "Error: any valid prefix is expected rather than \"zz/3\"."),
            ("::1 ::2", "Error: either \"local\" is duplicate, or \"::2\" is a garbage."),
            ("::1 valid_lft 5", "preferred_lft is greater than valid_lft"),
            ("::1 valid_lft 0 preferred_lft 0", "valid_lft is zero"),
            ("::1 valid_lft x", "Error: argument \"x\" is wrong: valid_lft value is invalid"),
            ("::1 dev", "Command line is not complete. Try option \"help\""),
            (
                "::1 scope nowhere-else",
                "Error: argument \"nowhere-else\" is wrong: invalid scope value.",
            ),
        ] {
            assert_eq!(message(line), expected, "{line}");
        }
        let forever =
            build("::1 valid_lft forever preferred_lft forever", RTM_NEWADDR as u32).unwrap();
        let cache = forever.attributes(8).find(IFA_CACHEINFO as u32).unwrap();
        assert_eq!(cache.value[..4], FOREVER.to_ne_bytes());
    }
}
