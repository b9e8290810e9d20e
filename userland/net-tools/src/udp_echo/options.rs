//! The command line of `udp-echo`.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use rt::options::{Hint, Item, Opt, Tool};

use super::datagram::{MAX_SIZE, MIN_SIZE};

/// The port of the echo service (RFC 862).
const ECHO_PORT: u16 = 7;

/// How the program is called.
pub static TOOL: Tool = Tool {
    name: "udp-echo",
    usage: "[-q] [-n COUNT] [-s SIZE] [-i SECONDS] [-W SECONDS] HOST [PORT]\n-l [-q] [-p PORT]",
    about: "Sends UDP datagrams to an echo service and checks what comes back, or is one (-l).\n\
            Exits with 0 when all came back unchanged, 1 when not, 2 when it could not be tried.",
    options: &[
        Opt::flag('l', "listen", "send back what arrives"),
        Opt::value('p', "port", "PORT", "the port to listen on (7)"),
        Opt::value('n', "count", "COUNT", "how many datagrams to send (4)"),
        Opt::value('s', "size", "SIZE", "how many bytes each has (56)"),
        Opt::value('i', "interval", "SECONDS", "between them (1); 0: after each answer"),
        Opt::value('W', "wait", "SECONDS", "how long to wait for the last answers (1)"),
        Opt::flag('q', "quiet", "print only the summary"),
    ],
    status: 2,
    hint: Hint::TryHelp,
    permute: true,
};

/// What the server needs to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Serve {
    /// The port to listen on.
    pub port: u16,
    /// Say nothing about clients.
    pub quiet: bool,
}

/// What the client needs to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// Whom to ask.
    pub host: String,
    /// At which port.
    pub port: u16,
    /// How often.
    pub count: u64,
    /// The length of a datagram, bytes.
    pub size: usize,
    /// Between datagrams, microseconds; 0 waits for each answer.
    pub interval: u64,
    /// For the last answers, microseconds.
    pub wait: u64,
    /// Only the summary.
    pub quiet: bool,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Be the service.
    Serve(Serve),
    /// Ask it.
    Ask(Ask),
}

fn number(text: &str, what: &str, least: u64, most: u64) -> Result<u64, String> {
    rt::number::decimal(text.as_bytes())
        .filter(|number| (least..=most).contains(number))
        .ok_or_else(|| format!("invalid {what} '{text}': {least} to {most}"))
}

fn time(text: &str, what: &str) -> Result<u64, String> {
    rt::number::duration(text.as_bytes())
        .and_then(|time| u64::try_from(time.as_micros()).ok())
        .filter(|time| *time <= 86_400_000_000)
        .ok_or_else(|| format!("invalid {what} '{text}'"))
}

fn port(text: &str) -> Result<u16, String> {
    number(text, "port", 1, u16::MAX.into()).map(|port| port as u16)
}

/// Understands a command line.
pub fn parse(items: impl Iterator<Item = Item>) -> Result<Mode, String> {
    let mut listen = false;
    let mut listen_port = None;
    let mut ask = Ask {
        host: String::new(),
        port: ECHO_PORT,
        count: 4,
        size: 56,
        interval: 1_000_000,
        wait: 1_000_000,
        quiet: false,
    };
    let mut operands: Vec<String> = Vec::new();
    for item in items {
        let (letter, value) = match item {
            Item::Operand(operand) => {
                operands.push(operand.to_string());
                continue;
            }
            Item::Long(name, _) => return Err(format!("unrecognized option '--{name}'")),
            Item::Option(letter, value) => (letter, value.map(ToString::to_string)),
        };
        let value = value.unwrap_or_default();
        match letter {
            'l' => listen = true,
            'p' => listen_port = Some(port(&value)?),
            'n' => ask.count = number(&value, "count", 1, u64::MAX)?,
            's' => {
                ask.size = number(&value, "size", MIN_SIZE as u64, MAX_SIZE as u64)? as usize;
            }
            'i' => ask.interval = time(&value, "interval")?,
            'W' => ask.wait = time(&value, "waiting time")?,
            _ => ask.quiet = true,
        }
    }
    let mut operands = operands.into_iter();
    if listen {
        if let Some(operand) = operands.next() {
            return Err(format!("extra operand '{operand}'"));
        }
        return Ok(Mode::Serve(Serve { port: listen_port.unwrap_or(ECHO_PORT), quiet: ask.quiet }));
    }
    if listen_port.is_some() {
        return Err("-p is for -l; give the port after the host".into());
    }
    ask.host = operands.next().ok_or("missing operand: whom to ask")?;
    if let Some(text) = operands.next() {
        ask.port = port(&text)?;
    }
    if let Some(operand) = operands.next() {
        return Err(format!("extra operand '{operand}'"));
    }
    Ok(Mode::Ask(ask))
}

#[cfg(test)]
mod tests {
    use alloc::string::String;
    use alloc::vec::Vec;

    use rt::bstr::BStr;
    use rt::options::Item;

    use super::{Ask, Mode, Serve, parse};

    /// `-xVALUE` is an option with an argument, `-x` one without, the rest are operands.
    fn mode(line: &'static str) -> Result<Mode, String> {
        let items: Vec<Item> = line
            .split_whitespace()
            .map(|word| match word.strip_prefix('-') {
                Some(option) => {
                    let (letter, value) = option.split_at(1);
                    let value = (!value.is_empty()).then(|| BStr::new(value));
                    Item::Option(letter.chars().next().unwrap(), value)
                }
                None => Item::Operand(BStr::new(word)),
            })
            .collect();
        parse(items.into_iter())
    }

    #[test]
    fn both_sides() {
        assert_eq!(mode("-l -p7777"), Ok(Mode::Serve(Serve { port: 7777, quiet: false })));
        assert_eq!(
            mode("-n10 -s1000 -i0.5 -W2 -q ::1 7777"),
            Ok(Mode::Ask(Ask {
                host: "::1".into(),
                port: 7777,
                count: 10,
                size: 1000,
                interval: 500_000,
                wait: 2_000_000,
                quiet: true,
            }))
        );
    }

    #[test]
    fn refusals() {
        for (line, message) in [
            ("", "missing operand: whom to ask"),
            ("::1 0", "invalid port '0': 1 to 65535"),
            ("::1 7 8", "extra operand '8'"),
            ("-l ::1", "extra operand '::1'"),
            ("-p7 ::1", "-p is for -l; give the port after the host"),
            ("-s15 ::1", "invalid size '15': 16 to 65527"),
            ("-ix ::1", "invalid interval 'x'"),
        ] {
            assert_eq!(mode(line), Err(message.into()), "{line}");
        }
    }
}
