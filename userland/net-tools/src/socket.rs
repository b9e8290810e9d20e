//! Sockets beyond what `rustix` offers: options by number, control messages; and what several
//! programs do with TCP sockets.

pub mod error_queue;
pub mod failure;
pub mod message;
pub mod option;
pub mod packet;
pub mod race;
pub mod stream;
