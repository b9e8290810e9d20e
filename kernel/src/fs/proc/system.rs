//! Files of `/proc` about the system as a whole.

use super::super::descriptor::DESCRIPTORS_MAX;
use super::super::file::{FILES_MAX, open_files};
use super::super::generated::TextFile;
use crate::executor;
use crate::memory::{MemoryStatistics, PAGE_SIZE};
use crate::process::page_cache;
use crate::time::{self, Duration};
use alloc::string::String;
use core::fmt::Write as _;

/// The release that uname(2) and `/proc/version` tell: the interface of Linux 6.1, then our name.
pub const RELEASE: &str = concat!("6.1.0-", env!("CARGO_PKG_NAME"), "-", env!("CARGO_PKG_VERSION"));
/// What uname(2) tells as the version.
pub const VERSION: &str = "#1 PREEMPT";

/// The files and who makes them.
pub const FILES: [(&str, TextFile); 10] = [
    ("cmdline", |text| write_line(text, boot_arguments())),
    ("cpuinfo", cpuinfo),
    ("filesystems", |text| text.push_str("nodev\tproc\nnodev\tsysfs\nnodev\ttmpfs\n")),
    ("meminfo", |text| meminfo(&memory_statistics(), text)),
    ("stat", |text| stat(&Ticks::now(), text)),
    // Open files: those that are, those that are allocated and not used, those that can be.
    ("sys/fs/file-nr", |text| {
        let _ = writeln!(text, "{}\t0\t{FILES_MAX}", open_files());
    }),
    ("sys/fs/file-max", |text| {
        let _ = writeln!(text, "{FILES_MAX}");
    }),
    ("sys/fs/nr_open", |text| {
        let _ = writeln!(text, "{DESCRIPTORS_MAX}");
    }),
    ("uptime", |text| uptime(since_boot(), executor::idle_time(), text)),
    ("version", |text| {
        let _ = writeln!(text, "Linux version {RELEASE} (rustc) {VERSION}");
    }),
];

fn write_line(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}

fn boot_arguments() -> &'static str {
    #[cfg(target_os = "none")]
    return crate::boot_arguments::raw();
    #[cfg(not(target_os = "none"))]
    ""
}

fn memory_statistics() -> MemoryStatistics {
    #[cfg(target_os = "none")]
    return crate::memory::statistics();
    #[cfg(not(target_os = "none"))]
    MemoryStatistics::default()
}

/// Time since boot.
pub fn since_boot() -> Duration {
    Duration::from_nanos(time::now().as_nanos())
}

/// The memory that a program could get: free frames, and pages of files that nobody uses now.
fn meminfo(memory: &MemoryStatistics, text: &mut String) {
    let MemoryStatistics { total, free, image, heap_total, heap_used, dma_total, dma_used } =
        *memory;
    let heap_free = heap_total.saturating_sub(heap_used);
    let cached = page_cache::unused() * PAGE_SIZE;
    for (name, bytes) in [
        ("MemTotal", total),
        ("MemFree", free),
        ("MemAvailable", free + cached),
        ("Buffers", 0),
        ("Cached", cached),
        ("SwapCached", 0),
        ("Shmem", 0),
        ("Slab", heap_used),
        ("SReclaimable", 0),
        ("SUnreclaim", heap_used),
        ("SwapTotal", 0),
        ("SwapFree", 0),
        ("KernelImage", image),
        ("KernelHeapFree", heap_free),
        ("DmaTotal", dma_total),
        ("DmaUsed", dma_used),
    ] {
        let _ = writeln!(text, "{:<15} {:>8} kB", alloc::format!("{name}:"), bytes / 1024);
    }
}

/// Seconds with two decimals, as `/proc/uptime` has them.
fn seconds(duration: Duration) -> impl core::fmt::Display {
    alloc::format!("{}.{:02}", duration.as_secs(), duration.subsec_millis() / 10)
}

fn uptime(up: Duration, idle: Duration, text: &mut String) {
    let _ = writeln!(text, "{} {}", seconds(up), seconds(idle));
}

/// Processor time in hundredths of a second.
struct Ticks {
    busy: u128,
    idle: u128,
    boot: u64,
}

impl Ticks {
    fn now() -> Self {
        let idle = executor::idle_time();
        let busy = since_boot().saturating_sub(idle);
        let boot = time::realtime().saturating_sub(since_boot()).as_secs();
        Self { busy: busy.as_millis() / 10, idle: idle.as_millis() / 10, boot }
    }
}

/// All that is not idle counts as system time: the kernel's tasks are not told apart here.
fn stat(ticks: &Ticks, text: &mut String) {
    let Ticks { busy, idle, boot } = *ticks;
    for name in ["cpu ", "cpu0"] {
        let _ = writeln!(text, "{name} 0 0 {busy} {idle} 0 0 0 0 0 0");
    }
    let _ = writeln!(text, "intr 0\nctxt 0\nbtime {boot}");
    text.push_str("processes 0\nprocs_running 1\nprocs_blocked 0\n");
}

/// Names of the AT_HWCAP bits, the lowest first.
const CAPABILITIES: [&str; 9] =
    ["fp", "asimd", "evtstrm", "aes", "pmull", "sha1", "sha2", "crc32", "atomics"];

fn cpuinfo(text: &mut String) {
    #[cfg(target_os = "none")]
    let capabilities = crate::arch::aarch64::hwcap();
    #[cfg(not(target_os = "none"))]
    let capabilities = 3;
    text.push_str("processor\t: 0\nFeatures\t:");
    for (bit, name) in CAPABILITIES.iter().enumerate() {
        if capabilities & (1 << bit) != 0 {
            let _ = write!(text, " {name}");
        }
    }
    // The Cortex-A53 of the BCM2837.
    text.push_str("\nCPU implementer\t: 0x41\nCPU architecture: 8\nCPU part\t: 0xd03\n");
    #[cfg(target_os = "none")]
    crate::machine::identity::describe(text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_formats_are_those_of_linux() {
        let mut text = String::new();
        let memory = MemoryStatistics { total: 486_660 << 10, ..MemoryStatistics::default() };
        meminfo(&memory, &mut text);
        assert!(text.starts_with("MemTotal:         486660 kB\nMemFree:               0 kB\n"));
        text.clear();
        uptime(Duration::from_millis(9119), Duration::from_millis(70_030), &mut text);
        assert_eq!(text, "9.11 70.03\n");
        text.clear();
        stat(&Ticks { busy: 5, idle: 7, boot: 9 }, &mut text);
        assert!(text.starts_with("cpu  0 0 5 7 0"));
        assert!(text.contains("\nbtime 9\n"));
        assert!(RELEASE.starts_with("6.1"));
    }
}
