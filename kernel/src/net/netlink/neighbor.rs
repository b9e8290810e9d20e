//! RTM_*NEIGH: the neighbor cache.

use super::message::{Attributes, Builder, Header, read_u16, read_u32};
use super::request::{Dump, is_about_ipv6, only_interface};
use crate::net;
use crate::syscall::errno::Errno;
use crate::time::{self, Instant};
use ::net::interface::InterfaceIndex;
use ::net::neighbor::{NeighborError, NeighborInfo, NeighborState};
use ::net::netif::MacAddress;
use alloc::vec::Vec;
use core::net::Ipv6Addr;
use linux_raw_sys::net::AF_INET6;
use linux_raw_sys::netlink::{
    NDA_CACHEINFO, NDA_DST, NDA_LLADDR, NDA_PROBES, NLM_F_CREATE, NLM_F_REPLACE, NTF_ROUTER,
    NUD_DELAY, NUD_FAILED, NUD_INCOMPLETE, NUD_NOARP, NUD_PERMANENT, NUD_PROBE, NUD_REACHABLE,
    NUD_STALE, RTM_DELNEIGH, RTM_NEWNEIGH, RTN_UNICAST,
};

/// Length of `ndmsg`.
const BODY_LENGTH: usize = 12;

/// All neighbors, of one interface when the request names one.
pub(super) fn dump(payload: &[u8], header: Header) -> Dump {
    if !is_about_ipv6(payload) {
        return Dump::new();
    }
    let only = only_interface(payload, BODY_LENGTH);
    let now = time::now();
    net::with_stack(|stack| {
        stack
            .neighbors()
            .filter(|neighbor| only.is_none_or(|only| only == neighbor.interface))
            .map(|neighbor| emit(&neighbor, now, header))
            .collect()
    })
}

/// One neighbor.
pub(super) fn get(payload: &[u8], header: Header) -> Result<Vec<u8>, Errno> {
    let request = Request::parse(payload)?;
    let now = time::now();
    net::with_stack(|stack| {
        let found = stack.neighbors().find(|neighbor| {
            neighbor.interface == request.interface && neighbor.address == request.address
        });
        found.map(|neighbor| emit(&neighbor, now, header)).ok_or(Errno::NOENT)
    })
}

/// RTM_NEWNEIGH: `ip neigh add`, `replace` and `change`.
pub(super) fn add(payload: &[u8], flags: u32) -> Result<(), Errno> {
    let request = Request::parse(payload)?;
    let permanent = match request.state {
        0 | NUD_PERMANENT | NUD_NOARP => true,
        NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE => false,
        _ => return Err(Errno::INVAL),
    };
    let mac = request.mac.ok_or(Errno::INVAL)?;
    let now = time::now();
    net::change_stack(|stack| {
        let exists = stack.neighbors().any(|neighbor| {
            neighbor.interface == request.interface && neighbor.address == request.address
        });
        if !exists && flags & NLM_F_CREATE == 0 {
            return Err(Errno::NOENT);
        }
        let replace = flags & NLM_F_REPLACE != 0;
        stack
            .set_neighbor(request.interface, request.address, mac, permanent, replace, now)
            .map_err(errno)
    })
}

/// RTM_DELNEIGH.
pub(super) fn delete(payload: &[u8]) -> Result<(), Errno> {
    let request = Request::parse(payload)?;
    net::change_stack(|stack| {
        stack.remove_neighbor(request.interface, request.address).map_err(errno)
    })
}

fn errno(error: NeighborError) -> Errno {
    match error {
        NeighborError::NotFound => Errno::NOENT,
        NeighborError::NoInterface => Errno::NODEV,
        NeighborError::BadAddress => Errno::INVAL,
        NeighborError::Exists => Errno::EXIST,
        NeighborError::TableFull => Errno::NOBUFS,
    }
}

struct Request {
    interface: InterfaceIndex,
    address: Ipv6Addr,
    /// NUD_ bits as asked for.
    state: u32,
    mac: Option<MacAddress>,
}

impl Request {
    fn parse(payload: &[u8]) -> Result<Self, Errno> {
        let family = payload.first().ok_or(Errno::INVAL)?;
        if u32::from(*family) != AF_INET6 {
            return Err(Errno::AFNOSUPPORT);
        }
        let number = read_u32(payload, 4).ok_or(Errno::INVAL)?;
        let interface = InterfaceIndex::new(number).ok_or(Errno::NODEV)?;
        let state = read_u16(payload, 8).map(u32::from).ok_or(Errno::INVAL)?;
        let attributes = Attributes::after(payload, BODY_LENGTH);
        let address = attributes.get(NDA_DST as u32).and_then(super::read_address);
        let mac = match attributes.get(NDA_LLADDR as u32) {
            None => None,
            Some(bytes) => Some(MacAddress(bytes.try_into().map_err(|_| Errno::INVAL)?)),
        };
        Ok(Self { interface, address: address.ok_or(Errno::INVAL)?, state, mac })
    }
}

/// The message that describes a neighbor.
pub(super) fn emit(neighbor: &NeighborInfo, now: Instant, header: Header) -> Vec<u8> {
    describe(neighbor, now, Header { kind: RTM_NEWNEIGH as u16, ..header })
}

/// The message that tells of a neighbor's disappearance.
pub(super) fn emit_removed(neighbor: &NeighborInfo, now: Instant, header: Header) -> Vec<u8> {
    describe(neighbor, now, Header { kind: RTM_DELNEIGH as u16, ..header })
}

fn describe(neighbor: &NeighborInfo, now: Instant, header: Header) -> Vec<u8> {
    let state = match neighbor.state {
        NeighborState::Incomplete => NUD_INCOMPLETE,
        NeighborState::Reachable => NUD_REACHABLE,
        NeighborState::Stale => NUD_STALE,
        NeighborState::Delay => NUD_DELAY,
        NeighborState::Probe => NUD_PROBE,
        // Linux has no name for RFC 7048's state. Like a failed neighbor, it does not answer; that
        // packets go on to it can be seen by its link-layer address.
        NeighborState::Unreachable | NeighborState::Failed => NUD_FAILED,
        NeighborState::Permanent => NUD_PERMANENT,
    };
    let flags = if neighbor.is_router { NTF_ROUTER as u8 } else { 0 };
    let mut builder = Builder::new(header)
        .body(&[AF_INET6 as u8, 0, 0, 0])
        .body(&neighbor.interface.get().to_ne_bytes())
        .body(&(state as u16).to_ne_bytes())
        .body(&[flags, RTN_UNICAST as u8]);
    builder.attribute(NDA_DST as u32, &neighbor.address.octets());
    if let Some(mac) = neighbor.mac {
        builder.attribute(NDA_LLADDR as u32, &mac.0);
    }
    builder.attribute_u32(NDA_PROBES as u32, u32::from(neighbor.probes));
    // Hundredths of a second ago, and a reference count.
    let ago = |instant: Instant| super::hundredths(now.saturating_since(instant));
    let cache_info = [ago(neighbor.confirmed), ago(neighbor.used), ago(neighbor.updated), 0];
    let cache_info: Vec<u8> = cache_info.iter().flat_map(|value| value.to_ne_bytes()).collect();
    builder.attribute(NDA_CACHEINFO as u32, &cache_info);
    builder.finish()
}
