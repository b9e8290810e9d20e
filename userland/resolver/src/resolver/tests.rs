//! The resolver over a world of tables: files, zones of name servers, hosts on the link.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::net::{Ipv6Addr, SocketAddrV6};
use core::time::Duration;

use domain::base::iana::{Class, OptRcode, Rcode};
use domain::base::{Message, MessageBuilder, Ttl};
use domain::rdata::{Aaaa, Cname, Ptr};
use rustix::io::Errno;

use super::Resolver;
use crate::Instant;
use crate::answer::{Answer, Outcome};
use crate::configuration::Configuration;
use crate::error::Error;
use crate::exchange::{Exchange, Failure, Step};
use crate::message::Response;
use crate::multicast::{self, Multicast};
use crate::name::{self, Name, parse};
use crate::record::{Data, Record};
use crate::transport::Transport;

/// What the name servers know: `AAAA address`, `CNAME name`, `PTR name`, `SERVFAIL`, `REFUSED`, or
/// an empty
/// text for a name without records. All other names do not exist.
type Zone = BTreeMap<Name, &'static str>;

#[derive(Default)]
struct World {
    now: Instant,
    zone: Zone,
    /// Hosts on the link.
    link: BTreeMap<Name, Ipv6Addr>,
    /// The questions that went out.
    asked: Vec<String>,
    /// Addresses that can't be reached, and sources that are deprecated.
    unreachable: Vec<Ipv6Addr>,
    signal: bool,
}

impl World {
    fn response(&mut self, query: &[u8]) -> Response {
        let query = Message::from_octets(query.to_vec()).unwrap();
        let question = query.sole_question().unwrap();
        let mut owner: Name = parse(&question.qname().to_string()).unwrap();
        owner.make_canonical();
        self.asked.push(name::text(&owner));
        let found = self.zone.get(&owner).copied();
        let code = match found {
            None => Rcode::NXDOMAIN,
            Some("SERVFAIL") => Rcode::SERVFAIL,
            Some("REFUSED") => Rcode::REFUSED,
            Some(_) => Rcode::NOERROR,
        };
        let mut answer = MessageBuilder::new_vec().start_answer(&query, code).unwrap();
        answer.header_mut().set_ra(true);
        let ttl = Ttl::from_secs(60);
        for line in found.unwrap_or_default().split(", ") {
            let owner = owner.clone();
            match line.split_once(' ') {
                Some(("AAAA", address)) => {
                    let data = Aaaa::new(address.parse().unwrap());
                    answer.push((owner, Class::IN, ttl, data)).unwrap();
                }
                Some(("CNAME", target)) => {
                    let data = Cname::new(parse(target).unwrap());
                    answer.push((owner, Class::IN, ttl, data)).unwrap();
                }
                Some(("PTR", target)) => {
                    let data = Ptr::new(parse(target).unwrap());
                    answer.push((owner, Class::IN, ttl, data)).unwrap();
                }
                _ => {}
            }
        }
        let message = answer.into_message();
        Response { code: OptRcode::from(code), message, truncated: false, exact: true }
    }
}

impl Transport for &mut World {
    fn now(&self) -> Instant {
        self.now
    }

    fn run(&mut self, exchange: &mut Exchange) -> Result<Result<Response, Failure>, Errno> {
        if self.signal {
            return Err(Errno::INTR);
        }
        loop {
            let (server, address, transport, message) = match exchange.step(self.now, &mut |_| {}) {
                Step::Done(outcome) => return Ok(outcome),
                Step::Ask(ask) => (ask.server, ask.address, ask.transport, ask.message.to_vec()),
                Step::Wait(until) => {
                    self.now = until;
                    continue;
                }
            };
            let response = self.response(&message);
            exchange.received(server, transport, address, response.message.as_slice());
        }
    }

    fn run_multicast(&mut self, question: &mut Multicast) -> Result<Answer, Errno> {
        let multicast::Step::Send(message) = question.step(self.now) else { panic!("no question") };
        let query = Message::from_octets(message.to_vec()).unwrap();
        let owner = parse(&query.sole_question().unwrap().qname().to_string()).unwrap();
        self.asked.push(alloc::format!("{}?", name::text(&owner)));
        let lifetime = Duration::from_secs(10);
        Ok(match self.link.get(&owner) {
            Some(address) => {
                let record = Record { owner, ttl: 10, data: Data::Aaaa(*address) };
                let outcome = Outcome::Records(Vec::from([record]));
                Answer { link: 3, lifetime, ..Answer::nothing(outcome) }
            }
            None => Answer { lifetime, ..Answer::nothing(Outcome::NoName) },
        })
    }

