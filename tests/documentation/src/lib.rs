//! The documentation, held against what it speaks of: links and anchors lead somewhere, files that
//! it names exist, and `docs/api.md` lists what the kernel's tables have, no more and no less.
//!
//! - [`markdown`]: links, anchors, tables and code spans of a page.
//! - [`source`]: names in Rust source.
//! - [`tree`]: the files of the project.

pub mod markdown;
pub mod source;
pub mod tree;

/// The pieces of Rust in `docs/extending.md`, so that they compile.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/extending.md")]
struct Extending;
