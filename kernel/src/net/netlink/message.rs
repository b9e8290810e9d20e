//! The netlink wire format: messages, attributes, and nothing of what they mean.
//!
//! A message is a 16-byte `nlmsghdr`, a fixed body and attributes (`rtattr`: length, type, value),
//! everything padded to 4 bytes, in host byte order (netlink(7), rtnetlink(7)).

use alloc::vec::Vec;

/// Length of `nlmsghdr`.
pub(super) const HEADER_LENGTH: usize = 16;
const ATTRIBUTE_HEADER_LENGTH: usize = 4;
/// NLA_TYPE_MASK: what remains of a type without its two flag bits.
const ATTRIBUTE_TYPE_MASK: u16 = 0x3fff;

/// Rounds up to NLMSG_ALIGNTO, which is RTA_ALIGNTO too.
const fn align(length: usize) -> usize {
    (length + 3) & !3
}

/// `nlmsghdr` without its length.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Header {
    pub(super) kind: u16,
    pub(super) flags: u16,
    pub(super) sequence: u32,
    pub(super) port: u32,
}

/// One message as a program sent it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Message<'a> {
    pub(super) header: Header,
    /// What follows the header: body and attributes.
    pub(super) payload: &'a [u8],
}

/// The messages of one datagram. Ends at the first that claims more than is there, as Linux does.
pub(super) struct Messages<'a>(&'a [u8]);

impl<'a> Messages<'a> {
    pub(super) fn new(datagram: &'a [u8]) -> Self {
        Self(datagram)
    }
}

impl<'a> Iterator for Messages<'a> {
    type Item = Message<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let length = read_u32(self.0, 0)? as usize;
        let payload = self.0.get(HEADER_LENGTH..length)?;
        let header = Header {
            kind: read_u16(self.0, 4)?,
            flags: read_u16(self.0, 6)?,
            sequence: read_u32(self.0, 8)?,
            port: read_u32(self.0, 12)?,
        };
        self.0 = self.0.get(align(length)..).unwrap_or_default();
        Some(Message { header, payload })
    }
}

/// The attributes of a message, found by type.
#[derive(Clone, Debug)]
pub(super) struct Attributes<'a>(&'a [u8]);

impl<'a> Attributes<'a> {
    /// The attributes behind a body of `body_length` bytes.
    pub(super) fn after(payload: &'a [u8], body_length: usize) -> Self {
        Self(payload.get(align(body_length)..).unwrap_or_default())
    }

    /// The attributes in the value of an attribute.
    pub(super) const fn within(value: &'a [u8]) -> Self {
        Self(value)
    }

    /// The value of the last attribute of this type, as a later one overrides an earlier.
    pub(super) fn get(&self, kind: u32) -> Option<&'a [u8]> {
        self.clone().filter(|(found, _)| u32::from(*found) == kind).last().map(|(_, value)| value)
    }

    pub(super) fn get_u32(&self, kind: u32) -> Option<u32> {
        self.get(kind).and_then(|value| read_u32(value, 0))
    }

    /// A string, which may end before its value does.
    pub(super) fn get_string(&self, kind: u32) -> Option<&'a [u8]> {
        self.get(kind).and_then(|value| value.split(|byte| *byte == 0).next())
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let length = usize::from(read_u16(self.0, 0)?);
        let kind = read_u16(self.0, 2)? & ATTRIBUTE_TYPE_MASK;
        let value = self.0.get(ATTRIBUTE_HEADER_LENGTH..length)?;
        self.0 = self.0.get(align(length)..).unwrap_or_default();
        Some((kind, value))
    }
}

/// A message under construction; [`Builder::finish`] writes its length.
pub(super) struct Builder {
    bytes: Vec<u8>,
}

impl Builder {
    pub(super) fn new(header: Header) -> Self {
        let mut bytes = Vec::with_capacity(256);
        bytes.extend_from_slice(&0u32.to_ne_bytes());
        bytes.extend_from_slice(&header.kind.to_ne_bytes());
        bytes.extend_from_slice(&header.flags.to_ne_bytes());
        bytes.extend_from_slice(&header.sequence.to_ne_bytes());
        bytes.extend_from_slice(&header.port.to_ne_bytes());
        Self { bytes }
    }

    /// Appends part of the fixed body.
    pub(super) fn body(mut self, bytes: &[u8]) -> Self {
        self.bytes.extend_from_slice(bytes);
        self
    }

