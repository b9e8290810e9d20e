//! A link with a host that answers, none that does, and one that should not.

use alloc::vec::Vec;
use core::net::SocketAddrV6;
use core::time::Duration;

use domain::base::iana::{Class, Rcode, Rtype};
use domain::base::{Message, MessageBuilder, ToName, Ttl};
use domain::rdata::dnssec::RtypeBitmap;
use domain::rdata::{Aaaa, Nsec};

use super::{Multicast, PORT, Step};
use crate::Instant;
use crate::answer::Outcome;
use crate::interfaces::{Link, links};
use crate::message::Question;
use crate::name::parse;

const START: Instant = Duration::from_secs(50);

fn multicast() -> Multicast {
    let question = Question { name: parse("mona.local").unwrap(), kind: Rtype::AAAA };
    Multicast::new(question, 0x4321)
}

fn neighbor() -> SocketAddrV6 {
    SocketAddrV6::new("fe80::2".parse().unwrap(), PORT, 0, 3)
}

/// A link on which this host has `fe80::1` and `2001:db8::1`.
fn link() -> Link {
    let text = "fe800000000000000000000000000001 03 40 20 80 usb0\n\
                20010db8000000000000000000000001 03 40 00 00 usb0\n";
    links(text).remove(0)
}

/// The first question.
fn sent(multicast: &mut Multicast) -> Vec<u8> {
    let Step::Send(message) = multicast.step(START) else { panic!("no question") };
    message.to_vec()
}

/// The answer as a responder gives it to an ordinary resolver (section 6.7), or one of type NSEC.
fn reply(query: &[u8], address: Option<&str>) -> Vec<u8> {
    let query = Message::from_octets(query).unwrap();
    let mut answer = MessageBuilder::new_vec().start_answer(&query, Rcode::NOERROR).unwrap();
    let name = query.sole_question().unwrap().qname().to_vec();
    if let Some(address) = address {
        let data = Aaaa::new(address.parse().unwrap());
        answer.push((name, Class::IN, Ttl::from_secs(10), data)).unwrap();
    } else {
        let mut kinds = RtypeBitmap::<Vec<u8>>::builder();
        kinds.add(Rtype::A).unwrap();
        let data = Nsec::new(name.clone(), kinds.finalize());
        answer.push((name, Class::IN, Ttl::from_secs(10), data)).unwrap();
    }
    answer.finish()
}

#[test]
fn the_question_goes_out_three_times() {
    let mut multicast = multicast();
    let question = sent(&mut multicast);
    let expected = b"\x43\x21\0\0\0\x01\0\0\0\0\0\0\x04mona\x05local\0\0\x1c\0\x01";
    assert_eq!(question, expected);
    for (wait, sends) in [(1, true), (3, true), (4, false)] {
        let until = START + Duration::from_secs(wait);
        let Step::Wait(time) = multicast.step(START) else { panic!("no wait") };
        assert_eq!(time, until);
        assert_eq!(matches!(multicast.step(until), Step::Send(_)), sends);
    }
    let Step::Done(answer) = multicast.step(START + Duration::from_secs(4)) else {
        panic!("no end");
    };
    assert_eq!((answer.outcome, answer.link), (Outcome::NoName, 0));
}

#[test]
fn an_answer_ends_it() {
    let mut multicast = multicast();
    let question = sent(&mut multicast);
    multicast.received(&link(), neighbor(), &reply(&question, Some("fe80::2")));
    let Step::Done(answer) = multicast.step(START) else { panic!("not taken") };
    assert_eq!((answer.records().len(), answer.link), (1, 3));
    // Some hosts answer from an address that is good beyond the link.
    let mut multicast = self::multicast();
    let question = sent(&mut multicast);
    let mut global = neighbor();
    global.set_ip("2001:db8::2".parse().unwrap());
    multicast.received(&link(), global, &reply(&question, Some("2001:db8::2")));
    assert!(matches!(multicast.step(START), Step::Done(_)));
}

#[test]
fn a_host_may_say_that_there_is_no_address() {
    let mut multicast = multicast();
    let question = sent(&mut multicast);
    multicast.received(&link(), neighbor(), &reply(&question, None));
    let Step::Done(answer) = multicast.step(START) else { panic!("not taken") };
    assert_eq!(answer.outcome, Outcome::NoData);
}

#[test]
fn others_do_not_count() {
    let mut multicast = multicast();
    let question = sent(&mut multicast);
    let good = reply(&question, Some("fe80::2"));
    let mut far = neighbor();
    far.set_ip("2001:db8:ffff::2".parse().unwrap());
    multicast.received(&link(), far, &good);
    let mut other_port = neighbor();
    other_port.set_port(53);
    multicast.received(&link(), other_port, &good);
    let mut other_number = good.clone();
    other_number[0] ^= 1;
    multicast.received(&link(), neighbor(), &other_number);
    let mut refusal = good.clone();
    refusal[3] |= 3;
    multicast.received(&link(), neighbor(), &refusal);
    for length in 0..good.len() {
        multicast.received(&link(), neighbor(), &good[..length]);
    }
    // A question is no answer, and one without records says nothing.
    multicast.received(&link(), neighbor(), &question);
    let mut empty = question.clone();
    empty[2] |= 0x84;
    multicast.received(&link(), neighbor(), &empty);
    assert!(matches!(multicast.step(START), Step::Wait(_)));
}
