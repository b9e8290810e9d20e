//! The functions that compiled code calls for moving bytes; see memory_functions.s.

use core::arch::global_asm;

global_asm!(include_str!("memory_functions.s"));
