//! Files: the archive at `/`, the RAM file system at `/tmp`, devices, `/proc`.

use alloc::vec::Vec;

use rt::bstr::ByteSlice;
use rt::input::read_file;
use rt::rustix::fd::{AsFd, OwnedFd};
use rt::rustix::fs::{
    FileType, Mode, OFlags, SeekFrom, mkdir, open, rename, rmdir, seek, stat, statfs, unlink,
};
use rt::rustix::io::{Errno, write};

use super::{Outcome, Test, because, check};

pub(super) const TESTS: &[Test] = &[
    Test { name: "files: programs are files that can be read", run: archive },
    Test { name: "files: the archive is read-only", run: read_only },
    Test { name: "files: what is written to /tmp can be read back", run: write_and_read },
    Test { name: "files: O_APPEND, O_EXCL, O_TRUNC", run: open_flags },
    Test { name: "files: rename, unlink, mkdir, rmdir", run: names },
    Test { name: "files: an unlinked file lives as long as it is open", run: unlinked },
    Test { name: "files: /tmp has a limit, and what is deleted is free again", run: full },
    Test { name: "files: null, zero, full and urandom", run: devices },
    Test { name: "files: /proc tells about this process", run: proc },
];

fn create(path: &str) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::TRUNC | OFlags::CLOEXEC;
    open(path, flags, Mode::from_raw_mode(0o644))
}

fn archive() -> Outcome {
    let program = because("/bin/sh", read_file("/bin/sh"))?;
    check!(program.starts_with(b"\x7fELF"), "/bin/sh begins with {:?}", program.get(..4));
    let status = because("/bin", stat("/bin"))?;
    check!(FileType::from_raw_mode(status.st_mode) == FileType::Directory, "/bin: {status:?}");
    let missing = stat("/bin/nothing").err();
    check!(missing == Some(Errno::NOENT), "/bin/nothing: {missing:?}");
    let through_file = stat("/bin/sh/x").err();
    check!(through_file == Some(Errno::NOTDIR), "/bin/sh/x: {through_file:?}");
    Ok(())
}

fn read_only() -> Outcome {
    let created = create("/bin/new").err();
    check!(created == Some(Errno::ROFS), "creating a file in /bin: {created:?}");
    let opened = open("/bin/sh", OFlags::WRONLY, Mode::empty()).err();
    check!(opened == Some(Errno::ROFS), "opening /bin/sh for writing: {opened:?}");
    Ok(())
}

fn write_and_read() -> Outcome {
    let path = "/tmp/selftest";
    let data: Vec<u8> = (0..100_000u32).flat_map(u32::to_le_bytes).collect();
    let file = because("open", create(path))?;
    because("write", rt::output::write_all(file.as_fd(), &data))?;
    let position = because("lseek", seek(&file, SeekFrom::Current(0)))?;
    check!(position == data.len() as u64, "the position is {position}");
    let size = because("stat", stat(path))?.st_size;
    check!(size == data.len() as i64, "the size is {size}");
    because("lseek", seek(&file, SeekFrom::Start(4000)))?;
    let mut number = [0; 4];
    because("read", rt::input::read(file.as_fd(), &mut number))?;
    check!(u32::from_le_bytes(number) == 1000, "number 1000 is {}", u32::from_le_bytes(number));
    let all = because("read", read_file(path))?;
    check!(all == data, "the content differs");
    because("unlink", unlink(path))
}

fn open_flags() -> Outcome {
    let path = "/tmp/selftest-flags";
    let file = because("open", create(path))?;
    because("write", write(&file, b"one"))?;
    let append = OFlags::WRONLY | OFlags::APPEND;
    let second = because("open", open(path, append, Mode::empty()))?;
    because("write", write(&second, b"two"))?;
    let content = because("read", read_file(path))?;
    check!(content == b"onetwo", "after appending: {:?}", content.as_bstr());
    let exclusive = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL;
    let again = open(path, exclusive, Mode::empty()).err();
    check!(again == Some(Errno::EXIST), "O_EXCL: {again:?}");
    drop(because("open", create(path))?);
    let content = because("read", read_file(path))?;
    check!(content.is_empty(), "after O_TRUNC: {:?}", content.as_bstr());
    let forbidden = write(because("open", rt::input::open(path))?, b"x");
    check!(forbidden == Err(Errno::BADF), "writing to a file open for reading: {forbidden:?}");
    because("unlink", unlink(path))
}