    fn number(&mut self) -> u16 {
        7
    }

    fn source_for(&mut self, destination: &SocketAddrV6) -> Option<Ipv6Addr> {
        let there = !self.unreachable.contains(destination.ip());
        there.then(|| "2001:db8::100".parse().unwrap())
    }

    fn is_deprecated(&mut self, _: Ipv6Addr) -> bool {
        false
    }
}

fn world(zone: &[(&str, &'static str)]) -> World {
    let zone = zone.iter().map(|(name, text)| (parse(name).unwrap(), *text)).collect();
    World { zone, ..World::default() }
}

const LINES: &str = "nameserver 2001:db8::53\nsearch lab.test down.test";

fn resolver<'a>(world: &'a mut World, lines: &str) -> Resolver<&'a mut World> {
    let configuration = Configuration::parse(lines, |_| None);
    Resolver::new(world, configuration, "2001:db8::99 pinned\n192.0.2.1 old".to_string())
}

fn resolve(world: &mut World, text: &str) -> Result<Vec<String>, Error> {
    let found = resolver(world, LINES).addresses(text, 0)?;
    Ok(found.iter().map(|address| address.ip().to_string()).collect())
}

/// Rows: API-7
#[test]
fn files_come_first() {
    let mut world = world(&[("pinned.lab.test", "AAAA 2001:db8::1")]);
    assert_eq!(resolve(&mut world, "pinned").unwrap(), ["2001:db8::99"]);
    assert_eq!(resolve(&mut world, "2001:db8::7").unwrap(), ["2001:db8::7"]);
    assert_eq!(resolve(&mut world, "localhost").unwrap(), ["::1"]);
    assert_eq!(resolve(&mut world, "a.localhost.").unwrap(), ["::1"]);
    assert_eq!(resolve(&mut world, "192.0.2.1"), Err(Error::NotIpv6));
    assert_eq!(resolve(&mut world, "old"), Err(Error::NotIpv6));
    assert_eq!(resolve(&mut world, "x.invalid"), Err(Error::Unknown));
    assert_eq!(world.asked, ["x.invalid.lab.test", "x.invalid.down.test"]);
}

#[test]
fn names_are_completed() {
    let mut world = world(&[
        ("host.lab.test", "AAAA 2001:db8::1"),
        ("broken.lab.test", "SERVFAIL"),
        ("broken.down.test", "AAAA 2001:db8::2"),
        ("empty.lab.test", ""),
        ("bad.lab.test", "SERVFAIL"),
        ("refused", "REFUSED"),
    ]);
    assert_eq!(resolve(&mut world, "host").unwrap(), ["2001:db8::1"]);
    assert_eq!(resolve(&mut world, "host.lab.test").unwrap(), ["2001:db8::1"]);
    assert_eq!(resolve(&mut world, "broken").unwrap(), ["2001:db8::2"]);
    assert_eq!(resolve(&mut world, "host."), Err(Error::Unknown));
    assert_eq!(resolve(&mut world, "nowhere"), Err(Error::Unknown));
    assert_eq!(resolve(&mut world, "refused"), Err(Error::Unknown));
    let refused = Error::Failed(Failure::Refused(OptRcode::REFUSED));
    assert_eq!(resolve(&mut world, "refused."), Err(refused));
    assert_eq!(resolve(&mut world, "empty"), Err(Error::NoAddress));
    assert_eq!(
        resolve(&mut world, "bad"),
        Err(Error::TryAgain(Failure::Refused(OptRcode::SERVFAIL)))
    );
    assert_eq!(resolve(&mut world, "not a name"), Err(Error::Unknown));
}

#[test]
fn without_a_server() {
    let mut world = world(&[]);
    let outcome = resolver(&mut world, "").addresses("host.lab", 0);
    assert_eq!(outcome, Err(Error::NoServer));
    assert_eq!(resolver(&mut world, "").addresses("::1", 0).unwrap()[0].ip().to_string(), "::1");
}

