//! The guest in the network of `tools/lab.sh`: routers that come, change and go, long datagrams,
//! paths that become narrow, floods.
//!
//! Needs root. `make test` runs it where it can, and says so where it can't.

use system_tests::guest::Guest;
use system_tests::script::{FAR, ROUTER, ScriptedLab};

/// The guest's interface identifier.
const IDENTIFIER: &str = "5054:ff:fe12:3457";

/// The line of `ip addr` with the guest's address in the prefix that begins so.
fn address<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    text.lines()
        .map(str::trim)
        .find(|line| line.starts_with(&format!("inet6 {prefix}")) && line.contains(IDENTIFIER))
}

/// Waits for the guest's address in a prefix.
#[track_caller]
fn wait_for_address(guest: &mut Guest, prefix: &str) {
    guest.run_until("ip addr show dev usb0", |text| {
        address(text, prefix).is_some_and(|line| !line.contains("tentative"))
    });
}

#[track_caller]
fn ping(guest: &mut Guest, what: &str) {
    let text = guest.run(&format!("ping6 -c 3 {what}")).success();
    assert!(text.contains("3 received"), "{text}");
}

#[test]
fn of_two_routers_the_preferred_one_is_used_and_the_other_when_it_goes() {
    let lab = ScriptedLab::up(&["--second-router"]);
    let mut guest = lab.boot(&[]);
    wait_for_address(&mut guest, "2001:db8:1:");
    wait_for_address(&mut guest, "2001:db8:3:");
    let routes = guest.run_until("ip route", |text| text.contains("default via fe80::2"));
    let default = |router: &str| {
        routes.lines().find(|line| line.starts_with(&format!("default via {router} "))).unwrap()
    };
    assert!(default("fe80::1").contains("pref medium"), "{routes}");
    assert!(default("fe80::2").contains("pref low"), "{routes}");
    assert!(routes.contains("2001:db8:2::/64 via fe80::1"), "a more specific route:\n{routes}");
    ping(&mut guest, FAR);

    lab.run(&["advertise", "withdraw"]);
    guest.run_until("ip route", |text| {
        !text.contains("via fe80::1") && text.contains("default via fe80::2")
    });
    ping(&mut guest, FAR);

    lab.run(&["advertise", "normal"]);
    guest.run_until("ip route", |text| text.contains("default via fe80::1"));
    ping(&mut guest, FAR);
}

#[test]
fn a_prefix_is_deprecated_and_another_takes_its_place() {
    let lab = ScriptedLab::up(&[]);
    let mut guest = lab.boot(&[]);
    wait_for_address(&mut guest, "2001:db8:1:");

    lab.run(&["advertise", "renumber"]);
    wait_for_address(&mut guest, "2001:db8:a:");
    let text = guest.run_until("ip addr show dev usb0", |text| {
        address(text, "2001:db8:1:").is_some_and(|line| line.contains("deprecated"))
    });
    assert!(!address(&text, "2001:db8:a:").unwrap().contains("deprecated"), "{text}");
    // What begins now begins from the new address; the old one still answers.
    let route = guest.run(&format!("ip route get {FAR}")).success();
    assert!(route.contains("src 2001:db8:a:"), "{route}");
    ping(&mut guest, FAR);
    lab.shell(&format!("ping -6 -c 1 2001:db8:1:0:{IDENTIFIER}"));
}

#[test]
fn datagrams_in_fragments_both_ways_and_groups_reported() {
    let capture = std::env::temp_dir().join(format!("lab-{}.pcap", std::process::id()));
    let file = capture.display().to_string();
    let lab = ScriptedLab::up(&["--pcap", &file]);
    let mut guest = lab.boot(&[]);
    wait_for_address(&mut guest, "2001:db8:1:");
    ping(&mut guest, &format!("-s 60000 {ROUTER}"));
    ping(&mut guest, &format!("-s 60000 {FAR}"));
    let text = lab.shell(&format!("ping -6 -c 3 -s 60000 2001:db8:1:0:{IDENTIFIER}"));
    assert!(text.contains("3 received"), "{text}");

    // Its solicited-node group, by MLDv2 to all routers that speak it, with Router Alert.
    let reports = lab
        .shell_until(&format!("tcpdump -nvr {file} 'dst ff02::16' 2>/dev/null"), |text| {
            text.contains("ff02::1:ff12:3457")
        });
    assert!(reports.contains("rtalert"), "{reports}");
    assert!(reports.contains("multicast listener report v2"), "{reports}");
    assert!(!reports.contains("[gaddr ff02::1 "), "all nodes are never reported:\n{reports}");
    let _ = std::fs::remove_file(capture);
}

#[test]
fn a_path_becomes_narrow_while_a_stream_uses_it() {
    let lab = ScriptedLab::up(&[]);
    let mut guest = lab.boot(&[]);
    wait_for_address(&mut guest, "2001:db8:1:");
    guest.run("head -c 4000000 /dev/urandom > /tmp/data").success();
    let sum = guest.run("sha256sum < /tmp/data").success();
    guest.run(&format!("(cat /tmp/data; sleep 3; cat /tmp/data) | nc -N {FAR} 7 > /tmp/back &"));
    guest.run_until("wc -c < /tmp/back", |text| text.trim() == "4000000");
    lab.run(&["path-mtu", "1280"]);
    guest.run_until("wc -c < /tmp/back", |text| text.trim() == "8000000");
    for part in ["head -c 4000000 /tmp/back", "tail -c 4000000 /tmp/back"] {
        assert_eq!(guest.run(&format!("{part} | sha256sum")).success(), sum, "{part}");
    }
    let route = guest.run(&format!("ip route get {FAR}")).success();
    assert!(route.contains("mtu 1280"), "{route}");
}

