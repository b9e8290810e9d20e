//! `mount`: what file systems there are (util-linux). It only shows them.
#![no_std]
#![no_main]

use rt::bstr::{BStr, ByteSlice};
use rt::options::{Item, Opt, Tool};
use rt::{Arguments, ExitCode, output};

rt::main!(main);

static TOOL: Tool = Tool::new(
    "mount",
    "[-t TYPE]",
    "Show the mounted file systems. They are fixed: nothing can be mounted.",
    &[
        Opt::flag('l', "show-labels", "(ignored)"),
        Opt::value('t', "types", "TYPE", "show only file systems of this type"),
    ],
);

fn main(arguments: Arguments) -> ExitCode {
    let mut wanted = None;
    for item in TOOL.parse(arguments) {
        match item {
            Item::Option('t', value) => wanted = value,
            Item::Option(..) | Item::Long(..) => {}
            Item::Operand(operand) => rt::fail!(1, "{operand}: nothing can be mounted here"),
        }
    }
    let table = match rt::input::read_file("/proc/mounts") {
        Ok(table) => table,
        Err(error) => {
            output::warn_path("/proc/mounts", error);
            return ExitCode::FAILURE;
        }
    };
    for line in table.lines() {
        let mut fields = line.split(|&byte| byte == b' ').map(ByteSlice::as_bstr);
        let mut field = || fields.next().unwrap_or(BStr::new(""));
        let (device, place, kind, options) = (field(), field(), field(), field());
        if wanted.is_none_or(|wanted| wanted == kind) {
            rt::println!("{device} on {place} type {kind} ({options})");
        }
    }
    ExitCode::SUCCESS
}
