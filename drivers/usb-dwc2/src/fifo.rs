//! How the FIFO RAM is divided (databook: data FIFO RAM allocation, host mode with internal DMA).
//!
//! As a host the core has three FIFOs, whatever GHWCFG4 says of dedicated ones (those are a device's):
//! one for all that is received, one for packets of control and bulk endpoints, one for packets of
//! periodic endpoints. Their sizes after power-on add up to more than the BCM283x has RAM, and corrupt
//! data if they are kept, with DMA too. Each of them is also the most that its FIFO may be given.

use crate::registers::bits::{GHWCFG2, GHWCFG3, GNPTXFSIZ, GRXFSIZ, HPTXFSIZ};
use crate::registers::{Register, Registers};
use core::fmt;

/// Words of the largest bulk packet, which no control packet exceeds (USB 2.0 section 5.8.3).
const NON_PERIODIC_PACKET: u32 = 512 / 4;
/// Words of the largest packet of an interrupt endpoint at high speed (USB 2.0 section 5.7.3).
const PERIODIC_PACKET: u32 = 1024 / 4;
/// Words of status that the core puts beside a received packet: one in front, one at its end.
const STATUS: u32 = 2;

/// A part of the FIFO RAM.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fifo {
    /// All received packets (GRXFSIZ).
    Receive,
    /// Control and bulk packets to be sent (GNPTXFSIZ).
    NonPeriodic,
    /// Packets of interrupt endpoints to be sent (HPTXFSIZ).
    Periodic,
    /// The whole RAM (GHWCFG3.DFIFODEPTH).
    Ram,
}

/// A FIFO that can't be made large enough.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FifoTooSmall {
    /// Which.
    pub fifo: Fifo,
    /// The words there are.
    pub has: u32,
    /// The words without which the largest packet has no room.
    pub needs: u32,
}

impl fmt::Display for FifoTooSmall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.fifo {
            Fifo::Receive => "receive FIFO",
            Fifo::NonPeriodic => "non-periodic transmit FIFO",
            Fifo::Periodic => "periodic transmit FIFO",
            Fifo::Ram => "FIFO RAM",
        };
        let Self { has, needs, .. } = self;
        write!(f, "{name} of {has} words is too small, {needs} are needed")
    }
}

/// Depths of the FIFOs in words; they lie in this order from word 0.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct FifoLayout {
    pub(crate) receive: u32,
    pub(crate) non_periodic: u32,
    pub(crate) periodic: u32,
}

/// What the core has for FIFOs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct FifoRam {
    /// Words in all.
    pub(crate) words: u32,
    /// Sizes can be set (GHWCFG2.DYNFIFOSIZING); otherwise they are what they are.
    pub(crate) dynamic: bool,
    /// Requests that wait in the non-periodic queue at most: as many packets can be of use.
    pub(crate) non_periodic_requests: u32,
    /// The sizes after power-on; 0 where the core names none.
    pub(crate) power_on: FifoLayout,
}

impl FifoRam {
    /// Nothing is known.
    pub(crate) const UNKNOWN: Self = Self {
        words: 0,
        dynamic: false,
        non_periodic_requests: 0,
        power_on: FifoLayout { receive: 0, non_periodic: 0, periodic: 0 },
    };

    /// Reads what the core says; before the sizes are written for the first time.
    pub(crate) fn read(registers: &impl Registers) -> Self {
        let cfg2 = registers.read(Register::Ghwcfg2);
        let non_periodic = registers.read(Register::Gnptxfsiz);
        let periodic = registers.read(Register::Hptxfsiz);
        Self {
            words: GHWCFG3::DFIFODEPTH.read(registers.read(Register::Ghwcfg3)),
            dynamic: GHWCFG2::DYNFIFOSIZING.is_set(cfg2),
            // 2, 4 or 8.
            non_periodic_requests: 2 << GHWCFG2::NPTXQDEPTH.read(cfg2),
            power_on: FifoLayout {
                receive: GRXFSIZ::RXFDEP.read(registers.read(Register::Grxfsiz)),
                non_periodic: GNPTXFSIZ::NPTXFDEP.read(non_periodic),
                periodic: HPTXFSIZ::PTXFSIZE.read(periodic),
            },
        }
    }

