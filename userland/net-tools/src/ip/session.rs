//! What a command works with: the kernel's socket, how to print, how requests are checked.

use alloc::string::ToString;

use super::failure::Failure;
use super::interfaces::Interfaces;
use super::style::Style;
use crate::netlink::{Record, Request, RouteSocket};

/// How often a flush looks whether something is left.
pub const FLUSH_ROUNDS: u32 = 10;

/// One run of the program.
#[derive(Debug)]
pub struct Session {
    /// How to print.
    pub style: Style,
    /// Where requests go.
    pub socket: RouteSocket,
}

impl Session {
    /// Opens the socket.
    pub fn open(style: Style) -> Result<Self, Failure> {
        let socket = RouteSocket::open(0).map_err(|error| Failure::other(error.to_string()))?;
        Ok(Self { style, socket })
    }

    /// The interfaces there are.
    pub fn interfaces(&mut self) -> Result<Interfaces, Failure> {
        Interfaces::read(&mut self.socket).map_err(|error| Failure::dump(&error))
    }

    /// Asks for all records of a kind; says when they changed while they were read.
    pub fn dump(&mut self, request: Request) -> Result<alloc::vec::Vec<Record>, Failure> {
        let records = self.socket.dump(request).map_err(|error| Failure::dump(&error));
        if self.socket.take_interrupted() {
            rt::output::flush();
            rt::eprintln!("Dump was interrupted and may be inconsistent.");
        }
        records
    }

    /// Deletes records until no `round` finds one: each round returns the requests that delete what
    /// it found. A record that is gone meanwhile is no failure.
    pub fn flush(
        &mut self,
        what: &str,
        mut round: impl FnMut(&mut Self) -> Result<alloc::vec::Vec<Request>, Failure>,
    ) -> Result<(), Failure> {
        for count in 0..FLUSH_ROUNDS {
            let requests = round(self)?;
            let tell = self.style.statistics > 0;
            if requests.is_empty() {
                if tell && count == 0 {
                    rt::println!("Nothing to flush.");
                } else if tell {
                    let plural = if count == 1 { "" } else { "s" };
                    rt::println!("*** Flush is complete after {count} round{plural} ***");
                }
                return Ok(());
            }
            if tell {
                rt::println!("\n*** Round {}, deleting {} {what} ***", count + 1, requests.len());
            }
            for request in requests {
                match self.socket.change(request) {
                    Ok(()) => {}
                    Err(error) if error.refusal().is_some_and(is_gone) => {}
                    Err(error) => return Err(error.into()),
                }
            }
        }
        Err(Failure::other(alloc::format!(
            "*** Flush remains incomplete after {FLUSH_ROUNDS} rounds. ***"
        )))
    }
}

/// Whether a refusal to delete says that there is nothing to delete.
fn is_gone(errno: rustix::io::Errno) -> bool {
    use rustix::io::Errno;
    matches!(errno, Errno::NOENT | Errno::SRCH | Errno::ADDRNOTAVAIL | Errno::NODEV | Errno::NXIO)
}
