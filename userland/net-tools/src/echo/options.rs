//! The command lines of `tcp-echo` and `udp-echo`, which differ little.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use rt::options::{Hint, Item, Opt, Tool};

use super::datagram;

/// The port of the echo service (RFC 862).
const ECHO_PORT: u16 = 7;

const LISTEN: Opt = Opt::flag('l', "listen", "send back what arrives");
const PORT: Opt = Opt::value('p', "port", "PORT", "the port to listen on (7)");
const COUNT: Opt = Opt::value('n', "count", "COUNT", "how many messages to send (4)");
const SIZE: Opt = Opt::value('s', "size", "SIZE", "how many bytes each has (56)");
const INTERVAL: Opt =
    Opt::value('i', "interval", "SECONDS", "between them (1); 0: after each answer");
const SEED: Opt = Opt::value('S', "seed", "NUMBER", "what the bytes follow from (the time)");
const QUIET: Opt = Opt::flag('q', "quiet", "print only the summary");

/// How `udp-echo` is called.
pub static UDP_TOOL: Tool = Tool {
    name: "udp-echo",
    usage: "[-q] [-n COUNT] [-s SIZE] [-i SECONDS] [-W SECONDS] [-S NUMBER] HOST [PORT]\n\
            -l [-q] [[ADDRESS] PORT]",
    about: "Sends UDP datagrams to an echo service and checks what comes back, or is one (-l).\n\
            Exits with 0 when all came back unchanged, 1 when not, 2 when it could not be tried.",
    options: &[
        LISTEN,
        PORT,
        COUNT,
        SIZE,
        INTERVAL,
        Opt::value('W', "wait", "SECONDS", "how long to wait for the last answers (1)"),
        SEED,
        QUIET,
    ],
    status: 2,
    hint: Hint::TryHelp,
    permute: true,
};

/// How `tcp-echo` is called.
pub static TCP_TOOL: Tool = Tool {
    name: "tcp-echo",
    usage: "[-q] [-c COUNT] [-n COUNT] [-s SIZE] [-i SECONDS] [-W SECONDS] [-S NUMBER] HOST [PORT]\n\
            -l [-q] [[ADDRESS] PORT]",
    about: "Sends messages over TCP to an echo service and checks what comes back, or is one (-l).\n\
            Exits with 0 when all came back unchanged, 1 when not, 2 when it could not be tried.",
    options: &[
        LISTEN,
        PORT,
        Opt::value('c', "connections", "COUNT", "how many connections at once (1)"),
        Opt::value('n', "count", "COUNT", "how many messages to send on each (4)"),
        SIZE,
        INTERVAL,
        Opt::value('W', "wait", "SECONDS", "how long a connection may stand still (10)"),
        SEED,
        QUIET,
    ],
    status: 2,
    hint: Hint::TryHelp,
    permute: true,
};

/// Over what the messages go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

impl Protocol {
    /// How the program is called.
    #[must_use]
    pub fn tool(self) -> &'static Tool {
        match self {
            Self::Tcp => &TCP_TOOL,
            Self::Udp => &UDP_TOOL,
        }
    }

    /// The least and the greatest length of a message.
    fn sizes(self) -> (u64, u64) {
        match self {
            Self::Tcp => (1, 1 << 40),
            Self::Udp => (datagram::MIN_SIZE as u64, datagram::MAX_SIZE as u64),
        }
    }

    /// How long is waited for an answer, microseconds: TCP may have to send again.
    fn patience(self) -> u64 {
        match self {
            Self::Tcp => 10_000_000,
            Self::Udp => 1_000_000,
        }
    }
}

