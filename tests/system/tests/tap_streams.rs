//! TCP on a real link, with Linux at the other end: files both ways, also where frames are lost and
//! sent twice; listeners, refusals, resets; stock tools as peers. Where frames overtake each other,
//! see `tap_cable.rs`.
//!
//! Needs root. `make test` runs it where it can, and says so where it can't.

use std::fs;

use system_tests::guest::Guest;
use system_tests::lab::{FAR, LINUX, Lab, content};
use system_tests::peer::jitter;

/// The guest's address.
const GUEST: &str = "2001:db8:1::2";
/// What goes each way: more than any buffer holds.
const LENGTH: usize = 64 << 20;
/// Connections at once.
const PARALLEL: usize = 50;

/// A guest that is reachable at [`GUEST`].
fn boot(lab: &Lab) -> Guest {
    let mut guest = Guest::boot(&["--usb-net", "--usb-net-backend", "tap"], Some(lab.name()));
    guest.wait_for_shell();
    guest.run_until("ip link show usb0", |text| text.contains("LOWER_UP"));
    guest.run(&format!("ip addr add {GUEST}/64 dev usb0 nodad")).success();
    guest.run(&format!("ip route add default via {LINUX}")).success();
    guest
}

/// Sends a file to the guest and back, and compares what returned.
#[track_caller]
fn there_and_back(lab: &Lab, guest: &mut Guest) {
    let (sent, returned) = (lab.path("sent"), lab.path("returned"));
    let data = content(LENGTH);
    fs::write(&sent, &data).expect("the file can be written");
    let service = lab.serve(9000, &format!("socat -u OPEN:{sent} TCP6-LISTEN:9000,reuseaddr"));
    guest.run_long(&format!("nc -d {LINUX} 9000 > /tmp/file")).success();
    service.finish();
    let service =
        lab.serve(9001, &format!("socat -u TCP6-LISTEN:9001,reuseaddr CREATE:{returned}"));
    guest.run_long(&format!("nc -N {LINUX} 9001 < /tmp/file")).success();
    service.finish();
    let here = lab.run(&format!("sha256sum {sent}"));
    let there = guest.run("sha256sum /tmp/file").success();
    assert_eq!(here.split(' ').next(), there.split(' ').next(), "the way there");
    assert!(fs::read(&returned).expect("it came back") == data, "the way back");
}

#[test]
fn files_arrive_whole() {
    let lab = Lab::new();
    let mut guest = boot(&lab);
    there_and_back(&lab, &mut guest);

    lab.set_faults(
        "table netdev fault {
           chain from {
             type filter hook ingress device mona0 priority 0;
             meta l4proto tcp numgen random mod 100 < 2 counter drop;
           }
           chain to {
             type filter hook egress device mona0 priority 0;
             meta l4proto tcp numgen random mod 100 < 2 counter drop;
             meta l4proto tcp numgen inc mod 50 == 7 counter dup to \"mona0\"
           }
         }",
    );
    there_and_back(&lab, &mut guest);
    let counts = lab.end_faults();
    // Of some 47,000 segments one way, and as many acknowledgments the other.
    assert!(counts.len() == 3 && counts.iter().all(|&count| count > 100), "{counts:?}");
}

/// A link on the way is narrower than either end's: Packet Too Big, and segments that fit.
#[test]
fn a_path_with_a_smaller_mtu() {
    let mut lab = Lab::new();
    lab.add_far_host(1280);
    let mut guest = boot(&lab);
    let data = content(1 << 20);
    let (sent, arrived) = (lab.path("sent"), lab.path("arrived"));
    fs::write(&sent, &data).expect("the file can be written");
    let service = lab.serve(9000, &format!("socat -u OPEN:{sent} TCP6-LISTEN:9000,reuseaddr"));
    guest.run(&format!("nc -d {LINUX} 9000 > /tmp/file")).success();
    service.finish();

    let service = lab.start_far(&format!("socat -u TCP6-LISTEN:9001,reuseaddr CREATE:{arrived}"));
    // It may not listen yet.
    guest.run_until(&format!("nc -N {FAR} 9001 < /tmp/file; echo status=$?"), |text| {
        text.contains("status=0")
    });
    service.finish();
    assert!(fs::read(&arrived).expect("the file is there") == data);
    let counts = lab.run("nstat -asz Icmp6OutPktTooBigs");
    let count = counts.split_whitespace().skip_while(|word| !word.starts_with("Icmp6")).nth(1);
    assert!(count.is_some_and(|count| count != "0"), "{counts}");
}

