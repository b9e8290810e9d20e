//! Builds the two files a boot needs: the initramfs and `kernel8.img`.
//!
//! ```text
//! image initramfs OUT.cpio NAME=FILE | NAME/ | NAME->TARGET ...
//! image archive OUT.cpio NAME=FILE | NAME/ | NAME->TARGET ...
//! image kernel ELF OUT.img
//! ```
//!
//! `archive` is `initramfs` for the programs of others, which nobody checks: those of the Linux that
//! `tools/bench-qemu` boots.

mod boot_code;
mod erratum_835769;
mod initramfs;
mod kernel;

use std::process::ExitCode;

const USAGE: &str = "usage: image initramfs OUT.cpio {NAME=FILE | NAME/ | NAME->TARGET}...
       image archive OUT.cpio {NAME=FILE | NAME/ | NAME->TARGET}...
       image kernel ELF OUT.img";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match words.as_slice() {
        ["initramfs", output, entries @ ..] => initramfs::build_checked(output.as_ref(), entries),
        ["archive", output, entries @ ..] => initramfs::build(output.as_ref(), entries),
        ["kernel", elf, output] => kernel::build(elf.as_ref(), output.as_ref()),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(summary) => {
            println!("{summary}");
            ExitCode::SUCCESS
        }
        Err(message) => {
            eprintln!("image: {message}");
            ExitCode::FAILURE
        }
    }
}
