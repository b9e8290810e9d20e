//! The driver as a [`HostController`].

use crate::channels::{Lease, Use};
use crate::controller::{Board, Dwc2};
use crate::frames;
use crate::pipes::{Pipe, Toggle};
use crate::port::{PortAction, PortStatus};
use crate::registers::bits::{HCCHAR, HFIR};
use crate::registers::{ChannelNumber, Register, Registers};
use crate::transfer::Stretch;
use core::future::poll_fn;
use core::task::Poll;
use core::time::Duration;
use usb_core::buffer::DmaBuffer;
use usb_core::host::{Clock, HostController, Recovery, RootPortState, SetupPacket, TransferError};
use usb_core::intake::Intake;
use usb_core::pipe::{Direction, PipeConfig, Speed, TransferType};

/// A connection must be stable for this long (TATTDB, USB 2.0 section 7.1.7.3).
const DEBOUNCE: Duration = Duration::from_millis(100);
/// Give up waiting for a stable connection.
const DEBOUNCE_LIMIT: Duration = Duration::from_secs(2);
const DEBOUNCE_LOOK: Duration = Duration::from_millis(25);
/// Reset signalling on a root port: at least 50 ms (TDRSTR, USB 2.0 section 7.1.7.5).
const RESET: Duration = Duration::from_millis(60);
/// After reset: at least 10 ms (TRSTRCY); 20, because 10 has been seen to fail.
const RECOVERY: Duration = Duration::from_millis(20);
/// How long the port may take to become enabled after that.
const ENABLE: Duration = Duration::from_millis(100);
/// Port power stays off this long after over-current.
const OVER_CURRENT_PAUSE: Duration = Duration::from_secs(1);
/// Power good after switching on.
const POWER_GOOD: Duration = Duration::from_millis(100);

impl<'a, R: Registers, C: Clock, A: Board> HostController for Dwc2<'a, R, C, A> {
    type Buffer = A::Buffer;
    type Pipe = Pipe<'a>;

