//! From "something is attached" to "addressed and read" (USB 2.0 section 9.1.2).
//!
//! Devices fail here more than anywhere else, mostly in their first second of power. So there are
//! several attempts, alternating between the standard's order and the one that other systems use
//! (read the descriptor, reset again, then address), and from the third on with stronger means
//! ([`Recovery`]): a power cycle of the port where the hub can do that, and on the root port a reset
//! and then a power cycle of the controller.

use super::Core;
use super::port::{Port, PortError, PortMemory, debounce};
use super::slot::{Identity, SlotIndex, SlotState};
use crate::class::Platform;
use crate::descriptor::{
    ConfigurationHeader, DescriptorError, DescriptorSet, DeviceDescriptor, DeviceString, kind,
};
use crate::host::{Clock, HostController, Recovery, SetupPacket, TransferError};
use crate::pipe::{DeviceAddress, Speed};
use crate::request::RequestError;
use core::fmt;
use core::future::Future;
use core::time::Duration;
use embassy_futures::select::{Either, select};

/// Attempts a device gets in a row.
const ATTEMPTS: u8 = 4;
/// Restarts in a row of a device's driver after which more than a reset of the port is tried.
const RESTARTS_WITHOUT_RECOVERY: u8 = 2;
/// Tries for one request within an attempt.
const REQUEST_TRIES: u8 = 3;
/// After a reset: the standard's 10 ms (TRSTRCY, section 7.1.7.5) and what slow devices need more.
const RESET_RECOVERY: Duration = Duration::from_millis(50);
/// After SET_ADDRESS: the standard's 2 ms (section 9.2.6.3) and some more.
const ADDRESS_RECOVERY: Duration = Duration::from_millis(10);
/// Between two tries of a request.
const RETRY_PAUSE: Duration = Duration::from_millis(20);
/// Configurations that are read.
const MAX_CONFIGURATIONS: u8 = 8;

/// Why an attempt failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum AttemptError {
    Port(PortError),
    /// What was asked for, and why it did not come.
    Request(&'static str, RequestError),
    /// All addresses are in use.
    NoAddress,
    /// No configuration could be read.
    NoConfiguration,
    /// The speed differs from one reset to the next.
    SpeedChanged,
}

impl From<PortError> for AttemptError {
    fn from(error: PortError) -> Self {
        Self::Port(error)
    }
}

impl fmt::Display for AttemptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Port(error) => error.fmt(f),
            Self::Request(what, error) => write!(f, "{what}: {error}"),
            Self::NoAddress => f.write_str("no free address"),
            Self::NoConfiguration => f.write_str("no usable configuration"),
            Self::SpeedChanged => f.write_str("speed changed between two resets"),
        }
    }
}

/// When the device descriptor is first read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Scheme {
    /// Eight bytes for the packet size, then SET_ADDRESS: the standard's order.
    AddressFirst,
    /// 64 bytes, of which the first packet counts; reset; then SET_ADDRESS. Some devices expect
    /// this from the systems they were tested with.
    DescriptorFirst,
}

impl Scheme {
    const fn of_attempt(attempt: u8) -> Self {
        if attempt.is_multiple_of(2) { Self::AddressFirst } else { Self::DescriptorFirst }
    }

    /// Packet size of endpoint 0 to begin with (section 5.5.3) and bytes to ask for.
    const fn first_read(self, speed: Speed) -> (u8, usize) {
        match (self, speed) {
            (Self::AddressFirst, Speed::High) => (64, 8),
            (Self::DescriptorFirst, Speed::High | Speed::Full) => (64, 64),
            (Self::DescriptorFirst, Speed::Low) => (8, 64),
            (Self::AddressFirst, Speed::Low | Speed::Full) => (8, 8),
        }
    }
}

/// What comes before an attempt. The first two make do with a reset of the port, unless the driver
/// has already asked for several of those.
const fn recovery_before(attempt: u8, restarts: u8) -> Option<Recovery> {
    match attempt {
        0 if restarts > RESTARTS_WITHOUT_RECOVERY => Some(Recovery::Power),
        0 | 1 => None,
        2 => Some(Recovery::Reset),
        _ => Some(Recovery::Power),
    }
}

