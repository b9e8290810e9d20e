//! The client and a server by hand, in virtual time.

use alloc::vec::Vec;
use core::net::Ipv6Addr;

use net_tools::clock::SECOND;

use super::{Client, Event, Identity, Purpose, REFRESH_MINIMUM};
use crate::dhcp6::duid::Duid;
use crate::dhcp6::lease::Lease;
use crate::dhcp6::message::{MessageType, TransactionId, Writer};
use crate::dhcp6::option::{Code, Options};
use crate::dhcp6::test_random::Seeded;

const NOTHING: [Ipv6Addr; 0] = [];
const IAID: u32 = 0x1234_5678;
const ADDRESS: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, 0x100);
const DNS: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, 1);

fn duid() -> Duid {
    Duid::from_ethernet([0x52, 0x54, 0, 0x12, 0x34, 0x57])
}

fn server(number: u8) -> Duid {
    Duid::from_ethernet([2, 0, 0, 0, 0, number])
}

/// What the client sent, taken apart.
struct Sent {
    kind: u8,
    transaction: TransactionId,
    bytes: Vec<u8>,
}

impl Sent {
    fn options(&self) -> Options<'_> {
        Options::parse(&self.bytes[4..]).unwrap()
    }

    fn requested(&self) -> Vec<u16> {
        let list = self.options().find(Code::OPTION_REQUEST).unwrap_or_default();
        list.as_chunks().0.iter().map(|code| u16::from_be_bytes(*code)).collect()
    }

    /// The addresses in its IA_NA.
    fn addresses(&self) -> Vec<Ipv6Addr> {
        let Some(ia) = self.options().find(Code::IA_NA) else { return Vec::new() };
        assert_eq!(ia[..4], IAID.to_be_bytes());
        let inside = Options::parse(&ia[12..]).unwrap();
        let addresses = inside.iter().filter(|(code, _)| *code == Code::IA_ADDRESS);
        addresses
            .map(|(_, data)| Ipv6Addr::from(<[u8; 16]>::try_from(&data[..16]).unwrap()))
            .collect()
    }
}

/// A client, the time, and how to answer.
struct Lab {
    client: Client<Seeded>,
    now: u64,
}

impl Lab {
    fn new(purpose: Purpose) -> Self {
        let identity = Identity { duid: duid(), iaid: IAID };
        let mut client = Client::new(identity, purpose, Seeded(77));
        client.begin(0);
        Self { client, now: 0 }
    }

    /// With an address from server 1 for 200 and 400 seconds, T1 100 and T2 160.
    fn bound() -> Self {
        let mut lab = Self::new(Purpose::Address { rapid: true });
        let solicit = lab.next();
        lab.reply(&solicit, 1, &[given(200, 400, 100, 160), rapid(), dns()]);
        assert!(lab.client.lease().is_some());
        lab.client.take_events();
        lab
    }

    /// Lets time pass until the client sends something.
    fn next(&mut self) -> Sent {
        for _ in 0..10 {
            self.now =
                self.now.max(self.client.deadline().expect("the client waits for something"));
            if let Some(bytes) = self.client.poll(self.now) {
                assert!(self.client.poll(self.now).is_none(), "one message at a time");
                let transaction = u32::from_be_bytes([0, bytes[1], bytes[2], bytes[3]]);
                return Sent {
                    kind: bytes[0],
                    transaction: TransactionId::new(transaction),
                    bytes,
                };
            }
        }
        panic!("the client sends nothing");
    }

    fn expect(&mut self, kind: MessageType) -> Sent {
        let sent = self.next();
        assert_eq!(sent.kind, kind as u8, "{kind:?}");
        assert_eq!(sent.options().find(Code::CLIENT_ID), Some(duid().octets()));
        sent
    }

    /// A server answers at once.
    fn answer(&mut self, kind: MessageType, to: &Sent, from: u8, parts: &[Part]) {
        let mut writer = Writer::new(kind, to.transaction);
        writer.option(Code::CLIENT_ID, duid().octets());
        writer.option(Code::SERVER_ID, server(from).octets());
        for part in parts {
            part(&mut writer);
        }
        self.client.receive(&writer.finish(), self.now);
    }

