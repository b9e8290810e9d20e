//! A `newc` cpio archive, the same bytes for the same inputs: no times, no owners, inode numbers
//! in order.

use cpio::newc::{Builder, ModeFileType, trailer};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

enum Entry {
    Directory,
    File(Vec<u8>),
    Link(String),
}

/// Writes the archive of `entries` to `output` and says what is in it. Its programs must be without
/// erratum 835769.
pub(crate) fn build_checked(output: &Path, entries: &[&str]) -> Result<String, String> {
    let tree = collect(entries)?;
    let mut pairs = 0;
    for (name, entry) in &tree {
        if let Entry::File(bytes) = entry {
            pairs += crate::erratum_835769::check_program(name, bytes)?;
        }
    }
    let summary = save(output, &tree)?;
    Ok(match pairs {
        0 => summary,
        some => {
            format!(
                "{summary}; {some} instruction pairs of erratum 835769 in prebuilt library code"
            )
        }
    })
}

/// The same with whatever programs.
pub(crate) fn build(output: &Path, entries: &[&str]) -> Result<String, String> {
    save(output, &collect(entries)?)
}

fn collect(entries: &[&str]) -> Result<BTreeMap<String, Entry>, String> {
    let mut tree = BTreeMap::new();
    for entry in entries {
        let (name, content) = parse(entry)?;
        add_parents(&mut tree, &name);
        tree.insert(name, content);
    }
    Ok(tree)
}

fn save(output: &Path, tree: &BTreeMap<String, Entry>) -> Result<String, String> {
    let archive = write(tree).map_err(|error| format!("cannot build the archive: {error}"))?;
    // An archive that is there already keeps its time, so that the kernel is not built again for it.
    if std::fs::read(output).ok().as_ref() != Some(&archive) {
        std::fs::write(output, &archive)
            .map_err(|error| format!("cannot write {}: {error}", output.display()))?;
    }
    let (entries, size) = (tree.len(), archive.len() / 1024);
    Ok(format!("{}: {entries} entries, {size} KiB", output.display()))
}

fn parse(entry: &str) -> Result<(String, Entry), String> {
    let (name, content) = if let Some((name, target)) = entry.split_once("->") {
        (name, Entry::Link(target.to_owned()))
    } else if let Some((name, file)) = entry.split_once('=') {
        let bytes = std::fs::read(file).map_err(|error| format!("cannot read {file}: {error}"))?;
        (name, Entry::File(bytes))
    } else if let Some(name) = entry.strip_suffix('/') {
        (name, Entry::Directory)
    } else {
        return Err(format!("'{entry}' is not NAME=FILE, NAME/ or NAME->TARGET"));
    };
    let name = name.trim_matches('/');
    if name.is_empty() {
        Err(format!("'{entry}' has no name"))
    } else {
        Ok((name.to_owned(), content))
    }
}

fn add_parents(tree: &mut BTreeMap<String, Entry>, name: &str) {
    for (index, _) in name.match_indices('/') {
        tree.entry(name[..index].to_owned()).or_insert(Entry::Directory);
    }
}

fn write(tree: &BTreeMap<String, Entry>) -> std::io::Result<Vec<u8>> {
    let mut archive = Vec::new();
    for (index, (name, entry)) in tree.iter().enumerate() {
        let (kind, mode, bytes) = match entry {
            Entry::Directory => (ModeFileType::Directory, 0o755, &[][..]),
            Entry::File(bytes) => (ModeFileType::Regular, file_mode(bytes), bytes.as_slice()),
            Entry::Link(target) => (ModeFileType::Symlink, 0o777, target.as_bytes()),
        };
        let inode = u32::try_from(index).unwrap_or(u32::MAX).saturating_add(1);
        let length = u32::try_from(bytes.len())
            .map_err(|_| std::io::Error::other(format!("{name} is too large for newc")))?;
        let builder = Builder::new(name).ino(inode).nlink(1).mode(mode).set_mode_file_type(kind);
        let mut writer = builder.write(&mut archive, length);
        writer.write_all(bytes)?;
        writer.finish()?;
    }
    trailer(&mut archive)?;
    Ok(archive)
}

/// Programs and scripts are executable, everything else is not.
fn file_mode(bytes: &[u8]) -> u32 {
    if bytes.starts_with(b"\x7fELF") || bytes.starts_with(b"#!") { 0o755 } else { 0o644 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cpio::newc::Reader;

    #[test]
    fn parents_come_before_children() {
        let mut tree = BTreeMap::new();
        add_parents(&mut tree, "etc/init/rc");
        tree.insert("etc/init/rc".to_owned(), Entry::File(b"#!/bin/sh\n".to_vec()));
        let archive = write(&tree).unwrap();

        let mut rest = archive.as_slice();
        let mut seen = Vec::new();
        loop {
            let reader = Reader::new(rest).unwrap();
            if reader.entry().is_trailer() {
                break;
            }
            seen.push((reader.entry().name().to_owned(), reader.entry().mode()));
            rest = reader.finish().unwrap();
        }
        assert_eq!(
            seen,
            [
                ("etc".to_owned(), 0o040_755),
                ("etc/init".to_owned(), 0o040_755),
                ("etc/init/rc".to_owned(), 0o100_755)
            ]
        );
    }

    #[test]
    fn a_word_that_is_no_entry_is_refused() {
        assert!(parse("bin/sh").is_err());
        assert!(parse("=file").is_err());
        assert!(parse("/").is_err());
    }
}
