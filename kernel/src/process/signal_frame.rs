//! The frame that a signal handler finds on its stack, and that rt_sigreturn(2) reads back.
//!
//! ```text
//! sp ->  siginfo                128 bytes
//!        ucontext              4560 bytes  mask, registers, vector registers
//!        frame record            16 bytes  x29, x30: for debuggers
//! ```
//!
//! The layout is that of Linux's `asm/sigcontext.h` and `asm/ucontext.h`, which the ABI crate does
//! not carry; it is part of what programs rely on. Pure: registers go in, bytes come out.

use super::signal::{AlternateStack, Cause, Sent, SignalSet};
use alloc::vec;
use alloc::vec::Vec;
use linux_raw_sys::general::{SI_KERNEL, SI_TKILL, SI_USER, SS_DISABLE};

/// Bytes of the frame; a multiple of 16.
pub const FRAME_SIZE: usize = UCONTEXT + UCONTEXT_SIZE + 16;
/// Bytes that a program must have room for (`AT_MINSIGSTKSZ`): the frame, and alignment.
pub const MINIMUM_STACK: u64 = FRAME_SIZE as u64 + 16;
/// Where the ucontext stands in the frame.
pub const UCONTEXT: usize = 128;
/// Where the frame record stands.
pub const FRAME_RECORD: usize = UCONTEXT + UCONTEXT_SIZE;

const UCONTEXT_SIZE: usize = 4560;
const STACK: usize = UCONTEXT + 16;
const MASK: usize = UCONTEXT + 40;
const MACHINE: usize = UCONTEXT + 176;
const REGISTERS: usize = MACHINE + 8;
const RESERVED: usize = MACHINE + 288;
const RESERVED_SIZE: usize = 4096;

const FPSIMD_MAGIC: u32 = 0x4650_8001;
const FPSIMD_SIZE: usize = 528;
const ESR_MAGIC: u32 = 0x4553_5201;
const ESR_SIZE: usize = 16;

/// The condition flags: all that a program may choose of pstate.
const PSTATE_FLAGS: u64 = 0xf000_0000;

/// The registers of a program.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Registers {
    /// X0 to X30.
    pub x: [u64; 31],
    /// Stack pointer.
    pub sp: u64,
    /// Next instruction.
    pub pc: u64,
    /// Flags.
    pub pstate: u64,
    /// V0 to V31.
    pub v: [u128; 32],
    /// Floating-point control.
    pub fpcr: u32,
    /// Floating-point status.
    pub fpsr: u32,
}

/// What a frame holds.
pub struct FrameContents<'a> {
    /// The signal.
    pub sent: Sent,
    /// The registers to restore.
    pub registers: &'a Registers,
    /// The mask to restore.
    pub mask: SignalSet,
    /// The alternate stack as it is set.
    pub alternate_stack: Option<AlternateStack>,
}

/// A frame that rt_sigreturn(2) cannot use.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BadFrame;

fn put<const N: usize>(bytes: &mut [u8], at: usize, value: [u8; N]) {
    bytes[at..at + N].copy_from_slice(&value);
}

/// `struct siginfo` for a signal.
pub fn signal_info(sent: &Sent) -> [u8; 128] {
    let mut info = [0; 128];
    let code = match sent.cause {
        Cause::User { .. } => SI_USER as i32,
        Cause::Thread { .. } => SI_TKILL,
        Cause::Kernel => SI_KERNEL as i32,
        Cause::Fault { code, .. } | Cause::Child { code, .. } => code,
    };
    put(&mut info, 0, i32::from(sent.signal.number()).to_le_bytes());
    put(&mut info, 8, code.to_le_bytes());
    match sent.cause {
        Cause::User { sender } | Cause::Thread { sender } => {
            put(&mut info, 16, sender.to_le_bytes());
        }
        Cause::Kernel => {}
        Cause::Fault { address, .. } => put(&mut info, 16, address.to_le_bytes()),
        Cause::Child { pid, status, .. } => {
            put(&mut info, 16, pid.to_le_bytes());
            put(&mut info, 24, status.to_le_bytes());
        }
    }
    info
}

/// `stack_t` for an alternate stack.
pub fn stack_t(stack: Option<AlternateStack>) -> [u64; 3] {
    match stack {
        Some(AlternateStack { start, size }) => [start, 0, size],
        None => [0, u64::from(SS_DISABLE), 0],
    }
}

