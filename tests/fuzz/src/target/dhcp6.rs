//! The DHCPv6 client: datagrams of servers and time, in any order.

use super::Verdict;
use crate::script::{OPERAND, Step, decode, encode};
use net_tools::clock::SECOND;
use netconfig::dhcp6::Random;
use netconfig::dhcp6::client::{Client, Identity, Purpose};
use netconfig::dhcp6::duid::Duid;
use netconfig::dhcp6::message::{MessageType, TransactionId, Writer};
use netconfig::dhcp6::option::{Code, MOST_ADDRESSES};
use std::net::Ipv6Addr;

const IAID: u32 = 7;
const MILLISECOND: u64 = SECOND / 1000;
const ADDRESS: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, 0x100);
/// Datagrams that may go out in a month: the shortest interval of a retransmission is a second, and
/// a lease may be short.
const WAKINGS: u64 = 31 * 86_400 * 4;

/// Numbers by a seed (xorshift32).
struct Seeded(u32);

impl Random for Seeded {
    fn next(&mut self) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0
    }
}

fn duid(last: u8) -> Duid {
    Duid::from_ethernet([0x52, 0x54, 0, 0, 0, last])
}

/// A server's message; the transaction is filled in when it arrives.
fn message(kind: MessageType, lifetimes: Option<[u32; 4]>, more: &[(Code, &[u8])]) -> Step {
    let mut writer = Writer::new(kind, TransactionId::new(0));
    writer.option(Code::CLIENT_ID, duid(1).octets()).option(Code::SERVER_ID, duid(2).octets());
    if let Some([t1, t2, preferred, valid]) = lifetimes {
        writer.nested(Code::IA_NA, |ia| {
            ia.fields(&IAID.to_be_bytes()).fields(&t1.to_be_bytes()).fields(&t2.to_be_bytes());
            ia.nested(Code::IA_ADDRESS, |address| {
                address.fields(&ADDRESS.octets());
                address.fields(&preferred.to_be_bytes()).fields(&valid.to_be_bytes());
            });
        });
    }
    for (code, data) in more {
        writer.option(*code, data);
    }
    Step::Arrival(writer.finish())
}

pub(super) fn corpus() -> Vec<Vec<u8>> {
    use MessageType::{Advertise, Reply};
    let second = || Step::Time(2000);
    let lease = Some([100, 160, 200, 400]);
    let servers = ADDRESS.octets();
    let dns = [(Code::DNS_SERVERS, &servers[..]), (Code::DOMAIN_LIST, b"\x03lab\0")];
    let rapid = [(Code::RAPID_COMMIT, &[][..]), dns[0]];
    let limits = [(Code::SOL_MAX_RT, &[0, 0, 0x0e, 0x10][..]), (Code::STATUS, &[0, 2])];
    let released = Step::Want(0, [0; OPERAND]);
    let declined = {
        let mut operand = [0; OPERAND];
        operand[..16].copy_from_slice(&servers);
        Step::Want(1, operand)
    };
    [
        vec![
            second(),
            message(Advertise, lease, &[(Code::PREFERENCE, &[255])]),
            second(),
            message(Reply, lease, &dns),
            Step::Time(101_000),
            message(Reply, lease, &[]),
            Step::Time(170_000),
            message(Reply, Some([0, 0, 0, 0]), &[]),
            second(),
        ],
        vec![second(), message(Reply, lease, &rapid), Step::Time(500_000)],
        vec![second(), message(Advertise, None, &limits), Step::Time(90_000)],
        vec![second(), message(Reply, lease, &rapid), released, message(Reply, None, &[])],
        vec![second(), message(Reply, lease, &rapid), declined, message(Reply, None, &[])],
        vec![second(), message(Reply, lease, &rapid), Step::Want(2, [0; OPERAND]), second()],
    ]
    .iter()
    .map(|script| encode(script))
    .collect()
}

/// The client, the time, and the transaction of what it sent last.
struct Device {
    client: Client<Seeded>,
    now: u64,
    transaction: [u8; 3],
}

impl Device {
    fn collect(&mut self) {
        let mut count = 0;
        while let Some(datagram) = self.client.poll(self.now) {
            let [_, transaction @ .., _] = datagram.first_chunk::<5>().expect("it has options");
            self.transaction = *transaction;
            count += 1;
            assert!(count < 4, "it does not stop sending");
        }
    }

    fn pass(&mut self, time: u64) {
        let end = self.now + time;
        let mut wakings = 0;
        while let Some(next) = self.client.deadline().filter(|&next| next <= end) {
            self.now = self.now.max(next);
            self.collect();
            wakings += 1;
            assert!(wakings < WAKINGS, "it does not come to rest");
        }
        self.now = end;
    }

    /// What it says it has is what a host can have.
    fn check(&mut self) {
        self.client.take_events();
        let Some(lease) = self.client.lease() else { return };
        assert!((1..=MOST_ADDRESSES).contains(&lease.addresses.len()), "{lease:?}");
        for leased in &lease.addresses {
            assert!(!leased.address.is_multicast(), "{leased:?}");
            assert!(!leased.address.is_unspecified(), "{leased:?}");
            let end = leased.valid.unwrap_or(u64::MAX);
            assert!(leased.preferred.unwrap_or(u64::MAX) <= end, "{leased:?}");
        }
    }
}

/// No panic, no flood of messages, no lease that makes no sense.
pub(super) fn run(octets: &[u8]) -> Verdict {
    let identity = Identity { duid: duid(1), iaid: IAID };
    let client = Client::new(identity, Purpose::Address { rapid: true }, Seeded(77));
    let mut device = Device { client, now: 0, transaction: [0; 3] };
    device.client.begin(0);
    let mut arrivals = 0;
    for step in decode(octets) {
        match step {
            Step::Time(milliseconds) => device.pass(u64::from(milliseconds) * MILLISECOND),
            Step::Arrival(mut datagram) => {
                if let Some(transaction) = datagram.get_mut(1..4) {
                    transaction.copy_from_slice(&device.transaction);
                }
                device.client.receive(&datagram, device.now);
                device.collect();
                arrivals += 1;
            }
            Step::Want(what, operand) => {
                let [address @ .., _, _, _, _] = operand;
                match what % 3 {
                    0 => device.client.release(device.now),
                    1 => device.client.decline(address.into(), device.now),
                    _ => device.client.link_changed(device.now),
                }
                device.collect();
            }
        }
        device.check();
    }
    let ignored = device.client.ignored();
    device.pass(300 * SECOND);
    device.check();
    let refused = ignored.malformed + ignored.unexpected + ignored.identity;
    Verdict::taken_if(arrivals > u64::from(refused))
}
