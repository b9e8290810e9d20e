//! INET_DIAG_REQ_BYTECODE: the filter expression of `ss` as a program (linux/inet_diag.h).
//!
//! An instruction is four octets (code, where to go on when it holds, where when it does not),
//! perhaps with an operand in what follows. Distances are in octets; jumping exactly to the end
//! accepts, beyond it refuses. Programs are checked before they run: jumps lead forward, to an
//! instruction or to one of the two ends.

use crate::net::netlink::message::{read_u16, read_u32};
use alloc::vec::Vec;
use core::net::{Ipv6Addr, SocketAddrV6};
use linux_raw_sys::net::{AF_INET, AF_INET6, AF_UNSPEC};

/// Length of `inet_diag_bc_op`.
const LENGTH: usize = 4;
/// The longest program taken.
const LIMIT: usize = 16 << 10;

/// Whose port or address an instruction looks at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum End {
    Local,
    Remote,
}

/// What an instruction asks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Test {
    /// Nothing: it holds.
    Always,
    /// Nothing: it does not.
    Never,
    PortAtLeast(End, u16),
    PortAtMost(End, u16),
    PortIs(End, u16),
    /// The local port was given by the stack, not chosen.
    Automatic,
    /// The first bits of the address are these, and the port is this one.
    Address {
        end: End,
        bits: u8,
        address: Ipv6Addr,
        port: Option<u16>,
    },
    /// An IPv4 prefix of at least one bit, which no socket here can have.
    Nothing,
    Device(u32),
}

/// Where to go on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Target {
    /// At the instruction that begins at this octet.
    At(usize),
    Accept,
    Refuse,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Instruction {
    /// Where it begins.
    at: usize,
    test: Test,
    when_true: Target,
    when_false: Target,
}

/// A program that has been checked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Program(Vec<Instruction>);

/// The first ephemeral port: what is below was chosen.
const FIRST_EPHEMERAL: u16 = 32_768;

impl Program {
    /// Reads and checks a program; `None` when it is none.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        if bytes.len() > LIMIT || !bytes.len().is_multiple_of(LENGTH) {
            return None;
        }
        let mut instructions = Vec::new();
        let mut at = 0;
        while at < bytes.len() {
            let rest = bytes.get(at..)?;
            let [code, yes, ..] = *rest.first_chunk::<LENGTH>()?;
            let no = usize::from(read_u16(rest, 2)?);
            let (test, length) = test(code, rest)?;
            // The next instruction begins behind the operand.
            if usize::from(yes) < length {
                return None;
            }
            let target = |distance: usize| match (at + distance).checked_sub(bytes.len()) {
                Some(0) => Target::Accept,
                Some(_) => Target::Refuse,
                None => Target::At(at + distance),
            };
            if no < LENGTH {
                return None;
            }
            let (when_true, when_false) = (target(yes.into()), target(no));
            instructions.push(Instruction { at, test, when_true, when_false });
            at += length;
        }
        let begins = |target: Target| match target {
            Target::At(at) => instructions.binary_search_by_key(&at, |one| one.at).is_ok(),
            Target::Accept | Target::Refuse => true,
        };
        let sound = instructions.iter().all(|one| begins(one.when_true) && begins(one.when_false));
        sound.then_some(Self(instructions))
    }

    /// Whether the program accepts a socket. The empty one accepts all.
    pub(super) fn run(&self, local: SocketAddrV6, remote: SocketAddrV6, device: u32) -> bool {
        let mut target = self.0.first().map_or(Target::Accept, |first| Target::At(first.at));
        loop {
            let at = match target {
                Target::Accept => return true,
                Target::Refuse => return false,
                Target::At(at) => at,
            };
            let found = self.0.binary_search_by_key(&at, |one| one.at);
            let Some(one) = found.ok().and_then(|index| self.0.get(index)) else { return false };
            let holds = one.test.holds(local, remote, device);
            target = if holds { one.when_true } else { one.when_false };
        }
    }
}

/// What an instruction asks, and how long it is with its operand.
fn test(code: u8, rest: &[u8]) -> Option<(Test, usize)> {
    // A port is the second half of an instruction's shape.
    let port = || read_u16(rest, LENGTH + 2);
    let with_port = |test: fn(End, u16) -> Test, end| Some((test(end, port()?), 2 * LENGTH));
    match code {
        0 => Some((Test::Always, LENGTH)),
        1 => Some((Test::Never, LENGTH)),
        2 => with_port(Test::PortAtLeast, End::Local),
        3 => with_port(Test::PortAtMost, End::Local),
        4 => with_port(Test::PortAtLeast, End::Remote),
        5 => with_port(Test::PortAtMost, End::Remote),
        6 => Some((Test::Automatic, LENGTH)),
        7 => host(End::Local, rest),
        8 => host(End::Remote, rest),
        9 => Some((Test::Device(read_u32(rest, LENGTH)?), 2 * LENGTH)),
        11 => with_port(Test::PortIs, End::Local),
        12 => with_port(Test::PortIs, End::Remote),
        _ => None,
    }
}

