//! RTM_*ADDRLABEL: labels of the policy table of address selection (RFC 6724, Section 2.1). The
//! precedences have no place in these messages, on Linux neither.

use super::message::{Attributes, Builder, Header, read_u32};
use super::request::{Dump, is_about_ipv6};
use crate::net;
use crate::syscall::errno::Errno;
use ::net::address::Prefix;
use ::net::interface::InterfaceIndex;
use ::net::policy::{Policy, PolicyError};
use alloc::vec::Vec;
use core::net::Ipv6Addr;
use linux_raw_sys::net::AF_INET6;
use linux_raw_sys::netlink::{NLM_F_REPLACE, RTM_NEWADDRLABEL};

/// Length of `ifaddrlblmsg` (linux/if_addrlabel.h, which the crate with the other constants
/// lacks): family, reserved, prefix length, flags, interface, sequence.
const BODY_LENGTH: usize = 12;
/// IFAL_ADDRESS.
const ADDRESS: u32 = 1;
/// IFAL_LABEL.
const LABEL: u32 = 2;
/// IPV6_ADDR_LABEL_DEFAULT: no label at all.
const NO_LABEL: u32 = u32::MAX;

/// The whole table.
pub(super) fn dump(payload: &[u8], header: Header) -> Dump {
    if !is_about_ipv6(payload) {
        return Dump::new();
    }
    net::with_stack(|stack| {
        let table = stack.policies();
        table.iter().enumerate().map(|(at, row)| emit(row, at as u32, header)).collect()
    })
}

/// The label of an address.
pub(super) fn get(payload: &[u8], header: Header) -> Result<Vec<u8>, Errno> {
    let request = Request::parse(payload)?;
    net::with_stack(|stack| {
        let found = stack.policies().find(request.address, request.interface);
        let row = found.ok_or(Errno::SRCH)?;
        // As Linux does: the label, with what was asked about.
        let prefix = request.prefix()?;
        Ok(emit(&Policy { prefix, interface: request.interface, ..*row }, 0, header))
    })
}

/// RTM_NEWADDRLABEL.
pub(super) fn add(payload: &[u8], flags: u32) -> Result<(), Errno> {
    let request = Request::parse(payload)?;
    let label = request.label.filter(|label| *label != NO_LABEL).ok_or(Errno::INVAL)?;
    let prefix = request.prefix()?;
    let replace = flags & NLM_F_REPLACE != 0;
    net::change_stack(|stack| stack.set_label(prefix, request.interface, label, replace))
        .map_err(errno)
}

/// RTM_DELADDRLABEL.
pub(super) fn delete(payload: &[u8]) -> Result<(), Errno> {
    let request = Request::parse(payload)?;
    let prefix = request.prefix()?;
    net::change_stack(|stack| stack.remove_label(prefix, request.interface)).map_err(errno)
}

fn errno(error: PolicyError) -> Errno {
    match error {
        PolicyError::Exists => Errno::EXIST,
        PolicyError::NotFound => Errno::SRCH,
        PolicyError::NoInterface => Errno::INVAL,
        PolicyError::TableFull => Errno::NOBUFS,
    }
}

struct Request {
    address: Ipv6Addr,
    prefix_length: u8,
    interface: Option<InterfaceIndex>,
    label: Option<u32>,
}

impl Request {
    fn parse(payload: &[u8]) -> Result<Self, Errno> {
        let &[family, _, prefix_length, ..] = payload else { return Err(Errno::INVAL) };
        if u32::from(family) != AF_INET6 {
            return Err(Errno::AFNOSUPPORT);
        }
        let number = read_u32(payload, 4).ok_or(Errno::INVAL)?;
        let attributes = Attributes::after(payload, BODY_LENGTH);
        let address = attributes.get(ADDRESS).and_then(super::read_address);
        Ok(Self {
            address: address.ok_or(Errno::INVAL)?,
            prefix_length,
            interface: InterfaceIndex::new(number),
            label: attributes.get_u32(LABEL),
        })
    }

    fn prefix(&self) -> Result<Prefix, Errno> {
        Prefix::new(self.address, self.prefix_length).ok_or(Errno::INVAL)
    }
}

fn emit(row: &Policy, sequence: u32, header: Header) -> Vec<u8> {
    let header = Header { kind: RTM_NEWADDRLABEL as u16, ..header };
    let mut builder = Builder::new(header)
        .body(&[AF_INET6 as u8, 0, row.prefix.length(), 0])
        .body(&row.interface.map_or(0, InterfaceIndex::get).to_ne_bytes())
        .body(&sequence.to_ne_bytes());
    builder.attribute(ADDRESS, &row.prefix.address().octets());
    builder.attribute_u32(LABEL, row.label);
    builder.finish()
}
