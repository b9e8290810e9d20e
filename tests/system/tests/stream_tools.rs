//! `nc`, `tcp-echo` and `udp-echo` in the running system: among themselves over `::1`, and with
//! programs on the host.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};

use sha2::{Digest, Sha256};
use system_tests::guest::Guest;
use system_tests::peer::{HOST, Service, closed_port, tcp_echo, udp_echo};

/// A guest that can reach the host.
fn boot() -> Guest {
    let mut guest = Guest::boot_to_shell(&["--usb-net"]);
    guest.run_until("ip addr show dev usb0", |text| {
        text.contains("inet6 fec0::") && !text.contains("tentative")
    });
    guest
}

fn power_off(guest: &mut Guest) {
    guest.type_keys("poweroff\r");
    assert_eq!(guest.wait_for_exit().code(), Some(0), "QEMU's exit status");
}

/// Bytes in which every position is recognized.
fn content(length: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_u32;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_le_bytes()
    };
    let mut bytes: Vec<u8> = (0..length.div_ceil(4)).flat_map(|_| next()).collect();
    bytes.truncate(length);
    bytes
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn read_to_end(stream: &mut TcpStream) -> Vec<u8> {
    let mut all = Vec::new();
    stream.read_to_end(&mut all).expect("the guest sends and then closes");
    all
}

#[test]
fn nc_with_the_host() {
    let mut guest = boot();

    // The answer depends on having seen the end of the question: each half closes by itself.
    let service = Service::tcp(|mut stream| {
        let question = read_to_end(&mut stream);
        stream.write_all(b"the answer\n").expect("the guest still listens");
        question
    });
    let output = guest.run(&format!("echo the question | nc -v -N {HOST} {}", service.port));
    let port = service.port;
    let text = output.success();
    assert!(
        text.contains(&format!("Connection to {HOST} {port} port [tcp/*] succeeded!")),
        "{text}"
    );
    assert!(text.ends_with("the answer\n"), "{text}");
    assert_eq!(service.outcome(), b"the question\n");

    // The other way round: the host has said all and still listens.
    let service = Service::tcp(|mut stream| {
        stream.write_all(b"first\n").expect("the guest listens");
        stream.shutdown(Shutdown::Write).expect("the connection stands");
        read_to_end(&mut stream)
    });
    let line = format!("(sleep 1; echo second) | nc -N {HOST} {}", service.port);
    assert_eq!(guest.run(&line).success(), "first\n");
    assert_eq!(service.outcome(), b"second\n");

    let port = closed_port();
    let refused = guest.run(&format!("nc {HOST} {port}"));
    let message = format!("nc: connect to {HOST} port {port} (tcp) failed: Connection refused\n");
    assert_eq!((refused.status, refused.text), (1, message));
    let refused = guest.run(&format!("nc -z {HOST} {port}"));
    assert_eq!((refused.status, refused.text.as_str()), (1, ""));

    // Of three ports at least the middle one is open.
    let service = Service::tcp(|mut stream| read_to_end(&mut stream));
    let port = service.port;
    let scan = guest.run(&format!("nc -zv {HOST} {}-{}", port - 1, port.saturating_add(1)));
    let text = scan.success();
    assert!(
        text.contains(&format!("Connection to {HOST} {port} port [tcp/*] succeeded!")),
        "{text}"
    );
    assert_eq!(service.outcome(), b"");

    let service = Service::udp(|socket| {
        let mut buffer = [0; 100];
        let (length, from) = socket.recv_from(&mut buffer).expect("a datagram comes");
        socket.send_to(b"datagram back\n", from).expect("the guest is there");
        buffer[..length].to_vec()
    });
    let line = format!("echo datagram | nc -u -W 1 {HOST} {}", service.port);
    assert_eq!(guest.run(&line).success(), "datagram back\n");
    assert_eq!(service.outcome(), b"datagram\n");

    // A host that stays silent.
    let service = Service::tcp(|mut stream| read_to_end(&mut stream));
    assert_eq!(guest.run(&format!("nc -d -w 1 {HOST} {}", service.port)).success(), "");
    assert_eq!(service.outcome(), b"");
    power_off(&mut guest);
}

