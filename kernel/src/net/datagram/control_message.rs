//! Control messages of datagram sockets (RFC 3542 sections 6.1 to 6.5, ipv6(7)).

use crate::net::control;
use crate::net::socket_address;
use crate::syscall::errno::Errno;
use crate::time;
use ::net::interface::InterfaceIndex;
use ::net::socket::{
    ErrorMeta, ErrorOrigin, HeaderKind, OptionsOctets, PathMtuReport, ReceiveMeta, SendOptions,
};
use ::net::wire::ipv6::{HopLimit, TrafficClass};
use alloc::vec::Vec;
use bitflags::bitflags;
use core::net::{Ipv6Addr, SocketAddrV6};
use linux_raw_sys::net::{
    IPV6_2292HOPLIMIT, IPV6_2292PKTINFO, IPV6_DSTOPTS, IPV6_FLOWINFO, IPV6_HOPLIMIT, IPV6_HOPOPTS,
    IPV6_PATHMTU, IPV6_PKTINFO, IPV6_RECVERR, IPV6_RTHDR, IPV6_RTHDRDSTOPTS, IPV6_TCLASS,
    SO_TIMESTAMP, SO_TIMESTAMPNS, SOL_IPV6, SOL_SOCKET,
};

/// `sock_extended_err` values that the headers of the crate lack (linux/errqueue.h).
const SO_EE_ORIGIN_LOCAL: u8 = 1;
const SO_EE_ORIGIN_ICMP6: u8 = 3;

bitflags! {
    /// What a program wants to know of each message.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub(in crate::net) struct Wanted: u16 {
        /// IPV6_RECVPKTINFO.
        const PACKET_INFO = 1 << 0;
        /// IPV6_RECVHOPLIMIT.
        const HOP_LIMIT = 1 << 1;
        /// IPV6_RECVTCLASS.
        const TRAFFIC_CLASS = 1 << 2;
        /// IPV6_2292PKTINFO, the option of RFC 2292.
        const OLD_PACKET_INFO = 1 << 3;
        /// IPV6_2292HOPLIMIT, the option of RFC 2292.
        const OLD_HOP_LIMIT = 1 << 4;
        /// SO_TIMESTAMP.
        const TIMESTAMP = 1 << 5;
        /// SO_TIMESTAMPNS.
        const TIMESTAMP_NANOSECONDS = 1 << 6;
        /// IPV6_RECVPATHMTU.
        const PATH_MTU = 1 << 7;
        /// IPV6_RECVHOPOPTS.
        const HOP_BY_HOP = 1 << 8;
        /// IPV6_RECVDSTOPTS.
        const DESTINATION_OPTIONS = 1 << 9;
        /// IPV6_RECVRTHDR.
        const ROUTING = 1 << 10;
        /// IPV6_FLOWINFO.
        const FLOW_INFO = 1 << 11;
        /// Everything that the stack has to keep extension headers for.
        const HEADERS =
            Self::HOP_BY_HOP.bits() | Self::DESTINATION_OPTIONS.bits() | Self::ROUTING.bits();
    }
}

/// `in6_pktinfo`.
fn packet_info(address: Ipv6Addr, interface: InterfaceIndex) -> Vec<u8> {
    let mut bytes = address.octets().to_vec();
    bytes.extend_from_slice(&interface.get().to_ne_bytes());
    bytes
}

/// Reads `in6_pktinfo`: address and interface, each of which may be unspecified.
pub(super) fn parse_packet_info(
    data: &[u8],
) -> Result<(Option<Ipv6Addr>, Option<InterfaceIndex>), Errno> {
    let address = super::address(data)?;
    let index = data.get(16..).and_then(|rest| rest.first_chunk()).ok_or(Errno::INVAL)?;
    let address = Some(address).filter(|address| !address.is_unspecified());
    Ok((address, InterfaceIndex::new(u32::from_ne_bytes(*index))))
}

/// Applies the control messages of sendmsg(2).
pub(super) fn parse<'a>(bytes: &'a [u8], options: &mut SendOptions<'a>) -> Result<(), Errno> {
    let (mut hop_by_hop, mut destination) = (false, false);
    for message in control::parse(bytes) {
        let message = message?;
        if message.level != SOL_IPV6 {
            return Err(Errno::INVAL);
        }
        let number = || {
            let bytes: Option<&[u8; 4]> = message.data.first_chunk();
            bytes.map(|bytes| i32::from_ne_bytes(*bytes)).ok_or(Errno::INVAL)
        };
        match message.kind {
            IPV6_PKTINFO | IPV6_2292PKTINFO => {
                let (source, interface) = parse_packet_info(message.data)?;
                options.source = source.or(options.source);
                options.interface = interface.or(options.interface);
            }
            IPV6_HOPLIMIT | IPV6_2292HOPLIMIT => {
                options.hop_limit = octet(number()?)?.map(HopLimit);
            }
            IPV6_TCLASS => options.traffic_class = octet(number()?)?.map(TrafficClass),
            // Each at most once, and instead of what was set for all (RFC 3542 section 6).
            IPV6_HOPOPTS if !core::mem::replace(&mut hop_by_hop, true) => {
                options.headers.hop_by_hop = Some(options_header(message.data)?);
            }
            IPV6_DSTOPTS if !core::mem::replace(&mut destination, true) => {
                options.headers.destination = Some(options_header(message.data)?);
            }
            // Options for the nodes that a routing header names: there is none.
            IPV6_RTHDRDSTOPTS => {
                options_header(message.data)?;
            }
            _ => return Err(Errno::INVAL),
        }
    }
    Ok(())
}

