//! The policy table of default address selection (RFC 6724, Section 2.1): which addresses go
//! together (labels) and which are better (precedences).

use crate::address::Prefix;
use crate::interface::InterfaceIndex;
use crate::limits;
use core::fmt;
use core::net::Ipv6Addr;

/// A row of the table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Policy {
    /// The addresses that it is about; of several rows the one with the longest prefix counts.
    pub prefix: Prefix,
    /// Only addresses of this interface.
    pub interface: Option<InterfaceIndex>,
    /// Among destinations, those with the highest are tried first.
    pub precedence: u8,
    /// Sources and destinations with the same label go together.
    pub label: u32,
}

/// What a row says where none does: that of `::/0` in the default table.
const OTHERWISE: (u8, u32) = (40, 1);

const fn row(address: [u16; 8], length: u8, precedence: u8, label: u32) -> Policy {
    let mut bits = 0;
    let mut at = 0;
    while at < address.len() {
        bits = bits << 16 | address[at] as u128;
        at += 1;
    }
    match Prefix::new(Ipv6Addr::from_bits(bits), length) {
        Some(prefix) => Policy { prefix, interface: None, precedence, label },
        None => panic!("a prefix has at most 128 bits"),
    }
}

/// The rows of RFC 6724, Section 2.1.
const DEFAULT: [Policy; 9] = [
    row([0, 0, 0, 0, 0, 0, 0, 1], 128, 50, 0),
    row([0; 8], 0, 40, 1),
    row([0, 0, 0, 0, 0, 0xffff, 0, 0], 96, 35, 4),
    row([0x2002, 0, 0, 0, 0, 0, 0, 0], 16, 30, 2),
    row([0x2001, 0, 0, 0, 0, 0, 0, 0], 32, 5, 5),
    row([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7, 3, 13),
    row([0; 8], 96, 1, 3),
    row([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10, 1, 11),
    row([0x3ffe, 0, 0, 0, 0, 0, 0, 0], 16, 1, 12),
];

/// Why a row cannot be added or removed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PolicyError {
    /// There is a row for this prefix.
    Exists,
    /// There is no such row.
    NotFound,
    /// No such interface.
    NoInterface,
    /// There is no room for another row.
    TableFull,
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Exists => "there is a label for this prefix",
            Self::NotFound => "no such label",
            Self::NoInterface => "no such interface",
            Self::TableFull => "too many labels",
        })
    }
}

impl core::error::Error for PolicyError {}

/// The table.
#[derive(Clone, Debug)]
pub struct PolicyTable {
    rows: [Option<Policy>; limits::POLICIES],
    changes: u32,
}

impl PolicyTable {
    /// The default table.
    pub const DEFAULT: Self = {
        let mut rows = [None; limits::POLICIES];
        let mut at = 0;
        while at < DEFAULT.len() {
            rows[at] = Some(DEFAULT[at]);
            at += 1;
        }
        Self { rows, changes: 0 }
    };

    /// The rows.
    pub fn iter(&self) -> impl Iterator<Item = &Policy> {
        self.rows.iter().flatten()
    }

    /// Another number whenever it changed.
    pub(crate) const fn changes(&self) -> u32 {
        self.changes
    }

    /// The row for an address, by the longest prefix; one of the address's interface before one of
    /// any.
    pub fn find(&self, address: Ipv6Addr, interface: Option<InterfaceIndex>) -> Option<&Policy> {
        self.iter()
            .filter(|row| row.prefix.contains(address))
            .filter(|row| row.interface.is_none() || row.interface == interface)
            .max_by_key(|row| (row.prefix.length(), row.interface.is_some()))
    }

    /// Precedence and label of an address.
    pub(crate) fn of(&self, address: Ipv6Addr, interface: Option<InterfaceIndex>) -> (u8, u32) {
        self.find(address, interface).map_or(OTHERWISE, |row| (row.precedence, row.label))
    }

