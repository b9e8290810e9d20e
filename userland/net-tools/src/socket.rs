//! What `rustix` does not offer for sockets: options by number, control messages.

pub mod option;
