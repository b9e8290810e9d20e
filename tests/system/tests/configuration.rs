//! Addresses and name servers from outside: `netconfigd` and `dhcp6c` with radvd, dnsmasq and Kea.
//!
//! Needs root. `make test` runs it where it can, and says so where it can't.

use std::fs;

use system_tests::guest::Guest;
use system_tests::lab::{Lab, Service};

const RESOLV_CONF: &str = "cat /etc/resolv.conf";
const ADDRESSES: &str = "ip addr show dev usb0";

fn boot(lab: &Lab) -> Guest {
    let mut guest = Guest::boot(&["--usb-net", "--usb-net-backend", "tap"], Some(lab.name()));
    guest.wait_for_shell();
    guest
}

/// A router with these options beside its prefix.
fn start_radvd(lab: &Lab, options: &str) -> Service {
    let configuration = lab.path("radvd.conf");
    let text = format!(
        "interface mona0 {{ AdvSendAdvert on; IgnoreIfMissing on; MinRtrAdvInterval 3; \
         MaxRtrAdvInterval 4; AdvDefaultLifetime 1800; {options} }};\n"
    );
    fs::write(&configuration, text).expect("the configuration can be written");
    lab.start(&format!("radvd -n -C {configuration} -p {} -m stderr", lab.path("radvd.pid")))
}

/// dnsmasq as router, DHCPv6 and name server; it writes what it does to `dnsmasq.log`.
fn start_dnsmasq(lab: &Lab, range: &str) -> Service {
    fs::write(lab.path("dnsmasq.log"), "").expect("the log can be written");
    lab.start(&format!(
        "dnsmasq --keep-in-foreground --conf-file=/dev/null --user=root --pid-file={} \
         --log-facility={} --log-dhcp --interface=mona0 --bind-interfaces --no-resolv --no-hosts \
         --port=0 --enable-ra --ra-param=mona0,4,1800 --dhcp-range={range} --dhcp-leasefile={} \
         --dhcp-option=option6:dns-server,[2001:db8:1::53] --dhcp-option=option6:domain-search,lab.test",
        lab.path("dnsmasq.pid"),
        lab.path("dnsmasq.log"),
        lab.path("dnsmasq.leases"),
    ))
}

/// The address of a single host that the guest has, when it is not being tested.
fn leased(text: &str) -> Option<String> {
    let lines = text.lines().filter(|line| !line.contains("tentative"));
    let mut addresses = lines.filter_map(|line| line.trim().strip_prefix("inet6 2001:db8:1::"));
    addresses.find_map(|rest| Some(format!("2001:db8:1::{}", rest.split_once("/128")?.0)))
}

/// Rows: RD-16
#[test]
fn name_servers_of_routers_come_and_go() {
    let lab = Lab::new();
    let options = "RDNSS 2001:db8:1::53 fe80::1 { AdvRDNSSLifetime 8; }; \
                   DNSSL lab.test { AdvDNSSLLifetime 8; };";
    let router = start_radvd(&lab, options);
    let mut guest = boot(&lab);
    let text =
        guest.run_until(RESOLV_CONF, |text| text.contains("nameserver") && text.contains("search"));
    let lines: Vec<&str> = text.lines().collect();
    for line in ["search lab.test", "nameserver 2001:db8:1::53", "nameserver fe80::1%usb0"] {
        assert!(lines.contains(&line), "{text}");
    }
    // It is killed and says no farewell: the lifetimes end.
    drop(router);
    guest.run_until(RESOLV_CONF, |text| !text.contains("nameserver") && !text.contains("search"));
}

/// Rows: DH6-1, DH6-14, DH6-15, RD-14
#[test]
fn information_from_dnsmasq() {
    let lab = Lab::new();
    let _server = start_dnsmasq(&lab, "2001:db8:1::,ra-stateless");
    let mut guest = boot(&lab);
    let text = guest.run_until("cat /run/dhcp6c-usb0.conf", |text| text.contains("nameserver"));
    assert_eq!(text, "search lab.test\nnameserver 2001:db8:1::53\n");
    guest
        .run_until(RESOLV_CONF, |text| text.contains("search lab.test\nnameserver 2001:db8:1::53"));
    assert_eq!(leased(&guest.run(ADDRESSES).text), None);
    let log = fs::read_to_string(lab.path("dnsmasq.log")).expect("dnsmasq writes a log");
    assert!(log.contains("DHCPINFORMATION-REQUEST(mona0) 00:03:00:01:52:54:00:12:34:57"), "{log}");
}

