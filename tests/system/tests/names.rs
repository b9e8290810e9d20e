//! Names on a real link: dnsmasq as name server, avahi as the other host that speaks multicast DNS.
//!
//! Needs root. `make test` runs it where it can, and says so where it can't.

use std::path::Path;
use std::time::{Duration, Instant};

use system_tests::guest::{Guest, PATIENCE};
use system_tests::lab::{LINUX, Lab, Service};

fn boot(lab: &Lab) -> Guest {
    let mut guest = Guest::boot(&["--usb-net", "--usb-net-backend", "tap"], Some(lab.name()));
    guest.wait_for_shell();
    guest.run_until("ip addr show dev usb0", |text| {
        text.contains("2001:db8:1:") && !text.contains("tentative")
    });
    guest
}

/// The guest's own addresses.
const GLOBAL: &str = "2001:db8:1:0:5054:ff:fe12:3457";
const LINK_LOCAL: &str = "fe80::5054:ff:fe12:3457";

/// dnsmasq with a zone `lab` of its own.
fn name_server(lab: &Lab) -> Service {
    let long: Vec<String> = (1..=60)
        .map(|number| format!("--host-record=long.lab,2001:db8:ffff::{number:x}"))
        .collect();
    let service = lab.start(&format!(
        "dnsmasq --keep-in-foreground --conf-file=/dev/null --user=root --pid-file= \
         --listen-address={LINUX} --bind-interfaces --no-resolv --no-hosts --local=/lab/ \
         --local=/ip6.arpa/ --host-record=host.lab,{LINUX} --cname=www.lab,alias.lab \
         --cname=alias.lab,host.lab --mx-host=lab,host.lab,10 {}",
        long.join(" ")
    ));
    lab.run_until("ss -Hlun sport = :53", |text| !text.is_empty());
    service
}

/// Says which name servers and domains the guest has.
fn configure(guest: &mut Guest, lines: &[&str]) {
    let mut redirection = ">";
    for line in lines {
        guest.run(&format!("echo '{line}' {redirection} /etc/resolv.conf")).success();
        redirection = ">>";
    }
}

#[test]
fn names_of_a_name_server() {
    let mut lab = Lab::new();
    lab.start_router(1800);
    let _server = name_server(&lab);
    let mut guest = boot(&lab);
    let server = format!("nameserver {LINUX}");
    configure(&mut guest, &[&server, "search nowhere.lab lab"]);

    let ping = guest.run("ping6 -c 1 host").success();
    assert!(ping.starts_with(&format!("PING host(host.lab ({LINUX})) 56 data bytes\n")), "{ping}");
    assert!(ping.contains(&format!("64 bytes from host.lab ({LINUX}): icmp_seq=1")), "{ping}");
    // An alias of an alias.
    let answer = guest.run("nslookup www.lab").success();
    for line in ["www.lab\tcanonical name = alias.lab.", "alias.lab\tcanonical name = host.lab."] {
        assert!(answer.contains(line), "{answer}");
    }
    assert!(answer.contains(&format!("Name:\thost.lab\nAddress: {LINUX}\n")), "{answer}");
    assert_eq!(
        guest.run("nslookup -type=mx lab").success(),
        format!(
            "Server:\t\t{LINUX}\nAddress:\t{LINUX}#53\n\nlab\tmail exchanger = 10 host.lab.\n\n"
        )
    );
    // Sixty addresses don't fit into a datagram: TCP has them.
    let answer = guest.run("nslookup long.lab").success();
    assert_eq!(answer.matches("Address: 2001:db8:ffff::").count(), 60, "{answer}");
    let answer = guest.run(&format!("nslookup {LINUX}")).success();
    assert!(answer.contains(".ip6.arpa\tname = host.lab."), "{answer}");
    let nobody = guest.run("nslookup nobody.lab.");
    assert_eq!(nobody.status, 1);
    assert!(nobody.text.contains("** server can't find nobody.lab: NXDOMAIN"), "{}", nobody.text);
    let nobody = guest.run("ping6 -c 1 nobody.lab.");
    assert_eq!(
        (nobody.status, nobody.text.as_str()),
        (2, "ping6: nobody.lab.: Name or service not known\n")
    );

    // A server where nobody listens, and one that is not there.
    for down in ["nameserver fe80::1%usb0", "nameserver 2001:db8:1::77"] {
        configure(&mut guest, &[down, &server]);
        let answer = guest.run("nslookup host.lab").success();
        assert!(answer.starts_with(&format!("Server:\t\t{LINUX}\n")), "{down}: {answer}");
    }
    configure(&mut guest, &["# none"]);
    let without = guest.run("ping6 -c 1 host.lab");
    assert_eq!(
        (without.status, without.text.as_str()),
        (2, "ping6: host.lab: No name server known\n")
    );
}

