//! As much of Markdown as the pages of this project use, read as GitHub reads it.

use std::collections::{BTreeMap, BTreeSet};

/// Something found on a line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Found {
    /// Line number, from 1.
    pub line: usize,
    /// What was found.
    pub text: String,
}

/// Lines outside fenced code, with their numbers.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    text.lines().zip(1..).filter_map(move |(line, number)| {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
            return None;
        }
        (!fenced).then_some((number, line))
    })
}

/// The pieces of a line that are code, and the line without them.
fn split_code(line: &str) -> (Vec<&str>, String) {
    let (mut spans, mut rest) = (Vec::new(), String::new());
    for (index, piece) in line.split('`').enumerate() {
        if index % 2 == 1 { spans.push(piece) } else { rest.push_str(piece) }
    }
    (spans, rest)
}

/// Targets of links and pictures.
pub fn links(text: &str) -> Vec<Found> {
    let mut found = Vec::new();
    for (line, content) in prose(text) {
        let (_, content) = split_code(content);
        for piece in content.split("](").skip(1) {
            let target = piece.split(')').next().unwrap_or_default();
            let target = target.split_whitespace().next().unwrap_or_default();
            found.push(Found { line, text: target.to_owned() });
        }
    }
    found
}

/// Pieces of code in the text.
pub fn code_spans(text: &str) -> Vec<Found> {
    let spans_of = |(line, content)| {
        let (spans, _) = split_code(content);
        spans.into_iter().map(move |text| Found { line, text: text.to_owned() }).collect::<Vec<_>>()
    };
    prose(text).flat_map(spans_of).collect()
}

/// Level and text of a heading.
fn heading(line: &str) -> Option<(usize, &str)> {
    let level = line.bytes().take_while(|byte| *byte == b'#').count();
    let title = line.get(level..)?.strip_prefix(' ')?;
    (1..=6).contains(&level).then_some((level, title.trim()))
}

/// Where links can lead to on a page: headings in lower case, without punctuation, with hyphens for
/// spaces; the second of a name gets `-1`.
pub fn anchors(text: &str) -> BTreeSet<String> {
    let mut seen = BTreeMap::<String, u32>::new();
    let mut anchors = BTreeSet::new();
    for (_, title) in prose(text).filter_map(|(_, line)| heading(line)) {
        let anchor: String = title
            .to_lowercase()
            .chars()
            .filter(|c| c.is_alphanumeric() || [' ', '-', '_'].contains(c))
            .map(|c| if c == ' ' { '-' } else { c })
            .collect();
        let count = seen.entry(anchor.clone()).or_default();
        anchors.insert(if *count == 0 { anchor } else { format!("{anchor}-{count}") });
        *count += 1;
    }
    anchors
}

/// What stands between this heading and the next of its level or above.
pub fn section<'a>(text: &'a str, title: &str) -> Option<&'a str> {
    let place = |line: &str| line.as_ptr() as usize - text.as_ptr() as usize;
    let mut lines = prose(text);
    let (begin, level) = lines.find_map(|(_, line)| {
        let (level, found) = heading(line)?;
        (found == title).then_some((place(line) + line.len(), level))
    })?;
    let end = lines.find_map(|(_, line)| {
        let (next, _) = heading(line)?;
        (next <= level).then(|| place(line))
    });
    text.get(begin..end.unwrap_or(text.len()))
}

/// The pieces of code in the first cells of a section's tables, row by row.
pub fn first_cells(section: &str) -> Vec<Vec<String>> {
    let cell = |(_, line): (usize, &str)| {
        let cell = line.strip_prefix('|')?.split('|').next()?;
        let (spans, _) = split_code(cell);
        (!spans.is_empty()).then(|| spans.into_iter().map(str::to_owned).collect())
    };
    prose(section).filter_map(cell).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "# One `net` page\n\
        See [a](b.md#c), ![picture](d.svg) and `[no](link)`.\n\
        ```\n# no heading, [no](link)\n```\n\
        ## What is, and isn't\n\
        | `x` `y` | `z` |\n|---|---|\n| none | `z` |\n\
        ## Again\n### Deeper\n| `w` | |\n## Again\nlast\n";

    #[test]
    fn links_are_found_outside_code() {
        let found: Vec<String> = links(PAGE).into_iter().map(|link| link.text).collect();
        assert_eq!(found, ["b.md#c", "d.svg"]);
        assert_eq!(links(PAGE)[0].line, 2);
    }

    #[test]
    fn anchors_are_those_of_github() {
        let expected = ["again", "again-1", "deeper", "one-net-page", "what-is-and-isnt"];
        assert_eq!(anchors(PAGE), expected.map(String::from).into());
    }

    #[test]
    fn sections_end_where_the_next_begins() {
        let found = section(PAGE, "Again").expect("it is there");
        assert_eq!(first_cells(found), [["w"]]);
        assert_eq!(section(PAGE, "Deeper"), Some("\n| `w` | |\n"));
        assert_eq!(section(PAGE, "Nowhere"), None);
        let found = section(PAGE, "What is, and isn't").expect("it is there");
        assert_eq!(first_cells(found), [["x", "y"]]);
        assert_eq!(code_spans(found).len(), 4);
    }
}
