//! `nstat`: the counters of the network by the names of Linux, as that of iproute2 does, from
//! `/proc/net/snmp6` and `/proc/net/netstat`.
//!
//! It keeps no history: counters are since the start of the system. It does not do: rates, files of
//! earlier values, JSON.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::Write;

use rt::options::{Argument, Hint, Item, Opt, Tool};

/// How the program is called.
static TOOL: Tool = Tool {
    name: "nstat",
    usage: "[OPTION]... [PATTERN]...",
    about: "Shows the counters of the network that are not 0, since the start of the system. A\n\
            PATTERN may have '*' for anything and '?' for one character: nstat 'Tcp*' Icmp6InMsgs",
    options: &[
        Opt::flag('a', "ignore", "counters since the start, which is all there is"),
        Opt::flag('s', "noupdate", "the same: there is no history to change"),
        Opt::flag('z', "zeros", "counters that are 0 as well"),
        Opt::flag('n', "nooutput", "print nothing"),
        Opt::long("reset", Argument::None, "nothing: there is no history"),
    ],
    status: 1,
    hint: Hint::TryHelp,
    permute: true,
};

/// A counter.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Counter {
    name: String,
    value: u64,
}

/// `/proc/net/snmp6`: a name and a number a line.
fn read_lines(text: &str) -> Vec<Counter> {
    let counter = |line: &str| {
        let mut words = line.split_ascii_whitespace();
        let name = words.next()?.into();
        Some(Counter { name, value: words.next()?.parse().ok()? })
    };
    text.lines().filter_map(counter).collect()
}

/// `/proc/net/netstat`: pairs of lines, names and then numbers, each after the same first word,
/// which becomes the beginning of the names.
fn read_pairs(text: &str) -> Vec<Counter> {
    let mut counters = Vec::new();
    let mut lines = text.lines();
    while let (Some(names), Some(values)) = (lines.next(), lines.next()) {
        let Some((group, names)) = names.split_once(':') else { continue };
        let Some((same, values)) = values.split_once(':') else { continue };
        if group != same {
            continue;
        }
        let pairs = names.split_ascii_whitespace().zip(values.split_ascii_whitespace());
        counters.extend(pairs.filter_map(|(name, value)| {
            // Some are limits of which -1 says that there is none.
            let value = value.parse::<i64>().ok()? as u64;
            Some(Counter { name: format!("{group}{name}"), value })
        }));
    }
    counters
}

/// Whether `name` matches a pattern with `*` and `?`.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    let (mut at, mut from) = (0, 0);
    // Where the last `*` stands, and how much it has taken so far.
    let mut star: Option<(usize, usize)> = None;
    while from < name.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, from));
                at += 1;
            }
            Some(letter) if *letter == b'?' || name.get(from) == Some(letter) => {
                at += 1;
                from += 1;
            }
            _ => match star {
                Some((place, taken)) => {
                    star = Some((place, taken + 1));
                    (at, from) = (place + 1, taken + 1);
                }
                None => return false,
            },
        }
    }
    pattern.get(at..).unwrap_or_default().iter().all(|letter| *letter == b'*')
}

/// The lines for counters that match one of the patterns, or all when there are none.
fn render(counters: &[Counter], patterns: &[String], zeros: bool) -> String {
    let mut text = String::from("#kernel\n");
    for Counter { name, value } in counters {
        let wanted = patterns.is_empty()
            || patterns.iter().any(|pattern| matches(pattern.as_bytes(), name.as_bytes()));
        if wanted && (zeros || *value != 0) {
            let _ = writeln!(text, "{name:<32}{value:<16}   0.0");
        }
    }
    text
}

fn read(path: &str) -> Result<String, String> {
    rt::input::read_file(path)
        .map(|content| String::from_utf8_lossy(&content).into_owned())
        .map_err(|errno| format!("{path}: {}", rt::strerror(errno)))
}

/// Runs the program; returns the exit status.
#[must_use]
pub fn run(arguments: rt::Arguments) -> u8 {
    let (mut zeros, mut silent) = (false, false);
    let mut patterns = Vec::new();
    for item in TOOL.parse(arguments) {
        match item {
            Item::Operand(pattern) => patterns.push(pattern.to_string()),
            Item::Option('z', _) => zeros = true,
            Item::Option('n', _) => silent = true,
            Item::Option(..) | Item::Long(..) => {}
        }
    }
    let outcome = read("/proc/net/snmp6").and_then(|snmp6| {
        let mut counters = read_lines(&snmp6);
        counters.extend(read_pairs(&read("/proc/net/netstat")?));
        Ok(counters)
    });
    match outcome {
        Ok(counters) => {
            if !silent {
                rt::print!("{}", render(&counters, &patterns, zeros));
            }
            0
        }
        Err(message) => {
            rt::warn!("{message}");
            1
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Counter, matches, read_lines, read_pairs, render};

    #[test]
    fn files() {
        let lines = read_lines("Ip6InReceives                   \t12\nbroken\nx y\n");
        assert_eq!(lines, [Counter { name: "Ip6InReceives".into(), value: 12 }]);
        let pairs = read_pairs("TcpExt: A B\nTcpExt: 1 -1\nIpExt: C\nOther: 3\n");
        assert_eq!(pairs.len(), 2);
        assert_eq!((pairs[0].name.as_str(), pairs[1].value), ("TcpExtA", u64::MAX));
        assert!(read_pairs("TcpExt: A\n").is_empty());
    }

    #[test]
    fn patterns() {
        for (pattern, name, expected) in [
            ("Tcp*", "TcpExtPureAcks", true),
            ("*Acks", "TcpExtPureAcks", true),
            ("*P*A*s", "TcpExtPureAcks", true),
            ("Tcp?xt*", "TcpExtPureAcks", true),
            ("Tcp", "TcpExt", false),
            ("*x", "TcpExt", false),
            ("", "", true),
            ("*", "", true),
            ("a*b*c", "aXbXbXc", true),
            ("a*b*d", "aXbXbXc", false),
        ] {
            assert_eq!(matches(pattern.as_bytes(), name.as_bytes()), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn lines() {
        let counters = read_lines("Ip6InReceives 12\nIp6InDiscards 0\n");
        assert_eq!(
            render(&counters, &[], false),
            "#kernel\nIp6InReceives                   12                 0.0\n"
        );
        assert_eq!(render(&counters, &["*Disc*".into()], true).lines().count(), 2);
    }
}
