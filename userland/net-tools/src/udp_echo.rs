//! `udp-echo`: sends UDP datagrams to an echo service (RFC 862) and checks what comes back, or is
//! that service.
//!
//! There is no program of this name elsewhere; its lines follow `ping6`.

pub mod client;
pub mod datagram;
pub mod options;
pub mod server;

use options::{Mode, TOOL, parse};

/// Runs the program; returns the exit status: 0 everything came back, 1 something did not, 2 it
/// could not be tried.
#[must_use]
pub fn run(arguments: rt::Arguments) -> u8 {
    let outcome = match parse(TOOL.parse(arguments)) {
        Err(message) => TOOL.usage_error(message),
        Ok(Mode::Serve(options)) => server::run(&options),
        Ok(Mode::Ask(options)) => client::run(&options),
    };
    outcome.unwrap_or_else(|message| {
        rt::warn!("{message}");
        2
    })
}
