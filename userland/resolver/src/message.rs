//! Questions as messages, and whether a message answers one (RFC 1035 section 4, RFC 6891 for
//! EDNS).

use alloc::vec::Vec;

use domain::base::iana::{Class, Opcode, OptRcode, Rcode, Rtype};
use domain::base::message_builder::MessageBuilder;
use domain::base::{Message, ToName};

use crate::name::Name;

/// The longest UDP message a server may answer with: what needs no fragments on any IPv6 path.
const PAYLOAD: u16 = 1232;

/// Octets of the header.
const HEADER: usize = 12;

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// About whom.
    pub name: Name,
    /// Records of which type.
    pub kind: Rtype,
}

/// A question as it was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// Its number: a response has the same.
    pub id: u16,
    /// Whether it says that this host knows EDNS.
    pub extended: bool,
    /// The message.
    pub bytes: Vec<u8>,
    /// Where the question section ends.
    end: usize,
}

/// A response to a query of ours.
#[derive(Clone, Debug)]
pub struct Response {
    /// The message.
    pub message: Message<Vec<u8>>,
    /// How it ended, with the bits that EDNS adds.
    pub code: OptRcode,
    /// Not everything fitted.
    pub truncated: bool,
    /// The question has come back letter by letter. If not, the server has its own mind about
    /// letter case, or somebody had to guess.
    pub exact: bool,
}

/// Writes `question` with recursion desired. `letters` decides upper or lower case of each letter
/// (a bit each): a response has to have the same, which makes forging it harder. `extended` adds
/// the OPT record of EDNS.
#[must_use]
pub fn query(question: &Question, id: u16, letters: &[u8], extended: bool) -> Query {
    let mut name = question.name.as_slice().to_vec();
    mix_case(&mut name, letters);
    // The letters have changed, the structure has not.
    let name = Name::from_octets(name).unwrap_or_else(|_| question.name.clone());
    let mut builder = MessageBuilder::new_vec();
    let header = builder.header_mut();
    header.set_id(id);
    header.set_rd(true);
    let mut builder = builder.question();
    // A Vec takes everything, and one question and one record fit into the counts.
    let _ = builder.push((&name, question.kind, Class::IN));
    let end = builder.as_slice().len();
    let mut builder = builder.additional();
    if extended {
        let _ = builder.opt(|opt| {
            opt.set_udp_payload_size(PAYLOAD);
            Ok(())
        });
    }
    Query { id, extended, bytes: builder.finish(), end }
}

/// Octets of randomness that a name's letters take.
#[must_use]
pub fn letter_octets(name: &Name) -> usize {
    name.len().div_ceil(8)
}

fn mix_case(name: &mut [u8], letters: &[u8]) {
    // The octets of lengths are below 64, letters above.
    for (index, byte) in name.iter_mut().enumerate() {
        let bit = letters.get(index / 8).is_some_and(|bits| bits >> (index % 8) & 1 == 1);
        if bit && byte.is_ascii_alphabetic() {
            *byte ^= 0x20;
        }
    }
}

/// The response in `bytes` if it is one to `query`, which asked `question` (RFC 5452 section 9.1).
#[must_use]
pub fn response(query: &Query, question: &Question, bytes: &[u8]) -> Option<Response> {
    let message = Message::from_octets(bytes.to_vec()).ok()?;
    let header = message.header();
    if header.id() != query.id || !header.qr() || header.opcode() != Opcode::QUERY {
        return None;
    }
    // A server that does not know EDNS may say so without the question (RFC 6891 section 7).
    let bare = message.header_counts().qdcount() == 0 && header.rcode() == Rcode::FORMERR;
    if !bare || !query.extended {
        let asked = message.sole_question().ok()?;
        let same = asked.qname().name_eq(&question.name)
            && asked.qtype() == question.kind
            && asked.qclass() == Class::IN;
        if !same {
            return None;
        }
    }
    // All of it is there.
    if message.iter().any(|record| record.is_err()) {
        return None;
    }
    let exact = bare || bytes.get(HEADER..query.end) == query.bytes.get(HEADER..query.end);
    let (code, truncated) = (message.opt_rcode(), header.tc());
    Some(Response { message, code, truncated, exact })
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use domain::base::iana::{OptRcode, Rtype};

    use super::{Query, Question, letter_octets, query, response};
    use crate::name::parse;

    fn question() -> Question {
        Question { name: parse("Host.lab").unwrap(), kind: Rtype::AAAA }
    }

    /// The query itself, marked as a response.
    fn echo(query: &Query) -> Vec<u8> {
        let mut bytes = query.bytes.clone();
        bytes[2] |= 0x80;
        bytes
    }

    #[test]
    fn a_query_octet_by_octet() {
        let question = question();
        assert_eq!(letter_octets(&question.name), 2);
        let plain = query(&question, 0x1234, &[0, 0], false);
        let expected = b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x04Host\x03lab\0\0\x1c\0\x01";
        assert_eq!(plain.bytes, expected);
        // Bits 1, 4, 6 and 7: H, t, l, a.
        let mixed = query(&question, 0x1234, &[0b1101_0010, 0], true);
        let expected = b"\x12\x34\x01\0\0\x01\0\0\0\0\0\x01\x04hosT\x03LAb\0\0\x1c\0\x01\
                         \0\0\x29\x04\xd0\0\0\0\0\0\0";
        assert_eq!(mixed.bytes, expected);
        // Lengths stay lengths.
        let all = query(&question, 0, &[0xff; 2], false);
        assert_eq!(&all.bytes[12..22], b"\x04hOST\x03LAB\0");
    }

    #[test]
    fn only_the_response_counts() {
        let question = question();
        let asked = query(&question, 7, &[0b10, 0], true);
        let good = echo(&asked);
        let found = response(&asked, &question, &good).unwrap();
        assert_eq!((found.code, found.truncated), (OptRcode::NOERROR, false));
        assert!(found.exact);
        let changed = |at: usize, byte: u8| {
            let mut bytes = good.clone();
            bytes[at] = byte;
            response(&asked, &question, &bytes)
        };
        // Number, not a response, another operation, no question, name, type, class.
        for (at, byte) in
            [(1, 8), (2, 1), (2, 0xa8), (5, 0), (5, 2), (14, b'x'), (23, 1), (25, 3), (12, 60)]
        {
            assert!(changed(at, byte).is_none(), "{at}");
        }
        assert!(!changed(13, b'H').unwrap().exact);
        for length in 0..good.len() {
            assert!(response(&asked, &question, &good[..length]).is_none(), "{length}");
        }
    }

    #[test]
    fn a_server_without_edns() {
        let question = question();
        let extended = query(&question, 7, &[], true);
        let bare = b"\0\x07\x80\x01\0\0\0\0\0\0\0\0";
        assert_eq!(response(&extended, &question, bare).unwrap().code, OptRcode::FORMERR);
        let plain = query(&question, 7, &[], false);
        assert!(response(&plain, &question, bare).is_none());
    }
}
