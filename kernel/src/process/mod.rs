//! Processes: their memory, files and signals, and how they begin and end.
//!
//! A process is a future on the executor that runs its program until something happens and then
//! handles that (`run`). There are no kernel stacks: a system call that waits is an `await`.
//! Each has one thread.
//!
//! - [`address_space`], [`regions`], [`user_table`], [`frames`], [`page_cache`]: memory.
//! - [`program_image`], [`initial_stack`], `execute`: from a file to a program.
//! - [`signal`], [`signal_frame`], `deliver`, `kill`: signals.
//! - `fork`, `exit`, `wait`, `group`: families.
//! - `table`: all of them, and the one that runs.
//!
//! What needs no hardware is tested on the host.

pub mod address_space;
pub mod frames;
pub mod initial_stack;
pub mod page_cache;
pub mod program_image;
pub mod regions;
pub mod signal;
pub mod signal_frame;
pub mod status;
pub mod user_table;

#[cfg(target_os = "none")]
mod alarm;
#[cfg(target_os = "none")]
pub mod deliver;
#[cfg(target_os = "none")]
pub mod execute;
#[cfg(target_os = "none")]
pub mod exit;
#[cfg(target_os = "none")]
mod fault;
#[cfg(target_os = "none")]
pub mod fork;
#[cfg(target_os = "none")]
pub mod futex;
#[cfg(target_os = "none")]
pub mod group;
#[cfg(target_os = "none")]
pub mod kill;
#[cfg(target_os = "none")]
mod object;
#[cfg(target_os = "none")]
mod proc_files;
#[cfg(target_os = "none")]
mod run;
#[cfg(target_os = "none")]
mod start;
#[cfg(target_os = "none")]
pub mod table;
#[cfg(target_os = "none")]
pub mod terminal_owner;
#[cfg(target_os = "none")]
pub mod wait;

#[cfg(target_os = "none")]
pub use fault::fetch_page;
#[cfg(target_os = "none")]
pub use object::{Family, Files, Process, ProcessTimes, Program, RunState};
#[cfg(target_os = "none")]
pub use run::Next;
#[cfg(target_os = "none")]
pub use start::start_init;
#[cfg(target_os = "none")]
pub use table::current;

/// Processes that there can be, zombies included (`RLIMIT_NPROC`).
pub const PROCESSES_MAX: usize = 64;
/// The first process, to which orphans go.
pub const INIT: i32 = 1;
