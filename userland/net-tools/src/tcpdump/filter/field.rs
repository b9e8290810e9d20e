//! Questions about octets of a header: `ip6[6] == 58`, `tcp[tcpflags] & (tcp-syn|tcp-rst) != 0`.

use alloc::format;
use alloc::string::String;

use super::parser::{number, protocol};
use super::view::View;

/// The header that an offset counts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Base {
    /// Ethernet's.
    Ethernet,
    /// IPv6's.
    Ipv6,
    /// That of a transport protocol, wherever it begins.
    Transport(u8),
}

/// How the field and the value are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `=` or `==`
    Equal,
    /// `!=`
    Different,
    /// `>`
    Greater,
    /// `>=`
    AtLeast,
    /// `<`
    Less,
    /// `<=`
    AtMost,
}

/// A field of one, two or four octets and what it has to be. A packet without it does not match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// What the offset counts from.
    pub base: Base,
    /// Where the field begins, in octets.
    pub offset: u16,
    /// How many octets it has: 1, 2 or 4.
    pub size: u8,
    /// The bits that are compared.
    pub mask: u32,
    /// How they are.
    pub comparison: Comparison,
    /// With what.
    pub value: u32,
}

/// Names of offsets (pcap-filter(7)).
const OFFSETS: [(&str, u16); 3] = [("tcpflags", 13), ("icmp6type", 0), ("icmp6code", 1)];

/// Names of values (pcap-filter(7)).
const VALUES: [(&str, u32); 23] = [
    ("tcp-fin", 0x01),
    ("tcp-syn", 0x02),
    ("tcp-rst", 0x04),
    ("tcp-push", 0x08),
    ("tcp-ack", 0x10),
    ("tcp-urg", 0x20),
    ("tcp-ece", 0x40),
    ("tcp-cwr", 0x80),
    ("icmp6-destinationrunreach", 1),
    ("icmp6-packettoobig", 2),
    ("icmp6-timeexceeded", 3),
    ("icmp6-parameterproblem", 4),
    ("icmp6-echo", 128),
    ("icmp6-echoreply", 129),
    ("icmp6-multicastlistenerquery", 130),
    ("icmp6-multicastlistenerreportv1", 131),
    ("icmp6-multicastlistenerdone", 132),
    ("icmp6-routersolicit", 133),
    ("icmp6-routeradvert", 134),
    ("icmp6-neighborsolicit", 135),
    ("icmp6-neighboradvert", 136),
    ("icmp6-redirect", 137),
    ("icmp6-multicastlistenerreportv2", 143),
];

impl Field {
    /// Reads words that begin with one such as `tcp[13]`; `None` when they do not. With it comes
    /// how many words there were.
    pub fn parse(words: &[String]) -> Result<Option<(Self, usize)>, String> {
        let Some((name, place)) = words.first().and_then(|word| word.split_once('[')) else {
            return Ok(None);
        };
        let place = place.strip_suffix(']').ok_or("syntax error: ']' is missing")?;
        let base = match name {
            "ether" => Base::Ethernet,
            "ip6" => Base::Ipv6,
            name => {
                let found = protocol(name).map(Base::Transport);
                found.ok_or_else(|| format!("there is no header '{name}'"))?
            }
        };
        let (offset, size) = place.split_once(':').unwrap_or((place, "1"));
        let (offset, size) = (offset.trim(), size.trim());
        let known = OFFSETS.iter().find_map(|(name, value)| (*name == offset).then_some(*value));
        let offset = known
            .or_else(|| number(offset).and_then(|number| u16::try_from(number).ok()))
            .ok_or_else(|| format!("illegal offset '{offset}'"))?;
        let size = match size {
            "1" => 1,
            "2" => 2,
            "4" => 4,
            _ => return Err("data size must be 1, 2, or 4".into()),
        };
        let mut rest = Words(words.get(1..).unwrap_or_default());
        let mask = if rest.accept("&") { rest.operand()? } else { u32::MAX };
        let comparison = match rest.next()? {
            "=" | "==" => Comparison::Equal,
            "!=" => Comparison::Different,
            ">" => Comparison::Greater,
            ">=" => Comparison::AtLeast,
            "<" => Comparison::Less,
            "<=" => Comparison::AtMost,
            word => return Err(format!("syntax error at '{word}'")),
        };
        let value = rest.operand()?;
        let field = Self { base, offset, size, mask, comparison, value };
        Ok(Some((field, words.len() - rest.0.len())))
    }

    /// Whether the packet has it.
    #[must_use]
    pub fn holds(&self, packet: &View<'_>) -> bool {
        let Some(start) = packet.start(self.base) else { return false };
        let octets = packet.octets.get(start + usize::from(self.offset)..);
        let Some(octets) = octets.and_then(|rest| rest.get(..self.size.into())) else {
            return false;
        };
        let field = octets.iter().fold(0, |sum, octet| sum << 8 | u32::from(*octet)) & self.mask;
        match self.comparison {
            Comparison::Equal => field == self.value,
            Comparison::Different => field != self.value,
            Comparison::Greater => field > self.value,
            Comparison::AtLeast => field >= self.value,
            Comparison::Less => field < self.value,
            Comparison::AtMost => field <= self.value,
        }
    }
}

/// Words that are left.
struct Words<'a>(&'a [String]);

impl<'a> Words<'a> {
    fn next(&mut self) -> Result<&'a str, String> {
        let incomplete = "syntax error: the expression is incomplete";
        let (first, rest) = self.0.split_first().ok_or(incomplete)?;
        self.0 = rest;
        Ok(first)
    }

    fn accept(&mut self, word: &str) -> bool {
        let found = self.0.first().is_some_and(|first| first == word);
        if found {
            self.0 = self.0.get(1..).unwrap_or_default();
        }
        found
    }

    /// Numbers or names, joined by `|`, perhaps in parentheses.
    fn operand(&mut self) -> Result<u32, String> {
        let enclosed = self.accept("(");
        let mut value = 0;
        loop {
            let word = self.next()?;
            let known = VALUES.iter().find_map(|(name, value)| (*name == word).then_some(*value));
            value |= known
                .or_else(|| number(word).and_then(|number| u32::try_from(number).ok()))
                .ok_or_else(|| format!("syntax error at '{word}'"))?;
            if !self.accept("|") {
                break;
            }
        }
        if enclosed && !self.accept(")") {
            return Err("syntax error: ')' is missing".into());
        }
        Ok(value)
    }
}
