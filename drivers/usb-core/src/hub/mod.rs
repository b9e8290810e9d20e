//! Hubs (USB 2.0 chapter 11): the driver of one hub.
//!
//! It powers the ports, learns of changes by the status-change endpoint (or, where that fails, by
//! asking each port), and attaches and detaches what is on them. A hub that can have a transaction
//! translator for each port is put into that setting (section 11.23.1).

mod port;
mod request;
mod status;

use crate::bus::port::PortMemory;
use crate::bus::slot::{Parent, SlotIndex};
use crate::bus::{Core, attach};
use crate::class::{DriverEnd, Platform};
use crate::descriptor::{Class, EndpointDescriptor, EndpointKind, HubDescriptor, PowerSwitching};
use crate::device::Device;
use crate::host::{Clock, TransferError};
use crate::pipe::{Direction, PortNumber, Speed};
use crate::request::RequestError;
use core::cell::Cell;
use core::time::Duration;
use embassy_futures::select::{Either, select};
use port::HubPort;
use request::{HubFeature, HubState, PortChange, PortFeature, PortState, PortStatus};
use status::ChangeSource;

/// Ports of a hub that are served; larger hubs are chains of smaller ones inside.
pub const MAX_PORTS: usize = 15;

/// bInterfaceProtocol of the setting with a translator for each port (section 11.23.1).
const MULTI_TRANSLATOR: u8 = 2;
/// Power-good delay that is kept whatever the hub says.
const MIN_POWER_DELAY: Duration = Duration::from_millis(100);
/// Pause after over-current has ended, before power comes back.
const OVER_CURRENT_PAUSE: Duration = Duration::from_millis(100);
/// Pause before a request that failed is repeated.
const ERROR_PAUSE: Duration = Duration::from_millis(50);
/// Failed requests in a row after which the hub itself is restarted.
const MAX_ERRORS: u8 = 5;

/// The hub as its driver knows it.
struct Hub<'a, 'b, P: Platform> {
    core: &'b Core<P>,
    index: SlotIndex,
    device: &'a Device<'b, P>,
    descriptor: HubDescriptor,
    /// Over-current took the power of all ports away, and they have not got it back yet.
    power_due: Cell<bool>,
}

/// Drives a hub until it leaves or stops answering.
pub(crate) async fn run<'b, P: Platform>(
    core: &'b Core<P>,
    index: SlotIndex,
    device: &Device<'b, P>,
) -> DriverEnd {
    let serve = async {
        match serve(core, index, device).await {
            Ok(never) => never,
            Err(error) => {
                log::warn!("usb {}: hub failed: {error}", device.path());
                DriverEnd::Restart
            }
        }
    };
    match select(device.until_gone(), serve).await {
        Either::First(()) => DriverEnd::Done,
        Either::Second(end) => end,
    }
}

/// Takes all devices of a hub out of the tree; for the time after its driver.
pub(crate) async fn detach_all<P: Platform>(
    core: &Core<P>,
    index: SlotIndex,
    device: &Device<'_, P>,
) {
    let ports = core.slot(index).hub_ports.get();
    for number in (1..=ports).filter_map(PortNumber::new) {
        core.detach(Parent::Hub(index), number).await;
    }
    core.slot(index).hub_ports.set(0);
    log::debug!("usb {}: hub let go of its {ports} ports", device.path());
}

/// The status-change endpoint of the hub interface.
fn status_endpoint<P: Platform>(device: &Device<'_, P>) -> Option<EndpointDescriptor> {
    let descriptors = device.descriptors()?;
    let configuration = descriptors.configuration(device.configuration())?;
    configuration
        .interfaces()
        .filter(|interface| interface.class.class == Class::HUB)
        .find_map(|interface| interface.endpoint(EndpointKind::Interrupt, Direction::In))
}

/// The setting in which each port has a translator: bInterfaceNumber and bAlternateSetting.
fn multi_translator_setting<P: Platform>(device: &Device<'_, P>) -> Option<(u8, u8)> {
    let descriptors = device.descriptors()?;
    let configuration = descriptors.configuration(device.configuration())?;
    configuration
        .interfaces()
        .find(|interface| {
            interface.class.class == Class::HUB && interface.class.protocol == MULTI_TRANSLATOR
        })
        .map(|interface| (interface.number, interface.alternate))
}

