//! How many instructions each piece of work takes: counted by callgrind, so the same each time.

use crate::table::{Cell, Table};
use bench::host::Host;
use bench::ours::Ours;
use bench::smoltcp_host::Smoltcp;
use bench::work::{Piece, measured};
use std::io;
use std::path::Path;
use std::process::Command;

/// The pieces that are counted: those whose preparation does not take minutes under callgrind.
const PIECES: [Piece; 16] = [
    Piece::Bulk(64 * 1024),
    Piece::Bulk(256 * 1024),
    Piece::Message(0),
    Piece::Message(9),
    Piece::Message(99),
    Piece::Message(999),
    Piece::Connection,
    Piece::Datagram(64),
    Piece::Datagram(1400),
    Piece::DatagramEcho(64),
    Piece::DatagramEcho(1400),
    Piece::DatagramReceive(999),
    Piece::Echo,
    Piece::Solicitation,
    Piece::Advertisement,
    Piece::Checksum,
];

/// What callgrind looks for: [`measured`] by its symbol.
const FUNCTION: &str = "bench::work::measured";

/// Does each piece of work whose name has `part` in it once for each stack, or for `stack` alone,
/// and prints the units; callgrind, which this runs under, writes a file for each.
pub(crate) fn work(part: &str, stack: Option<&str>) {
    for piece in PIECES.into_iter().filter(|piece| piece.name().contains(part)) {
        let ours = || piece.make::<Ours>();
        let theirs = || piece.make::<Smoltcp>();
        let makers: [(_, &dyn Fn() -> _); 2] = [(Ours::NAME, &ours), (Smoltcp::NAME, &theirs)];
        let wanted = makers.iter().filter(|(name, _)| stack.is_none_or(|stack| stack == *name));
        for (_, make) in wanted {
            let mut work = make();
            for _ in 0..2 {
                work.prepare();
                work.run();
            }
            work.prepare();
            println!("{}", measured(&mut *work));
        }
    }
}

/// The instructions in one of callgrind's files.
fn total(path: &Path) -> io::Result<f64> {
    let text = std::fs::read_to_string(path)?;
    text.lines()
        .find_map(|line| line.strip_prefix("totals: ")?.trim().parse().ok())
        .ok_or_else(|| io::Error::other(format!("no totals in {}", path.display())))
}

/// Instructions for a unit of each piece.
pub(crate) fn instructions() -> io::Result<Table> {
    let folder = std::env::temp_dir().join(format!("bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let result = count(&folder);
    std::fs::remove_dir_all(&folder)?;
    result
}

fn count(folder: &Path) -> io::Result<Table> {
    let files = folder.join("out");
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--main-stacksize=268435456"])
        .arg(format!("--callgrind-out-file={}", files.display()))
        .arg(format!("--zero-before={FUNCTION}"))
        .arg(format!("--dump-after={FUNCTION}"))
        .arg(std::env::current_exe()?)
        .arg("work")
        .output()?;
    if !output.status.success() {
        return Err(io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned()));
    }
    let units = String::from_utf8_lossy(&output.stdout);
    let mut counts = Vec::new();
    for (number, units) in units.lines().enumerate() {
        let units: f64 = units.parse().map_err(io::Error::other)?;
        counts.push(total(&folder.join(format!("out.{}", number + 1)))? / units);
    }
    let mut rows = Vec::new();
    for (piece, counts) in PIECES.iter().zip(counts.chunks_exact(2)) {
        let cells = vec![
            Cell::Number(counts[0]),
            Cell::Number(counts[1]),
            Cell::Number(counts[0] / counts[1]),
        ];
        rows.push((piece.name(), cells));
    }
    let columns = ["ours", "smoltcp", "ratio"].map(String::from).to_vec();
    Ok(Table { title: "Instructions on x86-64", rows_are: "work", columns, rows })
}
