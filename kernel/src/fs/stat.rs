//! What a file is: its kind, mode and attributes, independent of how system calls lay them out.

use core::time::Duration;
use linux_raw_sys::general::{
    DT_BLK, DT_CHR, DT_DIR, DT_FIFO, DT_LNK, DT_REG, DT_SOCK, S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO,
    S_IFLNK, S_IFMT, S_IFREG, S_IFSOCK,
};

/// The kind of a file: the `S_IFMT` part of its mode.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A regular file.
    Regular,
    /// A directory.
    Directory,
    /// A symbolic link.
    SymbolicLink,
    /// A character device.
    Character,
    /// A block device.
    Block,
    /// A pipe.
    Fifo,
    /// A socket.
    Socket,
}

impl Kind {
    /// The `S_IF…` bits.
    pub const fn mode(self) -> u32 {
        match self {
            Self::Regular => S_IFREG,
            Self::Directory => S_IFDIR,
            Self::SymbolicLink => S_IFLNK,
            Self::Character => S_IFCHR,
            Self::Block => S_IFBLK,
            Self::Fifo => S_IFIFO,
            Self::Socket => S_IFSOCK,
        }
    }

    /// The `DT_…` value of a directory entry.
    pub const fn directory_type(self) -> u8 {
        (match self {
            Self::Regular => DT_REG,
            Self::Directory => DT_DIR,
            Self::SymbolicLink => DT_LNK,
            Self::Character => DT_CHR,
            Self::Block => DT_BLK,
            Self::Fifo => DT_FIFO,
            Self::Socket => DT_SOCK,
        }) as u8
    }

    /// The kind that a mode's `S_IFMT` bits name.
    pub const fn from_mode(mode: u32) -> Option<Self> {
        Some(match mode & S_IFMT {
            S_IFREG => Self::Regular,
            S_IFDIR => Self::Directory,
            S_IFLNK => Self::SymbolicLink,
            S_IFCHR => Self::Character,
            S_IFBLK => Self::Block,
            S_IFIFO => Self::Fifo,
            S_IFSOCK => Self::Socket,
            _ => return None,
        })
    }
}

/// A device number as user space packs it into 64 bits (`makedev`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct DeviceNumber(pub u64);

impl DeviceNumber {
    /// The number of a device; `major` below 4096 and `minor` below 2^20, as Linux has them.
    pub const fn new(major: u32, minor: u32) -> Self {
        Self((minor as u64 & 0xff) | ((major as u64 & 0xfff) << 8) | ((minor as u64 & !0xff) << 12))
    }
}

/// Times of last access, modification and status change, since 1970.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Times {
    /// Last read.
    pub accessed: Duration,
    /// Last change of the contents.
    pub modified: Duration,
    /// Last change of the attributes.
    pub changed: Duration,
}

impl Times {
    /// All three the same.
    pub const fn all(at: Duration) -> Self {
        Self { accessed: at, modified: at, changed: at }
    }
}

/// Attributes of a file. Everything belongs to user and group 0.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stat {
    /// The file system it lives on.
    pub device: DeviceNumber,
    /// Its number there.
    pub inode: u64,
    /// What it is.
    pub kind: Kind,
    /// Permission bits (`0o7777`).
    pub permissions: u32,
    /// Directory entries that lead to it.
    pub links: u32,
    /// For a device, which.
    pub special: DeviceNumber,
    /// Bytes of contents.
    pub size: u64,
    /// Bytes of memory that the contents take.
    pub allocated: u64,
    /// When it was touched.
    pub times: Times,
}

impl Stat {
    /// A file of `kind` without contents.
    pub const fn new(device: DeviceNumber, inode: u64, kind: Kind, permissions: u32) -> Self {
        Self {
            device,
            inode,
            kind,
            permissions,
            links: 1,
            special: DeviceNumber(0),
            size: 0,
            allocated: 0,
            times: Times::all(Duration::ZERO),
        }
    }
}

/// What statfs(2) tells of a file system.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FileSystemStatus {
    /// The magic number of statfs(2).
    pub magic: u64,
    /// Bytes that files may take; 0 for file systems without storage.
    pub total: u64,
    /// Bytes that are free.
    pub free: u64,
    /// Files there are.
    pub files: u64,
    /// Whether nothing can be changed.
    pub read_only: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn device_numbers_are_packed_like_makedev() {
        assert_eq!(DeviceNumber::new(1, 3).0, 0x103);
        assert_eq!(DeviceNumber::new(136, 300).0, 0x0010_882c);
    }

    #[test]
    fn kinds_and_modes_agree() {
        for kind in [
            Kind::Regular,
            Kind::Directory,
            Kind::SymbolicLink,
            Kind::Character,
            Kind::Block,
            Kind::Fifo,
            Kind::Socket,
        ] {
            assert_eq!(Kind::from_mode(kind.mode() | 0o755), Some(kind));
            // The two encodings differ by a shift.
            assert_eq!(u32::from(kind.directory_type()), kind.mode() >> 12);
        }
        assert_eq!(Kind::from_mode(0o644), None);
    }
}
