//! What the bare machine counts.

use crate::instructions::Count;
use bench::work::Piece;
use std::io;
use std::process::Command;

/// Runs the image of `bench-bare` in QEMU and gives the instructions for a unit of each piece.
pub(crate) fn count(image: &str) -> io::Result<Vec<Count>> {
    let output = Command::new("qemu-system-aarch64")
        .args([
            "-M",
            "virt",
            "-cpu",
            "cortex-a53",
            "-m",
            "512M",
            "-icount",
            "shift=0",
            "-nic",
            "none",
        ])
        .args(["-display", "none", "-serial", "none", "-monitor", "none"])
        .args(["-chardev", "stdio,id=out,signal=off"])
        .args(["-semihosting-config", "enable=on,target=native,chardev=out"])
        .args(["-kernel", image])
        .output()?;
    let printed = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        let errors = String::from_utf8_lossy(&output.stderr);
        return Err(io::Error::other(format!("{}: {printed}{errors}", output.status)));
    }
    let parse = |line: &str| {
        let mut numbers = line.split(' ').map(str::parse::<u32>);
        let mut next = || numbers.next()?.ok();
        let piece = *Piece::ALL.get(usize::try_from(next()?).ok()?)?;
        let [ours, theirs] = [next()?, next()?].map(|count| f64::from(count) / 100.0);
        Some((piece, [ours, theirs]))
    };
    printed
        .lines()
        .map(|line| parse(line).ok_or_else(|| io::Error::other(format!("unexpected: {line}"))))
        .collect()
}
