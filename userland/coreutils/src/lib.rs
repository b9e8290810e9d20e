//! What the core tools share: everything in which they compute rather than call the kernel, so that
//! it is tested on the host.
//!
//! Each tool is a file of its own in `src/bin`. They behave as their namesakes of GNU coreutils,
//! util-linux, procps and grep do in the C locale, for the options that they have.
#![no_std]

extern crate alloc;

pub mod calendar;
pub mod catalog;
pub mod copy;
pub mod copy_tree;
pub mod count;
pub mod ending;
pub mod filter;
pub mod fixed_point;
pub mod listing;
pub mod memory;
pub mod process_table;
pub mod quantity;
pub mod ranges;
pub mod regular_expression;
pub mod sorting;
pub mod strftime;
pub mod translate;
pub mod tree;
pub mod wildcard;
