//! `dmesg`: the messages of the kernel (util-linux).
#![no_std]
#![no_main]

extern crate alloc;

use alloc::vec;

use linux_raw_sys::general::__NR_syslog;
use rt::bstr::ByteSlice;
use rt::options::{Item, Opt, Tool};
use rt::rustix::io::Errno;
use rt::syscall::syscall;
use rt::{Arguments, ExitCode, output, strerror};

rt::main!(main);

static TOOL: Tool = Tool::new(
    "dmesg",
    "[OPTION]...",
    "Display or control the kernel ring buffer.",
    &[
        Opt::flag('c', "read-clear", "read and clear all messages"),
        Opt::flag('C', "clear", "clear the kernel ring buffer"),
        Opt::flag('r', "raw", "print the raw message buffer"),
        Opt::flag('t', "notime", "don't show any timestamp with messages"),
    ],
);

/// The actions of syslog(2).
const READ_ALL: usize = 3;
const READ_CLEAR: usize = 4;
const CLEAR: usize = 5;
const SIZE_BUFFER: usize = 10;

fn kernel_log(action: usize, buffer: &mut [u8]) -> Result<usize, Errno> {
    let arguments = [action, buffer.as_mut_ptr() as usize, buffer.len(), 0, 0, 0];
    // SAFETY: the kernel writes to the buffer, no more than its length.
    unsafe { syscall(__NR_syslog, arguments) }
}

fn main(arguments: Arguments) -> ExitCode {
    let (mut action, mut raw, mut times) = (READ_ALL, false, true);
    for item in TOOL.parse(arguments) {
        match item {
            Item::Option('c', _) => action = READ_CLEAR,
            Item::Option('C', _) => action = CLEAR,
            Item::Option('r', _) => raw = true,
            Item::Option('t', _) => times = false,
            Item::Option(..) | Item::Long(..) => {}
            Item::Operand(operand) => {
                TOOL.usage_error(format_args!("unexpected argument '{operand}'"))
            }
        }
    }
    match show(action, raw, times) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => rt::fail!(1, "read kernel buffer failed: {}", strerror(error)),
    }
}

fn show(action: usize, raw: bool, times: bool) -> Result<(), Errno> {
    if action == CLEAR {
        return kernel_log(CLEAR, &mut []).map(|_| ());
    }
    let size = kernel_log(SIZE_BUFFER, &mut [])?;
    let mut buffer = vec![0; size];
    let length = kernel_log(action, &mut buffer)?;
    let text = buffer.get(..length).unwrap_or_default();
    if raw {
        output::write(text);
        return Ok(());
    }
    for line in text.lines() {
        let mut line = line;
        // `<level>` stands before what people read.
        if let Some(rest) = line.strip_prefix(b"<")
            && let Some(end) = rest.find_byte(b'>')
            && rest.iter().take(end).all(u8::is_ascii_digit)
        {
            line = rest.get(end + 1..).unwrap_or_default();
        }
        if !times
            && let Some(rest) = line.strip_prefix(b"[")
            && let Some(end) = rest.find_byte(b']')
            && rest.iter().take(end).all(|byte| byte.is_ascii_digit() || b" .".contains(byte))
        {
            line = rest.get(end + 1..).unwrap_or_default();
            line = line.strip_prefix(b" ").unwrap_or(line);
        }
        output::write(line);
        output::write(b"\n");
    }
    Ok(())
}
