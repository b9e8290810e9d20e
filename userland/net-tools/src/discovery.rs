//! `rdisc6` and `ndisc6`: one Router or Neighbor Solicitation (RFC 4861) by hand, and what is
//! answered, as the programs of the ndisc6 package do: the same lines, the same exit statuses (0 an
//! answer came, 1 it could not be tried, 2 none came or the command line was wrong).

pub mod link_socket;
pub mod neighbor;
pub mod options;
pub mod router;
pub mod session;

use options::{Options, Refusal};
use rt::options::Tool;

/// What the two programs differ in.
pub trait Question {
    /// Where the solicitation goes: the address on the command line makes it.
    fn destination(&self) -> core::net::Ipv6Addr;

    /// The solicitation, with the sender's link-layer address where it has one.
    fn solicitation(&self, link_address: Option<&[u8]>) -> alloc::vec::Vec<u8>;

    /// The ICMPv6 type of an answer.
    fn answer(&self) -> u8;

    /// What is printed of a message of that type; `None` when it is malformed or answers another
    /// question. `quiet` leaves only what scripts want.
    fn describe(&self, message: &[u8], quiet: bool) -> Option<alloc::string::String>;
}

fn run(
    tool: &'static Tool,
    arguments: rt::Arguments,
    defaults: Options,
    start: impl FnOnce(&Options) -> Result<u8, alloc::string::String>,
) -> u8 {
    match options::parse(tool.parse(arguments), defaults) {
        Ok(options) => start(&options).unwrap_or_else(|message| {
            rt::output::flush();
            rt::eprintln!("{message}");
            1
        }),
        Err(Refusal::Help) => {
            rt::print!("{}", tool.help());
            0
        }
        Err(Refusal::Version) => {
            rt::println!("{} from net-tools {}", tool.name, env!("CARGO_PKG_VERSION"));
            0
        }
        Err(Refusal::Usage) => {
            rt::eprintln!("Try \"{} -h\" for more information.", rt::program_name());
            tool.status
        }
    }
}

/// Runs `rdisc6`; returns the exit status.
#[must_use]
pub fn run_rdisc6(arguments: rt::Arguments) -> u8 {
    run(&options::RDISC6, arguments, Options::rdisc6(), |options| {
        let host = options.host.as_deref().unwrap_or("ff02::2");
        session::run(options, host, |address| router::Routers { destination: *address.ip() })
    })
}

/// Runs `ndisc6`; returns the exit status.
#[must_use]
pub fn run_ndisc6(arguments: rt::Arguments) -> u8 {
    run(&options::NDISC6, arguments, Options::ndisc6(), |options| {
        // The parser made sure of it.
        let host = options.host.as_deref().unwrap_or_default();
        session::run(options, host, |address| neighbor::Neighbor { target: *address.ip() })
    })
}
