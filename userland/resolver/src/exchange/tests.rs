//! Servers that answer, are silent, refuse, lie and are of another age, in virtual time.

use alloc::string::ToString;
use alloc::vec::Vec;
use core::time::Duration;

use domain::base::iana::{Class, OptRcode, Rcode, Rtype};
use domain::base::{Message, MessageBuilder, Name as AnyName, ToName, Ttl};
use domain::rdata::Aaaa;
use rustix::io::Errno;

use super::{Exchange, Failure, Step, Transport};
use crate::Instant;
use crate::configuration::Configuration;
use crate::message::{Question, Response};
use crate::name::parse;

/// What a server does with a question.
type Behavior = fn(transport: Transport, query: &[u8]) -> Does;

enum Does {
    /// Answers after that long.
    Answer(Duration, Vec<u8>),
    Nothing,
    /// The host says that nobody listens there.
    Unreachable,
}

/// One question as it went out: when, to whom, over what.
type Asked = (u64, usize, Transport);

const SOON: Duration = Duration::from_millis(10);

fn at_once(bytes: Vec<u8>) -> Does {
    Does::Answer(SOON, bytes)
}

/// A response with the header bits of `code` and one address.
fn reply(query: &[u8], code: Rcode, address: Option<&str>) -> Vec<u8> {
    let query = Message::from_octets(query).unwrap();
    let mut answer = MessageBuilder::new_vec().start_answer(&query, code).unwrap();
    answer.header_mut().set_ra(true);
    if let Some(address) = address {
        let name = query.sole_question().unwrap().qname().to_vec();
        let data = Aaaa::new(address.parse().unwrap());
        answer.push((name, Class::IN, Ttl::from_secs(60), data)).unwrap();
    }
    answer.finish()
}

fn good(query: &[u8]) -> Vec<u8> {
    reply(query, Rcode::NOERROR, Some("2001:db8::1"))
}

struct Lab {
    exchange: Exchange,
    behaviors: Vec<Behavior>,
    now: Instant,
    asked: Vec<Asked>,
    /// Responses under way: when, from whom, over what.
    coming: Vec<(Instant, usize, Transport, Vec<u8>)>,
    ids: Vec<u16>,
    state: u64,
}

impl Lab {
    fn new(behaviors: &[Behavior], options: &str) -> Self {
        let servers: Vec<_> =
            (0..behaviors.len()).map(|n| alloc::format!("nameserver 2001:db8::{n}")).collect();
        let lines = servers.join("\n") + "\noptions " + options;
        let configuration = Configuration::parse(&lines, |_| None);
        let question = Question { name: parse("host.lab").unwrap(), kind: Rtype::AAAA };
        Self {
            exchange: Exchange::new(question, &configuration, 0),
            behaviors: behaviors.to_vec(),
            now: Duration::from_secs(1000),
            asked: Vec::new(),
            coming: Vec::new(),
            ids: Vec::new(),
            state: 1,
        }
    }

    fn run(&mut self) -> Result<Response, Failure> {
        let begun = self.now;
        for _ in 0..1000 {
            let state = &mut self.state;
            let mut random = |bytes: &mut [u8]| {
                for byte in bytes {
                    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    *byte = (*state >> 56) as u8;
                }
            };
            match self.exchange.step(self.now, &mut random) {
                Step::Done(outcome) => return outcome,
                Step::Ask(ask) => {
                    let elapsed = self.now.saturating_sub(begun).as_millis() as u64;
                    self.asked.push((elapsed, ask.server, ask.transport));
                    self.ids.push(u16::from_be_bytes([ask.message[0], ask.message[1]]));
                    let (server, transport) = (ask.server, ask.transport);
                    let query = ask.message.to_vec();
                    match self.behaviors[server](transport, &query) {
                        Does::Answer(delay, bytes) => {
                            self.coming.push((self.now + delay, server, transport, bytes));
                        }
                        Does::Nothing => {}
                        Does::Unreachable => {
                            let failure = Failure::Unreachable(Errno::CONNREFUSED);
                            self.exchange.failed(server, failure);
                        }
                    }
                }
                Step::Wait(until) => {
                    self.coming.sort_by_key(|(at, ..)| *at);
                    match self.coming.first() {
                        Some((at, ..)) if *at <= until => {
                            let (at, server, transport, bytes) = self.coming.remove(0);
                            self.now = self.now.max(at);
                            let from = self.exchange.servers[server].address;
                            self.exchange.received(server, transport, from, &bytes);
                        }
                        _ => {
                            assert!(until > self.now, "waits for what has been");
                            self.now = until;
                        }
                    }
                }
            }
        }
        panic!("it does not end");
    }
}

fn is_good(outcome: &Result<Response, Failure>) -> bool {
    outcome.as_ref().is_ok_and(|response| {
        response.code == OptRcode::NOERROR && response.message.header_counts().ancount() == 1
    })
}

