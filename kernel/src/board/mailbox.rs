//! The mailbox to the VideoCore's firmware: property calls on channel 8.
//!
//! A call is a buffer that both sides read and write: total size, a code, one tag (number, size of
//! its value, a code with the length of the answer, the value), an end mark. The buffer is a page
//! that the kernel maps without a cache.

use super::registers::Mmio;
use crate::arch::aarch64::cpu;
use crate::memory::layout;
use crate::sync::TaskCell;
use crate::time::{self, Duration};
use tock_registers::interfaces::{Readable, Writeable};
use tock_registers::registers::{ReadOnly, WriteOnly};
use tock_registers::{register_bitfields, register_structs};

register_bitfields! {
    u32,
    /// State of a mailbox.
    STATUS [
        /// Nothing to read.
        EMPTY OFFSET(30) NUMBITS(1) [],
        /// No room to write.
        FULL OFFSET(31) NUMBITS(1) []
    ]
}

register_structs! {
    /// Mailbox 0 (from the firmware) and 1 (to it).
    MailboxRegisters {
        /// The next message.
        (0x00 => read: ReadOnly<u32>),
        (0x04 => _reserved0),
        /// State of mailbox 0.
        (0x18 => status: ReadOnly<u32, STATUS::Register>),
        (0x1c => _reserved1),
        /// Sends a message: address in bits 31:4, channel in 3:0.
        (0x20 => write: WriteOnly<u32>),
        (0x24 => _reserved2),
        /// State of mailbox 1.
        (0x38 => write_status: ReadOnly<u32, STATUS::Register>),
        (0x3c => @END),
    }
}

// SAFETY: the address of the BCM2837's mailboxes.
static MAILBOX: Mmio<MailboxRegisters> = unsafe { Mmio::new(0x3f00_b880) };

/// The property channel.
const CHANNEL: u32 = 8;
/// Code of a successful answer; set in a tag's code, too, when the firmware has handled it.
const RESPONSE: u32 = 0x8000_0000;

/// Longest wait. Powering a device on with bit 1 set is the slowest call.
const TIMEOUT: Duration = Duration::from_secs(1);

/// Words in the buffer.
const WORDS: usize = crate::memory::PAGE_SIZE / 4;

/// Why a call failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MailboxError {
    /// The firmware did not answer in time.
    Timeout,
    /// The firmware rejected the request.
    Rejected,
    /// The firmware does not know the tag.
    UnknownTag,
    /// The value does not fit the buffer.
    TooLong,
    /// Called from the middle of another call; only a panic does that.
    Busy,
}

/// One call at a time.
static IN_USE: TaskCell<()> = TaskCell::new(());

/// Calls the firmware with one tag. `value` goes out and is replaced by the answer; returns the
/// answer's length in bytes, which may be more than fit.
pub(super) fn call(tag: u32, value: &mut [u32]) -> Result<usize, MailboxError> {
    let answer = IN_USE.try_with(|()| {
        let page = layout::mailbox();
        let start = page.start as *mut u32;
        if value.len() + 6 > WORDS {
            return Err(MailboxError::TooLong);
        }
        let put = |index: usize, word: u32| {
            // SAFETY: the page is mapped, only this function uses it, and only while `IN_USE` is
            // held; indexes are below `WORDS` by the check above.
            unsafe { start.add(index).write_volatile(word) }
        };
        // SAFETY: as in `put`.
        let get = |index: usize| unsafe { start.add(index).read_volatile() };

        put(0, (value.len() as u32 + 6) * 4);
        put(1, 0);
        put(2, tag);
        put(3, value.len() as u32 * 4);
        put(4, 0);
        for (index, word) in value.iter().enumerate() {
            put(5 + index, *word);
        }
        put(5 + value.len(), 0);

        let physical = layout::image_to_physical(start.cast()).get();
        exchange(super::bus_address(physical) | CHANNEL)?;

        if get(1) != RESPONSE {
            return Err(MailboxError::Rejected);
        }
        // QEMU says success to everything; only the tag's own code tells whether it is known.
        let code = get(4);
        if code & RESPONSE == 0 || code == RESPONSE && !value.is_empty() {
            return Err(MailboxError::UnknownTag);
        }
        for (index, word) in value.iter_mut().enumerate() {
            *word = get(5 + index);
        }
        Ok((code & !RESPONSE) as usize)
    });
    answer.unwrap_or(Err(MailboxError::Busy))
}

/// Sends a message and waits until it comes back. Others (from before a timeout) are dropped.
fn exchange(message: u32) -> Result<(), MailboxError> {
    let give_up = time::now() + TIMEOUT;
    let wait = |done: &dyn Fn() -> bool| {
        while !done() {
            if time::now() > give_up {
                return Err(MailboxError::Timeout);
            }
        }
        Ok(())
    };
    wait(&|| !MAILBOX.write_status.is_set(STATUS::FULL))?;
    cpu::barrier();
    MAILBOX.write.set(message);
    loop {
        wait(&|| !MAILBOX.status.is_set(STATUS::EMPTY))?;
        if MAILBOX.read.get() == message {
            cpu::barrier();
            return Ok(());
        }
    }
}
