//! Tests that say which requirements they are about.

use std::path::Path;
use std::{fs, io};

/// A test whose documentation names rows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Annotation {
    /// The file it is in, from the top of the project.
    pub file: String,
    /// Its function.
    pub function: String,
    /// Identifiers of requirements.
    pub rows: Vec<String>,
}

/// An identifier of a requirement: capitals, digits and hyphens.
fn is_identifier(word: &str) -> bool {
    word.starts_with(|first: char| first.is_ascii_uppercase())
        && word
            .chars()
            .all(|letter| letter.is_ascii_uppercase() || letter.is_ascii_digit() || letter == '-')
}

/// The identifiers in a line of documentation: in `Rows: ND-3, ND-4`, or in front of a colon as in
/// `ND-3: an unknown option is skipped`, where a word without a hyphen is no identifier.
fn list_of_rows(line: &str) -> Option<Vec<String>> {
    let (list, hyphens) = match line.strip_prefix("Rows:") {
        Some(list) => (list.trim_end_matches('.'), false),
        None => (line.split_once(':')?.0, true),
    };
    let is_row = |row: &&str| is_identifier(row) && (!hyphens || row.contains('-'));
    let rows: Vec<_> = list.split(',').map(str::trim).collect();
    rows.iter().all(is_row).then(|| rows.into_iter().map(str::to_owned).collect())
}

/// The annotations in a file's text: of functions, and of the kernel's self-tests, which are
/// values with a name.
pub fn scan(file: &str, text: &str) -> Vec<Annotation> {
    let mut found = Vec::new();
    let mut rows: Vec<String> = Vec::new();
    for line in text.lines().map(str::trim) {
        let remark = line.strip_prefix("// ").filter(|remark| remark.starts_with("Rows:"));
        let documentation = line.strip_prefix("/// ");
        if let Some(list) = documentation.or(remark).and_then(list_of_rows) {
            rows.extend(list);
        } else if let Some(name) = name_of_test(line) {
            if !rows.is_empty() {
                let rows = std::mem::take(&mut rows);
                found.push(Annotation { file: file.to_owned(), function: name.to_owned(), rows });
            }
        } else if !["///", "#[", "Test {"].iter().any(|start| line.starts_with(start)) {
            rows.clear();
        }
    }
    found
}

/// The name in `fn name() {` or in `Test { name: "name", …`.
fn name_of_test(line: &str) -> Option<&str> {
    if let Some(rest) = line.strip_prefix("fn ") {
        return rest.split('(').next();
    }
    let rest = line.strip_prefix("Test { ").unwrap_or(line).strip_prefix("name: \"")?;
    rest.split('"').next()
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
                    /// Rows: IP-1\nstruct Other;\nfn two() {}\n\
                    /// NUD-1, TCP-TS: by timing.\n#[test]\nfn three() {}\n\
                    /// Rows: STATES, TCP-SACK-R\n#[test]\nfn five() {}\n\
                    // Rows: API-1\nTest { name: \"six: 6\", run: six },\n\
                    // Rows: API-2\nTest {\nname: \"seven\",\n\
                    /// RFC: by far.\n/// Not a row: by far.\nfn four() {}\n";
        let found = scan("net/src/x.rs", text);
        let found: Vec<_> =
            found.iter().map(|one| (one.function.as_str(), one.rows.len())).collect();
        assert_eq!(found, [("one", 2), ("three", 2), ("five", 2), ("six: 6", 1), ("seven", 1)]);
    }
}