/// What the server needs to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Serve {
    /// The address to listen at; all when there is none.
    pub address: Option<String>,
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
    /// Over how many connections at once.
    pub connections: usize,
    /// How often, on each connection.
    pub count: u64,
    /// The length of a message, bytes.
    pub size: u64,
    /// Between messages, microseconds; 0 waits for each answer.
    pub interval: u64,
    /// How long to wait for an answer, microseconds.
    pub wait: u64,
    /// What the bytes follow from; the time when there is none.
    pub seed: Option<u64>,
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
pub fn parse(protocol: Protocol, items: impl Iterator<Item = Item>) -> Result<Mode, String> {
    let mut listen = false;
    let mut listen_port = None;
    let mut ask = Ask {
        host: String::new(),
        port: ECHO_PORT,
        connections: 1,
        count: 4,
        size: 56,
        interval: 1_000_000,
        wait: protocol.patience(),
        seed: None,
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
            'c' => ask.connections = number(&value, "number of connections", 1, 10_000)? as usize,
            'n' => ask.count = number(&value, "count", 1, u64::from(u32::MAX))?,
            's' => {
                let (least, most) = protocol.sizes();
                ask.size = number(&value, "size", least, most)?;
            }
            'i' => ask.interval = time(&value, "interval")?,
            'W' => ask.wait = time(&value, "waiting time")?,
            'S' => ask.seed = Some(number(&value, "seed", 0, u64::MAX)?),
            _ => ask.quiet = true,
        }
    }
    if listen {
        return serve(listen_port, operands, ask.quiet).map(Mode::Serve);
    }
    if listen_port.is_some() {
        return Err("-p is for -l; give the port after the host".into());
    }
    let mut operands = operands.into_iter();
    ask.host = operands.next().ok_or("missing operand: whom to ask")?;
    if let Some(text) = operands.next() {
        ask.port = port(&text)?;
    }
    match operands.next() {
        Some(operand) => Err(format!("extra operand '{operand}'")),
        None => Ok(Mode::Ask(ask)),
    }
}

fn serve(option: Option<u16>, operands: Vec<String>, quiet: bool) -> Result<Serve, String> {
    let mut operands = operands.into_iter();
    let (address, text) = match (operands.next(), operands.next()) {
        (Some(address), Some(port)) => (Some(address), Some(port)),
        (port, _) => (None, port),
    };
    if let Some(operand) = operands.next() {
        return Err(format!("extra operand '{operand}'"));
    }
    let port = match (option, text) {
        (Some(_), Some(_)) => return Err("the port is given twice: by -p and after it".into()),
        (Some(port), None) => port,
        (None, Some(text)) => port(&text)?,
        (None, None) => ECHO_PORT,
    };
    Ok(Serve { address, port, quiet })
}

#[cfg(test)]
mod tests {
    use alloc::string::String;

    use rt::bstr::BStr;

    use super::{Ask, Mode, Protocol, Serve, parse};

    fn mode(protocol: Protocol, line: &'static str) -> Result<Mode, String> {
        let words = line.split_whitespace().map(BStr::new);
        parse(protocol, protocol.tool().parse_from(words))
    }

    #[test]
    fn the_service() {
        for (line, address, port) in [
            ("-l", None, 7),
            ("-l -p 7777", None, 7777),
            ("-l 7777", None, 7777),
            ("-l ::1 7777", Some("::1"), 7777),
        ] {
            let serve = Serve { address: address.map(Into::into), port, quiet: false };
            assert_eq!(mode(Protocol::Tcp, line), Ok(Mode::Serve(serve.clone())), "{line}");
            assert_eq!(mode(Protocol::Udp, line), Ok(Mode::Serve(serve)), "{line}");
        }
    }

    #[test]
    fn the_client() {
        let ask = Ask {
            host: "::1".into(),
            port: 7777,
            connections: 1,
            count: 10,
            size: 1000,
            interval: 500_000,
            wait: 2_000_000,
            seed: Some(3),
            quiet: true,
        };
        let line = "-n10 -s1000 -i0.5 -W2 -S3 -q ::1 7777";
        assert_eq!(mode(Protocol::Udp, line), Ok(Mode::Ask(ask.clone())));
        let line = "-c 5 -n10 -s1000 -i0.5 -W2 -S3 -q ::1 7777";
        assert_eq!(mode(Protocol::Tcp, line), Ok(Mode::Ask(Ask { connections: 5, ..ask })));
    }

    #[test]
    fn refusals() {
        for (line, message) in [
            ("", "missing operand: whom to ask"),
            ("::1 0", "invalid port '0': 1 to 65535"),
            ("::1 7 8", "extra operand '8'"),
            ("-l ::1", "invalid port '::1': 1 to 65535"),
            ("-l ::1 7 8", "extra operand '8'"),
            ("-l -p 7 8", "the port is given twice: by -p and after it"),
            ("-p7 ::1", "-p is for -l; give the port after the host"),
            ("-n0 ::1", "invalid count '0': 1 to 4294967295"),
            ("-s15 ::1", "invalid size '15': 16 to 65527"),
            ("-ix ::1", "invalid interval 'x'"),
        ] {
            assert_eq!(mode(Protocol::Udp, line), Err(message.into()), "{line}");
        }
        assert_eq!(
            mode(Protocol::Tcp, "-c 0 ::1"),
            Err("invalid number of connections '0': 1 to 10000".into())
        );
        assert_eq!(
            mode(Protocol::Tcp, "-s 0 ::1"),
            Err("invalid size '0': 1 to 1099511627776".into())
        );
    }
}
