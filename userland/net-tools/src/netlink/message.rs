//! Netlink messages: taking apart what a datagram holds, putting a request together
//! (`struct nlmsghdr`, netlink(7)).

use alloc::vec::Vec;
use core::mem::{offset_of, size_of};

use linux_raw_sys::netlink::{NLM_F_REQUEST, nlmsghdr};

use super::attribute::{Attributes, HEADER as ATTRIBUTE_HEADER, align};
use super::field;

/// The length of a message's header.
pub const HEADER: usize = size_of::<nlmsghdr>();

/// A message as it stands in a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// What it is: an `RTM_` number, or `NLMSG_ERROR`, `NLMSG_DONE`.
    pub kind: u16,
    /// `NLM_F_` bits.
    pub flags: u16,
    /// The sequence number of the request that it answers.
    pub sequence: u32,
    /// What comes after the header.
    pub payload: &'a [u8],
}

/// A length in a datagram that cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// Goes through the messages of a datagram.
#[derive(Clone, Debug)]
pub struct Messages<'a> {
    rest: &'a [u8],
}

impl<'a> Messages<'a> {
    /// The messages in `datagram`.
    #[must_use]
    pub const fn new(datagram: &'a [u8]) -> Self {
        Self { rest: datagram }
    }

    fn take(&mut self) -> Option<Message<'a>> {
        let length = field::u32_at(self.rest, offset_of!(nlmsghdr, nlmsg_len))? as usize;
        let message = Message {
            kind: field::u16_at(self.rest, offset_of!(nlmsghdr, nlmsg_type))?,
            flags: field::u16_at(self.rest, offset_of!(nlmsghdr, nlmsg_flags))?,
            sequence: field::u32_at(self.rest, offset_of!(nlmsghdr, nlmsg_seq))?,
            payload: self.rest.get(HEADER..length)?,
        };
        self.rest = self.rest.get(align(length)..).unwrap_or_default();
        Some(message)
    }
}

impl<'a> Iterator for Messages<'a> {
    type Item = Result<Message<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let message = self.take().ok_or(Malformed);
        if message.is_err() {
            self.rest = &[];
        }
        Some(message)
    }
}

/// A request being put together.
#[derive(Clone, Debug)]
pub struct Request {
    kind: u16,
    flags: u16,
    /// The header's place, the fixed part, the attributes.
    bytes: Vec<u8>,
}

impl Request {
    /// A request of this kind (`RTM_…`) with flags besides `NLM_F_REQUEST` and the fixed part of
    /// its family.
    #[must_use]
    pub fn new(kind: u32, flags: u32, fixed: &[u8]) -> Self {
        let mut bytes = Vec::with_capacity(128);
        bytes.resize(HEADER, 0);
        bytes.extend_from_slice(fixed);
        bytes.resize(align(bytes.len()), 0);
        Self { kind: kind as u16, flags: (flags | NLM_F_REQUEST) as u16, bytes }
    }

    /// Adds an attribute.
    pub fn attribute(&mut self, kind: u32, value: &[u8]) -> &mut Self {
        self.bytes.extend(((ATTRIBUTE_HEADER + value.len()) as u16).to_ne_bytes());
        self.bytes.extend((kind as u16).to_ne_bytes());
        self.bytes.extend_from_slice(value);
        self.bytes.resize(align(self.bytes.len()), 0);
        self
    }

    /// Adds an attribute that is an 8-bit number.
    pub fn u8(&mut self, kind: u32, value: u8) -> &mut Self {
        self.attribute(kind, &[value])
    }

    /// Adds an attribute that is a 32-bit number.
    pub fn u32(&mut self, kind: u32, value: u32) -> &mut Self {
        self.attribute(kind, &value.to_ne_bytes())
    }

    /// Adds an attribute that is a string, with its NUL.
    pub fn text(&mut self, kind: u32, value: &str) -> &mut Self {
        let mut bytes = Vec::from(value.as_bytes());
        bytes.push(0);
        self.attribute(kind, &bytes)
    }