/// Makes the frame. For a fault, `syndrome` is ESR_EL1.
pub fn encode(contents: &FrameContents<'_>, syndrome: Option<u64>) -> Vec<u8> {
    let FrameContents { sent, registers, mask, alternate_stack } = contents;
    let mut frame = vec![0; FRAME_SIZE];
    put(&mut frame, 0, signal_info(sent));
    for (index, word) in stack_t(*alternate_stack).into_iter().enumerate() {
        put(&mut frame, STACK + index * 8, word.to_le_bytes());
    }
    put(&mut frame, MASK, mask.0.to_le_bytes());

    let Registers { x, sp, pc, pstate, v, fpcr, fpsr } = registers;
    if let Cause::Fault { address, .. } = sent.cause {
        put(&mut frame, MACHINE, address.to_le_bytes());
    }
    for (index, word) in x.iter().chain([sp, pc, pstate]).enumerate() {
        put(&mut frame, REGISTERS + index * 8, word.to_le_bytes());
    }
    put(&mut frame, RESERVED, FPSIMD_MAGIC.to_le_bytes());
    put(&mut frame, RESERVED + 4, (FPSIMD_SIZE as u32).to_le_bytes());
    put(&mut frame, RESERVED + 8, fpsr.to_le_bytes());
    put(&mut frame, RESERVED + 12, fpcr.to_le_bytes());
    for (index, vector) in v.iter().enumerate() {
        put(&mut frame, RESERVED + 16 + index * 16, vector.to_le_bytes());
    }
    if let Some(syndrome) = syndrome {
        let at = RESERVED + FPSIMD_SIZE;
        put(&mut frame, at, ESR_MAGIC.to_le_bytes());
        put(&mut frame, at + 4, (ESR_SIZE as u32).to_le_bytes());
        put(&mut frame, at + 8, syndrome.to_le_bytes());
    }
    put(&mut frame, FRAME_RECORD, x[29].to_le_bytes());
    put(&mut frame, FRAME_RECORD + 8, x[30].to_le_bytes());
    frame
}

fn get<const N: usize>(bytes: &[u8], at: usize) -> Result<[u8; N], BadFrame> {
    let part = bytes.get(at..).and_then(|rest| rest.first_chunk::<N>());
    part.copied().ok_or(BadFrame)
}

/// Reads a frame back: the registers and the mask. The program may have changed all of it.
pub fn decode(frame: &[u8]) -> Result<(Registers, SignalSet), BadFrame> {
    let word = |at: usize| get(frame, at).map(u64::from_le_bytes);
    let mut x = [0; 31];
    for (index, register) in x.iter_mut().enumerate() {
        *register = word(REGISTERS + index * 8)?;
    }
    let pstate = word(REGISTERS + 33 * 8)?;
    // Anything but EL0 with its interrupts on would be a way out of the program.
    if pstate & !PSTATE_FLAGS != 0 {
        return Err(BadFrame);
    }
    let vectors = find_vectors(frame)?;
    let half = |at: usize| get(frame, at).map(u32::from_le_bytes);
    let mut v = [0; 32];
    for (index, vector) in v.iter_mut().enumerate() {
        *vector = get(frame, vectors + 16 + index * 16).map(u128::from_le_bytes)?;
    }
    let registers = Registers {
        x,
        sp: word(REGISTERS + 31 * 8)?,
        pc: word(REGISTERS + 32 * 8)?,
        pstate,
        v,
        fpcr: half(vectors + 12)?,
        fpsr: half(vectors + 8)?,
    };
    Ok((registers, SignalSet(word(MASK)?)))
}

/// The record of the vector registers, which must be among those of the reserved area.
fn find_vectors(frame: &[u8]) -> Result<usize, BadFrame> {
    let mut at = RESERVED;
    let end = RESERVED + RESERVED_SIZE;
    while at + 8 <= end {
        let magic = get(frame, at).map(u32::from_le_bytes)?;
        let size = get(frame, at + 4).map(u32::from_le_bytes)? as usize;
        match (magic, size) {
            (0, 0) => break,
            (FPSIMD_MAGIC, FPSIMD_SIZE) if at + size <= end => return Ok(at),
            (FPSIMD_MAGIC, _) => break,
            (_, size) if size < 8 || !size.is_multiple_of(16) || size > end - at => break,
            (_, size) => at += size,
        }
    }
    Err(BadFrame)
}

#[cfg(test)]
mod tests {
    use super::super::signal::Signal;
    use super::*;
    use proptest::prelude::*;

