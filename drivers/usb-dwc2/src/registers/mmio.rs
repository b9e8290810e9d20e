//! The register block as it lies in memory.

use super::bits::{
    GAHBCFG, GHWCFG2, GHWCFG3, GHWCFG4, GINTSTS, GNPTXFSIZ, GOTGCTL, GRSTCTL, GSNPSID, GUSBCFG,
    HCCHAR, HCFG, HCINT, HCSPLT, HCTSIZ, HFIR, HFNUM, HPRT0, HPTXFSIZ,
};
use super::{MAX_CHANNELS, Register, Registers};
use tock_registers::interfaces::{Readable, Writeable};
use tock_registers::register_structs;
use tock_registers::registers::{ReadOnly, ReadWrite};

register_structs! {
    /// One host channel's registers (databook: host channel-specific registers).
    pub ChannelBlock {
        (0x00 => hcchar: ReadWrite<u32, HCCHAR::Register>),
        (0x04 => hcsplt: ReadWrite<u32, HCSPLT::Register>),
        (0x08 => hcint: ReadWrite<u32, HCINT::Register>),
        (0x0c => hcintmsk: ReadWrite<u32, HCINT::Register>),
        (0x10 => hctsiz: ReadWrite<u32, HCTSIZ::Register>),
        (0x14 => hcdma: ReadWrite<u32>),
        (0x18 => _reserved0),
        (0x20 => @END),
    }
}

register_structs! {
    /// The controller's register block, 4 KiB from its base address.
    pub RegisterBlock {
        (0x000 => gotgctl: ReadWrite<u32, GOTGCTL::Register>),
        (0x004 => gotgint: ReadWrite<u32>),
        (0x008 => gahbcfg: ReadWrite<u32, GAHBCFG::Register>),
        (0x00c => gusbcfg: ReadWrite<u32, GUSBCFG::Register>),
        (0x010 => grstctl: ReadWrite<u32, GRSTCTL::Register>),
        (0x014 => gintsts: ReadWrite<u32, GINTSTS::Register>),
        (0x018 => gintmsk: ReadWrite<u32, GINTSTS::Register>),
        (0x01c => _reserved0),
        (0x024 => grxfsiz: ReadWrite<u32>),
        (0x028 => gnptxfsiz: ReadWrite<u32, GNPTXFSIZ::Register>),
        (0x02c => _reserved1),
        (0x040 => gsnpsid: ReadOnly<u32, GSNPSID::Register>),
        (0x044 => ghwcfg1: ReadOnly<u32>),
        (0x048 => ghwcfg2: ReadOnly<u32, GHWCFG2::Register>),
        (0x04c => ghwcfg3: ReadOnly<u32, GHWCFG3::Register>),
        (0x050 => ghwcfg4: ReadOnly<u32, GHWCFG4::Register>),
        (0x054 => _reserved2),
        (0x100 => hptxfsiz: ReadWrite<u32, HPTXFSIZ::Register>),
        (0x104 => _reserved3),
        (0x400 => hcfg: ReadWrite<u32, HCFG::Register>),
        (0x404 => hfir: ReadWrite<u32, HFIR::Register>),
        (0x408 => hfnum: ReadOnly<u32, HFNUM::Register>),
        (0x40c => _reserved4),
        (0x414 => haint: ReadOnly<u32>),
        (0x418 => haintmsk: ReadWrite<u32>),
        (0x41c => _reserved5),
        (0x440 => hprt0: ReadWrite<u32, HPRT0::Register>),
        (0x444 => _reserved6),
        (0x500 => channels: [ChannelBlock; MAX_CHANNELS]),
        (0x700 => _reserved7),
        (0xe00 => pcgctl: ReadWrite<u32>),
        (0xe04 => _reserved8),
        (0x1000 => @END),
    }
}

/// [`Registers`] of a memory-mapped block, mapped as device memory.
#[derive(Clone, Copy)]
pub struct MmioRegisters<'a> {
    block: &'a RegisterBlock,
    barrier: fn(),
}

