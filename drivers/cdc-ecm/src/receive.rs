//! The receive path: bulk IN transfers are always armed, as many as the host controller takes.

use crate::adapter::{Adapter, ETHERNET_HEADER, Framing, failed};
use crate::counters::{Counters, count};
use crate::error::{Error, Step};
use crate::ncm::Assembly;
use crate::stream::{Format, Reassembly};
use core::cell::{Cell, RefCell};
use core::time::Duration;
use net::buffer::PacketBuffer;
use net::netif::{LinkDrop, Port};
use usb_core::buffer::DmaBuffer;
use usb_core::class::{BufferOf, Platform};
use usb_core::host::{Clock, TransferError};
use usb_core::intake::Intake;

/// Bytes a receive transfer asks for: a frame of 1518 octets with the header of any protocol,
/// rounded up to packets of every size there is.
pub(crate) const WINDOW: usize = 2048;
/// Bytes it asks for when the device's blocks are larger than that, as far as a buffer has room.
const LARGE_WINDOW: usize = 4096;
/// Pause when no buffer is free.
const NO_BUFFER_PAUSE: Duration = Duration::from_millis(1);
/// Pause after a failed transfer; grows with each in a row.
const ERROR_PAUSE: Duration = Duration::from_millis(10);
/// Failed transfers in a row that are taken for the end.
const MAX_ERRORS: u32 = 10;

/// The receive path's end at the host controller.
struct Frames<'r, 'd, 'b, P: Platform, Q: Port> {
    adapter: &'r Adapter<'d, 'b, P>,
    port: &'r Q,
    unpacker: RefCell<Unpacker<Q::Buffer>>,
    /// Bytes of the present block that have come in full transfers (NCM).
    begun: Cell<usize>,
    /// Failed transfers in a row.
    errors: Cell<u32>,
    /// There was no buffer when there should have been one, and there has been none since.
    starved: Cell<bool>,
}

impl<P: Platform> Adapter<'_, '_, P>
where
    BufferOf<P>: PacketBuffer,
{
    /// Receives until it cannot go on.
    pub(crate) async fn receive<Q: Port<Buffer = BufferOf<P>>>(&self, port: &Q) -> Error {
        let frames = Frames {
            adapter: self,
            port,
            unpacker: RefCell::new(Unpacker::new(&self.framing)),
            begun: Cell::new(0),
            errors: Cell::new(0),
            starved: Cell::new(false),
        };
        loop {
            let error = self.device.receive(self.bulk_in, &frames).await;
            if error == TransferError::NoResources {
                if !frames.starved.replace(true) {
                    count(self.counters, |c| c.no_buffer += 1);
                    port.count(LinkDrop::ReceiveNoBuffer);
                }
                self.device.platform().clock().sleep(NO_BUFFER_PAUSE).await;
                continue;
            }
            let errors = frames.failed();
            if let Some(end) = self.receive_failed(error, errors, port).await {
                return end;
            }
        }
    }

    /// Bytes that the next transfer asks for; `begun` bytes of a block have come. It must not reach
    /// beyond the block's end, since nothing ends a block of the largest size but its length.
    fn window(&self, buffer: &BufferOf<P>, begun: usize) -> usize {
        let packet = self.bulk_in.max_packet_size();
        let window = match self.framing {
            Framing::Ncm { max_block, .. } => {
                let largest = max_block.max(1).next_multiple_of(packet);
                let room = if max_block > WINDOW { buffer.tailroom() } else { WINDOW };
                room.min(LARGE_WINDOW).min(largest - begun % largest)
            }
            _ => WINDOW,
        };
        // A multiple of the packet size, which the usual ones divide.
        window - window % packet
    }

    /// Whether the next window depends on what the transfers before it bring.
    const fn goes_by_lengths(&self) -> bool {
        matches!(self.framing, Framing::Ncm { max_block, .. } if max_block > WINDOW)
    }

    /// Recovers from a failed transfer, or says why that is of no use.
    async fn receive_failed<Q: Port>(
        &self,
        error: TransferError,
        errors: u32,
        port: &Q,
    ) -> Option<Error> {
        count(self.counters, |c| c.receive_errors += 1);
        port.count(LinkDrop::ReceiveError);
        log::debug!("usb {}: receive failed: {error:?}", self.device.path());
        if error == TransferError::Disconnected || errors >= MAX_ERRORS {
            return Some(failed(Step::Receive, error));
        }
        if error == TransferError::Stall || errors > 1 {
            // Refused by devices that keep no such state; nothing is lost then.
            let _ = self.device.clear_halt(self.bulk_in).await;
        }
        self.device.platform().clock().sleep(ERROR_PAUSE * errors).await;
        None
    }
}

