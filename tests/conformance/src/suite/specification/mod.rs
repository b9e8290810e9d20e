//! The packet format: RFC 8200, in the order of the IPv6 Ready Core tests' section 1.

mod header;

use crate::Case;

/// The tests.
pub(super) fn cases() -> Vec<Case> {
    header::CASES.to_vec()
}
