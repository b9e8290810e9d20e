//! Pieces of work, the same for every stack.
//!
//! A piece is made once, with all that it needs to go on forever, and then run as often as the
//! measurement wants. Each run does a number of units of work. No clock is read: time moves as the
//! work says, so that two runs execute the same instructions.

mod answer;
mod checksum;
mod datagram;
mod pair;
mod stream;

use crate::host::Host;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;

/// Work that can be run again and again.
pub trait Work {
    /// Gets ready what the next run begins with; not measured.
    fn prepare(&mut self) {}

    /// Does it and gives the number of units done.
    fn run(&mut self) -> u32;
}

/// A kind of work.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Piece {
    /// 1440 octets of a stream, with buffers of so many octets at both ends.
    Bulk(usize),
    /// A message of 64 octets, answered by one of 64, beside so many other open connections; a
    /// unit is one message.
    Message(usize),
    /// A connection opened, used for a message each way, closed.
    Connection,
    /// A datagram of so many octets from one program to the other.
    Datagram(usize),
    /// A datagram of so many octets in, the same octets out.
    DatagramEcho(usize),
    /// A datagram of 64 octets taken in beside so many other bound sockets.
    DatagramReceive(usize),
    /// An echo request with 56 octets answered.
    Echo,
    /// A neighbor solicitation answered.
    Solicitation,
    /// A router advertisement with one prefix taken in, the same one again.
    Advertisement,
    /// The checksum of a datagram of 1440 octets verified.
    Checksum,
}

impl Piece {
    /// All pieces.
    pub const ALL: [Self; 17] = [
        Self::Bulk(64 * 1024),
        Self::Bulk(256 * 1024),
        Self::Message(0),
        Self::Message(9),
        Self::Message(99),
        Self::Message(999),
        Self::Message(9_999),
        Self::Connection,
        Self::Datagram(64),
        Self::Datagram(1400),
        Self::DatagramEcho(64),
        Self::DatagramEcho(1400),
        Self::DatagramReceive(9_999),
        Self::Echo,
        Self::Solicitation,
        Self::Advertisement,
        Self::Checksum,
    ];

    /// What a table calls it.
    pub fn name(self) -> String {
        match self {
            Self::Bulk(buffer) => {
                format!("TCP, 1440 octets, buffers of {} KiB", buffer / 1024)
            }
            Self::Message(others) => format!("TCP message of 64 octets, {} open", others + 1),
            Self::Connection => "TCP connection opened, used, closed".into(),
            Self::Datagram(length) => format!("UDP datagram of {length} octets"),
            Self::DatagramEcho(length) => format!("UDP echo of {length} octets"),
            Self::DatagramReceive(others) => {
                format!("UDP datagram in, {} sockets bound", others + 1)
            }
            Self::Echo => "echo request of 56 octets answered".into(),
            Self::Solicitation => "neighbor solicitation answered".into(),
            Self::Advertisement => "router advertisement taken in".into(),
            Self::Checksum => "checksum of 1440 octets".into(),
        }
    }

    /// The work, for a stack.
    pub fn make<H: Host + 'static>(self) -> Box<dyn Work> {
        match self {
            Self::Bulk(buffer) => Box::new(stream::Bulk::<H>::new(buffer)),
            Self::Message(others) => Box::new(stream::Message::<H>::new(others)),
            Self::Connection => Box::new(stream::Connection::<H>::new()),
            Self::Datagram(length) => Box::new(datagram::Datagram::<H>::new(length)),
            Self::DatagramEcho(length) => Box::new(datagram::Echo::<H>::new(length)),
            Self::DatagramReceive(others) => Box::new(datagram::Receive::<H>::new(others)),
            Self::Echo => Box::new(answer::Answer::<H>::echo()),
            Self::Solicitation => Box::new(answer::Answer::<H>::solicitation()),
            Self::Advertisement => Box::new(answer::Answer::<H>::advertisement()),
            Self::Checksum => Box::new(checksum::Verify::<H>::new()),
        }
    }
}

/// Runs work; a function of its own, so that a profiler finds the beginning and the end.
#[inline(never)]
pub fn measured(work: &mut dyn Work) -> u32 {
    work.run()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ours::Ours;
    use crate::smoltcp_host::Smoltcp;

    /// Each piece checks what it does as it runs.
    #[test]
    fn all_work_can_be_done_again_and_again() {
        let body = || {
            for piece in Piece::ALL {
                if matches!(piece, Piece::Message(500..) | Piece::DatagramReceive(_)) {
                    continue; // without optimization this takes minutes
                }
                for mut work in [piece.make::<Ours>(), piece.make::<Smoltcp>()] {
                    for _ in 0..3 {
                        work.prepare();
                        assert!(measured(&mut *work) > 0, "{}", piece.name());
                    }
                }
            }
        };
        let thread = std::thread::Builder::new().stack_size(1 << 30).spawn(body);
        thread.expect("there is memory for a thread").join().expect("all work can be done");
    }
}
