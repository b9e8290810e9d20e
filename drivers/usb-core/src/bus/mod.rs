//! The bus: the table of devices and the tasks that drive it.
//!
//! A [`Bus`] is [`TASKS`] futures that the kernel runs on one executor: one for the root port, and
//! one for each place in the table. A device's place runs its driver: the hub driver, or a class
//! driver of the kernel's choice. Whoever has a port (the root task, a hub driver) enumerates what
//! is attached to it, puts it into a free place and goes on; nothing recurses and nothing
//! allocates, however deep the tree.
//!
//! Detaching works in the other direction: the port's owner marks the device and all below it as
//! gone, which ends their drivers and with them every pending transfer, and waits until the place
//! is free before it touches the port again.

mod address;
mod enumeration;
mod path;
pub(crate) mod port;
mod root;
mod service;
pub(crate) mod slot;
mod view;

pub use path::{DevicePath, MAX_HUB_DEPTH};
pub use slot::{DeviceStrings, TransferCounters};
pub use view::{DeviceView, root_hub_descriptors};

pub(crate) use enumeration::attach;

use crate::class::{ClassDrivers, Platform};
use crate::descriptor::MAX_CONFIGURATION_BYTES;
use crate::host::HostController;
use crate::pipe::{DeviceAddress, PortNumber};
use crate::sync::Lock;
use address::AddressPool;
use core::cell::Cell;
use port::PortRequests;
use slot::{Parent, Slot, SlotIndex, SlotState};

/// The number of the only bus.
pub const BUS_NUMBER: u8 = 1;

/// What listings show as the root hub's number.
pub const ROOT_HUB_ADDRESS: DeviceAddress = match DeviceAddress::new(1) {
    Some(address) => address,
    None => DeviceAddress::DEFAULT,
};

/// Devices at a time, hubs included.
pub const MAX_DEVICES: usize = 16;

/// Futures that make up a bus; see [`Bus::run_task`].
pub const TASKS: usize = 1 + MAX_DEVICES;

/// What happened on the bus since the start.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
#[non_exhaustive]
pub struct BusCounters {
    /// Count of devices attached and enumerated.
    pub attached: u32,
    /// Count of enumerated devices that left.
    pub detached: u32,
    /// Count of enumeration attempts that failed and were repeated.
    pub attempts_failed: u32,
    /// Count of devices given up after all attempts.
    pub devices_failed: u32,
    /// Count of devices refused because the table was full.
    pub table_full: u32,
    /// Count of devices refused because they were behind too many hubs.
    pub too_deep: u32,
    /// Count of over-current events.
    pub over_current: u32,
    /// Count of devices enumerated anew because their driver gave up.
    pub restarts: u32,
    /// Count of drivers that did not end after their device was gone and were cut off.
    pub drivers_cut_off: u32,
    /// Count of port resets.
    pub port_resets: u32,
    /// Count of hub ports switched off and on to bring a device back.
    pub port_power_cycles: u32,
    /// Count of times the host controller was asked to recover, because of the device on its root
    /// port.
    pub controller_recoveries: u32,
}

impl BusCounters {
    /// Name and value of every count.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u32)> + use<> {
        let Self {
            attached,
            detached,
            attempts_failed,
            devices_failed,
            table_full,
            too_deep,
            over_current,
            restarts,
            drivers_cut_off,
            port_resets,
            port_power_cycles,
            controller_recoveries,
        } = *self;
        [
            ("attached", attached),
            ("detached", detached),
            ("attempts_failed", attempts_failed),
            ("devices_failed", devices_failed),
            ("table_full", table_full),
            ("too_deep", too_deep),
            ("over_current", over_current),
            ("restarts", restarts),
            ("drivers_cut_off", drivers_cut_off),
            ("port_resets", port_resets),
            ("port_power_cycles", port_power_cycles),
            ("controller_recoveries", controller_recoveries),
        ]
        .into_iter()
    }
}

/// What all tasks of a bus share.
pub(crate) struct Core<P: Platform> {
    pub(crate) platform: P,
    slots: [Slot<P::Host>; MAX_DEVICES],
    addresses: AddressPool,
    /// Held while a device answers to address 0: only one may (USB 2.0 section 9.1.2).
    default_address: Lock<()>,
    /// Where a configuration is read into before it goes to the device's place.
    scratch: Lock<[u8; MAX_CONFIGURATION_BYTES]>,
    root_requests: PortRequests,
    counters: Cell<BusCounters>,
    /// Counts changes of the tree.
    generation: Cell<u32>,
}

impl<P: Platform> Core<P> {
    pub(crate) fn slot(&self, index: SlotIndex) -> &Slot<P::Host> {
        &self.slots[index.get()]
    }

    fn indices() -> impl Iterator<Item = SlotIndex> {
        (0..MAX_DEVICES as u8).map(SlotIndex)
    }

    pub(crate) fn count(&self, change: impl FnOnce(&mut BusCounters)) {
        let mut counters = self.counters.get();
        change(&mut counters);
        self.counters.set(counters);
    }

    fn tree_changed(&self) {
        self.generation.set(self.generation.get().wrapping_add(1));
    }

    /// Takes a free place for a device that is about to be enumerated.
    fn claim(&self) -> Option<SlotIndex> {
        let index =
            Self::indices().find(|index| self.slot(*index).state.get() == SlotState::Free)?;
        let slot = self.slot(index);
        slot.gone.set(false);
        slot.generation.set(slot.generation.get().wrapping_add(1));
        slot.selection.set(None);
        slot.counters.set(TransferCounters::default());
        slot.hub_ports.set(0);
        slot.multi_translator.set(false);
        slot.requests.clear();
        *slot.strings.borrow_mut() = DeviceStrings::default();
        slot.set_state(SlotState::Enumerating);
        Some(index)
    }

