//! `ip link add … type vlan`, and what becomes of it.

use super::*;
use crate::fs::generated::Generated;
use crate::net::proc::vlan;
use ::net::limits;
use alloc::string::{String, ToString};
use linux_raw_sys::net::SOL_NETLINK;
use linux_raw_sys::netlink::{
    IFLA_INFO_DATA, IFLA_INFO_KIND, IFLA_LINK, IFLA_LINKINFO, IFLA_OPERSTATE, IFLA_VLAN_EGRESS_QOS,
    IFLA_VLAN_FLAGS, IFLA_VLAN_ID, IFLA_VLAN_PROTOCOL, NETLINK_EXT_ACK, RTM_DELLINK, RTMGRP_LINK,
};

/// A request as iproute2 makes it, field by field.
#[derive(Clone)]
struct Wish<'a> {
    kind: &'a [u8],
    data: Vec<(u32, Vec<u8>)>,
    link: Option<u32>,
    name: Option<&'a [u8]>,
    mtu: Option<u32>,
    up: bool,
}

impl Wish<'_> {
    fn new(fixture: &Fixture, id: u16) -> Self {
        Self {
            kind: b"vlan",
            data: alloc::vec![(IFLA_VLAN_ID as u32, id.to_ne_bytes().to_vec())],
            link: Some(fixture.index.get()),
            name: Some(b"test0.5\0"),
            mtu: None,
            up: false,
        }
    }

    fn with(mut self, kind: u32, value: &[u8]) -> Self {
        self.data.push((kind, value.to_vec()));
        self
    }

    /// Asks for it: the error number.
    fn ask(&self, fixture: &Fixture) -> i32 {
        let mut info = Builder::new(Header { kind: 0, flags: 0, sequence: 0, port: 0 });
        info.attribute(IFLA_INFO_KIND as u32, self.kind);
        info.nested(IFLA_INFO_DATA as u32, |builder| {
            for (kind, value) in &self.data {
                builder.attribute(*kind, value);
            }
        });
        let info = info.finish()[16..].to_vec();
        let mut body = [0; 16];
        if self.up {
            (body[8], body[12]) = (1, 1);
        }
        let (link, mtu) = (self.link.map(u32::to_ne_bytes), self.mtu.map(u32::to_ne_bytes));
        let mut attributes: Vec<(u32, &[u8])> = alloc::vec![(IFLA_LINKINFO as u32, &info[..])];
        attributes.extend(link.as_ref().map(|value| (IFLA_LINK as u32, &value[..])));
        attributes.extend(mtu.as_ref().map(|value| (IFLA_MTU as u32, &value[..])));
        attributes.extend(self.name.map(|value| (IFLA_IFNAME as u32, value)));
        fixture.errno(RTM_NEWLINK as u32, ADD, &body, &attributes)
    }
}

fn delete(fixture: &Fixture, name: &[u8]) -> i32 {
    fixture.errno(RTM_DELLINK as u32, CHANGE, &[0; 16], &[(IFLA_IFNAME as u32, name)])
}

/// The message about an interface.
fn show(fixture: &Fixture, name: &[u8]) -> Option<Vec<u8>> {
    let named =
        |payload: &Vec<u8>| Attributes::after(payload, 16).get(IFLA_IFNAME as u32) == Some(name);
    fixture.dump(RTM_GETLINK as u32).into_iter().find(named)
}

