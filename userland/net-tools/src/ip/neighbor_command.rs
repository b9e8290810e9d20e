//! `ip neighbor`: show, get, add, change, replace, del, flush.

use alloc::format;
use alloc::vec::Vec;
use core::mem::{offset_of, size_of};
use core::net::IpAddr;

use linux_raw_sys::netlink::{
    NDA_DST, NDA_LLADDR, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE, NTF_PROXY, NTF_ROUTER, NTF_USE,
    NUD_FAILED, NUD_NOARP, NUD_PERMANENT, RTM_DELNEIGH, RTM_GETNEIGH, RTM_NEWNEIGH, ndmsg,
};

use super::arguments::{Family, Words, address, matches, number, prefix};
use super::failure::Failure;
use super::neighbor::{Filter, Neighbor, STATES};
use super::session::Session;
use crate::netlink::{Record, Request, field};
use crate::prefix::{octets, parse_link_address};

/// What `ip neigh help` prints.
pub const USAGE: &str = "\
Usage: ip neigh { add | del | change | replace }
                { ADDR [ lladdr LLADDR ] [ nud STATE ] | proxy ADDR }
                [ dev DEV ] [ router ] [ use ]

	ip neigh { show | flush } [ proxy ] [ to PREFIX ] [ dev DEV ] [ nud STATE ]
	ip neigh get ADDR dev DEV

STATE := { delay | failed | incomplete | noarp | none |
           permanent | probe | reachable | stale }
";

/// Runs `ip neigh …`.
pub fn run(session: &mut Session, mut words: Words<'_>) -> Result<(), Failure> {
    let Some(word) = words.next() else { return show(session, words) };
    let new = RTM_NEWNEIGH as u32;
    match word {
        _ if matches(word, "add") => modify(session, words, new, NLM_F_CREATE | NLM_F_EXCL),
        _ if matches(word, "change") || word == "chg" => modify(session, words, new, NLM_F_REPLACE),
        _ if matches(word, "replace") => modify(session, words, new, NLM_F_CREATE | NLM_F_REPLACE),
        _ if matches(word, "delete") => modify(session, words, RTM_DELNEIGH as u32, 0),
        _ if matches(word, "get") => get(session, words),
        _ if matches(word, "show") || matches(word, "lst") || matches(word, "list") => {
            show(session, words)
        }
        _ if matches(word, "flush") => flush(session, words),
        _ if matches(word, "help") => Err(Failure::usage(USAGE.trim_end())),
        _ => Err(Failure::command("neigh", word)),
    }
}

/// The `NUD_` bits of a state by name or number.
fn state(text: &str) -> Option<u32> {
    STATES
        .iter()
        .find(|(_, name)| *name == text)
        .map(|(bit, _)| *bit)
        .or_else(|| number(text).filter(|state| *state <= 0xff))
}

/// What the words of `show` and `flush` ask for: the filter, the device, whether proxy entries.
fn selection<'a>(
    words: &mut Words<'a>,
    mut filter: Filter,
    flushing: bool,
) -> Result<(Filter, Option<&'a str>, bool), Failure> {
    let (mut device, mut states_given, mut proxy) = (None, false, false);
    while let Some(word) = words.next() {
        match word {
            "dev" => {
                let name = words.value()?;
                if device.is_some() {
                    return Err(Failure::duplicate("dev", name));
                }
                device = Some(name);
            }
            "nud" => {
                let text = words.value()?;
                if !states_given {
                    states_given = true;
                    filter.states = 0;
                }
                match (state(text), text) {
                    (Some(state), _) => filter.add_state(state),
                    (None, "all") => filter.states = if flushing { !NUD_NOARP } else { !0 },
                    (None, _) => return Err(Failure::invalid(text, "nud state is bad")),
                }
            }
            "proxy" => proxy = true,
            _ => {
                let text = if word == "to" { words.value()? } else { word };
                if matches(text, "help") {
                    return Err(Failure::usage(USAGE.trim_end()));
                }
                let within = prefix(text, filter.family)
                    .map_err(|_| Failure::invalid(text, "to value is invalid\n"))?;
                // `all` and `default` fix no family.
                if within.length != 0 {
                    filter.family = Family::of(within.address);
                    filter.prefix = Some(within);
                }
            }
        }
    }
    Ok((filter, device, proxy))
}

