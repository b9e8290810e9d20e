//! A device as a class driver has it.

use crate::bus::slot::{Identity, Slot, SlotIndex};
use crate::bus::{Core, DevicePath};
use crate::class::{BufferOf, Platform};
use crate::descriptor::{DescriptorSet, EndpointAddress, EndpointDescriptor};
use crate::host::{HostController, SetupPacket, TransferError};
use crate::intake::Intake;
use crate::pipe::{PipeConfig, Speed, TransferType};
use crate::request::{RequestError, STANDARD_TIMEOUT};
use core::cell::{Cell, OnceCell, Ref};
use core::time::Duration;
use embassy_futures::select::{Either, select};
use heapless::String;

/// Pipes that a driver may open on one device.
const MAX_PIPES: usize = 8;

/// A pipe that a driver opened on its device. Valid for that device only.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DevicePipe {
    index: u8,
    endpoint: EndpointAddress,
    transfer_type: TransferType,
    max_packet_size: u16,
    interval: Duration,
}

impl DevicePipe {
    /// The endpoint at its end.
    pub const fn endpoint(&self) -> EndpointAddress {
        self.endpoint
    }

    /// Bytes that a packet carries at most.
    pub const fn max_packet_size(&self) -> usize {
        self.max_packet_size as usize
    }

    /// How often an interrupt endpoint wants to be polled; zero for others.
    pub const fn interval(&self) -> Duration {
        self.interval
    }
}

/// What an open pipe leads to.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Opened {
    address: EndpointAddress,
    transfer_type: TransferType,
    max_packet_size: u16,
}

/// The pipes of a device; a place is taken when its endpoint is present.
struct Pipes<H: HostController> {
    open: [OnceCell<H::Pipe>; MAX_PIPES],
    endpoints: [Cell<Option<Opened>>; MAX_PIPES],
}

/// An attached, configured device in the hands of its driver.
///
/// Control transfers end with [`TransferError::Disconnected`] as soon as the device is gone. Bulk
/// and interrupt transfers may pend for ever then: a driver that waits for one waits for
/// [`Device::until_gone`] beside it. All pipes are closed by the bus after the driver has ended.
pub struct Device<'b, P: Platform> {
    core: &'b Core<P>,
    index: SlotIndex,
    identity: Identity,
    pipes: Pipes<P::Host>,
}

impl<'b, P: Platform> Device<'b, P> {
    pub(crate) const fn new(core: &'b Core<P>, index: SlotIndex, identity: Identity) -> Self {
        let pipes = Pipes {
            open: [const { OnceCell::new() }; MAX_PIPES],
            endpoints: [const { Cell::new(None) }; MAX_PIPES],
        };
        Self { core, index, identity, pipes }
    }

    /// Closes what the driver left open.
    pub(crate) async fn close(self) {
        for pipe in self.pipes.open {
            if let Some(pipe) = pipe.into_inner() {
                self.core.platform.host().close_pipe(pipe).await;
            }
        }
    }

