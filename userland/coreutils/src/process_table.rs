//! `/proc/PID/stat` (proc(5)).

use alloc::string::String;
use alloc::vec::Vec;

use rt::bstr::{BStr, BString, ByteSlice};

/// Clock ticks in a second, in which the kernel counts time (`AT_CLKTCK`).
pub const TICKS_A_SECOND: u64 = 100;

/// A process as `ps` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// Its id.
    pub pid: i32,
    /// What it runs, without arguments.
    pub name: BString,
    /// `R`unning, `S`leeping, s`T`opped, `Z`ombie.
    pub state: char,
    /// The id of its parent.
    pub parent: i32,
    /// Its process group.
    pub group: i32,
    /// Device number of its terminal; 0 for none.
    pub terminal: i32,
    /// Time it has computed, in ticks.
    pub ticks: u64,
    /// When it started, in ticks since the system did.
    pub start: u64,
    /// Virtual memory in bytes.
    pub virtual_size: u64,
    /// Memory in pages.
    pub resident: u64,
}

impl Process {
    /// Reads a line of `/proc/PID/stat`. The name stands in parentheses and may contain anything.
    #[must_use]
    pub fn parse(line: &[u8]) -> Option<Self> {
        let open = line.find_byte(b'(')?;
        let close = line.rfind_byte(b')')?;
        let pid = line.get(..open)?.to_str().ok()?.trim().parse().ok()?;
        let name = line.get(open + 1..close)?.into();
        let rest = line.get(close + 1..)?.to_str().ok()?;
        // Numbered from 3, as the manual page numbers them.
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let field = |number: usize| fields.get(number.checked_sub(3)?).copied();
        let number = |index: usize| field(index).and_then(|text| text.parse::<u64>().ok());
        let signed = |index: usize| field(index).and_then(|text| text.parse::<i32>().ok());
        Some(Self {
            pid,
            name,
            state: field(3)?.chars().next()?,
            parent: signed(4)?,
            group: signed(5)?,
            terminal: signed(7)?,
            ticks: number(14)? + number(15)?,
            start: number(22)?,
            virtual_size: number(23)?,
            resident: number(24)?,
        })
    }
}

/// The arguments in `/proc/PID/cmdline` as one line; the name in brackets when there are none.
#[must_use]
pub fn command_line(cmdline: &[u8], name: &BStr) -> String {
    let text = cmdline.strip_suffix(b"\0").unwrap_or(cmdline);
    if text.is_empty() {
        return alloc::format!("[{name}]");
    }
    let printable: Vec<u8> =
        text.iter().map(|&byte| if byte < b' ' { b' ' } else { byte }).collect();
    alloc::format!("{}", printable.as_bstr())
}

#[cfg(test)]
mod tests {
    use rt::bstr::BStr;

    use super::{Process, command_line};

    #[test]
    fn a_line_with_a_strange_name() {
        let line = b"12 (a) b) S 1 12 12 1025 -1 4194560 0 0 0 0 7 5 0 0 20 0 1 0 345 8192 3 18446744073709551615\n";
        let process = Process::parse(line).expect("well formed");
        assert_eq!((process.pid, process.parent, process.state), (12, 1, 'S'));
        assert_eq!(process.name, "a) b");
        assert_eq!((process.ticks, process.start), (12, 345));
        assert_eq!((process.virtual_size, process.resident), (8192, 3));
        assert_eq!(Process::parse(b"12 (x) S 1"), None);
        assert_eq!(Process::parse(b""), None);
    }

    #[test]
    fn command_lines() {
        assert_eq!(command_line(b"ls\0-l\0", BStr::new("ls")), "ls -l");
        assert_eq!(command_line(b"", BStr::new("idle")), "[idle]");
    }
}
