//! What `ls -l` says about a file.

use alloc::string::String;
use alloc::vec::Vec;

use rt::bstr::{BString, ByteSlice};
use rt::rustix::fs::FileType;

use crate::calendar::Moment;
use crate::strftime::strftime;

/// Files changed longer ago than this show the year instead of the time: half a year.
const RECENT: i64 = 31_556_952 / 2;

/// Type and permissions in ten letters: `drwxr-xr-x`.
#[must_use]
pub fn mode(mode: u32) -> String {
    let mut text = String::with_capacity(10);
    text.push(match FileType::from_raw_mode(mode) {
        FileType::Directory => 'd',
        FileType::Symlink => 'l',
        FileType::CharacterDevice => 'c',
        FileType::BlockDevice => 'b',
        FileType::Fifo => 'p',
        FileType::Socket => 's',
        FileType::RegularFile => '-',
        FileType::Unknown => '?',
    });
    for (shift, special, letter) in [(6, 0o4000, 's'), (3, 0o2000, 's'), (0, 0o1000, 't')] {
        let bits = mode >> shift;
        text.push(if bits & 4 != 0 { 'r' } else { '-' });
        text.push(if bits & 2 != 0 { 'w' } else { '-' });
        text.push(match (mode & special != 0, bits & 1 != 0) {
            (true, true) => letter,
            (true, false) => letter.to_ascii_uppercase(),
            (false, true) => 'x',
            (false, false) => '-',
        });
    }
    text
}

/// The time of a change: with the time of day when it is recent, else with the year.
#[must_use]
pub fn time(seconds: i64, now: i64) -> String {
    let moment = Moment::from_seconds(seconds, 0);
    let recent = seconds <= now && now - seconds < RECENT;
    strftime(if recent { "%b %e %H:%M" } else { "%b %e  %Y" }, &moment)
}

/// The name of a user or group in the text of `/etc/passwd` or `/etc/group`; the number when it has
/// none. Without those files 0 is still `root`.
#[must_use]
pub fn owner(table: &[u8], id: u32) -> BString {
    let mut fallback = None;
    for line in table.lines() {
        let mut fields = line.split(|&byte| byte == b':');
        let (name, number) = (fields.next(), fields.nth(1));
        if number.and_then(rt::number::decimal) == Some(id.into()) {
            fallback = name;
            break;
        }
    }
    match fallback {
        Some(name) => name.into(),
        None if id == 0 => "root".into(),
        None => alloc::format!("{id}").into(),
    }
}

/// Major and minor number of a device (`makedev(3)`).
#[must_use]
pub fn device(number: u64) -> (u64, u64) {
    let major = (number >> 8 & 0xfff) | (number >> 32 & !0xfff);
    let minor = (number & 0xff) | (number >> 12 & 0xffff_ff00);
    (major, minor)
}

/// Arranges names in columns, down first, as they fit into `width`.
#[must_use]
pub fn columns(names: &[BString], width: usize) -> Vec<BString> {
    let lengths: Vec<usize> = names.iter().map(|name| name.chars().count()).collect();
    for rows in 1..=names.len() {
        let widths: Vec<usize> = lengths
            .chunks(rows)
            .map(|column| column.iter().max().copied().unwrap_or(0) + 2)
            .collect();
        // The last column needs no gap after it.
        if widths.iter().sum::<usize>() > width + 1 && rows < names.len() {
            continue;
        }
        return (0..rows)
            .map(|row| {
                let mut line = BString::default();
                let mut owed = 0;
                for (column, width) in widths.iter().enumerate() {
                    let index = column * rows + row;
                    let Some(name) = names.get(index) else { break };
                    line.extend(core::iter::repeat_n(b' ', owed));
                    line.extend_from_slice(name);
                    owed = width - lengths.get(index).copied().unwrap_or(0);
                }
                line
            })
            .collect();
    }
    Vec::new()
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use rt::bstr::BString;

    use super::{columns, device, mode, owner, time};

    #[test]
    fn modes() {
        for (bits, text) in [
            (0o100_644, "-rw-r--r--"),
            (0o040_755, "drwxr-xr-x"),
            (0o041_777, "drwxrwxrwt"),
            (0o104_755, "-rwsr-xr-x"),
            (0o102_644, "-rw-r-Sr--"),
            (0o120_777, "lrwxrwxrwx"),
            (0o020_666, "crw-rw-rw-"),
        ] {
            assert_eq!(mode(bits), text);
        }
    }

    #[test]
    fn times_owners_devices() {
        assert_eq!(time(951_782_399, 951_782_400), "Feb 28 23:59");
        assert_eq!(time(951_782_399, 1_700_000_000), "Feb 28  2000");
        assert_eq!(owner(b"root:x:0:0::/:\nme:x:10:10::/:\n", 10), "me");
        assert_eq!((owner(b"", 0), owner(b"", 7)), ("root".into(), "7".into()));
        assert_eq!(device(0x0501), (5, 1));
    }

    #[test]
    fn names_in_columns() {
        let names: Vec<BString> = ["a", "bb", "ccc", "d", "e"].map(BString::from).into();
        assert_eq!(columns(&names, 80), ["a  bb  ccc  d  e"]);
        assert_eq!(columns(&names, 10), ["a    d", "bb   e", "ccc"]);
        assert_eq!(columns(&names, 1), ["a", "bb", "ccc", "d", "e"]);
        assert!(columns(&[], 80).is_empty());
    }
}
