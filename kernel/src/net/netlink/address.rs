//! RTM_*ADDR: unicast addresses.

use super::message::{Attributes, Builder, Header, read_u32};
use super::request::{Dump, is_about_ipv6, only_interface};
use super::timestamp;
use crate::net;
use crate::syscall::errno::Errno;
use crate::time::{self, Instant};
use ::net::address::Scope;
use ::net::expiry::Expiry;
use ::net::interface::{Interface, InterfaceIndex};
use ::net::manage::{AddressError, NewAddress};
use ::net::unicast::{AddressInfo, AddressOrigin, AddressState};
use alloc::vec::Vec;
use core::net::Ipv6Addr;
use linux_raw_sys::net::AF_INET6;
use linux_raw_sys::netlink::{
    IFA_ADDRESS, IFA_CACHEINFO, IFA_F_DADFAILED, IFA_F_DEPRECATED, IFA_F_MANAGETEMPADDR,
    IFA_F_NODAD, IFA_F_NOPREFIXROUTE, IFA_F_OPTIMISTIC, IFA_F_PERMANENT, IFA_F_STABLE_PRIVACY,
    IFA_F_TEMPORARY, IFA_F_TENTATIVE, IFA_FLAGS, IFA_LOCAL, IFA_PROTO, IFAPROT_KERNEL_LL,
    IFAPROT_KERNEL_LO, IFAPROT_KERNEL_RA, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE, RTM_DELADDR,
    RTM_NEWADDR, rt_scope_t,
};

/// Length of `ifaddrmsg`.
const BODY_LENGTH: usize = 8;

/// All addresses, of one interface when the request names one.
pub(super) fn dump(payload: &[u8], header: Header) -> Dump {
    if !is_about_ipv6(payload) {
        return Dump::new();
    }
    let only = only_interface(payload, BODY_LENGTH);
    let now = time::now();
    net::with_stack(|stack| {
        stack
            .interfaces()
            .filter(|interface| only.is_none_or(|only| only == interface.index()))
            .flat_map(Interface::addresses)
            .map(|address| emit(&address, now, header))
            .collect()
    })
}

/// RTM_NEWADDR: adds an address, or changes the lifetimes of one that is there.
pub(super) fn add(payload: &[u8], flags: u32) -> Result<(), Errno> {
    let request = Request::parse(payload)?;
    let attributes = Attributes::after(payload, BODY_LENGTH);
    let address_flags = attributes.get_u32(IFA_FLAGS as u32).unwrap_or(u32::from(request.flags));
    let (preferred, valid) = lifetimes(&attributes)?;
    let now = time::now();
    let new = NewAddress {
        address: request.address,
        prefix_length: request.prefix_length,
        preferred_lifetime: preferred,
        valid_lifetime: valid,
        no_duplicate_detection: address_flags & IFA_F_NODAD != 0,
        no_prefix_route: address_flags & IFA_F_NOPREFIXROUTE != 0,
    };
    // `ip addr add` says EXCL, `change` and `replace` say REPLACE.
    let replace = flags & NLM_F_EXCL == 0;
    net::change_stack(|stack| {
        let exists = stack.interface(request.interface).is_some_and(|interface| {
            interface.addresses().any(|found| found.address == request.address)
        });
        if !exists && flags & (NLM_F_CREATE | NLM_F_REPLACE) == NLM_F_REPLACE {
            return Err(Errno::NOENT);
        }
        stack.add_address(request.interface, &new, replace, now).map_err(errno)
    })
}

/// RTM_DELADDR.
pub(super) fn delete(payload: &[u8]) -> Result<(), Errno> {
    let request = Request::parse(payload)?;
    net::change_stack(|stack| {
        stack
            .remove_address(
                request.interface,
                request.address,
                Some(request.prefix_length),
                time::now(),
            )
            .map_err(errno)
    })
}

fn errno(error: AddressError) -> Errno {
    match error {
        AddressError::NoInterface => Errno::NODEV,
        AddressError::InterfaceDown => Errno::NETDOWN,
        AddressError::BadAddress | AddressError::BadLifetime => Errno::INVAL,
        AddressError::Exists => Errno::EXIST,
        AddressError::NotFound => Errno::ADDRNOTAVAIL,
        AddressError::TableFull => Errno::NOBUFS,
    }
}

struct Request {
    interface: InterfaceIndex,
    address: Ipv6Addr,
    prefix_length: u8,
    flags: u8,
}

