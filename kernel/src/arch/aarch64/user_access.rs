//! The only way to a program's memory: copies with the program's own rights.
//!
//! They go through the tables that are active, so a system call activates its process's
//! [`UserTable`](super::UserTable) before it copies (again after each `.await`).

use crate::memory::UserAddress;
use core::arch::global_asm;

global_asm!(include_str!("user_access.s"));

/// A copy met an address that the program may not access.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BadAddress {
    /// The address at which it failed.
    pub address: u64,
    /// Bytes of the request that were not copied, this address's included.
    pub remaining: usize,
}

#[repr(C)]
struct Outcome {
    remaining: usize,
    address: u64,
}

unsafe extern "C" {
    static user_access_start: u8;
    static user_access_end: u8;
    static user_access_fault: u8;

    fn copy_from_user(to: *mut u8, from: u64, length: usize) -> Outcome;
    fn copy_to_user(from: *const u8, to: u64, length: usize) -> Outcome;
}

/// Copies from the program's memory. On an error a part of `to` may have been written.
pub fn copy_in(to: &mut [u8], from: UserAddress) -> Result<(), BadAddress> {
    check_range(from, to.len())?;
    // SAFETY: `to` is valid for writes of its length. Whatever `from` is, it is read with EL0's
    // rights only, and a fault comes back as a result (`recover`).
    let outcome = unsafe { copy_from_user(to.as_mut_ptr(), from.get(), to.len()) };
    outcome.into_result()
}

/// Copies to the program's memory. On an error a part may have been written.
pub fn copy_out(to: UserAddress, from: &[u8]) -> Result<(), BadAddress> {
    check_range(to, from.len())?;
    // SAFETY: `from` is valid for reads of its length. Whatever `to` is, it is written with EL0's
    // rights only, so no kernel memory changes, and a fault comes back as a result (`recover`).
    let outcome = unsafe { copy_to_user(from.as_ptr(), to.get(), from.len()) };
    outcome.into_result()
}

fn check_range(start: UserAddress, length: usize) -> Result<(), BadAddress> {
    if start.has_room_for(length) {
        return Ok(());
    }
    let valid = (UserAddress::END - start.get()) as usize;
    Err(BadAddress { address: UserAddress::END, remaining: length - valid })
}

impl Outcome {
    fn into_result(self) -> Result<(), BadAddress> {
        if self.remaining == 0 {
            return Ok(());
        }
        Err(BadAddress { address: self.address, remaining: self.remaining })
    }
}

/// Where to resume after a data abort at `elr`, if that is one of the copies and `far`, the
/// address that failed, is a program's.
pub(super) fn recover(elr: u64, far: u64) -> Option<u64> {
    let start = (&raw const user_access_start) as u64;
    let end = (&raw const user_access_end) as u64;
    let fault = (&raw const user_access_fault) as u64;
    ((start..end).contains(&elr) && far < UserAddress::END).then_some(fault)
}
