//! `echo` and `printf`.

use alloc::string::ToString;
use alloc::vec::Vec;

use rt::bstr::{BString, ByteSlice};

use super::complain;
use crate::run::Flow;
use crate::shell::Shell;

/// `echo [-neE] [TEXT]...`
pub(super) fn echo(_shell: &mut Shell, arguments: &[BString]) -> Flow {
    rt::output::write(&rt::text::echo(arguments.get(1..).unwrap_or_default()));
    Ok(())
}

/// `printf FORMAT [ARGUMENT]...`: the format is used again as long as arguments are left.
pub(super) fn printf(shell: &mut Shell, arguments: &[BString]) -> Flow {
    let Some((format, mut rest)) = arguments.get(1..).and_then(<[BString]>::split_first) else {
        return complain(shell, arguments, 2, "usage: printf FORMAT [ARGUMENT]...");
    };
    let mut output = Vec::new();
    loop {
        let before = rest.len();
        let stopped = match format_once(format, &mut rest, &mut output) {
            Ok(stopped) => stopped,
            Err(message) => {
                rt::output::write(&output);
                return complain(shell, arguments, 1, message);
            }
        };
        if stopped || rest.is_empty() || rest.len() == before {
            break;
        }
    }
    rt::output::write(&output);
    Ok(())
}

/// Goes through the format once. True when `\c` said to stop.
fn format_once(
    format: &[u8],
    arguments: &mut &[BString],
    output: &mut Vec<u8>,
) -> Result<bool, BString> {
    let mut rest = format;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'\\' => match rt::text::escape(rest) {
                Some((bytes, after)) => {
                    output.extend_from_slice(bytes.as_slice());
                    rest = after;
                }
                None => return Ok(true),
            },
            b'%' if rest.first() == Some(&b'%') => {
                output.push(b'%');
                rest = rest.get(1..).unwrap_or_default();
            }
            b'%' => {
                let (conversion, after) = Conversion::parse(rest, arguments)?;
                rest = after;
                let argument = take(arguments);
                if conversion.apply(argument.as_ref(), output)? {
                    return Ok(true);
                }
            }
            byte => output.push(byte),
        }
    }
    Ok(false)
}

fn take(arguments: &mut &[BString]) -> Option<BString> {
    let (first, rest) = arguments.split_first()?;
    *arguments = rest;
    Some(first.clone())
}

/// What stands between `%` and the letter.
struct Conversion {
    left: bool,
    zeros: bool,
    sign: Option<u8>,
    alternative: bool,
    width: usize,
    precision: Option<usize>,
    letter: u8,
}

/// Wider output than this is refused.
const MAX_WIDTH: usize = 4096;