/// `ip6_hbh` or `ip6_dest`, as long as it says that it is.
pub(super) fn options_header(data: &[u8]) -> Result<OptionsOctets<'_>, Errno> {
    OptionsOctets::new(data).ok_or(Errno::INVAL)
}

/// A value of 0 to 255, or -1 for the default.
pub(super) fn octet(value: i32) -> Result<Option<u8>, Errno> {
    if value == -1 { Ok(None) } else { u8::try_from(value).map(Some).map_err(|_| Errno::INVAL) }
}

/// The control messages of a received datagram, in the order in which Linux gives them, with its
/// extension headers.
pub(super) fn emit<'a>(
    meta: &ReceiveMeta,
    headers: impl Iterator<Item = (HeaderKind, &'a [u8])>,
    wanted: Wanted,
) -> Vec<u8> {
    let mut bytes = Vec::new();
    if wanted.intersects(Wanted::TIMESTAMP | Wanted::TIMESTAMP_NANOSECONDS) {
        let age = time::now().saturating_since(meta.arrived);
        let arrived = time::realtime().saturating_sub(age);
        let nanoseconds = wanted.contains(Wanted::TIMESTAMP_NANOSECONDS);
        let (kind, fraction) = if nanoseconds {
            (SO_TIMESTAMPNS, arrived.subsec_nanos())
        } else {
            (SO_TIMESTAMP, arrived.subsec_micros())
        };
        let mut value = arrived.as_secs().to_ne_bytes().to_vec();
        value.extend_from_slice(&u64::from(fraction).to_ne_bytes());
        control::push(&mut bytes, SOL_SOCKET, kind, &value);
    }
    let info = packet_info(meta.destination, meta.interface);
    let hop_limit = u32::from(meta.hop_limit.0).to_ne_bytes();
    if wanted.contains(Wanted::PACKET_INFO) {
        control::push(&mut bytes, SOL_IPV6, IPV6_PKTINFO, &info);
    }
    if wanted.contains(Wanted::HOP_LIMIT) {
        control::push(&mut bytes, SOL_IPV6, IPV6_HOPLIMIT, &hop_limit);
    }
    if wanted.contains(Wanted::TRAFFIC_CLASS) {
        let class = u32::from(meta.traffic_class.0).to_ne_bytes();
        control::push(&mut bytes, SOL_IPV6, IPV6_TCLASS, &class);
    }
    // Traffic class and flow label as in the header, told unless all of it is zero.
    let flow_info = u32::from(meta.traffic_class.0) << 20 | meta.flow_label.get();
    if wanted.contains(Wanted::FLOW_INFO) && flow_info != 0 {
        control::push(&mut bytes, SOL_IPV6, IPV6_FLOWINFO, &flow_info.to_be_bytes());
    }
    for (kind, octets) in headers {
        let (flag, number) = match kind {
            HeaderKind::HopByHop => (Wanted::HOP_BY_HOP, IPV6_HOPOPTS),
            HeaderKind::Destination => (Wanted::DESTINATION_OPTIONS, IPV6_DSTOPTS),
            HeaderKind::Routing => (Wanted::ROUTING, IPV6_RTHDR),
        };
        if wanted.contains(flag) {
            control::push(&mut bytes, SOL_IPV6, number, octets);
        }
    }
    if wanted.contains(Wanted::OLD_PACKET_INFO) {
        control::push(&mut bytes, SOL_IPV6, IPV6_2292PKTINFO, &info);
    }
    if wanted.contains(Wanted::OLD_HOP_LIMIT) {
        control::push(&mut bytes, SOL_IPV6, IPV6_2292HOPLIMIT, &hop_limit);
    }
    bytes
}

/// `ip6_mtuinfo`: a destination and the longest packet that gets there.
pub(super) fn mtu_info(destination: SocketAddrV6, mtu: u16) -> Vec<u8> {
    let mut value = socket_address::emit(destination);
    value.extend_from_slice(&u32::from(mtu).to_ne_bytes());
    value
}

/// The control message of IPV6_RECVPATHMTU.
pub(super) fn emit_path_mtu(report: &PathMtuReport) -> Vec<u8> {
    let mut bytes = Vec::new();
    let value = mtu_info(report.destination, report.mtu);
    control::push(&mut bytes, SOL_IPV6, IPV6_PATHMTU, &value);
    bytes
}

/// The control message of an error (IPV6_RECVERR): `sock_extended_err` and who reported it.
pub(super) fn emit_error(meta: &ErrorMeta) -> Vec<u8> {
    let (origin, message_type, code) = match meta.origin {
        ErrorOrigin::Icmpv6 { message_type, code } => (SO_EE_ORIGIN_ICMP6, message_type, code),
        ErrorOrigin::Local => (SO_EE_ORIGIN_LOCAL, 0, 0),
    };
    let mut value = u32::from(super::errno::socket(meta.error).raw()).to_ne_bytes().to_vec();
    value.extend_from_slice(&[origin, message_type, code, 0]);
    value.extend_from_slice(&meta.info.to_ne_bytes());
    value.extend_from_slice(&[0; 4]);
    value.extend_from_slice(&socket_address::emit(meta.offender));
    let mut bytes = Vec::new();
    control::push(&mut bytes, SOL_IPV6, IPV6_RECVERR, &value);
    bytes
}
