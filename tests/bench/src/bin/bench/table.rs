//! Tables of results, printed as Markdown.

use std::fmt;

/// A table: what the rows are, the columns, and the rows with a cell for each column.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Table {
    pub(crate) title: &'static str,
    pub(crate) rows_are: &'static str,
    pub(crate) columns: Vec<String>,
    pub(crate) rows: Vec<(String, Vec<Cell>)>,
}

/// A cell.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Cell {
    /// A number.
    Number(f64),
    /// The median and the 95th percentile.
    Spread(f64, f64),
    /// Nobody knows.
    Unknown,
}

impl Table {
    /// The same for programs: an array of rows, each with its name and its columns by name.
    pub(crate) fn json(&self) -> String {
        let cell = |cell: &Cell| match *cell {
            Cell::Number(number) => format!("{number}"),
            Cell::Spread(median, high) => format!("[{median}, {high}]"),
            Cell::Unknown => "null".into(),
        };
        let rows = self.rows.iter().map(|(label, cells)| {
            let mut fields = vec![format!("{:?}: {label:?}", self.rows_are)];
            let cells = self.columns.iter().zip(cells);
            fields.extend(cells.map(|(column, content)| format!("{column:?}: {}", cell(content))));
            format!("    {{{}}}", fields.join(", "))
        });
        let rows = rows.collect::<Vec<_>>().join(",\n");
        format!("{{\n  \"title\": {:?},\n  \"rows\": [\n{rows}\n  ]\n}}\n", self.title)
    }
}

/// A number with three digits that count.
struct Digits(f64);

impl fmt::Display for Digits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.0;
        let decimals = match number.abs() {
            size if size >= 100.0 => 0,
            size if size >= 10.0 => 1,
            _ => 2,
        };
        write!(f, "{number:.decimals$}")
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Number(number) => Digits(number).fmt(f),
            Self::Spread(median, high) => write!(f, "{} / {}", Digits(median), Digits(high)),
            Self::Unknown => f.write_str("–"),
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines = vec![vec![self.rows_are.to_owned()]];
        lines[0].extend(self.columns.iter().cloned());
        for (label, cells) in &self.rows {
            let mut line = vec![label.clone()];
            line.extend(cells.iter().map(ToString::to_string));
            lines.push(line);
        }
        let width = |column: usize| {
            lines.iter().filter_map(|line| line.get(column)).map(|text| text.chars().count()).max()
        };
        let widths: Vec<_> = (0..=self.columns.len()).map(|at| width(at).unwrap_or(0)).collect();
        writeln!(f, "{}\n", self.title)?;
        for (number, line) in lines.iter().enumerate() {
            for (column, text) in line.iter().enumerate() {
                let width = widths[column];
                if column == 0 {
                    write!(f, "| {text:width$} ")?;
                } else {
                    write!(f, "| {text:>width$} ")?;
                }
            }
            writeln!(f, "|")?;
            if number == 0 {
                for (column, width) in widths.iter().enumerate() {
                    let colon = if column == 0 { '-' } else { ':' };
                    write!(f, "|{}{colon}", "-".repeat(width + 1))?;
                }
                writeln!(f, "|")?;
            }
        }
        Ok(())
    }
}
