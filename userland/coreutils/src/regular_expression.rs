//! Regular expressions of POSIX for `grep`, by way of the `regex-automata` crate: the basic syntax
//! is rewritten in the extended one, which that crate's syntax contains.
//!
//! Not supported: back-references, `[.a.]` and `[=a=]`.

use alloc::string::String;
use alloc::vec::Vec;

use regex_automata::nfa::thompson::pikevm::{Cache, PikeVM};
use regex_automata::nfa::thompson::{Compiler, Config};
use regex_syntax::ParserBuilder;
use regex_syntax::ast::ErrorKind;

/// How a pattern is to be understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Syntax {
    /// `grep`: `\(`, `\{` and `\|` are special, the same without a backslash is not.
    Basic,
    /// `grep -E`.
    Extended,
    /// `grep -F`: nothing is special.
    Fixed,
}

/// What else decides about a match.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Conditions {
    /// `-i`: upper and lower case are the same.
    pub ignore_case: bool,
    /// `-w`: the match must not touch letters, digits or `_`.
    pub whole_word: bool,
    /// `-x`: the match must be the whole line.
    pub whole_line: bool,
}

/// A compiled pattern.
#[derive(Debug)]
pub struct Expression {
    machine: PikeVM,
    cache: Cache,
}

impl Expression {
    /// Compiles patterns, one of which must match. The error is a message for the user.
    pub fn new(
        patterns: &[impl AsRef<[u8]>],
        syntax: Syntax,
        conditions: Conditions,
    ) -> Result<Self, String> {
        let mut rewritten = Vec::new();
        for pattern in patterns {
            let pattern = core::str::from_utf8(pattern.as_ref())
                .map_err(|_| String::from("the pattern is not valid UTF-8"))?;
            let extended = match syntax {
                Syntax::Basic => extended_from_basic(pattern),
                Syntax::Extended => tidy_extended(pattern),
                Syntax::Fixed => escape(pattern),
            };
            rewritten.push(if conditions.whole_line {
                alloc::format!("^(?:{extended})$")
            } else if conditions.whole_word {
                alloc::format!("(?:^|\\W)(?:{extended})(?:\\W|$)")
            } else {
                extended
            });
        }
        let mut builder = ParserBuilder::new();
        builder.unicode(false).utf8(false).case_insensitive(conditions.ignore_case);
        let mut parsed = Vec::new();
        for pattern in &rewritten {
            parsed.push(builder.build().parse(pattern).map_err(|error| message(&error))?);
        }
        let config = Config::new().utf8(false).nfa_size_limit(Some(MAX_SIZE));
        let machine = Compiler::new()
            .configure(config)
            .build_many_from_hir(&parsed)
            .and_then(PikeVM::new_from_nfa)
            .map_err(|_| String::from("regular expression too big"))?;
        let cache = machine.create_cache();
        Ok(Self { machine, cache })
    }

    /// Whether a line (without its newline) matches.
    pub fn matches(&mut self, line: &[u8]) -> bool {
        self.machine.is_match(&mut self.cache, line)
    }

    /// The first match at or after `from`, as a range of bytes.
    pub fn find(&mut self, line: &[u8], from: usize) -> Option<(usize, usize)> {
        let input = regex_automata::Input::new(line).range(from..);
        let found = self.machine.find_iter(&mut self.cache, input).next()?;
        Some((found.start(), found.end()))
    }
}

/// A compiled pattern takes no more memory than this.
const MAX_SIZE: usize = 1 << 20;

/// What is wrong, in the words of GNU where it has some.
fn message(error: &regex_syntax::Error) -> String {
    let kind = match error {
        regex_syntax::Error::Parse(error) => error.kind(),
        error => return alloc::format!("{error}"),
    };
    String::from(match kind {
        ErrorKind::GroupUnclosed => "Unmatched ( or \\(",
        ErrorKind::GroupUnopened => "Unmatched ) or \\)",
        ErrorKind::ClassUnclosed => "Unmatched [, [^, [:, [., or [=",
        ErrorKind::ClassRangeInvalid => "Invalid range end",
        ErrorKind::RepetitionCountUnclosed => "Unmatched \\{",
        ErrorKind::RepetitionCountInvalid | ErrorKind::RepetitionCountDecimalEmpty => {
            "Invalid content of \\{\\}"
        }
        ErrorKind::RepetitionMissing => "Invalid preceding regular expression",
        kind => return alloc::format!("{kind}"),
    })
}

