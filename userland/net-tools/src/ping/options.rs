//! The command line of `ping6`.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use rt::options::{Hint, Item, Opt, Tool};

use super::echo::MAX_DATA;

/// How the program is called.
pub static TOOL: Tool = Tool {
    name: "ping6",
    usage: "[options] <destination>",
    about: "Sends ICMPv6 echo requests to an address and tells what comes back.",
    options: &[
        Opt::flag('3', "", "RTT precision (do not round up the result time)"),
        Opt::flag('6', "", "use IPv6, as always"),
        Opt::flag('a', "", "use audible ping"),
        Opt::flag('A', "", "use adaptive ping"),
        Opt::value('c', "", "<count>", "stop after <count> replies"),
        Opt::flag('D', "", "print timestamps"),
        Opt::flag('f', "", "flood ping"),
        Opt::flag('h', "", "print help and exit"),
        Opt::flag('H', "", "resolve addresses to names, override -n"),
        Opt::value('I', "", "<interface>", "either interface name or address"),
        Opt::value('i', "", "<interval>", "seconds between sending each packet"),
        Opt::flag('L', "", "suppress loopback of multicast packets"),
        Opt::value('l', "", "<preload>", "send <preload> packets without waiting for replies"),
        Opt::value('M', "", "<pmtud>", "path MTU discovery: do, dont, want or probe"),
        Opt::flag('n', "", "no resolution of addresses to names"),
        Opt::flag('O', "", "report outstanding replies"),
        Opt::value('p', "", "<pattern>", "contents of padding byte"),
        Opt::flag('q', "", "quiet output"),
        Opt::value('Q', "", "<tclass>", "the traffic class of the requests"),
        Opt::value('s', "", "<size>", "use <size> as number of data bytes to be sent"),
        Opt::value('S', "", "<size>", "use <size> as SO_SNDBUF socket option value"),
        Opt::value('t', "", "<ttl>", "define the hop limit"),
        Opt::flag('U', "", "print user-to-user latency, as always"),
        Opt::flag('v', "", "verbose output"),
        Opt::flag('V', "", "print version and exit"),
        Opt::value('w', "", "<deadline>", "reply wait <deadline> in seconds"),
        Opt::value('W', "", "<timeout>", "time to wait for response"),
    ],
    status: 2,
    hint: Hint::Usage,
    permute: true,
};

/// The least interval for those who are not root, milliseconds.
const LEAST_USER_INTERVAL: u32 = 2;
/// The longest preload for those who are not root.
const MOST_USER_PRELOAD: u32 = 3;

/// What the command line says.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a letter on the command line")]
pub struct Options {
    /// The destination as it was written.
    pub destination: String,
    /// `-a`
    pub audible: bool,
    /// `-A`
    pub adaptive: bool,
    /// `-c`
    pub count: Option<u64>,
    /// `-D`
    pub timestamps: bool,
    /// `-f`
    pub flood: bool,
    /// `-I`
    pub interface: Option<String>,
    /// `-i`, milliseconds.
    pub interval: u32,
    /// `-L`
    pub no_loop: bool,
    /// `-l`
    pub preload: u32,
    /// `-M`: an IPV6_PMTUDISC number.
    pub path_mtu_discovery: Option<i32>,
    /// `-n`
    pub numeric: bool,
    /// `-O`
    pub outstanding: bool,
    /// `-p`: what the data repeats.
    pub pattern: Option<Vec<u8>>,
    /// `-3`
    pub precise: bool,
    /// `-q`
    pub quiet: bool,
    /// `-Q`
    pub traffic_class: Option<u8>,
    /// `-s`, bytes.
    pub size: usize,
    /// `-S`, bytes.
    pub send_buffer: Option<u32>,
    /// `-t`
    pub hop_limit: Option<u8>,
    /// `-v`
    pub verbose: bool,
    /// `-w`, seconds.
    pub deadline: Option<u32>,
    /// `-W`, microseconds.
    pub linger: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            destination: String::new(),
            audible: false,
            adaptive: false,
            count: None,
            timestamps: false,
            flood: false,
            interface: None,
            interval: 1000,
            no_loop: false,
            preload: 1,
            path_mtu_discovery: None,
            numeric: false,
            outstanding: false,
            pattern: None,
            precise: false,
            quiet: false,
            traffic_class: None,
            size: 56,
            send_buffer: None,
            hop_limit: None,
            verbose: false,
            deadline: None,
            linger: 10_000_000,
        }
    }
}

