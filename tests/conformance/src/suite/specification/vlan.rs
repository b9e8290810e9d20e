//! Virtual LANs (IEEE 802.1Q).

use crate::Lab;
use crate::case::{Case, case};
use crate::dut::Action;
use crate::frame::{Frame, packet};
use crate::lab::seconds;
use crate::pattern::{
    duplicate_address_probe, echo_reply, listener_report, multicast_solicitation,
    router_solicitation,
};
use crate::station::{TN1, solicited_node};

pub(super) const CASES: &[Case] = &[
    case("LNK-11.A", "Tagged frames", &["LNK-11"], tagged),
    case("LNK-11.B", "Tags of no VLAN here", &["LNK-11"], unknown_tags),
    case("LNK-11.C", "Priority tags", &["LNK-11"], priority_tags),
    case("LNK-11.D", "Full-size packet in a tag", &["LNK-11"], full_size),
    case("LNK-11.E", "What a VLAN's interface says of itself", &["LNK-11"], own_voice),
];

/// The VLAN of the device.
const FIVE: u16 = 5;

/// The device has the VLAN, with an address that is its own.
fn start(lab: &mut Lab) {
    lab.start_with(TN1);
    lab.act(Action::AddVlan(FIVE));
    lab.wait(seconds(5));
    lab.forget();
}

fn request(lab: &Lab, data: &[u8]) -> Frame {
    packet(TN1.link_local, lab.dut).echo_request(1, 1, data)
}

/// An Echo Reply in this tag.
fn reply(tag: Option<u16>) -> crate::pattern::Pattern {
    let name = tag.map_or("no tag".to_owned(), |tag| format!("tag {tag:#06x}"));
    echo_reply().and(format!("has {name}"), move |seen| seen.vlan == tag)
}

fn tagged(lab: &mut Lab) {
    start(lab);
    // The priority of the question is not that of the answer.
    for tag in [FIVE, 0xe000 | FIVE, 0x1000 | FIVE] {
        lab.send(TN1, request(lab, b"tagged").vlan(tag));
        lab.expect(reply(Some(FIVE)).data(b"tagged"));
    }
    // Meanwhile the adapter's own link is another one, with the same addresses.
    lab.send(TN1, request(lab, b"untagged"));
    lab.expect(reply(None).data(b"untagged"));
}

fn unknown_tags(lab: &mut Lab) {
    lab.start_with(TN1);
    lab.send(TN1, request(lab, b"no VLAN yet").vlan(FIVE));
    lab.silence();
    lab.act(Action::AddVlan(FIVE));
    lab.wait(seconds(5));
    lab.forget();
    for tag in [4, 6, 0x805, 0xffe, 0xfff, 0xe000 | 0xfff] {
        lab.send(TN1, request(lab, b"lost").vlan(tag));
        lab.silence();
    }
    lab.send(TN1, request(lab, b"found").vlan(FIVE));
    lab.expect(reply(Some(FIVE)).data(b"found"));
}

fn priority_tags(lab: &mut Lab) {
    start(lab);
    for priority in 0..8 {
        lab.send(TN1, request(lab, b"urgent").vlan(priority << 13));
        lab.expect(reply(None).data(b"urgent"));
    }
}

fn full_size(lab: &mut Lab) {
    start(lab);
    // 1500 octets of packet, and the frame is four octets longer than any without a tag.
    let data = vec![0xc3; 1500 - 40 - 8];
    lab.send(TN1, request(lab, &data).vlan(FIVE));
    let seen = lab.expect(reply(Some(FIVE)).data(&data));
    lab.check(seen.frame.len() == 14 + 4 + 1500, "the answer is one frame of 1518 octets");
}

fn own_voice(lab: &mut Lab) {
    lab.start();
    lab.act(Action::AddVlan(FIVE));
    let dut = lab.dut;
    let in_tag =
        |pattern: crate::pattern::Pattern| pattern.and("has tag 5", |seen| seen.vlan == Some(FIVE));
    lab.expect(in_tag(duplicate_address_probe(dut)));
    lab.expect(in_tag(router_solicitation()));
    lab.expect(in_tag(listener_report(4, solicited_node(dut))));
    // It asks for its neighbors there, too.
    lab.send(TN1, request(lab, b"who").vlan(FIVE));
    lab.expect(in_tag(multicast_solicitation(TN1.link_local)));
}
