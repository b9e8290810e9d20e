//! Receiving without end from a bulk endpoint: who brings the buffers and takes what came, and the
//! plain way to do it, a transfer at a time.

use crate::buffer::DmaBuffer;
use crate::host::{HostController, TransferError};
use core::future::{Future, poll_fn};
use core::pin::pin;
use core::task::Poll;
use embassy_futures::yield_now;

/// Transfers in a row that were complete at once, after which other tasks get their turn.
const BURST: u32 = 32;

/// Transfers handed over in a row, after which the intake settles.
pub const SETTLE_AFTER: u32 = 8;

/// Where the transfers of [`HostController::receive`] get their buffers from, and where they leave
/// what came.
///
/// For each transfer, in the order of the wire: [`Intake::buffer`], [`Intake::ended`],
/// [`Intake::arrived`]; after several of them [`Intake::settle`].
pub trait Intake {
    /// DMA memory.
    type Buffer: DmaBuffer;

    /// A buffer for another transfer, which fills its window: a multiple of the packet size, at most
    /// 4096 bytes. `ahead` transfers have been begun and have not ended. `None` when there is no buffer at the moment, or
    /// when it can't be said how large it has to be before they have.
    fn buffer(&self, ahead: usize) -> Option<Self::Buffer>;

    /// A transfer has ended well, with `length` bytes at the start of the window. What is to be done
    /// with them is asked for later, when the controller has its next buffer.
    fn ended(&self, buffer: &Self::Buffer, length: usize);

    /// What a transfer has brought: `length` bytes at the start of the window.
    fn arrived(&self, buffer: Self::Buffer, length: usize);

    /// Nothing more is at hand for now, or enough has been handed over in a row: what waits for the
    /// last transfer of a burst is to be done. Called after every burst, however short.
    fn settle(&self);
}

/// [`HostController::receive`] by means of [`HostController::transfer_in`]: when a transfer has ended
/// the next one is begun, and then what came is handed over.
pub async fn one_by_one<H: HostController>(
    host: &H,
    pipe: &H::Pipe,
    intake: &impl Intake<Buffer = H::Buffer>,
) -> TransferError {
    let mut arrived = None;
    let (mut burst, mut unsettled) = (0, 0);
    loop {
        let Some(buffer) = intake.buffer(0) else {
            let Some((buffer, length)) = arrived.take() else { return TransferError::NoResources };
            // This may set one free.
            intake.arrived(buffer, length);
            intake.settle();
            unsettled = 0;
            continue;
        };
        let mut transfer = pin!(host.transfer_in(pipe, buffer, None));
        // The first poll begins the transfer: what came before is looked at while it runs.
        let first = poll_fn(|context| Poll::Ready(transfer.as_mut().poll(context))).await;
        if let Some((buffer, length)) = arrived.take() {
            intake.arrived(buffer, length);
            unsettled += 1;
        }
        let at_hand = matches!(first, Poll::Ready((_, Ok(_)))) && burst + 1 < BURST;
        if unsettled > 0 && (!at_hand || unsettled >= SETTLE_AFTER) {
            intake.settle();
            unsettled = 0;
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
                intake.ended(&buffer, length);
                arrived = Some((buffer, length));
            }
            Err(error) => return error,
        }
    }
}
