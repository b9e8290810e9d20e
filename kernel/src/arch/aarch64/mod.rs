//! AArch64 (ARM DDI 0487), a Cortex-A53 in particular: boot, exceptions, page tables, user mode.
//!
//! The kernel runs at EL1 with its own tables in TTBR1 (the upper half) and the running process's
//! in TTBR0 (the lower half). It is compiled without floating point, so the vector registers are
//! the programs' alone.

pub mod backtrace;
mod boot;
pub mod cache;
pub mod cpu;
pub mod exception;
pub mod hwcap;
mod memory_functions;
pub(crate) mod mmu;
mod page_table;
pub mod semihosting;
pub mod syndrome;
pub mod timer;
pub(crate) mod translation;
pub mod user_access;
pub mod user_mode;
mod user_table;

pub use cache::synchronize_instructions;
pub use hwcap::hwcap;
pub use user_access::BadAddress;
pub use user_mode::{Access, FaultKind, UserContext, UserExit, UserFault, VectorState, enter_user};
pub use user_table::{OutOfMemory, UserTable};
