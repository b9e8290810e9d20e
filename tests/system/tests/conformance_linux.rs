//! The cases of the conformance suite against this machine's Linux, for comparison: it need not
//! agree with the suite, so the status says only whether the cases could be run. Needs root.
//! `make conformance-linux` runs it.
//!
//! Arguments: words of which a case's name must contain one; none is all of them. `PAGE` names the
//! file to write, `TRANSCRIPTS` a folder for what was seen in each case that Linux does not pass.

use conformance::report::linux::{Ran, Run, page};
use conformance::{Case, Lab, suite};
use net::time::Duration;
use std::any::Any;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Mutex;
use std::{env, fs, thread};
use system_tests::linux_dut::LinuxDut;

/// Longer cases are left out.
const LONGEST: Duration = Duration::from_mins(3);
/// Cases that run at once. They wait most of the time.
const AT_ONCE: usize = 16;

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

/// Runs cases, the longest ones first, and returns what became of them in the order of the suite.
fn run_all(cases: Vec<(Case, Duration)>) -> Vec<Ran> {
    let mut left: Vec<_> = cases.into_iter().enumerate().collect();
    left.sort_by_key(|(_, (_, duration))| std::cmp::Reverse(*duration));
    let left = Mutex::new(VecDeque::from(left));
    let done = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
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

fn main() {
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
    let run = Run {
        version,
        settings,
        with_settings: with_settings.len(),
        too_long: (long.len(), LONGEST.as_secs()),
        ran: run_all(short),
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
}
