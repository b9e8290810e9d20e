//! Multicast DNS messages: what there is to read in one, and those this host sends (RFC 6762
//! section 18).

use alloc::vec::Vec;
use core::net::Ipv6Addr;

use resolver::answer::collect;
use resolver::domain::base::iana::{Class, Opcode, Rcode};
use resolver::domain::base::message_builder::{MessageBuilder, PushError, TreeCompressor};
use resolver::domain::base::name::ToName;
use resolver::domain::base::{Message, Ttl};
use resolver::domain::rdata::dnssec::RtypeBitmap;
use resolver::domain::rdata::{Aaaa, Nsec, Ptr};
use resolver::record::Record;
use resolver::{Name, Rtype, name};

/// The top bit of the class: a unicast answer will do, in a question (section 5.4); forget what else
/// was said of the name, in an answer (section 10.2).
const TOP_BIT: u16 = 0x8000;

/// Seconds for which records that name a host are good (section 10).
pub const HOST_TTL: u32 = 120;
/// Seconds for which they are good for those who don't listen to changes (section 6.7).
pub const LEGACY_TTL: u32 = 10;

/// A question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// About whom.
    pub name: Name,
    /// Records of which type.
    pub kind: Rtype,
    /// An answer may come by unicast.
    pub unicast: bool,
}

/// A message that was received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// Its number.
    pub id: u16,
    /// It is a response.
    pub response: bool,
    /// Of a question: more known answers follow.
    pub more_follows: bool,
    /// What is asked.
    pub questions: Vec<Question>,
    /// Answers: of a question those that are known already.
    pub answers: Vec<Record>,
    /// Of a question: what who asks wants to be (section 8.2).
    pub authority: Vec<Record>,
    /// What was added.
    pub additional: Vec<Record>,
}

impl Received {
    /// Reads a message; `None` when it is none, or not one of multicast DNS (sections 18.3 and
    /// 18.11).
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let message = Message::from_slice(bytes).ok()?;
        let header = message.header();
        if header.opcode() != Opcode::QUERY || header.rcode() != Rcode::NOERROR {
            return None;
        }
        let mut questions = Vec::new();
        for question in message.question() {
            let question = question.ok()?;
            let class = question.qclass().to_int();
            let any = [Class::IN, Class::ANY].iter().any(|this| this.to_int() == class & !TOP_BIT);
            if any {
                questions.push(Question {
                    name: question.qname().to_vec(),
                    kind: question.qtype(),
                    unicast: class & TOP_BIT != 0,
                });
            }
        }
        Some(Self {
            id: header.id(),
            response: header.qr(),
            more_follows: header.tc(),
            questions,
            answers: collect(message.answer().ok()?).ok()?,
            authority: collect(message.authority().ok()?).ok()?,
            additional: collect(message.additional().ok()?).ok()?,
        })
    }
}

/// A record of this host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Own {
    /// The name has this address.
    Address(Ipv6Addr),
    /// The address has the name.
    Name(Ipv6Addr),
    /// The name has addresses and nothing else (section 6.1).
    OnlyAddresses,
    /// What the name of this address says of it, and nothing else.
    OnlyName(Ipv6Addr),
}

/// To whom a message goes, and what that changes in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Those who speak multicast DNS.
    Responders,
    /// An ordinary resolver, whose question is repeated with its number (section 6.7).
    Legacy {
        /// The number of the question.
        id: u16,
        /// The questions.
        questions: Vec<Question>,
    },
}

type Builder = MessageBuilder<TreeCompressor<Vec<u8>>>;

fn builder(id: u16, response: bool) -> Option<Builder> {
    let mut builder = MessageBuilder::from_target(TreeCompressor::new(Vec::new())).ok()?;
    let header = builder.header_mut();
    header.set_id(id);
    header.set_qr(response);
    header.set_aa(response);
    Some(builder)
}

/// The question whether anybody is called `host`, with what this host wants to be (section 8.1).
#[must_use]
pub fn probe(host: &Name, addresses: &[Ipv6Addr]) -> Option<Vec<u8>> {
    let mut builder = builder(0, false)?.question();
    let class = Class::from_int(Class::IN.to_int() | TOP_BIT);
    builder.push((host, Rtype::ANY, class)).ok()?;
    let mut builder = builder.authority();
    for address in addresses {
        let ttl = Ttl::from_secs(HOST_TTL);
        builder.push((host, Class::IN, ttl, Aaaa::new(*address))).ok()?;
    }
    Some(builder.finish().into_target())
}

/// A response with `answers`, and `additional` ones that nobody asked for, about the host called
/// `host`. With a `ttl` of 0 they are taken back (section 10.1).
#[must_use]
pub fn response(
    host: &Name,
    answers: &[Own],
    additional: &[Own],
    ttl: u32,
    audience: &Audience,
) -> Option<Vec<u8>> {
    let (id, questions, flush, most) = match audience {
        Audience::Responders => (0, &[][..], TOP_BIT, HOST_TTL),
        Audience::Legacy { id, questions } => (*id, questions.as_slice(), 0, LEGACY_TTL),
    };
    let class = Class::from_int(Class::IN.to_int() | flush);
    let ttl = Ttl::from_secs(ttl.min(most));
    let mut builder = builder(id, true)?.question();
    for question in questions {
        builder.push((&question.name, question.kind, Class::IN)).ok()?;
    }
    let mut builder = builder.answer();
    for own in answers {
        push(host, *own, class, ttl, |record| builder.push(record)).ok()?;
    }
    let mut builder = builder.additional();
    for own in additional {
        push(host, *own, class, ttl, |record| builder.push(record)).ok()?;
    }
    Some(builder.finish().into_target())
}