#[test]
fn linux_calls_the_guest() {
    let lab = Lab::new();
    let mut guest = boot(&lab);
    let data = content(1 << 20);
    let (sent, returned) = (lab.path("sent"), lab.path("returned"));
    fs::write(&sent, &data).expect("the file can be written");

    let listening = |guest: &mut Guest, port: u16| {
        guest.run_until("ss -ltn", |text| text.contains(&format!(":{port}")));
    };

    guest.run("nc -l 8080 > /tmp/file &").success();
    listening(&mut guest, 8080);
    lab.shell(&format!("nc -6 -N {GUEST} 8080 < {sent}"));
    guest.run("wait").success();
    let there = guest.run("sha256sum /tmp/file").success();
    let here = lab.run(&format!("sha256sum {sent}"));
    assert_eq!(here.split(' ').next(), there.split(' ').next());
    guest.run("nc -lN 8081 < /tmp/file > /dev/null &").success();
    listening(&mut guest, 8081);
    lab.shell(&format!("nc -6 -d {GUEST} 8081 > {returned}"));
    guest.run("wait").success();
    assert!(fs::read(&returned).expect("it came back") == data);

    // More callers than the backlog holds while one is being served: who finds it full tries
    // again, and all are served in the end.
    guest.run("nc -lkd 8082 > /tmp/lines & echo $! > /tmp/pid").success();
    listening(&mut guest, 8082);
    let call = |first: &str, name: &str| {
        lab.start_shell(&format!("({first} echo {name}) | nc -6 -N {GUEST} 8082"))
    };
    let first = call("sleep 3;", "first");
    guest.run_until("ss -tn", |text| text.contains(":8082"));
    let callers: Vec<_> = (0..40).map(|number| call("", &format!("caller{number}"))).collect();
    for caller in callers {
        caller.finish();
    }
    first.finish();
    let lines = guest.run_until("sort /tmp/lines | uniq", |text| text.lines().count() == 41);
    assert!(lines.contains("first") && lines.contains("caller39"), "{lines}");
    guest.run("kill $(cat /tmp/pid)").success();
}

#[test]
fn connections_that_fail() {
    let lab = Lab::new();
    let mut guest = boot(&lab);
    let refused = guest.run(&format!("nc {LINUX} 9"));
    assert!(refused.text.contains("Connection refused"), "{}", refused.text);
    assert_eq!(refused.status, 1);
    let nobody = guest.run("nc 2001:db8:1::99 9");
    assert!(nobody.text.contains("No route to host"), "{}", nobody.text);
    assert_eq!(nobody.status, 1);

    // A firewall that says nothing: the program gives up, or TCP does.
    lab.set_faults(
        "table netdev fault {
           chain from {
             type filter hook ingress device mona0 priority 0;
             tcp dport 9009 counter drop;
           }
         }",
    );
    let silent = guest.run(&format!("nc -w 3 {LINUX} 9009"));
    assert!(silent.text.contains("timed out"), "{}", silent.text);
    assert_eq!(silent.status, 1);
    guest.run("echo 1 > /proc/sys/net/ipv4/tcp_syn_retries").success();
    let silent = guest.run(&format!("nc {LINUX} 9009"));
    assert!(silent.text.contains("failed: Connection timed out"), "{}", silent.text);
    assert_eq!(silent.status, 1);
    let counts = lab.end_faults();
    assert!(counts[0] >= 4, "a SYN is sent again: {counts:?}");

    // A peer that is killed before it has read what came: Linux resets the connection.
    let service = lab.serve(9003, "socat -u PIPE TCP6-LISTEN:9003,reuseaddr");
    guest.run(&format!("(echo hello; sleep 60) | nc {LINUX} 9003 2> /tmp/error &")).success();
    lab.run_until("ss -Htn sport = :9003", |text| text.starts_with("ESTAB 6 "));
    drop(service);
    guest.run_until("cat /tmp/error", |text| text.contains("Connection reset by peer"));
}

