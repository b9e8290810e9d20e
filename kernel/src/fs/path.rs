//! From a path to a file: mounted file systems, `.` and `..`, symbolic links.
//!
//! A [`Location`] remembers the way it was reached, so `..` and getcwd(2) need nothing from the
//! file systems, and a mount point is left the way it was entered. See path_resolution(7).

use super::node::{NAME_MAX, Node};
use super::stat::{Kind, Stat};
use crate::syscall::errno::Errno;
use alloc::rc::Rc;
use alloc::vec::Vec;

/// Symbolic links that one path may lead through (`MAXSYMLINKS`).
pub const SYMBOLIC_LINKS_MAX: usize = 40;

/// A file and the way to it.
pub struct Location {
    node: Rc<dyn Node>,
    parent: Option<Rc<Location>>,
    name: Vec<u8>,
}

impl Location {
    /// What is there.
    pub fn node(&self) -> &Rc<dyn Node> {
        &self.node
    }

    /// The directory that leads here; the root leads to itself.
    pub fn parent(self: &Rc<Self>) -> Rc<Self> {
        self.parent.clone().unwrap_or_else(|| self.clone())
    }

    /// The absolute path.
    pub fn path(&self) -> Vec<u8> {
        let mut names = Vec::new();
        let mut here = self;
        while let Some(parent) = &here.parent {
            names.push(&here.name);
            here = parent;
        }
        if names.is_empty() {
            return b"/".to_vec();
        }
        let mut path = Vec::new();
        for name in names.into_iter().rev() {
            path.push(b'/');
            path.extend_from_slice(name);
        }
        path
    }
}

impl Drop for Location {
    /// Takes the chain apart step by step: dropping a long one recursively would use stack for
    /// every level.
    fn drop(&mut self) {
        let mut parent = self.parent.take();
        while let Some(location) = parent {
            parent = Rc::into_inner(location).and_then(|mut location| location.parent.take());
        }
    }
}

/// A file system in its place.
#[derive(Clone)]
pub struct Mount {
    /// The directory it covers; `None` for the root.
    on: Option<(u64, u64)>,
    root: Rc<dyn Node>,
    /// The absolute path, as `/proc/mounts` shows it.
    pub path: &'static str,
    /// Its type, as `/proc/mounts` shows it.
    pub kind: &'static str,
}

impl Mount {
    /// The topmost directory.
    pub fn root(&self) -> &Rc<dyn Node> {
        &self.root
    }
}

/// The tree of all mounted file systems.
pub struct Namespace {
    root: Rc<Location>,
    mounts: Vec<Mount>,
}

/// Whether a link in the last place is followed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LastLink {
    /// `stat`, `open`: to what it leads to.
    Follow,
    /// `lstat`, `O_NOFOLLOW`: the link itself.
    Keep,
}

/// The directory in which the last component of a path is, and that component.
pub struct Parent {
    /// The directory.
    pub directory: Rc<Location>,
    /// The name in it; may be `.` or `..` or, for `/`, empty.
    pub name: Vec<u8>,
    /// The path ended with a slash: only a directory will do.
    pub directory_wanted: bool,
}

impl Parent {
    /// The name as that of an entry to add or remove. `.`, `..` and `/` are refused with `error`.
    pub fn entry_name(&self, error: Errno) -> Result<&[u8], Errno> {
        match self.name.as_slice() {
            b"" | b"." | b".." => Err(error),
            name => Ok(name),
        }
    }
}

fn identity(stat: &Stat) -> (u64, u64) {
    (stat.device.0, stat.inode)
}

impl Namespace {
    /// A tree with one file system.
    pub fn new(root: Rc<dyn Node>, kind: &'static str) -> Self {
        let mount = Mount { on: None, root: root.clone(), path: "/", kind };
        let root = Rc::new(Location { node: root, parent: None, name: Vec::new() });
        Self { root, mounts: alloc::vec![mount] }
    }

    /// Puts a file system over the existing directory `path`.
    pub fn mount(
        &mut self,
        path: &'static str,
        kind: &'static str,
        root: Rc<dyn Node>,
    ) -> Result<(), Errno> {
        let place = self.walk(&self.root, path.as_bytes(), LastLink::Follow)?;
        let stat = place.node.stat();
        if stat.kind != Kind::Directory {
            return Err(Errno::NOTDIR);
        }
        self.mounts.push(Mount { on: Some(identity(&stat)), root, path, kind });
        Ok(())
    }

    /// The root directory.
    pub fn root(&self) -> &Rc<Location> {
        &self.root
    }

    /// All mounted file systems, in the order of mounting.
    pub fn mounts(&self) -> &[Mount] {
        &self.mounts
    }

