//! Patterns of the shell: `*`, `?`, `[...]` (POSIX.1-2024, "Shell Command Language", 2.14).

use alloc::vec::Vec;

use rt::bstr::BString;

/// A character of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Character {
    /// The byte.
    pub byte: u8,
    /// It means only itself.
    pub quoted: bool,
}

/// Text some of whose characters may be special.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pattern(pub Vec<Character>);

/// What a pattern begins with.
enum Head<'p> {
    /// `*`
    Any,
    /// `?`
    One,
    /// `[...]`, without the brackets.
    Set(&'p [Character]),
    /// A character that means itself.
    Byte(u8),
}

impl Pattern {
    /// The characters as they are.
    #[must_use]
    pub fn text(&self) -> BString {
        self.0.iter().map(|character| character.byte).collect::<Vec<u8>>().into()
    }

    /// Whether it has special characters at all.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.0
            .iter()
            .any(|character| !character.quoted && matches!(character.byte, b'*' | b'?' | b'['))
    }

    /// Whether it matches all of `text`.
    #[must_use]
    pub fn matches(&self, text: &[u8]) -> bool {
        matches(&self.0, text)
    }

    /// `text` without the shortest or longest start that matches.
    #[must_use]
    pub fn without_prefix<'t>(&self, text: &'t [u8], longest: bool) -> &'t [u8] {
        let mut splits = (0..=text.len()).filter_map(|at| text.split_at_checked(at));
        let found = if longest {
            splits.rfind(|(start, _)| self.matches(start))
        } else {
            splits.find(|(start, _)| self.matches(start))
        };
        found.map_or(text, |(_, rest)| rest)
    }

    /// `text` without the shortest or longest end that matches.
    #[must_use]
    pub fn without_suffix<'t>(&self, text: &'t [u8], longest: bool) -> &'t [u8] {
        let mut splits = (0..=text.len()).filter_map(|at| text.split_at_checked(at));
        let found = if longest {
            splits.find(|(_, end)| self.matches(end))
        } else {
            splits.rfind(|(_, end)| self.matches(end))
        };
        found.map_or(text, |(rest, _)| rest)
    }
}

fn head(pattern: &[Character]) -> Option<(Head<'_>, &[Character])> {
    let (first, rest) = pattern.split_first()?;
    let head = match (first.byte, first.quoted) {
        (b'*', false) => Head::Any,
        (b'?', false) => Head::One,
        (b'[', false) => {
            // A `]` right at the start belongs to the set; without a closing one, `[` is itself.
            let negation = rest.first().is_some_and(|c| !c.quoted && matches!(c.byte, b'!' | b'^'));
            let least = usize::from(negation) + 1;
            let end = (least..rest.len()).find(|&at| {
                rest.get(at).is_some_and(|c| c.byte == b']' && !c.quoted && !in_class(rest, at))
            });
            match end.and_then(|end| Some((rest.get(..end)?, rest.get(end + 1..)?))) {
                Some((set, rest)) => return Some((Head::Set(set), rest)),
                None => Head::Byte(b'['),
            }
        }
        (byte, _) => Head::Byte(byte),
    };
    Some((head, rest))
}

/// Whether the `]` at `at` ends a class such as `[:alpha:]` rather than the set.
fn in_class(set: &[Character], at: usize) -> bool {
    let byte = |index: usize| set.get(index).map(|character| character.byte);
    at >= 1
        && byte(at - 1) == Some(b':')
        && (0..at - 1).any(|start| {
            byte(start) == Some(b'[')
                && byte(start + 1) == Some(b':')
                && start + 1 < at - 1
                && (start + 2..at - 1).all(|i| byte(i).is_some_and(|b| b.is_ascii_alphabetic()))
        })
}

fn matches(mut pattern: &[Character], mut text: &[u8]) -> bool {
    // Where to go on after the last `*` if what follows it does not match here: one star is enough
    // to remember, because an earlier one could only match what a later one can.
    let mut retry: Option<(&[Character], &[u8])> = None;
    loop {
        let step = match head(pattern) {
            None if text.is_empty() => return true,
            None => None,
            Some((Head::Any, rest)) => {
                retry = Some((rest, text));
                Some((rest, text))
            }
            Some((head, rest)) => text.split_first().and_then(|(&byte, after)| {
                let fits = match head {
                    Head::Byte(wanted) => byte == wanted,
                    Head::Set(set) => in_set(set, byte),
                    Head::One | Head::Any => true,
                };
                fits.then_some((rest, after))
            }),
        };
        match (step, retry) {
            (Some(next), _) => (pattern, text) = next,
            (None, Some((rest, [_, after @ ..]))) => {
                retry = Some((rest, after));
                (pattern, text) = (rest, after);
            }
            (None, _) => return false,
        }
    }
}