impl Request {
    fn parse(payload: &[u8]) -> Result<Self, Errno> {
        let &[family, prefix_length, flags, ..] = payload else { return Err(Errno::INVAL) };
        if u32::from(family) != AF_INET6 {
            return Err(Errno::AFNOSUPPORT);
        }
        if prefix_length > 128 {
            return Err(Errno::INVAL);
        }
        let number = read_u32(payload, 4).ok_or(Errno::INVAL)?;
        let interface = InterfaceIndex::new(number).ok_or(Errno::NODEV)?;
        let attributes = Attributes::after(payload, BODY_LENGTH);
        let address =
            attributes.get(IFA_LOCAL as u32).or_else(|| attributes.get(IFA_ADDRESS as u32));
        let address = address.and_then(super::read_address).ok_or(Errno::INVAL)?;
        Ok(Self { interface, address, prefix_length, flags })
    }
}

/// Preferred and valid lifetime in seconds; `EINVAL` when the first is longer, or the address
/// would never be valid.
fn lifetimes(attributes: &Attributes<'_>) -> Result<(u32, u32), Errno> {
    let Some(cache_info) = attributes.get(IFA_CACHEINFO as u32) else {
        return Ok((Expiry::INFINITE_SECS, Expiry::INFINITE_SECS));
    };
    let preferred = read_u32(cache_info, 0).ok_or(Errno::INVAL)?;
    let valid = read_u32(cache_info, 4).ok_or(Errno::INVAL)?;
    if valid == 0 || preferred > valid { Err(Errno::INVAL) } else { Ok((preferred, valid)) }
}

fn flags(address: &AddressInfo) -> u32 {
    let mut flags = match address.state {
        AddressState::Tentative => IFA_F_TENTATIVE,
        AddressState::Optimistic => IFA_F_TENTATIVE | IFA_F_OPTIMISTIC,
        AddressState::Preferred => 0,
        AddressState::Deprecated => IFA_F_DEPRECATED,
        AddressState::Duplicated => IFA_F_TENTATIVE | IFA_F_DADFAILED,
    };
    for (condition, flag) in [
        (address.valid == Expiry::Never, IFA_F_PERMANENT),
        (address.no_duplicate_detection, IFA_F_NODAD),
        (address.no_prefix_route, IFA_F_NOPREFIXROUTE),
        (address.stable_opaque, IFA_F_STABLE_PRIVACY),
        (address.origin == AddressOrigin::Temporary, IFA_F_TEMPORARY),
        (address.manages_temporary, IFA_F_MANAGETEMPADDR),
    ] {
        if condition {
            flags |= flag;
        }
    }
    flags
}

fn scope(address: &AddressInfo) -> u8 {
    let scope = match address.scope() {
        _ if address.address.is_loopback() => rt_scope_t::RT_SCOPE_HOST,
        Scope::LINK_LOCAL => rt_scope_t::RT_SCOPE_LINK,
        Scope::SITE_LOCAL => rt_scope_t::RT_SCOPE_SITE,
        _ => rt_scope_t::RT_SCOPE_UNIVERSE,
    };
    scope as u8
}

/// The message that describes an address.
pub(super) fn emit(address: &AddressInfo, now: Instant, header: Header) -> Vec<u8> {
    describe(address, now, Header { kind: RTM_NEWADDR as u16, ..header })
}

/// The message that tells of an address's disappearance.
pub(super) fn emit_removed(address: &AddressInfo, now: Instant, header: Header) -> Vec<u8> {
    describe(address, now, Header { kind: RTM_DELADDR as u16, ..header })
}

fn describe(address: &AddressInfo, now: Instant, header: Header) -> Vec<u8> {
    let flags = flags(address);
    // The header has room for the low byte only; IFA_FLAGS has all.
    let body = [AF_INET6 as u8, address.prefix_length, flags as u8, scope(address)];
    let mut builder = Builder::new(header).body(&body).body(&address.interface.get().to_ne_bytes());
    builder.attribute(IFA_ADDRESS as u32, &address.address.octets());
    let cache_info = [
        address.preferred.remaining_secs(now),
        address.valid.remaining_secs(now),
        timestamp(address.created),
        timestamp(address.updated),
    ];
    let cache_info: Vec<u8> = cache_info.iter().flat_map(|value| value.to_ne_bytes()).collect();
    builder.attribute(IFA_CACHEINFO as u32, &cache_info);
    builder.attribute_u32(IFA_FLAGS as u32, flags);
    let origin = match address.origin {
        AddressOrigin::Loopback => Some(IFAPROT_KERNEL_LO),
        AddressOrigin::LinkLocal => Some(IFAPROT_KERNEL_LL),
        AddressOrigin::Autoconfiguration | AddressOrigin::Temporary => Some(IFAPROT_KERNEL_RA),
        AddressOrigin::Manual => None,
    };
    if let Some(origin) = origin {
        builder.attribute_u8(IFA_PROTO as u32, origin as u8);
    }
    builder.finish()
}
