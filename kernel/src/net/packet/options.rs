//! Socket options of packet sockets (packet(7), socket(7)).

use super::filter::{Filter, INSTRUCTION_LENGTH, INSTRUCTIONS_MAX};
use super::{PacketSocket, queue};
use crate::net::option::{emit_bool, emit_u32, read_bool, read_u32};
use crate::net::promiscuous::Watch;
use crate::net::with_stack;
use crate::syscall::errno::Errno;
use crate::syscall::user_memory::UserSlice;
use ::net::interface::InterfaceIndex;
use alloc::vec::Vec;
use bitflags::bitflags;
use linux_raw_sys::if_packet::{
    PACKET_ADD_MEMBERSHIP, PACKET_AUXDATA, PACKET_DROP_MEMBERSHIP, PACKET_IGNORE_OUTGOING,
    PACKET_MR_PROMISC, PACKET_MR_UNICAST, PACKET_STATISTICS, PACKET_VERSION,
};
use linux_raw_sys::net::{
    SO_ATTACH_FILTER, SO_DETACH_FILTER, SO_ERROR, SO_RCVBUF, SO_RCVBUFFORCE, SO_TIMESTAMP,
    SO_TIMESTAMPNS, SOL_PACKET, SOL_SOCKET,
};

/// net.core.rmem_max; SO_RCVBUFFORCE may go beyond.
const BUFFER_MAX: u32 = 212_992;
/// The most memberships of one socket.
const MEMBERSHIPS_MAX: usize = 64;

bitflags! {
    /// What a program wants to know of each packet.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub(super) struct Wanted: u8 {
        /// SO_TIMESTAMP.
        const TIMESTAMP = 1 << 0;
        /// SO_TIMESTAMPNS.
        const TIMESTAMP_NANOSECONDS = 1 << 1;
        /// PACKET_AUXDATA.
        const AUXILIARY = 1 << 2;
    }
}

/// `struct packet_mreq`: an interface, what is asked of it, and an address. Only the wish for all
/// frames changes anything: adapters hand all groups over in any case.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Membership {
    interface: InterfaceIndex,
    kind: u16,
    address: [u8; 8],
}

impl Membership {
    /// Which interface it is about.
    pub(super) const fn interface(&self) -> InterfaceIndex {
        self.interface
    }

    fn parse(value: &[u8]) -> Result<Self, Errno> {
        let (interface, rest) = value.split_first_chunk().ok_or(Errno::INVAL)?;
        let (kind, rest) = rest.split_first_chunk().ok_or(Errno::INVAL)?;
        let (_length, rest) = rest.split_first_chunk::<2>().ok_or(Errno::INVAL)?;
        let address = *rest.first_chunk().ok_or(Errno::INVAL)?;
        let kind = u16::from_ne_bytes(*kind);
        if u32::from(kind) > PACKET_MR_UNICAST {
            return Err(Errno::INVAL);
        }
        let interface = InterfaceIndex::new(u32::from_ne_bytes(*interface)).ok_or(Errno::NODEV)?;
        Ok(Self { interface, kind, address })
    }
}

/// The options that ask for a control message.
fn wanted(level: u32, name: u32) -> Option<Wanted> {
    Some(match (level, name) {
        (SOL_SOCKET, SO_TIMESTAMP) => Wanted::TIMESTAMP,
        (SOL_SOCKET, SO_TIMESTAMPNS) => Wanted::TIMESTAMP_NANOSECONDS,
        (SOL_PACKET, PACKET_AUXDATA) => Wanted::AUXILIARY,
        _ => return None,
    })
}