/// A message bus and avahi as a host of that name; they end with the values.
struct Avahi {
    bus: String,
    _services: [Service; 2],
}

impl Avahi {
    fn start(lab: &Lab, name: &str) -> Self {
        let (socket, bus) = (lab.path("bus"), lab.path("bus.conf"));
        let policy = "<policy context='default'><allow user='*'/><allow own='*'/>\
                      <allow send_destination='*'/><allow receive_sender='*'/></policy>";
        let text = format!("<busconfig><listen>unix:path={socket}</listen>{policy}</busconfig>");
        std::fs::write(&bus, text).expect("the configuration can be written");
        let daemon = lab.start(&format!("dbus-daemon --nofork --nopidfile --config-file={bus}"));
        lab.run_until("ss -Hlx", |text| text.contains(&socket));

        let configuration = lab.path("avahi.conf");
        let text = format!(
            "[server]\nhost-name={name}\nuse-ipv4=no\nuse-ipv6=yes\nallow-interfaces=mona0\n\
             [publish]\npublish-hinfo=no\npublish-workstation=no\n"
        );
        std::fs::write(&configuration, text).expect("the configuration can be written");
        let address = format!("DBUS_SYSTEM_BUS_ADDRESS=unix:path={socket}");
        // It keeps its number in a folder where another avahi may keep its own.
        let avahi = lab.start_shell(&format!(
            "exec env {address} unshare --mount sh -c 'mount -t tmpfs none /run && exec avahi-daemon \
             --no-drop-root --no-chroot --no-rlimits --file={configuration}'"
        ));
        let started = Self { bus: address, _services: [daemon, avahi] };
        lab.run_until("ss -Hlun sport = :5353", |text| !text.is_empty());
        started
    }

    /// Asks avahi until it knows; in the beginning it may be too early.
    #[track_caller]
    fn resolve(&self, lab: &Lab, arguments: &str, expected: &str) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let output = lab.try_run(&format!("env {} avahi-resolve {arguments}", self.bus));
            let text = String::from_utf8_lossy(&output.stdout).replace('\t', " ");
            if text.trim_end() == expected {
                return;
            }
            let error = String::from_utf8_lossy(&output.stderr);
            assert!(Instant::now() < deadline, "avahi-resolve {arguments}: {text}{error}");
            std::thread::sleep(Duration::from_millis(200));
        }
    }
}

/// Whether the other host can be played; says so when it can't.
fn avahi_is_there() -> bool {
    let there = ["/usr/sbin/avahi-daemon", "/usr/bin/avahi-resolve", "/usr/bin/dbus-daemon"];
    let missing = there.iter().find(|path| !Path::new(path).exists());
    if let Some(missing) = missing {
        eprintln!("skipped: {missing} is not installed");
    }
    missing.is_none()
}

/// Rows: MDNS-1
#[test]
fn names_of_the_link() {
    if !avahi_is_there() {
        return;
    }
    let mut lab = Lab::new();
    lab.start_router(1800);
    let avahi = Avahi::start(&lab, "lisa");
    let mut guest = boot(&lab);
    avahi.resolve(&lab, "-6 -n mona.local", &format!("mona.local {GLOBAL}"));
    avahi.resolve(&lab, &format!("-a {LINK_LOCAL}"), &format!("{LINK_LOCAL} mona.local"));
    let ping = guest.run("ping6 -c 1 lisa.local").success();
    assert!(ping.contains("1 received"), "{ping}");
    let own = guest.run("ping6 -c 1 mona.local").success();
    assert!(own.contains("1 received"), "{own}");
    let nobody = guest.run("ping6 -c 1 nobody.local");
    assert_eq!(
        (nobody.status, nobody.text.as_str()),
        (2, "ping6: nobody.local: Name or service not known\n")
    );
}

/// Rows: MDNS-1
#[test]
fn a_name_that_is_taken() {
    if !avahi_is_there() {
        return;
    }
    let mut lab = Lab::new();
    lab.start_router(1800);
    let avahi = Avahi::start(&lab, "mona");
    avahi.resolve(&lab, "-6 -n mona.local", &format!("mona.local {LINUX}"));
    let _guest = boot(&lab);
    avahi.resolve(&lab, "-6 -n mona-2.local", &format!("mona-2.local {GLOBAL}"));
    avahi.resolve(&lab, "-6 -n mona.local", &format!("mona.local {LINUX}"));
}
