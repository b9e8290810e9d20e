//! From text to an expression.
//!
//! ```text
//! expression  term, then any number of `and term`, `or term`, from left to right
//! term        `not term`, `( expression )`, or a primitive
//! primitive   [protocol] [direction] [kind] value, or a protocol, or one of a few words, or
//!             header[offset:size] [& mask] comparison value
//! ```
//!
//! A value alone repeats the words before the last one: `port 80 or 443`.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::net::Ipv6Addr;

use super::field::Field;
use super::{Direction, Expression, Test};
use crate::host;
use crate::tcpdump::{icmpv6, link, tcp, udp};

/// How deep parentheses and `not` may be nested.
const DEEPEST: usize = 64;

/// Reads an expression; `None` when there is none, which every packet matches.
pub fn parse(text: &str) -> Result<Option<Expression>, String> {
    let tokens = tokens(text);
    if tokens.is_empty() {
        return Ok(None);
    }
    let mut parser = Parser { tokens: &tokens, at: 0, last: None };
    let expression = parser.expression(0)?;
    match parser.peek() {
        None => Ok(Some(expression)),
        Some(token) => Err(format!("syntax error at '{token}'")),
    }
}

/// Words; parentheses and operators are words of their own, and what stands in brackets belongs to
/// the word before.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens: Vec<String> = Vec::new();
    let mut word = String::new();
    let end = |word: &mut String, tokens: &mut Vec<String>| {
        if !word.is_empty() {
            tokens.push(core::mem::take(word));
        }
    };
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '(' | ')' => {
                end(&mut word, &mut tokens);
                tokens.push(character.to_string());
            }
            '!' | '=' | '<' | '>' | '&' | '|' => {
                end(&mut word, &mut tokens);
                let mut operator = character.to_string();
                let second = if matches!(character, '&' | '|') { character } else { '=' };
                operator.extend(characters.next_if_eq(&second));
                tokens.push(operator);
            }
            '[' => {
                if word.is_empty() {
                    word = tokens.pop().unwrap_or_default();
                }
                word.push(character);
                for inside in characters.by_ref() {
                    word.push(inside);
                    if inside == ']' {
                        break;
                    }
                }
                end(&mut word, &mut tokens);
            }
            character if character.is_whitespace() => end(&mut word, &mut tokens),
            character => word.push(character),
        }
    }
    end(&mut word, &mut tokens);
    tokens
}

/// What a protocol word restricts a primitive to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layer {
    Ethernet,
    Ipv6,
    Transport(u8),
}

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Host,
    Network,
    Port,
    PortRange,
    Protocol,
}

/// The words before a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Words {
    layer: Option<Layer>,
    direction: Option<Direction>,
    kind: Option<Kind>,
}

struct Parser<'a> {
    tokens: &'a [String],
    at: usize,
    /// The words of the last primitive with a value.
    last: Option<Words>,
}

/// The protocol of a word, and its number as a next header.
pub(super) fn protocol(word: &str) -> Option<u8> {
    Some(match word {
        "tcp" => tcp::NUMBER,
        "udp" => udp::NUMBER,
        "icmp6" | "ipv6-icmp" => icmpv6::NUMBER,
        "esp" => 50,
        "ah" => 51,
        "sctp" => 132,
        _ => return None,
    })
}

/// A number in decimal, or in hexadecimal after `0x`.
pub(super) fn number(word: &str) -> Option<u64> {
    match word.strip_prefix("0x") {
        Some(digits) if !digits.starts_with('+') => u64::from_str_radix(digits, 16).ok(),
        Some(_) => None,
        None => rt::number::decimal(word.as_bytes()),
    }
}

fn port(word: &str) -> Result<u16, String> {
    let number = number(word).and_then(|number| u16::try_from(number).ok());
    number.ok_or_else(|| format!("illegal port '{word}'"))
}

fn ethernet_address(word: &str) -> Option<[u8; 6]> {
    let mut address = [0; 6];
    let mut parts = word.split(':');
    for place in &mut address {
        let part = parts.next()?;
        if part.is_empty() || part.len() > 2 {
            return None;
        }
        *place = u8::from_str_radix(part, 16).ok()?;
    }
    parts.next().is_none().then_some(address)
}

