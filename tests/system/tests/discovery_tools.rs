//! `rdisc6`, `ndisc6` and `traceroute6` on a real link: radvd, Linux as neighbor and router.
//!
//! Needs root. `make test` runs it where it can, and says so where it can't.

use system_tests::guest::Guest;
use system_tests::lab::{FAR, Lab};

fn boot(lab: &Lab) -> Guest {
    let mut guest = Guest::boot(&["--usb-net", "--usb-net-backend", "tap"], Some(lab.name()));
    guest.wait_for_shell();
    guest
}

#[test]
fn routers_and_neighbors_answer() {
    let mut lab = Lab::new();
    lab.start_router(1800);
    let mut guest = boot(&lab);
    let address = lab.run("cat /sys/class/net/mona0/address").trim().to_uppercase();

    let routers = guest.run("rdisc6 -1 usb0").success();
    for line in [
        "Soliciting ff02::2 (ff02::2) on usb0...",
        "Router lifetime           :         1800 (0x00000708) seconds",
        " Prefix                   : 2001:db8:1::/64",
        "  Pref. time              :         1800 (0x00000708) seconds",
        " MTU                      :         1500 bytes (valid)",
        &format!(" Source link-layer address: {address}"),
        " from fe80::1",
    ] {
        assert!(routers.lines().any(|other| other == line), "{line} is not in\n{routers}");
    }
    assert_eq!(guest.run("rdisc6 -1 -q usb0").success(), "2001:db8:1::/64\n");

    let neighbor = guest.run("ndisc6 fe80::1 usb0").success();
    let expected = format!(
        "Soliciting fe80::1 (fe80::1) on usb0...\nTarget link-layer address: {address}\n from \
         fe80::1\n"
    );
    assert_eq!(neighbor, expected);
    let nobody = guest.run("ndisc6 -r 2 -w 100 2001:db8:1::77 usb0");
    assert_eq!(nobody.status, 2);
    assert!(nobody.text.ends_with("Timed out.\nTimed out.\nNo response.\n"), "{}", nobody.text);
}

#[test]
fn the_way_over_a_router() {
    let mut lab = Lab::new();
    lab.add_far_host(1500);
    lab.start_router(1800);
    let mut guest = boot(&lab);
    guest.run_until("ip route", |text| text.contains("default via fe80::1"));
    guest.run_until("ip addr show dev usb0", |text| {
        text.contains("2001:db8:1:") && !text.contains("tentative")
    });
    for method in ["", "-I"] {
        let way = guest.run(&format!("traceroute6 -n {method} {FAR}")).success();
        let mut lines = way.lines();
        let title = lines.next().unwrap_or_default();
        assert!(
            title.starts_with(&format!("traceroute to {FAR} ({FAR}) from 2001:db8:1:")),
            "{way}"
        );
        for (hop, address) in [(1, "2001:db8:1::1"), (2, FAR)] {
            let line = lines.next().unwrap_or_default();
            assert!(line.starts_with(&format!(" {hop}  {address}  ")), "{way}");
            assert_eq!(line.matches(" ms ").count(), 3, "{way}");
        }
        assert_eq!(lines.next(), None, "{way}");
    }
    // The router knows no way there.
    let nowhere = guest.run("traceroute6 -n -q 1 2001:db8:9::1");
    assert_eq!(nowhere.status, 2);
    assert!(nowhere.text.contains(" ms !N "), "{}", nowhere.text);
    // Nobody is there: the router says so when it has looked for a while.
    let nobody = guest.run("traceroute6 -n -q 1 -f 2 -m 2 -w 10 2001:db8:2::77");
    assert_eq!(nobody.status, 2);
    assert!(nobody.text.contains(" ms !H "), "{}", nobody.text);
}
