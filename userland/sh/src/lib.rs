//! A POSIX shell: the language, its expansions, job control, line editing.
//!
//! `main.rs` is the program; everything is here so that the parts without system calls are tested
//! on the host.
//!
//! What it does not do: `trap` for signals other than EXIT, aliases, `getopts`, `fc`.
#![no_std]
#![allow(
    clippy::single_match_else,
    reason = "found and not found are two cases of one match, as in the other matches around them"
)]

extern crate alloc;

pub mod builtins;
pub mod editor;
pub mod expand;
pub mod interactive;
pub mod jobs;
pub mod redirect;
pub mod run;
pub mod shell;
pub mod syntax;
