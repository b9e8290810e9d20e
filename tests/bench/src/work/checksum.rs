//! The checksum by itself.

use super::Work;
use crate::frame::Ends;
use crate::host::{Host, address_of};
use alloc::vec::Vec;
use core::hint::black_box;
use core::marker::PhantomData;
use net::wire::ethernet::EthernetHeader;
use net::wire::ipv6::Ipv6Header;
use net::wire::udp::UdpHeader;

/// Datagrams of a run.
const COUNT: u32 = 64;
/// Octets of one, header included.
const LENGTH: usize = 1440;

/// Verification of a datagram.
pub(super) struct Verify<H> {
    datagram: Vec<u8>,
    stack: PhantomData<fn() -> H>,
}

impl<H: Host> Verify<H> {
    pub(super) fn new() -> Self {
        let ends = Ends { source: (1, address_of(1)), destination: (2, address_of(2)) };
        let data: Vec<_> = (0..LENGTH - UdpHeader::LEN).map(|number| number as u8).collect();
        let frame = ends.udp(1, 2, &data);
        let datagram = frame[EthernetHeader::LEN + Ipv6Header::LEN..].to_vec();
        Self { datagram, stack: PhantomData }
    }
}

impl<H: Host> Work for Verify<H> {
    fn run(&mut self) -> u32 {
        for _ in 0..COUNT {
            assert!(H::verify(address_of(1), address_of(2), black_box(&self.datagram)));
        }
        COUNT
    }
}
