//! `dd`: copies a file in blocks.
#![no_std]
#![no_main]

extern crate alloc;

use alloc::vec;
use rt::bstr::{BStr, ByteSlice};
use rt::input::{Input, read};
use rt::options::{Item, Tool};
use rt::{Arguments, ExitCode};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{Mode, OFlags, SeekFrom};
use rustix::io::Errno;
use rustix::time::{ClockId, clock_gettime};

rt::main!(main);

static TOOL: Tool = Tool::new(
    "dd",
    "[OPERAND]...",
    "Copy a file, in blocks.

  if=FILE         read from FILE instead of standard input
  of=FILE         write to FILE instead of standard output
  bs=BYTES        read and write up to BYTES at a time (default 512)
  count=N         copy only N input blocks
  skip=N          skip N blocks at the start of the input
  seek=N          skip N blocks at the start of the output
  conv=notrunc    do not truncate the output file
  status=none     print no statistics

BYTES may have a suffix such as K, M, kB, MB.",
    &[],
);

/// A block larger than this is a mistake.
const BLOCK_LIMIT: u64 = 64 << 20;

struct Settings {
    input: Option<&'static BStr>,
    output: Option<&'static BStr>,
    block: u64,
    count: Option<u64>,
    skip: u64,
    seek: u64,
    truncate: bool,
    report: bool,
}

#[derive(Default)]
struct Blocks {
    whole: u64,
    partial: u64,
}

impl Blocks {
    fn add(&mut self, bytes: usize, block: usize) {
        *(if bytes == block { &mut self.whole } else { &mut self.partial }) += 1;
    }
}

fn settings(arguments: Arguments) -> Settings {
    let mut settings = Settings {
        input: None,
        output: None,
        block: 512,
        count: None,
        skip: 0,
        seek: 0,
        truncate: true,
        report: true,
    };
    for item in TOOL.parse(arguments) {
        let Item::Operand(operand) = item else { continue };
        let (Some(name), Some(value)) = operand.split_once_str("=").unzip() else {
            TOOL.usage_error(format_args!("unrecognized operand '{operand}'"));
        };
        let value = value.as_bstr();
        let number =
            || rt::number::size(value).unwrap_or_else(|| rt::fail!(1, "invalid number: '{value}'"));
        match name {
            b"if" => settings.input = Some(value),
            b"of" => settings.output = Some(value),
            b"bs" => settings.block = number(),
            b"count" => settings.count = Some(number()),
            b"skip" => settings.skip = number(),
            b"seek" => settings.seek = number(),
            b"conv" if value == "notrunc" => settings.truncate = false,
            b"status" if value == "none" => settings.report = false,
            b"conv" | b"status" => rt::fail!(1, "invalid argument '{value}'"),
            _ => TOOL.usage_error(format_args!("unrecognized operand '{operand}'")),
        }
    }
    if settings.block == 0 || settings.block > BLOCK_LIMIT {
        rt::fail!(1, "invalid number: '{}'", settings.block);
    }
    settings
}

fn main(arguments: Arguments) -> ExitCode {
    let settings = settings(arguments);
    let input = match settings.input {
        None => Input::Stdin,
        Some(path) => match rt::input::open(path) {
            Ok(file) => Input::File(file),
            Err(error) => rt::fail!(1, "failed to open '{path}': {}", rt::strerror(error)),
        },
    };
    let output = settings.output.map(|path| open_output(path, &settings));
    // SAFETY: if descriptor 1 is closed, writing to it fails with EBADF, which is reported.
    let stdout = unsafe { rustix::stdio::stdout() };
    let output = output.as_ref().map_or(stdout, AsFd::as_fd);

    let start = now();
    let (mut read_blocks, mut written_blocks, mut bytes) =
        (Blocks::default(), Blocks::default(), 0);
    let result =
        copy(&settings, input.as_fd(), output, &mut read_blocks, &mut written_blocks, &mut bytes);
    if let Err((what, error)) = &result {
        rt::warn!("error {what}: {}", rt::strerror(*error));
    }
    if settings.report {
        rt::eprintln!("{}+{} records in", read_blocks.whole, read_blocks.partial);
        rt::eprintln!("{}+{} records out", written_blocks.whole, written_blocks.partial);
        let millis = (now() - start).max(1) as u64;
        let rate = bytes * 10 / millis / 1000;
        rt::eprintln!(
            "{bytes} bytes copied, {}.{:03} s, {}.{} MB/s",
            millis / 1000,
            millis % 1000,
            rate / 10,
            rate % 10
        );
    }
    ExitCode(u8::from(result.is_err()))
}

fn open_output(path: &BStr, settings: &Settings) -> OwnedFd {
    let mut flags = OFlags::WRONLY | OFlags::CREATE | OFlags::CLOEXEC;
    // What is skipped in the output is kept.
    flags.set(OFlags::TRUNC, settings.truncate && settings.seek == 0);
    match rustix::fs::open(path.as_bytes(), flags, Mode::from_raw_mode(0o666)) {
        Ok(file) => file,
        Err(error) => rt::fail!(1, "failed to open '{path}': {}", rt::strerror(error)),
    }
}

fn now() -> i64 {
    let time = clock_gettime(ClockId::Monotonic);
    time.tv_sec * 1000 + time.tv_nsec / 1_000_000
}

fn copy(
    settings: &Settings,
    input: BorrowedFd<'_>,
    output: BorrowedFd<'_>,
    read_blocks: &mut Blocks,
    written_blocks: &mut Blocks,
    bytes: &mut u64,
) -> Result<(), (&'static str, Errno)> {
    let block = settings.block as usize;
    let mut buffer = vec![0; block];
    if settings.skip > 0
        && rustix::fs::seek(input, SeekFrom::Start(settings.skip * settings.block)).is_err()
    {
        // Not a file with positions: read what is to be skipped.
        for _ in 0..settings.skip {
            if read(input, &mut buffer).map_err(|error| ("reading", error))? == 0 {
                break;
            }
        }
    }
    if settings.seek > 0 {
        rustix::fs::seek(output, SeekFrom::Start(settings.seek * settings.block))
            .map_err(|error| ("seeking", error))?;
    }
    let mut left = settings.count.unwrap_or(u64::MAX);
    while left > 0 {
        let count = read(input, &mut buffer).map_err(|error| ("reading", error))?;
        if count == 0 {
            break;
        }
        read_blocks.add(count, block);
        rt::output::write_all(output, &buffer[..count]).map_err(|error| ("writing", error))?;
        written_blocks.add(count, block);
        *bytes += count as u64;
        left -= 1;
    }
    Ok(())
}
