//! The console: bytes in and out through the PL011, buffered in both directions.
//!
//! Output goes straight to the UART as long as it has room, else into a buffer that the transmit
//! interrupt empties. When that is full, [`write()`] waits for the UART: nothing is ever lost.

use super::interrupt::{self, Source};
use super::pl011;
use crate::executor::WaitQueue;
use crate::sync::IrqCell;
use core::sync::atomic::{AtomicU64, Ordering};
use heapless::Deque;

/// Wakes when input has arrived.
pub static RECEIVED: WaitQueue = WaitQueue::new();

/// Input that nobody has read yet: about 90 ms at full speed.
static INPUT: IrqCell<Deque<u8, 1024>> = IrqCell::new(Deque::new());

/// Output that waits for the UART.
static OUTPUT: IrqCell<Deque<u8, 8192>> = IrqCell::new(Deque::new());

/// Count of received bytes lost because the UART's FIFO or the input buffer was full.
static OVERRUNS: AtomicU64 = AtomicU64::new(0);

/// Count of received bytes that were lost.
pub fn overruns() -> u64 {
    OVERRUNS.load(Ordering::Relaxed)
}

/// Writes all of `bytes`, without translating any.
pub fn write(bytes: &[u8]) {
    OUTPUT.with(|output| {
        for byte in bytes {
            if output.is_empty() && pl011::try_send(*byte) {
                continue;
            }
            while output.is_full() {
                send_waiting(output);
            }
            // There is room now.
            let _ = output.push_back(*byte);
        }
        if !output.is_empty() {
            pl011::set_transmit_interrupt(true);
        }
    });
}

fn send_waiting<const N: usize>(output: &mut Deque<u8, N>) {
    while let Some(byte) = output.front()
        && pl011::try_send(*byte)
    {
        output.pop_front();
    }
}

/// The next byte of input, if there is one.
pub fn read_byte() -> Option<u8> {
    INPUT.with(Deque::pop_front)
}

/// Count of bytes that can be read.
pub fn input_length() -> usize {
    INPUT.with(|input| input.len())
}

/// Waits until all output is on the wire.
pub fn flush() {
    OUTPUT.with(flush_buffer);
    pl011::drain();
}

fn flush_buffer<const N: usize>(output: &mut Deque<u8, N>) {
    while !output.is_empty() {
        send_waiting(output);
    }
}

/// Writes from a panic: after what waits in the buffer, if that is reachable, and without any.
pub(crate) fn write_in_panic(bytes: &[u8]) {
    let _ = OUTPUT.try_with(flush_buffer);
    for byte in bytes {
        while !pl011::try_send(*byte) {}
    }
}

/// Sets the UART up for output.
pub(super) fn initialize() {
    pl011::initialize();
}

/// Turns on input.
pub(super) fn enable_receiving() {
    interrupt::register(Source::Pl011, handle_interrupt);
    pl011::enable_receive_interrupt();
}

fn handle_interrupt() {
    let pending = pl011::acknowledge();
    if pending.overrun {
        OVERRUNS.fetch_add(1, Ordering::Relaxed);
    }
    let received = INPUT.with(|input| {
        let mut received = false;
        while let Some(byte) = pl011::try_receive() {
            received = true;
            if input.push_back(byte).is_err() {
                OVERRUNS.fetch_add(1, Ordering::Relaxed);
            }
        }
        received
    });
    if received {
        RECEIVED.wake_all();
    }
    OUTPUT.with(|output| {
        send_waiting(output);
        if output.is_empty() {
            pl011::set_transmit_interrupt(false);
        }
    });
}
