//! Every target with changed pieces of its corpus, by seed. `INPUTS=n` feeds another number of them,
//! `SEED=n` begins elsewhere: `INPUTS=1000000 cargo test --release -p fuzz --test seeded dns` is a
//! soak. What makes a target fail is printed.

use fuzz::mutation::mutate;
use fuzz::target::{Verdict, named};
use simulation::random::Seeded;
use std::fmt::Write as _;
use std::{env, thread};

/// Prints octets when the test ends in a panic.
struct Confession<'a>(&'a [u8]);

impl Drop for Confession<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let mut hex = String::new();
            for octet in self.0 {
                let _ = write!(hex, "{octet:02x}");
            }
            eprintln!("it fails with these octets (xxd -r -p makes a file of them): {hex}");
        }
    }
}

fn number(variable: &str, otherwise: u64) -> u64 {
    let text = env::var(variable).ok();
    text.map_or(otherwise, |text| text.parse().unwrap_or_else(|_| panic!("{variable}={text}")))
}

/// A host is made on the stack, by code that is not optimized.
const STACK: usize = 32 << 20;

/// Feeds a target on a thread of its own.
#[track_caller]
fn feed(name: &'static str, inputs: u64) {
    let thread = thread::Builder::new().name(name.to_owned()).stack_size(STACK);
    let fed = thread.spawn(move || feed_here(name, inputs)).expect("a thread can be started");
    if let Err(panic) = fed.join() {
        std::panic::resume_unwind(panic);
    }
}

/// Feeds a target. Its corpus must be taken, and of what is changed some must be taken and some be
/// refused: otherwise nothing is tested.
fn feed_here(name: &str, inputs: u64) {
    let target = named(name);
    let corpus = (target.corpus)();
    for octets in &corpus {
        let _confession = Confession(octets);
        assert_eq!((target.run)(octets), Verdict::Taken, "of the corpus");
    }
    let inputs = number("INPUTS", inputs);
    let mut random = Seeded::new(number("SEED", 1));
    let mut taken = 0;
    for _ in 0..inputs {
        let octets = mutate(&corpus, &mut random);
        let _confession = Confession(&octets);
        taken += u64::from((target.run)(&octets) == Verdict::Taken);
    }
    assert!(taken >= inputs / 50, "too wild: {taken} of {inputs} taken");
    assert!(taken < inputs, "too tame: all are taken");
}

/// Rows: QOS-1
#[test]
fn stack() {
    feed("stack", 800);
}

/// Rows: QOS-1
#[test]
fn dns() {
    feed("dns", 20_000);
}

/// Rows: QOS-1
#[test]
fn mdns() {
    feed("mdns", 1500);
}

/// Rows: QOS-1
#[test]
fn dhcp6() {
    feed("dhcp6", 2000);
}

/// Rows: QOS-1
#[test]
fn netlink() {
    feed("netlink", 3000);
}

#[test]
fn usb_descriptor() {
    feed("usb_descriptor", 20_000);
}
