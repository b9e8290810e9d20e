//! Where an address leads to, as the core itself translates it (AT, PAR_EL1): for checks.

use core::arch::asm;

/// What the core's address translation says, for one kind of access.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Translation {
    /// It would fault.
    Fault,
    /// It leads to this address with these memory attributes (as in MAIR).
    Leads {
        /// Physical address.
        physical: u64,
        /// Attributes.
        attributes: u8,
    },
}

macro_rules! translate {
    ($operation:literal, $address:expr) => {
        // An interrupt in between could translate, too.
        crate::sync::without_interrupts(|| {
            let result: u64;
            // SAFETY: a translation without an access; PAR_EL1 is used for nothing else.
            unsafe {
                asm!(
                    concat!("at ", $operation, ", {}"), "isb", "mrs {}, par_el1",
                    in(reg) $address, out(reg) result, options(nostack)
                );
            }
            if result & 1 != 0 {
                Translation::Fault
            } else {
                let physical = (result & 0x0000_ffff_ffff_f000) | ($address & 0xfff);
                Translation::Leads { physical, attributes: (result >> 56) as u8 }
            }
        })
    };
}

/// For a load by the kernel.
pub(crate) fn kernel_reads(address: u64) -> Translation {
    translate!("s1e1r", address)
}

/// For a store by the kernel.
pub(crate) fn kernel_writes(address: u64) -> Translation {
    translate!("s1e1w", address)
}

/// For a load by a program.
pub(crate) fn program_reads(address: u64) -> Translation {
    translate!("s1e0r", address)
}
