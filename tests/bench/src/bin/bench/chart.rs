//! Bar charts as SVG, readable on light and dark pages: they bring their own background.

use crate::table::{Cell, Table};
use std::fmt::Write;

/// Colors that color-blind people tell apart (Okabe and Ito), by what a column's name begins with.
const COLORS: [(&str, &str); 8] = [
    ("ours, reno", "#56b4e9"),
    ("ours, bbr", "#009e73"),
    ("ours", "#0072b2"),
    ("smoltcp", "#e69f00"),
    ("lwIP", "#cc79a7"),
    ("Linux, bbr", "#8c959f"),
    ("Linux", "#424a53"),
    ("", "#0072b2"),
];
const FONT: &str = "font-family=\"system-ui,sans-serif\"";
const INK: &str = "#1f2328";
const GRAY: &str = "#59636e";
const WIDTH: f64 = 860.0;
const LABELS: f64 = 270.0;
const MARGIN: f64 = 24.0;
/// Room for the value behind the longest bar.
const VALUES: f64 = 130.0;
const BAR: f64 = 14.0;

fn color(column: &str) -> &'static str {
    let found = COLORS.iter().find(|(prefix, _)| column.starts_with(prefix));
    found.map_or(INK, |(_, color)| color)
}

fn value(cell: &Cell) -> Option<f64> {
    match *cell {
        Cell::Number(number) | Cell::Spread(number, _) => Some(number),
        Cell::Unknown => None,
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

struct Svg(String);

impl Svg {
    fn new(height: f64, title: &str) -> Self {
        let mut svg = Self(format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
             width=\"{WIDTH}\" height=\"{height}\" role=\"img\" aria-label=\"{}\">\n",
            escaped(title)
        ));
        svg.line(format_args!(
            "<rect x=\"0.5\" y=\"0.5\" width=\"{}\" height=\"{}\" rx=\"8\" fill=\"#ffffff\" \
             stroke=\"#d1d9e0\"/>",
            WIDTH - 1.0,
            height - 1.0
        ));
        svg.text((MARGIN, 34.0), ("start", 17, INK), title);
        svg
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        let _never_fails = writeln!(self.0, "{line}");
    }

    fn text(&mut self, (x, y): (f64, f64), (anchor, size, ink): (&str, u32, &str), text: &str) {
        let text = escaped(text);
        self.line(format_args!(
            "<text x=\"{x:.1}\" y=\"{y:.1}\" {FONT} font-size=\"{size}\" fill=\"{ink}\" \
             text-anchor=\"{anchor}\">{text}</text>"
        ));
    }

    fn bar(&mut self, (x, y): (f64, f64), (width, height): (f64, f64), color: &str) {
        self.line(format_args!(
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" rx=\"2\" \
             fill=\"{color}\"/>"
        ));
    }

    fn upright(&mut self, x: f64, (top, bottom): (f64, f64), color: &str) {
        self.line(format_args!(
            "<line x1=\"{x:.1}\" y1=\"{top:.1}\" x2=\"{x:.1}\" y2=\"{bottom:.1}\" \
             stroke=\"{color}\"/>"
        ));
    }

    fn finish(mut self) -> String {
        self.0.push_str("</svg>\n");
        self.0
    }
}

fn count(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}

/// A group of bars for each row, a bar for each column.
pub(crate) fn bars(table: &Table) -> String {
    let columns = count(table.columns.len());
    let group = columns * BAR + 14.0;
    let top = 84.0;
    let height = top + count(table.rows.len()) * group + 16.0;
    let most = table.rows.iter().flat_map(|(_, cells)| cells).filter_map(value);
    let scale = (WIDTH - LABELS - MARGIN - VALUES) / most.fold(f64::MIN_POSITIVE, f64::max);
    let mut svg = Svg::new(height, table.title);
    let mut x = MARGIN;
    for column in &table.columns {
        svg.bar((x, 50.0), (12.0, 12.0), color(column));
        svg.text((x + 18.0, 61.0), ("start", 13, INK), column);
        x += 42.0 + 7.2 * count(column.chars().count());
    }
    for (number, (label, cells)) in table.rows.iter().enumerate() {
        let y = top + count(number) * group;
        svg.text((LABELS - 10.0, y + columns * BAR / 2.0 + 4.0), ("end", 13, INK), label);
        for (number, (column, cell)) in table.columns.iter().zip(cells).enumerate() {
            let y = y + count(number) * BAR;
            let Some(value) = value(cell) else { continue };
            svg.bar((LABELS, y), (value * scale, BAR - 2.0), color(column));
            let end = LABELS + value * scale + 5.0;
            svg.text((end, y + BAR - 4.0), ("start", 11, GRAY), &cell.to_string());
        }
    }
    svg.upright(LABELS, (top - 6.0, height - 14.0), GRAY);
    svg.finish()
}

/// One bar for each row: the last column, which is the ratio of the first two. What is more than
/// two is cut there.
pub(crate) fn ratios(table: &Table) -> String {
    const MOST: f64 = 2.0;
    let step = BAR + 12.0;
    let top = 84.0;
    let height = top + count(table.rows.len()) * step + 16.0;
    let scale = (WIDTH - LABELS - MARGIN - VALUES - 40.0) / MOST;
    let mut svg = Svg::new(height, table.title);
    let legend = "ours divided by smoltcp's; the line is smoltcp, and less is better";
    svg.text((MARGIN, 58.0), ("start", 13, GRAY), legend);
    for (number, (label, cells)) in table.rows.iter().enumerate() {
        let y = top + count(number) * step;
        let [ours, theirs, ratio] = cells.as_slice() else { continue };
        let Some(length) = value(ratio) else { continue };
        svg.text((LABELS - 10.0, y + BAR - 3.0), ("end", 12, INK), label);
        let width = length.min(MOST) * scale;
        let color = if length <= 1.0 { "#0072b2" } else { "#d55e00" };
        svg.bar((LABELS, y), (width, BAR), color);
        let text = format!("{length:.2}  ({ours} : {theirs})");
        let end = LABELS + width.max(scale) + 8.0;
        svg.text((end, y + BAR - 3.0), ("start", 11, GRAY), &text);
    }
    svg.upright(LABELS + scale, (top - 6.0, height - 14.0), "#e69f00");
    svg.upright(LABELS, (top - 6.0, height - 14.0), GRAY);
    svg.finish()
}
