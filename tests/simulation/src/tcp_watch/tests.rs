//! Each rule is broken once, and almost: a watcher that sees nothing would let everything pass.

use super::*;
use net::netif::MacAddress;
use net::wire::ipv6::HopLimit;
use net::wire::tcp::{SackBlock, SackBlocks, Timestamps};
use std::collections::BTreeSet;

use crate::packet::Envelope;

const OURS: Address = (Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1), 8080);
const THEIRS: Address = (Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 2), 50_000);
/// The numbers of the SYNs; all others wrap around soon.
const ISS: u32 = u32::MAX - 20;
const IRS: u32 = u32::MAX - 150;
/// What either side's SYN says: this window, and these shifts of later ones, which are as large.
const WINDOW: u16 = 4000;
const OUR_SHIFT: u8 = 2;
const THEIR_SHIFT: u8 = 3;
const MSS: u16 = 1440;

/// A segment; its numbers count from the first octet of data.
#[derive(Clone, Debug)]
struct Segment {
    from: Address,
    to: Address,
    header: TcpHeader,
    data: Vec<u8>,
}

impl Segment {
    fn new((from, to): (Address, Address), (iss, irs): (u32, u32), flags: TcpFlags) -> Self {
        let stamps = Timestamps { value: 1, echo_reply: 1 };
        let header = TcpHeader {
            source_port: from.1,
            destination_port: to.1,
            sequence: SequenceNumber(iss) + 1,
            acknowledgment: SequenceNumber(irs) + 1,
            flags,
            window: WINDOW >> if from == OURS { OUR_SHIFT } else { THEIR_SHIFT },
            checksum: 0,
            urgent_pointer: 0,
            options: TcpOptions { timestamps: Some(stamps), ..TcpOptions::NONE },
        };
        Self { from, to, header, data: Vec::new() }
    }

    /// Of the watched host.
    fn ours(flags: TcpFlags) -> Self {
        Self::new((OURS, THEIRS), (ISS, IRS), flags)
    }

    /// Of the other side.
    fn theirs(flags: TcpFlags) -> Self {
        Self::new((THEIRS, OURS), (IRS, ISS), flags)
    }

    /// As a SYN has it: its number, and everything is offered.
    fn opening(self, shift: u8) -> Self {
        self.at(-1).window(WINDOW).options(|options| {
            options.maximum_segment_size = Some(MSS);
            options.window_scale = Some(shift);
            options.sack_permitted = true;
        })
    }

    fn at(mut self, offset: i32) -> Self {
        self.header.sequence = SequenceNumber(self.header.sequence.0.wrapping_add_signed(offset));
        self
    }

    fn acking(mut self, octets: u32) -> Self {
        self.header.acknowledgment += octets;
        self
    }

    const fn window(mut self, window: u16) -> Self {
        self.header.window = window;
        self
    }

    fn data(mut self, data: &[u8]) -> Self {
        self.data = data.into();
        self
    }

    fn options(mut self, change: impl FnOnce(&mut TcpOptions)) -> Self {
        change(&mut self.header.options);
        self
    }

    /// Blocks of what the other side sent.
    fn sacking(self, blocks: &[(u32, u32)]) -> Self {
        let first = SequenceNumber(IRS) + 1;
        let mut list = SackBlocks::new();
        for &(left, right) in blocks {
            list.push(SackBlock { left: first + left, right: first + right }).expect("it has room");
        }
        self.options(|options| options.sack = list)
    }

    fn plain(self) -> Self {
        self.options(|options| {
            *options = TcpOptions { maximum_segment_size: Some(MSS), ..TcpOptions::NONE };
        })
    }

    fn frame(&self) -> Vec<u8> {
        let envelope = Envelope {
            source_mac: MacAddress([2, 0, 0, 0, 0, 1]),
            destination_mac: MacAddress([2, 0, 0, 0, 0, 2]),
            source: self.from.0,
            destination: self.to.0,
            hop_limit: HopLimit::MAX,
        };
        envelope.tcp(&self.header, &self.data)
    }
}

