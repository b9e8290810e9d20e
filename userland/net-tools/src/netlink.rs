//! rtnetlink: how programs look at and change links, addresses, routes and neighbors.
//!
//! RFC 3549, netlink(7), rtnetlink(7); the numbers and structures are those of the Linux headers
//! (`linux-raw-sys`). [`message`] and [`attribute`] are formats only, [`socket`] talks to the
//! kernel. What the messages mean is the business of [`crate::ip`].

pub mod attribute;
pub mod field;
pub mod message;
pub mod socket;

pub use attribute::{Attribute, Attributes};
pub use message::{Message, Messages, Request};
pub use socket::{Error, Record, RouteSocket};
