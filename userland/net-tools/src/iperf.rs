//! `iperf`: measures throughput, in the protocol of iperf 2, so that either side may be the iperf 2
//! of another system.
//!
//! Lines and units are those of iperf 2.1 ([`report`], [`units`]), the bytes on the wire are in
//! [`header`]. One process serves all streams: the sockets do not block, and poll(2) says which can
//! go on.
//!
//! It does not do: IPv4, full-duplex tests (`-d`, `-r`, `--full-duplex`), bounce-back, isochronous
//! traffic, trip times, multicast, daemons.

pub mod datagrams;
pub mod enhanced;
pub mod flow;
pub mod group;
pub mod header;
pub mod options;
pub mod pace;
pub mod report;
pub mod sender;
pub mod socket;
pub mod tcp_client;
pub mod tcp_server;
pub mod udp_client;
pub mod udp_server;
pub mod units;

use options::{Mode, TOOL, parse};
use rt::signal::{Action, set_action};
use rustix::process::Signal;

use crate::interrupt;

/// Runs the program; returns the exit status: 0 when the test was done, 1 when not.
#[must_use]
pub fn run(arguments: rt::Arguments) -> u8 {
    let options = match parse(TOOL.parse(arguments)) {
        Ok(options) => options,
        Err(message) => TOOL.usage_error(message),
    };
    // Without a handler the signal ends the program, which is no worse than no last report.
    let _ = interrupt::note(&[Signal::INT, Signal::TERM]);
    // A peer that closes early is told by EPIPE, which the report survives.
    let _ = set_action(Signal::PIPE, Action::Ignore);
    let outcome = match (&options.mode, options.udp) {
        (Mode::Serve, false) => tcp_server::run(&options),
        (Mode::Serve, true) => udp_server::run(&options),
        (Mode::Connect(host), true) => udp_client::run(&options, host),
        (Mode::Connect(host), false) => tcp_client::run(&options, host),
    };
    match outcome {
        Ok(()) => 0,
        Err(message) => {
            rt::warn!("{message}");
            1
        }
    }
}
