//! Packet sockets: frames as they come and go, for `tcpdump` and its like, and frames that a
//! program writes itself (packet(7)).
//!
//! ```text
//!  driver ── tap::ethernet ──┐
//!                            ├── PacketSocket::capture ── filter ── queue ── recvmsg
//!  stack ─── tap::local ─────┘
//!  sendto ── Stack::send_frame
//! ```
//!
//! There are no memory-mapped rings.

mod address;
mod filter;
mod list;
mod options;
mod queue;
mod tap;
#[cfg(test)]
mod tests;

pub(in crate::net) use list::{Description, describe_all, list};
#[cfg(target_os = "none")]
pub(in crate::net) use tap::{Direction, ethernet};

use super::option::Kind;
use super::promiscuous::Watch;
use super::socket::{Incoming, MessageFlags, Outgoing, Socket, SocketBase};
use super::{change_stack, control, netlink, with_stack};
use crate::fs::file::Readiness;
use crate::sync::TaskCell;
use crate::syscall::errno::Errno;
use crate::syscall::user_memory::{UserReader, UserWriter};
use crate::time;
use ::net::interface::{Interface, InterfaceIndex};
use ::net::netif::MacAddress;
use ::net::raw_frame::FrameError;
use ::net::wire::ethernet::{EtherType, EthernetHeader};
use address::{LinkAddress, PacketType};
use alloc::rc::{Rc, Weak};
use alloc::vec::Vec;
use core::cell::{Cell, RefCell};
use core::time::Duration;
use filter::{Filter, View};
use linux_raw_sys::if_arp::ETH_P_ALL;
use linux_raw_sys::if_packet::{PACKET_AUXDATA, TP_STATUS_USER};
use linux_raw_sys::net::{
    AF_PACKET, SO_TIMESTAMP, SO_TIMESTAMPNS, SOCK_DGRAM, SOCK_RAW, SOL_PACKET, SOL_SOCKET,
};
use options::Wanted;
use queue::{Captured, Queue};
use tap::Passing;

/// Packet sockets that there can be: each may hold a queue.
const SOCKETS_MAX: usize = 32;
/// The protocol that stands for all.
const ALL_PROTOCOLS: u16 = ETH_P_ALL as u16;

/// All packet sockets, for what passes by.
static SOCKETS: TaskCell<Vec<Weak<PacketSocket>>> = TaskCell::new(Vec::new());

/// A socket of AF_PACKET.
pub(in crate::net) struct PacketSocket {
    base: SocketBase,
    /// SOCK_RAW: frames with their Ethernet header. Otherwise (SOCK_DGRAM) without.
    raw: bool,
    /// The EtherType of the packets that it receives, or ETH_P_ALL; 0: none.
    protocol: Cell<u16>,
    /// The only interface that it receives from.
    interface: Cell<Option<InterfaceIndex>>,
    filter: RefCell<Option<Filter>>,
    queue: RefCell<Queue>,
    /// Which control messages the program wants.
    wanted: Cell<Wanted>,
    /// PACKET_IGNORE_OUTGOING.
    ignores_outgoing: Cell<bool>,
    /// PACKET_ADD_MEMBERSHIP: interfaces and kinds of membership, as often as asked for.
    memberships: RefCell<Vec<(options::Membership, Option<Watch>)>>,
    /// When the packet received last was captured.
    last_time: Cell<Option<Duration>>,
    /// The interface has gone down or away.
    error: Cell<Option<Errno>>,
}

impl PacketSocket {
    /// socket(2): `protocol` is in network byte order, as the program gave it.
    pub(in crate::net) fn create(kind: u32, protocol: u32) -> Result<Rc<dyn Socket>, Errno> {
        let raw = match kind {
            SOCK_RAW => true,
            SOCK_DGRAM => false,
            _ => return Err(Errno::SOCKTNOSUPPORT),
        };
        let socket = Rc::new(Self::new(raw, u16::from_be(protocol as u16)));
        let weak = Rc::downgrade(&socket);
        let added = SOCKETS.with(|sockets| {
            let room = sockets.len() < SOCKETS_MAX;
            if room {
                sockets.push(weak);
            }
            room
        });
        if added { Ok(socket) } else { Err(Errno::NOBUFS) }
    }

    /// A socket that nothing passes by yet.
    fn new(raw: bool, protocol: u16) -> Self {
        tap::open();
        Self {
            base: SocketBase::fresh(),
            raw,
            protocol: Cell::new(protocol),
            interface: Cell::new(None),
            filter: RefCell::new(None),
            queue: RefCell::new(Queue::new()),
            wanted: Cell::new(Wanted::empty()),
            ignores_outgoing: Cell::new(false),
            memberships: RefCell::default(),
            last_time: Cell::new(None),
            error: Cell::new(None),
        }
    }

    /// Whether it wants to see such a packet at all.
    fn listens_to(&self, address: &LinkAddress) -> bool {
        let here = self.interface.get();
        let outgoing = address.packet_type == PacketType::Outgoing;
        let protocol = self.protocol.get();
        // As on Linux, only who asks for everything sees what leaves.
        (here.is_none() || here == address.interface)
            && (protocol == ALL_PROTOCOLS || protocol == address.protocol && !outgoing)
            && !(outgoing && self.ignores_outgoing.get())
    }