/// Gives each port a translator of its own where the hub can do that. One that refuses goes on with
/// one for all.
async fn use_all_translators<P: Platform>(
    core: &Core<P>,
    index: SlotIndex,
    device: &Device<'_, P>,
) -> Result<(), RequestError> {
    if device.speed() != Speed::High {
        return Ok(());
    }
    let Some((interface, alternate)) = multi_translator_setting(device) else { return Ok(()) };
    match device.set_interface(interface, alternate).await {
        Ok(()) => {
            core.slot(index).multi_translator.set(true);
            log::debug!("usb {}: a translator for each port", device.path());
            Ok(())
        }
        Err(TransferError::Disconnected) => Err(TransferError::Disconnected.into()),
        Err(error) => {
            log::info!("usb {}: one translator for all ports: {error:?}", device.path());
            Ok(())
        }
    }
}

async fn serve<'b, P: Platform>(
    core: &'b Core<P>,
    index: SlotIndex,
    device: &Device<'b, P>,
) -> Result<DriverEnd, RequestError> {
    let descriptor = request::hub_descriptor(device).await?;
    use_all_translators(core, index, device).await?;
    let ports = descriptor.ports.min(MAX_PORTS as u8);
    if ports < descriptor.ports {
        log::warn!("usb {}: {} ports, {ports} served", device.path(), descriptor.ports);
    }
    let hub = Hub { core, index, device, descriptor, power_due: Cell::new(false) };
    core.slot(index).hub_ports.set(ports);
    log::info!("usb {}: hub with {ports} ports", device.path());
    hub.power_on(ports).await?;

    let mut source = ChangeSource::open(device, status_endpoint(device), ports);
    let mut memory = [PortMemory::default(); MAX_PORTS];
    let mut errors = 0;
    // What was attached before the hub was powered has no change bit: look at every port once.
    let mut pending = u32::MAX;
    loop {
        // What could not be finished, and may have no change bit any more.
        let mut unfinished = 0;
        if pending & 1 != 0 {
            hub.serve_hub_change(ports).await.unwrap_or_else(|error| {
                log::debug!("usb {}: hub status: {error}", device.path());
                unfinished |= 1;
            });
        }
        let now = core.platform.clock().now();
        for (number, memory) in (1..=ports).filter_map(PortNumber::new).zip(&mut memory) {
            let asked = core.requests(Parent::Hub(index)).take(number);
            let retry = memory.retry_at().is_some_and(|at| at <= now);
            if pending & (1 << number.get()) == 0 && !asked && !retry {
                continue;
            }
            match hub.serve_port(number, memory, asked).await {
                Ok(()) => errors = 0,
                Err(error) => {
                    errors += 1;
                    unfinished |= 1 << number.get();
                    if asked {
                        core.requests(Parent::Hub(index)).raise(number);
                    }
                    log::debug!("usb {}: port {number}: {error}", device.path());
                    if errors >= MAX_ERRORS {
                        return Err(error);
                    }
                }
            }
        }
        pending = if unfinished == 0 {
            let next_retry = memory.iter().filter_map(PortMemory::retry_at).min();
            source.changes(&hub, next_retry).await
        } else {
            hub.clock().sleep(ERROR_PAUSE).await;
            unfinished
        };
    }
}

