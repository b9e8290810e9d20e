//! Which drivers wait for frames to send.

use super::with_stack;
use crate::executor::WaitQueue;
use crate::sync::TaskCell;
use ::net::interface::InterfaceIndex;
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

/// An interface's name, for messages.
pub(super) fn name(index: InterfaceIndex) -> String {
    with_stack(|stack| {
        stack.interface(index).map_or_else(|| index.to_string(), |found| found.name().to_string())
    })
}
