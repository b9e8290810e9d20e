//! `export`, `readonly`, `local`, `unset`, `read`.

use alloc::format;
use alloc::vec::Vec;

use rt::bstr::{BStr, BString, ByteSlice};
use rt::rustix::io::Errno;

use super::complain;
use crate::expand::{Environment, ExpansionError};
use crate::run::Flow;
use crate::shell::{Shell, Variable};
use crate::syntax::is_name;

/// A value as it can be typed: in single quotes when it needs them.
#[must_use]
pub fn quoted(value: &BStr) -> BString {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"_./:,+-@%^=".contains(byte);
    if !value.is_empty() && value.iter().all(plain) {
        return value.into();
    }
    format!("'{}'", BString::from(value.replace("'", "'\\''"))).into()
}

/// `NAME=value` or `NAME` taken apart; an error when it is neither.
fn take_apart(argument: &BString) -> Result<(&BStr, Option<BString>), ExpansionError> {
    let mut halves = argument.splitn(2, |&byte| byte == b'=');
    let name = halves.next().unwrap_or_default().as_bstr();
    if !is_name(name) {
        return Err(ExpansionError(format!("{name}: bad variable name").into()));
    }
    Ok((name, halves.next().map(BString::from)))
}

/// Sets each variable named, and lets `mark` change its attributes.
fn declare(shell: &mut Shell, arguments: &[BString], mark: fn(&mut Variable)) -> Flow {
    for argument in arguments.get(1..).unwrap_or_default() {
        let result = take_apart(argument).and_then(|(name, value)| {
            shell.change(name, |variable| {
                if value.is_some() {
                    variable.value = value;
                }
                mark(variable);
            })
        });
        if let Err(error) = result {
            complain(shell, arguments, 2, error.0)?;
        }
    }
    Ok(())
}

fn show(shell: &Shell, command: &str, wanted: fn(&Variable) -> bool) {
    for (name, variable) in shell.variables().filter(|(_, variable)| wanted(variable)) {
        match &variable.value {
            Some(value) => rt::println!("{command} {name}={}", quoted(value.as_bstr())),
            None => rt::println!("{command} {name}"),
        }
    }
}

/// `export [-p] [NAME[=VALUE]]...`
pub(super) fn export(shell: &mut Shell, arguments: &[BString]) -> Flow {
    if arguments.get(1).is_none_or(|first| first == "-p") {
        show(shell, "export", |variable| variable.exported);
        return Ok(());
    }
    declare(shell, arguments, |variable| variable.exported = true)
}

/// `readonly [NAME[=VALUE]]...`
pub(super) fn read_only(shell: &mut Shell, arguments: &[BString]) -> Flow {
    if arguments.len() == 1 {
        show(shell, "readonly", |variable| variable.read_only);
        return Ok(());
    }
    declare(shell, arguments, |variable| variable.read_only = true)
}

/// `local [NAME[=VALUE]]...`
pub(super) fn local(shell: &mut Shell, arguments: &[BString]) -> Flow {
    for argument in arguments.get(1..).unwrap_or_default() {
        let hidden = take_apart(argument).map(|(name, value)| (shell.hide(name), name, value));
        match hidden {
            Ok((true, name, Some(value))) => {
                if let Err(error) = shell.assign(name, value) {
                    complain(shell, arguments, 2, error.0)?;
                }
            }
            Ok((true, _, None)) => {}
            Ok((false, ..)) => return complain(shell, arguments, 1, "not in a function"),
            Err(error) => complain(shell, arguments, 2, error.0)?,
        }
    }
    Ok(())
}

/// `unset [-fv] NAME...`
pub(super) fn unset(shell: &mut Shell, arguments: &[BString]) -> Flow {
    let mut functions = false;
    for argument in arguments.get(1..).unwrap_or_default() {
        match argument.as_slice() {
            b"-f" => functions = true,
            b"-v" => functions = false,
            _ if functions => {
                shell.functions.remove(argument);
            }
            _ => {
                if let Err(error) = shell.unset(argument.as_bstr()) {
                    complain(shell, arguments, 2, error.0)?;
                }
            }
        }
    }
    Ok(())
}

