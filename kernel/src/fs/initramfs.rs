//! The read-only root file system: the archive that is linked into the kernel.
//!
//! Files are slices of the archive, so nothing is copied. Hard links share their contents as the
//! `newc` format has it: the contents come with one of the entries only.

use super::cpio::{CpioArchive, CpioEntry, CpioError};
use super::directory::DirectoryFile;
use super::file::{Access, File};
use super::node::{Entry, FIRST_COOKIE, Node};
use super::stat::{DeviceNumber, FileSystemStatus, Kind, Stat, Times};
use crate::syscall::errno::Errno;
use crate::syscall::user_memory::UserWriter;
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::rc::Rc;
use alloc::vec::Vec;
use core::any::Any;
use core::cell::{Cell, RefCell};
use core::time::Duration;
use linux_raw_sys::general::RAMFS_MAGIC;

/// Directories that must exist because other file systems are mounted there.
const MOUNT_POINTS: [&[u8]; 6] = [b"dev", b"etc", b"proc", b"run", b"sys", b"tmp"];

/// The entries of a directory by name.
type Children = RefCell<BTreeMap<Vec<u8>, Rc<InitramfsNode>>>;

enum Body {
    Regular(Cell<&'static [u8]>),
    Directory(Children),
    SymbolicLink(&'static [u8]),
}

/// A file, directory or link of the archive.
pub struct InitramfsNode {
    device: DeviceNumber,
    inode: u64,
    permissions: Cell<u32>,
    links: Cell<u32>,
    modified: Duration,
    body: Body,
}

/// What building the tree found.
pub struct Initramfs {
    /// The root directory.
    pub root: Rc<dyn Node>,
    /// Number of files, directories and links.
    pub files: u64,
    /// Why reading stopped before the end, if it did.
    pub error: Option<CpioError>,
}

struct Builder {
    device: DeviceNumber,
    next_inode: u64,
}

impl Builder {
    fn node(&mut self, permissions: u32, modified: Duration, body: Body) -> Rc<InitramfsNode> {
        self.next_inode += 1;
        let links = if matches!(body, Body::Directory(_)) { 2 } else { 1 };
        Rc::new(InitramfsNode {
            device: self.device,
            inode: self.next_inode,
            permissions: Cell::new(permissions & 0o7777),
            links: Cell::new(links),
            modified,
            body,
        })
    }

    fn directory(&mut self, permissions: u32, modified: Duration) -> Rc<InitramfsNode> {
        self.node(permissions, modified, Body::Directory(RefCell::new(BTreeMap::new())))
    }
}

impl InitramfsNode {
    fn children(&self) -> Result<&Children, Errno> {
        match &self.body {
            Body::Directory(children) => Ok(children),
            Body::Regular(_) | Body::SymbolicLink(_) => Err(Errno::NOTDIR),
        }
    }

    fn insert(&self, name: &[u8], node: Rc<Self>) {
        if let Ok(children) = self.children() {
            if matches!(node.body, Body::Directory(_)) {
                self.links.set(self.links.get() + 1);
            }
            children.borrow_mut().insert(name.to_vec(), node);
        }
    }

    /// The directory `name`, made when it is not there.
    fn subdirectory(&self, name: &[u8], builder: &mut Builder) -> Option<Rc<Self>> {
        let existing = self.children().ok()?.borrow().get(name).cloned();
        Some(existing.unwrap_or_else(|| {
            let made = builder.directory(0o755, Duration::ZERO);
            self.insert(name, made.clone());
            made
        }))
    }
}

/// The entry that has the contents comes last or first, so whichever has some gives them to all.
fn share_contents(node: &InitramfsNode, contents: &'static [u8]) {
    if let Body::Regular(existing) = &node.body
        && !contents.is_empty()
    {
        existing.set(contents);
    }
    node.links.set(node.links.get() + 1);
}

fn add(
    root: &Rc<InitramfsNode>,
    entry: &CpioEntry<'static>,
    linked: &mut BTreeMap<u32, Rc<InitramfsNode>>,
    builder: &mut Builder,
) {
    let mut parts: Vec<&[u8]> = entry
        .path
        .split(|&byte| byte == b'/')
        .filter(|part| !part.is_empty() && *part != b"." && *part != b"..")
        .collect();
    let modified = Duration::from_secs(u64::from(entry.modified));
    let Some(name) = parts.pop() else {
        // "." describes the root itself.
        root.permissions.set(entry.mode & 0o7777);
        return;
    };
    let mut directory = root.clone();
    for part in parts {
        let Some(next) = directory.subdirectory(part, builder) else { return };
        directory = next;
    }
    let node = match Kind::from_mode(entry.mode) {
        Some(Kind::Directory) => {
            if let Some(existing) = directory.subdirectory(name, builder) {
                existing.permissions.set(entry.mode & 0o7777);
            }
            return;
        }
        Some(Kind::Regular) if entry.links > 1 && linked.contains_key(&entry.inode) => {
            let node = linked[&entry.inode].clone();
            share_contents(&node, entry.contents);
            node
        }
        Some(Kind::Regular) => {
            let node = builder.node(entry.mode, modified, Body::Regular(Cell::new(entry.contents)));
            if entry.links > 1 {
                linked.insert(entry.inode, node.clone());
            }
            node
        }
        Some(Kind::SymbolicLink) => {
            builder.node(0o777, modified, Body::SymbolicLink(entry.contents))
        }
        // Devices, pipes and sockets live in /dev, where drivers put them.
        Some(Kind::Character | Kind::Block | Kind::Fifo | Kind::Socket) | None => return,
    };
    directory.insert(name, node);
}

/// Builds the tree of `archive`. What comes before damage is kept.
pub fn build(archive: &'static [u8], device: DeviceNumber) -> Initramfs {
    let mut builder = Builder { device, next_inode: 0 };
    let root = builder.directory(0o755, Duration::ZERO);
    let mut linked = BTreeMap::new();
    let mut error = None;
    for entry in CpioArchive::new(archive) {
        match entry {
            Ok(entry) => add(&root, &entry, &mut linked, &mut builder),
            Err(found) => error = Some(found),
        }
    }
    for name in MOUNT_POINTS {
        // Without the directory the mount that follows fails and says so.
        let _ = root.subdirectory(name, &mut builder);
    }
    Initramfs { root, files: builder.next_inode, error }
}

impl Node for InitramfsNode {
    fn stat(&self) -> Stat {
        let (kind, size) = match &self.body {
            Body::Regular(contents) => (Kind::Regular, contents.get().len()),
            Body::Directory(_) => (Kind::Directory, 0),
            Body::SymbolicLink(target) => (Kind::SymbolicLink, target.len()),
        };
        Stat {
            links: self.links.get(),
            size: size as u64,
            allocated: size as u64,
            times: Times::all(self.modified),
            ..Stat::new(self.device, self.inode, kind, self.permissions.get())
        }
    }

    fn file_system(&self) -> FileSystemStatus {
        let magic = u64::from(RAMFS_MAGIC);
        FileSystemStatus { magic, total: 0, free: 0, files: 0, read_only: true }
    }

    fn open(self: Rc<Self>, access: Access) -> Result<Box<dyn File>, Errno> {
        match self.body {
            Body::Directory(_) if access.write => Err(Errno::ISDIR),
            Body::Directory(_) => Ok(Box::new(DirectoryFile(self))),
            Body::Regular(_) if access.write => Err(Errno::ROFS),
            Body::Regular(_) => Ok(Box::new(InitramfsFile(self))),
            Body::SymbolicLink(_) => Err(Errno::LOOP),
        }
    }

    fn read_link(&self) -> Result<Vec<u8>, Errno> {
        match &self.body {
            Body::SymbolicLink(target) => Ok(target.to_vec()),
            Body::Regular(_) | Body::Directory(_) => Err(Errno::INVAL),
        }
    }

    fn fixed_contents(&self) -> Option<&'static [u8]> {
        match &self.body {
            Body::Regular(contents) => Some(contents.get()),
            Body::Directory(_) | Body::SymbolicLink(_) => None,
        }
    }

    fn read_at(&self, position: u64, to: &mut UserWriter<'_>) -> Result<usize, Errno> {
        let contents = self.fixed_contents().ok_or(Errno::ISDIR)?;
        let start = usize::try_from(position).unwrap_or(usize::MAX);
        to.copy(contents.get(start..).unwrap_or_default())
    }

    fn lookup(&self, name: &[u8]) -> Result<Rc<dyn Node>, Errno> {
        let found = self.children()?.borrow().get(name).cloned();
        found.map(|node| node as Rc<dyn Node>).ok_or(Errno::NOENT)
    }

    fn entries(&self) -> Result<Vec<Entry>, Errno> {
        let children = self.children()?.borrow();
        Ok((FIRST_COOKIE..)
            .zip(children.iter())
            .map(|(cookie, (name, node))| Entry {
                cookie,
                name: name.clone(),
                inode: node.inode,
                kind: node.stat().kind,
            })
            .collect())
    }

    fn truncate(&self, _size: u64) -> Result<(), Errno> {
        Err(Errno::ROFS)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// A regular file of the archive, open.
struct InitramfsFile(Rc<InitramfsNode>);

impl File for InitramfsFile {
    fn read_at(&self, position: u64, to: &mut UserWriter<'_>) -> Result<usize, Errno> {
        self.0.read_at(position, to)
    }

    fn size(&self) -> Option<u64> {
        Some(self.0.stat().size)
    }

    fn stat(&self) -> Result<Stat, Errno> {
        Ok(self.0.stat())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::super::cpio::tests::archive;
    use super::*;
    use crate::fs::node::NewNode;

    fn tree(entries: &[(&str, u32, u32, u32, &[u8])]) -> Rc<dyn Node> {
        let bytes = Box::leak(archive(entries).into_boxed_slice());
        let built = build(bytes, DeviceNumber::new(0, 1));
        assert_eq!(built.error, None);
        built.root
    }

    #[test]
    fn the_archive_becomes_a_tree() {
        let root = tree(&[
            (".", 1, 2, 0o40_755, b""),
            ("./bin/sh", 2, 1, 0o100_755, b"shell"),
            ("/sbin", 3, 1, 0o120_777, b"bin"),
        ]);
        let bin = root.lookup(b"bin").expect("made on the way");
        let sh = bin.lookup(b"sh").expect("file");
        assert_eq!(sh.fixed_contents(), Some(&b"shell"[..]));
        assert_eq!((sh.stat().size, sh.stat().permissions), (5, 0o755));
        assert_eq!(root.lookup(b"sbin").and_then(|link| link.read_link()), Ok(b"bin".to_vec()));
        let names: Vec<_> =
            root.entries().expect("a directory").into_iter().map(|entry| entry.name).collect();
        assert_eq!(names, [&b"bin"[..], b"dev", b"etc", b"proc", b"run", b"sbin", b"sys", b"tmp"]);
        assert!(matches!(sh.lookup(b"x"), Err(Errno::NOTDIR)));
        let mut part = [0; 8];
        let mut writer = UserWriter::from_bytes(&mut part);
        assert_eq!(sh.read_at(3, &mut writer), Ok(2));
        assert_eq!(sh.read_at(u64::MAX, &mut writer), Ok(0));
    }

    #[test]
    fn hard_links_share_their_contents() {
        for (first, second) in [(&b""[..], &b"box"[..]), (b"box", b"")] {
            let root = tree(&[
                ("cat", 7, 2, 0o100_755, first),
                ("ls", 7, 2, 0o100_755, second),
                ("empty", 8, 1, 0o100_644, b""),
            ]);
            for name in [&b"cat"[..], b"ls"] {
                let node = root.lookup(name).expect("linked");
                assert_eq!(node.fixed_contents(), Some(&b"box"[..]));
                assert_eq!(node.stat().links, 2);
            }
        }
    }

    #[test]
    fn nothing_can_be_changed() {
        let root = tree(&[("file", 1, 1, 0o100_644, b"x")]);
        let file = root.lookup(b"file").expect("file");
        assert!(matches!(root.create(b"new", NewNode::Regular(0o644)), Err(Errno::ROFS)));
        assert_eq!(root.remove(b"file", false), Err(Errno::ROFS));
        assert_eq!(file.truncate(0), Err(Errno::ROFS));
        assert!(matches!(file.open(Access::BOTH), Err(Errno::ROFS)));
        assert!(matches!(root.open(Access::WRITE), Err(Errno::ISDIR)));
    }
}