/// Waits for a stable connection on the port and enumerates what is there. On success the
/// device's own task goes on with it. Failures are logged, counted and noted in `memory`.
pub(crate) async fn attach<P: Platform>(core: &Core<P>, port: &impl Port, memory: &mut PortMemory) {
    let clock = core.platform.clock();
    match debounce(port, clock).await {
        Ok(true) => {}
        Ok(false) => return,
        Err(error) => {
            log::debug!("usb: port {}: {error}", port.number());
            // Nothing else may make us look again: the changes have been acknowledged.
            memory.failed(clock.now());
            return;
        }
    }
    let Some(path) = port.device_path() else {
        log::warn!("usb: device on port {} is behind too many hubs", port.number());
        core.count(|c| c.too_deep += 1);
        memory.failed(clock.now());
        return;
    };
    let Some(index) = core.claim() else {
        log::warn!("usb {path}: no room for another device");
        core.count(|c| c.table_full += 1);
        memory.failed(clock.now());
        return;
    };
    let mut last_error = None;
    for attempt in 0..ATTEMPTS {
        let recovery = recovery_before(attempt, memory.restarts);
        if let Some(recovery) = recovery
            && let Err(error) = port.recover(recovery).await
        {
            // Where it is impossible nothing is lost.
            log::debug!("usb {path}: {recovery:?}: {error}");
        }
        // The identity is made first: it lets the owner of the port find the place should this
        // future be dropped.
        core.slot(index).identity.set(Some(Identity {
            path,
            parent: port.parent(),
            port: port.number(),
            speed: Speed::Full,
            translator: None,
            address: DeviceAddress::DEFAULT,
            max_packet_size_0: 8,
            restarts: memory.restarts,
            since: clock.now(),
        }));
        let scheme = Scheme::of_attempt(attempt);
        let error = match try_once(core, port, index, scheme).await {
            Ok(()) => {
                memory.enumerated();
                core.count(|c| c.attached += 1);
                core.slot(index).set_state(SlotState::Ready);
                core.tree_changed();
                return;
            }
            Err(error) => error,
        };
        core.forget_address(index).await;
        core.count(|c| c.attempts_failed += 1);
        log::debug!("usb {path}: attempt {}: {error}", attempt + 1);
        last_error = Some(error);
        let connection = port.connection().await;
        let stays = matches!(connection, Ok(now) if now.connected);
        if !stays || error == AttemptError::Port(PortError::Disconnected) {
            // Gone, not broken: what comes next gets a clean record.
            core.release(index).await;
            if stays || connection.is_err() {
                // It has come already, and the change that would have told of it is acknowledged.
                memory.look_again(clock.now());
            }
            return;
        }
    }
    core.release(index).await;
    core.count(|c| c.devices_failed += 1);
    let failures = memory.failed(clock.now());
    if let Some(error) = last_error {
        // A dead device must not fill the log.
        let level = if failures <= 2 { log::Level::Warn } else { log::Level::Debug };
        log::log!(level, "usb {path}: unable to enumerate device: {error}");
    }
}

/// One attempt.
async fn try_once<P: Platform>(
    core: &Core<P>,
    port: &impl Port,
    index: SlotIndex,
    scheme: Scheme,
) -> Result<(), AttemptError> {
    let default_address =
        while_connected(port, async { Ok(core.default_address.lock().await) }).await?;
    let addressed = while_connected(port, assign_address(core, port, index, scheme)).await;
    if addressed.is_err() {
        // Or it would go on answering to address 0, in another's place; also one that came back in
        // the middle of the reset.
        port.disable().await;
    }
    drop(default_address);
    addressed?;
    while_connected(port, read_descriptors(core, index)).await
}

