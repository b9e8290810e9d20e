//! Who has a socket open: the descriptors of every process, in `/proc` (proc(5)).

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use rustix::fs::{CWD, Dir, Mode, OFlags, openat, readlinkat};

/// A descriptor that is a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The inode of the socket.
    pub inode: u32,
    /// The name of the program.
    pub program: String,
    /// The process.
    pub process: u32,
    /// The descriptor.
    pub descriptor: u32,
}

/// The entries of a folder that are numbers; none when it cannot be read.
fn numbers(path: &str) -> Vec<u32> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let Ok(folder) = openat(CWD, path, flags, Mode::empty()) else { return Vec::new() };
    let Ok(entries) = Dir::read_from(&folder) else { return Vec::new() };
    let number = |name: &[u8]| rt::number::decimal(name).and_then(|n| u32::try_from(n).ok());
    entries.flatten().filter_map(|entry| number(entry.file_name().to_bytes())).collect()
}

/// The number in `socket:[12345]`.
fn inode(link: &[u8]) -> Option<u32> {
    let number = link.strip_prefix(b"socket:[")?.strip_suffix(b"]")?;
    rt::number::decimal(number).and_then(|number| u32::try_from(number).ok())
}

/// All descriptors that are sockets, of the processes that may be looked at.
#[must_use]
pub fn owners() -> Vec<Owner> {
    let mut owners = Vec::new();
    for process in numbers("/proc") {
        let folder = format!("/proc/{process}/fd");
        let mut program = None;
        for descriptor in numbers(&folder) {
            let Ok(link) = readlinkat(CWD, format!("{folder}/{descriptor}"), Vec::new()) else {
                continue;
            };
            let Some(inode) = inode(link.as_bytes()) else { continue };
            let program = program.get_or_insert_with(|| {
                let name = rt::input::read_file(format!("/proc/{process}/comm"));
                String::from(String::from_utf8_lossy(&name.unwrap_or_default()).trim_end())
            });
            owners.push(Owner { inode, program: program.clone(), process, descriptor });
        }
    }
    owners
}

/// `users:(("iperf",pid=24052,fd=3))`; nothing when nobody has it.
#[must_use]
pub fn users(owners: &[Owner], inode: u32) -> String {
    let of = |owner: &&Owner| owner.inode == inode && inode != 0;
    let text = |owner: &Owner| {
        let Owner { program, process, descriptor, .. } = owner;
        format!("(\"{program}\",pid={process},fd={descriptor})")
    };
    let users: Vec<String> = owners.iter().filter(of).map(text).collect();
    if users.is_empty() { String::new() } else { format!("users:({})", users.join(",")) }
}

#[cfg(test)]
mod tests {
    use super::{Owner, inode, users};

    #[test]
    fn links() {
        assert_eq!(inode(b"socket:[12345]"), Some(12345));
        for link in [&b"pipe:[1]"[..], b"socket:[]", b"socket:[x]", b"/dev/null"] {
            assert_eq!(inode(link), None);
        }
    }

    #[test]
    fn names() {
        let owner = |process| Owner { inode: 7, program: "nc".into(), process, descriptor: 3 };
        let owners = [owner(1), owner(2)];
        assert_eq!(users(&owners[..1], 7), "users:((\"nc\",pid=1,fd=3))");
        assert_eq!(users(&owners, 7), "users:((\"nc\",pid=1,fd=3),(\"nc\",pid=2,fd=3))");
        assert_eq!(users(&owners, 8), "");
    }
}
