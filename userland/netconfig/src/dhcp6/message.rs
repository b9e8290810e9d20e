//! Messages between client and server (RFC 8415 section 8): a type, a transaction identifier,
//! options.

use alloc::vec::Vec;

use super::option::{self, Options};

/// The length of a message without options.
const HEADER: usize = 4;

/// What a message is (RFC 8415 section 7.3); only those that a client sends or obeys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum MessageType {
    /// Who has addresses for me?
    Solicit = 1,
    /// A server's offer.
    Advertise = 2,
    /// An offer is accepted.
    Request = 3,
    /// Are these addresses right on this link?
    Confirm = 4,
    /// The server that gave the addresses is asked to prolong them.
    Renew = 5,
    /// Any server is asked to.
    Rebind = 6,
    /// A server's answer.
    Reply = 7,
    /// The addresses are given back.
    Release = 8,
    /// Somebody else has these addresses.
    Decline = 9,
    /// Configuration without addresses is asked for.
    InformationRequest = 11,
}

/// A transaction identifier: 24 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransactionId(u32);

impl TransactionId {
    /// The identifier in the low 24 bits of `number`.
    #[must_use]
    pub const fn new(number: u32) -> Self {
        Self(number & 0x00ff_ffff)
    }
}

/// A message from a server.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// What it is: an Advertise or a Reply.
    pub kind: MessageType,
    /// Which message of the client it answers.
    pub transaction: TransactionId,
    /// What it says.
    pub options: Options<'a>,
}

/// Why a datagram is no message for a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// It is shorter than a message.
    Short,
    /// It is no Advertise and no Reply. A Reconfigure is refused here too: it would need
    /// authentication (RFC 8415 section 20.4).
    Type(u8),
    /// An option is longer than the message.
    Option,
}

impl<'a> Message<'a> {
    /// Reads a datagram.
    pub fn parse(datagram: &'a [u8]) -> Result<Self, Malformed> {
        let (header, rest) = datagram.split_first_chunk::<HEADER>().ok_or(Malformed::Short)?;
        let [kind, high, middle, low] = *header;
        let kind = match kind {
            2 => MessageType::Advertise,
            7 => MessageType::Reply,
            other => return Err(Malformed::Type(other)),
        };
        Ok(Self {
            kind,
            transaction: TransactionId::new(u32::from_be_bytes([0, high, middle, low])),
            options: Options::parse(rest).ok_or(Malformed::Option)?,
        })
    }
}

/// A message being put together.
#[derive(Clone, Debug)]
pub struct Writer(Vec<u8>);

impl Writer {
    /// A message without options.
    #[must_use]
    pub fn new(kind: MessageType, transaction: TransactionId) -> Self {
        let mut bytes = Vec::with_capacity(128);
        bytes.push(kind as u8);
        bytes.extend_from_slice(&transaction.0.to_be_bytes()[1..]);
        Self(bytes)
    }

    /// Adds an option.
    pub fn option(&mut self, code: option::Code, data: &[u8]) -> &mut Self {
        self.nested(code, |writer| writer.0.extend_from_slice(data))
    }

    /// Adds fields without a header of their own: the fixed part of an option.
    pub fn fields(&mut self, data: &[u8]) -> &mut Self {
        self.0.extend_from_slice(data);
        self
    }

    /// Adds an option whose data `fill` writes.
    pub fn nested(&mut self, code: option::Code, fill: impl FnOnce(&mut Self)) -> &mut Self {
        self.0.extend_from_slice(&code.0.to_be_bytes());
        let place = self.0.len();
        self.0.extend_from_slice(&[0; 2]);
        fill(self);
        let length = (self.0.len() - place - 2) as u16;
        if let Some(field) = self.0.get_mut(place..place + 2) {
            field.copy_from_slice(&length.to_be_bytes());
        }
        self
    }

    /// The datagram.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::{Malformed, Message, MessageType, TransactionId, Writer};
    use crate::dhcp6::option::Code;

    /// Rows: DH6-11
    #[test]
    fn what_is_written_reads_back() {
        let mut writer = Writer::new(MessageType::Reply, TransactionId::new(0xff12_3456));
        writer.option(Code::CLIENT_ID, &[0, 3, 1]).nested(Code::IA_NA, |ia| {
            ia.fields(&[0; 12]).option(Code::STATUS, &[0, 2]);
        });
        let bytes = writer.finish();
        assert_eq!(bytes[..4], [7, 0x12, 0x34, 0x56]);
        assert_eq!(bytes[4..11], [0, 1, 0, 3, 0, 3, 1]);
        assert_eq!(bytes[11..15], [0, 3, 0, 18]);
        let message = Message::parse(&bytes).unwrap();
        assert_eq!(message.transaction, TransactionId::new(0x12_3456));
        assert_eq!(message.options.find(Code::CLIENT_ID), Some(&[0, 3, 1][..]));
        assert!(message.options.find(Code::SERVER_ID).is_none());
    }

    /// Rows: DH6-11, DH6-16
    #[test]
    fn what_is_no_message() {
        let mut writer = Writer::new(MessageType::Reply, TransactionId::new(1));
        writer.option(Code::CLIENT_ID, &[1, 2, 3, 4]);
        let bytes = writer.finish();
        for end in 0..4 {
            assert_eq!(Message::parse(&bytes[..end]).unwrap_err(), Malformed::Short);
        }
        assert!(Message::parse(&bytes[..4]).is_ok(), "no option at all");
        for end in 5..bytes.len() {
            assert_eq!(Message::parse(&bytes[..end]).unwrap_err(), Malformed::Option);
        }
        // All that clients send, Reconfigure, relayed messages, and types of later documents.
        for kind in (0..=255u8).filter(|kind| !matches!(kind, 2 | 7)) {
            let bytes = [kind, 0, 0, 1];
            assert_eq!(Message::parse(&bytes).unwrap_err(), Malformed::Type(kind));
        }
    }
}