fn in_set(set: &[Character], byte: u8) -> bool {
    let (negated, mut rest) = match set.split_first() {
        Some((first, rest)) if !first.quoted && matches!(first.byte, b'!' | b'^') => (true, rest),
        _ => (false, set),
    };
    let mut found = false;
    while let Some((first, after)) = rest.split_first() {
        if first.byte == b'[' && after.first().is_some_and(|c| c.byte == b':') {
            let name: Vec<u8> =
                after.iter().skip(1).map(|c| c.byte).take_while(u8::is_ascii_alphabetic).collect();
            let tail = after.get(1 + name.len()..).unwrap_or_default();
            if let [colon, bracket, tail @ ..] = tail
                && (colon.byte, bracket.byte) == (b':', b']')
            {
                found |= in_class_named(&name, byte);
                rest = tail;
                continue;
            }
        }
        if let [dash, last, tail @ ..] = after
            && dash.byte == b'-'
            && !dash.quoted
        {
            found |= (first.byte..=last.byte).contains(&byte);
            rest = tail;
            continue;
        }
        found |= first.byte == byte;
        rest = after;
    }
    found != negated
}

fn in_class_named(name: &[u8], byte: u8) -> bool {
    match name {
        b"alpha" => byte.is_ascii_alphabetic(),
        b"digit" => byte.is_ascii_digit(),
        b"alnum" => byte.is_ascii_alphanumeric(),
        b"upper" => byte.is_ascii_uppercase(),
        b"lower" => byte.is_ascii_lowercase(),
        b"space" => byte.is_ascii_whitespace() || byte == 0x0b,
        b"blank" => matches!(byte, b' ' | b'\t'),
        b"punct" => byte.is_ascii_punctuation(),
        b"print" => matches!(byte, 0x20..=0x7e),
        b"graph" => byte.is_ascii_graphic(),
        b"cntrl" => byte.is_ascii_control(),
        b"xdigit" => byte.is_ascii_hexdigit(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::{Character, Pattern};

    /// A backslash quotes the next character.
    fn pattern(text: &str) -> Pattern {
        let mut quoted = false;
        let mut characters = Vec::new();
        for byte in text.bytes() {
            if byte == b'\\' && !quoted {
                quoted = true;
            } else {
                characters.push(Character { byte, quoted });
                quoted = false;
            }
        }
        Pattern(characters)
    }

    #[test]
    fn matching() {
        for (shape, text, expected) in [
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("a*c", "abbc", true),
            ("a*c", "abbcd", false),
            ("*b*b*", "abab", true),
            ("*b*b*", "aba", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("[a-c]x", "bx", true),
            ("[!a-c]x", "bx", false),
            ("[]x]", "]", true),
            ("[[:digit:]]*", "7up", true),
            ("[[:digit:]]*", "up", false),
            ("[a", "[a", true),
            ("\\*", "*", true),
            ("\\*", "x", false),
            ("[a\\-c]", "b", false),
            ("[a\\-c]", "-", true),
        ] {
            assert_eq!(pattern(shape).matches(text.as_bytes()), expected, "{shape} {text}");
        }
    }

    #[test]
    fn a_hard_pattern_takes_no_exponential_time() {
        let shape = "a*".repeat(30) + "b";
        assert!(!pattern(&shape).matches("a".repeat(2000).as_bytes()));
    }

    #[test]
    fn prefixes_and_suffixes() {
        let text = b"a/b/c";
        assert_eq!(pattern("*/").without_prefix(text, false), b"b/c");
        assert_eq!(pattern("*/").without_prefix(text, true), b"c");
        assert_eq!(pattern("/*").without_suffix(text, false), b"a/b");
        assert_eq!(pattern("/*").without_suffix(text, true), b"a");
        assert_eq!(pattern("x").without_prefix(text, true), text);
    }
}