    /// Adds an attribute that consists of attributes, which `fill` adds.
    pub fn nested(&mut self, kind: u32, fill: impl FnOnce(&mut Self)) -> &mut Self {
        let start = self.bytes.len();
        self.attribute(kind, &[]);
        fill(self);
        let length = (self.bytes.len() - start) as u16;
        field::put(&mut self.bytes, start, &length.to_ne_bytes());
        self
    }

    /// The fixed part and the attributes: for tests.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        self.bytes.get(HEADER..).unwrap_or_default()
    }

    /// The attributes after a fixed part of `size` bytes: for tests.
    #[must_use]
    pub fn attributes(&self, size: usize) -> Attributes<'_> {
        Attributes::after(self.payload(), size)
    }

    /// The flags the request is sent with.
    #[must_use]
    pub const fn flags(&self) -> u32 {
        self.flags as u32
    }

    /// Asks for more flags.
    pub fn add_flags(&mut self, flags: u32) -> &mut Self {
        self.flags |= flags as u16;
        self
    }

    /// The datagram, numbered.
    #[must_use]
    pub fn finish(mut self, sequence: u32) -> Vec<u8> {
        let length = self.bytes.len() as u32;
        field::put(&mut self.bytes, offset_of!(nlmsghdr, nlmsg_len), &length.to_ne_bytes());
        field::put(&mut self.bytes, offset_of!(nlmsghdr, nlmsg_type), &self.kind.to_ne_bytes());
        field::put(&mut self.bytes, offset_of!(nlmsghdr, nlmsg_flags), &self.flags.to_ne_bytes());
        field::put(&mut self.bytes, offset_of!(nlmsghdr, nlmsg_seq), &sequence.to_ne_bytes());
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::{Malformed, Message, Messages, Request};

    #[test]
    fn a_request_reads_back() {
        let mut request = Request::new(24, 0x604, &[10, 64, 0, 0, 254, 3, 0, 1, 0, 0, 0, 0]);
        request.u32(4, 2).text(3, "usb0").nested(8, |metrics| {
            metrics.u32(10, 64);
        });
        let bytes = request.finish(7);
        assert_eq!(bytes.len() % 4, 0);
        let message = Messages::new(&bytes).next().unwrap().unwrap();
        assert_eq!((message.kind, message.flags, message.sequence), (24, 0x605, 7));
        let attributes = super::Attributes::after(message.payload, 12);
        assert_eq!(attributes.find(4).unwrap().u32(), Some(2));
        assert_eq!(attributes.find(3).unwrap().value, b"usb0\0");
        assert_eq!(attributes.find(8).unwrap().nested().find(10).unwrap().u32(), Some(64));
    }

    #[test]
    fn several_messages_in_a_datagram() {
        let mut datagram = Request::new(16, 2, &[1]).finish(1);
        datagram.extend(Request::new(3, 2, &[0; 4]).finish(1));
        let messages: Result<Vec<Message<'_>>, Malformed> = Messages::new(&datagram).collect();
        let kinds: Vec<u16> = messages.unwrap().iter().map(|message| message.kind).collect();
        assert_eq!(kinds, [16, 3]);
    }

    #[test]
    fn wrong_lengths() {
        let good = Request::new(16, 2, &[1, 2, 3, 4]).finish(1);
        for length in [0u32, 15, 21, u32::MAX] {
            let mut datagram = good.clone();
            datagram[..4].copy_from_slice(&length.to_ne_bytes());
            let mut messages = Messages::new(&datagram);
            assert_eq!(messages.next(), Some(Err(Malformed)), "{length}");
            assert_eq!(messages.next(), None);
        }
        for end in 1..good.len() {
            assert_eq!(Messages::new(&good[..end]).next(), Some(Err(Malformed)), "{end}");
        }
        assert_eq!(Messages::new(&[]).next(), None);
    }
}
