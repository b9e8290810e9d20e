//! Runs every case of the suite against the stack in virtual time. `cargo test -p conformance
//! 2.1.7` runs those whose number begins so.

use conformance::dut::VirtualDut;
use conformance::{Lab, suite};
use libtest_mimic::{Arguments, Trial};

fn main() {
    let arguments = Arguments::from_args();
    let trials = suite::all()
        .into_iter()
        .map(|case| {
            Trial::test(case.name(), move || {
                let mut lab =
                    Lab::new(Box::new(move || Box::new(VirtualDut::new(case.config(), 1))));
                (case.run)(&mut lab);
                Ok(())
            })
        })
        .collect();
    libtest_mimic::run(&arguments, trials).exit();
}
