//! The command line of `traceroute6`.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use rt::options::{Item, Opt, Tool};

/// How the program is called.
pub static TOOL: Tool = Tool::new(
    "traceroute6",
    "[options] <IPv6 hostname/address> [packet length]",
    "Print IPv6 network route to a host",
    &[
        Opt::value('f', "", "HOPS", "specify the initial hop limit (default: 1)"),
        Opt::flag('h', "", "display this help and exit"),
        Opt::flag('I', "", "use ICMPv6 Echo Request packets as probes"),
        Opt::value('i', "", "INTERFACE", "force outgoing network interface"),
        Opt::value('m', "", "HOPS", "set the maximum hop limit (default: 30)"),
        Opt::flag('N', "", "perform reverse name lookups on the addresses of every hop"),
        Opt::flag('n', "", "don't perform reverse name lookup on addresses"),
        Opt::value('p', "", "PORT", "override the first destination port (default: 33434)"),
        Opt::value('q', "", "COUNT", "override the number of probes per hop (default: 3)"),
        Opt::value('s', "", "ADDRESS", "specify the source IPv6 address of probe packets"),
        Opt::value('t', "", "CLASS", "set traffic class of probe packets"),
        Opt::flag('U', "", "send UDP probes (default)"),
        Opt::flag('V', "", "display program version and exit"),
        Opt::value('w', "", "SECONDS", "override the timeout for response (default: 5)"),
        Opt::value('z', "", "MS", "specify a time to wait between each probes (default: 0)"),
    ],
)
.with_status(2);

/// IPv6 and UDP header, or IPv6 and ICMPv6 header: a packet is no shorter.
pub const HEADERS: usize = 48;
/// The longest packet: 65535 octets after the IPv6 header.
const LONGEST: usize = 40 + 65535;

/// What the probes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// UDP datagrams, the first one to this port, each to the next one.
    Udp(u16),
    /// ICMPv6 Echo Requests.
    Echo,
}

/// What the command line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The destination as it was written.
    pub destination: String,
    /// The length of a packet with its IPv6 header, octets.
    pub length: usize,
    /// `-I`, `-U`, `-p`
    pub method: Method,
    /// `-f`
    pub first: u8,
    /// `-m`
    pub last: u8,
    /// `-q`
    pub attempts: u8,
    /// `-n`
    pub numeric: bool,
    /// `-i`
    pub interface: Option<String>,
    /// `-s`
    pub source: Option<String>,
    /// `-t`
    pub traffic_class: Option<u8>,
    /// `-w`, microseconds.
    pub wait: u64,
    /// `-z`, microseconds.
    pub pause: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            destination: String::new(),
            length: 60,
            method: Method::Udp(33434),
            first: 1,
            last: 30,
            attempts: 3,
            numeric: false,
            interface: None,
            source: None,
            traffic_class: None,
            wait: 5_000_000,
            pause: 0,
        }
    }
}

/// A command line that is not to be carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// `-h`
    Help,
    /// `-V`
    Version,
    /// It is no command line of this program.
    Usage,
    /// A value is wrong.
    Wrong(String),
}

/// A number that is not 0, or what is wrong with it.
fn positive(text: &str, what: &str) -> Result<u8, Refusal> {
    let number = text.parse().ok().filter(|number| *number != 0);
    number.ok_or_else(|| Refusal::Wrong(format!("{text}: invalid {what}")))
}

