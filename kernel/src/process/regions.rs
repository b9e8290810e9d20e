//! The map of an address space: which ranges exist, what they may be used for and what they hold.
//!
//! Pure bookkeeping: pages and page tables are `address_space`'s. Ranges are whole pages below
//! [`UserAddress::END`] and never overlap.

use crate::memory::{PAGE_SIZE, Permissions, UserAddress};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::ops::Range;

/// Ranges that one address space may have (Linux: `vm.max_map_count`).
pub const REGIONS_MAX: usize = 4096;
const PAGE: u64 = PAGE_SIZE as u64;

/// A range of whole pages.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PageRange(Range<u64>);

impl PageRange {
    /// `length` bytes from `start` on, rounded up to whole pages. `None` when `start` is not the
    /// beginning of a page, the range is empty, or it leaves the lower half.
    pub fn new(start: u64, length: u64) -> Option<Self> {
        let length = length.checked_next_multiple_of(PAGE)?;
        let end = start.checked_add(length)?;
        let fits = start.is_multiple_of(PAGE) && length > 0 && end <= UserAddress::END;
        fits.then_some(Self(start..end))
    }

    /// The pages that `length` bytes from `address` on touch.
    pub fn covering(address: u64, length: u64) -> Option<Self> {
        let start = address - address % PAGE;
        Self::new(start, length.checked_add(address % PAGE)?)
    }

    /// First byte.
    pub fn start(&self) -> u64 {
        self.0.start
    }

    /// First byte behind it.
    pub fn end(&self) -> u64 {
        self.0.end
    }

    /// Bytes.
    pub fn size(&self) -> u64 {
        self.0.end - self.0.start
    }

    /// Start of each page.
    pub fn pages(&self) -> impl Iterator<Item = u64> + use<> {
        self.0.clone().step_by(PAGE_SIZE)
    }
}

/// What a range holds before it is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Backing {
    /// Zeros.
    Zero,
    /// The bytes of a file that never changes, the first at address `start`; zeros around them.
    File {
        /// The bytes.
        contents: &'static [u8],
        /// Address of the first one.
        start: u64,
    },
}

/// What a range is for, as `/proc/PID/maps` shows it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Purpose {
    /// A part of the program file.
    Program,
    /// What `brk` moves the end of.
    Heap,
    /// The stack that execve(2) makes.
    Stack,
    /// The page with the return from signal handlers.
    Trampoline,
    /// What `mmap` made.
    Mapping,
}

/// A range of addresses with one use.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Region {
    /// First address behind it.
    pub end: u64,
    /// What the program may do there.
    pub permissions: Permissions,
    /// What it holds before it is written.
    pub backing: Backing,
    /// What it is for.
    pub purpose: Purpose,
}

/// There are [`REGIONS_MAX`] already.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TooManyRegions;

/// The ranges of an address space.
#[derive(Clone, Default)]
pub struct Regions {
    by_start: BTreeMap<u64, Region>,
}

impl Regions {
    /// No ranges.
    pub const fn new() -> Self {
        Self { by_start: BTreeMap::new() }
    }

    /// The range that contains `address`.
    pub fn at(&self, address: u64) -> Option<(u64, Region)> {
        let (&start, &region) = self.by_start.range(..=address).next_back()?;
        (address < region.end).then_some((start, region))
    }

    /// All ranges, lowest first.
    pub fn iter(&self) -> impl Iterator<Item = (u64, &Region)> {
        self.by_start.iter().map(|(&start, region)| (start, region))
    }

    /// Bytes that all ranges span.
    pub fn size(&self) -> u64 {
        self.iter().map(|(start, region)| region.end - start).sum()
    }

    /// Whether no range touches `range`.
    pub fn is_free(&self, range: &PageRange) -> bool {
        let below = self.by_start.range(..range.end()).next_back();
        below.is_none_or(|(_, region)| region.end <= range.start())
    }

    /// Whether every page of `range` belongs to some range.
    pub fn is_covered(&self, range: &PageRange) -> bool {
        let mut at = range.start();
        while at < range.end() {
            let Some((_, region)) = self.at(at) else { return false };
            at = region.end;
        }
        true
    }

