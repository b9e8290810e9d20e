//! The devices and how they hang together.

use crate::hub::{Hub, HubOptions};
use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;
use std::task::Waker;
use std::time::Duration;
use usb_core::host::{Clock, Recovery, SetupPacket, TransferError};
use usb_core::pipe::{DeviceAddress, Direction, PortNumber, Speed, TransactionTranslator};

use crate::executor::SimClock;

/// Names a device for as long as the world stands.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct DeviceId(pub(crate) usize);

/// What a device does with a request or a packet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Answer {
    /// Data (IN) or acceptance (OUT, with no data).
    Data(Vec<u8>),
    /// NAK: not now.
    Nak,
    /// STALL.
    Stall,
    /// Nothing at all.
    Silence,
    /// Transaction errors.
    Garbled,
}

impl Answer {
    /// Acceptance of something that has no answer.
    #[must_use]
    pub const fn accept() -> Self {
        Self::Data(Vec::new())
    }
}

/// A device below its standard requests.
pub trait Model {
    /// The device descriptor, right or wrong.
    fn device_descriptor(&self) -> Vec<u8>;
    /// Configuration by index, right or wrong.
    fn configuration(&self, index: u8) -> Option<Vec<u8>>;
    /// String by index, as text.
    fn string(&self, index: u8) -> Option<String>;
    /// A class or vendor request.
    fn request(&mut self, setup: SetupPacket, data: &[u8]) -> Answer;
    /// A bulk or interrupt IN transfer of up to `room` bytes.
    fn transfer_in(&mut self, endpoint: u8, room: usize) -> Answer;
    /// A bulk OUT transfer.
    fn transfer_out(&mut self, endpoint: u8, data: &[u8], zero_length_packet: bool) -> Answer;
    /// The device was reset, configured or had an interface set.
    fn restarted(&mut self, configuration: u8);
}

/// How a device behaves on the bus.
#[derive(Clone, Debug)]
pub struct Options {
    /// Its speed.
    pub speed: Speed,
    /// Packets of endpoint 0 and of the other endpoints, as the device really has them.
    pub packet_sizes: (usize, usize),
    /// Answers nothing before this many resets.
    pub deaf_resets: u32,
    /// Answers nothing to a first device descriptor request of this length.
    pub dislikes_length: Option<u16>,
    /// Faults of the next control transfers, first one first.
    pub control_faults: VecDeque<TransferError>,
    /// Faults of the next bulk and interrupt transfers.
    pub transfer_faults: VecDeque<TransferError>,
}

impl Options {
    /// A well-behaved device.
    #[must_use]
    pub fn new(speed: Speed) -> Self {
        Self {
            speed,
            packet_sizes: match speed {
                Speed::Low => (8, 8),
                Speed::Full => (64, 64),
                Speed::High => (64, 512),
            },
            deaf_resets: 0,
            dislikes_length: None,
            control_faults: VecDeque::new(),
            transfer_faults: VecDeque::new(),
        }
    }
}

pub(crate) enum Kind {
    Hub(Hub),
    Function(Box<dyn Model>),
}

pub(crate) struct Device {
    pub(crate) options: Options,
    pub(crate) kind: Kind,
    pub(crate) address: u8,
    pub(crate) configuration: u8,
    pub(crate) resets: u32,
    /// Toggle of each endpoint address, by what the device expects or sends next.
    pub(crate) toggles: HashMap<u8, bool>,
    /// Where it hangs.
    pub(crate) place: Option<Place>,
}

/// A port.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Place {
    Root,
    Hub(DeviceId, u8),
}

/// What a transfer to nobody looks like.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Absent {
    /// No answer until the time-out (QEMU).
    Silent,
    /// Transaction errors at once (hardware).
    Garbled,
}

#[derive(Default)]
pub(crate) struct RootPort {
    pub(crate) device: Option<DeviceId>,
    pub(crate) enabled: bool,
    pub(crate) over_current: bool,
}

pub(crate) struct State {
    pub(crate) devices: Vec<Device>,
    pub(crate) root: RootPort,
    pub(crate) absent: Absent,
    pub(crate) violations: Vec<String>,
    pub(crate) wakers: Vec<Waker>,
    pub(crate) root_changed: bool,
    pub(crate) open_pipes: usize,
    /// Devices with a transfer in flight, one entry a transfer.
    pub(crate) in_flight: Vec<DeviceId>,
    /// Every standard and class request: device and packet.
    pub(crate) requests: Vec<(DeviceId, SetupPacket)>,
    pub(crate) root_resets: u32,
    pub(crate) recoveries: Vec<Recovery>,
}

