//! Which board this is.

use super::revision::Revision;
use crate::board::firmware;
use crate::boot_arguments;
use alloc::string::{String, ToString};
use core::fmt::Write;

/// The board's name: from the device tree, otherwise from the revision code.
pub fn model() -> String {
    match (boot_arguments::model(), firmware::board_revision()) {
        (Some(model), _) => model.to_string(),
        (None, Ok(code)) => Revision(code).to_string(),
        (None, Err(_)) => "unknown board".to_string(),
    }
}

/// The lines about the board that `/proc/cpuinfo` ends with on a Raspberry Pi.
pub fn describe(text: &mut String) {
    let _ = writeln!(text);
    if let Ok(revision) = firmware::board_revision() {
        let _ = writeln!(text, "Revision\t: {revision:06x}");
    }
    if let Ok(serial) = firmware::board_serial() {
        let _ = writeln!(text, "Serial\t\t: {serial:016x}");
    }
    let _ = writeln!(text, "Model\t\t: {}", model());
}
