//! Datagram sockets of AF_INET6: UDP and ICMPv6 (udp(7), ipv6(7), icmp(7), RFC 3493, RFC 3542).
//!
//! The stack has the sockets; here are the numbers and structures of the system calls.

mod control_message;
pub(in crate::net) mod errno;
mod options;
mod source_filter;

pub(in crate::net) use control_message::Wanted;
pub(in crate::net) use options::wanted;

use super::option::Kind;
use super::socket::{Incoming, MessageFlags, Outgoing, Socket, SocketBase};
use super::{KernelStack, change_stack, socket_address, with_stack};
use crate::fs::file::Readiness;
use crate::sync::TaskCell;
use crate::syscall::errno::Errno;
use crate::syscall::user_memory::{UserReader, UserWriter};
use crate::time;
use ::net::interface::{Interface, InterfaceIndex};
use ::net::socket::{ErrorMeta, OptionsOctets, SendHeaders, SendOptions, SocketId, SocketKind};
use ::net::wire::ipv6::FlowLabel;
use alloc::collections::BTreeMap;
use alloc::rc::{Rc, Weak};
use alloc::vec::Vec;
use core::cell::{Cell, RefCell};
use core::net::{Ipv6Addr, SocketAddrV6};
use linux_raw_sys::net::{
    AF_INET6, IPPROTO_ICMPV6, IPPROTO_IP, IPPROTO_UDP, MCAST_MSFILTER, SHUT_RD, SHUT_RDWR, SHUT_WR,
    SOCK_DGRAM, SOCK_RAW, SOCK_STREAM, SOL_IPV6,
};

/// All datagram sockets, so that the stack's events find whom to wake.
static SOCKETS: TaskCell<BTreeMap<SocketId, Weak<DatagramSocket>>> = TaskCell::new(BTreeMap::new());

/// Wakes whoever waits for a socket.
pub(super) fn wake(id: SocketId) {
    let socket = SOCKETS.with(|sockets| sockets.get(&id).and_then(Weak::upgrade));
    if let Some(socket) = socket {
        socket.base.wait_queue().wake_all();
    }
}

/// The number by which a socket is known outside, while a program has it.
pub(super) fn inode(id: SocketId) -> Option<u64> {
    let socket = SOCKETS.with(|sockets| sockets.get(&id).and_then(Weak::upgrade))?;
    Some(socket.base.inode().get())
}

/// A UDP or ICMPv6 socket.
pub(in crate::net) struct DatagramSocket {
    base: SocketBase,
    id: SocketId,
    kind: SocketKind,
    /// Which control messages the program wants.
    wanted: Cell<Wanted>,
    sticky: RefCell<Sticky>,
}

/// What is set for all messages that are sent (RFC 3542 section 6).
#[derive(Default)]
struct Sticky {
    /// IPV6_PKTINFO.
    source: Option<Ipv6Addr>,
    interface: Option<InterfaceIndex>,
    /// IPV6_HOPOPTS.
    hop_by_hop: Vec<u8>,
    /// IPV6_DSTOPTS.
    destination: Vec<u8>,
    /// IPV6_RTHDRDSTOPTS: of effect with a routing header only, and none is sent.
    routing_destination: Vec<u8>,
    /// IPV6_FLOWINFO_SEND.
    sends_flow_label: bool,
    /// The flow label of the peer that connect(2) was given.
    peer_flow_label: Option<FlowLabel>,
}

impl Sticky {
    fn options(&self) -> SendOptions<'_> {
        SendOptions {
            source: self.source,
            interface: self.interface,
            headers: SendHeaders {
                hop_by_hop: OptionsOctets::new(&self.hop_by_hop),
                destination: OptionsOctets::new(&self.destination),
            },
            ..SendOptions::default()
        }
    }

    /// The flow label of an address (RFC 3493 section 3.3): whoever wants the stack's choice leaves
    /// it zero.
    fn flow_label(&self, address: Option<SocketAddrV6>) -> Option<FlowLabel> {
        let label = address.map(|address| FlowLabel::from_low_bits(address.flowinfo()));
        label.filter(|label| self.sends_flow_label && *label != FlowLabel::NONE)
    }
}

