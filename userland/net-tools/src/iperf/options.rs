//! The command line of `iperf`.

use alloc::format;
use alloc::string::{String, ToString};

use rt::options::{Hint, Item, Opt, Tool};

use super::header::{Amount, CLIENT, DATAGRAM};
use super::units::{Format, amount};
use crate::clock::SECOND;

/// Where a server listens.
const PORT: u16 = 5001;
/// How long a client sends, microseconds.
const TIME: u64 = 10 * SECOND;
/// Octets a write of TCP.
const TCP_LENGTH: usize = 128 * 1024;
/// Octets a datagram: fits the least link MTU of Ethernet with IPv6.
const UDP_LENGTH: usize = 1450;
/// The longest UDP payload without jumbograms.
const UDP_LONGEST: usize = 65527;
/// The shortest datagram that holds what the sides say to each other.
const UDP_SHORTEST: usize = DATAGRAM + CLIENT;
/// The longest write.
const TCP_LONGEST: usize = 16 << 20;
/// Bits a second of a UDP client.
const UDP_RATE: u64 = 1 << 20;
/// How many streams a client may have.
const MOST_STREAMS: u64 = 128;

/// How the program is called.
pub static TOOL: Tool = Tool {
    name: "iperf",
    usage: "-s [-u] [OPTION]...\n-c HOST [-u] [-R] [OPTION]...",
    about: "Measures the throughput between two hosts, one of which serves (-s). The other one\n\
            may be the iperf 2 of another system. Numbers take a prefix: k, m, g, t are powers of\n\
            1000, K, M, G, T of 1024.",
    options: &[
        Opt::flag('s', "server", "serve until a signal comes"),
        Opt::value('c', "client", "HOST", "send to a server"),
        Opt::flag('u', "udp", "send datagrams"),
        Opt::flag('R', "reverse", "the server sends"),
        Opt::value('p', "port", "PORT", "the port of the server (5001)"),
        Opt::value('t', "time", "SECONDS", "how long to send (10)"),
        Opt::value('n', "num", "BYTES", "how much to send, instead of how long"),
        Opt::value('i', "interval", "SECONDS", "report that often, 0.1 at least"),
        Opt::value('b', "bandwidth", "RATE", "bits a second (1M for UDP; no limit for TCP)"),
        Opt::value('l', "len", "BYTES", "octets a write (128K; 1450 for UDP)"),
        Opt::value('w', "window", "BYTES", "the size of the socket buffers"),
        Opt::value('P', "parallel", "COUNT", "streams of a client; a server ends after as many"),
        Opt::value('B', "bind", "HOST", "the local address"),
        Opt::flag(
            'e',
            "enhanced",
            "TCP: writes, retransmissions, round-trip times; sizes of reads",
        ),
        Opt::value('f', "format", "LETTER", "rates in k, m, g (bits), K, M, G (bytes), a or A"),
        Opt::flag('N', "nodelay", "send short segments at once (TCP_NODELAY)"),
        Opt::flag('V', "ipv6_domain", "IPv6, which is all there is"),
        Opt { short: Some('6'), ..Opt::long("", rt::options::Argument::None, "the same") },
    ],
    status: 1,
    hint: Hint::TryHelp,
    permute: true,
};

/// What the program is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mode {
    /// A server.
    Serve,
    /// A client of this host.
    Connect(String),
}

/// What the command line says.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "a field for each option of the command line")]
pub struct Options {
    /// Server or client.
    pub mode: Mode,
    /// UDP rather than TCP.
    pub udp: bool,
    /// The server sends.
    pub reverse: bool,
    /// The port of the server.
    pub port: u16,
    /// How much to send.
    pub amount: Amount,
    /// Between reports, microseconds.
    pub interval: Option<u64>,
    /// Bits a second; `None` is no limit.
    pub rate: Option<u64>,
    /// Octets a write or datagram.
    pub length: usize,
    /// Octets of the socket buffers.
    pub window: Option<usize>,
    /// Count of streams; `None` for a server that does not end.
    pub streams: Option<usize>,
    /// The local address.
    pub bind: Option<String>,
    /// How rates are printed.
    pub format: Format,
    /// TCP_NODELAY.
    pub no_delay: bool,
    /// More about each stream of TCP.
    pub enhanced: bool,
}

fn number(text: &str, what: &str, least: u64, most: u64) -> Result<u64, String> {
    amount(text.as_bytes())
        .filter(|number| (least..=most).contains(number))
        .ok_or_else(|| format!("invalid {what} '{text}': {least} to {most}"))
}

fn time(text: &str, what: &str, least: u64) -> Result<u64, String> {
    rt::number::duration(text.as_bytes())
        .and_then(|time| u64::try_from(time.as_micros()).ok())
        // The header counts hundredths of a second in 31 bits.
        .filter(|time| (least..=u64::from(i32::MAX as u32) * 10_000).contains(time))
        .ok_or_else(|| format!("invalid {what} '{text}'"))
}

