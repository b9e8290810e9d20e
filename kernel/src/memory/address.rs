//! Address types: where an address comes from decides what may be done with it.

use core::fmt;

/// Bytes in a page, and in a physical frame.
pub const PAGE_SIZE: usize = 4096;

/// An address on the ARM cores' physical bus.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PhysicalAddress(u64);

impl PhysicalAddress {
    /// An address; any value is one, though not every value leads to something.
    pub const fn new(address: u64) -> Self {
        Self(address)
    }

    /// The number.
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Debug for PhysicalAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "physical {:#x}", self.0)
    }
}

/// An address that a program named: below the end of the lower half, and otherwise unchecked.
///
/// It can't be turned into a pointer; only the functions of `user_access` reach what is there,
/// with the rights the program itself has.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserAddress(u64);

impl UserAddress {
    /// First address behind the lower half: 39 bits of virtual address.
    pub const END: u64 = 1 << 39;

    /// The null pointer.
    pub const NULL: Self = Self(0);

    /// The address, if it is in the lower half (tagged pointers are not).
    pub const fn new(address: u64) -> Option<Self> {
        if address < Self::END { Some(Self(address)) } else { None }
    }

    /// The number.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// Whether it is zero.
    pub const fn is_null(self) -> bool {
        self.0 == 0
    }

    /// The address `offset` bytes further up, if that is still in the lower half.
    pub const fn checked_add(self, offset: u64) -> Option<Self> {
        match self.0.checked_add(offset) {
            Some(sum) => Self::new(sum),
            None => None,
        }
    }

    /// Whether `length` bytes from here on end within the lower half.
    pub const fn has_room_for(self, length: usize) -> bool {
        length as u64 <= Self::END - self.0
    }

    /// Start of the page that contains the address.
    #[must_use]
    pub const fn page(self) -> Self {
        Self(self.0 & !(PAGE_SIZE as u64 - 1))
    }

    /// Offset within its page.
    pub const fn page_offset(self) -> usize {
        (self.0 & (PAGE_SIZE as u64 - 1)) as usize
    }
}

impl fmt::Debug for UserAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "user {:#x}", self.0)
    }
}

impl fmt::Display for UserAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_upper_half_and_tagged_pointers_are_no_user_addresses() {
        assert!(UserAddress::new(0xffff_ffff_8008_0000).is_none());
        assert!(UserAddress::new(0x0100_0000_0000_1000).is_none());
        assert!(UserAddress::new(UserAddress::END).is_none());
        assert!(UserAddress::new(UserAddress::END - 1).is_some());
    }

    #[test]
    fn ranges_end_in_the_lower_half() {
        let last = UserAddress::new(UserAddress::END - 4).expect("in the lower half");
        assert!(last.has_room_for(4));
        assert!(!last.has_room_for(5));
        assert!(!last.has_room_for(usize::MAX));
        assert!(last.checked_add(3).is_some());
        assert!(last.checked_add(4).is_none());
        assert!(last.checked_add(u64::MAX).is_none());
        assert_eq!(last.page().get(), UserAddress::END - 4096);
        assert_eq!(last.page_offset(), 4092);
    }
}
