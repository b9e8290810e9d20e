//! The zone of a connection's addresses (RFC 4007) in one octet, for entries that are many.

use crate::interface::InterfaceIndex;
use core::num::NonZeroU8;

/// A zone, or none.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Zone(NonZeroU8);

impl Zone {
    const NONE: Self = Self(NonZeroU8::MAX);

    /// The zone as an interface.
    pub(crate) fn index(self) -> Option<InterfaceIndex> {
        (self != Self::NONE).then(|| InterfaceIndex::from_slot(usize::from(self.0.get() - 1)))
    }

    /// Whether a packet that came in by this interface can belong here.
    pub(crate) fn admits(self, from: InterfaceIndex) -> bool {
        self.index().is_none_or(|zone| zone == from)
    }
}

impl From<Option<InterfaceIndex>> for Zone {
    fn from(index: Option<InterfaceIndex>) -> Self {
        const { assert!(crate::limits::INTERFACES < u8::MAX as usize) };
        index
            .and_then(|index| u8::try_from(index.slot() + 1).ok())
            .and_then(NonZeroU8::new)
            .map_or(Self::NONE, Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_interface_comes_back() {
        let zone = |index| Zone::from(index).index();
        assert_eq!(zone(None), None);
        for slot in 0..crate::limits::INTERFACES {
            let index = InterfaceIndex::from_slot(slot);
            assert_eq!(zone(Some(index)), Some(index));
            assert!(Zone::from(Some(index)).admits(index) && Zone::from(None).admits(index));
        }
        let (a, b) = (InterfaceIndex::from_slot(0), InterfaceIndex::from_slot(1));
        assert!(!Zone::from(Some(a)).admits(b));
    }
}
