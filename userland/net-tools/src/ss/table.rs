//! The columns: each as wide as what it holds, addresses set to the right before their ports.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;

use super::options::Options;
use super::row::Row;

/// The headings of the cells of a [`Row`].
const HEADINGS: [&str; 8] =
    ["Netid", "State", "Recv-Q", "Send-Q", "Local Address", "Port", "Peer Address", "Port"];
/// What stands between a cell and the one before it.
const BEFORE: [&str; 8] = ["", " ", " ", " ", " ", ":", " ", ":"];
/// The cells that are addresses.
const RIGHT: [usize; 2] = [4, 6];

/// Rows to be shown.
#[derive(Debug)]
pub struct Table {
    /// Whether a column is shown.
    shown: [bool; 8],
    heading: bool,
    rows: Vec<Row>,
}

impl Table {
    /// No rows yet. A column that says the same everywhere is left out: the protocol when one was
    /// asked for, the state when there can be but one.
    #[must_use]
    pub fn new(options: &Options) -> Self {
        let mut shown = [true; 8];
        shown[0] = options.chosen.len() != 1;
        shown[1] = !options.states.is_single();
        Self { shown, heading: options.heading, rows: Vec::new() }
    }

    /// Adds a row.
    pub fn add(&mut self, row: Row) {
        self.rows.push(row);
    }

    fn width(&self, column: usize) -> usize {
        let heading = HEADINGS.get(column).filter(|_| self.heading).map_or(0, |text| text.len());
        let cell = |row: &Row| row.cells.get(column).map_or(0, String::len);
        self.rows.iter().map(cell).max().unwrap_or(0).max(heading)
    }

    /// The lines.
    #[must_use]
    pub fn render(&self) -> String {
        let widths: [usize; 8] = core::array::from_fn(|column| self.width(column));
        let line = |out: &mut String, cells: &[&str; 8]| {
            let mut first = true;
            for (column, cell) in cells.iter().enumerate() {
                if !self.shown.get(column).copied().unwrap_or(false) {
                    continue;
                }
                if !first {
                    out.push_str(BEFORE.get(column).copied().unwrap_or_default());
                }
                first = false;
                let width = widths.get(column).copied().unwrap_or(0);
                let _ = if RIGHT.contains(&column) {
                    write!(out, "{cell:>width$}")
                } else {
                    write!(out, "{cell:<width$}")
                };
            }
        };
        let mut out = String::new();
        if self.heading {
            line(&mut out, &HEADINGS);
            out.push_str("Process\n");
        }
        for row in &self.rows {
            let mut text = String::new();
            line(
                &mut text,
                &core::array::from_fn(|at| row.cells.get(at).map_or("", String::as_str)),
            );
            text.push_str(&row.notes);
            out.push_str(text.trim_end());
            out.push('\n');
            if !row.below.is_empty() {
                let _ = writeln!(out, "\t{}", row.below);
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::{Row, Table};

    fn row(cells: [&str; 8]) -> Row {
        Row { cells: cells.map(Into::into), ..Row::default() }
    }

    #[test]
    fn as_iproute2_sets_it() {
        let mut table = Table {
            shown: [false, true, true, true, true, true, true, true],
            heading: true,
            rows: alloc::vec![
                row(["tcp", "LISTEN", "0", "4096", "*", "5077", "*", "*"]),
                row(["tcp", "ESTAB", "28", "2818120", "[::1]", "37712", "[::1]", "5077"]),
            ],
        };
        table.add(Row {
            notes: " timer:(on,004ms,0)".into(),
            below: " cubic".into(),
            ..row(["tcp", "ESTAB", "1246984", "0", "[::1]", "5077", "[::1]", "37712"])
        });
        assert_eq!(
            table.render(),
            "State  Recv-Q  Send-Q  Local Address:Port  Peer Address:Port Process\n\
             LISTEN 0       4096                *:5077             *:*\n\
             ESTAB  28      2818120         [::1]:37712        [::1]:5077\n\
             ESTAB  1246984 0               [::1]:5077         [::1]:37712 timer:(on,004ms,0)\n\
             \t cubic\n"
        );
        table.heading = false;
        assert!(table.render().starts_with("LISTEN 0       4096        *:5077"));
    }
}
