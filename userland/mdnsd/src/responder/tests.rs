//! Hosts on a link, in virtual time.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;
use core::net::{Ipv6Addr, SocketAddrV6};
use core::time::Duration;

use resolver::domain::base::iana::{Class, Rcode};
use resolver::domain::base::message_builder::MessageBuilder;
use resolver::domain::base::{Message, Ttl};
use resolver::domain::rdata::{A, Aaaa};
use resolver::name::parse;
use resolver::record::Data;
use resolver::{Instant, Name, Rtype, name};

use super::{Outgoing, PORT, Responder};
use crate::message::{Audience, Own, Received, probe, response};
use crate::title::Title;

const LINK: u32 = 2;
/// When the tests begin.
const START: u64 = 100_000;

const fn at(milliseconds: u64) -> Instant {
    Duration::from_millis(START + milliseconds)
}

fn ip(text: &str) -> Ipv6Addr {
    text.parse().unwrap()
}

fn host(address: &str) -> SocketAddrV6 {
    SocketAddrV6::new(ip(address), PORT, 0, LINK)
}

/// A link and the hosts on it.
struct Lab {
    hosts: Vec<(SocketAddrV6, Responder)>,
    now: Instant,
    /// All that was sent: when, by whom, what.
    seen: Vec<(u64, usize, Outgoing)>,
}

impl Lab {
    fn new(titles: &[&str]) -> Self {
        let mut lab = Self { hosts: Vec::new(), now: at(0), seen: Vec::new() };
        for (number, title) in titles.iter().enumerate() {
            lab.add(title, number as u64 + 1);
        }
        lab
    }

    fn add(&mut self, title: &str, number: u64) {
        let address = ip(&format!("fe80::{number}"));
        let seed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut responder = Responder::new(Title::new(title).unwrap(), seed);
        let other = ip(&format!("2001:db8::{number}"));
        responder.set_addresses(LINK, vec![address, other], self.now);
        self.hosts.push((SocketAddrV6::new(address, PORT, 0, LINK), responder));
    }

    /// Lets time pass until so many milliseconds after the start.
    fn run_until(&mut self, end: u64) {
        let end = at(end);
        for _ in 0..100_000 {
            self.send_all();
            let next = self.hosts.iter().filter_map(|(_, host)| host.deadline()).min();
            match next {
                Some(next) if next <= end => self.now = self.now.max(next),
                _ => {
                    self.now = end;
                    return;
                }
            }
        }
        panic!("it never ends");
    }

    fn send_all(&mut self) {
        for sender in 0..self.hosts.len() {
            while let Some(outgoing) = self.hosts[sender].1.poll(self.now) {
                let from = self.hosts[sender].0;
                let elapsed = self.now.as_millis() as u64 - START;
                for (address, host) in &mut self.hosts {
                    let group = outgoing.to.is_none();
                    if group || outgoing.to == Some(*address) {
                        host.received(LINK, from, group, &outgoing.message, self.now);
                    }
                }
                self.seen.push((elapsed, sender, outgoing));
            }
        }
    }

    /// A message to the group from somebody else.
    fn hear(&mut self, from: SocketAddrV6, bytes: &[u8]) {
        for (_, host) in &mut self.hosts {
            host.received(LINK, from, true, bytes, self.now);
        }
    }

    /// What was sent since this was asked last.
    fn sent(&mut self) -> Vec<(Option<SocketAddrV6>, Received)> {
        self.send_all();
        core::mem::take(&mut self.seen)
            .into_iter()
            .map(|(_, _, outgoing)| (outgoing.to, Received::parse(&outgoing.message).unwrap()))
            .collect()
    }

    fn names(&self) -> Vec<String> {
        self.hosts.iter().map(|(_, host)| host.name().to_string()).collect()
    }
}

/// A host that is settled, and has been silent for a while.
fn settled() -> Lab {
    let mut lab = Lab::new(&["mona"]);
    lab.run_until(60_000);
    assert!(lab.hosts[0].1.is_settled());
    lab.seen.clear();
    lab
}

