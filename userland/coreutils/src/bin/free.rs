//! `free`: how memory is used (procps).
#![no_std]
#![no_main]

extern crate alloc;

use alloc::format;
use alloc::string::{String, ToString};

use coreutils::memory::Memory;
use coreutils::quantity::human;
use rt::bstr::ByteSlice;
use rt::options::{Item, Opt, Tool};
use rt::{Arguments, ExitCode, output};

rt::main!(main);

static TOOL: Tool = Tool::new(
    "free",
    "[OPTION]...",
    "Display the amount of free and used memory in the system.",
    &[
        Opt::flag('b', "bytes", "show output in bytes"),
        Opt::flag('g', "gibi", "show output in gibibytes"),
        Opt::flag('h', "human", "show human-readable output"),
        Opt::flag('k', "kibi", "show output in kibibytes (default)"),
        Opt::flag('m', "mebi", "show output in mebibytes"),
        Opt::flag('t', "total", "show total for RAM + swap"),
    ],
);

fn main(arguments: Arguments) -> ExitCode {
    // None: with a unit each.
    let (mut unit, mut total) = (Some(1024), false);
    for item in TOOL.parse(arguments) {
        match item {
            Item::Option('b', _) => unit = Some(1),
            Item::Option('g', _) => unit = Some(1 << 30),
            Item::Option('h', _) => unit = None,
            Item::Option('k', _) => unit = Some(1024),
            Item::Option('m', _) => unit = Some(1 << 20),
            Item::Option('t', _) => total = true,
            Item::Option(..) | Item::Long(..) => {}
            Item::Operand(operand) => TOOL.extra_operand(operand),
        }
    }
    let text = match rt::input::read_file("/proc/meminfo") {
        Ok(text) => text,
        Err(error) => {
            output::warn_path("/proc/meminfo", error);
            return ExitCode::FAILURE;
        }
    };
    let memory = Memory::parse(&text.to_str_lossy());
    let shown = |bytes: u64| -> String {
        match unit {
            Some(unit) => (bytes / unit).to_string(),
            // As `ls -h` shows them, with the i that says that they are binary.
            None => match human(bytes) {
                text if text.ends_with(|c: char| c.is_ascii_digit()) => format!("{text}B"),
                text => format!("{text}i"),
            },
        }
    };
    let row = |name: &str, cells: &[u64]| {
        rt::print!("{name:<8}");
        for cell in cells {
            rt::print!("{:>12}", shown(*cell));
        }
        rt::println!();
    };
    rt::println!(
        "{:8}{:>12}{:>12}{:>12}{:>12}{:>12}{:>12}",
        "",
        "total",
        "used",
        "free",
        "shared",
        "buff/cache",
        "available"
    );
    row(
        "Mem:",
        &[memory.total, memory.used(), memory.free, memory.shared, memory.cache, memory.available],
    );
    let swap_used = memory.swap_total.saturating_sub(memory.swap_free);
    row("Swap:", &[memory.swap_total, swap_used, memory.swap_free]);
    if total {
        let sum = [
            memory.total + memory.swap_total,
            memory.used() + swap_used,
            memory.free + memory.swap_free,
        ];
        row("Total:", &sum);
    }
    ExitCode::SUCCESS
}
