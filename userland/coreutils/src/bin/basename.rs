//! `basename`: the last component of a path (POSIX, GNU).
#![no_std]
#![no_main]

extern crate alloc;

use alloc::vec::Vec;

use rt::bstr::{BStr, ByteSlice};
use rt::options::{Item, Opt, Tool};
use rt::{Arguments, ExitCode, path};

rt::main!(main);

static TOOL: Tool = Tool::new(
    "basename",
    "NAME [SUFFIX]\nOPTION... NAME...",
    "Print NAME with any leading directory components removed.\nIf specified, also remove a trailing SUFFIX.",
    &[
        Opt::flag('a', "multiple", "support multiple arguments and treat each as a NAME"),
        Opt::value('s', "suffix", "SUFFIX", "remove a trailing SUFFIX; implies -a"),
    ],
)
.operands_last();

fn main(arguments: Arguments) -> ExitCode {
    let (mut several, mut suffix) = (false, None);
    let mut names: Vec<&'static BStr> = Vec::new();
    for item in TOOL.parse(arguments) {
        match item {
            Item::Option('a', _) => several = true,
            Item::Option('s', value) => (several, suffix) = (true, value),
            Item::Option(..) | Item::Long(..) => {}
            Item::Operand(name) => names.push(name),
        }
    }
    if names.is_empty() {
        TOOL.missing_operand(None);
    }
    if !several {
        if let Some(extra) = names.get(2) {
            TOOL.extra_operand(extra);
        }
        if names.len() == 2 {
            suffix = names.pop();
        }
    }
    for name in names {
        let base = path::base_name(name);
        let shorter = suffix.and_then(|suffix| base.strip_suffix(suffix.as_bytes()));
        rt::println!("{}", shorter.filter(|rest| !rest.is_empty()).unwrap_or(base).as_bstr());
    }
    ExitCode::SUCCESS
}
