//! The sets of `tr`: ranges, classes, escapes (POSIX.1-2024, `tr`).

use alloc::vec::Vec;

/// Why a set is not one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SetError {
    /// `z-a`
    Reversed(u8, u8),
    /// `[:nonsense:]`
    UnknownClass(Vec<u8>),
}

/// The bytes of a set in order. `[x*]` is not among what it knows.
pub fn expand(text: &[u8]) -> Result<Vec<u8>, SetError> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        if let Some(inside) = rest.strip_prefix(b"[:")
            && let Some(end) = inside.windows(2).position(|pair| pair == b":]")
        {
            let (name, after) = inside.split_at(end);
            bytes.extend(class(name)?);
            rest = after.get(2..).unwrap_or_default();
            continue;
        }
        let (first, after) = character(rest);
        rest = after;
        if let Some(after) = rest.strip_prefix(b"-")
            && !after.is_empty()
        {
            let (last, after) = character(after);
            if last < first {
                return Err(SetError::Reversed(first, last));
            }
            bytes.extend(first..=last);
            rest = after;
            continue;
        }
        bytes.push(first);
    }
    Ok(bytes)
}

/// The bytes that are not in a set.
#[must_use]
pub fn complement(set: &[u8]) -> Vec<u8> {
    (0..=255).filter(|byte| !set.contains(byte)).collect()
}

fn character(text: &[u8]) -> (u8, &[u8]) {
    match text {
        [b'\\', rest @ ..] => match rt::text::escape(rest) {
            Some((escaped, after)) => match escaped.as_slice() {
                // An unknown escape is the character itself.
                [_, byte] | [byte] => (*byte, after),
                _ => (b'\\', after),
            },
            None => (b'c', rest.get(1..).unwrap_or_default()),
        },
        [byte, rest @ ..] => (*byte, rest),
        [] => (0, text),
    }
}

fn class(name: &[u8]) -> Result<Vec<u8>, SetError> {
    let test: fn(&u8) -> bool = match name {
        b"alnum" => u8::is_ascii_alphanumeric,
        b"alpha" => u8::is_ascii_alphabetic,
        b"blank" => |byte| matches!(byte, b' ' | b'\t'),
        b"cntrl" => u8::is_ascii_control,
        b"digit" => u8::is_ascii_digit,
        b"graph" => u8::is_ascii_graphic,
        b"lower" => u8::is_ascii_lowercase,
        b"print" => |byte| matches!(byte, 0x20..=0x7e),
        b"punct" => u8::is_ascii_punctuation,
        b"space" => |byte| matches!(byte, b'\t'..=b'\r' | b' '),
        b"upper" => u8::is_ascii_uppercase,
        b"xdigit" => u8::is_ascii_hexdigit,
        _ => return Err(SetError::UnknownClass(name.into())),
    };
    Ok((0..=255).filter(test).collect())
}

#[cfg(test)]
mod tests {
    use super::{SetError, complement, expand};

    #[test]
    fn sets() {
        assert_eq!(expand(b"a-dz"), Ok(b"abcdz".into()));
        assert_eq!(expand(b"[:digit:]-"), Ok(b"0123456789-".into()));
        assert_eq!(expand(b"\\n\\t\\\\\\101"), Ok(b"\n\t\\A".into()));
        assert_eq!(expand(b"z-a"), Err(SetError::Reversed(b'z', b'a')));
        assert_eq!(expand(b"[:x:]"), Err(SetError::UnknownClass(b"x".into())));
        assert_eq!(complement(b"abc").len(), 253);
    }
}