/// The fixed part of a request.
fn fixed(family: Family, index: u32, state: u16, flags: u8) -> [u8; size_of::<ndmsg>()] {
    let mut fixed = [0; size_of::<ndmsg>()];
    field::put(&mut fixed, offset_of!(ndmsg, ndm_family), &[family.number()]);
    field::put(&mut fixed, offset_of!(ndmsg, ndm_ifindex), &index.to_ne_bytes());
    field::put(&mut fixed, offset_of!(ndmsg, ndm_state), &state.to_ne_bytes());
    field::put(&mut fixed, offset_of!(ndmsg, ndm_flags), &[flags]);
    fixed
}

fn read(
    session: &mut Session,
    filter: &Filter,
    proxy: bool,
) -> Result<Vec<(Neighbor, Record)>, Failure> {
    let flags = if proxy { NTF_PROXY as u8 } else { 0 };
    let request = Request::new(RTM_GETNEIGH as u32, 0, &fixed(filter.family, 0, 0, flags));
    let meant = |record: Record| {
        let neighbor = Neighbor::parse(&record.payload)?;
        filter.accepts(&neighbor).then_some((neighbor, record))
    };
    Ok(session.dump(request)?.into_iter().filter_map(meant).collect())
}

fn show(session: &mut Session, mut words: Words<'_>) -> Result<(), Failure> {
    let all = Filter::for_show(session.style.family);
    let (mut filter, device, proxy) = selection(&mut words, all, false)?;
    let interfaces = session.interfaces()?;
    if let Some(name) = device {
        filter.index = Some(interfaces.index(name).ok_or_else(|| Failure::no_device(name))?);
    }
    for (neighbor, _) in read(session, &filter, proxy)? {
        rt::print!("{}", neighbor.text(&interfaces, session.style, &filter));
    }
    Ok(())
}

fn flush(session: &mut Session, mut words: Words<'_>) -> Result<(), Failure> {
    if words.is_empty() {
        return Err(Failure::other("Flush requires arguments."));
    }
    let all = Filter::for_flush(session.style.family);
    let (mut filter, device, proxy) = selection(&mut words, all, true)?;
    let interfaces = session.interfaces()?;
    if let Some(name) = device {
        filter.index = Some(interfaces.index(name).ok_or_else(|| Failure::no_device(name))?);
    }
    session.flush("entries", |session| {
        let requests = read(session, &filter, proxy)?
            .into_iter()
            .map(|(_, record)| Request::new(RTM_DELNEIGH as u32, 0, &record.payload))
            .collect();
        // Linux keeps an entry that is in use, as FAILED: that one has been flushed.
        filter.states &= !NUD_FAILED;
        Ok(requests)
    })
}

fn get(session: &mut Session, mut words: Words<'_>) -> Result<(), Failure> {
    let (mut device, mut to) = (None, None);
    while let Some(word) = words.next() {
        if word == "dev" {
            device = Some(words.value()?);
            continue;
        }
        let text = if word == "to" { words.value()? } else { word };
        if matches(text, "help") {
            return Err(Failure::usage(USAGE.trim_end()));
        }
        if to.is_some() {
            return Err(Failure::garbage("to", text));
        }
        to = Some(address(text, session.style.family)?);
    }
    let (Some(device), Some(to)) = (device, to) else {
        return Err(Failure::usage("Device and address are required arguments."));
    };
    let interfaces = session.interfaces()?;
    let index = interfaces.index(device).ok_or_else(|| Failure::no_device(device))?;
    let mut request = Request::new(RTM_GETNEIGH as u32, 0, &fixed(Family::of(to), index, 0, 0));
    request.attribute(NDA_DST as u32, &octets(to));
    let record = session.socket.query(request)?;
    let neighbor = Neighbor::parse(&record.payload)
        .ok_or_else(|| Failure::other("An error in the answer of the kernel"))?;
    let filter = Filter::for_show(Family::Any);
    rt::print!("{}", neighbor.text(&interfaces, session.style, &filter));
    Ok(())
}

/// What `ip neigh add` and the others were told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Change<'a> {
    address: Option<IpAddr>,
    device: Option<&'a str>,
    link_address: Option<Vec<u8>>,
    state: Option<u32>,
    flags: u8,
}

