//! Messages of the command channel ([MS-RNDIS] section 2.2): all fields are little-endian words.

use bitflags::bitflags;
use core::fmt;
use heapless::Vec;

/// MessageType values.
mod kind {
    pub(super) const HALT: u32 = 3;
    pub(super) const INITIALIZE: u32 = 2;
    pub(super) const QUERY: u32 = 4;
    pub(super) const SET: u32 = 5;
    pub(super) const RESET: u32 = 6;
    pub(super) const INDICATE_STATUS: u32 = 7;
    pub(super) const KEEPALIVE: u32 = 8;

    /// Bit of an answer.
    const COMPLETION: u32 = 0x8000_0000;
    pub(super) const INITIALIZE_COMPLETE: u32 = INITIALIZE | COMPLETION;
    pub(super) const QUERY_COMPLETE: u32 = QUERY | COMPLETION;
    pub(super) const SET_COMPLETE: u32 = SET | COMPLETION;
    pub(super) const RESET_COMPLETE: u32 = RESET | COMPLETION;
    pub(super) const KEEPALIVE_COMPLETE: u32 = KEEPALIVE | COMPLETION;
}

/// Success in a Status field.
pub(crate) const STATUS_SUCCESS: u32 = 0;
/// Statuses of INDICATE_STATUS.
const STATUS_MEDIA_CONNECT: u32 = 0x4001_000b;
const STATUS_MEDIA_DISCONNECT: u32 = 0x4001_000c;

/// Where InformationBufferOffset counts from: the RequestID field.
const OFFSET_BASE: usize = 8;
/// InformationBufferOffset of a buffer right behind the header of QUERY and SET.
const BUFFER_OFFSET: u32 = 20;
/// Zero bytes that go along with the query for the permanent address: some firmware wants room for
/// its answer in the question.
const QUERY_ROOM: usize = 48;

/// Object identifiers ([MS-RNDIS] section 3.2.5, NDIS object identifiers).
pub(crate) mod oid {
    /// OID_GEN_MAXIMUM_FRAME_SIZE: largest payload of a frame.
    pub(crate) const MAXIMUM_FRAME_SIZE: u32 = 0x0001_0106;
    /// OID_GEN_LINK_SPEED, in units of 100 bit/s.
    pub(crate) const LINK_SPEED: u32 = 0x0001_0107;
    /// OID_GEN_CURRENT_PACKET_FILTER.
    pub(crate) const CURRENT_PACKET_FILTER: u32 = 0x0001_010e;
    /// OID_GEN_MEDIA_CONNECT_STATUS: 0 is connected.
    pub(crate) const MEDIA_CONNECT_STATUS: u32 = 0x0001_0114;
    /// OID_802_3_PERMANENT_ADDRESS.
    pub(crate) const PERMANENT_ADDRESS: u32 = 0x0101_0101;
}

bitflags! {
    /// OID_GEN_CURRENT_PACKET_FILTER.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub(crate) struct Filter: u32 {
        const DIRECTED = 1;
        const ALL_MULTICAST = 4;
        const BROADCAST = 8;
        const PROMISCUOUS = 0x20;
    }
}

/// A message to the device.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Command {
    /// Starts the conversation, protocol version 1.0.
    Initialize {
        /// The longest transfer that we take, in bytes.
        max_transfer_size: u32,
    },
    /// Ends it; there is no answer.
    Halt,
    /// Asks for an object.
    Query {
        /// The object.
        oid: u32,
        /// Whether room for the answer is sent along.
        with_room: bool,
    },
    /// Sets an object to a word.
    Set {
        /// The object.
        oid: u32,
        /// The word.
        value: u32,
    },
    /// Resets the device, or at least its queues.
    Reset,
    /// Asks whether the device lives.
    KeepAlive,
    /// Answers the same question of the device.
    KeepAliveComplete,
}

impl Command {
    /// Bytes of the longest message.
    pub const MAX_LENGTH: usize = 28 + QUERY_ROOM;