    /// Appends an attribute.
    pub(super) fn attribute(&mut self, kind: u32, value: &[u8]) {
        self.pad();
        let length = ATTRIBUTE_HEADER_LENGTH + value.len();
        self.bytes.extend_from_slice(&(length as u16).to_ne_bytes());
        self.bytes.extend_from_slice(&(kind as u16).to_ne_bytes());
        self.bytes.extend_from_slice(value);
    }

    pub(super) fn attribute_u8(&mut self, kind: u32, value: u8) {
        self.attribute(kind, &[value]);
    }

    pub(super) fn attribute_u32(&mut self, kind: u32, value: u32) {
        self.attribute(kind, &value.to_ne_bytes());
    }

    pub(super) fn attribute_u16(&mut self, kind: u32, value: u16) {
        self.attribute(kind, &value.to_ne_bytes());
    }

    /// Appends a string with its closing NUL.
    pub(super) fn attribute_string(&mut self, kind: u32, value: &str) {
        let mut bytes = Vec::with_capacity(value.len() + 1);
        bytes.extend_from_slice(value.as_bytes());
        bytes.push(0);
        self.attribute(kind, &bytes);
    }

    /// Appends an attribute whose value is what `content` appends.
    pub(super) fn nested(&mut self, kind: u32, content: impl FnOnce(&mut Self)) {
        self.pad();
        let start = self.bytes.len();
        self.bytes.extend_from_slice(&[0; ATTRIBUTE_HEADER_LENGTH]);
        content(self);
        let length = (self.bytes.len() - start) as u16;
        self.bytes[start..start + 2].copy_from_slice(&length.to_ne_bytes());
        self.bytes[start + 2..start + 4].copy_from_slice(&(kind as u16).to_ne_bytes());
    }

    /// The finished message. Its length counts the last attribute's padding, as on Linux.
    pub(super) fn finish(mut self) -> Vec<u8> {
        self.pad();
        let length = self.bytes.len() as u32;
        self.bytes[..4].copy_from_slice(&length.to_ne_bytes());
        self.bytes
    }

    fn pad(&mut self) {
        self.bytes.resize(align(self.bytes.len()), 0);
    }
}

/// A u16 at `offset`, if the bytes reach that far.
pub(super) fn read_u16(bytes: &[u8], offset: usize) -> Option<u16> {
    let field = bytes.get(offset..offset.checked_add(2)?)?;
    Some(u16::from_ne_bytes(field.try_into().ok()?))
}

/// A u32 at `offset`, if the bytes reach that far.
pub(super) fn read_u32(bytes: &[u8], offset: usize) -> Option<u32> {
    let field = bytes.get(offset..offset.checked_add(4)?)?;
    Some(u32::from_ne_bytes(field.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: Header = Header { kind: 20, flags: 5, sequence: 7, port: 9 };

    #[test]
    fn what_is_built_is_parsed() {
        let mut builder = Builder::new(HEADER).body(&[1, 2, 3]);
        builder.attribute_string(3, "lo");
        builder.nested(26, |nested| nested.attribute_u32(10, 0xdead_beef));
        let bytes = builder.finish();

        assert_eq!(bytes.len() % 4, 0);
        assert_eq!(read_u32(&bytes, 0), Some(bytes.len() as u32));
        let message = Messages::new(&bytes).next().unwrap();
        assert_eq!(message.header, HEADER);
        assert_eq!(&message.payload[..3], &[1, 2, 3]);
        let attributes = Attributes::after(message.payload, 3);
        assert_eq!(attributes.get(3), Some(&b"lo\0"[..]));
        let nested = Attributes::within(attributes.get(26).unwrap());
        assert_eq!(nested.get_u32(10), Some(0xdead_beef));
        assert_eq!(attributes.get(4), None);
    }

    #[test]
    fn several_messages_share_a_datagram() {
        let mut bytes = Builder::new(HEADER).body(&[1]).finish();
        bytes.extend(Builder::new(HEADER).body(&[2]).finish());
        let bodies: Vec<u8> = Messages::new(&bytes).map(|message| message.payload[0]).collect();
        assert_eq!(bodies, [1, 2]);
    }

    #[test]
    fn lengths_that_lie_end_the_iteration() {
        let mut bytes = Builder::new(HEADER).body(&[0; 4]).finish();
        for length in [0, 1, 15, 21, u32::MAX] {
            bytes[..4].copy_from_slice(&length.to_ne_bytes());
            assert!(Messages::new(&bytes).next().is_none(), "length {length}");
        }
        for length in [0u16, 3, 5, u16::MAX] {
            let mut attribute = [0, 0, 1, 0];
            attribute[..2].copy_from_slice(&length.to_ne_bytes());
            assert!(Attributes(&attribute).next().is_none(), "length {length}");
        }
    }
}