    /// Divides the RAM for a core of so many channels.
    ///
    /// Each FIFO gets what the largest packet needs. Of what is left the transmit FIFOs get room for
    /// all packets that can wait in them, as far as their limits go: the non-periodic one a packet for
    /// each request of its queue, the periodic one two, so that one is fetched while the other is
    /// sent. The rest is for receiving, where a FIFO that is full makes the core ask the device later.
    pub(crate) fn layout(&self, channels: usize) -> Result<FifoLayout, FifoTooSmall> {
        let channels = channels as u32;
        let least = FifoLayout {
            // Two packets, and a word for each channel's end of transfer.
            receive: 2 * (PERIODIC_PACKET + STATUS) + channels,
            non_periodic: NON_PERIODIC_PACKET,
            periodic: PERIODIC_PACKET,
        };
        // One word a channel at the top of the RAM holds the channels' DMA addresses.
        let sum = least.receive + least.non_periodic + least.periodic + channels;
        let Some(spare) = self.words.checked_sub(sum) else {
            return Err(FifoTooSmall { fifo: Fifo::Ram, has: self.words, needs: sum });
        };
        let limit = self.limits(least)?;
        if !self.dynamic {
            return Ok(limit);
        }
        let mut spare = spare;
        let mut grow = |least: u32, useful: u32, limit: u32| {
            let more = useful.min(limit).saturating_sub(least).min(spare);
            spare -= more;
            least + more
        };
        let useful = NON_PERIODIC_PACKET * self.non_periodic_requests.max(2);
        // The receive FIFO before the last packets of a long queue: half of the RAM at least.
        let useful = useful.min(self.words / 4);
        let non_periodic = grow(least.non_periodic, useful, limit.non_periodic);
        let periodic = grow(least.periodic, 2 * PERIODIC_PACKET, limit.periodic);
        let receive = grow(least.receive, self.words, limit.receive);
        Ok(FifoLayout { receive, non_periodic, periodic })
    }

