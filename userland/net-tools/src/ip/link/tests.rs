//! Links as `ip` prints them, compared with what iproute2 6.1 printed for the same messages.

use alloc::vec::Vec;

use linux_raw_sys::netlink::{
    IFLA_ADDRESS, IFLA_BROADCAST, IFLA_GROUP, IFLA_IFNAME, IFLA_INFO_DATA, IFLA_INFO_KIND,
    IFLA_LINK, IFLA_LINK_NETNSID, IFLA_LINKINFO, IFLA_LINKMODE, IFLA_MIN_MTU, IFLA_MTU,
    IFLA_NUM_TX_QUEUES, IFLA_OPERSTATE, IFLA_PROMISCUITY, IFLA_QDISC, IFLA_STATS64, IFLA_TXQLEN,
    IFLA_VLAN_FLAGS, IFLA_VLAN_ID, IFLA_VLAN_PROTOCOL, RTM_NEWLINK,
};

use super::{Link, flags_text};
use crate::ip::arguments::Family;
use crate::ip::interfaces::Interfaces;
use crate::ip::style::Style;
use crate::netlink::Request;

/// The fixed part: ARPHRD number, index, flags.
fn fixed(kind: u16, index: u32, flags: u32) -> Vec<u8> {
    let mut bytes = Vec::from([0, 0]);
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(index.to_ne_bytes());
    bytes.extend(flags.to_ne_bytes());
    bytes.extend([0; 4]);
    bytes
}

fn loopback() -> Link {
    let mut message = Request::new(RTM_NEWLINK as u32, 0, &fixed(772, 1, 0x1_0049));
    message
        .text(IFLA_IFNAME as u32, "lo")
        .u32(IFLA_TXQLEN as u32, 1000)
        .u8(IFLA_OPERSTATE as u32, 0)
        .u8(IFLA_LINKMODE as u32, 0)
        .u32(IFLA_MTU as u32, 65536)
        .u32(IFLA_GROUP as u32, 0)
        .text(IFLA_QDISC as u32, "noqueue")
        .attribute(IFLA_ADDRESS as u32, &[0; 6])
        .attribute(IFLA_BROADCAST as u32, &[0; 6])
        .attribute(IFLA_STATS64 as u32, &[0; 200]);
    Link::parse(message.payload()).unwrap()
}

fn adapter(flags: u32) -> Request {
    let mut message = Request::new(RTM_NEWLINK as u32, 0, &fixed(1, 2, flags));
    message
        .text(IFLA_IFNAME as u32, "usb0")
        .u8(IFLA_OPERSTATE as u32, 6)
        .u32(IFLA_MTU as u32, 1500)
        .attribute(IFLA_ADDRESS as u32, &[0x40, 0x54, 0, 0x12, 0x34, 0x56])
        .attribute(IFLA_BROADCAST as u32, &[0xff; 6]);
    message
}

#[test]
fn whole() {
    let interfaces = Interfaces::default();
    assert_eq!(
        loopback().text(&interfaces, Style::default(), true),
        "1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN mode DEFAULT \
         group default qlen 1000\n    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00\n"
    );
    let link = Link::parse(adapter(0x1_1043).payload()).unwrap();
    assert_eq!(
        link.text(&interfaces, Style::default(), false),
        "2: usb0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 state UP \n    \
         link/ether 40:54:00:12:34:56 brd ff:ff:ff:ff:ff:ff\n"
    );
    let only_ipv6 = Style { family: Family::Inet6, ..Style::default() };
    assert_eq!(
        link.text(&interfaces, only_ipv6, false),
        "2: usb0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 state UP \n"
    );
}

#[test]
fn one_line_and_brief() {
    let interfaces = Interfaces::default();
    let one_line = Style { one_line: true, ..Style::default() };
    assert_eq!(
        loopback().text(&interfaces, one_line, true),
        "1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN mode DEFAULT \
         group default qlen 1000\\    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00\n"
    );
    assert_eq!(
        loopback().brief(&interfaces, true),
        "lo               UNKNOWN        00:00:00:00:00:00 <LOOPBACK,UP,LOWER_UP> \n"
    );
    assert_eq!(loopback().brief(&interfaces, false), "lo               UNKNOWN        ");
}

#[test]
fn with_counters() {
    let style = Style { statistics: 1, ..Style::default() };
    let text = loopback().text(&Interfaces::default(), style, true);
    let counters = "    RX:  bytes packets errors dropped  missed   mcast           \n\
                    \x20            0       0      0       0       0       0 \n\
                    \x20   TX:  bytes packets errors dropped carrier collsns           \n\
                    \x20            0       0      0       0       0       0 \n";
    assert!(text.ends_with(counters), "{text}");
}

