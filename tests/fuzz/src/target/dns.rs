//! The resolver: a message in answer to a question, from a name server or from the link.

use super::Verdict;
use resolver::answer::{Answer, MOST_ALIASES, Outcome};
use resolver::interfaces::Link;
use resolver::message::{Question, query, response};
use resolver::multicast::{Multicast, PORT, Step};
use resolver::{Rtype, name};
use std::net::{Ipv6Addr, SocketAddrV6};
use std::time::Duration;

/// The number of the question; a response's first two octets are made it.
const ID: u16 = 0x1234;
/// Nothing is remembered longer than a day.
const LONGEST: Duration = Duration::from_hours(24);

fn question() -> Question {
    let name = name::parse("www.host.local").expect("it is a name");
    Question { name, kind: Rtype::AAAA }
}

/// A record of the name at this place of the message.
fn record(name_at: u8, kind: u16, lifetime: u32, data: &[u8]) -> Vec<u8> {
    let mut record = vec![0xc0, name_at];
    record.extend(kind.to_be_bytes());
    record.extend([0, 1]);
    record.extend(lifetime.to_be_bytes());
    record.extend((data.len() as u16).to_be_bytes());
    record.extend(data);
    record
}

/// A response with these flags and records of the sections.
fn message(flags: u16, sections: [&[Vec<u8>]; 3]) -> Vec<u8> {
    let asked = query(&question(), ID, &[], false).bytes;
    let mut message = ID.to_be_bytes().to_vec();
    message.extend(flags.to_be_bytes());
    message.extend([0, 1]);
    message.extend(sections.iter().flat_map(|section| (section.len() as u16).to_be_bytes()));
    message.extend(&asked[12..]);
    message.extend(sections.concat().concat());
    message
}

pub(super) fn corpus() -> Vec<Vec<u8>> {
    let address = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1).octets();
    // The question's name begins at 12: www at 12, host at 16, local at 21.
    let [www, host] = [12, 16];
    let aaaa = record(www, 28, 300, &address);
    let alias = record(www, 5, 300, &[0xc0, host]);
    let behind = record(host, 28, 60, &address);
    let soa = [&[0xc0, host, 0xc0, host][..], &[0, 0, 0, 60].repeat(5)].concat();
    let soa = record(host, 6, 3600, &soa);
    // AAAA does not exist, A does.
    let nsec = record(www, 47, 120, &[0xc0, www, 0, 1, 0x40]);
    let opt = vec![0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0];
    vec![
        message(0x8180, [std::slice::from_ref(&aaaa), &[], std::slice::from_ref(&opt)]),
        message(0x8580, [&[alias.clone(), behind], &[], &[]]),
        message(0x8180, [&[alias], &[], &[]]),
        message(0x8180, [&[], std::slice::from_ref(&soa), &[]]),
        message(0x8183, [&[], &[soa], &[opt]]),
        message(0x8400, [&[], &[], &[nsec]]),
        message(0x8400, [&[aaaa.clone(), aaaa], &[], &[]]),
    ]
}

/// An answer follows a bounded number of aliases, and is not remembered for ever.
fn check(answer: &Answer) {
    assert!(answer.aliases.len() <= MOST_ALIASES, "{answer:?}");
    assert!(answer.lifetime <= LONGEST, "{answer:?}");
    if let Outcome::Records(records) = &answer.outcome {
        assert!(!records.is_empty(), "records without one");
        assert!(records.iter().all(|record| record.data.kind() == Rtype::AAAA), "{answer:?}");
    }
}

/// What a server or a host of the link says is read or refused, with the letters of the question
/// mixed or not.
pub(super) fn run(octets: &[u8]) -> Verdict {
    let question = question();
    let mut octets = octets.to_vec();
    if let Some(id) = octets.first_chunk_mut() {
        *id = ID.to_be_bytes();
    }
    let mut taken = false;
    for (letters, extended) in [(&[][..], false), (&[0xff; 8], true)] {
        let query = query(&question, ID, letters, extended);
        if let Some(response) = response(&query, &question, &octets)
            && let Ok(answer) = Answer::read(&response.message, response.code, &question)
        {
            check(&answer);
            taken = true;
        }
    }
    let mut multicast = Multicast::new(question, ID);
    let now = Duration::from_secs(1);
    let _sent = multicast.step(now);
    let from = SocketAddrV6::new(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1), PORT, 0, 2);
    let link = Link { index: 2, addresses: Vec::new() };
    multicast.received(&link, from, &octets);
    if let Step::Done(answer) = multicast.step(now) {
        check(&answer);
        taken = true;
    }
    Verdict::taken_if(taken)
}
