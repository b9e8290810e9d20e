//! How long each piece of work takes, ours and smoltcp's in turn.

use crate::table::{Cell, Table};
use bench::ours::Ours;
use bench::smoltcp_host::Smoltcp;
use bench::work::{Piece, Work, measured};
use std::time::{Duration, Instant};

/// How long each stack works on each piece at least, preparations aside.
const TIME: Duration = Duration::from_millis(200);
/// Of how many runs the median is taken at least.
const RUNS: usize = 15;

/// Nanoseconds for a unit.
fn run(work: &mut dyn Work) -> (f64, Duration) {
    work.prepare();
    let begin = Instant::now();
    let units = measured(work);
    let time = begin.elapsed();
    (time.as_secs_f64() * 1e9 / f64::from(units), time)
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_unstable_by(f64::total_cmp);
    times[times.len() / 2]
}

/// Nanoseconds for a unit of each piece with `part` in its name.
pub(crate) fn time(part: &str) -> Table {
    let mut rows = Vec::new();
    for piece in Piece::ALL.into_iter().filter(|piece| piece.name().contains(part)) {
        let mut works = [piece.make::<Ours>(), piece.make::<Smoltcp>()];
        let mut times = [const { Vec::new() }; 2];
        let mut spent = Duration::ZERO;
        // In turn, so that both have the same luck with the machine.
        while spent < TIME || times[1].len() < RUNS {
            for (work, times) in works.iter_mut().zip(&mut times) {
                let (nanos, time) = run(&mut **work);
                times.push(nanos);
                spent += time / 2;
            }
        }
        let [ours, theirs] = times.map(median);
        let cells = vec![Cell::Number(ours), Cell::Number(theirs), Cell::Number(ours / theirs)];
        rows.push((piece.name(), cells));
    }
    let columns = ["ours", "smoltcp", "ratio"].map(String::from).to_vec();
    Table { title: "Time in ns on this machine, median", rows_are: "work", columns, rows }
}

/// Works on the pieces whose name has `part` in it for some seconds, with ours alone: for a
/// profiler that takes samples.
pub(crate) fn sample(part: &str, seconds: u64) {
    for piece in Piece::ALL.into_iter().filter(|piece| piece.name().contains(part)) {
        let mut work = piece.make::<Ours>();
        let begin = Instant::now();
        let mut times = Vec::new();
        while begin.elapsed() < Duration::from_secs(seconds) {
            times.push(run(&mut *work).0);
        }
        // Whatever else runs on the machine disturbs the fastest run least.
        let fastest = times.iter().copied().fold(f64::INFINITY, f64::min);
        println!("{}: {fastest:.1} ns, median {:.1}", piece.name(), median(times));
    }
}
