//! Terminal settings: termios(3), in the layouts of the `TCGETS` and `TCGETS2` requests.

use crate::syscall::user_memory::plain;
use linux_raw_sys::general::{
    B115200, CREAD, CS8, ECHO, ECHOCTL, ECHOE, ECHOK, ECHOKE, HUPCL, ICANON, ICRNL, IEXTEN, ISIG,
    IUTF8, IXON, ONLCR, OPOST, VDISCARD, VEOF, VEOL, VEOL2, VERASE, VINTR, VKILL, VLNEXT, VMIN,
    VQUIT, VREPRINT, VSTART, VSTOP, VSUSP, VTIME, VWERASE,
};

/// Number of control characters that the kernel keeps (`NCCS`).
pub const CONTROL_CHARACTERS: usize = 19;

/// `struct termios`: what `TCGETS` and `TCSETS` carry.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Termios {
    /// Input modes.
    pub input: u32,
    /// Output modes.
    pub output: u32,
    /// Control modes.
    pub control: u32,
    /// Local modes.
    pub local: u32,
    /// Line discipline; always `N_TTY`.
    pub line: u8,
    /// Control characters, indexed by `V…`.
    pub characters: [u8; CONTROL_CHARACTERS],
}

/// `struct termios2`: the same and the speeds in baud, for `TCGETS2` and `TCSETS2`.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Termios2 {
    /// The settings.
    pub termios: Termios,
    /// Input speed.
    pub input_speed: u32,
    /// Output speed.
    pub output_speed: u32,
}

/// `struct winsize`.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WindowSize {
    /// Lines.
    pub rows: u16,
    /// Characters in a line.
    pub columns: u16,
    /// Width in pixels, 0 when unknown.
    pub width: u16,
    /// Height in pixels, 0 when unknown.
    pub height: u16,
}

plain!(Termios, Termios2, WindowSize);

const _: () = assert!(size_of::<Termios>() == 36 && size_of::<Termios2>() == 44);

/// Baud rate that programs are told; the speed of the console's wire is the board's affair.
pub const SPEED: u32 = 115_200;

/// The control character Ctrl-`letter`.
const fn ctrl(letter: u8) -> u8 {
    letter & 0x1f
}

impl Termios {
    /// The settings of a fresh terminal (Linux's, and `IUTF8`).
    pub const fn new() -> Self {
        let mut characters = [0; CONTROL_CHARACTERS];
        characters[VINTR as usize] = ctrl(b'C');
        characters[VQUIT as usize] = ctrl(b'\\');
        characters[VERASE as usize] = 0x7f;
        characters[VKILL as usize] = ctrl(b'U');
        characters[VEOF as usize] = ctrl(b'D');
        characters[VMIN as usize] = 1;
        characters[VTIME as usize] = 0;
        characters[VSTART as usize] = ctrl(b'Q');
        characters[VSTOP as usize] = ctrl(b'S');
        characters[VSUSP as usize] = ctrl(b'Z');
        characters[VEOL as usize] = 0;
        characters[VREPRINT as usize] = ctrl(b'R');
        characters[VDISCARD as usize] = ctrl(b'O');
        characters[VWERASE as usize] = ctrl(b'W');
        characters[VLNEXT as usize] = ctrl(b'V');
        characters[VEOL2 as usize] = 0;
        Self {
            input: ICRNL | IXON | IUTF8,
            output: OPOST | ONLCR,
            control: B115200 | CS8 | CREAD | HUPCL,
            local: ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN,
            line: 0,
            characters,
        }
    }

    /// Whether input mode `flag` is on.
    pub const fn has_input(&self, flag: u32) -> bool {
        self.input & flag != 0
    }

    /// Whether output mode `flag` is on.
    pub const fn has_output(&self, flag: u32) -> bool {
        self.output & flag != 0
    }

    /// Whether local mode `flag` is on.
    pub const fn has_local(&self, flag: u32) -> bool {
        self.local & flag != 0
    }

    /// Whether `byte` is the control character `index`. A character 0 is switched off.
    pub fn is(&self, index: u32, byte: u8) -> bool {
        byte != 0 && self.character(index) == byte
    }

    /// The control character `index` (one of `V…`).
    pub fn character(&self, index: u32) -> u8 {
        self.characters.get(index as usize).copied().unwrap_or(0)
    }
}

impl Default for Termios {
    fn default() -> Self {
        Self::new()
    }
}
