//! The task of one place in the table: finds a driver for the device there and runs it.

use super::Core;
use super::slot::{SlotIndex, SlotState};
use crate::class::{ClassDrivers, DriverEnd, Platform, Selection};
use crate::descriptor::{Class, DescriptorSet};
use crate::device::Device;
use crate::host::{Clock, SetupPacket};
use crate::hub;
use crate::pipe::Speed;
use core::time::Duration;
use embassy_futures::select::{Either, select};

/// How long a driver may take to end after its device is gone.
const END_LIMIT: Duration = Duration::from_secs(1);
/// Times in a row that a device is enumerated anew for its driver.
const MAX_RESTARTS: u8 = 6;
/// Pause before the first of these; doubles each time.
const FIRST_RESTART_PAUSE: Duration = Duration::from_millis(500);
/// After SET_CONFIGURATION (the standard's 50 ms for the request are within it).
const CONFIGURATION_RECOVERY: Duration = Duration::from_millis(10);
/// Tries for SET_CONFIGURATION.
const REQUEST_TRIES: u8 = 3;

/// Serves one device after the other, for ever.
pub(super) async fn run<P: Platform, D: ClassDrivers<P>>(
    core: &Core<P>,
    drivers: &D,
    index: SlotIndex,
) {
    let slot = core.slot(index);
    loop {
        slot.changed.wait_until(|| slot.state.get() == SlotState::Ready).await;
        slot.set_state(SlotState::Running);
        let end = serve(core, drivers, index).await;
        if end == DriverEnd::Restart {
            restart(core, index).await;
        }
        slot.until_gone().await;
        if let Some(identity) = slot.identity.get() {
            log::info!("usb {}: device {} is gone", identity.path, identity.address);
        }
        core.count(|c| c.detached += 1);
        core.release(index).await;
    }
}

/// Asks the parent to start over with the device, after a pause.
async fn restart<P: Platform>(core: &Core<P>, index: SlotIndex) {
    let slot = core.slot(index);
    let Some(identity) = slot.identity.get() else { return };
    if identity.restarts >= MAX_RESTARTS {
        log::warn!("usb {}: giving up after {MAX_RESTARTS} restarts", identity.path);
        return;
    }
    let pause = FIRST_RESTART_PAUSE * (1 << identity.restarts);
    select(core.platform.clock().sleep(pause), slot.until_gone()).await;
    if !slot.gone.get() {
        log::info!("usb {}: restarting device", identity.path);
        core.count(|c| c.restarts += 1);
        core.requests(identity.parent).raise(identity.port);
    }
}

/// From a fresh device to the end of its driver.
async fn serve<P: Platform, D: ClassDrivers<P>>(
    core: &Core<P>,
    drivers: &D,
    index: SlotIndex,
) -> DriverEnd {
    let slot = core.slot(index);
    let Some(identity) = slot.identity.get() else { return DriverEnd::Done };
    announce(core, index);
    let (is_hub, selection) = match &*slot.descriptors.borrow() {
        Some(set) => match hub_configuration(set) {
            Some(selection) => (true, Some(selection)),
            None => (false, drivers.select(set)),
        },
        None => (false, None),
    };
    let Some(selection) = selection else {
        log::info!("usb {}: no driver for this device", identity.path);
        return DriverEnd::Done;
    };
    if !configure(core, index, selection).await {
        return DriverEnd::Restart;
    }

    let device = Device::new(core, index, identity);
    let driver = async {
        if is_hub { hub::run(core, index, &device).await } else { drivers.run(&device).await }
    };
    let cut_off = async {
        slot.until_gone().await;
        core.platform.clock().sleep(END_LIMIT).await;
    };
    let end = match (is_hub, select(driver, cut_off).await) {
        (_, Either::First(end)) => end,
        (is_hub, Either::Second(())) => {
            log::warn!("usb {}: {} driver did not end", identity.path, selection.driver);
            core.count(|c| c.drivers_cut_off += 1);
            if is_hub { DriverEnd::Restart } else { DriverEnd::Done }
        }
    };
    if is_hub {
        hub::detach_all(core, index, &device).await;
    }
    device.close().await;
    slot.selection.set(None);
    core.tree_changed();
    end
}

/// A hub's own configuration: hubs have one (USB 2.0 section 11.23.1).
fn hub_configuration(set: &DescriptorSet) -> Option<Selection> {
    let configuration = set.configurations().next()?;
    let by_interface =
        || configuration.interfaces().any(|interface| interface.class.class == Class::HUB);
    (set.device().class.class == Class::HUB || by_interface())
        .then(|| Selection { configuration: configuration.value(), driver: "hub" })
}

/// Sets the configuration; returns whether the device took it.
async fn configure<P: Platform>(core: &Core<P>, index: SlotIndex, selection: Selection) -> bool {
    let slot = core.slot(index);
    let (host, clock) = (core.platform.host(), core.platform.clock());
    for _ in 0..REQUEST_TRIES {
        let request =
            slot.control.send(host, SetupPacket::set_configuration(selection.configuration));
        match select(request, slot.until_gone()).await {
            Either::First(Ok(())) => {
                slot.selection.set(Some(selection));
                core.tree_changed();
                clock.sleep(CONFIGURATION_RECOVERY).await;
                return true;
            }
            Either::First(Err(error)) => {
                slot.count(error);
                log::debug!("usb: SET_CONFIGURATION failed: {error:?}");
            }
            Either::Second(()) => break,
        }
    }
    false
}

fn announce<P: Platform>(core: &Core<P>, index: SlotIndex) {
    let slot = core.slot(index);
    let (Some(identity), descriptors) = (slot.identity.get(), slot.descriptors.borrow()) else {
        return;
    };
    let Some(set) = &*descriptors else { return };
    let strings = slot.strings.borrow();
    let speed = match identity.speed {
        Speed::Low => "low",
        Speed::Full => "full",
        Speed::High => "high",
    };
    log::info!(
        "usb {}: {speed}-speed device {}, {:04x}:{:04x} {} {}",
        identity.path,
        identity.address,
        set.device().vendor,
        set.device().product,
        strings.manufacturer,
        strings.product,
    );
}
