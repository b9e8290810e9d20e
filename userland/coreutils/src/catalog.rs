//! One line about each program, for `help`.

/// Names and what they do, by name.
pub const PROGRAMS: &[(&str, &str)] = &[
    ("basename", "the last component of a path"),
    ("cat", "show files one after the other"),
    ("clear", "clear the screen"),
    ("cp", "copy files and directories"),
    ("cut", "parts of lines: columns and fields"),
    ("date", "show or set the time"),
    ("dd", "copy blocks of bytes"),
    ("df", "space in file systems"),
    ("dhcp6c", "get addresses and name servers by DHCPv6"),
    ("dirname", "all but the last component of a path"),
    ("dmesg", "messages of the kernel"),
    ("echo", "print text"),
    ("env", "run a program in a changed environment"),
    ("false", "fail"),
    ("find", "search for files"),
    ("free", "how memory is used"),
    ("grep", "lines that match a pattern"),
    ("head", "the beginning of files"),
    ("help", "this list"),
    ("hexdump", "bytes as numbers"),
    ("hostname", "show or change what this host is called"),
    ("ifconfig", "show network interfaces the old way"),
    ("ip", "show and change links, addresses, routes, neighbors"),
    ("iperf", "measure throughput, with iperf 2 at the other end"),
    ("kill", "send signals to processes"),
    ("kinit", "the first process"),
    ("ls", "list directories"),
    ("lsusb", "USB devices and their descriptors"),
    ("mdnsd", "answers for this host's name on its links"),
    ("mkdir", "make directories"),
    ("mount", "show file systems"),
    ("mv", "rename and move files"),
    ("nc", "talk TCP and UDP from the command line"),
    ("ndisc6", "ask a neighbor for its link-layer address"),
    ("netconfigd", "keep /etc/resolv.conf and start dhcp6c, as routers say"),
    ("nslookup", "asks name servers about hosts and addresses"),
    ("nstat", "what the network stack counts"),
    ("ping6", "ask a host for an echo"),
    ("poweroff", "turn the machine off"),
    ("printenv", "show the environment"),
    ("ps", "show processes"),
    ("pwd", "show the current directory"),
    ("rdisc6", "ask the routers of a link what they advertise"),
    ("reboot", "start the machine again"),
    ("rm", "remove files and directories"),
    ("rmdir", "remove empty directories"),
    ("seq", "numbers in a row"),
    ("sh", "the shell"),
    ("sha256sum", "SHA-256 checksums"),
    ("sleep", "wait"),
    ("sort", "lines in order"),
    ("ss", "show sockets"),
    ("stty", "show and change how the terminal behaves"),
    ("sync", "write what file systems still hold"),
    ("tail", "the end of files"),
    ("tcp-echo", "answer over TCP, or send and check what comes back"),
    ("tcpdump", "show or record packets"),
    ("tee", "copy input to files and on"),
    ("time", "how long a program takes"),
    ("timeout", "run a program for a limited time"),
    ("touch", "set the times of files, make empty ones"),
    ("tr", "translate or delete characters"),
    ("traceroute6", "show the routers on the way to a host"),
    ("true", "succeed"),
    ("udp-echo", "answer over UDP, or send and check what comes back"),
    ("uname", "what system this is"),
    ("uniq", "equal lines in a row only once"),
    ("uptime", "how long the system has been running"),
    ("watch", "run a command again and again"),
    ("wc", "count lines, words and bytes"),
    ("which", "where programs are"),
    ("xargs", "run a program with arguments from its input"),
    ("yes", "print a line again and again"),
];

/// The commands that the shell knows without a program.
pub const BUILTINS: &[&str] = &[
    ".", ":", "[", "bg", "break", "cd", "command", "continue", "eval", "exec", "exit", "export",
    "fg", "hash", "history", "jobs", "local", "printf", "read", "readonly", "return", "set",
    "shift", "test", "times", "trap", "type", "umask", "unset", "wait",
];

/// What a program does.
#[must_use]
pub fn find(name: &[u8]) -> Option<&'static str> {
    PROGRAMS.iter().find(|(known, _)| known.as_bytes() == name).map(|(_, about)| *about)
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::fs::read_dir;
    use std::path::Path;
    use std::string::String;
    use std::vec::Vec;

    use super::{BUILTINS, PROGRAMS, find};

    #[test]
    fn every_program_has_its_line() {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        for folder in ["src/bin", "../net-tools/src/bin"] {
            let programs: Vec<String> = read_dir(here.join(folder))
                .expect("the folder of the programs")
                .filter_map(|entry| {
                    Some(entry.ok()?.file_name().to_str()?.strip_suffix(".rs")?.replace('_', "-"))
                })
                .collect();
            assert!(!programs.is_empty());
            for program in programs {
                assert!(find(program.as_bytes()).is_some(), "{program} has no line");
            }
        }
    }

    #[test]
    fn the_builtins_are_those_of_the_shell() {
        let table = include_str!("../../sh/src/builtins.rs");
        let table = table.split("builtins! {").nth(1).and_then(|rest| rest.split("};").next());
        let names: Vec<&str> = (table.expect("the shell's table").lines())
            .filter_map(|line| line.trim().strip_prefix('"')?.split('"').next())
            .collect();
        for name in &names {
            // Some are programs, too.
            assert!(BUILTINS.contains(name) != find(name.as_bytes()).is_some(), "{name}");
        }
        assert!(BUILTINS.iter().all(|name| names.contains(name)));
    }

    #[test]
    fn in_order() {
        assert!(PROGRAMS.is_sorted_by(|first, second| first.0 < second.0));
    }
}