    /// Takes a copy of a frame that passes by, if it is wanted and there is room.
    fn capture(&self, passing: &Passing<'_>, now: Duration) {
        if !self.listens_to(&passing.address) {
            return;
        }
        let Passing { frame, address } = *passing;
        let start = if self.raw { 0 } else { EthernetHeader::LEN };
        let Some(data) = frame.get(start..) else { return };
        let wanted = self.filter.borrow().as_ref().map_or(usize::MAX, |filter| {
            filter.run(&View {
                frame,
                header: EthernetHeader::LEN,
                start,
                protocol: address.protocol,
                packet_type: address.packet_type as u8,
                interface: address.interface.map_or(0, InterfaceIndex::get),
                hardware: address.hardware,
            }) as usize
        });
        if wanted == 0 {
            return;
        }
        let kept = data.get(..wanted).unwrap_or(data);
        let mut queue = self.queue.borrow_mut();
        if !queue.admit(kept.len()) {
            return;
        }
        let mut copy = Vec::new();
        if copy.try_reserve_exact(kept.len()).is_err() {
            return queue.drop_one();
        }
        copy.extend_from_slice(kept);
        let header = EthernetHeader::LEN - start;
        queue.push(Captured { address, time: now, length: data.len(), header, data: copy });
        drop(queue);
        self.base.wait_queue().wake_all();
    }

    /// The control messages of a packet.
    fn control(&self, packet: &Captured) -> Vec<u8> {
        let mut bytes = Vec::new();
        let wanted = self.wanted.get();
        let (seconds, nanos) = (packet.time.as_secs(), packet.time.subsec_nanos());
        if wanted.contains(Wanted::TIMESTAMP) {
            let value = [seconds, u64::from(nanos / 1000)].map(u64::to_ne_bytes).concat();
            control::push(&mut bytes, SOL_SOCKET, SO_TIMESTAMP, &value);
        }
        if wanted.contains(Wanted::TIMESTAMP_NANOSECONDS) {
            let value = [seconds, u64::from(nanos)].map(u64::to_ne_bytes).concat();
            control::push(&mut bytes, SOL_SOCKET, SO_TIMESTAMPNS, &value);
        }
        if wanted.contains(Wanted::AUXILIARY) {
            // `struct tpacket_auxdata`: status, the two lengths, where link-layer and network
            // header are, and the VLAN tag, which stays in the frame here.
            let words = [TP_STATUS_USER, packet.length as u32, packet.data.len() as u32];
            let mut value = words.map(u32::to_ne_bytes).concat();
            value.extend_from_slice(&0u16.to_ne_bytes());
            value.extend_from_slice(&(packet.header as u16).to_ne_bytes());
            value.extend_from_slice(&[0; 4]);
            control::push(&mut bytes, SOL_PACKET, PACKET_AUXDATA, &value);
        }
        bytes
    }

    /// The interface and the header of what is to be sent; no header for a frame that brings its
    /// own.
    fn destination(
        &self,
        address: Option<&[u8]>,
    ) -> Result<(InterfaceIndex, Option<EthernetHeader>), Errno> {
        let address = address.map(LinkAddress::parse).transpose()?;
        let interface = match &address {
            Some(address) => address.interface,
            None => self.interface.get(),
        };
        let interface = interface.ok_or(Errno::NXIO)?;
        if self.raw {
            return Ok((interface, None));
        }
        let address = address.ok_or(Errno::INVAL)?;
        let destination = address.station.ok_or(Errno::INVAL)?;
        let protocol = if address.protocol == 0 { self.protocol.get() } else { address.protocol };
        let source = with_stack(|stack| {
            let found = stack.interface(interface).ok_or(Errno::NXIO)?;
            Ok::<MacAddress, Errno>(found.mac().unwrap_or_default())
        })?;
        let ethertype = EtherType(protocol);
        Ok((interface, Some(EthernetHeader { destination, source, ethertype })))
    }

    fn describe(&self) -> LinkAddress {
        let interface = self.interface.get();
        let (hardware, station) = with_stack(|stack| {
            let found = interface.and_then(|index| stack.interface(index));
            found.map_or((0, None), |found| {
                let station = found.mac().unwrap_or_default();
                (netlink::link::hardware(found) as u16, Some(station))
            })
        });
        let packet_type = PacketType::Host;
        LinkAddress { protocol: self.protocol.get(), interface, hardware, packet_type, station }
    }
}

impl Drop for PacketSocket {
    fn drop(&mut self) {
        SOCKETS.with(|sockets| sockets.retain(|socket| socket.strong_count() > 0));
        tap::close();
    }
}

