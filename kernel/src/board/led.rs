//! The activity LED, on the boards that have one.

use super::{firmware, gpio};
use crate::machine::revision::{Led, Model, Revision};
use core::sync::atomic::{AtomicBool, Ordering};

static LED: spin::Once<Led> = spin::Once::new();

/// It was found that the LED can't be reached.
static UNREACHABLE: AtomicBool = AtomicBool::new(false);

/// Finds the LED by the board's revision code, and turns it on: the first thing that can be seen of
/// the kernel.
pub(super) fn initialize() {
    let Ok(code) = firmware::board_revision() else { return };
    let Some(led) = Revision(code).model().and_then(Model::activity_led) else { return };
    if let Led::Gpio { pin, .. } = led {
        gpio::set_function(usize::from(pin), gpio::Function::Output);
    }
    LED.call_once(|| led);
    set(true);
}

/// Whether there is one.
pub(crate) fn exists() -> bool {
    LED.is_completed() && !UNREACHABLE.load(Ordering::Relaxed)
}

/// Turns it on or off. May be called from a panic.
pub(crate) fn set(on: bool) {
    if !exists() {
        return;
    }
    match LED.get() {
        Some(Led::Gpio { pin, active_low }) => {
            gpio::set_level(usize::from(*pin), on != *active_low);
        }
        Some(Led::Expander { line }) => match firmware::set_expander_line(*line, on) {
            Ok(()) | Err(firmware::MailboxError::Busy) => {}
            // An emulator's firmware; or one that hangs, which is not to be waited for again.
            Err(_) => UNREACHABLE.store(true, Ordering::Relaxed),
        },
        None => {}
    }
}