    fn advertise(&mut self, to: &Sent, from: u8, parts: &[Part]) {
        self.answer(MessageType::Advertise, to, from, parts);
    }

    fn reply(&mut self, to: &Sent, from: u8, parts: &[Part]) {
        self.answer(MessageType::Reply, to, from, parts);
    }

    fn has(&self) -> Vec<Ipv6Addr> {
        let leased = self.client.lease().map(|lease| lease.addresses.as_slice());
        leased.unwrap_or_default().iter().map(|leased| leased.address).collect()
    }

    /// Seconds of the virtual time.
    fn seconds(&self) -> u64 {
        self.now / SECOND
    }
}

/// A piece of a server's message.
type Part = alloc::boxed::Box<dyn Fn(&mut Writer)>;

fn part(write: impl Fn(&mut Writer) + 'static) -> Part {
    alloc::boxed::Box::new(write)
}

fn association(t1: u32, t2: u32, inside: impl Fn(&mut Writer) + 'static) -> Part {
    part(move |writer| {
        writer.nested(Code::IA_NA, |ia| {
            ia.fields(&IAID.to_be_bytes()).fields(&t1.to_be_bytes()).fields(&t2.to_be_bytes());
            inside(ia);
        });
    })
}

fn address_of(ia: &mut Writer, address: Ipv6Addr, preferred: u32, valid: u32) {
    ia.nested(Code::IA_ADDRESS, |field| {
        field.fields(&address.octets());
        field.fields(&preferred.to_be_bytes()).fields(&valid.to_be_bytes());
    });
}

fn given(preferred: u32, valid: u32, t1: u32, t2: u32) -> Part {
    association(t1, t2, move |ia| address_of(ia, ADDRESS, preferred, valid))
}

fn refused(status: u16) -> Part {
    association(0, 0, move |ia| {
        ia.option(Code::STATUS, &status.to_be_bytes());
    })
}

fn option(code: Code, data: &'static [u8]) -> Part {
    part(move |writer| {
        writer.option(code, data);
    })
}

fn rapid() -> Part {
    option(Code::RAPID_COMMIT, &[])
}

fn preference(value: &'static [u8]) -> Part {
    option(Code::PREFERENCE, value)
}

fn dns() -> Part {
    part(|writer| {
        writer.option(Code::DNS_SERVERS, &DNS.octets());
    })
}

/// Rows: DH6-3, DH6-14
#[test]
fn four_messages() {
    let mut lab = Lab::new(Purpose::Address { rapid: false });
    let solicit = lab.expect(MessageType::Solicit);
    assert!(lab.now <= SECOND);
    assert_eq!(solicit.options().find(Code::ELAPSED_TIME), Some(&[0, 0][..]));
    assert!(solicit.options().find(Code::RAPID_COMMIT).is_none());
    assert!(solicit.options().find(Code::SERVER_ID).is_none());
    assert_eq!(solicit.requested(), [23, 24, 31, 56, 82]);
    lab.advertise(&solicit, 1, &[given(200, 400, 100, 160)]);
    lab.advertise(&solicit, 2, &[given(200, 400, 100, 160), preference(&[9])]);
    lab.advertise(&solicit, 3, &[given(200, 400, 100, 160), preference(&[9])]);
    // It waits for better offers until the first retransmission time is over.
    let asked = lab.now;
    let request = lab.expect(MessageType::Request);
    assert!(lab.now > asked + SECOND && lab.now < asked + 2 * SECOND);
    assert_eq!(request.options().find(Code::SERVER_ID), Some(server(2).octets()));
    assert_eq!(request.addresses(), [ADDRESS]);
    assert_ne!(request.transaction, solicit.transaction);
    lab.reply(&request, 2, &[given(200, 400, 100, 160), dns()]);
    assert_eq!(lab.has(), [ADDRESS]);
    assert_eq!(lab.client.information().name_servers, [DNS]);
    assert!(lab.client.take_events().contains(&Event::Bound));
}

