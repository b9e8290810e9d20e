//! `ip addrlabel`: show, add, del and flush the labels of address selection (RFC 6724).
//!
//! RTM_NEWADDRLABEL: `struct ifaddrlblmsg` and IFAL_ attributes (linux/if_addrlabel.h).

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::IpAddr;

use linux_raw_sys::netlink::{
    NLM_F_CREATE, NLM_F_EXCL, RTM_DELADDRLABEL, RTM_GETADDRLABEL, RTM_NEWADDRLABEL,
};

use super::arguments::{Family, Words, matches};
use super::failure::Failure;
use super::interfaces::Interfaces;
use super::session::Session;
use crate::netlink::{Attribute, Attributes, Request, field};
use crate::prefix::{Prefix, octets};

/// What `ip addrlabel help` prints.
pub const USAGE: &str = "\
Usage: ip addrlabel { add | del } prefix PREFIX [ dev DEV ] [ label LABEL ]
       ip addrlabel [ list | flush | help ]
";

/// The length of `struct ifaddrlblmsg`: family, reserved, prefix length, flags, interface,
/// sequence.
const FIXED: usize = 12;
/// IFAL_ADDRESS.
const ADDRESS: u32 = 1;
/// IFAL_LABEL.
const LABEL: u32 = 2;

/// A label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressLabel {
    /// The interface whose addresses it is for; 0 is any.
    pub index: u32,
    /// The addresses.
    pub address: IpAddr,
    /// Of what prefix.
    pub length: u8,
    /// The label.
    pub label: u32,
}

impl AddressLabel {
    /// Reads the message; `None` when something is missing.
    #[must_use]
    pub fn parse(payload: &[u8]) -> Option<Self> {
        let attributes = Attributes::after(payload, FIXED);
        Some(Self {
            length: field::u8_at(payload, 2)?,
            index: field::u32_at(payload, 4)?,
            address: attributes.find(ADDRESS).and_then(Attribute::address)?,
            label: attributes.find(LABEL).and_then(Attribute::u32)?,
        })
    }

    /// What `ip addrlabel` prints.
    #[must_use]
    pub fn text(&self, interfaces: &Interfaces) -> String {
        let Self { index, address, length, label } = self;
        let device = match index {
            0 => String::new(),
            index => format!("dev {} ", interfaces.name(*index)),
        };
        format!("prefix {address}/{length} {device}label {label} \n")
    }
}

/// Runs `ip addrlabel …`.
pub fn run(session: &mut Session, mut words: Words<'_>) -> Result<(), Failure> {
    let Some(word) = words.next() else { return show(session) };
    match word {
        _ if matches(word, "list") || matches(word, "show") => show(session),
        _ if matches(word, "add") => {
            modify(session, words, RTM_NEWADDRLABEL as u32, NLM_F_CREATE | NLM_F_EXCL)
        }
        _ if matches(word, "delete") => modify(session, words, RTM_DELADDRLABEL as u32, 0),
        _ if matches(word, "flush") => flush(session),
        _ if matches(word, "help") => Err(Failure::usage(USAGE.trim_end())),
        _ => Err(Failure::command("addrlabel", word)),
    }
}

fn fixed(length: u8, index: u32) -> [u8; FIXED] {
    let mut fixed = [0; FIXED];
    field::put(&mut fixed, 0, &[Family::Inet6.number(), 0, length]);
    field::put(&mut fixed, 4, &index.to_ne_bytes());
    fixed
}

fn request(kind: u32, flags: u32, prefix: Prefix, index: u32, label: Option<u32>) -> Request {
    let mut request = Request::new(kind, flags, &fixed(prefix.length, index));
    request.attribute(ADDRESS, &octets(prefix.address));
    if let Some(label) = label {
        request.u32(LABEL, label);
    }
    request
}

fn read(session: &mut Session) -> Result<Vec<AddressLabel>, Failure> {
    let records = session.dump(Request::new(RTM_GETADDRLABEL as u32, 0, &fixed(0, 0)))?;
    Ok(records.iter().filter_map(|record| AddressLabel::parse(&record.payload)).collect())
}

fn show(session: &mut Session) -> Result<(), Failure> {
    let interfaces = session.interfaces()?;
    for label in read(session)? {
        rt::print!("{}", label.text(&interfaces));
    }
    Ok(())
}

fn modify(
    session: &mut Session,
    mut words: Words<'_>,
    kind: u32,
    flags: u32,
) -> Result<(), Failure> {
    let (mut prefix, mut label, mut index) = (None, None, 0);
    while let Some(word) = words.next() {
        match word {
            "prefix" => prefix = Some(words.prefix(Family::Inet6)?),
            "dev" => {
                let name = words.value()?;
                let interfaces = session.interfaces()?;
                index = interfaces.index(name).ok_or_else(|| Failure::no_device(name))?;
            }
            "label" => {
                let text = words.value()?;
                let number = super::arguments::number(text).filter(|label| *label != u32::MAX);
                label = Some(number.ok_or_else(|| Failure::invalid(text, "label"))?);
            }
            _ => {
                let prefix_alone = super::arguments::prefix(word, Family::Inet6)?;
                prefix = Some(prefix_alone);
            }
        }
    }
    let prefix = prefix.ok_or_else(|| {
        Failure::other("Not enough information: \"prefix\" argument is required.")
    })?;
    if kind == RTM_NEWADDRLABEL as u32 && label.is_none() {
        return Err(Failure::other("Not enough information: \"label\" argument is required."));
    }
    session.socket.change(request(kind, flags, prefix, index, label))?;
    Ok(())
}

fn flush(session: &mut Session) -> Result<(), Failure> {
    session.flush("labels", |session| {
        let labels = read(session)?;
        let delete = |label: AddressLabel| {
            let prefix = Prefix { address: label.address, length: label.length, explicit: true };
            request(RTM_DELADDRLABEL as u32, 0, prefix, label.index, None)
        };
        Ok(labels.into_iter().map(delete).collect())
    })
}

#[cfg(test)]
mod tests {
    use super::{AddressLabel, LABEL, request};
    use crate::ip::interfaces::Interfaces;
    use crate::ip::link::Link;
    use crate::prefix::Prefix;
    use linux_raw_sys::netlink::RTM_NEWADDRLABEL;

    #[test]
    fn as_iproute2_prints_them() {
        let interfaces =
            Interfaces::from_links(&[Link { index: 2, name: "usb0".into(), ..Link::default() }]);
        let text = |prefix: &str, index, label| {
            let prefix = Prefix::parse(prefix).unwrap();
            let message = request(RTM_NEWADDRLABEL as u32, 0, prefix, index, Some(label));
            AddressLabel::parse(message.payload()).unwrap().text(&interfaces)
        };
        assert_eq!(text("::1/128", 0, 0), "prefix ::1/128 label 0 \n");
        assert_eq!(text("fd00::/8", 2, 99), "prefix fd00::/8 dev usb0 label 99 \n");
    }

    #[test]
    fn what_lacks_a_label_is_none() {
        let prefix = Prefix::parse("::/0").unwrap();
        let message = request(RTM_NEWADDRLABEL as u32, 0, prefix, 0, None);
        assert_eq!(AddressLabel::parse(message.payload()), None);
        assert!(message.attributes(super::FIXED).find(LABEL).is_none());
    }
}