/// A question, with answers that are known already (addresses of `mona.local`, and their TTL).
fn question(name: &Name, kind: Rtype, unicast: bool, known: &[(&str, u32)]) -> Vec<u8> {
    let mut builder = MessageBuilder::new_vec();
    builder.header_mut().set_id(0x77);
    let mut builder = builder.question();
    let class = Class::from_int(if unicast { 0x8001 } else { 1 });
    builder.push((name, kind, class)).unwrap();
    let mut builder = builder.answer();
    for (address, ttl) in known {
        let ttl = Ttl::from_secs(*ttl);
        builder.push((name, Class::IN, ttl, Aaaa::new(ip(address)))).unwrap();
    }
    builder.finish()
}

fn addresses(message: &Received) -> Vec<Ipv6Addr> {
    let address = |data: &Data| match data {
        Data::Aaaa(address) => Some(*address),
        _ => None,
    };
    message.answers.iter().filter_map(|record| address(&record.data)).collect()
}

fn mona() -> Name {
    parse("mona.local").unwrap()
}

/// Rows: MDNS-1
#[test]
fn a_host_alone() {
    let mut lab = Lab::new(&["mona"]);
    lab.run_until(60_000);
    assert_eq!(lab.names(), ["mona.local"]);
    let times: Vec<u64> = lab.seen.iter().map(|(time, ..)| *time).collect();
    let first = times[0];
    assert!(first <= 250);
    let expected = [0, 250, 500, 750, 1750].map(|time| first + time);
    assert_eq!(times, expected);
    let messages = lab.sent();
    for (_, probe) in &messages[..3] {
        assert!(!probe.response && probe.questions[0].unicast);
        assert_eq!((&probe.questions[0].name, probe.questions[0].kind), (&mona(), Rtype::ANY));
        assert_eq!(probe.authority.len(), 2);
    }
    for (to, announcement) in &messages[3..] {
        assert!(announcement.response && to.is_none());
        assert_eq!(addresses(announcement), [ip("2001:db8::1"), ip("fe80::1")]);
        assert_eq!(announcement.answers.len(), 4);
        assert!(announcement.answers.iter().all(|record| record.ttl == 120));
    }
}

/// Rows: MDNS-1
#[test]
fn who_has_the_name_keeps_it() {
    let mut lab = Lab::new(&["mona"]);
    lab.run_until(10_000);
    lab.add("Mona", 2);
    lab.add("MONA", 3);
    lab.run_until(30_000);
    let mut names: Vec<String> = lab.names().iter().map(|name| name.to_lowercase()).collect();
    assert_eq!(names[0], "mona.local");
    names.sort();
    assert_eq!(names, ["mona-2.local", "mona-3.local", "mona.local"]);
    assert!(lab.hosts.iter().all(|(_, host)| host.is_settled()));
}

/// Rows: MDNS-1
#[test]
fn hosts_that_are_switched_on_together_agree() {
    for round in 0..20 {
        let mut lab = Lab::new(&[]);
        for number in 0..5 {
            lab.add("mona", round * 10 + number + 1);
        }
        lab.run_until(120_000);
        let mut names = lab.names();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), 5, "{round}: {:?}", lab.names());
        assert!(names.contains(&"mona.local".to_string()));
    }
}

/// Rows: MDNS-1
#[test]
fn links_that_are_joined_sort_it_out() {
    let (mut one, mut other) = (Lab::new(&["mona"]), Lab::new(&[]));
    other.add("mona", 2);
    one.run_until(10_000);
    other.run_until(10_000);
    one.hosts.append(&mut other.hosts);
    // The one hears of the other by an answer.
    let answer = response(&mona(), &[Own::Address(ip("fe80::2"))], &[], 120, &Audience::Responders);
    let (_, first) = &mut one.hosts[0];
    first.received(LINK, host("fe80::2"), true, &answer.unwrap(), one.now);
    assert!(!first.is_settled());
    one.run_until(60_000);
    let mut names = one.names();
    names.sort();
    assert_eq!(names, ["mona-2.local", "mona.local"]);
}

