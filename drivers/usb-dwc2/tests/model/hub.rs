//! The hub part of a hub: ports and class requests (USB 2.0 section 11.24).

use std::time::Duration;
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

/// A packet that the translator has taken and not given back.
#[derive(Clone, Debug)]
pub struct Translation {
    pub address: u8,
    pub endpoint: u8,
    pub is_in: bool,
    pub setup: bool,
    pub data1: bool,
    pub bytes: Vec<u8>,
    pub ready: Duration,
    pub forgotten: bool,
}

pub struct Hub {
    pub ports: Vec<Port>,
    pub translation: Option<Translation>,
    /// CLEAR_TT_BUFFER requests: wValue and wIndex.
    pub clears: Vec<(u16, u16)>,
}

impl Hub {
    pub fn new(ports: usize) -> Self {
        Self { ports: vec![Port::default(); ports], translation: None, clears: Vec::new() }
    }

    pub fn reset(&mut self) {
        for port in &mut self.ports {
            port.status = 0;
            port.change = 0;
        }
        self.translation = None;
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

    /// Ends a reset.
    pub fn finish_reset(&mut self, port: usize) {
        let port = &mut self.ports[port - 1];
        if let Some(speed) = port.attached {
            port.status &= !RESET;
            port.status |= ENABLE;
            port.status |= match speed {
                Speed::Low => LOW_SPEED,
                Speed::Full => 0,
                Speed::High => HIGH_SPEED,
            };
            port.change |= RESET;
        }
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
            self.clears.push((value, u16::from_le_bytes([setup[4], setup[5]])));
            self.translation = None;
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
