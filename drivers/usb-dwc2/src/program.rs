//! One program of a host channel: what is written to start it, and how its end is read
//! (databook: channel initialization, halting a channel; host programming in DMA mode).

use crate::channels::Lease;
use crate::controller::{Board, CHANNEL_CAUSES, Dwc2};
use crate::frames::FrameNumber;
use crate::outcome::Outcome;
use crate::pipes::{PipeIndex, Toggle};
use crate::registers::bits::{HCCHAR, HCINT, HCSPLT, HCTSIZ};
use crate::registers::{ChannelNumber, Register, Registers};
use crate::split::Way;
use crate::waiting::{earlier, until};
use core::task::Poll;
use core::time::Duration;
use usb_core::buffer::DmaBuffer;
use usb_core::host::{Clock, TransferError};
use usb_core::pipe::{Direction, PipeConfig, Speed, TransactionTranslator, TransferType};

/// The token and PID with which a program begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Token {
    /// SETUP, always DATA0 on the wire.
    Setup,
    /// IN, expecting this PID.
    In(Toggle),
    /// OUT with this PID.
    Out(Toggle),
}

impl Token {
    /// Whether the data goes to the device.
    pub(crate) const fn sends(self) -> bool {
        matches!(self, Self::Setup | Self::Out(_))
    }
}

/// Which half of a split transaction a program is (USB 2.0 section 8.4.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum SplitPhase {
    Start,
    Complete,
}

/// What a channel is to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Program {
    pub(crate) token: Token,
    /// Where in the lease's buffer the data begins.
    pub(crate) offset: usize,
    /// Bytes for HCTSIZ.XFERSIZE; a whole number of packets for IN.
    pub(crate) bytes: u32,
    /// Packets for HCTSIZ.PKTCNT.
    pub(crate) packets: u32,
    /// Begin with PING.
    pub(crate) ping: bool,
    pub(crate) split: Option<(TransactionTranslator, SplitPhase)>,
    /// With a split of an interrupt endpoint: which buffers of the translator it goes through.
    pub(crate) way: Way,
}

impl Program {
    /// HCTSIZ.
    fn size(&self) -> u32 {
        (HCTSIZ::XFERSIZE.val(self.bytes)
            + HCTSIZ::PKTCNT.val(self.packets)
            + HCTSIZ::PID.val(pid(self.token) as u32)
            + HCTSIZ::DOPNG.val(u32::from(self.ping)))
        .value
    }
}

/// A program that the hardware has been given.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Started {
    /// HCTSIZ as it was written.
    pub(crate) size: u32,
    /// A periodic channel ends in its (micro)frame and must not be disabled (databook: halting a
    /// channel).
    pub(crate) ends_by_itself: bool,
    pub(crate) token: Token,
    packet_size: u16,
}

/// How a program ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Halted {
    pub(crate) outcome: Outcome,
    /// Bytes that moved, as far as acknowledged.
    pub(crate) moved: u32,
    /// What the next data packet's PID is to be.
    pub(crate) next: Toggle,
}

impl Halted {
    /// How an IN program ended on a core that keeps the PID: `size` is HCTSIZ as it was given, `left`
    /// as it is now, `bits` is HCINT.
    pub(crate) fn of_in(size: u32, left: u32, bits: u32) -> Self {
        Self {
            outcome: Outcome::of(bits),
            moved: HCTSIZ::XFERSIZE.read(size).saturating_sub(HCTSIZ::XFERSIZE.read(left)),
            next: next_toggle(left).unwrap_or(Toggle::Data0),
        }
    }
}

/// What HCTSIZ.PID says of the packet that comes next.
fn next_toggle(left: u32) -> Option<Toggle> {
    match HCTSIZ::PID.read_as_enum(left) {
        Some(HCTSIZ::PID::Value::Data0) => Some(Toggle::Data0),
        Some(HCTSIZ::PID::Value::Data1) => Some(Toggle::Data1),
        _ => None,
    }
}