    /// The message as it goes over the wire. Reset has no identifier, so `id` is not in it.
    pub fn to_bytes(self, id: u32) -> Vec<u8, { Self::MAX_LENGTH }> {
        let mut bytes = Vec::new();
        // MAX_LENGTH is the longest of the messages below, so nothing is cut.
        let mut put = |words: &[u32]| {
            for word in words {
                let _ = bytes.extend_from_slice(&word.to_le_bytes());
            }
        };
        match self {
            Self::Initialize { max_transfer_size } => {
                put(&[kind::INITIALIZE, 24, id, 1, 0, max_transfer_size]);
            }
            Self::Halt => put(&[kind::HALT, 12, id]),
            Self::Query { oid, with_room: false } => put(&[kind::QUERY, 28, id, oid, 0, 0, 0]),
            Self::Query { oid, with_room: true } => {
                let room = QUERY_ROOM as u32;
                put(&[kind::QUERY, 28 + room, id, oid, room, BUFFER_OFFSET, 0]);
                put(&[0; QUERY_ROOM / 4]);
            }
            Self::Set { oid, value } => {
                put(&[kind::SET, 32, id, oid, 4, BUFFER_OFFSET, 0, value]);
            }
            Self::Reset => put(&[kind::RESET, 12, 0]),
            Self::KeepAlive => put(&[kind::KEEPALIVE, 12, id]),
            Self::KeepAliveComplete => {
                put(&[kind::KEEPALIVE_COMPLETE, 16, id, STATUS_SUCCESS]);
            }
        }
        bytes
    }
}

/// What is wrong with a message of the device.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum MessageError {
    /// Fewer bytes than its type has.
    Truncated,
    /// MessageLength is below what the type has or above what came; the length.
    Length(u32),
    /// A type that no device sends; the type.
    Kind(u32),
    /// An offset or length inside points outside.
    Range,
}

impl fmt::Display for MessageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated => f.write_str("cut off"),
            Self::Length(length) => write!(f, "impossible length {length}"),
            Self::Kind(kind) => write!(f, "unknown type {kind:#x}"),
            Self::Range => f.write_str("points outside itself"),
        }
    }
}

/// A message of the device.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Response<'a> {
    /// Answers [`Command::Initialize`].
    InitializeComplete {
        /// RequestID.
        id: u32,
        /// Status.
        status: u32,
        /// Messages that may share a transfer to the device.
        max_packets_per_transfer: u32,
        /// The longest transfer the device takes, in bytes.
        max_transfer_size: u32,
    },
    /// Answers [`Command::Query`].
    QueryComplete {
        /// RequestID.
        id: u32,
        /// Status.
        status: u32,
        /// The object; empty when the device has none.
        value: &'a [u8],
    },
    /// Answers [`Command::Set`].
    SetComplete {
        /// RequestID.
        id: u32,
        /// Status.
        status: u32,
    },
    /// Answers [`Command::Reset`].
    ResetComplete {
        /// Status.
        status: u32,
        /// The packet filter must be set again.
        addressing_reset: bool,
    },
    /// Answers [`Command::KeepAlive`].
    KeepAliveComplete {
        /// RequestID.
        id: u32,
        /// Status.
        status: u32,
    },
    /// The device asks whether we live.
    KeepAlive {
        /// RequestID.
        id: u32,
    },
    /// There is a link now, or there is none any more.
    MediaConnected(bool),
    /// Another INDICATE_STATUS; the status.
    Indication(u32),
}

fn word(message: &[u8], at: usize) -> Result<u32, MessageError> {
    let bytes = message.get(at..).and_then(<[u8]>::first_chunk);
    bytes.map(|bytes| u32::from_le_bytes(*bytes)).ok_or(MessageError::Truncated)
}

