//! The text of a line and the cursor in it.

use rt::bstr::{BStr, BString};

/// A line being edited. The cursor is a byte offset, never inside a character of UTF-8.
#[derive(Clone, Debug, Default)]
pub struct Buffer {
    text: BString,
    cursor: usize,
}

/// Whether a byte continues a character of UTF-8.
fn continues(byte: u8) -> bool {
    byte & 0xc0 == 0x80
}

/// The columns a text takes on the terminal: one a character, none for the sequences that set
/// colors.
#[must_use]
pub fn width(text: &[u8]) -> usize {
    let mut columns = 0;
    let mut bytes = text.iter().copied();
    while let Some(byte) = bytes.next() {
        match byte {
            0x1b => {
                // ESC, `[`, parameters, and a final byte from `@` on.
                if bytes.next() == Some(b'[') {
                    while bytes.next().is_some_and(|byte| byte < b'@') {}
                }
            }
            byte if byte < b' ' || continues(byte) => {}
            _ => columns += 1,
        }
    }
    columns
}

impl Buffer {
    /// A line with the cursor at its end.
    #[must_use]
    pub fn new(text: &BStr) -> Self {
        Self { text: text.into(), cursor: text.len() }
    }

    /// The text.
    #[must_use]
    pub fn text(&self) -> &BStr {
        self.text.as_ref()
    }

    /// Where the cursor is.
    #[must_use]
    pub fn cursor(&self) -> usize {
        self.cursor
    }

    /// Moves the cursor; beyond the end means the end.
    pub fn set_cursor(&mut self, place: usize) {
        self.cursor = place.min(self.text.len());
    }

    /// Puts text in at the cursor, which goes behind it.
    pub fn insert(&mut self, text: &[u8]) {
        self.text.splice(self.cursor..self.cursor, text.iter().copied());
        self.cursor += text.len();
    }

    /// Takes out what is between two places; the cursor goes there.
    pub fn remove(&mut self, from: usize, to: usize) {
        let to = to.min(self.text.len());
        if from < to {
            self.text.drain(from..to);
            self.cursor = from;
        }
    }

    fn at(&self, place: usize) -> Option<u8> {
        self.text.get(place).copied()
    }

    /// The start of the character before a place.
    #[must_use]
    pub fn before(&self, place: usize) -> usize {
        let mut place = place.saturating_sub(1);
        while place > 0 && self.at(place).is_some_and(continues) {
            place -= 1;
        }
        place
    }

    /// The end of the character after a place.
    #[must_use]
    pub fn after(&self, place: usize) -> usize {
        let mut place = (place + 1).min(self.text.len());
        while self.at(place).is_some_and(continues) {
            place += 1;
        }
        place
    }

    fn back_to(&self, mut place: usize, inside: impl Fn(u8) -> bool) -> usize {
        let previous = |place: usize| place.checked_sub(1).and_then(|place| self.at(place));
        while previous(place).is_some_and(|byte| !inside(byte)) {
            place -= 1;
        }
        while previous(place).is_some_and(&inside) {
            place -= 1;
        }
        place
    }

    /// The start of the word before a place; a word is letters and digits.
    #[must_use]
    pub fn word_before(&self, place: usize) -> usize {
        self.back_to(place, |byte| byte.is_ascii_alphanumeric() || byte >= 0x80)
    }

    /// The start of what stands before a place without a space in it.
    #[must_use]
    pub fn space_before(&self, place: usize) -> usize {
        self.back_to(place, |byte| byte != b' ')
    }

    /// The end of the word after a place.
    #[must_use]
    pub fn word_after(&self, mut place: usize) -> usize {
        let inside = |byte: u8| byte.is_ascii_alphanumeric() || byte >= 0x80;
        while self.at(place).is_some_and(|byte| !inside(byte)) {
            place += 1;
        }
        while self.at(place).is_some_and(inside) {
            place += 1;
        }
        place
    }
}

#[cfg(test)]
mod tests {
    use rt::bstr::BStr;

    use super::{Buffer, width};

    #[test]
    fn characters_are_whole() {
        let mut buffer = Buffer::new(BStr::new("aüb"));
        assert_eq!(buffer.before(buffer.cursor()), 3);
        assert_eq!(buffer.before(3), 1);
        assert_eq!(buffer.after(1), 3);
        assert_eq!((buffer.before(0), buffer.after(4)), (0, 4));
        buffer.remove(1, 3);
        assert_eq!((buffer.text(), buffer.cursor()), (BStr::new("ab"), 1));
        buffer.insert("é".as_bytes());
        assert_eq!((buffer.text(), buffer.cursor()), (BStr::new("aéb"), 3));
    }

    #[test]
    fn words() {
        let buffer = Buffer::new(BStr::new("cat /usr/lib  x"));
        assert_eq!(buffer.word_before(12), 9);
        assert_eq!(buffer.space_before(13), 4);
        assert_eq!(buffer.word_after(3), 8);
        assert_eq!((buffer.word_before(0), buffer.word_after(15)), (0, 15));
    }

    #[test]
    fn columns() {
        assert_eq!(width("aüb".as_bytes()), 3);
        assert_eq!(width(b"\x1b[1;32m$\x1b[0m "), 2);
    }
}
