//! Resource records, as far as this host has a use for them.

use alloc::vec::Vec;
use core::net::{Ipv4Addr, Ipv6Addr};

use domain::base::iana::{Class, Rtype};
use domain::base::name::{ParsedName, ToName};
use domain::base::rdata::ParseRecordData;
use domain::base::wire::ParseError;
use domain::base::{ParsedRecord, UnknownRecordData};
use domain::dep::octseq::Octets;
use domain::rdata::{A, Aaaa, Cname, Mx, Ns, Nsec, Ptr, Soa, Srv, Txt};

use crate::name::Name;

/// A resource record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Whom it is about.
    pub owner: Name,
    /// How long it may be remembered, seconds.
    pub ttl: u32,
    /// What it says.
    pub data: Data,
}

/// What a record says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Data {
    /// An IPv4 address (RFC 1035 section 3.4.1): shown, never used.
    A(Ipv4Addr),
    /// An address (RFC 3596 section 2.1).
    Aaaa(Ipv6Addr),
    /// The owner is an alias of that name (RFC 1035 section 3.3.1).
    Cname(Name),
    /// The name of an address (section 3.3.12).
    Ptr(Name),
    /// A name server of the zone (section 3.3.11).
    Ns(Name),
    /// A host that takes mail (section 3.3.9).
    Mx {
        /// Lower ones are preferred.
        preference: u16,
        /// The host.
        exchange: Name,
    },
    /// Texts (section 3.3.14).
    Txt(Vec<Vec<u8>>),
    /// The zone (section 3.3.13).
    Soa(Zone),
    /// A service (RFC 2782).
    Srv {
        /// Lower ones are tried first.
        priority: u16,
        /// Among equals, how often it is chosen.
        weight: u16,
        /// The port.
        port: u16,
        /// The host.
        target: Name,
    },
    /// Which types the owner has (RFC 4034 section 4; RFC 6762 section 6.1).
    Nsec(Vec<Rtype>),
    /// Anything else.
    Other(Rtype, Vec<u8>),
}

/// The data of an SOA record (RFC 1035 section 3.3.13).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone {
    /// The primary server.
    pub primary: Name,
    /// The mailbox of whoever is responsible.
    pub mailbox: Name,
    /// The version.
    pub serial: u32,
    /// Seconds between looks of the secondary servers.
    pub refresh: u32,
    /// Seconds before they try again.
    pub retry: u32,
    /// Seconds after which they give up.
    pub expire: u32,
    /// How long it may be remembered that something does not exist, seconds (RFC 2308 section 4).
    pub minimum: u32,
}

/// A record as data of type `D`, when it is that.
fn of_type<'a, D>(record: &ParsedRecord<'a, [u8]>) -> Result<Option<D>, ParseError>
where
    D: ParseRecordData<'a, [u8]>,
{
    Ok(record.to_record::<D>()?.map(domain::base::Record::into_data))
}

type Parsed<'a> = ParsedName<<[u8] as Octets>::Range<'a>>;

impl Data {
    /// Reads the data of a record of class IN.
    pub fn parse(record: &ParsedRecord<'_, [u8]>) -> Result<Self, ParseError> {
        let found = match record.rtype() {
            Rtype::A => of_type::<A>(record)?.map(|data| Self::A(data.addr())),
            Rtype::AAAA => of_type::<Aaaa>(record)?.map(|data| Self::Aaaa(data.addr())),
            Rtype::CNAME => of_type::<Cname<Parsed<'_>>>(record)?
                .map(|data| Self::Cname(data.into_cname().to_vec())),
            Rtype::PTR => of_type::<Ptr<Parsed<'_>>>(record)?
                .map(|data| Self::Ptr(data.into_ptrdname().to_vec())),
            Rtype::NS => of_type::<Ns<Parsed<'_>>>(record)?
                .map(|data| Self::Ns(data.into_nsdname().to_vec())),
            Rtype::MX => of_type::<Mx<Parsed<'_>>>(record)?.map(|data| Self::Mx {
                preference: data.preference(),
                exchange: data.exchange().to_vec(),
            }),
            Rtype::TXT => of_type::<Txt<&[u8]>>(record)?
                .map(|data| Self::Txt(data.iter().map(<[u8]>::to_vec).collect())),
            Rtype::SOA => of_type::<Soa<Parsed<'_>>>(record)?.map(|data| {
                Self::Soa(Zone {
                    primary: data.mname().to_vec(),
                    mailbox: data.rname().to_vec(),
                    serial: data.serial().into_int(),
                    refresh: data.refresh().as_secs(),
                    retry: data.retry().as_secs(),
                    expire: data.expire().as_secs(),
                    minimum: data.minimum().as_secs(),
                })
            }),
            Rtype::SRV => of_type::<Srv<Parsed<'_>>>(record)?.map(|data| Self::Srv {
                priority: data.priority(),
                weight: data.weight(),
                port: data.port(),
                target: data.target().to_vec(),
            }),
            Rtype::NSEC => of_type::<Nsec<&[u8], Parsed<'_>>>(record)?
                .map(|data| Self::Nsec(data.types().iter().collect())),
            _ => None,
        };
        if let Some(found) = found {
            return Ok(found);
        }
        let bytes = of_type::<UnknownRecordData<&[u8]>>(record)?;
        Ok(Self::Other(record.rtype(), bytes.map(|data| data.data().to_vec()).unwrap_or_default()))
    }

    /// The type of a record with this data.
    #[must_use]
    pub const fn kind(&self) -> Rtype {
        match self {
            Self::A(_) => Rtype::A,
            Self::Aaaa(_) => Rtype::AAAA,
            Self::Cname(_) => Rtype::CNAME,
            Self::Ptr(_) => Rtype::PTR,
            Self::Ns(_) => Rtype::NS,
            Self::Mx { .. } => Rtype::MX,
            Self::Txt(_) => Rtype::TXT,
            Self::Soa(_) => Rtype::SOA,
            Self::Srv { .. } => Rtype::SRV,
            Self::Nsec(_) => Rtype::NSEC,
            Self::Other(kind, _) => *kind,
        }
    }
}

impl Record {
    /// Reads a record; `None` when it is not of class IN. The top bit of the class, which only
    /// multicast uses (RFC 6762 section 10.2), is not looked at.
    pub fn parse(record: &ParsedRecord<'_, [u8]>) -> Result<Option<Self>, ParseError> {
        if record.class().to_int() & 0x7fff != Class::IN.to_int() {
            return Ok(None);
        }
        // RFC 2181 section 8: a TTL with the top bit set is 0.
        let ttl = record.ttl().as_secs();
        let ttl = if ttl >> 31 == 0 { ttl } else { 0 };
        Ok(Some(Self { owner: record.owner().to_vec(), ttl, data: Data::parse(record)? }))
    }
}
