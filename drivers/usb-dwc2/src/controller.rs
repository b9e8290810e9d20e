//! The controller: its parts, its power-up and its reset (databook: core initialization, host
//! initialization).

use crate::channels::ChannelTable;
use crate::fifo::{FifoLayout, FifoTooSmall};
use crate::interrupts::Interrupts;
use crate::limits::Limits;
use crate::pipes::PipeTable;
use crate::port::{PortAction, PortStatus};
use crate::quirks::Quirks;
use crate::recovery::PowerError;
use crate::registers::bits::{
    GAHBCFG, GINTSTS, GNPTXFSIZ, GOTGCTL, GRSTCTL, GRXFSIZ, GSNPSID, GUSBCFG, HCCHAR, HCFG, HCINT,
    HPTXFSIZ,
};
use crate::registers::{ChannelNumber, MAX_CHANNELS, Register, Registers};
use crate::statistics::Statistics;
use crate::translators::Translators;
use crate::waiting::Waiters;
use core::cell::{Cell, RefCell};
use core::fmt;
use core::time::Duration;
use usb_core::buffer::DmaBuffer;
use usb_core::host::Clock;
use usb_core::pipe::Speed;

/// What the board gives the controller.
#[allow(async_fn_in_trait, reason = "everything runs on one single-threaded executor")]
pub trait Board {
    /// DMA memory of this platform.
    type Buffer: DmaBuffer;

    /// A buffer for the driver's own needs (SETUP packets and the data of control transfers), whose
    /// window is `len` bytes long (at most 1024), aligned to 64 bytes; or `None` when memory has run
    /// out.
    fn allocate(&self, len: usize) -> Option<Self::Buffer>;

    /// Switches the power of the controller's block off, and on again after a pause that is long
    /// enough for it to forget everything. The driver's last resort: on return the registers have
    /// their values after power-on, and nothing is written to memory any more. When the future is
    /// dropped on the way, the power must be on again at once.
    async fn cycle_power(&self) -> Result<(), PowerError>;
}

/// Why the controller could not be started.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum StartError {
    /// GSNPSID does not name a core of this family; its value is given. Zero usually means that
    /// the block has no power.
    UnknownCore(u32),
    /// The core has no internal DMA.
    NoDma,
    /// The FIFOs can't hold the largest packets.
    FifoTooSmall(FifoTooSmall),
    /// The AHB master did not become idle.
    AhbBusy,
    /// The core soft reset did not end.
    ResetStuck,
    /// A FIFO flush did not end.
    FlushStuck,
    /// The core did not go into host mode.
    NotHost,
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownCore(id) => write!(f, "not a DWC2 core (GSNPSID {id:#010x})"),
            Self::NoDma => f.write_str("core without internal DMA"),
            Self::FifoTooSmall(shortage) => shortage.fmt(f),
            Self::AhbBusy => f.write_str("AHB master does not become idle"),
            Self::ResetStuck => f.write_str("core reset does not end"),
            Self::FlushStuck => f.write_str("FIFO flush does not end"),
            Self::NotHost => f.write_str("core does not enter host mode"),
        }
    }
}

impl core::error::Error for StartError {}

/// What was learned about the core at the start.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Core {
    pub(crate) quirks: Quirks,
    pub(crate) limits: Limits,
}

/// The driver of one DWC2 controller, in host mode with internal (buffer) DMA.
///
/// `'a` is the lifetime of the state shared with the interrupt handler. See the crate's
/// documentation for how the parts work together.
pub struct Dwc2<'a, R, C, A: Board> {
    pub(crate) registers: R,
    pub(crate) interrupts: &'a Interrupts,
    pub(crate) clock: C,
    pub(crate) board: A,
    pub(crate) core: Cell<Core>,
    pub(crate) pipes: PipeTable,
    pub(crate) channels: ChannelTable<A::Buffer>,
    pub(crate) translators: Translators,
    /// Tasks that wait for a pipe, channel or translator.
    pub(crate) waiters: Waiters,
    /// Bulk IN transfers that pause between questions to a device; see
    /// [`Quirks::nak_pause`].
    pub(crate) pausing: Waiters,
    /// Speed of the root port since its last reset.
    pub(crate) root_speed: Cell<Speed>,
    /// The port was enabled by us, and nobody has been told yet that it is not any more.
    pub(crate) port_enabled: Cell<bool>,
    /// Port power was switched off because of over-current.
    pub(crate) over_current: Cell<bool>,
    /// A core reset is due before the port can be used again.
    pub(crate) reset_due: Cell<bool>,
    /// A core reset is under way.
    pub(crate) resetting: Cell<bool>,
    pub(crate) statistics: RefCell<Statistics>,
}

