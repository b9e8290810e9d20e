//! Running a scenario over many seeds.

use std::env;
use std::panic::{self, AssertUnwindSafe};

/// Calls `scenario` with `count` seeds.
///
/// The environment changes which: `SEED=n` runs that one alone, `SEEDS=n` runs `n` instead of
/// `count`. A seed that fails is printed before the test ends.
///
/// # Panics
/// When the scenario does, or an environment variable is not a number.
pub fn for_each_seed(count: u64, scenario: impl Fn(u64)) {
    if let Some(seed) = number("SEED") {
        scenario(seed);
        return;
    }
    for seed in 0..number("SEEDS").unwrap_or(count) {
        if let Err(failure) = panic::catch_unwind(AssertUnwindSafe(|| scenario(seed))) {
            let test = std::thread::current().name().unwrap_or_default().to_owned();
            eprintln!("seed {seed} fails; again: SEED={seed} cargo test -p simulation {test}");
            panic::resume_unwind(failure);
        }
    }
}

fn number(variable: &str) -> Option<u64> {
    let value = env::var(variable).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{variable}={value} is not a number")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    #[test]
    fn seeds_run_in_order_up_to_the_one_that_fails() {
        let seen = RefCell::new(Vec::new());
        let failed = panic::catch_unwind(AssertUnwindSafe(|| {
            for_each_seed(10, |seed| {
                seen.borrow_mut().push(seed);
                assert!(seed < 3, "on purpose");
            });
        }));
        // With SEED or SEEDS in the environment, this is about those.
        if env::var_os("SEED").is_none() && env::var_os("SEEDS").is_none() {
            assert!(failed.is_err());
            assert_eq!(*seen.borrow(), [0, 1, 2, 3]);
        }
    }
}
