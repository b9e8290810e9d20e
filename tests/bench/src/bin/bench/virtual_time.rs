//! Goodput and completion times over links of 100 Mbit/s and 20 ms.

use crate::published;
use crate::table::{Cell, Table};
use bench::host::Host;
use bench::ours::Ours;
use bench::path::Link;
use bench::smoltcp_host::Smoltcp;
use bench::transfer;
use net::tcp::CongestionAlgorithm;
use net::time::Duration;

/// What is measured on each link.
const TIME: Duration = Duration::from_secs(30);
/// Over how many seeds goodput is averaged.
const SEEDS: u32 = 5;
/// Of how many transfers median and percentile are taken.
const TRANSFERS: u64 = 300;

/// The links, with losses in both directions.
fn links() -> [(&'static str, Link); 7] {
    let loss = |loss| Link { loss, ..Link::CLEAN };
    let late = Link { late: 10_000, lateness: Duration::from_millis(2), ..Link::CLEAN };
    [
        ("no loss", Link::CLEAN),
        ("0.1 % lost", loss(1_000)),
        ("1 % lost", loss(10_000)),
        ("3 % lost", loss(30_000)),
        ("5 % lost", loss(50_000)),
        ("1 % 2 ms late", late),
        ("queue of 25 kB", Link { queue: 25_000, ..Link::CLEAN }),
    ]
}

fn mean_goodput<H: Host>(link: Link, congestion: CongestionAlgorithm) -> Cell {
    let sum: f64 =
        (1..=SEEDS).map(|seed| transfer::goodput::<H>(link, congestion, seed.into(), TIME)).sum();
    Cell::Number(sum * 8e-6 / f64::from(SEEDS))
}

fn ours_columns() -> impl Iterator<Item = String> {
    CongestionAlgorithm::ALL.iter().map(|algorithm| format!("ours, {}", algorithm.name()))
}

/// Goodput in Mbit/s.
pub(crate) fn goodput() -> Table {
    let mut columns: Vec<_> = ours_columns().collect();
    columns.push("smoltcp, cubic".into());
    columns.extend(["lwIP", "Linux, cubic", "Linux, bbr"].map(String::from));
    let mut rows = Vec::new();
    for ((label, link), published) in links().into_iter().zip(published::GOODPUT) {
        let mut cells: Vec<_> = CongestionAlgorithm::ALL
            .iter()
            .map(|&algorithm| mean_goodput::<Ours>(link, algorithm))
            .collect();
        cells.push(mean_goodput::<Smoltcp>(link, CongestionAlgorithm::default()));
        cells.extend(published.map(Cell::Number));
        rows.push((label.to_owned(), cells));
    }
    let title = "Goodput in Mbit/s over 100 Mbit/s and 20 ms";
    Table { title, rows_are: "link", columns, rows }
}

fn spread<H: Host>(link: Link, congestion: CongestionAlgorithm, length: usize) -> Cell {
    let millis = |time: Duration| time.as_secs_f64() * 1000.0;
    // Without losses every transfer is like the other.
    let transfers = if link.loss == 0 { 1 } else { TRANSFERS };
    let (median, high) = transfer::completions::<H>(link, congestion, transfers, length);
    Cell::Spread(millis(median), millis(high))
}

/// Completion times in milliseconds.
pub(crate) fn completion() -> Table {
    let mut columns: Vec<_> = ours_columns().collect();
    columns.extend(["smoltcp, cubic", "lwIP", "Linux, cubic"].map(String::from));
    let mut rows = Vec::new();
    let lengths = [("10 kB", 10_000), ("100 kB", 100_000), ("1 MB", 1_000_000)];
    let links = [("no loss", Link::CLEAN), ("1 % lost", Link { loss: 10_000, ..Link::CLEAN })];
    let cases = lengths.iter().flat_map(|length| links.iter().map(move |link| (length, link)));
    for (((size, length), (name, link)), published) in cases.zip(published::COMPLETION) {
        let mut cells: Vec<_> = CongestionAlgorithm::ALL
            .iter()
            .map(|&algorithm| spread::<Ours>(*link, algorithm, *length))
            .collect();
        cells.push(spread::<Smoltcp>(*link, CongestionAlgorithm::default(), *length));
        let known = |spread: Option<(f64, f64)>| {
            spread.map_or(Cell::Unknown, |(median, high)| Cell::Spread(median, high))
        };
        cells.extend(published.map(known));
        rows.push((format!("{size}, {name}"), cells));
    }
    let title = "Completion in ms, median / 95th percentile, over 100 Mbit/s and 20 ms";
    Table { title, rows_are: "transfer", columns, rows }
}
