//! Which sockets are shown: states and addresses (ss(8)).

use alloc::format;
use alloc::string::String;
use core::net::Ipv6Addr;

use super::diag::{Socket, State};
use crate::host;

/// A set of states: bit n is state n.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct States(u32);

/// All that there are.
const ALL: u32 = 0b1_1111_1111_1110;

const fn bit(state: State) -> u32 {
    1 << state.0
}

impl States {
    /// Every state.
    pub const ALL: Self = Self(ALL);
    /// Sockets that wait: for connections, for anything.
    pub const WAITING: Self = Self(bit(State::LISTEN) | bit(State::CLOSED));
    /// What is shown when nothing else is asked for: connections.
    pub const CONNECTED: Self =
        Self(ALL & !(bit(State::LISTEN) | bit(State::CLOSED) | bit(State::TIME_WAIT) | 1 << 3));

    /// The bits.
    #[must_use]
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// Whether there is no more than one, whose column is left out.
    #[must_use]
    pub const fn is_single(self) -> bool {
        self.0.is_power_of_two()
    }

    /// Both.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The first without the second.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// What a word after `state` or `exclude` means.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "all" => Self::ALL,
            "connected" => Self(ALL & !(bit(State::LISTEN) | bit(State::CLOSED))),
            "synchronized" => Self(ALL & !(bit(State::LISTEN) | bit(State::CLOSED) | 1 << 2)),
            "bucket" => Self(1 << 3 | bit(State::TIME_WAIT)),
            "big" => Self(ALL & !(1 << 3 | bit(State::TIME_WAIT))),
            "established" | "estab" => Self(bit(State::ESTABLISHED)),
            "syn-sent" => Self(1 << 2),
            "syn-recv" | "syn-rcv" => Self(1 << 3),
            "fin-wait-1" => Self(1 << 4),
            "fin-wait-2" => Self(1 << 5),
            "time-wait" => Self(bit(State::TIME_WAIT)),
            "closed" | "unconnected" => Self(bit(State::CLOSED)),
            "close-wait" => Self(1 << 8),
            "last-ack" => Self(1 << 9),
            "listening" | "listen" => Self(bit(State::LISTEN)),
            "closing" => Self(1 << 11),
            _ => return None,
        })
    }
}

/// How a port compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// It is this one.
    Equal,
    /// It is another one.
    Different,
    /// It is this one or a lower one.
    AtMost,
    /// It is this one or a higher one.
    AtLeast,
    /// It is lower.
    Less,
    /// It is higher.
    Greater,
}

impl Comparison {
    /// What a sign or a word means.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "=" | "==" | "eq" => Self::Equal,
            "!=" | "ne" | "neq" => Self::Different,
            "<=" | "le" | "leq" => Self::AtMost,
            ">=" | "ge" | "geq" => Self::AtLeast,
            "<" | "lt" => Self::Less,
            ">" | "gt" => Self::Greater,
            _ => return None,
        })
    }

    fn holds(self, left: u16, right: u16) -> bool {
        match self {
            Self::Equal => left == right,
            Self::Different => left != right,
            Self::AtMost => left <= right,
            Self::AtLeast => left >= right,
            Self::Less => left < right,
            Self::Greater => left > right,
        }
    }
}

/// Which end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The local one: `src`, `sport`.
    Local,
    /// The remote one: `dst`, `dport`.
    Peer,
}

/// A condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filter {
    /// A port.
    Port(End, Comparison, u16),
    /// An address of this prefix length, and perhaps a port.
    Address(End, Ipv6Addr, u8, Option<u16>),
    /// The interface that the socket is bound to.
    Interface(u32),
}

