//! Fragments (RFC 8200, Section 4.5; RFC 5722; RFC 6946; RFC 6980; RFC 7112).

use crate::Lab;
use crate::case::{Case, case};
use crate::dut::Action;
use crate::frame::icmpv6::kind;
use crate::frame::{Frame, next_header, packet};
use crate::lab::seconds;
use crate::pattern::{
    echo_reply, error_message, fragment, neighbor_advertisement, parameter_problem, reaction, tcp,
    time_exceeded,
};
use crate::station::{TN1, TN3, TR1, solicited_node};

pub(super) const CASES: &[Case] = &[
    case("1.3.1.A", "Fragment Reassembly: all valid", &["FRG-1"], valid),
    case("1.3.1.B", "Fragment Reassembly: reverse order", &["FRG-5"], reversed),
    case("1.3.1.C", "Fragment Reassembly: identifications differ", &["FRG-3"], identifications),
    case("1.3.1.D", "Fragment Reassembly: sources differ", &["FRG-3"], sources),
    case("1.3.1.E", "Fragment Reassembly: destinations differ", &["FRG-3"], destinations),
    case("1.3.1.F", "Fragment Reassembly: to 1500 octets", &["FRG-1"], to_1500),
    case("1.3.2.A", "Reassembly Time Exceeded: in time", &["FRG-6"], in_time),
    case("1.3.2.B", "Reassembly Time Exceeded: too late", &["FRG-6", "FRG-7"], too_late),
    case("1.3.2.C", "Reassembly Time Exceeded: only the first, global", &["FRG-7"], first_global),
    case(
        "1.3.2.D",
        "Reassembly Time Exceeded: only the first, link-local",
        &["FRG-7"],
        first_local,
    ),
    case("1.3.2.E", "Reassembly Time Exceeded: only the second", &["FRG-7"], only_second),
    case("1.3.3", "Fragment Header M-Bit Set, Payload Length Invalid", &["FRG-8"], odd_length),
    case("1.3.4", "Stub Fragment Header", &["FRG-13", "FRG-14"], stub),
    case("FRG-2", "Datagrams larger than 1500 octets", &["FRG-2", "FRG-20"], large),
    case("FRG-4", "Next headers differ", &["FRG-4"], next_headers),
    case("FRG-9", "First fragment without the whole chain", &["FRG-9", "EH-16"], incomplete_chain),
    case("FRG-10", "Beyond 65535 octets", &["FRG-10"], beyond_the_end),
    case("FRG-11", "Overlapping fragments", &["FRG-11"], overlaps),
    case("FRG-12", "Duplicate fragments", &["FRG-12"], duplicates),
    case("FRG-13", "Atomic fragment beside a datagram", &["FRG-13"], atomic_beside),
    case("FRG-15", "Fragments of the device", &["FRG-15", "ICMP-4"], own_fragments),
    case("FRG-16", "Identifications of the device", &["FRG-16"], own_identifications),
    case("FRG-17", "Fragmented Neighbor Discovery", &["FRG-17"], neighbor_discovery),
    case("FRG-18", "Flood of fragments", &["FRG-18"], flood),
    case("FRG-19", "Error about a fragment", &["FRG-19"], error_about_fragment),
    case("FRG-20", "TCP in an atomic fragment", &["FRG-20"], tcp_in_fragment),
];

/// An echo request with 200 octets of data, in three fragments.
fn request(lab: &Lab, identification: u32) -> Vec<Frame> {
    packet(TN1.link_local, lab.dut).echo_request(1, 1, &data(200)).fragments(0, 80, identification)
}

fn data(count: usize) -> Vec<u8> {
    (0..count).map(|index| index as u8).collect()
}

fn valid(lab: &mut Lab) {
    lab.start_with(TN1);
    lab.send_all(TN1, request(lab, 1));
    lab.expect(echo_reply().data(&data(200)));
}

fn reversed(lab: &mut Lab) {
    lab.start_with(TN1);
    lab.send_all(TN1, request(lab, 1).into_iter().rev());
    lab.expect(echo_reply().data(&data(200)));
}

fn identifications(lab: &mut Lab) {
    lab.start_with(TN1);
    let (one, other) = (request(lab, 1), request(lab, 2));
    lab.send_all(TN1, [one[0].clone(), other[1].clone(), one[2].clone()]);
    lab.silence();
}