/// Rows: DH6-3, DH6-4, DH6-5, DH6-9, DH6-10, RD-14
#[test]
fn an_address_from_dnsmasq_and_back() {
    let lab = Lab::new();
    let _server = start_dnsmasq(&lab, "2001:db8:1::100,2001:db8:1::1ff,64,10m");
    let mut guest = boot(&lab);
    let text = guest.run_until(ADDRESSES, |text| leased(text).is_some());
    let address = leased(&text).expect("an address");
    let lease = lab.run(&format!("cat {}", lab.path("dnsmasq.leases")));
    assert!(lease.contains(&address) && lease.contains("00:03:00:01:52:54:00:12:34:57"), "{lease}");
    let ping = lab.run(&format!("ping -6 -c 2 {address}"));
    assert!(ping.contains("2 received"), "{ping}");
    // It makes nothing on-link.
    let routes = guest.run("ip route").success();
    assert!(!routes.contains(&address), "{routes}");
    assert!(guest.run(RESOLV_CONF).success().contains("nameserver 2001:db8:1::53"));

    let release = guest.run("dhcp6c -r usb0").success();
    assert!(release.contains("usb0: gave its addresses back"), "{release}");
    assert_eq!(leased(&guest.run(ADDRESSES).text), None);
    let log = fs::read_to_string(lab.path("dnsmasq.log")).expect("dnsmasq writes a log");
    assert!(log.contains("DHCPRELEASE(mona0) 00:03:00:01:52:54:00:12:34:57"), "{log}");
    lab.run_until(&format!("cat {}", lab.path("dnsmasq.leases")), |text| !text.contains(&address));

    // By hand, and with four messages.
    guest.run("dhcp6c -n usb0").success();
    guest.run_until(ADDRESSES, |text| leased(text).is_some());
    let log = fs::read_to_string(lab.path("dnsmasq.log")).expect("dnsmasq writes a log");
    assert!(log.contains("DHCPADVERTISE(mona0)") && log.contains("DHCPREQUEST(mona0)"), "{log}");
    let second = guest.run("dhcp6c usb0");
    assert_eq!(second.status, 1);
    assert!(second.text.contains("usb0: dhcp6c runs already as process"), "{}", second.text);
}

/// Kea with addresses for 40 seconds, to be renewed after 4; `None`, and a word why, where there is
/// none. It keeps its leases in `kea.csv`, a line for each change.
fn start_kea(lab: &Lab, pool: &str) -> Option<Service> {
    if !lab.try_run("which kea-dhcp6").status.success() {
        println!("skipped: there is no kea-dhcp6 (package kea-dhcp6-server)");
        return None;
    }
    let leases = lab.path("kea.csv");
    let configuration = lab.path("kea.json");
    let text = format!(
        r#"{{ "Dhcp6": {{
            "interfaces-config": {{ "interfaces": ["mona0"] }},
            "lease-database": {{ "type": "memfile", "persist": true, "name": "{leases}" }},
            "server-id": {{ "type": "LL", "persist": false }},
            "renew-timer": 4, "rebind-timer": 20, "preferred-lifetime": 30, "valid-lifetime": 40,
            "option-data": [ {{ "name": "dns-servers", "data": "2001:db8:1::53" }} ],
            "subnet6": [ {{ "id": 1, "subnet": "2001:db8:1::/64", "interface": "mona0",
                "pools": [ {{ "pool": "{pool}" }} ] }} ]
        }} }}"#
    );
    fs::write(&configuration, text).expect("the configuration can be written");
    let folder = lab.path("");
    let server = lab.start(&format!(
        "env KEA_PIDFILE_DIR={folder} KEA_LOCKFILE_DIR={folder} kea-dhcp6 -c {configuration}"
    ));
    Some(server)
}

/// Rows: DH6-8
#[test]
fn an_address_of_another_host_is_declined() {
    let lab = Lab::new();
    // Linux answers in the name of a host that has the address.
    lab.run("sysctl -qw net.ipv6.conf.mona0.proxy_ndp=1 net.ipv6.neigh.mona0.proxy_delay=0");
    lab.run("ip neigh add proxy 2001:db8:1::150 dev mona0");
    let _server = start_dnsmasq(&lab, "2001:db8:1::150,2001:db8:1::150,64,10m");
    let mut guest = boot(&lab);
    lab.run_until(&format!("cat {}", lab.path("dnsmasq.log")), |log| {
        log.contains("DHCPDECLINE(mona0)")
    });
    guest.run_until(ADDRESSES, |text| !text.contains("2001:db8:1::150"));
}

/// Rows: DH6-3, DH6-6, DH6-10
#[test]
fn kea_renews() {
    let lab = Lab::new();
    // Kea opens its socket when it starts, on a link that is up: the guest's end makes it so.
    let mut guest = boot(&lab);
    let Some(_server) = start_kea(&lab, "2001:db8:1::1000 - 2001:db8:1::1fff") else { return };
    let leases = lab.path("kea.csv");
    let _router = start_radvd(&lab, "AdvManagedFlag on;");
    let text = guest.run_until(ADDRESSES, |text| leased(text).is_some());
    let address = leased(&text).expect("an address");
    guest.run_until(RESOLV_CONF, |text| text.contains("nameserver 2001:db8:1::53"));
    // Each renewal is another line of the file.
    let lines = format!("cat {leases}");
    lab.run_until(&lines, |text| text.matches(&format!("{address},")).count() >= 4);
    assert_eq!(leased(&guest.run(ADDRESSES).text), Some(address.clone()));
    guest.run("dhcp6c -r usb0").success();
    assert_eq!(leased(&guest.run(ADDRESSES).text), None);
    // A lease that was given back has a lifetime of 0.
    lab.run_until(&lines, |text| {
        let last = text.split_whitespace().rfind(|line| line.starts_with(&format!("{address},")));
        last.and_then(|line| line.split(',').nth(2)) == Some("0")
    });
}
