//! The kernel's rtnetlink: requests of programs, on a stack with an interface that no hardware
//! stands behind.

use super::Verdict;
use kernel::net::socket::{MessageFlags, Outgoing, Socket};
use kernel::net::{change_stack, create_socket};
use kernel::syscall::errno::Errno;
use kernel::syscall::user_memory::{UserReader, UserWriter};
use kernel::time;
use linux_raw_sys::net::{AF_INET6, AF_NETLINK, SOCK_RAW};
use linux_raw_sys::netlink::{
    IFA_ADDRESS, IFA_CACHEINFO, IFLA_MTU, NDA_DST, NDA_LLADDR, NETLINK_ROUTE, NLM_F_ACK,
    NLM_F_CREATE, NLM_F_DUMP, NLM_F_EXCL, NLM_F_REQUEST, NLMSG_ERROR, RTM_DELADDR, RTM_DELROUTE,
    RTM_GETADDR, RTM_GETLINK, RTM_GETNEIGH, RTM_GETROUTE, RTM_NEWADDR, RTM_NEWLINK, RTM_NEWNEIGH,
    RTM_NEWROUTE, rtattr_type_t,
};
use net::interface::{InterfaceConfig, InterfaceIndex, InterfaceKind};
use net::netif::{LinkState, MacAddress};
use std::net::Ipv6Addr;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The stack is one for the whole process.
static TURN: Mutex<()> = Mutex::new(());

const NAME: &str = "fuzz0";
/// nlmsghdr.
const HEADER: usize = 16;
/// A dump of everything there can be is no longer.
const DATAGRAMS: usize = 10_000;

/// A stack with an interface; dropping it removes that.
struct Fixture {
    index: InterfaceIndex,
    _turn: MutexGuard<'static, ()>,
}

impl Fixture {
    fn new() -> Self {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let index = change_stack(|stack| {
            let kind = InterfaceKind::Ethernet { mac: MacAddress([2, 0, 0, 0, 0, 1]) };
            let config = InterfaceConfig { name: NAME, kind, mtu: 1500 };
            let index = stack.add_interface(&config).expect("there is room for it");
            stack.set_admin_up(index, true, time::now()).expect("it exists");
            let up = LinkState::Up { speed: None };
            stack.set_link(index, up, time::now()).expect("it exists");
            index
        });
        Self { index, _turn: turn }
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        let gone = change_stack(|stack| stack.remove_interface(self.index, time::now()));
        // A test that fails already fails for a better reason.
        assert!(gone.is_ok() || std::thread::panicking(), "the interface is gone");
    }
}

fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let mut octets = (value.len() as u16 + 4).to_ne_bytes().to_vec();
    octets.extend(kind.to_ne_bytes());
    octets.extend(value);
    octets.resize(octets.len().next_multiple_of(4), 0);
    octets
}

fn request(kind: u32, flags: u32, body: &[u8], attributes: &[Vec<u8>]) -> Vec<u8> {
    let length = HEADER + body.len() + attributes.iter().map(Vec::len).sum::<usize>();
    let mut octets = (length as u32).to_ne_bytes().to_vec();
    octets.extend((kind as u16).to_ne_bytes());
    octets.extend(((flags | NLM_F_REQUEST) as u16).to_ne_bytes());
    octets.extend([1, 0, 0, 0, 0, 0, 0, 0]);
    octets.extend(body);
    octets.extend(attributes.concat());
    octets
}

