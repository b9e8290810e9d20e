//! Files that others may change, made from a folder that nobody can.

use super::{Body, CHUNK, Contents, RamFileSystem, RamNode, Shared};
use crate::fs::node::{NewNode, Node};
use crate::fs::stat::{DeviceNumber, Kind};
use crate::syscall::errno::Errno;
use alloc::rc::Rc;

impl RamFileSystem {
    /// A file system that begins with copies of what is in `folder`, which has fixed contents
    /// ([`Node::fixed_contents`]); with nothing when there is no such folder. What has no room
    /// is left out, and the log says so.
    pub fn with(folder: Option<Rc<dyn Node>>, device: DeviceNumber, limit: u64) -> Rc<dyn Node> {
        let root = Self::new(device, limit);
        if let (Some(folder), Some(copy)) = (folder, root.as_any().downcast_ref::<RamNode>()) {
            copy.permissions.set(folder.stat().permissions);
            if let Err(error) = copy.fill(&*folder) {
                log::error!("a folder is not copied whole: {error}");
            }
        }
        root
    }
}

impl RamNode {
    fn fill(&self, folder: &dyn Node) -> Result<(), Errno> {
        for entry in folder.entries()? {
            let from = folder.lookup(&entry.name)?;
            let permissions = from.stat().permissions;
            match entry.kind {
                Kind::Directory => {
                    self.create(&entry.name, NewNode::Directory(permissions))?;
                    self.child(&entry.name)?.fill(&*from)?;
                }
                Kind::SymbolicLink => {
                    self.create(&entry.name, NewNode::SymbolicLink(&from.read_link()?))?;
                }
                Kind::Regular => {
                    self.create(&entry.name, NewNode::Regular(permissions))?;
                    let copy = self.child(&entry.name)?;
                    if let Body::Regular(contents) = &copy.body {
                        let bytes = from.fixed_contents().unwrap_or_default();
                        contents.borrow_mut().append(bytes, &self.shared)?;
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }
}

impl Contents {
    /// Takes bytes over at the end, where a chunk begins.
    fn append(&mut self, bytes: &[u8], shared: &Shared) -> Result<(), Errno> {
        for piece in bytes.chunks(CHUNK) {
            let chunk = self.chunk(self.size / CHUNK as u64, shared)?;
            chunk.bytes_mut()[..piece.len()].copy_from_slice(piece);
            self.size += piece.len() as u64;
        }
        Ok(())
    }
}