fn sources(lab: &mut Lab) {
    lab.start_with(TN1);
    lab.answer_for(TN3);
    let other = packet(TN3.link_local, lab.dut).echo_request(1, 1, &data(200)).fragments(0, 80, 1);
    let one = request(lab, 1);
    lab.send_all(TN1, [one[0].clone(), other[1].clone(), one[2].clone()]);
    lab.silence();
    // Each of them can still be completed.
    lab.send(TN1, &one[1]);
    lab.expect(echo_reply().to(TN1.link_local).data(&data(200)));
}

fn destinations(lab: &mut Lab) {
    lab.common_setup();
    lab.answer_for(TN1);
    let other =
        packet(TN1.link_local, lab.dut_global).echo_request(1, 1, &data(200)).fragments(0, 80, 1);
    let one = request(lab, 1);
    lab.send_all(TN1, [one[0].clone(), other[1].clone(), one[2].clone()]);
    lab.silence();
}

fn to_1500(lab: &mut Lab) {
    lab.start_with(TN1);
    let request = packet(TN1.link_local, lab.dut).echo_request(1, 1, &data(1452));
    lab.send_all(TN1, request.fragments(0, 512, 7));
    lab.expect(echo_reply().data(&data(1452)));
}

fn in_time(lab: &mut Lab) {
    lab.start_with(TN1);
    let fragments = request(lab, 1);
    lab.send_all(TN1, fragments[..2].to_vec());
    lab.wait(seconds(59));
    lab.send(TN1, &fragments[2]);
    lab.expect(echo_reply().data(&data(200)));
}

fn too_late(lab: &mut Lab) {
    lab.start_with(TN1);
    let fragments = request(lab, 1);
    lab.send_all(TN1, fragments[..2].to_vec());
    lab.expect_within(seconds(61), time_exceeded(1).to(TN1.link_local));
    lab.send(TN1, &fragments[2]);
    lab.silence();
}

/// Only the first fragment came: who sent it is told after a minute.
fn only_first(lab: &mut Lab, fragments: &[Frame]) {
    let started = lab.now();
    lab.send(TN1, &fragments[0]);
    let sent = fragments[0].packet();
    let error = lab.expect_within(seconds(62), time_exceeded(1).about(&sent));
    let after = error.at.saturating_since(started);
    let latest = seconds(61) + lab.slack();
    lab.check(after >= seconds(59) && after <= latest, "the time is 60 s");
}

fn first_global(lab: &mut Lab) {
    lab.common_setup();
    lab.answer_for(TN1);
    let request = packet(TN1.global, lab.dut_global).echo_request(1, 1, &data(200));
    only_first(lab, &request.fragments(0, 80, 1));
}

fn first_local(lab: &mut Lab) {
    lab.start_with(TN1);
    let fragments = request(lab, 1);
    only_first(lab, &fragments);
}

fn only_second(lab: &mut Lab) {
    lab.start_with(TN1);
    let fragments = request(lab, 1);
    lab.send(TN1, &fragments[1]);
    lab.never(seconds(70), error_message());
}

fn odd_length(lab: &mut Lab) {
    lab.start_with(TN1);
    let frame = packet(TN1.link_local, lab.dut).fragment(0, true, 1).echo_request(1, 1, b"five!");
    let sent = frame.packet();
    lab.send(TN1, frame);
    // The Payload Length field of the IPv6 header.
    lab.expect(parameter_problem(0, 4).to(TN1.link_local).about(&sent));
}

fn stub(lab: &mut Lab) {
    lab.start_with(TN1);
    lab.send(TN1, packet(TN1.link_local, lab.dut).fragment(0, false, 1).echo_request(1, 1, b"x"));
    let reply = lab.expect(echo_reply().data(b"x"));
    lab.check(reply.headers.is_empty(), "the reply has no Fragment header");
}

fn large(lab: &mut Lab) {
    lab.start_with(TN1);
    let datagram = packet(TN1.link_local, lab.dut).udp(5000, 7, &data(8000));
    lab.send_all(TN1, datagram.fragments(0, 1448, 3));
    lab.wait(seconds(1));
    let pieces = lab.collect(seconds(2), fragment());
    let octets: usize = pieces.iter().map(|piece| piece.payload.len()).sum();
    lab.check(octets == 8008, "the datagram is echoed whole, in fragments");
}

