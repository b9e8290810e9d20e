//! What no change may make worse: instructions beside smoltcp's, counted in the same run. They do
//! not depend on the machine's speed or load, so exceeding one is no accident.

use crate::bare;
use crate::instructions::{Count, instructions};
use bench::work::Piece;
use std::io;
use std::process::ExitCode;

/// The highest ratio to smoltcp on the host and on the bare machine. A little above what is
/// reached; when it gets better, they are lowered.
const LIMITS: [(Piece, f64, f64); 7] = [
    (Piece::Bulk(64 * 1024), 0.66, 0.68),
    (Piece::Message(0), 0.77, 0.84),
    (Piece::DatagramEcho(64), 0.61, 0.68),
    (Piece::DatagramEcho(1400), 0.53, 0.43),
    (Piece::Echo, 0.60, 0.59),
    (Piece::Solicitation, 0.56, 0.54),
    (Piece::Checksum, 0.38, 0.21),
];

/// How much more a message may cost beside many connections than alone.
const CROWD: f64 = 1.1;

fn check(machine: &str, counts: &[Count], limit: impl Fn(usize) -> f64) -> bool {
    let mut good = true;
    for (number, (piece, _, _)) in LIMITS.iter().enumerate() {
        let Some((_, [ours, theirs])) = counts.iter().find(|(counted, _)| counted == piece) else {
            println!("FAIL {machine}: {} was not counted", piece.name());
            good = false;
            continue;
        };
        let (ratio, limit) = (ours / theirs, limit(number));
        let verdict = if ratio <= limit { "ok  " } else { "FAIL" };
        println!(
            "{verdict} {machine}: {}: {ours:.0} : {theirs:.0} = {ratio:.2}, at most {limit:.2}",
            piece.name()
        );
        good &= ratio <= limit;
    }
    good
}

fn host() -> io::Result<bool> {
    let mut pieces: Vec<_> = LIMITS.iter().map(|(piece, _, _)| *piece).collect();
    pieces.push(Piece::Message(99));
    let counts = instructions(&pieces)?;
    let good = check("host", &counts, |number| LIMITS[number].1);
    let ours = |wanted| counts.iter().find(|(piece, _)| *piece == wanted).map(|(_, both)| both[0]);
    let (Some(alone), Some(crowded)) = (ours(Piece::Message(0)), ours(Piece::Message(99))) else {
        return Ok(false);
    };
    let scales = crowded <= CROWD * alone;
    let verdict = if scales { "ok  " } else { "FAIL" };
    println!("{verdict} host: a message beside 99 connections: {crowded:.0}, alone {alone:.0}");
    Ok(good && scales)
}

/// Checks all, on the bare machine if there is an image for it.
pub(crate) fn gate(image: Option<&str>) -> io::Result<ExitCode> {
    let mut good = match host() {
        // There is none for every system; the bare machine is the same everywhere.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            println!("skipped on the host: no valgrind");
            true
        }
        result => result?,
    };
    if let Some(image) = image {
        good &= check("bare", &bare::count(image)?, |number| LIMITS[number].2);
    }
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
