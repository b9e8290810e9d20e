//! Names for code addresses, for backtraces.
//!
//! The section `.symbols` is 256 KiB of zeros that tools/image fills after linking:
//!
//! ```text
//! "KSYMTAB1"             magic
//! u32                    count of entries
//! u32                    offset of the names from the start of the section
//! count × { u64 address, u32 offset into the names, u32 length of the name }
//! names                  UTF-8, demangled
//! ```
//!
//! All little-endian; entries are sorted by address. The linker script writes the magic, so that the
//! section exists in the file; with a count of zero there are no names.

#[cfg(any(target_os = "none", test))]
const MAGIC: &[u8; 8] = b"KSYMTAB1";
#[cfg(any(target_os = "none", test))]
const HEADER: usize = 16;
#[cfg(any(target_os = "none", test))]
const ENTRY: usize = 16;

/// A function and how far into it an address is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Symbol<'a> {
    /// Its name.
    pub name: &'a str,
    /// Bytes from its start.
    pub offset: u64,
}

/// The kernel function that contains `address`.
#[cfg(target_os = "none")]
pub fn find(address: u64) -> Option<Symbol<'static>> {
    use crate::memory::layout;
    if !layout::text().contains(&address) {
        return None;
    }
    let section = layout::symbols();
    // SAFETY: the section is mapped read-only for ever; any bytes are valid.
    let bytes = unsafe {
        core::slice::from_raw_parts(
            section.start as *const u8,
            (section.end - section.start) as usize,
        )
    };
    find_in(bytes, address)
}

#[cfg(any(target_os = "none", test))]
/// Looks `address` up in a table.
fn find_in(table: &[u8], address: u64) -> Option<Symbol<'_>> {
    if table.get(..8)? != MAGIC {
        return None;
    }
    let count = read_u32(table, 8)? as usize;
    let names = read_u32(table, 12)? as usize;
    let entry_address = |index: usize| {
        let start = HEADER.checked_add(index.checked_mul(ENTRY)?)?;
        let bytes = table.get(start..start.checked_add(8)?)?;
        Some(u64::from_le_bytes(bytes.try_into().ok()?))
    };
    // The last entry that is not above the address.
    let (mut low, mut high) = (0, count);
    while low < high {
        let middle = low.midpoint(high);
        if entry_address(middle)? <= address {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    let index = low.checked_sub(1)?;
    let start = names.checked_add(read_u32(table, HEADER + index * ENTRY + 8)? as usize)?;
    let length = read_u32(table, HEADER + index * ENTRY + 12)? as usize;
    let name = core::str::from_utf8(table.get(start..start.checked_add(length)?)?).ok()?;
    Some(Symbol { name, offset: address - entry_address(index)? })
}

#[cfg(any(target_os = "none", test))]
fn read_u32(table: &[u8], offset: usize) -> Option<u32> {
    let bytes = table.get(offset..offset.checked_add(4)?)?;
    Some(u32::from_le_bytes(bytes.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::vec::Vec;

    fn table(symbols: &[(u64, &str)]) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend((symbols.len() as u32).to_le_bytes());
        bytes.extend(((HEADER + symbols.len() * ENTRY) as u32).to_le_bytes());
        let mut names = Vec::new();
        for (address, name) in symbols {
            bytes.extend(address.to_le_bytes());
            bytes.extend((names.len() as u32).to_le_bytes());
            bytes.extend((name.len() as u32).to_le_bytes());
            names.extend(name.bytes());
        }
        bytes.extend(names);
        bytes
    }

    #[test]
    fn the_function_below_an_address_is_found() {
        let table = table(&[(0x1000, "first"), (0x1040, "second"), (0x2000, "third")]);
        let found = |address| find_in(&table, address).map(|symbol| (symbol.name, symbol.offset));
        assert_eq!(found(0xfff), None);
        assert_eq!(found(0x1000), Some(("first", 0)));
        assert_eq!(found(0x103f), Some(("first", 0x3f)));
        assert_eq!(found(0x1040), Some(("second", 0)));
        assert_eq!(found(0x9000), Some(("third", 0x7000)));
    }

    #[test]
    fn a_table_that_was_not_filled_has_no_names() {
        assert_eq!(find_in(&[0; 64], 0x1000), None);
        assert_eq!(find_in(&table(&[]), 0x1000), None);
    }

    proptest! {
        #[test]
        fn no_table_panics(position in 8usize..64, byte: u8, address: u64, end in 0usize..80) {
            let mut bytes = table(&[(0x1000, "first"), (0x2000, "second")]);
            let length = bytes.len();
            bytes[position % length] = byte;
            let _ = find_in(&bytes[..end.min(length)], address);
        }
    }
}
