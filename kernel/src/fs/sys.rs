//! `/sys`: what drivers tell about their devices.

use super::generated::{GeneratedTree, Source, TextFile};
use super::node::Node;
use super::stat::DeviceNumber;
use alloc::rc::Rc;
use linux_raw_sys::general::SYSFS_MAGIC;

static TREE: GeneratedTree = GeneratedTree::new(SYSFS_MAGIC, DeviceNumber::new(0, 4));

/// The root directory.
pub fn root() -> Rc<dyn Node> {
    TREE.root()
}

/// Has `source` answer for `path` (such as `bus/usb/devices`) and what is below it.
pub fn register(path: &'static str, source: Source) {
    TREE.register(path, source);
}

/// Has `text` make the file `path`.
pub fn register_file(path: &'static str, text: TextFile) {
    TREE.register_file(path, text);
}
