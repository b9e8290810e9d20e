//! TCP over a cable that loses, doubles, delays and reorders frames in both directions, with Linux at
//! the other end.
//!
//! Needs root. `make test` runs it where it can, and says so where it can't.
#![cfg(target_os = "linux")]

use std::fs;
use std::time::Duration;

use system_tests::cable::{Cable, Faults};
use system_tests::guest::Guest;
use system_tests::lab::{LINUX, Lab, content};

/// The guest's address.
const GUEST: &str = "2001:db8:1::2";
/// What the cable does.
const FAULTS: Faults = Faults {
    loss: 20,
    duplication: 20,
    reordering: 50,
    hold: Duration::from_millis(4),
    delay: Duration::from_millis(1),
};
/// How much goes each way: more than any buffer holds.
const LENGTH: usize = 64 << 20;
/// How much else goes.
const LESS: usize = 4 << 20;

fn boot(lab: &Lab, cable: &Cable) -> Guest {
    let mut guest = Guest::boot(&cable.options(), Some(lab.name()));
    guest.wait_for_shell();
    guest.run_until("ip link show usb0", |text| text.contains("LOWER_UP"));
    guest.run(&format!("ip addr add {GUEST}/64 dev usb0 nodad")).success();
    guest
}

/// Frames suffer in both directions, and by each fault.
#[track_caller]
fn check_counts(cable: &Cable) {
    for counts in cable.counts() {
        for suffered in [counts.lost, counts.doubled, counts.held] {
            // A third of what is expected.
            assert!(counts.frames > 50_000 && suffered * 150 > counts.frames, "{counts:?}");
        }
    }
}

/// Files both ways, whichever side connects and whatever controls the guest's congestion.
#[test]
fn files_arrive_over_a_bad_cable() {
    let lab = Lab::new();
    let cable = Cable::new(&lab, 1);
    let mut guest = boot(&lab, &cable);
    let (sent, returned) = (lab.path("sent"), lab.path("returned"));
    let data = content(LENGTH);
    fs::write(&sent, &data).expect("the file can be written");
    let hash = lab.run(&format!("sha256sum {sent}"));
    let hash = hash.split(' ').next().expect("a hash");
    cable.set_faults(FAULTS);

    let service = lab.serve(9000, &format!("socat -u OPEN:{sent} TCP6-LISTEN:9000,reuseaddr"));
    guest.run_long(&format!("nc -d {LINUX} 9000 > /tmp/file")).success();
    service.finish();
    let there = guest.run("sha256sum /tmp/file").success();
    assert_eq!(there.split(' ').next(), Some(hash), "the way there");
    for (port, algorithm) in [(9001, "cubic"), (9002, "bbr")] {
        let setting = "/proc/sys/net/ipv4/tcp_congestion_control";
        guest.run(&format!("echo {algorithm} > {setting}")).success();
        let line = format!("socat -u TCP6-LISTEN:{port},reuseaddr CREATE:{returned}");
        let service = lab.serve(port, &line);
        guest.run_long(&format!("nc -N {LINUX} {port} < /tmp/file")).success();
        service.finish();
        assert!(fs::read(&returned).expect("it came back") == data, "the way back: {algorithm}");
    }

    let data = &data[..LESS];
    fs::write(&sent, data).expect("the file can be written");
    guest.run(&format!(
        "head -c {LESS} /tmp/file > /tmp/less; nc -lN 8080 < /tmp/less > /tmp/copy &"
    ));
    guest.run_until("ss -ltn", |text| text.contains(":8080"));
    lab.shell(&format!("socat -t 60 - TCP6:[{GUEST}]:8080 < {sent} > {returned}"));
    guest.run("wait").success();
    assert!(fs::read(&returned).expect("it came back") == data, "both ways at once");
    let hash = lab.run(&format!("sha256sum {sent}"));
    let there = guest.run("sha256sum /tmp/copy").success();
    assert_eq!(there.split(' ').next(), hash.split(' ').next(), "both ways at once");
    check_counts(&cable);

    // What the guest saw of it.
    let counters = guest.run("nstat -asz").success();
    let count = |name: &str| -> u64 {
        let line = counters.lines().find(|line| line.starts_with(name)).unwrap_or_default();
        line.split_whitespace().nth(1).and_then(|count| count.parse().ok()).unwrap_or(0)
    };
    assert!(count("TcpExtTCPDSACKRecv ") > 10, "{counters}");
    assert!(count("TcpExtTCPOFOQueue ") > 10, "{counters}");
}
