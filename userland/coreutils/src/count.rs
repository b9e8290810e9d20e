//! The counts of `head -n` and `tail -n`.

use alloc::boxed::Box;
use alloc::vec::Vec;

use rt::bstr::{BStr, ByteSlice};
use rt::number;

/// From which end a count goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Count {
    /// `5`: so many of the usual end.
    Plain(u64),
    /// `-5`: all but so many.
    Minus(u64),
    /// `+5`: from the fifth on.
    Plus(u64),
}

/// Reads a count with an optional sign and size suffix.
#[must_use]
pub fn parse(text: &BStr) -> Option<Count> {
    match text.as_bytes() {
        [b'-', rest @ ..] => number::size(rest).map(Count::Minus),
        [b'+', rest @ ..] => number::size(rest).map(Count::Plus),
        rest => number::size(rest).map(Count::Plain),
    }
}

/// Lets `-5` as the first argument stand for `-n 5`, as `head` and `tail` have always taken it;
/// with `plus` also `+5` for `-n +5`.
pub fn spell_out(
    arguments: impl Iterator<Item = &'static BStr>,
    plus: bool,
) -> impl Iterator<Item = &'static BStr> {
    arguments.enumerate().map(move |(index, argument)| {
        if index > 0 {
            return argument;
        }
        let (sign, digits) = match argument.as_bytes() {
            [b'-', digits @ ..] => (b"-n".as_slice(), digits),
            [b'+', digits @ ..] if plus => (b"-n+".as_slice(), digits),
            _ => return argument,
        };
        if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
            return argument;
        }
        // Arguments live as long as the program.
        let text: Vec<u8> = [sign, digits].concat();
        BStr::new(Box::leak(text.into_boxed_slice()))
    })
}

#[cfg(test)]
mod tests {
    use rt::bstr::BStr;

    use super::{Count, parse, spell_out};

    #[test]
    fn counts() {
        assert_eq!(parse(BStr::new("5")), Some(Count::Plain(5)));
        assert_eq!(parse(BStr::new("-2K")), Some(Count::Minus(2048)));
        assert_eq!(parse(BStr::new("+3")), Some(Count::Plus(3)));
        assert_eq!(parse(BStr::new("x")), None);
    }

    #[test]
    fn old_spelling() {
        for (first, plus, expected) in [
            ("-5", false, "-n5"),
            ("+3", true, "-n+3"),
            ("+3", false, "+3"),
            ("-", true, "-"),
            ("-c5", true, "-c5"),
        ] {
            let line = [first, "-5"].map(BStr::new);
            assert!(spell_out(line.into_iter(), plus).eq([expected, "-5"]), "{first}");
        }
    }
}
