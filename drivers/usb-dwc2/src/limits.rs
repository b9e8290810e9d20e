//! What this instance of the core can do, read from GHWCFG2..4.

use crate::fifo::FifoRam;
use crate::registers::bits::{GHWCFG2, GHWCFG3, GHWCFG4};
use crate::registers::{MAX_CHANNELS, Register, Registers};

/// Linux and the vendor's driver stop at these on this SoC, whatever GHWCFG3 promises.
const MOST_BYTES: u32 = 65_535;
const MOST_PACKETS: u32 = 511;

/// Sizes and counts that bound every program.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Limits {
    /// Host channels.
    pub(crate) channels: usize,
    /// The most bytes in one program.
    pub(crate) bytes: u32,
    /// The most packets in one program.
    pub(crate) packets: u32,
    /// The FIFO RAM.
    pub(crate) fifo: FifoRam,
    /// The core has internal DMA.
    pub(crate) has_dma: bool,
    /// UTMI+ data path of 16 bits.
    pub(crate) wide_phy: bool,
}

impl Limits {
    /// Nothing is known, so nothing is allowed.
    pub(crate) const UNKNOWN: Self = Self {
        channels: 0,
        bytes: 0,
        packets: 0,
        fifo: FifoRam::UNKNOWN,
        has_dma: false,
        wide_phy: false,
    };

    pub(crate) fn read(registers: &impl Registers) -> Self {
        let cfg2 = registers.read(Register::Ghwcfg2);
        let cfg3 = registers.read(Register::Ghwcfg3);
        let cfg4 = registers.read(Register::Ghwcfg4);
        let counter = |width: u32| (1_u32 << width) - 1;
        Self {
            channels: (GHWCFG2::NUMHSTCHNL.read(cfg2) as usize + 1).min(MAX_CHANNELS),
            // The fields are 4 and 3 bits wide, so neither shift can reach 32.
            bytes: counter(GHWCFG3::XFERSIZEWIDTH.read(cfg3) + 11).min(MOST_BYTES),
            packets: counter(GHWCFG3::PKTSIZEWIDTH.read(cfg3) + 4).min(MOST_PACKETS),
            fifo: FifoRam::read(registers),
            has_dma: GHWCFG2::OTGARCH.read_as_enum(cfg2)
                == Some(GHWCFG2::OTGARCH::Value::InternalDma),
            wide_phy: GHWCFG4::PHYDATAWIDTH.read(cfg4) == 1,
        }
    }

    /// The most bytes that one program for packets of `packet_size` may move: a multiple of the
    /// packet size.
    pub(crate) fn program_bytes(&self, packet_size: u16) -> u32 {
        let packet = u32::from(packet_size.max(1));
        (self.bytes / packet).min(self.packets).max(1) * packet
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed(u32, u32, u32);

    impl Registers for Fixed {
        fn read(&self, register: Register) -> u32 {
            match register {
                Register::Ghwcfg2 => self.0,
                Register::Ghwcfg3 => self.1,
                Register::Ghwcfg4 => self.2,
                Register::Grxfsiz | Register::Gnptxfsiz | Register::Hptxfsiz => 0,
                other => panic!("{other:?} says nothing about limits"),
            }
        }

        fn write(&self, register: Register, _: u32) {
            panic!("{register:?} written");
        }

        fn barrier(&self) {}
    }

    const BCM2837: Fixed = Fixed(0x228d_dd50, 0x0ff0_00e8, 0x1ff0_0020);

    #[test]
    fn hardware_and_model() {
        let bcm = Limits::read(&BCM2837);
        assert_eq!((bcm.channels, bcm.bytes, bcm.packets), (8, 65_535, 511));
        assert_eq!((bcm.fifo.words, bcm.has_dma, bcm.wide_phy), (4080, true, false));
        let qemu = Limits::read(&Fixed(0x250d_c016, 0x1000_0044, 0));
        assert_eq!((qemu.channels, qemu.bytes, qemu.packets), (8, 32_767, 255));
        assert_eq!(qemu.fifo.words, 4096);
    }

    #[test]
    fn a_program_is_whole_packets_within_both_counters() {
        let bcm = Limits::read(&BCM2837);
        assert_eq!(bcm.program_bytes(512), 127 * 512);
        assert_eq!(bcm.program_bytes(64), 511 * 64);
        assert_eq!(bcm.program_bytes(8), 511 * 8);
        assert_eq!(bcm.program_bytes(0), 511);
    }
}
