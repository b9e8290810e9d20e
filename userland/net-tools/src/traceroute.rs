//! `traceroute6`: which routers a packet passes on its way, as the ndisc6 package's program of that
//! name tells it: the same lines, the same marks, the same exit statuses (0 the destination
//! answered, 1 it could not be tried, 2 no answer from there or a wrong command line).
//!
//! Probes with a hop limit of 1, 2, … make one router after the other report where they ended
//! (RFC 4443 section 3.3). The reports come through the socket's error queue, so no privilege is
//! needed.
//!
//! It does not do: TCP probes, source routes.

pub mod options;
pub mod probe;
pub mod session;
pub mod text;

use options::{Options, Refusal, TOOL};
use session::Failure;

/// Runs the program; returns the exit status.
#[must_use]
pub fn run(arguments: rt::Arguments) -> u8 {
    match options::parse(TOOL.parse(arguments)) {
        Ok(options) => start(&options),
        Err(Refusal::Help) => {
            rt::print!("{}", TOOL.help());
            0
        }
        Err(Refusal::Version) => {
            rt::println!("traceroute6 from net-tools {}", env!("CARGO_PKG_VERSION"));
            0
        }
        Err(Refusal::Usage) => {
            rt::eprintln!("Try \"{} -h\" for more information.", rt::program_name());
            TOOL.status
        }
        Err(Refusal::Wrong(message)) => {
            rt::eprintln!("{message}");
            1
        }
    }
}

fn start(options: &Options) -> u8 {
    match session::run(options) {
        Ok(true) => 0,
        Ok(false) => 2,
        Err(Failure(message)) => {
            rt::output::flush();
            rt::eprintln!("{message}");
            1
        }
    }
}