impl<P: Platform, Q: Port<Buffer = BufferOf<P>>> Frames<'_, '_, '_, P, Q>
where
    BufferOf<P>: PacketBuffer,
{
    /// A transfer failed: what was begun is lost. Returns how many have in a row.
    fn failed(&self) -> u32 {
        self.begun.set(0);
        self.unpacker.borrow_mut().reset();
        self.errors.set(self.errors.get() + 1);
        self.errors.get()
    }

    /// Passes a frame on, if it is one.
    fn deliver(&self, frame: Q::Buffer) {
        let Self { adapter, port, .. } = self;
        if frame.len() < ETHERNET_HEADER {
            count(adapter.counters, |c| c.too_short += 1);
            port.count(LinkDrop::ReceiveTooShort);
        } else if frame.len() > adapter.max_frame() {
            count(adapter.counters, |c| c.too_long += 1);
            port.count(LinkDrop::ReceiveTooLong);
        } else {
            count(adapter.counters, |c| c.received += 1);
            port.receive(frame);
        }
    }
}

impl<P: Platform, Q: Port<Buffer = BufferOf<P>>> Intake for Frames<'_, '_, '_, P, Q>
where
    BufferOf<P>: PacketBuffer,
{
    type Buffer = BufferOf<P>;

    fn buffer(&self, ahead: usize) -> Option<BufferOf<P>> {
        if ahead > 0 && self.adapter.goes_by_lengths() {
            return None;
        }
        let mut buffer = self.port.allocate()?;
        self.starved.set(false);
        let window = self.adapter.window(&buffer, self.begun.get());
        buffer.set_len(window).then_some(buffer)
    }

    fn ended(&self, buffer: &BufferOf<P>, length: usize) {
        self.errors.set(0);
        let full = length >= buffer.bytes().len();
        self.begun.set(if full { self.begun.get() + length } else { 0 });
    }

    fn arrived(&self, buffer: BufferOf<P>, length: usize) {
        let window = buffer.bytes().len();
        trace!("ethernet in: {=usize} octets of {=usize}", length, window);
        if length == 0 {
            count(self.adapter.counters, |c| c.empty_transfers += 1);
        }
        let arrived = Arrived { buffer, length, full: length >= window };
        let counters = self.adapter.counters;
        self.unpacker.borrow_mut().unpack(arrived, self.port, counters, |frame| {
            self.deliver(frame);
        });
    }

    fn settle(&self) {
        self.port.settle();
    }
}

/// A transfer that is complete; empty ones end what was begun.
struct Arrived<B> {
    buffer: B,
    length: usize,
    full: bool,
}

/// What makes frames of transfers, by protocol.
enum Unpacker<B> {
    /// A frame a transfer.
    Frames {
        /// The rest of a frame that is too long is still to come.
        overrun: bool,
    },
    /// Messages in a stream.
    Messages(Reassembly<B>),
    /// Blocks.
    Blocks(Assembly<B>),
}

impl<B: DmaBuffer + PacketBuffer> Unpacker<B> {
    fn new<P: Platform>(framing: &Framing<'_, '_, P>) -> Self {
        match framing {
            Framing::Ecm => Self::Frames { overrun: false },
            Framing::Ncm { max_block, .. } => Self::Blocks(Assembly::new(*max_block)),
            Framing::Eem => Self::Messages(Reassembly::new(Format::Eem)),
            Framing::Rndis { .. } => Self::Messages(Reassembly::new(Format::Rndis)),
            Framing::Smsc(chip) => Self::Messages(Reassembly::new(Format::Smsc(chip.model()))),
        }
    }

    /// Forgets what was begun, after an error on the pipe.
    fn reset(&mut self) {
        match self {
            Self::Frames { overrun } => *overrun = false,
            Self::Messages(reassembly) => reassembly.reset(),
            Self::Blocks(assembly) => assembly.reset(),
        }
    }

    fn unpack<Q: Port<Buffer = B>>(
        &mut self,
        arrived: Arrived<B>,
        port: &Q,
        counters: &Cell<Counters>,
        mut deliver: impl FnMut(B),
    ) {
        let Arrived { mut buffer, length, full } = arrived;
        buffer.truncate(length);
        match self {
            Self::Frames { overrun } => {
                if full || *overrun {
                    if !*overrun {
                        count(counters, |c| c.too_long += 1);
                        port.count(LinkDrop::ReceiveTooLong);
                    }
                    *overrun = full;
                } else if length != 0 {
                    deliver(buffer);
                }
            }
            Self::Messages(reassembly) if length != 0 => {
                reassembly.transfer(buffer, full, port, counters, deliver);
            }
            Self::Messages(_) => {}
            Self::Blocks(assembly) => assembly.transfer(buffer, full, port, counters, deliver),
        }
    }
}
