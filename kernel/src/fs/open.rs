//! open(2): from a path and flags to an open file.

use super::file::{Access, OpenFile, Status};
use super::node::NewNode;
use super::path::{LastLink, Location, Namespace, SYMBOLIC_LINKS_MAX};
use super::stat::Kind;
use crate::syscall::errno::Errno;
use alloc::borrow::Cow;
use alloc::rc::Rc;
use linux_raw_sys::general::{
    O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_PATH, O_TMPFILE, O_TRUNC,
};

/// The flags of open(2) as this kernel understands them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OpenFlags(pub u32);

impl OpenFlags {
    const fn has(self, flag: u32) -> bool {
        self.0 & flag == flag
    }

    fn last_link(self) -> LastLink {
        let keep = self.has(O_NOFOLLOW) || (self.has(O_CREAT) && self.has(O_EXCL));
        if keep { LastLink::Keep } else { LastLink::Follow }
    }
}

/// Opens `path`, beginning at `start` unless it is absolute. `permissions` are those of a new
/// file, the umask already taken off.
pub fn open(
    namespace: &Namespace,
    start: &Rc<Location>,
    path: &[u8],
    flags: OpenFlags,
    permissions: u32,
) -> Result<Rc<OpenFile>, Errno> {
    let access = Access::from_flags(flags.0)?;
    if flags.has(O_TMPFILE) {
        return Err(Errno::OPNOTSUPP);
    }
    let (location, created) = if flags.has(O_CREAT) {
        find_or_create(namespace, start, path, flags, permissions)?
    } else {
        (namespace.walk(start, path, flags.last_link())?, false)
    };
    open_location(location, flags, access, created)
}

fn find_or_create(
    namespace: &Namespace,
    start: &Rc<Location>,
    path: &[u8],
    flags: OpenFlags,
    permissions: u32,
) -> Result<(Rc<Location>, bool), Errno> {
    let mut start = start.clone();
    let mut path = Cow::Borrowed(path);
    // A dangling link as the last component: its target is made.
    for _ in 0..SYMBOLIC_LINKS_MAX {
        let parent = namespace.walk_parent(&start, &path)?;
        let name = parent.entry_name(Errno::ISDIR)?;
        if parent.directory_wanted {
            return Err(Errno::ISDIR);
        }
        match namespace.child(&parent.directory, name) {
            Ok(_) if flags.has(O_EXCL) => return Err(Errno::EXIST),
            Ok(found) => {
                let stat = found.node().stat();
                if stat.kind != Kind::SymbolicLink || flags.has(O_NOFOLLOW) {
                    return Ok((found, false));
                }
                if found.node().magic_target().is_some() {
                    return Ok((namespace.walk(&start, &path, LastLink::Follow)?, false));
                }
                path = Cow::Owned(found.node().read_link()?);
                start = parent.directory;
            }
            Err(Errno::NOENT) => {
                parent.directory.node().create(name, NewNode::Regular(permissions))?;
                return Ok((namespace.child(&parent.directory, name)?, true));
            }
            Err(error) => return Err(error),
        }
    }
    Err(Errno::LOOP)
}