#[test]
fn a_vlan_comes_is_shown_and_goes() {
    let fixture = Fixture::new();
    let listener = NetlinkSocket::new(79, NETLINK_ROUTE).unwrap();
    listener.bind(&crate::net::netlink::emit_address(0, RTMGRP_LINK)).unwrap();
    assert_eq!(Wish { up: true, ..Wish::new(&fixture, 5) }.ask(&fixture), 0);

    let shown = show(&fixture, b"test0.5\0").expect("it is in the dump");
    let attributes = Attributes::after(&shown, 16);
    assert_eq!(attributes.get_u32(IFLA_LINK as u32), Some(fixture.index.get()));
    assert_eq!(attributes.get_u32(IFLA_MTU as u32), Some(1500));
    assert_eq!(attributes.get(IFLA_ADDRESS as u32), Some(&MAC[..]));
    assert_eq!(attributes.get(IFLA_OPERSTATE as u32), Some(&[6][..]), "IF_OPER_UP");
    let info = Attributes::within(attributes.get(IFLA_LINKINFO as u32).unwrap());
    assert_eq!(info.get(IFLA_INFO_KIND as u32), Some(&b"vlan\0"[..]));
    let data = Attributes::within(info.get(IFLA_INFO_DATA as u32).unwrap());
    assert_eq!(data.get(IFLA_VLAN_ID as u32), Some(&5u16.to_ne_bytes()[..]));
    assert_eq!(data.get(IFLA_VLAN_PROTOCOL as u32), Some(&[0x81, 0][..]));
    assert_eq!(data.get(IFLA_VLAN_FLAGS as u32), Some(&[1, 0, 0, 0, 255, 255, 255, 255][..]));

    // The adapter itself says nothing of the kind.
    let shown = show(&fixture, b"test0\0").unwrap();
    let attributes = Attributes::after(&shown, 16);
    assert_eq!(attributes.get(IFLA_LINK as u32).or(attributes.get(IFLA_LINKINFO as u32)), None);

    assert_eq!(delete(&fixture, b"test0.5\0"), 0);
    assert_eq!(show(&fixture, b"test0.5\0"), None);
    assert_eq!(delete(&fixture, b"test0.5\0"), 19, "ENODEV");
    assert_eq!(delete(&fixture, b"test0\0"), 95, "EOPNOTSUPP: what the hardware made");

    let mut kinds = Vec::new();
    let mut bytes = [0; 4096];
    while let Ok(incoming) =
        listener.try_receive(&mut UserWriter::from_bytes(&mut bytes), MessageFlags::empty())
    {
        for message in Messages::new(&bytes[..incoming.length]) {
            let name = Attributes::after(message.payload, 16).get(IFLA_IFNAME as u32);
            if name == Some(b"test0.5\0") {
                kinds.push(message.header.kind);
            }
        }
    }
    assert_eq!(kinds.first(), Some(&(RTM_NEWLINK as u16)));
    assert_eq!(kinds.last(), Some(&(RTM_DELLINK as u16)));
}

#[test]
fn vlans_that_linux_would_not_make_either() {
    let fixture = Fixture::new();
    let wish = Wish::new(&fixture, 5);
    let flags = |flags: u32, mask: u32| [flags, mask].map(u32::to_ne_bytes).concat();
    let (id, protocol) = (IFLA_VLAN_ID as u32, IFLA_VLAN_PROTOCOL as u32);
    for (errno, what, wish) in [
        (95, "EOPNOTSUPP: another kind", Wish { kind: b"dummy", ..wish.clone() }),
        (22, "EINVAL: no number", Wish { data: Vec::new(), ..wish.clone() }),
        (34, "ERANGE: 0", Wish::new(&fixture, 0)),
        (34, "ERANGE: 4095", Wish::new(&fixture, 4095)),
        (22, "EINVAL: half a number", Wish { data: Vec::new(), ..wish.clone() }.with(id, &[5])),
        (22, "EINVAL: on nothing", Wish { link: None, ..wish.clone() }),
        (19, "ENODEV: on what is not there", Wish { link: Some(99), ..wish.clone() }),
        (19, "ENODEV: on number 0", Wish { link: Some(0), ..wish.clone() }),
        (95, "EOPNOTSUPP: on lo", Wish { link: Some(1), ..wish.clone() }),
        (93, "EPROTONOSUPPORT: 802.1ad", wish.clone().with(protocol, &[0x88, 0xa8])),
        (22, "EINVAL: unknown flag", wish.clone().with(IFLA_VLAN_FLAGS as u32, &flags(64, 64))),
        (95, "EOPNOTSUPP: GVRP", wish.clone().with(IFLA_VLAN_FLAGS as u32, &flags(2, 2))),
        (95, "EOPNOTSUPP: tag kept", wish.clone().with(IFLA_VLAN_FLAGS as u32, &flags(0, 1))),
        (95, "EOPNOTSUPP: priorities", wish.clone().with(IFLA_VLAN_EGRESS_QOS as u32, &[])),
        (22, "EINVAL: MTU", Wish { mtu: Some(1501), ..wish.clone() }),
        (22, "EINVAL: MTU", Wish { mtu: Some(70_000), ..wish.clone() }),
        (22, "EINVAL: name", Wish { name: Some(b"a/b\0"), ..wish.clone() }),
        (17, "EEXIST: name", Wish { name: Some(b"test0\0"), ..wish.clone() }),
        (
            0,
            "as iproute2 says it with all words",
            wish.with(protocol, &[0x81, 0]).with(IFLA_VLAN_FLAGS as u32, &flags(1, 1)),
        ),
        (17, "EEXIST: number", Wish { name: Some(b"other\0"), ..Wish::new(&fixture, 5) }),
    ] {
        assert_eq!(wish.ask(&fixture), errno, "{what}");
    }
    // Without a name it gets one; eight there are, and no ninth.
    for number in 1..limits::VLANS as u16 {
        let wish = Wish { name: None, ..Wish::new(&fixture, 100 + number) };
        assert_eq!(wish.ask(&fixture), 0);
    }
    assert!(show(&fixture, b"vlan0\0").is_some() && show(&fixture, b"vlan6\0").is_some());
    let ninth = Wish { name: None, ..Wish::new(&fixture, 200) };
    assert_eq!(ninth.ask(&fixture), 28, "ENOSPC");
}

