//! The memory of a program: its ranges, the pages that are there, and its page tables.
//!
//! Pages come when they are touched: zeros, or a part of the program file. After a fork parent
//! and child share their pages, read-only in the page tables, until one of them writes
//! ("copy on write"); the count of an [`Rc`] says whether a page is shared.
//!
//! The page tables only ever allow a part of what the ranges allow, so a fault is either resolved
//! here or the program's own.

use super::frames;
use super::page_cache;
use super::regions::{Backing, PageRange, Purpose, REGIONS_MAX, Region, Regions, TooManyRegions};
use super::user_table::UserTable;
use crate::memory::frame::{self, Frame};
use crate::memory::{PAGE_SIZE, Permissions, UserAddress};
use crate::syscall::errno::Errno;
use alloc::collections::BTreeMap;
use alloc::rc::Rc;
use core::cell::{Cell, RefCell};

const PAGE: u64 = PAGE_SIZE as u64;
/// Bytes of the kernel's heap that a page and a range of a copy take at most.
const PAGE_COST: usize = 48;
const REGION_COST: usize = 160;
/// The lowest address that a program can have: null pointers must fault (`vm.mmap_min_addr`).
pub const LOWEST: u64 = 0x1_0000;
/// Where the stack ends: the top of the lower half, less a page that nothing uses.
pub const STACK_TOP: u64 = UserAddress::END - PAGE;
/// Size that the stack may grow to (`RLIMIT_STACK`).
pub const STACK_SIZE: u64 = 8 << 20;
/// Where the page with the return from signal handlers is: below the stack and a gap that catches
/// overflows.
pub const TRAMPOLINE: u64 = STACK_TOP - STACK_SIZE - (1 << 20);
/// Where `mmap` begins to look, downwards.
const MAPPINGS_TOP: u64 = TRAMPOLINE - (1 << 20);
/// Where position-independent programs are loaded.
pub const POSITION_INDEPENDENT_BASE: u64 = 0x20_0000_0000;

/// What a program tried to do at an address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Attempt {
    /// To load.
    Read,
    /// To store.
    Write,
    /// To fetch an instruction.
    Execute,
}

/// Why a fault is the program's own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FaultReason {
    /// Nothing is there.
    Unmapped,
    /// What is there does not allow it.
    Denied,
    /// The memory is used up.
    OutOfMemory,
}

impl From<TooManyRegions> for Errno {
    fn from(_: TooManyRegions) -> Self {
        Self::NOMEM
    }
}

struct Inner {
    table: UserTable,
    regions: Regions,
    pages: BTreeMap<u64, Rc<Frame>>,
    /// What `brk` started from and where it stands.
    heap_start: u64,
    heap_end: u64,
}

/// The memory of one program; shared after vfork(2).
pub struct AddressSpace {
    inner: RefCell<Inner>,
    /// The most pages it had at a time, for getrusage(2).
    peak_pages: Cell<usize>,
}

impl Region {
    fn allows(&self, attempt: Attempt) -> bool {
        match attempt {
            Attempt::Read => self.permissions.read,
            Attempt::Write => self.permissions.write,
            Attempt::Execute => self.permissions.execute,
        }
    }

    /// Makes the page at `address`, or finds one that another process has made of the same part of
    /// a file. Who is about to write gets a page of its own at once.
    fn make_page(&self, address: u64, attempt: Attempt) -> Result<Rc<Frame>, FaultReason> {
        let shareable = match self.backing {
            Backing::File { contents, start } if attempt != Attempt::Write => {
                Some((contents, address as i64 - start as i64))
            }
            Backing::File { .. } | Backing::Zero => None,
        };
        if let Some((contents, offset)) = shareable
            && let Some(page) = page_cache::find(contents, offset)
        {
            return Ok(page);
        }
        let mut fresh = frames::allocate().ok_or(FaultReason::OutOfMemory)?;
        self.fill(address, fresh.bytes_mut());
        // What is shared may be executed elsewhere.
        if self.permissions.execute || shareable.is_some() {
            synchronize_instructions(&fresh);
        }
        let fresh = Rc::new(fresh);
        if let Some((contents, offset)) = shareable {
            page_cache::insert(contents, offset, &fresh);
        }
        Ok(fresh)
    }