/// Does something, unless the device leaves before it is done.
async fn while_connected<T>(
    port: &impl Port,
    work: impl Future<Output = Result<T, AttemptError>>,
) -> Result<T, AttemptError> {
    match select(port.until_disconnected(), work).await {
        Either::First(()) => Err(PortError::Disconnected.into()),
        Either::Second(result) => result,
    }
}

/// Resets the port and gives the device its address. The caller holds the default address.
async fn assign_address<P: Platform>(
    core: &Core<P>,
    port: &impl Port,
    index: SlotIndex,
    scheme: Scheme,
) -> Result<(), AttemptError> {
    let (host, clock) = (core.platform.host(), core.platform.clock());
    let slot = core.slot(index);
    core.count(|c| c.port_resets += 1);
    let speed = port.reset().await?;
    clock.sleep(RESET_RECOVERY).await;

    let (first_packet_size, wanted) = scheme.first_read(speed);
    let Some(mut identity) = slot.identity.get() else {
        return Err(PortError::Disconnected.into());
    };
    identity.speed = speed;
    identity.translator = port.translator(speed);
    identity.max_packet_size_0 = first_packet_size;
    slot.identity.set(Some(identity));
    let pipe = host
        .open_pipe(identity.control_pipe())
        .map_err(|error| AttemptError::Request("control pipe", error.into()))?;
    *slot.control.pipe().lock().await = Some(pipe);

    let mut data = [0; 64];
    let data = &mut data[..wanted];
    let mut tries = 0;
    identity.max_packet_size_0 = loop {
        tries += 1;
        let answer = slot.control.get_descriptor(host, kind::DEVICE, 0, 0, data).await;
        let size = match answer {
            Ok(length) => {
                DeviceDescriptor::parse_max_packet_size_0(data.get(..length).unwrap_or(&[]))
                    .and_then(|size| checked_for_speed(size, speed))
                    .map_err(RequestError::from)
            }
            Err(error) => Err(RequestError::from(error)),
        };
        match size {
            Ok(size) => break size,
            Err(error) if tries == REQUEST_TRIES || error.is_disconnected() => {
                return Err(AttemptError::Request("EP0 packet size", error));
            }
            Err(_) => clock.sleep(RETRY_PAUSE).await,
        }
    };

    if scheme == Scheme::DescriptorFirst {
        core.count(|c| c.port_resets += 1);
        if port.reset().await? != speed {
            return Err(AttemptError::SpeedChanged);
        }
        clock.sleep(RESET_RECOVERY).await;
    }

    let address = core.addresses.allocate().ok_or(AttemptError::NoAddress)?;
    // Noted at once, so that it is given back whatever happens.
    slot.identity.set(Some(Identity { address, ..identity }));
    update_control_pipe(core, index, identity).await;
    host.quiesce().await;
    let mut tries = 0;
    loop {
        tries += 1;
        match slot.control.send(host, SetupPacket::set_address(address)).await {
            Ok(()) => break,
            Err(error) if tries == REQUEST_TRIES || error == TransferError::Disconnected => {
                return Err(AttemptError::Request("SET_ADDRESS", error.into()));
            }
            Err(_) => clock.sleep(RETRY_PAUSE).await,
        }
    }
    clock.sleep(ADDRESS_RECOVERY).await;
    identity.address = address;
    update_control_pipe(core, index, identity).await;
    Ok(())
}

async fn update_control_pipe<P: Platform>(core: &Core<P>, index: SlotIndex, identity: Identity) {
    let mut pipe = core.slot(index).control.pipe().lock().await;
    if let Some(pipe) = pipe.as_mut() {
        core.platform.host().update_control_pipe(pipe, identity.control_pipe()).await;
    }
}

/// High speed knows 64 only, low speed 8 only (section 5.5.3).
const fn checked_for_speed(size: u8, speed: Speed) -> Result<u8, DescriptorError> {
    match (speed, size) {
        (Speed::High, 64) | (Speed::Low, 8) | (Speed::Full, _) => Ok(size),
        _ => Err(DescriptorError::MaxPacketSize(size)),
    }
}

