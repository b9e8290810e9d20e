//! The hub part of a hub: ports and class requests (USB 2.0 section 11.24).

use super::device::{Device, Way};
use super::translator::Translator;
use usb_core::pipe::Speed;

pub const CONNECTION: u16 = 1 << 0;
pub const ENABLE: u16 = 1 << 1;
pub const RESET: u16 = 1 << 4;
pub const POWER: u16 = 1 << 8;
pub const LOW_SPEED: u16 = 1 << 9;
pub const HIGH_SPEED: u16 = 1 << 10;

#[derive(Clone, Copy, Default, Debug)]
pub struct Port {
    pub status: u16,
    pub change: u16,
    /// Speed of what is attached.
    pub attached: Option<Speed>,
    /// A reset asked for and not begun.
    pub reset_wanted: bool,
}

pub struct Hub {
    pub ports: Vec<Port>,
    /// The hub has a setting with a translator for each port.
    pub multi: bool,
    /// The setting it is in.
    pub alternate: u8,
    /// One, or one for each port.
    pub translators: Vec<Translator>,
    /// Its translators do not answer for interrupt endpoints in the guise of control endpoints.
    pub strict: bool,
    /// Answers of interrupt endpoints come in two parts when they are long enough.
    pub splits_answers: bool,
    /// CLEAR_TT_BUFFER requests: wValue and wIndex.
    pub clears: Vec<(u16, u16)>,
}

impl Device {
    /// A hub; one at high speed may have a translator for each port.
    pub fn hub(speed: Speed, ports: usize, multi: bool) -> Self {
        let (mps0, protocol) = match speed {
            Speed::High => (64, 1 + u8::from(multi)),
            Speed::Full | Speed::Low => (8, 0),
        };
        let mut hub = Self::new(speed, mps0).endpoint(1, Way::In, 1, true);
        hub.device_descriptor[4..7].copy_from_slice(&[9, 0, protocol]);
        let settings: &[[u8; 2]] = if multi { &[[0, 1], [1, 2]] } else { &[[0, 0]] };
        let mut configuration = vec![9, 2, 9 + 16 * settings.len() as u8, 0, 1, 1, 0, 0xe0, 0];
        for [alternate, protocol] in settings {
            configuration.extend([9, 4, 0, *alternate, 1, 9, 0, *protocol, 0]);
            configuration.extend([7, 5, 0x81, 3, 1, 0, 12]);
        }
        hub.configurations = vec![configuration];
        hub.hub = Some(Hub { multi, ..Hub::new(ports) });
        hub
    }
}

impl Hub {
    pub fn new(ports: usize) -> Self {
        Self {
            ports: vec![Port::default(); ports],
            multi: false,
            alternate: 0,
            translators: vec![Translator::default(); ports],
            strict: false,
            splits_answers: false,
            clears: Vec::new(),
        }
    }

    pub fn reset(&mut self) {
        for port in &mut self.ports {
            port.status = 0;
            port.change = 0;
        }
        self.alternate = 0;
        self.forget();
    }

    /// Empties all translators.
    pub fn forget(&mut self) {
        self.translators.fill_with(Translator::default);
    }

    /// The translator of a port.
    pub fn translator(&mut self, port: usize) -> &mut Translator {
        let multi = self.alternate == 1;
        &mut self.translators[if multi { port - 1 } else { 0 }]
    }

    pub fn attach(&mut self, port: usize, speed: Speed) {
        let port = &mut self.ports[port - 1];
        port.attached = Some(speed);
        if port.status & POWER != 0 {
            port.status |= CONNECTION;
            port.change |= CONNECTION;
        }
    }

    pub fn detach(&mut self, port: usize) {
        let port = &mut self.ports[port - 1];
        port.attached = None;
        if port.status & CONNECTION != 0 {
            port.status &= POWER;
            port.change |= CONNECTION;
        }
    }

    /// What the status change endpoint sends.
    pub fn changes(&self) -> Option<Vec<u8>> {
        let mut bits = 0_u8;
        for (index, port) in self.ports.iter().enumerate() {
            if port.change != 0 {
                bits |= 2 << index;
            }
        }
        (bits != 0).then(|| vec![bits])
    }

    /// Ends a reset; returns whether there was one to end.
    pub fn finish_reset(&mut self, port: usize) -> bool {
        let port = &mut self.ports[port - 1];
        // A device that leaves ends the reset.
        if let Some(speed) = port.attached.filter(|_| port.status & RESET != 0) {
            port.status &= !RESET;
            port.status |= ENABLE;
            port.status |= match speed {
                Speed::Low => LOW_SPEED,
                Speed::Full => 0,
                Speed::High => HIGH_SPEED,
            };
            port.change |= RESET;
            return true;
        }
        false
    }

    pub fn request_in(&mut self, setup: [u8; 8]) -> Option<Vec<u8>> {
        match (setup[0], setup[1]) {
            (0xa0, 6) => Some(vec![9, 0x29, self.ports.len() as u8, 0xe0, 0, 50, 100, 0, 0xff]),
            (0xa0, 0) => Some(vec![0, 0, 0, 0]),
            (0xa3, 0) => {
                let port = self.ports.get(usize::from(setup[4]).checked_sub(1)?)?;
                Some([port.status.to_le_bytes(), port.change.to_le_bytes()].concat())
            }
            _ => None,
        }
    }

    pub fn request_out(&mut self, setup: [u8; 8]) -> bool {
        let value = u16::from_le_bytes([setup[2], setup[3]]);
        if (setup[0], setup[1]) == (0x23, 8) {
            let port = u16::from_le_bytes([setup[4], setup[5]]);
            assert!(port == 1 || self.alternate == 1, "the only translator is number 1");
            self.clears.push((value, port));
            self.translator(usize::from(port)).clear(value);
            return true;
        }
        let Some(port) =
            usize::from(setup[4]).checked_sub(1).and_then(|index| self.ports.get_mut(index))
        else {
            return false;
        };
        match (setup[0], setup[1], value) {
            (0x23, 3, 8) => {
                if port.status & POWER == 0 {
                    port.status |= POWER;
                    if port.attached.is_some() {
                        port.status |= CONNECTION;
                        port.change |= CONNECTION;
                    }
                }
            }
            (0x23, 3, 4) => {
                port.status &= !ENABLE;
                port.status |= RESET;
                port.reset_wanted = true;
            }
            (0x23, 1, 1) => port.status &= !ENABLE,
            (0x23, 1, 8) => port.status = 0,
            (0x23, 1, 16..=20) => port.change &= !(1 << (value - 16)),
            _ => return false,
        }
        true
    }
}