    /// Whether something is mounted on `node`: it cannot be removed or renamed.
    pub fn is_mount_point(&self, node: &dyn Node) -> bool {
        let here = identity(&node.stat());
        self.mounts.iter().any(|mount| mount.on == Some(here))
    }

    /// One step down.
    pub fn child(&self, directory: &Rc<Location>, name: &[u8]) -> Result<Rc<Location>, Errno> {
        if name.len() > NAME_MAX {
            return Err(Errno::NAMETOOLONG);
        }
        match name {
            b"." | b"" => return Ok(directory.clone()),
            b".." => return Ok(directory.parent()),
            _ => {}
        }
        let found = directory.node.lookup(name)?;
        let stat = found.stat();
        let covered = (stat.kind == Kind::Directory)
            .then(|| self.mounts.iter().rev().find(|mount| mount.on == Some(identity(&stat))))
            .flatten();
        let node = covered.map_or(found, |mount| mount.root.clone());
        Ok(Rc::new(Location { node, parent: Some(directory.clone()), name: name.to_vec() }))
    }

    /// Where `path` leads, beginning at `start` unless it is absolute.
    pub fn walk(
        &self,
        start: &Rc<Location>,
        path: &[u8],
        last_link: LastLink,
    ) -> Result<Rc<Location>, Errno> {
        let mut links = 0;
        self.walk_counting(start, path, last_link, &mut links)
    }

    fn walk_counting(
        &self,
        start: &Rc<Location>,
        path: &[u8],
        last_link: LastLink,
        links: &mut usize,
    ) -> Result<Rc<Location>, Errno> {
        if path.is_empty() {
            return Err(Errno::NOENT);
        }
        let mut here = if path[0] == b'/' { self.root.clone() } else { start.clone() };
        // What is left to walk, the next component last.
        let mut pending: Vec<Vec<u8>> = components(path);
        let directory_wanted = path.ends_with(b"/");
        while let Some(name) = pending.pop() {
            if here.node.stat().kind != Kind::Directory {
                return Err(Errno::NOTDIR);
            }
            let next = self.child(&here, &name)?;
            let is_link = next.node.stat().kind == Kind::SymbolicLink;
            let follow = !pending.is_empty() || last_link == LastLink::Follow || directory_wanted;
            if !(is_link && follow) {
                here = next;
                continue;
            }
            *links += 1;
            if *links > SYMBOLIC_LINKS_MAX {
                return Err(Errno::LOOP);
            }
            if let Some(target) = next.node.magic_target() {
                // A link to an object: to where that was opened, or the link stands for it.
                here = target?.location().cloned().unwrap_or(next);
                continue;
            }
            let target = next.node.read_link()?;
            if target.is_empty() {
                return Err(Errno::NOENT);
            }
            if target[0] == b'/' {
                here = self.root.clone();
            }
            pending.extend(components(&target));
        }
        if directory_wanted && here.node.stat().kind != Kind::Directory {
            return Err(Errno::NOTDIR);
        }
        Ok(here)
    }

    /// The directory of the last component of `path`, for calls that add or remove an entry.
    pub fn walk_parent(&self, start: &Rc<Location>, path: &[u8]) -> Result<Parent, Errno> {
        if path.is_empty() {
            return Err(Errno::NOENT);
        }
        let trimmed = path.trim_ascii_end_slashes();
        let cut = trimmed.iter().rposition(|&byte| byte == b'/').map_or(0, |slash| slash + 1);
        let (before, name) = trimmed.split_at(cut);
        if name.len() > NAME_MAX {
            return Err(Errno::NAMETOOLONG);
        }
        let directory = match before {
            b"" if path[0] == b'/' => self.root.clone(),
            b"" => start.clone(),
            before => self.walk(start, before, LastLink::Follow)?,
        };
        if directory.node.stat().kind != Kind::Directory {
            return Err(Errno::NOTDIR);
        }
        let directory_wanted = trimmed.len() < path.len();
        Ok(Parent { directory, name: name.to_vec(), directory_wanted })
    }
}

/// The components of a path, the first one last.
fn components(path: &[u8]) -> Vec<Vec<u8>> {
    let parts = path.split(|&byte| byte == b'/').rev().filter(|part| !part.is_empty());
    parts.map(<[u8]>::to_vec).collect()
}

/// What `[u8]` lacks.
trait TrimSlashes {
    fn trim_ascii_end_slashes(&self) -> &Self;
}

