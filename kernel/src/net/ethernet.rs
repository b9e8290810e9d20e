//! The driver's end of an Ethernet interface, backed by the stack.

use super::port::{self, TRANSMITTERS, name};
use super::{Buffer, STACK, change_stack, packet, promiscuous};
use crate::executor::WaitQueue;
use crate::memory::dma;
use crate::time;
use ::net::buffer::PacketBuffer;
use ::net::interface::{InterfaceConfig, InterfaceError, InterfaceIndex, InterfaceKind};
use ::net::limits;
use ::net::netif::{LinkDrop, LinkState, MacAddress, Port, ReceiveFilter};
use alloc::format;
use alloc::rc::Rc;
use core::cell::Cell;
use core::task::{Context, Poll};

/// An Ethernet interface of the stack. It is there as long as this value is.
pub struct EthernetPort {
    index: InterfaceIndex,
    mac: MacAddress,
    transmit: Rc<WaitQueue>,
    /// What the driver was told last.
    filter: Cell<ReceiveFilter>,
}

impl EthernetPort {
    /// Adds an interface with the first free name that begins with `prefix`, and brings it up.
    pub fn open(prefix: &str, mac: MacAddress, mtu: u16) -> Result<Self, InterfaceError> {
        let now = time::now();
        let index = change_stack(|stack| {
            let name = (0..limits::INTERFACES)
                .map(|number| format!("{prefix}{number}"))
                .find(|name| stack.interface_by_name(name).is_none())
                .unwrap_or_default();
            let config =
                InterfaceConfig { name: &name, kind: InterfaceKind::Ethernet { mac }, mtu };
            let index = stack.add_interface(&config)?;
            stack.set_admin_up(index, true, now)?;
            Ok(index)
        })?;
        let transmit = Rc::new(WaitQueue::new());
        TRANSMITTERS.with(|transmitters| transmitters.push((index, transmit.clone())));
        log::info!("{}: {mac}, MTU {mtu}", name(index));
        Ok(Self { index, mac, transmit, filter: Cell::new(ReceiveFilter::Own) })
    }
}

impl Drop for EthernetPort {
    fn drop(&mut self) {
        TRANSMITTERS.with(|transmitters| transmitters.retain(|(index, _)| *index != self.index));
        // It can only fail when the interface is not there.
        let _ = port::remove(self.index);
    }
}

impl Port for EthernetPort {
    type Buffer = Buffer;

    fn allocate(&self) -> Option<Buffer> {
        dma::pool().take(dma::RECEIVE_OFFSET)
    }

    fn receive(&self, frame: Buffer) {
        packet::ethernet(self.index, packet::Direction::In(self.mac), frame.data());
        // What comes of it is handed on when the burst is over.
        STACK.with(|stack| stack.input_in_burst(self.index, frame, time::now()));
    }

    fn settle(&self) {
        change_stack(|stack| stack.settle(time::now()));
    }

    fn poll_transmit(&self, context: &mut Context<'_>) -> Poll<Buffer> {
        self.transmit.register(context);
        match change_stack(|stack| stack.poll_transmit(self.index)) {
            Some(frame) => {
                packet::ethernet(self.index, packet::Direction::Out, frame.data());
                Poll::Ready(frame)
            }
            None => Poll::Pending,
        }
    }

    fn poll_receive_filter(&self, context: &mut Context<'_>) -> Poll<ReceiveFilter> {
        promiscuous::CHANGED.register(context);
        let wanted = promiscuous::filter(self.index);
        if self.filter.replace(wanted) == wanted { Poll::Pending } else { Poll::Ready(wanted) }
    }

    fn set_link(&self, state: LinkState) {
        // It can only fail when the interface is not there.
        let _ = change_stack(|stack| stack.set_link(self.index, state, time::now()));
    }

    fn count(&self, drop: LinkDrop) {
        change_stack(|stack| stack.count_link_drop(self.index, drop));
    }
}