impl Conversion {
    fn parse<'f>(
        mut rest: &'f [u8],
        arguments: &mut &[BString],
    ) -> Result<(Self, &'f [u8]), BString> {
        let mut conversion = Self {
            left: false,
            zeros: false,
            sign: None,
            alternative: false,
            width: 0,
            precision: None,
            letter: 0,
        };
        while let Some((&flag, after)) = rest.split_first() {
            match flag {
                b'-' => conversion.left = true,
                b'0' => conversion.zeros = true,
                b'+' | b' ' => conversion.sign = Some(flag),
                b'#' => conversion.alternative = true,
                _ => break,
            }
            rest = after;
        }
        let mut number = |rest: &mut &'f [u8]| -> usize {
            if let Some(after) = rest.strip_prefix(b"*") {
                *rest = after;
                return take(arguments).and_then(|text| rt::number::decimal(&text)).unwrap_or(0)
                    as usize;
            }
            let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
            let (text, after) = rest.split_at(digits);
            *rest = after;
            rt::number::decimal(text).unwrap_or(0) as usize
        };
        conversion.width = number(&mut rest).min(MAX_WIDTH);
        if let Some(after) = rest.strip_prefix(b".") {
            rest = after;
            conversion.precision = Some(number(&mut rest).min(MAX_WIDTH));
        }
        match rest.split_first() {
            Some((&letter, after)) if b"sbcdiouxX".contains(&letter) => {
                conversion.letter = letter;
                Ok((conversion, after))
            }
            _ => Err("%: invalid directive".into()),
        }
    }

    /// Appends the argument as the conversion wants it; true when `%b` said to stop.
    fn apply(&self, argument: Option<&BString>, output: &mut Vec<u8>) -> Result<bool, BString> {
        let text = argument.map_or(b"".as_slice(), |argument| argument.as_slice());
        match self.letter {
            b's' => self.pad(b"", self.shorten(text), false, output),
            b'c' => self.pad(b"", text.get(..1).unwrap_or_default(), false, output),
            b'b' => {
                let (expanded, stopped) = rt::text::unescape(text);
                self.pad(b"", self.shorten(&expanded), false, output);
                return Ok(stopped);
            }
            letter => {
                let value = integer(text)?;
                let magnitude = if matches!(letter, b'd' | b'i') {
                    value.unsigned_abs().to_string()
                } else {
                    let bits = value as u64;
                    match letter {
                        b'o' => alloc::format!("{bits:o}"),
                        b'x' => alloc::format!("{bits:x}"),
                        b'X' => alloc::format!("{bits:X}"),
                        _ => bits.to_string(),
                    }
                };
                let mut prefix = Vec::new();
                match letter {
                    b'd' | b'i' if value < 0 => prefix.push(b'-'),
                    b'd' | b'i' => prefix.extend(self.sign),
                    b'x' if self.alternative && value != 0 => prefix.extend_from_slice(b"0x"),
                    b'X' if self.alternative && value != 0 => prefix.extend_from_slice(b"0X"),
                    b'o' if self.alternative => prefix.push(b'0'),
                    _ => {}
                }
                let least = self.precision.unwrap_or(0);
                let mut digits = Vec::from("0".repeat(least.saturating_sub(magnitude.len())));
                digits.extend_from_slice(magnitude.as_bytes());
                self.pad(&prefix, &digits, self.zeros && self.precision.is_none(), output);
            }
        }
        Ok(false)
    }

    fn shorten<'t>(&self, text: &'t [u8]) -> &'t [u8] {
        text.get(..self.precision.unwrap_or(usize::MAX)).unwrap_or(text)
    }

    fn pad(&self, prefix: &[u8], body: &[u8], zeros: bool, output: &mut Vec<u8>) {
        let used = prefix.len() + body.chars().count();
        let filler = self.width.saturating_sub(used);
        if !self.left && !zeros {
            output.extend(core::iter::repeat_n(b' ', filler));
        }
        output.extend_from_slice(prefix);
        if zeros && !self.left {
            output.extend(core::iter::repeat_n(b'0', filler));
        }
        output.extend_from_slice(body);
        if self.left {
            output.extend(core::iter::repeat_n(b' ', filler));
        }
    }
}

/// A number of C: decimal, octal, hexadecimal, or `'x` for the code of a character.
fn integer(text: &[u8]) -> Result<i64, BString> {
    if let [b'\'' | b'"', character, ..] = text {
        return Ok(i64::from(*character));
    }
    let trimmed = text.trim_ascii();
    let (negative, digits) = match trimmed {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits.strip_prefix(b"+").unwrap_or(digits)),
    };
    let (radix, digits) = match digits {
        [] if trimmed.is_empty() => return Ok(0),
        [b'0', b'x' | b'X', digits @ ..] => (16, digits),
        [b'0', digits @ ..] if !digits.is_empty() => (8, digits),
        digits => (10, digits),
    };
    let number = (digits.to_str().ok())
        .and_then(|digits| u64::from_str_radix(digits, radix).ok())
        .ok_or_else(|| {
            BString::from(alloc::format!("{}: expected numeric value", text.as_bstr()))
        })?;
    Ok(if negative { (number as i64).wrapping_neg() } else { number as i64 })
}
