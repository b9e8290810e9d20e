//! What `ifconfig INTERFACE …` changes.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use linux_raw_sys::net::net_device_flags as flag;
use linux_raw_sys::netlink::{NLM_F_CREATE, NLM_F_EXCL, RTM_DELADDR, RTM_NEWADDR, RTM_NEWLINK};

use super::USAGE;
use crate::ip::address_command::{self, Change as AddressChange};
use crate::ip::arguments::number;
use crate::ip::link::Link;
use crate::ip::link_command::{self, Change as LinkChange};
use crate::ip::session::Session;
use crate::netlink::{Error, Request};
use crate::prefix::Prefix;

/// Whether an address comes or goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Add,
    Delete,
}

/// All that a command line changes.
#[derive(Debug, Default)]
struct Changes {
    link: LinkChange<'static>,
    addresses: Vec<(Fate, Prefix)>,
}

fn parse(words: &[String]) -> Result<Changes, String> {
    let mut changes = Changes::default();
    let mut words = words.iter().map(String::as_str);
    while let Some(word) = words.next() {
        let (name, on) = match word.strip_prefix('-') {
            Some(name) => (name, false),
            None => (word, true),
        };
        let mut value = || words.next().ok_or_else(|| String::from(USAGE.trim_end()));
        match name {
            "up" => changes.link.flag(flag::IFF_UP, on),
            "down" if on => changes.link.flag(flag::IFF_UP, false),
            "arp" => changes.link.flag(flag::IFF_NOARP, !on),
            "promisc" => changes.link.flag(flag::IFF_PROMISC, on),
            "allmulti" => changes.link.flag(flag::IFF_ALLMULTI, on),
            "multicast" => changes.link.flag(flag::IFF_MULTICAST, on),
            "inet6" if on => {}
            "mtu" if on => {
                let text = value()?;
                changes.link.mtu = Some(number(text).ok_or(format!("{text}: bad MTU"))?);
            }
            "txqueuelen" if on => {
                let text = value()?;
                let length = number(text).ok_or(format!("{text}: bad queue length"))?;
                changes.link.queue_length = Some(length);
            }
            "add" | "del" if on => {
                let text = value()?;
                let prefix = Prefix::parse(text).ok_or(format!("{text}: Unknown host"))?;
                let fate = if name == "add" { Fate::Add } else { Fate::Delete };
                changes.addresses.push((fate, prefix));
            }
            _ => {
                return Err(format!(
                    "{word}: Unknown host\nifconfig: `--help' gives usage information."
                ));
            }
        }
    }
    Ok(changes)
}

/// The requests that make the changes on the interface with `index`.
fn requests(changes: &Changes, index: u32) -> Result<Vec<Request>, String> {
    let mut requests = Vec::new();
    for (fate, prefix) in &changes.addresses {
        let change = AddressChange { local: Some(*prefix), ..AddressChange::default() };
        let (kind, flags) = match fate {
            Fate::Add => (RTM_NEWADDR as u32, NLM_F_CREATE | NLM_F_EXCL),
            Fate::Delete => (RTM_DELADDR as u32, 0),
        };
        let request = address_command::request(&change, index, kind, flags);
        requests.push(request.map_err(|failure| failure.message)?);
    }
    if changes.link != LinkChange::default() {
        requests.push(link_command::request(&changes.link, index, RTM_NEWLINK as u32));
    }
    Ok(requests)
}

/// Makes the changes that the words say.
pub fn apply(session: &mut Session, link: &Link, words: &[String]) -> Result<(), String> {
    for request in requests(&parse(words)?, link.index)? {
        session.socket.change(request).map_err(|error| match error {
            Error::Refused(errno, _) => format!("{}: {}", link.name, rt::strerror(errno)),
            other => other.to_string(),
        })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use alloc::string::String;
    use alloc::vec::Vec;

    use super::{Fate, parse, requests};

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(String::from).collect()
    }

    #[test]
    fn several_changes() {
        let changes = parse(&words("inet6 add 2001:db8::1/64 mtu 1280 -promisc up")).unwrap();
        assert_eq!((changes.link.mask, changes.link.flags), (0x101, 1));
        assert_eq!(changes.link.mtu, Some(1280));
        assert_eq!(changes.addresses[0].0, Fate::Add);
        assert_eq!(requests(&changes, 2).unwrap().len(), 2);
        assert!(requests(&parse(&[]).unwrap(), 2).unwrap().is_empty());
    }

    #[test]
    fn refusals() {
        for (line, message) in [
            ("bogus", "bogus: Unknown host\nifconfig: `--help' gives usage information."),
            ("add nonsense", "nonsense: Unknown host"),
            ("mtu x", "x: bad MTU"),
            ("-mtu 3", "-mtu: Unknown host\nifconfig: `--help' gives usage information."),
        ] {
            assert_eq!(parse(&words(line)).unwrap_err(), message, "{line}");
        }
        assert!(parse(&words("mtu")).unwrap_err().starts_with("Usage:"));
    }
}