#[test]
fn a_vlan_is_up_only_while_its_parent_is() {
    let fixture = Fixture::new();
    change_stack(|stack| stack.set_admin_up(fixture.index, false, time::now()).unwrap());
    assert_eq!(Wish { up: true, ..Wish::new(&fixture, 5) }.ask(&fixture), 100, "ENETDOWN");
    assert_eq!(show(&fixture, b"test0.5\0"), None, "and it is not there");
    assert_eq!(Wish::new(&fixture, 5).ask(&fixture), 0);
    change_stack(|stack| {
        stack.set_admin_up(fixture.index, true, time::now()).unwrap();
        stack.set_link(fixture.index, LinkState::Down, time::now()).unwrap();
    });
    let shown = show(&fixture, b"test0.5\0").unwrap();
    let state = Attributes::after(&shown, 16).get(IFLA_OPERSTATE as u32);
    assert_eq!(state, Some(&[3][..]), "IF_OPER_LOWERLAYERDOWN");
}

#[test]
fn what_kind_an_interface_is_stays() {
    let fixture = Fixture::new();
    let mut body = [0; 16];
    body[4..8].copy_from_slice(&fixture.index.get().to_ne_bytes());
    let set = |flags, attributes: &[(u32, &[u8])]| {
        fixture.errno(RTM_NEWLINK as u32, flags, &body, attributes)
    };
    let mut info = Builder::new(Header { kind: 0, flags: 0, sequence: 0, port: 0 });
    info.attribute(IFLA_INFO_KIND as u32, b"vlan");
    assert_eq!(set(CHANGE, &[(IFLA_LINKINFO as u32, &info.finish()[16..])]), 0, "nothing is asked");
    let mut info = Builder::new(Header { kind: 0, flags: 0, sequence: 0, port: 0 });
    info.attribute(IFLA_INFO_DATA as u32, &[]);
    assert_eq!(set(CHANGE, &[(IFLA_LINKINFO as u32, &info.finish()[16..])]), 95, "EOPNOTSUPP");
    assert_eq!(set(ADD, &[]), 17, "EEXIST");
    assert_eq!(set(CHANGE | NLM_F_CREATE | NLM_F_REPLACE, &[]), 95, "EOPNOTSUPP");
    body[4] = 200;
    let set = |flags| fixture.errno(RTM_NEWLINK as u32, flags, &body, &[]);
    assert_eq!((set(CHANGE), set(ADD)), (19, 95), "ENODEV; numbers cannot be chosen");
}

#[test]
fn files_tell_of_it() {
    let fixture = Fixture::new();
    assert_eq!(Wish::new(&fixture, 5).ask(&fixture), 0);
    let file = |path: &str| match vlan::files(path)? {
        Generated::File(text) => String::from_utf8(text()).ok(),
        _ => None,
    };
    let config = file("config").unwrap();
    assert!(config.starts_with("VLAN Dev name\t | VLAN ID\nName-Type: "));
    assert!(config.ends_with("\ntest0.5        | 5  | test0\n"), "{config}");
    let own = file("test0.5").unwrap();
    assert!(own.starts_with("test0.5  VID: 5\t REORDER_HDR: 1  dev->priv_flags: 1\n"), "{own}");
    assert!(own.contains("\n         total frames received            0\n"), "{own}");
    assert!(own.contains("\nDevice: test0\n"), "{own}");
    assert_eq!((file("test0"), file("vlan0")), (None, None));
}

#[test]
fn words_come_with_a_refusal_for_who_wants_them() {
    let fixture = Fixture::new();
    let body = [0; 16];
    let attributes: &[(u32, &[u8])] = &[(IFLA_IFNAME as u32, b"dummy0\0")];
    let words = || {
        let answer = fixture.ask(RTM_NEWLINK as u32, ADD, &body, attributes).remove(0);
        let message = Messages::new(&answer).next().unwrap();
        let request = read_u32(message.payload, 4).unwrap() as usize;
        let text = Attributes::after(message.payload, 4 + request).get(1).map(<[u8]>::to_vec);
        (message.header.flags, text.map(|text| String::from_utf8(text).unwrap()))
    };
    assert_eq!(words(), (0, None));
    let on = 1u32.to_ne_bytes();
    fixture.socket.set_option(SOL_NETLINK, NETLINK_EXT_ACK, &on).unwrap();
    let text = "Of the types of links only vlan can be added\0";
    assert_eq!(words(), (0x200, Some(text.to_string())), "NLM_F_ACK_TLVS");
}