/// Times that a core which does not come up is switched off and on.
const START_POWER_CYCLES: u32 = 2;
/// Long enough for every self-clearing bit; generous, because the waits end early.
const PATIENCE: Duration = Duration::from_millis(100);
/// Pause between two looks at a self-clearing bit.
const LOOK: Duration = Duration::from_micros(50);
/// The databook's wait for a forced mode to take effect is 25 ms.
const FORCE_MODE: Duration = Duration::from_millis(30);
/// The PHY clock may need this long after a reset before the core is used.
const SETTLE: Duration = Duration::from_millis(1);

impl<'a, R: Registers, C: Clock, A: Board> Dwc2<'a, R, C, A> {
    /// Puts the parts together; the hardware is not touched.
    pub fn new(registers: R, interrupts: &'a Interrupts, clock: C, board: A) -> Self {
        Self {
            registers,
            interrupts,
            clock,
            board,
            core: Cell::new(Core { quirks: Quirks::NONE, limits: Limits::UNKNOWN }),
            pipes: PipeTable::new(),
            channels: ChannelTable::new(),
            translators: Translators::new(),
            waiters: Waiters::new(),
            pausing: Waiters::new(),
            root_speed: Cell::new(Speed::Full),
            port_enabled: Cell::new(false),
            over_current: Cell::new(false),
            reset_due: Cell::new(false),
            resetting: Cell::new(false),
            statistics: RefCell::new(Statistics::default()),
        }
    }

    /// Brings the core up from power-on to a powered root port.
    ///
    /// The block must have power and clock already (on a BCM283x the firmware's mailbox does
    /// that). A core that does not come up is tried again after a power cycle, twice.
    pub async fn start(&self) -> Result<(), StartError> {
        let mut power_cycles = 0;
        loop {
            let error = match self.start_once().await {
                Ok(()) => break,
                // A power cycle does not make another core of it.
                Err(error @ (StartError::NoDma | StartError::FifoTooSmall(_))) => {
                    return Err(error);
                }
                Err(error) => error,
            };
            log::error!("DWC2: {error}");
            if power_cycles == START_POWER_CYCLES || !self.cycle_power().await {
                return Err(error);
            }
            power_cycles += 1;
        }
        self.channels.open(self.core.get().limits.channels);
        self.interrupts.report_port_change();
        Ok(())
    }

    async fn start_once(&self) -> Result<(), StartError> {
        let id = self.registers.read(Register::Gsnpsid);
        // Only the upper half: the release differs between boards and emulators.
        if GSNPSID::PRODUCT.read_as_enum(id) != Some(GSNPSID::PRODUCT::Value::Otg) {
            return Err(StartError::UnknownCore(id));
        }
        let limits = Limits::read(&self.registers);
        if !limits.has_dma {
            return Err(StartError::NoDma);
        }
        let quirks = Quirks::detect(id);
        self.core.set(Core { quirks, limits });
        log::info!(
            "DWC2 {:x}.{:02x}{}: {} channels, {} bytes and {} packets a program, {} words of FIFO{}",
            (id >> 12) & 0xf,
            (id >> 4) & 0xff,
            char::from(b'a' + (id as u8 & 0xf).saturating_sub(0xa)),
            limits.channels,
            limits.bytes,
            limits.packets,
            limits.fifo.words,
            if quirks.is_qemu() { " (QEMU's model)" } else { "" },
        );
        self.initialize().await
    }