fn open_location(
    location: Rc<Location>,
    flags: OpenFlags,
    access: Access,
    created: bool,
) -> Result<Rc<OpenFile>, Errno> {
    let node = location.node().clone();
    // What a link in /proc/PID/fd stands for is opened by sharing it.
    if let Some(target) = node.magic_target() {
        return if flags.has(O_NOFOLLOW) { Err(Errno::LOOP) } else { target };
    }
    let kind = node.stat().kind;
    if flags.has(O_DIRECTORY) && kind != Kind::Directory {
        return Err(Errno::NOTDIR);
    }
    let status = Status::from_bits_truncate(flags.0);
    if flags.has(O_PATH) {
        // A place only: neither read nor written.
        let none = Access { read: false, write: false };
        let file = alloc::boxed::Box::new(super::directory::DirectoryFile(node));
        return OpenFile::at(location, file, none, Status::empty());
    }
    if kind == Kind::Directory && flags.has(O_CREAT) {
        return Err(Errno::ISDIR);
    }
    let file = node.clone().open(access)?;
    if flags.has(O_TRUNC) && access.write && !created && kind == Kind::Regular {
        node.truncate(0)?;
    }
    OpenFile::at(location, file, access, status)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fs::node::NewNode;
    use crate::fs::ram::RamFileSystem;
    use crate::fs::stat::DeviceNumber;
    use crate::syscall::user_memory::{UserReader, UserWriter};
    use linux_raw_sys::general::{O_APPEND, O_RDONLY, O_RDWR, O_WRONLY};

    fn tree() -> Namespace {
        let root = RamFileSystem::new(DeviceNumber::new(0, 1), 1 << 20);
        root.create(b"dir", NewNode::Directory(0o755)).expect("mkdir");
        root.create(b"to-new", NewNode::SymbolicLink(b"dir/new")).expect("symlink");
        root.create(b"self", NewNode::SymbolicLink(b"self")).expect("symlink");
        root.create(b"file", NewNode::Regular(0o644)).expect("create");
        Namespace::new(root, "rootfs")
    }

    fn open_in(tree: &Namespace, path: &[u8], flags: u32) -> Result<Rc<OpenFile>, Errno> {
        open(tree, tree.root(), path, OpenFlags(flags), 0o644)
    }

    fn place(opened: Result<Rc<OpenFile>, Errno>) -> Result<alloc::vec::Vec<u8>, Errno> {
        Ok(opened?.location().expect("opened by path").path())
    }

    #[test]
    fn flags_decide_what_is_made_and_refused() {
        let tree = tree();
        for (path, flags, expected) in [
            (&b"none"[..], O_RDONLY, Err(Errno::NOENT)),
            (b"none", O_RDWR | O_CREAT, Ok(&b"/none"[..])),
            (b"none", O_RDWR | O_CREAT | O_EXCL, Err(Errno::EXIST)),
            (b"to-new", O_RDONLY, Err(Errno::NOENT)),
            (b"to-new", O_RDONLY | O_CREAT | O_EXCL, Err(Errno::EXIST)),
            (b"to-new", O_RDONLY | O_NOFOLLOW, Err(Errno::LOOP)),
            (b"to-new", O_WRONLY | O_CREAT, Ok(b"/dir/new")),
            (b"to-new", O_RDONLY, Ok(b"/dir/new")),
            (b"self", O_RDONLY, Err(Errno::LOOP)),
            (b"self", O_WRONLY | O_CREAT, Err(Errno::LOOP)),
            (b"dir", O_WRONLY, Err(Errno::ISDIR)),
            (b"dir", O_RDONLY | O_CREAT, Err(Errno::ISDIR)),
            (b"dir", O_RDONLY | O_DIRECTORY, Ok(b"/dir")),
            (b"dir/more/", O_WRONLY | O_CREAT, Err(Errno::ISDIR)),
            (b"/", O_WRONLY, Err(Errno::ISDIR)),
            (b"file", O_RDONLY | O_DIRECTORY, Err(Errno::NOTDIR)),
            (b"file/x", O_WRONLY | O_CREAT, Err(Errno::NOTDIR)),
            (b"file", 3, Err(Errno::INVAL)),
        ] {
            let found = place(open_in(&tree, path, flags));
            let shown = core::str::from_utf8(path);
            assert_eq!(found, expected.map(<[u8]>::to_vec), "{shown:?} {flags:#x}");
        }
    }

    #[test]
    fn truncation_and_append() {
        let tree = tree();
        let write = |flags, bytes: &[u8]| {
            let file = open_in(&tree, b"file", flags).expect("open");
            file.try_write(&mut UserReader::from_bytes(bytes)).expect("write")
        };
        write(O_WRONLY, b"long text");
        write(O_WRONLY | O_TRUNC, b"short");
        write(O_WRONLY | O_APPEND, b"er");
        let mut bytes = [0; 16];
        let file = open_in(&tree, b"file", O_RDONLY).expect("open");
        assert_eq!(file.try_read(&mut UserWriter::from_bytes(&mut bytes)), Ok(7));
        assert_eq!(&bytes[..7], b"shorter");
        let path_only = open_in(&tree, b"file", O_PATH).expect("open");
        assert_eq!(path_only.try_read(&mut UserWriter::from_bytes(&mut bytes)), Err(Errno::BADF));
    }
}
