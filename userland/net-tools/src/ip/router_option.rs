//! What a message about an option of a Router Advertisement says, and how `ip monitor` prints it.
//!
//! RTM_NEWNDUSEROPT: `struct nduseroptmsg`, the option as it came, NDUSEROPT_SRCADDR. iproute2 does
//! not print it; the words here are those that the RFCs use.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::Write;
use core::mem::{offset_of, size_of};
use core::net::{IpAddr, Ipv6Addr};

use linux_raw_sys::netlink::{NDUSEROPT_SRCADDR, nduseroptmsg};

use super::interfaces::Interfaces;
use crate::netlink::{Attribute, Attributes, attribute, field};

/// The type of the DNS server option (RFC 8106, Section 5.1).
const SERVERS: u8 = 25;
/// The type of the search list option (RFC 8106, Section 5.2).
const DOMAINS: u8 = 31;
/// The type of the prefix information option (RFC 4861, Section 4.6.2).
const PREFIX: u8 = 3;

/// An option of a Router Advertisement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouterOption {
    /// The index of the interface that it came by.
    pub index: u32,
    /// The router.
    pub router: Option<IpAddr>,
    /// Type, length in units of eight bytes, and the rest.
    pub option: Vec<u8>,
}

impl RouterOption {
    /// Reads the message; `None` when it is too short for what it says.
    #[must_use]
    pub fn parse(payload: &[u8]) -> Option<Self> {
        let start = size_of::<nduseroptmsg>();
        let length = field::u16_at(payload, offset_of!(nduseroptmsg, nduseropt_opts_len))?;
        let end = start + usize::from(length);
        let attributes = Attributes::after(payload, attribute::align(end));
        Some(Self {
            index: field::u32_at(payload, offset_of!(nduseroptmsg, nduseropt_ifindex))?,
            router: attributes.find(NDUSEROPT_SRCADDR as u32).and_then(Attribute::address),
            option: payload.get(start..end)?.to_vec(),
        })
    }

    /// What `ip monitor` prints.
    #[must_use]
    pub fn text(&self, interfaces: &Interfaces) -> String {
        let mut text = self.content().unwrap_or_else(|| self.unknown());
        // Writing to a string does not fail.
        let _ = write!(text, " dev {}", interfaces.name(self.index));
        if let Some(router) = self.router {
            let _ = write!(text, " from {router}");
        }
        text.push('\n');
        text
    }

    /// The option in words; `None` when it is not known or makes no sense.
    fn content(&self) -> Option<String> {
        let option = self.option.as_slice();
        let seconds = |at: usize| option.get(at..)?.first_chunk().copied().map(u32::from_be_bytes);
        match *option.first()? {
            SERVERS => {
                let servers: Vec<String> =
                    addresses(option.get(8..)?).map(|server| server.to_string()).collect();
                Some(format!("rdnss {} lifetime {}", servers.join(" "), time(seconds(4)?)))
            }
            DOMAINS => {
                let domains = domains(option.get(8..)?)?;
                Some(format!("dnssl {} lifetime {}", domains.join(" "), time(seconds(4)?)))
            }
            PREFIX => {
                let prefix = addresses(option.get(16..32)?).next()?;
                let (length, flags) = (option.get(2)?, option.get(3)?);
                let mut text = format!("prefix {prefix}/{length}");
                for (bit, word) in [(0x80, " onlink"), (0x40, " autoconf")] {
                    if flags & bit != 0 {
                        text.push_str(word);
                    }
                }
                let _ = write!(text, " valid {}", time(seconds(4)?));
                let _ = write!(text, " preferred {}", time(seconds(8)?));
                Some(text)
            }
            _ => None,
        }
    }

    fn unknown(&self) -> String {
        let kind = self.option.first().copied().unwrap_or_default();
        format!("option {kind} length {}", self.option.len())
    }
}

