//! Multicast Listener Discovery messages: version 2 (RFC 3810, Section 5) and the query of
//! version 1 (RFC 2710, Section 3).
//!
//! The structures hold what follows the ICMPv6 checksum; [`super::icmpv6::Icmpv6Message`] holds
//! them, and version 1's report and done, which are one address.

use super::address_list::AddressList;
use super::cursor::{Reader, Writer};
use super::{ParseError, Result};
use core::net::Ipv6Addr;
use core::time::Duration;

/// Multicast Listener Query.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MulticastListenerQuery<'a> {
    /// The maximum response code, see [`Self::maximum_response_delay`].
    pub maximum_response_code: u16,
    /// The group asked about; unspecified in a general query.
    pub group: Ipv6Addr,
    /// What version 2 adds; `None` in a version 1 query.
    pub v2: Option<QueryV2<'a>>,
}

/// The part of a query that only version 2 has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct QueryV2<'a> {
    /// S: other routers shall not act on this query.
    pub suppress_router_processing: bool,
    /// QRV: the querier's robustness variable, 0 to 7, 0 if it exceeds 7.
    pub robustness: u8,
    /// QQIC, see [`Self::interval`].
    pub interval_code: u8,
    /// The sources asked about; none in a general or group query.
    pub sources: AddressList<'a>,
}

impl<'a> MulticastListenerQuery<'a> {
    /// Octets of a version 1 query behind the checksum, and of the part that both have.
    const V1_LEN: usize = 20;
    const V2_LEN: usize = 24;

    /// A query of 24 octets with its ICMPv6 header is version 1, one of 28 or more version 2;
    /// another length is [`ParseError::BadLength`] (RFC 3810, Section 8.1).
    pub(super) fn parse(body: &'a [u8]) -> Result<Self> {
        let mut reader = Reader::new(body);
        let maximum_response_code = reader.u16()?;
        let _reserved = reader.u16()?;
        let group = reader.address()?;
        let v2 = match body.len() {
            Self::V1_LEN => None,
            Self::V2_LEN.. => {
                let flags = reader.u8()?;
                let interval_code = reader.u8()?;
                let sources = usize::from(reader.u16()?) * 16;
                Some(QueryV2 {
                    suppress_router_processing: flags & 8 != 0,
                    robustness: flags & 7,
                    interval_code,
                    sources: AddressList::parse(reader.take(sources)?)?,
                })
            }
            _ => return Err(ParseError::BadLength),
        };
        Ok(Self { maximum_response_code, group, v2 })
    }

    pub(super) fn body_len(&self) -> usize {
        self.v2.map_or(Self::V1_LEN, |v2| Self::V2_LEN + 16 * v2.sources.len())
    }

    pub(super) fn put(&self, writer: Writer<'_>) {
        let Self { maximum_response_code, group, v2 } = self;
        let writer = writer.u16(*maximum_response_code).u16(0).address(*group);
        if let Some(QueryV2 { suppress_router_processing, robustness, interval_code, sources }) = v2
        {
            let flags = if *suppress_router_processing { 8 } else { 0 } | robustness & 7;
            sources.put(writer.u8(flags).u8(*interval_code).u16(sources.len() as u16));
        }
    }

    /// How long to spread the answers over: version 1 counts milliseconds (RFC 2710, Section
    /// 3.4), version 2 has an exponent from 32768 on (RFC 3810, Section 5.1.3).
    pub fn maximum_response_delay(&self) -> Duration {
        let code = u32::from(self.maximum_response_code);
        let millis = match (self.v2, code) {
            (Some(_), 0x8000..) => (code & 0xfff | 0x1000) << ((code >> 12 & 7) + 3),
            _ => code,
        };
        Duration::from_millis(millis.into())
    }
}

impl QueryV2<'_> {
    /// The querier's query interval: seconds, with an exponent from 128 on (RFC 3810, Section
    /// 5.1.9).
    pub fn interval(&self) -> Duration {
        let code = u32::from(self.interval_code);
        let secs = match code {
            0x80.. => (code & 0xf | 0x10) << ((code >> 4 & 7) + 3),
            _ => code,
        };
        Duration::from_secs(secs.into())
    }
}

/// What a record says (RFC 3810, Section 5.2.12).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum RecordType {
    /// MODE_IS_INCLUDE: the listener wants only these sources.
    ModeIsInclude,
    /// MODE_IS_EXCLUDE: the listener wants all but these sources.
    ModeIsExclude,
    /// CHANGE_TO_INCLUDE_MODE: from now on, only these.
    ChangeToInclude,
    /// CHANGE_TO_EXCLUDE_MODE: from now on, all but these.
    ChangeToExclude,
    /// ALLOW_NEW_SOURCES: from now on, these too.
    AllowNewSources,
    /// BLOCK_OLD_SOURCES: from now on, these no more.
    BlockOldSources,
    /// A type without a meaning; the record is ignored.
    Unknown(u8),
}

