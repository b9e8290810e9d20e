//! `test` and `[`: conditions about files, strings and numbers (POSIX.1-2024, `test`).

use rt::bstr::{BStr, BString, ByteSlice};
use rt::rustix::fd::BorrowedFd;
use rt::rustix::fs::{Access, FileType, Stat, access, lstat, stat};
use rt::rustix::termios::isatty;

use crate::run::Flow;
use crate::shell::Shell;

/// `test EXPRESSION`, `[ EXPRESSION ]`: status 0 for true, 1 for false, 2 for nonsense.
pub(super) fn run(shell: &mut Shell, arguments: &[BString]) -> Flow {
    let mut expression = arguments.get(1..).unwrap_or_default();
    if arguments.first().is_some_and(|name| name == "[") {
        match expression.split_last() {
            Some((last, rest)) if last == "]" => expression = rest,
            _ => return super::complain(shell, arguments, 2, "missing ]"),
        }
    }
    match evaluate(expression) {
        Ok(value) => shell.status = u8::from(!value),
        Err(message) => return super::complain(shell, arguments, 2, message),
    }
    Ok(())
}

/// The value of an expression; an error says what is wrong with it.
pub fn evaluate(expression: &[BString]) -> Result<bool, BString> {
    // POSIX fixes what up to four arguments mean, whatever they look like.
    match expression {
        [] => return Ok(false),
        [text] => return Ok(!text.is_empty()),
        [not, text] if not == "!" => return Ok(text.is_empty()),
        [left, operator, right] if is_binary(operator) => return binary(left, operator, right),
        [not, rest @ ..] if not == "!" && rest.len() <= 3 => {
            return evaluate(rest).map(|value| !value);
        }
        [open, inside, close] if open == "(" && close == ")" => return Ok(!inside.is_empty()),
        _ => {}
    }
    let mut rest = expression;
    let value = disjunction(&mut rest, 0)?;
    match rest.first() {
        None => Ok(value),
        Some(word) => Err(alloc::format!("{word}: unexpected operator").into()),
    }
}

fn next_is(rest: &[BString], word: &str) -> bool {
    rest.first().is_some_and(|first| first == word)
}

fn disjunction(rest: &mut &[BString], depth: u32) -> Result<bool, BString> {
    let mut value = conjunction(rest, depth)?;
    while next_is(rest, "-o") {
        *rest = rest.get(1..).unwrap_or_default();
        value |= conjunction(rest, depth)?;
    }
    Ok(value)
}

fn conjunction(rest: &mut &[BString], depth: u32) -> Result<bool, BString> {
    let mut value = primary(rest, depth)?;
    while next_is(rest, "-a") {
        *rest = rest.get(1..).unwrap_or_default();
        value &= primary(rest, depth)?;
    }
    Ok(value)
}

fn primary(rest: &mut &[BString], depth: u32) -> Result<bool, BString> {
    if depth > 100 {
        return Err("expression nested too deep".into());
    }
    if let [left, operator, right, after @ ..] = *rest
        && is_binary(operator)
    {
        *rest = after;
        return binary(left, operator, right);
    }
    match *rest {
        [not, after @ ..] if not == "!" => {
            *rest = after;
            primary(rest, depth + 1).map(|value| !value)
        }
        [open, after @ ..] if open == "(" => {
            *rest = after;
            let value = disjunction(rest, depth + 1)?;
            if !next_is(rest, ")") {
                return Err("closing paren expected".into());
            }
            *rest = rest.get(1..).unwrap_or_default();
            Ok(value)
        }
        [operator, operand, after @ ..] if is_unary(operator) => {
            *rest = after;
            unary(operator, operand)
        }
        [text, after @ ..] => {
            *rest = after;
            Ok(!text.is_empty())
        }
        [] => Err("argument expected".into()),
    }
}

fn is_unary(operator: &BString) -> bool {
    matches!(operator.as_slice(), [b'-', letter] if b"bcdefghknprstuwxzLS".contains(letter))
}

fn is_binary(operator: &BString) -> bool {
    matches!(
        operator.as_slice(),
        b"=" | b"=="
            | b"!="
            | b"<"
            | b">"
            | b"-eq"
            | b"-ne"
            | b"-lt"
            | b"-le"
            | b"-gt"
            | b"-ge"
            | b"-nt"
            | b"-ot"
            | b"-ef"
    )
}