    fn slot(&self) -> &'b Slot<P::Host> {
        self.core.slot(self.index)
    }

    fn host(&self) -> &'b P::Host {
        self.core.platform.host()
    }

    /// The platform, for its clock and buffers.
    pub const fn platform(&self) -> &'b P {
        &self.core.platform
    }

    /// Where the device sits, for messages.
    pub const fn path(&self) -> DevicePath {
        self.identity.path
    }

    /// Its speed.
    pub const fn speed(&self) -> Speed {
        self.identity.speed
    }

    /// How often in a row it was enumerated anew because its driver asked for it. Not 0: it may
    /// still have something in its buffers from before.
    pub const fn restarts(&self) -> u8 {
        self.identity.restarts
    }

    /// What it says of itself. Not to be held across an await.
    pub fn descriptors(&self) -> Option<Ref<'b, DescriptorSet>> {
        Ref::filter_map(self.slot().descriptors.borrow(), Option::as_ref).ok()
    }

    /// bConfigurationValue of the configuration it is in.
    pub fn configuration(&self) -> u8 {
        self.slot().selection.get().map_or(0, |selection| selection.configuration)
    }

    /// Whether it has left.
    pub fn is_gone(&self) -> bool {
        self.slot().gone.get()
    }

    /// Returns once the device has left.
    pub async fn until_gone(&self) {
        self.slot().until_gone().await;
    }

    /// A control transfer; `data` is the data stage, filled from its start by an IN request.
    /// Returns how many bytes moved.
    pub async fn control(
        &self,
        setup: SetupPacket,
        data: &mut [u8],
        timeout: Duration,
    ) -> Result<usize, TransferError> {
        let transfer = self.slot().control.transfer(self.host(), setup, data, timeout);
        let result = match select(self.until_gone(), transfer).await {
            Either::First(()) => Err(TransferError::Disconnected),
            Either::Second(result) => result,
        };
        self.counted(result)
    }

    /// SET_INTERFACE: chooses an alternate setting. Pipes of the interface must be opened (again)
    /// after it, since their toggles start over.
    pub async fn set_interface(&self, interface: u8, alternate: u8) -> Result<(), TransferError> {
        let setup = SetupPacket::set_interface(interface, alternate);
        self.control(setup, &mut [], STANDARD_TIMEOUT).await.map(|_| ())
    }

    /// CLEAR_FEATURE(ENDPOINT_HALT), after which both sides start over with DATA0. A device that
    /// does not know the request keeps its toggle, and so do we.
    pub async fn clear_halt(&self, pipe: DevicePipe) -> Result<(), TransferError> {
        let setup = SetupPacket::clear_halt(pipe.endpoint);
        self.control(setup, &mut [], STANDARD_TIMEOUT).await?;
        if let Some(pipe) = self.pipe(pipe) {
            self.host().reset_toggle(pipe);
        }
        Ok(())
    }

    /// String `index` in the device's first language, cut to `N` bytes of UTF-8.
    pub async fn string<const N: usize>(&self, index: u8) -> Result<String<N>, RequestError> {
        let control = &self.slot().control;
        let read = async {
            let language = control.language(self.host()).await?;
            control.string(self.host(), index, language).await
        };
        match select(self.until_gone(), read).await {
            Either::First(()) => Err(TransferError::Disconnected.into()),
            Either::Second(result) => result,
        }
    }

    /// Opens a pipe to an endpoint, or takes the one that is open and starts it over with DATA0.
    pub fn open_pipe(&self, endpoint: &EndpointDescriptor) -> Result<DevicePipe, TransferError> {
        let Some(transfer_type @ (TransferType::Bulk | TransferType::Interrupt)) =
            endpoint.transfer_type()
        else {
            return Err(TransferError::Invalid);
        };
        let max_packet_size = endpoint.packet_size_at(self.identity.speed).map_err(|claimed| {
            log::warn!(
                "usb {}: endpoint {:#04x} cannot have packets of {claimed} bytes",
                self.path(),
                endpoint.address.to_byte(),
            );
            TransferError::Invalid
        })?;
        let units = endpoint.interval_units(self.identity.speed);
        let unit = match self.identity.speed {
            Speed::High => Duration::from_micros(125),
            Speed::Full | Speed::Low => Duration::from_millis(1),
        };
        let handle = |index| DevicePipe {
            index,
            endpoint: endpoint.address,
            transfer_type,
            max_packet_size,
            interval: unit * u32::from(units),
        };
        // An endpoint that comes back with other properties (another alternate setting, a second
        // descriptor for the same address) is another pipe.
        let wanted = Opened { address: endpoint.address, transfer_type, max_packet_size };
        for (index, (known, pipe)) in (0..).zip(self.pipes.endpoints.iter().zip(&self.pipes.open)) {
            match (known.get(), pipe.get()) {
                (Some(known), Some(pipe)) if known == wanted => {
                    self.host().reset_toggle(pipe);
                    return Ok(handle(index));
                }
                (None, None) => {
                    let opened = self.host().open_pipe(PipeConfig {
                        device: self.identity.address,
                        speed: self.identity.speed,
                        translator: self.identity.translator,
                        endpoint: endpoint.address.number,
                        direction: endpoint.address.direction,
                        transfer_type,
                        max_packet_size,
                        interval: units,
                    })?;
                    known.set(Some(wanted));
                    // The cell was just seen empty.
                    let _ = pipe.set(opened);
                    return Ok(handle(index));
                }
                _ => {}
            }
        }
        Err(TransferError::NoResources)
    }

    /// See [`HostController::transfer_in`].
    pub async fn transfer_in(
        &self,
        pipe: DevicePipe,
        buffer: BufferOf<P>,
        timeout: Option<Duration>,
    ) -> (BufferOf<P>, Result<usize, TransferError>) {
        let Some(open) = self.pipe(pipe) else { return (buffer, Err(TransferError::Invalid)) };
        let (buffer, result) = self.host().transfer_in(open, buffer, timeout).await;
        (buffer, self.counted(result))
    }

    /// See [`HostController::receive`].
    pub async fn receive(
        &self,
        pipe: DevicePipe,
        intake: &impl Intake<Buffer = BufferOf<P>>,
    ) -> TransferError {
        let Some(open) = self.pipe(pipe) else { return TransferError::Invalid };
        let error = self.host().receive(open, intake).await;
        if error != TransferError::NoResources {
            self.slot().count(error);
        }
        error
    }

    /// See [`HostController::transfer_out`].
    pub async fn transfer_out(
        &self,
        pipe: DevicePipe,
        buffer: BufferOf<P>,
        zero_length_packet: bool,
        timeout: Duration,
    ) -> (BufferOf<P>, Result<usize, TransferError>) {
        let Some(open) = self.pipe(pipe) else { return (buffer, Err(TransferError::Invalid)) };
        let (buffer, result) =
            self.host().transfer_out(open, buffer, zero_length_packet, timeout).await;
        (buffer, self.counted(result))
    }

    fn pipe(&self, pipe: DevicePipe) -> Option<&<P::Host as HostController>::Pipe> {
        self.pipes.open.get(usize::from(pipe.index))?.get()
    }

    /// Counts a failure.
    fn counted<T>(&self, result: Result<T, TransferError>) -> Result<T, TransferError> {
        if let Err(error) = &result {
            self.slot().count(*error);
        }
        result
    }
}
