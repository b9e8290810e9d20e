//! What physical memory is used for: pure arithmetic on ranges, done once at boot.

use core::ops::Range;
use heapless::Vec;

/// Most pieces that RAM can fall into.
pub(super) const MAX_RANGES: usize = 32;

/// The heap and the DMA pool start at multiples of this, so that blocks map them.
const ALIGNMENT: u64 = 2 << 20;

const PAGE: u64 = super::PAGE_SIZE as u64;

/// The use of each part of RAM. No two ranges overlap.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Plan {
    /// The kernel heap.
    pub(super) heap: Range<u64>,
    /// The DMA pool.
    pub(super) dma: Range<u64>,
    /// Whole pages for the frame allocator.
    pub(super) frames: Vec<Range<u64>, MAX_RANGES>,
}

/// RAM can't be divided as needed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum PlanError {
    /// No free range is long enough.
    NoRoom,
    /// There are more than [`MAX_RANGES`] pieces.
    TooManyRanges,
}

/// Divides `ram` without touching `reserved`. The heap gets an eighth of RAM, at least 8 MiB and
/// at most 64 MiB; the pool gets `dma_size` bytes.
pub(super) fn divide(
    ram: Range<u64>,
    reserved: &[Range<u64>],
    dma_size: u64,
) -> Result<Plan, PlanError> {
    let mut free = Vec::new();
    free.push(ram.start.next_multiple_of(PAGE)..ram.end / PAGE * PAGE)
        .map_err(|_| PlanError::TooManyRanges)?;
    for range in reserved.iter().filter(|range| !range.is_empty()) {
        let end = range.end.checked_next_multiple_of(PAGE).unwrap_or(u64::MAX);
        let whole_pages = range.start / PAGE * PAGE..end;
        subtract(&mut free, &whole_pages)?;
    }
    let heap_size = ((ram.end - ram.start) / 8).clamp(8 << 20, 64 << 20) / ALIGNMENT * ALIGNMENT;
    let dma = take(&mut free, dma_size.next_multiple_of(ALIGNMENT))?;
    let heap = take(&mut free, heap_size)?;
    Ok(Plan { heap, dma, frames: free })
}

/// Removes `hole` from every range.
fn subtract(ranges: &mut Vec<Range<u64>, MAX_RANGES>, hole: &Range<u64>) -> Result<(), PlanError> {
    let mut rest = Vec::new();
    for range in ranges.iter() {
        let below = range.start..range.end.min(hole.start);
        let above = range.start.max(hole.end)..range.end;
        for piece in [below, above] {
            if !piece.is_empty() {
                rest.push(piece).map_err(|_| PlanError::TooManyRanges)?;
            }
        }
    }
    *ranges = rest;
    Ok(())
}

/// Takes an aligned piece from the first range that has it.
fn take(ranges: &mut Vec<Range<u64>, MAX_RANGES>, size: u64) -> Result<Range<u64>, PlanError> {
    let piece = ranges
        .iter()
        .find_map(|range| {
            let start = range.start.next_multiple_of(ALIGNMENT);
            (start + size <= range.end).then_some(start..start + size)
        })
        .ok_or(PlanError::NoRoom)?;
    subtract(ranges, &piece)?;
    Ok(piece)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    fn overlaps(a: &Range<u64>, b: &Range<u64>) -> bool {
        a.start < b.end && b.start < a.end
    }

    #[test]
    fn every_page_has_one_use() {
        let ram = 0..448 * MIB;
        let reserved = [0..0x8_0000, 0x8_0000..5 * MIB + 0x3000, 128 * MIB..128 * MIB + 30_001];
        let plan = divide(ram.clone(), &reserved, 8 * MIB).expect("there is room");
        assert_eq!(plan.heap.end - plan.heap.start, 56 * MIB);
        assert_eq!(plan.dma.end - plan.dma.start, 8 * MIB);
        let mut all: std::vec::Vec<_> = plan.frames.iter().cloned().collect();
        all.extend([plan.heap, plan.dma]);
        for range in &all {
            assert!(ram.start <= range.start && range.end <= ram.end);
            assert!(reserved.iter().all(|hole| !overlaps(range, hole)), "{range:x?}");
            assert_eq!((range.start | range.end) % PAGE, 0);
        }
        let sum: u64 = all.iter().map(|range| range.end - range.start).sum();
        assert_eq!(sum, 448 * MIB - (5 * MIB + 0x3000) - 0x8000);
        for (i, a) in all.iter().enumerate() {
            assert!(all[i + 1..].iter().all(|b| !overlaps(a, b)));
        }
    }

    #[test]
    fn reservations_may_overlap_and_lie_outside() {
        let reserved = [4 * MIB..8 * MIB, 6 * MIB..10 * MIB, 900 * MIB..u64::MAX, 5..5];
        let plan = divide(0..128 * MIB, &reserved, 2 * MIB).expect("there is room");
        assert_eq!(plan.dma, 0..2 * MIB);
        assert_eq!(plan.heap, 10 * MIB..26 * MIB);
        assert_eq!(&plan.frames[..], [2 * MIB..4 * MIB, 26 * MIB..128 * MIB]);
    }

    #[test]
    fn too_little_memory_is_an_error() {
        assert_eq!(divide(0..8 * MIB, &[], 4 * MIB), Err(PlanError::NoRoom));
        let everything = 0..8 * MIB;
        let reserved = core::slice::from_ref(&everything);
        assert_eq!(divide(0..8 * MIB, reserved, 4 * MIB), Err(PlanError::NoRoom));
    }

    #[test]
    fn too_many_pieces_are_an_error() {
        let reserved: std::vec::Vec<_> =
            (1..=40).map(|number| number * MIB..number * MIB + PAGE).collect();
        assert_eq!(divide(0..64 * MIB, &reserved, 2 * MIB), Err(PlanError::TooManyRanges));
    }
}
