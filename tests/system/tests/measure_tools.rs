//! The tools that measure and look: `iperf`, `tcpdump`, `ss`, `nstat`.

use std::io::{Read as _, Write as _};
use std::process::{Child, Command, Stdio};

use system_tests::guest::Guest;
use system_tests::peer::{HOST, Service, jitter};

/// An iperf 2 server of this machine's loopback interface, where the guest's packets to fec0::2 end
/// up. Dropping it ends it.
struct Server(Child);

impl Server {
    fn start(port: u16, options: &[&str]) -> Self {
        let mut command = Command::new("iperf");
        command.args(["-s", "-V", "-B", "::1", "-p", &port.to_string()]).args(options);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        Self(command.spawn().expect("iperf 2 is installed"))
    }

    /// Ends it; what it has printed, which is less than a pipe holds.
    fn report(mut self) -> String {
        // It prints what it has not yet printed. There is no other way to end it.
        let _ = Command::new("kill").args(["-TERM", &self.0.id().to_string()]).status();
        let mut text = String::new();
        let mut output = self.0.stdout.take().expect("it is a pipe");
        output.read_to_string(&mut text).expect("iperf prints text");
        text
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What this machine's tcpdump says of a recording.
fn read_recording(octets: &[u8]) -> String {
    let mut command = Command::new("tcpdump");
    command.args(["-n", "-r", "-"]).env("TZ", "UTC");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().expect("tcpdump is installed");
    // The few packets fit the pipe.
    let mut input = child.stdin.take().expect("it is a pipe");
    input.write_all(octets).expect("tcpdump reads its input");
    drop(input);
    let output = child.wait_with_output().expect("it is our child");
    String::from_utf8(output.stdout).expect("tcpdump prints text")
}

/// Boots, and waits until there is a way to fec0::2.
fn boot() -> Guest {
    let mut guest = Guest::boot_to_shell(&["--usb-net"]);
    guest.run_until("ip addr show dev usb0", |text| {
        text.contains("inet6 fec0::") && !text.contains("tentative")
    });
    guest
}

/// A port that another test process does not use.
fn port(offset: u16) -> u16 {
    20_000 + (std::process::id() % 20_000) as u16 + offset
}

#[test]
fn iperf_with_iperf_2_of_another_system() {
    let (tcp, udp) = (port(0), port(1));
    let (_stream, datagrams) = (Server::start(tcp, &[]), Server::start(udp, &["-u"]));
    let mut guest = boot();
    for direction in ["", "-R"] {
        // The server may need a moment before it listens.
        let report = guest
            .run_until(&format!("iperf -c fec0::2 -p {tcp} -n 1M {direction}"), |text| {
                text.contains("1.00 MBytes")
            });
        assert!(report.contains("0.0000-"), "{report}");
    }
    let report = guest.run(&format!("iperf -c fec0::2 -p {udp} -u -n 300K -b 2M")).success();
    assert!(report.contains("Server Report:"), "{report}");
    assert!(report.contains("/213 ("), "212 datagrams and the last one in:\n{report}");
    // The times in the datagrams are those of a clock near the server's. (With no clock iperf 2.1.8
    // says millions of seconds, since it takes the first datagram's way for a change from none.)
    assert!(jitter(&report).is_some_and(|jitter| jitter < 1000.0), "{report}");
    let report = datagrams.report();
    assert!(jitter(&report).is_some_and(|jitter| jitter < 1000.0), "{report}");
    let refused = guest.run("iperf -c ::1 -p 9");
    assert_eq!(refused.status, 1);
    assert!(refused.text.contains("tcp connect failed: Connection refused"), "{}", refused.text);
}

#[test]
fn what_goes_on_inside() {
    let mut guest = boot();

    // Both sides of iperf in one system, over loopback, two streams.
    guest.run("iperf -s -P 3 > /tmp/server &");
    guest.run_until("ss -Htln sport = :5001", |text| text.contains("LISTEN"));
    let report = guest.run("iperf -c ::1 -n 1M -P 2").success();
    assert!(report.contains("[SUM] 0.0000-"), "{report}");
    assert!(report.contains("2.00 MBytes"), "{report}");

    // A connection that lasts, seen from both ends.
    guest.run("iperf -c ::1 -t 600 -b 1M > /tmp/client &");
    let sockets = guest.run_until("ss -tn dport = :5001", |text| text.contains("ESTAB"));
    assert!(sockets.contains("[::1]:5001"), "{sockets}");
    let details = guest.run("ss -tin dport = :5001").success();
    assert!(details.contains(" mss:") && details.contains(" cwnd:"), "{details}");
    guest.run("kill %2");
    guest.run_until("cat /tmp/server", |text| text.contains("[  3] 0.0000-"));

    // Packets of a ping, to a file and from it.
    guest.run("tcpdump -i usb0 -c 4 -w /tmp/ping.pcap host fec0::2 and icmp6 2> /tmp/dump &");
    guest.run_until("cat /tmp/dump", |text| text.contains("listening on usb0"));
    guest.run("ping6 -c 2 -i 0.3 fec0::2").success();
    guest.run_until("cat /tmp/dump", |text| text.contains("4 packets captured"));
    let lines = guest.run("tcpdump -n -r /tmp/ping.pcap").success();
    for wanted in
        ["ICMP6, echo request, id ", "ICMP6, echo reply, id ", " > fec0::2: ", ", seq 2, length 64"]
    {
        assert!(lines.contains(wanted), "{wanted} in:\n{lines}");
    }
    // Carried out, the file says the same to the host's tcpdump.
    let service = Service::tcp(|mut stream| {
        let mut octets = Vec::new();
        stream.read_to_end(&mut octets).expect("the guest sends and then closes");
        octets
    });
    guest.run(&format!("nc -N {HOST} {} < /tmp/ping.pcap", service.port)).success();
    let theirs = read_recording(&service.outcome());
    let ours = lines.lines().filter(|line| !line.starts_with("reading from "));
    assert_eq!(ours.collect::<Vec<_>>(), theirs.lines().collect::<Vec<_>>());
    // A filter of octets, which the kernel applies.
    let filter = "'tcp[tcpflags] & (tcp-syn|tcp-ack) == tcp-syn'";
    guest.run(&format!("tcpdump -i lo -l -c 2 {filter} > /tmp/lines 2> /tmp/dump &"));
    guest.run_until("cat /tmp/dump", |text| text.contains("listening on lo"));
    guest.run("nc -z ::1 9; nc -z ::1 9");
    let lines = guest.run_until("cat /tmp/lines", |text| text.lines().count() >= 2);
    assert!(lines.lines().all(|line| line.contains("::1.9: Flags [S], seq ")), "{lines}");
    // All interfaces, with their names.
    guest.run("tcpdump -l -i any -c 2 icmp6 and host ::1 > /tmp/lines 2> /tmp/dump &");
    guest.run_until("cat /tmp/dump", |text| text.contains("listening on any"));
    guest.run("ping6 -c 2 -i 0.3 ::1").success();
    let lines = guest.run_until("cat /tmp/lines", |text| text.lines().count() >= 2);
    assert!(lines.contains("lo    In  IP6 ::1 > ::1: ICMP6, echo"), "{lines}");

    let counters = guest.run("nstat Ip6InReceives Icmp6InEchoReplies").success();
    for name in ["Ip6InReceives", "Icmp6InEchoReplies"] {
        assert!(counters.contains(name), "{name} in:\n{counters}");
    }
    let counters = guest.run("nstat -z 'TcpExt*'").success();
    assert!(counters.contains("TcpExtSyncookiesSent"), "{counters}");
}