fn escape(text: &str) -> String {
    let mut output = String::new();
    for character in text.chars() {
        if character.is_ascii_punctuation() {
            output.push('\\');
        }
        output.push(character);
    }
    output
}

/// Copies a bracket expression, in which the crate takes more characters for special than POSIX.
/// `rest` begins after the `[`.
fn bracket<'p>(rest: &'p str, output: &mut String) -> Option<&'p str> {
    let negated = rest.starts_with('^');
    let start = usize::from(negated);
    // A `]` right at the start belongs to the set.
    let from = if rest.get(start..)?.starts_with(']') { start + 1 } else { start };
    let mut at = from;
    loop {
        let tail = rest.get(at..)?;
        if let Some(class) = tail.strip_prefix("[:") {
            at += 2 + class.find(":]")? + 2;
        } else if tail.starts_with(']') {
            break;
        } else {
            at += tail.chars().next()?.len_utf8();
        }
    }
    let mut inside = rest.get(start..at)?;
    output.push('[');
    if negated {
        output.push('^');
    }
    while let Some(character) = inside.chars().next() {
        if let Some(end) = inside.strip_prefix("[:").and_then(|class| class.find(":]")) {
            output.push_str(inside.get(..end + 4)?);
            inside = inside.get(end + 4..)?;
            continue;
        }
        // Two of these in a row, or a single one of those, mean something to the crate.
        if matches!(character, '[' | ']' | '\\' | '&' | '~' | '^') {
            output.push('\\');
        }
        output.push(character);
        inside = inside.get(character.len_utf8()..)?;
    }
    output.push(']');
    rest.get(at + 1..)
}

fn extended_from_basic(pattern: &str) -> String {
    let mut output = String::new();
    let mut rest = pattern;
    // `*` is a character where there is nothing to repeat, `^` and `$` anywhere but at the ends.
    let mut start = true;
    while let Some(character) = rest.chars().next() {
        rest = rest.get(character.len_utf8()..).unwrap_or_default();
        let was_start = core::mem::replace(&mut start, false);
        match character {
            '\\' => {
                let Some(escaped) = rest.chars().next() else {
                    output.push_str("\\\\");
                    break;
                };
                rest = rest.get(escaped.len_utf8()..).unwrap_or_default();
                match escaped {
                    '(' | '|' => {
                        output.push(escaped);
                        start = true;
                    }
                    ')' | '{' | '}' | '+' | '?' => output.push(escaped),
                    'w' | 'W' | 's' | 'S' | 'b' | 'B' => output.extend(['\\', escaped]),
                    '<' => output.push_str("\\b{start}"),
                    '>' => output.push_str("\\b{end}"),
                    other => output.push_str(&escape(other.encode_utf8(&mut [0; 4]))),
                }
            }
            '[' => match bracket(rest, &mut output) {
                Some(after) => rest = after,
                // Left for the crate to complain about.
                None => output.push('['),
            },
            '*' if was_start => output.push_str("\\*"),
            '^' if was_start => {
                output.push('^');
                start = true;
            }
            '$' if rest.is_empty() || rest.starts_with("\\)") || rest.starts_with("\\|") => {
                output.push('$');
            }
            '(' | ')' | '{' | '}' | '+' | '?' | '|' | '^' | '$' => output.extend(['\\', character]),
            other => output.push(other),
        }
    }
    output
}

