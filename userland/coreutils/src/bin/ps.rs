//! `ps`: the processes (procps). It always shows all of them.
#![no_std]
#![no_main]

extern crate alloc;

use alloc::vec::Vec;

use coreutils::process_table::{Process, TICKS_A_SECOND, command_line};
use coreutils::tree;
use rt::bstr::{BStr, ByteSlice};
use rt::options::{Item, Opt, Tool};
use rt::{Arguments, ExitCode, output};

rt::main!(main);

static TOOL: Tool = Tool::new(
    "ps",
    "[-e] [-f] [-l] [aux]",
    "Report a snapshot of the processes. There is one list: all processes, with\nresident memory in KiB and the time they have computed.",
    &[
        Opt::flag('A', "", "all processes (always so)"),
        Opt::flag('e', "", "all processes (always so)"),
        Opt::flag('f', "", "full commands (always so)"),
        Opt::flag('l', "", "add process group and virtual memory"),
    ],
);

/// Memory is counted in pages of this many KiB.
const PAGE: u64 = 4;

fn main(arguments: Arguments) -> ExitCode {
    let mut long = false;
    for item in TOOL.parse(arguments) {
        match item {
            Item::Option('l', _) => long = true,
            Item::Option(..) | Item::Long(..) => {}
            // The letters of BSD's `ps aux` ask for what is shown anyway.
            Item::Operand(operand) if operand.iter().all(|letter| b"auxwe".contains(letter)) => {}
            Item::Operand(operand) => {
                TOOL.usage_error(format_args!("unsupported option or operand '{operand}'"))
            }
        }
    }
    let names = match tree::names(BStr::new("/proc")) {
        Ok(names) => names,
        Err(error) => {
            output::warn_path("/proc", error);
            return ExitCode::FAILURE;
        }
    };
    let mut processes: Vec<(Process, alloc::string::String)> = Vec::new();
    for name in names {
        if !name.iter().all(u8::is_ascii_digit) {
            continue;
        }
        let file = |file: &str| rt::input::read_file(alloc::format!("/proc/{name}/{file}"));
        // A process may end while the list is made.
        let Some(process) = file("stat").ok().and_then(|line| Process::parse(&line)) else {
            continue;
        };
        let cmdline = file("cmdline").unwrap_or_default();
        let command = command_line(&cmdline, process.name.as_bstr());
        processes.push((process, command));
    }
    processes.sort_by_key(|(process, _)| process.pid);
    let extra = if long { "  PGRP    VSZ" } else { "" };
    rt::println!("  PID  PPID{extra} S    RSS     TIME COMMAND");
    for (process, command) in processes {
        let seconds = process.ticks / TICKS_A_SECOND;
        let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        rt::print!("{:5} {:5}", process.pid, process.parent);
        if long {
            rt::print!(" {:5} {:6}", process.group, process.virtual_size / 1024);
        }
        rt::println!(
            " {} {:6} {hours:02}:{minutes:02}:{seconds:02} {command}",
            process.state,
            process.resident * PAGE
        );
    }
    ExitCode::SUCCESS
}
