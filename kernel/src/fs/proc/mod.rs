//! `/proc`: what the kernel tells about itself and its processes, in Linux's formats (proc(5)).
//!
//! - [`system`]: memory, time, processor, mounts.
//! - [`mod@format`]: the files of a process, from a snapshot of it.
//!
//! The network registers its files under `net`, the processes register themselves.

pub mod format;
pub mod system;

use super::generated::{GeneratedTree, SetText, Source, TextFile};
use super::node::Node;
use super::stat::DeviceNumber;
use alloc::rc::Rc;
use linux_raw_sys::general::PROC_SUPER_MAGIC;

static TREE: GeneratedTree = GeneratedTree::new(PROC_SUPER_MAGIC, DeviceNumber::new(0, 3));

/// The root directory, with the files that need nobody else.
pub fn root() -> Rc<dyn Node> {
    for (name, text) in system::FILES {
        TREE.register_file(name, text);
    }
    TREE.root()
}

/// Has `source` answer for `path` (such as `net/dev_snmp6`) and what is below it.
pub fn register_source(path: &'static str, source: Source) {
    TREE.register(path, source);
}

/// As [`register`]; `set` takes what is written to the file.
pub fn register_setting(path: &'static str, generate: TextFile, set: SetText) {
    TREE.register_setting(path, generate, set);
}

/// Has `generate` make the text of the file `path` (such as `net/if_inet6`).
pub fn register(path: &'static str, generate: TextFile) {
    TREE.register_file(path, generate);
}
