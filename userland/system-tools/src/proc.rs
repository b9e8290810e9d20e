//! The text files of `/proc` taken apart (proc(5)).

use rt::bstr::{BStr, ByteSlice};

/// The words of a line.
pub fn fields(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty())
}

/// The value in kB of a line of `/proc/meminfo`, in bytes; `None` without such a line.
#[must_use]
pub fn memory(meminfo: &[u8], name: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| {
        line.strip_prefix(name.as_bytes()).and_then(|rest| rest.strip_prefix(b":"))
    })?;
    let number = fields(line).next()?;
    rt::number::decimal(number).map(|value| value.saturating_mul(1024))
}

/// What `ps` shows of `/proc/PID/stat`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Process<'a> {
    /// Process number.
    pub pid: u64,
    /// Program name.
    pub command: &'a BStr,
    /// State letter.
    pub state: &'a BStr,
    /// The parent's number.
    pub parent: u64,
    /// CPU time in user and kernel mode, in hundredths of a second.
    pub cpu_time: u64,
    /// Size of the address space, in bytes.
    pub virtual_size: u64,
    /// Memory held, in pages.
    pub resident: u64,
}

impl<'a> Process<'a> {
    /// Reads the line; the name is between the first `(` and the last `)`, whatever is in it.
    #[must_use]
    pub fn parse(stat: &'a [u8]) -> Option<Self> {
        let open = stat.find_byte(b'(')?;
        let close = stat.rfind_byte(b')')?;
        let pid = rt::number::decimal(stat.get(..open)?.trim_ascii())?;
        let command = stat.get(open + 1..close)?.as_bstr();
        // From here on fields are counted as in proc(5), where the state is the third.
        let field = |number: usize| fields(stat.get(close + 1..)?).nth(number - 3);
        let number = |index: usize| rt::number::decimal(field(index)?);
        Some(Self {
            pid,
            command,
            state: field(3)?.as_bstr(),
            parent: number(4)?,
            cpu_time: number(14)?.saturating_add(number(15)?),
            virtual_size: number(23)?,
            resident: number(24)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn meminfo() {
        let text = b"MemTotal:         486660 kB\nMemFree:          480000 kB\n";
        assert_eq!(memory(text, "MemTotal"), Some(486_660 * 1024));
        assert_eq!(memory(text, "Mem"), None);
        assert_eq!(memory(b"MemTotal: many kB", "MemTotal"), None);
    }

    #[test]
    fn stat_with_a_nasty_name() {
        let text = b"7 (a) b) S 1 7 1 0 -1 0 0 0 0 0 12 30 0 0 20 0 1 0 55 4096 3 0\n";
        let process = Process::parse(text).unwrap();
        assert_eq!((process.pid, process.parent), (7, 1));
        assert_eq!(process.command, "a) b");
        assert_eq!((process.cpu_time, process.virtual_size, process.resident), (42, 4096, 3));
        assert_eq!(Process::parse(b"7 (sh) S 1"), None);
        assert_eq!(Process::parse(b")("), None);
    }
}