#[test]
fn with_details() {
    let style = Style { details: true, ..Style::default() };
    let mut message = adapter(0x1_1043);
    message.u32(IFLA_MIN_MTU as u32, 68).u32(IFLA_NUM_TX_QUEUES as u32, 1);
    let text = |message: &Request| {
        Link::parse(message.payload()).unwrap().text(&Interfaces::default(), style, true)
    };
    assert!(text(&message).ends_with(" brd ff:ff:ff:ff:ff:ff minmtu 68 numtxqueues 1 \n"));
    message.u32(IFLA_PROMISCUITY as u32, 1);
    let expected = " brd ff:ff:ff:ff:ff:ff promiscuity 1 minmtu 68 numtxqueues 1 \n";
    assert!(text(&message).ends_with(expected));
}

#[test]
fn flags() {
    assert_eq!(flags_text(0x1003, false), "<NO-CARRIER,BROADCAST,MULTICAST,UP> ");
    assert_eq!(flags_text(0x1002, true), "<BROADCAST,MULTICAST,M-DOWN> ");
    assert_eq!(flags_text(0, false), "<> ");
    assert_eq!(flags_text(0x8000_0041, false), "<UP,80000000> ");
}

#[test]
fn dependent_links() {
    let mut message = adapter(0x1002);
    message.u32(IFLA_LINK as u32, 5);
    let interfaces =
        Interfaces::from_links(&[Link { index: 5, name: "eth0".into(), ..Link::default() }]);
    let text = Link::parse(message.payload()).unwrap().text(&interfaces, Style::default(), true);
    assert!(text.starts_with("2: usb0@eth0: <BROADCAST,MULTICAST,M-DOWN> "), "{text}");
    message.u32(IFLA_LINK_NETNSID as u32, 0);
    let text = Link::parse(message.payload()).unwrap().text(&interfaces, Style::default(), true);
    assert!(text.starts_with("2: usb0@if5: <BROADCAST,MULTICAST> "), "{text}");
    assert!(text.ends_with(" link-netnsid 0\n"), "{text}");
}

#[test]
fn too_short_to_be_a_link() {
    let message = adapter(0);
    for end in 0..16 {
        assert_eq!(Link::parse(&message.payload()[..end]), None, "{end}");
    }
    let nameless = Request::new(RTM_NEWLINK as u32, 0, &fixed(1, 2, 0));
    assert_eq!(Link::parse(nameless.payload()), None);
}

#[test]
fn a_vlan() {
    let mut message = Request::new(RTM_NEWLINK as u32, 0, &fixed(1, 3, 0x1_1043));
    message
        .text(IFLA_IFNAME as u32, "usb0.5")
        .u8(IFLA_OPERSTATE as u32, 6)
        .u32(IFLA_PROMISCUITY as u32, 0)
        .u32(IFLA_NUM_TX_QUEUES as u32, 1)
        .u32(IFLA_LINK as u32, 2)
        .nested(IFLA_LINKINFO as u32, |info| {
            info.text(IFLA_INFO_KIND as u32, "vlan").nested(IFLA_INFO_DATA as u32, |data| {
                data.attribute(IFLA_VLAN_PROTOCOL as u32, &[0x81, 0])
                    .attribute(IFLA_VLAN_ID as u32, &5u16.to_ne_bytes())
                    .attribute(IFLA_VLAN_FLAGS as u32, &[1, 0, 0, 0, 255, 255, 255, 255]);
            });
        });
    let link = Link::parse(message.payload()).unwrap();
    let interfaces = Interfaces::from_links(&[Link::parse(adapter(0x1_1043).payload()).unwrap()]);
    let details = Style { details: true, ..Style::default() };
    assert_eq!(
        link.text(&interfaces, details, true),
        "3: usb0.5@usb0: <BROADCAST,MULTICAST,UP,LOWER_UP> state UP \n    link/ether  promiscuity 0 \
         \n    vlan protocol 802.1Q id 5 <REORDER_HDR> numtxqueues 1 \n"
    );
    assert_eq!(
        link.text(&interfaces, Style::default(), true),
        "3: usb0.5@usb0: <BROADCAST,MULTICAST,UP,LOWER_UP> state UP \n    link/ether \n"
    );
}
