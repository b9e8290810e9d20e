//! What a filter looks at.

use alloc::vec::Vec;
use core::net::Ipv6Addr;

use super::field::Base;
use crate::tcpdump::extension::{AUTHENTICATION, DESTINATION, FRAGMENT, HOP_BY_HOP, ROUTING};
use crate::tcpdump::ipv6::HEADER;
use crate::tcpdump::link::{IPV6, LinkType};
use crate::tcpdump::octets::{Octets, Truncated};
use crate::tcpdump::{tcp, udp};

/// The parts of a packet. What was not captured is not there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct View<'a> {
    /// What was captured, from the link-layer header on.
    pub octets: &'a [u8],
    /// Octets on the wire.
    pub length: usize,
    /// Ethernet addresses: source, destination.
    pub ethernet: Option<([u8; 6], [u8; 6])>,
    /// The number of the outermost VLAN tag.
    pub vlan: Option<u16>,
    /// The EtherType behind tags.
    pub kind: Option<u16>,
    /// The IPv6 source address.
    pub source: Option<Ipv6Addr>,
    /// The IPv6 destination address.
    pub destination: Option<Ipv6Addr>,
    /// The next headers, extension headers and the transport protocol.
    pub protocols: Vec<u8>,
    /// TCP or UDP, if ports could be there.
    pub transport: Option<u8>,
    /// The source port.
    pub source_port: Option<u16>,
    /// The destination port.
    pub destination_port: Option<u16>,
    /// Where the Ethernet header begins.
    pub(super) frame: Option<usize>,
    /// Where the IPv6 header begins.
    pub(super) network: Option<usize>,
    /// What stands behind IPv6's headers, and where.
    pub(super) payload: Option<(u8, usize)>,
}

impl<'a> View<'a> {
    /// The parts of a packet of so many octets on the wire.
    #[must_use]
    pub fn new(packet: &'a [u8], length: usize, link: LinkType) -> Self {
        let frame = (link == LinkType::Ethernet).then_some(0);
        let mut view = Self { octets: packet, length, frame, ..Self::default() };
        // What is cut off has no parts.
        let _ = view.read(packet, link);
        view
    }

    /// Where a header begins, if there is one.
    #[must_use]
    pub fn start(&self, base: Base) -> Option<usize> {
        match base {
            Base::Ethernet => self.frame,
            Base::Ipv6 => self.network,
            Base::Transport(wanted) => {
                self.payload.and_then(|(found, start)| (found == wanted).then_some(start))
            }
        }
    }

    fn read(&mut self, packet: &[u8], link: LinkType) -> Result<(), Truncated> {
        let octets = Octets::new(packet, "ether");
        if link == LinkType::Ethernet {
            let address = |offset| {
                octets
                    .slice(offset, 6)
                    .map(|octets| octets.first_chunk().copied().unwrap_or([0; 6]))
            };
            self.ethernet = Some((address(6)?, address(0)?));
        }
        let network = link.network(packet)?;
        if network.offset > link.header() {
            self.vlan = Some(octets.u16(link.header())? & 0xfff);
        }
        self.kind = Some(network.kind);
        if network.kind != IPV6 {
            return Ok(());
        }
        self.network = Some(network.offset);
        let octets = Octets::new(octets.rest(network.offset), "ip6");
        let mut header = octets.u8(6)?;
        self.protocols.push(header);
        self.source = Some(octets.address(8)?);
        self.destination = Some(octets.address(24)?);
        let mut at = HEADER;
        loop {
            let length = match header {
                HOP_BY_HOP | DESTINATION | ROUTING => (usize::from(octets.u8(at + 1)?) + 1) * 8,
                AUTHENTICATION => (usize::from(octets.u8(at + 1)?) + 2) * 4,
                FRAGMENT => {
                    if octets.u16(at + 2)? & 0xfff8 != 0 {
                        // The rest of a packet: of what, the header still says.
                        self.protocols.push(octets.u8(at)?);
                        return Ok(());
                    }
                    8
                }
                tcp::NUMBER | udp::NUMBER => {
                    self.payload = Some((header, network.offset + at));
                    self.transport = Some(header);
                    self.source_port = Some(octets.u16(at)?);
                    self.destination_port = Some(octets.u16(at + 2)?);
                    return Ok(());
                }
                _ => {
                    self.payload = Some((header, network.offset + at));
                    return Ok(());
                }
            };
            header = octets.u8(at)?;
            self.protocols.push(header);
            at += length;
        }
    }
}
