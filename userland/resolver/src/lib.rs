//! From names to addresses and back, for programs of an IPv6-only host: a stub resolver (RFC 1034
//! section 5.3.1) that asks for AAAA and never for A.
//!
//! [`Resolver`] is what programs use; [`Resolver::of_the_system`] reads `/etc/resolv.conf` and
//! `/etc/hosts`. What it stands on is pure, so that it is tested in virtual time against servers
//! that lie:
//!
//! - [`name`], [`record`], [`message`]: what is on the wire, on top of the crate `domain`;
//! - [`exchange`]: one question put to several servers over UDP and TCP, with retries;
//! - [`multicast`]: one question put to the link (`.local`, RFC 6762 section 5.1);
//! - [`answer`]: what a response says about the question, aliases followed; [`cache`] remembers it;
//! - [`configuration`], [`hosts`]: the two files; [`search`]: which names a short one stands for;
//! - [`destination`]: in which order addresses are tried (RFC 6724 section 6);
//! - [`transport`] is what all that asks of the world, [`system`] the world: sockets and a clock.
//!
//! It does not do: DNSSEC (the path to the name server is trusted, as for every stub), recursion,
//! zone transfers, internationalized names other than in UTF-8 or as `xn--` labels.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod answer;
pub mod cache;
pub mod configuration;
pub mod destination;
pub mod error;
pub mod exchange;
pub mod frame;
pub mod hosts;
pub mod interfaces;
pub mod message;
pub mod multicast;
pub mod name;
pub mod record;
pub mod resolver;
pub mod search;
pub mod system;
pub mod transport;

pub use domain;
pub use domain::base::iana::Rtype;
pub use error::Error;
pub use name::Name;
pub use resolver::Resolver;

/// Time since some fixed moment in the past, such as the start of the system.
pub type Instant = core::time::Duration;
