//! `ifconfig`: the old way to look at interfaces, in the format of net-tools 2.10, over rtnetlink.
//!
//! It switches interfaces on and off and changes what else is easily said: MTU, IPv6 addresses,
//! flags, queue length. For everything else there is `ip`.

pub mod change;
pub mod show;

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::ip::failure::Failure;
use crate::ip::interfaces::read_links;
use crate::ip::link::UP;
use crate::ip::session::Session;
use crate::ip::style::Style;

/// What `ifconfig --help` prints.
pub const USAGE: &str = "\
Usage:
  ifconfig [-a] [-s] [<interface>]
  ifconfig <interface> [[inet6] add <address>[/<prefixlen>]]
           [[inet6] del <address>[/<prefixlen>]]
           [mtu <NN>] [txqueuelen <NN>]
           [[-]arp] [[-]allmulti] [[-]multicast] [[-]promisc]
           [up|down] ...
";

/// How a run ends that does not work: the status and lines for standard error.
type Outcome = Result<(), (u8, String)>;

/// Most things end with status 1.
fn fail(failure: Failure) -> (u8, String) {
    (1, failure.message)
}

/// What the command line asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Request<'a> {
    /// `-a`: interfaces that are down as well.
    all: bool,
    /// `-s`: a line each.
    short: bool,
    interface: Option<&'a str>,
    /// What to change.
    changes: &'a [String],
}

/// A command line that is not to be carried out.
#[derive(Debug, PartialEq, Eq)]
enum Refusal {
    Help,
    Version,
    Wrong(String),
}

fn parse(words: &[String]) -> Result<Request<'_>, Refusal> {
    let mut request = Request::default();
    for (place, word) in words.iter().enumerate() {
        match word.as_str() {
            "-a" => request.all = true,
            "-s" => request.short = true,
            "-v" => {}
            "-V" | "--version" => return Err(Refusal::Version),
            "-?" | "-h" | "--help" => return Err(Refusal::Help),
            option if option.starts_with('-') => {
                return Err(Refusal::Wrong(format!("option `{option}' not recognised.")));
            }
            interface => {
                request.interface = Some(interface);
                request.changes = words.get(place + 1..).unwrap_or_default();
                break;
            }
        }
    }
    Ok(request)
}

/// The place of a name in the listing: letters first, then the number at its end.
fn order(name: &str) -> (&str, u32) {
    let letters = name.trim_end_matches(|letter: char| letter.is_ascii_digit());
    (letters, name.get(letters.len()..).and_then(|digits| digits.parse().ok()).unwrap_or(0))
}

fn run_request(request: &Request<'_>) -> Outcome {
    let mut session = Session::open(Style::default()).map_err(fail)?;
    let mut links = read_links(&mut session.socket, 0).map_err(|error| (1, error.to_string()))?;
    if let Some(name) = request.interface {
        let found = links.iter().find(|link| link.name == name);
        if !request.changes.is_empty() {
            let message = "ERROR while getting interface flags: No such device";
            let link = found.ok_or((255, format!("{name}: {message}")))?;
            return change::apply(&mut session, link, request.changes)
                .map_err(|message| (1, message));
        }
        if found.is_none() {
            let message = "error fetching interface information: Device not found";
            return Err((1, format!("{name}: {message}")));
        }
        links.retain(|link| link.name == name);
    } else if !request.all {
        links.retain(|link| link.flags & UP != 0);
    }
    links.sort_by(|one, other| order(&one.name).cmp(&order(&other.name)));
    if request.short {
        rt::print!("{}", show::short(&links));
        return Ok(());
    }
    let addresses = show::addresses(&mut session).map_err(fail)?;
    for link in &links {
        let own = addresses.iter().filter(|address| address.index == link.index);
        rt::println!("{}", show::text(link, &own.collect::<Vec<_>>()));
    }
    Ok(())
}

/// Runs the program with the words after its name; returns the exit status.
#[must_use]
pub fn run(words: &[String]) -> u8 {
    let outcome = match parse(words) {
        Ok(request) => run_request(&request),
        Err(Refusal::Help) => {
            rt::print!("{USAGE}");
            return 0;
        }
        Err(Refusal::Version) => {
            rt::println!("net-tools {}", env!("CARGO_PKG_VERSION"));
            return 0;
        }
        Err(Refusal::Wrong(message)) => {
            rt::warn!("{message}");
            Err((1, "ifconfig: `--help' gives usage information.".into()))
        }
    };
    let Err((status, message)) = outcome else { return 0 };
    rt::output::flush();
    rt::eprintln!("{message}");
    status
}

/// An interface for tests.
#[cfg(test)]
fn example() -> crate::ip::link::Link {
    crate::ip::link::Link {
        index: 2,
        name: "usb0".into(),
        kind: 1,
        flags: 0x1_1043,
        mtu: Some(1500),
        address: Some(Vec::from([0x40, 0x54, 0, 0x12, 0x34, 0x56])),
        queue_length: Some(1000),
        ..crate::ip::link::Link::default()
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::String;
    use alloc::vec::Vec;

    use super::{Refusal, order, parse};

    #[test]
    fn command_lines() {
        let words: Vec<String> = ["-a", "usb0", "mtu", "1280", "-promisc"].map(String::from).into();
        let request = parse(&words).unwrap();
        assert!(request.all && !request.short);
        assert_eq!(request.interface, Some("usb0"));
        assert_eq!(request.changes, ["mtu", "1280", "-promisc"]);
        let words = [String::from("-Z")];
        assert_eq!(parse(&words), Err(Refusal::Wrong("option `-Z' not recognised.".into())));
        assert_eq!(parse(&["--help".into()]), Err(Refusal::Help));
    }

    #[test]
    fn names_in_order() {
        let mut names = ["usb10", "lo", "usb2", "eth0"];
        names.sort_by(|one, other| order(one).cmp(&order(other)));
        assert_eq!(names, ["eth0", "lo", "usb2", "usb10"]);
    }
}
