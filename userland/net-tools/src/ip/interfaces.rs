//! Names and numbers of the interfaces.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use linux_raw_sys::netlink::RTM_GETLINK;

use super::link::{LOOPBACK, Link, UP};
use crate::netlink::{Error, Request, RouteSocket};

/// What is remembered of an interface.
#[derive(Clone, Debug)]
struct Entry {
    index: u32,
    name: String,
    flags: u32,
}

/// All interfaces there are.
#[derive(Clone, Debug, Default)]
pub struct Interfaces {
    entries: Vec<Entry>,
}

impl Interfaces {
    /// Asks the kernel.
    pub fn read(socket: &mut RouteSocket) -> Result<Self, Error> {
        Ok(Self::from_links(&read_links(socket, 0)?))
    }

    /// Takes them from links already read.
    #[must_use]
    pub fn from_links(links: &[Link]) -> Self {
        let entry =
            |link: &Link| Entry { index: link.index, name: link.name.clone(), flags: link.flags };
        Self { entries: links.iter().map(entry).collect() }
    }

    /// Remembers what an announcement said.
    pub fn update(&mut self, link: &Link) {
        self.entries.retain(|entry| entry.index != link.index);
        let entry = Entry { index: link.index, name: link.name.clone(), flags: link.flags };
        self.entries.push(entry);
    }

    fn find(&self, index: u32) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.index == index)
    }

    /// The name; `if7` for one that is not known, `*` for none.
    #[must_use]
    pub fn name(&self, index: u32) -> Cow<'_, str> {
        match self.find(index) {
            Some(entry) => Cow::Borrowed(&entry.name),
            None if index == 0 => Cow::Borrowed("*"),
            None => Cow::Owned(format!("if{index}")),
        }
    }

    /// The first one that is up and no loopback.
    #[must_use]
    pub fn first_up(&self) -> Option<&str> {
        let wanted = |entry: &&Entry| entry.flags & (UP | LOOPBACK) == UP;
        self.entries.iter().find(wanted).map(|entry| entry.name.as_str())
    }

    /// The `IFF_` bits.
    #[must_use]
    pub fn flags(&self, index: u32) -> Option<u32> {
        self.find(index).map(|entry| entry.flags)
    }

    /// The index of the interface of that name; `if7` is the one with index 7.
    #[must_use]
    pub fn index(&self, name: &str) -> Option<u32> {
        if let Some(entry) = self.entries.iter().find(|entry| entry.name == name) {
            return Some(entry.index);
        }
        let index = name.strip_prefix("if")?.parse().ok()?;
        self.find(index).map(|entry| entry.index)
    }
}

/// All links, for a request of family `family` (`AF_`), in order of their indexes.
pub fn read_links(socket: &mut RouteSocket, family: u8) -> Result<Vec<Link>, Error> {
    let mut fixed = [0; core::mem::size_of::<linux_raw_sys::netlink::ifinfomsg>()];
    fixed[0] = family;
    let records = socket.dump(Request::new(RTM_GETLINK as u32, 0, &fixed))?;
    let mut links: Vec<Link> =
        records.iter().filter_map(|record| Link::parse(&record.payload)).collect();
    links.sort_by_key(|link| link.index);
    Ok(links)
}

#[cfg(test)]
mod tests {
    use super::{Interfaces, Link};

    /// Rows: API-6
    #[test]
    fn names_and_indexes() {
        let link = |index, name: &str| Link { index, name: name.into(), ..Link::default() };
        let mut interfaces = Interfaces::from_links(&[link(1, "lo"), link(4, "usb0")]);
        assert_eq!(interfaces.name(4), "usb0");
        assert_eq!(interfaces.name(9), "if9");
        assert_eq!(interfaces.name(0), "*");
        assert_eq!(interfaces.index("usb0"), Some(4));
        assert_eq!(interfaces.index("if4"), Some(4));
        assert_eq!(interfaces.index("if9"), None);
        assert_eq!(interfaces.index("eth0"), None);
        interfaces.update(&link(4, "eth0"));
        assert_eq!(interfaces.name(4), "eth0");
        assert_eq!(interfaces.index("usb0"), None);
    }
}
