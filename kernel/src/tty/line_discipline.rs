//! The line discipline: what happens between the wire of a terminal and the programs that read it.
//! See termios(3); behaves like Linux's `N_TTY`.
//!
//! Pure: bytes go in, echo and signals come out, and it never waits. Not here: who gets the
//! signals, the requests of ioctl(2) (`terminal`).

use super::termios::Termios;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use linux_raw_sys::general::{
    ECHO, ECHOCTL, ECHOE, ECHOK, ECHOKE, ECHONL, ICANON, ICRNL, IEXTEN, IGNCR, IMAXBEL, INLCR,
    ISIG, ISTRIP, IUTF8, IXANY, IXON, NOFLSH, OCRNL, ONLCR, ONLRET, ONOCR, OPOST, VEOF, VEOL,
    VEOL2, VERASE, VINTR, VKILL, VLNEXT, VMIN, VQUIT, VREPRINT, VSTART, VSTOP, VSUSP, VTIME,
    VWERASE,
};

/// Bytes that wait for a reader, the line being edited included. Further ones are dropped.
pub const CAPACITY: usize = 4096;
const BELL: u8 = 7;
const TAB_STOP: usize = 8;

/// A signal that a key asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KeySignal {
    /// `VINTR`, usually ^C.
    Interrupt,
    /// `VQUIT`, usually ^\.
    Quit,
    /// `VSUSP`, usually ^Z.
    Suspend,
}

/// What reading finds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Available {
    /// So many bytes; 0 is the end of input.
    Bytes(usize),
    /// Nothing yet.
    Nothing,
}

/// State of one terminal's input and output.
pub struct LineDiscipline {
    termios: Termios,
    /// The line being edited.
    line: Vec<u8>,
    /// What programs can read.
    ready: VecDeque<u8>,
    /// In canonical mode: how many bytes of `ready` each finished line has. 0 is an end of file.
    lines: VecDeque<usize>,
    /// Column of the cursor, for erasing tabs.
    column: usize,
    /// Column at which the line being edited began.
    line_column: usize,
    /// ^V was typed: the next byte means itself.
    literal_next: bool,
    /// ^S was typed: output waits.
    stopped: bool,
    /// Count of bytes that came when there was no room.
    dropped: u64,
}

impl LineDiscipline {
    /// A terminal with the usual settings.
    pub const fn new() -> Self {
        Self {
            termios: Termios::new(),
            line: Vec::new(),
            ready: VecDeque::new(),
            lines: VecDeque::new(),
            column: 0,
            line_column: 0,
            literal_next: false,
            stopped: false,
            dropped: 0,
        }
    }

    /// The settings.
    pub fn termios(&self) -> &Termios {
        &self.termios
    }

    /// Whether ^S holds the output back.
    pub fn is_stopped(&self) -> bool {
        self.stopped
    }

    /// Starts or stops output (`TCXONC`).
    pub fn set_stopped(&mut self, stopped: bool) {
        self.stopped = stopped;
    }

