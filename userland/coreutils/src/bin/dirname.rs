//! `dirname`: all but the last component of a path (POSIX, GNU).
#![no_std]
#![no_main]

use coreutils::filter::operands;
use rt::bstr::{BStr, ByteSlice};
use rt::options::Tool;
use rt::{Arguments, ExitCode};

rt::main!(main);

static TOOL: Tool = Tool::new(
    "dirname",
    "NAME...",
    "Output each NAME with its last non-slash component and trailing slashes removed;\nif NAME contains no /'s, output '.' (meaning the current directory).",
    &[],
);

fn main(arguments: Arguments) -> ExitCode {
    let names = operands(TOOL.parse(arguments));
    if names.is_empty() {
        TOOL.missing_operand(None);
    }
    for name in names {
        rt::println!("{}", parent(name));
    }
    ExitCode::SUCCESS
}

fn parent(path: &BStr) -> &BStr {
    let trimmed = path.trim_end_with(|character| character == '/');
    match trimmed.rfind_byte(b'/') {
        None if trimmed.is_empty() && !path.is_empty() => BStr::new("/"),
        None => BStr::new("."),
        Some(slash) => {
            let parent = trimmed.get(..slash).unwrap_or_default();
            let parent = parent.trim_end_with(|character| character == '/');
            if parent.is_empty() { BStr::new("/") } else { parent.as_bstr() }
        }
    }
}