impl DatagramSocket {
    /// socket(2): `EPROTONOSUPPORT` and `ESOCKTNOSUPPORT` as Linux gives them.
    pub(in crate::net) fn create(kind: u32, protocol: u32) -> Result<Rc<dyn Socket>, Errno> {
        const ANY: u32 = IPPROTO_IP as u32;
        const UDP: u32 = IPPROTO_UDP as u32;
        let kind = match (kind, protocol) {
            (SOCK_DGRAM, ANY | UDP) => SocketKind::Udp,
            (SOCK_DGRAM, IPPROTO_ICMPV6) => SocketKind::Icmpv6Echo,
            (SOCK_RAW, IPPROTO_ICMPV6) => SocketKind::Icmpv6Raw,
            (SOCK_DGRAM | SOCK_RAW | SOCK_STREAM, _) => return Err(Errno::PROTONOSUPPORT),
            _ => return Err(Errno::SOCKTNOSUPPORT),
        };
        let id = change_stack(|stack| stack.open_socket(kind)).map_err(|_| Errno::NFILE)?;
        let socket = Rc::new(Self {
            base: SocketBase::fresh(),
            id,
            kind,
            wanted: Cell::new(Wanted::empty()),
            sticky: RefCell::default(),
        });
        SOCKETS.with(|sockets| sockets.insert(id, Rc::downgrade(&socket)));
        Ok(socket)
    }

    /// Linux shows no port for raw sockets.
    fn shown(&self, address: SocketAddrV6) -> Vec<u8> {
        let mut address = address;
        if self.kind == SocketKind::Icmpv6Raw {
            address.set_port(0);
        }
        socket_address::emit(address)
    }

    fn receive_error(&self, to: &mut UserWriter<'_>) -> Result<Incoming, Errno> {
        change_stack(|stack| {
            stack.receive_error(self.id, |meta, payload| error_message(meta, payload, to))
        })
        .map_err(|_| Errno::AGAIN)?
    }

    /// What IPV6_RECVPATHMTU tells: a message without octets.
    fn path_mtu_message(&self) -> Option<Incoming> {
        if !self.wanted.get().contains(Wanted::PATH_MTU) {
            return None;
        }
        let report = change_stack(|stack| stack.take_path_mtu_report(self.id))?;
        Some(Incoming {
            address: socket_address::emit(report.destination),
            control: control_message::emit_path_mtu(&report),
            ..Incoming::default()
        })
    }
}

/// An entry of an error queue as a message: the octets quoted, and the error as control message.
pub(in crate::net) fn error_message(
    meta: &ErrorMeta,
    quoted: &[u8],
    to: &mut UserWriter<'_>,
) -> Result<Incoming, Errno> {
    let length = to.copy(quoted)?;
    let mut flags = MessageFlags::ERROR_QUEUE;
    flags.set(MessageFlags::TRUNCATED, length < quoted.len());
    Ok(Incoming {
        length,
        address: socket_address::emit(meta.destination),
        control: control_message::emit_error(meta),
        flags: flags.bits(),
    })
}

impl Drop for DatagramSocket {
    fn drop(&mut self) {
        SOCKETS.with(|sockets| sockets.remove(&self.id));
        change_stack(|stack| stack.close_socket(self.id, time::now()));
    }
}

impl Socket for DatagramSocket {
    fn base(&self) -> &SocketBase {
        &self.base
    }

    fn kind(&self) -> Kind {
        let (protocol, kind) = match self.kind {
            SocketKind::Udp => (IPPROTO_UDP as u32, SOCK_DGRAM),
            SocketKind::Icmpv6Echo => (IPPROTO_ICMPV6, SOCK_DGRAM),
            SocketKind::Icmpv6Raw => (IPPROTO_ICMPV6, SOCK_RAW),
        };
        Kind { family: AF_INET6, protocol, kind }
    }

    fn bind(&self, address: &[u8]) -> Result<(), Errno> {
        let address = socket_address::parse(address)?;
        change_stack(|stack| stack.bind(self.id, address)).map_err(errno::bind)
    }

    fn connect(&self, address: &[u8]) -> Result<(), Errno> {
        let peer = socket_address::parse_peer(address)?;
        change_stack(|stack| match peer {
            Some(peer) => stack.connect(self.id, peer, time::now()),
            None => stack.disconnect(self.id),
        })
        .map_err(errno::connect)?;
        let mut sticky = self.sticky.borrow_mut();
        sticky.peer_flow_label = sticky.flow_label(peer);
        Ok(())
    }

    fn local_address(&self) -> Result<Vec<u8>, Errno> {
        let address = with_stack(|stack| stack.local_address(self.id)).ok_or(Errno::BADF)?;
        Ok(self.shown(address))
    }

    fn peer_address(&self) -> Result<Vec<u8>, Errno> {
        let address = with_stack(|stack| stack.remote_address(self.id)).ok_or(Errno::NOTCONN)?;
        Ok(self.shown(address))
    }

