//! The cases of the conformance suite that make sense over a real cable, against the kernel in QEMU:
//! the same frames, through its USB adapter. `make conformance-wire` runs them; they take some
//! minutes, since silence must be waited for.

use conformance::{Lab, suite};
use libtest_mimic::{Arguments, Trial};
use system_tests::wire_dut::WireDut;

fn main() {
    let arguments = Arguments::from_args();
    let trials = suite::all()
        .into_iter()
        .filter(|case| case.wire)
        .map(|case| {
            Trial::test(case.name(), move || {
                let mut lab = Lab::new(Box::new(|| Box::new(WireDut::new())));
                (case.run)(&mut lab);
                Ok(())
            })
        })
        .collect();
    libtest_mimic::run(&arguments, trials).exit();
}
