//! `netconfigd`: does what Router Advertisements ask of programs.
//!
//! It listens to rtnetlink and
//! - keeps `/etc/resolv.conf` as long as somebody advertises name servers (RFC 8106) or a DHCPv6
//!   client was told some;
//! - starts [`crate::client`] (`dhcp6c`) on an interface whose routers set the M flag, or with `-S`
//!   where they set the O flag only (RFC 4861 section 4.2).
//!
//! What `dhcp6c` has written is read again after HUP, which that program sends.

mod children;
mod links;
mod session;

use rt::options::{Opt, Tool};

static TOOL: Tool = Tool::new(
    "netconfigd",
    "[-v]",
    "Keeps /etc/resolv.conf and starts dhcp6c, as routers say.",
    &[Opt::flag('v', "verbose", "tell what happens")],
)
.with_status(2);

/// Runs the program; returns the exit status: 0 it was ended, 1 something failed, 2 the command
/// line is wrong.
#[must_use]
pub fn run(arguments: rt::Arguments) -> u8 {
    let mut verbose = false;
    for item in TOOL.parse(arguments) {
        match item {
            rt::options::Item::Operand(operand) => TOOL.extra_operand(operand),
            _ => verbose = true,
        }
    }
    match session::Session::open(verbose).and_then(session::Session::run) {
        Ok(()) => 0,
        Err(message) => {
            rt::warn!("{message}");
            1
        }
    }
}
