//! Copying files and directories: what `cp` does, and `mv` between file systems.

use alloc::vec::Vec;

use rt::bstr::{BStr, BString, ByteSlice};
use rt::options::Tool;
use rt::rustix::fd::AsFd;
use rt::rustix::fs::{
    AtFlags, CWD, FileType, Mode, Stat, chmod, mkdir, readlink, symlink, unlink, utimensat,
};
use rt::rustix::io::Errno;
use rt::{path, strerror};

use crate::copy::{self, CopyError, times};
use crate::tree;

/// How to copy.
#[derive(Clone, Copy, Debug, Default)]
#[allow(clippy::struct_excessive_bools, reason = "a field for each option of the command line")]
pub struct Options {
    /// Directories with what is in them.
    pub recursive: bool,
    /// Permissions and times become those of the source.
    pub preserve: bool,
    /// A destination that can't be opened is removed first.
    pub force: bool,
    /// An existing destination stays as it is.
    pub no_clobber: bool,
    /// Each copy is named.
    pub verbose: bool,
}

/// Copies `source` to the path `target`. What goes wrong is reported and makes the answer false.
pub fn copy(source: &BStr, target: &BStr, options: Options) -> bool {
    let follow = !options.recursive;
    let status = match tree::status(source, follow) {
        Ok(status) => status,
        Err(error) => {
            rt::warn!("cannot stat '{source}': {}", strerror(error));
            return false;
        }
    };
    let existing = tree::status(target, true).ok();
    if let Some(existing) = &existing {
        if tree::is_same(&status, existing) {
            rt::warn!("'{source}' and '{target}' are the same file");
            return false;
        }
        if options.no_clobber && !tree::is_directory(existing) {
            return true;
        }
    }
    match FileType::from_raw_mode(status.st_mode) {
        FileType::Directory => directory(source, target, &status, existing.as_ref(), options),
        FileType::Symlink => link(source, target, &status, options),
        _ => {
            if existing.as_ref().is_some_and(tree::is_directory) {
                rt::warn!("cannot overwrite directory '{target}' with non-directory");
                return false;
            }
            regular(source, target, &status, options)
        }
    }
}

fn said(source: &BStr, target: &BStr, options: Options) -> bool {
    if options.verbose {
        rt::println!("'{source}' -> '{target}'");
    }
    true
}

fn regular(source: &BStr, target: &BStr, status: &Stat, options: Options) -> bool {
    let input = match rt::input::open(source) {
        Ok(input) => input,
        Err(error) => {
            rt::warn!("cannot open '{source}' for reading: {}", strerror(error));
            return false;
        }
    };
    let once = || copy::file(input.as_fd(), status, target, options.preserve);
    let mut result = once();
    if matches!(result, Err(CopyError::Write(_)))
        && options.force
        && unlink(target.as_bytes()).is_ok()
    {
        result = once();
    }
    match result {
        Ok(()) => said(source, target, options),
        Err(CopyError::Read(error)) => {
            rt::warn!("error reading '{source}': {}", strerror(error));
            false
        }
        Err(CopyError::Write(Errno::NOSPC)) => {
            rt::warn!("error writing '{target}': {}", strerror(Errno::NOSPC));
            false
        }
        Err(CopyError::Write(error)) => {
            rt::warn!("cannot create regular file '{target}': {}", strerror(error));
            false
        }
    }
}

fn link(source: &BStr, target: &BStr, status: &Stat, options: Options) -> bool {
    let result = readlink(source.as_bytes(), alloc::vec::Vec::new())
        .and_then(|destination| symlink(destination, target.as_bytes()))
        .and_then(|()| {
            if !options.preserve {
                return Ok(());
            }
            let flags = AtFlags::SYMLINK_NOFOLLOW;
            utimensat(CWD, target.as_bytes(), &times(status), flags)
        });
    match result {
        Ok(()) => said(source, target, options),
        Err(error) => {
            rt::warn!("cannot create symbolic link '{target}': {}", strerror(error));
            false
        }
    }
}

