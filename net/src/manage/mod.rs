//! What the user may see and change: interfaces, addresses, routes, neighbors. This is what
//! rtnetlink (RFC 3549) and the socket ioctls stand on.

mod address;
mod link;
mod neighbor;
mod policy;
mod route;
mod vlan;

pub use address::{AddressError, NewAddress};
pub use vlan::VlanConfig;

#[cfg(test)]
mod tests;
