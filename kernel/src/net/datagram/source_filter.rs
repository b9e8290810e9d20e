//! The protocol-independent multicast options (RFC 3678, Section 5), as Linux lays them out: a
//! group, or a group and a source, in `sockaddr_storage` structures.

use super::{DatagramSocket, errno};
use crate::net::{change_stack, socket_address, with_stack};
use crate::syscall::errno::Errno;
use crate::time;
use ::net::interface::InterfaceIndex;
use ::net::socket::{FilterMode, SourceChange};
use alloc::vec::Vec;
use core::net::{Ipv6Addr, SocketAddrV6};
use linux_raw_sys::net::{
    MCAST_BLOCK_SOURCE, MCAST_EXCLUDE, MCAST_INCLUDE, MCAST_JOIN_GROUP, MCAST_JOIN_SOURCE_GROUP,
    MCAST_LEAVE_GROUP, MCAST_LEAVE_SOURCE_GROUP, MCAST_MSFILTER, MCAST_UNBLOCK_SOURCE,
};

/// Octets of a `sockaddr_storage`.
const STORAGE: usize = 128;
/// Where the group is in all three structures, behind the number of the interface.
const GROUP: usize = 8;
/// Where the source is in `group_source_req`.
const SOURCE: usize = GROUP + STORAGE;
/// Where `group_filter` has mode, number of sources, and sources.
const MODE: usize = GROUP + STORAGE;
const COUNT: usize = MODE + 4;
const SOURCES: usize = COUNT + 4;
/// Sources of one filter: Linux's default of `net.ipv6.mld_max_msf`.
const SOURCES_MAX: usize = 64;

/// Whether an option of this level is one of these.
pub(super) const fn is_one(name: u32) -> bool {
    matches!(name, MCAST_JOIN_GROUP..=MCAST_MSFILTER)
}

/// Sets one of them.
pub(super) fn set(socket: &DatagramSocket, name: u32, value: &[u8]) -> Result<(), Errno> {
    let interface = InterfaceIndex::new(word(value, 0)?);
    let group = address(value, GROUP)?;
    let change = match name {
        MCAST_JOIN_GROUP => {
            let join =
                change_stack(|stack| stack.join_group(socket.id, group, interface, time::now()));
            return join.map_err(errno::membership);
        }
        MCAST_LEAVE_GROUP => {
            let leave =
                change_stack(|stack| stack.leave_group(socket.id, group, interface, time::now()));
            return leave.map_err(errno::membership);
        }
        MCAST_MSFILTER => return set_filter(socket, group, interface, value),
        MCAST_JOIN_SOURCE_GROUP => SourceChange::Join,
        MCAST_LEAVE_SOURCE_GROUP => SourceChange::Leave,
        MCAST_BLOCK_SOURCE => SourceChange::Block,
        MCAST_UNBLOCK_SOURCE => SourceChange::Unblock,
        _ => return Err(Errno::NOPROTOOPT),
    };
    let source = address(value, SOURCE)?;
    let changed = change_stack(|stack| {
        stack.change_source(socket.id, group, interface, (change, source), time::now())
    });
    changed.map_err(errno::membership)
}

fn set_filter(
    socket: &DatagramSocket,
    group: Ipv6Addr,
    interface: Option<InterfaceIndex>,
    value: &[u8],
) -> Result<(), Errno> {
    let mode = match word(value, MODE)? {
        MCAST_INCLUDE => FilterMode::Include,
        MCAST_EXCLUDE => FilterMode::Exclude,
        _ => return Err(Errno::INVAL),
    };
    let count = word(value, COUNT)? as usize;
    if count > SOURCES_MAX {
        return Err(Errno::NOBUFS);
    }
    let sources: Result<Vec<_>, _> =
        (0..count).map(|number| address(value, SOURCES + number * STORAGE)).collect();
    let filter = (mode, &sources?[..]);
    let set = change_stack(|stack| {
        stack.set_source_filter(socket.id, group, interface, filter, time::now())
    });
    set.map_err(errno::membership)
}

