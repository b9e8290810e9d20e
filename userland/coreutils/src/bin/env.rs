//! `env`: runs a program in a changed environment (POSIX, GNU).
#![no_std]
#![no_main]

extern crate alloc;

use alloc::vec::Vec;

use rt::bstr::{BStr, BString, ByteSlice};
use rt::options::{Item, Opt, Tool};
use rt::process::{Vector, execute, find};
use rt::rustix::io::Errno;
use rt::{Arguments, ExitCode, output, strerror};

rt::main!(main);

static TOOL: Tool = Tool::new(
    "env",
    "[OPTION]... [-] [NAME=VALUE]... [COMMAND [ARG]...]",
    "Set each NAME to VALUE in the environment and run COMMAND.\nIf no COMMAND, print the resulting environment.",
    &[
        Opt::flag('0', "null", "end each output line with NUL, not newline"),
        Opt::value('C', "chdir", "DIR", "change working directory to DIR"),
        Opt::flag('i', "ignore-environment", "start with an empty environment"),
        Opt::value('u', "unset", "NAME", "remove variable from the environment"),
    ],
)
.with_status(125)
.operands_last();

fn name_of(entry: &BStr) -> &BStr {
    entry.split(|&byte| byte == b'=').next().unwrap_or_default().as_bstr()
}

fn main(arguments: Arguments) -> ExitCode {
    let mut environment: Vec<BString> = rt::environment().map(BString::from).collect();
    let (mut end, mut directory) = (b"\n", None);
    let mut removed = Vec::new();
    let mut command: Vec<&'static BStr> = Vec::new();
    for item in TOOL.parse(arguments) {
        match item {
            Item::Option('0', _) => end = b"\0",
            Item::Option('C', value) => directory = value,
            Item::Option('i', _) => environment.clear(),
            Item::Option('u', Some(name)) => removed.push(name),
            Item::Option(..) | Item::Long(..) => {}
            Item::Operand(word) if command.is_empty() && word == "-" => environment.clear(),
            Item::Operand(word) if command.is_empty() && word.contains(&b'=') => {
                environment.retain(|entry| name_of(entry.as_bstr()) != name_of(word));
                environment.push(word.into());
            }
            Item::Operand(word) => command.push(word),
        }
    }
    environment.retain(|entry| !removed.contains(&name_of(entry.as_bstr())));
    if let Some(directory) = directory
        && let Err(error) = rt::rustix::process::chdir(directory.as_bytes())
    {
        rt::fail!(125, "cannot change directory to '{directory}': {}", strerror(error));
    }
    let Some(name) = command.first() else {
        for entry in environment {
            output::write(&entry);
            output::write(end);
        }
        return ExitCode::SUCCESS;
    };
    let path = environment.iter().find_map(|entry| entry.strip_prefix(b"PATH="));
    let path = path.unwrap_or(rt::process::DEFAULT_PATH.as_bytes()).as_bstr();
    let run = || -> Result<Errno, Errno> {
        let file = find(name, path)?;
        Ok(execute(&file, &Vector::new(&command)?, &Vector::new(&environment)?))
    };
    let error = run().unwrap_or_else(|error| error);
    rt::fail!(if error == Errno::NOENT { 127 } else { 126 }, "'{name}': {}", strerror(error))
}
