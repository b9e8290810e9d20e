//! The filter of `ss` as it is written: conditions joined by `and`, `or`, `not` and parentheses
//! (ss(8), FILTER).
//!
//! `not` binds most closely, then `and`, which may be left out, then `or`. The signs `!`, `&` and
//! `|` mean the same, also without spaces around them.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::diag::Socket;
use super::filter::{Comparison, End, Filter, address, port};
use crate::interface;

/// Deeper parentheses than anybody writes.
const DEPTH_MAX: usize = 64;

/// What has to hold of a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expression {
    /// A condition.
    Test(Filter),
    /// The opposite.
    Not(Box<Self>),
    /// Each of them.
    All(Vec<Self>),
    /// One of them at least.
    Any(Vec<Self>),
}

impl Expression {
    /// Whether it holds of a socket.
    #[must_use]
    pub fn matches(&self, socket: &Socket) -> bool {
        match self {
            Self::Test(filter) => filter.matches(socket),
            Self::Not(inner) => !inner.matches(socket),
            Self::All(parts) => parts.iter().all(|part| part.matches(socket)),
            Self::Any(parts) => parts.iter().any(|part| part.matches(socket)),
        }
    }

    /// Reads the words of a command line; `None` when there is none.
    pub fn parse(words: &[String]) -> Result<Option<Self>, String> {
        let tokens: Vec<&str> = words.iter().flat_map(|word| tokens(word)).collect();
        if tokens.is_empty() {
            return Ok(None);
        }
        let mut parser = Parser { tokens: &tokens, depth: 0 };
        let expression = parser.any()?;
        match parser.peek() {
            None => Ok(Some(expression)),
            Some(token) => Err(no_filter(token)),
        }
    }
}

fn no_filter(token: &str) -> String {
    format!("Error: '{token}' is no filter.")
}

/// Cuts a word at spaces and at the signs that stand for themselves.
fn tokens(word: &str) -> impl Iterator<Item = &str> {
    let mut rest = word.trim_start();
    core::iter::from_fn(move || {
        let length = length(rest).filter(|length| *length > 0)?;
        let (token, after) = rest.split_at_checked(length)?;
        rest = after.trim_start();
        Some(token)
    })
}

fn length(text: &str) -> Option<usize> {
    let is_sign = |octet: u8| b"()!&|<>=".contains(&octet);
    let octets = text.as_bytes();
    Some(match octets {
        [] => return None,
        [b'!' | b'<' | b'>' | b'=', b'=', ..] | [b'&', b'&', ..] | [b'|', b'|', ..] => 2,
        [first, ..] if is_sign(*first) => 1,
        _ => octets
            .iter()
            .position(|&octet| is_sign(octet) || octet.is_ascii_whitespace())
            .unwrap_or(octets.len()),
    })
}

struct Parser<'a> {
    tokens: &'a [&'a str],
    depth: usize,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<&'a str> {
        self.tokens.first().copied()
    }

    fn next(&mut self) -> Option<&'a str> {
        let (first, rest) = self.tokens.split_first()?;
        self.tokens = rest;
        Some(first)
    }

    /// The next word, which belongs to `before`.
    fn value(&mut self, before: &str) -> Result<&'a str, String> {
        self.next().ok_or_else(|| format!("Error: something is missing after '{before}'."))
    }

    fn take(&mut self, wanted: &[&str]) -> bool {
        let found = self.peek().is_some_and(|token| wanted.contains(&token));
        if found {
            self.next();
        }
        found
    }

    fn any(&mut self) -> Result<Expression, String> {
        let first = self.all()?;
        let mut parts = alloc::vec![first];
        while self.take(&["or", "|", "||"]) {
            parts.push(self.all()?);
        }
        Ok(only(parts, Expression::Any))
    }

    fn all(&mut self) -> Result<Expression, String> {
        let mut parts = alloc::vec![self.one()?];
        while !matches!(self.peek(), None | Some("or" | "|" | "||" | ")")) {
            self.take(&["and", "&", "&&"]);
            parts.push(self.one()?);
        }
        Ok(only(parts, Expression::All))
    }

    fn one(&mut self) -> Result<Expression, String> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err("Error: the filter is nested too deeply.".into());
        }
        let expression = if self.take(&["not", "!"]) {
            Expression::Not(Box::new(self.one()?))
        } else if self.take(&["("]) {
            let inner = self.any()?;
            if !self.take(&[")"]) {
                return Err("Error: a parenthesis is not closed.".into());
            }
            inner
        } else {
            self.test()?
        };
        self.depth -= 1;
        Ok(expression)
    }

    /// A comparison, if one comes; otherwise equality is meant.
    fn comparison(&mut self) -> Comparison {
        let found = self.peek().and_then(Comparison::parse);
        if found.is_some() {
            self.next();
        }
        found.unwrap_or(Comparison::Equal)
    }

    /// Equality or its opposite, which is all that there is for what has no order.
    fn equality(&mut self, of: &str) -> Result<bool, String> {
        match self.comparison() {
            Comparison::Equal => Ok(true),
            Comparison::Different => Ok(false),
            _ => Err(format!("Error: '{of}' has no order.")),
        }
    }

    fn test(&mut self) -> Result<Expression, String> {
        let word = self.value("the last word")?;
        let (filter, positive) = match word {
            "sport" | "dport" => {
                let end = if word == "sport" { End::Local } else { End::Peer };
                let comparison = self.comparison();
                (Filter::Port(end, comparison, port(self.value(word)?)?), true)
            }
            "src" | "dst" => {
                let end = if word == "src" { End::Local } else { End::Peer };
                let positive = self.equality(word)?;
                (address(end, self.value(word)?)?, positive)
            }
            "dev" => {
                let positive = self.equality(word)?;
                let name = self.value(word)?;
                let index = interface::index_of(name)
                    .ok_or_else(|| format!("Error: there is no interface '{name}'."))?;
                (Filter::Interface(index), positive)
            }
            _ => return Err(no_filter(word)),
        };
        let test = Expression::Test(filter);
        Ok(if positive { test } else { Expression::Not(Box::new(test)) })
    }
}

