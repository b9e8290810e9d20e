//! AT_HWCAP: what a program may use beyond the base architecture.

use aarch64_cpu::registers::{ID_AA64ISAR0_EL1, ID_AA64PFR0_EL1, Readable};

// The bits of Linux's asm/hwcap.h, which the ABI crate does not carry.
const FP: u64 = 1 << 0;
const ASIMD: u64 = 1 << 1;
const AES: u64 = 1 << 3;
const PMULL: u64 = 1 << 4;
const SHA1: u64 = 1 << 5;
const SHA2: u64 = 1 << 6;
const CRC32: u64 = 1 << 7;
const ATOMICS: u64 = 1 << 8;

/// The capabilities of this core. Without EVTSTRM (there is no event stream) and CPUID (reading
/// identification registers at EL0 is not emulated).
pub fn hwcap() -> u64 {
    let features = ID_AA64PFR0_EL1.get();
    let instructions = ID_AA64ISAR0_EL1.get();
    let field = |register: u64, shift: u32| (register >> shift) & 0xf;
    let mut caps = 0;
    // FP and AdvSIMD count from 0; 0xf says "not there".
    if field(features, 16) != 0xf {
        caps |= FP;
    }
    if field(features, 20) != 0xf {
        caps |= ASIMD;
    }
    match field(instructions, 4) {
        0 => {}
        1 => caps |= AES,
        _ => caps |= AES | PMULL,
    }
    for (shift, bit) in [(8, SHA1), (12, SHA2), (16, CRC32)] {
        if field(instructions, shift) != 0 {
            caps |= bit;
        }
    }
    if field(instructions, 20) >= 2 {
        caps |= ATOMICS;
    }
    caps
}
