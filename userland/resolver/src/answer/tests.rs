//! Responses as servers write them, and as they should not.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;

use domain::base::iana::{Class, OptRcode, Rcode, Rtype};
use domain::base::{Message, MessageBuilder, Serial, Ttl};
use domain::rdata::{A, Aaaa, Cname, Soa};

use super::{Answer, MOST_ALIASES, Outcome};
use crate::message::Question;
use crate::name::{self, parse};
use crate::record::Data;

const fn seconds(number: u64) -> Duration {
    Duration::from_secs(number)
}

fn question(kind: Rtype) -> Question {
    Question { name: parse("www.lab").unwrap(), kind }
}

/// Records of the answer section: `owner CNAME target` or `owner AAAA address`, all with a TTL,
/// and the minimum of an SOA record in the authority section.
fn message(records: &[(&str, u32, &str, &str)], nothing: Option<u32>) -> Message<Vec<u8>> {
    let mut builder = MessageBuilder::new_vec().question();
    builder.header_mut().set_qr(true);
    builder.header_mut().set_aa(true);
    builder.push((parse("www.lab").unwrap(), Rtype::AAAA, Class::IN)).unwrap();
    let mut builder = builder.answer();
    for (owner, ttl, kind, data) in records {
        let (owner, ttl) = (parse(owner).unwrap(), Ttl::from_secs(*ttl));
        match *kind {
            "CNAME" => {
                let data = Cname::new(parse(data).unwrap());
                builder.push((owner, Class::IN, ttl, data)).unwrap();
            }
            "A" => {
                let data: A = data.parse().unwrap();
                builder.push((owner, Class::IN, ttl, data)).unwrap();
            }
            "CHAOS" => {
                let data = Aaaa::new(data.parse().unwrap());
                builder.push((owner, Class::CH, ttl, data)).unwrap();
            }
            _ => {
                let data = Aaaa::new(data.parse().unwrap());
                builder.push((owner, Class::IN, ttl, data)).unwrap();
            }
        }
    }
    let mut builder = builder.authority();
    if let Some(minimum) = nothing {
        let (zone, second) = (parse("lab").unwrap(), Ttl::from_secs(1));
        let minimum = Ttl::from_secs(minimum);
        let soa =
            Soa::new(zone.clone(), zone.clone(), Serial::from(1), second, second, second, minimum);
        builder.push((zone, Class::IN, Ttl::from_secs(900), soa)).unwrap();
    }
    builder.into_message()
}

fn read(records: &[(&str, u32, &str, &str)], nothing: Option<u32>) -> Answer {
    let message = message(records, nothing);
    Answer::read(&message, OptRcode::NOERROR, &question(Rtype::AAAA)).unwrap()
}

fn addresses(answer: &Answer) -> Vec<String> {
    let address = |data: &Data| match data {
        Data::Aaaa(address) => Some(address.to_string()),
        _ => None,
    };
    answer.records().iter().filter_map(|record| address(&record.data)).collect()
}

/// Rows: DNS-2
#[test]
fn addresses_of_the_name() {
    let answer = read(
        &[
            ("www.lab", 300, "AAAA", "2001:db8::1"),
            ("WWW.LAB", 60, "AAAA", "2001:db8::2"),
            // Nobody asked for these.
            ("www.lab", 10, "A", "192.0.2.1"),
            ("other.lab", 10, "AAAA", "2001:db8::bad"),
            ("www.lab", 10, "CHAOS", "2001:db8::bad"),
        ],
        None,
    );
    assert_eq!(addresses(&answer), ["2001:db8::1", "2001:db8::2"]);
    assert_eq!(name::text(&answer.records()[1].owner), "www.lab");
    assert_eq!(answer.lifetime, seconds(60));
    assert!(answer.authoritative && answer.aliases.is_empty());
}

#[test]
fn aliases_are_followed() {
    // In whatever order they stand.
    let answer = read(
        &[
            ("c.lab", 300, "AAAA", "2001:db8::3"),
            ("b.lab", 40, "CNAME", "c.lab"),
            ("www.lab", 50, "CNAME", "b.lab"),
        ],
        None,
    );
    assert_eq!(addresses(&answer), ["2001:db8::3"]);
    assert_eq!(name::text(answer.canonical(&question(Rtype::AAAA).name)), "c.lab");
    assert_eq!((answer.aliases.len(), answer.lifetime), (2, seconds(40)));
}