    fn registers() -> Registers {
        let mut registers = Registers {
            x: [0; 31],
            sp: 0x7f_0000,
            pc: 0x40_0000,
            pstate: 0x6000_0000,
            v: [0; 32],
            fpcr: 1,
            fpsr: 2,
        };
        for (index, register) in registers.x.iter_mut().enumerate() {
            *register = index as u64 * 3;
        }
        for (index, vector) in registers.v.iter_mut().enumerate() {
            *vector = u128::MAX - index as u128;
        }
        registers
    }

    fn frame(cause: Cause, syndrome: Option<u64>) -> Vec<u8> {
        let contents = FrameContents {
            sent: Sent { signal: Signal::SEGV, cause },
            registers: &registers(),
            mask: SignalSet(0x1234),
            alternate_stack: None,
        };
        encode(&contents, syndrome)
    }

    fn word(frame: &[u8], at: usize) -> u64 {
        get(frame, at).map(u64::from_le_bytes).expect("within the frame")
    }

    #[test]
    fn the_layout_is_that_of_linux() {
        assert_eq!((FRAME_SIZE, FRAME_RECORD, FRAME_SIZE % 16), (4704, 4688, 0));
        let frame = frame(Cause::Fault { code: 1, address: 0xdead }, Some(0x9200_0047));
        assert_eq!((word(&frame, 0), word(&frame, 8), word(&frame, 16)), (11, 1, 0xdead));
        let machine = 128 + 176;
        assert_eq!(word(&frame, machine), 0xdead);
        assert_eq!(word(&frame, machine + 8 + 30 * 8), 90);
        assert_eq!(
            (word(&frame, machine + 256), word(&frame, machine + 264)),
            (0x7f_0000, 0x40_0000)
        );
        assert_eq!(word(&frame, machine + 272), 0x6000_0000);
        assert_eq!(word(&frame, machine + 288), 528 << 32 | 0x4650_8001);
        assert_eq!(word(&frame, machine + 288 + 528), 16 << 32 | 0x4553_5201);
        assert_eq!(word(&frame, machine + 288 + 536), 0x9200_0047);
        assert_eq!(word(&frame, 128 + 40), 0x1234);
        assert_eq!(word(&frame, 128 + 24), 2, "no alternate stack");
        assert_eq!((word(&frame, 4688), word(&frame, 4696)), (87, 90));
    }

    #[test]
    fn info_tells_the_cause() {
        let info = |cause| signal_info(&Sent { signal: Signal::CHLD, cause });
        let half = |info: &[u8], at| get(info, at).map(i32::from_le_bytes).expect("within");
        let child = info(Cause::Child { code: 2, pid: 7, status: 9 });
        assert_eq!((half(&child, 8), half(&child, 16), half(&child, 24)), (2, 7, 9));
        let user = info(Cause::User { sender: 5 });
        assert_eq!((half(&user, 0), half(&user, 8), half(&user, 16)), (17, 0, 5));
        assert_eq!(half(&info(Cause::Thread { sender: 5 }), 8), -6);
        assert_eq!(half(&info(Cause::Kernel), 8), 128);
    }

    #[test]
    fn what_was_saved_is_restored() {
        for syndrome in [None, Some(5)] {
            let frame = frame(Cause::Kernel, syndrome);
            assert_eq!(decode(&frame), Ok((registers(), SignalSet(0x1234))));
        }
    }

    #[test]
    fn privileges_and_broken_records_are_refused() {
        let good = frame(Cause::Kernel, None);
        let refused = |at: usize, value: [u8; 4]| {
            let mut bad = good.clone();
            put(&mut bad, at, value);
            assert_eq!(decode(&bad), Err(BadFrame));
        };
        refused(MACHINE + 272, 5_u32.to_le_bytes());
        refused(MACHINE + 272, 0x80_u32.to_le_bytes());
        refused(RESERVED, 0_u32.to_le_bytes());
        refused(RESERVED + 4, 512_u32.to_le_bytes());
        refused(RESERVED, 7_u32.to_le_bytes());
        assert_eq!(
            decode(&good[..4000]),
            Ok((registers(), SignalSet(0x1234))),
            "the rest is unused"
        );
        assert_eq!(decode(&good[..600]), Err(BadFrame));
    }

    proptest! {
        /// Whatever a program leaves there, reading it neither fails badly nor gives privileges.
        #[test]
        fn any_frame_is_survived(
            damage in proptest::collection::vec((0_usize..FRAME_SIZE, any::<u8>()), 0..40)
        ) {
            let mut frame = frame(Cause::Kernel, Some(1));
            for (at, value) in damage {
                frame[at] = value;
            }
            if let Ok((registers, _)) = decode(&frame) {
                prop_assert_eq!(registers.pstate & !PSTATE_FLAGS, 0);
            }
        }
    }
}
