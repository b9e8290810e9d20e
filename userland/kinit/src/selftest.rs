//! Tests of the running system, from a program's point of view. The output is TAP version 13
//! (testanything.org): a plan, then `ok` or `not ok` with number and name for each test.
//!
//! A subject is a file in this folder with an array of [`Test`]s, named in [`SUBJECTS`]. The network
//! tests need an adapter whose cable leads to QEMU's user network; without one they fail. Nothing is
//! left behind: what a test sets up it takes away, also when it fails.

mod addresses;
mod autoconfiguration;
mod connections;
mod datagram;
mod echo;
mod enumeration;
mod epoll;
mod files;
mod ipv6_headers;
mod isolation;
mod limits;
mod memory;
mod names;
mod neighbor_cache;
mod network;
mod packet_sockets;
mod pipes;
mod processes;
mod socket_diagnosis;
mod socket_options;
mod splice;
mod stream;
mod stream_buffers;
mod stream_options;
mod time;
mod udp;
mod vlans;
mod waiting;

use alloc::string::String;

/// One test: what it shows, and the function that shows it or says what is wrong.
pub(crate) struct Test {
    /// What is true when it passes.
    pub(crate) name: &'static str,
    /// Returns what was found instead.
    pub(crate) run: fn() -> Outcome,
}

/// Nothing, or what is wrong.
pub(crate) type Outcome = Result<(), String>;

/// All tests, subject by subject.
const SUBJECTS: [&[Test]; 25] = [
    processes::TESTS,
    isolation::TESTS,
    memory::TESTS,
    pipes::TESTS,
    files::TESTS,
    time::TESTS,
    enumeration::TESTS,
    autoconfiguration::TESTS,
    echo::TESTS,
    neighbor_cache::TESTS,
    addresses::TESTS,
    vlans::TESTS,
    udp::TESTS,
    socket_options::TESTS,
    ipv6_headers::TESTS,
    stream::TESTS,
    stream_options::TESTS,
    stream_buffers::TESTS,
    connections::TESTS,
    names::TESTS,
    limits::TESTS,
    splice::TESTS,
    epoll::TESTS,
    packet_sockets::TESTS,
    socket_diagnosis::TESTS,
];

/// Runs all tests and prints what came of them; true when all passed.
pub(crate) fn run() -> bool {
    let count: usize = SUBJECTS.iter().map(|subject| subject.len()).sum();
    rt::println!("TAP version 13");
    rt::println!("1..{count}");
    let mut failed = 0;
    for (number, test) in SUBJECTS.into_iter().flatten().enumerate() {
        let number = number + 1;
        let limited = because("setitimer", waiting::begin_limit());
        match limited.and_then(|()| (test.run)()) {
            Ok(()) => rt::println!("ok {number} - {}", test.name),
            Err(problem) => {
                failed += 1;
                rt::println!("not ok {number} - {}", test.name);
                for line in problem.lines() {
                    rt::println!("# {line}");
                }
            }
        }
        rt::output::flush();
    }
    rt::println!("# {} of {count} passed", count - failed);
    failed == 0
}

/// Fails with a message unless a condition holds.
macro_rules! check {
    ($condition:expr, $($message:tt)*) => {
        if !$condition {
            return Err(alloc::format!($($message)*));
        }
    };
}
pub(crate) use check;

/// Turns an error number into the message of a failed test.
pub(crate) fn because<T>(
    what: &str,
    result: Result<T, rt::rustix::io::Errno>,
) -> Result<T, String> {
    result.map_err(|error| alloc::format!("{what}: {}", rt::strerror(error)))
}