/// Rows: DH6-3
#[test]
fn the_highest_preference_ends_the_wait() {
    let mut lab = Lab::new(Purpose::Address { rapid: false });
    let solicit = lab.next();
    let asked = lab.now;
    lab.advertise(&solicit, 1, &[given(200, 400, 100, 160), preference(&[255])]);
    lab.expect(MessageType::Request);
    assert_eq!(lab.now, asked);
    // So does any offer to a repeated question.
    let mut lab = Lab::new(Purpose::Address { rapid: false });
    lab.next();
    let solicit = lab.expect(MessageType::Solicit);
    let asked = lab.now;
    lab.advertise(&solicit, 1, &[given(200, 400, 100, 160)]);
    lab.expect(MessageType::Request);
    assert_eq!(lab.now, asked);
}

/// Rows: DH6-4
#[test]
fn two_messages() {
    let mut lab = Lab::new(Purpose::Address { rapid: true });
    let solicit = lab.expect(MessageType::Solicit);
    assert_eq!(solicit.options().find(Code::RAPID_COMMIT), Some(&[][..]));
    lab.reply(&solicit, 1, &[given(200, 400, 100, 160)]);
    assert_eq!(lab.has(), NOTHING, "it must say that it committed");
    lab.reply(&solicit, 1, &[given(200, 400, 100, 160), rapid()]);
    assert_eq!(lab.has(), [ADDRESS]);
    let mut lab = Lab::new(Purpose::Address { rapid: false });
    let solicit = lab.expect(MessageType::Solicit);
    lab.reply(&solicit, 1, &[given(200, 400, 100, 160), rapid()]);
    assert_eq!(lab.has(), NOTHING, "nobody asked for that");
}

/// Rows: DH6-6
#[test]
fn renewal() {
    let mut lab = Lab::bound();
    let renew = lab.expect(MessageType::Renew);
    assert!(lab.seconds() >= 100 && lab.seconds() <= 101);
    assert_eq!(renew.options().find(Code::SERVER_ID), Some(server(1).octets()));
    assert_eq!(renew.addresses(), [ADDRESS]);
    lab.reply(&renew, 2, &[given(900, 900, 100, 160)]);
    assert_eq!(lab.client.ignored().identity, 1, "another server was not asked");
    lab.reply(&renew, 1, &[given(200, 400, 100, 160)]);
    assert_eq!(lab.client.take_events(), [Event::Sent(MessageType::Renew), Event::Bound]);
    let before = lab.seconds();
    lab.expect(MessageType::Renew);
    assert!(lab.seconds() - before <= 101);
}

/// Rows: DH6-6, DH6-12
#[test]
fn a_dead_server_is_replaced_or_missed() {
    let mut lab = Lab::bound();
    while lab.next().kind == MessageType::Renew as u8 {
        assert!(lab.seconds() < 161);
    }
    // At T2 any server will do.
    assert!(lab.seconds() >= 160 && lab.seconds() <= 161);
    let rebind = lab.expect(MessageType::Rebind);
    assert!(rebind.options().find(Code::SERVER_ID).is_none());
    assert_eq!(rebind.addresses(), [ADDRESS]);
    let mut other = Lab { client: lab.client.clone(), now: lab.now };
    other.reply(&rebind, 2, &[given(200, 400, 100, 160)]);
    assert_eq!(other.client.lease().map(|lease| &lease.server), Some(&server(2)));
    // Or there is none: the address goes with its lifetime, and the search begins anew.
    let solicit = loop {
        let sent = lab.next();
        if sent.kind != MessageType::Rebind as u8 {
            break sent;
        }
        assert_eq!(lab.has(), [ADDRESS]);
    };
    assert_eq!(solicit.kind, MessageType::Solicit as u8);
    assert!(lab.seconds() >= 400 && lab.seconds() <= 402, "{}", lab.seconds());
    assert_eq!(lab.has(), NOTHING);
    assert!(lab.client.information().name_servers.is_empty());
    assert!(lab.client.take_events().contains(&Event::Lost));
}

