//! Kernel bugs on purpose.

use crate::memory::layout;

/// Panics in the way the boot argument `crash` asks for.
pub(crate) fn crash(what: &str) -> ! {
    match what {
        "panic" => panic!("as the boot argument asked"),
        "overflow" => {
            overflow(1);
        }
        "null" => write_to(8),
        "text" => write_to(layout::text().start),
        "data" => execute_data(),
        _ => {}
    }
    panic!("crash={what} is not known, or did not crash");
}

fn overflow(depth: u64) -> u64 {
    let frame = [depth; 32];
    if core::hint::black_box(&frame)[0] == 0 { 0 } else { overflow(depth + 1) + frame[1] }
}

fn write_to(address: u64) {
    // SAFETY: none; this must fault.
    unsafe { (address as *mut u64).write_volatile(0) };
}

fn execute_data() {
    // RET
    static CODE: [u32; 1] = [0xd65f_03c0];
    // SAFETY: none; this must fault.
    let function: extern "C" fn() = unsafe { core::mem::transmute(&raw const CODE) };
    function();
}