    /// Forgets the device's pipe and address, so that enumeration can start over.
    async fn forget_address(&self, index: SlotIndex) {
        let slot = self.slot(index);
        let pipe = slot.control.pipe().lock().await.take();
        if let Some(pipe) = pipe {
            self.platform.host().close_pipe(pipe).await;
        }
        if let Some(mut identity) = slot.identity.get() {
            self.addresses.free(identity.address);
            identity.address = DeviceAddress::DEFAULT;
            slot.identity.set(Some(identity));
        }
    }

    /// Frees a place. Nothing of the device is in use any more.
    async fn release(&self, index: SlotIndex) {
        self.forget_address(index).await;
        let slot = self.slot(index);
        slot.identity.set(None);
        *slot.descriptors.borrow_mut() = None;
        slot.set_state(SlotState::Free);
        self.tree_changed();
    }

    /// The device on a port.
    pub(crate) fn child(&self, parent: Parent, port: PortNumber) -> Option<SlotIndex> {
        Self::indices().find(|index| {
            let identity = self.slot(*index).identity.get();
            identity.is_some_and(|identity| identity.parent == parent && identity.port == port)
        })
    }

    /// Marks a device and everything below it as gone. Recursion ends after `MAX_HUB_DEPTH` steps.
    fn mark_gone(&self, index: SlotIndex) {
        self.slot(index).set_gone();
        for below in Self::indices() {
            let identity = self.slot(below).identity.get();
            if identity.is_some_and(|identity| identity.parent == Parent::Hub(index)) {
                self.mark_gone(below);
            }
        }
    }

    /// Takes the device on a port out of the tree, and returns when nothing refers to it any more.
    pub(crate) async fn detach(&self, parent: Parent, port: PortNumber) {
        let Some(index) = self.child(parent, port) else { return };
        let slot = self.slot(index);
        self.mark_gone(index);
        if slot.state.get() == SlotState::Enumerating {
            // Its enumeration belonged to the caller, and was dropped.
            self.release(index).await;
            return;
        }
        let generation = slot.generation.get();
        slot.changed
            .wait_until(|| {
                slot.state.get() == SlotState::Free || slot.generation.get() != generation
            })
            .await;
    }

    /// Where a device asks its parent to be enumerated anew.
    pub(crate) fn requests(&self, parent: Parent) -> &PortRequests {
        match parent {
            Parent::Root => &self.root_requests,
            Parent::Hub(index) => &self.slot(index).requests,
        }
    }
}

/// A USB bus with its devices.
///
/// It is some 25 KB large: make it where it is to stay.
pub struct Bus<P: Platform, D: ClassDrivers<P>> {
    core: Core<P>,
    drivers: D,
}

impl<P: Platform, D: ClassDrivers<P>> Bus<P, D> {
    /// A bus without devices. Nothing happens before its tasks run.
    pub const fn new(platform: P, drivers: D) -> Self {
        Self {
            core: Core {
                platform,
                slots: [const { Slot::new() }; MAX_DEVICES],
                addresses: AddressPool::new(),
                default_address: Lock::new(()),
                scratch: Lock::new([0; MAX_CONFIGURATION_BYTES]),
                root_requests: PortRequests::new(),
                counters: Cell::new(BusCounters {
                    attached: 0,
                    detached: 0,
                    attempts_failed: 0,
                    devices_failed: 0,
                    table_full: 0,
                    too_deep: 0,
                    over_current: 0,
                    restarts: 0,
                    drivers_cut_off: 0,
                    port_resets: 0,
                    port_power_cycles: 0,
                    controller_recoveries: 0,
                }),
                generation: Cell::new(0),
            },
            drivers,
        }
    }

    /// Task `number` of [`TASKS`]. Each number must run exactly once, all on one executor thread.
    /// None ever ends.
    pub async fn run_task(&self, number: usize) {
        match number.checked_sub(1) {
            None => root::run(&self.core).await,
            Some(slot) if slot < MAX_DEVICES => {
                service::run(&self.core, &self.drivers, SlotIndex(slot as u8)).await;
            }
            Some(_) => {}
        }
    }

    /// The platform.
    pub const fn platform(&self) -> &P {
        &self.core.platform
    }

    /// The class drivers.
    pub const fn drivers(&self) -> &D {
        &self.drivers
    }

    /// What happened so far.
    pub const fn counters(&self) -> BusCounters {
        self.core.counters.get()
    }

    /// Changes whenever a device comes, goes or is configured, so that a listing knows when to
    /// look again.
    pub const fn generation(&self) -> u32 {
        self.core.generation.get()
    }

    /// Shows every enumerated device, parents before children.
    pub fn for_each_device(&self, mut show: impl FnMut(&DeviceView<'_>)) {
        for depth in 0..=MAX_HUB_DEPTH {
            for index in Core::<P>::indices() {
                view::with(self.core.slot(index), |view| {
                    if view.path.depth() == depth {
                        show(view);
                    }
                });
            }
        }
    }

    /// Shows the device at `path`, if there is one.
    pub fn with_device<R>(
        &self,
        path: &DevicePath,
        show: impl FnOnce(&DeviceView<'_>) -> R,
    ) -> Option<R> {
        let index = Core::<P>::indices().find(|index| {
            self.core.slot(*index).identity.get().is_some_and(|identity| identity.path == *path)
        })?;
        view::with(self.core.slot(index), show)
    }
}
