//! Who called whom, by the frame records that X29 chains (AAPCS64 section 6.4.6).

use crate::memory::layout;

/// Return addresses from the frame record at `frame` on, innermost first.
pub fn backtrace(frame: u64) -> impl Iterator<Item = u64> {
    let mut frame = frame;
    core::iter::from_fn(move || {
        let [next, address] = read_record(frame)?;
        if address == 0 {
            return None;
        }
        // Callers' frames are further up. Anything else is a broken chain, or the change from the
        // emergency stack.
        frame = if next > frame { next } else { 0 };
        Some(address)
    })
}

/// The record at `frame`, if that is on one of the kernel's stacks.
fn read_record(frame: u64) -> Option<[u64; 2]> {
    if !frame.is_multiple_of(8) {
        return None;
    }
    let on_a_stack =
        layout::stacks().into_iter().any(|stack| stack.start <= frame && frame + 16 <= stack.end);
    // SAFETY: the address is aligned and inside of a stack, which is mapped; any bytes are valid.
    on_a_stack.then(|| unsafe { (frame as *const [u64; 2]).read() })
}

/// The frame record of the function that calls this one: the start of a backtrace.
#[inline(always)]
#[expect(clippy::inline_always, reason = "a record of its own would be gone when it returns")]
pub fn current_frame() -> u64 {
    let frame: u64;
    // SAFETY: reads a register.
    unsafe { core::arch::asm!("mov {}, x29", out(reg) frame, options(nomem, nostack)) };
    frame
}
