//! `sha256sum`: SHA-256 checksums (FIPS 180-4; GNU).
#![no_std]
#![no_main]

extern crate alloc;

use alloc::vec;
use alloc::vec::Vec;

use rt::bstr::{BStr, ByteSlice};
use rt::input::{Input, Lines, read};
use rt::options::{Argument, Item, Opt, Tool};
use rt::rustix::fd::AsFd;
use rt::rustix::io::Errno;
use rt::{Arguments, ExitCode, output};
use sha2::{Digest, Sha256};

rt::main!(main);

static TOOL: Tool = Tool::new(
    "sha256sum",
    "[OPTION]... [FILE]...",
    "Print or check SHA256 (256-bit) checksums.\nWith no FILE, or when FILE is -, read standard input.",
    &[
        Opt::flag('b', "binary", "read in binary mode (marked with *)"),
        Opt::flag('c', "check", "read checksums from the FILEs and check them"),
        Opt::flag('t', "text", "read in text mode (default)"),
        Opt::long("quiet", Argument::None, "with -c, don't print OK for each verified file"),
        Opt::long(
            "status",
            Argument::None,
            "with -c, don't output anything, status code shows success",
        ),
    ],
);

fn main(arguments: Arguments) -> ExitCode {
    let (mut check, mut mark, mut quiet, mut silent) = (false, ' ', false, false);
    let mut files: Vec<&'static BStr> = Vec::new();
    for item in TOOL.parse(arguments) {
        match item {
            Item::Option('b', _) => mark = '*',
            Item::Option('c', _) => check = true,
            Item::Option('t', _) => mark = ' ',
            Item::Long("quiet", _) => quiet = true,
            Item::Long("status", _) => silent = true,
            Item::Option(..) | Item::Long(..) => {}
            Item::Operand(file) => files.push(file),
        }
    }
    if files.is_empty() {
        files.push(BStr::new("-"));
    }
    let mut success = true;
    for name in files {
        let result = if check {
            verify(name, quiet, silent)
        } else {
            digest_of(name).map(|digest| {
                for byte in digest {
                    rt::print!("{byte:02x}");
                }
                rt::println!(" {mark}{name}");
                true
            })
        };
        match result {
            Ok(right) => success &= right,
            Err(error) => {
                output::warn_path(name, error);
                success = false;
            }
        }
    }
    ExitCode::from_success(success)
}

fn digest_of(name: &BStr) -> Result<[u8; 32], Errno> {
    let input = Input::open(name)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let count = read(input.as_fd(), &mut buffer)?;
        if count == 0 {
            return Ok(hash.finalize().into());
        }
        hash.update(buffer.get(..count).unwrap_or_default());
    }
}

/// A line `DIGEST  NAME` or `DIGEST *NAME` taken apart.
fn entry(line: &[u8]) -> Option<([u8; 32], &BStr)> {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let (digits, name) = line.split_at_checked(64)?;
    let name = name.strip_prefix(b"  ").or_else(|| name.strip_prefix(b" *"))?;
    let mut digest = [0; 32];
    for (byte, pair) in digest.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = u8::from_str_radix(pair.to_str().ok()?, 16).ok()?;
    }
    Some((digest, name.as_bstr()))
}

fn verify(list: &BStr, quiet: bool, silent: bool) -> Result<bool, Errno> {
    let input = Input::open(list)?;
    let mut lines = Lines::new(input.as_fd());
    let (mut checked, mut malformed, mut unreadable, mut wrong) = (0u64, 0u64, 0u64, 0u64);
    while let Some(line) = lines.next_line()? {
        let Some((expected, name)) = entry(line) else {
            malformed += 1;
            continue;
        };
        checked += 1;
        match digest_of(name) {
            Ok(digest) if digest == expected => {
                if !quiet && !silent {
                    rt::println!("{name}: OK");
                }
            }
            Ok(_) => {
                wrong += 1;
                if !silent {
                    rt::println!("{name}: FAILED");
                }
            }
            Err(error) => {
                unreadable += 1;
                output::warn_path(name, error);
                if !silent {
                    rt::println!("{name}: FAILED open or read");
                }
            }
        }
    }
    if checked == 0 {
        rt::warn!("{list}: no properly formatted checksum lines found");
        return Ok(false);
    }
    if !silent {
        if malformed > 0 {
            let (line, is) = if malformed == 1 { ("line", "is") } else { ("lines", "are") };
            rt::warn!("WARNING: {malformed} {line} {is} improperly formatted");
        }
        if unreadable > 0 {
            let files = if unreadable == 1 { "listed file" } else { "listed files" };
            rt::warn!("WARNING: {unreadable} {files} could not be read");
        }
        if wrong > 0 {
            let (sum, did) = if wrong == 1 { ("checksum", "did") } else { ("checksums", "did") };
            rt::warn!("WARNING: {wrong} computed {sum} {did} NOT match");
        }
    }
    Ok(unreadable == 0 && wrong == 0)
}
