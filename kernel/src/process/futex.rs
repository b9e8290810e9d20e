//! futex(2): waiting for a word of memory to change. Processes have one thread each, so the only
//! ones to meet here are those that share memory (vfork, `CLONE_VM`).

use super::address_space::AddressSpace;
use super::object::Process;
use crate::executor::WaitQueue;
use crate::sync::TaskCell;
use crate::syscall::errno::Errno;
use crate::syscall::user_memory::UserPtr;
use crate::time::Instant;
use alloc::rc::Rc;
use alloc::vec::Vec;
use core::cell::Cell;

struct Waiter {
    /// Where: the memory and the address in it.
    memory: *const AddressSpace,
    address: u64,
    woken: Cell<bool>,
    queue: WaitQueue,
}

/// Those that wait, the longest waiting first.
static WAITERS: TaskCell<Vec<Rc<Waiter>>> = TaskCell::new(Vec::new());

/// Leaves the list of those that wait, however the wait ends.
struct Listed(Rc<Waiter>);

impl Drop for Listed {
    fn drop(&mut self) {
        WAITERS.with(|waiters| waiters.retain(|waiter| !Rc::ptr_eq(waiter, &self.0)));
    }
}

/// `FUTEX_WAIT`: waits while the word is `expected`. `EAGAIN`: it is not; `ETIMEDOUT`.
pub async fn wait(
    process: &Process,
    address: u64,
    expected: u32,
    deadline: Option<Instant>,
) -> Result<usize, Errno> {
    let memory = process.address_space()?;
    if !address.is_multiple_of(4) {
        return Err(Errno::INVAL);
    }
    if UserPtr::<u32>::new(address).read()? != expected {
        return Err(Errno::AGAIN);
    }
    let waiter = Rc::new(Waiter {
        memory: Rc::as_ptr(&memory),
        address,
        woken: Cell::new(false),
        queue: WaitQueue::new(),
    });
    WAITERS.with(|waiters| waiters.push(waiter.clone()));
    let listed = Listed(waiter);
    let woken = listed.0.queue.wait_until(|| listed.0.woken.get().then_some(()));
    match process.interruptible_until(deadline, woken).await? {
        Some(()) => Ok(0),
        None => Err(Errno::TIMEDOUT),
    }
}

/// `FUTEX_WAKE`: wakes up to `count` of those that wait there and says how many.
pub fn wake(memory: &Rc<AddressSpace>, address: u64, count: u32) -> usize {
    let woken: Vec<Rc<Waiter>> = WAITERS.with(|waiters| {
        waiters
            .iter()
            .filter(|waiter| {
                core::ptr::eq(waiter.memory, Rc::as_ptr(memory))
                    && waiter.address == address
                    && !waiter.woken.get()
            })
            .take(count as usize)
            .cloned()
            .collect()
    });
    for waiter in &woken {
        waiter.woken.set(true);
        waiter.queue.wake_all();
    }
    woken.len()
}
