//! `ip maddress`: multicast addresses. They are no matter of rtnetlink: the list comes from
//! `/proc/net/dev_mcast`, `/proc/net/igmp` and `/proc/net/igmp6`.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::arguments::{Family, Words, matches};
use super::failure::Failure;
use super::session::Session;
use super::style::Style;
use crate::prefix::LinkAddress;

/// What `ip maddress help` prints.
pub const USAGE: &str = "Usage: ip maddr show [ dev STRING ]\n";

/// Runs `ip maddress …`.
pub fn run(session: &mut Session, mut words: Words<'_>) -> Result<(), Failure> {
    match words.next() {
        None => show(session, words),
        Some(word) if matches(word, "show") || matches(word, "list") || matches(word, "lst") => {
            show(session, words)
        }
        Some(word) if matches(word, "help") => Err(Failure::usage(USAGE.trim_end())),
        Some(word) => Err(Failure::command("maddr", word)),
    }
}

/// A multicast address: of the link layer, or of IP.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Group {
    Link(Vec<u8>),
    Ip(IpAddr),
}

/// A multicast address that an interface listens to.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Membership {
    index: u32,
    interface: String,
    group: Group,
    users: u32,
    by_hand: bool,
}

/// Two hexadecimal digits a byte.
fn hexadecimal(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    text.as_bytes()
        .chunks(2)
        .map(|pair| match pair {
            [high, low] => Some((digit(high)? * 16 + digit(low)?) as u8),
            _ => None,
        })
        .collect()
}

/// A line of `/proc/net/dev_mcast`: index, name, users, users by ioctl, address.
fn link_membership(line: &str) -> Option<Membership> {
    let mut fields = line.split_ascii_whitespace();
    Some(Membership {
        index: fields.next()?.parse().ok()?,
        interface: fields.next()?.into(),
        users: fields.next()?.parse().ok()?,
        by_hand: fields.next()?.parse().is_ok_and(|count: u32| count != 0),
        group: Group::Link(hexadecimal(fields.next()?)?),
    })
}

/// A line of `/proc/net/igmp6`: index, name, address, users, flags, timer.
fn inet6_membership(line: &str) -> Option<Membership> {
    let mut fields = line.split_ascii_whitespace();
    let (index, interface) = (fields.next()?.parse().ok()?, fields.next()?.into());
    let octets: [u8; 16] = hexadecimal(fields.next()?)?.try_into().ok()?;
    let users = fields.next()?.parse().ok()?;
    let group = Group::Ip(Ipv6Addr::from(octets).into());
    Some(Membership { index, interface, group, users, by_hand: false })
}

/// `/proc/net/igmp`: a heading, a line an interface, and under it lines with the address (a number
/// in the byte order of the machine) and the users.
fn inet_memberships(text: &str) -> Vec<Membership> {
    let mut found = Vec::new();
    let mut interface = None;
    for line in text.lines().skip(1) {
        let mut fields = line.split_ascii_whitespace();
        if !line.starts_with('\t') {
            let index = fields.next().and_then(|index| index.parse().ok());
            interface = index.zip(fields.next().map(|name| name.trim_end_matches(':')));
            continue;
        }
        let group = fields.next().and_then(|group| u32::from_str_radix(group, 16).ok());
        let users = fields.next().and_then(|users| users.parse().ok());
        if let (Some((index, name)), Some(group), Some(users)) = (interface, group, users) {
            let group = Group::Ip(Ipv4Addr::from(group.to_ne_bytes()).into());
            found.push(Membership { index, interface: name.into(), group, users, by_hand: false });
        }
    }
    found
}

