//! Line editing on a terminal: arrow keys, history, searching it, completion.
//!
//! The terminal is in raw mode only while a line is typed; its output processing stays, so a newline
//! is enough to begin a line. A character added at the end of the line
//! is echoed as it is; everything else draws the line again from where it changed, with the control
//! sequences that every terminal since the VT100 has (ECMA-48: CUF, CUU, CUD, ED).

pub mod buffer;
pub mod completion;
mod search;

use alloc::vec::Vec;

use rt::bstr::{BString, ByteSlice};
use rt::input::stdin;
use rt::rustix::io::Errno;
use rt::rustix::termios::{
    InputModes, LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcgetwinsize,
    tcsetattr,
};

use crate::shell::Shell;
use buffer::{Buffer, width};

/// What came of reading a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Typed {
    /// A line, without its end.
    Line(BString),
    /// ^C.
    Interrupt,
    /// ^D on an empty line, or the end of the input.
    End,
}

/// A key, as far as it does something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    Byte(u8),
    Up,
    Down,
    Left,
    Right,
    Home,
    End,
    Delete,
    WordLeft,
    WordRight,
    Unknown,
}

/// Reads lines from standard input and echoes them on standard error.
#[derive(Debug, Default)]
pub struct Editor {
    buffer: Buffer,
    /// Which line of the history is shown; the length of the history for a new one.
    place: usize,
    /// The new line, while another one is shown.
    draft: BString,
    /// Columns the prompt takes.
    prompt: usize,
    /// The row of the cursor below the one the prompt began in.
    row: usize,
    columns: usize,
    /// What ^K, ^U and ^W took away last.
    killed: BString,
}

/// The terminal in raw mode; dropping this brings the old mode back.
struct RawMode(Termios);

impl RawMode {
    fn begin() -> Result<Self, Errno> {
        let old = tcgetattr(stdin())?;
        let mut raw = old.clone();
        raw.local_modes -=
            LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG | LocalModes::IEXTEN;
        raw.input_modes -= InputModes::IXON;
        raw.special_codes[SpecialCodeIndex::VMIN] = 1;
        raw.special_codes[SpecialCodeIndex::VTIME] = 0;
        tcsetattr(stdin(), OptionalActions::Now, &raw)?;
        Ok(Self(old))
    }
}

impl Drop for RawMode {
    fn drop(&mut self) {
        // The mode was in force before, so it is one the terminal can have.
        let _ = tcsetattr(stdin(), OptionalActions::Now, &self.0);
    }
}

fn emit(bytes: &[u8]) -> Result<(), Errno> {
    rt::output::write_all(rt::output::stderr(), bytes)
}

fn read_byte() -> Result<Option<u8>, Errno> {
    let mut byte = [0];
    Ok((rt::input::read(stdin(), &mut byte)? > 0).then_some(byte[0]))
}

/// The control character of a letter.
const fn control(letter: u8) -> u8 {
    letter & 0x1f
}

const CTRL_A: u8 = control(b'a');
const CTRL_B: u8 = control(b'b');
const CTRL_C: u8 = control(b'c');
const CTRL_D: u8 = control(b'd');
const CTRL_E: u8 = control(b'e');
const CTRL_F: u8 = control(b'f');
const CTRL_G: u8 = control(b'g');
const BACKSPACE: u8 = control(b'h');
const TAB: u8 = b'\t';
const CTRL_K: u8 = control(b'k');
const CTRL_L: u8 = control(b'l');
const CTRL_N: u8 = control(b'n');
const CTRL_P: u8 = control(b'p');
const CTRL_R: u8 = control(b'r');
const CTRL_U: u8 = control(b'u');
const CTRL_W: u8 = control(b'w');
const CTRL_Y: u8 = control(b'y');
const ESCAPE: u8 = 0x1b;
const DELETE: u8 = 0x7f;

