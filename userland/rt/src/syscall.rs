//! The system call instruction, for the few calls that `rustix` does not offer to programs: making
//! processes, signal handlers, the break, the kernel's log.
//!
//! Linux: number in `x8`, arguments in `x0` to `x5`, result in `x0` (aarch64); `rax`, `rdi` `rsi`
//! `rdx` `r10` `r8` `r9`, `rax` (x86_64). A result of -4095 to -1 is an error number.

use core::arch::asm;

use rustix::io::Errno;

/// Makes system call `number`.
///
/// # Safety
///
/// What the call does with its arguments must be sound: pointers valid for what the kernel reads
/// and writes, no memory unmapped that is in use.
pub unsafe fn syscall(number: u32, arguments: [usize; 6]) -> Result<usize, Errno> {
    let result: isize;
    #[cfg(target_arch = "aarch64")]
    // SAFETY: the instruction itself changes only x0 and memory as the caller vouches.
    unsafe {
        asm!(
            "svc #0",
            in("x8") number as usize,
            inlateout("x0") arguments[0] => result,
            in("x1") arguments[1],
            in("x2") arguments[2],
            in("x3") arguments[3],
            in("x4") arguments[4],
            in("x5") arguments[5],
            options(nostack),
        );
    }
    #[cfg(target_arch = "x86_64")]
    // SAFETY: the instruction itself changes rax, rcx, r11 and memory as the caller vouches.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") number as usize => result,
            in("rdi") arguments[0],
            in("rsi") arguments[1],
            in("rdx") arguments[2],
            in("r10") arguments[3],
            in("r8") arguments[4],
            in("r9") arguments[5],
            lateout("rcx") _,
            lateout("r11") _,
            options(nostack),
        );
    }
    match result {
        error @ -4095..=-1 => Err(Errno::from_raw_os_error(-(error as i32))),
        value => Ok(value as usize),
    }
}