use Transport::{Datagram, Stream};

/// Rows: DNS-2
#[test]
fn the_first_answer_is_taken() {
    let mut lab = Lab::new(&[|_, query| at_once(good(query)), |_, query| at_once(good(query))], "");
    assert!(is_good(&lab.run()));
    assert_eq!(lab.asked, [(0, 0, Datagram)]);
    assert_eq!(lab.exchange.answered(), Some(0));
}

#[test]
fn nobody_to_ask() {
    assert_eq!(Lab::new(&[], "").run().unwrap_err(), Failure::NoServer);
}

#[test]
fn silence() {
    let mut lab = Lab::new(&[|_, _| Does::Nothing, |_, _| Does::Nothing], "");
    assert_eq!(lab.run().unwrap_err(), Failure::Silence);
    let times = [(0, 0, Datagram), (1000, 1, Datagram), (5000, 0, Datagram), (6000, 1, Datagram)];
    assert_eq!(lab.asked, times);
    assert_eq!(lab.now, Duration::from_secs(1000 + 11));
    let mut one = Lab::new(&[|_, _| Does::Nothing], "timeout:2 attempts:3");
    assert_eq!(one.run().unwrap_err(), Failure::Silence);
    assert_eq!(one.asked, [(0, 0, Datagram), (2000, 0, Datagram), (4000, 0, Datagram)]);
}

/// Rows: DNS-2
#[test]
fn each_question_has_its_own_number() {
    let silent: Behavior = |_, _| Does::Nothing;
    let mut lab = Lab::new(&[silent, silent, silent], "attempts:5 timeout:1");
    assert_eq!(lab.run().unwrap_err(), Failure::Silence);
    let mut ids = lab.ids.clone();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!((lab.ids.len(), ids.len()), (15, 15));
}

#[test]
fn the_second_server_helps_when_the_first_is_down() {
    let mut refused = Lab::new(&[|_, _| Does::Unreachable, |_, query| at_once(good(query))], "");
    assert!(is_good(&refused.run()));
    assert_eq!(refused.asked, [(0, 0, Datagram), (0, 1, Datagram)]);
    let mut silent = Lab::new(&[|_, _| Does::Nothing, |_, query| at_once(good(query))], "");
    assert!(is_good(&silent.run()));
    assert_eq!(silent.asked, [(0, 0, Datagram), (1000, 1, Datagram)]);
    assert_eq!(silent.exchange.answered(), Some(1));
}

#[test]
fn a_late_answer_counts() {
    let late: Behavior = |_, query| Does::Answer(Duration::from_millis(3500), good(query));
    let mut lab = Lab::new(&[late, |_, _| Does::Nothing], "");
    assert!(is_good(&lab.run()));
    assert_eq!(lab.exchange.answered(), Some(0));
}

#[test]
fn servers_that_can_not_are_not_asked_again() {
    let broken: Behavior = |_, query| at_once(reply(query, Rcode::SERVFAIL, None));
    let mut lab = Lab::new(&[broken, |_, _| Does::Unreachable], "");
    assert_eq!(lab.run().unwrap_err(), Failure::Refused(OptRcode::SERVFAIL));
    assert_eq!(lab.asked, [(0, 0, Datagram), (10, 1, Datagram)]);
    let mut lab = Lab::new(
        &[|_, query| at_once(reply(query, Rcode::REFUSED, None)), |_, query| at_once(good(query))],
        "",
    );
    assert!(is_good(&lab.run()));
}

/// Rows: DNS-2
#[test]
fn what_is_truncated_is_asked_for_over_tcp() {
    let mut lab = Lab::new(
        &[|transport, query| {
            let mut bytes = good(query);
            if transport == Datagram {
                bytes[2] |= 2;
            }
            at_once(bytes)
        }],
        "",
    );
    assert!(is_good(&lab.run()));
    assert_eq!(lab.asked, [(0, 0, Datagram), (10, 0, Stream)]);
    assert_ne!(lab.ids[0], lab.ids[1]);
}

#[test]
fn tcp_from_the_start_where_that_is_wanted() {
    let mut lab = Lab::new(&[|_, query| at_once(good(query))], "use-vc");
    assert!(is_good(&lab.run()));
    assert_eq!(lab.asked, [(0, 0, Stream)]);
}

/// Rows: DNS-2
#[test]
fn a_question_in_other_letters_is_not_believed() {
    let mut lab = Lab::new(
        &[|transport, query| {
            let mut bytes = good(query);
            if transport == Datagram {
                bytes[13] ^= 0x20;
            }
            at_once(bytes)
        }],
        "",
    );
    assert!(is_good(&lab.run()));
    assert_eq!(lab.asked, [(0, 0, Datagram), (10, 0, Stream)]);
    // One that changes letters over TCP, too, has just its own way.
    let mut lab = Lab::new(
        &[|_, query| {
            let mut bytes = good(query);
            bytes[13] ^= 0x20;
            at_once(bytes)
        }],
        "",
    );
    assert!(is_good(&lab.run()));
}