/// Understands a command line.
pub fn parse(items: impl Iterator<Item = Item>) -> Result<Options, Refusal> {
    let mut options = Options::default();
    let mut operands = Vec::new();
    let (mut echo, mut port) = (false, 33434);
    for item in items {
        let (letter, text) = match item {
            Item::Operand(operand) => {
                operands.push(operand.to_string());
                continue;
            }
            Item::Long(..) => return Err(Refusal::Usage),
            Item::Option(letter, value) => (letter, value.map(ToString::to_string)),
        };
        let text = text.unwrap_or_default();
        let wrong = |what: &str| Refusal::Wrong(format!("{text}: invalid {what}"));
        match letter {
            'f' => options.first = positive(&text, "hop limit")?,
            'h' => return Err(Refusal::Help),
            'I' => echo = true,
            'i' => options.interface = Some(text),
            'm' => options.last = positive(&text, "hop limit")?,
            'N' => options.numeric = false,
            'n' => options.numeric = true,
            'p' => {
                port = text.parse().ok().filter(|port| *port != 0).ok_or_else(|| wrong("port"))?;
            }
            'q' => options.attempts = positive(&text, "number of probes")?,
            's' => options.source = Some(text),
            't' => options.traffic_class = Some(text.parse().map_err(|_| wrong("traffic class"))?),
            'U' => echo = false,
            'V' => return Err(Refusal::Version),
            'w' => {
                let time = rt::number::duration(text.as_bytes());
                let time = time.and_then(|time| u64::try_from(time.as_micros()).ok());
                options.wait = time.ok_or_else(|| wrong("time"))?;
            }
            'z' => {
                let time: u32 = text.parse().map_err(|_| wrong("time"))?;
                options.pause = u64::from(time) * 1000;
            }
            _ => return Err(Refusal::Usage),
        }
    }
    options.method = if echo { Method::Echo } else { Method::Udp(port) };
    let probes = u16::from(options.last) * u16::from(options.attempts);
    if !echo && port.checked_add(probes).is_none() {
        return Err(Refusal::Wrong(format!("{port}: no {probes} ports from there on")));
    }
    let mut operands = operands.into_iter();
    options.destination = operands.next().ok_or(Refusal::Usage)?;
    if let Some(text) = operands.next() {
        let length: Option<usize> = text.parse().ok().filter(|length| *length <= LONGEST);
        let wrong = || Refusal::Wrong(format!("{text}: invalid packet length"));
        options.length = length.ok_or_else(wrong)?.max(HEADERS);
    }
    if operands.next().is_some() { Err(Refusal::Usage) } else { Ok(options) }
}

#[cfg(test)]
mod tests {
    use rt::bstr::BStr;
    use rt::options::Item;

    use super::{Method, Options, Refusal, parse};

    fn options(line: &'static str) -> Result<Options, Refusal> {
        parse(line.split_whitespace().map(|word| match word.strip_prefix('-') {
            Some(option) => {
                let (letter, value) = option.split_at(1);
                let value = (!value.is_empty()).then(|| BStr::new(value));
                Item::Option(letter.chars().next().unwrap(), value)
            }
            None => Item::Operand(BStr::new(word)),
        }))
    }

    #[test]
    fn command_lines() {
        let found = options("-n -q1 -w0.5 -m4 -f2 -p5000 -z10 -t28 -s::1 -iusb0 ::1 100").unwrap();
        let expected = Options {
            destination: "::1".into(),
            length: 100,
            method: Method::Udp(5000),
            first: 2,
            last: 4,
            attempts: 1,
            numeric: true,
            interface: Some("usb0".into()),
            source: Some("::1".into()),
            traffic_class: Some(28),
            wait: 500_000,
            pause: 10_000,
        };
        assert_eq!(found, expected);
        assert_eq!(
            options("-I -p65000 ::1 3").map(|o| (o.method, o.length)),
            Ok((Method::Echo, 48))
        );
    }

    #[test]
    fn refusals() {
        for (line, message) in [
            ("-m256 ::1", "256: invalid hop limit"),
            ("-f0 ::1", "0: invalid hop limit"),
            ("-q0 ::1", "0: invalid number of probes"),
            ("-px ::1", "x: invalid port"),
            ("-p65500 ::1", "65500: no 90 ports from there on"),
            ("-wx ::1", "x: invalid time"),
            ("::1 65576", "65576: invalid packet length"),
        ] {
            assert_eq!(options(line), Err(Refusal::Wrong(message.into())), "{line}");
        }
        assert_eq!(options(""), Err(Refusal::Usage));
        assert_eq!(options("::1 100 more"), Err(Refusal::Usage));
        assert_eq!(options("-h"), Err(Refusal::Help));
    }
}