/// Understands a command line.
pub fn parse(items: impl Iterator<Item = Item>) -> Result<Options, String> {
    let mut serve = false;
    let mut host = None;
    let mut length = None;
    let mut sending = None;
    let mut options = Options {
        mode: Mode::Serve,
        udp: false,
        reverse: false,
        port: PORT,
        amount: Amount::Time(TIME),
        interval: None,
        rate: None,
        length: TCP_LENGTH,
        window: None,
        streams: None,
        bind: None,
        format: Format::Bits,
        no_delay: false,
        enhanced: false,
    };
    for item in items {
        let (letter, value) = match item {
            Item::Operand(operand) => return Err(format!("extra operand '{operand}'")),
            Item::Long(name, _) => return Err(format!("unrecognized option '--{name}'")),
            Item::Option(letter, value) => {
                (letter, value.map(ToString::to_string).unwrap_or_default())
            }
        };
        if matches!(letter, 'R' | 't' | 'n' | 'b' | 'N') {
            sending = Some(letter);
        }
        match letter {
            's' => serve = true,
            'c' => host = Some(value),
            'u' => options.udp = true,
            'R' => options.reverse = true,
            'p' => options.port = number(&value, "port", 1, u16::MAX.into())? as u16,
            't' => options.amount = Amount::Time(time(&value, "time", 10_000)?),
            'n' => {
                // The header has 31 bits for it.
                let most = i32::MAX as u64;
                options.amount = Amount::Bytes(number(&value, "amount", 1, most)?);
            }
            'i' => options.interval = Some(time(&value, "interval", SECOND / 10)?),
            'b' => options.rate = Some(number(&value, "rate", 1, 1 << 40)?),
            'l' => length = Some(value),
            'w' => {
                let most = i32::MAX as u64;
                options.window = Some(number(&value, "window", 1, most)? as usize);
            }
            'P' => {
                let count = number(&value, "number of streams", 1, MOST_STREAMS)?;
                options.streams = Some(count as usize);
            }
            'B' => options.bind = Some(value),
            'f' => {
                options.format = Format::parse(value.as_bytes())
                    .ok_or_else(|| format!("invalid format '{value}'"))?;
            }
            'N' => options.no_delay = true,
            'e' => options.enhanced = true,
            _ => {}
        }
    }
    options.mode = match (serve, host) {
        (true, None) => Mode::Serve,
        (false, Some(host)) => Mode::Connect(host),
        (true, Some(_)) => return Err("either -s or -c HOST, not both".into()),
        (false, None) => return Err("-s or -c HOST is needed".into()),
    };
    if let (Mode::Serve, Some(letter)) = (&options.mode, sending) {
        return Err(format!("-{letter} is for a client"));
    }
    if options.udp {
        options.length = UDP_LENGTH;
        options.rate = options.rate.or(Some(UDP_RATE));
    }
    if let Some(text) = length {
        let (least, most) =
            if options.udp { (UDP_SHORTEST, UDP_LONGEST) } else { (1, TCP_LONGEST) };
        options.length = number(&text, "length", least as u64, most as u64)? as usize;
    }
    Ok(options)
}

#[cfg(test)]
mod tests {
    use alloc::string::String;
    use alloc::vec::Vec;

    use rt::bstr::BStr;
    use rt::options::Item;

    use super::{Amount, Format, Mode, Options, parse};

    /// `-xVALUE` is an option with an argument, `-x` one without, the rest are operands.
    fn options(line: &'static str) -> Result<Options, String> {
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
    fn understood() {
        let server = options("-s -u -i0.5 -p7").unwrap();
        assert_eq!((server.mode, server.udp, server.port), (Mode::Serve, true, 7));
        assert_eq!((server.interval, server.streams), (Some(500_000), None));
        let client = options("-c::1 -t2 -w64K -P3 -fM -b10m").unwrap();
        assert_eq!(client.mode, Mode::Connect("::1".into()));
        assert_eq!((client.amount, client.length), (Amount::Time(2_000_000), 131_072));
        assert_eq!((client.window, client.streams), (Some(65536), Some(3)));
        assert_eq!((client.format, client.rate), (Format::FixedBytes(2), Some(10_000_000)));
        let client = options("-u -c::1 -n1M -R").unwrap();
        assert_eq!((client.amount, client.length), (Amount::Bytes(1 << 20), 1450));
        assert_eq!((client.rate, client.reverse), (Some(1 << 20), true));
    }

    #[test]
    fn refusals() {
        for (line, message) in [
            ("", "-s or -c HOST is needed"),
            ("-s -c::1", "either -s or -c HOST, not both"),
            ("-s x", "extra operand 'x'"),
            ("-s -p0", "invalid port '0': 1 to 65535"),
            ("-s -p65536", "invalid port '65536': 1 to 65535"),
            ("-s -R", "-R is for a client"),
            ("-c::1 -t0", "invalid time '0'"),
            ("-c::1 -tx", "invalid time 'x'"),
            ("-c::1 -i0.01", "invalid interval '0.01'"),
            ("-c::1 -P0", "invalid number of streams '0': 1 to 128"),
            ("-c::1 -u -l75", "invalid length '75': 76 to 65527"),
            ("-c::1 -l0", "invalid length '0': 1 to 16777216"),
            ("-c::1 -fx", "invalid format 'x'"),
            ("-c::1 -n3G", "invalid amount '3G': 1 to 2147483647"),
        ] {
            assert_eq!(options(line), Err(message.into()), "{line}");
        }
    }
}
