//! `/dev`: the devices that every program expects, and the console.

use super::directory::DirectoryFile;
use super::file::{Access, File};
use super::node::{Entry, FIRST_COOKIE, Node};
use super::stat::{DeviceNumber, FileSystemStatus, Kind, Stat};
use crate::random;
use crate::syscall::errno::Errno;
use crate::syscall::user_memory::{UserReader, UserWriter};
use crate::tty;
use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::vec::Vec;
use core::any::Any;
use linux_raw_sys::general::TMPFS_MAGIC;

/// The file system's own number.
const DEVICE: DeviceNumber = DeviceNumber::new(0, 5);
/// Random bytes come in steps of this size, through the stack.
const STEP: usize = 256;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Device {
    Null,
    Zero,
    Full,
    Random,
    Console,
}

/// Names, numbers as in Linux's list of devices, and permissions.
const DEVICES: [(&[u8], Device, DeviceNumber, u32); 7] = [
    (b"console", Device::Console, DeviceNumber::new(5, 1), 0o600),
    (b"full", Device::Full, DeviceNumber::new(1, 7), 0o666),
    (b"null", Device::Null, DeviceNumber::new(1, 3), 0o666),
    (b"random", Device::Random, DeviceNumber::new(1, 8), 0o666),
    (b"tty", Device::Console, DeviceNumber::new(5, 0), 0o666),
    (b"urandom", Device::Random, DeviceNumber::new(1, 9), 0o666),
    (b"zero", Device::Zero, DeviceNumber::new(1, 5), 0o666),
];

/// Links that programs expect.
const LINKS: [(&[u8], &[u8]); 4] = [
    (b"fd", b"/proc/self/fd"),
    (b"stderr", b"/proc/self/fd/2"),
    (b"stdin", b"/proc/self/fd/0"),
    (b"stdout", b"/proc/self/fd/1"),
];

/// The root directory of the file system.
pub fn root() -> Rc<dyn Node> {
    Rc::new(DeviceNode::Root)
}

enum DeviceNode {
    Root,
    /// Index into `DEVICES`.
    Device(usize),
    /// Index into `LINKS`.
    Link(usize),
}

impl DeviceNode {
    fn all() -> impl Iterator<Item = (&'static [u8], Self)> {
        let devices = DEVICES.iter().enumerate().map(|(index, (name, ..))| (*name, index));
        let links = LINKS.iter().enumerate().map(|(index, (name, _))| (*name, index));
        devices
            .map(|(name, index)| (name, Self::Device(index)))
            .chain(links.map(|(name, index)| (name, Self::Link(index))))
    }
}

impl Node for DeviceNode {
    fn stat(&self) -> Stat {
        match *self {
            Self::Root => Stat { links: 2, ..Stat::new(DEVICE, 1, Kind::Directory, 0o755) },
            Self::Device(index) => {
                let (_, _, special, permissions) = DEVICES[index];
                let inode = 2 + index as u64;
                Stat { special, ..Stat::new(DEVICE, inode, Kind::Character, permissions) }
            }
            Self::Link(index) => {
                let inode = (2 + DEVICES.len() + index) as u64;
                let size = LINKS[index].1.len() as u64;
                Stat { size, ..Stat::new(DEVICE, inode, Kind::SymbolicLink, 0o777) }
            }
        }
    }

    fn file_system(&self) -> FileSystemStatus {
        let magic = u64::from(TMPFS_MAGIC);
        FileSystemStatus { magic, total: 0, free: 0, files: 0, read_only: true }
    }

    fn open(self: Rc<Self>, access: Access) -> Result<Box<dyn File>, Errno> {
        match *self {
            Self::Root if access.write => Err(Errno::ISDIR),
            Self::Root => Ok(Box::new(DirectoryFile(self))),
            Self::Link(_) => Err(Errno::LOOP),
            Self::Device(index) => {
                let (_, device, ..) = DEVICES[index];
                let stat = self.stat();
                Ok(match device {
                    Device::Console => tty::open(stat),
                    device => Box::new(DeviceFile { device, stat }),
                })
            }
        }
    }

    fn read_link(&self) -> Result<Vec<u8>, Errno> {
        match *self {
            Self::Link(index) => Ok(LINKS[index].1.to_vec()),
            Self::Root | Self::Device(_) => Err(Errno::INVAL),
        }
    }