impl Editor {
    /// Reads a line. Without a terminal (`sh -i` on a pipe) it reads one without editing.
    pub fn read_line(&mut self, shell: &Shell, prompt: &BString) -> Result<Typed, Errno> {
        self.buffer = Buffer::default();
        self.place = shell.history.len();
        self.draft.clear();
        // Only what follows the last line break of the prompt stands in the line itself.
        self.prompt = prompt.rsplit(|&byte| byte == b'\n').next().map_or(0, width);
        self.row = 0;
        let mode = match RawMode::begin() {
            Ok(mode) => Some(mode),
            Err(Errno::NOTTY) => None,
            Err(error) => return Err(error),
        };
        self.columns = tcgetwinsize(stdin()).map_or(0, |size| usize::from(size.ws_col)).max(1);
        if self.columns < 10 {
            self.columns = 80;
        }
        // The terminal is in raw mode before the prompt appears: what is typed at once is not
        // echoed twice.
        emit(prompt)?;
        if mode.is_none() {
            return read_plain();
        }
        // The key that ended a search of the history.
        let mut left = None;
        loop {
            let key = match left.take() {
                Some(key) => Some(key),
                None => read_key()?,
            };
            let Some(key) = key else {
                emit(b"\n")?;
                return Ok(Typed::End);
            };
            match key {
                Key::Byte(b'\r' | b'\n') => {
                    self.to(self.buffer.text().len())?;
                    emit(b"\n")?;
                    return Ok(Typed::Line(self.buffer.text().into()));
                }
                Key::Byte(CTRL_C) => {
                    self.to(self.buffer.text().len())?;
                    emit(b"^C\n")?;
                    return Ok(Typed::Interrupt);
                }
                Key::Byte(CTRL_D) if self.buffer.text().is_empty() => {
                    emit(b"\n")?;
                    return Ok(Typed::End);
                }
                Key::Byte(TAB) => self.complete(shell, prompt)?,
                Key::Byte(CTRL_R) => {
                    left = self.search(shell, prompt.as_bstr())?;
                    if left.is_none() {
                        emit(b"\n")?;
                        return Ok(Typed::End);
                    }
                }
                Key::Byte(CTRL_L) => {
                    emit(b"\x1b[H\x1b[2J")?;
                    self.row = 0;
                    emit(prompt)?;
                    self.draw(0)?;
                }
                key => self.edit(shell, key)?,
            }
        }
    }

    fn edit(&mut self, shell: &Shell, key: Key) -> Result<(), Errno> {
        let cursor = self.buffer.cursor();
        let end = self.buffer.text().len();
        match key {
            Key::Left | Key::Byte(CTRL_B) => self.to(self.buffer.before(cursor)),
            Key::Right | Key::Byte(CTRL_F) => self.to(self.buffer.after(cursor)),
            Key::Home | Key::Byte(CTRL_A) => self.to(0),
            Key::End | Key::Byte(CTRL_E) => self.to(end),
            Key::WordLeft => self.to(self.buffer.word_before(cursor)),
            Key::WordRight => self.to(self.buffer.word_after(cursor)),
            Key::Byte(BACKSPACE | DELETE) => self.remove(self.buffer.before(cursor), cursor),
            Key::Delete | Key::Byte(CTRL_D) => self.remove(cursor, self.buffer.after(cursor)),
            Key::Byte(CTRL_K) => self.kill(cursor, end),
            Key::Byte(CTRL_U) => self.kill(0, cursor),
            Key::Byte(CTRL_W) => self.kill(self.buffer.space_before(cursor), cursor),
            Key::Byte(CTRL_Y) => {
                let text = self.killed.clone();
                self.insert(&text)
            }
            Key::Up | Key::Byte(CTRL_P) => self.show(shell, self.place.checked_sub(1)),
            Key::Down | Key::Byte(CTRL_N) => self.show(shell, self.place.checked_add(1)),
            Key::Byte(byte) if byte >= b' ' => self.insert(&[byte]),
            Key::Byte(_) | Key::Unknown => Ok(()),
        }
    }

    /// Adds text at the cursor.
    fn insert(&mut self, text: &[u8]) -> Result<(), Errno> {
        let cursor = self.buffer.cursor();
        let at_end = cursor == self.buffer.text().len();
        self.buffer.insert(text);
        if at_end {
            emit(text)?;
            self.row = self.row_of(self.buffer.text().len());
            return Ok(());
        }
        self.draw(cursor)
    }

    fn remove(&mut self, from: usize, to: usize) -> Result<(), Errno> {
        if from < to {
            self.to(from)?;
            self.buffer.remove(from, to);
            self.draw(from)?;
        }
        Ok(())
    }

    fn kill(&mut self, from: usize, to: usize) -> Result<(), Errno> {
        if from < to {
            self.killed = self.buffer.text().get(from..to).unwrap_or_default().into();
        }
        self.remove(from, to)
    }

    /// Shows a line of the history, or the new line after the last one.
    fn show(&mut self, shell: &Shell, place: Option<usize>) -> Result<(), Errno> {
        let Some(place) = place.filter(|place| *place <= shell.history.len()) else {
            return Ok(());
        };
        if self.place == shell.history.len() {
            self.draft = self.buffer.text().into();
        }
        self.place = place;
        let line = shell.history.get(place).unwrap_or(&self.draft).clone();
        self.to(0)?;
        self.buffer = Buffer::new(line.as_bstr());
        self.draw(0)
    }

    /// Columns from the start of the prompt's line to a place in the text.
    fn column_of(&self, place: usize) -> usize {
        self.prompt + self.buffer.text().get(..place).map_or(0, width)
    }

    /// The row in which the terminal's cursor is after everything up to `place` was written. At the
    /// right margin it stays in the row until the next character.
    fn row_of(&self, place: usize) -> usize {
        let column = self.column_of(place);
        let last = place == self.buffer.text().len() && column > 0;
        if last { (column - 1) / self.columns } else { column / self.columns }
    }

    /// Moves the cursor to a place in the text.
    fn to(&mut self, place: usize) -> Result<(), Errno> {
        if place == self.buffer.cursor() {
            return Ok(());
        }
        self.buffer.set_cursor(place);
        self.position(place)
    }

