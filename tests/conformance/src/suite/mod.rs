//! The tests, a folder or file for each specification.

mod icmpv6;
mod path_mtu;
mod specification;

use crate::Case;

/// All tests, in the order of their numbers.
pub fn all() -> Vec<Case> {
    [specification::cases(), path_mtu::CASES.to_vec(), icmpv6::CASES.to_vec()].concat()
}
