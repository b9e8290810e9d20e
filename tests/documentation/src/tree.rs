//! The files of the project.

use std::fs;
use std::path::{Path, PathBuf};

/// The folder that holds everything.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Folders that are not ours: what was built, and what version control keeps.
fn is_foreign(name: &str) -> bool {
    name.starts_with('.') || name.starts_with("target")
}

/// All files below a folder of the project, by their paths from the project's root, sorted. Nothing
/// for a folder that is not there.
pub fn files(folder: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(root().join(&folder)) else { continue };
        for entry in entries.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
            match entry.file_type() {
                Ok(kind) if kind.is_dir() && !is_foreign(&name) => folders.push(path),
                Ok(kind) if kind.is_file() => found.push(path),
                _ => {}
            }
        }
    }
    found.sort();
    found
}

/// The text of a file of the project.
///
/// # Panics
/// When it can't be read.
pub fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The text of every file below a folder whose name ends like this, with its path.
pub fn read_all(folder: &str, ending: &str) -> Vec<(String, String)> {
    let paths = files(folder).into_iter().filter(|path| path.ends_with(ending));
    paths.map(|path| (path.clone(), read(&path))).collect()
}
