//! What a socket makes of the MTU of its path: IPV6_MTU_DISCOVER and IPV6_MTU.

use super::SocketId;
use crate::address::AddressExt;
use crate::buffer::BufferPool;
use crate::ipv6_output::Path;
use crate::random::Random;
use crate::stack::Stack;
use crate::time::Instant;
use core::net::SocketAddrV6;

/// IPV6_MTU_DISCOVER, with Linux's meanings.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum PathMtuDiscovery {
    /// Datagrams longer than the path allows are fragmented.
    Dont,
    /// The same: IPv6 does not fragment on the way, so the path MTU is always respected.
    #[default]
    Want,
    /// Datagrams longer than the path allows are refused.
    Do,
    /// What routers said of the path is ignored; what does not fit the link is refused.
    Probe,
    /// The same, for whoever does not trust the network.
    Interface,
    /// What routers said of the path is ignored; what does not fit the link is fragmented.
    Omit,
}

impl PathMtuDiscovery {
    /// Every value, each at its number in Linux.
    const ALL: [Self; 6] =
        [Self::Dont, Self::Want, Self::Do, Self::Probe, Self::Interface, Self::Omit];

    /// The number that Linux has for it.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The value of that number.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }

    /// Whether a datagram may be fragmented here.
    pub(crate) const fn fragments(self) -> bool {
        matches!(self, Self::Dont | Self::Want | Self::Omit)
    }

    /// Whether the MTU of the link counts instead of the path's.
    pub(crate) const fn ignores_path(self) -> bool {
        matches!(self, Self::Probe | Self::Interface | Self::Omit)
    }
}

/// What IPV6_RECVPATHMTU tells (RFC 3542, Section 11.3): a datagram was longer than the path allows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PathMtuReport {
    /// Where it was to go; the port is 0.
    pub destination: SocketAddrV6,
    /// The longest packet that would get there, in octets.
    pub mtu: u16,
}

impl<P: BufferPool, R: Random> Stack<P, R> {
    /// The latest report for a socket, which is none afterwards.
    pub fn take_path_mtu_report(&mut self, id: SocketId) -> Option<PathMtuReport> {
        self.sockets.get_mut(id)?.path_mtu_report.take()
    }

    /// Notes that a datagram was not sent because the path is too narrow, for a user who wants to
    /// know.
    pub(super) fn report_path_mtu(
        &mut self,
        id: SocketId,
        mut destination: SocketAddrV6,
        mtu: u16,
    ) {
        destination.set_port(0);
        let Some(socket) = self.sockets.get_mut(id) else { return };
        if socket.options.receive_path_mtu {
            socket.path_mtu_report = Some(PathMtuReport { destination, mtu });
            self.notify_socket(id);
        }
    }

    /// The MTU that a socket with this setting uses on a path.
    pub(crate) fn mtu_of(&self, hop: &Path, discovery: PathMtuDiscovery) -> u16 {
        if discovery.ignores_path() { self.link_mtu(hop) } else { hop.mtu }
    }

    /// The longest packet that the path to a datagram socket's peer carries (IPV6_MTU); `None` when
    /// it is not connected or there is no route.
    pub fn path_mtu(&self, id: SocketId, now: Instant) -> Option<u16> {
        let socket = self.sockets.get(id)?;
        let remote = socket.remote?;
        let interface = socket.device().or(remote.zone);
        let local = Some(socket.local.address).filter(AddressExt::is_assignable);
        let hop = self.route_from(local, remote.address, interface, now).ok()?;
        Some(self.mtu_of(&hop, socket.options.path_mtu_discovery))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_linux() {
        for (number, discovery) in PathMtuDiscovery::ALL.into_iter().enumerate() {
            assert_eq!(usize::from(discovery.number()), number);
            assert_eq!(PathMtuDiscovery::from_number(number as u8), Some(discovery));
        }
        assert_eq!(PathMtuDiscovery::from_number(6), None);
        assert_eq!(PathMtuDiscovery::default().number(), 1);
    }
}
