//! The cases of the conformance suite against this machine's Linux, for comparison: it need not
//! agree with the suite, but where it does otherwise `tests/conformance/linux.txt` shall say how we
//! read that; the status is 1 when something is not listed. Needs root. `make conformance-linux` runs
//! it.
//!
//! Arguments: words of which a case's name must contain one; none is all of them. `PAGE` names the
//! file to write, `TRANSCRIPTS` a folder for what was seen in each case that Linux does not pass.

use conformance::report::linux::{READINGS, Ran, Run, page};
use conformance::report::requirement::parse_reasons;
use conformance::{Case, Lab, suite};
use net::time::Duration;
use std::any::Any;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Mutex;
use std::{env, fs, thread};
use system_tests::linux_dut::LinuxDut;

/// Longer cases are left out.
const LONGEST: Duration = Duration::from_mins(3);
/// Cases that run at once. They wait most of the time.
const AT_ONCE: usize = 16;
/// Those that fail run again when the floods and the crowd are over, as many at once as this: only
/// what they do then counts.
const AGAIN: usize = 3;

/// What a panic said.
fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|&text| text.to_owned())).unwrap_or_default()
}

fn run(case: Case) -> Ran {
    let attempt = || {
        let mut lab = Lab::new(Box::new(|| Box::new(LinuxDut::new())));
        (case.run)(&mut lab);
    };
    let result = catch_unwind(AssertUnwindSafe(attempt)).map_err(|panic| words(&*panic));
    println!(
        "{}: {}",
        case.name(),
        match &result {
            Ok(()) => "as the suite says",
            Err(seen) => seen.lines().next().unwrap_or_default(),
        }
    );
    Ran { case, result }
}

/// Runs cases, the longest ones first and so many at once, and returns what became of them in the
/// order of the suite.
fn run_all(cases: Vec<(Case, Duration)>, at_once: usize) -> Vec<Ran> {
    let mut left: Vec<_> = cases.into_iter().enumerate().collect();
    left.sort_by_key(|(_, (_, duration))| std::cmp::Reverse(*duration));
    let left = Mutex::new(VecDeque::from(left));
    let done = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..at_once {
            scope.spawn(|| {
                loop {
                    let next = left.lock().expect("nobody panics with it locked").pop_front();
                    let Some((index, (case, _))) = next else { return };
                    let ran = run(case);
                    done.lock().expect("nobody panics with it locked").push((index, ran));
                }
            });
        }
    });
    let mut done = done.into_inner().expect("nobody panics with it locked");
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, ran)| ran).collect()
}

/// Rows: QOS-10
fn every_difference_is_listed(ran: &[Ran]) -> bool {
    let listed = parse_reasons(READINGS);
    let is_listed = |ran: &Ran| listed.iter().any(|(number, _)| number == ran.case.number);
    let unlisted = ran.iter().filter(|ran| ran.result.is_err() && !is_listed(ran));
    let numbers: Vec<_> = unlisted.map(|ran| ran.case.number).collect();
    let verdict = if numbers.is_empty() { "ok" } else { "FAILED" };
    // As cargo's own tests print it, for the report.
    println!("test every_difference_is_listed ... {verdict}");
    if !numbers.is_empty() {
        println!("not listed: {}", numbers.join(", "));
    }
    numbers.is_empty()
}

fn main() -> ExitCode {
    let wanted: Vec<String> = env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let all = suite::all();
    let is_wanted = |case: &Case| {
        wanted.is_empty() || wanted.iter().any(|word| case.name().contains(word.as_str()))
    };
    let (plain, with_settings): (Vec<_>, Vec<_>) =
        all.into_iter().filter(is_wanted).partition(|case| case.settings.is_none());
    let timed = plain.into_iter().map(|case| (case, case.rehearse().duration));
    let (short, long): (Vec<_>, Vec<_>) = timed.partition(|(_, duration)| *duration <= LONGEST);

    let (version, settings) = LinuxDut::describe();
    println!("Linux {version}: {} cases, {AT_ONCE} at once", short.len());
    // What a case has to say is printed in a line, and in full in its transcript.
    std::panic::set_hook(Box::new(|_| {}));
    let mut ran = run_all(short, AT_ONCE);
    let otherwise = ran.iter().enumerate().filter(|(_, ran)| ran.result.is_err());
    let (places, again): (Vec<_>, Vec<_>) =
        otherwise.map(|(place, ran)| (place, (ran.case, Duration::ZERO))).unzip();
    println!("{} cases again", again.len());
    for (place, second) in places.into_iter().zip(run_all(again, AGAIN)) {
        ran[place] = second;
    }
    let run = Run {
        version,
        settings,
        with_settings: with_settings.len(),
        too_long: (long.len(), LONGEST.as_secs()),
        ran,
    };
    drop(std::panic::take_hook());
    if let Ok(folder) = env::var("TRANSCRIPTS") {
        fs::create_dir_all(&folder).expect("the folder can be made");
        for ran in &run.ran {
            if let Err(seen) = &ran.result {
                let file = Path::new(&folder).join(format!("{}.txt", ran.case.number));
                fs::write(file, seen).expect("the file can be written");
            }
        }
    }
    if let Ok(file) = env::var("PAGE") {
        fs::write(file, page(&run)).expect("the file can be written");
    }
    let passed = run.ran.iter().filter(|ran| ran.result.is_ok()).count();
    println!("{} cases ran, Linux does as the suite says in {passed}", run.ran.len());
    if every_difference_is_listed(&run.ran) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