/// Whether `target` lies in `source`, so that copying would never end.
fn is_inside(source: &Stat, target: &BStr) -> bool {
    let mut directory = BString::from(target);
    // From the target upward; its own name may not exist yet.
    for _ in 0..256 {
        directory = path::join(directory.as_bstr(), BStr::new(".."));
        let Ok(status) = tree::status(directory.as_bstr(), true) else { return false };
        if tree::is_same(source, &status) {
            return true;
        }
        let parent = path::join(directory.as_bstr(), BStr::new(".."));
        if tree::status(parent.as_bstr(), true).is_ok_and(|above| tree::is_same(&above, &status)) {
            return false;
        }
    }
    false
}

fn directory(
    source: &BStr,
    target: &BStr,
    status: &Stat,
    existing: Option<&Stat>,
    options: Options,
) -> bool {
    if !options.recursive {
        rt::warn!("-r not specified; omitting directory '{source}'");
        return false;
    }
    match existing {
        None => {
            // Writable until it is full, whatever its permissions become.
            let mode = Mode::from_raw_mode(status.st_mode & 0o777 | 0o700);
            if let Err(error) = mkdir(target.as_bytes(), mode) {
                rt::warn!("cannot create directory '{target}': {}", strerror(error));
                return false;
            }
            said(source, target, options);
        }
        Some(existing) if !tree::is_directory(existing) => {
            rt::warn!("cannot overwrite non-directory '{target}' with directory '{source}'");
            return false;
        }
        Some(_) => {}
    }
    if is_inside(status, target) {
        rt::warn!("cannot copy a directory, '{source}', into itself, '{target}'");
        // What was made for it goes again.
        let _ = rt::rustix::fs::rmdir(target.as_bytes());
        return false;
    }
    let names = match tree::names(source) {
        Ok(names) => names,
        Err(error) => {
            rt::warn!("cannot access '{source}': {}", strerror(error));
            return false;
        }
    };
    let mut success = true;
    for name in names {
        let from = path::join(source, name.as_bstr());
        let to = path::join(target, name.as_bstr());
        success &= copy(from.as_bstr(), to.as_bstr(), options);
    }
    if options.preserve {
        let result = chmod(target.as_bytes(), Mode::from_raw_mode(status.st_mode & 0o7777))
            .and_then(|()| utimensat(CWD, target.as_bytes(), &times(status), AtFlags::empty()));
        if let Err(error) = result {
            rt::warn!("preserving times for '{target}': {}", strerror(error));
            success = false;
        }
    }
    success
}

/// Where `cp` and `mv` take what they are given.
pub struct Target {
    path: &'static BStr,
    /// Sources keep their names, inside of `path`.
    into: bool,
}

impl Target {
    /// The one that is meant: `directory` (`-t`), or else the last operand, which is taken away; as it
    /// is, if `exact` (`-T`). Ends the program when that makes no sense.
    pub fn find(
        tool: &Tool,
        operands: &mut Vec<&'static BStr>,
        directory: Option<&'static BStr>,
        exact: bool,
    ) -> Self {
        let Some(path) = directory.or_else(|| operands.pop()) else {
            tool.usage_error("missing file operand");
        };
        if operands.is_empty() {
            tool.usage_error(format_args!("missing destination file operand after '{path}'"));
        }
        let into =
            !exact && tree::status(path, true).is_ok_and(|status| tree::is_directory(&status));
        if !into && (operands.len() > 1 || directory.is_some()) {
            if exact {
                tool.extra_operand(path);
            }
            rt::fail!(1, "target '{path}': Not a directory");
        }
        Self { path, into }
    }

    /// Where a source goes.
    #[must_use]
    pub fn of(&self, source: &BStr) -> BString {
        if self.into { path::join(self.path, path::base_name(source)) } else { self.path.into() }
    }
}
