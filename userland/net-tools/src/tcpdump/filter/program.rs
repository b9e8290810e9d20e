//! A filter as a program for the kernel (SO_ATTACH_FILTER; classic BPF, as in
//! `Documentation/networking/filter.rst` of Linux), so that what nobody wants to see takes no room
//! in the socket's queue.
//!
//! The program answers exactly for the packets that are most frequent: without VLAN tags and
//! extension headers, and not cut short. It lets all others through: what is wanted of them, the
//! expression itself decides afterwards.

use alloc::vec::Vec;
use core::net::Ipv6Addr;

use super::field::{Base, Comparison, Field};
use super::{Direction, Expression, Test};
use crate::tcpdump::extension::{AUTHENTICATION, DESTINATION, FRAGMENT, HOP_BY_HOP, ROUTING};
use crate::tcpdump::ipv6::HEADER;
use crate::tcpdump::link::{IPV6, LinkType, VLAN};
use crate::tcpdump::{tcp, udp};

/// Length of an instruction (`struct sock_filter`).
pub const INSTRUCTION: usize = 8;
/// The longest program that kernels take (BPF_MAXINSNS).
const LONGEST: usize = 4096;

// Instructions (include/uapi/linux/bpf_common.h).
const LOAD_WORD: u16 = 0x20;
const LOAD_HALF: u16 = 0x28;
const LOAD_BYTE: u16 = 0x30;
const LOAD_LENGTH: u16 = 0x80;
const AND: u16 = 0x54;
const JUMP: u16 = 0x05;
const IF_EQUAL: u16 = 0x15;
const IF_GREATER: u16 = 0x25;
const IF_AT_LEAST: u16 = 0x35;
const IF_ANY_BIT: u16 = 0x45;
const RETURN: u16 = 0x06;
/// Where the EtherType is found when there is no link-layer header (SKF_AD_OFF and
/// SKF_AD_PROTOCOL).
const ANCILLARY_PROTOCOL: u32 = 0xffff_f000;

/// A place in the program that is known later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Label(usize);

#[derive(Clone, Copy, Debug)]
enum Instruction {
    /// Code and operand.
    Plain(u16, u32),
    /// A condition and its operand; the next instruction is where it leads when it holds, the one
    /// behind that where it leads otherwise.
    Branch(u16, u32),
    Jump(Label),
}

/// A program that is being made.
struct Maker {
    instructions: Vec<Instruction>,
    /// Where each label is.
    places: Vec<Option<usize>>,
    /// Where the IPv6 header begins.
    network: u32,
    /// The EtherType.
    kind: u32,
    /// Octets of the captured packet that the kernel does not see.
    hidden: usize,
    has_ethernet: bool,
}

/// The program for packets of an interface, of which no more than `snapshot` octets are wanted;
/// `None` when there can't be one.
#[must_use]
pub fn compile(expression: &Expression, link: LinkType, snapshot: usize) -> Option<Vec<u8>> {
    let mut maker = Maker {
        instructions: Vec::new(),
        places: Vec::new(),
        network: 0,
        kind: ANCILLARY_PROTOCOL,
        hidden: 0,
        has_ethernet: false,
    };
    match link {
        LinkType::Ethernet => {
            (maker.network, maker.kind) = (link.header() as u32, 12);
            maker.has_ethernet = true;
        }
        LinkType::Cooked => maker.hidden = link.header(),
        LinkType::Raw => return None,
    }
    let (accept, reject) = (maker.label(), maker.label());
    maker.let_rare_ones_through(accept);
    maker.expression(expression, accept, reject);
    maker.place(accept);
    maker.plain(RETURN, u32::try_from(snapshot).unwrap_or(u32::MAX).max(1));
    maker.place(reject);
    maker.plain(RETURN, 0);
    maker.finish()
}

impl Maker {
    fn label(&mut self) -> Label {
        self.places.push(None);
        Label(self.places.len() - 1)
    }

    fn place(&mut self, label: Label) {
        if let Some(place) = self.places.get_mut(label.0) {
            *place = Some(self.instructions.len());
        }
    }

