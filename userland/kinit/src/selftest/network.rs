//! The network configuration as a program sees it: read and changed through rtnetlink, and the hosts
//! that QEMU's user network is made of.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::mem::{offset_of, size_of};
use core::net::{IpAddr, Ipv6Addr};
use core::sync::atomic::{AtomicBool, Ordering};

use linux_raw_sys::net::AF_INET6;
use linux_raw_sys::netlink::{
    IFA_CACHEINFO, IFA_F_TENTATIVE, IFA_LOCAL, NDA_DST, NDA_LLADDR, NLM_F_CREATE, NLM_F_EXCL,
    NLM_F_REPLACE, NUD_STALE, RTM_DELADDR, RTM_DELNEIGH, RTM_DELROUTE, RTM_GETADDR, RTM_GETNEIGH,
    RTM_GETROUTE, RTM_NEWADDR, RTM_NEWNEIGH, RTM_NEWROUTE, RTN_UNICAST, RTPROT_STATIC,
    ifa_cacheinfo, ifaddrmsg, ndmsg, rt_class_t, rt_scope_t, rtattr_type_t as rta, rtmsg,
};
use net_tools::ip::address::Address;
use net_tools::ip::interfaces::read_links;
use net_tools::ip::link::{Link, RUNNING, UP};
use net_tools::ip::neighbor::Neighbor;
use net_tools::ip::route::Route;
use net_tools::netlink::{Attributes, Error, Record, Request, RouteSocket, field};

use super::waiting::until;

/// What the first USB network adapter is called.
pub(super) const ADAPTER: &str = "usb0";

/// An Ethernet address.
pub(super) type LinkAddress = [u8; 6];

/// The adapter was waited for in vain: further tests do not wait again.
static ABSENT: AtomicBool = AtomicBool::new(false);

/// A lifetime pair of an address, seconds: preferred and valid.
pub(super) type Lifetimes = (u32, u32);

/// Which of its flags a change request has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// As `ip … add`: it must not be there.
    Add,
    /// As `ip … replace`.
    Replace,
}

impl Change {
    const fn flags(self) -> u32 {
        match self {
            Self::Add => NLM_F_CREATE | NLM_F_EXCL,
            Self::Replace => NLM_F_CREATE | NLM_F_REPLACE,
        }
    }
}

/// A socket to ask and tell the kernel with.
pub(super) struct Network(RouteSocket);

fn said(error: &Error) -> String {
    error.to_string()
}

/// `struct ifaddrmsg`.
fn address_request(index: u32, length: u8) -> [u8; size_of::<ifaddrmsg>()] {
    let mut fixed = [0; size_of::<ifaddrmsg>()];
    field::put(&mut fixed, offset_of!(ifaddrmsg, ifa_family), &[AF_INET6 as u8]);
    field::put(&mut fixed, offset_of!(ifaddrmsg, ifa_prefixlen), &[length]);
    field::put(&mut fixed, offset_of!(ifaddrmsg, ifa_index), &index.to_ne_bytes());
    fixed
}

/// `struct ndmsg`.
fn neighbor_request(index: u32, state: u32) -> [u8; size_of::<ndmsg>()] {
    let mut fixed = [0; size_of::<ndmsg>()];
    field::put(&mut fixed, offset_of!(ndmsg, ndm_family), &[AF_INET6 as u8]);
    field::put(&mut fixed, offset_of!(ndmsg, ndm_ifindex), &index.to_ne_bytes());
    field::put(&mut fixed, offset_of!(ndmsg, ndm_state), &(state as u16).to_ne_bytes());
    fixed
}

/// `struct rtmsg` for a route of the main table that somebody sets by hand.
fn route_request(length: u8) -> [u8; size_of::<rtmsg>()] {
    let mut fixed = [0; size_of::<rtmsg>()];
    field::put(&mut fixed, offset_of!(rtmsg, rtm_family), &[AF_INET6 as u8]);
    field::put(&mut fixed, offset_of!(rtmsg, rtm_dst_len), &[length]);
    field::put(&mut fixed, offset_of!(rtmsg, rtm_table), &[rt_class_t::RT_TABLE_MAIN as u8]);
    field::put(&mut fixed, offset_of!(rtmsg, rtm_protocol), &[RTPROT_STATIC as u8]);
    field::put(&mut fixed, offset_of!(rtmsg, rtm_scope), &[rt_scope_t::RT_SCOPE_UNIVERSE as u8]);
    field::put(&mut fixed, offset_of!(rtmsg, rtm_type), &[RTN_UNICAST as u8]);
    fixed
}

impl Network {
    pub(super) fn open() -> Result<Self, String> {
        RouteSocket::open(0).map(Self).map_err(|error| said(&error))
    }

    /// Asks for a change that no other method makes.
    pub(super) fn change(&mut self, request: Request) -> Result<(), Error> {
        self.0.change(request)
    }

    pub(super) fn links(&mut self) -> Result<Vec<Link>, String> {
        read_links(&mut self.0, 0).map_err(|error| said(&error))
    }

