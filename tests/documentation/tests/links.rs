//! Links lead somewhere, and files that the pages name exist.

use documentation::{markdown, tree};
use std::path::Path;

fn pages() -> Vec<(String, String)> {
    let pages = tree::read_all("", ".md");
    assert!(pages.iter().any(|(path, _)| path == "README.md"), "the pages are found");
    pages
}

/// A path as written on a page, from the project's root: `..` taken away.
fn resolve(page: &str, target: &str) -> String {
    let mut parts: Vec<&str> = page.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            ".." => drop(parts.pop()),
            "." | "" => {}
            part => parts.push(part),
        }
    }
    parts.join("/")
}

fn problem(page: &str, text: &str, target: &str) -> Option<String> {
    if target.contains("://") {
        return None;
    }
    let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
    let path = if path.is_empty() { page.to_owned() } else { resolve(page, path) };
    if !tree::root().join(&path).exists() {
        return Some(format!("{path} is not there"));
    }
    if anchor.is_empty() {
        return None;
    }
    let other;
    let text = if path == page {
        text
    } else {
        other = tree::read(&path);
        &other
    };
    let found = markdown::anchors(text).contains(anchor);
    (!found).then(|| format!("{path} has no heading for #{anchor}"))
}

#[test]
fn links_lead_somewhere() {
    let mut problems = Vec::new();
    for (page, text) in pages() {
        for link in markdown::links(&text) {
            let found = problem(&page, &text, &link.text);
            problems.extend(found.map(|problem| format!("{page}:{}: {problem}", link.line)));
        }
    }
    assert!(problems.is_empty(), "broken links:\n{}", problems.join("\n"));
}

/// `a/{b,c}.rs` is two paths.
fn expand(path: &str) -> Vec<String> {
    let braces = path.split_once('{').and_then(|(before, rest)| {
        let (choices, after) = rest.split_once('}')?;
        Some(choices.split(',').map(|choice| format!("{before}{choice}{after}")).collect())
    });
    braces.unwrap_or_else(|| vec![path.to_owned()])
}

/// Whether it looks like the path of a source file or folder of ours.
fn is_path(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-{},".contains(c);
    let ending =
        Path::new(text).extension().is_some_and(|e| ["rs", "sh", "md"].iter().any(|x| e == *x));
    text.contains('/') && !text.starts_with('/') && text.chars().all(plain) && ending
}

#[test]
fn files_that_are_named_exist() {
    let files = tree::files("");
    let exists = |path: &str| {
        let tail = format!("/{}", path.trim_start_matches("../"));
        files.iter().any(|file| file == path || file.ends_with(&tail))
    };
    let (mut problems, mut checked) = (Vec::new(), 0);
    for (page, text) in pages() {
        for span in markdown::code_spans(&text).iter().filter(|span| is_path(&span.text)) {
            for path in expand(&span.text) {
                checked += 1;
                if !exists(&path) {
                    problems.push(format!("{page}:{}: {path}", span.line));
                }
            }
        }
    }
    assert!(problems.is_empty(), "no such files:\n{}", problems.join("\n"));
    assert!(checked > 50, "only {checked} paths were found on the pages");
}
