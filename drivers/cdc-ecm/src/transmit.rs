//! The transmit path: frames from the stack to the device, one transfer at a time.

use crate::adapter::{Adapter, Framing, failed};
use crate::counters::count;
use crate::eem;
use crate::error::{Error, Step};
use crate::ncm::{Bundle, Layout};
use crate::rndis::{DATA_HEADER, data_header};
use core::future::poll_fn;
use core::task::Poll;
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

/// Frames up to this length are copied into a block with others that wait; a longer one goes in
/// its own buffer when it can.
const COPIED: usize = 512;

/// A transfer that is ready to go.
struct Framed<B> {
    buffer: B,
    /// How many frames are in it.
    frames: u32,
    zero_length_packet: bool,
}

impl<B> Framed<B> {
    /// A transfer with one frame, whose end shows by itself.
    const fn one(buffer: B) -> Self {
        Self { buffer, frames: 1, zero_length_packet: false }
    }
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
        // A frame that was taken from the stack and found no room in a block.
        let mut next = None;
        loop {
            let frame = match next.take() {
                Some(frame) => frame,
                None => poll_fn(|cx| port.poll_transmit(cx)).await,
            };
            let Some(framed) = self.frame(frame, &mut next, port).await else {
                port.count(LinkDrop::TransmitError);
                continue;
            };
            let frames = framed.frames;
            match self.send(framed, port).await {
                Ok(()) => {
                    errors = 0;
                    count(self.counters, |c| {
                        c.sent += u64::from(frames);
                        if frames > 1 {
                            c.gathered += u64::from(frames);
                        }
                    });
                }
                Err(error) => {
                    errors += 1;
                    count(self.counters, |c| c.transmit_errors += u64::from(frames));
                    for _ in 0..frames {
                        port.count(LinkDrop::TransmitError);
                    }
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
    /// A block takes more frames from `port`; the first that found no room in it is `next`.
    async fn frame<Q: Port<Buffer = BufferOf<P>>>(
        &self,
        mut buffer: BufferOf<P>,
        next: &mut Option<BufferOf<P>>,
        port: &Q,
    ) -> Option<Framed<BufferOf<P>>> {
        pad(&mut buffer);
        if buffer.len() > self.max_frame() {
            count(self.counters, |c| c.oversize += 1);
            return None;
        }
        let wrapped = match &self.framing {
            Framing::Ecm => {
                return Some(Framed { buffer, frames: 1, zero_length_packet: true });
            }
            Framing::Ncm { layout, sequence, .. } => {
                let number = sequence.get();
                sequence.set(number.wrapping_add(1));
                return self.block(buffer, *layout, number, next, port).await;
            }
            Framing::Eem => self.eem_packets(&mut buffer),
            Framing::Smsc(chip) => {
                let Some(command) = smsc_lan::command(chip.model(), buffer.len()) else {
                    count(self.counters, |c| c.oversize += 1);
                    return None;
                };
                self.enclose(&mut buffer, &command, &[])?;
                return Some(Framed { buffer, frames: 1, zero_length_packet: true });
            }
            Framing::Rndis { max_transfer_size, .. } => {
                self.rndis_message(&mut buffer, *max_transfer_size)
            }
        };
        wrapped.map(|()| Framed::one(buffer))
    }

    /// Makes an RNDIS message of a frame. The message must not end with a full packet: the device
    /// may wait for more then, and zero-length packets are not for it. One byte of padding within
    /// the message helps.
    fn rndis_message(&self, buffer: &mut BufferOf<P>, max_transfer_size: usize) -> Option<()> {
        let length = buffer.len();
        let total = DATA_HEADER + length;
        let padding = usize::from(total.is_multiple_of(self.bulk_out.max_packet_size()));
        if total + padding > max_transfer_size {
            count(self.counters, |c| c.oversize += 1);
            return None;
        }
        let header = data_header(length, padding);
        self.enclose(buffer, &header, &[0][..padding])
    }

    /// Makes EEM packets of a frame: an empty one, the frame, and another empty one where the
    /// transfer would end with a full packet otherwise (EEM 1.0 section 5.2.2).
    fn eem_packets(&self, buffer: &mut BufferOf<P>) -> Option<()> {
        let Some(front) = eem::front(buffer.len()) else {
            count(self.counters, |c| c.oversize += 1);
            return None;
        };
        let total = front.len() + buffer.len() + eem::NO_CRC.len();
        self.enclose(buffer, &front, &eem::NO_CRC)?;
        let empty = [0; eem::HEADER];
        if total.is_multiple_of(self.bulk_out.max_packet_size()) {
            self.enclose(buffer, &[], &empty)?;
        }
        Some(())
    }

    /// Puts bytes in front of and behind a frame.
    fn enclose(&self, buffer: &mut BufferOf<P>, front: &[u8], back: &[u8]) -> Option<()> {
        let done = buffer
            .append(back.len())
            .map(|bytes| bytes.copy_from_slice(back))
            .and_then(|()| buffer.prepend(front.len()))
            .map(|bytes| bytes.copy_from_slice(front));
        if done.is_none() {
            count(self.counters, |c| c.no_headroom += 1);
        }
        done
    }

    /// Makes an NCM block of a frame and of those that wait behind it.
    async fn block<Q: Port<Buffer = BufferOf<P>>>(
        &self,
        frame: BufferOf<P>,
        layout: Layout,
        sequence: u16,
        next: &mut Option<BufferOf<P>>,
        port: &Q,
    ) -> Option<Framed<BufferOf<P>>> {
        let packet = self.bulk_out.max_packet_size();
        if next.is_none() {
            *next = waiting(port).await;
        }
        // Where frames can't stay in place copying several costs no more than copying one.
        let copied = if layout.allows_in_place() { COPIED } else { usize::MAX };
        let frame = if next.is_none() || frame.len() > copied {
            match layout.in_place(frame, sequence, packet) {
                Ok(block) => return Some(Framed::one(block)),
                Err(frame) => frame,
            }
        } else {
            frame
        };
        let Some(block) = port.allocate() else {
            count(self.counters, |c| c.no_headroom += 1);
            return None;
        };
        let alone = next.is_none() || frame.len() > copied;
        let mut bundle = Bundle::new(layout, block, if alone { 1 } else { usize::MAX });
        if !bundle.push(frame.data()) {
            count(self.counters, |c| c.oversize += 1);
            return None;
        }
        let mut frames = 1;
        while let Some(mut frame) = next.take() {
            pad(&mut frame);
            if alone || frame.len() > copied || !bundle.push(frame.data()) {
                *next = Some(frame);
                break;
            }
            frames += 1;
            *next = waiting(port).await;
        }
        let buffer = bundle.finish(sequence, packet);
        Some(Framed { buffer, frames, zero_length_packet: false })
    }

    /// Sends a frame; one that failed is sent once more after the endpoint was cleared.
    async fn send<Q: Port<Buffer = BufferOf<P>>>(
        &self,
        framed: Framed<BufferOf<P>>,
        port: &Q,
    ) -> Result<(), TransferError> {
        let Framed { buffer, zero_length_packet, .. } = framed;
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

/// Makes a frame as long as the shortest that Ethernet knows.
fn pad(frame: &mut impl PacketBuffer) {
    if let Some(missing @ 1..) = MIN_FRAME.checked_sub(frame.len())
        && let Some(padding) = frame.append(missing)
    {
        padding.fill(0);
    }
}

/// The next frame of the stack, if one waits.
async fn waiting<Q: Port>(port: &Q) -> Option<Q::Buffer> {
    poll_fn(|cx| {
        Poll::Ready(match port.poll_transmit(cx) {
            Poll::Ready(frame) => Some(frame),
            Poll::Pending => None,
        })
    })
    .await
}