    /// The highest free place of `size` bytes (whole pages) that lies within `window`.
    pub fn find_free(&self, size: u64, window: Range<u64>) -> Option<PageRange> {
        let mut end = window.end;
        for (&start, region) in self.by_start.range(..window.end).rev() {
            if region.end < end && end - region.end >= size {
                break;
            }
            end = end.min(start);
        }
        let start = end.checked_sub(size).filter(|&start| start >= window.start)?;
        PageRange::new(start, size)
    }

    /// Adds a range, in place of whatever is there.
    pub fn insert(
        &mut self,
        range: &PageRange,
        permissions: Permissions,
        backing: Backing,
        purpose: Purpose,
    ) -> Result<(), TooManyRegions> {
        self.remove(range)?;
        if self.by_start.len() >= REGIONS_MAX {
            return Err(TooManyRegions);
        }
        let mut region = Region { end: range.end(), permissions, backing, purpose };
        // Neighbors of the same kind become one, or a heap that grows page by page would be long.
        let alike = |other: &Region| {
            other.permissions == permissions
                && other.purpose == purpose
                && other.backing == Backing::Zero
                && backing == Backing::Zero
        };
        if let Some(next) = self.by_start.get(&range.end()).copied().filter(alike) {
            self.by_start.remove(&range.end());
            region.end = next.end;
        }
        let mut start = range.start();
        let below = self.by_start.range(..start).next_back();
        if let Some((&below_start, below)) = below
            && below.end == start
            && alike(below)
        {
            start = below_start;
        }
        self.by_start.insert(start, region);
        Ok(())
    }

    /// Removes whatever is in `range`; holes are allowed.
    pub fn remove(&mut self, range: &PageRange) -> Result<(), TooManyRegions> {
        self.split_at(range.start())?;
        self.split_at(range.end())?;
        let starts: Vec<u64> =
            self.by_start.range(range.start()..range.end()).map(|(&start, _)| start).collect();
        for start in starts {
            self.by_start.remove(&start);
        }
        Ok(())
    }

    /// Changes what the program may do in `range`, which must be covered.
    pub fn protect(
        &mut self,
        range: &PageRange,
        permissions: Permissions,
    ) -> Result<(), TooManyRegions> {
        self.split_at(range.start())?;
        self.split_at(range.end())?;
        for (_, region) in self.by_start.range_mut(range.start()..range.end()) {
            region.permissions = permissions;
        }
        Ok(())
    }

