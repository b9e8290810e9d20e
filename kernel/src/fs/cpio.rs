//! The `newc` cpio archive format, as cpio(5) and Linux's initramfs documentation describe it.
//!
//! ```text
//! "070701" | 13 fields of 8 hexadecimal digits | name, NUL | pad to 4 | contents | pad to 4
//! ```
//!
//! The archive comes with the kernel image but is parsed like any input: every length is checked.

use core::fmt;

/// Bytes of a header: the magic and thirteen fields.
const HEADER_LEN: usize = 6 + 13 * 8;
/// The name of the entry that ends an archive.
const TRAILER: &[u8] = b"TRAILER!!!";

/// One file of an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CpioEntry<'a> {
    /// Path, relative to the root of the archive, without its NUL.
    pub path: &'a [u8],
    /// Number of the file: entries with the same one are hard links.
    pub inode: u32,
    /// Type and permissions (`st_mode`).
    pub mode: u32,
    /// Number of hard links.
    pub links: u32,
    /// Seconds since 1970.
    pub modified: u32,
    /// The contents, or the target of a symbolic link.
    pub contents: &'a [u8],
}

/// Why an archive cannot be read any further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CpioError {
    /// The archive ends within an entry, or without its trailer.
    Truncated,
    /// An entry does not begin with the magic number.
    BadMagic,
    /// A field is not a hexadecimal number.
    BadNumber,
    /// A name is empty or lacks its NUL.
    BadName,
}

impl fmt::Display for CpioError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Truncated => "the archive is truncated",
            Self::BadMagic => "an entry has no newc magic number",
            Self::BadNumber => "a field is not a hexadecimal number",
            Self::BadName => "a name is not terminated",
        })
    }
}

/// Iterates over the entries of an archive. After an error, and after the trailer, it ends.
pub struct CpioArchive<'a> {
    rest: &'a [u8],
}

impl<'a> CpioArchive<'a> {
    /// The entries of `archive`.
    pub const fn new(archive: &'a [u8]) -> Self {
        Self { rest: archive }
    }

    fn parse(&mut self) -> Result<Option<CpioEntry<'a>>, CpioError> {
        let header = self.rest.get(..HEADER_LEN).ok_or(CpioError::Truncated)?;
        // 070702 differs only in that the last field holds a checksum.
        if !header.starts_with(b"070701") && !header.starts_with(b"070702") {
            return Err(CpioError::BadMagic);
        }
        let field = |index: usize| {
            let digits = header.get(6 + index * 8..).and_then(|rest| rest.get(..8));
            let digits = digits.filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
            let text = digits.and_then(|digits| core::str::from_utf8(digits).ok());
            text.and_then(|text| u32::from_str_radix(text, 16).ok()).ok_or(CpioError::BadNumber)
        };
        let (size, name_len) = (field(6)? as usize, field(11)? as usize);
        let after_header = &self.rest[HEADER_LEN..];
        let name = after_header.get(..name_len).ok_or(CpioError::Truncated)?;
        let path = name.strip_suffix(b"\0").filter(|path| !path.is_empty());
        let path = path.ok_or(CpioError::BadName)?;
        if path == TRAILER {
            return Ok(None);
        }
        let contents_at = (HEADER_LEN + name_len).next_multiple_of(4);
        let contents = self.rest.get(contents_at..).and_then(|rest| rest.get(..size));
        let contents = contents.ok_or(CpioError::Truncated)?;
        let entry = CpioEntry {
            path,
            inode: field(0)?,
            mode: field(1)?,
            links: field(4)?,
            modified: field(5)?,
            contents,
        };
        let next = (contents_at + size).next_multiple_of(4);
        self.rest = self.rest.get(next..).unwrap_or_default();
        Ok(Some(entry))
    }
}

impl<'a> Iterator for CpioArchive<'a> {
    type Item = Result<CpioEntry<'a>, CpioError>;

