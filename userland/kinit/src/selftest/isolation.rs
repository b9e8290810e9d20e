//! What a program must not be able to do: touch the kernel or another process, run what it writes.
//! The attempt ends the process that makes it, with the right signal, and nobody else.

use core::hint::black_box;
use core::ptr;

use linux_raw_sys::general::__NR_write;
use rt::rustix::io::Errno;
use rt::rustix::process::Signal;

use super::processes::in_child;
use super::{Outcome, Test, check};

pub(super) const TESTS: &[Test] = &[
    Test { name: "isolation: a write to kernel memory kills only the process", run: kernel_write },
    Test { name: "isolation: a read of kernel memory kills only the process", run: kernel_read },
    Test { name: "isolation: following a null pointer kills only the process", run: null_pointer },
    Test { name: "isolation: code is not writable", run: write_to_code },
    Test { name: "isolation: data is not executable", run: run_data },
    Test { name: "isolation: a privileged instruction is illegal", run: privileged_instruction },
    // Rows: API-24
    Test { name: "isolation: system calls refuse pointers into the kernel", run: kernel_pointers },
];

/// Addresses in the kernel's half, where a kernel may have its image or its view of memory.
const KERNEL_ADDRESSES: [usize; 4] =
    [0xffff_0000_0000_0000, 0xffff_0000_0008_0000, 0xffff_8000_0008_0000, 0xffff_ffff_ffff_f000];

/// Runs `attempt` in a child; it must die of `signal`.
pub(super) fn dies_of(signal: Signal, attempt: impl FnOnce()) -> Outcome {
    let status = in_child(|| {
        attempt();
        0
    })?;
    check!(
        status.terminating_signal() == Some(signal.as_raw()),
        "not killed by {signal:?} but {status:?}"
    );
    Ok(())
}

fn kernel_write() -> Outcome {
    for address in KERNEL_ADDRESSES {
        dies_of(Signal::SEGV, || {
            // SAFETY: none. The fault that this must cause ends the process before anything else.
            unsafe { ptr::with_exposed_provenance_mut::<u64>(address).write_volatile(1) }
        })?;
    }
    Ok(())
}

fn kernel_read() -> Outcome {
    for address in KERNEL_ADDRESSES {
        dies_of(Signal::SEGV, || {
            // SAFETY: none, as above.
            black_box(unsafe { ptr::with_exposed_provenance::<u64>(address).read_volatile() });
        })?;
    }
    Ok(())
}

fn null_pointer() -> Outcome {
    dies_of(Signal::SEGV, || {
        // SAFETY: none, as above.
        unsafe { ptr::with_exposed_provenance_mut::<u64>(black_box(8)).write_volatile(1) }
    })
}

fn write_to_code() -> Outcome {
    dies_of(Signal::SEGV, || {
        let code = write_to_code as *const () as *mut u32;
        // SAFETY: none, as above.
        unsafe { code.write_volatile(0) }
    })
}

fn run_data() -> Outcome {
    // Return instructions, so that a kernel without the protection lets the child live.
    #[cfg(target_arch = "aarch64")]
    let code = black_box([0xd65f_03c0u32; 4]);
    #[cfg(target_arch = "x86_64")]
    let code = black_box([0xc3c3_c3c3u32; 4]);
    dies_of(Signal::SEGV, || {
        let address = black_box(code.as_ptr());
        // SAFETY: it would be a function that returns at once, if data could be executed.
        let function = unsafe { core::mem::transmute::<*const u32, extern "C" fn()>(address) };
        function();
    })
}

fn privileged_instruction() -> Outcome {
    #[cfg(target_arch = "aarch64")]
    let result = dies_of(Signal::ILL, || {
        // SAFETY: none. The exception that this must cause ends the process.
        unsafe { core::arch::asm!("msr vbar_el1, xzr") }
    });
    #[cfg(target_arch = "x86_64")]
    let result = dies_of(Signal::SEGV, || {
        // SAFETY: none, as above.
        unsafe { core::arch::asm!("cli") }
    });
    result
}

fn kernel_pointers() -> Outcome {
    for address in KERNEL_ADDRESSES {
        // The pointer is handed to the kernel as a number; a slice of that memory must not exist.
        let call = [1, address, 1, 0, 0, 0];
        // SAFETY: the kernel is asked to read memory that is not ours; it must refuse.
        let result = unsafe { rt::syscall::syscall(__NR_write, call) };
        check!(result == Err(Errno::FAULT), "write from {address:#x}: {result:?}");
    }
    Ok(())
}
