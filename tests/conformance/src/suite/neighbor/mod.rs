//! Neighbor Discovery: RFC 4861, in the order of the IPv6 Ready Core tests' section 2.

mod advertisement;
mod redirect;
mod resolution;
mod router;
mod solicitation;
mod state;

use crate::Case;

/// The tests.
pub(super) fn cases() -> Vec<Case> {
    [resolution::CASES, solicitation::CASES, advertisement::CASES, router::CASES, redirect::CASES]
        .concat()
}