pub(super) fn corpus() -> Vec<Vec<u8>> {
    let fixture = Fixture::new();
    let index = fixture.index.get().to_ne_bytes();
    let family = AF_INET6 as u8;
    let new = NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;
    let address = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 5).octets();
    let neighbor = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1).octets();
    let ifaddrmsg = [&[family, 64, 0, 0][..], &index].concat();
    let addresses =
        [attribute(IFA_ADDRESS as u16, &address), attribute(IFA_CACHEINFO as u16, &[0xff; 16])];
    // Permanent.
    let ndmsg = [&[family, 0, 0, 0][..], &index, &[0x80, 0, 0, 0]].concat();
    let neighbors =
        [attribute(NDA_DST as u16, &neighbor), attribute(NDA_LLADDR as u16, &[2, 0, 0, 0, 0, 9])];
    // Table main, protocol static, unicast.
    let rtmsg = [family, 64, 0, 0, 254, 4, 0, 1, 0, 0, 0, 0];
    let prefix = Ipv6Addr::new(0x2001, 0xdb8, 9, 0, 0, 0, 0, 0).octets();
    let route = [
        attribute(rtattr_type_t::RTA_DST as u16, &prefix),
        attribute(rtattr_type_t::RTA_GATEWAY as u16, &neighbor),
        attribute(rtattr_type_t::RTA_OIF as u16, &index),
        attribute(rtattr_type_t::RTA_PRIORITY as u16, &[0, 4, 0, 0]),
    ];
    let ifinfomsg = [&[0, 0, 0, 0][..], &index, &[0; 8]].concat();
    let dump = |kind| {
        request(kind, NLM_F_DUMP, &[family, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], &[])
    };
    let mtu = attribute(IFLA_MTU as u16, &1400_u32.to_ne_bytes());
    let all = [
        dump(RTM_GETLINK as u32),
        dump(RTM_GETADDR as u32),
        dump(RTM_GETROUTE as u32),
        dump(RTM_GETNEIGH as u32),
        request(RTM_NEWADDR as u32, new, &ifaddrmsg, &addresses),
        request(RTM_DELADDR as u32, NLM_F_ACK, &ifaddrmsg, &addresses[..1]),
        request(RTM_NEWNEIGH as u32, new, &ndmsg, &neighbors),
        request(RTM_NEWROUTE as u32, new, &rtmsg, &route),
        request(RTM_DELROUTE as u32, NLM_F_ACK, &rtmsg, &route),
        request(RTM_NEWLINK as u32, NLM_F_ACK, &ifinfomsg, &[mtu]),
    ];
    // Each behind all others, which make what it deletes, and all in one datagram.
    let made = all.concat();
    all.iter().map(|one| [&made[..], one].concat()).chain([made.clone()]).collect()
}

/// The messages of an answer, which must fill it.
fn messages(datagram: &[u8]) -> Vec<(u16, &[u8])> {
    let (mut rest, mut messages) = (datagram, Vec::new());
    while let Some((header, _)) = rest.split_first_chunk::<HEADER>() {
        let length = u32::from_ne_bytes([header[0], header[1], header[2], header[3]]) as usize;
        assert!((HEADER..=rest.len()).contains(&length), "{length} of {}", rest.len());
        messages.push((u16::from_ne_bytes([header[4], header[5]]), &rest[HEADER..length]));
        rest = &rest[length.next_multiple_of(4).min(rest.len())..];
    }
    assert!(rest.is_empty(), "{} octets behind the last message", rest.len());
    messages
}

fn answers(socket: &dyn Socket) -> Vec<Vec<u8>> {
    let mut answers = Vec::new();
    loop {
        let mut octets = vec![0; 32_768];
        let mut to = UserWriter::from_bytes(&mut octets);
        match socket.try_receive(&mut to, MessageFlags::empty()) {
            Ok(incoming) => answers.push(octets[..incoming.length].to_vec()),
            Err(error) => {
                assert!(matches!(error, Errno::AGAIN | Errno::NOBUFS), "{error:?}");
                if error == Errno::AGAIN {
                    return answers;
                }
            }
        }
        assert!(answers.len() < DATAGRAMS, "it does not stop answering");
    }
}

/// No panic; what is answered is well-formed; and afterwards the link can be asked about.
pub(super) fn run(octets: &[u8]) -> Verdict {
    let _fixture = Fixture::new();
    let socket = create_socket(1, AF_NETLINK, SOCK_RAW, NETLINK_ROUTE).expect("it is known");
    let ask = |octets: &[u8]| {
        let mut from = UserReader::from_bytes(octets);
        let sent = socket.try_send(&mut from, Outgoing::default(), MessageFlags::empty());
        (sent.is_ok(), answers(&*socket))
    };
    let (_, answered) = ask(octets);
    let mut taken = false;
    for datagram in &answered {
        for (kind, payload) in messages(datagram) {
            let refused = u32::from(kind) == NLMSG_ERROR && !payload.starts_with(&[0; 4]);
            taken |= !refused;
        }
    }
    let (sent, answered) = ask(&request(RTM_GETLINK as u32, NLM_F_DUMP, &[0; 16], &[]));
    let links = answered.iter().flat_map(|datagram| messages(datagram));
    assert!(sent, "the link can be asked about");
    let found = links.filter(|(kind, _)| u32::from(*kind) == RTM_NEWLINK as u32).count();
    assert!(found >= 1, "the link is there");
    Verdict::taken_if(taken)
}
