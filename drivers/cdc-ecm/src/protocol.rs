//! The protocols that adapters are spoken to in, and which is taken first.

use smsc_lan::Model;
use usb_core::descriptor::Class;

/// Which protocol an adapter is spoken to in.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Protocol {
    /// CDC Network Control Model: several frames a transfer.
    Ncm,
    /// CDC Ethernet Control Model: a frame a transfer.
    Ecm,
    /// CDC Ethernet Emulation Model: a stream of frames.
    Eem,
    /// Remote NDIS.
    Rndis,
    /// The protocol of SMSC's chips.
    Smsc(Model),
}

impl Protocol {
    /// All that class codes announce, the one that is taken first in front: NCM moves small frames together; the address,
    /// link and filter of NCM and ECM are standard requests; EEM has none of them; RNDIS needs a
    /// conversation.
    pub const CLASSES: [Self; 4] = [Self::Ncm, Self::Ecm, Self::Eem, Self::Rndis];

    /// The name that people use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ncm => "cdc-ncm",
            Self::Ecm => "cdc-ecm",
            Self::Eem => "cdc-eem",
            Self::Rndis => "rndis",
            Self::Smsc(model) => model.name(),
        }
    }

    /// Whether the control interface of a function has these class codes (CDC 1.2 table 4; for
    /// RNDIS what devices use: the abstract control model with a vendor's protocol, the wireless
    /// class of Windows and Android, and the miscellaneous class of newer Androids and
    /// ActiveSync).
    pub(crate) fn matches(self, class: Class) -> bool {
        let Class { class, subclass, protocol } = class;
        match self {
            Self::Ncm => (class, subclass) == (0x02, 0x0d),
            Self::Ecm => (class, subclass) == (0x02, 0x06),
            Self::Eem => (class, subclass) == (0x02, 0x0c),
            Self::Rndis => matches!(
                (class, subclass, protocol),
                (0x02, 0x02, 0xff) | (0xe0, 0x01, 0x03) | (0xef, 0x04 | 0x01, 0x01)
            ),
            // The device is known by its number.
            Self::Smsc(_) => false,
        }
    }
}

/// Which protocol is taken when a device speaks several: the preferred one, else the first of
/// [`Protocol::CLASSES`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Preference(Option<Protocol>);

impl Preference {
    /// That protocol before all others.
    pub const fn first(protocol: Protocol) -> Self {
        Self(Some(protocol))
    }

    /// From the boot argument's value: `ncm`, `ecm`, `eem` or `rndis`.
    pub fn from_name(name: &str) -> Option<Self> {
        let protocol = match name {
            "ncm" => Protocol::Ncm,
            "ecm" => Protocol::Ecm,
            "eem" => Protocol::Eem,
            "rndis" => Protocol::Rndis,
            _ => return None,
        };
        Some(Self::first(protocol))
    }

    /// The protocols of [`Protocol::CLASSES`], in the order in which they are looked for.
    pub fn order(self) -> impl Iterator<Item = Protocol> {
        let others = Protocol::CLASSES.into_iter().filter(move |other| Some(*other) != self.0);
        self.0.into_iter().chain(others)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    #[test]
    fn the_preferred_one_comes_first_and_none_twice() {
        assert!(Preference::default().order().eq(Protocol::CLASSES));
        let order: Vec<_> = Preference::first(Protocol::Eem).order().collect();
        assert_eq!(order, [Protocol::Eem, Protocol::Ncm, Protocol::Ecm, Protocol::Rndis]);
        assert_eq!(Preference::from_name("ecm"), Some(Preference::first(Protocol::Ecm)));
        assert_eq!(Preference::from_name("ether"), None);
    }
}