    fn open_pipe(&self, config: PipeConfig) -> Result<Pipe<'a>, TransferError> {
        if config.max_packet_size == 0 || config.max_packet_size > 1024 {
            return Err(TransferError::Invalid);
        }
        self.reclaim();
        self.pipes.open(self.interrupts, config).ok_or(TransferError::NoResources)
    }

    async fn close_pipe(&self, pipe: Pipe<'a>) {
        while self.pipes.get(pipe.index).is_some_and(|state| state.busy) {
            let before = self.clock.now();
            self.drain_parked().await;
            if self.reset_due.get() {
                self.reset().await;
            }
            if self.clock.now() == before {
                // Not parked: a transfer of someone else's, which will end.
                self.clock.sleep(Duration::from_millis(1)).await;
            }
        }
    }

    async fn update_control_pipe(&self, pipe: &mut Pipe<'a>, config: PipeConfig) {
        self.pipes.update(pipe.index, |state| state.config = config);
    }

    fn reset_toggle(&self, pipe: &Pipe<'a>) {
        // Whether a PING is due is a matter of the device's buffers and outlives the toggle.
        self.pipes.update(pipe.index, |state| {
            state.toggle = Toggle::Data0;
            state.doubtful = false;
        });
    }

    async fn control(
        &self,
        pipe: &Pipe<'a>,
        setup: SetupPacket,
        data: &mut [u8],
        timeout: Duration,
    ) -> Result<usize, TransferError> {
        self.control_transfer(pipe.index, setup, data, timeout).await
    }

    async fn transfer_in(
        &self,
        pipe: &Pipe<'a>,
        buffer: A::Buffer,
        timeout: Option<Duration>,
    ) -> (A::Buffer, Result<usize, TransferError>) {
        self.transfer_data(pipe, buffer, Direction::In, false, timeout).await
    }

    async fn receive(
        &self,
        pipe: &Pipe<'a>,
        intake: &impl Intake<Buffer = A::Buffer>,
    ) -> TransferError {
        self.receive_bulk(pipe, intake).await
    }

    async fn transfer_out(
        &self,
        pipe: &Pipe<'a>,
        buffer: A::Buffer,
        zero_length_packet: bool,
        timeout: Duration,
    ) -> (A::Buffer, Result<usize, TransferError>) {
        self.transfer_data(pipe, buffer, Direction::Out, zero_length_packet, Some(timeout)).await
    }

    fn root_port(&self) -> RootPortState {
        if self.resetting.get() {
            return RootPortState::Empty;
        }
        if self.reset_due.get() {
            // Unknown; who wants to use the port begins with the reset.
            return RootPortState::Connected;
        }
        let status = PortStatus::read(&self.registers);
        if self.over_current.get() || status.over_current() {
            RootPortState::OverCurrent
        } else if !status.connected() {
            RootPortState::Empty
        } else if status.enabled() && self.interrupts.port_is_up() {
            RootPortState::Enabled(self.root_speed.get())
        } else {
            RootPortState::Connected
        }
    }

    async fn root_port_changed(&self) {
        if self.over_current.get() {
            // The fault may be over; nothing but trying again can tell.
            self.clock.sleep(OVER_CURRENT_PAUSE).await;
            if self.has_port() {
                PortAction::Power(true).apply(&self.registers);
            }
            self.clock.sleep(POWER_GOOD).await;
            self.over_current.set(false);
            self.interrupts.report_port_change();
        }
        poll_fn(|context| {
            self.interrupts.register_port_waker(context.waker());
            if self.interrupts.take_port_change() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        if !self.has_port() {
            // The end of a reset is a change, too.
            return;
        }
        let status = PortStatus::read(&self.registers);
        if !self.interrupts.port_is_up() && self.port_enabled.take() && status.connected() {
            // Babble and packets too late for the frame make the hardware do this. The port now
            // reads as connected but not enabled, so its device is enumerated anew.
            self.count(|s| s.port_disables += 1);
            log::warn!("DWC2: root port disabled by the hardware");
        }
        if status.over_current() {
            self.count(|s| s.over_currents += 1);
            log::warn!("DWC2: over-current on the root port, power off");
            PortAction::Power(false).apply(&self.registers);
            self.interrupts.port_lost();
            self.over_current.set(true);
        }
    }

    async fn reset_root_port(&self) -> Result<Speed, TransferError> {
        self.port_enabled.set(false);
        self.interrupts.port_lost();
        self.waiters.wake_all();
        self.quiesce().await;
        if self.reset_due.get() {
            self.reset().await;
            if self.reset_due.get() {
                return Err(TransferError::Controller);
            }
        }
        self.translators.forget();
        self.debounce().await?;

        self.count(|s| s.port_resets += 1);
        PortAction::Reset(true).apply(&self.registers);
        let ended = EndReset(self);
        self.clock.sleep(RESET).await;
        drop(ended);
        self.clock.sleep(RECOVERY).await;

        let give_up = self.clock.now() + ENABLE;
        let status = loop {
            if !self.has_port() {
                return Err(TransferError::Disconnected);
            }
            let status = PortStatus::read(&self.registers);
            if !status.connected() {
                return Err(TransferError::Disconnected);
            }
            if status.enabled() {
                break status;
            }
            if self.clock.now() >= give_up {
                return Err(TransferError::Timeout);
            }
            self.clock.sleep(Duration::from_millis(1)).await;
        };
        let speed = status.speed();
        // Only while the port is enabled does the core take a new interval.
        let interval = frames::interval(speed, self.core.get().limits.wide_phy);
        self.registers.write(Register::Hfir, HFIR::FRINT.val(interval).value);
        self.root_speed.set(speed);
        self.port_enabled.set(true);
        self.interrupts.port_gained();
        // It may have gone down between the look and the note.
        if !PortStatus::read(&self.registers).enabled() {
            self.interrupts.port_lost();
            return Err(TransferError::Disconnected);
        }
        Ok(speed)
    }

    async fn recover(&self, recovery: Recovery) -> Result<(), TransferError> {
        self.recover_root_port(recovery).await
    }

    async fn quiesce(&self) {
        self.drain_parked().await;
        if !self.core.get().quirks.ends_at_once() {
            return;
        }
        // Programs that the model has begun end by themselves at its next opportunity, those
        // towards nobody never, and they do no harm.
        let give_up = self.clock.now() + Duration::from_millis(20);
        let at_work = || {
            ChannelNumber::all(self.core.get().limits.channels)
                .any(|channel| HCCHAR::CHENA.is_set(self.registers.read(Register::Hcchar(channel))))
        };
        while at_work() && self.clock.now() < give_up {
            self.clock.sleep(Duration::from_millis(1)).await;
        }
    }
}

/// Ends reset signalling, also when the future that began it is dropped.
struct EndReset<'h, 'a, R: Registers, C: Clock, A: Board>(&'h Dwc2<'a, R, C, A>);

impl<R: Registers, C: Clock, A: Board> Drop for EndReset<'_, '_, R, C, A> {
    fn drop(&mut self) {
        // A reset of the core has ended it already.
        if self.0.has_port() {
            PortAction::Reset(false).apply(&self.0.registers);
        }
    }
}

impl<'a, R: Registers, C: Clock, A: Board> Dwc2<'a, R, C, A> {
    /// Waits for a stable connection (USB 2.0 section 7.1.7.3).
    async fn debounce(&self) -> Result<(), TransferError> {
        let give_up = self.clock.now() + DEBOUNCE_LIMIT;
        let mut stable_since = None;
        let mut changes = self.interrupts.port_changes();
        loop {
            let now = self.clock.now();
            // A change since the last look means that the contact bounced.
            let before = core::mem::replace(&mut changes, self.interrupts.port_changes());
            let bounced = changes != before;
            if !self.has_port() {
                return Err(TransferError::Disconnected);
            }
            if !PortStatus::read(&self.registers).connected() {
                stable_since = None;
            } else if bounced || stable_since.is_none() {
                stable_since = Some(now);
            }
            if stable_since.is_some_and(|since| now.saturating_sub(since) >= DEBOUNCE) {
                return Ok(());
            }
            if now >= give_up {
                self.interrupts.report_port_change();
                return Err(TransferError::Disconnected);
            }
            self.clock.sleep(DEBOUNCE_LOOK).await;
        }
    }

    /// A bulk or interrupt transfer of the buffer's window.
    async fn transfer_data(
        &self,
        pipe: &Pipe<'a>,
        buffer: A::Buffer,
        direction: Direction,
        zero_length_packet: bool,
        timeout: Option<Duration>,
    ) -> (A::Buffer, Result<usize, TransferError>) {
        let Some(state) = self.pipes.get(pipe.index) else {
            return (buffer, Err(TransferError::Invalid));
        };
        let length = buffer.bytes().len();
        if let Err(error) = check(&state.config, direction, &buffer) {
            return (buffer, Err(error));
        }
        let deadline = timeout.map(|timeout| self.clock.now() + timeout);
        let wanted = match (state.config.transfer_type, direction) {
            (TransferType::Interrupt, _) => Use::Interrupt,
            (_, Direction::In) => Use::BulkIn,
            (_, Direction::Out) => Use::BulkOut,
        };
        let mut lease = match self.lease(pipe.index, wanted, buffer, deadline).await {
            Ok(lease) => lease,
            Err((buffer, error)) => return (buffer, Err(error)),
        };
        let Some(mut state) = self.pipes.get(pipe.index) else {
            return self.end(lease, Err(TransferError::Invalid)).await;
        };
        let stretch = Stretch { direction, length, setup: false };
        let mut result = lease.transfer(&mut state, stretch, deadline).await;
        if let Ok(moved) = result
            && zero_length_packet
            && length > 0
            && length.is_multiple_of(usize::from(state.config.max_packet_size))
        {
            let stretch = Stretch { length: 0, ..stretch };
            result = lease.transfer(&mut state, stretch, deadline).await.map(|_| moved);
        }
        if direction == Direction::Out {
            // What was sent may be answered soon.
            self.pausing.wake_all();
        }
        self.end(lease, result).await
    }

    /// Ends a lease and returns its buffer with the transfer's result.
    async fn end(
        &self,
        lease: Lease<'_, 'a, R, C, A>,
        result: Result<usize, TransferError>,
    ) -> (A::Buffer, Result<usize, TransferError>) {
        if result.is_ok() {
            self.count(|s| s.transfers += 1);
        }
        (lease.finish().await, result)
    }
}

/// Whether the window is one that the hardware can be given.
pub(crate) fn check(
    config: &PipeConfig,
    direction: Direction,
    buffer: &impl DmaBuffer,
) -> Result<(), TransferError> {
    let length = buffer.bytes().len();
    let packet_size = usize::from(config.max_packet_size);
    let fits = config.transfer_type != TransferType::Control
        && config.direction == direction
        && buffer.bus_address().0.is_multiple_of(4)
        // The DMA master moves words, so packets that are not whole words must not follow one
        // another in memory.
        && (packet_size.is_multiple_of(4) || length <= packet_size)
        && (direction == Direction::Out || (length > 0 && length.is_multiple_of(packet_size)));
    if fits { Ok(()) } else { Err(TransferError::Invalid) }
}
