//! What the core tools share.
#![no_std]
