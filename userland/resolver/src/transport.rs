//! What the resolver asks of the world.

use core::net::{Ipv6Addr, SocketAddrV6};

use rustix::io::Errno;

use crate::Instant;
use crate::answer::Answer;
use crate::exchange::{Exchange, Failure};
use crate::message::Response;
use crate::multicast::Multicast;

/// Carries questions, knows the time, draws lots. [`crate::system::System`] is the real one.
pub trait Transport {
    /// The time.
    fn now(&self) -> Instant;

    /// Carries an exchange to its end. The outer error is of this host: a signal, no sockets left.
    fn run(&mut self, exchange: &mut Exchange) -> Result<Result<Response, Failure>, Errno>;

    /// Carries a question to the link to its end.
    fn run_multicast(&mut self, question: &mut Multicast) -> Result<Answer, Errno>;

    /// A number nobody can guess.
    fn number(&mut self) -> u16;

    /// The address that packets to `destination` would have as their source; `None` when there is
    /// no way there.
    fn source_for(&mut self, destination: &SocketAddrV6) -> Option<Ipv6Addr>;

    /// Whether an address of this host is deprecated (RFC 4862 section 5.5.4).
    fn is_deprecated(&mut self, address: Ipv6Addr) -> bool;
}