fn names() -> Outcome {
    let mode = Mode::from_raw_mode(0o755);
    because("mkdir", mkdir("/tmp/selftest-d", mode))?;
    let again = mkdir("/tmp/selftest-d", mode);
    check!(again == Err(Errno::EXIST), "mkdir again: {again:?}");
    drop(because("open", create("/tmp/selftest-d/a"))?);
    let full = rmdir("/tmp/selftest-d");
    check!(full == Err(Errno::NOTEMPTY), "rmdir of a full one: {full:?}");
    because("rename", rename("/tmp/selftest-d/a", "/tmp/selftest-d/b"))?;
    let old = stat("/tmp/selftest-d/a").err();
    check!(old == Some(Errno::NOENT), "the old name: {old:?}");
    let directory = unlink("/tmp/selftest-d");
    check!(directory == Err(Errno::ISDIR), "unlink of a directory: {directory:?}");
    because("unlink", unlink("/tmp/selftest-d/b"))?;
    because("rmdir", rmdir("/tmp/selftest-d"))?;
    let gone = stat("/tmp/selftest-d").err();
    check!(gone == Some(Errno::NOENT), "the directory: {gone:?}");
    Ok(())
}

fn unlinked() -> Outcome {
    let path = "/tmp/selftest-unlinked";
    let file = because("open", create(path))?;
    because("write", write(&file, b"still here"))?;
    because("unlink", unlink(path))?;
    because("lseek", seek(&file, SeekFrom::Start(0)))?;
    let content = because("read", rt::input::read_all(file.as_fd()))?;
    check!(content == b"still here", "{:?}", content.as_bstr());
    Ok(())
}

/// Bytes that /tmp has room for.
fn room() -> Result<u64, alloc::string::String> {
    let status = because("statfs", statfs("/tmp"))?;
    Ok(status.f_bavail * status.f_bsize as u64)
}

fn full() -> Outcome {
    let path = "/tmp/selftest-full";
    let before = room()?;
    let file = because("open", create(path))?;
    let block = alloc::vec![0xa5; 256 * 1024];
    let mut written = 0;
    let error = loop {
        match write(&file, &block) {
            Ok(count) if written <= before => written += count as u64,
            Ok(_) => break None,
            Err(error) => break Some(error),
        }
    };
    because("unlink", unlink(path))?;
    drop(file);
    check!(error == Some(Errno::NOSPC), "{before} bytes of room, {written} written: {error:?}");
    check!(written >= before / 2, "{before} bytes of room, but only {written} written");
    let after = room()?;
    check!(after == before, "{before} bytes of room before, {after} after");
    let file = because("open", create(path))?;
    because("write", rt::output::write_all(file.as_fd(), &block))?;
    because("unlink", unlink(path))
}

fn devices() -> Outcome {
    let device = |path: &str| open(path, OFlags::RDWR | OFlags::CLOEXEC, Mode::empty());
    let null = because("/dev/null", device("/dev/null"))?;
    check!(write(&null, b"abc") == Ok(3), "null takes everything");
    let mut buffer = [1; 32];
    check!(rt::input::read(null.as_fd(), &mut buffer) == Ok(0), "null is empty");
    let zero = because("/dev/zero", device("/dev/zero"))?;
    check!(rt::input::read(zero.as_fd(), &mut buffer) == Ok(32), "zero has no end");
    check!(buffer == [0; 32], "zero: {buffer:?}");
    let full = because("/dev/full", device("/dev/full"))?;
    let written = write(&full, b"abc");
    check!(written == Err(Errno::NOSPC), "full: {written:?}");
    let random = because("/dev/urandom", rt::input::open("/dev/urandom"))?;
    let mut other = [0; 32];
    check!(rt::input::read(random.as_fd(), &mut buffer) == Ok(32), "urandom has no end");
    check!(rt::input::read(random.as_fd(), &mut other) == Ok(32), "urandom has no end");
    check!(buffer != other && buffer != [0; 32], "urandom repeats itself: {buffer:?}");
    Ok(())
}

fn proc() -> Outcome {
    let line = because("/proc/self/stat", read_file("/proc/self/stat"))?;
    let pid = alloc::format!("{} (kinit) ", rt::rustix::process::getpid().as_raw_nonzero());
    check!(line.starts_with(pid.as_bytes()), "{:?}", line.as_bstr());
    let command = because("/proc/self/cmdline", read_file("/proc/self/cmdline"))?;
    let expected = [rt::arguments::invocation().as_bytes(), b"\0"].concat();
    check!(command.starts_with(&expected), "{:?}", command.as_bstr());
    let memory = because("/proc/meminfo", read_file("/proc/meminfo"))?;
    check!(memory.starts_with(b"MemTotal:"), "{:?}", memory.as_bstr());
    Ok(())
}