    /// Puts what the region holds into a new page at `address`.
    fn fill(&self, address: u64, page: &mut [u8; PAGE_SIZE]) {
        let Backing::File { contents, start } = self.backing else { return };
        let end = start + contents.len() as u64;
        let (from, to) = (address.max(start), (address + PAGE).min(end));
        if from < to {
            let source = &contents[(from - start) as usize..(to - start) as usize];
            page[(from - address) as usize..][..source.len()].copy_from_slice(source);
        }
    }
}

/// Enters a page into page tables, writable only if nobody shares it.
fn enter(
    table: &mut UserTable,
    address: u64,
    frame: &Rc<Frame>,
    region: &Region,
) -> Result<(), FaultReason> {
    let alone = Rc::strong_count(frame) == 1;
    let write = region.permissions.write && alone;
    let permissions = Permissions { write, ..region.permissions };
    let place = UserAddress::new(address).ok_or(FaultReason::Unmapped)?;
    if permissions == Permissions::default() {
        table.unmap(place);
        return Ok(());
    }
    table.map(place, frame.physical(), permissions).map_err(|_| FaultReason::OutOfMemory)
}

impl Inner {
    /// Enters a page into the page tables, if it is there.
    fn enter(&mut self, address: u64, region: &Region) -> Result<(), FaultReason> {
        match self.pages.get(&address) {
            Some(frame) => enter(&mut self.table, address, frame, region),
            None => Ok(()),
        }
    }

    fn resolve(&mut self, address: u64, attempt: Attempt) -> Result<(), FaultReason> {
        let page = address - address % PAGE;
        let (_, region) = self.regions.at(page).ok_or(FaultReason::Unmapped)?;
        if !region.allows(attempt) {
            return Err(FaultReason::Denied);
        }
        let fresh = match self.pages.get(&page) {
            None => Some(region.make_page(page, attempt)?),
            Some(shared) if attempt == Attempt::Write && Rc::strong_count(shared) > 1 => {
                let mut fresh = frames::allocate().ok_or(FaultReason::OutOfMemory)?;
                fresh.bytes_mut().copy_from_slice(shared.bytes());
                if region.permissions.execute {
                    synchronize_instructions(&fresh);
                }
                Some(Rc::new(fresh))
            }
            Some(_) => None,
        };
        if let Some(fresh) = fresh {
            // The old page must not be reachable any more when it goes.
            let old = self.pages.insert(page, fresh);
            let entered = self.enter(page, &region);
            drop(old);
            return entered;
        }
        self.enter(page, &region)
    }

    fn drop_pages(&mut self, range: &PageRange) {
        while let Some((&address, _)) = self.pages.range(range.start()..range.end()).next() {
            if let Some(place) = UserAddress::new(address) {
                self.table.unmap(place);
            }
            // The frame goes after its page has left the page tables.
            self.pages.remove(&address);
        }
    }

    fn remove(&mut self, range: &PageRange) -> Result<(), Errno> {
        self.regions.remove(range)?;
        self.drop_pages(range);
        Ok(())
    }

    /// Linux's heuristic against obvious overcommitment: what asks for more than there is, fails.
    fn check_size(size: u64) -> Result<(), Errno> {
        let total = frame::statistics().total as u64;
        if size / PAGE > total { Err(Errno::NOMEM) } else { Ok(()) }
    }

    fn insert(
        &mut self,
        range: &PageRange,
        permissions: Permissions,
        backing: Backing,
        purpose: Purpose,
    ) -> Result<(), Errno> {
        Self::check_size(range.size())?;
        self.regions.insert(range, permissions, backing, purpose)?;
        self.drop_pages(range);
        Ok(())
    }
}