#[test]
fn nc_on_loopback() {
    let mut guest = Guest::boot_to_shell(&[]);
    let listening = |guest: &mut Guest, file: &str| {
        guest.run_until(&format!("cat {file}"), |text| {
            text.contains("Listening on") || text.contains("Bound on")
        });
    };

    // A listener in the background of the terminal keeps its hands off the keyboard.
    guest.run("nc -lv 8080 > /tmp/one 2> /tmp/log1 &").success();
    listening(&mut guest, "/tmp/log1");
    guest.run("echo over the loop | nc -N ::1 8080").success();
    guest.run("wait").success();
    assert_eq!(guest.run("cat /tmp/one").success(), "over the loop\n");
    let log = guest.run("cat /tmp/log1").success();
    assert!(log.contains("Listening on :: 8080\nConnection received on ::1 "), "{log}");

    // Two callers, one listener.
    guest.run("nc -lkv ::1 8081 > /tmp/two 2> /tmp/log2 & echo $! > /tmp/pid").success();
    listening(&mut guest, "/tmp/log2");
    guest.run("echo one | nc -N ::1 8081; echo two | nc -N ::1 8081").success();
    guest.run_until("cat /tmp/two", |text| text == "one\ntwo\n");
    let busy = guest.run("nc -l ::1 8081");
    assert_eq!(busy.text, "nc: ::1 8081: bind: Address already in use\n");
    assert_eq!(busy.status, 1);
    guest.run("kill $(cat /tmp/pid)").success();

    // Datagrams: the listener answers the first who writes.
    guest.run("echo answer | nc -luv -w 3 8082 > /tmp/three 2> /tmp/log3 &").success();
    listening(&mut guest, "/tmp/log3");
    assert_eq!(guest.run("echo hello | nc -u -W 1 ::1 8082").success(), "answer\n");
    guest.run("wait").success();
    assert_eq!(guest.run("cat /tmp/three").success(), "hello\n");

    // A pipeline at each end, 4 MiB between them.
    guest.run("nc -lv 8083 2> /tmp/log4 | sha256sum > /tmp/sum &").success();
    listening(&mut guest, "/tmp/log4");
    guest.run("dd if=/dev/zero bs=64k count=64 2> /tmp/dd | nc -N ::1 8083").success();
    guest.run("wait").success();
    let sum = guest.run("cat /tmp/sum").success();
    assert_eq!(sum.split(' ').next(), Some(sha256(&vec![0; 4 << 20]).as_str()));

    assert_eq!(guest.run("nc -zv ::1 8084-8086").status, 1);
    let refused = guest.run("nc -uzv ::1 8084");
    assert_eq!(refused.text, "nc: connect to ::1 port 8084 (udp) failed: Connection refused\n");
    assert_eq!(refused.status, 1);
    let none = guest.run("nc -4 ::1 80");
    assert!(none.text.contains("there is no IPv4"), "{}", none.text);
    power_off(&mut guest);
}

#[test]
fn nc_carries_files_both_ways() {
    let mut guest = boot();
    let data = content((5 << 20) + 1);
    let sum = sha256(&data);

    let sent = data.clone();
    let service = Service::tcp(move |mut stream| stream.write_all(&sent).expect("the guest reads"));
    guest.run(&format!("nc -d {HOST} {} > /tmp/file", service.port)).success();
    service.outcome();
    assert_eq!(guest.run("sha256sum /tmp/file").success(), format!("{sum}  /tmp/file\n"));

    let service = Service::tcp(|mut stream| read_to_end(&mut stream));
    guest.run(&format!("nc -N {HOST} {} < /tmp/file", service.port)).success();
    assert_eq!(sha256(&service.outcome()), sum);

    // Both at once.
    let sent = data.clone();
    let service = Service::tcp(move |mut stream| {
        let mut writer = stream.try_clone().expect("a socket can be duplicated");
        let writing = std::thread::spawn(move || {
            writer.write_all(&sent).expect("the guest reads");
            writer.shutdown(Shutdown::Write).expect("the connection stands");
        });
        let received = read_to_end(&mut stream);
        writing.join().expect("all is sent");
        received
    });
    guest.run(&format!("nc -N {HOST} {} < /tmp/file > /tmp/copy", service.port)).success();
    assert_eq!(sha256(&service.outcome()), sum);
    assert_eq!(guest.run("sha256sum < /tmp/copy").success(), format!("{sum}  -\n"));
    power_off(&mut guest);
}

/// More than any buffer on the way, each way: nothing is kept but hashes.
#[test]
fn nc_carries_64_mebibytes_each_way() {
    let mut guest = boot();
    let data = content(64 << 20);
    let sum = sha256(&data);
    let service = Service::tcp(move |mut stream| stream.write_all(&data).expect("the guest reads"));
    guest.run(&format!("nc -d {HOST} {} > /tmp/file", service.port)).success();
    service.outcome();
    assert_eq!(guest.run("sha256sum < /tmp/file").success(), format!("{sum}  -\n"));
    let service = Service::tcp(|mut stream| sha256(&read_to_end(&mut stream)));
    guest.run(&format!("nc -N {HOST} {} < /tmp/file", service.port)).success();
    assert_eq!(service.outcome(), sum);
    power_off(&mut guest);
}

