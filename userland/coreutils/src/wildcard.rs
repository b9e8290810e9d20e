//! Patterns with `*`, `?`, `[...]` and `\`, as `find -name` takes them (`fnmatch(3)`).

/// Whether the pattern matches all of the text.
#[must_use]
pub fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut pattern, mut text) = (pattern, text);
    // Where to go on after the last `*` when what follows it does not match here.
    let mut retry: Option<(&[u8], &[u8])> = None;
    loop {
        let step = match (pattern.split_first(), text.split_first()) {
            (None, None) => return true,
            (Some((b'*', rest)), _) => {
                retry = Some((rest, text));
                Some((rest, text))
            }
            (Some((_, _)), Some((&byte, after))) => one(pattern, byte).map(|rest| (rest, after)),
            _ => None,
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

/// Matches one byte; what is left of the pattern when it fits.
fn one(pattern: &[u8], byte: u8) -> Option<&[u8]> {
    match pattern {
        [b'?', rest @ ..] => Some(rest),
        [b'\\', escaped, rest @ ..] => (*escaped == byte).then_some(rest),
        [b'[', inside @ ..] => match set(inside, byte) {
            Some((found, rest)) => found.then_some(rest),
            // Without its end it is no set.
            None => (byte == b'[').then_some(inside),
        },
        [literal, rest @ ..] => (*literal == byte).then_some(rest),
        [] => None,
    }
}

/// Whether a byte is in a set, and what comes after the set.
fn set(inside: &[u8], byte: u8) -> Option<(bool, &[u8])> {
    let (negated, mut rest) = match inside {
        [b'!' | b'^', rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    let (mut found, mut first) = (false, true);
    loop {
        match rest {
            [b']', after @ ..] if !first => return Some((found != negated, after)),
            [low, b'-', high, after @ ..] if *high != b']' => {
                found |= (*low..=*high).contains(&byte);
                rest = after;
            }
            [literal, after @ ..] => {
                found |= *literal == byte;
                rest = after;
            }
            [] => return None,
        }
        first = false;
    }
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn patterns() {
        for (pattern, text, expected) in [
            ("*.rs", "main.rs", true),
            ("*.rs", "main.rc", false),
            ("a?c", "abc", true),
            ("[a-c]*[!0-9]", "b1x", true),
            ("[a-c]*[!0-9]", "b1", false),
            ("\\*", "*", true),
            ("\\*", "x", false),
            ("[]]", "]", true),
            ("[x", "[x", true),
            ("*", "", true),
            ("", "a", false),
        ] {
            assert_eq!(matches(pattern.as_bytes(), text.as_bytes()), expected, "{pattern} {text}");
        }
        assert!(!matches("a*".repeat(30).as_bytes(), "b".repeat(1000).as_bytes()));
    }
}