/// Rows: DH6-6
#[test]
fn a_server_that_forgot_is_asked_anew() {
    let mut lab = Lab::bound();
    let renew = lab.expect(MessageType::Renew);
    lab.reply(&renew, 1, &[refused(3)]);
    let request = lab.expect(MessageType::Request);
    assert_eq!(request.addresses(), [ADDRESS]);
    assert_eq!(lab.has(), [ADDRESS], "until it expires it is used");
    lab.reply(&request, 1, &[given(200, 400, 100, 160)]);
    assert!(lab.client.take_events().contains(&Event::Bound));
    // A server that fails leaves the question open.
    let renew = lab.expect(MessageType::Renew);
    lab.reply(&renew, 1, &[option(Code::STATUS, &[0, 1])]);
    lab.expect(MessageType::Renew);
    // One that takes the address away is obeyed.
    let renew = lab.expect(MessageType::Renew);
    lab.reply(&renew, 1, &[given(0, 0, 0, 0)]);
    assert_eq!(lab.has(), NOTHING);
    lab.expect(MessageType::Solicit);
}

/// Rows: DH6-7
#[test]
fn another_link() {
    let mut lab = Lab::bound();
    lab.now += 10 * SECOND;
    lab.client.link_changed(lab.now);
    let confirm = lab.expect(MessageType::Confirm);
    assert_eq!(confirm.addresses(), [ADDRESS]);
    assert!(confirm.options().find(Code::SERVER_ID).is_none());
    let mut wrong = Lab { client: lab.client.clone(), now: lab.now };
    lab.reply(&confirm, 3, &[option(Code::STATUS, &[0, 0])]);
    assert_eq!(lab.has(), [ADDRESS]);
    lab.expect(MessageType::Renew);
    assert!(lab.seconds() >= 100 && lab.seconds() <= 101);
    // The same, where the address is wrong.
    wrong.reply(&confirm, 3, &[option(Code::STATUS, &[0, 4])]);
    assert_eq!(wrong.has(), NOTHING);
    wrong.expect(MessageType::Solicit);
}

/// Rows: DH6-7
#[test]
fn nobody_confirms() {
    let lease = Lab::bound().client.lease().cloned().unwrap();
    // As after a restart of the program.
    let mut lab = Lab::new(Purpose::Address { rapid: true });
    lab.now = 20 * SECOND;
    lab.client.resume(Lease::parse(&lease.text()).unwrap(), lab.now);
    let mut confirms = 0;
    loop {
        let sent = lab.next();
        if sent.kind != MessageType::Confirm as u8 {
            assert_eq!(sent.kind, MessageType::Renew as u8);
            break;
        }
        confirms += 1;
    }
    assert!((3..=5).contains(&confirms), "CNF_MAX_RD is 10 seconds: {confirms}");
    // One whose time is over is not confirmed.
    lab.now = 500 * SECOND;
    lab.client.resume(lease, lab.now);
    lab.expect(MessageType::Solicit);
}

/// Rows: DH6-8
#[test]
fn somebody_else_has_the_address() {
    let mut lab = Lab::bound();
    let before = lab.now;
    lab.client.decline(Ipv6Addr::LOCALHOST, lab.now);
    assert_eq!(lab.has(), [ADDRESS], "not one of its addresses");
    lab.client.decline(ADDRESS, lab.now);
    assert_eq!(lab.has(), NOTHING);
    let decline = lab.expect(MessageType::Decline);
    assert_eq!(lab.now, before);
    assert_eq!(decline.options().find(Code::SERVER_ID), Some(server(1).octets()));
    assert_eq!(decline.addresses(), [ADDRESS]);
    let mut silent = Lab { client: lab.client.clone(), now: lab.now };
    lab.reply(&decline, 1, &[option(Code::STATUS, &[0, 0])]);
    lab.expect(MessageType::Solicit);
    assert!(lab.now >= before + 10 * SECOND, "no fight for one address");
    for _ in 0..3 {
        silent.expect(MessageType::Decline);
    }
    silent.expect(MessageType::Solicit);
}

