//! The whole of the USB stack on the register-level model: random trees of devices that misbehave,
//! in random weather. Every trial must end as it began: nothing in flight, nothing held, and in
//! between no frame may be lost, doubled or changed that somebody said had arrived.
#![allow(missing_docs, unreachable_pub, reason = "test code")]
#![allow(clippy::pedantic, reason = "test code")]

#[path = "../model/mod.rs"]
mod model;

mod driver;
mod tree;
mod trial;
mod weather;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicU64, Ordering};

/// Trials of a run: two minutes of one processor's time.
const TRIALS: u64 = 10_000;

/// `SEEDS` changes the number of trials, and `SEED` replays one.
fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("a number"))
}

/// What the drivers log, when one trial is replayed (`-- --nocapture` shows it as it comes).
struct ToStderr;

impl log::Log for ToStderr {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        let now = trial::NOW.get().as_secs_f64();
        eprintln!("[{now:12.6}] {}: {}", record.target(), record.args());
    }

    fn flush(&self) {}
}

#[test]
fn trials_lose_nothing() {
    if let Some(seed) = variable("SEED") {
        log::set_logger(&ToStderr).expect("the first logger");
        log::set_max_level(log::LevelFilter::Debug);
        trial::run(seed);
        return;
    }
    let seeds = variable("SEEDS").unwrap_or(TRIALS);
    let next = AtomicU64::new(0);
    let totals = std::sync::Mutex::new(trial::Totals::default());
    let work = || {
        let mut mine = trial::Totals::default();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds {
                break;
            }
            match catch_unwind(AssertUnwindSafe(|| trial::run(seed))) {
                Ok(trial) => mine.add(&trial),
                Err(panic) => {
                    next.store(seeds, Ordering::Relaxed);
                    eprintln!(
                        "seed {seed} failed; to replay it alone: \
                         SEED={seed} cargo test -p usb-dwc2 --test bus"
                    );
                    resume_unwind(panic);
                }
            }
        }
        totals.lock().unwrap().add(&mine);
    };
    std::thread::scope(|scope| {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        for _ in 0..threads {
            scope.spawn(work);
        }
    });
    let totals = totals.into_inner().unwrap();
    println!("{seeds} trials: {totals:?}");
    // The weather was bad enough to be worth the trouble.
    if seeds == TRIALS {
        totals.check();
    }
}

#[test]
fn the_same_seed_is_the_same_trial() {
    for seed in 0..16 {
        assert_eq!(trial::run(seed), trial::run(seed));
    }
}
