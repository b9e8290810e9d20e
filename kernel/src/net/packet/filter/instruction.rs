//! Instructions of classic BPF, decoded: what cannot be decoded is no instruction.
//!
//! The numbers are those of `linux/bpf_common.h` and `linux/filter.h`.

/// Words of scratch memory (BPF_MEMWORDS).
pub(super) const MEMORY_WORDS: usize = 16;

/// Where loads from beyond the packet begin (SKF_AD_OFF).
const ANCILLARY: u32 = (-0x1000_i32).cast_unsigned();
/// Loads relative to the network header (SKF_NET_OFF).
const NETWORK: u32 = (-0x10_0000_i32).cast_unsigned();
/// Loads relative to the link-layer header (SKF_LL_OFF).
const LINK: u32 = (-0x20_0000_i32).cast_unsigned();

/// `struct sock_filter`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct RawInstruction {
    pub(super) code: u16,
    pub(super) jump_true: u8,
    pub(super) jump_false: u8,
    pub(super) value: u32,
}

/// How much a load takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Size {
    Word,
    Half,
    Byte,
}

/// Where the offsets of a load count from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Base {
    /// What the socket receives: the frame, or for SOCK_DGRAM what is in it.
    Data,
    /// The network header.
    Network,
    /// The link-layer header.
    Link,
}

/// What a load can learn besides the packet's octets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Ancillary {
    /// The EtherType.
    Protocol,
    /// PACKET_HOST and its like.
    PacketType,
    /// The interface's number.
    Interface,
    /// The interface's ARPHRD_ number.
    Hardware,
    /// What has no meaning here and is zero: marks, queues, processors, VLAN tags.
    Zero,
    /// The accumulator exclusive-or the index register.
    XorIndex,
}

/// The second operand of an instruction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Operand {
    Constant(u32),
    Index,
}

/// An arithmetic operation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    Or,
    And,
    Xor,
    ShiftLeft,
    ShiftRight,
}

/// A condition, the accumulator being the first operand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Condition {
    Equal,
    Greater,
    GreaterOrEqual,
    AnyBit,
}

/// An instruction. Jumps count from the one behind it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Instruction {
    /// Packet octets at a fixed offset, into the accumulator.
    Load(Size, Base, u32),
    /// The same, with the index register added to the offset.
    LoadIndirect(Size, Base, u32),
    LoadAncillary(Ancillary),
    LoadLength,
    LoadConstant(u32),
    LoadMemory(usize),
    IndexConstant(u32),
    IndexMemory(usize),
    IndexLength,
    /// Four times the low four bits of an octet: the length of an IPv4 header.
    IndexHeaderLength(Base, u32),
    Store(usize),
    StoreIndex(usize),
    Calculate(Arithmetic, Operand),
    Negate,
    Jump(usize),
    Branch {
        condition: Condition,
        operand: Operand,
        when_true: usize,
        when_false: usize,
    },
    Return(u32),
    ReturnAccumulator,
    AccumulatorToIndex,
    IndexToAccumulator,
}

fn base(offset: u32) -> (Base, u32) {
    match offset {
        NETWORK.. => (Base::Network, offset.wrapping_sub(NETWORK)),
        LINK.. => (Base::Link, offset.wrapping_sub(LINK)),
        _ => (Base::Data, offset),
    }
}

fn ancillary(number: u32) -> Option<Ancillary> {
    Some(match number {
        0 => Ancillary::Protocol,
        4 => Ancillary::PacketType,
        8 => Ancillary::Interface,
        28 => Ancillary::Hardware,
        // Mark, queue, hash, processor, VLAN tag, whether there is one, its protocol.
        20 | 24 | 32 | 36 | 44 | 48 | 60 => Ancillary::Zero,
        40 => Ancillary::XorIndex,
        _ => return None,
    })
}

