//! Tests of what only the machine can show: page rights, user mode, faults, timers.
//!
//! The boot argument `machine_test` runs them instead of the system: TAP lines on the console,
//! then the machine ends with status 0 or 1. `crash=WHAT` provokes a kernel panic, so that a test
//! outside can look at the report: `panic`, `overflow`, `null`, `text`, `data`.

mod crash;
mod machine;
mod memory_functions;
mod user_mode;

pub(crate) use crash::crash;

use crate::board::{console, power};
use alloc::format;
use alloc::string::String;

/// What a test found wrong.
type Outcome = Result<(), String>;
type Test = fn() -> Outcome;

/// Ends the test with a message unless the condition holds.
macro_rules! check {
    ($condition:expr, $($message:tt)+) => {
        if !$condition {
            return Err(alloc::format!($($message)+));
        }
    };
}
use check;

/// Runs all tests and ends the machine.
pub(crate) async fn run() {
    let immediate: [(&str, Test); 14] = [
        ("memcpy and memmove agree with a loop", memory_functions::copies),
        ("memset agrees with a loop", memory_functions::fills),
        ("memcmp orders like a loop", memory_functions::comparisons),
        ("no page is writable and executable", machine::kernel_rights),
        ("the pages below the stacks are not mapped", machine::stack_guards),
        ("programs can't reach the kernel's half", machine::kernel_is_private),
        ("DMA memory is not cached and its bus address is right", machine::dma_memory),
        ("the mailbox's page is not cached", machine::mailbox_memory),
        ("frames are zero, distinct and come back", machine::frames),
        ("the heap takes back what it gave", machine::heap),
        ("random numbers differ", machine::random_numbers),
        ("user access has the program's rights", user_mode::access_rights),
        ("address spaces are separate", user_mode::separate_spaces),
        ("page tables and ASIDs come back", user_mode::tables_come_back),
    ];
    let mut report = Report { number: 0, failed: 0 };
    for (name, test) in immediate {
        let outcome = test();
        report.add(name, outcome);
    }
    report.add("registers survive user mode", user_mode::registers_survive().await);
    report.add("a program's faults are told apart", user_mode::faults().await);
    report.add("a program that loops is interrupted", user_mode::time_slice().await);
    report.add("sleeping takes as long as asked", machine::sleeping().await);
    report.add("an interrupt wakes a waiting task", machine::interrupt_wakes().await);
    report.line(&format!("1..{}", report.number));
    power::exit(u8::from(report.failed != 0));
}

struct Report {
    number: u32,
    failed: u32,
}

impl Report {
    fn add(&mut self, name: &str, outcome: Outcome) {
        self.number += 1;
        let number = self.number;
        match outcome {
            Ok(()) => self.line(&format!("ok {number} - {name}")),
            Err(message) => {
                self.failed += 1;
                self.line(&format!("not ok {number} - {name}"));
                self.line(&format!("# {message}"));
            }
        }
    }

    #[expect(clippy::unused_self, reason = "lines belong to the report")]
    fn line(&self, text: &str) {
        console::write(text.as_bytes());
        console::write(b"\r\n");
    }
}
