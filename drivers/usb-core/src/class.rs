//! What the surroundings give to the bus: the platform and the class drivers.

use crate::descriptor::DescriptorSet;
use crate::device::Device;
use crate::host::{Clock, HostController};

/// What the bus runs on.
pub trait Platform {
    /// The host controller.
    type Host: HostController;
    /// The clock.
    type Clock: Clock;

    /// The host controller.
    fn host(&self) -> &Self::Host;

    /// The clock.
    fn clock(&self) -> &Self::Clock;

    /// A DMA buffer whose window starts at the block's start; the window's length is set by
    /// whoever asked. `None` when there is none at the moment.
    fn allocate(&self) -> Option<BufferOf<Self>>;
}

/// The DMA buffer of a platform.
pub type BufferOf<P> = <<P as Platform>::Host as HostController>::Buffer;

/// Which configuration a class driver wants.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Selection {
    /// bConfigurationValue (not the index).
    pub configuration: u8,
    /// The driver's name, for people.
    pub driver: &'static str,
}

/// How a class driver ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DriverEnd {
    /// The device is gone, or the driver wants nothing more of it.
    Done,
    /// The device does not work any more. The bus resets and enumerates it anew, after a pause
    /// that grows each time, and starts the driver again.
    Restart,
}

/// All class drivers but the hub driver, which belongs to the bus.
#[allow(async_fn_in_trait, reason = "everything runs on one single-threaded executor")]
pub trait ClassDrivers<P: Platform> {
    /// Looks at all configurations of a new device. `None`: no driver; the device stays
    /// unconfigured.
    fn select(&self, descriptors: &DescriptorSet) -> Option<Selection>;

    /// Drives the device, which is in the selected configuration. Must end soon after
    /// [`Device::until_gone`] returns: the bus waits for that (one second; then it drops the
    /// future) before it touches the port again.
    async fn run(&self, device: &Device<'_, P>) -> DriverEnd;
}
