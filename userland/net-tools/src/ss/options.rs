//! The command line of `ss`.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use rt::options::{Hint, Item, Opt, Tool};

use super::diag::Protocol;
use super::expression::Expression;
use super::filter::States;

/// How the program is called.
pub static TOOL: Tool = Tool {
    name: "ss",
    usage: "[OPTION]... [state STATE] [exclude STATE] [FILTER]...",
    about: "Shows sockets: connections, unless -l or -a says otherwise. A FILTER is one of\n\
            'sport = :80', 'dport >= :1024', 'src fec0::/64', 'dst [fec0::2]:80', 'dev usb0',\n\
            joined by 'and', which may be left out, 'or', 'not' and parentheses.",
    options: &[
        Opt::flag('t', "tcp", "TCP sockets"),
        Opt::flag('u', "udp", "UDP sockets"),
        Opt::flag('w', "raw", "raw sockets"),
        Opt::flag('l', "listening", "sockets that wait for connections or datagrams"),
        Opt::flag('a', "all", "connections and those"),
        Opt::flag('i', "info", "what TCP knows of the connection"),
        Opt::flag('m', "memory", "memory of the socket"),
        Opt::flag('o', "options", "the timer that runs"),
        Opt::flag('e', "extended", "user, inode, cookie"),
        Opt::flag('p', "processes", "who has it open"),
        Opt::flag('s', "summary", "only how many there are"),
        Opt::flag('K', "kill", "end what is shown: the other side gets a reset"),
        Opt::flag('H', "no-header", "no heading"),
        Opt::flag('n', "numeric", "numbers instead of names, which is all there is"),
        Opt::flag('6', "ipv6", "IPv6, which is all there is"),
    ],
    status: 255,
    hint: Hint::TryHelp,
    permute: true,
};

/// What is told of a socket besides the columns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "each is an option of its own")]
pub struct Detail {
    /// What TCP knows.
    pub internal: bool,
    /// Memory.
    pub memory: bool,
    /// The timer.
    pub timer: bool,
    /// User, inode, cookie.
    pub extended: bool,
    /// Who has it open.
    pub processes: bool,
}

/// What the command line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The protocols asked for; empty for all.
    pub chosen: Vec<Protocol>,
    /// The states.
    pub states: States,
    /// What is told besides.
    pub detail: Detail,
    /// Only counts.
    pub summary: bool,
    /// A heading.
    pub heading: bool,
    /// What is shown is ended.
    pub kill: bool,
    /// What has to hold.
    pub filter: Option<Expression>,
}

impl Options {
    /// The protocols, in the order in which they are shown.
    #[must_use]
    pub fn protocols(&self) -> Vec<Protocol> {
        let order = [Protocol::Raw, Protocol::Udp, Protocol::Tcp];
        let wanted = |protocol: &Protocol| self.chosen.is_empty() || self.chosen.contains(protocol);
        order.into_iter().filter(wanted).collect()
    }
}

/// Reads the states, and then the filter.
fn read_filters(mut words: &[String], options: &mut Options) -> Result<(), String> {
    let mut states: Option<States> = None;
    while let Some((word, rest)) = words.split_first()
        && matches!(word.as_str(), "state" | "exclude")
    {
        let (name, rest) = rest
            .split_first()
            .ok_or_else(|| format!("Error: something is missing after '{word}'."))?;
        let found = States::parse(name).ok_or_else(|| format!("ss: wrong state name: {name}"))?;
        states = Some(match (word.as_str(), states) {
            ("state", None) => found,
            ("state", Some(before)) => before.with(found),
            (_, before) => before.unwrap_or(States::ALL).without(found),
        });
        words = rest;
    }
    if let Some(states) = states {
        options.states = states;
    }
    options.filter = Expression::parse(words)?;
    Ok(())
}

/// Understands a command line.
pub fn parse(items: impl Iterator<Item = Item>) -> Result<Options, String> {
    let mut words: Vec<String> = Vec::new();
    let (mut all, mut listening) = (false, false);
    let mut options = Options {
        chosen: Vec::new(),
        states: States::CONNECTED,
        detail: Detail::default(),
        summary: false,
        heading: true,
        kill: false,
        filter: None,
    };
    for item in items {
        let letter = match item {
            Item::Operand(operand) => {
                words.push(operand.to_string());
                continue;
            }
            Item::Long(name, _) => return Err(format!("unrecognized option '--{name}'")),
            Item::Option(letter, _) => letter,
        };
        match letter {
            't' => options.chosen.push(Protocol::Tcp),
            'u' => options.chosen.push(Protocol::Udp),
            'w' => options.chosen.push(Protocol::Raw),
            'l' => listening = true,
            'a' => all = true,
            'i' => options.detail.internal = true,
            'm' => options.detail.memory = true,
            'o' => options.detail.timer = true,
            'e' => {
                options.detail.extended = true;
                options.detail.timer = true;
            }
            'p' => options.detail.processes = true,
            's' => options.summary = true,
            'K' => options.kill = true,
            'H' => options.heading = false,
            _ => {}
        }
    }
    if all {
        options.states = States::ALL;
    } else if listening {
        options.states = States::WAITING;
    }
    options.chosen.dedup();
    read_filters(&words, &mut options)?;
    Ok(options)
}

#[cfg(test)]
mod tests {
    use alloc::string::String;

    use rt::bstr::BStr;
    use rt::options::Item;

    use super::{Options, Protocol, States, parse};

    fn options(line: &'static str) -> Result<Options, String> {
        let items = line.split_whitespace().map(|word| match word.strip_prefix('-') {
            Some(option) => Item::Option(option.chars().next().unwrap(), None),
            None => Item::Operand(BStr::new(word)),
        });
        parse(items)
    }

    #[test]
    fn understood() {
        let plain = options("").unwrap();
        assert_eq!((plain.states, plain.protocols().len()), (States::CONNECTED, 3));
        let listening = options("-t -l -n").unwrap();
        assert_eq!(listening.protocols(), [Protocol::Tcp]);
        assert_eq!(listening.states, States::WAITING);
        let filtered = options("-t -a state established dport = :80 and src fec0::1").unwrap();
        assert!(filtered.states.is_single());
        assert!(filtered.filter.is_some() && !filtered.kill);
        assert!(options("-K sport = :80").unwrap().kill);
        let excluded = options("exclude time-wait exclude listening").unwrap();
        assert_eq!(excluded.states.bits(), 0b1_1011_1011_1110);
    }

    #[test]
    fn refusals() {
        for line in [
            "state",
            "state open",
            "dport =",
            "foo",
            // States come first.
            "dport = :80 state established",
        ] {
            assert!(options(line).is_err(), "{line}");
        }
    }
}