    fn next(&mut self) -> Option<Self::Item> {
        // An empty archive, which stands for "no files", needs no trailer.
        if self.rest.is_empty() {
            return None;
        }
        let item = self.parse().transpose();
        if !matches!(item, Some(Ok(_))) {
            self.rest = &[];
        } else if self.rest.is_empty() {
            // There must be a trailer: let the next call say so.
            self.rest = b"0";
        }
        item
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use alloc::format;
    use alloc::vec::Vec;

    /// An archive of (path, inode, links, mode, contents).
    pub(in crate::fs) fn archive(entries: &[(&str, u32, u32, u32, &[u8])]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let trailer: (&str, u32, u32, u32, &[u8]) = ("TRAILER!!!", 0, 1, 0, b"");
        for (path, inode, links, mode, contents) in entries.iter().copied().chain([trailer]) {
            let (size, name_len) = (contents.len(), path.len() + 1);
            bytes.extend_from_slice(
                format!(
                    "070701{inode:08X}{mode:08x}{:08X}{:08X}{links:08X}{:08X}{size:08X}\
                     {:08X}{:08X}{:08X}{:08X}{name_len:08X}{:08X}{path}\0",
                    0, 0, 1_700_000_000, 0, 0, 0, 0, 0
                )
                .as_bytes(),
            );
            bytes.resize(bytes.len().next_multiple_of(4), 0);
            bytes.extend_from_slice(contents);
            bytes.resize(bytes.len().next_multiple_of(4), 0);
        }
        bytes
    }

    #[test]
    fn entries_come_in_order() {
        let bytes = archive(&[
            ("bin", 1, 2, 0o40755, b""),
            ("bin/sh", 2, 1, 0o100_755, b"\x7fELF!"),
            ("sh", 3, 1, 0o120_777, b"bin/sh"),
        ]);
        let entries: Result<Vec<_>, _> = CpioArchive::new(&bytes).collect();
        let entries = entries.expect("a good archive");
        assert_eq!(entries.len(), 3);
        assert_eq!(entries[1].path, b"bin/sh");
        assert_eq!(entries[1].contents, b"\x7fELF!");
        assert_eq!((entries[1].inode, entries[1].links, entries[1].mode), (2, 1, 0o100_755));
        assert_eq!(entries[1].modified, 1_700_000_000);
        assert_eq!(entries[2].contents, b"bin/sh");
    }

    fn read(bytes: &[u8]) -> Result<Vec<CpioEntry<'_>>, CpioError> {
        CpioArchive::new(bytes).collect()
    }

    #[test]
    fn damaged_archives_end_with_an_error() {
        let good = archive(&[("file", 1, 1, 0o100_644, b"contents")]);
        assert_eq!(read(&[]), Ok(Vec::new()));
        for cut in 1..good.len() - 4 {
            let result = read(&good[..cut]).map(|entries| entries.len());
            assert!(result.is_err() || result == Ok(1), "cut at {cut}: {result:?}");
        }
        assert_eq!(read(&good[..128]), Err(CpioError::Truncated), "the trailer is missing");
        let mut bad = good.clone();
        bad[0] = b'1';
        assert_eq!(read(&bad), Err(CpioError::BadMagic));
        let mut bad = good.clone();
        bad[60] = b'+';
        assert_eq!(read(&bad), Err(CpioError::BadNumber));
        let mut bad = good.clone();
        bad[6 + 11 * 8..6 + 12 * 8].copy_from_slice(b"FFFFFFFF");
        assert_eq!(read(&bad), Err(CpioError::Truncated));
        let mut bad = good.clone();
        bad[6 + 6 * 8..6 + 7 * 8].copy_from_slice(b"FFFFFFFF");
        assert_eq!(read(&bad), Err(CpioError::Truncated));
        let mut bad = good;
        bad[6 + 11 * 8..6 + 12 * 8].copy_from_slice(b"00000004");
        assert_eq!(read(&bad), Err(CpioError::BadName));
    }
}
