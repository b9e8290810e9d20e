//! `nc`: connects standard input and output with a TCP connection or with UDP datagrams, in either
//! role.
//!
//! Options, messages and exit status are those of OpenBSD's `nc` as Debian has it, with these
//! differences:
//!
//! - there is no IPv4, and ports have no names;
//! - a connection that can't be made is reported without `-v` too (except by `-z`), and one that
//!   breaks is reported and makes the exit status 1: a file that arrived in part is no success;
//! - `-v` alone sends no probes over UDP, which would end up in the data; `-z` does;
//! - a job in the background does not read the terminal, so it is not stopped for that.

pub mod connect;
pub mod flow;
pub mod listen;
pub mod options;
pub mod ports;
pub mod relay;
pub mod session;
pub mod tuning;

use options::{Mode, TOOL, parse};

/// Runs the program; returns the exit status: 0 when it connected (of several ports: to one) and
/// nothing broke, else 1.
#[must_use]
pub fn run(arguments: rt::Arguments) -> u8 {
    let options = match parse(TOOL.parse(arguments)) {
        Err(message) => TOOL.usage_error(message),
        Ok(options) => options,
    };
    let outcome = match &options.mode {
        Mode::Connect(target) => connect::run(&options, target),
        Mode::Listen(place) => listen::run(&options, place),
    };
    match outcome {
        Ok(success) => u8::from(!success),
        Err(message) => {
            rt::warn!("{message}");
            1
        }
    }
}
