//! Processes.
pub mod address_space;
pub mod initial_stack;
pub mod program_image;
pub mod regions;
pub mod signal;
pub mod user_table;