    /// Everything from the core reset to interrupts on; also used to recover.
    pub(crate) async fn initialize(&self) -> Result<(), StartError> {
        let Core { quirks, limits } = self.core.get();
        let fifos = limits.fifo.layout(limits.channels).map_err(StartError::FifoTooSmall)?;
        let registers = &self.registers;

        self.modify(Register::Gahbcfg, |v| GAHBCFG::GLBLINTRMSK::CLEAR.modify(v));
        self.modify(Register::Gusbcfg, |v| {
            (GUSBCFG::ULPIEXTVBUSDRV::CLEAR + GUSBCFG::TERMSELDLPULSE::CLEAR).modify(v)
        });
        self.reset_core().await?;

        // The PHY interface first: the core must be reset again when the choice of PHY changes.
        let before = registers.read(Register::Gusbcfg);
        let chosen = (GUSBCFG::PHYSEL::CLEAR
            + GUSBCFG::ULPIUTMISEL::CLEAR
            + GUSBCFG::PHYIF.val(u32::from(limits.wide_phy))
            + GUSBCFG::ULPIFSLS::CLEAR
            + GUSBCFG::ULPICLKSUSM::CLEAR
            + GUSBCFG::SRPCAP::CLEAR
            + GUSBCFG::HNPCAP::CLEAR
            + GUSBCFG::USBTRDTIM.val(if limits.wide_phy { 5 } else { 9 })
            + GUSBCFG::TOUTCAL.val(7))
        .modify(before);
        registers.write(Register::Gusbcfg, chosen);
        let phy = GUSBCFG::PHYSEL::SET + GUSBCFG::ULPIUTMISEL::SET + GUSBCFG::PHYIF::SET;
        if (before ^ chosen) & phy.mask() != 0 {
            self.reset_core().await?;
        }

        // An ordinary cable does not ground the ID pin, so host mode is forced.
        self.modify(Register::Gusbcfg, |v| {
            (GUSBCFG::FORCEHSTMODE::SET + GUSBCFG::FORCEDEVMODE::CLEAR).modify(v)
        });
        self.clock.sleep(FORCE_MODE).await;
        self.poll(Register::Gintsts, |v| GINTSTS::CURMOD.is_set(v), StartError::NotHost).await?;

        registers.write(
            Register::Gahbcfg,
            (GAHBCFG::DMAEN::SET + GAHBCFG::WAITAXIWRITES::SET + GAHBCFG::AXIBURST.val(0)).value,
        );
        registers.write(Register::Pcgctl, 0);
        self.modify(Register::Hcfg, |v| {
            (HCFG::FSLSPCLKSEL.val(0) + HCFG::FSLSSUPP::CLEAR).modify(v)
        });
        self.modify(Register::Gotgctl, |v| GOTGCTL::HSTSETHNPEN::CLEAR.modify(v));

        if limits.fifo.dynamic {
            self.write_fifo_sizes(fifos);
        }
        registers.write(Register::Grstctl, (GRSTCTL::TXFFLSH::SET + GRSTCTL::TXFNUM::All).value);
        self.poll(Register::Grstctl, |v| !GRSTCTL::TXFFLSH.is_set(v), StartError::FlushStuck)
            .await?;
        registers.write(Register::Grstctl, GRSTCTL::RXFFLSH::SET.value);
        self.poll(Register::Grstctl, |v| !GRSTCTL::RXFFLSH.is_set(v), StartError::FlushStuck)
            .await?;
        // "Wait at least 8 PHY clocks" after a flush.
        self.clock.sleep(Duration::from_micros(1)).await;

        self.park_channels().await;

        // The model re-evaluates neither HAINTMSK nor old causes, so both come before the line.
        let mask = if quirks.ends_at_once() { 0 } else { CHANNEL_CAUSES };
        for channel in ChannelNumber::all(limits.channels) {
            registers.write(Register::Hcint(channel), HCINT::ALL.mask);
            registers.write(Register::Hcintmsk(channel), mask);
            self.interrupts.clear_channel(channel);
        }
        registers.write(Register::Haintmsk, (1 << limits.channels) - 1);
        PortAction::Power(true).apply(registers);
        registers.write(Register::Gotgint, registers.read(Register::Gotgint));
        registers.write(Register::Gintsts, u32::MAX);
        registers.write(
            Register::Gintmsk,
            (GINTSTS::PRTINT::SET
                + GINTSTS::HCHINT::SET
                + GINTSTS::DISCONNINT::SET
                + GINTSTS::OTGINT::SET)
                .value,
        );
        self.modify(Register::Gahbcfg, |v| GAHBCFG::GLBLINTRMSK::SET.modify(v));
        Ok(())
    }

    /// Places the FIFOs one behind the other.
    fn write_fifo_sizes(&self, fifos: FifoLayout) {
        let FifoLayout { receive, non_periodic, periodic } = fifos;
        let registers = &self.registers;
        registers.write(Register::Grxfsiz, GRXFSIZ::RXFDEP.val(receive).value);
        registers.write(
            Register::Gnptxfsiz,
            (GNPTXFSIZ::NPTXFSTADDR.val(receive) + GNPTXFSIZ::NPTXFDEP.val(non_periodic)).value,
        );
        registers.write(
            Register::Hptxfsiz,
            (HPTXFSIZ::PTXFSTADDR.val(receive + non_periodic) + HPTXFSIZ::PTXFSIZE.val(periodic))
                .value,
        );
    }

    /// Core soft reset: every state machine and FIFO back to the start.
    async fn reset_core(&self) -> Result<(), StartError> {
        let idle = |v| GRSTCTL::AHBIDLE.is_set(v);
        self.poll(Register::Grstctl, idle, StartError::AhbBusy).await?;
        self.registers.write(Register::Grstctl, GRSTCTL::CSFTRST::SET.value);
        let done = |v| !GRSTCTL::CSFTRST.is_set(v);
        self.poll(Register::Grstctl, done, StartError::ResetStuck).await?;
        self.poll(Register::Grstctl, idle, StartError::AhbBusy).await?;
        self.clock.sleep(SETTLE).await;
        Ok(())
    }

