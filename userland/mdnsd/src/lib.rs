//! `mdnsd`: a multicast DNS responder (RFC 6762) that makes this host known on its links as
//! `NAME.local`, with its IPv6 addresses, and its addresses by that name.
//!
//! - [`responder`] is the protocol in virtual time: probing, conflicts, announcing, answering,
//!   good-byes; it does no input or output;
//! - [`message`] is what is on the wire, [`title`] the name and how it gives way to others,
//!   [`limit`] how often something may be done;
//! - [`links`] tells which links there are and which addresses are made known there, [`daemon`] is
//!   the loop over a socket, the kernel's announcements and the clock.
//!
//! It does not do: services (DNS-SD), A records, questions of its own; those who look for names ask
//! by themselves (see the crate `resolver`).
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod daemon;
pub mod limit;
pub mod links;
pub mod message;
pub mod responder;
pub mod title;

use alloc::string::ToString;

use rt::options::{Item, Opt, Tool};

static TOOL: Tool = Tool::new(
    "mdnsd",
    "[-v] [-n NAME]",
    "Answers for NAME.local, the name of this host, on its links (multicast DNS), until a signal ends\n\
     it.",
    &[
        Opt::value('n', "name", "NAME", "another name than the host's (uname -n)"),
        Opt::flag('v', "verbose", "say what the name is and when it changes"),
    ],
);

/// Runs the program; returns the exit status.
#[must_use]
pub fn run(arguments: rt::Arguments) -> u8 {
    let mut options = daemon::Options::default();
    for item in TOOL.parse(arguments) {
        match item {
            Item::Option('n', Some(name)) => options.name = Some(name.to_string()),
            Item::Option(..) | Item::Long(..) => options.verbose = true,
            Item::Operand(operand) => TOOL.extra_operand(operand),
        }
    }
    match daemon::run(&options) {
        Ok(()) => 0,
        Err(failure) => {
            rt::warn!("{failure}");
            1
        }
    }
}