    /// Makes `address` a border between ranges.
    fn split_at(&mut self, address: u64) -> Result<(), TooManyRegions> {
        let Some((start, region)) = self.at(address).filter(|&(start, _)| start != address) else {
            return Ok(());
        };
        // One place is left for what comes after the split.
        if self.by_start.len() >= REGIONS_MAX {
            return Err(TooManyRegions);
        }
        self.by_start.insert(start, Region { end: address, ..region });
        self.by_start.insert(address, region);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RW: Permissions = Permissions { read: true, write: true, execute: false };
    const R: Permissions = Permissions { read: true, write: false, execute: false };

    fn pages(range: Range<u64>) -> PageRange {
        PageRange::new(range.start * PAGE, (range.end - range.start) * PAGE).expect("a good range")
    }

    fn map(ranges: &[(Range<u64>, Permissions)]) -> Regions {
        let mut regions = Regions::new();
        for (range, permissions) in ranges {
            let range = pages(range.clone());
            regions
                .insert(&range, *permissions, Backing::Zero, Purpose::Mapping)
                .expect("few regions");
        }
        regions
    }

    fn shape(regions: &Regions) -> Vec<(u64, u64, bool)> {
        let page = |at: u64| at / PAGE;
        regions
            .iter()
            .map(|(start, region)| (page(start), page(region.end), region.permissions.write))
            .collect()
    }

    #[test]
    fn ranges_are_pages_of_the_lower_half() {
        assert_eq!(PageRange::new(0x1000, 1).map(|range| range.end()), Some(0x2000));
        assert_eq!(PageRange::covering(0x1fff, 2).map(|range| range.size()), Some(0x2000));
        for (start, length) in
            [(1, 1), (0x1000, 0), (UserAddress::END, 1), (0, u64::MAX), (0x1000, u64::MAX - 0x10)]
        {
            assert_eq!(PageRange::new(start, length), None);
        }
        assert!(PageRange::new(UserAddress::END - PAGE, PAGE).is_some());
        assert_eq!(PageRange::covering(u64::MAX, 1), None);
    }

    #[test]
    fn equal_neighbors_become_one() {
        let regions = map(&[(1..2, RW), (3..4, RW), (2..3, RW), (4..5, R)]);
        assert_eq!(shape(&regions), [(1, 4, true), (4, 5, false)]);
    }

    #[test]
    fn removing_cuts_holes() {
        let mut regions = map(&[(1..10, RW)]);
        regions.remove(&pages(4..6)).expect("few regions");
        assert_eq!(shape(&regions), [(1, 4, true), (6, 10, true)]);
        regions.remove(&pages(0..2)).expect("few regions");
        regions.remove(&pages(9..20)).expect("few regions");
        assert_eq!(shape(&regions), [(2, 4, true), (6, 9, true)]);
        assert!(regions.is_free(&pages(4..6)));
        assert!(!regions.is_free(&pages(5..7)));
        assert!(regions.is_covered(&pages(6..9)));
        assert!(!regions.is_covered(&pages(3..7)));
    }

    #[test]
    fn protection_splits() {
        let mut regions = map(&[(1..10, RW)]);
        regions.protect(&pages(4..6), R).expect("few regions");
        assert_eq!(shape(&regions), [(1, 4, true), (4, 6, false), (6, 10, true)]);
    }

    #[test]
    fn free_places_are_found_from_the_top() {
        let regions = map(&[(2..4, RW), (6..7, RW), (9..10, R)]);
        let find = |count: u64| {
            let found = regions.find_free(count * PAGE, PAGE..12 * PAGE);
            found.map(|range| range.start() / PAGE)
        };
        assert_eq!(find(2), Some(10));
        assert_eq!(find(3), None);
        let regions = map(&[(2..4, RW), (8..12, RW)]);
        assert_eq!(
            regions.find_free(3 * PAGE, PAGE..12 * PAGE).map(|range| range.start()),
            Some(5 * PAGE)
        );
        assert_eq!(regions.find_free(PAGE, 2 * PAGE..4 * PAGE), None);
        assert_eq!(
            map(&[]).find_free(11 * PAGE, PAGE..12 * PAGE).map(|range| range.start()),
            Some(PAGE)
        );
    }

    #[test]
    fn the_number_is_bounded() {
        let mut regions = Regions::new();
        let mut add = |index: u64| {
            let permissions = if index.is_multiple_of(2) { RW } else { R };
            let range = pages(index..index + 1);
            regions.insert(&range, permissions, Backing::Zero, Purpose::Mapping)
        };
        for index in 0..REGIONS_MAX as u64 {
            assert_eq!(add(index), Ok(()));
        }
        assert_eq!(add(REGIONS_MAX as u64 + 5), Err(TooManyRegions));
    }

    proptest! {
        /// Any sequence of changes leaves what a table of single pages would say.
        #[test]
        fn regions_are_a_table_of_pages(
            steps in proptest::collection::vec((0_u8..3, 0_u64..30, 1_u64..10, any::<bool>()), 0..40)
        ) {
            let mut regions = Regions::new();
            let mut model = [None; 40];
            for (kind, start, count, write) in steps {
                let range = pages(start..start + count);
                let permissions = if write { RW } else { R };
                let part = &mut model[start as usize..(start + count) as usize];
                match kind {
                    0 => {
                        regions
                            .insert(&range, permissions, Backing::Zero, Purpose::Mapping)
                            .expect("few");
                        part.fill(Some(write));
                    }
                    1 => {
                        regions.remove(&range).expect("few");
                        part.fill(None);
                    }
                    _ if regions.is_covered(&range) => {
                        regions.protect(&range, permissions).expect("few");
                        part.fill(Some(write));
                    }
                    _ => prop_assert!(part.contains(&None)),
                }
            }
            for (page, expected) in model.iter().enumerate() {
                let found = regions.at(page as u64 * PAGE + 7);
                prop_assert_eq!(found.map(|(_, region)| region.permissions.write), *expected);
            }
            if let Some(place) = regions.find_free(3 * PAGE, PAGE..40 * PAGE) {
                prop_assert!(regions.is_free(&place));
                prop_assert_eq!(place.size(), 3 * PAGE);
            } else {
                prop_assert!(!(1..38).any(|at| model[at..at + 3] == [None; 3]));
            }
        }
    }
}
