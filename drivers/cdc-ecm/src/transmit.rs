//! The transmit path: one frame at a time from the stack to the device.

use crate::adapter::{Adapter, Framing, failed};
use crate::error::{Error, Step};
use crate::rndis::{DATA_HEADER, count, data_header};
use core::future::poll_fn;
use core::time::Duration;
use embassy_futures::yield_now;
use net::buffer::PacketBuffer;
use net::netif::{LinkDrop, Port};
use usb_core::class::{BufferOf, Platform};
use usb_core::host::TransferError;

/// The shortest Ethernet frame without FCS (IEEE 802.3 section 4.4.2). Adapters are expected to
/// pad, and not all do.
const MIN_FRAME: usize = 60;
/// How long the device may take to accept a frame.
const TIMEOUT: Duration = Duration::from_secs(2);
/// Frames lost in a row that are taken for the end.
const MAX_ERRORS: u32 = 3;
/// Frames in a row after which others get their turn.
const BURST: u32 = 32;

/// A transfer that is ready to go.
struct Framed<B> {
    buffer: B,
    zero_length_packet: bool,
}

impl<P: Platform> Adapter<'_, '_, P>
where
    BufferOf<P>: PacketBuffer,
{
    /// Sends until it cannot go on.
    pub(crate) async fn transmit<Q: Port<Buffer = BufferOf<P>>>(&self, port: &Q) -> Error {
        let (mut errors, mut burst) = (0, 0);
        if matches!(self.framing, Framing::Ecm) && self.device.restarts() > 0 {
            // Half a frame of the time before may still wait for its end.
            self.end_frame(port).await;
        }
        loop {
            let frame = poll_fn(|cx| port.poll_transmit(cx)).await;
            let Some(framed) = self.frame(frame) else {
                port.count(LinkDrop::TransmitError);
                continue;
            };
            match self.send(framed, port).await {
                Ok(()) => {
                    errors = 0;
                    count(self.counters, |c| c.sent += 1);
                }
                Err(error) => {
                    errors += 1;
                    count(self.counters, |c| c.transmit_errors += 1);
                    port.count(LinkDrop::TransmitError);
                    log::debug!("usb {}: send failed: {error:?}", self.device.path());
                    if error == TransferError::Disconnected || errors >= MAX_ERRORS {
                        return failed(Step::Transmit, error);
                    }
                }
            }
            burst += 1;
            if burst >= BURST {
                burst = 0;
                yield_now().await;
            }
        }
    }

    /// Puts around a frame what the protocol asks for. `None`: it cannot be sent, and is counted.
    fn frame(&self, mut buffer: BufferOf<P>) -> Option<Framed<BufferOf<P>>> {
        if let Some(missing @ 1..) = MIN_FRAME.checked_sub(buffer.len())
            && let Some(padding) = buffer.append(missing)
        {
            padding.fill(0);
        }
        let length = buffer.len();
        if length > self.max_frame() {
            count(self.counters, |c| c.oversize += 1);
            return None;
        }
        let Framing::Rndis { max_transfer_size, .. } = self.framing else {
            return Some(Framed { buffer, zero_length_packet: true });
        };
        // The message must not end with a full packet: the device may wait for more then, and
        // zero-length packets are not for it. One byte of padding within the message helps.
        let total = DATA_HEADER + length;
        let padding = usize::from(total.is_multiple_of(self.bulk_out.max_packet_size()));
        if total + padding > max_transfer_size {
            count(self.counters, |c| c.oversize += 1);
            return None;
        }
        let framed = buffer
            .append(padding)
            .map(|bytes| bytes.fill(0))
            .and_then(|()| buffer.prepend(DATA_HEADER))
            .map(|header| header.copy_from_slice(&data_header(length, padding)));
        if framed.is_none() {
            count(self.counters, |c| c.no_headroom += 1);
            return None;
        }
        Some(Framed { buffer, zero_length_packet: false })
    }

    /// Sends a frame; one that failed is sent once more after the endpoint was cleared.
    async fn send<Q: Port<Buffer = BufferOf<P>>>(
        &self,
        framed: Framed<BufferOf<P>>,
        port: &Q,
    ) -> Result<(), TransferError> {
        let Framed { buffer, zero_length_packet } = framed;
        trace!("ethernet out: {=usize} octets", buffer.len());
        let (buffer, first) =
            self.device.transfer_out(self.bulk_out, buffer, zero_length_packet, TIMEOUT).await;
        let error = match first {
            Ok(_) => return Ok(()),
            Err(error @ TransferError::Disconnected) => return Err(error),
            Err(error) => error,
        };
        // Refused by devices that keep no such state; nothing is lost then.
        let _ = self.device.clear_halt(self.bulk_out).await;
        if matches!(self.framing, Framing::Ecm) {
            self.end_frame(port).await;
        }
        if !matches!(error, TransferError::Stall | TransferError::Transaction) {
            return Err(error);
        }
        count(self.counters, |c| c.retries += 1);
        let (_, second) =
            self.device.transfer_out(self.bulk_out, buffer, zero_length_packet, TIMEOUT).await;
        second.map(|_| ())
    }

    /// Ends a frame of which the device may have got a part: a zero-length packet is an end
    /// (ECM 1.2 section 3.3.1). Whether it goes through is seen at the next frame.
    async fn end_frame<Q: Port<Buffer = BufferOf<P>>>(&self, port: &Q) {
        if let Some(mut buffer) = port.allocate() {
            buffer.truncate(0);
            let _ = self.device.transfer_out(self.bulk_out, buffer, false, TIMEOUT).await;
        }
    }
}