    /// Takes every channel out of whatever the firmware left it in.
    async fn park_channels(&self) {
        let registers = &self.registers;
        let channels = self.core.get().limits.channels;
        let was_enabled = |channel| HCCHAR::CHENA.is_set(registers.read(Register::Hcchar(channel)));
        for channel in ChannelNumber::all(channels) {
            if !was_enabled(channel) {
                registers.write(Register::Hcchar(channel), HCCHAR::EPDIR::SET.value);
                continue;
            }
            let halt = HCCHAR::EPDIR::SET + HCCHAR::CHDIS::SET;
            registers.write(Register::Hcchar(channel), halt.value);
            let halt = halt + HCCHAR::CHENA::SET;
            registers.write(Register::Hcchar(channel), halt.value);
            let idle = |v| !HCCHAR::CHENA.is_set(v);
            // One that stays enabled is found again when it is first used.
            if self.poll(Register::Hcchar(channel), idle, ()).await.is_err() {
                log::warn!("DWC2: channel {channel} does not halt at start");
            }
        }
    }

    /// Reads a register until `done` says so, for 100 ms at most.
    pub(crate) async fn poll<E>(
        &self,
        register: Register,
        done: impl Fn(u32) -> bool,
        error: E,
    ) -> Result<(), E> {
        let give_up = self.clock.now() + PATIENCE;
        loop {
            if done(self.registers.read(register)) {
                return Ok(());
            }
            if self.clock.now() >= give_up {
                return Err(error);
            }
            self.clock.sleep(LOOK).await;
        }
    }

    /// Reads, changes and writes a register of which every bit is plain.
    fn modify(&self, register: Register, change: impl FnOnce(u32) -> u32) {
        let value = self.registers.read(register);
        self.registers.write(register, change(value));
    }

    pub(crate) fn count(&self, change: impl FnOnce(&mut Statistics)) {
        change(&mut self.statistics.borrow_mut());
    }

    /// Counts since the driver was made.
    pub fn statistics(&self) -> Statistics {
        *self.statistics.borrow()
    }

    /// What is special about this core.
    pub fn quirks(&self) -> Quirks {
        self.core.get().quirks
    }

    /// Writes the registers that tell what the controller is doing, a line each, for people.
    ///
    /// Reading has no side effects.
    pub fn dump(&self, to: &mut impl fmt::Write) -> fmt::Result {
        let global = [
            ("GOTGCTL", Register::Gotgctl),
            ("GAHBCFG", Register::Gahbcfg),
            ("GUSBCFG", Register::Gusbcfg),
            ("GINTSTS", Register::Gintsts),
            ("GINTMSK", Register::Gintmsk),
            ("GRXFSIZ", Register::Grxfsiz),
            ("GNPTXFSIZ", Register::Gnptxfsiz),
            ("HPTXFSIZ", Register::Hptxfsiz),
            ("GSNPSID", Register::Gsnpsid),
            ("GHWCFG1", Register::Ghwcfg1),
            ("GHWCFG2", Register::Ghwcfg2),
            ("GHWCFG3", Register::Ghwcfg3),
            ("GHWCFG4", Register::Ghwcfg4),
            ("HCFG", Register::Hcfg),
            ("HFIR", Register::Hfir),
            ("HFNUM", Register::Hfnum),
            ("HAINT", Register::Haint),
            ("HAINTMSK", Register::Haintmsk),
            ("HPRT0", Register::Hprt0),
        ];
        for (name, register) in global {
            writeln!(to, "{name:9} {:08x}", self.registers.read(register))?;
        }
        writeln!(to, "channel   HCCHAR   HCSPLT   HCINT    HCTSIZ   HCDMA")?;
        for channel in ChannelNumber::all(self.core.get().limits.channels.min(MAX_CHANNELS)) {
            writeln!(
                to,
                "{:9} {:08x} {:08x} {:08x} {:08x} {:08x}",
                channel.index(),
                self.registers.read(Register::Hcchar(channel)),
                self.registers.read(Register::Hcsplt(channel)),
                self.registers.read(Register::Hcint(channel)),
                self.registers.read(Register::Hctsiz(channel)),
                self.registers.read(Register::Hcdma(channel)),
            )?;
        }
        let status = PortStatus::read(&self.registers);
        writeln!(
            to,
            "port      {}{}{}",
            if status.connected() { "connected " } else { "empty " },
            if status.enabled() { "enabled " } else { "disabled " },
            if status.powered() { "powered" } else { "off" },
        )
    }
}

/// Causes that interrupt: the raw HCINT is read when the channel has halted, so nothing else is
/// worth an interrupt. NAK in particular comes thousands of times a second.
pub(crate) const CHANNEL_CAUSES: u32 = HCINT::CHHLTD.val(1).value | HCINT::AHBERR.val(1).value;