fn tidy_extended(pattern: &str) -> String {
    let mut output = String::new();
    let mut rest = pattern;
    let mut start = true;
    let mut open = 0usize;
    while let Some(character) = rest.chars().next() {
        rest = rest.get(character.len_utf8()..).unwrap_or_default();
        let was_start = core::mem::replace(&mut start, matches!(character, '(' | '|' | '^'));
        match character {
            // A parenthesis that closes nothing is itself.
            ')' if open == 0 => output.push_str("\\)"),
            '(' => {
                open += 1;
                output.push('(');
            }
            ')' => {
                open -= 1;
                output.push(')');
            }
            '\\' => {
                let Some(escaped) = rest.chars().next() else {
                    output.push_str("\\\\");
                    break;
                };
                rest = rest.get(escaped.len_utf8()..).unwrap_or_default();
                match escaped {
                    'w' | 'W' | 's' | 'S' | 'b' | 'B' => output.extend(['\\', escaped]),
                    '<' => output.push_str("\\b{start}"),
                    '>' => output.push_str("\\b{end}"),
                    other => output.push_str(&escape(other.encode_utf8(&mut [0; 4]))),
                }
            }
            '[' => match bracket(rest, &mut output) {
                Some(after) => rest = after,
                None => output.push('['),
            },
            // There is nothing to repeat.
            '*' | '+' | '?' if was_start => {}
            // Not the bounds of a repetition.
            '{' if was_start || !rest.starts_with(|c: char| c.is_ascii_digit() || c == ',') => {
                output.push_str("\\{");
            }
            other => output.push(other),
        }
    }
    output
}

#[cfg(test)]
mod tests {
    use super::{Conditions, Expression, Syntax};

    fn matches(pattern: &str, syntax: Syntax, line: &str) -> bool {
        Expression::new(&[pattern], syntax, Conditions::default())
            .expect("a valid pattern")
            .matches(line.as_bytes())
    }

    #[test]
    fn basic() {
        for (pattern, line, expected) in [
            ("b", "abc", true),
            ("^b", "abc", false),
            ("a.c$", "xabc", true),
            ("a*", "", true),
            ("*a", "*a", true),
            ("*a", "a", false),
            ("a\\{2\\}", "caat", true),
            ("a\\{2\\}", "cat", false),
            ("a{2}", "a{2}", true),
            ("\\(ab\\)*c", "ababc", true),
            ("a+b", "a+b", true),
            ("a\\+b", "aab", true),
            ("x\\|y", "y", true),
            ("a(b)", "a(b)", true),
            ("[a-c]x", "bx", true),
            ("[^a-c]x", "bx", false),
            ("[]x]", "]", true),
            ("[[:digit:]][[:alpha:]]", "7u", true),
            ("a\\.b", "axb", false),
            ("a^b$c", "a^b$c", true),
            ("\\<word\\>", "a word.", true),
            ("\\<word\\>", "swords", false),
            ("[\\n]", "n", true),
            ("[a&&b]", "&", true),
        ] {
            assert_eq!(matches(pattern, Syntax::Basic, line), expected, "{pattern} {line}");
        }
    }

    #[test]
    fn extended_and_fixed() {
        for (pattern, line, expected) in [
            ("a+b?c", "aac", true),
            ("(x|y){2}", "xy", true),
            ("a{", "a{", true),
            ("\\(", "(", true),
            ("^(a|b)$", "c", false),
        ] {
            assert_eq!(matches(pattern, Syntax::Extended, line), expected, "{pattern} {line}");
        }
        assert!(matches("a.c[*", Syntax::Fixed, "xa.c[*"));
        assert!(!matches("a.c", Syntax::Fixed, "abc"));
    }

    #[test]
    fn words_lines_and_case() {
        let with = |conditions, pattern: &str, line: &str| {
            Expression::new(&[pattern], Syntax::Basic, conditions)
                .expect("a valid pattern")
                .matches(line.as_bytes())
        };
        let word = Conditions { whole_word: true, ..Conditions::default() };
        assert!(with(word, "ab", "x ab y") && with(word, "ab", "ab") && !with(word, "ab", "abc"));
        let line = Conditions { whole_line: true, ..Conditions::default() };
        assert!(with(line, "a*", "aa") && !with(line, "a", "aa"));
        let case = Conditions { ignore_case: true, ..Conditions::default() };
        assert!(with(case, "aBc", "xAbC"));
    }

    #[test]
    fn errors_and_several_patterns() {
        let none = Conditions::default();
        assert!(Expression::new(&["\\(a"], Syntax::Basic, none).is_err());
        assert!(Expression::new(&["[a"], Syntax::Extended, none).is_err());
        let mut two = Expression::new(&["a", "b"], Syntax::Fixed, none).expect("valid");
        assert!(two.matches(b"xb") && !two.matches(b"c"));
        assert_eq!(two.find(b"xxbxa", 3), Some((4, 5)));
    }
}
