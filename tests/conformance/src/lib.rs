//! What an IPv6 host must do, seen from the other end of the cable.
//!
//! A [`case::Case`] is one test: it sends frames to the device under test and says which frames
//! must come back, or that none may. It is written from the text of an RFC and knows nothing of
//! our stack: frames are put together ([`frame`]) and taken apart ([`seen`]) by code of this
//! crate alone, octet by octet, so that a mistake of the stack's own parsers can't hide itself.
//!
//! ```text
//!  suite ─► Lab ─┬─ frame ─►  Dut  ─► seen ─┬─► pattern
//!                └─ stations TN1, TR1, …    └─► silence
//! ```
//!
//! The device under test is our stack in virtual time ([`dut::VirtualDut`]), where an hour costs
//! nothing; [`dut::Dut`] is what another one would have to offer.
//!
//! Which requirement is tested by which case and by which other test of the project is put
//! together by [`report`]; `docs/conformance.md` is its output.

pub mod case;
pub mod dut;
pub mod frame;
pub mod lab;
pub mod pattern;
pub mod report;
pub mod seen;
pub mod station;
pub mod suite;

pub use case::Case;
pub use lab::Lab;