/// A record of ours, put together.
enum Composed<'a> {
    Address(&'a Name, Class, Ttl, Aaaa),
    Name(Name, Class, Ttl, Ptr<&'a Name>),
    Only(Name, Class, Ttl, Nsec<Vec<u8>, Name>),
}

impl resolver::domain::base::record::ComposeRecord for Composed<'_> {
    fn compose_record<Target: resolver::domain::base::wire::Composer + ?Sized>(
        &self,
        target: &mut Target,
    ) -> Result<(), Target::AppendError> {
        match self {
            Self::Address(owner, class, ttl, data) => {
                (owner, *class, *ttl, data).compose_record(target)
            }
            Self::Name(owner, class, ttl, data) => {
                (owner, *class, *ttl, data).compose_record(target)
            }
            Self::Only(owner, class, ttl, data) => {
                (owner, *class, *ttl, data).compose_record(target)
            }
        }
    }
}

fn push<'a>(
    host: &'a Name,
    own: Own,
    class: Class,
    ttl: Ttl,
    into: impl FnOnce(Composed<'a>) -> Result<(), PushError>,
) -> Result<(), PushError> {
    let only = |owner: Name, kind: Rtype| {
        let mut kinds = RtypeBitmap::<Vec<u8>>::builder();
        // A Vec takes everything.
        let _ = kinds.add(kind);
        Composed::Only(owner.clone(), class, ttl, Nsec::new(owner, kinds.finalize()))
    };
    into(match own {
        Own::Address(address) => Composed::Address(host, class, ttl, Aaaa::new(address)),
        Own::Name(address) => Composed::Name(name::reverse(address), class, ttl, Ptr::new(host)),
        Own::OnlyAddresses => only(host.clone(), Rtype::AAAA),
        Own::OnlyName(address) => only(name::reverse(address), Rtype::PTR),
    })
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use resolver::name::parse;
    use resolver::record::Data;
    use resolver::{Rtype, name};

    use super::{Audience, HOST_TTL, Own, Question, Received, probe, response};

    #[test]
    fn a_probe_octet_by_octet() {
        let host = parse("mona.local").unwrap();
        let bytes = probe(&host, &["fe80::1".parse().unwrap()]).unwrap();
        let expected = b"\0\0\0\0\0\x01\0\0\0\x01\0\0\x04mona\x05local\0\0\xff\x80\x01\
                         \xc0\x0c\0\x1c\0\x01\0\0\0\x78\0\x10\
                         \xfe\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\x01";
        assert_eq!(bytes, expected);
        let read = Received::parse(&bytes).unwrap();
        assert!(!read.response && read.questions[0].unicast);
        assert_eq!((read.questions[0].kind, read.authority.len()), (Rtype::ANY, 1));
    }

    #[test]
    fn a_response() {
        let host = parse("mona.local").unwrap();
        let address = "fe80::1".parse().unwrap();
        let answers = [Own::Address(address), Own::Name(address)];
        let additional = [Own::OnlyAddresses];
        let bytes =
            response(&host, &answers, &additional, HOST_TTL, &Audience::Responders).unwrap();
        // Response and authoritative; classes with the top bit.
        assert_eq!(bytes[..12], *b"\0\0\x84\0\0\0\0\x02\0\0\0\x01");
        assert_eq!(bytes[24..28], *b"\0\x1c\x80\x01");
        let read = Received::parse(&bytes).unwrap();
        assert!(read.response);
        assert_eq!(read.answers[0].data, Data::Aaaa(address));
        assert_eq!(read.answers[1].owner, name::reverse(address));
        assert_eq!(read.answers[1].data, Data::Ptr(host.clone()));
        assert_eq!(read.additional[0].data, Data::Nsec(vec![Rtype::AAAA]));
        assert_eq!(read.answers[0].ttl, 120);
    }

    #[test]
    fn a_response_to_an_ordinary_resolver() {
        let host = parse("mona.local").unwrap();
        let question = Question { name: host.clone(), kind: Rtype::AAAA, unicast: false };
        let audience = Audience::Legacy { id: 0x1234, questions: vec![question] };
        let answers = [Own::Address("fe80::1".parse().unwrap())];
        let bytes = response(&host, &answers, &[], HOST_TTL, &audience).unwrap();
        let expected = b"\x12\x34\x84\0\0\x01\0\x01\0\0\0\0\x04mona\x05local\0\0\x1c\0\x01\
                         \xc0\x0c\0\x1c\0\x01\0\0\0\x0a\0\x10\
                         \xfe\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\x01";
        assert_eq!(bytes, expected);
    }

    #[test]
    fn what_is_no_message() {
        let host = parse("mona.local").unwrap();
        let good = probe(&host, &["fe80::1".parse().unwrap()]).unwrap();
        for length in 0..good.len() {
            assert_eq!(Received::parse(&good[..length]), None, "{length}");
        }
        for (at, byte) in [(2, 0x28), (3, 3)] {
            let mut other = good.clone();
            other[at] = byte;
            assert_eq!(Received::parse(&other), None, "another operation, or an error");
        }
        let mut chaos = good.clone();
        chaos[27] = 3;
        assert!(Received::parse(&chaos).unwrap().questions.is_empty());
    }
}