impl Filter {
    /// Whether a socket is to be shown.
    #[must_use]
    pub fn matches(&self, socket: &Socket) -> bool {
        let of = |end| match end {
            End::Local => &socket.local,
            End::Peer => &socket.peer,
        };
        match *self {
            Self::Interface(index) => socket.interface == index,
            Self::Port(end, comparison, port) => comparison.holds(of(end).port(), port),
            Self::Address(end, prefix, length, port) => {
                let end = of(end);
                let difference = end.ip().to_bits() ^ prefix.to_bits();
                difference.leading_zeros() >= u32::from(length)
                    && port.is_none_or(|port| port == end.port())
            }
        }
    }
}

/// Reads `80` or `:80`.
pub fn port(word: &str) -> Result<u16, String> {
    let number = rt::number::decimal(word.strip_prefix(':').unwrap_or(word).as_bytes());
    number
        .and_then(|number| u16::try_from(number).ok())
        .ok_or_else(|| format!("Error: \"{word}\" does not look like a port."))
}

/// Reads `ADDRESS[/LENGTH]`, `[ADDRESS[/LENGTH]]:PORT`, `:PORT`.
pub fn address(end: End, word: &str) -> Result<Filter, String> {
    let wrong = || format!("Error: an inet prefix is expected rather than \"{word}\".");
    let (prefix, port) = if let Some(rest) = word.strip_prefix('[') {
        let (inner, after) = rest.split_once(']').ok_or_else(wrong)?;
        (inner, if after.is_empty() { None } else { Some(port(after)?) })
    } else if word.starts_with(':') && !word.starts_with("::") {
        ("::/0", Some(port(word)?))
    } else {
        (word, None)
    };
    let (name, length) = prefix.split_once('/').unwrap_or((prefix, "128"));
    let length = rt::number::decimal(length.as_bytes())
        .and_then(|length| u8::try_from(length).ok())
        .filter(|length| *length <= 128)
        .ok_or_else(wrong)?;
    let address = host::resolve(name).map_err(|_| wrong())?;
    Ok(Filter::Address(end, *address.ip(), length, port))
}

#[cfg(test)]
mod tests {
    use super::{Comparison, End, Filter, States, address, port};

    #[test]
    fn states() {
        assert!(States::parse("established").unwrap().is_single());
        assert!(!States::WAITING.is_single());
        assert_eq!(States::parse("all"), Some(States::ALL));
        assert_eq!(States::parse("open"), None);
        let rest = States::ALL.without(States::parse("time-wait").unwrap());
        assert_eq!(rest.bits(), 0b1_1111_1011_1110);
    }

    #[test]
    fn addresses() {
        let parsed = |word| address(End::Peer, word);
        let all = "::".parse().unwrap();
        assert_eq!(parsed(":80"), Ok(Filter::Address(End::Peer, all, 0, Some(80))));
        let one = "fe80::1".parse().unwrap();
        assert_eq!(parsed("fe80::1"), Ok(Filter::Address(End::Peer, one, 128, None)));
        assert_eq!(parsed("[fe80::1]:22"), Ok(Filter::Address(End::Peer, one, 128, Some(22))));
        assert_eq!(parsed("fe80::1/64"), Ok(Filter::Address(End::Peer, one, 64, None)));
        for word in ["fe80::1/129", "nowhere", "[fe80::1", "[::1]:x", "", ":99999"] {
            assert!(parsed(word).is_err(), "{word}");
        }
        assert_eq!((port(":80"), port("80")), (Ok(80), Ok(80)));
        assert!(port("http").is_err());
    }

    #[test]
    fn comparisons() {
        for (word, less, same, more) in [
            ("=", false, true, false),
            ("!=", true, false, true),
            ("le", true, true, false),
            (">=", false, true, true),
            ("<", true, false, false),
            ("gt", false, false, true),
        ] {
            let comparison = Comparison::parse(word).unwrap();
            let found = [1, 2, 3].map(|port| comparison.holds(port, 2));
            assert_eq!(found, [less, same, more], "{word}");
        }
        assert_eq!(Comparison::parse("~"), None);
    }
}
