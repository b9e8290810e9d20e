//! Draws the guest's console as an SVG picture: what is in it was printed by a kernel
//! in QEMU just now.
//!
//! Usage: `KERNEL_IMAGE=target/kernel8.img cargo run -p system-tests --bin console-picture OUT.svg`,
//! which `make picture` does.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::process::ExitCode;
use system_tests::guest::{Guest, strip_escapes};
use system_tests::peer::Service;

/// What is typed; PORT is where a program of the host listens. Each fits on a line of the console.
const COMMANDS: &[&str] = &[
    "ip -br addr",
    "ping6 -c 2 fec0::2",
    "tcpdump -pnc 4 tcp > /tmp/seen 2> /dev/null & sleep 1",
    "echo hello from the kernel | nc -v -N fec0::2 PORT",
    "wait; cat /tmp/seen",
    "ip neigh",
];

/// Hundredths of a pixel that a character is wide.
const CHARACTER: usize = 722;
/// Pixels from line to line, and around the text.
const LINE: usize = 17;
const MARGIN: usize = 16;
/// Longer lines are cut.
const COLUMNS: usize = 108;

/// A line of the console, by who wrote it.
enum Line {
    /// The kernel's log.
    Log(String),
    /// What was typed.
    Typed(String),
    /// What a program printed.
    Printed(String),
}

/// Boots, types the commands, and gives what the console showed.
fn record() -> Vec<Line> {
    let service = Service::tcp(|mut stream| {
        let mut heard = String::new();
        stream.read_to_string(&mut heard)?;
        stream.write_all(b"hello from the host\n").map(|()| heard)
    });
    let mut guest = Guest::boot(&["--usb-net"], None);
    guest.wait_for_shell();
    let boot = strip_escapes(&guest.transcript());
    let (boot, _) = boot.rsplit_once('$').unwrap_or((&boot, ""));
    let mut lines: Vec<Line> = (boot.lines().filter(|line| !line.trim().is_empty()))
        .map(|line| Line::Log(line.to_owned()))
        .collect();
    // Addresses need a moment: nobody must object, and a router answer.
    guest.run_until("ip -br addr show dev usb0", |text| text.contains("fec0:"));
    for command in COMMANDS {
        let command = command.replace("PORT", &service.port.to_string());
        let printed = guest.show(&command);
        lines.push(Line::Typed(command));
        lines.extend(printed.lines().map(|line| Line::Printed(line.trim_end().to_owned())));
    }
    lines
}

/// Text for XML, cut to the width of the picture.
fn text(line: &str) -> String {
    let cut: String = if line.chars().count() > COLUMNS {
        line.chars().take(COLUMNS - 1).chain(['…']).collect()
    } else {
        line.to_owned()
    };
    cut.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// The picture.
fn draw(lines: &[Line]) -> String {
    let width = 2 * MARGIN + CHARACTER * COLUMNS / 100;
    let height = 2 * MARGIN + LINE * lines.len();
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
         width=\"{width}\" height=\"{height}\" role=\"img\" \
         aria-label=\"The console of the kernel, as text\">\n\
         <style>text{{font:12px ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace;\
         white-space:pre;fill:#d7dae0}}.log{{fill:#8b93a1}}.prompt{{fill:#7fbf7f}}\
         .typed{{fill:#fff;font-weight:bold}}</style>\n\
         <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"#16181d\"/>\n"
    );
    for (number, line) in lines.iter().enumerate() {
        let y = MARGIN + LINE * number + 12;
        let content = match line {
            Line::Log(line) => format!("<tspan class=\"log\">{}</tspan>", text(line)),
            Line::Typed(line) => format!(
                "<tspan class=\"prompt\">$ </tspan><tspan class=\"typed\">{}</tspan>",
                text(line)
            ),
            Line::Printed(line) => text(line),
        };
        // Writing to a String can't fail.
        let _ =
            writeln!(svg, "<text x=\"{MARGIN}\" y=\"{y}\" xml:space=\"preserve\">{content}</text>");
    }
    svg.push_str("</svg>\n");
    svg
}

fn main() -> ExitCode {
    let Some(path) = std::env::args().nth(1) else {
        eprintln!("usage: console-picture OUT.svg");
        return ExitCode::from(2);
    };
    if let Err(error) = std::fs::write(&path, draw(&record())) {
        eprintln!("console-picture: {path}: {error}");
        return ExitCode::FAILURE;
    }
    println!("{path}");
    ExitCode::SUCCESS
}
