//! Runtime of the programs: start-up, arguments, heap, buffered output, options, error texts.
//!
//! The programs have no libc. They enter at `_start`, talk to the kernel through `rustix` (plain
//! Linux system calls) and find here what a C library would give them. The same binaries run on
//! this kernel and on Linux; aarch64 is the target, x86_64 works too so that a development machine
//! can run them directly.
//!
//! A program is
//!
//! ```text
//! #![no_std]
//! #![no_main]
//! rt::main!(main);
//!
//! fn main(arguments: rt::Arguments) -> rt::ExitCode {
//!     rt::println!("{} arguments", arguments.count());
//!     rt::ExitCode::SUCCESS
//! }
//! ```
//!
//! The entry point, the panic handler, the allocator and the memory functions come into being where
//! [`main!`] is written, so a *library* that uses this crate can still be tested on the host with
//! the standard library.
//!
//! What it does not do: threads, dynamic linking, locales, destructors of statics.
#![no_std]
#![warn(unreachable_pub)]

extern crate alloc;

pub mod allocator;
pub mod arguments;
pub mod descriptor;
pub mod errno;
pub mod exit;
pub mod input;
pub mod memory;
pub mod number;
pub mod options;
pub mod output;
pub mod path;
pub mod process;
pub mod signal;

pub mod start;
pub mod syscall;
pub mod text;

pub use arguments::{Arguments, arguments, environment, program_name, variable};
pub use errno::strerror;
pub use exit::ExitCode;
pub use {bstr, rustix};