#[test]
fn echo_tools() {
    let mut guest = boot();

    guest.run("tcp-echo -l -q > /tmp/tcp & echo $! > /tmp/tcp.pid").success();
    guest.run("udp-echo -l -q ::1 7 > /tmp/udp & echo $! > /tmp/udp.pid").success();
    guest.run_until("cat /tmp/tcp /tmp/udp", |text| {
        text.contains("listening on :: port 7") && text.contains("listening on ::1 port 7")
    });
    let text = guest.run("tcp-echo -n 3 -i 0.1 ::1").success();
    assert!(text.contains("56 bytes from ::1: seq=3 time="), "{text}");
    assert!(text.contains("3 messages transmitted, 3 received, 0% message loss"), "{text}");
    let text = guest.run("tcp-echo -q -c 50 -n 5 -s 3000 -i 0 ::1").success();
    assert!(text.contains("250 messages transmitted, 250 received, 0% message loss"), "{text}");
    let text = guest.run("tcp-echo -q -c 2 -n 1 -s 1000000 ::1").success();
    assert!(text.contains("2000000 bytes came back as they were sent"), "{text}");
    let text = guest.run("udp-echo -n 3 -i 0.1 -s 1400 ::1").success();
    assert!(text.contains("3 packets transmitted, 3 received, 0% packet loss"), "{text}");
    assert!(text.contains("rtt min/avg/max/mdev = "), "{text}");
    guest.run("kill $(cat /tmp/tcp.pid) $(cat /tmp/udp.pid); wait").success();
    let served = guest.run("cat /tmp/tcp").success();
    // 3 * 56 + 250 * 3000 + 2 * 1000000.
    assert!(served.contains("53 connections, 2750168 bytes returned, 0 broken"), "{served}");
    let served = guest.run("cat /tmp/udp").success();
    assert!(served.contains("3 datagrams received, 3 returned, 0 failed"), "{served}");

    let port = tcp_echo();
    let text = guest.run(&format!("tcp-echo -n 4 -i 0.1 {HOST} {port}")).success();
    assert!(text.contains("4 messages transmitted, 4 received, 0% message loss"), "{text}");
    let text = guest.run(&format!("tcp-echo -q -c 50 -n 4 -s 4000 -i 0 {HOST} {port}")).success();
    assert!(text.contains("800000 bytes came back as they were sent"), "{text}");
    let refused = guest.run(&format!("tcp-echo {HOST} {}", closed_port()));
    assert!(refused.text.contains("failed: Connection refused"), "{}", refused.text);
    assert_eq!(refused.status, 2);

    let port = udp_echo(|_| false, |_| false);
    let text = guest.run(&format!("udp-echo -q -n 20 -i 0 -s 1400 {HOST} {port}")).success();
    assert!(text.contains("20 packets transmitted, 20 received, 0% packet loss"), "{text}");
    let port = udp_echo(|number| number == 2, |_| false);
    let lossy = guest.run(&format!("udp-echo -n 4 -i 0.1 {HOST} {port}"));
    assert!(lossy.text.contains("4 packets transmitted, 3 received, 25% packet loss"));
    assert_eq!(lossy.status, 1);
    let port = udp_echo(|_| false, |number| number == 3);
    let changed = guest.run(&format!("udp-echo -n 4 -i 0.1 {HOST} {port}"));
    assert!(changed.text.contains("1 answers were not what was sent"), "{}", changed.text);
    assert_eq!(changed.status, 1);

    // A service that breaks off, and one that lies.
    let service = Service::tcp(|mut stream| {
        let mut buffer = [0; 56];
        stream.read_exact(&mut buffer).expect("a message comes");
        stream.write_all(&buffer).expect("the guest is there");
    });
    let broken = guest.run(&format!("tcp-echo -n 3 -i 0 {HOST} {}", service.port));
    service.outcome();
    assert!(broken.text.contains("2 messages transmitted, 1 received"), "{}", broken.text);
    assert_eq!(broken.status, 1);
    let service = Service::tcp(|mut stream| {
        let mut buffer = [0; 56];
        stream.read_exact(&mut buffer).expect("a message comes");
        buffer[20] ^= 1;
        stream.write_all(&buffer).expect("the guest is there");
        read_to_end(&mut stream);
    });
    let lying = guest.run(&format!("tcp-echo -n 1 {HOST} {}", service.port));
    assert!(lying.text.contains("not what was sent: byte 20 is "), "{}", lying.text);
    assert_eq!(lying.status, 1);
    service.outcome();
    power_off(&mut guest);
}
