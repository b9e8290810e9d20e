//! `ss`: shows sockets, as that of iproute2 does: the same columns and words.
//!
//! What it shows comes from NETLINK_SOCK_DIAG (sock_diag(7)), in [`diag`]; who has a socket open is
//! found in `/proc`. It does not do: IPv4, unix, packet and netlink sockets, names of hosts and
//! ports, events (`-E`).

pub mod diag;
pub mod expression;
pub mod filter;
pub mod options;
pub mod process;
pub mod row;
pub mod summary;
pub mod table;
pub mod tcp_info;

use alloc::string::ToString;
use alloc::vec::Vec;

use diag::{DiagSocket, Protocol, Socket};
use options::{Options, TOOL};
use table::Table;

/// What the kernel has and the filter lets through, protocol by protocol.
fn collect(
    diag: &mut DiagSocket,
    options: &Options,
) -> Result<Vec<(Protocol, Socket)>, alloc::string::String> {
    let mut sockets = Vec::new();
    for protocol in options.protocols() {
        let found = diag.dump(protocol, options.states.bits(), options.detail.internal);
        match found {
            Ok(found) => sockets.extend(found.into_iter().map(|socket| (protocol, socket))),
            // A kernel may know some protocols only.
            Err(error) if error.refusal().is_some() && options.chosen.len() != 1 => {}
            Err(error) => return Err(error.to_string()),
        }
    }
    if let Some(filter) = &options.filter {
        sockets.retain(|(_, socket)| filter.matches(socket));
    }
    Ok(sockets)
}

fn show(options: &Options) -> Result<(), alloc::string::String> {
    let mut diag = DiagSocket::open().map_err(|error| error.to_string())?;
    let sockets = collect(&mut diag, options)?;
    let owners = if options.detail.processes { process::owners() } else { Vec::new() };
    let mut table = Table::new(options);
    for (protocol, socket) in &sockets {
        // What could not be ended, as it is gone already, is not shown.
        if options.kill && !diag.destroy(*protocol, socket).map_err(|error| error.to_string())? {
            continue;
        }
        table.add(row::row(*protocol, socket, options, &owners));
    }
    rt::print!("{}", table.render());
    Ok(())
}

/// Runs the program; returns the exit status.
#[must_use]
pub fn run(arguments: rt::Arguments) -> u8 {
    let options = match options::parse(TOOL.parse(arguments)) {
        Ok(options) => options,
        Err(message) => TOOL.usage_error(message),
    };
    let outcome = if options.summary { summary::show() } else { show(&options) };
    match outcome {
        Ok(()) => 0,
        Err(message) => {
            rt::eprintln!("{message}");
            1
        }
    }
}