impl TrimSlashes for [u8] {
    fn trim_ascii_end_slashes(&self) -> &Self {
        let end = self.iter().rposition(|&byte| byte != b'/').map_or(0, |last| last + 1);
        &self[..end]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fs::node::NewNode;
    use crate::fs::ram::RamFileSystem;
    use crate::fs::stat::DeviceNumber;

    fn tree() -> Namespace {
        let root = RamFileSystem::new(DeviceNumber::new(0, 1), 1 << 20);
        let usr = root.create(b"usr", NewNode::Directory(0o755)).expect("mkdir");
        let bin = usr.create(b"bin", NewNode::Directory(0o755)).expect("mkdir");
        bin.create(b"sh", NewNode::Regular(0o755)).expect("create");
        root.create(b"bin", NewNode::SymbolicLink(b"usr/bin")).expect("symlink");
        root.create(b"loop", NewNode::SymbolicLink(b"loop")).expect("symlink");
        root.create(b"dangling", NewNode::SymbolicLink(b"/nowhere")).expect("symlink");
        usr.create(b"up", NewNode::SymbolicLink(b"..")).expect("symlink");
        root.create(b"tmp", NewNode::Directory(0o755)).expect("mkdir");
        let mut namespace = Namespace::new(root, "rootfs");
        let tmp = RamFileSystem::new(DeviceNumber::new(0, 2), 1 << 20);
        tmp.create(b"file", NewNode::Regular(0o644)).expect("create");
        namespace.mount("/tmp", "tmpfs", tmp).expect("mount");
        namespace
    }

    #[test]
    fn paths_lead_where_they_should() {
        let tree = tree();
        let root = tree.root().clone();
        let usr = tree.walk(&root, b"usr", LastLink::Follow).expect("usr");
        for (start, path, expected) in [
            (&root, &b"/"[..], Ok(&b"/"[..])),
            (&root, b"///usr//./bin/", Ok(b"/usr/bin")),
            (&root, b"bin/sh", Ok(b"/usr/bin/sh")),
            (&usr, b"bin/sh", Ok(b"/usr/bin/sh")),
            (&usr, b"../tmp/file", Ok(b"/tmp/file")),
            (&usr, b"/tmp/..", Ok(b"/")),
            (&usr, b"../../..", Ok(b"/")),
            (&usr, b"up/up/usr", Err(Errno::NOENT)),
            (&usr, b"up/usr/bin", Ok(b"/usr/bin")),
            (&root, b"", Err(Errno::NOENT)),
            (&root, b"nothing", Err(Errno::NOENT)),
            (&root, b"dangling", Err(Errno::NOENT)),
            (&root, b"loop", Err(Errno::LOOP)),
            (&root, b"tmp/file/", Err(Errno::NOTDIR)),
            (&root, b"tmp/file/x", Err(Errno::NOTDIR)),
            (&root, b"tmp/file/..", Err(Errno::NOTDIR)),
        ] {
            let found = tree.walk(start, path, LastLink::Follow).map(|place| place.path());
            let shown = core::str::from_utf8(path);
            assert_eq!(found, expected.map(<[u8]>::to_vec), "{shown:?}");
        }
        let long = [b'x'; NAME_MAX + 1];
        assert!(matches!(tree.walk(&root, &long, LastLink::Follow), Err(Errno::NAMETOOLONG)));
    }

    #[test]
    fn the_last_link_is_kept_on_request() {
        let tree = tree();
        let kind = |path: &[u8]| {
            let place = tree.walk(tree.root(), path, LastLink::Keep)?;
            Ok::<_, Errno>(place.node().stat().kind)
        };
        assert_eq!(kind(b"bin"), Ok(Kind::SymbolicLink));
        assert_eq!(kind(b"bin/"), Ok(Kind::Directory));
        assert_eq!(kind(b"dangling"), Ok(Kind::SymbolicLink));
        assert_eq!(kind(b"loop"), Ok(Kind::SymbolicLink));
    }

    #[test]
    fn parents_of_new_entries() {
        let tree = tree();
        let parent = |path: &[u8]| {
            let parent = tree.walk_parent(tree.root(), path)?;
            Ok::<_, Errno>((parent.directory.path(), parent.name, parent.directory_wanted))
        };
        assert_eq!(parent(b"new"), Ok((b"/".to_vec(), b"new".to_vec(), false)));
        assert_eq!(parent(b"/bin/new//"), Ok((b"/usr/bin".to_vec(), b"new".to_vec(), true)));
        assert_eq!(parent(b"/"), Ok((b"/".to_vec(), Vec::new(), true)));
        assert_eq!(parent(b"no/new"), Err(Errno::NOENT));
        assert_eq!(parent(b"tmp/file/new"), Err(Errno::NOTDIR));
        assert_eq!(parent(b""), Err(Errno::NOENT));
    }

    #[test]
    fn mount_points_are_known() {
        let tree = tree();
        let root = tree.root().node();
        assert!(tree.is_mount_point(&*root.lookup(b"tmp").expect("covered directory")));
        assert!(!tree.is_mount_point(&*root.lookup(b"usr").expect("directory")));
        assert_eq!(tree.mounts().len(), 2);
    }
}