impl From<u8> for RecordType {
    fn from(code: u8) -> Self {
        match code {
            1 => Self::ModeIsInclude,
            2 => Self::ModeIsExclude,
            3 => Self::ChangeToInclude,
            4 => Self::ChangeToExclude,
            5 => Self::AllowNewSources,
            6 => Self::BlockOldSources,
            other => Self::Unknown(other),
        }
    }
}

impl From<RecordType> for u8 {
    fn from(kind: RecordType) -> Self {
        match kind {
            RecordType::ModeIsInclude => 1,
            RecordType::ModeIsExclude => 2,
            RecordType::ChangeToInclude => 3,
            RecordType::ChangeToExclude => 4,
            RecordType::AllowNewSources => 5,
            RecordType::BlockOldSources => 6,
            RecordType::Unknown(other) => other,
        }
    }
}

/// Multicast address record: what a listener says about one group (RFC 3810, Section 5.2.4).
/// Auxiliary data is skipped on input and never sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MulticastRecord<'a> {
    /// What it says.
    pub kind: RecordType,
    /// The group.
    pub group: Ipv6Addr,
    /// The sources, at most 65535.
    pub sources: AddressList<'a>,
}

impl MulticastRecord<'_> {
    /// Octets on the wire.
    pub const fn len(&self) -> usize {
        20 + 16 * self.sources.len()
    }

    /// Always false: a record has at least 20 octets.
    pub const fn is_empty(&self) -> bool {
        false
    }
}

/// The records of a version 2 report: octets whose framing has been checked, or values to be
/// sent.
#[derive(Clone, Copy, Debug)]
pub struct MulticastRecords<'a>(Repr<'a>);

#[derive(Clone, Copy, Debug)]
enum Repr<'a> {
    Wire { count: u16, bytes: &'a [u8] },
    Values(&'a [MulticastRecord<'a>]),
}

impl<'a> MulticastRecords<'a> {
    /// Octets behind the checksum and in front of the records.
    const FIXED_LEN: usize = 4;

    /// Octets of a whole report message, ICMPv6 header included, in front of the records: what
    /// splits a long report over several packets.
    pub const REPORT_HEADER_LEN: usize = 8;

    /// Records to be sent, at most 65535.
    pub const fn new(records: &'a [MulticastRecord<'a>]) -> Self {
        Self(Repr::Values(records))
    }

    pub(super) fn parse(body: &'a [u8]) -> Result<Self> {
        let mut reader = Reader::new(body);
        let _reserved = reader.u16()?;
        let count = reader.u16()?;
        let records = reader.rest();
        let mut rest = records;
        for _ in 0..count {
            (_, rest) = split(rest)?;
        }
        Ok(Self(Repr::Wire { count, bytes: records }))
    }

    pub(super) fn body_len(&self) -> usize {
        Self::FIXED_LEN + self.iter().map(|record| record.len()).sum::<usize>()
    }

    pub(super) fn put(&self, writer: Writer<'_>) {
        let writer = writer.u16(0).u16(self.len() as u16);
        self.iter().fold(writer, |writer, MulticastRecord { kind, group, sources }| {
            let writer = writer.u8(kind.into()).u8(0).u16(sources.len() as u16).address(group);
            sources.put(writer)
        });
    }

    /// How many there are.
    pub const fn len(&self) -> usize {
        match self.0 {
            Repr::Wire { count, .. } => count as usize,
            Repr::Values(records) => records.len(),
        }
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The records in order.
    pub const fn iter(&self) -> MulticastRecordIter<'a> {
        MulticastRecordIter(self.0)
    }
}

impl PartialEq for MulticastRecords<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for MulticastRecords<'_> {}

impl<'a> IntoIterator for MulticastRecords<'a> {
    type Item = MulticastRecord<'a>;
    type IntoIter = MulticastRecordIter<'a>;

    fn into_iter(self) -> MulticastRecordIter<'a> {
        self.iter()
    }
}

/// Iterator over the records of a report.
#[derive(Clone, Debug)]
pub struct MulticastRecordIter<'a>(Repr<'a>);

impl<'a> Iterator for MulticastRecordIter<'a> {
    type Item = MulticastRecord<'a>;

    fn next(&mut self) -> Option<MulticastRecord<'a>> {
        match &mut self.0 {
            Repr::Wire { count, bytes } => {
                *count = count.checked_sub(1)?;
                let (record, rest) = split(bytes).ok()?;
                *bytes = rest;
                Some(record)
            }
            Repr::Values(records) => {
                let (record, rest) = records.split_first()?;
                *records = rest;
                Some(*record)
            }
        }
    }
}

/// The first record of `bytes` and what follows it.
fn split(bytes: &[u8]) -> Result<(MulticastRecord<'_>, &[u8])> {
    let mut reader = Reader::new(bytes);
    let kind = reader.u8()?.into();
    let auxiliary_len = usize::from(reader.u8()?) * 4;
    let sources_len = usize::from(reader.u16()?) * 16;
    let group = reader.address()?;
    let sources = AddressList::parse(reader.take(sources_len)?)?;
    let _auxiliary = reader.take(auxiliary_len)?;
    Ok((MulticastRecord { kind, group, sources }, reader.rest()))
}
