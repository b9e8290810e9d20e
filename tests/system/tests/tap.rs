//! The guest on a real link: Linux as router and host, radvd, a duplicate address.
//!
//! Needs root. `make test` runs it where it can, and says so where it can't.

use system_tests::guest::Guest;
use system_tests::lab::Lab;

const TAP_OPTIONS: &[&str] = &["--usb-net", "--usb-net-backend", "tap"];

fn boot(lab: &Lab) -> Guest {
    let mut guest = Guest::boot(TAP_OPTIONS, Some(lab.name()));
    guest.wait_for_shell();
    guest
}

/// The first address on usb0 that begins with `prefix`.
fn address(text: &str, prefix: &str) -> Option<String> {
    text.lines()
        .filter(|line| !line.contains("tentative") && !line.contains("dadfailed"))
        .filter_map(|line| line.trim().strip_prefix("inet6 "))
        .filter_map(|rest| rest.split('/').next())
        .find(|address| address.starts_with(prefix))
        .map(str::to_owned)
}

#[test]
fn autoconfiguration_and_pings_both_ways() {
    let mut lab = Lab::new();
    lab.start_router(1800);
    let mut guest = boot(&lab);
    let text =
        guest.run_until("ip addr show dev usb0", |text| address(text, "2001:db8:1:").is_some());
    let global = address(&text, "2001:db8:1:").unwrap();
    assert_eq!(global, "2001:db8:1:0:5054:ff:fe12:3457");

    let ping = guest.run("ping6 -c 3 2001:db8:1::1").success();
    assert!(ping.contains("3 received, 0% packet loss"), "{ping}");
    let ping = lab.run(&format!("ping -6 -c 3 {global}"));
    assert!(ping.contains("3 received, 0% packet loss"), "{ping}");
    let ping = lab.run("ping -6 -c 3 fe80::5054:ff:fe12:3457%mona0");
    assert!(ping.contains("3 received, 0% packet loss"), "{ping}");
    let ping = lab.run(&format!("ping -6 -c 3 -s 1452 {global}"));
    assert!(ping.contains("3 received, 0% packet loss"), "{ping}");

    let routes = guest.run("ip route").success();
    assert!(routes.contains("default via fe80::1 dev usb0 proto ra"), "{routes}");
    lab.stop_router();
    guest.run_until("ip route", |text| !text.contains("default"));
}

#[test]
fn a_duplicate_address_is_found() {
    let mut lab = Lab::new();
    lab.run("ip addr add 2001:db8:1:0:5054:ff:fe12:3457/64 dev mona0 nodad");
    lab.start_router(1800);
    let mut guest = boot(&lab);
    let text = guest.run_until("ip addr show dev usb0", |text| text.contains("dadfailed"));
    let failed = text.lines().find(|line| line.contains("dadfailed")).unwrap();
    assert!(failed.contains("2001:db8:1:0:5054:ff:fe12:3457/64"), "{text}");
    // It is not used; the link-local address is, once its own test is over.
    guest.run_until("ip addr show dev usb0", |text| address(text, "fe80:").is_some());
    let ping = guest.run("ping6 -c 1 fe80::1%usb0").success();
    assert!(ping.contains("1 received"), "{ping}");
}
