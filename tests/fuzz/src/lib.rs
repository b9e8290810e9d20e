//! Octets from outside, for everything that reads them.
//!
//! A [`Target`] is a function of octets: whatever they are, it must return, and what it checks on
//! the way must hold. `tests/seeded.rs` feeds each of them with changed pieces of its corpus, by
//! seed, in every run of the tests; the folder `fuzz` has the same targets for cargo-fuzz, which
//! looks for octets that reach new code, for as long as one lets it:
//!
//! ```text
//! RUSTC_BOOTSTRAP=1 cargo fuzz run --fuzz-dir tests/fuzz/fuzz --sanitizer none stack
//! ```
//!
//! What is here sees sequences: frames, messages and what happens between them. Single formats have
//! property tests beside their parsers.

pub mod mutation;
pub mod script;
pub mod target;

pub use target::{TARGETS, Target};
