//! Memory: brk(2), mmap(2), munmap(2), mprotect(2), madvise(2).

use super::arguments::Arguments;
use super::errno::Errno;
use super::user_memory::UserWriter;
use crate::fs::node::Node;
use crate::fs::stat::Kind;
use crate::memory::{PAGE_SIZE, Permissions};
use crate::process::Process;
use crate::process::address_space::{AddressSpace, Place};
use crate::process::regions::Backing;
use linux_raw_sys::general::{
    MADV_DONTNEED, MADV_FREE, MAP_ANONYMOUS, MAP_FIXED, MAP_FIXED_NOREPLACE, MAP_PRIVATE,
    MAP_SHARED, MAP_TYPE, PROT_EXEC, PROT_READ, PROT_WRITE,
};

/// brk(2) answers where the break is, never an error.
pub(super) fn brk(process: &Process, arguments: Arguments) -> Result<usize, Errno> {
    Ok(process.address_space()?.set_break(arguments.long(0)) as usize)
}

fn permissions(protection: u32) -> Permissions {
    Permissions {
        // What can be written or executed can be read, as on Linux.
        read: protection & (PROT_READ | PROT_WRITE | PROT_EXEC) != 0,
        write: protection & PROT_WRITE != 0,
        execute: protection & PROT_EXEC != 0,
    }
}

fn place(flags: u32, address: u64) -> Place {
    if flags & MAP_FIXED_NOREPLACE != 0 {
        Place::FixedIfFree(address)
    } else if flags & MAP_FIXED != 0 {
        Place::Fixed(address)
    } else {
        Place::Anywhere(address)
    }
}

/// mmap(2): anonymous memory, and private copies of files. Memory shared between processes other
/// than by vfork(2) does not exist: sharing a file is `ENODEV`, and anonymous `MAP_SHARED` memory
/// is the caller's own.
pub(super) fn mmap(process: &Process, arguments: Arguments) -> Result<usize, Errno> {
    let (address, length) = (arguments.long(0), arguments.long(1));
    let (protection, flags) = (arguments.unsigned(2), arguments.unsigned(3));
    let (fd, offset) = (arguments.int(4), arguments.long(5));
    let sharing = flags & MAP_TYPE;
    if !matches!(sharing, MAP_PRIVATE | MAP_SHARED)
        || !offset.is_multiple_of(PAGE_SIZE as u64)
        || length == 0
    {
        return Err(Errno::INVAL);
    }
    let memory = process.address_space()?;
    let (place, permissions) = (place(flags, address), permissions(protection));
    if flags & MAP_ANONYMOUS != 0 {
        return Ok(memory.map_anywhere(place, length, permissions, Backing::Zero)? as usize);
    }
    let file = process.file(fd)?;
    if !file.access().read {
        return Err(Errno::ACCES);
    }
    let node = file.location().ok_or(Errno::NODEV)?.node().clone();
    if node.stat().kind != Kind::Regular || (sharing == MAP_SHARED && permissions.write) {
        return Err(Errno::NODEV);
    }
    map_file(&memory, &*node, place, length, permissions, offset)
}

fn map_file(
    memory: &AddressSpace,
    node: &dyn Node,
    place: Place,
    length: u64,
    permissions: Permissions,
    offset: u64,
) -> Result<usize, Errno> {
    if let Some(contents) = node.fixed_contents() {
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(contents.len());
        let rest = &contents[start..];
        let contents = rest.get(..length as usize).unwrap_or(rest);
        let backing = Backing::File { contents, start: 0 };
        return Ok(memory.map_anywhere(place, length, permissions, backing)? as usize);
    }
    // The file may change: the copy is made now.
    let start = memory.map_anywhere(place, length, permissions, Backing::Zero)?;
    let mut page = alloc::vec![0; PAGE_SIZE];
    let mut done = 0;
    while done < length {
        let count = (length - done).min(PAGE_SIZE as u64) as usize;
        let read = node.read_at(offset + done, &mut UserWriter::from_bytes(&mut page[..count]))?;
        if read == 0 {
            break;
        }
        memory.initialize(start + done, &page[..read])?;
        done += read as u64;
    }
    Ok(start as usize)
}

pub(super) fn munmap(process: &Process, arguments: Arguments) -> Result<usize, Errno> {
    process.address_space()?.unmap(arguments.long(0), arguments.long(1))?;
    Ok(0)
}

pub(super) fn mprotect(process: &Process, arguments: Arguments) -> Result<usize, Errno> {
    let protection = arguments.unsigned(2);
    if protection & !(PROT_READ | PROT_WRITE | PROT_EXEC) != 0 {
        return Err(Errno::INVAL);
    }
    let memory = process.address_space()?;
    memory.protect(arguments.long(0), arguments.long(1), permissions(protection))?;
    Ok(0)
}

/// madvise(2): of all advice only "I do not need it" has an effect.
pub(super) fn madvise(process: &Process, arguments: Arguments) -> Result<usize, Errno> {
    let (address, length, advice) = (arguments.long(0), arguments.long(1), arguments.unsigned(2));
    if !address.is_multiple_of(PAGE_SIZE as u64) {
        return Err(Errno::INVAL);
    }
    if length > 0 && matches!(advice, MADV_DONTNEED | MADV_FREE) {
        process.address_space()?.forget(address, length)?;
    }
    Ok(0)
}
