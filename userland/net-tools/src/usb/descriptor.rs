//! USB descriptors as a device gave them, one after the other (USB 2.0 section 9.5).
//!
//! Each begins with its length and type. A device may say anything: what is too short for its
//! fields is not a descriptor of its type.

/// Descriptor types (USB 2.0 table 9-5, the ECN on interface association, class specifications).
pub mod kind {
    /// DEVICE
    pub const DEVICE: u8 = 1;
    /// CONFIGURATION
    pub const CONFIGURATION: u8 = 2;
    /// INTERFACE
    pub const INTERFACE: u8 = 4;
    /// ENDPOINT
    pub const ENDPOINT: u8 = 5;
    /// INTERFACE_ASSOCIATION
    pub const INTERFACE_ASSOCIATION: u8 = 11;
    /// CS_INTERFACE: class-specific, within an interface.
    pub const CS_INTERFACE: u8 = 0x24;
}

/// A descriptor, with its length and type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Descriptor<'a>(pub &'a [u8]);

impl<'a> Descriptor<'a> {
    /// Its type.
    #[must_use]
    pub fn kind(&self) -> u8 {
        self.byte(1)
    }

    /// The byte at `offset`; 0 beyond the end.
    #[must_use]
    pub fn byte(&self, offset: usize) -> u8 {
        self.0.get(offset).copied().unwrap_or(0)
    }

    /// The 16-bit number at `offset`, little-endian.
    #[must_use]
    pub fn word(&self, offset: usize) -> u16 {
        u16::from_le_bytes([self.byte(offset), self.byte(offset + 1)])
    }

    /// The 32-bit number at `offset`, little-endian.
    #[must_use]
    pub fn double_word(&self, offset: usize) -> u32 {
        u32::from(self.word(offset)) | u32::from(self.word(offset + 2)) << 16
    }

    /// What follows `offset`.
    #[must_use]
    pub fn rest(&self, offset: usize) -> &'a [u8] {
        self.0.get(offset..).unwrap_or_default()
    }

    /// How long a descriptor of its type must be at least.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        let least = match self.kind() {
            kind::DEVICE => 18,
            kind::CONFIGURATION | kind::INTERFACE => 9,
            kind::ENDPOINT => 7,
            kind::INTERFACE_ASSOCIATION => 8,
            _ => 2,
        };
        self.0.len() >= least
    }
}

/// A length that leads nowhere: less than 2, or more than is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadLength {
    /// What the descriptor says.
    pub length: u8,
    /// How many bytes there are.
    pub left: usize,
}

/// Goes through descriptors; a bad length ends the way.
#[derive(Clone, Debug)]
pub struct Descriptors<'a> {
    rest: &'a [u8],
}

impl<'a> Descriptors<'a> {
    /// The descriptors in `bytes`.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }
}

impl<'a> Iterator for Descriptors<'a> {
    type Item = Result<Descriptor<'a>, BadLength>;

    fn next(&mut self) -> Option<Self::Item> {
        let length = *self.rest.first()?;
        let left = self.rest.len();
        match self.rest.split_at_checked(length.into()) {
            Some((descriptor, rest)) if length >= 2 => {
                self.rest = rest;
                Some(Ok(Descriptor(descriptor)))
            }
            _ => {
                self.rest = &[];
                Some(Err(BadLength { length, left }))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::{BadLength, Descriptor, Descriptors, kind};

    #[test]
    fn one_after_the_other() {
        let bytes = [3, 0x24, 7, 2, 5, 4, 1, 2, 3];
        let all: Vec<_> = Descriptors::new(&bytes).collect();
        assert_eq!(all[0], Ok(Descriptor(&[3, 0x24, 7])));
        assert_eq!(all[1], Ok(Descriptor(&[2, 5])));
        assert_eq!(all[2], Ok(Descriptor(&[4, 1, 2, 3])));
        assert_eq!(all.len(), 3);
        assert!(all[0].unwrap().is_complete());
        assert_eq!(all[1].unwrap().kind(), kind::ENDPOINT);
        assert!(!all[1].unwrap().is_complete());
    }

    #[test]
    fn lengths_that_lead_nowhere() {
        for (bytes, length) in [(&[0, 1][..], 0), (&[1, 2], 1), (&[5, 1, 2], 5), (&[2], 2)] {
            let mut descriptors = Descriptors::new(bytes);
            assert_eq!(descriptors.next(), Some(Err(BadLength { length, left: bytes.len() })));
            assert_eq!(descriptors.next(), None);
        }
    }

    #[test]
    fn numbers() {
        let descriptor = Descriptor(&[6, 1, 0x34, 0x12, 0x78, 0x56]);
        assert_eq!(descriptor.word(2), 0x1234);
        assert_eq!(descriptor.double_word(2), 0x5678_1234);
        assert_eq!(descriptor.word(5), 0x0056);
        assert_eq!(descriptor.byte(99), 0);
        assert_eq!(descriptor.rest(4), [0x78, 0x56]);
        assert!(descriptor.rest(7).is_empty());
    }
}