/// A command line that is not to be carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The whole help text is due, with status 2.
    Usage,
    /// `-V`.
    Version,
    /// A message and the status.
    Wrong(u8, String),
}

fn wrong(message: impl Into<String>) -> Refusal {
    Refusal::Wrong(2, message.into())
}

/// A whole number between two bounds.
fn number(text: &str, least: u64, most: u64) -> Result<u64, Refusal> {
    let refuse = |reason: &str| Refusal::Wrong(1, format!("invalid argument: '{text}'{reason}"));
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(refuse(""));
    }
    let value = text.parse().ok().filter(|value| (least..=most).contains(value));
    value.ok_or_else(|| refuse(&format!(": out of range: {least} <= value <= {most}")))
}

/// A time in seconds with an optional fraction, in microseconds.
fn seconds(text: &str) -> Option<u64> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let time = rt::number::duration(text.as_bytes()).filter(|_| plain)?;
    u64::try_from(time.as_micros()).ok().filter(|time| *time <= i32::MAX as u64 * 1000)
}

/// Bytes in hexadecimal, two digits each; the last one may have one digit; at most 16 bytes.
fn pattern(text: &str) -> Option<Vec<u8>> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let bytes = text.as_bytes().chunks(2).take(16);
    bytes
        .map(|pair| {
            core::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok())
        })
        .collect()
}

