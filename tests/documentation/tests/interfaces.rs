//! `docs/api.md` lists what the kernel's tables have, no more and no less.

use documentation::{markdown, source, tree};
use std::collections::BTreeSet;

type Names = BTreeSet<String>;

/// The code of all source files below a folder, in one.
fn code_of(folder: &str) -> String {
    let files = tree::read_all(folder, ".rs");
    files.iter().filter(|(path, _)| !path.ends_with("tests.rs")).fold(
        String::new(),
        |mut all, (_, text)| {
            all.push_str(&source::code(text));
            all
        },
    )
}

fn named(code: &str, wanted: impl Fn(&str) -> bool) -> Names {
    source::identifiers(code).into_iter().filter(|name| wanted(name)).map(str::to_owned).collect()
}

fn begins_with(name: &str, beginnings: &[&str]) -> bool {
    beginnings.iter().any(|beginning| name.starts_with(beginning))
}

/// Compares the first cells of a section's tables with what there is.
fn compare(title: &str, there: &Names) {
    assert!(there.len() > 3, "{title}: the source shows only {there:?}");
    let page = tree::read("docs/api.md");
    let section = markdown::section(&page, title);
    let section = section.unwrap_or_else(|| panic!("docs/api.md has no section \"{title}\""));
    let listed: Names = markdown::first_cells(section).into_iter().flatten().collect();
    let missing: Vec<_> = there.difference(&listed).collect();
    let stale: Vec<_> = listed.difference(there).collect();
    assert!(
        missing.is_empty() && stale.is_empty(),
        "docs/api.md, \"{title}\", first column of the tables: add {missing:?}, remove {stale:?}"
    );
}

#[test]
fn system_calls() {
    let code = source::code(&tree::read("kernel/src/syscall/dispatch.rs"));
    let numbers = named(&code, |name| name.starts_with("__NR_"));
    compare("System calls", &numbers.iter().map(|name| name["__NR_".len()..].to_owned()).collect());
}

#[test]
fn socket_options() {
    let is_option = |name: &str| {
        begins_with(
            name,
            &["SO_", "IPV6_", "TCP_", "UDP_", "ICMPV6_", "MCAST_", "PACKET_", "NETLINK_"],
        )
    };
    // Values, families and limits with names that begin alike.
    let is_value = |name: &str| {
        begins_with(name, &["IPV6_PREFER_SRC_", "PACKET_MR_"])
            || ["PACKET_INFO", "MCAST_INCLUDE", "MCAST_EXCLUDE", "TCP_CA_NAME_MAX"].contains(&name)
            || ["NETLINK_ROUTE", "NETLINK_SOCK_DIAG"].contains(&name)
    };
    let is_about_options = |path: &str| {
        ["option.rs", "options.rs", "source_filter.rs", "anycast.rs", "netlink/mod.rs"]
            .iter()
            .any(|name| path.ends_with(name))
    };
    let mut there = Names::new();
    for (path, text) in tree::read_all("kernel/src/net", ".rs") {
        if is_about_options(&path) {
            let code = source::code(&text);
            there.extend(named(&code, |name| is_option(name) && !is_value(name)));
        }
    }
    compare("Socket options", &there);
}

#[test]
fn ioctls() {
    let code = code_of("kernel/src");
    let there = named(&code, |name| {
        begins_with(name, &["SIOC", "TIOC", "TCGETS", "TCSETS", "TCSBRK", "FIO"])
            || ["TCFLSH", "TCXONC"].contains(&name)
    });
    compare("ioctl requests", &there);
}

#[test]
fn netlink_messages() {
    let code = code_of("kernel/src/net/netlink");
    let there = named(&code, |name| {
        begins_with(name, &["RTNLGRP_", "SOCK_D"])
            || begins_with(name, &["RTM_NEW", "RTM_DEL", "RTM_GET", "RTM_SET"])
    });
    compare("Netlink messages", &there);
}

/// The first entries of the pairs in a table of names.
fn keys(path: &str) -> Names {
    source::strings_after(&source::code(&tree::read(path)), &["    (", "push(("])
}

#[test]
fn files_in_proc() {
    let registering = ["proc::register(", "proc::register_setting(", "proc::register_source("];
    let mut there = source::strings_after(&code_of("kernel/src"), &registering);
    // The folder of the processes.
    there.remove("");
    let system = tree::read("kernel/src/fs/proc/system.rs");
    let table = system.split("];").next().unwrap_or_default();
    there.extend(source::strings_after(table, &["    ("]));
    compare("/proc", &there);
}

#[test]
fn files_of_a_process() {
    let path = "kernel/src/process/proc_files.rs";
    let text = tree::read(path);
    let table = text.split("];").next().unwrap_or_default();
    compare("/proc/PID", &source::strings_after(table, &["    ("]));
}

#[test]
fn settings_of_an_interface() {
    let code = source::code(&tree::read("kernel/src/net/proc/interface_settings.rs"));
    let there = source::strings_after(&code, &["switch!(", "seconds!(", "{ name: ", "    name: "]);
    compare("/proc/sys/net/ipv6/conf/IFNAME", &there);
}

#[test]
fn files_in_sys() {
    let code = code_of("kernel/src");
    compare("/sys", &source::strings_after(&code, &["sys::register(", "sys::register_file("]));
    compare("/sys/class/net/IFNAME", &keys("kernel/src/net/sysfs.rs"));
    compare("/sys/bus/usb/devices/DEVICE", &keys("kernel/src/usb/sysfs.rs"));
}

/// Those of docs/architecture.md: every argument that the kernel asks for, and no other.
#[test]
fn boot_arguments() {
    let code = code_of("kernel/src");
    let asking = ["boot_arguments::get(", "boot_arguments::is_set("];
    let mut there = source::strings_after(&code, &asking);
    // kinit reads it.
    there.insert("selftest".to_owned());
    let page = tree::read("docs/architecture.md");
    let section = markdown::section(&page, "What is configured how").expect("it is there");
    let name = |text: &String| text.split('=').next().unwrap_or_default().to_owned();
    let rows = markdown::first_cells(section);
    let listed: Names = rows.iter().flatten().map(name).collect();
    let first: Names = rows.iter().filter_map(|row| row.first()).map(name).collect();
    let missing: Vec<_> = there.difference(&listed).collect();
    let stale: Vec<_> = first.difference(&there).collect();
    assert!(
        missing.is_empty() && stale.is_empty(),
        "boot arguments in docs/architecture.md: add {missing:?}, remove {stale:?}"
    );
}