/// Reads everything the addressed device says of itself.
async fn read_descriptors<P: Platform>(
    core: &Core<P>,
    index: SlotIndex,
) -> Result<(), AttemptError> {
    let (host, clock) = (core.platform.host(), core.platform.clock());
    let slot = core.slot(index);
    let mut tries = 0;
    let device = loop {
        tries += 1;
        match slot.control.device_descriptor(host).await {
            Ok(device) => break device,
            Err(error) if tries == REQUEST_TRIES || error.is_disconnected() => {
                return Err(AttemptError::Request("device descriptor", error));
            }
            Err(_) => clock.sleep(RETRY_PAUSE).await,
        }
    };
    *slot.descriptors.borrow_mut() = Some(DescriptorSet::new(device));

    let mut read = 0;
    let mut last_error = None;
    for number in 0..device.configurations.min(MAX_CONFIGURATIONS) {
        let mut tries = 0;
        loop {
            tries += 1;
            match read_configuration(core, index, number).await {
                Ok(()) => {
                    read += 1;
                    break;
                }
                Err(error) if error.is_disconnected() => {
                    return Err(AttemptError::Request("configuration descriptor", error));
                }
                Err(error) if tries == REQUEST_TRIES => {
                    // The other configurations may be all that is needed.
                    last_error = Some(error);
                    break;
                }
                Err(_) => clock.sleep(RETRY_PAUSE).await,
            }
        }
    }
    if read == 0 {
        return Err(last_error.map_or(AttemptError::NoConfiguration, |error| {
            AttemptError::Request("configuration descriptor", error)
        }));
    }
    read_strings(core, index, &device).await;
    Ok(())
}

/// Reads configuration `number` (an index, not its value): the header for the length, then all.
async fn read_configuration<P: Platform>(
    core: &Core<P>,
    index: SlotIndex,
    number: u8,
) -> Result<(), RequestError> {
    let host = core.platform.host();
    let slot = core.slot(index);
    let mut head = [0; ConfigurationHeader::LENGTH];
    let length =
        slot.control.get_descriptor(host, kind::CONFIGURATION, number, 0, &mut head).await?;
    let header = ConfigurationHeader::parse(head.get(..length).unwrap_or(&[]))?;

    let mut scratch = core.scratch.lock().await;
    let room = slot.descriptors.borrow().as_ref().map_or(0, DescriptorSet::room);
    let claimed = usize::from(header.total_length);
    let wanted = claimed.min(room).min(scratch.len());
    if wanted < claimed {
        log::warn!("usb: configuration of {claimed} bytes cut to {wanted}");
    }
    let data = scratch.get_mut(..wanted).unwrap_or(&mut []);
    let length = slot.control.get_descriptor(host, kind::CONFIGURATION, number, 0, data).await?;
    let stays = slot
        .descriptors
        .borrow_mut()
        .as_mut()
        .is_some_and(|set| set.push_configuration(data.get(..length).unwrap_or(&[])));
    if stays { Ok(()) } else { Err(RequestError::Short(length)) }
}

/// Reads the device's texts; a device without, or with broken ones, stays nameless.
async fn read_strings<P: Platform>(core: &Core<P>, index: SlotIndex, device: &DeviceDescriptor) {
    let host = core.platform.host();
    let slot = core.slot(index);
    let wanted = [device.manufacturer_string, device.product_string, device.serial_string];
    if wanted == [0; 3] {
        return;
    }
    let Ok(language) = slot.control.language(host).await else { return };
    let mut texts = [const { DeviceString::new() }; 3];
    for (text, number) in texts.iter_mut().zip(wanted) {
        if number == 0 {
            continue;
        }
        match slot.control.string(host, number, language).await {
            Ok(string) => *text = string,
            Err(error) if error.is_disconnected() => return,
            Err(error) => log::debug!("usb: string {number}: {error}"),
        }
    }
    let [manufacturer, product, serial] = texts;
    *slot.strings.borrow_mut() = super::DeviceStrings { manufacturer, product, serial };
}
