//! What a newcomer sees after `make run USB_NET=1`, and its variants.

use system_tests::guest::Guest;

/// Addresses, pings and tables on QEMU's user network.
fn network_works(guest: &mut Guest) {
    let addresses = guest.run_until("ip addr show dev usb0", |text| {
        text.contains("inet6 fec0::")
            && text.contains("inet6 fe80::")
            && !text.contains("tentative")
    });
    for line in addresses.lines().filter(|line| line.contains("inet6")) {
        assert!(line.contains("/64 scope"), "a prefix length of 64 and a scope in: {line}");
    }

    let ping = guest.run("ping6 -c 4 fec0::2").success();
    assert!(ping.contains("4 packets transmitted, 4 received, 0% packet loss"), "{ping}");
    assert!(ping.contains("64 bytes from fec0::2: icmp_seq=1 ttl="), "{ping}");
    let ping = guest.run("ping6 -c 2 fe80::2%usb0").success();
    assert!(ping.contains("2 packets transmitted, 2 received, 0% packet loss"), "{ping}");
    let ping = guest.run("ping6 -c 2 ::1").success();
    assert!(ping.contains("2 packets transmitted, 2 received, 0% packet loss"), "{ping}");

    let routes = guest.run("ip route").success();
    assert!(routes.contains("default via fe80::2 dev usb0 proto ra"), "{routes}");
    assert!(routes.contains("fec0::/64 dev usb0"), "{routes}");
    let neighbors = guest.run("ip neigh").success();
    let router = neighbors.lines().find(|line| line.starts_with("fe80::2 "));
    let router = router.unwrap_or_else(|| panic!("the router in:\n{neighbors}"));
    assert!(router.contains("dev usb0 lladdr 52:56:00:00:00:02 router"), "{router}");
}

fn power_off(guest: &mut Guest) {
    guest.type_keys("poweroff\r");
    assert_eq!(guest.wait_for_exit().code(), Some(0), "QEMU's exit status");
}

#[test]
fn behind_a_hub() {
    let mut guest = Guest::boot_to_shell(&["--usb-net"]);
    network_works(&mut guest);

    let tree = guest.run("lsusb").success();
    assert!(tree.contains("ID 0525:a4a2"), "{tree}");
    assert!(tree.contains("ID 0409:55aa"), "{tree}");

    guest.type_keys("ping6 fec0::2\r");
    guest.expect("icmp_seq=2 ");
    guest.type_keys("\x03");
    guest.expect("packets transmitted");
    guest.expect("$ ");
    power_off(&mut guest);
}

#[test]
fn at_the_root_port() {
    let mut guest = Guest::boot_to_shell(&["--usb-net", "--usb-hub", "0"]);
    network_works(&mut guest);
    power_off(&mut guest);
}

#[test]
fn on_the_smaller_machine() {
    let mut guest = Guest::boot_to_shell(&["--usb-net", "--machine", "raspi3ap"]);
    network_works(&mut guest);
    power_off(&mut guest);
}

#[test]
fn over_rndis() {
    let mut guest = Guest::boot_to_shell(&["--usb-net", "--usb-class", "rndis"]);
    network_works(&mut guest);
    let log = guest.run("dmesg").success();
    assert!(log.to_lowercase().contains("rndis"), "the log names the protocol:\n{log}");
    power_off(&mut guest);
}

#[test]
fn the_adapter_goes_and_comes_back_under_a_ping() {
    let mut guest = Guest::boot_to_shell(&["--usb-net"]);
    guest.run_until("ip addr show dev usb0", |text| {
        text.contains("inet6 fec0::") && !text.contains("tentative")
    });
    guest.type_keys("ping6 fec0::2\r");
    guest.expect("icmp_seq=2 ");
    let answer = guest.monitor("device_del usbnet");
    assert!(!answer.contains("Error"), "{answer}");
    guest.expect("usb0");
    std::thread::sleep(std::time::Duration::from_secs(2));
    let answer =
        guest.monitor("device_add usb-net,netdev=net0,mac=52:54:00:12:34:57,port=1.1,id=usbnet2");
    assert!(!answer.contains("Error"), "{answer}");
    // The same ping, without a restart, is answered again.
    guest.expect("64 bytes from fec0::2");
    guest.type_keys("\x03");
    guest.expect("packets transmitted");
    guest.expect("$ ");
    assert!(guest.is_running());
    power_off(&mut guest);
}

/// Rows: TMP-1, SEL-3
#[test]
fn the_user_sees_and_changes_how_addresses_are_made_and_chosen() {
    let mut guest = Guest::boot_to_shell(&["--usb-net"]);
    guest.run_until("ip addr show dev usb0", |text| {
        text.contains("inet6 fec0::") && !text.contains("tentative")
    });
    let setting = "/proc/sys/net/ipv6/conf/usb0/use_tempaddr";
    assert_eq!(guest.run(&format!("cat {setting}")).success(), "0\n");
    guest.run(&format!("echo 2 > {setting}")).success();
    let addresses = guest.run_until("ip addr show dev usb0", |text| {
        text.contains("scope site temporary dynamic") && !text.contains("tentative")
    });
    assert!(addresses.contains("scope site dynamic mngtmpaddr"), "{addresses}");
    let temporary = addresses.lines().find(|line| line.contains("temporary")).unwrap();
    let temporary = temporary.split_whitespace().nth(1).unwrap().trim_end_matches("/64");
    let route = guest.run("ip route get fec0::2").success();
    assert!(route.contains(&format!("src {temporary}")), "{temporary} in {route}");
    let ping = guest.run("ping6 -c 1 fec0::2").success();
    assert!(ping.contains("1 received"), "{ping}");
    guest.run(&format!("echo 0 > {setting}")).success();
    let addresses = guest.run("ip addr show dev usb0").success();
    assert!(!addresses.contains("temporary"), "{addresses}");

    let labels = guest.run("ip addrlabel").success();
    assert!(labels.contains("prefix fc00::/7 label 13"), "{labels}");
    guest.run("ip addrlabel add prefix fd00:1::/32 label 99").success();
    let labels = guest.run("ip addrlabel list").success();
    assert!(labels.contains("prefix fd00:1::/32 label 99"), "{labels}");
    guest.run("ip addrlabel del prefix fd00:1::/32").success();
    let labels = guest.run("ip addrlabel list").success();
    assert!(!labels.contains("label 99"), "{labels}");
    power_off(&mut guest);
}

#[test]
fn without_an_adapter_there_is_only_loopback() {
    let mut guest = Guest::boot_to_shell(&[]);
    let links = guest.run("ip link").success();
    assert!(links.contains("lo:") && !links.contains("usb0"), "{links}");
    let ping = guest.run("ping6 -c 1 ::1").success();
    assert!(ping.contains("1 received"), "{ping}");
    let ping = guest.run("ping6 -c 1 fec0::2");
    assert_eq!(ping.status, 2, "{}", ping.text);
    assert!(ping.text.contains("Network is unreachable"), "{}", ping.text);
    power_off(&mut guest);
}