/// The whole list as `ip` prints it.
// Writing to a string does not fail.
fn text(memberships: &[Membership], style: Style) -> String {
    let mut text = String::new();
    let mut current = None;
    for membership in memberships {
        if current != Some(membership.index) || style.one_line {
            let (index, name) = (membership.index, &membership.interface);
            let _ = write!(text, "{index}:\t{name}{}", style.newline());
            current = Some(membership.index);
        }
        let _ = match &membership.group {
            Group::Link(address) => write!(text, "\tlink  {}", LinkAddress(address)),
            Group::Ip(address) => {
                write!(text, "\t{:<5} {address}", Family::of(*address).word())
            }
        };
        if membership.users != 1 {
            let _ = write!(text, " users {}", membership.users);
        }
        if membership.by_hand {
            text.push_str(" static");
        }
        text.push('\n');
    }
    text
}

/// The content of a file under `/proc`; nothing when the kernel does not have it.
fn read(path: &str) -> String {
    let content = rt::input::read_file(path).unwrap_or_default();
    String::from_utf8_lossy(&content).into_owned()
}

fn show(session: &Session, mut words: Words<'_>) -> Result<(), Failure> {
    let mut device = None;
    while let Some(word) = words.next() {
        let name = if word == "dev" { words.value()? } else { word };
        if matches(word, "help") {
            return Err(Failure::usage(USAGE.trim_end()));
        }
        if device.is_some() {
            return Err(Failure::garbage("dev", name));
        }
        device = Some(name);
    }
    let family = session.style.family;
    let mut memberships = Vec::new();
    if matches!(family, Family::Any | Family::Link) {
        memberships.extend(read("/proc/net/dev_mcast").lines().filter_map(link_membership));
    }
    if matches!(family, Family::Any | Family::Inet) {
        memberships.extend(inet_memberships(&read("/proc/net/igmp")));
    }
    if matches!(family, Family::Any | Family::Inet6) {
        memberships.extend(read("/proc/net/igmp6").lines().filter_map(inet6_membership));
    }
    memberships.retain(|membership| device.is_none_or(|name| name == membership.interface));
    // The order of each file stays within an interface.
    memberships.sort_by_key(|membership| membership.index);
    rt::print!("{}", text(&memberships, session.style));
    if let Some(name) = device
        && memberships.is_empty()
        && crate::interface::index_of(name).is_none()
    {
        return Err(Failure::other(format!("Device \"{name}\" does not exist.")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use alloc::string::String;
    use alloc::vec::Vec;

    use super::{Style, inet_memberships, inet6_membership, link_membership, text};

    #[test]
    fn as_iproute2_prints_them() {
        let link = "2    usb0            1     0     333300000001\n\
                    2    usb0            2     1     3333ff123456\n";
        let inet6 = "1    lo              ff020000000000000000000000000001     1 0000000C 0\n\
                     2    usb0            ff020000000000000000000000000001     3 0000000C 0\n";
        let inet = "Idx\tDevice    : Count Querier\tGroup    Users Timer\tReporter\n\
                    1\tlo        :     1      V3\n\t\t\t\t010000E0     1 0:00000000\t\t0\n";
        let mut all: Vec<_> = link.lines().filter_map(link_membership).collect();
        all.extend(inet_memberships(inet));
        all.extend(inet6.lines().filter_map(inet6_membership));
        all.sort_by_key(|membership| membership.index);
        let expected: String = [
            "1:\tlo\n",
            "\tinet  224.0.0.1\n",
            "\tinet6 ff02::1\n",
            "2:\tusb0\n",
            "\tlink  33:33:00:00:00:01\n",
            "\tlink  33:33:ff:12:34:56 users 2 static\n",
            "\tinet6 ff02::1 users 3\n",
        ]
        .concat();
        assert_eq!(text(&all, Style::default()), expected);
    }

    #[test]
    fn broken_lines_are_left_out() {
        for line in ["", "1", "1 lo ff02 1", "x lo ff020000000000000000000000000001 1", "1 lo zz 1"]
        {
            assert_eq!(inet6_membership(line), None, "{line:?}");
            assert_eq!(link_membership(line), None, "{line:?}");
        }
        assert!(inet_memberships("heading\n\t\t010000E0 1\n").is_empty());
    }
}
