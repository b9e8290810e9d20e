//! `dhcp6c`: a DHCPv6 client for one interface.
//!
//! ```text
//! dhcp6c usb0        addresses, kept until the program is ended
//! dhcp6c -S usb0     name servers and the like only
//! dhcp6c -r usb0     what an earlier run was given goes back
//! ```
//!
//! When it ends (TERM, INT), addresses stay until their time is over, and a later run confirms and
//! keeps them; `-r` gives them back.

pub mod interface;
pub mod options;
pub mod session;

use options::{Options, Refusal, TOOL};

/// Runs the program; returns the exit status: 0 it was ended or the release is over, 1 something
/// failed, 2 the command line is wrong.
#[must_use]
pub fn run(arguments: rt::Arguments) -> u8 {
    let options = match options::parse(TOOL.parse(arguments)) {
        Ok(options) => options,
        Err(Refusal(message)) => TOOL.usage_error(message),
    };
    match start(&options) {
        Ok(()) => 0,
        Err(message) => {
            rt::output::flush();
            rt::warn!("{message}");
            1
        }
    }
}

fn start(options: &Options) -> Result<(), alloc::string::String> {
    session::Session::open(options)?.run()
}