/// Whether a client's server says that none of at least 37 datagrams was lost; it may count the one
/// that ends the test.
fn all_arrived(report: &str) -> bool {
    report.contains("Server Report:") && (report.contains(" 0/37 (") || report.contains(" 0/38 ("))
}

/// The stock iperf 2 at the other end, in both roles: one stream, several, the other way round,
/// and datagrams.
#[test]
fn iperf_with_the_original() {
    let lab = Lab::new();
    let mut guest = boot(&lab);
    let (parallel, reverse) = ("-n 1M -P 3", "-n 1M -R");
    let datagrams = "-u -n 50K -b 2M -l 1400";
    let _servers = [lab.serve(5001, "iperf -s -V"), lab.start("iperf -s -V -u -p 5002")];
    lab.run_until("ss -Hlun sport = :5002", |text| !text.is_empty());
    let mut ask = |options: &str| guest.run(&format!("iperf -c {LINUX} {options}")).success();
    let text = ask("-t 2");
    assert!(text.contains("bits/sec"), "{text}");
    let text = ask(parallel);
    assert!(text.contains("[SUM]") && text.contains("3.00 MBytes"), "{text}");
    let text = ask(reverse);
    assert!(text.contains("1.00 MBytes"), "{text}");
    let text = ask(&format!("-p 5002 {datagrams}"));
    assert!(all_arrived(&text), "{text}");

    guest.run("iperf -s > /tmp/iperf & echo $! > /tmp/pid").success();
    guest.run("iperf -s -u -p 5002 > /tmp/iperf-u & echo $! >> /tmp/pid").success();
    guest.run_until("ss -Hltun", |text| text.contains(":5001") && text.contains(":5002"));
    let ask = |options: &str| lab.run(&format!("iperf -V -c {GUEST} {options}"));
    let text = ask("-t 2");
    assert!(text.contains("bits/sec"), "{text}");
    guest.run_until("cat /tmp/iperf", |text| text.contains("bits/sec"));
    let text = ask(parallel);
    assert!(text.contains("[SUM]") && text.contains("3.00 MBytes"), "{text}");
    let text = ask(reverse);
    assert!(text.contains("1.00 MBytes"), "{text}");
    let text = ask(&format!("-p 5002 {datagrams}"));
    assert!(all_arrived(&text), "{text}");
    let text = ask("-p 5002 -u -n 300K -b 2M -R");
    assert!(jitter(&text).is_some_and(|jitter| jitter < 1000.0), "{text}");
    guest.run("kill $(cat /tmp/pid)").success();
}

