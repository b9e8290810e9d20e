//! Which requirement is tested by what, and with which result: `docs/conformance.md`.
//!
//! Nothing here is filled in by hand. The requirements are those of `requirements.txt`. A test
//! says itself which of them it is about: a case of the suite in its `rows`, any other test of
//! the project in a line `/// Rows: ND-3, ND-4` of its documentation ([`annotation`]). Results
//! are those that `cargo test` printed ([`log`]).

pub mod annotation;
pub mod linux;
pub mod log;
pub mod markdown;
pub mod requirement;

/// What became of a test.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// It passed.
    Passed,
    /// It failed.
    Failed,
    /// It is there, but the run did not include it.
    NotRun,
}

/// A test that is about some requirements.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Evidence {
    /// Its name, as a reader finds it.
    pub name: String,
    /// Identifiers of requirements.
    pub rows: Vec<String>,
    /// What became of it.
    pub outcome: Outcome,
}