    fn shutdown(&self, how: u32) -> Result<(), Errno> {
        let (receive, send) = match how {
            SHUT_RD => (true, false),
            SHUT_WR => (false, true),
            SHUT_RDWR => (true, true),
            _ => return Err(Errno::INVAL),
        };
        change_stack(|stack| stack.shutdown(self.id, receive, send)).map_err(errno::shutdown)
    }

    fn try_send(
        &self,
        from: &mut UserReader<'_>,
        message: Outgoing<'_>,
        flags: MessageFlags,
    ) -> Result<usize, Errno> {
        let destination = match message.address {
            Some(address) => socket_address::parse_peer(address)?,
            None => None,
        };
        let sticky = self.sticky.borrow();
        let mut options = sticky.options();
        control_message::parse(message.control, &mut options)?;
        options.flow_label = match destination {
            Some(_) => sticky.flow_label(destination),
            None => sticky.peer_flow_label,
        };
        options.confirm = flags.contains(MessageFlags::CONFIRM);
        let length = from.remaining();
        let fill = |payload: &mut [u8]| from.copy(payload).map(|_| ());
        change_stack(|stack| stack.send(self.id, destination, length, fill, &options, time::now()))
            .map_err(errno::send)?;
        Ok(length)
    }

    fn try_receive(&self, to: &mut UserWriter<'_>, flags: MessageFlags) -> Result<Incoming, Errno> {
        if flags.contains(MessageFlags::ERROR_QUEUE) {
            return self.receive_error(to);
        }
        if let Some(report) = self.path_mtu_message() {
            return Ok(report);
        }
        let peek = flags.contains(MessageFlags::PEEK);
        let wanted = self.wanted.get();
        let taken = change_stack(|stack| {
            stack.receive(self.id, peek, |meta, payload| {
                // What does not fit is cut off.
                let copied = payload
                    .slices()
                    .try_fold(0, |sum, piece| to.copy(piece).map(|copied| sum + copied));
                let control = control_message::emit(meta, payload.headers(), wanted);
                (socket_address::emit(meta.source), control, copied, payload.len())
            })
        });
        let (address, control, copied, length) = match taken {
            Ok(taken) => taken,
            Err(error) => return errno::receive(error).map_or(Ok(Incoming::default()), Err),
        };
        let copied = copied?;
        let truncated = copied < length;
        let whole = flags.contains(MessageFlags::TRUNCATED);
        Ok(Incoming {
            length: if whole { length } else { copied },
            address,
            control,
            flags: if truncated { MessageFlags::TRUNCATED.bits() } else { 0 },
        })
    }

    fn set_option(&self, level: u32, name: u32, value: &[u8]) -> Result<(), Errno> {
        options::set(self, level, name, value)
    }

    fn option(&self, level: u32, name: u32) -> Result<Vec<u8>, Errno> {
        options::get(self, level, name)
    }

    fn answer(&self, level: u32, name: u32, question: &[u8]) -> Result<Vec<u8>, Errno> {
        match (level, name) {
            (SOL_IPV6, MCAST_MSFILTER) => source_filter::get(self, question),
            _ => Err(Errno::NOPROTOOPT),
        }
    }

    fn readiness(&self) -> Readiness {
        let state = with_stack(|stack| stack.readiness(self.id)).unwrap_or_default();
        let mut readiness = Readiness::empty();
        readiness.set(Readiness::IN, state.readable);
        readiness.set(Readiness::OUT, state.writable);
        readiness.set(Readiness::ERROR, state.error);
        readiness.set(Readiness::READ_HANG_UP, state.receive_shut_down);
        let both = state.receive_shut_down && state.send_shut_down;
        readiness.set(Readiness::HANG_UP, both);
        readiness
    }

    fn readable_bytes(&self) -> Result<usize, Errno> {
        Ok(with_stack(|stack| stack.next_receive_len(self.id)))
    }
}

/// An interface's index by number or name, for options.
pub(in crate::net) fn interface_by_name(
    stack: &KernelStack,
    name: &[u8],
) -> Option<InterfaceIndex> {
    stack.interfaces().find(|interface| interface.name().as_bytes() == name).map(Interface::index)
}

/// An address from an option's value.
fn address(bytes: &[u8]) -> Result<Ipv6Addr, Errno> {
    let octets: &[u8; 16] = bytes.first_chunk().ok_or(Errno::INVAL)?;
    Ok(Ipv6Addr::from(*octets))
}
