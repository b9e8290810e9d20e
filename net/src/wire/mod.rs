//! Wire formats: what the octets of each protocol mean, and nothing else.
//!
//! A file holds one protocol. Octets become a typed value once, at the edge, and a typed value
//! becomes octets once, on the way out:
//!
//! - `parse(&[u8])` takes the octets from the protocol's first one on. A header that something
//!   follows gives `(header, payload)`, where the payload is cut to the length that the header
//!   states; a whole message gives the message. It never panics, whatever the input.
//! - `emit(&self, out)` writes exactly `LEN` (or `len()`) octets to the front of `out`. A shorter
//!   slice is the caller's bug and panics.
//! - Lists inside a message (options, addresses, records) are borrowed: from the wire when parsed,
//!   from a slice of values when built. Their structure is checked when the message is parsed, so
//!   that iterating cannot run into a bad length afterwards.
//!
//! A parser checks what the format itself demands (lengths, version, option framing). What a node
//! must do about a well-formed message (hop limit 255, who may be its source, whether it is for
//! us) is decided by the state machines. Reserved fields are ignored on input and zero on output;
//! checksums are verified through [`checksum`], not by the parsers.

mod cursor;

pub mod address_list;
pub mod checksum;
pub mod dns_name;
pub mod ethernet;
pub mod extension;
pub mod icmpv6;
pub mod ipv6;
pub mod mld;
pub mod ndp;
pub mod ndp_option;
pub mod option;
pub mod tcp;
pub(crate) mod tcp_plain;
pub mod tcp_sequence;
pub mod udp;
pub mod vlan;

use core::fmt;

/// Why octets are not a packet of the format.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ParseError {
    /// The octets end before the format, or the length it states, does.
    Truncated,
    /// A length field contradicts itself or the format: zero where at least one unit is needed,
    /// a header length shorter than the header, an element that runs past its container.
    BadLength,
    /// The IP version is not 6.
    BadVersion,
    /// A field holds a value that the format forbids.
    BadValue,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Truncated => "truncated",
            Self::BadLength => "bad length",
            Self::BadVersion => "bad version",
            Self::BadValue => "bad value",
        })
    }
}

impl core::error::Error for ParseError {}

/// Result of parsing.
pub type Result<T> = core::result::Result<T, ParseError>;