/// A single part as it is, several ones joined.
fn only(mut parts: Vec<Expression>, join: fn(Vec<Expression>) -> Expression) -> Expression {
    match parts.pop() {
        Some(part) if parts.is_empty() => part,
        Some(part) => {
            parts.push(part);
            join(parts)
        }
        None => join(parts),
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::{String, ToString};
    use alloc::vec::Vec;

    use super::{Expression, tokens};
    use crate::ss::diag::Socket;
    use crate::ss::diag::tests::answer;

    fn parse(words: &[&str]) -> Result<Option<Expression>, String> {
        let words: Vec<String> = words.iter().map(ToString::to_string).collect();
        Expression::parse(&words)
    }

    #[test]
    fn signs_need_no_spaces() {
        let cut = |word| tokens(word).collect::<Vec<_>>();
        assert_eq!(
            cut("sport>=:80|(dst!=::1)"),
            ["sport", ">=", ":80", "|", "(", "dst", "!=", "::1", ")"]
        );
        assert_eq!(cut(" not  dport = 5 "), ["not", "dport", "=", "5"]);
        assert_eq!(cut(""), Vec::<&str>::new());
    }

    /// The socket is `[::1]:37712`, its peer `[::1]:5077`.
    #[test]
    fn what_holds() {
        let socket = Socket::parse(&answer()).unwrap();
        for (line, expected) in [
            ("dport = :5077", true),
            ("dport :5077 and sport = 37712", true),
            ("dport = :5077 sport = :1", false),
            ("sport = :1 or dport = :5077", true),
            // `and` binds more closely, on either side.
            ("sport = :1 and sport = :2 or dport = :5077", true),
            ("dport = :5077 or sport = :1 and sport = :2", true),
            ("( dport = :5077 or sport = :1 ) and sport = :2", false),
            ("not dport = :5077", false),
            ("not sport = :1 and dport = :5077", true),
            ("not ( sport = :1 or dport = :5077 )", false),
            ("! ! dport > 5000", true),
            ("dst != ::1", false),
            ("src [::1]:37712 && dst ::/0", true),
        ] {
            let whole = parse(&[line]).unwrap().unwrap();
            let words: Vec<&str> = line.split(' ').collect();
            assert_eq!(parse(&words), Ok(Some(whole.clone())), "{line}");
            assert_eq!(whole.matches(&socket), expected, "{line}");
        }
        assert_eq!(parse(&[]), Ok(None));
    }

    #[test]
    fn refusals() {
        for line in [
            "dport =",
            "dport = http",
            "dst nowhere",
            "foo",
            "and dst ::1",
            "dst ::1 and",
            "( dst ::1",
            "dst ::1 )",
            "not",
            "dst < ::1",
            "dport = 1 or",
            "dev nosuchinterface",
        ] {
            assert!(parse(&[line]).is_err(), "{line}");
        }
        let deep = "( ".repeat(100_000);
        assert!(parse(&[&deep]).is_err());
        let deep = "not ".repeat(100_000);
        assert!(parse(&[&deep]).is_err());
    }
}
