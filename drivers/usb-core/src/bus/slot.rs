//! The place of one device in the table.

use super::path::DevicePath;
use super::port::PortRequests;
use crate::class::Selection;
use crate::descriptor::{DescriptorSet, DeviceString};
use crate::host::{HostController, TransferError};
use crate::pipe::{
    DeviceAddress, Direction, EndpointNumber, PipeConfig, PortNumber, Speed, TransactionTranslator,
    TransferType,
};
use crate::request::ControlEndpoint;
use crate::sync::Changed;
use core::cell::{Cell, RefCell};
use core::time::Duration;

/// Index of a slot in the table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct SlotIndex(pub(super) u8);

impl SlotIndex {
    pub(super) const fn get(self) -> usize {
        self.0 as usize
    }
}

/// What a device hangs on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Parent {
    Root,
    Hub(SlotIndex),
}

/// The life of a slot; it goes forward only, and from any state back to `Free`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum SlotState {
    /// No device.
    Free,
    /// The parent's task talks to the device; nobody else knows it yet.
    Enumerating,
    /// Addressed and read; the slot's own task will look for a driver.
    Ready,
    /// The slot's own task has it.
    Running,
}

/// What is known of a device from where it is attached.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Identity {
    pub(crate) path: DevicePath,
    pub(crate) parent: Parent,
    pub(crate) port: PortNumber,
    pub(crate) speed: Speed,
    pub(crate) translator: Option<TransactionTranslator>,
    pub(crate) address: DeviceAddress,
    pub(crate) max_packet_size_0: u8,
    /// How often in a row the device was enumerated anew because its driver asked for it.
    pub(crate) restarts: u8,
    pub(crate) since: Duration,
}

impl Identity {
    /// How to reach endpoint 0.
    pub(crate) const fn control_pipe(&self) -> PipeConfig {
        PipeConfig {
            device: self.address,
            speed: self.speed,
            translator: self.translator,
            endpoint: EndpointNumber::ZERO,
            direction: Direction::Out,
            transfer_type: TransferType::Control,
            max_packet_size: self.max_packet_size_0 as u16,
            interval: 0,
        }
    }
}

/// What the device calls itself; empty where it says nothing.
#[derive(Clone, Default, Debug)]
pub struct DeviceStrings {
    /// iManufacturer.
    pub manufacturer: DeviceString,
    /// iProduct.
    pub product: DeviceString,
    /// iSerialNumber.
    pub serial: DeviceString,
}

/// How the transfers of a device failed.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
#[non_exhaustive]
pub struct TransferCounters {
    /// Count of transfers answered with STALL.
    pub stall: u32,
    /// Count of transfers ended by transaction errors.
    pub transaction: u32,
    /// Count of transfers in which the device sent too much.
    pub babble: u32,
    /// Count of transfers that nobody answered in time.
    pub timeout: u32,
    /// Count of transfers cut off because the device went.
    pub disconnected: u32,
    /// Count of transfers that the controller refused or failed.
    pub controller: u32,
}

impl TransferCounters {
    pub(crate) const fn count(mut self, error: TransferError) -> Self {
        match error {
            TransferError::Stall => self.stall = self.stall.saturating_add(1),
            TransferError::Transaction => self.transaction = self.transaction.saturating_add(1),
            TransferError::Babble => self.babble = self.babble.saturating_add(1),
            // "No data yet" is an answer.
            TransferError::Nak => {}
            TransferError::Timeout => self.timeout = self.timeout.saturating_add(1),
            TransferError::Disconnected => self.disconnected = self.disconnected.saturating_add(1),
            TransferError::Controller | TransferError::NoResources | TransferError::Invalid => {
                self.controller = self.controller.saturating_add(1);
            }
        }
        self
    }
}

/// The place of one device.
pub(crate) struct Slot<H: HostController> {
    pub(crate) state: Cell<SlotState>,
    /// Counts the devices that had this slot.
    pub(crate) generation: Cell<u32>,
    /// The device has left, or its parent wants to start over with the port.
    pub(crate) gone: Cell<bool>,
    /// State, generation or `gone` changed.
    pub(crate) changed: Changed,
    /// Present unless the slot is free.
    pub(crate) identity: Cell<Option<Identity>>,
    pub(crate) control: ControlEndpoint<H>,
    /// Present from `Ready` on.
    pub(crate) descriptors: RefCell<Option<DescriptorSet>>,
    pub(crate) strings: RefCell<DeviceStrings>,
    /// What the device was set to; `None` while it is not configured.
    pub(crate) selection: Cell<Option<Selection>>,
    pub(crate) counters: Cell<TransferCounters>,
    /// For hubs: number of ports, and the ports whose device asks to be enumerated anew.
    pub(crate) hub_ports: Cell<u8>,
    /// For hubs: each port has a transaction translator of its own.
    pub(crate) multi_translator: Cell<bool>,
    pub(crate) requests: PortRequests,
}

impl<H: HostController> Slot<H> {
    pub(super) const fn new() -> Self {
        Self {
            state: Cell::new(SlotState::Free),
            generation: Cell::new(0),
            gone: Cell::new(false),
            changed: Changed::new(),
            identity: Cell::new(None),
            control: ControlEndpoint::new(),
            descriptors: RefCell::new(None),
            strings: RefCell::new(DeviceStrings {
                manufacturer: DeviceString::new(),
                product: DeviceString::new(),
                serial: DeviceString::new(),
            }),
            selection: Cell::new(None),
            counters: Cell::new(TransferCounters {
                stall: 0,
                transaction: 0,
                babble: 0,
                timeout: 0,
                disconnected: 0,
                controller: 0,
            }),
            hub_ports: Cell::new(0),
            multi_translator: Cell::new(false),
            requests: PortRequests::new(),
        }
    }

    pub(crate) fn set_state(&self, state: SlotState) {
        self.state.set(state);
        self.changed.notify();
    }

    pub(crate) fn set_gone(&self) {
        if !self.gone.replace(true) {
            self.changed.notify();
        }
    }

    /// Returns once the device has left.
    pub(crate) async fn until_gone(&self) {
        self.changed.wait_until(|| self.gone.get()).await;
    }

    pub(crate) fn count(&self, error: TransferError) {
        self.counters.set(self.counters.get().count(error));
    }
}
