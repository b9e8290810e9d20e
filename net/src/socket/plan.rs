//! What is found out before a datagram is sent: destination, route, source address, size.

use super::connect::{ZoneError, output_interface};
use super::{SendError, SendOptions, SocketId, SocketKind};
use crate::address::AddressExt;
use crate::buffer::BufferPool;
use crate::counters::DropReason;
use crate::interface::InterfaceIndex;
use crate::ipv6_output::{NoRoute, Outgoing, Path, Urgency};
use crate::memo::Memo;
use crate::random::Random;
use crate::stack::Stack;
use crate::time::Instant;
use crate::wire::checksum::Checksum;
use crate::wire::icmpv6;
use crate::wire::ipv6::{FlowLabel, Ipv6Header, NextHeader};
use crate::wire::udp::UdpHeader;
use core::net::{Ipv6Addr, SocketAddrV6};

/// Everything about a datagram but its payload.
#[derive(Clone, Copy)]
pub(crate) struct Plan {
    pub(super) kind: SocketKind,
    pub(super) local_port: u16,
    pub(super) remote_port: u16,
    pub(super) outgoing: Outgoing,
    pub(super) hop: Path,
    /// It has no UDP checksum.
    pub(super) unchecked: bool,
    /// It is longer than the path allows.
    pub(super) fragmented: bool,
    /// Octets of the longest payload that is sent in one packet.
    pub(super) longest: usize,
    /// What the checksums of UDP datagrams have in common.
    pub(super) common: Checksum,
}

/// What a plan depends on.
pub(super) type PlanQuestion = (u32, SocketId, Option<SocketAddrV6>);

/// Plans of UDP sockets by what [`Stack::epoch`] and the sockets' count of changes said, socket and
/// destination; without one it is the peer.
pub(crate) type PlanMemo = Memo<PlanQuestion, Plan, 16>;

/// The place of a plan in the memo.
#[inline]
pub(super) fn plan_place(id: SocketId, to: Option<SocketAddrV6>) -> usize {
    usize::from(id.slot ^ to.map_or(0, |to| to.port()))
}

/// Octets of transport header that the stack puts in front of what the user writes.
pub(super) const fn header_len(kind: SocketKind) -> usize {
    match kind {
        SocketKind::Udp => UdpHeader::LEN,
        SocketKind::Icmpv6Raw | SocketKind::Icmpv6Echo => 0,
    }
}

impl<P: BufferPool, R: Random> Stack<P, R> {
    /// Another number whenever a plan could have become another.
    #[inline]
    pub(super) const fn plan_epoch(&self) -> u32 {
        self.epoch().wrapping_add(self.sockets.changes())
    }

    /// The question that a plan answers now.
    #[inline]
    fn plan_question(&self, id: SocketId, to: Option<SocketAddrV6>) -> PlanQuestion {
        (self.plan_epoch(), id, to)
    }

    /// Finds out how a datagram of `length` octets is sent, or remembers it from the last one of
    /// this socket to the same destination.
    pub(super) fn plan(
        &mut self,
        id: SocketId,
        destination: Option<SocketAddrV6>,
        length: usize,
        options: &SendOptions<'_>,
        now: Instant,
    ) -> Result<Plan, SendError> {
        if !options.is_default() {
            return self.make_plan(id, destination, length, options, now);
        }
        let place = plan_place(id, destination);
        if let Some(plan) = self.plans.get(place, &self.plan_question(id, destination))
            && length <= plan.longest
            && self
                .sockets
                .get(id)
                .is_some_and(|socket| socket.pending_error.is_none() && !socket.send_shut_down)
            && self.revisit(&plan.hop, plan.outgoing.destination, now) == Some(plan.hop.mtu)
        {
            return Ok(plan);
        }
        let plan = self.make_plan(id, destination, length, options, now)?;
        if plan.kind == SocketKind::Udp && self.lasts(&plan.hop) {
            // It is remembered for those that need no fragments.
            let plan = Plan { fragmented: false, ..plan };
            self.plans.put(place, self.plan_question(id, destination), plan);
        }
        Ok(plan)
    }

