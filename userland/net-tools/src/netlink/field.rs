//! Numbers at fixed places of a structure that the kernel filled, in the byte order of the machine.
//!
//! The places come from `offset_of!` on the structures of `linux-raw-sys`. A structure from a newer
//! or older kernel may be longer or shorter; what is missing reads as `None`.

/// The bytes of a number of `N` bytes at `offset`.
fn array<const N: usize>(bytes: &[u8], offset: usize) -> Option<[u8; N]> {
    bytes.get(offset..)?.first_chunk().copied()
}

/// The byte at `offset`.
#[must_use]
pub fn u8_at(bytes: &[u8], offset: usize) -> Option<u8> {
    bytes.get(offset).copied()
}

/// The 16-bit number at `offset`.
#[must_use]
pub fn u16_at(bytes: &[u8], offset: usize) -> Option<u16> {
    array(bytes, offset).map(u16::from_ne_bytes)
}

/// The 32-bit number at `offset`.
#[must_use]
pub fn u32_at(bytes: &[u8], offset: usize) -> Option<u32> {
    array(bytes, offset).map(u32::from_ne_bytes)
}

/// The 64-bit number at `offset`.
#[must_use]
pub fn u64_at(bytes: &[u8], offset: usize) -> Option<u64> {
    array(bytes, offset).map(u64::from_ne_bytes)
}

/// Writes `value` at `offset`; a place beyond the end is left alone, which cannot happen for a
/// buffer of the structure's size.
pub fn put(bytes: &mut [u8], offset: usize, value: &[u8]) {
    if let Some(place) = bytes.get_mut(offset..offset + value.len()) {
        place.copy_from_slice(value);
    }
}

#[cfg(test)]
mod tests {
    use super::{put, u8_at, u16_at, u32_at, u64_at};

    #[test]
    fn what_is_missing_is_none() {
        let mut bytes = [0; 8];
        put(&mut bytes, 2, &7u32.to_ne_bytes());
        put(&mut bytes, 6, &9u32.to_ne_bytes());
        assert_eq!(u32_at(&bytes, 2), Some(7));
        assert_eq!(u16_at(&bytes, 6), Some(0), "a number that does not fit is not written");
        assert_eq!(u32_at(&bytes, 5), None);
        assert_eq!(u64_at(&bytes, 1), None);
        assert_eq!(u16_at(&bytes, 7), None);
        assert_eq!(u8_at(&bytes, 8), None);
        assert_eq!(u32_at(&bytes, usize::MAX), None);
    }
}
