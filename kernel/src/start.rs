//! From a running machine to a running system.

use crate::arch::aarch64::{cpu, timer};
use crate::board::firmware;
use crate::machine::{health, heartbeat, identity};
use crate::{INITRAMFS, boot_arguments, executor, fs, machine_tests, memory, net, process, usb};

/// Says what was found, starts everything, and runs the tasks for ever.
pub(crate) fn start() -> ! {
    announce();
    #[cfg(feature = "trace")]
    crate::trace::start();
    if let Some(what) = boot_arguments::get("crash") {
        machine_tests::crash(what);
    }
    fs::sys::register_file("kernel/dma", memory::dma::report);
    if boot_arguments::is_set("dma_check") {
        memory::enable_dma_check();
    }
    if boot_arguments::is_set("machine_test") {
        executor::spawn("machine tests", machine_tests::run());
    } else {
        health::start();
        net::start();
        heartbeat::start();
        usb::start();
        executor::spawn("start", async {
            usb::settle().await;
            start_programs();
        });
    }
    executor::run()
}

/// Starts the first process: `/bin/kinit`, or what the boot argument `init=` says.
fn start_programs() {
    let path = boot_arguments::get("init").unwrap_or("/bin/kinit");
    match process::start_init(INITRAMFS, path.as_bytes(), &[]) {
        Ok(()) => heartbeat::programs_run(),
        Err(error) => log::error!("cannot start {path}: {error}"),
    }
}

fn announce() {
    let memory = memory::statistics();
    log::info!(target: "kernel", "version {}", env!("CARGO_PKG_VERSION"));
    log::info!(
        target: "kernel",
        "{}, core MIDR {:#x}, timer {} Hz, firmware {}",
        identity::model(),
        cpu::midr(),
        timer::frequency(),
        firmware::revision().unwrap_or(0)
    );
    log::info!(
        target: "kernel",
        "memory {} MiB: free {} KiB, kernel {} KiB, heap {} KiB, DMA {} KiB",
        memory.total >> 20,
        memory.free >> 10,
        memory.image >> 10,
        memory.heap_total >> 10,
        memory.dma_total >> 10
    );
    if !boot_arguments::raw().is_empty() {
        log::info!(target: "kernel", "boot arguments: {}", boot_arguments::raw());
    }
}