/// socat's echo for our clients, our echo for socat.
#[test]
fn echo_with_socat() {
    let lab = Lab::new();
    let mut guest = boot(&lab);
    let _datagrams = lab.start("socat UDP6-RECVFROM:7,fork PIPE");
    guest.run_until(&format!("udp-echo -n 3 -i 0.1 -s 1400 {LINUX}"), |text| {
        text.contains("3 packets transmitted, 3 received, 0% packet loss")
    });
    // Not PIPE, in which more than a pipe holds gets stuck.
    let line = "socat TCP6-LISTEN:7,fork,reuseaddr,backlog=64 EXEC:cat,nofork";
    let _streams = lab.serve(7, line);
    let text = guest.run(&format!("tcp-echo -q -c {PARALLEL} -n 2 -i 0 -s 2000 {LINUX}"));
    let text = text.success();
    let messages = 2 * PARALLEL;
    assert!(
        text.contains(&format!("{messages} messages transmitted, {messages} received")),
        "{text}"
    );
    let octets = messages * 2000;
    assert!(text.contains(&format!("{octets} bytes came back as they were sent")), "{text}");

    let text = guest.run(&format!("tcp-echo -q -n 4 -i 0 -s 1000000 {LINUX}")).success();
    assert!(text.contains("4000000 bytes came back as they were sent"), "{text}");

    guest.run("udp-echo -l -q > /tmp/udp & echo $! > /tmp/pid").success();
    guest.run_until("ss -lun", |text| text.contains(":7"));
    let text = lab.shell(&format!("echo over | socat -t 5 - UDP6:[{GUEST}]:7"));
    assert_eq!(text, "over\n");
    guest.run("kill $(cat /tmp/pid); wait");

    guest.run("tcp-echo -l -q > /tmp/tcp & echo $! > /tmp/pid").success();
    guest.run_until("ss -ltn", |text| text.contains(":7"));
    let data = content(1 << 20);
    let (sent, returned) = (lab.path("sent"), lab.path("returned"));
    fs::write(&sent, &data).expect("the file can be written");
    lab.shell(&format!("socat -t 30 -b 65536 - TCP6:[{GUEST}]:7 < {sent} > {returned}"));
    assert!(fs::read(&returned).expect("it came back") == data);
    // Many at once: each holds its connection until all have theirs.
    let all_there = lab.path("all-there");
    let wait = format!("until [ -e {all_there} ]; do sleep 0.2; done");
    let line = format!("(echo one; {wait}; echo two) | socat -t 60 - TCP6:[{GUEST}]:7");
    let callers: Vec<_> = (0..PARALLEL).map(|_| lab.start_shell(&line)).collect();
    guest.run_until("ss -Htn state established sport = :7 | wc -l", |text| {
        text.trim().parse() == Ok(PARALLEL)
    });
    fs::write(&all_there, "").expect("the file can be written");
    for caller in callers {
        assert_eq!(caller.finish(), "one\ntwo\n");
    }
    guest.run("kill $(cat /tmp/pid); wait");
    let served = guest.run("cat /tmp/tcp").success();
    let connections = PARALLEL + 1;
    assert!(served.contains(&format!("{connections} connections")), "{served}");
    assert!(served.contains(" 0 broken"), "{served}");
}

/// Half of a connection closes, and the other half goes on; `ss -K` ends what nobody closes.
#[test]
fn halves_and_ends() {
    let lab = Lab::new();
    let mut guest = boot(&lab);
    // Linux answers only when it has seen the end of the question.
    let service = lab.serve(9000, "socat -t 60 TCP6-LISTEN:9000,reuseaddr EXEC:sha256sum");
    let answer = guest.run(&format!("echo question | nc -N {LINUX} 9000")).success();
    let expected = lab.shell("echo question | sha256sum");
    assert_eq!(answer, expected);
    service.finish();
    // And the guest when it has seen Linux's.
    guest.run("nc -lNk 8080 > /tmp/line < /dev/null & echo $! > /tmp/pid").success();
    guest.run_until("ss -ltn", |text| text.contains(":8080"));
    assert_eq!(lab.shell(&format!("echo line | socat -t 30 - TCP6:[{GUEST}]:8080")), "");
    guest.run_until("cat /tmp/line", |text| text == "line\n");
    guest.run("kill $(cat /tmp/pid); wait");

    guest.run("nc -lkd 8081 > /tmp/nothing 2> /tmp/error & echo $! > /tmp/pid").success();
    guest.run_until("ss -ltn", |text| text.contains(":8081"));
    let caller = lab.start_shell(&format!("nc -6 -d {GUEST} 8081; echo over"));
    guest.run_until("ss -Htn 'sport = :8081 and ( dport > 1 or not dst ::/0 )'", |text| {
        text.starts_with("ESTAB")
    });
    let ended = guest.run("ss -KHtn sport = :8081").success();
    assert!(ended.starts_with("ESTAB"), "{ended}");
    // Linux is told by a reset, the program in the guest by an error.
    assert!(caller.finish().contains("over"));
    guest.run_until("cat /tmp/error", |text| text.contains("Software caused connection abort"));
    let left = guest.run("ss -Htn sport = :8081").success();
    assert!(!left.contains("ESTAB"), "{left}");
    guest.run("kill $(cat /tmp/pid)").success();
}
