//! What stands between hosts besides distance: boxes that take options out of SYNs, a narrow
//! stretch whose router says what fits, and a queue that marks packets instead of dropping them.

use crate::mutation::repair;
use crate::packet::{Envelope, Packet};
use crate::random::Seeded;
use net::netif::MacAddress;
use net::wire::ethernet::EthernetHeader;
use net::wire::icmpv6::Icmpv6Message;
use net::wire::ipv6::{Ipv6Header, NextHeader};
use net::wire::tcp::{TcpFlags, TcpHeader};
use std::net::Ipv6Addr;

/// The router that sends Packet Too Big.
const ROUTER: (MacAddress, Ipv6Addr) =
    (MacAddress([2, 0, 0, 0, 0, 0xfe]), Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0xfe));

const NO_OPERATION: u8 = 1;
const MAXIMUM_SEGMENT_SIZE: u8 = 2;
const WINDOW_SCALE: u8 = 3;
const SACK_PERMITTED: u8 = 4;
const TIMESTAMPS: u8 = 8;

/// What it does. By default: nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Middlebox {
    /// No SYN has timestamps.
    pub no_timestamps: bool,
    /// No SYN permits selective acknowledgments.
    pub no_sack: bool,
    /// No SYN scales the window.
    pub no_window_scale: bool,
    /// The largest segment size that a SYN may tell.
    pub mss: Option<u16>,
    /// The longest packet that gets through.
    pub mtu: Option<u16>,
    /// How many of 1000 packets that are capable of ECN are marked (RFC 3168, Section 5).
    pub marks: u32,
}

/// What becomes of a frame.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Passage {
    /// It goes on, perhaps changed.
    Through(Vec<u8>),
    /// It does not; this frame goes back.
    Back(Vec<u8>),
}

impl Middlebox {
    /// Lets a frame pass, or not.
    pub fn pass(&self, frame: &[u8], random: &mut Seeded) -> Passage {
        let mut frame = frame.to_vec();
        if *self == Self::default() {
            return Passage::Through(frame);
        }
        if let Some(answer) = self.too_big(&frame) {
            return Passage::Back(answer);
        }
        if self.marks > 0 && random.chance(self.marks) {
            mark(&mut frame);
        }
        self.rewrite(&mut frame);
        Passage::Through(frame)
    }

    /// The Packet Too Big for a frame (RFC 4443, Section 3.2), if it is.
    fn too_big(&self, frame: &[u8]) -> Option<Vec<u8>> {
        let mtu = self.mtu?;
        let packet = Packet::parse(frame)?;
        if packet.octets.len() <= mtu.into() {
            return None;
        }
        let quoted = packet.octets.len().min(1280 - Ipv6Header::LEN - 8);
        let message =
            Icmpv6Message::PacketTooBig { mtu: mtu.into(), invoking: &packet.octets[..quoted] };
        let to = (packet.ethernet.source, packet.ipv6.source);
        Some(Envelope::unicast(ROUTER, to).icmpv6(&message))
    }

    /// Takes options out of a SYN.
    fn rewrite(&self, frame: &mut [u8]) {
        let Some(packet) = Packet::parse(frame) else { return };
        if packet.protocol != NextHeader::TCP || packet.fragment.is_some() {
            return;
        }
        let Ok((header, data)) = TcpHeader::parse(packet.payload) else { return };
        if !header.flags.contains(TcpFlags::SYN) || !packet.checksum_is_valid() {
            return;
        }
        let start = EthernetHeader::LEN + packet.payload_offset;
        let end = start + packet.payload.len() - data.len();
        let mut rest = &mut frame[start + TcpHeader::MIN_LEN..end];
        while let [kind, length, ..] = *rest {
            if kind <= NO_OPERATION {
                rest = &mut rest[1..];
                continue;
            }
            let length = usize::from(length);
            if length < 2 || length > rest.len() {
                break;
            }
            let (option, behind) = rest.split_at_mut(length);
            let goes = match kind {
                WINDOW_SCALE => self.no_window_scale,
                SACK_PERMITTED => self.no_sack,
                TIMESTAMPS => self.no_timestamps,
                _ => false,
            };
            match (option, self.mss) {
                (option, _) if goes => option.fill(NO_OPERATION),
                ([MAXIMUM_SEGMENT_SIZE, 4, size @ ..], Some(most)) if size.len() == 2 => {
                    let told = u16::from_be_bytes([size[0], size[1]]);
                    size.copy_from_slice(&told.min(most).to_be_bytes());
                }
                _ => {}
            }
            rest = behind;
        }
        repair(frame);
    }
}

