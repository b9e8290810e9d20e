//! Name servers and search domains, and where they came from.
//!
//! - [`advertised`]: what Router Advertisements say (RFC 8106), as the kernel passes it on;
//! - [`table`]: all of it with its lifetimes;
//! - [`text`]: the format of resolv.conf(5).

pub mod advertised;
pub mod table;
pub mod text;
