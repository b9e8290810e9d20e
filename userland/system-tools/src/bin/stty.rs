//! `stty`: shows or changes the settings of the terminal on standard input.
#![no_std]
#![no_main]

use rt::options::{Opt, Tool};
use rt::{Arguments, ExitCode};
use rustix::termios::{
    InputModes, LocalModes, OptionalActions, OutputModes, Termios, tcgetattr, tcgetwinsize,
    tcsetattr, tcsetwinsize,
};

rt::main!(main);

static TOOL: Tool = Tool::new(
    "stty",
    "[-a] [SETTING]...",
    "Print or change terminal characteristics of standard input.

  raw, -raw (cooked), sane   whole modes
  echo, icanon, isig, icrnl, opost, onlcr   one setting; with - before it, off
  rows N, cols N             the size of the terminal
  size                       print the size: rows and columns",
    &[Opt::flag('a', "all", "print all current settings in human-readable form")],
);

fn main(arguments: Arguments) -> ExitCode {
    let stdin = rt::input::stdin();
    let mut termios = match tcgetattr(stdin) {
        Ok(termios) => termios,
        Err(error) => rt::fail!(1, "'standard input': {}", rt::strerror(error)),
    };
    let mut changed = false;
    let mut show = true;
    let mut all = false;
    // `-echo` would be taken for options.
    let mut words = arguments.peekable();
    while let Some(word) = words.next() {
        let Ok(text) = core::str::from_utf8(word) else { invalid(word) };
        match text {
            "--help" => {
                rt::print!("{}", TOOL.help());
                return ExitCode::SUCCESS;
            }
            "-a" | "--all" => all = true,
            "size" => {
                let size = tcgetwinsize(stdin)
                    .unwrap_or_else(|error| rt::fail!(1, "{}", rt::strerror(error)));
                rt::println!("{} {}", size.ws_row, size.ws_col);
                show = false;
            }
            "rows" | "cols" | "columns" => {
                let number = words.next().and_then(|word| rt::number::decimal(word));
                let Some(number) = number.and_then(|number| u16::try_from(number).ok()) else {
                    TOOL.usage_error(format_args!("missing argument to '{text}'"));
                };
                resize(text == "rows", number);
                show = false;
            }
            "raw" | "-cooked" => {
                termios.make_raw();
                changed = true;
            }
            "sane" | "cooked" | "-raw" => {
                termios.input_modes |= InputModes::ICRNL | InputModes::IXON;
                termios.output_modes |= OutputModes::OPOST | OutputModes::ONLCR;
                termios.local_modes |= LocalModes::ICANON
                    | LocalModes::ECHO
                    | LocalModes::ECHOE
                    | LocalModes::ECHOK
                    | LocalModes::ISIG;
                changed = true;
            }
            _ => {
                let (name, on) = text.strip_prefix('-').map_or((text, true), |name| (name, false));
                if !set(&mut termios, name, on) {
                    invalid(word);
                }
                changed = true;
            }
        }
    }
    if changed {
        if let Err(error) = tcsetattr(stdin, OptionalActions::Drain, &termios) {
            rt::fail!(1, "'standard input': {}", rt::strerror(error));
        }
    } else if show {
        print(&termios, all);
    }
    ExitCode::SUCCESS
}

fn invalid(word: &rt::bstr::BStr) -> ! {
    TOOL.usage_error(format_args!("invalid argument '{word}'"))
}

fn resize(rows: bool, number: u16) {
    let stdin = rt::input::stdin();
    let result = tcgetwinsize(stdin).and_then(|mut size| {
        *(if rows { &mut size.ws_row } else { &mut size.ws_col }) = number;
        tcsetwinsize(stdin, size)
    });
    if let Err(error) = result {
        rt::fail!(1, "'standard input': {}", rt::strerror(error));
    }
}

fn set(termios: &mut Termios, name: &str, on: bool) -> bool {
    match name {
        "echo" => termios.local_modes.set(LocalModes::ECHO, on),
        "echoe" => termios.local_modes.set(LocalModes::ECHOE, on),
        "echok" => termios.local_modes.set(LocalModes::ECHOK, on),
        "icanon" => termios.local_modes.set(LocalModes::ICANON, on),
        "isig" => termios.local_modes.set(LocalModes::ISIG, on),
        "icrnl" => termios.input_modes.set(InputModes::ICRNL, on),
        "opost" => termios.output_modes.set(OutputModes::OPOST, on),
        "onlcr" => termios.output_modes.set(OutputModes::ONLCR, on),
        _ => return false,
    }
    true
}

fn print(termios: &Termios, all: bool) {
    rt::println!("speed {} baud; line = 0;", termios.output_speed());
    if all && let Ok(size) = tcgetwinsize(rt::input::stdin()) {
        rt::println!("rows {}; columns {};", size.ws_row, size.ws_col);
    }
    let local = termios.local_modes;
    for (name, on) in [
        ("icrnl", termios.input_modes.contains(InputModes::ICRNL)),
        ("opost", termios.output_modes.contains(OutputModes::OPOST)),
        ("onlcr", termios.output_modes.contains(OutputModes::ONLCR)),
        ("isig", local.contains(LocalModes::ISIG)),
        ("icanon", local.contains(LocalModes::ICANON)),
        ("echo", local.contains(LocalModes::ECHO)),
        ("echoe", local.contains(LocalModes::ECHOE)),
        ("echok", local.contains(LocalModes::ECHOK)),
    ] {
        rt::print!("{}{name} ", if on { "" } else { "-" });
    }
    rt::println!();
}
