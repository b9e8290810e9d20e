//! The packet format: RFC 8200, in the order of the IPv6 Ready Core tests' section 1.

mod extension;
mod fragment;
mod header;
mod option;
mod vlan;

use crate::Case;

/// The tests.
pub(super) fn cases() -> Vec<Case> {
    [header::CASES, extension::CASES, option::CASES, fragment::CASES, vlan::CASES].concat()
}
