//! System calls: Linux's numbers, arguments and results on aarch64.
//!
//! One small file a family; each call fetches its arguments, finds its object, calls one method
//! and converts the result. Only `blocking` waits for files.
//!
//! - [`errno`], [`user_memory`], `arguments`: what crosses the border.
//! - `dispatch`: from a number to a function.

pub mod errno;
pub mod user_memory;

#[cfg(target_os = "none")]
mod arguments;
#[cfg(target_os = "none")]
pub mod blocking;
#[cfg(target_os = "none")]
mod descriptors;
#[cfg(target_os = "none")]
mod directories;
#[cfg(target_os = "none")]
mod dispatch;
#[cfg(target_os = "none")]
mod epoll;
#[cfg(target_os = "none")]
mod files;
#[cfg(target_os = "none")]
mod identity;
#[cfg(target_os = "none")]
mod memory;
#[cfg(target_os = "none")]
mod metadata;
#[cfg(target_os = "none")]
mod poll;
#[cfg(target_os = "none")]
mod processes;
#[cfg(target_os = "none")]
mod read_write;
#[cfg(target_os = "none")]
mod resources;
#[cfg(target_os = "none")]
mod signals;
#[cfg(target_os = "none")]
mod socket;
#[cfg(target_os = "none")]
mod splice;
#[cfg(target_os = "none")]
mod system;
#[cfg(target_os = "none")]
mod time;

#[cfg(target_os = "none")]
pub use dispatch::handle;
