//! A file system in memory with a limit: what `/tmp`, `/run` and `/etc` are. It behaves like Linux's
//! tmpfs.
//!
//! Contents are kept in frames, and pages never written are holes of zeros. Everything
//! that takes memory is charged against the limit, names and empty files too, so that no program
//! can fill the kernel's heap through it: beyond the limit it is `ENOSPC`.

mod copy;

use super::directory::DirectoryFile;
use super::file::{Access, File};
use super::node::{Entry, FIRST_COOKIE, NewNode, Node};
use super::stat::{DeviceNumber, FileSystemStatus, Kind, Stat, Times};
use crate::memory::PAGE_SIZE;
use crate::memory::frame::Frame;
use crate::process::frames;
use crate::syscall::errno::Errno;
use crate::syscall::user_memory::{UserReader, UserWriter};
use crate::time;
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::rc::{Rc, Weak};
use alloc::vec::Vec;
use core::any::Any;
use core::cell::{Cell, RefCell};
use linux_raw_sys::general::TMPFS_MAGIC;

/// Bytes of a chunk of contents: a frame.
const CHUNK: usize = PAGE_SIZE;
/// What a file, directory or link costs beside its contents.
const NODE_COST: u64 = 512;

/// Files, directories and links that one file system can have: they live in the kernel's heap.
const FILES_MAX: u64 = 16384;

/// What all nodes of one file system share.
struct Shared {
    device: DeviceNumber,
    limit: u64,
    used: Cell<u64>,
    files: Cell<u64>,
    next_inode: Cell<u64>,
}

impl Shared {
    fn charge(&self, bytes: u64) -> Result<(), Errno> {
        let used = self.used.get().checked_add(bytes).ok_or(Errno::NOSPC)?;
        if used > self.limit {
            return Err(Errno::NOSPC);
        }
        self.used.set(used);
        Ok(())
    }

    fn release(&self, bytes: u64) {
        self.used.set(self.used.get().saturating_sub(bytes));
    }
}

#[derive(Default)]
struct Contents {
    size: u64,
    chunks: BTreeMap<u64, Frame>,
}

struct Child {
    cookie: u64,
    node: Rc<RamNode>,
}

struct Directory {
    parent: Weak<RamNode>,
    children: BTreeMap<Vec<u8>, Child>,
    next_cookie: u64,
}

enum Body {
    Regular(RefCell<Contents>),
    Directory(RefCell<Directory>),
    SymbolicLink(Vec<u8>),
}

/// A file, directory or link in memory.
pub struct RamNode {
    shared: Rc<Shared>,
    this: Weak<RamNode>,
    inode: u64,
    permissions: Cell<u32>,
    links: Cell<u32>,
    times: Cell<Times>,
    body: Body,
}

/// Makes file systems.
pub struct RamFileSystem;

impl RamFileSystem {
    /// An empty file system whose files may take `limit` bytes; the result is its root.
    #[expect(clippy::new_ret_no_self, reason = "a file system is known by its root directory")]
    pub fn new(device: DeviceNumber, limit: u64) -> Rc<dyn Node> {
        let shared = Rc::new(Shared {
            device,
            limit,
            used: Cell::new(0),
            files: Cell::new(1),
            next_inode: Cell::new(2),
        });
        Rc::new_cyclic(|this: &Weak<RamNode>| RamNode {
            shared,
            this: this.clone(),
            inode: 1,
            permissions: Cell::new(0o1777),
            links: Cell::new(2),
            times: Cell::new(Times::all(time::realtime())),
            body: Body::Directory(RefCell::new(Directory::new(this.clone()))),
        })
    }
}

impl Directory {
    fn new(parent: Weak<RamNode>) -> Self {
        Self { parent, children: BTreeMap::new(), next_cookie: FIRST_COOKIE }
    }
}

