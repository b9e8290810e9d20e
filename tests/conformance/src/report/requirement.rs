//! The requirements.

use std::fmt;

/// The text of all of them.
pub const REQUIREMENTS: &str = include_str!("../../requirements.txt");

/// Requirements that are not met, each with the reason: `identifier | reason`.
pub const REASONS: &str = include_str!("../../reasons.txt");

/// How binding one is (RFC 2119).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Level {
    /// MUST and MUST NOT.
    Must,
    /// SHOULD and SHOULD NOT.
    Should,
    /// MAY.
    May,
    /// A goal of this project.
    Goal,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Must => "MUST",
            Self::Should => "SHOULD",
            Self::May => "MAY",
            Self::Goal => "goal",
        })
    }
}

/// A requirement.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Requirement {
    /// The part of the requirements that it stands in.
    pub section: String,
    /// Its identifiers: several where an RFC numbers what is one thing to test.
    pub identifiers: Vec<String>,
    /// How binding.
    pub level: Level,
    /// RFC and section.
    pub source: String,
    /// What is required.
    pub text: String,
}

/// The identifiers in a list such as `MUST-2, SHLD-9..11`.
fn identifiers(list: &str) -> Vec<String> {
    let one = |item: &str| {
        let range = item.split_once("..").and_then(|(first, last)| {
            let (kind, first) = first.rsplit_once('-')?;
            Some((kind.to_owned(), first.parse::<u32>().ok()?, last.parse::<u32>().ok()?))
        });
        match range {
            Some((kind, first, last)) => (first..=last).map(|n| format!("{kind}-{n}")).collect(),
            None => vec![item.to_owned()],
        }
    };
    list.split(',').map(str::trim).flat_map(one).collect()
}

fn level(letters: &str) -> Result<Level, String> {
    // Of a row with parts that bind differently, the strictest counts.
    if letters.contains('M') {
        return Ok(Level::Must);
    }
    match letters.chars().next() {
        Some('S') => Ok(Level::Should),
        Some('Y') => Ok(Level::May),
        Some('G') => Ok(Level::Goal),
        _ => Err(format!("no level: {letters:?}")),
    }
}

/// Reads requirements; the error names the line.
pub fn parse(text: &str) -> Result<Vec<Requirement>, String> {
    let mut section = String::new();
    let mut requirements = Vec::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        if let Some(title) = line.strip_prefix("## ") {
            title.clone_into(&mut section);
            continue;
        }
        if line.starts_with('#') {
            continue;
        }
        let fields: Vec<&str> = line.splitn(4, '|').map(str::trim).collect();
        let [list, letters, source, text] = fields[..] else {
            return Err(format!("not four fields: {line}"));
        };
        requirements.push(Requirement {
            section: section.clone(),
            identifiers: identifiers(list),
            level: level(letters).map_err(|error| format!("{error} in {line}"))?,
            source: source.to_owned(),
            text: text.to_owned(),
        });
    }
    Ok(requirements)
}

/// Reads reasons: pairs of an identifier and the reason.
pub fn parse_reasons(text: &str) -> Vec<(String, String)> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .filter_map(|line| line.split_once('|'))
        .map(|(identifier, reason)| (identifier.trim().to_owned(), reason.trim().to_owned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn the_list_is_well_formed() {
        let requirements = parse(REQUIREMENTS).unwrap();
        let mut seen = HashSet::new();
        for identifier in requirements.iter().flat_map(|row| &row.identifiers) {
            assert!(seen.insert(identifier), "{identifier} is there twice");
        }
        assert!(requirements.len() > 400);
        for (identifier, reason) in parse_reasons(REASONS) {
            assert!(seen.contains(&identifier) && !reason.is_empty(), "{identifier}: {reason}");
        }
    }

    #[test]
    fn identifiers_come_in_lists_and_ranges() {
        assert_eq!(identifiers("MUST-2, SHLD-9..11"), ["MUST-2", "SHLD-9", "SHLD-10", "SHLD-11"]);
    }

    #[test]
    fn a_line_without_a_level_is_named() {
        assert!(parse("X-1 | Q | 1 | text").unwrap_err().contains("X-1"));
        assert!(parse("X-1 | M").is_err());
    }
}
