//! The processor.

#[cfg(target_os = "none")]
pub mod aarch64;