impl<'a> MmioRegisters<'a> {
    /// `barrier` must complete all earlier accesses to normal and device memory in the whole
    /// system before any later one begins (`dsb sy` on aarch64).
    pub const fn new(block: &'a RegisterBlock, barrier: fn()) -> Self {
        Self { block, barrier }
    }
}

impl Registers for MmioRegisters<'_> {
    fn read(&self, register: Register) -> u32 {
        let block = self.block;
        match register {
            Register::Gotgctl => block.gotgctl.get(),
            Register::Gotgint => block.gotgint.get(),
            Register::Gahbcfg => block.gahbcfg.get(),
            Register::Gusbcfg => block.gusbcfg.get(),
            Register::Grstctl => block.grstctl.get(),
            Register::Gintsts => block.gintsts.get(),
            Register::Gintmsk => block.gintmsk.get(),
            Register::Grxfsiz => block.grxfsiz.get(),
            Register::Gnptxfsiz => block.gnptxfsiz.get(),
            Register::Gsnpsid => block.gsnpsid.get(),
            Register::Ghwcfg1 => block.ghwcfg1.get(),
            Register::Ghwcfg2 => block.ghwcfg2.get(),
            Register::Ghwcfg3 => block.ghwcfg3.get(),
            Register::Ghwcfg4 => block.ghwcfg4.get(),
            Register::Hptxfsiz => block.hptxfsiz.get(),
            Register::Hcfg => block.hcfg.get(),
            Register::Hfir => block.hfir.get(),
            Register::Hfnum => block.hfnum.get(),
            Register::Haint => block.haint.get(),
            Register::Haintmsk => block.haintmsk.get(),
            Register::Hprt0 => block.hprt0.get(),
            Register::Pcgctl => block.pcgctl.get(),
            Register::Hcchar(n) => block.channels[n.index()].hcchar.get(),
            Register::Hcsplt(n) => block.channels[n.index()].hcsplt.get(),
            Register::Hcint(n) => block.channels[n.index()].hcint.get(),
            Register::Hcintmsk(n) => block.channels[n.index()].hcintmsk.get(),
            Register::Hctsiz(n) => block.channels[n.index()].hctsiz.get(),
            Register::Hcdma(n) => block.channels[n.index()].hcdma.get(),
        }
    }

    fn write(&self, register: Register, value: u32) {
        let block = self.block;
        match register {
            Register::Gotgctl => block.gotgctl.set(value),
            Register::Gotgint => block.gotgint.set(value),
            Register::Gahbcfg => block.gahbcfg.set(value),
            Register::Gusbcfg => block.gusbcfg.set(value),
            Register::Grstctl => block.grstctl.set(value),
            Register::Gintsts => block.gintsts.set(value),
            Register::Gintmsk => block.gintmsk.set(value),
            Register::Grxfsiz => block.grxfsiz.set(value),
            Register::Gnptxfsiz => block.gnptxfsiz.set(value),
            Register::Hptxfsiz => block.hptxfsiz.set(value),
            Register::Hcfg => block.hcfg.set(value),
            Register::Hfir => block.hfir.set(value),
            Register::Haintmsk => block.haintmsk.set(value),
            Register::Hprt0 => block.hprt0.set(value),
            Register::Pcgctl => block.pcgctl.set(value),
            Register::Hcchar(n) => block.channels[n.index()].hcchar.set(value),
            Register::Hcsplt(n) => block.channels[n.index()].hcsplt.set(value),
            Register::Hcint(n) => block.channels[n.index()].hcint.set(value),
            Register::Hcintmsk(n) => block.channels[n.index()].hcintmsk.set(value),
            Register::Hctsiz(n) => block.channels[n.index()].hctsiz.set(value),
            Register::Hcdma(n) => block.channels[n.index()].hcdma.set(value),
            // Read-only in the hardware: the write would be ignored there.
            Register::Gsnpsid
            | Register::Ghwcfg1
            | Register::Ghwcfg2
            | Register::Ghwcfg3
            | Register::Ghwcfg4
            | Register::Hfnum
            | Register::Haint => {}
        }
    }

    fn barrier(&self) {
        (self.barrier)();
    }
}