    /// The adapter's interface; waits until it is up and has a carrier.
    pub(super) fn adapter(&mut self) -> Result<Link, String> {
        let mut look = || {
            let link = self.links()?.into_iter().find(|link| link.name == ADAPTER);
            let link = link.ok_or_else(|| format!("there is no interface {ADAPTER}"))?;
            if link.flags & (UP | RUNNING) == UP | RUNNING {
                Ok(link)
            } else {
                Err(format!("{ADAPTER} is not up and running: flags {:#x}", link.flags))
            }
        };
        if ABSENT.load(Ordering::Relaxed) {
            return look();
        }
        until(look).inspect_err(|_| ABSENT.store(true, Ordering::Relaxed))
    }

    fn address_records(&mut self) -> Result<Vec<Record>, String> {
        self.0
            .dump(Request::new(RTM_GETADDR as u32, 0, &address_request(0, 0)))
            .map_err(|error| said(&error))
    }

    /// The addresses of an interface.
    pub(super) fn addresses(&mut self, index: u32) -> Result<Vec<Address>, String> {
        let records = self.address_records()?;
        let all = records.iter().filter_map(|record| Address::parse(&record.payload));
        Ok(all.filter(|address| address.index == index).collect())
    }

    /// How long an address is preferred and valid.
    pub(super) fn lifetimes(&mut self, address: Ipv6Addr) -> Result<Lifetimes, String> {
        let records = self.address_records()?;
        let is_meant = |record: &&Record| {
            Address::parse(&record.payload).is_some_and(|found| found.local == address)
        };
        let record =
            records.iter().find(is_meant).ok_or_else(|| format!("{address} is not there"))?;
        let attributes = Attributes::after(&record.payload, size_of::<ifaddrmsg>());
        let lifetimes = attributes.find(IFA_CACHEINFO as u32).and_then(|attribute| {
            let field = |offset| field::u32_at(attribute.value, offset);
            Some((
                field(offset_of!(ifa_cacheinfo, ifa_prefered))?,
                field(offset_of!(ifa_cacheinfo, ifa_valid))?,
            ))
        });
        lifetimes.ok_or_else(|| format!("{address} has no lifetimes"))
    }

    /// Waits until an address that `is_meant` is there and has passed duplicate address detection.
    pub(super) fn settled_address(
        &mut self,
        index: u32,
        what: &str,
        is_meant: impl Fn(&Address) -> bool,
    ) -> Result<Address, String> {
        until(|| {
            let all = self.addresses(index)?;
            match all.iter().find(|address| is_meant(address)) {
                None => Err(format!("no {what} among {all:?}")),
                Some(found) if found.flags & IFA_F_TENTATIVE != 0 => {
                    Err(format!("the {what} {} is tentative", found.local))
                }
                Some(found) => Ok(found.clone()),
            }
        })
    }

    pub(super) fn add_address(
        &mut self,
        index: u32,
        address: Ipv6Addr,
        length: u8,
    ) -> Result<(), Error> {
        let fixed = address_request(index, length);
        let mut request = Request::new(RTM_NEWADDR as u32, Change::Add.flags(), &fixed);
        request.attribute(IFA_LOCAL as u32, &address.octets());
        self.0.change(request)
    }

    pub(super) fn delete_address(
        &mut self,
        index: u32,
        address: Ipv6Addr,
        length: u8,
    ) -> Result<(), Error> {
        let mut request = Request::new(RTM_DELADDR as u32, 0, &address_request(index, length));
        request.attribute(IFA_LOCAL as u32, &address.octets());
        self.0.change(request)
    }

    /// The routes of the main table.
    pub(super) fn routes(&mut self) -> Result<Vec<Route>, String> {
        let records = self
            .0
            .dump(Request::new(RTM_GETROUTE as u32, 0, &route_request(0)))
            .map_err(|error| said(&error))?;
        let all = records.iter().filter_map(|record| Route::parse(&record.payload));
        Ok(all.filter(|route| route.table == rt_class_t::RT_TABLE_MAIN as u32).collect())
    }

    fn route_change(
        kind: u32,
        flags: u32,
        (prefix, length): (Ipv6Addr, u8),
        via: Option<Ipv6Addr>,
        index: u32,
    ) -> Request {
        let mut request = Request::new(kind, flags, &route_request(length));
        request.attribute(rta::RTA_DST as u32, &prefix.octets());
        if let Some(router) = via {
            request.attribute(rta::RTA_GATEWAY as u32, &router.octets());
        }
        request.u32(rta::RTA_OIF as u32, index);
        request
    }

    pub(super) fn add_route(
        &mut self,
        prefix: (Ipv6Addr, u8),
        via: Option<Ipv6Addr>,
        index: u32,
    ) -> Result<(), Error> {
        let flags = Change::Add.flags();
        self.0.change(Self::route_change(RTM_NEWROUTE as u32, flags, prefix, via, index))
    }

    pub(super) fn delete_route(&mut self, prefix: (Ipv6Addr, u8), index: u32) -> Result<(), Error> {
        self.0.change(Self::route_change(RTM_DELROUTE as u32, 0, prefix, None, index))
    }