/// Rows: DNS-2
#[test]
fn forged_answers_do_not_count() {
    let mut lab = Lab::new(
        &[|_, query| {
            let mut bytes = reply(query, Rcode::NOERROR, Some("2001:db8::bad"));
            bytes[1] ^= 1;
            at_once(bytes)
        }],
        "attempts:1",
    );
    assert_eq!(lab.run().unwrap_err(), Failure::Silence);
    assert_eq!(lab.exchange.foreign(), 1);
    // The right message from the wrong place, and the wrong question.
    let mut lab = Lab::new(&[|_, _| Does::Nothing], "attempts:1");
    let configuration = Configuration::parse("nameserver 2001:db8::0", |_| None);
    let mut random = |_: &mut [u8]| {};
    let Step::Ask(ask) = lab.exchange.step(lab.now, &mut random) else { panic!("no question") };
    let (message, mut from) = (ask.message.to_vec(), ask.address);
    assert_eq!(configuration.servers, [from]);
    from.set_port(5353);
    lab.exchange.received(0, Datagram, from, &good(&message));
    from.set_port(53);
    from.set_ip("2001:db8::bad".parse().unwrap());
    lab.exchange.received(0, Datagram, from, &good(&message));
    from.set_ip("2001:db8::0".parse().unwrap());
    lab.exchange.received(0, Stream, from, &good(&message));
    lab.exchange.received(7, Datagram, from, &good(&message));
    for length in 0..message.len() {
        lab.exchange.received(0, Datagram, from, &good(&message)[..length]);
    }
    let Step::Wait(_) = lab.exchange.step(lab.now, &mut random) else { panic!("believed") };
    lab.exchange.received(0, Datagram, from, &good(&message));
    let Step::Done(outcome) = lab.exchange.step(lab.now, &mut random) else { panic!("missed") };
    assert!(is_good(&outcome));
}

/// Rows: DNS-2
#[test]
fn a_server_without_edns_is_asked_without() {
    let mut lab = Lab::new(
        &[|_, query| {
            let extended = Message::from_octets(query).unwrap().opt().is_some();
            at_once(if extended { reply(query, Rcode::FORMERR, None) } else { good(query) })
        }],
        "",
    );
    assert!(is_good(&lab.run()));
    assert_eq!(lab.asked, [(0, 0, Datagram), (10, 0, Datagram)]);
    let mut lab = Lab::new(&[|_, query| at_once(reply(query, Rcode::FORMERR, None))], "");
    assert_eq!(lab.run().unwrap_err(), Failure::Refused(OptRcode::FORMERR));
    assert_eq!(lab.asked.len(), 2);
}

#[test]
fn a_name_that_does_not_exist_is_an_answer() {
    let mut lab = Lab::new(&[|_, query| at_once(reply(query, Rcode::NXDOMAIN, None))], "");
    assert_eq!(lab.run().unwrap().code, OptRcode::NXDOMAIN);
}

#[test]
fn a_server_that_only_points_elsewhere_is_passed_over() {
    let lame: Behavior = |_, query| {
        let mut bytes = reply(query, Rcode::NOERROR, None);
        bytes[3] &= 0x7f;
        at_once(bytes)
    };
    let mut lab = Lab::new(&[lame, |_, query| at_once(good(query))], "");
    assert!(is_good(&lab.run()));
    assert_eq!(lab.exchange.answered(), Some(1));
}

#[test]
fn a_slow_stream_is_not_asked_twice() {
    let mut lab = Lab::new(
        &[|transport, query| match transport {
            Datagram => {
                let mut bytes = good(query);
                bytes[2] |= 2;
                at_once(bytes)
            }
            Stream => Does::Answer(Duration::from_millis(4900), good(query)),
        }],
        "timeout:2",
    );
    // Two seconds are over before the stream has answered.
    assert_eq!(lab.run().unwrap_err(), Failure::Silence);
    assert_eq!(lab.asked, [(0, 0, Datagram), (10, 0, Stream)]);
}

#[test]
fn nonsense_in_a_stream_is_the_end_of_it() {
    let mut lab = Lab::new(&[|_, _| at_once(b"nonsense".to_vec())], "use-vc");
    assert_eq!(lab.run().unwrap_err(), Failure::Malformed);
}

#[test]
fn the_question_is_the_one_asked() {
    let mut lab = Lab::new(&[|_, query| at_once(good(query))], "");
    let response = lab.run().unwrap();
    let asked = response.message.sole_question().unwrap();
    let name: AnyName<Vec<u8>> = asked.qname().to_vec();
    assert_eq!(name.to_string().to_lowercase(), "host.lab");
    assert_eq!((asked.qtype(), asked.qclass()), (Rtype::AAAA, Class::IN));
}