impl Device {
    fn multi_translator(&self) -> bool {
        matches!(&self.kind, Kind::Hub(hub) if hub.multi_translator())
    }
}

/// The devices and how they hang together; clones are the same world.
#[derive(Clone)]
pub struct World {
    pub(crate) state: Rc<RefCell<State>>,
    pub(crate) clock: SimClock,
}

impl World {
    /// A world without devices.
    #[must_use]
    pub fn new(clock: &SimClock, absent: Absent) -> Self {
        let state = State {
            devices: Vec::new(),
            root: RootPort::default(),
            absent,
            violations: Vec::new(),
            wakers: Vec::new(),
            root_changed: false,
            open_pipes: 0,
            in_flight: Vec::new(),
            requests: Vec::new(),
            root_resets: 0,
            recoveries: Vec::new(),
        };
        Self { state: Rc::new(RefCell::new(state)), clock: clock.clone() }
    }

    fn add(&self, options: Options, kind: Kind) -> DeviceId {
        let mut state = self.state.borrow_mut();
        state.devices.push(Device {
            options,
            kind,
            address: 0,
            configuration: 0,
            resets: 0,
            toggles: HashMap::new(),
            place: None,
        });
        DeviceId(state.devices.len() - 1)
    }

    /// Makes a hub, attached to nothing.
    #[must_use]
    pub fn hub(&self, options: HubOptions) -> DeviceId {
        let bus = Options { packet_sizes: (64, 8), ..Options::new(options.speed) };
        self.add(bus, Kind::Hub(Hub::new(options)))
    }

    /// Makes a device, attached to nothing.
    #[must_use]
    pub fn device(&self, options: Options, model: impl Model + 'static) -> DeviceId {
        self.add(options, Kind::Function(Box::new(model)))
    }

    /// Plugs a device into the root port.
    pub fn attach_root(&self, device: DeviceId) {
        let mut state = self.state.borrow_mut();
        state.root.device = Some(device);
        state.root.enabled = false;
        state.root_changed = true;
        state.power_up(device, Place::Root);
        state.wake();
    }

    /// Plugs a device into a hub's port.
    pub fn attach(&self, hub: DeviceId, port: u8, device: DeviceId) {
        let mut state = self.state.borrow_mut();
        state.hub_mut(hub).port(port).connect(Some(device));
        state.power_up(device, Place::Hub(hub, port));
        state.wake();
    }

    /// Pulls a device out, wherever it is; what hangs below stays on it.
    pub fn detach(&self, device: DeviceId) {
        let mut state = self.state.borrow_mut();
        match state.devices[device.0].place.take() {
            None => {}
            Some(Place::Root) => {
                state.root.device = None;
                state.root.enabled = false;
                state.root_changed = true;
            }
            Some(Place::Hub(hub, port)) => state.hub_mut(hub).port(port).connect(None),
        }
        state.wake();
    }

    /// Over-current on the root port comes or goes.
    pub fn root_over_current(&self, on: bool) {
        let mut state = self.state.borrow_mut();
        state.root.over_current = on;
        state.root.enabled = false;
        state.root_changed = true;
        state.wake();
    }

    /// Over-current on a hub's port comes or goes; it takes the port's power.
    pub fn over_current(&self, hub: DeviceId, port: u8, on: bool) {
        let mut state = self.state.borrow_mut();
        state.hub_mut(hub).port(port).over_current(on);
        state.wake();
    }

    /// Over-current on a hub as a whole comes or goes; it takes the power of all its ports.
    pub fn hub_over_current(&self, hub: DeviceId, on: bool) {
        let mut state = self.state.borrow_mut();
        state.hub_mut(hub).over_current(on);
        state.wake();
    }

    /// The port of a device drops out by an error on the bus.
    pub fn babble(&self, device: DeviceId) {
        let mut state = self.state.borrow_mut();
        match state.devices[device.0].place {
            None => {}
            Some(Place::Root) => {
                state.root.enabled = false;
                state.root_changed = true;
            }
            Some(Place::Hub(hub, port)) => state.hub_mut(hub).port(port).drop_out(),
        }
        state.wake();
    }

    /// Makes a device fail its next control transfers.
    pub fn fail_control(&self, device: DeviceId, errors: &[TransferError]) {
        self.state.borrow_mut().devices[device.0].options.control_faults.extend(errors);
    }

