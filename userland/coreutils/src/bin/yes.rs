//! `yes`: a line again and again (GNU).
#![no_std]
#![no_main]

extern crate alloc;

use alloc::vec::Vec;

use coreutils::filter::operands;
use rt::bstr::ByteSlice;
use rt::options::Tool;
use rt::rustix::io::Errno;
use rt::{Arguments, ExitCode, output, strerror};

rt::main!(main);

static TOOL: Tool = Tool::new(
    "yes",
    "[STRING]...",
    "Repeatedly output a line with all specified STRING(s), or 'y'.",
    &[],
);

/// So much is written at once.
const BLOCK: usize = 8192;

fn main(arguments: Arguments) -> ExitCode {
    let words = operands(TOOL.parse(arguments));
    let words: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
    let mut line = if words.is_empty() { b"y".to_vec() } else { words.join(b" ".as_slice()) };
    line.push(b'\n');
    let block = line.repeat(BLOCK.div_ceil(line.len()));
    loop {
        match output::write_all(output::stdout(), &block) {
            Ok(()) => {}
            Err(Errno::PIPE) => return ExitCode::FAILURE,
            Err(error) => rt::fail!(1, "standard output: {}", strerror(error)),
        }
    }
}
