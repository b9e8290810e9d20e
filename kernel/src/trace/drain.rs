//! From the ring to the second port.

use super::logger::{FILLED, SINK};
use crate::board::mini_uart;
use crate::time::{self, Duration};
use crate::{executor, fs};
use alloc::string::String;
use core::fmt::Write;

/// Bytes moved before other tasks get their turn.
const CHUNK: usize = 256;
/// How long the port is left alone when it has no room: its FIFO of 8 bytes takes 0.7 ms.
const PORT_FULL: Duration = Duration::from_millis(1);

/// Starts to carry frames to the port.
pub(crate) fn start() {
    fs::sys::register_file("kernel/trace", statistics);
    log::info!("trace frames go out of the second serial port");
    executor::spawn("trace", drain());
}

async fn drain() {
    let mut reported = 0;
    loop {
        let chunk = FILLED
            .wait_until(|| {
                let mut bytes = [0; CHUNK];
                let count = SINK.with(|sink| sink.ring.take(&mut bytes));
                (count != 0).then_some((bytes, count))
            })
            .await;
        let (bytes, count) = chunk;
        let mut rest = &bytes[..count];
        loop {
            rest = &rest[mini_uart::try_write(rest)..];
            if rest.is_empty() {
                break;
            }
            time::sleep(PORT_FULL).await;
        }
        let lost = SINK.with(|sink| sink.ring.lost());
        // Where there is room again: the reader learns of the gap.
        if lost != reported {
            defmt::warn!("frames lost because the ring was full: {=u64}", lost - reported);
            reported = lost;
        }
        executor::yield_now().await;
    }
}

/// Writes out what waits, and waits for the port: for the end, orderly or not.
pub(crate) fn flush() {
    let mut bytes = [0; CHUNK];
    // A panic may have come from within the cell: then there is nothing that could be read safely.
    while let Some(count) = SINK.try_with(|sink| sink.ring.take(&mut bytes))
        && count != 0
    {
        mini_uart::write(&bytes[..count]);
    }
}

/// `/sys/kernel/trace`.
fn statistics(text: &mut String) {
    let (frames, lost) = SINK.with(|sink| (sink.ring.frames(), sink.ring.lost()));
    let _ = write!(text, "frames {frames}\nlost {lost}\n");
}
