//! The kernel on the SD card's image: taken out of its FAT file system by mtools, it boots on both
//! of QEMU's machines, with and without a device tree, and passes its self-tests. What QEMU can't
//! follow is the firmware's part before that: reading card and config.txt.

use std::path::{Path, PathBuf};
use std::process::Command;

use system_tests::guest::Guest;

/// Where the partition starts: at sector 2048.
const PARTITION: u64 = 2048 * 512;

/// A folder for one test's files; it goes with the value.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a temporary folder can be made");
        Self(path)
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[track_caller]
fn run(words: &[&str]) {
    let status = Command::new(words[0]).args(&words[1..]).status().expect("the command runs");
    assert!(status.success(), "`{}` failed: {status}", words.join(" "));
}

/// The file of that name on the card.
fn take_out(name: &str, to: &str) {
    let image = std::env::var("SDCARD_IMAGE")
        .expect("SDCARD_IMAGE names the image to test; `make test-sdcard` sets it");
    run(&["mcopy", "-n", "-i", &format!("{image}@@{PARTITION}"), &format!("::{name}"), to]);
}

fn passes_its_tests(kernel: &str, machine: &str, tree: Option<&str>) {
    let mut options = vec!["--kernel", kernel, "--machine", machine, "--usb-net", "--selftest"];
    if let Some(tree) = tree {
        options.extend(["--dtb", tree]);
    }
    let mut guest = Guest::boot(&options, None);
    let status = guest.wait_for_exit();
    let text = guest.transcript();
    assert_eq!(status.code(), Some(0), "{machine}, device tree {tree:?}:\n{text}");
    assert!(!text.contains("not ok"), "{machine}, device tree {tree:?}:\n{text}");
    assert!(text.contains("\nok "), "{machine}, device tree {tree:?}:\n{text}");
    let named = text.contains("kernel: Raspberry Pi Zero 2 W Rev 1.0, ");
    assert_eq!(named, tree.is_some(), "the board's name is the device tree's:\n{text}");
}

#[test]
fn the_kernel_on_the_card_boots_and_passes_its_tests() {
    let folder = Folder::new("sdcard-kernel");
    let (kernel, tree) = (folder.path("kernel8.img"), folder.path("board.dtb"));
    take_out("kernel8.img", &kernel);
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sdcard.dts");
    run(&["dtc", "-q", "-I", "dts", "-O", "dtb", "-o", &tree, &source.display().to_string()]);
    for machine in ["raspi3b", "raspi3ap"] {
        for tree in [None, Some(tree.as_str())] {
            passes_its_tests(&kernel, machine, tree);
        }
    }
}

/// Firmware of some releases loads a 64-bit kernel at 0x200000 when config.txt names no address.
#[test]
fn a_kernel_that_was_loaded_elsewhere_moves_itself() {
    const TEXT_OFFSET: std::ops::Range<usize> = 8..16;
    let folder = Folder::new("moved-kernel");
    let (kernel, moved) = (folder.path("kernel8.img"), folder.path("moved.img"));
    take_out("kernel8.img", &kernel);
    let mut image = std::fs::read(&kernel).expect("the kernel was taken out");
    // QEMU loads where the header says; the kernel does not look at it.
    image[TEXT_OFFSET].copy_from_slice(&0x20_0000u64.to_le_bytes());
    std::fs::write(&moved, &image).expect("a temporary file can be written");
    let options =
        ["--kernel", &moved, "--machine", "raspi3ap", "--exit-status", "--append", "machine_test"];
    let mut guest = Guest::boot(&options, None);
    let status = guest.wait_for_exit();
    let text = guest.transcript();
    assert_eq!(status.code(), Some(0), "{text}");
    assert!(text.contains("\nok 1 ") && !text.contains("not ok"), "{text}");
}
