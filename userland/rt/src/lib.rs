//! Start-up, arguments and panic handling for programs without a libc.
#![no_std]
