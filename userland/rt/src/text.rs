//! Backslash escapes in text, and `echo`.

use alloc::vec::Vec;

/// What `echo` prints for its arguments. Options are `-n` (no newline), `-e` (escapes mean
/// something) and `-E` (they don't: the default); anything else is text.
#[must_use]
pub fn echo<S: AsRef<[u8]>>(arguments: &[S]) -> Vec<u8> {
    let (mut newline, mut escapes) = (true, false);
    let mut rest = arguments;
    while let Some((first, after)) = rest.split_first() {
        match first.as_ref() {
            [b'-', letters @ ..]
                if !letters.is_empty() && letters.iter().all(|l| b"neE".contains(l)) =>
            {
                for letter in letters {
                    match letter {
                        b'n' => newline = false,
                        b'e' => escapes = true,
                        _ => escapes = false,
                    }
                }
            }
            _ => break,
        }
        rest = after;
    }
    let mut output = Vec::new();
    for (index, argument) in rest.iter().enumerate() {
        if index > 0 {
            output.push(b' ');
        }
        if escapes {
            let (text, stopped) = unescape(argument.as_ref());
            output.extend_from_slice(&text);
            if stopped {
                return output;
            }
        } else {
            output.extend_from_slice(argument.as_ref());
        }
    }
    if newline {
        output.push(b'\n');
    }
    output
}

/// Replaces the escapes in a text. True when `\c` cut it short.
#[must_use]
pub fn unescape(text: &[u8]) -> (Vec<u8>, bool) {
    let mut output = Vec::new();
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'\\' {
            output.push(byte);
            continue;
        }
        match escape(rest) {
            Some((bytes, after)) => {
                output.extend_from_slice(bytes.as_slice());
                rest = after;
            }
            None => return (output, true),
        }
    }
    (output, false)
}

/// One or two bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Escaped([u8; 2], usize);

impl Escaped {
    const fn one(byte: u8) -> Self {
        Self([byte, 0], 1)
    }

    /// The bytes.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        self.0.get(..self.1).unwrap_or_default()
    }
}

/// Reads what follows a backslash: the bytes it stands for and what comes after. An unknown escape
/// stands for itself. `None` for `\c`: nothing comes after it.
#[must_use]
pub fn escape(text: &[u8]) -> Option<(Escaped, &[u8])> {
    let Some((&letter, rest)) = text.split_first() else {
        return Some((Escaped::one(b'\\'), text));
    };
    let byte = match letter {
        b'a' => 0x07,
        b'b' => 0x08,
        b'c' => return None,
        b'e' => 0x1b,
        b'f' => 0x0c,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'v' => 0x0b,
        b'\\' => b'\\',
        b'0' => return Some(digits(rest, 3, 8)),
        b'1'..=b'7' => return Some(digits(text, 3, 8)),
        b'x' if rest.first().is_some_and(u8::is_ascii_hexdigit) => {
            return Some(digits(rest, 2, 16));
        }
        other => return Some((Escaped([b'\\', other], 2), rest)),
    };
    Some((Escaped::one(byte), rest))
}

fn digits(text: &[u8], most: usize, radix: u32) -> (Escaped, &[u8]) {
    let mut value = 0u32;
    let mut rest = text;
    for _ in 0..most {
        let Some((&byte, after)) = rest.split_first() else { break };
        let Some(digit) = char::from(byte).to_digit(radix) else { break };
        value = value * radix + digit;
        rest = after;
    }
    (Escaped::one(value as u8), rest)
}

#[cfg(test)]
mod tests {
    use super::{echo, unescape};

    #[test]
    fn escapes() {
        for (text, expected) in [
            ("a\\tb\\n", &b"a\tb\n"[..]),
            ("\\x41\\0101\\101", b"AAA"),
            ("\\q\\", b"\\q\\"),
            ("\\0", b"\0"),
        ] {
            assert_eq!(unescape(text.as_bytes()), (expected.into(), false), "{text}");
        }
        assert_eq!(unescape(b"a\\cb"), (b"a".into(), true));
    }

    #[test]
    fn echo_options() {
        for (arguments, expected) in [
            (&["a", "b"][..], "a b\n"),
            (&["-n", "a"], "a"),
            (&["-e", "a\\n"], "a\n\n"),
            (&["-ne", "a\\cb", "c"], "a"),
            (&["-x"], "-x\n"),
            (&["-"], "-\n"),
            (&["a", "-n"], "a -n\n"),
            (&[], "\n"),
        ] {
            assert_eq!(echo(arguments), expected.as_bytes(), "{arguments:?}");
        }
    }
}
