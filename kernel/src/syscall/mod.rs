//! System calls.
pub mod errno;
pub mod user_memory;
