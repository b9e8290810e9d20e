//! Stateless autoconfiguration: RFC 4862, in the order of the IPv6 Ready Core tests' section 3.

mod duplicate;
mod lifetime;
mod prefix;

use crate::Case;

/// The tests.
pub(super) fn cases() -> Vec<Case> {
    [duplicate::CASES, prefix::CASES, lifetime::CASES].concat()
}