    /// Makes a device fail its next bulk and interrupt transfers.
    pub fn fail_transfers(&self, device: DeviceId, errors: &[TransferError]) {
        let mut state = self.state.borrow_mut();
        state.devices[device.0].options.transfer_faults.extend(errors);
        state.wake();
    }

    /// Tells that a model has something new to say.
    pub fn wake(&self) {
        self.state.borrow_mut().wake();
    }

    /// Everything that a real bus would have punished.
    #[must_use]
    pub fn violations(&self) -> Vec<String> {
        self.state.borrow().violations.clone()
    }

    /// Pipes that are open.
    #[must_use]
    pub fn open_pipes(&self) -> usize {
        self.state.borrow().open_pipes
    }

    /// Transfers that are in flight.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.state.borrow().in_flight.len()
    }

    /// Resets of the root port.
    #[must_use]
    pub fn root_resets(&self) -> u32 {
        self.state.borrow().root_resets
    }

    /// What the controller was asked to do about its root port.
    #[must_use]
    pub fn recoveries(&self) -> Vec<Recovery> {
        self.state.borrow().recoveries.clone()
    }

    /// Resets a device has seen.
    #[must_use]
    pub fn resets(&self, device: DeviceId) -> u32 {
        self.state.borrow().devices[device.0].resets
    }

    /// Address and configuration of a device.
    #[must_use]
    pub fn address_and_configuration(&self, device: DeviceId) -> (u8, u8) {
        let state = self.state.borrow();
        let device = &state.devices[device.0];
        (device.address, device.configuration)
    }

    /// The requests a device got, in order.
    #[must_use]
    pub fn requests(&self, device: DeviceId) -> Vec<SetupPacket> {
        let state = self.state.borrow();
        state.requests.iter().filter(|(to, _)| *to == device).map(|(_, setup)| *setup).collect()
    }
}

impl State {
    pub(crate) fn wake(&mut self) {
        for waker in self.wakers.drain(..) {
            waker.wake();
        }
    }

    pub(crate) fn violation(&mut self, text: String) {
        // The first ones tell; the rest follows from them.
        if self.violations.len() < 16 {
            self.violations.push(text);
        }
    }

    pub(crate) fn hub_mut(&mut self, hub: DeviceId) -> &mut Hub {
        match &mut self.devices[hub.0].kind {
            Kind::Hub(hub) => hub,
            Kind::Function(_) => panic!("device {hub:?} is no hub"),
        }
    }

    fn power_up(&mut self, device: DeviceId, place: Place) {
        let found = &mut self.devices[device.0];
        found.place = Some(place);
        self.reset(device, false);
        if let Kind::Hub(hub) = &mut self.devices[device.0].kind {
            hub.power_up();
        }
    }

    /// What a reset does to a device.
    pub(crate) fn reset(&mut self, device: DeviceId, signalled: bool) {
        let below = self.below(device);
        if let Some(busy) = below.iter().find(|below| self.in_flight.contains(below))
            && signalled
        {
            self.violation(format!("reset of {device:?} while {busy:?} has a transfer"));
        }
        let found = &mut self.devices[device.0];
        found.address = 0;
        found.configuration = 0;
        found.toggles.clear();
        if signalled {
            found.resets += 1;
        }
        match &mut found.kind {
            Kind::Hub(hub) => hub.reset(),
            Kind::Function(model) => model.restarted(0),
        }
    }

    /// A device and everything below it.
    pub(crate) fn below(&self, device: DeviceId) -> Vec<DeviceId> {
        let mut all = vec![device];
        let mut next = 0;
        while let Some(parent) = all.get(next).copied() {
            next += 1;
            if let Kind::Hub(hub) = &self.devices[parent.0].kind {
                all.extend(hub.children());
            }
        }
        all
    }

    /// Whether every port on the way to a device is enabled.
    fn reachable(&self, device: DeviceId) -> bool {
        match self.devices[device.0].place {
            None => false,
            Some(Place::Root) => self.root.enabled && self.root.device == Some(device),
            Some(Place::Hub(hub, port)) => {
                let Kind::Hub(model) = &self.devices[hub.0].kind else { return false };
                self.devices[hub.0].configuration != 0 && model.enabled(port) && self.reachable(hub)
            }
        }
    }

    /// The device that answers to an address.
    pub(crate) fn find(&mut self, address: DeviceAddress) -> Option<DeviceId> {
        let found: Vec<_> = (0..self.devices.len())
            .map(DeviceId)
            .filter(|id| self.devices[id.0].address == address.get() && self.reachable(*id))
            .collect();
        if found.len() > 1 {
            self.violation(format!("address {address} is answered by {found:?}"));
        }
        found.first().copied()
    }