    fn plain(&mut self, code: u16, value: u32) {
        self.instructions.push(Instruction::Plain(code, value));
    }

    fn branch(&mut self, code: u16, value: u32, yes: Label, no: Label) {
        self.instructions.push(Instruction::Branch(code, value));
        self.jump(yes);
        self.jump(no);
    }

    fn jump(&mut self, to: Label) {
        self.instructions.push(Instruction::Jump(to));
    }

    /// Goes on when the condition does not hold.
    fn leave_if(&mut self, code: u16, value: u32, yes: Label) {
        let next = self.label();
        self.branch(code, value, yes, next);
        self.place(next);
    }

    /// Goes on when the condition holds.
    fn leave_unless(&mut self, code: u16, value: u32, no: Label) {
        let next = self.label();
        self.branch(code, value, next, no);
        self.place(next);
    }

    fn let_rare_ones_through(&mut self, accept: Label) {
        let ordinary = self.label();
        self.plain(LOAD_LENGTH, 0);
        // An IPv6 header and ports.
        self.leave_unless(IF_AT_LEAST, self.network + HEADER as u32 + 4, accept);
        self.plain(LOAD_HALF, self.kind);
        for tag in VLAN {
            self.leave_if(IF_EQUAL, tag.into(), accept);
        }
        self.leave_unless(IF_EQUAL, IPV6.into(), ordinary);
        self.plain(LOAD_BYTE, self.network + 6);
        for header in [HOP_BY_HOP, ROUTING, FRAGMENT, AUTHENTICATION, DESTINATION] {
            self.leave_if(IF_EQUAL, header.into(), accept);
        }
        self.place(ordinary);
    }

    fn expression(&mut self, expression: &Expression, yes: Label, no: Label) {
        match expression {
            Expression::Test(test) => self.test(test, yes, no),
            Expression::Not(inner) => self.expression(inner, no, yes),
            Expression::And(left, right) => {
                let next = self.label();
                self.expression(left, next, no);
                self.place(next);
                self.expression(right, yes, no);
            }
            Expression::Or(left, right) => {
                let next = self.label();
                self.expression(left, yes, next);
                self.place(next);
                self.expression(right, yes, no);
            }
        }
    }

    /// The same about the source, the destination, or both of them.
    fn ends(
        &mut self,
        direction: Direction,
        (source, destination): (u32, u32),
        yes: Label,
        no: Label,
        mut about: impl FnMut(&mut Self, u32, Label, Label),
    ) {
        let next = self.label();
        match direction {
            Direction::Source => return about(self, source, yes, no),
            Direction::Destination => return about(self, destination, yes, no),
            Direction::Either => about(self, source, yes, next),
            Direction::Both => about(self, source, next, no),
        }
        self.place(next);
        about(self, destination, yes, no);
    }

    /// Goes on only with IPv6.
    fn leave_unless_ipv6(&mut self, no: Label) {
        self.plain(LOAD_HALF, self.kind);
        self.leave_unless(IF_EQUAL, IPV6.into(), no);
    }

    /// Whether the address at a place has this prefix.
    fn prefix(&mut self, place: u32, address: Ipv6Addr, length: u8, yes: Label, no: Label) {
        let mask = u128::MAX.checked_shl(128 - u32::from(length.min(128))).unwrap_or(0);
        let wanted = address.to_bits() & mask;
        for word in 0..4 {
            let shift = 96 - 32 * word;
            let mask = (mask >> shift) as u32;
            if mask == 0 {
                break;
            }
            self.plain(LOAD_WORD, place + 4 * word);
            if mask != u32::MAX {
                self.plain(AND, mask);
            }
            self.leave_unless(IF_EQUAL, (wanted >> shift) as u32, no);
        }
        self.jump(yes);
    }

