//! The command line of `nc`.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::ops::RangeInclusive;

use rt::options::{Hint, Item, Opt, Tool};

use super::ports::{port, range};
use super::tuning::Tuning;

/// How the program is called.
pub static TOOL: Tool = Tool {
    name: "nc",
    usage: "[-6dnNuvz] [-i SECONDS] [-p PORT] [-q SECONDS] [-s ADDRESS] [-w SECONDS] HOST PORT[-PORT]\n\
            -l [-6dkNuv] [-i SECONDS] [-q SECONDS] [-w SECONDS] [-W COUNT] [ADDRESS] PORT\n\
            -l [-6dkNuv] [-i SECONDS] [-q SECONDS] [-w SECONDS] [-W COUNT] [-s ADDRESS] -p PORT",
    about: "Connects standard input and output with a TCP connection to HOST, or with UDP datagrams\n\
            (-u); with -l waits for a connection. HOST may have a zone: fe80::1%usb0.\n\
            Exits with 0 when it connected and nothing broke, else with 1.",
    options: &[
        Opt::flag('4', "", "refused: there is no IPv4"),
        Opt::flag('6', "", "IPv6, as always"),
        Opt::flag('d', "", "do not read standard input"),
        Opt::value('I', "", "BYTES", "the size of the receive buffer"),
        Opt::value('i', "", "SECONDS", "wait so long between lines sent, and between ports tried"),
        Opt::flag('k', "", "with -l: after a connection wait for the next one"),
        Opt::flag('l', "", "listen"),
        Opt::value('M', "", "HOPS", "the hop limit of what is sent"),
        Opt::flag('n', "", "take addresses only, no names"),
        Opt::flag('N', "", "close the connection's sending half at the end of the input"),
        Opt::value('O', "", "BYTES", "the size of the send buffer"),
        Opt::value('p', "", "PORT", "the local port"),
        Opt::value('q', "", "SECONDS", "-N, and end so long after the end of the input"),
        Opt::flag('r', "", "with several ports: try them in random order"),
        Opt::value('s', "", "ADDRESS", "the local address"),
        Opt::value('T', "", "CLASS", "the traffic class: lowdelay, ef, cs1, af11, 0x10 and so on"),
        Opt::flag('u', "", "UDP"),
        Opt::flag('v', "", "say what happens"),
        Opt::value('w', "", "SECONDS", "give up connecting, or end when idle, after so long"),
        Opt::value('W', "", "COUNT", "end after so many packets or pieces received"),
        Opt::flag('z', "", "only see which ports are open"),
        Opt::flag('h', "", "the same as --help"),
    ],
    status: 1,
    hint: Hint::TryHelp,
    permute: true,
};

/// Whom to connect to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The host.
    pub host: String,
    /// Its ports, tried one after the other.
    pub ports: RangeInclusive<u16>,
    /// Exchange no data.
    pub scan: bool,
    /// The ports are tried in random order.
    pub shuffled: bool,
    /// The local address.
    pub source: Option<String>,
    /// The local port.
    pub source_port: Option<u16>,
}

/// Where to listen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The address; all when there is none.
    pub address: Option<String>,
    /// The port.
    pub port: u16,
    /// Go on after a connection has ended.
    pub keep: bool,
}

/// Which side of a connection this is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The one that calls.
    Connect(Target),
    /// The one that is called.
    Listen(Place),
}

/// How data goes to and fro. Times are microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Transfer {
    /// Standard input is left alone.
    pub deaf: bool,
    /// The end of the input closes the sending half of the connection.
    pub half_close: bool,
    /// How long after the end of the input all ends.
    pub quit_after: Option<u64>,
    /// How long nothing may happen before all ends.
    pub idle: Option<u64>,
    /// The pause after a line has been sent.
    pub pause: Option<u64>,
    /// How often something is received before all ends.
    pub receive_limit: Option<u64>,
}

/// Everything the command line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// What to do.
    pub mode: Mode,
    /// UDP in place of TCP.
    pub udp: bool,
    /// Say what happens.
    pub verbose: bool,
    /// Names of hosts are not looked up.
    pub numeric: bool,
    /// How data goes to and fro.
    pub transfer: Transfer,
    /// How sockets are set up.
    pub tuning: Tuning,
}

/// Reads a time in seconds, at most a day. `what` is OpenBSD's name of it.
fn time(text: &str, what: &str) -> Result<u64, String> {
    rt::number::duration(text.as_bytes())
        .and_then(|time| u64::try_from(time.as_micros()).ok())
        .filter(|time| *time <= 86_400_000_000)
        .ok_or_else(|| format!("{what} invalid: {text}"))
}

