//! Words and the arguments they become.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use rt::bstr::{BStr, BString};

use super::{Environment, ExpansionError, pattern::Pattern, words};
use crate::syntax::parser::Parser;
use crate::syntax::{Command, List};

#[derive(Default)]
struct Fake {
    variables: BTreeMap<BString, BString>,
    positional: Vec<BString>,
    strict: bool,
}

impl Environment for Fake {
    fn parameter(&self, name: &BStr) -> Option<BString> {
        if name == "#" {
            return Some(self.positional.len().to_string().into());
        }
        self.variables.get(name).cloned()
    }
    fn positional(&self) -> &[BString] {
        &self.positional
    }
    fn assign(&mut self, name: &BStr, value: BString) -> Result<(), ExpansionError> {
        self.variables.insert(name.into(), value);
        Ok(())
    }
    fn command_output(&mut self, list: &List) -> Result<Vec<u8>, ExpansionError> {
        // The first command's own words, and a newline, stand for its output.
        match list.0.first().map(|item| &item.and_or.first.commands) {
            Some(commands) => match commands.first() {
                Some(Command::Simple(simple)) => {
                    let mut output = Vec::new();
                    for word in words(self, &simple.words)? {
                        output.extend_from_slice(&word);
                        output.push(b'\n');
                    }
                    Ok(output)
                }
                _ => Ok(b"compound\n".to_vec()),
            },
            None => Ok(Vec::new()),
        }
    }
    fn unset_is_error(&self) -> bool {
        self.strict
    }
    fn file_names(&self, pattern: &Pattern) -> Vec<BString> {
        (["a.c", "b.c", "c d", "x"].into_iter())
            .filter(|name| pattern.matches(name.as_bytes()))
            .map(BString::from)
            .collect()
    }
}

fn fake() -> Fake {
    let mut fake = Fake::default();
    for (name, value) in [
        ("x", "one two"),
        ("empty", ""),
        ("path", "/usr/lib/a.tar.gz"),
        ("n", "5"),
        ("HOME", "/home/me"),
        ("star", "*.c"),
    ] {
        fake.variables.insert(name.into(), value.into());
    }
    fake.positional = Vec::from(["p q".into(), "r".into()]);
    fake
}

fn expand(fake: &mut Fake, text: &str) -> Result<Vec<String>, String> {
    let list = Parser::new(text.as_bytes(), 0).next_line().map_err(|error| error.to_string())?;
    let list = list.unwrap_or_default();
    let Some(Command::Simple(simple)) =
        list.0.first().and_then(|i| i.and_or.first.commands.first())
    else {
        return Err("no simple command".into());
    };
    words(fake, &simple.words)
        .map(|words| words.iter().map(ToString::to_string).collect())
        .map_err(|ExpansionError(message)| message.to_string())
}

#[test]
fn arguments() {
    for (text, expected) in [
        ("a 'b c' \"d e\" f\\ g", &["a", "b c", "d e", "f g"][..]),
        ("$x \"$x\" '$x' \\$x", &["one", "two", "one two", "$x", "$x"]),
        ("a${x}b", &["aone", "twob"]),
        ("${x}_$x", &["one", "two_one", "two"]),
        ("$empty \"$empty\" ''", &["", ""]),
        ("$nothing a", &["a"]),
        ("\"$@\"", &["p q", "r"]),
        ("\"a$@b\"", &["ap q", "rb"]),
        ("$@", &["p", "q", "r"]),
        ("\"$*\"", &["p q r"]),
        ("$# $$x", &["2", "x"]),
        ("${nothing:-a b} \"${nothing-a b}\" ${empty:-e} ${empty-f}", &["a", "b", "a b", "e"]),
        ("${x:+set} ${nothing:+set}", &["set"]),
        ("${new=v} $new", &["v", "v"]),
        ("${#x} ${#nothing}", &["7", "0"]),
        (
            "${path##*/} ${path%.*} ${path%%.*} ${path#/*/}",
            &["a.tar.gz", "/usr/lib/a.tar", "/usr/lib/a", "lib/a.tar.gz"],
        ),
        ("$(echo a b) \"$(echo a b)\"", &["echo", "a", "b", "echo\na\nb"]),
        ("`echo \\`nested\\``", &["echo", "nested"]),
        ("$((n * 2 + 1)) $((n = 7)) $n", &["11", "7", "7"]),
        ("$(( (1 + 2) * 3 % 4 << 2 | 1 ))", &["5"]),
        ("$((n > 3 ? 1 : 0)) $((!n)) $((0x10 + 010))", &["1", "0", "24"]),
        ("$((1 || 1 / 0)) $((0 && 1 / 0))", &["1", "0"]),
        ("*.c", &["a.c", "b.c"]),
        ("'*.c' \"*.c\" \\*.c", &["*.c", "*.c", "*.c"]),
        ("$star \"$star\"", &["a.c", "b.c", "*.c"]),
        ("c*", &["c d"]),
        ("no*", &["no*"]),
        ("~ ~/x '~' a~", &["/home/me", "/home/me/x", "~", "a~"]),
        ("a#b #c", &["a#b"]),
        ("$ a$", &["$", "a$"]),
        ("\"\\$x \\a \\\"\"", &["$x \\a \""]),
    ] {
        let expected: Vec<String> = expected.iter().map(ToString::to_string).collect();
        assert_eq!(expand(&mut fake(), text), Ok(expected), "{text}");
    }
}

#[test]
fn fields_split_at_other_separators() {
    let mut fake = fake();
    fake.variables.insert("IFS".into(), ": ".into());
    fake.variables.insert("p".into(), "a::b : c:".into());
    let expected: Vec<String> = ["a", "", "b", "c"].map(String::from).into();
    assert_eq!(expand(&mut fake, "$p"), Ok(expected));
}

#[test]
fn errors() {
    let mut strict = fake();
    strict.strict = true;
    assert_eq!(expand(&mut strict, "$nothing"), Err("nothing: parameter not set".into()));
    for (text, message) in [
        ("${nothing:?}", "nothing: parameter not set"),
        ("${nothing?no way}", "nothing: no way"),
        ("$((1 / 0))", "arithmetic expression: division by zero"),
        ("$((1 +))", "arithmetic expression: syntax error: \"1 +\""),
        ("$((x))", "Illegal number: one two"),
    ] {
        assert_eq!(expand(&mut fake(), text), Err(message.into()), "{text}");
    }
}