const fn pid(token: Token) -> HCTSIZ::PID::Value {
    match token {
        Token::Setup => HCTSIZ::PID::Value::Setup,
        Token::In(Toggle::Data0) | Token::Out(Toggle::Data0) => HCTSIZ::PID::Value::Data0,
        Token::In(Toggle::Data1) | Token::Out(Toggle::Data1) => HCTSIZ::PID::Value::Data1,
    }
}

impl<R: Registers, C: Clock, A: Board> Dwc2<'_, R, C, A> {
    /// HCCHAR with which a program is started now, and whether that is as a periodic transaction.
    pub(crate) fn characteristics(&self, config: &PipeConfig, program: &Program) -> (u32, bool) {
        let quirks = self.core.get().quirks;
        let registers = &self.registers;
        let setup = program.token == Token::Setup;
        let kind = match config.transfer_type {
            TransferType::Interrupt
                if program.split.is_some() && program.way == Way::NonPeriodic =>
            {
                HCCHAR::EPTYPE::Value::Control
            }
            other => quirks.endpoint_type(other, setup),
        };
        let periodic = kind as u32 == HCCHAR::EPTYPE::Value::Interrupt as u32;
        let direction = matches!(program.token, Token::In(_));
        // A periodic channel runs in the next (micro)frame. What lies between this look and the store
        // that enables the channel is little; when the (micro)frame changes in between, the core
        // reports a frame overrun, and the program is repeated.
        let odd = periodic && quirks.has_frames() && FrameNumber::now(registers).after(1).is_odd();
        // For a periodic split the field is the count of tries in its microframe (databook,
        // HCCHAR.EC); for others the count of transactions in a microframe.
        let tries = if periodic && program.split.is_some() { 3 } else { 1 };
        let characteristics = HCCHAR::MPS
            .val(u32::from(quirks.packet_size(config.max_packet_size)))
            + HCCHAR::EPNUM.val(u32::from(config.endpoint.get()))
            + HCCHAR::EPDIR.val(u32::from(direction))
            + HCCHAR::LSPDDEV.val(u32::from(config.speed == Speed::Low))
            + HCCHAR::EPTYPE.val(kind as u32)
            + HCCHAR::EC.val(tries)
            + HCCHAR::DEVADDR.val(u32::from(config.device.get()))
            + HCCHAR::ODDFRM.val(u32::from(odd))
            + HCCHAR::CHENA::SET;
        (characteristics.value, periodic)
    }

    /// Acknowledges what the channel said before, and makes it ready for programs of its ring, of
    /// which this is the first.
    pub(crate) fn prepare_ring(
        &self,
        channel: ChannelNumber,
        config: &PipeConfig,
        program: &Program,
    ) -> Started {
        self.registers.write(Register::Hcint(channel), HCINT::ALL.mask);
        self.interrupts.clear_channel(channel);
        self.registers.write(Register::Hcsplt(channel), 0);
        Started {
            size: program.size(),
            ends_by_itself: false,
            token: program.token,
            packet_size: config.max_packet_size,
        }
    }

    /// Writes a program to a channel and enables it. `again` says that the channel still holds it.
    fn start_program(
        &self,
        channel: ChannelNumber,
        config: &PipeConfig,
        program: &Program,
        base: u32,
        again: bool,
    ) -> Started {
        let quirks = self.core.get().quirks;
        let registers = &self.registers;
        self.count(|s| s.programs += 1);
        let (characteristics, periodic) = self.characteristics(config, program);
        let split = program.split.map_or(0, |(translator, phase)| {
            (HCSPLT::SPLTENA::SET
                + HCSPLT::XACTPOS::All
                + HCSPLT::HUBADDR.val(u32::from(translator.hub.get()))
                + HCSPLT::PRTADDR.val(u32::from(translator.port.get()))
                + HCSPLT::COMPSPLT.val(u32::from(phase == SplitPhase::Complete)))
            .value
        });
        let size = program.size();

        if self.must_acknowledge(channel, program) {
            registers.write(Register::Hcint(channel), HCINT::ALL.mask);
        }
        self.interrupts.clear_channel(channel);
        if !again {
            if quirks.has_splits() {
                registers.write(Register::Hcsplt(channel), split);
            }
            registers.write(Register::Hctsiz(channel), size);
            registers.write(Register::Hcdma(channel), base.wrapping_add(program.offset as u32));
        }
        // The buffer's contents must be in memory before the core can fetch them.
        registers.barrier();
        trace!(
            "channel {=usize} start: HCCHAR {=u32:08x} HCSPLT {=u32:08x} HCTSIZ {=u32:08x}",
            channel.index(),
            characteristics,
            split,
            size
        );
        registers.write(Register::Hcchar(channel), characteristics);
        Started {
            size,
            ends_by_itself: periodic,
            token: program.token,
            packet_size: config.max_packet_size,
        }
    }

    /// Reads how a halted channel's program ended.
    fn collect(&self, channel: ChannelNumber, started: Started, early: u32) -> Halted {
        let registers = &self.registers;
        let bits = early | self.interrupts.channel(channel);
        let outcome = Outcome::of(bits);
        // Nothing in HCTSIZ is news after an OUT that went through, if not the PID.
        let all_sent = started.token.sends() && matches!(outcome, Outcome::Complete { .. });
        let left = if all_sent && !self.core.get().quirks.keeps_pid() {
            0
        } else {
            registers.read(Register::Hctsiz(channel))
        };
        registers.barrier();
        trace!(
            "channel {=usize} halt: HCINT {=u32:04x} HCTSIZ {=u32:08x}",
            channel.index(),
            bits,
            left
        );
        self.conclude(started, outcome, left)
    }

    /// What a program has moved that ended like this; `left` is HCTSIZ as it is now.
    pub(crate) fn conclude(&self, started: Started, outcome: Outcome, left: u32) -> Halted {
        let complete = matches!(outcome, Outcome::Complete { .. });
        let programmed = HCTSIZ::XFERSIZE.read(started.size);
        let packet = u32::from(started.packet_size.max(1));
        let moved = if !started.token.sends() {
            programmed.saturating_sub(HCTSIZ::XFERSIZE.read(left))
        } else if complete {
            programmed
        } else {
            // The byte field of an OUT is fetched ahead of what was acknowledged; the packet count
            // is not.
            let packets =
                HCTSIZ::PKTCNT.read(started.size).saturating_sub(HCTSIZ::PKTCNT.read(left));
            (packets * packet).min(programmed)
        };
        let next = match started.token {
            Token::Setup => Toggle::Data1,
            Token::In(toggle) | Token::Out(toggle) => {
                if self.core.get().quirks.keeps_pid() {
                    next_toggle(left).unwrap_or(toggle)
                } else {
                    let packets =
                        if complete { moved.div_ceil(packet).max(1) } else { moved / packet };
                    toggle.after(packets)
                }
            }
        };
        Halted { outcome, moved, next }
    }

    /// Closes the books on a program that was given up: what the device has acknowledged moves
    /// the pipe's toggle, whoever wanted it or not.
    pub(crate) fn settle(&self, channel: ChannelNumber, pipe: PipeIndex, started: Started) {
        let bits = self.registers.read(Register::Hcint(channel));
        let halted = self.collect(channel, started, bits);
        self.registers.write(Register::Hcint(channel), HCINT::ALL.mask);
        if self.core.get().quirks.ends_at_once() {
            self.registers.write(Register::Hcintmsk(channel), 0);
        }
        self.pipes.update(pipe, |state| {
            if state.config.transfer_type != TransferType::Control {
                state.toggle = halted.next;
            }
            // Whether the device has room for more is not known: ask. Ignored where there is no
            // PING.
            state.ping = matches!(started.token, Token::Out(_));
        });
    }
}