fn parse_change<'a>(words: &mut Words<'a>, family: Family) -> Result<Change<'a>, Failure> {
    let mut change = Change::default();
    while let Some(word) = words.next() {
        match word {
            _ if matches(word, "lladdr") => {
                let text = words.value()?;
                if change.link_address.is_some() {
                    return Err(Failure::duplicate("lladdr", text));
                }
                if text != "null" {
                    let invalid = || Failure::other(format!("\"{text}\" is invalid lladdr."));
                    change.link_address = Some(parse_link_address(text).ok_or_else(invalid)?);
                }
            }
            "nud" => {
                let text = words.value()?;
                let invalid = || Failure::invalid(text, "nud state is bad");
                change.state = Some(state(text).ok_or_else(invalid)?);
            }
            "dev" => change.device = Some(words.value()?),
            "router" => change.flags |= NTF_ROUTER as u8,
            "use" => change.flags |= NTF_USE as u8,
            "proxy" => {
                change.flags |= NTF_PROXY as u8;
                change.address = Some(words.address(family)?);
            }
            _ => {
                let text = if word == "to" { words.value()? } else { word };
                if matches(text, "help") {
                    return Err(Failure::usage(USAGE.trim_end()));
                }
                if change.address.is_some() {
                    return Err(Failure::garbage("to", text));
                }
                change.address = Some(address(text, family)?);
            }
        }
    }
    if change.address.is_none()
        || (change.device.is_none() && u32::from(change.flags) & NTF_PROXY == 0)
    {
        return Err(Failure::usage("Device and destination are required arguments."));
    }
    Ok(change)
}

fn request(change: &Change<'_>, to: IpAddr, index: u32, kind: u32, flags: u32) -> Request {
    let state = change.state.unwrap_or(NUD_PERMANENT) as u16;
    let mut request = Request::new(kind, flags, &fixed(Family::of(to), index, state, change.flags));
    request.attribute(NDA_DST as u32, &octets(to));
    if let Some(address) = &change.link_address {
        request.attribute(NDA_LLADDR as u32, address);
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
    let index = match change.device {
        Some(name) => session.interfaces()?.index(name).ok_or_else(|| Failure::no_device(name))?,
        None => 0,
    };
    let Some(to) = change.address else {
        return Err(Failure::usage("Device and destination are required arguments."));
    };
    Ok(session.socket.change(request(&change, to, index, kind, flags))?)
}

#[cfg(test)]
mod tests {
    use alloc::string::String;
    use alloc::vec::Vec;

    use linux_raw_sys::netlink::{NDA_DST, NDA_LLADDR, RTM_NEWNEIGH};

    use super::{Family, Filter, Words, parse_change, request, selection, state};

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(String::from).collect()
    }

    #[test]
    fn adding() {
        let line = words("2001:db8::99 lladdr 2:0:0:0:0:9 dev usb0 nud stale router");
        let change = parse_change(&mut Words::new(&line), Family::Any).unwrap();
        assert_eq!(change.device, Some("usb0"));
        let request = request(&change, change.address.unwrap(), 7, RTM_NEWNEIGH as u32, 0);
        assert_eq!(request.payload()[..12], [10, 0, 0, 0, 7, 0, 0, 0, 4, 0, 0x80, 0]);
        let attributes = request.attributes(12);
        assert_eq!(attributes.find(NDA_DST as u32).unwrap().address(), "2001:db8::99".parse().ok());
        assert_eq!(attributes.find(NDA_LLADDR as u32).unwrap().value, [2, 0, 0, 0, 0, 9]);
    }

    #[test]
    fn refusals() {
        for (line, message) in [
            ("::1", "Device and destination are required arguments."),
            ("dev lo", "Device and destination are required arguments."),
            ("::1 dev lo nud x", "Error: argument \"x\" is wrong: nud state is bad"),
            ("::1 ::2 dev lo", "Error: either \"to\" is duplicate, or \"::2\" is a garbage."),
            ("::1 dev", "Command line is not complete. Try option \"help\""),
        ] {
            let line = words(line);
            let failure = parse_change(&mut Words::new(&line), Family::Any).unwrap_err();
            assert_eq!((failure.status, failure.message.as_str()), (255, message), "{line:?}");
        }
    }

    #[test]
    fn selections() {
        let line = words("dev usb0 nud stale nud none to 2001:db8::/32");
        let all = Filter::for_show(Family::Any);
        let (filter, device, proxy) = selection(&mut Words::new(&line), all, false).unwrap();
        assert_eq!((filter.states, device, proxy), (0x104, Some("usb0"), false));
        assert_eq!(filter.family, Family::Inet6);
        let line = words("all");
        let (filter, ..) = selection(&mut Words::new(&line), all, true).unwrap();
        assert_eq!(filter, all);
        assert_eq!(state("0x80"), Some(0x80));
        assert_eq!(state("sleepy"), None);
    }
}
