//! The task that gives the stack its time, and the handing on of what the stack has to tell.

use super::{
    KernelStack, STACK, change_stack, datagram, netlink, packet, port, stream, with_stack,
};
use crate::executor::WaitQueue;
use crate::sync::TaskCell;
use crate::time::{self, Instant};
use ::net::event::Event;
use ::net::interface::InterfaceIndex;
use core::future::poll_fn;
use core::pin::pin;
use core::task::Poll;

/// Woken when the stack's next deadline has come nearer.
static DEADLINE_CHANGED: WaitQueue = WaitQueue::new();

/// The deadline that the service task waits for.
static AWAITED: TaskCell<Option<Instant>> = TaskCell::new(None);

/// Runs the stack's timers.
pub(super) async fn serve() {
    loop {
        let deadline = with_stack(KernelStack::next_deadline);
        AWAITED.with(|awaited| *awaited = deadline);
        let changed = DEADLINE_CHANGED.wait();
        match deadline {
            Some(deadline) => {
                let sleep = time::sleep_until(deadline);
                first(sleep, changed).await;
            }
            None => changed.await,
        }
        change_stack(|stack| stack.poll(time::now()));
    }
}

/// Returns when either future does.
async fn first(one: impl Future<Output = ()>, other: impl Future<Output = ()>) {
    let (mut one, mut other) = (pin!(one), pin!(other));
    poll_fn(|context| {
        let done = one.as_mut().poll(context).is_ready() || other.as_mut().poll(context).is_ready();
        if done { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

/// Hands on what the stack has to tell after something was done with it.
pub(super) fn hand_on() {
    loop {
        let event = STACK.with(KernelStack::poll_event);
        let Some(event) = event else { break };
        match event {
            Event::Socket(id) => datagram::wake(id),
            Event::Tcp(id) => stream::wake(id),
            Event::DuplicateAddress { interface, address } => {
                let name = port::name(interface);
                log::warn!("{name}: {address} is used by another node: it is not usable here");
            }
            event => {
                if let Event::LinkChanged(index) = event {
                    log_link(index);
                }
                if let Event::LinkChanged(index) | Event::LinkRemoved { index, .. } = event {
                    packet::link_changed(index);
                }
                netlink::publish(&event);
            }
        }
    }
    while let Some(option) = STACK.with(KernelStack::poll_router_option) {
        netlink::publish_router_option(&option);
    }
    port::wake_transmitters();
    let deadline = with_stack(KernelStack::next_deadline);
    let awaited = AWAITED.with(|awaited| *awaited);
    let is_earlier = match (deadline, awaited) {
        (Some(deadline), Some(awaited)) => deadline < awaited,
        (Some(_), None) => true,
        (None, _) => false,
    };
    if is_earlier {
        AWAITED.with(|awaited| *awaited = deadline);
        DEADLINE_CHANGED.wake_all();
    }
}

fn log_link(index: InterfaceIndex) {
    with_stack(|stack| {
        if let Some(interface) = stack.interface(index) {
            let state = match (interface.is_admin_up(), interface.has_carrier()) {
                (false, _) => "down",
                (true, false) => "up, no carrier",
                (true, true) => "up",
            };
            log::debug!("{}: {state}", interface.name());
        }
    });
}