/// MCAST_MSFILTER's answer (RFC 3678, Section 5.1.4): mode and number of sources of the group that
/// the question has, and as many sources as the question has room for and asks for.
pub(super) fn get(socket: &DatagramSocket, question: &[u8]) -> Result<Vec<u8>, Errno> {
    let room = question.len().checked_sub(SOURCES).ok_or(Errno::INVAL)? / STORAGE;
    let interface = InterfaceIndex::new(word(question, 0)?);
    let group = address(question, GROUP)?;
    let wanted = word(question, COUNT)? as usize;
    let (mode, sources) = with_stack(|stack| {
        let (mode, sources) = stack.source_filter(socket.id, group, interface)?;
        Ok((mode, sources.collect::<Vec<_>>()))
    })
    .map_err(errno::membership)?;
    Ok(emit_filter(&question[..MODE], mode, &sources, wanted.min(room)))
}

/// `struct group_filter`: `head` has interface and group; there are `limit` sources at most.
fn emit_filter(head: &[u8], mode: FilterMode, sources: &[Ipv6Addr], limit: usize) -> Vec<u8> {
    let mode = match mode {
        FilterMode::Include => MCAST_INCLUDE,
        FilterMode::Exclude => MCAST_EXCLUDE,
    };
    let mut answer = head.to_vec();
    answer.extend(mode.to_ne_bytes());
    answer.extend((sources.len() as u32).to_ne_bytes());
    for source in sources.iter().take(limit) {
        let end = answer.len() + STORAGE;
        answer.extend(socket_address::emit(SocketAddrV6::new(*source, 0, 0, 0)));
        answer.resize(end, 0);
    }
    answer
}

fn word(value: &[u8], at: usize) -> Result<u32, Errno> {
    let bytes = value.get(at..).and_then(|rest| rest.first_chunk()).ok_or(Errno::INVAL)?;
    Ok(u32::from_ne_bytes(*bytes))
}

/// The address in the `sockaddr_storage` at an offset.
fn address(value: &[u8], at: usize) -> Result<Ipv6Addr, Errno> {
    let storage = value.get(at..at + STORAGE).ok_or(Errno::INVAL)?;
    // Linux says so for other families than its own.
    socket_address::parse(storage).map(|address| *address.ip()).map_err(|_| Errno::ADDRNOTAVAIL)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_where_linux_has_them() {
        let group: Ipv6Addr = "ff35::1".parse().unwrap();
        let mut value = alloc::vec![0; SOURCES];
        assert_eq!(value.len(), 144);
        let storage = socket_address::emit(SocketAddrV6::new(group, 0, 0, 0));
        value[GROUP..GROUP + storage.len()].copy_from_slice(&storage);
        value[MODE] = 1;
        assert_eq!(address(&value, GROUP), Ok(group));
        assert_eq!(word(&value, MODE), Ok(MCAST_INCLUDE));
        assert_eq!(address(&value, SOURCE), Err(Errno::INVAL), "it ends too early");
        value[GROUP] = 2;
        assert_eq!(address(&value, GROUP), Err(Errno::ADDRNOTAVAIL));
    }

    #[test]
    fn a_filter_is_read_as_it_was_set() {
        let group: Ipv6Addr = "ff35::1".parse().unwrap();
        let sources: Vec<Ipv6Addr> =
            ["2001:db8::1", "2001:db8::2"].map(|text| text.parse().unwrap()).into();
        let mut head = alloc::vec![0; MODE];
        head[0] = 3;
        let storage = socket_address::emit(SocketAddrV6::new(group, 0, 0, 0));
        head[GROUP..GROUP + storage.len()].copy_from_slice(&storage);
        for (limit, length) in [(0, SOURCES), (1, SOURCES + STORAGE), (9, SOURCES + 2 * STORAGE)] {
            let answer = emit_filter(&head, FilterMode::Include, &sources, limit);
            assert_eq!(answer.len(), length, "limit {limit}");
            assert_eq!(answer[..MODE], head);
            assert_eq!((word(&answer, MODE), word(&answer, COUNT)), (Ok(MCAST_INCLUDE), Ok(2)));
            for (number, source) in sources.iter().take(limit).enumerate() {
                assert_eq!(address(&answer, SOURCES + number * STORAGE), Ok(*source));
            }
        }
        let none = emit_filter(&head, FilterMode::Exclude, &[], 9);
        assert_eq!((word(&none, MODE), word(&none, COUNT)), (Ok(MCAST_EXCLUDE), Ok(0)));
    }
}
