//! The machine layer of the kernel: its own tests on both machines, and its panics.

use system_tests::guest::Guest;

fn run(machine: &str, arguments: &str) -> (Option<i32>, String) {
    let options = ["--machine", machine, "--exit-status", "--append", arguments];
    let mut guest = Guest::boot(&options, None);
    let status = guest.wait_for_exit();
    (status.code(), guest.transcript())
}

#[test]
fn the_machine_tests_pass() {
    for machine in ["raspi3b", "raspi3ap"] {
        let (status, text) = run(machine, "machine_test");
        assert_eq!(status, Some(0), "{machine}:\n{text}");
        assert!(!text.contains("not ok"), "{machine}:\n{text}");
        let passed = text.lines().filter(|line| line.starts_with("ok ")).count();
        assert!(text.contains(&format!("1..{passed}")), "{machine}:\n{text}");
    }
}

#[test]
fn a_panic_says_what_where_and_from_where() {
    let cases = [
        ("panic", "as the boot argument asked", "kernel::machine_tests::crash"),
        ("overflow", "stack overflow (data abort, write, translation fault", "crash::overflow"),
        ("null", "data abort, write, translation fault", "machine_tests::crash"),
        ("text", "data abort, write, permission fault", "machine_tests::crash"),
        ("data", "instruction abort, permission fault", "machine_tests::crash"),
    ];
    for (crash, message, function) in cases {
        let (status, text) = run("raspi3ap", &format!("crash={crash}"));
        assert_eq!(status, Some(101), "{crash}:\n{text}");
        let report = text.split("*** kernel panic: ").nth(1).unwrap_or_default();
        assert!(report.starts_with(message), "{crash}:\n{text}");
        assert!(report.contains(function), "{crash}:\n{text}");
        assert!(report.contains("kernel::start::start"), "{crash}:\n{text}");
        if crash != "panic" {
            for register in ["ESR", "FAR", "ELR", "SPSR", "X30", "SP"] {
                assert!(report.contains(register), "{crash} without {register}:\n{text}");
            }
        }
    }
}

#[test]
fn a_panic_restarts_the_board_after_the_time_that_was_asked_for() {
    // The last of two `panic=` counts, and QEMU ends instead of restarting.
    let (status, text) = run("raspi3ap", "crash=null panic=1");
    assert!(text.contains("*** end of panic; restart in 1 s"), "{text}");
    assert_eq!(status, Some(0), "{text}");
}