/// Sets Congestion Experienced on a packet that is capable of ECN.
fn mark(frame: &mut [u8]) {
    if let Some(octet) = frame.get_mut(EthernetHeader::LEN + 1)
        && *octet & 0x30 != 0
    {
        *octet |= 0x30;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::link_local;
    use net::wire::tcp::{TcpOptions, Timestamps};
    use net::wire::tcp_sequence::SequenceNumber;

    const A: MacAddress = MacAddress([2, 0, 0, 0, 0, 1]);
    const B: MacAddress = MacAddress([2, 0, 0, 0, 0, 2]);

    fn envelope() -> Envelope {
        Envelope::unicast((A, link_local(A)), (B, link_local(B)))
    }

    fn syn() -> Vec<u8> {
        let header = TcpHeader {
            source_port: 1,
            destination_port: 2,
            sequence: SequenceNumber(7),
            acknowledgment: SequenceNumber(0),
            flags: TcpFlags::SYN,
            window: 1000,
            checksum: 0,
            urgent_pointer: 0,
            options: TcpOptions {
                maximum_segment_size: Some(1440),
                window_scale: Some(7),
                sack_permitted: true,
                timestamps: Some(Timestamps { value: 1, echo_reply: 0 }),
                ..TcpOptions::NONE
            },
        };
        envelope().tcp(&header, &[])
    }

    fn options(frame: &[u8]) -> TcpOptions {
        let packet = Packet::parse(frame).unwrap();
        assert!(packet.checksum_is_valid());
        TcpHeader::parse(packet.payload).unwrap().0.options
    }

    #[test]
    fn options_go_one_by_one() {
        let mut random = Seeded::new(1);
        let mut through = |middlebox: Middlebox| match middlebox.pass(&syn(), &mut random) {
            Passage::Through(frame) => options(&frame),
            Passage::Back(_) => panic!("it fits"),
        };
        let all = through(Middlebox::default());
        assert_eq!(all, options(&syn()));
        let none = through(Middlebox { no_timestamps: true, ..Middlebox::default() });
        assert_eq!(none, TcpOptions { timestamps: None, ..all });
        let none = through(Middlebox { no_sack: true, mss: Some(536), ..Middlebox::default() });
        let mss = Some(536);
        assert_eq!(none, TcpOptions { sack_permitted: false, maximum_segment_size: mss, ..all });
        let none = through(Middlebox { no_window_scale: true, ..Middlebox::default() });
        assert_eq!(none, TcpOptions { window_scale: None, ..all });
    }

    #[test]
    fn what_is_too_big_comes_back() {
        let narrow = Middlebox { mtu: Some(1280), ..Middlebox::default() };
        let mut random = Seeded::new(1);
        let fits = envelope().udp(1, 2, &[0; 1232]);
        assert_eq!(narrow.pass(&fits, &mut random), Passage::Through(fits));
        let Passage::Back(answer) = narrow.pass(&envelope().udp(1, 2, &[0; 1233]), &mut random)
        else {
            panic!("it does not fit");
        };
        let packet = Packet::parse(&answer).unwrap();
        assert_eq!((packet.ethernet.destination, packet.octets.len()), (A, 1280));
        assert!(matches!(packet.icmpv6(), Some(Icmpv6Message::PacketTooBig { mtu: 1280, .. })));
    }

    #[test]
    fn only_capable_packets_are_marked() {
        let marks = Middlebox { marks: 1000, ..Middlebox::default() };
        let mut random = Seeded::new(1);
        let mut frame = envelope().udp(1, 2, b"x");
        assert_eq!(marks.pass(&frame, &mut random), Passage::Through(frame.clone()));
        frame[15] |= 0x20;
        let Passage::Through(marked) = marks.pass(&frame, &mut random) else { panic!("it fits") };
        assert_eq!(marked[15] & 0x30, 0x30);
    }
}