fn next_headers(lab: &mut Lab) {
    lab.start_with(TN1);
    let fragments = request(lab, 1);
    // Only that of the first fragment counts.
    let octets = fragments[1].packet()[48..].to_vec();
    let other =
        packet(TN1.link_local, lab.dut).fragment(80, true, 1).upper(next_header::NONE, &octets);
    lab.send_all(TN1, [fragments[0].clone(), other, fragments[2].clone()]);
    lab.expect(echo_reply().data(&data(200)));
}

fn incomplete_chain(lab: &mut Lab) {
    lab.start_with(TN1);
    let long_option = [&[1, 60][..], &[0; 60]].concat();
    let request = packet(TN1.link_local, lab.dut)
        .destination_options(&[&long_option])
        .echo_request(1, 1, &data(100));
    // The first fragment ends in the middle of the options.
    let request = request.fragments(0, 8, 1);
    let sent = request[0].packet();
    lab.send(TN1, &request[0]);
    lab.expect(parameter_problem(3, 0).to(TN1.link_local).about(&sent));
    lab.send_all(TN1, request[1..].to_vec());
    lab.never(seconds(3), echo_reply());
}

fn beyond_the_end(lab: &mut Lab) {
    lab.start_with(TN1);
    let frame = packet(TN1.link_local, lab.dut)
        .fragment(65528, false, 1)
        .upper(next_header::ICMPV6, &data(16));
    let sent = frame.packet();
    lab.send(TN1, frame);
    // The Fragment Offset field, two octets into the Fragment header.
    lab.expect(parameter_problem(0, 42).to(TN1.link_local).about(&sent));
}

fn overlaps(lab: &mut Lab) {
    lab.start_with(TN1);
    let whole = packet(TN1.link_local, lab.dut).echo_request(1, 1, &data(232));
    let octets = whole.packet()[40..].to_vec();
    let dut = lab.dut;
    let piece = |id: u32, from: usize, to: usize| {
        packet(TN1.link_local, dut)
            .fragment(from as u16, to < octets.len(), id)
            .upper(next_header::ICMPV6, &octets[from..to])
    };
    let sets = [
        // The head, the tail and the middle of one that came before.
        vec![piece(1, 80, 160), piece(1, 0, 88), piece(1, 160, 240)],
        vec![piece(2, 0, 80), piece(2, 72, 160), piece(2, 160, 240)],
        vec![piece(3, 0, 160), piece(3, 40, 80), piece(3, 160, 240)],
    ];
    for pieces in sets {
        lab.send_all(TN1, pieces);
        lab.silence();
    }
    // What comes later of the same datagram is discarded too.
    lab.send_all(TN1, [piece(1, 0, 80), piece(1, 80, 160), piece(1, 160, 240)]);
    lab.silence();
    lab.still_answers(TN1);
}

fn duplicates(lab: &mut Lab) {
    lab.start_with(TN1);
    let fragments = request(lab, 1);
    for index in [0, 0, 1, 1, 2] {
        lab.send(TN1, &fragments[index]);
    }
    lab.expect(echo_reply().data(&data(200)));
}

fn atomic_beside(lab: &mut Lab) {
    lab.start_with(TN1);
    let fragments = request(lab, 1);
    lab.send_all(TN1, fragments[..2].to_vec());
    lab.send(
        TN1,
        packet(TN1.link_local, lab.dut).fragment(0, false, 1).echo_request(2, 2, b"atom"),
    );
    lab.expect(echo_reply().data(b"atom"));
    lab.send(TN1, &fragments[2]);
    lab.expect(echo_reply().data(&data(200)));
}

fn own_fragments(lab: &mut Lab) {
    lab.start_with(TN1);
    let request = packet(TN1.link_local, lab.dut).echo_request(1, 1, &data(8000));
    lab.send_all(TN1, request.fragments(0, 1440, 3));
    let pieces = lab.collect(seconds(2), fragment());
    let mut expected = 0;
    for (index, piece) in pieces.iter().enumerate() {
        let Some(header) = piece.fragment() else { continue };
        let last = index + 1 == pieces.len();
        lab.check(
            usize::from(header.offset) == expected,
            "fragments neither overlap nor leave holes",
        );
        lab.check(header.more != last, "all but the last have M set");
        lab.check(last || piece.payload.len() % 8 == 0, "all but the last are multiples of eight");
        expected += piece.payload.len();
    }
    lab.check(expected == 8008, "all of the reply comes");
}

