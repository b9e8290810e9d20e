//! The console as a terminal: line discipline, settings, and who gets its signals.
//!
//! - [`termios`]: the settings.
//! - [`line_discipline`]: editing, echo, signals keys; pure.
//! - [`terminal`]: the open file, its requests, the controlling session.

pub mod line_discipline;
pub mod terminal;
pub mod termios;

pub use terminal::{CONSOLE, open};