    /// The most that each FIFO may have.
    fn limits(&self, least: FifoLayout) -> Result<FifoLayout, FifoTooSmall> {
        let limit = |fifo, power_on: u32, needs: u32| match power_on {
            // Registers that were never told of say 0.
            0 if self.dynamic => Ok(self.words),
            has if has < needs => Err(FifoTooSmall { fifo, has, needs }),
            has => Ok(has),
        };
        let Self { power_on, .. } = self;
        Ok(FifoLayout {
            receive: limit(Fifo::Receive, power_on.receive, least.receive)?,
            non_periodic: limit(Fifo::NonPeriodic, power_on.non_periodic, least.non_periodic)?,
            periodic: limit(Fifo::Periodic, power_on.periodic, least.periodic)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    struct Core {
        ghwcfg2: u32,
        ghwcfg3: u32,
        grxfsiz: u32,
        gnptxfsiz: u32,
        hptxfsiz: u32,
    }

    impl Registers for Core {
        fn read(&self, register: Register) -> u32 {
            match register {
                Register::Ghwcfg2 => self.ghwcfg2,
                Register::Ghwcfg3 => self.ghwcfg3,
                Register::Grxfsiz => self.grxfsiz,
                Register::Gnptxfsiz => self.gnptxfsiz,
                Register::Hptxfsiz => self.hptxfsiz,
                other => panic!("{other:?} says nothing about FIFOs"),
            }
        }

        fn write(&self, register: Register, _: u32) {
            panic!("{register:?} written");
        }

        fn barrier(&self) {}
    }

    /// As read on a Zero 2 W.
    const BCM2837: Core = Core {
        ghwcfg2: 0x228d_dd50,
        ghwcfg3: 0x0ff0_00e8,
        grxfsiz: 0x1000,
        gnptxfsiz: 0x0100_1000,
        hptxfsiz: 0x0200_2000,
    };
    const QEMU: Core = Core {
        ghwcfg2: 0x250d_c016,
        ghwcfg3: 0x1000_0044,
        grxfsiz: 1024,
        gnptxfsiz: 1024 << 16,
        hptxfsiz: 500 << 16,
    };

    fn sizes(core: &Core) -> (u32, u32, u32) {
        let FifoLayout { receive, non_periodic, periodic } =
            FifoRam::read(core).layout(8).expect("enough");
        (receive, non_periodic, periodic)
    }

    #[test]
    fn of_the_board_and_of_the_model() {
        // 4080 words, 8 of them for DMA addresses.
        assert_eq!(sizes(&BCM2837), (3304, 256, 512));
        assert_eq!(sizes(&QEMU), (1024, 256, 500));
    }

    #[test]
    fn a_long_queue_gets_a_packet_a_request_where_the_limit_allows() {
        let core = Core { gnptxfsiz: 0x0400_1000, ..BCM2837 };
        assert_eq!(sizes(&core), (4072 - 1020 - 512, 1020, 512));
        let short = 0x228d_dd50 & !(3 << 22);
        assert_eq!(sizes(&Core { ghwcfg2: short, ..core }).1, 256);
    }

    #[test]
    fn a_core_that_names_no_limits_is_taken_to_have_none() {
        let core = Core { grxfsiz: 0, gnptxfsiz: 0, hptxfsiz: 0, ..BCM2837 };
        assert_eq!(sizes(&core), (2540, 1020, 512));
    }

    #[test]
    fn every_size_fits_below_the_dma_words_or_is_refused() {
        let ram = FifoRam::read(&BCM2837);
        for words in 0..6000 {
            for channels in [1, 8, 16] {
                match (FifoRam { words, ..ram }).layout(channels) {
                    Ok(FifoLayout { receive, non_periodic, periodic }) => {
                        assert!(receive + non_periodic + periodic + channels as u32 <= words);
                        assert!(receive >= 2 * (1024 / 4 + 2) + channels as u32);
                        assert!(non_periodic >= 512 / 4 && periodic >= 1024 / 4);
                        assert!(receive <= 0x1000 && non_periodic <= 0x100 && periodic <= 0x200);
                    }
                    Err(FifoTooSmall { fifo, has, needs }) => {
                        assert_eq!((fifo, has), (Fifo::Ram, words));
                        assert_eq!(needs, 516 + 128 + 256 + 2 * channels as u32);
                        assert!(words < needs);
                    }
                }
            }
        }
    }

    #[test]
    fn a_limit_below_the_largest_packet_is_refused_by_name() {
        for (core, fifo, has, needs) in [
            (Core { grxfsiz: 300, ..BCM2837 }, Fifo::Receive, 300, 524),
            (Core { gnptxfsiz: 100 << 16, ..BCM2837 }, Fifo::NonPeriodic, 100, 128),
            (Core { hptxfsiz: 255 << 16, ..BCM2837 }, Fifo::Periodic, 255, 256),
        ] {
            let error = FifoRam::read(&core).layout(8).unwrap_err();
            assert_eq!(error, FifoTooSmall { fifo, has, needs });
        }
        let error = FifoTooSmall { fifo: Fifo::Ram, has: 512, needs: 916 };
        let text = "FIFO RAM of 512 words is too small, 916 are needed";
        assert_eq!(error.to_string(), text);
    }

    #[test]
    fn sizes_that_cannot_be_set_stay() {
        let fixed = 0x228d_dd50 & !(1 << 19);
        let core = Core { ghwcfg2: fixed, grxfsiz: 1024, ..BCM2837 };
        assert_eq!(sizes(&core), (1024, 256, 512));
        let core = Core { ghwcfg2: fixed, grxfsiz: 0, ..BCM2837 };
        assert_eq!(FifoRam::read(&core).layout(8).unwrap_err().fifo, Fifo::Receive);
    }
}