/// Rows: DH6-10
#[test]
fn release() {
    let mut lab = Lab::bound();
    lab.client.release(lab.now);
    assert_eq!(lab.has(), NOTHING, "the address is off before the message");
    let release = lab.expect(MessageType::Release);
    assert_eq!(release.options().find(Code::SERVER_ID), Some(server(1).octets()));
    assert_eq!(release.addresses(), [ADDRESS]);
    let mut silent = Lab { client: lab.client.clone(), now: lab.now };
    lab.reply(&release, 1, &[option(Code::STATUS, &[0, 3])]);
    assert!(lab.client.is_idle(), "whatever it says");
    assert!(lab.client.take_events().contains(&Event::Released));
    for _ in 0..3 {
        silent.expect(MessageType::Release);
    }
    silent.now = silent.client.deadline().unwrap();
    assert!(silent.client.poll(silent.now).is_none());
    assert!(silent.client.is_idle() && silent.client.deadline().is_none());
}

/// Rows: DH6-1, DH6-2, DH6-14
#[test]
fn information_only() {
    let mut lab = Lab::new(Purpose::Information);
    let question = lab.expect(MessageType::InformationRequest);
    assert!(lab.now <= SECOND, "INF_MAX_DELAY");
    assert_eq!(question.requested(), [23, 24, 31, 56, 32, 83]);
    assert!(question.options().find(Code::IA_NA).is_none());
    lab.reply(&question, 1, &[dns(), option(Code::DOMAIN_LIST, b"\x03lab\0")]);
    assert_eq!(lab.client.information().domains, ["lab"]);
    assert_eq!(lab.client.deadline(), Some(lab.now + 86_400 * SECOND), "IRT_DEFAULT");
    let question = lab.expect(MessageType::InformationRequest);
    lab.reply(&question, 1, &[dns(), option(Code::INFORMATION_REFRESH_TIME, &[0, 0, 0, 9])]);
    let minimum = u64::from(REFRESH_MINIMUM) * SECOND;
    assert_eq!(lab.client.deadline(), Some(lab.now + minimum), "IRT_MINIMUM");
    let question = lab.expect(MessageType::InformationRequest);
    lab.reply(&question, 1, &[option(Code::INFORMATION_REFRESH_TIME, &[0xff; 4])]);
    assert_eq!(lab.client.deadline(), None);
    assert!(lab.client.information().name_servers.is_empty());
    lab.client.link_changed(lab.now);
    lab.expect(MessageType::InformationRequest);
}

/// Rows: DH6-12
#[test]
fn servers_limit_the_questions() {
    let mut lab = Lab::new(Purpose::Address { rapid: true });
    let solicit = lab.next();
    // Useless, but obeyed in this.
    lab.advertise(&solicit, 1, &[refused(2), option(Code::SOL_MAX_RT, &[0, 0, 0, 60])]);
    lab.advertise(&solicit, 1, &[refused(2), option(Code::SOL_MAX_RT, &[0, 0, 0, 59])]);
    lab.advertise(&solicit, 1, &[refused(2), option(Code::SOL_MAX_RT, &[0, 2, 0, 0])]);
    assert_eq!(lab.client.ignored().useless, 3);
    let mut last = lab.now;
    for _ in 0..12 {
        lab.expect(MessageType::Solicit);
        assert!(lab.now - last <= 66 * SECOND);
        last = lab.now;
    }
    assert!(lab.now - last <= 66 * SECOND && lab.seconds() > 300);
    let mut lab = Lab::new(Purpose::Information);
    let question = lab.next();
    lab.reply(&question, 1, &[refused(1), option(Code::INF_MAX_RT, &[0, 0, 0, 90]), dns()]);
    lab.client.link_changed(lab.now);
    let mut last = lab.now;
    for _ in 0..12 {
        lab.expect(MessageType::InformationRequest);
        assert!(last == 0 || lab.now - last <= 99 * SECOND);
        last = lab.now;
    }
}

