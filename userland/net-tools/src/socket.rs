//! What `rustix` does not offer for sockets: options by number, control messages.

pub mod error_queue;
pub mod message;
pub mod option;