#[test]
fn floods_are_survived_and_forgotten() {
    let lab = ScriptedLab::up(&[]);
    let mut guest = lab.boot(&[]);
    wait_for_address(&mut guest, "2001:db8:1:");
    ping(&mut guest, FAR);
    let link_local = format!("fe80::{IDENTIFIER}");
    let free = |guest: &mut Guest| {
        let text = guest.run("grep MemFree /proc/meminfo").success();
        text.split_whitespace().nth(1).and_then(|number| number.parse::<u64>().ok()).unwrap()
    };
    let before = free(&mut guest);
    for attack in [
        "atk6-flood_router26 lan",
        "atk6-flood_router6 lan",
        &format!("atk6-flood_solicitate6 lan {link_local}"),
        &format!("atk6-flood_advertise6 lan {link_local}"),
        "atk6-flood_mld26 lan",
        "atk6-flood_mld6 lan",
        &format!("atk6-flood_redir6 lan {link_local}"),
        &format!("atk6-denial6 lan {link_local} 1"),
        "atk6-ndpexhaust26 lan 2001:db8:1::",
    ] {
        let output = lab.try_run(&[
            "shell",
            "timeout",
            "3",
            "sh",
            "-c",
            &format!("exec {attack} >/dev/null 2>&1"),
        ]);
        assert!(output.status.code().is_some(), "{attack}");
        // The shell works, and the guest answers.
        guest.run("true").success();
        lab.shell_until(&format!("ping -6 -c 1 -W 2 {link_local}%lan || true"), |text| {
            text.contains("1 received")
        });
    }
    let after = free(&mut guest);
    assert!(after + 4096 > before, "free memory in KiB: {before}, after the floods {after}");
    // The real router and what it gave have outlived them.
    let text = guest.run("ip addr show dev usb0").success();
    assert!(address(&text, "2001:db8:1:").is_some(), "{text}");
    ping(&mut guest, FAR);
}

/// Two guests talk in VLAN 5, on a bridge that knows of no VLAN, and each is in a VLAN that the
/// other is not in.
///
/// Rows: LNK-11
#[test]
fn two_guests_share_a_vlan() {
    let capture = std::env::temp_dir().join(format!("vlan-{}.pcap", std::process::id()));
    let file = capture.display().to_string();
    let lab = ScriptedLab::up(&["--router", "none", "--pcap", &file]);
    let mut one = lab.boot(&[]);
    let mut two = lab.boot(&["--tap-if", "mona1", "--mac", "52:54:00:12:34:58"]);
    for (guest, host) in [(&mut one, 1), (&mut two, 2)] {
        for (name, id) in [("usb0.5", 5), ("other", 5 + host)] {
            guest.run(&format!("ip link add link usb0 name {name} up type vlan id {id}")).success();
        }
        guest.run(&format!("ip addr add 2001:db8:5::{host}/64 dev usb0.5")).success();
        guest.run(&format!("ip addr add 2001:db8:6::{host}/64 dev other")).success();
        guest.run_until("ip addr", |text| {
            text.contains("usb0.5@usb0") && !text.contains("tentative")
        });
        let shown = guest.run("ip -d link show usb0.5").success();
        assert!(shown.contains("vlan protocol 802.1Q id 5 <REORDER_HDR>"), "{shown}");
    }
    ping(&mut one, "2001:db8:5::2");
    // As long as the link allows, without the tag.
    ping(&mut one, "-s 1452 -M do 2001:db8:5::2");
    ping(&mut one, "fe80::5054:ff:fe12:3458%usb0.5");
    ping(&mut one, "fe80::5054:ff:fe12:3458%usb0");

    two.run("tcpdump -n -i usb0.5 -w /tmp/seen icmp6 2> /tmp/capture & echo $! > /tmp/pid");
    two.run_until("cat /tmp/capture", |text| text.contains("listening on usb0.5"));
    ping(&mut one, "2001:db8:5::2");
    two.run("kill -INT $(cat /tmp/pid); wait");
    let seen = two.run("tcpdump -e -n -r /tmp/seen icmp6").success();
    assert!(seen.contains("echo request") && !seen.contains("vlan"), "{seen}");

    two.run("nc -l 8080 > /tmp/copy &").success();
    two.run_until("ss -ltn", |text| text.contains(":8080"));
    let sum = one.run("head -c 1000000 /dev/urandom > /tmp/data; sha256sum < /tmp/data").success();
    one.run("nc -N 2001:db8:5::2 8080 < /tmp/data").success();
    two.run_until("wc -c < /tmp/copy", |text| text.trim() == "1000000");
    assert_eq!(two.run("sha256sum < /tmp/copy").success(), sum);

    // Neither hears the other in the VLANs that they do not share, and each counts.
    let silence = one.run("ping6 -c 1 -W 1 2001:db8:6::2");
    assert_ne!(silence.status, 0, "{}", silence.text);
    let drops = two.run("grep frame-vlan-unknown /proc/net/drops").success();
    let count: u64 = drops.split_whitespace().last().unwrap().parse().unwrap();
    assert!(count > 0, "{drops}");

    let tagged = lab
        .shell_until(&format!("tcpdump -enr {file} 'vlan 5 and icmp6' 2>/dev/null"), |text| {
            text.contains("2001:db8:5::2 > 2001:db8:5::1: ICMP6, echo reply")
        });
    assert!(tagged.contains("vlan 5, p 0, ethertype IPv6"), "{tagged}");

    for guest in [&mut one, &mut two] {
        guest.run("ip link del usb0.5").success();
        guest.run("ip link set usb0 down").success();
        let links = guest.run("ip link").success();
        assert!(!links.contains("usb0.5") && links.contains("other@usb0"), "{links}");
    }
    let _ = std::fs::remove_file(capture);
}
