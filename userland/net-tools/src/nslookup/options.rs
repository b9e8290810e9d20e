//! The command line of `nslookup`: words of one dash, as its interactive `set` has them.

use alloc::format;
use alloc::string::String;
use core::net::Ipv6Addr;
use core::time::Duration;

use resolver::Rtype;
use resolver::name::PORT;

/// What `--help` prints.
pub const USAGE: &str = "\
Usage: nslookup [options] NAME|ADDRESS [SERVER]
Asks a name server about a host, or about what an address is called.

  -type=TYPE          AAAA (the default), PTR, TXT, MX, NS, SOA, CNAME, SRV, ANY or a number
                      (also -query=, -querytype=, -q=)
  -port=PORT          the port of the server
  -timeout=SECONDS    how long to wait for answers
  -retry=NUMBER       how often to ask again
  -[no]search         complete short names by the search list, as by default, or not
  -[no]vc             ask over TCP, or over UDP, as by default
      --help          display this help and exit
";

/// What the command line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Whom it is about.
    pub name: String,
    /// Who is asked.
    pub server: Option<String>,
    /// Which records are wanted.
    pub kind: Option<Rtype>,
    /// The port of the server.
    pub port: u16,
    /// How long to wait.
    pub timeout: Option<Duration>,
    /// How often to ask.
    pub attempts: Option<u8>,
    /// Short names are completed.
    pub search: bool,
    /// Over TCP.
    pub stream: bool,
}

impl Options {
    /// Whether the answer begins with who gave it.
    #[must_use]
    pub fn shows_server(&self) -> bool {
        self.kind.is_some() || self.name.parse::<Ipv6Addr>().is_err()
    }
}

/// A command line that is not to be carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The help text is due.
    Help,
    /// It makes no sense.
    Wrong(String),
}

fn wrong(message: String) -> Refusal {
    Refusal::Wrong(message)
}

/// A type by name or number.
fn kind(text: &str) -> Result<Rtype, Refusal> {
    let upper = text.to_ascii_uppercase();
    let number = text.parse().ok().map(Rtype::from_int);
    number
        .or_else(|| upper.parse().ok())
        .ok_or_else(|| wrong(format!("unknown query type: {text}")))
}

fn number(text: &str, least: u64, most: u64) -> Result<u64, Refusal> {
    rt::number::decimal(text.as_bytes())
        .filter(|number| (least..=most).contains(number))
        .ok_or_else(|| wrong(format!("'{text}' is not a number from {least} to {most}")))
}

/// Understands a command line.
pub fn parse(words: &[String]) -> Result<Options, Refusal> {
    let mut options = Options {
        name: String::new(),
        server: None,
        kind: None,
        port: PORT,
        timeout: None,
        attempts: None,
        search: true,
        stream: false,
    };
    for word in words {
        let Some(option) = word.strip_prefix('-').filter(|option| !option.is_empty()) else {
            if options.name.is_empty() {
                options.name.clone_from(word);
            } else if options.server.is_none() {
                options.server = Some(word.clone());
            } else {
                return Err(wrong(format!("extra operand '{word}'")));
            }
            continue;
        };
        let (name, value) = option.split_once('=').unwrap_or((option, ""));
        match name {
            "-help" | "help" | "h" => return Err(Refusal::Help),
            "type" | "query" | "querytype" | "q" | "ty" => options.kind = Some(kind(value)?),
            "port" | "po" => options.port = number(value, 1, 65535)? as u16,
            "timeout" | "t" => {
                options.timeout = Some(Duration::from_secs(number(value, 1, 300)?));
            }
            // Asked again so often after the first time.
            "retry" | "ret" => options.attempts = Some(number(value, 0, 20)? as u8 + 1),
            "search" | "sea" => options.search = true,
            "nosearch" | "nosea" => options.search = false,
            "vc" | "v" => options.stream = true,
            "novc" | "nov" => options.stream = false,
            _ => return Err(wrong(format!("invalid option: {word}"))),
        }
    }
    if options.name.is_empty() {
        return Err(wrong("missing operand".into()));
    }
    Ok(options)
}

#[cfg(test)]
mod tests {
    use alloc::string::{String, ToString};
    use alloc::vec::Vec;

    use resolver::Rtype;

    use super::{Options, Refusal, parse};

    fn options(line: &str) -> Result<Options, Refusal> {
        let words: Vec<String> = line.split_whitespace().map(ToString::to_string).collect();
        parse(&words)
    }

    #[test]
    fn everything() {
        let found =
            options("-type=mx -port=5300 -timeout=3 -retry=0 -nosearch -vc lab fec0::3").unwrap();
        assert_eq!((found.name.as_str(), found.server.as_deref()), ("lab", Some("fec0::3")));
        assert_eq!((found.kind, found.port, found.attempts), (Some(Rtype::MX), 5300, Some(1)));
        assert!(found.stream && !found.search && found.shows_server());
        assert_eq!(options("-q=type65 a").unwrap().kind, Some(Rtype::HTTPS));
        assert_eq!(options("-q=65 a").unwrap().kind, Some(Rtype::HTTPS));
        assert!(!options("2001:db8::1").unwrap().shows_server());
    }

    #[test]
    fn refusals() {
        for (line, message) in [
            ("", "missing operand"),
            ("a b c", "extra operand 'c'"),
            ("-type=bogus a", "unknown query type: bogus"),
            ("-port=0 a", "'0' is not a number from 1 to 65535"),
            ("-nonsense a", "invalid option: -nonsense"),
        ] {
            assert_eq!(options(line), Err(Refusal::Wrong(message.into())), "{line}");
        }
        assert_eq!(options("--help"), Err(Refusal::Help));
    }
}
