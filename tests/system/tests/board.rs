//! What the kernel tells about the board, and how it treats memory that hardware reads and writes.

use std::time::{Duration, Instant};
use system_tests::guest::{Guest, PATIENCE};

// Of the GPIO block (BCM2835 ARM Peripherals, 6.1): functions of the pins from 10 and from 20 on,
// three bits each, and the levels of pins 0 to 31.
const GPFSEL1: u64 = 0x3f20_0004;
const GPFSEL2: u64 = 0x3f20_0008;
const GPLEV0: u64 = 0x3f20_0034;

/// The pin of the LED of a Raspberry Pi 3A+.
const LED: u32 = 29;

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

/// A register, as QEMU's monitor shows it.
#[track_caller]
fn register(guest: &mut Guest, address: u64) -> u32 {
    let text = guest.monitor(&format!("xp /1wx {address:#x}"));
    text.lines()
        .find_map(|line| u32::from_str_radix(line.split_once(": 0x")?.1.trim(), 16).ok())
        .unwrap_or_else(|| panic!("a register at {address:#x}: {text}"))
}

fn led(guest: &mut Guest) -> bool {
    register(guest, GPLEV0) & (1 << LED) != 0
}

/// Waits until the LED has come on and gone out again.
#[track_caller]
fn wait_for_flash(guest: &mut Guest) {
    let deadline = Instant::now() + PATIENCE;
    for level in [false, true, false] {
        while led(guest) != level {
            assert!(Instant::now() < deadline, "the LED stays {}", !level);
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

#[test]
fn the_console_has_its_pins_and_the_led_flashes() {
    const OUTPUT: u32 = 1;
    const ALTERNATE_0: u32 = 4;
    let mut guest = Guest::boot_to_shell(&["--machine", "raspi3ap"]);
    let functions = register(&mut guest, GPFSEL1);
    assert_eq!((functions >> 12) & 7, ALTERNATE_0, "GPIO14 sends: {functions:#x}");
    assert_eq!((functions >> 15) & 7, ALTERNATE_0, "GPIO15 receives: {functions:#x}");
    let functions = register(&mut guest, GPFSEL2);
    assert_eq!((functions >> 27) & 7, OUTPUT, "GPIO29 is the LED's: {functions:#x}");
    wait_for_flash(&mut guest);
    wait_for_flash(&mut guest);
}

#[test]
fn the_led_flashes_after_a_panic() {
    // It stops for good.
    let options = ["--machine", "raspi3ap", "--append", "crash=null panic=0"];
    let mut guest = Guest::boot(&options, None);
    guest.expect("*** end of panic");
    wait_for_flash(&mut guest);
    assert!(guest.is_running(), "nothing restarts it");
}