/// Understands a command line; `root` is exempt from the limits against floods.
pub fn parse(items: impl Iterator<Item = Item>, root: bool) -> Result<Options, Refusal> {
    let mut options = Options::default();
    let mut interval = None;
    let mut destination = None;
    for item in items {
        let (letter, text) = match item {
            Item::Operand(operand) => {
                if destination.is_some() {
                    return Err(Refusal::Usage);
                }
                destination = Some(operand.to_string());
                continue;
            }
            Item::Long(..) => return Err(Refusal::Usage),
            Item::Option(letter, value) => (letter, value.map(ToString::to_string)),
        };
        let text = text.unwrap_or_default();
        let most = i32::MAX as u64;
        match letter {
            '3' => options.precise = true,
            'a' => options.audible = true,
            'A' => options.adaptive = true,
            'c' => options.count = Some(number(&text, 1, i64::MAX as u64)?),
            'D' => options.timestamps = true,
            'f' => {
                options.flood = true;
                // Nobody waits for names in a flood.
                options.numeric = true;
            }
            'h' => return Err(Refusal::Usage),
            'H' => options.numeric = false,
            'I' => options.interface = Some(text),
            'i' => {
                let time = seconds(&text).map(|time| (time / 1000) as u32);
                let bad = || wrong(format!("bad timing interval: {text}"));
                interval = Some(time.ok_or_else(bad)?);
            }
            'L' => options.no_loop = true,
            'l' => {
                options.preload = number(&text, 1, 65536)? as u32;
                if !root && options.preload > MOST_USER_PRELOAD {
                    return Err(wrong(format!(
                        "cannot set preload to value greater than 3: {}",
                        options.preload
                    )));
                }
            }
            'M' => {
                use linux_raw_sys::net as mode;
                options.path_mtu_discovery = Some(match text.as_str() {
                    "do" => mode::IPV6_PMTUDISC_DO,
                    "dont" => mode::IPV6_PMTUDISC_DONT,
                    "want" => mode::IPV6_PMTUDISC_WANT,
                    "probe" => mode::IPV6_PMTUDISC_PROBE,
                    _ => return Err(wrong(format!("invalid -M argument: {text}"))),
                } as i32);
            }
            'n' => options.numeric = true,
            'O' => options.outstanding = true,
            'p' => {
                let bad = || wrong(format!("patterns must be specified as hex digits: {text}"));
                options.pattern = Some(pattern(&text).ok_or_else(bad)?);
            }
            'q' => options.quiet = true,
            'Q' => {
                let hexadecimal = text.strip_prefix("0x").and_then(|digits| {
                    u8::from_str_radix(digits, 16).ok().filter(|_| !digits.starts_with('+'))
                });
                options.traffic_class = Some(match hexadecimal {
                    Some(class) => class,
                    None => number(&text, 0, 255)? as u8,
                });
            }
            's' => options.size = number(&text, 0, MAX_DATA as u64)? as usize,
            'S' => options.send_buffer = Some(number(&text, 1, most)? as u32),
            't' => options.hop_limit = Some(number(&text, 0, 255)? as u8),
            'v' => options.verbose = true,
            'V' => return Err(Refusal::Version),
            'w' => {
                options.deadline = Some(number(&text, 0, most)? as u32).filter(|time| *time != 0);
            }
            'W' => {
                let bad = || wrong(format!("bad linger time: {text}"));
                options.linger = seconds(&text).ok_or_else(bad)?;
            }
            // `-6` and `-U` ask for what is done anyway.
            _ => {}
        }
    }
    options.destination =
        destination.ok_or_else(|| wrong("usage error: Destination address required"))?;
    options.interval = interval.unwrap_or(if options.flood { 0 } else { 1000 });
    if !root && options.interval < LEAST_USER_INTERVAL {
        return Err(wrong(format!(
            "cannot flood, minimal interval for user must be >= {LEAST_USER_INTERVAL} ms, use -i \
             0.002 (or higher)"
        )));
    }
    Ok(options)
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use rt::bstr::BStr;
    use rt::options::Item;

    use super::{Options, Refusal, parse};

    /// `-xVALUE` is an option with an argument, `-x` one without, the rest are operands.
    fn items(line: &'static str) -> Vec<Item> {
        line.split_whitespace()
            .map(|word| match word.strip_prefix('-') {
                Some(option) => {
                    let (letter, value) = option.split_at(1);
                    let value = (!value.is_empty()).then(|| BStr::new(value));
                    Item::Option(letter.chars().next().unwrap(), value)
                }
                None => Item::Operand(BStr::new(word)),
            })
            .collect()
    }

    fn options(line: &'static str) -> Result<Options, Refusal> {
        parse(items(line).into_iter(), true)
    }

    #[test]
    fn everything() {
        let found =
            options("-c3 -i0.2 -s100 -W1.5 -w9 -Iusb0 -t9 -q -n -p0aff1 -Q0x1c ::1").unwrap();
        assert_eq!(
            found,
            Options {
                destination: "::1".into(),
                count: Some(3),
                interval: 200,
                size: 100,
                linger: 1_500_000,
                deadline: Some(9),
                interface: Some("usb0".into()),
                hop_limit: Some(9),
                quiet: true,
                numeric: true,
                pattern: Some(Vec::from([0x0a, 0xff, 1])),
                traffic_class: Some(0x1c),
                ..Options::default()
            }
        );
        let flood = options("-f ::1").unwrap();
        assert_eq!((flood.interval, flood.numeric), (0, true));
        assert_eq!(options("-f -i0.5 ::1").unwrap().interval, 500);
    }

    #[test]
    fn refusals() {
        for (line, status, message) in [
            ("", 2, "usage error: Destination address required"),
            ("-cx ::1", 1, "invalid argument: 'x'"),
            (
                "-c0 ::1",
                1,
                "invalid argument: '0': out of range: 1 <= value <= 9223372036854775807",
            ),
            ("-t999 ::1", 1, "invalid argument: '999': out of range: 0 <= value <= 255"),
            ("-t-1 ::1", 1, "invalid argument: '-1': out of range: 0 <= value <= 255"),
            ("-s65528 ::1", 1, "invalid argument: '65528': out of range: 0 <= value <= 65527"),
            ("-i-1 ::1", 2, "bad timing interval: -1"),
            ("-ix ::1", 2, "bad timing interval: x"),
            ("-W1s ::1", 2, "bad linger time: 1s"),
            ("-pxyz ::1", 2, "patterns must be specified as hex digits: xyz"),
            ("-Mmaybe ::1", 2, "invalid -M argument: maybe"),
        ] {
            assert_eq!(options(line), Err(Refusal::Wrong(status, message.into())), "{line}");
        }
        assert_eq!(options("-h"), Err(Refusal::Usage));
        assert_eq!(options("::1 ::2"), Err(Refusal::Usage));
        assert_eq!(options("-V"), Err(Refusal::Version));
    }

    #[test]
    fn limits_of_ordinary_users() {
        let user = |line| parse(items(line).into_iter(), false);
        assert!(user("-i0.002 ::1").is_ok());
        for line in ["-f ::1", "-i0.001 ::1", "-l4 ::1"] {
            assert!(matches!(user(line), Err(Refusal::Wrong(2, _))), "{line}");
        }
    }
}