fn own_identifications(lab: &mut Lab) {
    lab.start_with(TN1);
    lab.answer_for(TN3);
    let mut identifications = Vec::new();
    for station in [TN1, TN3, TN1, TN3, TN1] {
        let request = packet(station.link_local, lab.dut).echo_request(1, 1, &data(2000));
        lab.send_all(station, request.fragments(0, 1440, 3));
        let pieces = lab.collect(seconds(2), fragment());
        identifications
            .extend(pieces.first().and_then(|piece| Some(piece.fragment()?.identification)));
    }
    lab.check(identifications.len() == 5, "each reply is fragmented");
    let steps = identifications.windows(2).map(|pair| pair[1].wrapping_sub(pair[0]));
    lab.check(steps.clone().all(|step| step > 1), "they do not count up");
    let mut sorted = identifications.clone();
    sorted.sort_unstable();
    sorted.dedup();
    lab.check(sorted.len() == 5, "none comes twice");
}

fn neighbor_discovery(lab: &mut Lab) {
    lab.start_with(TN1);
    let solicitation = packet(TN3.link_local, solicited_node(lab.dut))
        .fragment(0, false, 1)
        .neighbor_solicitation(lab.dut)
        .source_link_layer(TN3.mac);
    lab.send(TN3, &solicitation);
    lab.never(seconds(3), neighbor_advertisement(lab.dut, "SO"));
    // In two parts, too.
    let whole = packet(TN3.link_local, solicited_node(lab.dut))
        .neighbor_solicitation(lab.dut)
        .source_link_layer(TN3.mac);
    lab.send_all(TN3, whole.fragments(0, 16, 2));
    lab.never(seconds(3), neighbor_advertisement(lab.dut, "SO"));
    lab.send(TN3, whole);
    lab.expect(neighbor_advertisement(lab.dut, "SO"));
}

fn flood(lab: &mut Lab) {
    lab.common_setup();
    lab.answer_for(TN1);
    let fragments = request(lab, 1);
    // What has several fragments is worth more than any number of first ones.
    lab.send_all(TN1, fragments[..2].to_vec());
    for host in 0..100_u16 {
        let source = std::net::Ipv6Addr::new(0x2001, 0xdb8, 0xbad, 0, 0, 0, 0, host);
        for identification in 0..20 {
            let frame = packet(source, lab.dut_global)
                .fragment(0, true, identification)
                .upper(next_header::UDP, &data(1024));
            lab.send(TR1, frame);
        }
    }
    lab.send(TN1, &fragments[2]);
    lab.expect(echo_reply().data(&data(200)));
    lab.still_answers(TN1);
}

fn error_about_fragment(lab: &mut Lab) {
    lab.start_with(TN1);
    let bad: &[u8] = &[0x87, 4, 0, 0, 0, 0];
    let frame = packet(TN1.link_local, lab.dut)
        .fragment(0, true, 1)
        .destination_options(&[bad])
        .echo_request(1, 1, &data(72));
    let whole = frame.packet();
    lab.send(TN1, frame);
    let rest = packet(TN1.link_local, lab.dut)
        .fragment(88, false, 1)
        .upper(next_header::DESTINATION, &data(8));
    lab.send(TN1, rest);
    let error = lab.expect(crate::pattern::error_message().to(TN1.link_local));
    lab.check(error.icmpv6() == Some(kind::PARAMETER_PROBLEM) && error.code() == Some(2), "which");
    lab.check(whole.starts_with(&error.quoted()[..40]) || error.quoted().len() > 40, "quotes it");
}

fn tcp_in_fragment(lab: &mut Lab) {
    lab.start_with(TN1);
    lab.act(Action::Listen(80));
    let syn = packet(TN1.link_local, lab.dut).fragment(0, false, 4).tcp((5000, 80), 1, 0, "S", b"");
    lab.send(TN1, syn);
    lab.expect(tcp(80, "SA"));
    lab.never(seconds(0), reaction().and("is fragmented", |seen| seen.fragment().is_some()));
}