    /// Count of bytes dropped for lack of room.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    fn canonical(&self) -> bool {
        self.termios.has_local(ICANON)
    }

    /// Changes the settings. What has been typed stays readable when the mode changes.
    pub fn set_termios(&mut self, termios: Termios) {
        let was_canonical = self.canonical();
        self.termios = termios;
        match (was_canonical, self.canonical()) {
            (true, false) => {
                self.ready.extend(self.line.drain(..));
                self.lines.clear();
            }
            (false, true) if !self.ready.is_empty() => self.lines.push_back(self.ready.len()),
            _ => {}
        }
        if !self.termios.has_input(IXON) {
            self.stopped = false;
        }
        self.literal_next = false;
    }

    /// Forgets all input that nobody has read.
    pub fn flush_input(&mut self) {
        self.line.clear();
        self.ready.clear();
        self.lines.clear();
    }

    /// Takes one byte from the wire. What is to be shown goes to `echo`, already processed for
    /// output.
    pub fn input(&mut self, byte: u8, echo: &mut Vec<u8>) -> Option<KeySignal> {
        let mut byte = if self.termios.has_input(ISTRIP) { byte & 0x7f } else { byte };
        if self.literal_next {
            self.literal_next = false;
            self.accept(byte, echo);
            return None;
        }
        if self.termios.has_input(IXON) {
            if self.termios.is(VSTART, byte) {
                self.stopped = false;
                return None;
            }
            if self.termios.is(VSTOP, byte) {
                self.stopped = true;
                return None;
            }
            if self.stopped && self.termios.has_input(IXANY) {
                self.stopped = false;
            }
        }
        if self.termios.has_local(ISIG)
            && let Some(signal) = self.signal_of(byte)
        {
            if !self.termios.has_local(NOFLSH) {
                self.flush_input();
            }
            self.stopped = false;
            self.echo_visibly(byte, echo);
            return Some(signal);
        }
        byte = match byte {
            b'\r' if self.termios.has_input(IGNCR) => return None,
            b'\r' if self.termios.has_input(ICRNL) => b'\n',
            b'\n' if self.termios.has_input(INLCR) => b'\r',
            byte => byte,
        };
        if self.canonical() {
            self.edit(byte, echo);
        } else {
            self.accept(byte, echo);
        }
        None
    }

    fn signal_of(&self, byte: u8) -> Option<KeySignal> {
        [(VINTR, KeySignal::Interrupt), (VQUIT, KeySignal::Quit), (VSUSP, KeySignal::Suspend)]
            .into_iter()
            .find_map(|(index, signal)| self.termios.is(index, byte).then_some(signal))
    }

    /// A byte in canonical mode: editing keys, ends of lines, or part of the line.
    fn edit(&mut self, byte: u8, echo: &mut Vec<u8>) {
        let termios = self.termios;
        let extended = termios.has_local(IEXTEN);
        if termios.is(VERASE, byte) {
            self.erase_character(echo);
        } else if extended && termios.is(VWERASE, byte) {
            self.erase_word(echo);
        } else if termios.is(VKILL, byte) {
            self.erase_line(byte, echo);
        } else if extended && termios.is(VLNEXT, byte) {
            self.literal_next = true;
            if termios.has_local(ECHO) && termios.has_local(ECHOCTL) {
                echo.extend_from_slice(b"^\x08");
            }
        } else if extended && termios.is(VREPRINT, byte) && termios.has_local(ECHO) {
            self.echo_visibly(byte, echo);
            self.output_byte(b'\n', echo);
            self.line_column = self.column;
            for byte in self.line.clone() {
                self.echo_visibly(byte, echo);
            }
        } else if termios.is(VEOF, byte) {
            self.finish_line();
        } else if byte == b'\n' {
            if self.line.len() + self.ready.len() < CAPACITY {
                if termios.has_local(ECHO) || termios.has_local(ECHONL) {
                    self.output_byte(b'\n', echo);
                }
                self.line.push(b'\n');
                self.finish_line();
            } else {
                self.no_room(echo);
            }
        } else if termios.is(VEOL, byte) || (extended && termios.is(VEOL2, byte)) {
            self.accept(byte, echo);
            self.finish_line();
        } else {
            self.accept(byte, echo);
        }
    }

    fn finish_line(&mut self) {
        // Ends of input take no room in `ready`, but someone may lean on ^D.
        if self.lines.len() >= CAPACITY {
            self.dropped += 1;
            return;
        }
        self.lines.push_back(self.line.len());
        self.ready.extend(self.line.drain(..));
    }

    fn no_room(&mut self, echo: &mut Vec<u8>) {
        self.dropped += 1;
        if self.termios.has_input(IMAXBEL) {
            echo.push(BELL);
        }
    }

    /// Keeps a byte that has no special meaning.
    fn accept(&mut self, byte: u8, echo: &mut Vec<u8>) {
        // In canonical mode one place is kept for the newline that ends the line.
        let room = if self.canonical() { CAPACITY - 1 } else { CAPACITY };
        if self.line.len() + self.ready.len() >= room {
            self.no_room(echo);
            return;
        }
        if self.line.is_empty() {
            self.line_column = self.column;
        }
        self.echo_visibly(byte, echo);
        if self.canonical() {
            self.line.push(byte);
        } else {
            self.ready.push_back(byte);
        }
    }

    /// Whether `byte` is shown as `^X`.
    fn shown_with_caret(&self, byte: u8) -> bool {
        self.termios.has_local(ECHOCTL) && byte.is_ascii_control() && byte != b'\t' && byte != b'\n'
    }

    fn echo_visibly(&mut self, byte: u8, echo: &mut Vec<u8>) {
        if !self.termios.has_local(ECHO) {
            return;
        }
        if self.shown_with_caret(byte) {
            self.output_byte(b'^', echo);
            self.output_byte(byte ^ 0x40, echo);
        } else {
            self.output_byte(byte, echo);
        }
    }

    fn is_continuation(&self, byte: u8) -> bool {
        self.termios.has_input(IUTF8) && byte & 0xc0 == 0x80
    }

    /// Removes the last character of the line; a UTF-8 character has several bytes.
    fn pop_character(&mut self) -> Option<u8> {
        loop {
            let byte = self.line.pop()?;
            if !self.is_continuation(byte) || self.line.is_empty() {
                return Some(byte);
            }
        }
    }

    /// Columns that the line takes on the screen from where it began.
    fn line_width(&self) -> usize {
        let end = self.line.iter().fold(self.line_column, |column, &byte| match byte {
            b'\t' => (column / TAB_STOP + 1) * TAB_STOP,
            byte if self.shown_with_caret(byte) => column + 2,
            byte if byte.is_ascii_control() || self.is_continuation(byte) => column,
            _ => column + 1,
        });
        end - self.line_column
    }

    fn erase_character(&mut self, echo: &mut Vec<u8>) {
        let before = self.line_width();
        let erase = self.termios.character(VERASE);
        let Some(byte) = self.pop_character() else { return };
        if !self.termios.has_local(ECHO) {
            return;
        }
        if !self.termios.has_local(ECHOE) {
            self.echo_visibly(erase, echo);
            return;
        }
        let width = before - self.line_width();
        for _ in 0..width {
            // A tab left nothing to wipe out: the cursor only goes back.
            echo.extend_from_slice(if byte == b'\t' { b"\x08" } else { b"\x08 \x08" });
        }
        self.column = self.column.saturating_sub(width);
    }

    fn erase_word(&mut self, echo: &mut Vec<u8>) {
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80;
        let mut in_word = false;
        while let Some(&last) = self.line.last() {
            if in_word && !is_word(last) {
                break;
            }
            in_word |= is_word(last);
            self.erase_character(echo);
        }
    }

    fn erase_line(&mut self, kill: u8, echo: &mut Vec<u8>) {
        if self.termios.has_local(ECHOKE) && self.termios.has_local(ECHOE) {
            while !self.line.is_empty() {
                self.erase_character(echo);
            }
            return;
        }
        self.line.clear();
        self.echo_visibly(kill, echo);
        if self.termios.has_local(ECHOK) && self.termios.has_local(ECHO) {
            self.output_byte(b'\n', echo);
        }
    }

    /// Processes a byte that a program writes (or that is echoed) for the wire.
    pub fn output_byte(&mut self, byte: u8, wire: &mut Vec<u8>) {
        if !self.termios.has_output(OPOST) {
            wire.push(byte);
            return;
        }
        match byte {
            b'\n' => {
                if self.termios.has_output(ONLCR) {
                    wire.push(b'\r');
                }
                if self.termios.has_output(ONLCR) || self.termios.has_output(ONLRET) {
                    self.column = 0;
                }
                wire.push(b'\n');
            }
            b'\r' if self.termios.has_output(ONOCR) && self.column == 0 => {}
            b'\r' if self.termios.has_output(OCRNL) => {
                if self.termios.has_output(ONLRET) {
                    self.column = 0;
                }
                wire.push(b'\n');
            }
            b'\r' => {
                self.column = 0;
                wire.push(b'\r');
            }
            b'\t' => {
                self.column = (self.column / TAB_STOP + 1) * TAB_STOP;
                wire.push(b'\t');
            }
            8 => {
                self.column = self.column.saturating_sub(1);
                wire.push(8);
            }
            byte => {
                let printable = !byte.is_ascii_control() && !self.is_continuation(byte);
                self.column += usize::from(printable);
                wire.push(byte);
            }
        }
    }

    /// What a read of up to `room` bytes would find.
    pub fn available(&self, room: usize) -> Available {
        if self.canonical() {
            return self
                .lines
                .front()
                .map_or(Available::Nothing, |&length| Available::Bytes(length.min(room)));
        }
        let count = self.ready.len().min(room);
        let minimum = usize::from(self.termios.character(VMIN));
        let (at_once, no_timer) = (minimum == 0, self.termios.character(VTIME) == 0);
        // With a timer, the time between bytes is not measured: what is there is given.
        let wanted = if no_timer { minimum.min(room) } else { 1.min(room) };
        if count >= wanted.max(1) || (at_once && no_timer) || room == 0 {
            Available::Bytes(count)
        } else {
            Available::Nothing
        }
    }

    /// Tenths of a second that a read waits for its first byte before it gives up, if it does.
    pub fn read_timeout(&self) -> Option<u8> {
        let (minimum, time) = (self.termios.character(VMIN), self.termios.character(VTIME));
        (!self.canonical() && minimum == 0 && time != 0).then_some(time)
    }

    /// Whether poll(2) says that there is something to read: unlike a read it finds nothing in an
    /// empty terminal even when `VMIN` is 0.
    pub fn is_readable(&self) -> bool {
        if self.canonical() {
            return !self.lines.is_empty();
        }
        let minimum = usize::from(self.termios.character(VMIN));
        let enough = if self.termios.character(VTIME) == 0 { minimum.max(1) } else { 1 };
        self.ready.len() >= enough
    }

    /// Bytes for `FIONREAD`.
    pub fn readable_bytes(&self) -> usize {
        if self.canonical() && self.lines.is_empty() { 0 } else { self.ready.len() }
    }

    /// Takes up to `room` bytes out, in canonical mode not past the end of a line.
    pub fn read(&mut self, room: usize) -> Option<Vec<u8>> {
        let Available::Bytes(count) = self.available(room) else { return None };
        let bytes = self.ready.drain(..count.min(self.ready.len())).collect();
        if self.canonical()
            && let Some(length) = self.lines.front_mut()
        {
            *length -= count;
            if *length == 0 {
                self.lines.pop_front();
            }
        }
        Some(bytes)
    }
}

impl Default for LineDiscipline {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
#[path = "line_discipline_tests.rs"]
mod tests;
