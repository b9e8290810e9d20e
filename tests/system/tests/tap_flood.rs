//! A flood of SYNs from addresses that nobody has: who really calls is served by SYN cookies, and
//! when it is over nothing is left.
//!
//! Needs root. `make test` runs it where it can, and says so where it can't.
#![cfg(target_os = "linux")]

use std::fs;

use system_tests::flood::{Flood, NOWHERE};
use system_tests::guest::Guest;
use system_tests::lab::{LINUX, Lab, content};

/// The guest's address.
const GUEST: &str = "2001:db8:1::2";
/// Half-open connections that the guest keeps (`net::limits::TCP_HALF_OPEN`).
const HALF_OPEN: usize = 256;
/// Calls during the flood.
const CALLS: u64 = 8;
/// KiB of memory that come and go with what the tests themselves run in the guest.
const SLACK: i64 = 4096;

/// A counter of the guest.
fn count(guest: &mut Guest, name: &str) -> u64 {
    let text = guest.run(&format!("nstat -asz {name}")).success();
    let line = text.lines().find(|line| line.split_whitespace().next() == Some(name));
    let count = line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok());
    count.unwrap_or_else(|| panic!("{name} in:\n{text}"))
}

/// KiB that nobody uses.
fn free_memory(guest: &mut Guest) -> i64 {
    let text = guest.run("cat /proc/meminfo").success();
    let line = text.lines().find_map(|line| line.strip_prefix("MemFree:"));
    let count = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    count.unwrap_or_else(|| panic!("MemFree in:\n{text}"))
}

fn half_open(guest: &mut Guest) -> usize {
    let text = guest.run("ss -Htn state syn-recv | wc -l").success();
    text.trim().parse().expect("a number")
}

/// Rows: TCP-SYNC
#[test]
fn who_calls_during_a_flood_of_syns_is_served() {
    let lab = Lab::new();
    let mut guest = Guest::boot(&["--usb-net", "--usb-net-backend", "tap"], Some(lab.name()));
    guest.wait_for_shell();
    guest.run_until("ip link show usb0", |text| text.contains("LOWER_UP"));
    guest.run(&format!("ip addr add {GUEST}/64 dev usb0 nodad")).success();
    guest.run(&format!("ip route add default via {LINUX}")).success();
    guest.run("tcp-echo -l -q > /tmp/served & echo $! > /tmp/pid").success();
    guest.run_until("ss -Hltn", |text| text.contains(":7"));
    let (sent, returned) = (lab.path("sent"), lab.path("returned"));
    let data = content(256 << 10);
    fs::write(&sent, &data).expect("the file can be written");
    let call = || {
        lab.shell(&format!("socat -t 60 -b 65536 - TCP6:[{GUEST}]:7 < {sent} > {returned}"));
        assert!(fs::read(&returned).expect("it came back") == data);
    };
    // With all that a program takes the first time.
    call();
    let before = free_memory(&mut guest);

    let flood = Flood::start(&lab, (GUEST.parse().expect("an address"), 7));
    guest.run_until("nstat -asz TcpExtSyncookiesSent", |text| {
        !text.contains("TcpExtSyncookiesSent            0 ")
    });
    let received = count(&mut guest, "TcpExtSyncookiesRecv");
    for _ in 0..CALLS {
        call();
    }
    let received = count(&mut guest, "TcpExtSyncookiesRecv") - received;
    let open = half_open(&mut guest);
    assert!(open > HALF_OPEN / 2 && open <= HALF_OPEN, "{open} half-open connections");
    let during = free_memory(&mut guest);
    assert!(before - during < SLACK, "{before} and {during} KiB free");
    assert!(count(&mut guest, "TcpExtSyncookiesFailed") > 0, "guesses are noticed");
    // A place for a half-open connection may have become free now and then.
    assert!(received > 0 && received <= CALLS, "{received} of {CALLS}");
    // No connection comes of a guess.
    let strangers = guest.run(&format!("ss -Htn state connected dst {NOWHERE}/64 | grep -v SYN"));
    assert_eq!(strangers.text, "");
    assert!(flood.sent() as usize > HALF_OPEN);
    drop(flood);

    // An entry lasts as long as its SYN-ACK is sent again, a minute.
    guest.run_until("ss -Htn state syn-recv", str::is_empty);
    let cookies = count(&mut guest, "TcpExtSyncookiesSent");
    call();
    assert_eq!(count(&mut guest, "TcpExtSyncookiesSent"), cookies, "there is room again");
    guest.run("kill $(cat /tmp/pid); wait");
    let served = guest.run("cat /tmp/served").success();
    assert!(served.contains(&format!("{} connections", CALLS + 2)), "{served}");
    assert!(served.contains(" 0 broken"), "{served}");
    let after = free_memory(&mut guest);
    assert!(before - after < SLACK, "{before} and {after} KiB free");
}
