//! A kernel with traces (`make image TRACE=1`): what leaves through the second port, decoded.
//!
//! `make test-trace` builds that kernel and names its files in `KERNEL_IMAGE` and `TRACE_ELF`.

use std::path::{Path, PathBuf};
use std::process::Command;
use system_tests::guest::Guest;

/// A ping of a size that nothing else on the cable has.
const PING: &str = "ping6 -c 1 -s 333 fec0::2";
/// IPv6 header, echo header and data.
const PACKET: usize = 40 + 8 + 333;
/// The same with the Ethernet header.
const FRAME: usize = 14 + PACKET;

/// Decodes a trace: seconds since boot, and what happened.
fn decode(trace: &Path) -> Vec<(f64, String)> {
    let elf = std::env::var("TRACE_ELF")
        .expect("TRACE_ELF names the ELF file of the kernel; `make test-trace` sets it");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tools/decode-trace.sh");
    let output = Command::new(script)
        .args(["--elf", &elf, "--trace"])
        .arg(trace)
        .output()
        .expect("the script starts");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "decoding failed: {error}{text}");
    text.lines()
        .map(|line| {
            let frame = line.split_once(" TRACE ");
            let (time, event) = frame.unwrap_or_else(|| panic!("{line:?} is no frame"));
            (time.trim().parse().unwrap_or_else(|_| panic!("the time of {line:?}")), event.into())
        })
        .collect()
}

fn temporary_file() -> PathBuf {
    std::env::temp_dir().join(format!("trace-{}.bin", std::process::id()))
}

#[test]
fn a_ping_can_be_followed_from_the_stack_to_the_cable_and_back() {
    let file = temporary_file();
    let path = file.to_str().expect("a temporary folder with a plain name");
    let mut guest = Guest::boot_to_shell(&["--usb-net", "--trace", path]);
    guest.run_until("ip addr show dev usb0", |text| {
        text.contains("inet6 fec0::") && !text.contains("tentative")
    });
    let ping = guest.run(PING).success();
    assert!(ping.contains("1 received"), "{ping}");
    let statistics = guest.run("cat /sys/kernel/trace").success();
    guest.type_keys("poweroff\r");
    guest.wait_for_exit();

    let frames = decode(&file);
    let _ = std::fs::remove_file(&file);

    // Each event after the one before it; what is in between does not matter.
    let mut rest = frames.iter();
    for event in [
        format!("to fec0:0000:0000:0000:0000:0000:0000:0002, next header 58, {PACKET} octets"),
        format!("ethernet out: {FRAME} octets"),
        format!("ethernet in: {FRAME} octets"),
        format!("next header 58, {PACKET} octets"),
    ] {
        assert!(rest.any(|(_, text)| text.contains(&event)), "no {event:?} in its place");
    }
    for event in ["channel 0 start: HCCHAR", "channel 0 halt: HCINT", "neighbor on"] {
        assert!(frames.iter().any(|(_, text)| text.contains(event)), "no {event:?}");
    }

    assert!(frames.is_sorted_by(|a, b| a.0 <= b.0), "the clock does not go back");
    let value = |name: &str| {
        let line = statistics.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|value| value.trim().parse::<usize>().ok())
            .unwrap_or_else(|| panic!("{name} in {statistics}"))
    };
    assert_eq!(value("lost"), 0, "QEMU's port has room at any time");
    assert!(frames.len() >= value("frames"), "{} of {statistics}", frames.len());
}
