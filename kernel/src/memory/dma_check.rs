//! What hardware needs of a DMA buffer, checked at each one that is given to it when the boot
//! argument `dma_check` asks for that. An emulator's DMA sees the caches and forgives the rest: there
//! a mistake would only show on a board, as data that is wrong now and then.

use super::dma::BLOCK_SIZE;
use core::fmt::{self, Display, Formatter};
use core::ops::Range;

/// A buffer on its way to the hardware.
#[derive(Clone, Debug)]
pub(super) struct Given {
    /// The window's first byte for the CPU.
    pub(super) address: u64,
    /// Bytes in the window.
    pub(super) length: u64,
    /// The address that the hardware gets.
    pub(super) bus: u64,
    /// Where the pool begins for the CPU.
    pub(super) pool: u64,
    /// The pool for the hardware.
    pub(super) pool_bus: Range<u64>,
}

/// A rule that does not hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Violation {
    /// The window reaches beyond its block, into somebody else's.
    CrossesBlocks,
    /// Not where the pool is for the hardware.
    OutsidePool,
    /// Not the alias of RAM that goes past the GPU's cache.
    WrongAlias,
    /// A cache line of the block belongs to something else, too.
    SharesCacheLine,
    /// The CPU can't reach it.
    Unmapped,
    /// CPU and hardware use different memory.
    OtherMemory,
    /// The CPU's accesses go through its caches.
    Cached,
}

impl Display for Violation {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CrossesBlocks => "reaches beyond its block",
            Self::OutsidePool => "lies outside of the pool",
            Self::WrongAlias => "is not in the alias that bypasses the GPU's cache",
            Self::SharesCacheLine => "shares a cache line with something else",
            Self::Unmapped => "is not mapped",
            Self::OtherMemory => "is other memory for the hardware than for the CPU",
            Self::Cached => "is cached",
        })
    }
}

/// Bytes in a cache line of the Cortex-A53.
const LINE: u64 = 64;
/// Where the bus address of RAM begins, see `board::bus_address`.
const ALIAS: u64 = 0xc000_0000;
/// Normal memory, not cached (MAIR_EL1).
const NON_CACHEABLE: u8 = 0x44;

/// Checks the rules. `translate` says where an address of the CPU's leads to, with which attributes.
pub(super) fn check(
    given: &Given,
    translate: impl Fn(u64) -> Option<(u64, u8)>,
) -> Result<(), Violation> {
    let block = BLOCK_SIZE as u64;
    let into_block = (given.address - given.pool) % block;
    let last = given.length.saturating_sub(1);
    if into_block + last >= block {
        return Err(Violation::CrossesBlocks);
    }
    if given.bus < given.pool_bus.start || given.bus + last >= given.pool_bus.end {
        return Err(Violation::OutsidePool);
    }
    if given.bus < ALIAS || given.bus + last > u64::from(u32::MAX) {
        return Err(Violation::WrongAlias);
    }
    if !(given.address - into_block).is_multiple_of(LINE) || !block.is_multiple_of(LINE) {
        return Err(Violation::SharesCacheLine);
    }
    for offset in [0, last] {
        let Some((physical, attributes)) = translate(given.address + offset) else {
            return Err(Violation::Unmapped);
        };
        if physical | ALIAS != given.bus + offset {
            return Err(Violation::OtherMemory);
        }
        if attributes != NON_CACHEABLE {
            return Err(Violation::Cached);
        }
    }
    Ok(())
}

#[cfg(target_os = "none")]
pub(super) use on_the_machine::{check_given, is_enabled};
#[cfg(target_os = "none")]
pub(crate) use on_the_machine::{checks, enable};

#[cfg(target_os = "none")]
mod on_the_machine {
    use super::{Given, check};
    use crate::arch::aarch64::translation::{Translation, kernel_writes};
    use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};

    static ENABLED: AtomicBool = AtomicBool::new(false);
    static CHECKS: AtomicU64 = AtomicU64::new(0);

    /// From now on each buffer is checked.
    pub(crate) fn enable() {
        ENABLED.store(true, Ordering::Relaxed);
    }

    /// Whether buffers are checked.
    pub(in crate::memory) fn is_enabled() -> bool {
        ENABLED.load(Ordering::Relaxed)
    }

    /// Count of buffers that were checked.
    pub(crate) fn checks() -> u64 {
        CHECKS.load(Ordering::Relaxed)
    }

    /// Panics when a rule does not hold: the backtrace shows who gives the buffer away.
    pub(in crate::memory) fn check_given(given: &Given) {
        CHECKS.fetch_add(1, Ordering::Relaxed);
        let outcome = check(given, |address| match kernel_writes(address) {
            Translation::Fault => None,
            Translation::Leads { physical, attributes } => Some((physical, attributes)),
        });
        if let Err(violation) = outcome {
            panic!("a DMA buffer {violation}: {given:x?}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POOL: u64 = 0xffff_ff82_0000_0000;
    const PHYSICAL: u64 = 0x0140_0000;

    fn given() -> Given {
        Given {
            address: POOL + 2 * 4096 + 64,
            length: 2048,
            bus: ALIAS + PHYSICAL + 2 * 4096 + 64,
            pool: POOL,
            pool_bus: ALIAS + PHYSICAL..ALIAS + PHYSICAL + 16 * 4096,
        }
    }

    fn outcome(given: &Given) -> Result<(), Violation> {
        check(given, |address| Some((address - POOL + PHYSICAL, NON_CACHEABLE)))
    }

    #[test]
    fn a_buffer_of_the_pool_is_as_hardware_needs_it() {
        assert_eq!(outcome(&given()), Ok(()));
        assert_eq!(outcome(&Given { length: 0, ..given() }), Ok(()));
        assert_eq!(outcome(&Given { length: 4096 - 64, ..given() }), Ok(()));
    }

    #[test]
    fn each_rule_is_checked() {
        let good = given();
        let crossing = Given { length: 4096, ..good.clone() };
        assert_eq!(outcome(&crossing), Err(Violation::CrossesBlocks));
        let physical = Given { bus: good.bus - ALIAS, ..good.clone() };
        assert_eq!(outcome(&physical), Err(Violation::OutsidePool));
        let cached_alias = Given {
            bus: good.bus - ALIAS,
            pool_bus: good.pool_bus.start - ALIAS..good.pool_bus.end - ALIAS,
            ..good.clone()
        };
        assert_eq!(outcome(&cached_alias), Err(Violation::WrongAlias));
        let odd_pool = Given { pool: POOL + 32, ..good.clone() };
        assert_eq!(outcome(&odd_pool), Err(Violation::SharesCacheLine));
        let next_block = Given { bus: good.bus + 4096, ..good.clone() };
        assert_eq!(outcome(&next_block), Err(Violation::OtherMemory));
        assert_eq!(check(&good, |_| None), Err(Violation::Unmapped));
        let cached = check(&good, |address| Some((address - POOL + PHYSICAL, 0xff)));
        assert_eq!(cached, Err(Violation::Cached));
    }
}