/// Rows: MDNS-1
#[test]
fn questions_are_answered() {
    let mut lab = settled();
    let asker = host("fe80::9");
    lab.hear(asker, &question(&parse("MONA.local").unwrap(), Rtype::AAAA, false, &[]));
    let sent = lab.sent();
    let [(None, answer)] = sent.as_slice() else { panic!("{sent:?}") };
    assert_eq!(addresses(answer), [ip("2001:db8::1"), ip("fe80::1")]);
    assert_eq!(answer.additional[0].data, Data::Nsec(vec![Rtype::AAAA]));
    assert!(answer.questions.is_empty() && answer.id == 0);
    // There is no IPv4 address, and that is said.
    lab.hear(asker, &question(&mona(), Rtype::A, false, &[]));
    let sent = lab.sent();
    assert_eq!(sent[0].1.answers[0].data, Data::Nsec(vec![Rtype::AAAA]));
    // The name of an address.
    let reverse = name::reverse(ip("2001:db8::1"));
    lab.hear(asker, &question(&reverse, Rtype::PTR, false, &[]));
    assert_eq!(lab.sent()[0].1.answers[0].data, Data::Ptr(mona()));
    lab.hear(asker, &question(&reverse, Rtype::TXT, false, &[]));
    assert_eq!(lab.sent()[0].1.answers[0].data, Data::Nsec(vec![Rtype::PTR]));
    // Not about this host.
    lab.hear(asker, &question(&parse("lisa.local").unwrap(), Rtype::AAAA, false, &[]));
    lab.hear(asker, &question(&name::reverse(ip("2001:db8::7")), Rtype::PTR, false, &[]));
    lab.run_until(70_000);
    assert_eq!(lab.sent(), []);
}

/// Rows: MDNS-1
#[test]
fn what_is_known_is_not_said() {
    let mut lab = settled();
    let asker = host("fe80::9");
    let both = [("fe80::1", 120), ("2001:db8::1", 60)];
    lab.hear(asker, &question(&mona(), Rtype::AAAA, false, &both));
    lab.run_until(61_000);
    assert_eq!(lab.sent(), []);
    // One that is half forgotten is said, the other is not.
    let one = [("fe80::1", 59), ("2001:db8::1", 60)];
    lab.hear(asker, &question(&mona(), Rtype::AAAA, false, &one));
    assert_eq!(addresses(&lab.sent()[0].1), [ip("fe80::1")]);
    // More known answers follow in further messages.
    lab.run_until(70_000);
    let mut first = question(&mona(), Rtype::AAAA, false, &[("fe80::1", 120)]);
    first[2] |= 2;
    lab.hear(asker, &first);
    assert_eq!(lab.sent(), []);
    let mut second = question(&mona(), Rtype::AAAA, false, &[("2001:db8::1", 120)]);
    // No question: neither counted nor there.
    second[5] = 0;
    second.drain(12..12 + 12 + 4);
    lab.hear(asker, &second);
    lab.run_until(71_000);
    assert_eq!(lab.sent(), []);
    // Without them the answer comes after all.
    lab.hear(asker, &first);
    lab.run_until(72_000);
    assert_eq!(addresses(&lab.sent()[0].1), [ip("2001:db8::1")]);
}

#[test]
fn unicast_where_it_is_wanted_and_does_no_harm() {
    let mut lab = settled();
    let asker = host("fe80::9");
    // The last announcement is long past: others may want to hear it, too.
    lab.hear(asker, &question(&mona(), Rtype::AAAA, true, &[]));
    assert_eq!(lab.sent()[0].0, None);
    lab.run_until(61_000);
    lab.hear(asker, &question(&mona(), Rtype::AAAA, true, &[]));
    assert_eq!(lab.sent()[0].0, Some(asker));
}

