//! Simulated hubs.

use crate::world::{Answer, DeviceId, Kind, State};
use std::time::Duration;
use usb_core::host::SetupPacket;
use usb_core::pipe::Speed;

const CONNECTION: u16 = 1 << 0;
const ENABLE: u16 = 1 << 1;
const OVER_CURRENT: u16 = 1 << 3;
const RESET: u16 = 1 << 4;
const POWER: u16 = 1 << 8;
const LOW_SPEED: u16 = 1 << 9;
const HIGH_SPEED: u16 = 1 << 10;
/// In wHubStatus and wHubChange.
const HUB_OVER_CURRENT: u16 = 1 << 1;

/// How a hub is.
#[derive(Clone, Debug)]
pub struct HubOptions {
    /// Its speed.
    pub speed: Speed,
    /// Its ports.
    pub ports: u8,
    /// Whether ports are switched one by one.
    pub switched: bool,
    /// Whether it has a status-change endpoint.
    pub endpoint: bool,
    /// Whether C_ENABLE comes with the end of a reset, as in QEMU.
    pub enable_change: bool,
    /// How long a reset takes.
    pub reset_time: Duration,
    /// Whether it has a setting with a transaction translator for each port, and takes it.
    pub translators: Translators,
}

/// The transaction translators of a hub.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Translators {
    /// One for all ports.
    Single,
    /// One for all, or in another setting one for each port.
    Multi,
    /// As `Multi`, but the setting is refused.
    MultiRefused,
}

impl HubOptions {
    /// QEMU's hub.
    #[must_use]
    pub const fn qemu() -> Self {
        Self {
            speed: Speed::Full,
            ports: 8,
            switched: false,
            endpoint: true,
            enable_change: true,
            reset_time: Duration::ZERO,
            translators: Translators::Single,
        }
    }

    /// A modern four-port hub.
    #[must_use]
    pub const fn high_speed() -> Self {
        Self {
            speed: Speed::High,
            ports: 4,
            switched: true,
            endpoint: true,
            enable_change: false,
            reset_time: Duration::from_millis(15),
            translators: Translators::Single,
        }
    }
}

#[derive(Clone, Debug, Default)]
pub(crate) struct HubPort {
    device: Option<DeviceId>,
    state: u16,
    change: u16,
    reset_until: Option<Duration>,
}

impl HubPort {
    fn powered(&self) -> bool {
        self.state & POWER != 0
    }

    pub(crate) fn connect(&mut self, device: Option<DeviceId>) {
        self.device = device;
        if self.powered() {
            self.state = POWER | if device.is_some() { CONNECTION } else { 0 };
            self.change |= CONNECTION;
        }
        self.reset_until = None;
    }

    pub(crate) fn over_current(&mut self, on: bool) {
        self.change |= OVER_CURRENT;
        if on {
            if self.state & CONNECTION != 0 {
                self.change |= CONNECTION;
            }
            self.state = OVER_CURRENT;
        } else {
            self.state &= !OVER_CURRENT;
        }
    }

    pub(crate) fn drop_out(&mut self) {
        self.state &= !ENABLE;
        self.change |= ENABLE;
    }

    pub(crate) fn set_speed(&mut self, speed: Speed) {
        self.state &= !(LOW_SPEED | HIGH_SPEED);
        self.state |= match speed {
            Speed::Low => LOW_SPEED,
            Speed::Full => 0,
            Speed::High => HIGH_SPEED,
        };
    }

    fn set_power(&mut self, on: bool) {
        match (self.powered(), on) {
            (false, true) => {
                self.state = POWER;
                if self.device.is_some() {
                    self.state |= CONNECTION;
                    self.change |= CONNECTION;
                }
            }
            (true, false) => {
                self.state = 0;
                self.reset_until = None;
            }
            _ => {}
        }
    }
}

pub(crate) struct Hub {
    options: HubOptions,
    ports: Vec<HubPort>,
    alternate: u8,
    /// wHubStatus and wHubChange.
    state: u16,
    change: u16,
}

impl Hub {
    pub(crate) fn new(options: HubOptions) -> Self {
        let ports = vec![HubPort::default(); usize::from(options.ports)];
        Self { options, ports, alternate: 0, state: 0, change: 0 }
    }

    pub(crate) fn power_up(&mut self) {
        (self.state, self.change) = (0, 0);
        for port in &mut self.ports {
            port.state = 0;
            port.change = 0;
            // Without switches there is power from the start.
            if !self.options.switched {
                port.set_power(true);
            }
        }
    }

    pub(crate) fn reset(&mut self) {
        self.alternate = 0;
        self.power_up();
    }

    /// Over-current on the hub as a whole comes or goes; it takes the power of all ports.
    pub(crate) fn over_current(&mut self, on: bool) {
        self.change |= HUB_OVER_CURRENT;
        if !on {
            self.state &= !HUB_OVER_CURRENT;
            return;
        }
        self.state |= HUB_OVER_CURRENT;
        for port in &mut self.ports {
            if port.state & CONNECTION != 0 {
                port.change |= CONNECTION;
            }
            port.set_power(false);
        }
    }

    /// SET_INTERFACE; returns whether the hub takes it.
    pub(crate) fn set_alternate(&mut self, alternate: u8) -> bool {
        let takes =
            alternate == 0 || alternate == 1 && self.options.translators == Translators::Multi;
        if takes {
            self.alternate = alternate;
        }
        takes
    }

    /// Each port has a translator.
    pub(crate) fn multi_translator(&self) -> bool {
        self.alternate == 1
    }

    pub(crate) fn port(&mut self, port: u8) -> &mut HubPort {
        &mut self.ports[usize::from(port) - 1]
    }

