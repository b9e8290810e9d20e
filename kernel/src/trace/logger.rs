//! What `defmt` writes to: one frame at a time, encoded as rzCOBS into the ring.
//!
//! A frame may come from an interrupt handler. Interrupts stay masked from a frame's first byte to
//! its last, so that frames never mix; that is the time to copy some twenty bytes.

use super::ring::Ring;
use crate::arch::aarch64::cpu::{self, InterruptMask};
use crate::executor::WaitQueue;
use crate::sync::IrqCell;
use crate::time;
use defmt::Encoder;

/// Bytes of frames that wait for the port: about 3000 frames.
const RING_SIZE: usize = 64 * 1024;

/// Wakes when the ring is no longer empty.
pub(super) static FILLED: WaitQueue = WaitQueue::new();

/// The frames, and the one that is being written.
pub(super) static SINK: IrqCell<Sink> =
    IrqCell::new(Sink { ring: Ring::new(), encoder: Encoder::new(), interrupted: None });

/// The encoder and where its output goes.
pub(super) struct Sink {
    pub(super) ring: Ring<RING_SIZE>,
    encoder: Encoder,
    /// While a frame is written: how interrupts were masked before.
    interrupted: Option<InterruptMask>,
}

impl Sink {
    fn begin(&mut self, mask: InterruptMask) {
        assert!(
            self.interrupted.replace(mask).is_none(),
            "a trace from within the formatting of a trace"
        );
        let Self { ring, encoder, .. } = self;
        encoder.start_frame(|bytes| ring.push(bytes));
    }

    fn write(&mut self, bytes: &[u8]) {
        let Self { ring, encoder, .. } = self;
        encoder.write(bytes, |bytes| ring.push(bytes));
    }

    /// Returns whether the ring was empty before, and the mask that [`begin`](Self::begin) got.
    fn end(&mut self) -> (bool, Option<InterruptMask>) {
        let Self { ring, encoder, interrupted } = self;
        let was_empty = ring.is_empty();
        encoder.end_frame(|bytes| ring.push(bytes));
        ring.finish();
        (was_empty && !ring.is_empty(), interrupted.take())
    }
}

defmt::timestamp!("{=u64:us}", time::now().as_nanos() / 1000);

#[defmt::global_logger]
struct FrameLogger;

// SAFETY:
// 1. `acquire` masks interrupts and `release` restores them. There is one core and tasks don't
//    preempt each other, so between the two nothing else writes; a frame from within a frame's own
//    formatting panics in `begin`, as the trait asks.
// 2. Bytes go through the encoder in the order they come, and never wait for anything.
unsafe impl defmt::Logger for FrameLogger {
    fn acquire() {
        let mask = cpu::mask_interrupts();
        SINK.with(|sink| sink.begin(mask));
    }

    unsafe fn flush() {
        // The frame that is open can't leave before it ends, and those before it leave by
        // themselves: the hot path waits for neither.
    }

    unsafe fn release() {
        let (filled, mask) = SINK.with(Sink::end);
        if filled {
            FILLED.wake_all();
        }
        if let Some(mask) = mask {
            cpu::restore_interrupts(mask);
        }
    }

    unsafe fn write(bytes: &[u8]) {
        SINK.with(|sink| sink.write(bytes));
    }
}