/// Rows: MDNS-1
#[test]
fn an_ordinary_resolver_gets_an_ordinary_answer() {
    let mut lab = settled();
    let asker = SocketAddrV6::new(ip("fe80::9"), 40000, 0, LINK);
    lab.hear(asker, &question(&mona(), Rtype::AAAA, false, &[]));
    lab.send_all();
    let (_, _, outgoing) = &lab.seen[0];
    assert_eq!(outgoing.to, Some(asker));
    let message = Message::from_octets(outgoing.message.clone()).unwrap();
    assert_eq!((message.header().id(), message.header().rcode()), (0x77, Rcode::NOERROR));
    assert_eq!(message.sole_question().unwrap().qtype(), Rtype::AAAA);
    for record in message.answer().unwrap() {
        let record = record.unwrap();
        assert_eq!((record.class(), record.ttl().as_secs()), (Class::IN, 10));
    }
}

/// Rows: MDNS-1
#[test]
fn nothing_is_said_too_often() {
    let mut lab = settled();
    let asker = host("fe80::9");
    for _ in 0..100 {
        lab.hear(asker, &question(&mona(), Rtype::AAAA, false, &[]));
    }
    assert_eq!(lab.sent().len(), 1);
    assert_eq!(lab.hosts[0].1.statistics().limited, 198);
    // Who wants the name hears sooner that it is taken.
    lab.run_until(60_300);
    let probe = probe(&mona(), &[ip("fe80::9")]).unwrap();
    lab.hear(asker, &probe);
    let sent = lab.sent();
    assert_eq!(sent.len(), 1);
    for _ in 0..1000 {
        lab.hear(
            SocketAddrV6::new(ip("fe80::9"), 40000, 0, LINK),
            &question(&mona(), Rtype::AAAA, false, &[]),
        );
    }
    // The prober had one of them.
    assert_eq!(lab.sent().len(), super::link::REPLIES as usize - 1);
}

/// Rows: MDNS-1
#[test]
fn good_byes() {
    let mut lab = settled();
    let now = lab.now;
    lab.hosts[0].1.set_addresses(LINK, vec![ip("fe80::1"), ip("2001:db8::5")], now);
    let sent = lab.sent();
    let gone = &sent[0].1.answers;
    assert!(gone.iter().all(|record| record.ttl == 0));
    assert_eq!(gone[0].data, Data::Aaaa(ip("2001:db8::1")));
    // The new address is announced at once, and again.
    lab.run_until(65_000);
    let mut sent: Vec<Received> = sent.into_iter().chain(lab.sent()).map(|(_, m)| m).collect();
    assert_eq!(sent.len(), 3);
    assert_eq!(addresses(&sent.remove(1)), [ip("2001:db8::5"), ip("fe80::1")]);
    lab.hosts[0].1.say_good_bye();
    let sent = lab.sent();
    assert_eq!((sent.len(), sent[0].1.answers.len()), (1, 4));
    assert!(sent[0].1.answers.iter().all(|record| record.ttl == 0));
}

#[test]
fn a_new_name() {
    let mut lab = settled();
    let now = lab.now;
    lab.hosts[0].1.rename(Title::new("lisa").unwrap(), now);
    lab.run_until(70_000);
    let sent = lab.sent();
    assert_eq!(sent[0].1.answers[0].ttl, 0);
    assert_eq!(lab.names(), ["lisa.local"]);
    lab.hear(host("fe80::9"), &question(&mona(), Rtype::AAAA, false, &[]));
    assert_eq!(lab.sent(), []);
}

#[test]
fn what_others_take_back_for_us_is_said_again() {
    let mut lab = settled();
    let taken_back =
        response(&mona(), &[Own::Address(ip("fe80::1"))], &[], 0, &Audience::Responders).unwrap();
    lab.hear(host("fe80::9"), &taken_back);
    lab.run_until(61_000);
    assert_eq!(addresses(&lab.sent()[0].1), [ip("fe80::1")]);
    // And what was never ours to keep is no conflict.
    let other =
        response(&mona(), &[Own::Address(ip("fe80::9"))], &[], 0, &Audience::Responders).unwrap();
    lab.hear(host("fe80::9"), &other);
    assert!(lab.hosts[0].1.is_settled());
}