const SYN: TcpFlags = TcpFlags::SYN;
const SYN_ACK: TcpFlags = TcpFlags::SYN.union(TcpFlags::ACK);
const ACK: TcpFlags = TcpFlags::ACK;
const FIN_ACK: TcpFlags = TcpFlags::FIN.union(TcpFlags::ACK);

fn syn() -> Segment {
    Segment::ours(SYN).opening(OUR_SHIFT)
}

fn ack() -> Segment {
    Segment::ours(ACK)
}

/// What happened before: the watched host's segments, all of them good, and the other side's.
#[derive(Default)]
struct Scene(TcpWatch);

impl Scene {
    #[track_caller]
    fn sent(mut self, segment: &Segment) -> Self {
        assert_eq!(self.0.sent(&segment.frame()), Ok(()), "{segment:?}");
        self
    }

    fn received(mut self, segment: &Segment) -> Self {
        self.0.received(&segment.frame());
        self
    }

    /// The watched host opened with this SYN, and the other side answered with that one.
    fn opened_with(syn: &Segment, answer: &Segment) -> Self {
        Self::default().sent(syn).received(answer)
    }

    /// With all options, and the window of each side is 4000 octets.
    fn opened() -> Self {
        let answer = Segment::theirs(SYN_ACK).opening(THEIR_SHIFT);
        Self::opened_with(&syn(), &answer).sent(&ack())
    }

    /// The other side's octets 100 to 200 have come.
    fn with_a_hole(self) -> Self {
        self.received(&Segment::theirs(ACK).at(100).data(&[7; 100]))
    }

    /// The watched host has sent ten octets.
    fn with_data(self) -> Self {
        self.sent(&ack().data(b"abcdefghij"))
    }

    /// And nothing more will follow.
    fn with_fin(self) -> Self {
        self.with_data().sent(&Segment::ours(FIN_ACK).at(10))
    }

    /// The other side has sent a SYN.
    fn called(syn: &Segment) -> Self {
        Self::default().received(syn)
    }
}