    /// The translator that serves a device.
    pub(crate) fn translator(&self, device: DeviceId) -> Option<TransactionTranslator> {
        if self.devices[device.0].options.speed == Speed::High {
            return None;
        }
        match self.devices[device.0].place? {
            Place::Root => None,
            Place::Hub(hub, port) if self.devices[hub.0].options.speed == Speed::High => {
                Some(TransactionTranslator {
                    hub: DeviceAddress::new(self.devices[hub.0].address)?,
                    port: PortNumber::new(port)?,
                    multi: self.devices[hub.0].multi_translator(),
                })
            }
            Place::Hub(hub, _) => self.translator(hub),
        }
    }

    /// Lets time do its work: resets of hub ports come to an end.
    pub(crate) fn tick(&mut self, now: Duration) {
        for index in 0..self.devices.len() {
            let Kind::Hub(hub) = &mut self.devices[index].kind else { continue };
            let done = hub.finish_resets(now);
            for (device, speed_wanted) in done {
                let speed = self.devices[device.0].options.speed;
                self.hub_mut(DeviceId(index)).port(speed_wanted).set_speed(speed);
                self.reset(device, true);
            }
        }
    }

    /// A control transfer that has reached a device.
    pub(crate) fn request(
        &mut self,
        id: DeviceId,
        setup: SetupPacket,
        data: &[u8],
        clock: &SimClock,
    ) -> Answer {
        self.requests.push((id, setup));
        let device = &mut self.devices[id.0];
        if device.resets < device.options.deaf_resets {
            return Answer::Silence;
        }
        if device.address == 0 && Some(setup.length) == device.options.dislikes_length {
            return Answer::Silence;
        }
        let descriptor = |bytes: Option<Vec<u8>>| bytes.map_or(Answer::Stall, Answer::Data);
        let [_, kind] = setup.value.to_le_bytes();
        let index = setup.value as u8;
        match (setup.request_type, setup.request) {
            (0x00, 5) => {
                device.address = index;
                Answer::accept()
            }
            (0x00, 9) => {
                device.configuration = index;
                device.toggles.clear();
                match &mut device.kind {
                    Kind::Hub(_) => {}
                    Kind::Function(model) => model.restarted(index),
                }
                Answer::accept()
            }
            (0x01, 11) => {
                // Which endpoints belong to the interface is not looked at: none is running yet.
                device.toggles.clear();
                if let Kind::Hub(hub) = &mut device.kind
                    && !hub.set_alternate(index)
                {
                    return Answer::Stall;
                }
                Answer::accept()
            }
            (0x80, 6) => match &device.kind {
                Kind::Hub(hub) => descriptor(hub.descriptor(kind, index)),
                Kind::Function(model) => match kind {
                    1 => Answer::Data(model.device_descriptor()),
                    2 => descriptor(model.configuration(index)),
                    3 if index == 0 => Answer::Data(vec![4, 3, 9, 4]),
                    3 => descriptor(model.string(index).map(|text| string_descriptor(&text))),
                    _ => Answer::Stall,
                },
            },
            _ => match &mut device.kind {
                Kind::Hub(_) => self.hub_request(id, setup, clock.now()),
                Kind::Function(model) => {
                    let answer = model.request(setup, data);
                    if (setup.request_type, setup.request) == (0x02, 1) && answer != Answer::Stall {
                        device.toggles.remove(&(setup.index as u8));
                    }
                    answer
                }
            },
        }
    }

    /// Checks the toggle of a transfer of `packets` packets and moves it on.
    pub(crate) fn toggle(
        &mut self,
        id: DeviceId,
        endpoint: u8,
        direction: Direction,
        host: bool,
        packets: usize,
    ) -> bool {
        let key = endpoint | if direction == Direction::In { 0x80 } else { 0 };
        let toggle = self.devices[id.0].toggles.entry(key).or_default();
        let before = *toggle;
        *toggle ^= packets % 2 == 1;
        let after = *toggle;
        if before != host {
            self.violation(format!("toggle of {id:?} endpoint {key:#04x} is {host}, not {before}"));
        }
        after
    }
}

fn string_descriptor(text: &str) -> Vec<u8> {
    let units: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut bytes = vec![units.len() as u8 + 2, 3];
    bytes.extend(units);
    bytes
}