    pub(crate) fn enabled(&self, port: u8) -> bool {
        self.ports[usize::from(port) - 1].state & ENABLE != 0
    }

    pub(crate) fn children(&self) -> impl Iterator<Item = DeviceId> {
        self.ports.iter().filter_map(|port| port.device)
    }

    /// Devices whose reset is over, with their port.
    pub(crate) fn finish_resets(&mut self, now: Duration) -> Vec<(DeviceId, u8)> {
        let mut done = Vec::new();
        for (number, port) in (1..).zip(&mut self.ports) {
            if port.reset_until.is_none_or(|until| until > now) {
                continue;
            }
            port.reset_until = None;
            port.state &= !RESET;
            port.change |= RESET;
            if let Some(device) = port.device {
                port.state |= ENABLE;
                if self.options.enable_change {
                    port.change |= ENABLE;
                }
                done.push((device, number));
            }
        }
        done
    }

    pub(crate) fn descriptor(&self, kind: u8, index: u8) -> Option<Vec<u8>> {
        let (usb, size, protocol) = match self.options.speed {
            Speed::High if self.options.translators == Translators::Single => (2, 64, 1),
            Speed::High => (2, 64, 2),
            Speed::Full | Speed::Low => (1, 64, 0),
        };
        match (kind, index) {
            (1, _) => Some(vec![
                18, 1, 0x00, usb, 9, 0, protocol, size, 0x09, 0x04, 0xaa, 0x55, 0, 1, 0, 0, 0, 1,
            ]),
            (2, 0) => {
                let endpoint: &[u8] =
                    if self.options.endpoint { &[7, 5, 0x81, 3, 2, 0, 12] } else { &[] };
                // Alternate setting and protocol.
                let settings: &[_] = if protocol == 2 { &[(0, 1), (1, 2)] } else { &[(0, 0)] };
                let total = 9 + settings.len() as u8 * (9 + endpoint.len() as u8);
                let mut bytes = vec![9, 2, total, 0, 1, 1, 0, 0xe0, 0];
                for (alternate, protocol) in settings {
                    let endpoints = u8::from(self.options.endpoint);
                    bytes.extend([9, 4, 0, *alternate, endpoints, 9, 0, *protocol, 0]);
                    bytes.extend(endpoint);
                }
                Some(bytes)
            }
            _ => None,
        }
    }

    /// The bitmap of the status-change endpoint.
    pub(crate) fn changes(&self) -> Answer {
        let mut bitmap = u16::from(self.change != 0);
        for (number, port) in (1..).zip(&self.ports) {
            if port.change != 0 {
                bitmap |= 1 << number;
            }
        }
        if bitmap == 0 { Answer::Nak } else { Answer::Data(bitmap.to_le_bytes().to_vec()) }
    }
}

impl State {
    pub(crate) fn hub_request(
        &mut self,
        id: DeviceId,
        setup: SetupPacket,
        now: Duration,
    ) -> Answer {
        self.check_port_request(id, setup);
        let Kind::Hub(hub) = &mut self.devices[id.0].kind else { return Answer::Stall };
        let (options, ports) = (&hub.options, &mut hub.ports);
        let number = usize::from(setup.index);
        match (setup.request_type, setup.request) {
            (0xa0, 6) if setup.value == 0x2900 => {
                let characteristics = if options.switched { 0x09 } else { 0x0a };
                return Answer::Data(vec![
                    9,
                    0x29,
                    options.ports,
                    characteristics,
                    0,
                    50,
                    100,
                    0,
                    0xff,
                ]);
            }
            (0xa0, 0) => {
                let bytes = [hub.state.to_le_bytes(), hub.change.to_le_bytes()].concat();
                return Answer::Data(bytes);
            }
            (0x20, 1) => {
                hub.change &= !(1 << setup.value);
                return Answer::accept();
            }
            (0x23, 8) if options.speed == Speed::High => return Answer::accept(),
            _ => {}
        }
        let Some(port) = number.checked_sub(1).and_then(|index| ports.get_mut(index)) else {
            return Answer::Stall;
        };
        match (setup.request_type, setup.request, setup.value) {
            (0xa3, 0, 0) => {
                let [a, b] = port.state.to_le_bytes();
                let [c, d] = port.change.to_le_bytes();
                return Answer::Data(vec![a, b, c, d]);
            }
            (0x23, 3, 4) => {
                port.state &= !ENABLE;
                port.state |= RESET;
                port.reset_until = Some(now + options.reset_time);
            }
            (0x23, 3, 8) => port.set_power(hub.state & HUB_OVER_CURRENT == 0),
            (0x23, 1, 1) => port.state &= !ENABLE,
            (0x23, 1, 8) if options.switched => port.set_power(false),
            (0x23, 1, bit @ 16..=20) => port.change &= !(1 << (bit - 16)),
            _ => return Answer::Stall,
        }
        Answer::accept()
    }

    /// A port that is reset, disabled or switched off must carry no transfer (QEMU aborts then).
    fn check_port_request(&mut self, hub: DeviceId, setup: SetupPacket) {
        let touches = matches!(
            (setup.request_type, setup.request, setup.value),
            (0x23, 3, 4) | (0x23, 1, 1 | 8)
        );
        let Kind::Hub(model) = &self.devices[hub.0].kind else { return };
        let port = usize::from(setup.index).checked_sub(1).and_then(|i| model.ports.get(i));
        let Some(device) = port.and_then(|port| port.device).filter(|_| touches) else { return };
        let busy = self.below(device).into_iter().find(|below| self.in_flight.contains(below));
        if let Some(busy) = busy {
            self.violation(format!("port of {device:?} touched while {busy:?} has a transfer"));
        }
    }
}