pub(super) fn set(socket: &PacketSocket, level: u32, name: u32, value: &[u8]) -> Result<(), Errno> {
    if let Some(flag) = wanted(level, name) {
        let mut wanted = socket.wanted.get();
        wanted.set(flag, read_bool(value)?);
        socket.wanted.set(wanted);
        return Ok(());
    }
    match (level, name) {
        (SOL_SOCKET, SO_ATTACH_FILTER) => {
            let filter = read_filter(value)?;
            socket.filter.replace(Some(filter));
        }
        (SOL_SOCKET, SO_DETACH_FILTER) => {
            socket.filter.take().ok_or(Errno::NOENT)?;
        }
        // Linux doubles what is asked for.
        (SOL_SOCKET, SO_RCVBUF) => {
            let octets = read_u32(value)?.min(BUFFER_MAX) as usize * 2;
            socket.queue.borrow_mut().set_limit(octets);
        }
        (SOL_SOCKET, SO_RCVBUFFORCE) => {
            let octets = (read_u32(value)? as usize).min(queue::LIMIT_MAX) * 2;
            socket.queue.borrow_mut().set_limit(octets);
        }
        (SOL_PACKET, PACKET_ADD_MEMBERSHIP) => {
            let membership = Membership::parse(value)?;
            let exists = with_stack(|stack| stack.interface(membership.interface).is_some());
            if !exists {
                return Err(Errno::NODEV);
            }
            let mut memberships = socket.memberships.borrow_mut();
            if memberships.len() >= MEMBERSHIPS_MAX {
                return Err(Errno::NOBUFS);
            }
            let all = u32::from(membership.kind) == PACKET_MR_PROMISC;
            let watch = all.then(|| Watch::new(membership.interface));
            memberships.push((membership, watch));
        }
        (SOL_PACKET, PACKET_DROP_MEMBERSHIP) => {
            let membership = Membership::parse(value)?;
            let mut memberships = socket.memberships.borrow_mut();
            let at = memberships.iter().position(|(other, _)| *other == membership);
            drop(memberships.swap_remove(at.ok_or(Errno::ADDRNOTAVAIL)?));
        }
        (SOL_PACKET, PACKET_IGNORE_OUTGOING) => socket.ignores_outgoing.set(read_bool(value)?),
        // There are no rings, so only their first version is there.
        (SOL_PACKET, PACKET_VERSION) if read_u32(value)? != 0 => return Err(Errno::INVAL),
        (SOL_PACKET, PACKET_VERSION) => {}
        _ => return Err(Errno::NOPROTOOPT),
    }
    Ok(())
}

/// `struct sock_fprog`: how many instructions, and where they are.
fn read_filter(value: &[u8]) -> Result<Filter, Errno> {
    let (count, rest) = value.split_first_chunk().ok_or(Errno::INVAL)?;
    let count = usize::from(u16::from_ne_bytes(*count));
    // The pointer is aligned to eight octets.
    let address = rest.get(6..).and_then(|rest| rest.first_chunk()).ok_or(Errno::INVAL)?;
    if count == 0 || count > INSTRUCTIONS_MAX {
        return Err(Errno::INVAL);
    }
    let length = (count * INSTRUCTION_LENGTH) as u64;
    let program = UserSlice::new(u64::from_ne_bytes(*address), length).read()?;
    Filter::parse(&program).ok_or(Errno::INVAL)
}

pub(super) fn get(socket: &PacketSocket, level: u32, name: u32) -> Result<Vec<u8>, Errno> {
    if let Some(flag) = wanted(level, name) {
        return Ok(emit_bool(socket.wanted.get().contains(flag)));
    }
    Ok(match (level, name) {
        (SOL_SOCKET, SO_RCVBUF) => {
            emit_u32(u32::try_from(socket.queue.borrow().limit()).unwrap_or(u32::MAX))
        }
        (SOL_SOCKET, SO_ERROR) => {
            emit_u32(socket.error.take().map_or(0, |error| error.raw().into()))
        }
        (SOL_PACKET, PACKET_STATISTICS) => {
            let statistics = socket.queue.borrow_mut().take_statistics();
            [statistics.packets, statistics.drops].map(u32::to_ne_bytes).concat()
        }
        (SOL_PACKET, PACKET_IGNORE_OUTGOING) => emit_bool(socket.ignores_outgoing.get()),
        (SOL_PACKET, PACKET_VERSION) => emit_u32(0),
        _ => return Err(Errno::NOPROTOOPT),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memberships_are_read_as_linux_lays_them_out() {
        let value = [1, 0, 0, 0, 1, 0, 6, 0, 1, 2, 3, 4, 5, 6, 0, 0];
        let interface = InterfaceIndex::LOOPBACK;
        let membership = Membership { interface, kind: 1, address: [1, 2, 3, 4, 5, 6, 0, 0] };
        assert_eq!(Membership::parse(&value), Ok(membership));
        assert_eq!(Membership::parse(&value[..15]), Err(Errno::INVAL));
        let mut unknown = value;
        unknown[4] = 9;
        assert_eq!(Membership::parse(&unknown), Err(Errno::INVAL));
        let mut nowhere = value;
        nowhere[0] = 0;
        assert_eq!(Membership::parse(&nowhere), Err(Errno::NODEV));
    }

    #[test]
    fn filters_of_no_length_or_too_long_are_refused() {
        let program = |count: u16| {
            let mut value = count.to_ne_bytes().to_vec();
            value.resize(16, 0);
            value
        };
        assert_eq!(read_filter(&program(0)), Err(Errno::INVAL));
        assert_eq!(read_filter(&program(4097)), Err(Errno::INVAL));
        assert_eq!(read_filter(&program(1)[..15]), Err(Errno::INVAL));
        assert_eq!(read_filter(&program(1)), Err(Errno::FAULT));
    }
}