/// A rule, what happened before, a segment that breaks the rule, and one that just does not.
type Case = (&'static str, fn() -> Scene, Segment, Segment);

fn openings() -> Vec<Case> {
    let offered: fn() -> Scene = || Scene::called(&Segment::theirs(SYN).opening(THEIR_SHIFT));
    let plain: fn() -> Scene = || Scene::called(&Segment::theirs(SYN).opening(0).plain());
    let answered: fn() -> Scene = || {
        let offer = Segment::theirs(SYN).opening(THEIR_SHIFT);
        Scene::called(&offer).sent(&Segment::ours(SYN_ACK).opening(OUR_SHIFT))
    };
    let answer = || Segment::ours(SYN_ACK).opening(OUR_SHIFT);
    let poor = || answer().plain();
    let unoffered = "an answer has no option that was not offered";
    vec![
        ("a SYN comes alone", Scene::default, syn().data(b"x"), syn()),
        (
            "a SYN comes alone",
            Scene::default,
            Segment::ours(SYN | TcpFlags::FIN).opening(OUR_SHIFT),
            syn(),
        ),
        (
            "a SYN tells the segment size",
            Scene::default,
            syn().options(|options| options.maximum_segment_size = None),
            syn(),
        ),
        ("a SYN has nothing to sack", Scene::default, syn().sacking(&[(1, 2)]), syn()),
        ("a SYN is acknowledged after it came", offered, answer().acking(1), answer()),
        (unoffered, plain, poor().options(|options| options.sack_permitted = true), poor()),
        (unoffered, plain, poor().options(|options| options.window_scale = Some(0)), poor()),
        (
            unoffered,
            plain,
            poor().options(|options| {
                options.timestamps = Some(Timestamps { value: 1, echo_reply: 1 });
            }),
            poor(),
        ),
        (
            "the window is never withdrawn",
            answered,
            answer().window(WINDOW - (1 << OUR_SHIFT)),
            answer().window(WINDOW - (1 << OUR_SHIFT) + 1),
        ),
        (
            "nothing but a SYN comes before the other side's",
            || Scene::default().sent(&syn()),
            ack().data(b"x"),
            syn(),
        ),
        (
            "a connection opens first",
            Scene::opened,
            {
                let mut other = ack();
                other.header.source_port += 1;
                other
            },
            ack(),
        ),
    ]
}

fn headers() -> Vec<Case> {
    let opened = Scene::opened;
    let of_syns = "options of the opening are on SYNs";
    let stamps = "timestamps are on all segments or none (RFC 7323, Section 3.2)";
    vec![
        (
            "nothing is urgent",
            opened,
            Segment::ours(ACK | TcpFlags::URG).data(b"x"),
            ack().data(b"x"),
        ),
        (
            "a reset carries nothing",
            opened,
            Segment::ours(TcpFlags::RST).data(b"x"),
            Segment::ours(TcpFlags::RST),
        ),
        (
            "all but the first SYN acknowledge",
            opened,
            Segment::ours(TcpFlags::empty()).data(b"x"),
            ack().data(b"x"),
        ),
        (of_syns, opened, ack().options(|options| options.sack_permitted = true), ack()),
        (of_syns, opened, ack().options(|options| options.window_scale = Some(2)), ack()),
        (of_syns, opened, ack().options(|options| options.maximum_segment_size = Some(1)), ack()),
        (stamps, opened, ack().options(|options| options.timestamps = None), ack()),
        (
            stamps,
            || Scene::opened_with(&syn(), &Segment::theirs(SYN_ACK).opening(0).plain()),
            ack(),
            ack().options(|options| options.timestamps = None),
        ),
    ]
}

fn acknowledgments() -> Vec<Case> {
    let hole: fn() -> Scene = || Scene::opened().with_a_hole();
    let all = || ack().sacking(&[(100, 200)]);
    vec![
        (
            "selective acknowledgments are agreed on",
            || {
                let answer = Segment::theirs(SYN_ACK)
                    .opening(THEIR_SHIFT)
                    .options(|options| options.sack_permitted = false);
                Scene::opened_with(&syn(), &answer).with_a_hole()
            },
            all(),
            ack(),
        ),
        ("a block holds something", hole, ack().sacking(&[(150, 150)]), all()),
        ("what is sacked has arrived", hole, ack().sacking(&[(100, 201)]), all()),
        (
            "only the first block may be a duplicate (RFC 2883, Section 4)",
            hole,
            ack().sacking(&[(100, 200), (0, 50)]),
            ack().sacking(&[(0, 50), (100, 200)]),
        ),
        ("what is acknowledged has arrived", hole, ack().acking(201), ack().acking(200)),
        (
            "acknowledgments never go back",
            || Scene::opened().with_a_hole().sent(&ack().acking(200)),
            ack().acking(199),
            ack().acking(200),
        ),
        (
            "the window is not withdrawn, but by rounding (RFC 9293, Section 3.8.6)",
            hole,
            ack().acking(10).window((WINDOW >> OUR_SHIFT) - 4),
            ack().acking(10).window((WINDOW >> OUR_SHIFT) - 3),
        ),
    ]
}

fn streams() -> Vec<Case> {
    let opened = Scene::opened;
    let data: fn() -> Scene = || Scene::opened().with_data();
    let fin: fn() -> Scene = || Scene::opened().with_fin();
    let room = usize::from(MSS) - ack().header.options.len();
    let (behind, all) = ("no data comes behind the FIN", "the FIN comes behind all data");
    let last = Segment::ours(FIN_ACK);
    vec![
        (
            "a segment is no longer than the other side takes (RFC 6691)",
            opened,
            ack().data(&vec![7; room + 1]),
            ack().data(&vec![7; room]),
        ),
        ("numbers begin with the SYN's", opened, ack().at(-2), ack().at(-1)),
        ("data comes behind the SYN", opened, ack().at(-1).data(b"x"), ack().data(b"x")),
        ("an acknowledgment has the next number", fin, ack().at(12), ack().at(11)),
        (behind, fin, ack().at(10).data(b"x"), ack().at(9).data(b"j")),
        (behind, fin, last.clone().at(11), last.clone().at(10)),
        (all, data, last.clone().at(9), last.clone().at(10)),
        (all, fin, last.clone().at(9), last.at(10)),
        (
            "what is sent fits the other side's window",
            opened,
            ack().at(3990).data(&[7; 11]),
            ack().at(3990).data(&[7; 10]),
        ),
        // It has grown, and its field is scaled.
        (
            "what is sent fits the other side's window",
            || Scene::opened().received(&Segment::theirs(ACK).window(600)),
            ack().at(4790).data(&[7; 11]),
            ack().at(4790).data(&[7; 10]),
        ),
        (
            "what is sent again is what was sent",
            data,
            ack().at(3).data(b"dEf"),
            ack().at(3).data(b"def"),
        ),
    ]
}

#[test]
fn each_rule_is_seen_when_it_is_broken_and_only_then() {
    let cases = [openings(), headers(), acknowledgments(), streams()].concat();
    for case in &cases {
        let (rule, scene, bad, good) = case;
        assert_eq!(scene().0.sent(&bad.frame()), Err(*rule), "{bad:?}");
        assert_eq!(scene().0.sent(&good.frame()), Ok(()), "{rule}: {good:?}");
    }
    // The rules are all the strings of the file.
    let written: BTreeSet<_> =
        include_str!("../tcp_watch.rs").split('"').skip(1).step_by(2).collect();
    let tested: BTreeSet<_> = cases.iter().map(|case| case.0).collect();
    assert_eq!(written, tested);
}

/// What a host may not believe does not count for it: a window, a SYN, or data.
#[test]
fn what_is_damaged_or_of_nobody_grants_nothing() {
    let too_much = ack().at(4000).data(b"x");
    let wider = Segment::theirs(ACK).window(600);
    let mut damaged = wider.frame();
    *damaged.last_mut().expect("it has octets") ^= 1;
    let mut of_another = wider.clone();
    of_another.header.source_port += 1;
    let mut reset = wider.clone();
    reset.header.flags |= TcpFlags::RST;
    for frame in [damaged, of_another.frame(), reset.frame()] {
        let Scene(mut watch) = Scene::opened();
        watch.received(&frame);
        let expected = Err("what is sent fits the other side's window");
        assert_eq!(watch.sent(&too_much.frame()), expected);
    }
    let Scene(mut watch) = Scene::opened().received(&wider);
    assert_eq!(watch.sent(&too_much.frame()), Ok(()));
}

/// Both open at once: the answer's window counts, and the other side's first number.
#[test]
fn a_simultaneous_open_is_followed() {
    let Scene(mut watch) = Scene::default()
        .sent(&syn())
        .received(&Segment::theirs(SYN).opening(THEIR_SHIFT))
        .sent(&Segment::ours(SYN_ACK).opening(OUR_SHIFT))
        .received(&Segment::theirs(SYN_ACK).opening(THEIR_SHIFT).window(100));
    let data = |length| ack().data(&vec![7; length]).frame();
    assert_eq!(watch.sent(&data(101)), Err("what is sent fits the other side's window"));
    assert_eq!(watch.sent(&data(100)), Ok(()));
}

/// A port that is used again begins anew.
#[test]
fn a_new_connection_forgets_the_old_one() {
    let Scene(mut watch) = Scene::opened().with_fin();
    let again = |segment: Segment| segment.at(1 << 20);
    assert_eq!(watch.sent(&again(syn()).frame()), Ok(()));
    let answer = Segment::theirs(SYN_ACK).opening(THEIR_SHIFT).at(1 << 20).acking(1 << 20);
    watch.received(&answer.frame());
    let data = again(ack()).acking(1 << 20).data(b"other octets").frame();
    assert_eq!(watch.sent(&data), Ok(()));
}