    fn test(&mut self, test: &Test, yes: Label, no: Label) {
        let addresses = (self.network + 8, self.network + 24);
        match *test {
            Test::Network(direction, address, length) => {
                self.leave_unless_ipv6(no);
                self.ends(direction, addresses, yes, no, |maker, place, yes, no| {
                    maker.prefix(place, address, length, yes, no);
                });
            }
            Test::Host(direction, ref hosts) => {
                self.leave_unless_ipv6(no);
                self.ends(direction, addresses, yes, no, |maker, place, yes, no| {
                    for &host in hosts {
                        let next = maker.label();
                        maker.prefix(place, host, 128, yes, next);
                        maker.place(next);
                    }
                    maker.jump(no);
                });
            }
            Test::Port(direction, protocol, least, most) => {
                self.leave_unless_ipv6(no);
                self.plain(LOAD_BYTE, self.network + 6);
                if let Some(protocol) = protocol {
                    self.leave_unless(IF_EQUAL, protocol.into(), no);
                }
                let ports = self.label();
                self.leave_if(IF_EQUAL, tcp::NUMBER.into(), ports);
                self.leave_unless(IF_EQUAL, udp::NUMBER.into(), no);
                self.place(ports);
                let at = self.network + HEADER as u32;
                self.ends(direction, (at, at + 2), yes, no, |maker, place, yes, no| {
                    maker.plain(LOAD_HALF, place);
                    maker.leave_unless(IF_AT_LEAST, least.into(), no);
                    maker.branch(IF_GREATER, most.into(), no, yes);
                });
            }
            Test::Protocol(protocol) => {
                self.leave_unless_ipv6(no);
                self.plain(LOAD_BYTE, self.network + 6);
                self.branch(IF_EQUAL, protocol.into(), yes, no);
            }
            Test::Ethernet(direction, address) if self.has_ethernet => {
                let [a, b, rest @ ..] = address;
                let [c, d, last @ ..] = rest;
                let first = u32::from_be_bytes([a, b, c, d]);
                self.ends(direction, (6, 0), yes, no, |maker, place, yes, no| {
                    maker.plain(LOAD_WORD, place);
                    maker.leave_unless(IF_EQUAL, first, no);
                    maker.plain(LOAD_HALF, place + 4);
                    maker.branch(IF_EQUAL, u16::from_be_bytes(last).into(), yes, no);
                });
            }
            Test::EthernetMulticast if self.has_ethernet => {
                self.plain(LOAD_BYTE, 0);
                self.branch(IF_ANY_BIT, 1, yes, no);
            }
            // Without such addresses, and without tags, it never holds.
            Test::Ethernet(..) | Test::EthernetMulticast | Test::Vlan(_) => self.jump(no),
            Test::Kind(kind) => {
                self.plain(LOAD_HALF, self.kind);
                self.branch(IF_EQUAL, kind.into(), yes, no);
            }
            Test::AtLeast(length) => {
                let length = length.saturating_sub(self.hidden);
                self.plain(LOAD_LENGTH, 0);
                self.branch(IF_AT_LEAST, u32::try_from(length).unwrap_or(u32::MAX), yes, no);
            }
            Test::AtMost(length) => match length.checked_sub(self.hidden) {
                Some(length) => {
                    self.plain(LOAD_LENGTH, 0);
                    self.branch(IF_GREATER, u32::try_from(length).unwrap_or(u32::MAX), no, yes);
                }
                None => self.jump(no),
            },
            Test::Multicast => {
                self.leave_unless_ipv6(no);
                self.plain(LOAD_BYTE, self.network + 24);
                self.branch(IF_EQUAL, 0xff, yes, no);
            }
            Test::Field(ref field) => self.field(field, yes, no),
        }
    }