impl<'b, P: Platform> Hub<'_, 'b, P> {
    fn clock(&self) -> &'b P::Clock {
        self.core.platform.clock()
    }

    /// Time from switching a port on until it is good.
    fn power_delay(&self) -> Duration {
        self.descriptor.power_on_to_power_good.max(MIN_POWER_DELAY)
    }

    /// Whether a port can be switched off without the others.
    fn switches_ports(&self) -> bool {
        self.descriptor.characteristics.power_switching() == PowerSwitching::Individual
    }

    /// Powers all ports. Hubs without switches do nothing at it, or refuse it.
    async fn power_on(&self, ports: u8) -> Result<(), RequestError> {
        for number in (1..=ports).filter_map(PortNumber::new) {
            match request::set_port_feature(self.device, number, PortFeature::Power).await {
                Err(error) if error.is_disconnected() => return Err(error),
                Err(error) => {
                    log::debug!("usb {}: port {number} power: {error}", self.device.path());
                }
                Ok(()) => {}
            }
        }
        self.clock().sleep(self.power_delay()).await;
        Ok(())
    }

    /// Looks at the hub's own changes (section 11.24.2.6).
    async fn serve_hub_change(&self, ports: u8) -> Result<(), RequestError> {
        let status = request::hub_status(self.device).await?;
        if status.change.contains(HubState::LOCAL_POWER_LOST) {
            request::clear_hub_feature(self.device, HubFeature::LocalPowerChange).await?;
            log::info!(
                "usb {}: local power {}",
                self.device.path(),
                if status.state.contains(HubState::LOCAL_POWER_LOST) { "lost" } else { "good" }
            );
        }
        let mut state = status.state;
        if status.change.contains(HubState::OVER_CURRENT) {
            if !self.power_due.replace(true) && state.contains(HubState::OVER_CURRENT) {
                log::warn!("usb {}: over-current on the hub", self.device.path());
                self.core.count(|c| c.over_current += 1);
            }
            request::clear_hub_feature(self.device, HubFeature::OverCurrentChange).await?;
            // As with ports: an end that came in between was cleared, too.
            state = request::hub_status(self.device).await?.state;
        }
        // The end of it is a change.
        if self.power_due.get() && !state.contains(HubState::OVER_CURRENT) {
            self.clock().sleep(OVER_CURRENT_PAUSE).await;
            self.power_on(ports).await?;
            self.power_due.set(false);
        }
        Ok(())
    }

    /// Looks at a port and brings the tree in line with what is on it.
    async fn serve_port(
        &self,
        number: PortNumber,
        memory: &mut PortMemory,
        asked: bool,
    ) -> Result<(), RequestError> {
        let mut status = request::port_status(self.device, number).await?;
        // The tree first: whoever still uses the device must let go before the port is touched.
        self.let_go(number, memory, status, asked).await;
        let changed = status.change;
        if changed.contains(PortChange::OVER_CURRENT)
            && !core::mem::replace(&mut memory.power_due, true)
            && status.state.contains(PortState::OVER_CURRENT)
        {
            log::warn!("usb {}: over-current on port {number}", self.device.path());
            self.core.count(|c| c.over_current += 1);
        }
        for (bit, feature) in [
            (PortChange::CONNECTION, PortFeature::ConnectionChange),
            (PortChange::ENABLE, PortFeature::EnableChange),
            (PortChange::SUSPEND, PortFeature::SuspendChange),
            (PortChange::OVER_CURRENT, PortFeature::OverCurrentChange),
            (PortChange::RESET, PortFeature::ResetChange),
        ] {
            if changed.contains(bit) {
                request::clear_port_feature(self.device, number, feature).await?;
            }
        }
        if !changed.is_empty() {
            // What happened after the answer was cleared with the rest, and nothing will tell of
            // it any more: what counts is how the port is now.
            status = request::port_status(self.device, number).await?;
            self.let_go(number, memory, status, false).await;
        }
        if status.state.contains(PortState::OVER_CURRENT) {
            // The end of it is a change.
            memory.forget();
            return Ok(());
        }
        if memory.power_due {
            // The hub took the power away; it is ours to give it back (section 11.11.1).
            self.clock().sleep(OVER_CURRENT_PAUSE).await;
            request::set_port_feature(self.device, number, PortFeature::Power).await?;
            memory.power_due = false;
            self.clock().sleep(self.power_delay()).await;
        }

        let vacant = self.core.child(Parent::Hub(self.index), number).is_none();
        let connected = status.state.contains(PortState::CONNECTION);
        if connected && vacant && memory.may_try(self.clock().now()) {
            attach(self.core, &HubPort { hub: self, number }, memory).await;
        }
        Ok(())
    }

    /// Takes the device on a port out of the tree if the port does not carry it any more, or if its
    /// driver `asked` to start over.
    async fn let_go(
        &self,
        number: PortNumber,
        memory: &mut PortMemory,
        PortStatus { state, change }: PortStatus,
        asked: bool,
    ) {
        let parent = Parent::Hub(self.index);
        let connected = state.contains(PortState::CONNECTION);
        let replaced = change.contains(PortChange::CONNECTION);
        let disabled = !state.contains(PortState::ENABLE);
        if let Some(child) = self.core.child(parent, number)
            && (!connected || replaced || disabled || asked)
        {
            let since = self.core.slot(child).identity.get().map(|identity| identity.since);
            if connected && !replaced && disabled {
                log::warn!("usb {}: port {number} disabled itself", self.device.path());
            }
            self.core.detach(parent, number).await;
            if let (true, Some(since)) = (asked, since) {
                memory.restart(since, self.clock().now());
            }
        }
        if !connected || replaced {
            memory.forget();
        }
    }
}
