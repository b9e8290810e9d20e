//! `dd`: copies blocks (POSIX, GNU).
#![no_std]
#![no_main]
#![allow(clippy::struct_excessive_bools, reason = "a field for each option of the command line")]

extern crate alloc;

use alloc::vec;
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;

use coreutils::quantity;
use rt::bstr::{BStr, ByteSlice};
use rt::input::Input;
use rt::options::{Item, Tool};
use rt::rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rt::rustix::fs::{Mode, OFlags, SeekFrom, fsync, ftruncate, open, seek};
use rt::rustix::io::Errno;
use rt::rustix::process::Signal;
use rt::rustix::time::{ClockId, clock_gettime};
use rt::{Arguments, ExitCode, number, output, strerror};

rt::main!(main);

static TOOL: Tool = Tool::new(
    "dd",
    "[OPERAND]...",
    "Copy a file, converting according to the operands:
  bs=BYTES        read and write up to BYTES bytes at a time (default: 512);
                  overrides ibs and obs
  count=N         copy only N input blocks
  conv=CONVS      comma separated: notrunc, nocreat, excl, sync, noerror, fsync
  ibs=BYTES       read up to BYTES bytes at a time
  if=FILE         read from FILE instead of stdin
  iflag=fullblock accumulate full blocks of input
  obs=BYTES       write BYTES bytes at a time
  of=FILE         write to FILE instead of stdout
  oflag=append    append to the output file
  seek=N          skip N output blocks
  skip=N          skip N input blocks
  status=LEVEL    what to print to stderr: none, noxfer or progress
BYTES and N may have a suffix: c=1, w=2, b=512, kB=1000, K=1024, MB, M, GB, G.",
    &[],
);

/// ^C came: the copy ends with its statistics.
static INTERRUPTED: AtomicBool = AtomicBool::new(false);

extern "C" fn interrupt(_signal: i32) {
    INTERRUPTED.store(true, Ordering::Relaxed);
}

#[derive(PartialEq, Eq)]
enum Status {
    All,
    NoTransfer,
    Progress,
    None,
}

struct Job {
    input: Option<&'static BStr>,
    output: Option<&'static BStr>,
    input_block: usize,
    output_block: usize,
    count: Option<u64>,
    skip: u64,
    seek: u64,
    status: Status,
    truncate: bool,
    create: bool,
    exclusive: bool,
    append: bool,
    pad: bool,
    go_on: bool,
    sync: bool,
    full_blocks: bool,
}

/// Records in and out: full and partial ones.
#[derive(Default)]
struct Records {
    full_in: u64,
    partial_in: u64,
    full_out: u64,
    partial_out: u64,
    bytes: u64,
}

fn main(arguments: Arguments) -> ExitCode {
    let job = parse(arguments);
    let source = match job.input {
        Some(path) => match rt::input::open(path) {
            Ok(file) => Input::File(file),
            Err(error) => rt::fail!(1, "failed to open '{path}': {}", strerror(error)),
        },
        None => Input::Stdin,
    };
    let target = job.output.map(|path| match open_output(path, &job) {
        Ok(file) => file,
        Err(error) => rt::fail!(1, "failed to open '{path}': {}", strerror(error)),
    });
    let to = target.as_ref().map_or(output::stdout(), AsFd::as_fd);
    // Without the handler ^C ends the program without its statistics, which is no disaster.
    let _ = rt::signal::set_action(Signal::INT, rt::signal::Action::Handle(interrupt));
    let began = clock_gettime(ClockId::Monotonic);
    let mut records = Records::default();
    let success = skip_input(&source, &job) && copy(&source, to, &job, &mut records);
    let mut success = success;
    if job.sync
        && let Err(error) = fsync(to)
    {
        rt::warn!("fsync failed for '{}': {}", name(job.output), strerror(error));
        success = false;
    }
    let ended = clock_gettime(ClockId::Monotonic);
    let elapsed = Duration::new(ended.tv_sec as u64, ended.tv_nsec as u32)
        .saturating_sub(Duration::new(began.tv_sec as u64, began.tv_nsec as u32));
    report(&job, &records, elapsed);
    ExitCode::from_success(success)
}