/// `struct inet_diag_hostcond`: family, prefix length, port (-1 is any), address.
fn host(end: End, rest: &[u8]) -> Option<(Test, usize)> {
    const HEADER: usize = 8;
    let operand = rest.get(LENGTH..)?;
    let [family, bits, ..] = *operand.first_chunk::<HEADER>()?;
    let port = u16::try_from(read_u32(operand, 4)?.cast_signed()).ok();
    let address = operand.get(HEADER..)?;
    let (test, length) = match family.into() {
        AF_UNSPEC if bits == 0 => {
            (Test::Address { end, bits, address: Ipv6Addr::UNSPECIFIED, port }, 0)
        }
        AF_INET if bits == 0 => {
            (Test::Address { end, bits, address: Ipv6Addr::UNSPECIFIED, port }, 4)
        }
        AF_INET if bits <= 32 => (Test::Nothing, 4),
        AF_INET6 if bits <= 128 => {
            let address = Ipv6Addr::from(*address.first_chunk::<16>()?);
            (Test::Address { end, bits, address, port }, 16)
        }
        _ => return None,
    };
    (address.len() >= length).then_some((test, LENGTH + HEADER + length))
}

impl Test {
    fn holds(self, local: SocketAddrV6, remote: SocketAddrV6, device: u32) -> bool {
        let of = |end| match end {
            End::Local => local,
            End::Remote => remote,
        };
        match self {
            Self::Always => true,
            Self::Never | Self::Nothing => false,
            Self::PortAtLeast(end, port) => of(end).port() >= port,
            Self::PortAtMost(end, port) => of(end).port() <= port,
            Self::PortIs(end, port) => of(end).port() == port,
            Self::Automatic => local.port() >= FIRST_EPHEMERAL,
            Self::Address { end, bits, address, port } => {
                let difference = u128::from(*of(end).ip()) ^ u128::from(address);
                let same = difference.leading_zeros() >= bits.into();
                same && port.is_none_or(|port| of(end).port() == port)
            }
            Self::Device(wanted) => wanted == device,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn op(code: u8, yes: u8, no: u16) -> [u8; 4] {
        let [low, high] = no.to_ne_bytes();
        [code, yes, low, high]
    }

    fn end(address: &str, port: u16) -> SocketAddrV6 {
        SocketAddrV6::new(address.parse().unwrap(), port, 0, 0)
    }

    fn accepts(program: &[u8], local: SocketAddrV6, remote: SocketAddrV6) -> bool {
        Program::parse(program).expect("a program").run(local, remote, 2)
    }

    #[test]
    fn ports_are_compared() {
        let (server, client) = (end("::1", 80), end("::1", 50_000));
        // `sport >= :80 and sport <= :80`, as `ss sport = :80` used to be compiled.
        let program = [op(2, 8, 20), op(0, 0, 80), op(3, 8, 12), op(0, 0, 80)].concat();
        assert!(accepts(&program, server, client));
        assert!(!accepts(&program, client, server));
        let equal = [op(12, 8, 12), op(0, 0, 80)].concat();
        assert!(accepts(&equal, client, server) && !accepts(&equal, server, client));
        assert!(accepts(&[], server, client));
    }

    #[test]
    fn addresses_are_compared_by_prefix() {
        let mut program = op(8, 28, 32).to_vec();
        program.extend([AF_INET6 as u8, 64, 0, 0]);
        program.extend((-1i32).to_ne_bytes());
        program.extend("2001:db8::".parse::<Ipv6Addr>().unwrap().octets());
        let here = end("::1", 1);
        assert!(accepts(&program, here, end("2001:db8::77", 443)));
        assert!(!accepts(&program, here, end("2001:db8:0:1::77", 443)));
        program[8..12].copy_from_slice(&443i32.to_ne_bytes());
        assert!(accepts(&program, here, end("2001:db8::77", 443)));
        assert!(!accepts(&program, here, end("2001:db8::77", 444)));
        program[5] = 129;
        assert_eq!(Program::parse(&program), None);
    }

    #[test]
    fn what_is_no_program_is_refused() {
        for (what, program) in [
            ("half an instruction", vec![0, 4]),
            ("an unknown instruction", op(99, 4, 8).to_vec()),
            ("no operand", op(2, 8, 12).to_vec()),
            ("a jump into an operand", [op(2, 8, 4), op(0, 0, 80), op(0, 4, 8)].concat()),
            ("a loop", op(0, 0, 4).to_vec()),
            ("another loop", op(1, 4, 0).to_vec()),
        ] {
            assert_eq!(Program::parse(&program), None, "{what}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_accepted_ends(
            words in proptest::collection::vec((0u8..13, 0u8..40, 0u16..48), 0..24),
        ) {
            let program: Vec<u8> =
                words.iter().flat_map(|(code, yes, no)| op(*code, yes & !3, no & !3)).collect();
            if let Some(program) = Program::parse(&program) {
                program.run(end("::1", 80), end("::1", 50_000), 0);
            }
        }
    }
}