/// Rows: DH6-12
#[test]
fn a_request_is_given_up() {
    let mut lab = Lab::new(Purpose::Address { rapid: false });
    let solicit = lab.next();
    lab.advertise(&solicit, 1, &[given(200, 400, 100, 160), preference(&[255])]);
    for _ in 0..10 {
        lab.expect(MessageType::Request);
    }
    lab.expect(MessageType::Solicit);
    assert!(lab.client.take_events().contains(&Event::Unanswered(MessageType::Request)));
}

/// Rows: DH6-3
#[test]
fn refusals_begin_a_new_search() {
    for parts in [[refused(2)], [option(Code::STATUS, &[0, 4])], [association(0, 0, |_| {})]] {
        let mut lab = Lab::new(Purpose::Address { rapid: false });
        let solicit = lab.next();
        lab.advertise(&solicit, 1, &[given(200, 400, 100, 160), preference(&[255])]);
        let request = lab.expect(MessageType::Request);
        lab.reply(&request, 1, &parts);
        assert_eq!(lab.has(), NOTHING);
        lab.expect(MessageType::Solicit);
    }
}

/// Rows: DH6-11, DH6-16
#[test]
fn what_is_not_for_us_is_ignored() {
    let mut lab = Lab::new(Purpose::Address { rapid: true });
    let solicit = lab.next();
    let good = |lab: &Lab, transaction, client: &[u8], with_server: bool| {
        let mut writer = Writer::new(MessageType::Reply, transaction);
        writer.option(Code::CLIENT_ID, client);
        if with_server {
            writer.option(Code::SERVER_ID, server(1).octets());
        }
        // Options that nobody knows are none of our business.
        writer.option(Code(0xfffe), &[1, 2, 3]);
        given(200, 400, 100, 160)(&mut writer);
        rapid()(&mut writer);
        (writer.finish(), lab.now)
    };
    let ours = duid();
    let other = TransactionId::new(0);
    for (transaction, client, with_server) in [
        (other, ours.octets(), true),
        (solicit.transaction, &[0, 3, 1][..], true),
        (solicit.transaction, ours.octets(), false),
    ] {
        let (bytes, now) = good(&lab, transaction, client, with_server);
        lab.client.receive(&bytes, now);
        assert_eq!(lab.has(), NOTHING);
    }
    let (bytes, now) = good(&lab, solicit.transaction, ours.octets(), true);
    let mut reconfigure = bytes.clone();
    reconfigure[0] = 10;
    lab.client.receive(&reconfigure, now);
    lab.client.receive(&[], now);
    for end in 0..bytes.len() {
        lab.client.receive(&bytes[..end], now);
    }
    let ignored = lab.client.ignored();
    assert_eq!((ignored.unexpected, lab.has().len()), (4, 0), "{ignored:?}");
    assert!(ignored.identity >= 2 && ignored.malformed > 20, "{ignored:?}");
    lab.client.receive(&bytes, now);
    assert_eq!(lab.has(), [ADDRESS]);
    // Once more: no question is open.
    lab.client.receive(&bytes, now);
    assert_eq!(lab.client.ignored().unexpected, 5);
}

/// Rows: DH6-13
#[test]
fn a_mad_server_cannot_keep_the_client_busy() {
    let mut lab = Lab::new(Purpose::Address { rapid: true });
    let mut messages = 0;
    while lab.now < 600 * SECOND {
        let sent = lab.next();
        messages += 1;
        match sent.kind {
            1 => lab.advertise(&sent, 1, &[given(2, 4, 1, 1), preference(&[255])]),
            _ => lab.reply(&sent, 1, &[option(Code::STATUS, &[0, 4])]),
        }
    }
    assert!(messages <= 620 + 1, "{messages} messages in 600 seconds");
}
