//! The tests, a folder for each specification.

mod specification;

use crate::Case;

/// All tests, in the order of their numbers.
pub fn all() -> Vec<Case> {
    specification::cases()
}
