//! Options of Router Advertisements that concern programs: they are handed on as they came, like
//! Linux's RTM_NEWNDUSEROPT.

use crate::buffer::{BufferPool, PacketBuffer};
use crate::counters::TableFull;
use crate::interface::InterfaceIndex;
use crate::random::Random;
use crate::stack::Stack;
use crate::wire::ndp_option::{NdpOptionType, NdpOptions};
use core::net::Ipv6Addr;

/// An option for programs.
#[derive(Debug)]
pub struct RouterOption<B> {
    /// Where the advertisement came in.
    pub interface: InterfaceIndex,
    /// The link-local address of the router.
    pub router: Ipv6Addr,
    octets: B,
}

impl<B: PacketBuffer> RouterOption<B> {
    /// The option: type, length in units of eight octets, and the rest, whether it makes sense or
    /// not.
    pub fn octets(&self) -> &[u8] {
        self.octets.data()
    }
}

/// Whether programs may want to know an option: the same ones as on Linux.
const fn is_for_programs(kind: NdpOptionType) -> bool {
    matches!(
        kind,
        NdpOptionType::PREFIX_INFORMATION
            | NdpOptionType::RECURSIVE_DNS_SERVER
            | NdpOptionType::DNS_SEARCH_LIST
            | NdpOptionType::CAPTIVE_PORTAL
            | NdpOptionType::PREF64
    )
}

impl<P: BufferPool, R: Random> Stack<P, R> {
    /// The next option of a Router Advertisement that programs may want to know. Call until `None`
    /// after any call, like [`Self::poll_event`].
    pub fn poll_router_option(&mut self) -> Option<RouterOption<P::Buffer>> {
        self.router_options.pop_front()
    }

    /// Keeps the options of an advertisement that are for programs. When there is no room or no
    /// memory, they are lost like other events.
    pub(crate) fn keep_router_options(
        &mut self,
        interface: InterfaceIndex,
        router: Ipv6Addr,
        options: NdpOptions<'_>,
    ) {
        for (_, octets) in options.iter_octets().filter(|(kind, _)| is_for_programs(*kind)) {
            let room = !self.router_options.is_full();
            let copy = if room { self.copy_of(octets) } else { None };
            let kept = copy.and_then(|octets| {
                self.router_options.push_back(RouterOption { interface, router, octets }).ok()
            });
            if kept.is_none() {
                self.events.lose();
                self.counters.tables.count(TableFull::Events);
            }
        }
    }
}
