//! The receive path: a bulk IN transfer is always armed.

use crate::adapter::{Adapter, ETHERNET_HEADER, Framing, failed};
use crate::counters::{Counters, count};
use crate::error::{Error, Step};
use crate::ncm::Assembly;
use crate::stream::{Format, Reassembly};
use core::cell::Cell;
use core::future::{Future, poll_fn};
use core::pin::pin;
use core::task::Poll;
use core::time::Duration;
use embassy_futures::yield_now;
use net::buffer::PacketBuffer;
use net::netif::{LinkDrop, Port};
use usb_core::buffer::DmaBuffer;
use usb_core::class::{BufferOf, Platform};
use usb_core::host::{Clock, TransferError};

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
/// Transfers in a row that were complete at once, after which others get their turn.
const BURST: u32 = 32;

impl<P: Platform> Adapter<'_, '_, P>
where
    BufferOf<P>: PacketBuffer,
{
    /// Receives until it cannot go on.
    pub(crate) async fn receive<Q: Port<Buffer = BufferOf<P>>>(&self, port: &Q) -> Error {
        let mut unpacker = Unpacker::new(&self.framing);
        let mut arrived: Option<Arrived<BufferOf<P>>> = None;
        let (mut errors, mut burst, mut starved) = (0, 0, false);
        // Bytes of the present block that have come in full transfers (NCM).
        let mut begun = 0;
        loop {
            let Some(buffer) = self.receive_buffer(port, begun) else {
                if !starved {
                    starved = true;
                    count(self.counters, |c| c.no_buffer += 1);
                    port.count(LinkDrop::ReceiveNoBuffer);
                }
                if let Some(arrived) = arrived.take() {
                    self.hand_over(arrived, port, &mut unpacker);
                }
                self.device.platform().clock().sleep(NO_BUFFER_PAUSE).await;
                continue;
            };
            starved = false;
            let window = buffer.bytes().len();
            let mut transfer = pin!(self.device.transfer_in(self.bulk_in, buffer, None));
            // The first poll arms the transfer: what came before is looked at while it runs.
            let first = poll_fn(|cx| Poll::Ready(transfer.as_mut().poll(cx))).await;
            if let Some(arrived) = arrived.take() {
                self.hand_over(arrived, port, &mut unpacker);
            }
            let (buffer, result) = match first {
                Poll::Ready(done) => {
                    burst += 1;
                    if burst >= BURST {
                        burst = 0;
                        yield_now().await;
                    }
                    done
                }
                Poll::Pending => {
                    burst = 0;
                    transfer.await
                }
            };
            match result {
                Ok(length) => {
                    trace!("ethernet in: {=usize} octets of {=usize}", length, window);
                    errors = 0;
                    if length == 0 {
                        count(self.counters, |c| c.empty_transfers += 1);
                    }
                    let full = length >= window;
                    begun = if full { begun + length } else { 0 };
                    arrived = Some(Arrived { buffer, length, full });
                }
                Err(error) => {
                    drop(buffer);
                    begun = 0;
                    errors += 1;
                    unpacker.reset();
                    if let Some(end) = self.receive_failed(error, errors, port).await {
                        return end;
                    }
                }
            }
        }
    }

    /// A buffer for the next transfer. `begun` bytes of a block have come: the transfer must not
    /// reach beyond its end, since nothing ends a block of the largest size but its length.
    fn receive_buffer<Q: Port<Buffer = BufferOf<P>>>(
        &self,
        port: &Q,
        begun: usize,
    ) -> Option<BufferOf<P>> {
        let mut buffer = port.allocate()?;
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
        buffer.set_len(window - window % packet).then_some(buffer)
    }

    /// Passes on what a transfer brought.
    fn hand_over<Q: Port<Buffer = BufferOf<P>>>(
        &self,
        arrived: Arrived<BufferOf<P>>,
        port: &Q,
        unpacker: &mut Unpacker<BufferOf<P>>,
    ) {
        unpacker.unpack(arrived, port, self.counters, |frame| {
            if frame.len() < ETHERNET_HEADER {
                count(self.counters, |c| c.too_short += 1);
                port.count(LinkDrop::ReceiveTooShort);
            } else if frame.len() > self.max_frame() {
                count(self.counters, |c| c.too_long += 1);
                port.count(LinkDrop::ReceiveTooLong);
            } else {
                count(self.counters, |c| c.received += 1);
                port.receive(frame);
            }
        });
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
