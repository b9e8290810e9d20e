//! How much `ip` prints, and in which form.

use super::arguments::Family;

/// The options before the object that change what is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Style {
    /// The family asked for.
    pub family: Family,
    /// How often `-s` was given.
    pub statistics: u8,
    /// `-d`.
    pub details: bool,
    /// `-o`: a record a line.
    pub one_line: bool,
    /// `-br`.
    pub brief: bool,
}

impl Style {
    /// What stands between the lines of a record.
    #[must_use]
    pub const fn newline(&self) -> &'static str {
        if self.one_line { "\\" } else { "\n" }
    }
}