/// `read [-r] [-p PROMPT] [NAME]...`: status 1 at the end of the input.
pub(super) fn read(shell: &mut Shell, arguments: &[BString]) -> Flow {
    let mut raw = false;
    let mut names = arguments.get(1..).unwrap_or_default();
    while let Some((first, rest)) = names.split_first() {
        match first.as_slice() {
            b"-r" => raw = true,
            b"-p" => {
                let Some((prompt, rest)) = rest.split_first() else {
                    return complain(shell, arguments, 2, "-p requires an argument");
                };
                rt::eprint!("{prompt}");
                names = rest;
                continue;
            }
            b"--" => {
                names = rest;
                break;
            }
            [b'-', ..] => {
                return complain(shell, arguments, 2, format_args!("Illegal option {first}"));
            }
            _ => break,
        }
        names = rest;
    }
    let (line, ended) = match read_line(raw) {
        Ok(line) => line,
        Err(Errno::INTR) => {
            shell.status = 130;
            return Ok(());
        }
        Err(error) => return complain(shell, arguments, 1, rt::strerror(error)),
    };
    let ifs = shell.variable("IFS").cloned().unwrap_or_default();
    let default = [BString::from("REPLY")];
    let names = if names.is_empty() { &default } else { names };
    let mut rest = line.as_slice();
    for (index, name) in names.iter().enumerate() {
        let value = next_field(&mut rest, &ifs, index + 1 == names.len());
        if let Err(error) = shell.assign(name.as_bstr(), value) {
            return complain(shell, arguments, 2, error.0);
        }
    }
    shell.status = u8::from(ended);
    Ok(())
}

/// A byte of the line and whether a backslash stood before it.
type Character = (u8, bool);

/// Reads byte by byte, because what follows the line is for others.
fn read_line(raw: bool) -> Result<(Vec<Character>, bool), Errno> {
    let mut line = Vec::new();
    let mut escaped = false;
    loop {
        let mut byte = [0];
        if rt::rustix::io::read(rt::input::stdin(), &mut byte)? == 0 {
            return Ok((line, true));
        }
        match byte {
            [b'\n'] if escaped => escaped = false,
            [b'\n'] => return Ok((line, false)),
            [b'\\'] if !raw && !escaped => escaped = true,
            [byte] => {
                line.push((byte, escaped));
                escaped = false;
            }
        }
    }
}

/// Takes the next field off the line; the last variable gets all that is left.
fn next_field(rest: &mut &[Character], ifs: &[u8], last: bool) -> BString {
    let separates = |(byte, escaped): &Character| !escaped && ifs.contains(byte);
    let white = |character: &Character| separates(character) && character.0.is_ascii_whitespace();
    while rest.first().is_some_and(white) {
        *rest = rest.get(1..).unwrap_or_default();
    }
    let length = if last {
        rest.len() - rest.iter().rev().take_while(|character| white(character)).count()
    } else {
        rest.iter().take_while(|character| !separates(character)).count()
    };
    let (field, after) = rest.split_at(length);
    let mut after = after;
    // The separator goes with the field: white space, at most one other, white space.
    while after.first().is_some_and(white) {
        after = after.get(1..).unwrap_or_default();
    }
    if !last && after.first().is_some_and(|character| separates(character) && !white(character)) {
        after = after.get(1..).unwrap_or_default();
    }
    *rest = after;
    field.iter().map(|(byte, _)| *byte).collect::<Vec<u8>>().into()
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use rt::bstr::BStr;

    use super::{next_field, quoted};

    #[test]
    fn values_in_quotes() {
        for (value, expected) in
            [("a/b", "a/b"), ("", "''"), ("a b", "'a b'"), ("it's", "'it'\\''s'")]
        {
            assert_eq!(quoted(BStr::new(value)), expected);
        }
    }

    #[test]
    fn a_line_is_split_among_variables() {
        let line: Vec<(u8, bool)> = b"  a b:: c d  ".iter().map(|&byte| (byte, false)).collect();
        let mut rest = line.as_slice();
        let fields: Vec<_> = (0..4).map(|index| next_field(&mut rest, b" :", index == 3)).collect();
        assert_eq!(fields, ["a", "b", "", "c d"]);
    }
}
