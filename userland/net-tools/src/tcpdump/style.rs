//! How much is printed, and what is remembered from packet to packet.

use super::tcp::Conversations;

/// The options that printers look at.
#[derive(Clone, Copy, Debug, Default)]
#[allow(clippy::struct_excessive_bools, reason = "each is an option of its own")]
pub struct Style {
    /// How often `-v` was given.
    pub verbosity: u8,
    /// `-q`: less about protocols.
    pub quiet: bool,
    /// `-e`: the link-layer header.
    pub link_header: bool,
    /// `-x`: all octets follow anyway.
    pub dumped: bool,
    /// `-S`: TCP sequence numbers as they are.
    pub absolute: bool,
}

/// What a printer gets besides the packet.
#[derive(Debug, Default)]
pub struct Context {
    /// The options.
    pub style: Style,
    /// The TCP connections seen so far.
    pub conversations: Conversations,
}
