//! A USB bus for tests: hubs and Ethernet adapters behind a host controller that moves whole
//! transfers, in virtual time, on one thread.
//!
//! It is strict where a real bus would be: a transfer with a wrong toggle, speed, packet size or
//! transaction translator, two devices at address 0, or a port reset while a transfer to a device
//! below it is still in flight end up in [`World::violations`], which every test looks at in the
//! end. Registers and packets are the business of the controller driver's own model.
#![forbid(unsafe_code)]

mod buffer;
mod eem;
mod ethernet;
mod executor;
mod functions;
mod host;
mod hub;
pub mod lan;
pub mod ncm;
mod world;

pub use buffer::{Pool, SimBuffer};
pub use ethernet::{
    Ethernet, EthernetDevice, Quirks, ncm_configuration, qemu_configurations,
    rtl8153_configurations,
};
pub use executor::{Executor, SimClock};
pub use host::{SimHost, SimPipe, SimPlatform};
pub use hub::{HubOptions, Translators};
pub use world::{Absent, Answer, DeviceId, Model, Options, World};
