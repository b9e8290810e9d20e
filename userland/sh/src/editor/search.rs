//! ^R: looking for a line of the history, backwards, while one types what is in it.

use alloc::vec::Vec;

use rt::bstr::{BStr, BString, ByteSlice};
use rt::rustix::io::Errno;

use super::buffer::{Buffer, width};
use super::{BACKSPACE, CTRL_C, CTRL_G, CTRL_R, DELETE, Editor, Key, emit, read_key};
use crate::shell::Shell;

/// The last line before `place` that has `wanted` in it.
fn find(history: &[BString], wanted: &[u8], place: usize) -> Option<usize> {
    let before = history.get(..place).unwrap_or(history);
    before.iter().rposition(|line| line.contains_str(wanted))
}

impl Editor {
    /// Searches until a key ends it, and returns that key, which is still to be obeyed; `None` at
    /// the end of the input. ^C and ^G give the line back that was there before.
    pub(super) fn search(&mut self, shell: &Shell, prompt: &BStr) -> Result<Option<Key>, Errno> {
        let before = (self.buffer.clone(), self.place);
        if self.place == shell.history.len() {
            self.draft = self.buffer.text().into();
        }
        let mut wanted = Vec::new();
        let end = loop {
            self.draw_search(wanted.as_bstr())?;
            let Some(key) = read_key()? else { break None };
            // What was found last still counts while more is typed; ^R goes on before it.
            let limit = match key {
                Key::Byte(CTRL_R) => self.place,
                Key::Byte(BACKSPACE | DELETE) => {
                    wanted.pop();
                    shell.history.len()
                }
                Key::Byte(CTRL_C | CTRL_G) => {
                    (self.buffer, self.place) = before;
                    break Some(Key::Unknown);
                }
                Key::Byte(byte) if byte >= b' ' => {
                    wanted.push(byte);
                    self.place.saturating_add(1)
                }
                key => break Some(key),
            };
            match find(&shell.history, &wanted, limit) {
                Some(place) if !wanted.is_empty() => {
                    self.place = place;
                    let line =
                        shell.history.get(place).map_or(BStr::new(""), |line| line.as_bstr());
                    self.buffer = Buffer::new(line);
                }
                _ => emit(b"\x07")?,
            }
        };
        self.clear()?;
        let last_line = prompt.rsplit(|&byte| byte == b'\n').next().unwrap_or_default();
        emit(last_line)?;
        self.draw(0)?;
        Ok(end)
    }

    /// Moves to where the prompt's line begins, and clears what follows.
    fn clear(&mut self) -> Result<(), Errno> {
        let mut output = Vec::from(b"\r".as_slice());
        if self.row > 0 {
            output.extend_from_slice(alloc::format!("\x1b[{}A", self.row).as_bytes());
        }
        output.extend_from_slice(b"\x1b[J");
        self.row = 0;
        emit(&output)
    }

    fn draw_search(&mut self, wanted: &BStr) -> Result<(), Errno> {
        self.clear()?;
        let mut line = Vec::from(b"(reverse-i-search)`".as_slice());
        line.extend_from_slice(wanted);
        line.extend_from_slice(b"': ");
        line.extend_from_slice(self.buffer.text());
        self.row = width(&line).saturating_sub(1) / self.columns;
        emit(&line)
    }
}

#[cfg(test)]
mod tests {
    use super::find;
    use rt::bstr::BString;

    #[test]
    fn the_last_line_before_is_found() {
        let history = ["ip addr", "ping6 ::1", "ip route", "ls"].map(BString::from);
        assert_eq!(find(&history, b"ip", 4), Some(2));
        assert_eq!(find(&history, b"ip", 2), Some(0));
        assert_eq!(find(&history, b"ip", 0), None);
        assert_eq!(find(&history, b"ping", 99), Some(1), "the new line is behind all");
        assert_eq!(find(&history, b"nosuch", 4), None);
    }
}
