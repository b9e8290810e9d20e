//! The registers this driver uses, and the one way to reach them.
//!
//! Names, offsets and fields are those of the Synopsys DWC_otg databook, in the host-mode subset;
//! [`bits`] holds the fields, [`mmio`] the memory-mapped block. The driver itself only knows the
//! [`Registers`] trait, so that it runs unchanged against a software model.

pub mod bits;
pub mod mmio;

use core::fmt;

/// The largest number of host channels that the register map has room for.
pub const MAX_CHANNELS: usize = 16;

/// A host channel, below [`MAX_CHANNELS`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ChannelNumber(u8);

impl ChannelNumber {
    /// The channel, if the register map has it.
    pub const fn new(number: usize) -> Option<Self> {
        if number < MAX_CHANNELS { Some(Self(number as u8)) } else { None }
    }

    /// The number as an index, below [`MAX_CHANNELS`].
    pub const fn index(self) -> usize {
        self.0 as usize
    }

    /// The channel's bit in HAINT and HAINTMSK.
    pub const fn bit(self) -> u32 {
        1 << self.0
    }

    /// The first `count` channels.
    pub fn all(count: usize) -> impl Iterator<Item = Self> {
        (0..count.min(MAX_CHANNELS)).filter_map(Self::new)
    }
}

impl fmt::Display for ChannelNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A register, by its databook name.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Register {
    /// OTG control and status.
    Gotgctl,
    /// OTG interrupt, write 1 to clear.
    Gotgint,
    /// AHB configuration.
    Gahbcfg,
    /// USB configuration.
    Gusbcfg,
    /// Resets and FIFO flushes.
    Grstctl,
    /// Core interrupts.
    Gintsts,
    /// Mask of GINTSTS.
    Gintmsk,
    /// Receive FIFO size in words.
    Grxfsiz,
    /// Non-periodic transmit FIFO start and depth.
    Gnptxfsiz,
    /// Synopsys identity and release.
    Gsnpsid,
    /// Hardware configuration 1 (endpoint directions).
    Ghwcfg1,
    /// Hardware configuration 2 (architecture, channels).
    Ghwcfg2,
    /// Hardware configuration 3 (counter widths, FIFO depth).
    Ghwcfg3,
    /// Hardware configuration 4 (PHY width).
    Ghwcfg4,
    /// Periodic transmit FIFO start and depth.
    Hptxfsiz,
    /// Host configuration.
    Hcfg,
    /// Frame interval.
    Hfir,
    /// Frame number.
    Hfnum,
    /// One interrupt bit a channel.
    Haint,
    /// Mask of HAINT.
    Haintmsk,
    /// Root port control and status. Only `crate::port` may touch it.
    Hprt0,
    /// Power and clock gating.
    Pcgctl,
    /// Channel characteristics.
    Hcchar(ChannelNumber),
    /// Channel split control.
    Hcsplt(ChannelNumber),
    /// Channel interrupts, write 1 to clear.
    Hcint(ChannelNumber),
    /// Mask of HCINT.
    Hcintmsk(ChannelNumber),
    /// Channel transfer size, packet count and PID.
    Hctsiz(ChannelNumber),
    /// Channel DMA address.
    Hcdma(ChannelNumber),
}

/// Access to one controller's registers.
///
/// `&self`, because the interrupt handler and the tasks of one core use the same block.
pub trait Registers {
    /// Reads a register.
    fn read(&self, register: Register) -> u32;

    /// Writes a register.
    fn write(&self, register: Register, value: u32);

    /// Orders memory and registers: what the CPU wrote to DMA memory before this is there for the
    /// controller when a later register write starts it, and what the controller wrote before an
    /// earlier register read said "done" is there for the CPU afterwards.
    fn barrier(&self);
}

impl<R: Registers + ?Sized> Registers for &R {
    fn read(&self, register: Register) -> u32 {
        (**self).read(register)
    }

    fn write(&self, register: Register, value: u32) {
        (**self).write(register, value);
    }

    fn barrier(&self) {
        (**self).barrier();
    }
}
