//! A flood of TCP segments from addresses that nobody has, sent from a lab's namespace.

use net::wire::checksum::Checksum;
use net::wire::ipv6::{FlowLabel, HopLimit, Ipv6Header, NextHeader, TrafficClass};
use net::wire::tcp::{TcpFlags, TcpHeader, TcpOptions, Timestamps};
use net::wire::tcp_sequence::SequenceNumber;
use rustix::net::{AddressFamily, SendFlags, SocketType, ipproto, sendto, socket};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use std::fs::File;
use std::net::{Ipv6Addr, SocketAddrV6};
use std::os::fd::AsFd as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::lab::Lab;

/// The prefix of the senders' addresses, a /64. Linux drops what is sent to it.
pub const NOWHERE: &str = "2001:db8:bad::";
/// Segments in one go, and the time between: 2,000 a second, which leaves room for others.
const BURST: u32 = 20;
const PAUSE: Duration = Duration::from_millis(10);
/// One in so many segments is no SYN but an acknowledgment of a number that was guessed.
const GUESS: u32 = 8;

/// A flood that goes on until it is dropped.
pub struct Flood {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    over: AtomicBool,
    sent: AtomicU32,
}

impl Flood {
    /// SYNs to the port, each from another address, and some acknowledgments of SYN-ACKs that
    /// nobody has seen.
    pub fn start(lab: &Lab, to: (Ipv6Addr, u16)) -> Self {
        lab.run(&format!("ip route replace blackhole {NOWHERE}/64"));
        let namespace = format!("/run/netns/{}", lab.name());
        let shared = Arc::new(Shared::default());
        let thread = std::thread::spawn({
            let shared = Arc::clone(&shared);
            move || {
                // Only this thread moves.
                let namespace = File::open(namespace).expect("the lab has a namespace");
                let kind = Some(LinkNameSpaceType::Network);
                move_into_link_name_space(namespace.as_fd(), kind).expect("root may enter it");
                send(to, &shared);
            }
        });
        Self { shared, thread: Some(thread) }
    }

    /// Segments so far.
    pub fn sent(&self) -> u32 {
        self.shared.sent.load(Ordering::Relaxed)
    }
}

impl Drop for Flood {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // What it had to say was said by its panic.
            let _ = thread.join();
        }
    }
}

fn send(to: (Ipv6Addr, u16), shared: &Shared) {
    let raw = socket(AddressFamily::INET6, SocketType::RAW, Some(ipproto::RAW));
    let raw = raw.expect("root may send packets with headers of its own");
    let address = SocketAddrV6::new(to.0, 0, 0, 0);
    while !shared.over.load(Ordering::Relaxed) {
        for _ in 0..BURST {
            let number = shared.sent.fetch_add(1, Ordering::Relaxed);
            // A full queue loses it, as any other.
            let _ = sendto(&raw, &packet(to, number), SendFlags::empty(), &address);
        }
        std::thread::sleep(PAUSE);
    }
}

/// The packet of this number.
fn packet(to: (Ipv6Addr, u16), number: u32) -> Vec<u8> {
    let nowhere: Ipv6Addr = NOWHERE.parse().expect("it is an address");
    let source = Ipv6Addr::from_bits(nowhere.to_bits() | (u128::from(number) + 1));
    let guess = number % GUESS == GUESS - 1;
    let spread = number.wrapping_mul(0x9e37_79b9);
    let stamps = Timestamps { value: number, echo_reply: if guess { spread } else { 0 } };
    let offer = TcpOptions {
        maximum_segment_size: Some(1440),
        window_scale: Some(7),
        sack_permitted: true,
        ..TcpOptions::NONE
    };
    let options = if guess { TcpOptions::NONE } else { offer };
    let header = TcpHeader {
        source_port: 1024 + (number % 60_000) as u16,
        destination_port: to.1,
        sequence: SequenceNumber(spread),
        acknowledgment: SequenceNumber(if guess { !spread } else { 0 }),
        flags: if guess { TcpFlags::ACK } else { TcpFlags::SYN },
        window: u16::MAX,
        checksum: 0,
        urgent_pointer: 0,
        options: TcpOptions { timestamps: Some(stamps), ..options },
    };
    let ipv6 = Ipv6Header {
        traffic_class: TrafficClass::default(),
        flow_label: FlowLabel::NONE,
        payload_length: header.len() as u16,
        next_header: NextHeader::TCP,
        hop_limit: HopLimit::DEFAULT,
        source,
        destination: to.0,
    };
    let mut packet = vec![0; Ipv6Header::LEN + header.len()];
    ipv6.emit(&mut packet);
    let segment = &mut packet[Ipv6Header::LEN..];
    header.emit(segment);
    let mut sum = Checksum::pseudo_header(source, to.0, NextHeader::TCP, segment.len() as u32);
    sum.add(segment);
    let at = TcpHeader::CHECKSUM_OFFSET;
    segment[at..at + 2].copy_from_slice(&sum.finish().to_be_bytes());
    packet
}

#[cfg(test)]
mod tests {
    use super::*;
    use net::wire::checksum;

    #[test]
    fn each_packet_comes_from_another_address_and_is_whole() {
        let to = (Ipv6Addr::LOCALHOST, 80);
        let mut sources = std::collections::BTreeSet::new();
        for number in 0..100 {
            let packet = packet(to, number);
            let (ipv6, segment) = Ipv6Header::parse(&packet).expect("a header");
            assert!(checksum::verify(ipv6.source, ipv6.destination, NextHeader::TCP, segment));
            let (header, data) = TcpHeader::parse(segment).expect("a segment");
            assert!(data.is_empty() && header.destination_port == 80);
            let guess = number % GUESS == GUESS - 1;
            assert_eq!(header.flags == TcpFlags::ACK, guess);
            assert_eq!(header.flags == TcpFlags::SYN, !guess);
            sources.insert(ipv6.source);
        }
        assert_eq!(sources.len(), 100);
    }
}
