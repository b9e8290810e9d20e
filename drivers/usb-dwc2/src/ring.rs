//! Programs that the interrupt handler starts one after another on a channel of a bulk IN endpoint.
//!
//! Two channels must not serve one endpoint: either would need the data toggle that the other one
//! leaves. So the second transfer in flight is one that lies ready, and that the handler puts into the
//! channel when the first has ended: a read of HCTSIZ, which has the next PID, and three writes. What
//! the device sends next finds the channel armed some hundred nanoseconds of processor time later,
//! whatever the tasks are doing.
//!
//! One task gives programs and takes results; the handler starts and ends them. Both go by counts that
//! only grow (modulo 2^32), each written by one side, so that neither has to lock out the other.

use crate::outcome::Outcome;
use crate::registers::bits::HCTSIZ;
use crate::registers::{ChannelNumber, Register, Registers};
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// Programs that a channel can be given at once: one at work and three behind it. At the pace of a
/// gigabit adapter (28.8 µs for a frame of full size) a task may then come 86 µs late.
pub(crate) const DEPTH: usize = 4;

/// A program, and how it ended.
struct Entry {
    /// HCTSIZ; the PID is filled in when it is started.
    size: AtomicU32,
    /// HCDMA.
    address: AtomicU32,
    /// HCINT at its halt.
    bits: AtomicU32,
    /// HCTSIZ at its halt.
    left: AtomicU32,
}

/// How a program ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Ended {
    /// HCTSIZ as it was given, without the PID.
    pub(crate) size: u32,
    /// HCINT at the halt.
    pub(crate) bits: u32,
    /// HCTSIZ at the halt.
    pub(crate) left: u32,
}

/// The programs of one channel.
pub(crate) struct Ring {
    entries: [Entry; DEPTH],
    /// HCCHAR for all of them.
    characteristics: AtomicU32,
    /// The handler may go on by itself.
    open: AtomicBool,
    /// The channel works on the program with the number `ended`.
    running: AtomicBool,
    /// Count of programs given; the task's.
    given: AtomicU32,
    /// Count of programs ended; the handler's.
    ended: AtomicU32,
}

impl Ring {
    pub(crate) const fn new() -> Self {
        const fn zero() -> AtomicU32 {
            AtomicU32::new(0)
        }
        Self {
            entries: [const { Entry { size: zero(), address: zero(), bits: zero(), left: zero() } };
                DEPTH],
            characteristics: zero(),
            open: AtomicBool::new(false),
            running: AtomicBool::new(false),
            given: zero(),
            ended: zero(),
        }
    }

    fn entry(&self, number: u32) -> &Entry {
        &self.entries[number as usize % DEPTH]
    }

    /// Begins with no programs; the channel is idle.
    pub(crate) fn open(&self, characteristics: u32) {
        self.characteristics.store(characteristics, Ordering::Relaxed);
        self.running.store(false, Ordering::Relaxed);
        self.given.store(0, Ordering::Relaxed);
        self.ended.store(0, Ordering::Relaxed);
        self.open.store(true, Ordering::Release);
    }

    /// From here on the handler starts nothing more and treats the channel like any other.
    pub(crate) fn close(&self) {
        self.open.store(false, Ordering::Release);
    }

    /// Adds a program. There must be room for it: fewer than [`DEPTH`] whose end was not taken.
    pub(crate) fn give(&self, size: u32, address: u32) {
        let given = self.given.load(Ordering::Relaxed);
        let entry = self.entry(given);
        entry.size.store(size, Ordering::Relaxed);
        entry.address.store(address, Ordering::Relaxed);
        self.given.store(given.wrapping_add(1), Ordering::Release);
    }

    /// Count of programs given.
    pub(crate) fn given(&self) -> u32 {
        self.given.load(Ordering::Relaxed)
    }

    /// Count of programs that have ended.
    pub(crate) fn ended(&self) -> u32 {
        self.ended.load(Ordering::Acquire)
    }

    /// The channel is at work.
    pub(crate) fn is_running(&self) -> bool {
        self.running.load(Ordering::Acquire)
    }

    /// How a program ended that has.
    pub(crate) fn result(&self, number: u32) -> Ended {
        let entry = self.entry(number);
        Ended {
            size: entry.size.load(Ordering::Relaxed),
            bits: entry.bits.load(Ordering::Relaxed),
            left: entry.left.load(Ordering::Relaxed),
        }
    }

    /// Puts the next program into the channel, which is idle and whose interrupts are acknowledged.
    /// `pid` is a value of HCTSIZ with the PID.
    pub(crate) fn start(&self, registers: &impl Registers, channel: ChannelNumber, pid: u32) {
        let entry = self.entry(self.ended.load(Ordering::Relaxed));
        let size =
            entry.size.load(Ordering::Relaxed) | HCTSIZ::PID.val(HCTSIZ::PID.read(pid)).value;
        // Before the channel is enabled: its interrupt may come at once.
        self.running.store(true, Ordering::Release);
        registers.write(Register::Hctsiz(channel), size);
        registers.write(Register::Hcdma(channel), entry.address.load(Ordering::Relaxed));
        // What the last transfer brought is in memory before anybody reads it, and the buffer's
        // contents before the core writes there.
        registers.barrier();
        let characteristics = self.characteristics.load(Ordering::Relaxed);
        registers.write(Register::Hcchar(channel), characteristics);
    }

    /// The handler's part: the channel has halted with these bits of HCINT, which are acknowledged.
    /// Returns whether that was one of the ring's programs. The next one is started if this one went
    /// well; otherwise the task has to decide.
    pub(crate) fn halted(
        &self,
        registers: &impl Registers,
        channel: ChannelNumber,
        bits: u32,
    ) -> bool {
        if !self.open.load(Ordering::Acquire) || !self.is_running() {
            return false;
        }
        let left = registers.read(Register::Hctsiz(channel));
        let number = self.ended.load(Ordering::Relaxed);
        let entry = self.entry(number);
        entry.bits.store(bits, Ordering::Relaxed);
        entry.left.store(left, Ordering::Relaxed);
        let next = number.wrapping_add(1);
        self.ended.store(next, Ordering::Release);
        let well = matches!(Outcome::of(bits), Outcome::Complete { .. });
        if well && self.given.load(Ordering::Acquire) != next {
            self.start(registers, channel, left);
        } else {
            self.running.store(false, Ordering::Release);
        }
        true
    }
}