    fn make_plan(
        &mut self,
        id: SocketId,
        destination: Option<SocketAddrV6>,
        length: usize,
        options: &SendOptions<'_>,
        now: Instant,
    ) -> Result<Plan, SendError> {
        let socket = self.sockets.get_mut(id).ok_or(SendError::Closed)?;
        if let Some(error) = socket.take_pending_error() {
            return Err(SendError::Pending(error));
        }
        if socket.send_shut_down {
            return Err(SendError::ShutDown);
        }
        let kind = socket.kind;
        if kind == SocketKind::Icmpv6Echo && length < icmpv6::HEADER_LEN
            || kind == SocketKind::Icmpv6Raw && length < icmpv6::CHECKSUM_OFFSET + 2
        {
            return Err(SendError::Invalid);
        }
        let peer = socket.remote.map(|remote| {
            let scope_id = remote.zone.map_or(0, InterfaceIndex::get);
            SocketAddrV6::new(remote.address, remote.port, 0, scope_id)
        });
        let mut destination = destination.or(peer).ok_or(SendError::DestinationRequired)?;
        if destination.ip().is_unspecified() {
            destination.set_ip(Ipv6Addr::LOCALHOST);
        }
        let address = *destination.ip();
        if kind == SocketKind::Udp && destination.port() == 0 {
            return Err(SendError::Invalid);
        }
        if address.is_v4_mapped() {
            return Err(SendError::NetworkUnreachable);
        }
        if length > socket.options.send_buffer {
            return Err(SendError::TooBig(socket.options.send_buffer));
        }
        let interface = output_interface(socket, &destination, options.interface)
            .map_err(|ZoneError| SendError::Invalid)?;
        let socket_options = socket.options;
        let wanted_source =
            options.source.filter(|source| !source.is_unspecified()).or_else(|| {
                let local = socket.local.address;
                // A connected socket's own choice holds for its peer, the user's for everybody.
                let holds = socket.address_bound || Some(destination) == peer;
                (holds && local.is_assignable()).then_some(local)
            });
        if interface.is_some_and(|index| self.interface(index).is_none()) {
            return Err(SendError::NoInterface);
        }
        let hop = match self.route_from(wanted_source, address, interface, now) {
            Ok(hop) => hop,
            Err(error) => {
                self.count_no_route(interface, error);
                return Err(match error {
                    NoRoute::NoMatch => SendError::NetworkUnreachable,
                    NoRoute::Unreachable => SendError::HostUnreachable,
                    NoRoute::Prohibited => SendError::Prohibited,
                    NoRoute::Blackhole => SendError::Invalid,
                    NoRoute::InterfaceDown => SendError::InterfaceDown,
                });
            }
        };
        let source = if let Some(source) = wanted_source {
            let zone = source.needs_zone().then_some(hop.interface);
            if !self.is_own_address(source, zone) {
                return Err(if options.source.is_some() {
                    SendError::BadSource
                } else {
                    SendError::NoSourceAddress
                });
            }
            source
        } else {
            let preference = socket_options.source_preference;
            self.select_source_by(preference, address, &hop).ok_or_else(|| {
                self.count_drop(Some(hop.interface), DropReason::NoSourceAddress);
                SendError::NoSourceAddress
            })?
        };
        let hop = if wanted_source.is_none() {
            self.reconsider(hop, source, address, interface, now)
        } else {
            hop
        };
        let discovery = socket_options.path_mtu_discovery;
        let refuses = socket_options.dont_fragment || !discovery.fragments();
        let size = socket_options.fragment_size.unwrap_or(u16::MAX);
        let hop = Path { mtu: self.mtu_of(&hop, discovery).min(size), ..hop };
        let headers = Ipv6Header::LEN + options.headers.len() + header_len(kind);
        let room = usize::from(hop.mtu).saturating_sub(headers);
        let fragmented = length > room || headers > usize::from(hop.mtu);
        let longest =
            usize::from(u16::MAX).saturating_sub(options.headers.len() + header_len(kind));
        if fragmented && refuses || length > longest {
            self.count_fragmentation_failure(hop.interface);
            self.queue_too_big(id, destination, &hop);
            if fragmented && socket_options.dont_fragment {
                self.report_path_mtu(id, destination, hop.mtu);
            }
            let room = if refuses { room } else { longest };
            return Err(SendError::TooBig(room));
        }
        if !self.ensure_port(id) {
            return Err(SendError::NoPort);
        }
        if options.confirm {
            self.confirm_neighbor(hop.interface, hop.next_hop, now);
        }
        let local_port = self.sockets.get(id).map_or(0, |socket| socket.local.port);
        let remote_port = destination.port();
        let default_hops = self.default_hop_limit(hop.interface);
        let next_header = match kind {
            SocketKind::Udp => NextHeader::UDP,
            SocketKind::Icmpv6Echo | SocketKind::Icmpv6Raw => NextHeader::ICMPV6,
        };
        let outgoing = Outgoing {
            source,
            destination: address,
            next_header,
            hop_limit: options.hop_limit.unwrap_or(if address.is_multicast() {
                socket_options.multicast_hops
            } else {
                socket_options.unicast_hops.unwrap_or(default_hops)
            }),
            traffic_class: options.traffic_class.unwrap_or(socket_options.traffic_class),
            flow_label: if let Some(label) = options.flow_label {
                label
            } else if socket_options.auto_flow_label {
                self.flow_label((source, local_port), (address, remote_port), next_header)
            } else {
                FlowLabel::NONE
            },
            urgency: Urgency::User,
            multicast_loop: socket_options.multicast_loop,
        };
        let longest = room.min(socket_options.send_buffer);
        let unchecked = socket_options.send_unchecked;
        let common = UdpHeader::common_sum((source, local_port), (address, remote_port));
        Ok(Plan {
            kind,
            local_port,
            remote_port,
            outgoing,
            hop,
            unchecked,
            fragmented,
            longest,
            common,
        })
    }
}