    /// Moves the terminal's cursor from where it is in the drawing to a place in the text.
    fn position(&mut self, place: usize) -> Result<(), Errno> {
        let column = self.column_of(place);
        // There is no cursor position beyond the right margin: the end of a full row is the start
        // of the next one, which the terminal has only if something is written there.
        let full =
            column.is_multiple_of(self.columns) && column > 0 && place == self.buffer.text().len();
        let (row, column) = if full {
            (column / self.columns - 1, self.columns - 1)
        } else {
            (column / self.columns, column % self.columns)
        };
        let mut output = Vec::from(b"\r".as_slice());
        if row < self.row {
            output.extend_from_slice(alloc::format!("\x1b[{}A", self.row - row).as_bytes());
        }
        if row > self.row {
            output.extend_from_slice(alloc::format!("\x1b[{}B", row - self.row).as_bytes());
        }
        if column > 0 {
            output.extend_from_slice(alloc::format!("\x1b[{column}C").as_bytes());
        }
        self.row = row;
        emit(&output)
    }

    /// Draws the text from `from`, where the terminal's cursor is, to the end; the cursor goes to
    /// its place.
    fn draw(&mut self, from: usize) -> Result<(), Errno> {
        let text = self.buffer.text();
        emit(text.get(from..).unwrap_or_default())?;
        self.row = self.row_of(text.len());
        // Where the text ends in the last column, clearing from the cursor would clear the last
        // character on some terminals.
        if !self.column_of(text.len()).is_multiple_of(self.columns) {
            emit(b"\x1b[J")?;
        }
        let cursor = self.buffer.cursor();
        if cursor < self.buffer.text().len() { self.position(cursor) } else { Ok(()) }
    }

    fn complete(&mut self, shell: &Shell, prompt: &BString) -> Result<(), Errno> {
        let before = self.buffer.text().get(..self.buffer.cursor()).unwrap_or_default();
        let completion = completion::complete(shell, before);
        if !completion.insertion.is_empty() {
            return self.insert(&completion.insertion);
        }
        if completion.candidates.len() < 2 {
            return emit(b"\x07");
        }
        let cursor = self.buffer.cursor();
        self.to(self.buffer.text().len())?;
        let mut list = Vec::from(b"\n".as_slice());
        for candidate in &completion.candidates {
            list.extend_from_slice(candidate);
            list.extend_from_slice(b"  ");
        }
        list.push(b'\n');
        emit(&list)?;
        emit(prompt)?;
        self.row = 0;
        self.buffer.set_cursor(cursor);
        self.draw(0)
    }
}

/// A line without editing; ^D and ^C mean nothing here.
fn read_plain() -> Result<Typed, Errno> {
    let mut line = BString::default();
    loop {
        match read_byte()? {
            Some(b'\n') => return Ok(Typed::Line(line)),
            Some(byte) => line.push(byte),
            None if line.is_empty() => return Ok(Typed::End),
            None => return Ok(Typed::Line(line)),
        }
    }
}

/// Reads a key: a byte, or a control sequence. `None` at the end of the input.
fn read_key() -> Result<Option<Key>, Errno> {
    let Some(byte) = read_byte()? else { return Ok(None) };
    if byte != ESCAPE {
        return Ok(Some(Key::Byte(byte)));
    }
    let key = match read_byte()? {
        Some(b'[') => control_sequence()?,
        Some(b'O') => match read_byte()? {
            Some(b'H') => Key::Home,
            Some(b'F') => Key::End,
            Some(b'A') => Key::Up,
            Some(b'B') => Key::Down,
            Some(b'C') => Key::Right,
            Some(b'D') => Key::Left,
            Some(_) => Key::Unknown,
            None => return Ok(None),
        },
        Some(b'b') => Key::WordLeft,
        Some(b'f') => Key::WordRight,
        Some(_) => Key::Unknown,
        None => return Ok(None),
    };
    Ok(Some(key))
}

/// What follows ESC and `[`: parameters and a final byte (ECMA-48, 5.4).
fn control_sequence() -> Result<Key, Errno> {
    let mut parameters = Vec::new();
    let last = loop {
        match read_byte()? {
            Some(byte @ 0x20..=0x3f) if parameters.len() < 16 => parameters.push(byte),
            Some(byte) => break byte,
            None => return Ok(Key::Unknown),
        }
    };
    let with_control = parameters.ends_with(b";5");
    Ok(match (last, parameters.as_slice()) {
        (b'A', _) => Key::Up,
        (b'B', _) => Key::Down,
        (b'C', _) if with_control => Key::WordRight,
        (b'D', _) if with_control => Key::WordLeft,
        (b'C', _) => Key::Right,
        (b'D', _) => Key::Left,
        (b'H', _) | (b'~', b"1" | b"7") => Key::Home,
        (b'F', _) | (b'~', b"4" | b"8") => Key::End,
        (b'~', b"3") => Key::Delete,
        _ => Key::Unknown,
    })
}
