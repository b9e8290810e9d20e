//! `free`: how much memory is there and used.
#![no_std]
#![no_main]

extern crate alloc;

use alloc::format;
use alloc::string::String;
use rt::options::{Item, Opt, Tool};
use rt::{Arguments, ExitCode};
use system_tools::{human, proc};

rt::main!(main);

static TOOL: Tool = Tool::new(
    "free",
    "[OPTION]...",
    "Display the amount of free and used memory.",
    &[
        Opt::flag('b', "bytes", "show output in bytes"),
        Opt::flag('k', "kibi", "show output in kibibytes (the default)"),
        Opt::flag('m', "mebi", "show output in mebibytes"),
        Opt::flag('g', "gibi", "show output in gibibytes"),
        Opt::flag('h', "human", "show human-readable output"),
    ],
);

fn main(arguments: Arguments) -> ExitCode {
    let mut shift = Some(10);
    for item in TOOL.parse(arguments) {
        match item {
            Item::Option('b', _) => shift = Some(0),
            Item::Option('k', _) => shift = Some(10),
            Item::Option('m', _) => shift = Some(20),
            Item::Option('g', _) => shift = Some(30),
            Item::Option(_, _) => shift = None,
            Item::Operand(operand) => TOOL.extra_operand(operand),
            Item::Long(..) => {}
        }
    }
    let meminfo = match rt::input::read_file("/proc/meminfo") {
        Ok(text) => text,
        Err(error) => rt::fail!(1, "cannot read /proc/meminfo: {}", rt::strerror(error)),
    };
    let value = |name: &str| proc::memory(&meminfo, name).unwrap_or(0);
    let show = |bytes: u64| -> String {
        shift.map_or_else(|| human::bytes(bytes), |shift| format!("{}", bytes >> shift))
    };
    let (total, free) = (value("MemTotal"), value("MemFree"));
    let cache = value("Buffers") + value("Cached");
    let available = proc::memory(&meminfo, "MemAvailable").unwrap_or(free);
    let used = total.saturating_sub(free).saturating_sub(cache);
    rt::println!(
        "{:<7}{:>12}{:>12}{:>12}{:>12}{:>12}{:>12}",
        "",
        "total",
        "used",
        "free",
        "shared",
        "buff/cache",
        "available"
    );
    rt::println!(
        "{:<7}{:>12}{:>12}{:>12}{:>12}{:>12}{:>12}",
        "Mem:",
        show(total),
        show(used),
        show(free),
        show(value("Shmem")),
        show(cache),
        show(available)
    );
    let (swap, swap_free) = (value("SwapTotal"), value("SwapFree"));
    rt::println!(
        "{:<7}{:>12}{:>12}{:>12}",
        "Swap:",
        show(swap),
        show(swap.saturating_sub(swap_free)),
        show(swap_free)
    );
    ExitCode::SUCCESS
}