    /// An entry of the neighbor cache, if it is there.
    pub(super) fn neighbor(
        &mut self,
        index: u32,
        address: Ipv6Addr,
    ) -> Result<Option<Neighbor>, String> {
        let request = Request::new(RTM_GETNEIGH as u32, 0, &neighbor_request(0, 0));
        let records = self.0.dump(request).map_err(|error| said(&error))?;
        let mut all = records.iter().filter_map(|record| Neighbor::parse(&record.payload));
        Ok(all.find(|entry| entry.index == index && entry.address == Some(address.into())))
    }

    /// Sets a neighbor's link-layer address, in a state (`NUD_`).
    pub(super) fn set_neighbor(
        &mut self,
        index: u32,
        address: Ipv6Addr,
        link_address: LinkAddress,
        state: u32,
        change: Change,
    ) -> Result<(), Error> {
        let fixed = neighbor_request(index, state);
        let mut request = Request::new(RTM_NEWNEIGH as u32, change.flags(), &fixed);
        request.attribute(NDA_DST as u32, &address.octets());
        request.attribute(NDA_LLADDR as u32, &link_address);
        self.0.change(request)
    }

    pub(super) fn delete_neighbor(&mut self, index: u32, address: Ipv6Addr) -> Result<(), Error> {
        let fixed = neighbor_request(index, NUD_STALE);
        let mut request = Request::new(RTM_DELNEIGH as u32, 0, &fixed);
        request.attribute(NDA_DST as u32, &address.octets());
        self.0.change(request)
    }

    /// The address that router advertisements gave the adapter, and the hosts beside it.
    pub(super) fn user_network(&mut self) -> Result<UserNetwork, String> {
        let link = self.adapter()?;
        let is_global = |address: &Address| matches!(address.local, IpAddr::V6(ip) if !ip.is_unicast_link_local());
        let address = self.settled_address(link.index, "global address", is_global)?;
        let IpAddr::V6(own) = address.local else {
            return Err(format!("{} is no IPv6 address", address.local));
        };
        Ok(UserNetwork { index: link.index, own })
    }
}

/// Whether a request was refused with this error number; what else happened otherwise.
pub(super) fn refused_with(
    result: Result<(), Error>,
    expected: rt::rustix::io::Errno,
) -> Result<(), String> {
    match result {
        Err(error) if error.refusal() == Some(expected) => Ok(()),
        Err(error) => Err(format!("refused with {error}, not with {}", rt::strerror(expected))),
        Ok(()) => Err(format!("not refused with {}", rt::strerror(expected))),
    }
}

/// QEMU's user network (libslirp): in the prefix that it advertises, host 2 is the router and host 3
/// answers as well; both have link-local addresses with the same interface identifier.
pub(super) struct UserNetwork {
    /// The interface that leads there.
    pub(super) index: u32,
    /// Our address in the advertised prefix.
    pub(super) own: Ipv6Addr,
}

impl UserNetwork {
    /// The address with this interface identifier in the advertised prefix.
    pub(super) const fn host(&self, identifier: u64) -> Ipv6Addr {
        let prefix = self.own.to_bits() >> 64 << 64;
        Ipv6Addr::from_bits(prefix | identifier as u128)
    }

    /// The router.
    pub(super) const fn router(&self) -> Ipv6Addr {
        self.host(2)
    }

    /// The router's link-local address, from which it advertises.
    pub(super) const fn router_link_local() -> Ipv6Addr {
        Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 2)
    }

    /// The other host.
    pub(super) const fn name_server(&self) -> Ipv6Addr {
        self.host(3)
    }

    /// The Ethernet address of a host: 52:56 and the end of its address.
    pub(super) const fn link_address(host: Ipv6Addr) -> LinkAddress {
        let [_, _, rest @ ..] =
            (0x5256_u64 << 32 | host.to_bits() as u64 & 0xffff_ffff).to_be_bytes();
        rest
    }
}

/// The link-local address that belongs to an Ethernet address (RFC 4291 appendix A, RFC 2464
/// section 4): the EUI-64 with the universal bit inverted.
pub(super) const fn eui64_link_local(address: LinkAddress) -> Ipv6Addr {
    let [first, second, third, rest @ ..] = address;
    let [fourth, fifth, sixth] = rest;
    let eui64 = [first ^ 2, second, third, 0xff, 0xfe, fourth, fifth, sixth];
    let eui64 = u64::from_be_bytes(eui64);
    Ipv6Addr::from_bits(0xfe80 << 112 | eui64 as u128)
}

/// The solicited-node group of an address (RFC 4291 section 2.7.1).
pub(super) const fn solicited_node(address: Ipv6Addr) -> Ipv6Addr {
    let group = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff00, 0).to_bits();
    Ipv6Addr::from_bits(group | address.to_bits() & 0xff_ffff)
}

/// The Ethernet address of a link.
pub(super) fn link_address(link: &Link) -> Result<LinkAddress, String> {
    let bytes = link.address.as_deref().unwrap_or_default();
    bytes.try_into().map_err(|_| format!("{} has the link-layer address {bytes:?}", link.name))
}
