//! Directories and what is in them.

use alloc::vec::Vec;

use rt::bstr::{BStr, BString, ByteSlice};
use rt::rustix::fs::{
    AtFlags, CWD, Dir, FileType, Mode, OFlags, Stat, lstat, open, statat, unlinkat,
};
use rt::rustix::io::Errno;
use rt::{path, strerror};

/// The names in a directory, sorted by bytes, without `.` and `..`.
pub fn names(directory: &BStr) -> Result<Vec<BString>, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let fd = open(directory.as_bytes(), flags, Mode::empty())?;
    let mut names = Vec::new();
    for entry in Dir::new(fd)? {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if name != b"." && name != b".." {
            names.push(name.into());
        }
    }
    names.sort();
    Ok(names)
}

/// Whether a status is that of a directory.
#[must_use]
pub fn is_directory(status: &Stat) -> bool {
    FileType::from_raw_mode(status.st_mode) == FileType::Directory
}

/// Removes a directory and everything in it; `removed` is told each path and whether it was a
/// directory. What can't be removed is reported and makes the answer false.
pub fn remove(directory: &BStr, removed: &mut dyn FnMut(&BStr, bool)) -> bool {
    let names = match names(directory) {
        Ok(names) => names,
        Err(error) => {
            rt::warn!("cannot remove '{directory}': {}", strerror(error));
            return false;
        }
    };
    let mut success = true;
    for name in names {
        let inside = path::join(directory, name.as_bstr());
        let inside = inside.as_bstr();
        match lstat(inside.as_bytes()) {
            Ok(status) if is_directory(&status) => success &= remove(inside, removed),
            Ok(_) | Err(Errno::NOENT) => match unlinkat(CWD, inside.as_bytes(), AtFlags::empty()) {
                Ok(()) => removed(inside, false),
                Err(error) => {
                    rt::warn!("cannot remove '{inside}': {}", strerror(error));
                    success = false;
                }
            },
            Err(error) => {
                rt::warn!("cannot remove '{inside}': {}", strerror(error));
                success = false;
            }
        }
    }
    if !success {
        return false;
    }
    match unlinkat(CWD, directory.as_bytes(), AtFlags::REMOVEDIR) {
        Ok(()) => {
            removed(directory, true);
            true
        }
        Err(error) => {
            rt::warn!("cannot remove '{directory}': {}", strerror(error));
            false
        }
    }
}

/// Whether two statuses are of the same file.
#[must_use]
pub fn is_same(first: &Stat, second: &Stat) -> bool {
    (first.st_dev, first.st_ino) == (second.st_dev, second.st_ino)
}

/// The status of what a path means, links followed or not.
pub fn status(path: &BStr, follow: bool) -> Result<Stat, Errno> {
    let flags = if follow { AtFlags::empty() } else { AtFlags::SYMLINK_NOFOLLOW };
    statat(CWD, path.as_bytes(), flags)
}