    fn field(&mut self, field: &Field, yes: Label, no: Label) {
        let start = match field.base {
            Base::Ethernet if self.has_ethernet => 0,
            Base::Ethernet => return self.jump(no),
            Base::Ipv6 => {
                self.leave_unless_ipv6(no);
                self.network
            }
            Base::Transport(protocol) => {
                self.leave_unless_ipv6(no);
                self.plain(LOAD_BYTE, self.network + 6);
                self.leave_unless(IF_EQUAL, protocol.into(), no);
                self.network + HEADER as u32
            }
        };
        let place = start + u32::from(field.offset);
        // To load what is not there would end the program.
        self.plain(LOAD_LENGTH, 0);
        self.leave_unless(IF_AT_LEAST, place + u32::from(field.size), no);
        let load = match field.size {
            1 => LOAD_BYTE,
            2 => LOAD_HALF,
            _ => LOAD_WORD,
        };
        self.plain(load, place);
        if field.mask != u32::MAX {
            self.plain(AND, field.mask);
        }
        match field.comparison {
            Comparison::Equal => self.branch(IF_EQUAL, field.value, yes, no),
            Comparison::Different => self.branch(IF_EQUAL, field.value, no, yes),
            Comparison::Greater => self.branch(IF_GREATER, field.value, yes, no),
            Comparison::AtMost => self.branch(IF_GREATER, field.value, no, yes),
            Comparison::AtLeast => self.branch(IF_AT_LEAST, field.value, yes, no),
            Comparison::Less => self.branch(IF_AT_LEAST, field.value, no, yes),
        }
    }