impl<'a> Response<'a> {
    /// Reads one message from the start of `bytes`.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, MessageError> {
        let length = word(bytes, 4)?;
        let message = usize::try_from(length)
            .ok()
            .and_then(|length| bytes.get(..length))
            .ok_or(MessageError::Length(length))?;
        let field = |at| word(message, at);
        match word(bytes, 0)? {
            kind::INITIALIZE_COMPLETE => Ok(Self::InitializeComplete {
                id: field(8)?,
                status: field(12)?,
                max_packets_per_transfer: field(32)?,
                max_transfer_size: field(36)?,
            }),
            kind::QUERY_COMPLETE => Ok(Self::QueryComplete {
                id: field(8)?,
                status: field(12)?,
                value: Self::information(message, field(16)?, field(20)?)?,
            }),
            kind::SET_COMPLETE => Ok(Self::SetComplete { id: field(8)?, status: field(12)? }),
            kind::RESET_COMPLETE => {
                Ok(Self::ResetComplete { status: field(8)?, addressing_reset: field(12)? != 0 })
            }
            kind::KEEPALIVE_COMPLETE => {
                Ok(Self::KeepAliveComplete { id: field(8)?, status: field(12)? })
            }
            kind::KEEPALIVE => Ok(Self::KeepAlive { id: field(8)? }),
            kind::INDICATE_STATUS => Ok(match field(8)? {
                STATUS_MEDIA_CONNECT => Self::MediaConnected(true),
                STATUS_MEDIA_DISCONNECT => Self::MediaConnected(false),
                other => Self::Indication(other),
            }),
            other => Err(MessageError::Kind(other)),
        }
    }

    fn information(message: &[u8], length: u32, offset: u32) -> Result<&[u8], MessageError> {
        if length == 0 {
            return Ok(&[]);
        }
        let range = || {
            let start = usize::try_from(offset).ok()?.checked_add(OFFSET_BASE)?;
            let end = start.checked_add(usize::try_from(length).ok()?)?;
            message.get(start..end)
        };
        range().ok_or(MessageError::Range)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[u32]) -> Vec<u8, 128> {
        words.iter().flat_map(|word| word.to_le_bytes()).collect()
    }

    #[test]
    fn commands_are_as_long_as_they_say() {
        for command in [
            Command::Initialize { max_transfer_size: 2048 },
            Command::Halt,
            Command::Query { oid: oid::LINK_SPEED, with_room: false },
            Command::Query { oid: oid::PERMANENT_ADDRESS, with_room: true },
            Command::Set { oid: oid::CURRENT_PACKET_FILTER, value: 13 },
            Command::Reset,
            Command::KeepAlive,
            Command::KeepAliveComplete,
        ] {
            let bytes = command.to_bytes(7);
            assert_eq!(word(&bytes, 4), Ok(bytes.len() as u32), "{command:?}");
            if command != Command::Reset {
                assert_eq!(word(&bytes, 8), Ok(7), "{command:?}");
            }
        }
    }

    #[test]
    fn a_set_carries_its_value_where_it_says() {
        let bytes = Command::Set { oid: 1, value: 0x0403_0201 }.to_bytes(1);
        let offset = word(&bytes, 20).expect("the offset") as usize + OFFSET_BASE;
        assert_eq!(bytes[offset..], [1, 2, 3, 4]);
    }

    #[test]
    fn answers() {
        let initialized = words(&[0x8000_0002, 52, 9, 0, 1, 0, 1, 0, 1, 1580, 0, 0, 0]);
        assert_eq!(
            Response::parse(&initialized),
            Ok(Response::InitializeComplete {
                id: 9,
                status: 0,
                max_packets_per_transfer: 1,
                max_transfer_size: 1580
            })
        );
        let speed = words(&[0x8000_0004, 28, 3, 0, 4, 16, 1_000_000]);
        assert_eq!(
            Response::parse(&speed),
            Ok(Response::QueryComplete { id: 3, status: 0, value: &1_000_000_u32.to_le_bytes() })
        );
        let nothing = words(&[0x8000_0004, 24, 3, 0, 0, 0]);
        assert_eq!(
            Response::parse(&nothing),
            Ok(Response::QueryComplete { id: 3, status: 0, value: &[] })
        );
        assert_eq!(
            Response::parse(&words(&[7, 20, 0x4001_000c, 0, 0])),
            Ok(Response::MediaConnected(false))
        );
        assert_eq!(Response::parse(&words(&[8, 12, 5])), Ok(Response::KeepAlive { id: 5 }));
    }

    #[test]
    fn nonsense_is_refused() {
        assert_eq!(Response::parse(&[0]), Err(MessageError::Truncated));
        assert_eq!(
            Response::parse(&words(&[0x8000_0005, 20, 1, 0])),
            Err(MessageError::Length(20))
        );
        assert_eq!(Response::parse(&words(&[0x8000_0005, 12, 1, 0])), Err(MessageError::Truncated));
        assert_eq!(Response::parse(&words(&[9, 8])), Err(MessageError::Kind(9)));
        for (length, offset) in [(4, 20), (u32::MAX, 16), (4, u32::MAX), (5, 16)] {
            assert_eq!(
                Response::parse(&words(&[0x8000_0004, 28, 3, 0, length, offset, 0])),
                Err(MessageError::Range)
            );
        }
        // The all-zero answer that QEMU leaves behind a refused SET.
        assert!(Response::parse(&[0; 16]).is_err());
    }
}
