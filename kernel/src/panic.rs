//! The end: a bug in the kernel, reported so that a reader can find it.
//!
//! Everything is written straight to the UART and, where possible, into the log's ring. What happens
//! then, the boot argument `panic=` says: with a number of seconds the board restarts after these,
//! with `exit` the machine ends with status 101 (tests use it), otherwise it stops, so that the text
//! can be read. Meanwhile the LED tells what it was.

use crate::arch::aarch64::exception::ExceptionFrame;
use crate::arch::aarch64::syndrome::Syndrome;
use crate::arch::aarch64::{UserContext, backtrace, cpu};
use crate::board::{console, power, watchdog};
use crate::machine::heartbeat;
use crate::machine::signal::Fault;
use crate::memory::layout;
use crate::time::{self, Duration};
use crate::{boot_arguments, executor, logging, symbols};
use core::fmt::{self, Write};
use core::panic::PanicInfo;
use core::sync::atomic::{AtomicU32, Ordering};

/// Exit status of a machine that panicked; the same as of a Rust program.
const EXIT_STATUS: u8 = 101;

/// Panics on the way; a panic while reporting one must not report for ever.
static DEPTH: AtomicU32 = AtomicU32::new(0);

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    begin();
    let mut out = Report;
    let _ = writeln!(out, "\n*** kernel panic: {}", info.message());
    if let Some(location) = info.location() {
        let _ = writeln!(out, "    at {location}");
    }
    write_context(&mut out);
    write_backtrace(&mut out, backtrace::current_frame());
    end(Fault::Bug)
}

/// An exception at EL1 that no one expected.
pub(crate) fn exception(frame: &ExceptionFrame, vector: u64) -> ! {
    begin();
    let mut out = Report;
    let syndrome = Syndrome(frame.esr);
    let fault = match vector {
        4 if layout::is_stack_guard(frame.far) => Fault::StackOverflow,
        2 | 3 | 6 | 7 => Fault::Hardware,
        _ => Fault::Exception,
    };
    let _ = match vector {
        4 if fault == Fault::StackOverflow => {
            writeln!(out, "\n*** kernel panic: stack overflow ({syndrome})")
        }
        0 | 4 => writeln!(out, "\n*** kernel panic: {syndrome}"),
        2 | 6 => writeln!(out, "\n*** kernel panic: FIQ"),
        3 | 7 => writeln!(out, "\n*** kernel panic: SError: {syndrome}"),
        _ => writeln!(out, "\n*** kernel panic: exception through vector {vector}: {syndrome}"),
    };
    write_address(&mut out, "at", frame.elr);
    let _ = writeln!(
        out,
        "    ESR {:#018x}  FAR {:#018x}\n    ELR {:#018x}  SPSR {:#010x}",
        frame.esr, frame.far, frame.elr, frame.spsr
    );
    write_registers(&mut out, &frame.x, frame.sp);
    write_context(&mut out);
    write_address(&mut out, "X30", frame.x[30]);
    write_backtrace(&mut out, frame.x[29]);
    end(fault)
}

/// An exception at EL0 that isn't the program's doing: FIQ, SError, AArch32.
pub(crate) fn from_user(context: &UserContext, vector: u64) -> ! {
    use aarch64_cpu::registers::{ESR_EL1, FAR_EL1, Readable};
    begin();
    let mut out = Report;
    let what = match vector {
        2 => "FIQ",
        3 => "SError",
        _ => "exception in AArch32",
    };
    let _ = writeln!(
        out,
        "\n*** kernel panic: {what} while a program ran: {}",
        Syndrome(ESR_EL1.get())
    );
    let _ = writeln!(
        out,
        "    ESR {:#018x}  FAR {:#018x}\n    PC  {:#018x}  PSTATE {:#010x}",
        ESR_EL1.get(),
        FAR_EL1.get(),
        context.pc,
        context.pstate
    );
    write_registers(&mut out, &context.x, context.sp);
    write_context(&mut out);
    end(Fault::Hardware)
}

fn begin() {
    cpu::mask_everything();
    // Writing takes seconds, at most.
    watchdog::feed();
    match DEPTH.fetch_add(1, Ordering::Relaxed) {
        0 => {}
        1 => {
            console::write_in_panic(b"\r\n*** another panic while reporting one\r\n");
            end(Fault::Bug)
        }
        // Not even that could be written.
        _ => cpu::halt(),
    }
}

fn end(fault: Fault) -> ! {
    let argument = boot_arguments::get("panic");
    let seconds = argument.and_then(|value| value.parse().ok()).filter(|seconds| *seconds > 0);
    let _ = match seconds {
        Some(seconds) => writeln!(Report, "*** end of panic; restart in {seconds} s"),
        None => writeln!(Report, "*** end of panic"),
    };
    #[cfg(feature = "trace")]
    crate::trace::flush();
    if argument == Some("exit") {
        power::exit(EXIT_STATUS);
    }
    heartbeat::show_panic(fault, seconds.map(|seconds| time::now() + Duration::from_secs(seconds)))
}

fn write_context(out: &mut Report) {
    if let Some(name) = executor::running_task() {
        let _ = writeln!(out, "    in task {name}");
    }
}

fn write_registers(out: &mut Report, x: &[u64; 31], sp: u64) {
    for (row, registers) in x.chunks(3).enumerate() {
        let _ = out.write_str("   ");
        for (column, value) in registers.iter().enumerate() {
            let _ = write!(out, " X{:<2} {value:#018x} ", row * 3 + column);
        }
        if registers.len() == 1 {
            let _ = write!(out, " SP  {sp:#018x}");
        }
        let _ = out.write_str("\n");
    }
}

/// Longest backtrace in lines; a recursion is one line.
const MAX_LINES: usize = 40;

fn write_backtrace(out: &mut Report, frame: u64) {
    let _ = writeln!(out, "    called from");
    let mut lines = 0;
    let mut addresses = backtrace::backtrace(frame).peekable();
    while let Some(address) = addresses.next() {
        if lines == MAX_LINES {
            let _ = writeln!(out, "    ...");
            return;
        }
        // A return address is behind the call, which may be the end of a function.
        let _ = write!(out, "    {lines:3}: ");
        write_symbol(out, address, address.saturating_sub(4));
        lines += 1;
        let mut repeats = 0;
        while addresses.next_if_eq(&address).is_some() {
            repeats += 1;
        }
        if repeats > 0 {
            let _ = writeln!(out, "         {repeats} times more");
        }
    }
}

fn write_address(out: &mut Report, label: &str, address: u64) {
    let _ = write!(out, "    {label} ");
    write_symbol(out, address, address);
}

fn write_symbol(out: &mut Report, address: u64, inside: u64) {
    let _ = match symbols::find(inside) {
        Some(symbol) => {
            let offset = symbol.offset + (address - inside);
            writeln!(out, "{address:#018x} {} + {offset:#x}", symbol.name)
        }
        None => writeln!(out, "{address:#018x}"),
    };
}

/// Where the report goes.
struct Report;

impl Write for Report {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        logging::record_panic(text);
        for (number, line) in text.split('\n').enumerate() {
            if number > 0 {
                console::write_in_panic(b"\r\n");
            }
            console::write_in_panic(line.as_bytes());
        }
        Ok(())
    }
}