#[cfg(target_os = "none")]
fn synchronize_instructions(frame: &Frame) {
    crate::arch::aarch64::synchronize_instructions(frame.bytes());
}

/// The host runs none of these instructions.
#[cfg(not(target_os = "none"))]
fn synchronize_instructions(_frame: &Frame) {}

/// Where `mmap` is to put something.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// Anywhere, preferably at this address.
    Anywhere(u64),
    /// Exactly there, in place of what there is (`MAP_FIXED`).
    Fixed(u64),
    /// Exactly there, if it is free (`MAP_FIXED_NOREPLACE`).
    FixedIfFree(u64),
}

impl AddressSpace {
    /// An empty address space; `None` when there is no memory for its tables.
    pub fn new() -> Option<Self> {
        let inner = Inner {
            table: UserTable::new()?,
            regions: Regions::new(),
            pages: BTreeMap::new(),
            heap_start: 0,
            heap_end: 0,
        };
        Some(Self { inner: RefCell::new(inner), peak_pages: Cell::new(0) })
    }

    /// Makes it the one that EL0 and the user memory functions see.
    pub fn activate(&self) {
        self.inner.borrow().table.activate();
    }

    fn note_peak(&self, inner: &Inner) {
        self.peak_pages.set(self.peak_pages.get().max(inner.pages.len()));
    }

    /// A fault of the program, or of the kernel on its behalf: fetches what is missing.
    pub fn resolve(&self, address: u64, attempt: Attempt) -> Result<(), FaultReason> {
        let mut inner = self.inner.borrow_mut();
        let result = inner.resolve(address, attempt);
        self.note_peak(&inner);
        result
    }

    /// Fetches all pages of a range that the kernel is about to copy from or to.
    pub fn resolve_range(
        &self,
        address: u64,
        length: usize,
        attempt: Attempt,
    ) -> Result<(), FaultReason> {
        let range = PageRange::covering(address, length as u64).ok_or(FaultReason::Unmapped)?;
        let mut inner = self.inner.borrow_mut();
        let result = range.pages().try_for_each(|page| inner.resolve(page, attempt));
        self.note_peak(&inner);
        result
    }

    /// Adds a range at a fixed place, for the program loader. `EINVAL` outside of what programs
    /// may use, `ENOMEM` beyond the limits.
    pub fn map(
        &self,
        range: &PageRange,
        permissions: Permissions,
        backing: Backing,
        purpose: Purpose,
    ) -> Result<(), Errno> {
        if range.start() < LOWEST {
            return Err(Errno::INVAL);
        }
        self.inner.borrow_mut().insert(range, permissions, backing, purpose)
    }

    /// Puts bytes into a mapped range whatever its permissions, for the program loader.
    pub fn initialize(&self, address: u64, bytes: &[u8]) -> Result<(), FaultReason> {
        let mut inner = self.inner.borrow_mut();
        let mut done = 0;
        while let Some(rest) = bytes.get(done..).filter(|rest| !rest.is_empty()) {
            let at = address.checked_add(done as u64).ok_or(FaultReason::Unmapped)?;
            let (page, offset) = (at - at % PAGE, (at % PAGE) as usize);
            let (_, region) = inner.regions.at(page).ok_or(FaultReason::Unmapped)?;
            let count = rest.len().min(PAGE_SIZE - offset);
            let mut fresh = match inner.pages.remove(&page).map(Rc::try_unwrap) {
                Some(Ok(frame)) => frame,
                Some(Err(shared)) => {
                    let mut fresh = frames::allocate().ok_or(FaultReason::OutOfMemory)?;
                    fresh.bytes_mut().copy_from_slice(shared.bytes());
                    fresh
                }
                None => {
                    let mut fresh = frames::allocate().ok_or(FaultReason::OutOfMemory)?;
                    region.fill(page, fresh.bytes_mut());
                    fresh
                }
            };
            fresh.bytes_mut()[offset..offset + count].copy_from_slice(&rest[..count]);
            if region.permissions.execute {
                synchronize_instructions(&fresh);
            }
            inner.pages.insert(page, Rc::new(fresh));
            inner.enter(page, &region)?;
            done += count;
        }
        self.note_peak(&inner);
        Ok(())
    }