    fn lookup(&self, name: &[u8]) -> Result<Rc<dyn Node>, Errno> {
        if !matches!(self, Self::Root) {
            return Err(Errno::NOTDIR);
        }
        let found = Self::all().find(|(known, _)| *known == name);
        found.map(|(_, node)| Rc::new(node) as Rc<dyn Node>).ok_or(Errno::NOENT)
    }

    fn entries(&self) -> Result<Vec<Entry>, Errno> {
        if !matches!(self, Self::Root) {
            return Err(Errno::NOTDIR);
        }
        Ok((FIRST_COOKIE..)
            .zip(Self::all())
            .map(|(cookie, (name, node))| {
                let Stat { inode, kind, .. } = node.stat();
                Entry { cookie, name: name.to_vec(), inode, kind }
            })
            .collect())
    }

    fn truncate(&self, _size: u64) -> Result<(), Errno> {
        // `> /dev/null` truncates.
        Ok(())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// One of the devices without hardware, open.
struct DeviceFile {
    device: Device,
    stat: Stat,
}

impl File for DeviceFile {
    fn try_read(&self, to: &mut UserWriter<'_>) -> Result<usize, Errno> {
        match self.device {
            Device::Null | Device::Console => Ok(0),
            Device::Zero | Device::Full => to.zero(to.remaining()),
            Device::Random => {
                let mut done = 0;
                let mut step = [0; STEP];
                while to.remaining() > 0 {
                    let count = to.remaining().min(STEP);
                    random::fill(&mut step[..count]);
                    done += to.copy(&step[..count])?;
                }
                Ok(done)
            }
        }
    }

    fn try_write(&self, from: &mut UserReader<'_>) -> Result<usize, Errno> {
        match self.device {
            Device::Full if from.remaining() > 0 => Err(Errno::NOSPC),
            // The bytes are not even looked at.
            _ => Ok(from.skip_all()),
        }
    }

    fn read_at(&self, _position: u64, to: &mut UserWriter<'_>) -> Result<usize, Errno> {
        self.try_read(to)
    }

    fn write_at(&self, _position: u64, from: &mut UserReader<'_>) -> Result<usize, Errno> {
        self.try_write(from)
    }

    fn stat(&self) -> Result<Stat, Errno> {
        Ok(self.stat)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fs::file::{OpenFile, Status};

    fn open(name: &[u8]) -> Rc<OpenFile> {
        let node = root().lookup(name).expect("a device");
        let file = node.open(Access::BOTH).expect("open");
        OpenFile::new(file, Access::BOTH, Status::empty()).expect("few files are open")
    }

    fn read(name: &[u8]) -> Result<Vec<u8>, Errno> {
        let mut bytes = [0xee; 600];
        let count = open(name).try_read(&mut UserWriter::from_bytes(&mut bytes))?;
        Ok(bytes[..count].to_vec())
    }

    fn write(name: &[u8]) -> Result<usize, Errno> {
        open(name).try_write(&mut UserReader::from_bytes(b"text"))
    }

    #[test]
    fn devices_give_and_take_what_they_should() {
        assert_eq!(read(b"null"), Ok(Vec::new()));
        assert_eq!(read(b"zero"), Ok(alloc::vec![0; 600]));
        assert_eq!(read(b"urandom").map(|bytes| bytes.len()), Ok(600));
        assert_eq!((write(b"null"), write(b"zero"), write(b"random")), (Ok(4), Ok(4), Ok(4)));
        assert_eq!(write(b"full"), Err(Errno::NOSPC));
    }

    #[test]
    fn the_directory_lists_devices_and_links() {
        let root = root();
        let entries = root.entries().expect("list");
        assert_eq!(entries.len(), DEVICES.len() + LINKS.len());
        let mut inodes: Vec<_> = entries.iter().map(|entry| entry.inode).collect();
        inodes.dedup();
        assert_eq!(inodes.len(), entries.len());
        let null = root.lookup(b"null").expect("null");
        assert_eq!((null.stat().kind, null.stat().special.0), (Kind::Character, 0x103));
        let stdin = root.lookup(b"stdin").expect("stdin");
        assert_eq!(stdin.read_link(), Ok(b"/proc/self/fd/0".to_vec()));
    }
}