/// Rows: DNS-2
#[test]
fn aliases_that_take_several_questions() {
    let mut world = world(&[
        ("www.lab.test", "CNAME a.example"),
        ("a.example", "CNAME b.example"),
        ("b.example", "AAAA 2001:db8::5"),
        ("loop.lab.test", "CNAME pool.lab.test"),
        ("pool.lab.test", "CNAME loop.lab.test"),
        ("link.lab.test", "CNAME printer.local"),
    ]);
    assert_eq!(resolve(&mut world, "www").unwrap(), ["2001:db8::5"]);
    assert_eq!(world.asked, ["www.lab.test", "a.example", "b.example"]);
    assert_eq!(resolve(&mut world, "loop.lab.test."), Err(Error::Failed(Failure::Malformed)));
    assert_eq!(resolve(&mut world, "link"), Err(Error::NoAddress));
    assert!(!world.asked.iter().any(|asked| asked.ends_with('?')));
}

#[test]
fn what_is_known_is_not_asked_again() {
    let mut world =
        world(&[("host.lab.test", "AAAA 2001:db8::1"), ("www.lab.test", "CNAME host.lab.test")]);
    let mut resolver = resolver(&mut world, LINES);
    for name in ["host", "HOST", "www", "www"] {
        assert_eq!(resolver.addresses(name, 0).unwrap().len(), 1);
    }
    assert_eq!(resolver.transport_mut().asked, ["host.lab.test", "www.lab.test"]);
    resolver.transport_mut().now += Duration::from_mins(1);
    resolver.addresses("host", 0).unwrap();
    assert_eq!(resolver.transport_mut().asked.len(), 3);
}

#[test]
fn local_names_are_asked_on_the_link() {
    let mut world = world(&[]);
    world.link.insert(parse("mona.local").unwrap(), "fe80::2".parse().unwrap());
    let mut resolver = resolver(&mut world, LINES);
    let found = resolver.addresses("mona.local", 0).unwrap();
    assert_eq!(found[0].to_string(), "[fe80::2%3]:0");
    // An interface that the user names is the one.
    assert_eq!(resolver.addresses("mona.local", 9).unwrap()[0].scope_id(), 9);
    assert_eq!(resolver.addresses("other.local", 0), Err(Error::Unknown));
    assert_eq!(resolver.addresses("other.local", 0), Err(Error::Unknown));
    assert_eq!(resolver.transport_mut().asked, ["mona.local?", "other.local?"]);
}

/// Rows: DNS-2, API-7
#[test]
fn names_of_addresses() {
    let reverse = name::text(&name::reverse("2001:db8::1".parse().unwrap()));
    let mut world = world(&[(&reverse, "PTR host.lab.test")]);
    let mut resolver = resolver(&mut world, LINES);
    let mut name = |address: &str| resolver.name_of(address.parse().unwrap());
    assert_eq!(name("2001:db8::1").as_deref(), Ok("host.lab.test"));
    assert_eq!(name("2001:db8::99").as_deref(), Ok("pinned"));
    assert_eq!(name("::1").as_deref(), Ok("localhost"));
    for address in ["2001:db8::2", "::", "ff02::1", "fe80::1"] {
        assert_eq!(name(address), Err(Error::Unknown), "{address}");
    }
    assert!(world.asked.last().unwrap().ends_with("8.e.f.ip6.arpa?"));
}

/// Rows: SEL-8, DNS-3
#[test]
fn the_best_address_comes_first() {
    let mut world = world(&[("host.lab.test", "AAAA 2001:db8::1, AAAA fc00::1, AAAA 2001:db8::2")]);
    world.unreachable = Vec::from(["2001:db8::1".parse().unwrap()]);
    assert_eq!(resolve(&mut world, "host").unwrap(), ["2001:db8::2", "fc00::1", "2001:db8::1"]);
}

#[test]
fn a_signal_ends_it() {
    let mut world = world(&[("host.lab.test", "AAAA 2001:db8::1")]);
    world.signal = true;
    assert_eq!(resolve(&mut world, "host"), Err(Error::Interrupted));
}