fn name(path: Option<&'static BStr>) -> &'static BStr {
    path.unwrap_or(BStr::new("standard output"))
}

fn parse(arguments: Arguments) -> Job {
    let mut job = Job {
        input: None,
        output: None,
        input_block: 512,
        output_block: 512,
        count: None,
        skip: 0,
        seek: 0,
        status: Status::All,
        truncate: true,
        create: true,
        exclusive: false,
        append: false,
        pad: false,
        go_on: false,
        sync: false,
        full_blocks: false,
    };
    let mut both = None;
    for item in TOOL.parse(arguments) {
        let Item::Operand(operand) = item else { continue };
        let mut halves = operand.splitn(2, |&byte| byte == b'=');
        let key = halves.next().unwrap_or_default();
        let Some(value) = halves.next().map(ByteSlice::as_bstr) else {
            TOOL.usage_error(format_args!("unrecognized operand '{operand}'"));
        };
        match key {
            b"if" => job.input = Some(value),
            b"of" => job.output = Some(value),
            b"bs" => both = Some(block_size(value)),
            b"ibs" => job.input_block = block_size(value),
            b"obs" => job.output_block = block_size(value),
            b"count" => job.count = Some(quantity(value)),
            b"skip" | b"iseek" => job.skip = quantity(value),
            b"seek" | b"oseek" => job.seek = quantity(value),
            b"status" => match value.as_bytes() {
                b"none" => job.status = Status::None,
                b"noxfer" => job.status = Status::NoTransfer,
                b"progress" => job.status = Status::Progress,
                _ => TOOL.usage_error(format_args!("invalid status level: '{value}'")),
            },
            b"conv" | b"iflag" | b"oflag" => {
                for word in value.split(|&byte| byte == b',') {
                    flag(&mut job, key, word.as_bstr());
                }
            }
            _ => TOOL.usage_error(format_args!("unrecognized operand '{operand}'")),
        }
    }
    if let Some(both) = both {
        (job.input_block, job.output_block) = (both, both);
    }
    job
}

fn flag(job: &mut Job, key: &[u8], word: &BStr) {
    match (key, word.as_bytes()) {
        (b"conv", b"notrunc") => job.truncate = false,
        (b"conv", b"nocreat") => job.create = false,
        (b"conv", b"excl") => job.exclusive = true,
        (b"conv", b"sync") => job.pad = true,
        (b"conv", b"noerror") => job.go_on = true,
        (b"conv", b"fsync" | b"fdatasync") => job.sync = true,
        (b"iflag", b"fullblock") => job.full_blocks = true,
        (b"oflag", b"append") => job.append = true,
        (b"conv", _) => TOOL.usage_error(format_args!("invalid conversion: '{word}'")),
        (b"iflag", _) => TOOL.usage_error(format_args!("invalid input flag: '{word}'")),
        _ => TOOL.usage_error(format_args!("invalid output flag: '{word}'")),
    }
}

fn quantity(text: &BStr) -> u64 {
    // `2x1024` multiplies.
    let product = text
        .split(|&byte| byte == b'x')
        .try_fold(1u64, |product, factor| product.checked_mul(number::size(factor)?));
    product.unwrap_or_else(|| rt::fail!(1, "invalid number: '{text}'"))
}

/// Blocks larger than this are refused rather than fill the memory.
const MAX_BLOCK: u64 = 256 << 20;

fn block_size(text: &BStr) -> usize {
    match quantity(text) {
        0 => rt::fail!(1, "invalid number: '{text}'"),
        size @ 1..=MAX_BLOCK => size as usize,
        size => rt::fail!(1, "memory exhausted by input buffer of size {size} bytes"),
    }
}

fn open_output(path: &BStr, job: &Job) -> Result<OwnedFd, Errno> {
    let mut flags = OFlags::WRONLY | OFlags::CLOEXEC;
    flags.set(OFlags::CREATE, job.create);
    flags.set(OFlags::EXCL, job.exclusive);
    flags.set(OFlags::APPEND, job.append);
    flags.set(OFlags::TRUNC, job.truncate && job.seek == 0 && !job.append);
    let file = open(path.as_bytes(), flags, Mode::from_raw_mode(0o666))?;
    if job.seek > 0 {
        let offset = job.seek.saturating_mul(job.output_block as u64);
        if job.truncate {
            match ftruncate(&file, offset) {
                // Devices and pipes have no size.
                Ok(()) | Err(Errno::INVAL) => {}
                Err(error) => return Err(error),
            }
        }
        seek(&file, SeekFrom::Start(offset))?;
    }
    Ok(file)
}

/// Passes over the blocks to be skipped: by seeking, or by reading where that is impossible.
fn skip_input(source: &Input, job: &Job) -> bool {
    if job.skip == 0 {
        return true;
    }
    let offset = job.skip.saturating_mul(job.input_block as u64);
    let Ok(offset_signed) = i64::try_from(offset) else {
        rt::warn!("'{}': cannot skip: {}", name(job.input), strerror(Errno::OVERFLOW));
        return false;
    };
    if seek(source.as_fd(), SeekFrom::Current(offset_signed)).is_ok() {
        return true;
    }
    let mut buffer = vec![0; job.input_block];
    for _ in 0..job.skip {
        match read_block(source.as_fd(), &mut buffer, true) {
            Ok(0) => {
                rt::warn!("'{}': cannot skip to specified offset", name(job.input));
                return true;
            }
            Ok(_) => {}
            Err(error) => {
                rt::warn!("error reading '{}': {}", name(job.input), strerror(error));
                return false;
            }
        }
    }
    true
}

/// Reads once, or until the block is full.
fn read_block(from: BorrowedFd<'_>, buffer: &mut [u8], full: bool) -> Result<usize, Errno> {
    let mut filled = 0;
    loop {
        let count = rt::rustix::io::read(from, buffer.get_mut(filled..).unwrap_or_default());
        match count {
            Ok(count) => filled += count,
            Err(Errno::INTR) if !INTERRUPTED.load(Ordering::Relaxed) => continue,
            Err(Errno::INTR) => return Ok(filled),
            Err(error) => return Err(error),
        }
        if count == Ok(0) || !full || filled == buffer.len() {
            return Ok(filled);
        }
    }
}

fn copy(source: &Input, to: BorrowedFd<'_>, job: &Job, records: &mut Records) -> bool {
    let mut block = vec![0; job.input_block];
    let mut pending = alloc::vec::Vec::new();
    let mut success = true;
    let mut shown = clock_gettime(ClockId::Monotonic).tv_sec;
    while job.count.is_none_or(|count| records.full_in + records.partial_in < count) {
        if INTERRUPTED.load(Ordering::Relaxed) {
            break;
        }
        let mut count = match read_block(source.as_fd(), &mut block, job.full_blocks) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) => {
                let path = job.input.unwrap_or(BStr::new("standard input"));
                rt::warn!("error reading '{path}': {}", strerror(error));
                success = false;
                if !job.go_on || !job.pad {
                    break;
                }
                0
            }
        };
        if count == job.input_block {
            records.full_in += 1;
        } else {
            records.partial_in += 1;
            if job.pad {
                block.get_mut(count..).unwrap_or_default().fill(0);
                count = job.input_block;
            }
        }
        let data = block.get(..count).unwrap_or_default();
        let result = if job.input_block == job.output_block {
            // A block read is a block written, whatever its size.
            write_record(to, data, job, records)
        } else {
            pending.extend_from_slice(data);
            let mut result = Ok(());
            while result.is_ok() && pending.len() >= job.output_block {
                let rest = pending.split_off(job.output_block);
                result = write_record(to, &pending, job, records);
                pending = rest;
            }
            result
        };
        if let Err(error) = result {
            rt::warn!("error writing '{}': {}", name(job.output), strerror(error));
            return false;
        }
        let now = clock_gettime(ClockId::Monotonic).tv_sec;
        if job.status == Status::Progress && now > shown {
            shown = now;
            rt::eprint!("\r{} bytes ({}) copied", records.bytes, quantity::decimal(records.bytes));
        }
    }
    if !pending.is_empty()
        && let Err(error) = write_record(to, &pending, job, records)
    {
        rt::warn!("error writing '{}': {}", name(job.output), strerror(error));
        return false;
    }
    success
}

