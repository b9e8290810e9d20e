//! How a command ends when it does not work: what is printed to standard error, and the status.
//!
//! iproute2 ends with 255 for a wrong command line, 2 when the kernel refuses, 1 for the rest.

use alloc::format;
use alloc::string::{String, ToString};

use crate::netlink;

/// The end of a command that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The exit status.
    pub status: u8,
    /// Lines for standard error, without the last newline; may be empty.
    pub message: String,
}

impl Failure {
    /// A wrong command line.
    pub fn usage(message: impl Into<String>) -> Self {
        Self { status: 255, message: message.into() }
    }

    /// Anything else that the program finds out by itself.
    pub fn other(message: impl Into<String>) -> Self {
        Self { status: 1, message: message.into() }
    }

    /// A command word that is none.
    pub fn command(object: &str, word: &str) -> Self {
        Self::usage(format!("Command \"{word}\" is unknown, try \"ip {object} help\"."))
    }

    /// A word that needs another one after it.
    pub fn incomplete() -> Self {
        Self::usage("Command line is not complete. Try option \"help\"")
    }

    /// A value that is not one of those possible.
    pub fn invalid(value: &str, why: &str) -> Self {
        Self::usage(format!("Error: argument \"{value}\" is wrong: {why}"))
    }

    /// The same thing said twice.
    pub fn duplicate(what: &str, value: &str) -> Self {
        Self::usage(format!("Error: duplicate \"{what}\": \"{value}\" is the second value."))
    }

    /// Something said twice, or a word that means nothing.
    pub fn garbage(what: &str, value: &str) -> Self {
        Self::usage(format!("Error: either \"{what}\" is duplicate, or \"{value}\" is a garbage."))
    }

    /// Something that must be said.
    pub fn missing(what: &str) -> Self {
        Self::usage(format!("Error: argument \"{what}\" is required"))
    }

    /// There is no such interface.
    pub fn no_device(name: &str) -> Self {
        Self::other(format!("Cannot find device \"{name}\""))
    }

    /// A dump failed.
    pub fn dump(error: &netlink::Error) -> Self {
        Self::other(format!("{error}\nDump terminated"))
    }
}

impl From<netlink::Error> for Failure {
    fn from(error: netlink::Error) -> Self {
        Self { status: if error.refusal().is_some() { 2 } else { 1 }, message: error.to_string() }
    }
}
