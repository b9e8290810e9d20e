//! The multicast DNS responder: messages from the link and time, in any order.

use super::Verdict;
use crate::script::{OPERAND, Step, decode, encode};
use mdnsd::responder::Responder;
use mdnsd::title::Title;
use std::net::{Ipv6Addr, SocketAddrV6};
use std::time::Duration;

const LINK: u32 = 2;
const PORT: u16 = 5353;
const OWN: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);
const OTHER: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 2);
/// Messages that may come of one event, and wakings of the longest time.
const BURST: u32 = 200;
const WAKINGS: u32 = 1_000_000;

/// A name of the corpus: host.local.
const NAME: &[u8] = b"\x04host\x05local\0";

/// A message with one question and records in its sections.
fn message(flags: u16, question: Option<u16>, sections: [&[Vec<u8>]; 3]) -> Vec<u8> {
    let mut message = vec![0, 0];
    message.extend(flags.to_be_bytes());
    message.extend(u16::from(question.is_some()).to_be_bytes());
    message.extend(sections.iter().flat_map(|section| (section.len() as u16).to_be_bytes()));
    if let Some(kind) = question {
        message.extend(NAME);
        message.extend(kind.to_be_bytes());
        message.extend([0, 1]);
    }
    message.extend(sections.concat().concat());
    message
}

fn address(of: Ipv6Addr, lifetime: u32) -> Vec<u8> {
    let mut record = NAME.to_vec();
    record.extend([0, 28, 0x80, 1]);
    record.extend(lifetime.to_be_bytes());
    record.extend([0, 16]);
    record.extend(of.octets());
    record
}

pub(super) fn corpus() -> Vec<Vec<u8>> {
    let quiet = Step::Time(10_000);
    let arrives = |message| Step::Arrival(message);
    let question = || arrives(message(0, Some(28), [&[], &[], &[]]));
    let known = arrives(message(0, Some(255), [&[address(OWN, 120)], &[], &[]]));
    let probe = arrives(message(0, Some(255), [&[], &[address(OTHER, 120)], &[]]));
    let claim = |lifetime| arrives(message(0x8400, None, [&[address(OTHER, lifetime)], &[], &[]]));
    let renumbered = Step::Want(0, [0x20; OPERAND]);
    [
        vec![quiet.clone(), question(), Step::Time(1000), question(), known],
        vec![Step::Time(100), probe.clone(), quiet.clone(), question()],
        vec![quiet.clone(), claim(120), quiet.clone(), probe, quiet.clone()],
        vec![quiet.clone(), claim(0), renumbered, quiet, question()],
    ]
    .iter()
    .map(|script| encode(script))
    .collect()
}

/// The responder, and the time.
struct Device {
    responder: Responder,
    now: Duration,
    sent: u32,
}

impl Device {
    fn collect(&mut self) {
        let mut count = 0;
        while let Some(outgoing) = self.responder.poll(self.now) {
            assert_eq!(outgoing.link, LINK);
            // What fits a packet that is no jumbogram (RFC 6762, Section 17).
            assert!(outgoing.message.len() <= 9000 && outgoing.message.len() >= 12);
            count += 1;
            assert!(count < BURST, "it does not stop sending");
        }
        self.sent += count;
    }

    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        let mut wakings = 0;
        while let Some(next) = self.responder.deadline().filter(|&next| next <= end) {
            self.now = self.now.max(next);
            self.collect();
            wakings += 1;
            assert!(wakings < WAKINGS, "it does not come to rest");
        }
        self.now = end;
    }
}

/// No panic, no flood; afterwards it has a name again.
pub(super) fn run(octets: &[u8]) -> Verdict {
    let title = Title::new("host").expect("it is a name");
    let mut device = Device { responder: Responder::new(title, 1), now: Duration::ZERO, sent: 0 };
    device.responder.set_addresses(LINK, vec![OWN], device.now);
    let before = device.responder.statistics();
    let mut messages = 0;
    for step in decode(octets) {
        match step {
            Step::Time(milliseconds) => {
                device.pass(Duration::from_millis(u64::from(milliseconds)));
            }
            Step::Arrival(message) => {
                // The first octet tells who sends it, and how; the number of a message is of no
                // account.
                let kind = message.first().copied().unwrap_or(0);
                let (from, port) = if kind & 1 == 0 { (OTHER, PORT) } else { (OWN, 40_000) };
                let from = SocketAddrV6::new(from, port, 0, LINK);
                device.responder.received(LINK, from, kind & 2 == 0, &message, device.now);
                device.collect();
                messages += 1;
            }
            Step::Want(_, operand) => {
                let [prefix @ .., _, _, _, _] = operand;
                let all = vec![OWN, Ipv6Addr::from(prefix)];
                device.responder.set_addresses(LINK, all, device.now);
            }
        }
    }
    let ignored = device.responder.statistics().ignored - before.ignored;
    device.pass(Duration::from_mins(1));
    assert!(device.responder.is_settled(), "it has no name");
    assert!(device.sent > 0, "it never spoke");
    Verdict::taken_if(messages > ignored)
}
