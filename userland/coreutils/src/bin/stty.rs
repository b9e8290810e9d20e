//! `stty`: how the terminal behaves (POSIX, GNU). The settings that matter here.
#![no_std]
#![no_main]

extern crate alloc;

use alloc::vec::Vec;

use rt::bstr::{BStr, ByteSlice};
use rt::input::stdin;
use rt::options::{Item, Opt, Tool};
use rt::rustix::termios::{
    ControlModes, InputModes, LocalModes, OptionalActions, OutputModes, SpecialCodeIndex, Termios,
    Winsize, tcgetattr, tcgetwinsize, tcsetattr, tcsetwinsize,
};
use rt::{Arguments, ExitCode, strerror};

rt::main!(main);

static TOOL: Tool = Tool::new(
    "stty",
    "[-a] [SETTING]...",
    "Print or change the characteristics of the terminal on standard input.
Settings (a - before one turns it off): echo echoe echok echonl icanon isig iexten
icrnl inlcr igncr ixon opost onlcr; raw, cooked, sane; size; rows N, cols N;
intr C, eof C, erase C, kill C, susp C, quit C (^C, undef or a character); min N, time N.",
    &[Opt::flag('a', "all", "print all current settings in human-readable form")],
)
.operands_last();

/// A flag of one of the four words.
#[derive(Clone, Copy)]
enum Flag {
    Input(InputModes),
    Output(OutputModes),
    Local(LocalModes),
    Control(ControlModes),
}

const FLAGS: [(&str, Flag); 24] = [
    ("parenb", Flag::Control(ControlModes::PARENB)),
    ("cstopb", Flag::Control(ControlModes::CSTOPB)),
    ("cread", Flag::Control(ControlModes::CREAD)),
    ("clocal", Flag::Control(ControlModes::CLOCAL)),
    ("brkint", Flag::Input(InputModes::BRKINT)),
    ("ignpar", Flag::Input(InputModes::IGNPAR)),
    ("istrip", Flag::Input(InputModes::ISTRIP)),
    ("inlcr", Flag::Input(InputModes::INLCR)),
    ("igncr", Flag::Input(InputModes::IGNCR)),
    ("icrnl", Flag::Input(InputModes::ICRNL)),
    ("ixon", Flag::Input(InputModes::IXON)),
    ("ixoff", Flag::Input(InputModes::IXOFF)),
    ("opost", Flag::Output(OutputModes::OPOST)),
    ("onlcr", Flag::Output(OutputModes::ONLCR)),
    ("isig", Flag::Local(LocalModes::ISIG)),
    ("icanon", Flag::Local(LocalModes::ICANON)),
    ("iexten", Flag::Local(LocalModes::IEXTEN)),
    ("echo", Flag::Local(LocalModes::ECHO)),
    ("echoe", Flag::Local(LocalModes::ECHOE)),
    ("echok", Flag::Local(LocalModes::ECHOK)),
    ("echonl", Flag::Local(LocalModes::ECHONL)),
    ("noflsh", Flag::Local(LocalModes::NOFLSH)),
    ("tostop", Flag::Local(LocalModes::TOSTOP)),
    ("echoctl", Flag::Local(LocalModes::ECHOCTL)),
];

/// The characters with a meaning, and what `sane` makes them.
const CHARACTERS: [(&str, SpecialCodeIndex, u8); 6] = [
    ("intr", SpecialCodeIndex::VINTR, 0x03),
    ("quit", SpecialCodeIndex::VQUIT, 0x1c),
    ("erase", SpecialCodeIndex::VERASE, 0x7f),
    ("kill", SpecialCodeIndex::VKILL, 0x15),
    ("eof", SpecialCodeIndex::VEOF, 0x04),
    ("susp", SpecialCodeIndex::VSUSP, 0x1a),
];

impl Flag {
    fn is_set(self, modes: &Termios) -> bool {
        match self {
            Self::Input(flag) => modes.input_modes.contains(flag),
            Self::Output(flag) => modes.output_modes.contains(flag),
            Self::Local(flag) => modes.local_modes.contains(flag),
            Self::Control(flag) => modes.control_modes.contains(flag),
        }
    }

    fn set(self, modes: &mut Termios, on: bool) {
        match self {
            Self::Input(flag) => modes.input_modes.set(flag, on),
            Self::Output(flag) => modes.output_modes.set(flag, on),
            Self::Local(flag) => modes.local_modes.set(flag, on),
            Self::Control(flag) => modes.control_modes.set(flag, on),
        }
    }
}

fn main(arguments: Arguments) -> ExitCode {
    let mut all = false;
    let mut settings: Vec<&'static BStr> = Vec::new();
    // A setting may look like an option (`-echo`), so only what can't be one is.
    let words: Vec<&'static BStr> = arguments.collect();
    let is_option = |word: &&&'static BStr| matches!(word.as_bytes(), b"-a" | b"--all" | b"--help");
    for item in TOOL.parse_from(words.iter().filter(is_option).copied()) {
        if let Item::Option('a', _) = item {
            all = true;
        }
    }
    settings.extend(words.iter().filter(|word| !is_option(word)));
    let mut modes = match tcgetattr(stdin()) {
        Ok(modes) => modes,
        Err(error) => rt::fail!(1, "'standard input': {}", strerror(error)),
    };
    if settings.is_empty() {
        show(&modes, all);
        return ExitCode::SUCCESS;
    }
    let mut rest = settings.into_iter();
    let mut changed = false;
    while let Some(setting) = rest.next() {
        changed |= apply(&mut modes, setting, &mut rest);
    }
    if changed && let Err(error) = tcsetattr(stdin(), OptionalActions::Drain, &modes) {
        rt::fail!(1, "'standard input': {}", strerror(error));
    }
    ExitCode::SUCCESS
}

