//! Socket filters: programs of classic BPF that say how much of a packet a socket wants
//! (SO_ATTACH_FILTER, `Documentation/networking/filter.rst` of Linux).
//!
//! A program is checked when it is attached: it consists of instructions, jumps only forward and
//! within itself, ends with a return, and reads no memory that it has not written. So it needs no
//! check when it runs, and ends after as many steps as it has instructions at most.

mod instruction;
#[cfg(test)]
mod tests;

use alloc::vec::Vec;
use instruction::{
    Ancillary, Arithmetic, Base, Condition, Instruction, MEMORY_WORDS, Operand, RawInstruction,
    Size,
};

/// The longest program (BPF_MAXINSNS).
pub(super) const INSTRUCTIONS_MAX: usize = 4096;
/// Length of `struct sock_filter`.
pub(super) const INSTRUCTION_LENGTH: usize = 8;

/// A packet as a filter sees it.
#[derive(Clone, Copy, Debug)]
pub(super) struct View<'a> {
    /// The frame, from its link-layer header on.
    pub(super) frame: &'a [u8],
    /// Octets of the link-layer header.
    pub(super) header: usize,
    /// Where the octets begin that the socket receives.
    pub(super) start: usize,
    /// The EtherType.
    pub(super) protocol: u16,
    /// PACKET_HOST and its like.
    pub(super) packet_type: u8,
    /// The interface's number.
    pub(super) interface: u32,
    /// The interface's ARPHRD_ number.
    pub(super) hardware: u16,
}

impl View<'_> {
    fn octets<const N: usize>(&self, base: Base, offset: u32, index: u32) -> Option<[u8; N]> {
        let base = match base {
            Base::Data => self.start,
            Base::Network => self.header,
            Base::Link => 0,
        };
        let at = base.checked_add(offset.checked_add(index)? as usize)?;
        self.frame.get(at..)?.first_chunk().copied()
    }

    fn load(&self, size: Size, base: Base, offset: u32, index: u32) -> Option<u32> {
        Some(match size {
            Size::Word => u32::from_be_bytes(self.octets(base, offset, index)?),
            Size::Half => u16::from_be_bytes(self.octets(base, offset, index)?).into(),
            Size::Byte => u8::from_be_bytes(self.octets(base, offset, index)?).into(),
        })
    }

    fn length(&self) -> u32 {
        self.frame.len().saturating_sub(self.start) as u32
    }
}

/// A program that has been checked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Filter(Vec<Instruction>);

struct Machine {
    accumulator: u32,
    index: u32,
    memory: [u32; MEMORY_WORDS],
}

impl Filter {
    /// Reads and checks a program: an array of `struct sock_filter`. `None`: it is no program.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let (instructions, rest) = bytes.as_chunks::<INSTRUCTION_LENGTH>();
        if instructions.is_empty() || instructions.len() > INSTRUCTIONS_MAX || !rest.is_empty() {
            return None;
        }
        let decode = |[a, b, jump_true, jump_false, value @ ..]: &[u8; 8]| {
            let raw = RawInstruction {
                code: u16::from_ne_bytes([*a, *b]),
                jump_true: *jump_true,
                jump_false: *jump_false,
                value: u32::from_ne_bytes(*value),
            };
            raw.decode()
        };
        let program: Option<Vec<Instruction>> = instructions.iter().map(decode).collect();
        program.filter(|program| is_sound(program)).map(Self)
    }

    /// How many octets of the packet are wanted, counted from where the socket's data begins; 0:
    /// the packet is not. A load from outside of the packet ends the program with 0.
    pub(super) fn run(&self, view: &View<'_>) -> u32 {
        let mut machine = Machine { accumulator: 0, index: 0, memory: [0; MEMORY_WORDS] };
        let mut at = 0;
        while let Some(instruction) = self.0.get(at) {
            at += 1;
            match machine.step(*instruction, view) {
                Some(Step::Next(skip)) => at += skip,
                Some(Step::Return(length)) => return length,
                None => return 0,
            }
        }
        0
    }
}

enum Step {
    /// On with the instruction so many behind the next.
    Next(usize),
    Return(u32),
}

impl Machine {
    fn operand(&self, operand: Operand) -> u32 {
        match operand {
            Operand::Constant(value) => value,
            Operand::Index => self.index,
        }
    }

    fn word(&mut self, at: usize) -> Option<&mut u32> {
        self.memory.get_mut(at)
    }

