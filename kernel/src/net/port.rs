//! Which drivers wait for frames to send, and the end of interfaces.

use super::{change_stack, promiscuous, with_stack};
use crate::executor::WaitQueue;
use crate::sync::TaskCell;
use crate::time;
use ::net::interface::{InterfaceError, InterfaceIndex};
use alloc::rc::Rc;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// Interfaces whose drivers wait for frames to send.
pub(super) static TRANSMITTERS: TaskCell<Vec<(InterfaceIndex, Rc<WaitQueue>)>> =
    TaskCell::new(Vec::new());

/// Wakes every driver that has something to send.
pub(super) fn wake_transmitters() {
    with_stack(|stack| {
        TRANSMITTERS.with(|transmitters| {
            for (index, queue) in transmitters.iter() {
                if stack.has_transmit(*index) {
                    queue.wake_all();
                }
            }
        });
    });
}

/// Removes an interface and the VLANs on it.
pub(super) fn remove(index: InterfaceIndex) -> Result<(), InterfaceError> {
    for gone in with_stack(|stack| stack.vlans(index)).iter().chain([&index]) {
        log::info!("{}: removed", name(*gone));
        promiscuous::forget(*gone);
    }
    change_stack(|stack| stack.remove_interface(index, time::now()))
}

/// An interface's name, for messages.
pub(super) fn name(index: InterfaceIndex) -> String {
    with_stack(|stack| {
        stack.interface(index).map_or_else(|| index.to_string(), |found| found.name().to_string())
    })
}
