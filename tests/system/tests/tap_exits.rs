//! Programs that die, and what their connections leave on the wire: a reset where data came that
//! nobody has read, else what was written and a FIN. And the machine's end: programs are told.
//!
//! Needs root. `make test` runs it where it can, and says so where it can't.
#![cfg(target_os = "linux")]

use std::fs;
use std::io::Write as _;

use system_tests::guest::Guest;
use system_tests::lab::{LINUX, Lab, content};

/// The guest's address.
const GUEST: &str = "2001:db8:1::2";
/// Ten full segments.
const LENGTH: usize = 10 * 1428;

fn boot(lab: &Lab) -> Guest {
    let mut guest = Guest::boot(&["--usb-net", "--usb-net-backend", "tap"], Some(lab.name()));
    guest.wait_for_shell();
    guest.run_until("ip link show usb0", |text| text.contains("LOWER_UP"));
    guest.run(&format!("ip addr add {GUEST}/64 dev usb0 nodad")).success();
    guest
}

/// Counts the resets of the guest, and its FINs.
fn watch(lab: &Lab) {
    lab.set_faults(
        "table netdev fault {
           chain from {
             type filter hook ingress device mona0 priority 0;
             tcp flags & rst == rst counter;
             tcp flags & fin == fin counter;
           }
         }",
    );
}

/// What became of the program whose number is in `/tmp/pid`.
fn kill(guest: &mut Guest) {
    guest.run("kill -KILL $(cat /tmp/pid); wait");
}

/// A program with data that it has read gives way to a FIN, one with data that it has not to a
/// reset (RFC 9293, MUST-12 and Section 3.6.1; RFC 2525, Section 2.17).
#[test]
fn unread_data_makes_the_difference() {
    let lab = Lab::new();
    let mut guest = boot(&lab);
    let path = lab.path("words");
    for (port, unread, expected) in [(9000, false, [0, 1]), (9001, true, [1, 0])] {
        fs::write(&path, "first\n").expect("the file can be written");
        // Goes on when the file grows.
        let line = format!("socat -u OPEN:{path},ignoreeof TCP6-LISTEN:{port},reuseaddr");
        let service = lab.serve(port, &line);
        guest.run(&format!("nc -d {LINUX} {port} > /tmp/words & echo $! > /tmp/pid")).success();
        guest.run_until("cat /tmp/words", |text| text == "first\n");
        watch(&lab);
        if unread {
            guest.run("kill -STOP $(cat /tmp/pid)").success();
            let mut file = fs::File::options().append(true).open(&path).expect("it is there");
            file.write_all(b"second\n").expect("the file can be written");
            guest.run_until(&format!("ss -Htn dport = :{port}"), |text| {
                text.starts_with("ESTAB 7 ")
            });
        }
        kill(&mut guest);
        lab.run_until(&format!("ss -Htn state established sport = :{port}"), str::is_empty);
        drop(service);
        assert_eq!(lab.end_faults()[..], expected, "resets and FINs; unread: {unread}");
        assert_eq!(guest.run("cat /tmp/words").success(), "first\n");
    }
}

/// What a program has written arrives although it is dead and nothing came through before.
#[test]
fn what_was_written_is_sent() {
    let lab = Lab::new();
    let mut guest = boot(&lab);
    let (sent, returned) = (lab.path("sent"), lab.path("returned"));
    let data = content(LENGTH);
    fs::write(&sent, &data).expect("the file can be written");
    let service = lab.serve(9000, &format!("socat -u OPEN:{sent} TCP6-LISTEN:9000,reuseaddr"));
    guest.run(&format!("nc -d {LINUX} 9000 > /tmp/file")).success();
    service.finish();
    let service =
        lab.serve(9001, &format!("socat -u TCP6-LISTEN:9001,reuseaddr CREATE:{returned}"));
    // The handshake passes, data does not.
    lab.set_faults(
        "table netdev fault {
           chain from {
             type filter hook ingress device mona0 priority 0;
             tcp dport 9001 meta length > 400 counter drop;
           }
         }",
    );
    guest.run(&format!("nc {LINUX} 9001 < /tmp/file & echo $! > /tmp/pid")).success();
    let state = format!("{LENGTH} ");
    guest.run_until("ss -Htn dport = :9001", |text| {
        text.starts_with("ESTAB") && text.split_whitespace().nth(2) == Some(state.trim())
    });
    kill(&mut guest);
    let orphan = guest.run("ss -Htnp dport = :9001").success();
    assert!(orphan.starts_with("FIN-WAIT-1") && !orphan.contains("users:"), "{orphan}");
    assert!(lab.end_faults()[0] > 0);
    service.finish();
    assert!(fs::read(&returned).expect("it came") == data);
    guest.run_until("ss -Htn state fin-wait-1", str::is_empty);
}

/// With a listener go those that it has not accepted yet.
#[test]
fn a_listener_takes_its_queue_along() {
    let lab = Lab::new();
    let mut guest = boot(&lab);
    guest.run("nc -lkd 8080 > /tmp/words & echo $! > /tmp/pid").success();
    guest.run_until("ss -Hltn", |text| text.contains(":8080"));
    // `nc` serves one after the other.
    let _callers = [0, 1].map(|_| lab.start(&format!("socat -u PIPE TCP6:[{GUEST}]:8080")));
    lab.run_until("ss -Htn state established dport = :8080", |text| {
        text.matches(":8080").count() == 2
    });
    guest.run_until("ss -Htn state established sport = :8080", |text| text.lines().count() == 2);
    watch(&lab);
    kill(&mut guest);
    lab.run_until("ss -Htn state established dport = :8080", str::is_empty);
    assert_eq!(lab.end_faults(), [1, 1], "a reset for who waited, a FIN for who was served");
    let refused = lab.try_run(&format!("nc -6 -z {GUEST} 8080"));
    assert_eq!(refused.status.code(), Some(1));
    assert_eq!(guest.run("ss -Hltn sport = :8080").success(), "");
}

/// RFC 6762, Section 10.1: who goes takes its name back, and QEMU ends in order.
#[test]
fn the_machine_says_good_bye() {
    let lab = Lab::new();
    let path = lab.path("names.pcap");
    let line = format!("tcpdump -Z root -i mona0 -U -nn -w {path} udp port 5353");
    let capture = lab.start(&line);
    let mut guest = boot(&lab);
    let records = format!("tcpdump -nn -vvv -r {path}");
    lab.run_until(&records, |text| text.contains("] AAAA 2001:db8:1::2"));
    assert!(!lab.run(&records).contains("[0s]"));
    guest.run("nc -l 8080 > /tmp/words & sleep 1").success();
    guest.type_keys("poweroff\r");
    assert_eq!(guest.wait_for_exit().code(), Some(0), "QEMU's exit status");
    lab.run_until(&records, |text| text.contains("[0s] AAAA 2001:db8:1::2"));
    drop(capture);
}