fn write_record(
    to: BorrowedFd<'_>,
    data: &[u8],
    job: &Job,
    records: &mut Records,
) -> Result<(), Errno> {
    output::write_all(to, data)?;
    records.bytes += data.len() as u64;
    if data.len() == job.output_block {
        records.full_out += 1;
    } else {
        records.partial_out += 1;
    }
    Ok(())
}

fn report(job: &Job, records: &Records, elapsed: Duration) {
    if job.status == Status::None {
        return;
    }
    if job.status == Status::Progress {
        rt::eprintln!();
    }
    rt::eprintln!("{}+{} records in", records.full_in, records.partial_in);
    rt::eprintln!("{}+{} records out", records.full_out, records.partial_out);
    if job.status == Status::NoTransfer {
        return;
    }
    let bytes = records.bytes;
    let nanoseconds = elapsed.as_nanos().max(1);
    let rate = u64::try_from(u128::from(bytes) * 1_000_000_000 / nanoseconds).unwrap_or(u64::MAX);
    let unit = if bytes == 1 { "byte" } else { "bytes" };
    let size = if bytes < 1000 {
        alloc::string::String::new()
    } else if bytes < 1024 {
        alloc::format!(" ({})", quantity::decimal(bytes))
    } else {
        alloc::format!(" ({}, {})", quantity::decimal(bytes), quantity::binary(bytes))
    };
    rt::eprintln!(
        "{bytes} {unit}{size} copied, {}.{:06} s, {}/s",
        elapsed.as_secs(),
        elapsed.subsec_micros(),
        quantity::decimal(rate)
    );
}
