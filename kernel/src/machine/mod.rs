//! The machine as a whole: which board it is, how it fares, and how it shows that it lives.

#[cfg(target_os = "none")]
pub mod health;
#[cfg(target_os = "none")]
pub mod heartbeat;
#[cfg(target_os = "none")]
pub mod identity;
pub mod revision;
pub mod signal;
pub mod throttling;
pub mod watchdog;
