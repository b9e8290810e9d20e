//! From the kernel's initial stack to the program's `main`.

use crate::{Arguments, ExitCode, arguments, exit};

/// Runs `main` with the arguments the kernel left on the stack, then ends the process.
///
/// # Safety
///
/// `stack` is the stack pointer with which the kernel entered the program: `argc`, the argument
/// pointers, a null, the environment pointers, a null (System V ABI; the same on Linux for every
/// architecture). Called once, before anything else in this crate.
pub unsafe fn begin(stack: *const usize, main: fn(Arguments) -> ExitCode) -> ! {
    // SAFETY: the caller's promise is the one asked for.
    unsafe { arguments::set_initial_stack(stack) };
    exit::exit(main(crate::arguments()))
}

/// What a panic does: the message goes to standard error, the status is 101 as in other Rust
/// programs.
pub fn panicked(info: &core::panic::PanicInfo<'_>) -> ! {
    crate::eprintln!("{}: {info}", crate::program_name());
    exit::exit_now(ExitCode(101))
}

/// Makes a program of a function `fn(rt::Arguments) -> rt::ExitCode`: entry point, panic handler,
/// allocator, memory functions.
#[macro_export]
macro_rules! main {
    ($main:path) => {
        // The first instructions: mark the end of the frame chain, hand over the stack pointer,
        // align the stack for the calling convention.
        #[cfg(target_arch = "aarch64")]
        ::core::arch::global_asm!(
            ".pushsection .text.start, \"ax\"",
            ".globl _start",
            ".type _start, %function",
            "_start:",
            "mov x29, xzr",
            "mov x30, xzr",
            "mov x0, sp",
            "and sp, x0, #-16",
            "bl {begin}",
            "brk #1",
            ".popsection",
            begin = sym __begin,
        );
        #[cfg(target_arch = "x86_64")]
        ::core::arch::global_asm!(
            ".pushsection .text.start, \"ax\"",
            ".globl _start",
            ".type _start, @function",
            "_start:",
            "xor ebp, ebp",
            "mov rdi, rsp",
            "and rsp, -16",
            "call {begin}",
            "ud2",
            ".popsection",
            begin = sym __begin,
        );

        unsafe extern "C" fn __begin(stack: *const usize) -> ! {
            // SAFETY: only `_start` calls this, with the stack pointer it was entered with.
            unsafe { $crate::start::begin(stack, $main) }
        }

        #[panic_handler]
        fn __panic(info: &::core::panic::PanicInfo<'_>) -> ! {
            $crate::start::panicked(info)
        }

        #[global_allocator]
        static __ALLOCATOR: $crate::allocator::Allocator = $crate::allocator::new();

        // The compiler's support library asks for it when it looks for atomic instructions.
        #[unsafe(no_mangle)]
        extern "C" fn getauxval(kind: usize) -> usize {
            $crate::arguments::auxiliary_value(kind).unwrap_or(0)
        }

        $crate::memory_functions!();
    };
}