/// A time that must not be nothing.
fn positive_time(text: &str, what: &str) -> Result<u64, String> {
    match time(text, what)? {
        0 => Err(format!("{what} too small: {text}")),
        time => Ok(time),
    }
}

/// What the options say, before it is known whether they go together.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "an option each")]
struct Raw {
    listen: bool,
    keep: bool,
    scan: bool,
    udp: bool,
    verbose: bool,
    numeric: bool,
    shuffled: bool,
    port: Option<u16>,
    address: Option<String>,
    transfer: Transfer,
    tuning: Tuning,
}

impl Raw {
    fn take(&mut self, letter: char, value: &str) -> Result<(), String> {
        if self.tuning.take(letter, value)? {
            return Ok(());
        }
        match letter {
            '4' => return Err("-4: there is no IPv4 here".into()),
            'd' => self.transfer.deaf = true,
            'i' => self.transfer.pause = Some(positive_time(value, "interval")?),
            'k' => self.keep = true,
            'l' => self.listen = true,
            'n' => self.numeric = true,
            'N' => self.transfer.half_close = true,
            'p' => self.port = Some(port(value)?),
            // A negative time is the default of OpenBSD's: never.
            'q' if value.strip_prefix('-').is_some_and(|rest| time(rest, "").is_ok()) => {
                self.transfer.quit_after = None;
            }
            'q' => {
                self.transfer.quit_after = Some(time(value, "quit timer")?);
                self.transfer.half_close = true;
            }
            'r' => self.shuffled = true,
            's' => self.address = Some(value.into()),
            'u' => self.udp = true,
            'v' => self.verbose = true,
            'w' => self.transfer.idle = Some(positive_time(value, "timeout")?),
            'W' => match rt::number::decimal(value.as_bytes()) {
                Some(0) => return Err(format!("receive limit too small: {value}")),
                Some(count) => self.transfer.receive_limit = Some(count),
                None => return Err(format!("receive limit invalid: {value}")),
            },
            'z' => self.scan = true,
            _ => {}
        }
        Ok(())
    }

    fn place(self, operands: Vec<String>) -> Result<Place, String> {
        if self.scan {
            return Err("cannot use -z and -l".into());
        }
        let mut operands = operands.into_iter();
        let (address, port_text) = match (operands.next(), operands.next()) {
            (None, _) => (None, None),
            (Some(port), None) => (None, Some(port)),
            (Some(address), Some(port)) => (Some(address), Some(port)),
        };
        if let Some(operand) = operands.next() {
            return Err(format!("extra operand '{operand}'"));
        }
        let port = match (self.port, port_text) {
            (Some(port), None) => port,
            (None, Some(text)) => port(&text)?,
            (None, None) => return Err("missing port number".into()),
            (Some(_), Some(_)) => return Err("the port is given twice: by -p and after it".into()),
        };
        let address = match (self.address, address) {
            (Some(_), Some(_)) => {
                return Err("the address is given twice: by -s and after it".into());
            }
            (one, other) => one.or(other),
        };
        Ok(Place { address, port, keep: self.keep })
    }

    fn target(self, operands: Vec<String>) -> Result<Target, String> {
        if self.keep {
            return Err("must use -l with -k".into());
        }
        let mut operands = operands.into_iter();
        let host = operands.next().ok_or("missing host and port number")?;
        let ports = range(&operands.next().ok_or("missing port number")?)?;
        if let Some(operand) = operands.next() {
            return Err(format!("extra operand '{operand}'"));
        }
        let Self { scan, shuffled, address: source, port: source_port, .. } = self;
        Ok(Target { host, ports, scan, shuffled, source, source_port })
    }
}

/// Understands a command line.
pub fn parse(items: impl Iterator<Item = Item>) -> Result<Options, String> {
    let mut raw = Raw::default();
    let mut operands: Vec<String> = Vec::new();
    for item in items {
        match item {
            Item::Operand(operand) => operands.push(operand.to_string()),
            Item::Long(name, _) => return Err(format!("unrecognized option '--{name}'")),
            Item::Option('h', _) => {
                rt::print!("{}", TOOL.help());
                rt::exit::exit(rt::ExitCode::SUCCESS);
            }
            Item::Option(letter, value) => {
                raw.take(letter, &value.map(ToString::to_string).unwrap_or_default())?;
            }
        }
    }
    let Raw { udp, verbose, numeric, transfer, tuning, .. } = raw;
    let mode = if raw.listen {
        Mode::Listen(raw.place(operands)?)
    } else {
        Mode::Connect(raw.target(operands)?)
    };
    Ok(Options { mode, udp, verbose, numeric, transfer, tuning })
}

#[cfg(test)]
mod tests;