    /// The octets of the program.
    fn finish(self) -> Option<Vec<u8>> {
        if self.instructions.len() > LONGEST {
            return None;
        }
        let mut octets = Vec::with_capacity(self.instructions.len() * INSTRUCTION);
        for (at, instruction) in self.instructions.iter().enumerate() {
            let (code, jumps, value) = match *instruction {
                Instruction::Plain(code, value) => (code, [0, 0], value),
                Instruction::Branch(code, value) => (code, [0, 1], value),
                Instruction::Jump(Label(label)) => {
                    let place = self.places.get(label).copied().flatten()?;
                    (JUMP, [0, 0], u32::try_from(place.checked_sub(at + 1)?).ok()?)
                }
            };
            octets.extend(code.to_ne_bytes());
            octets.extend(jumps);
            octets.extend(value.to_ne_bytes());
        }
        Some(octets)
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::super::parser::parse;
    use super::super::view::View;
    use super::*;
    use crate::tcpdump::tests::packets;

    /// Runs a program; how many octets are wanted. What Linux does with these few instructions.
    fn run(program: &[u8], packet: &[u8], kind: u16) -> u32 {
        let (mut at, mut accumulator) = (0_usize, 0_u32);
        loop {
            let octets = &program[at * INSTRUCTION..][..INSTRUCTION];
            let code = u16::from_ne_bytes([octets[0], octets[1]]);
            let value = u32::from_ne_bytes(octets[4..].try_into().unwrap());
            at += 1;
            let load = |count: usize| {
                let place = packet.get(value as usize..)?.get(..count)?;
                Some(place.iter().fold(0, |sum, octet| sum << 8 | u32::from(*octet)))
            };
            let mut branch =
                |holds: bool| at += usize::from(if holds { octets[2] } else { octets[3] });
            match code {
                LOAD_HALF if value == ANCILLARY_PROTOCOL => accumulator = kind.into(),
                LOAD_WORD | LOAD_HALF | LOAD_BYTE => {
                    let count = [(LOAD_WORD, 4), (LOAD_HALF, 2), (LOAD_BYTE, 1)]
                        .into_iter()
                        .find_map(|(load, count)| (load == code).then_some(count));
                    let Some(loaded) = load(count.unwrap()) else { return 0 };
                    accumulator = loaded;
                }
                LOAD_LENGTH => accumulator = packet.len() as u32,
                AND => accumulator &= value,
                JUMP => at += value as usize,
                IF_EQUAL => branch(accumulator == value),
                IF_GREATER => branch(accumulator > value),
                IF_AT_LEAST => branch(accumulator >= value),
                IF_ANY_BIT => branch(accumulator & value != 0),
                RETURN => return value,
                code => panic!("instruction {code:#x}"),
            }
        }
    }

    const FILTERS: [&str; 36] = [
        "icmp6",
        "tcp",
        "udp",
        "not tcp",
        "ip6",
        "not ip6",
        "arp",
        "port 80",
        "src port 80",
        "dst port 80 and tcp",
        "udp port 53",
        "portrange 1-1024",
        "not port 80",
        "host fec0::2",
        "src host fec0::2 or dst host ff02::1",
        "src and dst host fe80::2",
        "net fe80::/10",
        "not net fec0::/64",
        "dst net ff00::/8",
        "net 2001:db8::/33",
        "ether host 52:54:00:12:34:57",
        "ether src 52:54:00:12:34:57 and not ether dst 33:33:00:00:00:01",
        "multicast",
        "ip6 multicast and icmp6",
        "greater 100",
        "less 100",
        "vlan",
        "(tcp or udp) and not (port 80 or host fec0::2)",
        "ip6[6] = 58",
        "ip6[40] & 0x80 != 0",
        "ether[0] & 1 = 0",
        "tcp[tcpflags] & tcp-syn != 0",
        "not tcp[13] > 16",
        "icmp6[icmp6type] >= icmp6-routersolicit and icmp6[0] < 0x90",
        "udp[4:2] <= 100",
        "ip6[200:4] != 0",
    ];

    /// No packet that is wanted is lost, and of the ordinary ones no other is let through.
    #[test]
    fn as_the_expression_itself() {
        // The kernel sees packets whole.
        let packets: Vec<_> =
            packets().into_iter().filter(|(octets, length)| octets.len() == *length).collect();
        assert!(packets.len() > 20);
        let (mut exact, mut rare) = (0, 0);
        for text in FILTERS {
            let Ok(Some(expression)) = parse(text) else { panic!("{text}") };
            let program = compile(&expression, LinkType::Ethernet, 1500).unwrap();
            for (octets, length) in &packets {
                let wanted = expression.matches(&View::new(octets, *length, LinkType::Ethernet));
                let passed = run(&program, octets, 0) > 0;
                assert!(passed || !wanted, "{text}: {octets:02x?}");
                let next = octets.get(20).copied().unwrap_or(0);
                let kind = octets.get(12..14);
                let ordinary = octets.len() >= 58
                    && ![Some(&[0x81, 0][..]), Some(&[0x88, 0xa8])].contains(&kind)
                    && !(kind == Some(&[0x86, 0xdd]) && [0, 43, 44, 51, 60].contains(&next));
                if ordinary {
                    assert_eq!(passed, wanted, "{text}: {octets:02x?}");
                    exact += 1;
                } else {
                    assert!(passed, "{text}: {octets:02x?}");
                    rare += 1;
                }
            }
        }
        assert!(exact > 100 && rare > 20, "{exact} {rare}");
    }

    /// On all interfaces the kernel's packets begin with the network layer.
    #[test]
    fn without_a_link_layer() {
        for text in FILTERS {
            let Ok(Some(expression)) = parse(text) else { panic!("{text}") };
            let program = compile(&expression, LinkType::Cooked, 1500).unwrap();
            for (octets, _) in packets().into_iter().filter(|(octets, _)| octets.len() >= 14) {
                let kind = u16::from_be_bytes([octets[12], octets[13]]);
                let inner = &octets[14..];
                let mut cooked = Vec::from([0; 20]);
                cooked[..2].copy_from_slice(&kind.to_be_bytes());
                cooked.extend(inner);
                let view = View::new(&cooked, cooked.len(), LinkType::Cooked);
                let passed = run(&program, inner, kind) > 0;
                assert!(passed || !expression.matches(&view), "{text}: {octets:02x?}");
            }
        }
    }

    #[test]
    fn what_is_kept() {
        let Ok(Some(expression)) = parse("ip6") else { panic!() };
        let frame: Vec<u8> = [&[0; 12][..], &[0x86, 0xdd], &[0; 6], &[59], &[0; 60]].concat();
        for (snapshot, kept) in [(96, 96), (0, 1)] {
            let program = compile(&expression, LinkType::Ethernet, snapshot).unwrap();
            assert_eq!(run(&program, &frame, 0), kept);
        }
        assert_eq!(compile(&expression, LinkType::Raw, 96), None);
        // More than kernels take.
        let text = alloc::vec!["host fec0::2"; 1000].join(" or ");
        let Ok(Some(expression)) = parse(&text) else { panic!() };
        assert_eq!(compile(&expression, LinkType::Ethernet, 96), None);
    }
}
