//! `tcp-echo` and `udp-echo`: send messages to an echo service (RFC 862) and check what comes back,
//! or are that service.
//!
//! There are no programs of these names elsewhere; their lines follow `ping6`.

pub mod datagram;
pub mod options;
pub mod pattern;
pub mod tcp_client;
pub mod tcp_server;
pub mod udp_client;
pub mod udp_server;

use options::{Mode, Protocol, parse};

/// Runs the program; returns the exit status: 0 everything came back, 1 something did not, 2 it
/// could not be tried.
#[must_use]
pub fn run(protocol: Protocol, arguments: rt::Arguments) -> u8 {
    let tool = protocol.tool();
    let outcome = match (protocol, parse(protocol, tool.parse(arguments))) {
        (_, Err(message)) => tool.usage_error(message),
        (Protocol::Tcp, Ok(Mode::Serve(options))) => tcp_server::run(&options),
        (Protocol::Tcp, Ok(Mode::Ask(options))) => tcp_client::run(&options),
        (Protocol::Udp, Ok(Mode::Serve(options))) => udp_server::run(&options),
        (Protocol::Udp, Ok(Mode::Ask(options))) => udp_client::run(&options),
    };
    outcome.unwrap_or_else(|message| {
        rt::warn!("{message}");
        2
    })
}
