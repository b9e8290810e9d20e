//! Reading and writing fields in order, in network byte order.

use super::{ParseError, Result};
use crate::netif::MacAddress;
use core::net::Ipv6Addr;

/// Takes fields from the front of a slice; running out of octets is [`ParseError::Truncated`].
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    #[inline]
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    #[inline]
    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk().ok_or(ParseError::Truncated)?;
        self.0 = rest;
        Ok(*head)
    }

    #[inline]
    pub(crate) fn take(&mut self, len: usize) -> Result<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(len).ok_or(ParseError::Truncated)?;
        self.0 = rest;
        Ok(head)
    }

    #[inline]
    pub(crate) fn u8(&mut self) -> Result<u8> {
        self.array().map(u8::from_be_bytes)
    }

    #[inline]
    pub(crate) fn u16(&mut self) -> Result<u16> {
        self.array().map(u16::from_be_bytes)
    }

    #[inline]
    pub(crate) fn u32(&mut self) -> Result<u32> {
        self.array().map(u32::from_be_bytes)
    }

    #[inline]
    pub(crate) fn address(&mut self) -> Result<Ipv6Addr> {
        self.array::<16>().map(Ipv6Addr::from)
    }

    #[inline]
    pub(crate) const fn rest(self) -> &'a [u8] {
        self.0
    }
}

/// Puts fields to the front of a slice; running out of room panics (the contract of `emit`).
pub(crate) struct Writer<'a>(&'a mut [u8]);

impl<'a> Writer<'a> {
    #[inline]
    pub(crate) const fn new(out: &'a mut [u8]) -> Self {
        Self(out)
    }

    #[inline]
    pub(crate) fn bytes(self, bytes: &[u8]) -> Self {
        let (head, rest) = self.0.split_at_mut(bytes.len());
        head.copy_from_slice(bytes);
        Self(rest)
    }

    #[inline]
    pub(crate) fn zeros(self, len: usize) -> Self {
        let (head, rest) = self.0.split_at_mut(len);
        head.fill(0);
        Self(rest)
    }

    #[inline]
    pub(crate) fn u8(self, value: u8) -> Self {
        self.bytes(&[value])
    }

    #[inline]
    pub(crate) fn u16(self, value: u16) -> Self {
        self.bytes(&value.to_be_bytes())
    }

    #[inline]
    pub(crate) fn u32(self, value: u32) -> Self {
        self.bytes(&value.to_be_bytes())
    }

    #[inline]
    pub(crate) fn address(self, value: Ipv6Addr) -> Self {
        self.bytes(&value.octets())
    }

    #[inline]
    pub(crate) fn mac(self, value: MacAddress) -> Self {
        self.bytes(&value.0)
    }
}
