//! `sh`: the shell program.
#![no_std]
#![no_main]

extern crate alloc;

use alloc::vec::Vec;

use rt::bstr::{BString, ByteSlice};
use rt::options::{Item, Opt, Tool};
use rt::rustix::termios::isatty;
use rt::{Arguments, ExitCode};
use sh::shell::Shell;

rt::main!(main);

static TOOL: Tool = Tool::new(
    "sh",
    "[-eux] [-i] [FILE [ARGUMENT]...]\n[-eux] -c COMMANDS [NAME [ARGUMENT]...]\n[-eux] -s [ARGUMENT]...",
    "Run commands typed at a terminal, or from a file, an argument or standard input.",
    &[
        Opt::flag('c', "", "run the commands in the first argument"),
        Opt::flag('e', "", "end at the first command that fails"),
        Opt::flag('f', "", "do not expand file names"),
        Opt::flag('i', "", "behave as if a person typed, even if standard input is no terminal"),
        Opt::flag('l', "", "ignored: there are no profiles to read"),
        Opt::flag('s', "", "read commands from standard input"),
        Opt::flag('u', "", "take unset variables for errors"),
        Opt::flag('x', "", "print each command before it runs"),
    ],
)
.with_status(2)
.operands_last();

fn main(arguments: Arguments) -> ExitCode {
    let mut shell = Shell::new(rt::program_name().into());
    let (mut from_argument, mut from_input, mut interactive) = (false, false, false);
    let mut operands: Vec<BString> = Vec::new();
    for item in TOOL.parse(arguments) {
        match item {
            Item::Option('c', _) => from_argument = true,
            Item::Option('s', _) => from_input = true,
            Item::Option('i', _) => interactive = true,
            Item::Option(letter, _) => {
                // `l` is no setting and does nothing.
                shell.settings.set(letter as u8, true);
            }
            Item::Long(..) => {}
            Item::Operand(operand) => operands.push(operand.into()),
        }
    }
    if from_argument {
        let Some((commands, rest)) = operands.split_first() else {
            TOOL.usage_error("-c requires an argument");
        };
        if let Some((name, parameters)) = rest.split_first() {
            shell.name = name.clone();
            shell.positional = parameters.to_vec();
        }
        // Whatever unwinds ends here.
        let _ = shell.run_text(commands);
        shell.end();
    }
    if let (false, Some((file, parameters))) = (from_input, operands.split_first()) {
        shell.positional = parameters.to_vec();
        match rt::input::read_file(file) {
            Ok(text) => {
                shell.name = file.clone();
                let _ = shell.run_text(&text);
                shell.end();
            }
            Err(error) => {
                let file = file.as_bstr();
                rt::fail!(127, "cannot open {file}: {}", rt::strerror(error));
            }
        }
    }
    shell.positional = operands;
    let typed = || isatty(rt::input::stdin()) && isatty(rt::output::stderr());
    if interactive || typed() {
        sh::interactive::run(&mut shell);
    } else {
        sh::interactive::run_stdin(&mut shell);
    }
    shell.end()
}
