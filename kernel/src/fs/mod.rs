//! Files: what paths lead to, what descriptors stand for, and the file systems.
//!
//! ```text
//!  descriptor ── DescriptorTable ──> OpenFile ──> dyn File     what is read and written
//!                                       │
//!  path ── Namespace::walk ──> Location ┘ ──────> dyn Node     what is listed, renamed, stat'ed
//! ```
//!
//! - [`mod@file`], [`descriptor`], [`pipe`]: open files.
//! - [`path`], [`node`], [`stat`], [`open`]: the tree.
//! - [`initramfs`] at `/`, [`ram`] at `/tmp`, `/run` and `/etc`, [`device`] at `/dev`, [`proc`] and [`sys`].
//!
//! Nothing here waits: see [`file::File`].

pub mod cpio;
pub mod descriptor;
pub mod device;
pub mod directory;
pub mod file;
pub mod generated;
pub mod initramfs;
pub mod ioctl;
pub mod node;
pub mod open;
pub mod path;
pub mod pipe;
pub mod proc;
pub mod ram;
pub mod stat;
pub mod sys;

use path::Namespace;
use stat::DeviceNumber;

/// Bytes that files in `/tmp` may take.
pub const TMP_LIMIT: u64 = 128 << 20;
/// Bytes that files in `/run` may take.
pub const RUN_LIMIT: u64 = 4 << 20;
/// Bytes that files in `/etc` may take.
pub const ETC_LIMIT: u64 = 4 << 20;

/// The tree of all file systems, with `archive` at its root. Damage to the archive is reported and
/// what came before it is used.
pub fn mount_all(archive: &'static [u8]) -> Namespace {
    let root = initramfs::build(archive, DeviceNumber::new(0, 2));
    if let Some(error) = root.error {
        log::error!("initramfs: {error}; {} files before that", root.files);
    }
    // Programs change what stands in /etc: the archive's files are where it begins.
    let etc = root.root.lookup(b"etc");
    let etc = ram::RamFileSystem::with(etc.ok(), DeviceNumber::new(0, 7), ETC_LIMIT);
    let mut namespace = Namespace::new(root.root, "rootfs");
    let mounts = [
        ("/dev", "devtmpfs", device::root()),
        ("/proc", "proc", proc::root()),
        ("/sys", "sysfs", sys::root()),
        ("/etc", "tmpfs", etc),
        ("/run", "tmpfs", ram::RamFileSystem::new(DeviceNumber::new(0, 8), RUN_LIMIT)),
        ("/tmp", "tmpfs", ram::RamFileSystem::new(DeviceNumber::new(0, 6), TMP_LIMIT)),
    ];
    for (path, kind, root) in mounts {
        if let Err(error) = namespace.mount(path, kind, root) {
            log::error!("mounting {kind} on {path}: {error}");
        }
    }
    namespace
}

#[cfg(test)]
mod tests {
    use super::*;
    use path::LastLink;

    #[test]
    fn every_file_system_is_in_its_place() {
        let namespace = mount_all(&[]);
        for (path, place) in [
            (&b"/dev/null"[..], &b"/dev/null"[..]),
            (b"/tmp", b"/tmp"),
            (b"/etc", b"/etc"),
            (b"/run", b"/run"),
            (b"/proc/meminfo", b"/proc/meminfo"),
            (b"/sys", b"/sys"),
        ] {
            let found = namespace.walk(namespace.root(), path, LastLink::Follow);
            assert_eq!(found.map(|location| location.path()), Ok(place.to_vec()));
        }
    }
}
