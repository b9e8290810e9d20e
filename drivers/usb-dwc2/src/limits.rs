//! What this instance of the core can do, read from GHWCFG2..4, and the FIFO layout that follows.

use crate::registers::bits::{GHWCFG2, GHWCFG3, GHWCFG4};
use crate::registers::{MAX_CHANNELS, Register, Registers};

/// Linux and the vendor's driver stop at these on this SoC, whatever GHWCFG3 promises.
const MOST_BYTES: u32 = 65_535;
const MOST_PACKETS: u32 = 511;

/// Words of FIFO RAM for each of the three FIFOs when there is enough: two packets of 1024 bytes
/// with their status words fit in RX, one and more in each TX.
const FIFO_WORDS: u32 = 1024;

/// The smallest useful layout: RX holds two full-size packets with status (2 words each) and one
/// word a channel, TX one packet each (databook, host FIFO sizing).
const MIN_RX: u32 = 2 * (512 / 4 + 2) + MAX_CHANNELS as u32;
const MIN_TX: u32 = 2 * 512 / 4;

/// Sizes and counts that bound every program.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Limits {
    /// Host channels.
    pub(crate) channels: usize,
    /// The most bytes in one program.
    pub(crate) bytes: u32,
    /// The most packets in one program.
    pub(crate) packets: u32,
    /// Words of FIFO RAM.
    pub(crate) fifo_words: u32,
    /// The core has internal DMA.
    pub(crate) has_dma: bool,
    /// UTMI+ data path of 16 bits.
    pub(crate) wide_phy: bool,
}

impl Limits {
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
            fifo_words: GHWCFG3::DFIFODEPTH.read(cfg3),
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

    /// Divides the FIFO RAM.
    ///
    /// The reset values of the sizes exceed the RAM of the BCM283x and corrupt data, with DMA too.
    /// One word a channel at the top of the RAM holds the channels' DMA addresses.
    pub(crate) fn fifos(&self) -> Option<FifoLayout> {
        let usable = self.fifo_words.checked_sub(self.channels as u32)?;
        let layout = if usable >= 3 * FIFO_WORDS {
            FifoLayout { receive: FIFO_WORDS, non_periodic: FIFO_WORDS, periodic: FIFO_WORDS }
        } else {
            FifoLayout { receive: usable / 2, non_periodic: usable / 4, periodic: usable / 4 }
        };
        let enough =
            layout.receive >= MIN_RX && layout.non_periodic >= MIN_TX && layout.periodic >= MIN_TX;
        enough.then_some(layout)
    }
}

/// Depths of the FIFOs in words; they lie in this order from word 0.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct FifoLayout {
    pub(crate) receive: u32,
    pub(crate) non_periodic: u32,
    pub(crate) periodic: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    const BCM2837: Limits = Limits {
        channels: 8,
        bytes: 65_535,
        packets: 511,
        fifo_words: 4080,
        has_dma: true,
        wide_phy: false,
    };

    struct Fixed(u32, u32, u32);

    impl Registers for Fixed {
        fn read(&self, register: Register) -> u32 {
            match register {
                Register::Ghwcfg2 => self.0,
                Register::Ghwcfg3 => self.1,
                Register::Ghwcfg4 => self.2,
                other => panic!("{other:?} says nothing about limits"),
            }
        }

        fn write(&self, register: Register, _: u32) {
            panic!("{register:?} written");
        }

        fn barrier(&self) {}
    }

    #[test]
    fn hardware_and_model() {
        assert_eq!(Limits::read(&Fixed(0x228d_dd50, 0x0ff0_00e8, 0x1ff0_0020)), BCM2837);
        let qemu = Limits::read(&Fixed(0x250d_c016, 0x1000_0044, 0));
        assert_eq!((qemu.channels, qemu.bytes, qemu.packets), (8, 32_767, 255));
        assert_eq!(qemu.fifo_words, 4096);
    }

    #[test]
    fn a_program_is_whole_packets_within_both_counters() {
        assert_eq!(BCM2837.program_bytes(512), 127 * 512);
        assert_eq!(BCM2837.program_bytes(64), 511 * 64);
        assert_eq!(BCM2837.program_bytes(8), 511 * 8);
        assert_eq!(BCM2837.program_bytes(0), 511);
    }

    #[test]
    fn fifos_fit_below_the_dma_words() {
        for words in 0..5000 {
            let limits = Limits { fifo_words: words, ..BCM2837 };
            if let Some(fifos) = limits.fifos() {
                let sum = fifos.receive + fifos.non_periodic + fifos.periodic;
                assert!(sum + 8 <= words);
                assert!(fifos.receive >= 2 * (512 / 4 + 2) + 8);
            } else {
                assert!(words < 1100, "{words} words are enough");
            }
        }
        let fifos = BCM2837.fifos().unwrap();
        assert_eq!((fifos.receive, fifos.non_periodic, fifos.periodic), (1024, 1024, 1024));
    }
}
