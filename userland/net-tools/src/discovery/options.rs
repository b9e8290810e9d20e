//! The command lines of `rdisc6` and `ndisc6`.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use rt::options::{Item, Opt, Tool};

/// The options of both programs.
macro_rules! options {
    ($quiet:literal, $wait:literal) => {
        &[
            Opt::flag('1', "single", "display first response and exit"),
            Opt::flag('d', "no-solicit", "don't send any solicitation messages"),
            Opt::flag('h', "", "display this help and exit"),
            Opt::flag('m', "multiple", "wait and display all responses"),
            Opt::flag('n', "numeric", "don't resolve host names"),
            Opt::flag('q', "quiet", $quiet),
            Opt::value('r', "retry", "ATTEMPTS", "maximum number of attempts (default: 3)"),
            Opt::value('s', "source", "ADDRESS", "specify source IPv6 address"),
            Opt::flag('V', "version", "display program version and exit"),
            Opt::flag('v', "verbose", "verbose display (this is the default)"),
            Opt::value('w', "wait", "MS", $wait),
        ]
    };
}

/// How `rdisc6` is called.
pub static RDISC6: Tool = Tool::new(
    "rdisc6",
    "[options] [IPv6 address] <interface>",
    "Solicits on-link IPv6 routers (Router Discovery)",
    options!(
        "only print the advertised prefixes (mainly for scripts)",
        "how long to wait for a response [ms] (default: 4000)"
    ),
)
.with_status(2);

/// How `ndisc6` is called.
pub static NDISC6: Tool = Tool::new(
    "ndisc6",
    "[options] <IPv6 address> <interface>",
    "Looks up an on-link IPv6 node link-layer address (Neighbor Discovery)",
    options!(
        "only print the link-layer address (mainly for scripts)",
        "how long to wait for a response [ms] (default: 1000)"
    ),
)
.with_status(2);

/// What the command line says.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a letter on the command line")]
pub struct Options {
    /// The host as it was written.
    pub host: Option<String>,
    /// The name of the interface.
    pub interface: String,
    /// The host must be there.
    pub needs_host: bool,
    /// `-1`, or not `-m`.
    pub single: bool,
    /// Not `-d`.
    pub solicit: bool,
    /// `-n`
    pub numeric: bool,
    /// `-q`
    pub quiet: bool,
    /// `-r`
    pub attempts: u32,
    /// `-s`
    pub source: Option<String>,
    /// `-w`, milliseconds.
    pub wait: u32,
}

impl Options {
    /// What `rdisc6` does when nothing else is said: RFC 4861 MAX_RTR_SOLICITATIONS times,
    /// RTR_SOLICITATION_INTERVAL apart, and all routers may answer.
    #[must_use]
    pub fn rdisc6() -> Self {
        Self {
            host: None,
            interface: String::new(),
            needs_host: false,
            single: false,
            solicit: true,
            numeric: false,
            quiet: false,
            attempts: 3,
            source: None,
            wait: 4000,
        }
    }

    /// What `ndisc6` does when nothing else is said: RFC 4861 MAX_MULTICAST_SOLICIT times,
    /// RETRANS_TIMER apart, and the first answer will do.
    #[must_use]
    pub fn ndisc6() -> Self {
        Self { needs_host: true, single: true, wait: 1000, ..Self::rdisc6() }
    }
}

/// A command line that is not to be carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// `-h`
    Help,
    /// `-V`
    Version,
    /// It is wrong.
    Usage,
}

/// Understands a command line; `options` holds what is so when nothing is said.
pub fn parse(items: impl Iterator<Item = Item>, mut options: Options) -> Result<Options, Refusal> {
    let mut operands = Vec::new();
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
        let number = || text.parse::<u32>().map_err(|_| Refusal::Usage);
        match letter {
            '1' => options.single = true,
            'd' => options.solicit = false,
            'h' => return Err(Refusal::Help),
            'm' => options.single = false,
            'n' => options.numeric = true,
            'q' => options.quiet = true,
            'r' => options.attempts = number()?,
            's' => options.source = Some(text),
            'V' => return Err(Refusal::Version),
            'v' => options.quiet = false,
            'w' => options.wait = number()?,
            _ => return Err(Refusal::Usage),
        }
    }
    options.interface = operands.pop().ok_or(Refusal::Usage)?;
    options.host = operands.pop();
    let complete = operands.is_empty() && (options.host.is_some() || !options.needs_host);
    complete.then_some(options).ok_or(Refusal::Usage)
}

#[cfg(test)]
mod tests {
    use rt::bstr::BStr;
    use rt::options::Item;

    use super::{Options, Refusal, parse};

    fn understood(line: &'static str, defaults: Options) -> Result<Options, Refusal> {
        let items = line.split_whitespace().map(|word| match word.strip_prefix('-') {
            Some(option) => {
                let (letter, value) = option.split_at(1);
                let value = (!value.is_empty()).then(|| BStr::new(value));
                Item::Option(letter.chars().next().unwrap(), value)
            }
            None => Item::Operand(BStr::new(word)),
        });
        parse(items, defaults)
    }

    #[test]
    fn command_lines() {
        let options = understood("-1 -q -n -r5 -w100 -s::1 usb0", Options::rdisc6()).unwrap();
        let expected = Options {
            interface: "usb0".into(),
            single: true,
            quiet: true,
            numeric: true,
            attempts: 5,
            source: Some("::1".into()),
            wait: 100,
            ..Options::rdisc6()
        };
        assert_eq!(options, expected);
        let options = understood("fe80::1 usb0 -m", Options::ndisc6()).unwrap();
        assert_eq!((options.host.as_deref(), options.single), (Some("fe80::1"), false));
        assert!(understood("-d fe80::1 usb0", Options::rdisc6()).is_ok_and(|o| !o.solicit));
    }

    #[test]
    fn refusals() {
        for line in ["", "-rx fe80::1 usb0", "-w-1 fe80::1 usb0", "fe80::1 usb0 more", "usb0"] {
            assert_eq!(understood(line, Options::ndisc6()), Err(Refusal::Usage), "{line}");
        }
        assert_eq!(understood("-h", Options::ndisc6()), Err(Refusal::Help));
        assert_eq!(understood("-V", Options::rdisc6()), Err(Refusal::Version));
    }
}
