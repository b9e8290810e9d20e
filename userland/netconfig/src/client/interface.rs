//! The interface that a client serves: what the kernel says of it, and its addresses.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::mem::{offset_of, size_of};
use core::net::{IpAddr, Ipv6Addr};

use linux_raw_sys::net::AF_INET6;
use linux_raw_sys::netlink::{
    IFA_ADDRESS, IFA_CACHEINFO, IFA_F_DADFAILED, IFA_F_NOPREFIXROUTE, IFA_F_TENTATIVE, IFA_FLAGS,
    IFA_LOCAL, NLM_F_CREATE, NLM_F_REPLACE, RTM_DELADDR, RTM_GETADDR, RTM_NEWADDR, ifa_cacheinfo,
    ifaddrmsg,
};
use net_tools::ip::address::Address;
use net_tools::ip::interfaces::read_links;
use net_tools::ip::link::RUNNING;
use net_tools::netlink::{Error, Request, RouteSocket, field};
use rustix::io::Errno;

use crate::dhcp6::lease::{LeasedAddress, left};

/// A leased address is one address, no prefix (RFC 8415 section 18.2.10.1, RFC 5942 section 4).
const PREFIX_LENGTH: u8 = 128;

/// What is known of the interface.
#[derive(Debug)]
pub struct Interface {
    /// Its index.
    pub index: u32,
    /// Its name.
    pub name: String,
    /// Its link-layer address.
    pub link_address: Vec<u8>,
    /// It is on and has a carrier.
    pub running: bool,
    /// Where requests go; what is announced comes by another socket.
    requests: RouteSocket,
}

impl Interface {
    /// Asks the kernel.
    pub fn find(name: &str) -> Result<Self, String> {
        let failed = |error: Error| error.to_string();
        let mut requests = RouteSocket::open(0).map_err(failed)?;
        let links = read_links(&mut requests, 0).map_err(failed)?;
        let link = links.into_iter().find(|link| link.name == name);
        let link = link.ok_or_else(|| format!("{name}: {}", rt::strerror(Errno::NODEV)))?;
        Ok(Self {
            index: link.index,
            name: link.name,
            link_address: link.address.unwrap_or_default(),
            running: link.flags & RUNNING != 0,
            requests,
        })
    }

    /// A link-local address that is not tentative, if there is one by now.
    pub fn link_local(&mut self) -> Option<Ipv6Addr> {
        let mut fixed = [0; size_of::<ifaddrmsg>()];
        fixed[0] = AF_INET6 as u8;
        let records = self.requests.dump(Request::new(RTM_GETADDR as u32, 0, &fixed)).ok()?;
        let addresses = records.iter().filter_map(|record| Address::parse(&record.payload));
        let usable = |address: &Address| {
            address.index == self.index && address.flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED) == 0
        };
        addresses.filter(usable).find_map(|address| match address.local {
            IpAddr::V6(local) if local.is_unicast_link_local() => Some(local),
            _ => None,
        })
    }

    /// Gives the interface a leased address, or new lifetimes for one it has.
    pub fn set(&mut self, leased: &LeasedAddress, now: u64) -> Result<(), Error> {
        let flags = NLM_F_CREATE | NLM_F_REPLACE;
        let mut request = self.request(RTM_NEWADDR as u32, flags, leased.address);
        let mut lifetimes = [0; size_of::<ifa_cacheinfo>()];
        let valid = left(leased.valid, now);
        // The kernel takes no address whose time is over; it is about to be removed anyway.
        let valid = valid.max(1);
        let preferred = left(leased.preferred, now).min(valid);
        let mut put = |offset, value: u32| field::put(&mut lifetimes, offset, &value.to_ne_bytes());
        put(offset_of!(ifa_cacheinfo, ifa_prefered), preferred);
        put(offset_of!(ifa_cacheinfo, ifa_valid), valid);
        request.attribute(IFA_CACHEINFO as u32, &lifetimes);
        request.u32(IFA_FLAGS as u32, IFA_F_NOPREFIXROUTE);
        self.requests.change(request)
    }

    /// Takes an address away; one that is gone already is no failure.
    pub fn remove(&mut self, address: Ipv6Addr) -> Result<(), Error> {
        let request = self.request(RTM_DELADDR as u32, 0, address);
        match self.requests.change(request) {
            Err(error) if error.refusal() == Some(Errno::ADDRNOTAVAIL) => Ok(()),
            result => result,
        }
    }

    fn request(&self, kind: u32, flags: u32, address: Ipv6Addr) -> Request {
        let mut fixed = Vec::from([AF_INET6 as u8, PREFIX_LENGTH, 0, 0]);
        fixed.extend(self.index.to_ne_bytes());
        let mut request = Request::new(kind, flags, &fixed);
        request.attribute(IFA_LOCAL as u32, &address.octets());
        request.attribute(IFA_ADDRESS as u32, &address.octets());
        request
    }
}
