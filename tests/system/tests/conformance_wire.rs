//! The cases of the conformance suite against the kernel in QEMU: the same frames, through its USB
//! adapter, in real time. `make conformance-wire` runs them; `LONGEST=n` leaves out those that take
//! longer than `n` seconds, which is what `make test-system` does.

use conformance::{Case, Lab, suite};
use libtest_mimic::{Arguments, Trial};
use net::time::Duration;
use system_tests::wire_dut::WireDut;

/// How long a case may take: longer ones wait for lifetimes to end.
const LONGEST: u64 = 180;

/// The guest boots with its cable plugged in: its first address is in use before these can object.
const TOO_LATE: &[&str] = &["3.1.2", "3.1.3", "DAD-12"];

fn longest() -> Duration {
    let text = std::env::var("LONGEST").ok();
    let seconds = text.map(|text| text.parse().unwrap_or_else(|_| panic!("LONGEST={text}")));
    Duration::from_secs(seconds.unwrap_or(LONGEST))
}

fn trial(case: Case) -> Trial {
    Trial::test(case.name(), move || {
        let mut lab = Lab::new(Box::new(|| Box::new(WireDut::new())));
        (case.run)(&mut lab);
        Ok(())
    })
}

fn main() {
    let arguments = Arguments::from_args();
    let longest = longest();
    let fits = |case: &Case| {
        let takes = case.rehearse();
        let demands = takes.demands;
        // QEMU's adapter does not tell when its cable is pulled, and no program joins a group alone.
        let possible = !demands.cable_pulled && !demands.membership;
        let possible = possible && !TOO_LATE.contains(&case.number);
        case.settings.is_none() && possible && takes.duration <= longest
    };
    let trials = suite::all().into_iter().filter(fits).map(trial).collect();
    libtest_mimic::run(&arguments, trials).exit();
}
