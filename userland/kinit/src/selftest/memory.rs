//! Memory of a process: mapping, protecting, giving back.

use core::ffi::c_void;
use core::ptr;

use rt::rustix::process::Signal;
use rustix::io::Errno;
use rustix::mm::{MapFlags, MprotectFlags, ProtFlags, mmap_anonymous, mprotect, munmap};

use super::isolation::dies_of;
use super::processes::free_memory;
use super::{Outcome, Test, because, check};

pub(super) const TESTS: &[Test] = &[
    Test { name: "memory: mmap gives zeros, munmap takes them away", run: map_and_unmap },
    Test { name: "memory: mprotect forbids and allows", run: protect },
    Test { name: "memory: a mapping can be cut in two", run: cut },
    Test { name: "memory: what cannot be mapped is refused", run: refusals },
    Test { name: "memory: what is given back is free again", run: given_back },
];

const PAGE: usize = 4096;

/// Anonymous memory that nothing else points into; it is unmapped at the end.
struct Mapping {
    start: *mut u8,
    length: usize,
}

impl Mapping {
    fn new(length: usize) -> Result<Self, Errno> {
        let access = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: the kernel chooses the place, so nothing that exists is replaced.
        let start = unsafe { mmap_anonymous(ptr::null_mut(), length, access, MapFlags::PRIVATE) }?;
        Ok(Self { start: start.cast(), length })
    }

    fn at(&self, offset: usize) -> *mut u8 {
        self.start.wrapping_add(offset)
    }

    fn read(&self, offset: usize) -> u8 {
        assert!(offset < self.length, "beyond the mapping");
        // SAFETY: within memory that is this value's own; where the test has taken access away,
        // the fault ends the process, which is what the test wants.
        unsafe { self.at(offset).read_volatile() }
    }

    fn write(&self, offset: usize, value: u8) {
        assert!(offset < self.length, "beyond the mapping");
        // SAFETY: as for reading.
        unsafe { self.at(offset).write_volatile(value) }
    }

    fn protect(&self, offset: usize, length: usize, access: MprotectFlags) -> Result<(), Errno> {
        // SAFETY: only memory of this value, which nothing else points into.
        unsafe { mprotect(self.at(offset).cast::<c_void>(), length, access) }
    }

    fn unmap(&self, offset: usize, length: usize) -> Result<(), Errno> {
        // SAFETY: as above; whoever reads it afterwards does so to see the fault.
        unsafe { munmap(self.at(offset).cast::<c_void>(), length) }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // What is unmapped already may be unmapped again.
        let _ = self.unmap(0, self.length);
    }
}

fn map_and_unmap() -> Outcome {
    let mapping = because("mmap", Mapping::new(5 * PAGE))?;
    check!(mapping.start.addr().is_multiple_of(PAGE), "it begins at {:?}", mapping.start);
    let dirty = (0..mapping.length).find(|&offset| mapping.read(offset) != 0);
    check!(dirty.is_none(), "not zero at {dirty:?}");
    (0..5).for_each(|page| mapping.write(page * PAGE, page as u8 + 1));
    let kept = (0..5).all(|page| mapping.read(page * PAGE) == page as u8 + 1);
    check!(kept, "what was written is not there");
    because("munmap", mapping.unmap(0, mapping.length))?;
    dies_of(Signal::SEGV, || mapping.write(PAGE, 1))
}

fn protect() -> Outcome {
    let mapping = because("mmap", Mapping::new(2 * PAGE))?;
    mapping.write(0, 7);
    because("mprotect", mapping.protect(0, PAGE, MprotectFlags::READ))?;
    check!(mapping.read(0) == 7, "read-only memory has changed");
    dies_of(Signal::SEGV, || mapping.write(0, 8))?;
    because("mprotect", mapping.protect(0, PAGE, MprotectFlags::empty()))?;
    dies_of(Signal::SEGV, || mapping.write(1, mapping.read(0)))?;
    // The page beside it is as it was.
    mapping.write(PAGE, 9);
    let both = MprotectFlags::READ | MprotectFlags::WRITE;
    because("mprotect", mapping.protect(0, PAGE, both))?;
    mapping.write(0, mapping.read(0) + 1);
    check!(mapping.read(0) == 8, "it reads as {}", mapping.read(0));
    Ok(())
}

fn cut() -> Outcome {
    let mapping = because("mmap", Mapping::new(3 * PAGE))?;
    (0..3).for_each(|page| mapping.write(page * PAGE, page as u8));
    because("munmap", mapping.unmap(PAGE, PAGE))?;
    check!(mapping.read(0) == 0 && mapping.read(2 * PAGE) == 2, "the rest has changed");
    dies_of(Signal::SEGV, || mapping.write(PAGE, 1))?;
    let across = mapping.protect(0, mapping.length, MprotectFlags::READ);
    check!(across == Err(Errno::NOMEM), "mprotect across the hole: {across:?}");
    Ok(())
}

fn refusals() -> Outcome {
    let empty = Mapping::new(0).err();
    check!(empty == Some(Errno::INVAL), "nothing: {empty:?}");
    let huge = Mapping::new(1 << 46).err();
    check!(huge == Some(Errno::NOMEM), "64 TiB: {huge:?}");
    let mapping = because("mmap", Mapping::new(2 * PAGE))?;
    let crooked = mapping.unmap(1, PAGE);
    check!(crooked == Err(Errno::INVAL), "munmap within a page: {crooked:?}");
    let crooked = mapping.protect(1, PAGE, MprotectFlags::READ);
    check!(crooked == Err(Errno::INVAL), "mprotect within a page: {crooked:?}");
    Ok(())
}

fn given_back() -> Outcome {
    const LENGTH: usize = 16 << 20;
    // The first one may make the kernel and this program's heap grow what they keep.
    drop(because("mmap", Mapping::new(LENGTH))?);
    let before = free_memory()?;
    let mapping = because("mmap", Mapping::new(LENGTH))?;
    (0..LENGTH).step_by(PAGE).for_each(|offset| mapping.write(offset, 1));
    let used = free_memory()?;
    check!(used + LENGTH as u64 / 1024 <= before + 200, "{before} KiB free, in use {used} KiB");
    drop(mapping);
    let after = free_memory()?;
    check!(after + 200 >= before, "{before} KiB were free, now {after}");
    Ok(())
}