fn unary(operator: &BString, operand: &BString) -> Result<bool, BString> {
    let path = operand.as_bytes();
    let kind = |wanted: FileType| {
        stat(path).is_ok_and(|status| FileType::from_raw_mode(status.st_mode) == wanted)
    };
    let mode = |bit: u32| stat(path).is_ok_and(|status| status.st_mode & bit != 0);
    let may = |wanted: Access| access(path, wanted).is_ok();
    Ok(match operator.get(1).copied() {
        Some(b'n') => !operand.is_empty(),
        Some(b'z') => operand.is_empty(),
        Some(b'e') => stat(path).is_ok(),
        Some(b'f') => kind(FileType::RegularFile),
        Some(b'd') => kind(FileType::Directory),
        Some(b'b') => kind(FileType::BlockDevice),
        Some(b'c') => kind(FileType::CharacterDevice),
        Some(b'p') => kind(FileType::Fifo),
        Some(b'S') => kind(FileType::Socket),
        Some(b'h' | b'L') => lstat(path)
            .is_ok_and(|status| FileType::from_raw_mode(status.st_mode) == FileType::Symlink),
        Some(b's') => stat(path).is_ok_and(|status| status.st_size > 0),
        Some(b'r') => may(Access::READ_OK),
        Some(b'w') => may(Access::WRITE_OK),
        Some(b'x') => may(Access::EXEC_OK),
        Some(b'u') => mode(0o4000),
        Some(b'g') => mode(0o2000),
        Some(b'k') => mode(0o1000),
        Some(b't') => {
            let number = number(operand)?;
            // SAFETY: a descriptor that is not open is not a terminal.
            i32::try_from(number)
                .is_ok_and(|fd| fd >= 0 && isatty(unsafe { BorrowedFd::borrow_raw(fd) }))
        }
        _ => return Err(alloc::format!("{operator}: unexpected operator").into()),
    })
}

fn binary(left: &BString, operator: &BString, right: &BString) -> Result<bool, BString> {
    let newer = |a: &BString, b: &BString| match (stat(a.as_bytes()), stat(b.as_bytes())) {
        (Ok(a), Ok(b)) => modified(&a) > modified(&b),
        (Ok(_), Err(_)) => true,
        _ => false,
    };
    Ok(match operator.as_slice() {
        b"=" | b"==" => left == right,
        b"!=" => left != right,
        b"<" => left < right,
        b">" => left > right,
        b"-nt" => newer(left, right),
        b"-ot" => newer(right, left),
        b"-ef" => match (stat(left.as_bytes()), stat(right.as_bytes())) {
            (Ok(a), Ok(b)) => (a.st_dev, a.st_ino) == (b.st_dev, b.st_ino),
            _ => false,
        },
        numeric => {
            let (left, right) = (number(left)?, number(right)?);
            match numeric {
                b"-eq" => left == right,
                b"-ne" => left != right,
                b"-lt" => left < right,
                b"-le" => left <= right,
                b"-gt" => left > right,
                _ => left >= right,
            }
        }
    })
}

fn modified(status: &Stat) -> (i64, u64) {
    (status.st_mtime, status.st_mtime_nsec)
}

fn number(text: &BString) -> Result<i64, BString> {
    let wrong = || alloc::format!("Illegal number: {}", BStr::new(text)).into();
    text.trim_ascii().to_str().ok().and_then(|text| text.parse().ok()).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use rt::bstr::BString;

    use super::evaluate;

    #[test]
    fn strings_and_numbers() {
        for (text, expected) in [
            ("", Some(false)),
            ("a", Some(true)),
            ("! a", Some(false)),
            ("-n a", Some(true)),
            ("-z a", Some(false)),
            ("a = a", Some(true)),
            ("a != a", Some(false)),
            ("1 -lt 2", Some(true)),
            ("2 -le 1", Some(false)),
            ("! 1 -eq 1", Some(false)),
            ("a = a -a 1 -eq 2 -o x", Some(true)),
            ("( a = b -o c = c ) -a d", Some(true)),
            ("! ( a = a )", Some(false)),
            ("-n = -n", Some(true)),
            ("( a )", Some(true)),
            ("-d /", Some(true)),
            ("-f /", Some(false)),
            ("-e /nowhere", Some(false)),
            ("a b c d", None),
            ("x -eq 1", None),
        ] {
            let words: Vec<BString> = text.split_whitespace().map(BString::from).collect();
            assert_eq!(evaluate(&words).ok(), expected, "{text}");
        }
    }
}
