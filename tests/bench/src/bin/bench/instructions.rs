//! How many instructions each piece of work takes: counted by callgrind, so the same each time.

use crate::table::{Cell, Table};
use bench::host::Host;
use bench::ours::Ours;
use bench::smoltcp_host::Smoltcp;
use bench::work::{Piece, measured};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::{env, fs, io, process};

/// The pieces that are counted: those whose preparation does not take minutes under callgrind.
pub(crate) const PIECES: [Piece; 16] = [
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

/// What one piece takes: ours, then smoltcp's.
pub(crate) type Count = (Piece, [f64; 2]);

/// Does each piece of work whose name has `part` in it once for each stack, or for `stack` alone,
/// and prints the units; callgrind, which this runs under, writes a file for each.
pub(crate) fn work(part: &str, stack: Option<&str>) {
    let others = Piece::ALL.into_iter().filter(|piece| !PIECES.contains(piece));
    for piece in PIECES.into_iter().chain(others).filter(|piece| piece.name().contains(part)) {
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

/// A run under callgrind.
struct Run {
    child: Child,
    file: PathBuf,
}

impl Run {
    fn start(piece: Piece, folder: &Path, number: usize) -> io::Result<Self> {
        let file = folder.join(number.to_string());
        let child = Command::new("valgrind")
            .args(["--tool=callgrind", "--main-stacksize=268435456"])
            .arg(format!("--callgrind-out-file={}", file.display()))
            .arg(format!("--zero-before={FUNCTION}"))
            .arg(format!("--dump-after={FUNCTION}"))
            .arg(env::current_exe()?)
            .args(["work", &piece.name()])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        Ok(Self { child, file })
    }

    fn finish(self) -> io::Result<[f64; 2]> {
        let output = self.child.wait_with_output()?;
        if !output.status.success() {
            return Err(io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned()));
        }
        let printed = String::from_utf8_lossy(&output.stdout);
        let mut lines = printed.lines();
        let mut next = |number: &str| {
            let units = lines.next().ok_or_else(|| io::Error::other("nothing was measured"))?;
            let units: f64 = units.parse().map_err(io::Error::other)?;
            Ok::<_, io::Error>(total(&self.file.with_extension(number))? / units)
        };
        Ok([next("1")?, next("2")?])
    }
}

/// The instructions in one of callgrind's files.
fn total(path: &Path) -> io::Result<f64> {
    let text = fs::read_to_string(path)?;
    text.lines()
        .find_map(|line| line.strip_prefix("totals: ")?.trim().parse().ok())
        .ok_or_else(|| io::Error::other(format!("no totals in {}", path.display())))
}

/// Instructions for a unit of each of some pieces.
pub(crate) fn instructions(pieces: &[Piece]) -> io::Result<Vec<Count>> {
    let folder = env::temp_dir().join(format!("bench-{}", process::id()));
    fs::create_dir_all(&folder)?;
    let result = count(pieces, &folder);
    fs::remove_dir_all(&folder)?;
    result
}

fn count(pieces: &[Piece], folder: &Path) -> io::Result<Vec<Count>> {
    let mut counts = Vec::new();
    // A process each, two at a time.
    for (number, pair) in pieces.chunks(2).enumerate() {
        let start = |(at, &piece)| Run::start(piece, folder, 2 * number + at);
        let runs: Vec<_> = pair.iter().enumerate().map(start).collect::<io::Result<_>>()?;
        for (&piece, run) in pair.iter().zip(runs) {
            counts.push((piece, run.finish()?));
        }
    }
    Ok(counts)
}

/// The counts beside each other.
pub(crate) fn table(title: &'static str, counts: &[Count]) -> Table {
    let row = |&(piece, [ours, theirs]): &Count| {
        (piece.name(), [ours, theirs, ours / theirs].map(Cell::Number).to_vec())
    };
    let columns = ["ours", "smoltcp", "ratio"].map(String::from).to_vec();
    Table { title, rows_are: "work", columns, rows: counts.iter().map(row).collect() }
}