fn time(seconds: u32) -> String {
    if seconds == u32::MAX { String::from("forever") } else { format!("{seconds}sec") }
}

fn addresses(bytes: &[u8]) -> impl Iterator<Item = Ipv6Addr> {
    bytes.as_chunks::<16>().0.iter().map(|octets| Ipv6Addr::from(*octets))
}

/// Names as the DNS encodes them, up to the padding; what is no letter of a host name shows as `?`.
fn domains(mut bytes: &[u8]) -> Option<Vec<String>> {
    let mut names = Vec::new();
    let mut labels: Vec<String> = Vec::new();
    while let Some((length, rest)) = bytes.split_first() {
        let (label, rest) = rest.split_at_checked(usize::from(*length))?;
        bytes = rest;
        if !label.is_empty() {
            let letter = |octet: &u8| {
                if octet.is_ascii_graphic() { char::from(*octet) } else { '?' }
            };
            labels.push(label.iter().map(letter).collect());
        } else if !labels.is_empty() {
            names.push(core::mem::take(&mut labels).join("."));
        }
    }
    (labels.is_empty() && !names.is_empty()).then_some(names)
}

#[cfg(test)]
mod tests {
    use super::RouterOption;
    use crate::ip::interfaces::Interfaces;
    use crate::ip::link::Link;
    use crate::netlink::Request;
    use crate::prefix::octets;
    use alloc::string::String;
    use alloc::vec::Vec;
    use linux_raw_sys::netlink::{NDUSEROPT_SRCADDR, RTM_NEWNDUSEROPT};

    fn text(option: &[u8]) -> String {
        let mut fixed = Vec::from([10, 0]);
        fixed.extend((option.len() as u16).to_ne_bytes());
        fixed.extend(2u32.to_ne_bytes());
        fixed.extend([134, 0, 0, 0, 0, 0, 0, 0]);
        fixed.extend_from_slice(option);
        let mut message = Request::new(RTM_NEWNDUSEROPT as u32, 0, &fixed);
        message.attribute(NDUSEROPT_SRCADDR as u32, &octets("fe80::1".parse().unwrap()));
        let interfaces =
            Interfaces::from_links(&[Link { index: 2, name: "usb0".into(), ..Link::default() }]);
        RouterOption::parse(message.payload()).unwrap().text(&interfaces)
    }

    #[test]
    fn servers_domains_and_prefixes() {
        let mut servers = Vec::from([25, 3, 0, 0, 0, 0, 7, 8]);
        servers.extend(octets("2001:db8::53".parse().unwrap()));
        assert_eq!(text(&servers), "rdnss 2001:db8::53 lifetime 1800sec dev usb0 from fe80::1\n");
        let mut domains = Vec::from([31, 3, 0, 0, 255, 255, 255, 255]);
        domains.extend(b"\x03lab\x07example\0\0\0\0");
        assert_eq!(text(&domains), "dnssl lab.example lifetime forever dev usb0 from fe80::1\n");
        let mut prefix = Vec::from([3, 4, 64, 0xc0, 0, 0, 2, 88, 0, 0, 1, 44, 0, 0, 0, 0]);
        prefix.extend(octets("2001:db8:1::".parse().unwrap()));
        assert_eq!(
            text(&prefix),
            "prefix 2001:db8:1::/64 onlink autoconf valid 600sec preferred 300sec dev usb0 from \
             fe80::1\n"
        );
    }

    #[test]
    fn what_makes_no_sense_is_shown_as_it_is() {
        assert_eq!(text(&[38, 2, 0, 0]), "option 38 length 4 dev usb0 from fe80::1\n");
        assert_eq!(text(&[31, 1, 0, 0, 0, 0, 0, 1]), "option 31 length 8 dev usb0 from fe80::1\n");
        assert_eq!(RouterOption::parse(&[10, 0, 8, 0, 2, 0, 0, 0, 134, 0]), None);
    }
}