/// The addresses of a host.
fn addresses(word: &str) -> Result<Vec<Ipv6Addr>, String> {
    let found = host::resolve_all(word).map_err(|error| format!("{word}: {error}"))?;
    Ok(found.iter().map(|address| *address.ip()).collect())
}

/// `2001:db8::/32`.
fn network(word: &str) -> Result<(Ipv6Addr, u8), String> {
    let wrong = || format!("illegal network '{word}'");
    let (prefix, length) = word.split_once('/').unwrap_or((word, "128"));
    let prefix: Ipv6Addr = prefix.parse().map_err(|_| wrong())?;
    let length = number(length).filter(|length| *length <= 128).ok_or_else(wrong)? as u8;
    if u32::from(length) < 128 - prefix.to_bits().trailing_zeros().min(128) {
        return Err(format!("non-network bits set in '{word}'"));
    }
    Ok((prefix, length))
}

impl Parser<'_> {
    fn peek(&self) -> Option<&str> {
        self.tokens.get(self.at).map(String::as_str)
    }

    fn accept(&mut self, words: &[&str]) -> bool {
        let found = self.peek().is_some_and(|word| words.contains(&word));
        self.at += usize::from(found);
        found
    }

    fn next(&mut self) -> Result<&str, String> {
        let word = self.tokens.get(self.at).ok_or("syntax error: the expression is incomplete")?;
        self.at += 1;
        Ok(word)
    }

    fn expression(&mut self, depth: usize) -> Result<Expression, String> {
        let mut left = self.term(depth)?;
        loop {
            let and = self.accept(&["and", "&&"]);
            if !and && !self.accept(&["or", "||"]) {
                return Ok(left);
            }
            let right = Box::new(self.term(depth)?);
            let before = Box::new(left);
            left = if and { Expression::And(before, right) } else { Expression::Or(before, right) };
        }
    }

    fn term(&mut self, depth: usize) -> Result<Expression, String> {
        if depth > DEEPEST {
            return Err("the expression is nested too deep".into());
        }
        if self.accept(&["not", "!"]) {
            return Ok(Expression::Not(Box::new(self.term(depth + 1)?)));
        }
        if self.accept(&["("]) {
            let inner = self.expression(depth + 1)?;
            if !self.accept(&[")"]) {
                return Err("syntax error: ')' is missing".into());
            }
            return Ok(inner);
        }
        self.primitive().map(Expression::Test)
    }

    /// `src or dst` and the like.
    fn direction(&mut self) -> Option<Direction> {
        let first = if self.accept(&["src"]) {
            Direction::Source
        } else if self.accept(&["dst"]) {
            Direction::Destination
        } else {
            return None;
        };
        let other = if first == Direction::Source { "dst" } else { "src" };
        let follows = |at: usize| self.tokens.get(at).map(String::as_str) == Some(other);
        let (word, joined) = (self.peek().unwrap_or_default(), follows(self.at + 1));
        let both = match word {
            "or" | "||" if joined => Direction::Either,
            "and" | "&&" if joined => Direction::Both,
            _ => return Some(first),
        };
        self.at += 2;
        Some(both)
    }

    fn kind(&mut self) -> Option<Kind> {
        let kind = match self.peek()? {
            "host" => Kind::Host,
            "net" => Kind::Network,
            "port" => Kind::Port,
            "portrange" => Kind::PortRange,
            "proto" => Kind::Protocol,
            _ => return None,
        };
        self.at += 1;
        Some(kind)
    }

    fn layer(&mut self) -> Option<Layer> {
        let layer = match self.peek()? {
            "ether" => Layer::Ethernet,
            "ip6" => Layer::Ipv6,
            word => Layer::Transport(protocol(word)?),
        };
        self.at += 1;
        Some(layer)
    }

    fn primitive(&mut self) -> Result<Test, String> {
        let words = self.tokens.get(self.at..).unwrap_or_default();
        if let Some((field, count)) = Field::parse(words)? {
            self.at += count;
            return Ok(Test::Field(field));
        }
        match self.peek() {
            Some("greater") => {
                self.at += 1;
                return self.length().map(Test::AtLeast);
            }
            Some("less") => {
                self.at += 1;
                return self.length().map(Test::AtMost);
            }
            Some("vlan") => {
                self.at += 1;
                let tag = self.peek().and_then(number);
                self.at += usize::from(tag.is_some());
                return match tag {
                    None => Ok(Test::Vlan(None)),
                    Some(tag @ 0..=4095) => Ok(Test::Vlan(Some(tag as u16))),
                    Some(tag) => Err(format!("illegal VLAN '{tag}'")),
                };
            }
            Some("multicast") => {
                self.at += 1;
                return Ok(Test::EthernetMulticast);
            }
            Some("ip") => {
                self.at += 1;
                return Ok(Test::Kind(0x0800));
            }
            Some("arp") => {
                self.at += 1;
                return Ok(Test::Kind(0x0806));
            }
            _ => {}
        }
        let layer = self.layer();
        if self.accept(&["multicast"]) {
            return match layer {
                Some(Layer::Ethernet) => Ok(Test::EthernetMulticast),
                Some(Layer::Ipv6) => Ok(Test::Multicast),
                _ => Err("syntax error at 'multicast'".into()),
            };
        }
        let direction = self.direction();
        let kind = self.kind();
        let mut words = Words { layer, direction, kind };
        if direction.is_none() && kind.is_none() {
            match layer {
                Some(Layer::Ipv6) => return Ok(Test::Kind(link::IPV6)),
                Some(Layer::Transport(number)) => return Ok(Test::Protocol(number)),
                Some(Layer::Ethernet) => return Err("syntax error after 'ether'".into()),
                None => {}
            }
            // A value alone.
            if let Some(last) = self.last {
                words = last;
            }
        }
        let value = self.next()?.to_string();
        if matches!(value.as_str(), "and" | "or" | "not" | "&&" | "||" | "!" | "(" | ")") {
            return Err(format!("syntax error at '{value}'"));
        }
        self.last = Some(words);
        Self::test(words, &value)
    }

    fn length(&mut self) -> Result<usize, String> {
        let word = self.next()?;
        let length = number(word).and_then(|length| usize::try_from(length).ok());
        length.ok_or_else(|| format!("illegal length '{word}'"))
    }

    fn test(words: Words, value: &str) -> Result<Test, String> {
        let direction = words.direction.unwrap_or_default();
        let transport = match words.layer {
            Some(Layer::Transport(number)) => Some(number),
            _ => None,
        };
        let has_ports = transport.is_none_or(|number| [tcp::NUMBER, udp::NUMBER].contains(&number))
            && words.layer != Some(Layer::Ethernet);
        match words.kind {
            Some(Kind::Port | Kind::PortRange) if !has_ports => {
                Err("ports are those of tcp or udp".into())
            }
            Some(Kind::Port) => {
                let port = port(value)?;
                Ok(Test::Port(direction, transport, port, port))
            }
            Some(Kind::PortRange) => {
                let (least, most) = value.split_once('-').unwrap_or((value, value));
                Ok(Test::Port(direction, transport, port(least)?, port(most)?))
            }
            Some(Kind::Protocol) if words.layer == Some(Layer::Ethernet) => {
                let kind = match value.trim_start_matches('\\') {
                    "ip6" => Some(link::IPV6),
                    "ip" => Some(0x0800),
                    "arp" => Some(0x0806),
                    word => number(word).and_then(|number| u16::try_from(number).ok()),
                };
                kind.map(Test::Kind).ok_or_else(|| format!("unknown protocol '{value}'"))
            }
            Some(Kind::Protocol) => {
                let word = value.trim_start_matches('\\');
                let found = protocol(word)
                    .or_else(|| number(word).and_then(|number| u8::try_from(number).ok()));
                found.map(Test::Protocol).ok_or_else(|| format!("unknown protocol '{value}'"))
            }
            _ if transport.is_some() => {
                Err(format!("'{value}' is neither a port nor a range of ports"))
            }
            Some(Kind::Network) => {
                let (prefix, length) = network(value)?;
                Ok(Test::Network(direction, prefix, length))
            }
            Some(Kind::Host) | None if words.layer == Some(Layer::Ethernet) => {
                ethernet_address(value)
                    .map(|address| Test::Ethernet(direction, address))
                    .ok_or_else(|| format!("illegal Ethernet address '{value}'"))
            }
            Some(Kind::Host) | None => Ok(Test::Host(direction, addresses(value)?)),
        }
    }
}

#[cfg(test)]
mod tests;