    /// Enters a page that every program shares: the signal trampoline.
    pub fn map_shared(&self, address: u64, frame: Rc<Frame>) -> Result<(), Errno> {
        let range = PageRange::new(address, PAGE).ok_or(Errno::INVAL)?;
        let permissions = Permissions { read: true, write: false, execute: true };
        let mut inner = self.inner.borrow_mut();
        inner.insert(&range, permissions, Backing::Zero, Purpose::Trampoline)?;
        inner.pages.insert(address, frame);
        Ok(())
    }

    /// mmap(2): adds a range and says where. `EEXIST`: [`Place::FixedIfFree`] was not free.
    pub fn map_anywhere(
        &self,
        place: Place,
        length: u64,
        permissions: Permissions,
        backing: Backing,
    ) -> Result<u64, Errno> {
        if length == 0 {
            return Err(Errno::INVAL);
        }
        let mut inner = self.inner.borrow_mut();
        let range = match place {
            Place::Anywhere(hint) => {
                let size = length.checked_next_multiple_of(PAGE).ok_or(Errno::NOMEM)?;
                let hint = hint.checked_next_multiple_of(PAGE).filter(|&hint| hint >= LOWEST);
                let hinted = hint
                    .and_then(|hint| PageRange::new(hint, size))
                    .filter(|range| range.end() <= MAPPINGS_TOP && inner.regions.is_free(range));
                hinted
                    .or_else(|| inner.regions.find_free(size, LOWEST..MAPPINGS_TOP))
                    .ok_or(Errno::NOMEM)?
            }
            Place::Fixed(address) | Place::FixedIfFree(address) => {
                if !address.is_multiple_of(PAGE) {
                    return Err(Errno::INVAL);
                }
                let range = PageRange::new(address, length).ok_or(Errno::NOMEM)?;
                if range.start() < LOWEST {
                    return Err(Errno::PERM);
                }
                if matches!(place, Place::FixedIfFree(_)) && !inner.regions.is_free(&range) {
                    return Err(Errno::EXIST);
                }
                range
            }
        };
        // The bytes of a file are given as if it began at address 0.
        let backing = match backing {
            Backing::Zero => Backing::Zero,
            Backing::File { contents, .. } => Backing::File { contents, start: range.start() },
        };
        inner.insert(&range, permissions, backing, Purpose::Mapping)?;
        Ok(range.start())
    }

    /// munmap(2): removes what is in the range; holes are fine.
    pub fn unmap(&self, address: u64, length: u64) -> Result<(), Errno> {
        let range = PageRange::new(address, length).ok_or(Errno::INVAL)?;
        self.inner.borrow_mut().remove(&range)
    }

    /// mprotect(2): `ENOMEM` when there is a hole in the range.
    pub fn protect(
        &self,
        address: u64,
        length: u64,
        permissions: Permissions,
    ) -> Result<(), Errno> {
        if !address.is_multiple_of(PAGE) {
            return Err(Errno::INVAL);
        }
        if length == 0 {
            return Ok(());
        }
        let range = PageRange::new(address, length).ok_or(Errno::NOMEM)?;
        let mut inner = self.inner.borrow_mut();
        if !inner.regions.is_covered(&range) {
            return Err(Errno::NOMEM);
        }
        inner.regions.protect(&range, permissions)?;
        let Inner { table, regions, pages, .. } = &mut *inner;
        for (&page, frame) in pages.range(range.start()..range.end()) {
            let Some((_, region)) = regions.at(page) else { continue };
            if permissions.execute {
                synchronize_instructions(frame);
            }
            enter(table, page, frame, &region).map_err(|_| Errno::NOMEM)?;
        }
        Ok(())
    }

