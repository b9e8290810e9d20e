//! The tests, a folder or file for each specification.

mod autoconfiguration;
mod icmpv6;
mod multicast_listener;
mod neighbor;
mod path_mtu;
mod specification;

use crate::Case;

/// All tests, in the order of their numbers.
pub fn all() -> Vec<Case> {
    [
        specification::cases(),
        neighbor::cases(),
        autoconfiguration::cases(),
        path_mtu::CASES.to_vec(),
        icmpv6::CASES.to_vec(),
        multicast_listener::CASES.to_vec(),
    ]
    .concat()
}
