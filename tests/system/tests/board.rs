//! What the kernel tells about the board, and how it treats memory that hardware reads and writes.

use system_tests::guest::Guest;

/// The number that a line `name value` of `text` has.
#[track_caller]
fn value(text: &str, name: &str) -> u64 {
    text.lines()
        .find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
        .unwrap_or_else(|| panic!("a line with {name}:\n{text}"))
}

#[test]
fn the_board_is_known_and_its_dma_buffers_are_as_hardware_needs_them() {
    let mut guest =
        Guest::boot_to_shell(&["--machine", "raspi3ap", "--usb-net", "--append", "dma_check"]);

    let text = guest.run("cat /proc/cpuinfo").success();
    assert!(text.contains("Revision\t: 9020e0\n"), "{text}");
    assert!(text.contains("Model\t\t: Raspberry Pi 3 Model A Plus Rev 1.0\n"), "{text}");
    let text = guest.run("dmesg").success();
    assert!(text.contains("kernel: Raspberry Pi 3 Model A Plus Rev 1.0, core MIDR"), "{text}");

    // What QEMU's firmware answers.
    assert_eq!(guest.run("cat /sys/class/thermal/thermal_zone0/temp").success(), "25000\n");
    let clock = guest.run("cat /sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq").success();
    assert!(clock.trim().parse::<u32>().is_ok_and(|kilohertz| kilohertz >= 600_000), "{clock}");

    // A rule that does not hold would be a panic.
    let before = value(&guest.run("cat /sys/kernel/dma").success(), "checks");
    guest.run("ping6 -c 3 -i 0.2 -s 1400 fec0::2").success();
    let text = guest.run("cat /sys/kernel/dma").success();
    assert!(value(&text, "checks") >= before + 6, "before {before}, then:\n{text}");
    assert_eq!(value(&text, "exhausted"), 0, "{text}");
}
