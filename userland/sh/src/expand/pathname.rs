//! File names that match a pattern (POSIX.1-2024, "Shell Command Language", 2.14.3).

use alloc::vec::Vec;

use rt::bstr::{BStr, BString, ByteSlice};
use rt::path;
use rt::rustix::fs::{Dir, Mode, OFlags, lstat, open};

use super::pattern::{Character, Pattern};

/// All names that match, sorted by bytes; empty when there are none.
#[must_use]
pub fn matching(pattern: &Pattern) -> Vec<BString> {
    let absolute = pattern.0.first().is_some_and(|character| character.byte == b'/');
    let mut found = Vec::from([BString::from(if absolute { "/" } else { "" })]);
    let mut components =
        pattern.0.split(|character| character.byte == b'/').filter(|part| !part.is_empty());
    let directories_only = pattern.0.last().is_some_and(|character| character.byte == b'/');
    while let Some(component) = components.next() {
        let last = components.clone().next().is_none();
        found = next_component(&found, component, !last || directories_only);
    }
    if directories_only {
        for name in &mut found {
            name.push(b'/');
        }
    }
    found.sort();
    found
}

fn next_component(
    bases: &[BString],
    component: &[Character],
    directories_only: bool,
) -> Vec<BString> {
    let pattern = Pattern(component.to_vec());
    let mut found = Vec::new();
    for base in bases {
        if !pattern.is_active() {
            let candidate = path::join(base.as_bstr(), pattern.text().as_bstr());
            if lstat(candidate.as_bytes()).is_ok() {
                found.push(candidate);
            }
            continue;
        }
        for name in names_in(base.as_bstr()) {
            // A dot at the start must be asked for.
            let hidden = name.starts_with(b".");
            let asked = component.first().is_some_and(|character| character.byte == b'.');
            if hidden && !asked || !pattern.matches(&name) {
                continue;
            }
            let candidate = path::join(base.as_bstr(), name.as_bstr());
            if !directories_only || names_a_directory(&candidate) {
                found.push(candidate);
            }
        }
    }
    found
}

fn names_a_directory(path: &[u8]) -> bool {
    open(path, OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).is_ok()
}

/// The names in a directory (the empty path is the current one), without `.` and `..`; none when
/// it can't be read.
#[must_use]
pub fn names_in(directory: &BStr) -> Vec<BString> {
    let path = if directory.is_empty() { b"." } else { directory.as_bytes() };
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let Ok(fd) = open(path, flags, Mode::empty()) else { return Vec::new() };
    let Ok(entries) = Dir::new(fd) else { return Vec::new() };
    let mut names = Vec::new();
    for entry in entries {
        // An error ends the directory: what was read so far is what there is.
        let Ok(entry) = entry else { break };
        let name = entry.file_name().to_bytes();
        if name != b"." && name != b".." {
            names.push(name.into());
        }
    }
    names
}
