//! The driver against the register-level model in `tests/model`.
#![allow(missing_docs, unreachable_pub, reason = "test code")]
#![allow(clippy::pedantic, reason = "test code")]

#[path = "../model/mod.rs"]
mod model;

mod enumeration;
mod errors;
mod given_up;
mod high_speed;
mod port;
mod qemu;
mod random;
mod receive;
mod splits;
mod start;
mod transfers;