#[test]
fn an_alias_without_an_end() {
    let answer = read(&[("www.lab", 50, "CNAME", "far.example")], None);
    assert_eq!(answer.outcome, Outcome::Alias(parse("far.example").unwrap()));
    // With an SOA record the end is said to have no address.
    let answer = read(&[("www.lab", 50, "CNAME", "far.lab")], Some(600));
    assert_eq!((answer.outcome, answer.lifetime), (Outcome::NoData, seconds(50)));
}

#[test]
fn loops_end() {
    let loops = [("www.lab", 50, "CNAME", "b.lab"), ("b.lab", 50, "CNAME", "www.lab")];
    assert_eq!(read(&loops, None).outcome, Outcome::Alias(parse("www.lab").unwrap()));
    assert_eq!(read(&[("www.lab", 50, "CNAME", "www.lab")], None).aliases.len(), 1);
    let names: Vec<String> = (0..40).map(|n| alloc::format!("n{n}.lab")).collect();
    let mut chain: Vec<(&str, u32, &str, &str)> =
        (names.windows(2)).map(|pair| (pair[0].as_str(), 9, "CNAME", pair[1].as_str())).collect();
    chain.push(("www.lab", 9, "CNAME", "n0.lab"));
    assert_eq!(read(&chain, None).aliases.len(), MOST_ALIASES);
}

#[test]
fn nothing_is_an_answer_too() {
    let answer = read(&[], Some(600));
    assert_eq!((answer.outcome, answer.lifetime), (Outcome::NoData, seconds(600)));
    // The record's own TTL limits it, too, and so does this host.
    assert_eq!(read(&[], Some(100_000)).lifetime, seconds(900));
    assert_eq!(read(&[], None).lifetime, Duration::ZERO);
    let message = message(&[], Some(30));
    let answer = Answer::read(&message, OptRcode::NXDOMAIN, &question(Rtype::AAAA)).unwrap();
    assert_eq!((answer.outcome, answer.lifetime), (Outcome::NoName, seconds(30)));
}

#[test]
fn nothing_is_remembered_for_ever() {
    let ever = read(&[("www.lab", 0x7fff_ffff, "AAAA", "::1")], None);
    assert_eq!(ever.lifetime, seconds(86400));
    // RFC 2181 section 8.
    assert_eq!(read(&[("www.lab", 1 << 31, "AAAA", "::1")], None).lifetime, Duration::ZERO);
}

#[test]
fn an_alias_itself() {
    let message = message(&[("www.lab", 50, "CNAME", "b.lab")], None);
    let answer = Answer::read(&message, OptRcode::NOERROR, &question(Rtype::CNAME)).unwrap();
    assert_eq!(answer.records().len(), 1);
    let any = Answer::read(&message, OptRcode::NOERROR, &question(Rtype::ANY)).unwrap();
    assert_eq!(any.records().len(), 1);
}

#[test]
fn broken_messages_are_errors_and_nothing_else() {
    let whole = message(
        &[("www.lab", 50, "CNAME", "b.lab"), ("b.lab", 50, "AAAA", "2001:db8::1")],
        Some(600),
    );
    let bytes = whole.as_slice();
    let mut seen = [0; 2];
    for length in 12..bytes.len() {
        let message = Message::from_octets(bytes[..length].to_vec()).unwrap();
        assert!(Answer::read(&message, OptRcode::NOERROR, &question(Rtype::AAAA)).is_err());
    }
    // Every octet changed in several ways: no panic, no endless loop.
    for at in 12..bytes.len() {
        for byte in [0, 1, 0x3f, 0x40, 0xc0, 0xff, bytes[at] ^ 1] {
            let mut bytes = bytes.to_vec();
            bytes[at] = byte;
            let message = Message::from_octets(bytes).unwrap();
            let outcome = Answer::read(&message, OptRcode::NOERROR, &question(Rtype::AAAA));
            seen[usize::from(outcome.is_ok())] += 1;
        }
    }
    assert!(seen[0] > 50 && seen[1] > 50, "{seen:?}");
    assert_eq!(Rcode::NOERROR, whole.header().rcode());
}
