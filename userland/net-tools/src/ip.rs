//! `ip`: shows and changes links, addresses, routes and neighbors, as iproute2's program does.
//!
//! For each object there is a module that reads the kernel's messages and prints them, and one with
//! the suffix `_command` that reads the command line and asks the kernel. What is printed, the
//! abbreviations, the error messages and the exit statuses are those of iproute2 6.1.
//!
//! It does not do: other objects (rules, namespaces, tunnels), JSON, colors, batch files.

pub mod address;
pub mod address_command;
pub mod address_label;
pub mod arguments;
pub mod failure;
pub mod interfaces;
pub mod link;
pub mod link_command;
pub mod maddress;
pub mod monitor;
pub mod names;
pub mod neighbor;
pub mod neighbor_command;
pub mod route;
pub mod route_command;
pub mod router_option;
pub mod session;
pub mod statistics;
pub mod style;
pub mod vlan;

use alloc::format;
use alloc::string::String;

use arguments::{Family, Words, matches};
use failure::Failure;
use session::Session;
use style::Style;

/// What `ip help` prints.
pub const USAGE: &str = "\
Usage: ip [ OPTIONS ] OBJECT { COMMAND | help }
where  OBJECT := { address | addrlabel | help | link | maddress | monitor |
                   neighbor | neighbour | route }
       OPTIONS := { -V[ersion] | -s[tatistics] | -d[etails] |
                    -f[amily] { inet | inet6 | link } |
                    -4 | -6 | -0 | -br[ief] | -o[neline] | -h[elp] }
Words may be shortened: `ip a`, `ip r`, `ip n`, `ip l`.
Without -4 or -6 `ip route` shows IPv4 routes, and where there are none, IPv6 routes.
";

/// Something a run of the program can do, and its name.
type Object = (&'static str, fn(&mut Session, Words<'_>) -> Result<(), Failure>);

/// The objects, in the order in which abbreviations find them.
const OBJECTS: [Object; 8] = [
    ("address", address_command::run),
    ("addrlabel", address_label::run),
    ("maddress", maddress::run),
    ("route", route_command::run),
    ("neighbor", neighbor_command::run),
    ("neighbour", neighbor_command::run),
    ("link", link_command::run),
    ("monitor", monitor::run),
];

/// Reads the options before the object; `None` when all is said already.
fn options(words: &mut Words<'_>) -> Result<Option<Style>, Failure> {
    let mut style = Style::default();
    while let Some(word) = words.peek().filter(|word| word.starts_with('-')) {
        words.next();
        if word == "--" {
            break;
        }
        // Two dashes are as good as one.
        let option = word.strip_prefix('-').filter(|rest| rest.starts_with('-')).unwrap_or(word);
        match option {
            "-4" => style.family = Family::Inet,
            "-6" => style.family = Family::Inet6,
            "-0" => style.family = Family::Link,
            // `-br` needs two letters, for `-b` is `-batch`.
            _ if option.len() > 2 && matches(option, "-brief") => style.brief = true,
            _ if option.len() == 1 => {}
            _ if matches(option, "-family") => {
                style.family = match words.value()? {
                    "inet" => Family::Inet,
                    "inet6" => Family::Inet6,
                    "link" => Family::Link,
                    other => return Err(Failure::invalid(other, "invalid protocol family")),
                }
            }
            _ if matches(option, "-statistics") || matches(option, "-stats") => {
                style.statistics = style.statistics.saturating_add(1);
            }
            _ if matches(option, "-details") => style.details = true,
            _ if matches(option, "-oneline") => style.one_line = true,
            _ if option.len() > 2 && matches(option, "-color") || option == "-c" => {}
            _ if option.len() > 2 && matches(option, "-Numeric") || option == "-N" => {}
            _ if matches(option, "-Version") => {
                rt::println!("ip utility, net-tools-{}", env!("CARGO_PKG_VERSION"));
                return Ok(None);
            }
            _ if matches(option, "-help") => {
                rt::print!("{USAGE}");
                return Ok(None);
            }
            _ => {
                let text = format!("Option \"{word}\" is unknown, try \"ip -help\".");
                return Err(Failure::usage(text));
            }
        }
    }
    Ok(Some(style))
}

fn command(words: &[String]) -> Result<(), Failure> {
    let mut words = Words::new(words);
    let Some(style) = options(&mut words)? else { return Ok(()) };
    let Some(object) = words.next() else {
        return Err(Failure::usage(USAGE.trim_end()));
    };
    if let Some((_, run)) = OBJECTS.iter().find(|(name, _)| matches(object, name)) {
        let wants_help = words.peek().is_some_and(|word| matches!(word, "--help" | "-h" | "-help"));
        if wants_help {
            rt::print!("{}", object_usage(object));
            return Ok(());
        }
        return run(&mut Session::open(style)?, words);
    }
    if matches(object, "help") {
        return Err(Failure::usage(USAGE.trim_end()));
    }
    Err(Failure::other(format!("Object \"{object}\" is unknown, try \"ip help\".")))
}

/// The usage text of an object.
fn object_usage(object: &str) -> &'static str {
    let usages = [
        ("address", address_command::USAGE),
        ("maddress", maddress::USAGE),
        ("route", route_command::USAGE),
        ("neighbour", neighbor_command::USAGE),
        ("neighbor", neighbor_command::USAGE),
        ("link", link_command::USAGE),
        ("monitor", monitor::USAGE),
    ];
    usages.iter().find(|(name, _)| matches(object, name)).map_or(USAGE, |(_, usage)| usage)
}

/// Runs the program with the words after its name; returns the exit status.
#[must_use]
pub fn run(words: &[String]) -> u8 {
    match command(words) {
        Ok(()) => 0,
        Err(failure) => {
            rt::output::flush();
            if !failure.message.is_empty() {
                rt::eprintln!("{}", failure.message);
            }
            failure.status
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::String;
    use alloc::vec::Vec;

    use super::{Family, OBJECTS, Style, Words, matches, object_usage, options};

    fn parse(line: &str) -> Result<Option<Style>, String> {
        let words: Vec<String> = line.split_whitespace().map(String::from).collect();
        options(&mut Words::new(&words)).map_err(|failure| failure.message)
    }

    #[test]
    fn options_before_the_object() {
        let style = parse("-s -s -6 -o -d addr").unwrap().unwrap();
        let expected = Style {
            family: Family::Inet6,
            statistics: 2,
            details: true,
            one_line: true,
            brief: false,
        };
        assert_eq!(style, expected);
        assert!(parse("-br link").unwrap().unwrap().brief);
        assert!(parse("--brief link").unwrap().unwrap().brief);
        assert_eq!(parse("-f inet6 route").unwrap().unwrap().family, Family::Inet6);
        assert_eq!(parse("-z addr"), Err("Option \"-z\" is unknown, try \"ip -help\".".into()));
        assert_eq!(parse("-f"), Err("Command line is not complete. Try option \"help\"".into()));
    }

    #[test]
    fn short_objects() {
        let object =
            |word| OBJECTS.iter().find(|(name, _)| matches(word, name)).map(|(name, _)| *name);
        for (word, name) in [
            ("a", "address"),
            ("r", "route"),
            ("n", "neighbor"),
            ("neighb", "neighbor"),
            ("neighbour", "neighbour"),
            ("l", "link"),
            ("m", "maddress"),
            ("mon", "monitor"),
        ] {
            assert_eq!(object(word), Some(name), "{word}");
        }
        assert_eq!(object("foo"), None);
        assert!(object_usage("a").starts_with("Usage: ip address"));
    }
}
