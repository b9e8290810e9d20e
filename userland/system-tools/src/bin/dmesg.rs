//! `dmesg`: prints the kernel's log.
#![no_std]
#![no_main]

extern crate alloc;

use alloc::vec;
use linux_raw_sys::general::__NR_syslog;
use rt::options::{Item, Opt, Tool};
use rt::{Arguments, ExitCode};

rt::main!(main);

static TOOL: Tool = Tool::new(
    "dmesg",
    "[OPTION]...",
    "Print the kernel's messages since boot, as many as it keeps.",
    &[
        Opt::flag('C', "clear", "clear the messages"),
        Opt::flag('c', "read-clear", "print the messages and clear them"),
    ],
);

/// Actions of syslog(2).
const READ_ALL: usize = 3;
const READ_CLEAR: usize = 4;
const CLEAR: usize = 5;
const SIZE: usize = 10;

fn syslog(action: usize, buffer: &mut [u8]) -> Result<usize, rustix::io::Errno> {
    // SAFETY: the kernel writes at most the length given into the buffer, which is ours.
    unsafe {
        let pointer = buffer.as_mut_ptr() as usize;
        rt::syscall::syscall(__NR_syslog, [action, pointer, buffer.len(), 0, 0, 0])
    }
}

fn main(arguments: Arguments) -> ExitCode {
    let mut action = READ_ALL;
    for item in TOOL.parse(arguments) {
        match item {
            Item::Option('C', _) => action = CLEAR,
            Item::Option(_, _) => action = READ_CLEAR,
            Item::Operand(operand) => TOOL.extra_operand(operand),
            Item::Long(..) => {}
        }
    }
    let result = syslog(SIZE, &mut []).and_then(|size| {
        let mut buffer = vec![0; if action == CLEAR { 0 } else { size }];
        let count = syslog(action, &mut buffer)?;
        if action != CLEAR {
            print(buffer.get(..count).unwrap_or_default());
        }
        Ok(())
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            rt::warn!("read kernel buffer failed: {}", rt::strerror(error));
            ExitCode(1)
        }
    }
}

/// Prints the lines without the priority (`<6>`) that the kernel puts before each.
fn print(log: &[u8]) {
    use rt::bstr::ByteSlice;
    for line in log.lines() {
        let text = match line.strip_prefix(b"<").and_then(|rest| rest.split_once_str(">")) {
            Some((priority, text)) if rt::number::decimal(priority).is_some() => text,
            _ => line,
        };
        rt::output::write(text);
        rt::output::write(b"\n");
    }
}