    fn step(&mut self, instruction: Instruction, view: &View<'_>) -> Option<Step> {
        match instruction {
            Instruction::Load(size, base, offset) => {
                self.accumulator = view.load(size, base, offset, 0)?;
            }
            Instruction::LoadIndirect(size, base, offset) => {
                self.accumulator = view.load(size, base, offset, self.index)?;
            }
            Instruction::LoadAncillary(what) => self.accumulator = self.ancillary(what, view),
            Instruction::LoadLength => self.accumulator = view.length(),
            Instruction::LoadConstant(value) => self.accumulator = value,
            Instruction::LoadMemory(at) => self.accumulator = *self.word(at)?,
            Instruction::IndexConstant(value) => self.index = value,
            Instruction::IndexMemory(at) => self.index = *self.word(at)?,
            Instruction::IndexLength => self.index = view.length(),
            Instruction::IndexHeaderLength(base, offset) => {
                self.index = (view.load(Size::Byte, base, offset, 0)? & 0xf) * 4;
            }
            Instruction::Store(at) => *self.word(at)? = self.accumulator,
            Instruction::StoreIndex(at) => *self.word(at)? = self.index,
            Instruction::Calculate(operation, operand) => {
                let operand = self.operand(operand);
                self.accumulator = calculate(operation, self.accumulator, operand)?;
            }
            Instruction::Negate => self.accumulator = self.accumulator.wrapping_neg(),
            Instruction::Jump(distance) => return Some(Step::Next(distance)),
            Instruction::Branch { condition, operand, when_true, when_false } => {
                let holds = holds(condition, self.accumulator, self.operand(operand));
                return Some(Step::Next(if holds { when_true } else { when_false }));
            }
            Instruction::Return(length) => return Some(Step::Return(length)),
            Instruction::ReturnAccumulator => return Some(Step::Return(self.accumulator)),
            Instruction::AccumulatorToIndex => self.index = self.accumulator,
            Instruction::IndexToAccumulator => self.accumulator = self.index,
        }
        Some(Step::Next(0))
    }

    fn ancillary(&self, what: Ancillary, view: &View<'_>) -> u32 {
        match what {
            Ancillary::Protocol => view.protocol.into(),
            Ancillary::PacketType => view.packet_type.into(),
            Ancillary::Interface => view.interface,
            Ancillary::Hardware => view.hardware.into(),
            Ancillary::Zero => 0,
            Ancillary::XorIndex => self.accumulator ^ self.index,
        }
    }
}

/// `None` for a division by zero, which ends the program.
fn calculate(operation: Arithmetic, a: u32, b: u32) -> Option<u32> {
    Some(match operation {
        Arithmetic::Add => a.wrapping_add(b),
        Arithmetic::Subtract => a.wrapping_sub(b),
        Arithmetic::Multiply => a.wrapping_mul(b),
        Arithmetic::Divide => a.checked_div(b)?,
        Arithmetic::Modulo => a.checked_rem(b)?,
        Arithmetic::Or => a | b,
        Arithmetic::And => a & b,
        Arithmetic::Xor => a ^ b,
        Arithmetic::ShiftLeft => a.wrapping_shl(b),
        Arithmetic::ShiftRight => a.wrapping_shr(b),
    })
}

fn holds(condition: Condition, a: u32, b: u32) -> bool {
    match condition {
        Condition::Equal => a == b,
        Condition::Greater => a > b,
        Condition::GreaterOrEqual => a >= b,
        Condition::AnyBit => a & b != 0,
    }
}

/// Whether all jumps stay within the program, it ends with a return, and memory is written before
/// it is read on every way there.
fn is_sound(program: &[Instruction]) -> bool {
    let ends =
        matches!(program.last(), Some(Instruction::Return(_) | Instruction::ReturnAccumulator));
    if !ends {
        return false;
    }
    // For each instruction, the words that are written on all ways to it; jumps lead forward, so
    // one pass is enough.
    let mut written = alloc::vec![u16::MAX; program.len()];
    let mut before = 0;
    for (at, instruction) in program.iter().enumerate() {
        let Some(known) = written.get(at).copied() else { return false };
        before &= known;
        let mut reach = |distance: usize, words: u16| {
            let target = distance.checked_add(at + 1).and_then(|target| written.get_mut(target));
            target.map(|target| *target &= words).is_some()
        };
        match *instruction {
            Instruction::Store(word) | Instruction::StoreIndex(word) => before |= 1 << word,
            Instruction::LoadMemory(word) | Instruction::IndexMemory(word)
                if before & (1 << word) == 0 =>
            {
                return false;
            }
            Instruction::Jump(distance) => {
                if !reach(distance, before) {
                    return false;
                }
                before = u16::MAX;
            }
            Instruction::Branch { when_true, when_false, .. } => {
                if !reach(when_true, before) || !reach(when_false, before) {
                    return false;
                }
                before = u16::MAX;
            }
            Instruction::Return(_) | Instruction::ReturnAccumulator => before = u16::MAX,
            _ => {}
        }
    }
    true
}