impl Contents {
    fn read(&self, position: u64, to: &mut UserWriter<'_>) -> Result<usize, Errno> {
        let end = self.size.min(position.saturating_add(to.remaining() as u64));
        let mut done = 0;
        let mut at = position;
        while at < end {
            let within = (at % CHUNK as u64) as usize;
            let count = (CHUNK - within).min((end - at) as usize);
            let copied = match self.chunks.get(&(at / CHUNK as u64)) {
                Some(chunk) => to.copy(&chunk.bytes()[within..within + count]),
                None => to.zero(count),
            };
            match copied {
                Ok(0) => break,
                Ok(n) => (at, done) = (at + n as u64, done + n),
                // What was copied counts; the bad address is reported by the next call.
                Err(_) if done > 0 => break,
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }

    fn write(
        &mut self,
        position: u64,
        from: &mut UserReader<'_>,
        shared: &Shared,
    ) -> Result<usize, Errno> {
        let last = position.checked_add(from.remaining() as u64);
        if last.is_none_or(|last| i64::try_from(last).is_err()) {
            return Err(Errno::FBIG);
        }
        let mut done = 0;
        let mut at = position;
        while from.remaining() > 0 {
            let within = (at % CHUNK as u64) as usize;
            let count = (CHUNK - within).min(from.remaining());
            let copied = self
                .chunk(at / CHUNK as u64, shared)
                .and_then(|chunk| from.copy(&mut chunk.bytes_mut()[within..within + count]));
            match copied {
                Ok(0) => break,
                Ok(n) => (at, done) = (at + n as u64, done + n),
                Err(_) if done > 0 => break,
                Err(error) => return Err(error),
            }
        }
        if done > 0 {
            self.size = self.size.max(at);
        }
        Ok(done)
    }

    fn chunk(&mut self, index: u64, shared: &Shared) -> Result<&mut Frame, Errno> {
        match self.chunks.entry(index) {
            alloc::collections::btree_map::Entry::Occupied(chunk) => Ok(chunk.into_mut()),
            alloc::collections::btree_map::Entry::Vacant(place) => {
                shared.charge(CHUNK as u64)?;
                let Some(chunk) = frames::allocate() else {
                    shared.release(CHUNK as u64);
                    return Err(Errno::NOSPC);
                };
                Ok(place.insert(chunk))
            }
        }
    }

    fn truncate(&mut self, size: u64, shared: &Shared) {
        let kept = size.div_ceil(CHUNK as u64);
        let dropped = self.chunks.split_off(&kept);
        shared.release((dropped.len() * CHUNK) as u64);
        // What lies behind the end must read as zeros if the file grows again.
        let within = (size % CHUNK as u64) as usize;
        if within > 0
            && let Some(chunk) = self.chunks.get_mut(&(size / CHUNK as u64))
        {
            chunk.bytes_mut()[within..].fill(0);
        }
        self.size = size;
    }
}

impl Drop for RamNode {
    fn drop(&mut self) {
        if let Body::Regular(contents) = &mut self.body {
            self.shared.release((contents.get_mut().chunks.len() * CHUNK) as u64);
        }
        self.shared.release(NODE_COST);
        self.shared.files.set(self.shared.files.get().saturating_sub(1));
    }
}

impl RamNode {
    fn directory(&self) -> Result<&RefCell<Directory>, Errno> {
        match &self.body {
            Body::Directory(directory) => Ok(directory),
            Body::Regular(_) | Body::SymbolicLink(_) => Err(Errno::NOTDIR),
        }
    }

    fn is_directory(&self) -> bool {
        matches!(self.body, Body::Directory(_))
    }

    fn is_empty_directory(&self) -> bool {
        self.directory().is_ok_and(|directory| directory.borrow().children.is_empty())
    }

    fn touch(&self, change: impl FnOnce(&mut Times)) {
        let mut times = self.times.get();
        change(&mut times);
        self.times.set(times);
    }

    fn touch_modified(&self) {
        let now = time::realtime();
        self.touch(|times| (times.modified, times.changed) = (now, now));
    }

    fn add_links(&self, change: i32) {
        self.links.set(self.links.get().saturating_add_signed(change));
        let now = time::realtime();
        self.touch(|times| times.changed = now);
    }

    /// Enters `node` under a name that is free.
    fn enter(&self, name: &[u8], node: Rc<RamNode>) -> Result<(), Errno> {
        self.shared.charge(name.len() as u64)?;
        if node.is_directory() {
            self.add_links(1);
        }
        let mut directory = self.directory()?.borrow_mut();
        let cookie = directory.next_cookie;
        directory.next_cookie += 1;
        directory.children.insert(name.to_vec(), Child { cookie, node });
        drop(directory);
        self.touch_modified();
        Ok(())
    }

    /// Takes an entry out.
    fn leave(&self, name: &[u8]) -> Result<Rc<RamNode>, Errno> {
        let child = self.directory()?.borrow_mut().children.remove(name).ok_or(Errno::NOENT)?;
        self.shared.release(name.len() as u64);
        if child.node.is_directory() {
            self.add_links(-1);
        }
        self.touch_modified();
        Ok(child.node)
    }

    fn child(&self, name: &[u8]) -> Result<Rc<RamNode>, Errno> {
        let directory = self.directory()?.borrow();
        directory.children.get(name).map(|child| child.node.clone()).ok_or(Errno::NOENT)
    }

    /// A directory that was removed takes no new entries.
    fn check_alive(&self) -> Result<(), Errno> {
        if self.links.get() == 0 { Err(Errno::NOENT) } else { Ok(()) }
    }

    /// Whether this directory is `other` or lies below it.
    fn is_within(&self, other: &RamNode) -> bool {
        let mut here = self.this.upgrade();
        while let Some(node) = here {
            if core::ptr::eq(&raw const *node, other) {
                return true;
            }
            let parent = node.directory().ok().and_then(|dir| dir.borrow().parent.upgrade());
            here = parent.filter(|parent| !Rc::ptr_eq(parent, &node));
        }
        false
    }

    /// Removes `node`, which has been taken out of its directory.
    fn unlinked(node: &RamNode) {
        if node.is_directory() {
            node.links.set(0);
        } else {
            node.add_links(-1);
        }
    }
}

impl Node for RamNode {
    fn stat(&self) -> Stat {
        let (kind, size, allocated) = match &self.body {
            Body::Regular(contents) => {
                let contents = contents.borrow();
                (Kind::Regular, contents.size, (contents.chunks.len() * CHUNK) as u64)
            }
            Body::Directory(directory) => {
                let entries = directory.borrow().children.len() as u64;
                // What tmpfs shows: 20 bytes an entry, "." and ".." among them.
                (Kind::Directory, (entries + 2) * 20, 0)
            }
            Body::SymbolicLink(target) => (Kind::SymbolicLink, target.len() as u64, 0),
        };
        Stat {
            links: self.links.get(),
            size,
            allocated,
            times: self.times.get(),
            ..Stat::new(self.shared.device, self.inode, kind, self.permissions.get())
        }
    }

    fn file_system(&self) -> FileSystemStatus {
        let (total, used) = (self.shared.limit, self.shared.used.get());
        FileSystemStatus {
            magic: u64::from(TMPFS_MAGIC),
            total,
            free: total.saturating_sub(used),
            files: self.shared.files.get(),
            read_only: false,
        }
    }

    fn open(self: Rc<Self>, access: Access) -> Result<Box<dyn File>, Errno> {
        match self.body {
            Body::Directory(_) if access.write => Err(Errno::ISDIR),
            Body::Directory(_) => Ok(Box::new(DirectoryFile(self))),
            Body::Regular(_) => Ok(Box::new(RamFile(self))),
            Body::SymbolicLink(_) => Err(Errno::LOOP),
        }
    }

    fn read_link(&self) -> Result<Vec<u8>, Errno> {
        match &self.body {
            Body::SymbolicLink(target) => Ok(target.clone()),
            Body::Regular(_) | Body::Directory(_) => Err(Errno::INVAL),
        }
    }

    fn read_at(&self, position: u64, to: &mut UserWriter<'_>) -> Result<usize, Errno> {
        match &self.body {
            Body::Regular(contents) => contents.borrow().read(position, to),
            Body::Directory(_) => Err(Errno::ISDIR),
            Body::SymbolicLink(_) => Err(Errno::INVAL),
        }
    }

    fn lookup(&self, name: &[u8]) -> Result<Rc<dyn Node>, Errno> {
        Ok(self.child(name)?)
    }

    fn entries(&self) -> Result<Vec<Entry>, Errno> {
        let directory = self.directory()?.borrow();
        let mut entries: Vec<Entry> = directory
            .children
            .iter()
            .map(|(name, child)| Entry {
                cookie: child.cookie,
                name: name.clone(),
                inode: child.node.inode,
                kind: child.node.stat().kind,
            })
            .collect();
        entries.sort_unstable_by_key(|entry| entry.cookie);
        Ok(entries)
    }

    fn create(&self, name: &[u8], new: NewNode<'_>) -> Result<Rc<dyn Node>, Errno> {
        if self.directory()?.borrow().children.contains_key(name) {
            return Err(Errno::EXIST);
        }
        self.check_alive()?;
        let extra = if let NewNode::SymbolicLink(target) = new { target.len() } else { 0 };
        let full = self.shared.files.get() >= FILES_MAX || !frames::heap_has_room(extra);
        if full {
            return Err(Errno::NOSPC);
        }
        self.shared.charge(NODE_COST)?;
        let shared = self.shared.clone();
        let inode = shared.next_inode.get();
        shared.next_inode.set(inode + 1);
        shared.files.set(shared.files.get() + 1);
        let (permissions, links, body) = match new {
            NewNode::Regular(permissions) => (permissions, 1, Body::Regular(RefCell::default())),
            NewNode::Directory(permissions) => {
                let directory = Directory::new(self.this.clone());
                (permissions, 2, Body::Directory(RefCell::new(directory)))
            }
            NewNode::SymbolicLink(target) => (0o777, 1, Body::SymbolicLink(target.to_vec())),
        };
        let node = Rc::new_cyclic(|this| RamNode {
            shared,
            this: this.clone(),
            inode,
            permissions: Cell::new(permissions & 0o7777),
            links: Cell::new(links),
            times: Cell::new(Times::all(time::realtime())),
            body,
        });
        self.enter(name, node.clone())?;
        Ok(node)
    }

    fn link(&self, name: &[u8], node: &Rc<dyn Node>) -> Result<(), Errno> {
        let node = node.as_any().downcast_ref::<Self>().ok_or(Errno::XDEV)?;
        if !Rc::ptr_eq(&node.shared, &self.shared) {
            return Err(Errno::XDEV);
        }
        if node.is_directory() {
            return Err(Errno::PERM);
        }
        if self.directory()?.borrow().children.contains_key(name) {
            return Err(Errno::EXIST);
        }
        self.check_alive()?;
        self.enter(name, node.this.upgrade().ok_or(Errno::NOENT)?)?;
        node.add_links(1);
        Ok(())
    }

    fn remove(&self, name: &[u8], directory: bool) -> Result<(), Errno> {
        let child = self.child(name)?;
        match (child.is_directory(), directory) {
            (true, false) => return Err(Errno::ISDIR),
            (false, true) => return Err(Errno::NOTDIR),
            (true, true) if !child.is_empty_directory() => return Err(Errno::NOTEMPTY),
            (true, true) | (false, false) => {}
        }
        Self::unlinked(&*self.leave(name)?);
        Ok(())
    }

    fn rename(
        &self,
        name: &[u8],
        to: &Rc<dyn Node>,
        new_name: &[u8],
        keep: bool,
    ) -> Result<(), Errno> {
        let to = to.as_any().downcast_ref::<Self>().ok_or(Errno::XDEV)?;
        if !Rc::ptr_eq(&to.shared, &self.shared) {
            return Err(Errno::XDEV);
        }
        let moved = self.child(name)?;
        to.check_alive()?;
        if moved.is_directory() && to.is_within(&moved) {
            return Err(Errno::INVAL);
        }
        match to.child(new_name) {
            Ok(_) if keep => return Err(Errno::EXIST),
            // Two names of one file: rename(2) leaves both.
            Ok(existing) if Rc::ptr_eq(&existing, &moved) => return Ok(()),
            Ok(existing) => {
                match (moved.is_directory(), existing.is_directory()) {
                    (true, false) => return Err(Errno::NOTDIR),
                    (false, true) => return Err(Errno::ISDIR),
                    (true, true) if !existing.is_empty_directory() => {
                        return Err(Errno::NOTEMPTY);
                    }
                    (true, true) | (false, false) => {}
                }
                Self::unlinked(&*to.leave(new_name)?);
            }
            Err(Errno::NOENT) => {
                // The longer name must fit before the old one goes.
                let (old, new) = (name.len() as u64, new_name.len() as u64);
                self.shared.charge(new.saturating_sub(old))?;
                self.shared.release(new.saturating_sub(old));
            }
            Err(error) => return Err(error),
        }
        let moved = self.leave(name)?;
        if let Body::Directory(directory) = &moved.body {
            directory.borrow_mut().parent = to.this.clone();
        }
        to.enter(new_name, moved)
    }

    fn truncate(&self, size: u64) -> Result<(), Errno> {
        match &self.body {
            Body::Regular(contents) => {
                if i64::try_from(size).is_err() {
                    return Err(Errno::INVAL);
                }
                contents.borrow_mut().truncate(size, &self.shared);
                self.touch_modified();
                Ok(())
            }
            Body::Directory(_) => Err(Errno::ISDIR),
            Body::SymbolicLink(_) => Err(Errno::INVAL),
        }
    }

    fn set_permissions(&self, permissions: u32) -> Result<(), Errno> {
        self.permissions.set(permissions & 0o7777);
        let now = time::realtime();
        self.touch(|times| times.changed = now);
        Ok(())
    }

    fn set_times(&self, times: Times) -> Result<(), Errno> {
        self.times.set(times);
        Ok(())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// A regular file in memory, open.
struct RamFile(Rc<RamNode>);

impl File for RamFile {
    fn read_at(&self, position: u64, to: &mut UserWriter<'_>) -> Result<usize, Errno> {
        let count = self.0.read_at(position, to)?;
        let now = time::realtime();
        self.0.touch(|times| times.accessed = now);
        Ok(count)
    }

    fn write_at(&self, position: u64, from: &mut UserReader<'_>) -> Result<usize, Errno> {
        let Body::Regular(contents) = &self.0.body else { return Err(Errno::INVAL) };
        let count = contents.borrow_mut().write(position, from, &self.0.shared)?;
        self.0.touch_modified();
        Ok(count)
    }

    fn size(&self) -> Option<u64> {
        match &self.0.body {
            Body::Regular(contents) => Some(contents.borrow().size),
            Body::Directory(_) | Body::SymbolicLink(_) => None,
        }
    }

    fn truncate(&self, size: u64) -> Result<(), Errno> {
        self.0.truncate(size)
    }

    fn stat(&self) -> Result<Stat, Errno> {
        Ok(self.0.stat())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

#[cfg(test)]
#[path = "ram_tests.rs"]
mod tests;