/// Tells the sockets that are bound to an interface when it is down or gone.
pub(in crate::net) fn link_changed(index: InterfaceIndex) {
    let state = with_stack(|stack| stack.interface(index).map(Interface::is_admin_up));
    let error = match state {
        Some(true) => return,
        Some(false) => Errno::NETDOWN,
        None => Errno::NODEV,
    };
    let sockets: Vec<Rc<PacketSocket>> =
        SOCKETS.with(|sockets| sockets.iter().filter_map(Weak::upgrade).collect());
    if state.is_none() {
        for socket in &sockets {
            socket.memberships.borrow_mut().retain(|(asked, _)| asked.interface() != index);
        }
    }
    for socket in sockets.iter().filter(|socket| socket.interface.get() == Some(index)) {
        if state.is_none() {
            // The number may come back for another interface.
            socket.interface.set(None);
            socket.protocol.set(0);
        }
        socket.error.set(Some(error));
        socket.base.wait_queue().wake_all();
    }
}

impl Socket for PacketSocket {
    fn base(&self) -> &SocketBase {
        &self.base
    }

    fn kind(&self) -> Kind {
        let kind = if self.raw { SOCK_RAW } else { SOCK_DGRAM };
        // SO_PROTOCOL is in network byte order here, as on Linux.
        Kind { family: AF_PACKET, protocol: self.protocol.get().to_be().into(), kind }
    }

    fn bind(&self, address: &[u8]) -> Result<(), Errno> {
        let address = LinkAddress::parse(address)?;
        if let Some(index) = address.interface {
            let up = with_stack(|stack| stack.interface(index).map(Interface::is_admin_up));
            // Bound it is all the same; the error says that nothing will come.
            self.error.set((!up.ok_or(Errno::NODEV)?).then_some(Errno::NETDOWN));
        }
        self.interface.set(address.interface);
        if address.protocol != 0 {
            self.protocol.set(address.protocol);
        }
        Ok(())
    }

    fn connect(&self, _address: &[u8]) -> Result<(), Errno> {
        Err(Errno::OPNOTSUPP)
    }

    fn local_address(&self) -> Result<Vec<u8>, Errno> {
        Ok(self.describe().emit())
    }

    fn peer_address(&self) -> Result<Vec<u8>, Errno> {
        Err(Errno::OPNOTSUPP)
    }

    fn shutdown(&self, _how: u32) -> Result<(), Errno> {
        Err(Errno::OPNOTSUPP)
    }

    fn try_send(
        &self,
        from: &mut UserReader<'_>,
        outgoing: Outgoing<'_>,
        _flags: MessageFlags,
    ) -> Result<usize, Errno> {
        let (interface, header) = self.destination(outgoing.address)?;
        let length = from.remaining();
        let room = if header.is_some() { EthernetHeader::LEN } else { 0 };
        let fill = |frame: &mut [u8]| {
            let (front, data) = frame.split_at_mut_checked(room).ok_or(Errno::INVAL)?;
            if let Some(header) = header {
                header.emit(front);
            }
            from.copy(data).map(|_| ())
        };
        change_stack(|stack| stack.send_frame(interface, length + room, fill, time::now()))
            .map_err(errno)?;
        Ok(length)
    }

    fn try_receive(&self, to: &mut UserWriter<'_>, flags: MessageFlags) -> Result<Incoming, Errno> {
        if let Some(error) = self.error.take() {
            return Err(error);
        }
        if flags.contains(MessageFlags::ERROR_QUEUE) {
            return Err(Errno::AGAIN);
        }
        let mut queue = self.queue.borrow_mut();
        let packet = queue.front().ok_or(Errno::AGAIN)?;
        let copied = to.copy(&packet.data)?;
        let whole = flags.contains(MessageFlags::TRUNCATED);
        let truncated = copied < packet.data.len();
        let incoming = Incoming {
            length: if whole { packet.data.len() } else { copied },
            address: packet.address.emit_whole(),
            control: self.control(packet),
            flags: if truncated { MessageFlags::TRUNCATED.bits() } else { 0 },
        };
        self.last_time.set(Some(packet.time));
        if !flags.contains(MessageFlags::PEEK) {
            queue.pop();
        }
        Ok(incoming)
    }

    fn set_option(&self, level: u32, name: u32, value: &[u8]) -> Result<(), Errno> {
        options::set(self, level, name, value)
    }

    fn option(&self, level: u32, name: u32) -> Result<Vec<u8>, Errno> {
        options::get(self, level, name)
    }

    fn readiness(&self) -> Readiness {
        let error = self.error.get().is_some();
        let mut readiness = Readiness::OUT;
        readiness.set(Readiness::IN, error || self.queue.borrow().front().is_some());
        readiness.set(Readiness::ERROR, error);
        readiness
    }

    fn readable_bytes(&self) -> Result<usize, Errno> {
        Ok(self.queue.borrow().front().map_or(0, |packet| packet.data.len()))
    }

    fn last_time(&self) -> Option<Duration> {
        self.last_time.get()
    }
}

fn errno(error: FrameError<Errno>) -> Errno {
    match error {
        FrameError::NoInterface => Errno::NXIO,
        FrameError::InterfaceDown => Errno::NETDOWN,
        FrameError::TooShort => Errno::INVAL,
        FrameError::TooLong => Errno::MSGSIZE,
        FrameError::NoRoom => Errno::NOBUFS,
        FrameError::Fill(error) => error,
    }
}
