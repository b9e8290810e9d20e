//! Tests that say which requirements they are about.

use std::path::Path;
use std::{fs, io};

/// A test with a line `/// Rows: …` in its documentation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Annotation {
    /// The file it is in, from the top of the project.
    pub file: String,
    /// Its function.
    pub function: String,
    /// Identifiers of requirements.
    pub rows: Vec<String>,
}

/// The annotations in a file's text.
pub fn scan(file: &str, text: &str) -> Vec<Annotation> {
    let mut found = Vec::new();
    let mut rows: Vec<String> = Vec::new();
    for line in text.lines().map(str::trim) {
        if let Some(list) = line.strip_prefix("/// Rows:") {
            rows.extend(list.split(',').map(|row| row.trim().trim_end_matches('.').to_owned()));
        } else if let Some(rest) = line.strip_prefix("fn ") {
            let function = rest.split('(').next().unwrap_or(rest).to_owned();
            if !rows.is_empty() {
                let rows = std::mem::take(&mut rows);
                found.push(Annotation { file: file.to_owned(), function, rows });
            }
        } else if !line.starts_with("///") && !line.starts_with("#[") {
            rows.clear();
        }
    }
    found
}

/// The annotations in all Rust files of some folders below `top`.
pub fn scan_folders(top: &Path, folders: &[&str]) -> io::Result<Vec<Annotation>> {
    let mut found = Vec::new();
    let mut folders: Vec<_> = folders.iter().map(|folder| top.join(folder)).collect();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let file = path.strip_prefix(top).unwrap_or(&path).display().to_string();
                found.extend(scan(&file, &fs::read_to_string(&path)?));
            }
        }
    }
    found.sort_by(|a, b| (&a.file, &a.function).cmp(&(&b.file, &b.function)));
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_belong_to_the_next_function() {
        let text = "/// What it does.\n///\n/// Rows: ND-3, ND-4.\n#[test]\nfn one() {\n}\n\
                    /// Rows: IP-1\nstruct Other;\nfn two() {}\n";
        let found = scan("net/src/x.rs", text);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].function.as_str(), found[0].rows.len()), ("one", 2));
    }
}
