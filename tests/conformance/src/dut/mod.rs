//! The device under test.

mod virtual_dut;

pub use virtual_dut::VirtualDut;

use crate::station::Mac;
use net::time::{Duration, Instant};
use std::net::Ipv6Addr;

/// Something that a test can make the device do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Action {
    /// The cable is plugged in, or pulled.
    SetLink(bool),
    /// Sends one Echo Request with `size` octets of data.
    Ping {
        /// Where to.
        destination: Ipv6Addr,
        /// Octets of data.
        size: usize,
    },
    /// Sends a UDP datagram from a port of the device's choice.
    SendUdp {
        /// Where to.
        destination: Ipv6Addr,
        /// The destination port.
        port: u16,
        /// Octets of data.
        size: usize,
    },
    /// Opens a TCP connection; what becomes of it is seen on the wire.
    Connect {
        /// Where to.
        destination: Ipv6Addr,
        /// The destination port.
        port: u16,
    },
    /// Accepts TCP connections at this port.
    Listen(u16),
    /// Joins a multicast group, or leaves it.
    Membership {
        /// The group.
        group: Ipv6Addr,
        /// Join.
        join: bool,
    },
    /// Adds the interface of the VLAN with this number to its adapter.
    AddVlan(u16),
    /// Adds an address of the user's.
    AddAddress(Ipv6Addr),
}

/// A device under test, at the end of a cable. It echoes UDP datagrams to port 7.
pub trait Dut {
    /// Its Ethernet address.
    fn mac(&self) -> Mac;

    /// The time by its cable.
    fn now(&self) -> Instant;

    /// Puts a frame on the cable.
    fn send(&mut self, frame: &[u8]);

    /// The next frame that it sends until `deadline`; none when the time has come.
    fn receive(&mut self, deadline: Instant) -> Option<(Instant, Vec<u8>)>;

    /// Makes it do something.
    fn act(&mut self, action: &Action);

    /// Makes it forget what it has learned from the link, and leaves it without a cable. Ours forgets
    /// when the cable is pulled (row LNK-10).
    fn reset(&mut self) {
        self.act(&Action::SetLink(false));
    }

    /// Whether its addresses are in use: none is still being tested for duplicates. Ours has been
    /// ready for long when somebody asks.
    fn is_settled(&mut self) -> bool {
        true
    }

    /// How much longer than the text of an RFC allows what is expected may take: a device in real
    /// time may have to wait for a processor. Nothing is sooner found wrong by it, and silence is
    /// not waited for any longer.
    fn slack(&self) -> Duration {
        Duration::ZERO
    }
}
