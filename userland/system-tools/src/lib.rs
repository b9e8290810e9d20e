//! What the tools that ask or tell the system have in common: the calendar, tables of `/proc`,
//! numbers for people.
#![cfg_attr(not(test), no_std)]

extern crate alloc;

pub mod calendar;
pub mod human;
pub mod proc;