    /// Gives a prefix a label; `replace` says that it may have one. The precedence is the one that
    /// its addresses have so far.
    pub(crate) fn set_label(
        &mut self,
        prefix: Prefix,
        interface: Option<InterfaceIndex>,
        label: u32,
        replace: bool,
    ) -> Result<(), PolicyError> {
        let (precedence, _) = self.of(prefix.address(), interface);
        let is_it = |row: &Policy| row.prefix == prefix && row.interface == interface;
        let known = self.rows.iter().position(|row| row.as_ref().is_some_and(is_it));
        if known.is_some() && !replace {
            return Err(PolicyError::Exists);
        }
        let place = known.or_else(|| self.rows.iter().position(Option::is_none));
        let place = place.and_then(|at| self.rows.get_mut(at)).ok_or(PolicyError::TableFull)?;
        *place = Some(Policy { prefix, interface, precedence, label });
        self.changes = self.changes.wrapping_add(1);
        Ok(())
    }

    /// Removes the row of a prefix.
    pub(crate) fn remove(
        &mut self,
        prefix: Prefix,
        interface: Option<InterfaceIndex>,
    ) -> Result<(), PolicyError> {
        let is_it = |row: &Policy| row.prefix == prefix && row.interface == interface;
        let found = self.rows.iter_mut().find(|row| row.as_ref().is_some_and(is_it));
        *found.ok_or(PolicyError::NotFound)? = None;
        self.changes = self.changes.wrapping_add(1);
        Ok(())
    }

    /// Removes the rows of an interface that is gone.
    pub(crate) fn forget_interface(&mut self, interface: InterfaceIndex) {
        for row in &mut self.rows {
            if row.is_some_and(|row| row.interface == Some(interface)) {
                *row = None;
            }
        }
        self.changes = self.changes.wrapping_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> Ipv6Addr {
        text.parse().unwrap()
    }

    /// Rows: SEL-3
    #[test]
    fn the_default_rows() {
        for (address, expected) in [
            ("::1", (50, 0)),
            ("2001:db8::1", (40, 1)),
            ("::ffff:192.0.2.1", (35, 4)),
            ("2002::1", (30, 2)),
            ("2001::1", (5, 5)),
            ("fd00::1", (3, 13)),
            ("::2", (1, 3)),
            ("fec0::2", (1, 11)),
            ("3ffe::1", (1, 12)),
            ("fe80::1", (40, 1)),
        ] {
            assert_eq!(PolicyTable::DEFAULT.of(ip(address), None), expected, "{address}");
        }
    }

    /// Rows: SEL-3
    #[test]
    fn labels_of_the_user() {
        let mut table = PolicyTable::DEFAULT;
        let prefix: Prefix = "fd00:1::/32".parse().unwrap();
        let usb0 = Some(InterfaceIndex::from_slot(1));
        table.set_label(prefix, None, 99, false).unwrap();
        assert_eq!(table.of(ip("fd00:1::5"), usb0), (3, 99), "the precedence stays");
        assert_eq!(table.of(ip("fd00:2::5"), usb0), (3, 13));
        assert_eq!(table.set_label(prefix, None, 7, false), Err(PolicyError::Exists));
        table.set_label(prefix, None, 7, true).unwrap();
        // One for an interface alone stands beside it, and before it.
        table.set_label(prefix, usb0, 8, false).unwrap();
        assert_eq!(table.of(ip("fd00:1::5"), usb0).1, 8);
        assert_eq!(table.of(ip("fd00:1::5"), None).1, 7);
        table.forget_interface(InterfaceIndex::from_slot(1));
        assert_eq!(table.of(ip("fd00:1::5"), usb0).1, 7);
        table.remove(prefix, None).unwrap();
        assert_eq!(table.remove(prefix, None), Err(PolicyError::NotFound));
        assert_eq!(table.of(ip("fd00:1::5"), usb0).1, 13);
        // A default row can go, too.
        table.remove("::/0".parse().unwrap(), None).unwrap();
        assert_eq!(table.of(ip("2600::1"), None), OTHERWISE);
    }

    #[test]
    fn there_is_an_end() {
        let mut table = PolicyTable::DEFAULT;
        let mut added = 0;
        while table
            .set_label(Prefix::host(Ipv6Addr::from_bits(added as u128 + 10)), None, 5, false)
            .is_ok()
        {
            added += 1;
        }
        assert_eq!(added, limits::POLICIES - DEFAULT.len());
    }
}