fn load(size: Size, offset: u32) -> Option<Instruction> {
    if offset >= ANCILLARY {
        return ancillary(offset - ANCILLARY).map(Instruction::LoadAncillary);
    }
    let (base, offset) = base(offset);
    Some(Instruction::Load(size, base, offset))
}

fn load_indirect(size: Size, offset: u32) -> Instruction {
    let (base, offset) = base(offset);
    Instruction::LoadIndirect(size, base, offset)
}

fn memory(word: u32) -> Option<usize> {
    usize::try_from(word).ok().filter(|word| *word < MEMORY_WORDS)
}

fn arithmetic(code: u16) -> Option<Arithmetic> {
    Some(match code & 0xf0 {
        0x00 => Arithmetic::Add,
        0x10 => Arithmetic::Subtract,
        0x20 => Arithmetic::Multiply,
        0x30 => Arithmetic::Divide,
        0x40 => Arithmetic::Or,
        0x50 => Arithmetic::And,
        0x60 => Arithmetic::ShiftLeft,
        0x70 => Arithmetic::ShiftRight,
        0x90 => Arithmetic::Modulo,
        0xa0 => Arithmetic::Xor,
        _ => return None,
    })
}

fn calculate(code: u16, operand: Operand) -> Option<Instruction> {
    let operation = arithmetic(code)?;
    // What is wrong whatever the packet is refused now.
    let sound = match (operation, operand) {
        (Arithmetic::Divide | Arithmetic::Modulo, Operand::Constant(value)) => value != 0,
        (Arithmetic::ShiftLeft | Arithmetic::ShiftRight, Operand::Constant(value)) => value < 32,
        _ => true,
    };
    sound.then_some(Instruction::Calculate(operation, operand))
}

fn condition(code: u16) -> Option<Condition> {
    Some(match code & 0xf0 {
        0x10 => Condition::Equal,
        0x20 => Condition::Greater,
        0x30 => Condition::GreaterOrEqual,
        0x40 => Condition::AnyBit,
        _ => return None,
    })
}

impl RawInstruction {
    /// The instruction, if it is one.
    pub(super) fn decode(self) -> Option<Instruction> {
        let value = self.value;
        Some(match self.code {
            0x00 => Instruction::LoadConstant(value),
            0x20 => load(Size::Word, value)?,
            0x28 => load(Size::Half, value)?,
            0x30 => load(Size::Byte, value)?,
            0x40 => load_indirect(Size::Word, value),
            0x48 => load_indirect(Size::Half, value),
            0x50 => load_indirect(Size::Byte, value),
            0x60 => Instruction::LoadMemory(memory(value)?),
            0x80 => Instruction::LoadLength,
            0x01 => Instruction::IndexConstant(value),
            0x61 => Instruction::IndexMemory(memory(value)?),
            0x81 => Instruction::IndexLength,
            0xb1 => {
                let (base, offset) = base(value);
                Instruction::IndexHeaderLength(base, offset)
            }
            0x02 => Instruction::Store(memory(value)?),
            0x03 => Instruction::StoreIndex(memory(value)?),
            0x84 => Instruction::Negate,
            0x05 => Instruction::Jump(value as usize),
            0x06 => Instruction::Return(value),
            0x16 => Instruction::ReturnAccumulator,
            0x07 => Instruction::AccumulatorToIndex,
            0x87 => Instruction::IndexToAccumulator,
            code @ (0x04..=0xf4) if code & 0x0f == 0x04 => {
                calculate(code, Operand::Constant(value))?
            }
            code @ (0x0c..=0xfc) if code & 0x0f == 0x0c => calculate(code, Operand::Index)?,
            code @ (0x15..=0x4d) if matches!(code & 0x0f, 0x05 | 0x0d) => Instruction::Branch {
                condition: condition(code)?,
                operand: if code & 8 == 0 { Operand::Constant(value) } else { Operand::Index },
                when_true: self.jump_true.into(),
                when_false: self.jump_false.into(),
            },
            _ => return None,
        })
    }
}
