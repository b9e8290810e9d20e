//! `help`: what can be typed here.
#![no_std]
#![no_main]

use rt::options::{Item, Tool};
use rt::{Arguments, ExitCode};

rt::main!(main);

static TOOL: Tool = Tool::new("help", "", "List the programs, a line each.", &[]);

/// Every program with one line; those that are not installed are left out.
const PROGRAMS: &[(&str, &[(&str, &str)])] = &[
    (
        "Network",
        &[
            ("ping6", "ask a host for echo replies: ping6 fec0::2, ping6 fe80::2%usb0"),
            ("ip", "show and change links, addresses, routes, neighbors: ip addr, ip -s link"),
            ("ifconfig", "show interfaces in the old format"),
            ("udp-echo", "answer or send UDP datagrams, and count what is lost"),
            ("lsusb", "USB devices: -t as a tree, -v with all descriptors"),
        ],
    ),
    (
        "Files",
        &[
            ("cat", "print files"),
            ("cp", "copy files"),
            ("dd", "copy a file in blocks"),
            ("head", "print the first lines"),
            ("hexdump", "print a file in hexadecimal"),
            ("ls", "list a directory"),
            ("mkdir", "make a directory"),
            ("mv", "rename files"),
            ("rm", "remove files"),
            ("rmdir", "remove an empty directory"),
            ("sha256sum", "print or check SHA-256 sums"),
            ("tail", "print the last lines"),
            ("tee", "copy input to a file and on"),
            ("touch", "make a file, or set its times"),
            ("wc", "count lines, words and bytes"),
        ],
    ),
    (
        "Text",
        &[
            ("cut", "print parts of lines"),
            ("echo", "print words"),
            ("grep", "print the lines that contain a text"),
            ("seq", "print numbers"),
            ("sort", "sort lines"),
            ("tr", "replace characters"),
            ("uniq", "drop repeated lines"),
            ("xargs", "make command lines of input"),
        ],
    ),
    (
        "System",
        &[
            ("date", "show or set the clock"),
            ("dmesg", "the kernel's messages"),
            ("env", "run a program in another environment"),
            ("free", "memory"),
            ("kill", "send a signal to a process"),
            ("poweroff", "switch off (ends QEMU)"),
            ("ps", "processes"),
            ("reboot", "start again"),
            ("sh", "the shell: pipes, < > >>, & ; && ||, if, for, while, scripts"),
            ("sleep", "wait"),
            ("stty", "terminal settings"),
            ("time", "how long a command takes"),
            ("uname", "what system this is"),
            ("uptime", "since when it runs"),
        ],
    ),
];

fn main(arguments: Arguments) -> ExitCode {
    for item in TOOL.parse(arguments) {
        if let Item::Operand(operand) = item {
            TOOL.extra_operand(operand);
        }
    }
    for (title, programs) in PROGRAMS {
        rt::println!("{title}:");
        for (name, line) in *programs {
            if rt::process::find((*name).into(), rt::process::search_path()).is_ok() {
                rt::println!("  {name:<10} {line}");
            }
        }
    }
    rt::println!("Each explains itself with --help. Counters are in /proc/net (snmp6, drops).");
    ExitCode::SUCCESS
}