    /// madvise(2) `MADV_DONTNEED`: anonymous pages read as zeros again, file pages as the file.
    pub fn forget(&self, address: u64, length: u64) -> Result<(), Errno> {
        let range = PageRange::new(address, length).ok_or(Errno::INVAL)?;
        let mut inner = self.inner.borrow_mut();
        if !inner.regions.is_covered(&range) {
            return Err(Errno::NOMEM);
        }
        // The trampoline's page is not made from its backing and must stay.
        let first = inner.regions.at(range.start()).map(|(_, region)| region.purpose);
        if first != Some(Purpose::Trampoline) {
            inner.drop_pages(&range);
        }
        Ok(())
    }

    /// Puts the beginning of the heap behind the program.
    pub fn set_heap(&self, start: u64) {
        let mut inner = self.inner.borrow_mut();
        (inner.heap_start, inner.heap_end) = (start, start);
    }

    /// brk(2): moves the end of the heap, if it can, and says where it is.
    pub fn set_break(&self, wanted: u64) -> u64 {
        let mut inner = self.inner.borrow_mut();
        let old = inner.heap_end;
        if wanted < inner.heap_start || wanted == old {
            return old;
        }
        let (Some(old_top), Some(new_top)) =
            (old.checked_next_multiple_of(PAGE), wanted.checked_next_multiple_of(PAGE))
        else {
            return old;
        };
        let moved = if new_top > old_top {
            let permissions = Permissions { read: true, write: true, execute: false };
            PageRange::new(old_top, new_top - old_top)
                .filter(|range| range.end() <= MAPPINGS_TOP && inner.regions.is_free(range))
                .ok_or(Errno::NOMEM)
                .and_then(|range| inner.insert(&range, permissions, Backing::Zero, Purpose::Heap))
        } else {
            // Shrinking within a page removes nothing, so there may be no range.
            PageRange::new(new_top, old_top - new_top).map_or(Ok(()), |range| inner.remove(&range))
        };
        if moved.is_ok() {
            inner.heap_end = wanted;
        }
        inner.heap_end
    }

    /// A copy for fork(2): the pages are shared until one of the two writes. `None` when there is
    /// no memory for its tables.
    pub fn fork(&self) -> Option<Self> {
        let mut inner = self.inner.borrow_mut();
        if !frames::heap_has_room(inner.pages.len() * PAGE_COST + REGIONS_MAX * REGION_COST) {
            return None;
        }
        let copy = Inner {
            table: UserTable::new()?,
            regions: inner.regions.clone(),
            pages: inner.pages.clone(),
            heap_start: inner.heap_start,
            heap_end: inner.heap_end,
        };
        // The copies are counted now, so entering the parent's pages again makes them read-only.
        // The entries exist already: nothing has to be allocated for them.
        let Inner { table, regions, pages, .. } = &mut *inner;
        for (&page, frame) in pages.iter() {
            if let Some((_, region)) = regions.at(page)
                && region.permissions.write
            {
                enter(table, page, frame, &region).ok()?;
            }
        }
        let peak_pages = Cell::new(copy.pages.len());
        Some(Self { inner: RefCell::new(copy), peak_pages })
    }

    /// Bytes that all ranges span (`VmSize`).
    pub fn size(&self) -> u64 {
        self.inner.borrow().regions.size()
    }

    /// Bytes of the pages that are there (`VmRSS`).
    pub fn resident(&self) -> u64 {
        self.inner.borrow().pages.len() as u64 * PAGE
    }

    /// The most bytes that were there at a time (`VmHWM`).
    pub fn peak(&self) -> u64 {
        self.peak_pages.get() as u64 * PAGE
    }

    /// The ranges, for `/proc/PID/maps`.
    pub fn regions(&self) -> Regions {
        self.inner.borrow().regions.clone()
    }
}

#[cfg(test)]
#[path = "address_space_tests.rs"]
mod tests;
