//! What the controller and the bus are doing, for people: `statistics` and `registers` in the root
//! hub's directory, `/sys/bus/usb/devices/usb1`. Both files are ours, not Linux's.

use super::with_bus;
use crate::fs;
use alloc::string::String;
use core::fmt::Write;
use usb_core::class::Platform;

/// Makes the files appear.
pub(super) fn register() {
    fs::sys::register_file("bus/usb/devices/usb1/statistics", statistics);
    fs::sys::register_file("bus/usb/devices/usb1/registers", registers);
}

/// Counts of the bus, then of the controller, a line each.
fn statistics(text: &mut String) {
    with_bus(|bus| {
        let of_bus = bus.counters().iter().map(|(name, value)| (name, u64::from(value)));
        let of_controller = bus.platform().host().statistics();
        for (name, value) in of_bus.chain(of_controller.iter()) {
            let _ = writeln!(text, "{name:<20} {value}");
        }
    });
}

/// The controller's registers in hexadecimal.
fn registers(text: &mut String) {
    with_bus(|bus| {
        let _ = bus.platform().host().dump(text);
    });
}
