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
    pub const fn iter(self) -> MulticastRecordIter<'a> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::icmpv6::Icmpv6Message;
    use proptest::prelude::*;

    const GROUP: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff00, 1);

    fn check(message: &Icmpv6Message<'_>, golden: &[u8]) {
        let mut out = vec![0; message.len()];
        message.emit(Ipv6Addr::LOCALHOST, Ipv6Addr::LOCALHOST, &mut out);
        out[2..4].fill(0);
        assert_eq!(out, golden);
        assert_eq!(Icmpv6Message::parse(golden).as_ref(), Ok(message));
    }

    #[test]
    fn queries() {
        let sources = [Ipv6Addr::LOCALHOST];
        let golden = [
            130, 0, 0, 0, 0x27, 0x10, 0, 0, // code 10000
            0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0, 0, 1, // group
            0x0a, 125, 0, 1, // S, QRV 2, QQIC 125, one source
            0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1,
        ];
        let v2 = QueryV2 {
            suppress_router_processing: true,
            robustness: 2,
            interval_code: 125,
            sources: AddressList::new(&sources),
        };
        let query =
            MulticastListenerQuery { maximum_response_code: 10_000, group: GROUP, v2: Some(v2) };
        check(&Icmpv6Message::MulticastListenerQuery(query), &golden);
        let v1 = MulticastListenerQuery { v2: None, ..query };
        check(&Icmpv6Message::MulticastListenerQuery(v1), &golden[..24]);
        assert_eq!(query.maximum_response_delay(), Duration::from_secs(10));
        assert_eq!(v2.interval(), Duration::from_secs(125));
        for len in 0..golden.len() {
            let expected = match len {
                24 => None,
                25..28 => Some(ParseError::BadLength),
                _ => Some(ParseError::Truncated),
            };
            assert_eq!(Icmpv6Message::parse(&golden[..len]).err(), expected, "{len}");
        }
        // Additional data behind the sources is ignored (RFC 3810, Section 5.1.12).
        let longer = [&golden[..], &[1, 2, 3]].concat();
        assert_eq!(Icmpv6Message::parse(&longer), Ok(Icmpv6Message::MulticastListenerQuery(query)));
    }

    #[test]
    fn codes_with_exponents() {
        let v2 = QueryV2 {
            suppress_router_processing: false,
            robustness: 0,
            interval_code: 0,
            sources: AddressList::EMPTY,
        };
        let delay = |maximum_response_code, v2| {
            MulticastListenerQuery { maximum_response_code, group: GROUP, v2 }
                .maximum_response_delay()
                .as_millis()
        };
        for (code, millis) in [
            (0, 0),
            (0x7fff, 32_767),
            (0x8000, 32_768),
            (0x8001, 32_776),
            (0x8fff, 65_528),
            (0x9000, 65_536),
            (0xffff, 8_387_584),
        ] {
            assert_eq!(delay(code, Some(v2)), millis, "{code:x}");
            assert_eq!(delay(code, None), code.into());
        }
        for (interval_code, secs) in [(0, 0), (127, 127), (128, 128), (129, 136), (255, 31_744)] {
            assert_eq!(QueryV2 { interval_code, ..v2 }.interval().as_secs(), secs);
        }
    }

    #[test]
    fn version_1_report_and_done() {
        let mut golden = [0; 24];
        golden[0] = 131;
        golden[8..].copy_from_slice(&GROUP.octets());
        check(&Icmpv6Message::MulticastListenerReport(GROUP), &golden);
        golden[0] = 132;
        check(&Icmpv6Message::MulticastListenerDone(GROUP), &golden);
        for len in 0..24 {
            assert_eq!(Icmpv6Message::parse(&golden[..len]), Err(ParseError::Truncated));
        }
    }

    #[test]
    fn version_2_report() {
        let sources = [Ipv6Addr::LOCALHOST];
        let records = [
            MulticastRecord {
                kind: RecordType::ChangeToExclude,
                group: GROUP,
                sources: AddressList::EMPTY,
            },
            MulticastRecord {
                kind: RecordType::ModeIsInclude,
                group: GROUP,
                sources: AddressList::new(&sources),
            },
        ];
        let golden = [
            143, 0, 0, 0, 0, 0, 0, 2, // two records
            4, 0, 0, 0, 0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0, 0, 1, //
            1, 0, 0, 1, 0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0, 0, 1, //
            0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1,
        ];
        let message = Icmpv6Message::MulticastListenerReportV2(MulticastRecords::new(&records));
        check(&message, &golden);
        assert_eq!(MulticastRecords::REPORT_HEADER_LEN + records[0].len(), 28);
        for len in 0..golden.len() {
            assert_eq!(Icmpv6Message::parse(&golden[..len]), Err(ParseError::Truncated), "{len}");
        }
    }

    #[test]
    fn auxiliary_data_is_skipped() {
        let body = [
            &[0, 0, 0, 2, 9, 1, 0, 0][..],
            &GROUP.octets(),
            &[1, 2, 3, 4, 2, 0, 0, 0],
            &GROUP.octets(),
        ]
        .concat();
        let records = MulticastRecords::parse(&body).unwrap();
        let kinds: Vec<_> = records.iter().map(|record| record.kind).collect();
        assert_eq!(kinds, [RecordType::Unknown(9), RecordType::ModeIsExclude]);
        assert!(!records.is_empty());
        for code in 0..=255 {
            assert_eq!(u8::from(RecordType::from(code)), code);
        }
    }

    proptest! {
        #[test]
        fn any_report(count in 0u16..5, records in proptest::collection::vec(0u8..3, 0..200)) {
            let body = [&[0, 0][..], &count.to_be_bytes(), &records].concat();
            if let Ok(records) = MulticastRecords::parse(&body) {
                prop_assert_eq!(records.iter().count(), usize::from(count));
                prop_assert!(records.body_len() <= body.len());
            }
        }
    }
}