impl<R: Registers, C: Clock, A: Board> Lease<'_, '_, R, C, A> {
    /// Runs one program to its halt.
    ///
    /// Ends with `Disconnected` when the root port goes down and with `Timeout` at the deadline;
    /// the program may then still be running, which [`Lease::finish`] or dropping sees to.
    pub(crate) async fn run(
        &mut self,
        config: &PipeConfig,
        program: &Program,
        deadline: Option<Duration>,
    ) -> Result<Halted, TransferError> {
        let host = self.host;
        let channel = self.channel;
        let quirks = host.core.get().quirks;
        if !host.interrupts.port_is_up() {
            host.count(|s| s.disconnected += 1);
            return Err(TransferError::Disconnected);
        }
        let Some(buffer) = &self.buffer else { return Err(TransferError::Invalid) };
        let base = buffer.bus_address().0;
        let again = self.unmoved.take() == Some(*program);
        let started = host.start_program(channel, config, program, base, again);
        self.started = Some(started);

        if quirks.ends_at_once() {
            if let Some(halted) = host.ended_in_size(channel, started) {
                self.started = None;
                return Ok(halted);
            }
            let bits = host.ended_in_causes(channel);
            if HCINT::CHHLTD.is_set(bits) {
                self.started = None;
                let halted = host.collect(channel, started, bits);
                if quirks.leaves_program() && halted.outcome == Outcome::Nak && halted.moved == 0 {
                    self.unmoved = Some(*program);
                }
                return Ok(halted);
            }
            host.registers.write(Register::Hcintmsk(channel), CHANNEL_CAUSES);
        }

        let silence = quirks.silence().map(|silence| host.clock.now() + silence);
        let halted = until(&host.clock, earlier(deadline, silence), |context| {
            host.interrupts.register_channel_waker(channel, context.waker());
            let bits = host.interrupts.channel(channel);
            if bits & CHANNEL_CAUSES != 0 {
                Poll::Ready(Ok(bits))
            } else if host.interrupts.port_is_up() {
                Poll::Pending
            } else {
                Poll::Ready(Err(TransferError::Disconnected))
            }
        })
        .await;
        if quirks.ends_at_once() {
            host.registers.write(Register::Hcintmsk(channel), 0);
        }
        match halted {
            Some(Ok(bits)) => {
                if HCINT::CHHLTD.is_set(bits) {
                    self.started = None;
                    return Ok(host.collect(channel, started, bits));
                }
                // A DMA fault need not halt the channel.
                log::error!(
                    "DWC2: DMA fault on channel {channel}: HCDMA {:#010x}, HCTSIZ {:#010x}",
                    host.registers.read(Register::Hcdma(channel)),
                    host.registers.read(Register::Hctsiz(channel)),
                );
                self.stop().await;
                Ok(Halted { outcome: Outcome::DmaFault, moved: 0, next: Toggle::Data0 })
            }
            Some(Err(error)) => {
                host.count(|s| s.disconnected += 1);
                Err(error)
            }
            None => {
                let silent = silence.is_some_and(|silence| host.clock.now() >= silence)
                    && deadline.is_none_or(|deadline| host.clock.now() < deadline);
                if silent {
                    // Nobody has this address: hardware would have counted three errors.
                    self.stop().await;
                    host.count(|s| s.transfers_failed += 1);
                    return Err(TransferError::Transaction);
                }
                host.count(|s| s.timeouts += 1);
                Err(TransferError::Timeout)
            }
        }
    }
}

/// How a stretch of `length` bytes becomes one program: bytes and packets.
pub(crate) fn shape(direction: Direction, length: u32, packet_size: u16) -> (u32, u32) {
    let packet = u32::from(packet_size.max(1));
    // A zero-length packet is a packet.
    let packets = length.div_ceil(packet).max(1);
    match direction {
        // The core must be given room for whole packets.
        Direction::In => (packets * packet, packets),
        Direction::Out => (length, packets),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes() {
        assert_eq!(shape(Direction::In, 18, 64), (64, 1));
        assert_eq!(shape(Direction::In, 0, 64), (64, 1));
        assert_eq!(shape(Direction::In, 2048, 512), (2048, 4));
        assert_eq!(shape(Direction::Out, 1514, 512), (1514, 3));
        assert_eq!(shape(Direction::Out, 0, 512), (0, 1));
        assert_eq!(shape(Direction::Out, 1024, 512), (1024, 2));
    }
}