/// Changes the modes; false when the setting was something else.
fn apply(
    modes: &mut Termios,
    setting: &'static BStr,
    rest: &mut impl Iterator<Item = &'static BStr>,
) -> bool {
    let mut value = || {
        rest.next()
            .unwrap_or_else(|| TOOL.usage_error(format_args!("missing argument to '{setting}'")))
    };
    match setting.as_bytes() {
        b"raw" | b"-cooked" => modes.make_raw(),
        b"sane" | b"cooked" | b"-raw" => make_sane(modes),
        b"size" => {
            let size = tcgetwinsize(stdin()).unwrap_or(NO_SIZE);
            rt::println!("{} {}", size.ws_row, size.ws_col);
            return false;
        }
        name @ (b"rows" | b"cols" | b"columns") => {
            let mut size = tcgetwinsize(stdin()).unwrap_or(NO_SIZE);
            let number = small_number(value());
            let place = if name == b"rows" { &mut size.ws_row } else { &mut size.ws_col };
            *place = number;
            if let Err(error) = tcsetwinsize(stdin(), size) {
                rt::fail!(1, "'standard input': {}", strerror(error));
            }
            return false;
        }
        b"min" => modes.special_codes[SpecialCodeIndex::VMIN] = small_number(value()) as u8,
        b"time" => modes.special_codes[SpecialCodeIndex::VTIME] = small_number(value()) as u8,
        name => {
            if let Some((_, index, _)) =
                CHARACTERS.iter().find(|(known, ..)| known.as_bytes() == name)
            {
                modes.special_codes[*index] = control_character(value());
                return true;
            }
            let (on, name) = match name.strip_prefix(b"-") {
                Some(name) => (false, name),
                None => (true, name),
            };
            match FLAGS.iter().find(|(known, _)| known.as_bytes() == name) {
                Some((_, flag)) => flag.set(modes, on),
                None => TOOL.usage_error(format_args!("invalid argument '{setting}'")),
            }
        }
    }
    true
}

const NO_SIZE: Winsize = Winsize { ws_row: 0, ws_col: 0, ws_xpixel: 0, ws_ypixel: 0 };

fn small_number(text: &BStr) -> u16 {
    rt::number::decimal(text)
        .and_then(|number| u16::try_from(number).ok())
        .unwrap_or_else(|| TOOL.usage_error(format_args!("invalid integer argument: '{text}'")))
}

/// `^C`, a character, or `undef` for none.
fn control_character(text: &BStr) -> u8 {
    match text.as_bytes() {
        b"undef" | b"^-" => 0,
        [b'^', b'?'] => 0x7f,
        [b'^', letter] => letter & 0x1f,
        [byte] => *byte,
        _ => TOOL.usage_error(format_args!("invalid integer argument: '{text}'")),
    }
}

fn make_sane(modes: &mut Termios) {
    for name in [
        "cread", "brkint", "icrnl", "ixon", "opost", "onlcr", "isig", "icanon", "iexten", "echo",
        "echoe", "echok", "echoctl",
    ] {
        if let Some((_, flag)) = FLAGS.iter().find(|(known, _)| *known == name) {
            flag.set(modes, true);
        }
    }
    for name in ["inlcr", "igncr", "ixoff", "echonl", "noflsh", "tostop", "istrip"] {
        if let Some((_, flag)) = FLAGS.iter().find(|(known, _)| *known == name) {
            flag.set(modes, false);
        }
    }
    for (_, index, code) in CHARACTERS {
        modes.special_codes[index] = code;
    }
    modes.special_codes[SpecialCodeIndex::VMIN] = 1;
    modes.special_codes[SpecialCodeIndex::VTIME] = 0;
}

fn show(modes: &Termios, all: bool) {
    let size = tcgetwinsize(stdin()).unwrap_or(NO_SIZE);
    rt::print!("speed {} baud;", modes.output_speed());
    if all {
        rt::print!(" rows {}; columns {};", size.ws_row, size.ws_col);
    }
    rt::println!();
    if !all {
        // Only what differs from `sane`.
        let mut sane = modes.clone();
        make_sane(&mut sane);
        let differing: Vec<_> =
            FLAGS.iter().filter(|(_, flag)| flag.is_set(modes) != flag.is_set(&sane)).collect();
        if !differing.is_empty() {
            show_flags(modes, differing.into_iter());
        }
        return;
    }
    for (index, (name, code, _)) in CHARACTERS.iter().enumerate() {
        let gap = if index > 0 { " " } else { "" };
        match modes.special_codes[*code] {
            0 => rt::print!("{gap}{name} = <undef>;"),
            0x7f => rt::print!("{gap}{name} = ^?;"),
            byte @ 0..0x20 => rt::print!("{gap}{name} = ^{};", char::from(byte + 0x40)),
            byte => rt::print!("{gap}{name} = {};", char::from(byte)),
        }
    }
    let (least, time) =
        (modes.special_codes[SpecialCodeIndex::VMIN], modes.special_codes[SpecialCodeIndex::VTIME]);
    rt::println!(" min = {least}; time = {time};");
    show_flags(modes, FLAGS.iter());
}

fn show_flags<'f>(modes: &Termios, flags: impl Iterator<Item = &'f (&'static str, Flag)>) {
    let words: Vec<_> = flags
        .map(|(name, flag)| {
            let sign = if flag.is_set(modes) { "" } else { "-" };
            alloc::format!("{sign}{name}")
        })
        .collect();
    for line in words.chunks(12) {
        rt::println!("{}", line.join(" "));
    }
}