#[test]
fn an_ipv4_host_of_the_name_is_a_conflict_while_probing() {
    let mut lab = Lab::new(&["mona"]);
    lab.run_until(300);
    let mut builder = MessageBuilder::new_vec();
    builder.header_mut().set_qr(true);
    let mut builder = builder.answer();
    let data = A::from_octets(192, 0, 2, 1);
    builder.push((mona(), Class::from_int(0x8001), Ttl::from_secs(120), data)).unwrap();
    let answer = builder.finish();
    // Not from the port of multicast DNS: anybody may have sent it.
    lab.hear(SocketAddrV6::new(ip("fe80::9"), 40000, 0, LINK), &answer);
    assert_eq!(lab.names(), ["mona.local"]);
    lab.hear(host("fe80::9"), &answer);
    assert_eq!(lab.names(), ["mona-2.local"]);
    lab.run_until(10_000);
    assert!(lab.hosts[0].1.is_settled());
}

#[test]
fn one_that_objects_to_every_name_does_not_make_a_flood() {
    let mut lab = Lab::new(&["mona"]);
    for time in (0..120_000).step_by(10) {
        lab.run_until(time);
        let name = lab.hosts[0].1.name().clone();
        let object =
            response(&name, &[Own::Address(ip("fe80::9"))], &[], 120, &Audience::Responders);
        lab.hear(host("fe80::9"), &object.unwrap());
    }
    // Without the pause there would be thousands of names.
    let conflicts = lab.hosts[0].1.statistics().conflicts;
    assert!(lab.seen.len() < 60, "{} messages, {conflicts} conflicts", lab.seen.len());
}

#[test]
fn far_away_and_nonsense() {
    let mut lab = settled();
    let now = lab.now;
    let asked = question(&mona(), Rtype::AAAA, false, &[]);
    let responder = &mut lab.hosts[0].1;
    // To this host alone, from elsewhere; from a neighbor it counts.
    let far = SocketAddrV6::new(ip("2001:db8:ffff::1"), PORT, 0, 0);
    responder.received(LINK, far, false, &asked, now);
    responder.received(LINK + 1, host("fe80::9"), true, &asked, now);
    for length in 0..asked.len() {
        responder.received(LINK, host("fe80::9"), true, &asked[..length], now);
    }
    assert_eq!(lab.sent(), []);
    let near = SocketAddrV6::new(ip("2001:db8::77"), PORT, 0, 0);
    lab.hosts[0].1.received(LINK, near, false, &asked, now);
    assert_eq!(lab.sent().len(), 1);
}

#[test]
fn messages_with_any_octet_changed() {
    let mut lab = settled();
    let messages = [
        question(&mona(), Rtype::AAAA, true, &[("fe80::1", 120)]),
        probe(&mona(), &[ip("fe80::9")]).unwrap(),
        response(
            &mona(),
            &[Own::Name(ip("fe80::1")), Own::OnlyAddresses],
            &[],
            120,
            &Audience::Responders,
        )
        .unwrap(),
    ];
    for message in &messages {
        for index in 0..message.len() {
            for octet in [0, 1, 0x0c, 0x3f, 0xc0, 0xff] {
                let mut changed = message.clone();
                changed[index] = octet;
                lab.hear(host("fe80::9"), &changed);
            }
        }
    }
    lab.run_until(1_000_000);
    assert!(lab.hosts[0].1.is_settled());
}

#[test]
fn links_and_addresses_are_limited() {
    let mut responder = Responder::new(Title::new("mona").unwrap(), 1);
    for index in 1..100 {
        let addresses = (0..200u128).map(|number| Ipv6Addr::from_bits(0xfe80 << 112 | number));
        responder.set_addresses(index, addresses.collect(), at(0));
    }
    assert_eq!(responder.links().count(), super::MOST_LINKS);
    assert!(responder.links.values().all(|link| link.addresses.len() == super::MOST_ADDRESSES));
    // Everything fits into one message without fragments.
    for time in 0..40 {
        while let Some(outgoing) = responder.poll(at(time * 100)) {
            assert!(outgoing.message.len() <= 1232, "{}", outgoing.message.len());
        }
    }
    for index in 1..100 {
        responder.set_addresses(index, Vec::new(), at(5000));
    }
    assert_eq!((responder.links().count(), responder.deadline()), (0, None));
}
