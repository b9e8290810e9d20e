//! The network as the rest of the kernel sees it: one stack, the task that serves it, sockets,
//! netlink and the files under `/proc/net`.
//!
//! ```text
//!  system calls ── socket::Socket ──┬── datagram (UDP, ICMPv6) ──┐
//!                                   ├── stream (TCP) ───────────┤
//!                                   ├── packet (AF_PACKET) ──────┤
//!                                   ├── netlink ────────────────┤
//!                                   └── handle (ioctl only)     ├── with_stack ── net::Stack
//!  USB Ethernet driver ── ethernet::EthernetPort ─────────────────┤
//!  timers ── service ───────────────────────────────────────────┘
//! ```
//!
//! The stack is reached only through [`with_stack`] (to look) and [`change_stack`] (to act). After
//! every action its news are handed on: sockets and drivers are woken, netlink's subscribers told,
//! the timer set anew.

pub mod control;
mod datagram;
#[cfg(target_os = "none")]
pub mod ethernet;
mod handle_socket;
pub mod inode;
mod ioctl;
mod netlink;
pub mod option;
mod packet;
mod port;
mod proc;
mod promiscuous;
mod service;
pub mod socket;
pub mod socket_address;
mod start;
mod stream;
mod sysfs;

pub use start::start;

use crate::memory::dma::DmaBuffer;
use crate::random;
use crate::sync::TaskCell;
use crate::syscall::errno::Errno;
use ::net::buffer::BufferPool;
use ::net::config::Config;
use ::net::limits;
use ::net::random::Random;
use ::net::stack::Stack;
use alloc::rc::Rc;
use linux_raw_sys::net::{
    AF_INET, AF_INET6, AF_NETLINK, AF_PACKET, AF_UNIX, SOCK_DGRAM, SOCK_RAW, SOCK_SEQPACKET,
    SOCK_STREAM,
};
use option::Kind;
use socket::Socket;

/// Packet memory.
pub type Buffer = DmaBuffer;

/// The stack as the kernel runs it.
pub type KernelStack = Stack<KernelPool, KernelRandom>;

/// What `ip link` shows as `qlen`.
pub const TRANSMIT_QUEUE_LENGTH: u32 = limits::TRANSMIT_QUEUE as u32;

/// The kernel's random generator for the stack.
pub struct KernelRandom;

impl Random for KernelRandom {
    fn fill(&mut self, bytes: &mut [u8]) {
        random::fill(bytes);
    }
}

/// Packet memory for the stack: the blocks that the USB controller reaches by DMA.
pub struct KernelPool;

impl BufferPool for KernelPool {
    type Buffer = Buffer;

    #[cfg(target_os = "none")]
    fn allocate(&mut self, headroom: usize) -> Option<Buffer> {
        crate::memory::dma::pool().take(headroom)
    }

    /// There is no such memory on the host.
    #[cfg(not(target_os = "none"))]
    fn allocate(&mut self, _headroom: usize) -> Option<Buffer> {
        None
    }
}

/// The stack. It is too large for the kernel's call stack, so it is made where it stays.
static STACK: TaskCell<KernelStack> =
    TaskCell::new(Stack::new(Config::DEFAULT, KernelPool, KernelRandom));

/// Looks at the stack.
///
/// # Panics
///
/// When called from within itself: that is a bug in the kernel.
pub fn with_stack<R>(look: impl FnOnce(&KernelStack) -> R) -> R {
    STACK.with(|stack| look(stack))
}

/// Does something with the stack and hands on what comes of it.
///
/// # Panics
///
/// As [`with_stack`].
pub fn change_stack<R>(act: impl FnOnce(&mut KernelStack) -> R) -> R {
    let result = STACK.with(act);
    service::hand_on();
    result
}

/// Whether socket(2) knows the family.
pub fn knows_family(family: u32) -> bool {
    matches!(family, AF_INET | AF_INET6 | AF_NETLINK | AF_PACKET | AF_UNIX)
}

/// socket(2): a socket of this family, type and protocol for process `process`.
pub fn create_socket(
    process: u32,
    family: u32,
    kind: u32,
    protocol: u32,
) -> Result<Rc<dyn Socket>, Errno> {
    if !matches!(kind, SOCK_STREAM | SOCK_DGRAM | SOCK_RAW | SOCK_SEQPACKET) {
        return Err(Errno::INVAL);
    }
    match family {
        AF_INET6 if kind == SOCK_STREAM => stream::StreamSocket::create(protocol),
        AF_INET6 => datagram::DatagramSocket::create(kind, protocol),
        AF_NETLINK if matches!(kind, SOCK_RAW | SOCK_DGRAM) => {
            Ok(netlink::NetlinkSocket::new(process, protocol)?)
        }
        AF_PACKET => packet::PacketSocket::create(kind, protocol),
        AF_INET | AF_UNIX if kind != SOCK_SEQPACKET || family == AF_UNIX => {
            Ok(handle_socket::HandleSocket::new(Kind { family, protocol, kind }))
        }
        AF_INET | AF_NETLINK => Err(Errno::SOCKTNOSUPPORT),
        _ => Err(Errno::AFNOSUPPORT),
    }
}
