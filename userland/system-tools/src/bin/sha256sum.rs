//! `sha256sum`: prints or checks SHA-256 sums.
#![no_std]
#![no_main]

extern crate alloc;

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;
use rt::bstr::{BStr, ByteSlice};
use rt::input::{Input, read, read_all};
use rt::options::{Item, Opt, Tool};
use rt::{Arguments, ExitCode};
use rustix::fd::AsFd;
use rustix::io::Errno;
use sha2::{Digest, Sha256};

rt::main!(main);

static TOOL: Tool = Tool::new(
    "sha256sum",
    "[OPTION]... [FILE]...",
    "Print or check SHA256 (256-bit) checksums. Without FILE, or when it is -, read standard input.",
    &[
        Opt::flag('b', "binary", "read in binary mode"),
        Opt::flag('c', "check", "read checksums from the FILEs and check them"),
        Opt::flag('t', "text", "read in text mode (default)"),
        Opt::long("quiet", rt::options::Argument::None, "don't print OK for each verified file"),
        Opt::long(
            "status",
            rt::options::Argument::None,
            "don't output anything, status code shows success",
        ),
    ],
);

fn main(arguments: Arguments) -> ExitCode {
    let (mut check, mut quiet, mut silent, mut mark) = (false, false, false, ' ');
    let mut files = Vec::new();
    for item in TOOL.parse(arguments) {
        match item {
            Item::Option('c', _) => check = true,
            Item::Option('b', _) => mark = '*',
            Item::Option(_, _) => mark = ' ',
            Item::Long("quiet", _) => quiet = true,
            Item::Long(_, _) => silent = true,
            Item::Operand(file) => files.push(file),
        }
    }
    if files.is_empty() {
        files.push("-".into());
    }
    let mut failed = false;
    for file in files {
        let result = if check {
            verify(file, quiet || silent, silent)
        } else {
            sum(file).map(|sum| {
                rt::println!("{sum} {mark}{file}");
                true
            })
        };
        match result {
            Ok(good) => failed |= !good,
            Err(error) => {
                rt::output::warn_path(file, error);
                failed = true;
            }
        }
    }
    ExitCode(u8::from(failed))
}

fn sum(path: &BStr) -> Result<String, Errno> {
    let input = Input::open(path)?;
    let mut hash = Sha256::new();
    let mut buffer = [0; 4096];
    loop {
        let count = read(input.as_fd(), &mut buffer)?;
        if count == 0 {
            break;
        }
        hash.update(&buffer[..count]);
    }
    let mut text = String::with_capacity(64);
    for byte in hash.finalize() {
        // Writing to a String can't fail.
        let _ = write!(text, "{byte:02x}");
    }
    Ok(text)
}

/// Checks every line of a list; says whether all were good.
fn verify(list: &BStr, quiet: bool, silent: bool) -> Result<bool, Errno> {
    let text = read_all(Input::open(list)?.as_fd())?;
    let (mut good, mut malformed, mut differing, mut unreadable) = (0, 0, 0, 0);
    for line in text.lines().filter(|line| !line.is_empty()) {
        let Some((expected, file)) = entry(line) else {
            malformed += 1;
            continue;
        };
        match sum(file) {
            Ok(found) if found.as_bytes().eq_ignore_ascii_case(expected) => {
                good += 1;
                if !quiet {
                    rt::println!("{file}: OK");
                }
            }
            Ok(_) => {
                differing += 1;
                if !silent {
                    rt::println!("{file}: FAILED");
                }
            }
            Err(error) => {
                unreadable += 1;
                rt::output::warn_path(file, error);
                if !silent {
                    rt::println!("{file}: FAILED open or read");
                }
            }
        }
    }
    if good + differing + unreadable == 0 {
        rt::warn!("{list}: no properly formatted checksum lines found");
        return Ok(false);
    }
    for (count, one, many) in [
        (malformed, "line is improperly formatted", "lines are improperly formatted"),
        (unreadable, "listed file could not be read", "listed files could not be read"),
        (differing, "computed checksum did NOT match", "computed checksums did NOT match"),
    ] {
        if count > 0 && !silent {
            rt::warn!("WARNING: {count} {}", if count == 1 { one } else { many });
        }
    }
    Ok(differing + unreadable == 0)
}

/// A line: 64 hexadecimal digits, a space, a space or `*`, a name.
fn entry(line: &[u8]) -> Option<(&[u8], &BStr)> {
    let (sum, rest) = line.split_at_checked(64)?;
    let name = rest.strip_prefix(b"  ").or_else(|| rest.strip_prefix(b" *"))?;
    (sum.iter().all(u8::is_ascii_hexdigit) && !name.is_empty()).then(|| (sum, name.as_bstr()))
}
