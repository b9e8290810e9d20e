//! The console: bytes in and out through the PL011, buffered in both directions.
//!
//! Output goes straight to the UART as long as it has room, else into a buffer that the transmit
//! interrupt empties. When that is full, [`write()`] waits for the UART: nothing is ever lost.
//!
//! Input that finds its buffer full stays in the UART's FIFO until someone reads. An emulated UART
//! then makes its sender wait; a real one loses what comes meanwhile, and counts it.

use super::interrupt::{self, Source};
use super::pl011;
use crate::executor::WaitQueue;
use crate::sync::IrqCell;
use core::sync::atomic::{AtomicU64, Ordering};
use heapless::Deque;

/// Wakes when input has arrived.
pub static RECEIVED: WaitQueue = WaitQueue::new();

/// Input that nobody has read yet.
static INPUT: IrqCell<Input> = IrqCell::new(Input { bytes: Deque::new(), stalled: false });

struct Input {
    /// About 90 ms at full speed.
    bytes: Deque<u8, 1024>,
    /// The buffer was full while the UART had more; its interrupt is off.
    stalled: bool,
}

impl Input {
    /// Empties the UART's FIFO as far as there is room.
    fn receive(&mut self) {
        while !self.bytes.is_full()
            && let Some(byte) = pl011::try_receive()
        {
            // There is room.
            let _ = self.bytes.push_back(byte);
        }
        let stalled = self.bytes.is_full();
        if stalled != self.stalled {
            self.stalled = stalled;
            pl011::set_receive_interrupt(!stalled);
        }
    }
}

/// Output that waits for the UART.
static OUTPUT: IrqCell<Deque<u8, OUTPUT_SIZE>> = IrqCell::new(Deque::new());
const OUTPUT_SIZE: usize = 8192;

/// Wakes when at least half of the buffer for output has become free.
pub static DRAINED: WaitQueue = WaitQueue::new();

/// Count of times that received bytes were lost because the UART's FIFO was full.
static OVERRUNS: AtomicU64 = AtomicU64::new(0);

/// Count of times that received bytes were lost because the UART's FIFO was full.
pub fn overruns() -> u64 {
    OVERRUNS.load(Ordering::Relaxed)
}

/// Bytes that [`write()`] takes now without waiting for the UART.
pub fn room() -> usize {
    OUTPUT.with(|output| OUTPUT_SIZE - output.len())
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
    INPUT.with(|input| {
        let byte = input.bytes.pop_front();
        if input.stalled {
            input.receive();
        }
        byte
    })
}

/// Waits until all output is on the wire. What a panic interrupted in the middle stays where it is.
pub fn flush() {
    let _ = OUTPUT.try_with(flush_buffer);
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
    pl011::set_receive_interrupt(true);
}

fn handle_interrupt() {
    let pending = pl011::acknowledge();
    if pending.overrun {
        OVERRUNS.fetch_add(1, Ordering::Relaxed);
    }
    let readable = INPUT.with(|input| {
        input.receive();
        !input.bytes.is_empty()
    });
    if readable {
        RECEIVED.wake_all();
    }
    let drained = OUTPUT.with(|output| {
        let before = output.len();
        send_waiting(output);
        if output.is_empty() {
            pl011::set_transmit_interrupt(false);
        }
        before > OUTPUT_SIZE / 2 && output.len() <= OUTPUT_SIZE / 2
    });
    if drained {
        DRAINED.wake_all();
    }
}
