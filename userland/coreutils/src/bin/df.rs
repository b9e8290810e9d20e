//! `df`: space in file systems (POSIX, GNU).
#![no_std]
#![no_main]

extern crate alloc;

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use coreutils::quantity::human;
use rt::bstr::{BString, ByteSlice};
use rt::options::{Item, Opt, Tool};
use rt::rustix::fs::statfs;
use rt::{Arguments, ExitCode, output};

rt::main!(main);

static TOOL: Tool = Tool::new(
    "df",
    "[OPTION]... [FILE]...",
    "Show information about the file system on which each FILE resides,\nor all file systems that have a size by default.",
    &[
        Opt::flag('a', "all", "include file systems without a size"),
        Opt::flag('h', "human-readable", "print sizes in powers of 1024 (e.g., 1023M)"),
        Opt::flag('k', "", "sizes in KiB (default)"),
    ],
);

fn main(arguments: Arguments) -> ExitCode {
    let (mut all, mut units) = (false, false);
    let mut wanted: Vec<BString> = Vec::new();
    for item in TOOL.parse(arguments) {
        match item {
            Item::Option('a', _) => all = true,
            Item::Option('h', _) => units = true,
            Item::Option('k', _) => units = false,
            Item::Option(..) | Item::Long(..) => {}
            Item::Operand(path) => wanted.push(path.into()),
        }
    }
    let table = match rt::input::read_file("/proc/mounts") {
        Ok(table) => table,
        Err(error) => {
            output::warn_path("/proc/mounts", error);
            return ExitCode::FAILURE;
        }
    };
    let mounts: Vec<(&[u8], &[u8])> = (table.lines())
        .filter_map(|line| {
            let mut fields = line.split(|&byte| byte == b' ');
            Some((fields.next()?, fields.next()?))
        })
        .collect();
    let named = !wanted.is_empty();
    if !named {
        wanted.extend(mounts.iter().map(|(_, place)| BString::from(*place)));
    }
    let size = if units { "Size" } else { "1K-blocks" };
    rt::println!(
        "{:<14} {size:>10} {:>10} {:>10} Use% Mounted on",
        "Filesystem",
        "Used",
        "Available"
    );
    let mut success = true;
    for path in wanted {
        let status = match statfs(path.as_bytes()) {
            Ok(status) => status,
            Err(error) => {
                output::warn_path(&path, error);
                success = false;
                continue;
            }
        };
        let block = u64::try_from(status.f_bsize).unwrap_or(0);
        let (total, free) = (status.f_blocks, status.f_bfree);
        if total == 0 && !all && !named {
            continue;
        }
        let used = total.saturating_sub(free);
        let show = |blocks: u64| -> String {
            let bytes = blocks.saturating_mul(block);
            if units { human(bytes) } else { (bytes / 1024).to_string() }
        };
        // Rounded up, as everything here: a full file system must not look as if it had room.
        let percent = match used + status.f_bavail {
            0 => "-".into(),
            sum => format!("{}%", (used * 100).div_ceil(sum)),
        };
        // The file system of a file is the one mounted nearest above it.
        let mount = (mounts.iter())
            .filter(|(_, place)| is_above(place, &path))
            .max_by_key(|(_, place)| place.len());
        let (device, place) = mount.copied().unwrap_or((b"-", b"-"));
        rt::println!(
            "{:<14} {:>10} {:>10} {:>10} {percent:>4} {}",
            device.as_bstr(),
            show(total),
            show(used),
            show(status.f_bavail),
            place.as_bstr()
        );
    }
    ExitCode::from_success(success)
}

/// Whether a path lies in a directory.
fn is_above(directory: &[u8], path: &[u8]) -> bool {
    let directory = directory.strip_suffix(b"/").unwrap_or(directory);
    path.strip_prefix(directory).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
}
