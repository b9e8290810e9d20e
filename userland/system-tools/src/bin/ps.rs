//! `ps`: all processes.
#![no_std]
#![no_main]

extern crate alloc;

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use rt::bstr::ByteSlice;
use rt::options::{Item, Opt, Tool};
use rt::{Arguments, ExitCode};
use rustix::fs::{Dir, Mode, OFlags};
use system_tools::proc::Process;

rt::main!(main);

static TOOL: Tool = Tool::new(
    "ps",
    "[OPTION]...",
    "Report a snapshot of the processes. All are shown, whatever the options.",
    &[
        Opt::flag('e', "", "select all processes (always so)"),
        Opt::flag('A', "", "select all processes (always so)"),
        Opt::flag('f', "", "show the parent and the whole command line, too"),
    ],
);

/// Hundredths of a second in a second: what `/proc` counts CPU time in.
const USER_HZ: u64 = 100;

fn main(arguments: Arguments) -> ExitCode {
    let mut full = false;
    for item in TOOL.parse(arguments) {
        match item {
            Item::Option('f', _) => full = true,
            // BSD's way to say the same: `ps aux`, `ps w`.
            Item::Operand(word) if word.iter().all(|letter| b"auxw".contains(letter)) => {}
            Item::Operand(operand) => TOOL.extra_operand(operand),
            _ => {}
        }
    }
    let mut pids = match pids() {
        Ok(pids) => pids,
        Err(error) => rt::fail!(1, "cannot read /proc: {}", rt::strerror(error)),
    };
    pids.sort_unstable();
    if full {
        rt::println!("{:>5} {:>5} S {:>7} {:>7} {:>8} CMD", "PID", "PPID", "VSZ", "RSS", "TIME");
    } else {
        rt::println!("{:>5} S {:>7} {:>8} CMD", "PID", "RSS", "TIME");
    }
    for pid in pids {
        // A process may end between the look at the directory and this one.
        let Ok(stat) = rt::input::read_file(format!("/proc/{pid}/stat")) else { continue };
        let Some(process) = Process::parse(&stat) else { continue };
        show(&process, full);
    }
    ExitCode::SUCCESS
}

fn pids() -> Result<Vec<u64>, rustix::io::Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let directory = rustix::fs::open("/proc", flags, Mode::empty())?;
    let mut pids = Vec::new();
    for entry in Dir::read_from(directory)? {
        pids.extend(rt::number::decimal(entry?.file_name().to_bytes()));
    }
    Ok(pids)
}

fn show(process: &Process<'_>, full: bool) {
    let seconds = process.cpu_time / USER_HZ;
    let time = format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    let page = rustix::param::page_size() as u64;
    let resident = process.resident.saturating_mul(page) / 1024;
    let Process { pid, command, state, parent, virtual_size, .. } = process;
    if full {
        let line = command_line(*pid).unwrap_or_else(|| format!("[{command}]"));
        let size = virtual_size / 1024;
        rt::println!("{pid:>5} {parent:>5} {state} {size:>7} {resident:>7} {time:>8} {line}");
    } else {
        rt::println!("{pid:>5} {state} {resident:>7} {time:>8} {command}");
    }
}

/// The arguments of a process, with spaces between; `None` when it has none to show.
fn command_line(pid: u64) -> Option<String> {
    let bytes = rt::input::read_file(format!("/proc/{pid}/cmdline")).ok()?;
    let words: Vec<_> = bytes.split(|byte| *byte == 0).map(|word| word.to_str_lossy()).collect();
    let line = words.join(" ");
    let line = line.trim_end();
    (!line.is_empty()).then(|| String::from(line))
}
