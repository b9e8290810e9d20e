//! A function that sends back what it gets: frames, each ended by a short packet.

use super::device::{Device, Way};
use usb_core::pipe::Speed;

/// OUT endpoint that takes frames.
pub const OUT: u8 = 2;
/// IN endpoint that gives them back.
pub const IN: u8 = 1;
/// Interrupt endpoint that counts them; low-speed devices have none.
pub const COUNT: u8 = 3;
/// Class and subclass of the interface.
pub const CLASS: [u8; 2] = [0xff, 0xee];

/// How a device describes itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Honesty {
    Honest,
    /// wTotalLength is larger than what there is.
    TooLong,
    /// A descriptor of length zero ends the configuration.
    Loop,
    /// Endpoints of size zero, and each one twice.
    Duplicates,
    /// Sizes that its speed does not have.
    Oversized,
}

pub struct Echo {
    /// The frame that is being taken.
    taking: Vec<u8>,
    /// A frame has been sent in part.
    sending: bool,
    /// Every frame taken, in order, since the beginning.
    pub frames: Vec<Vec<u8>>,
}

impl Device {
    /// An echo, with a number by which its driver knows it.
    pub fn echo(speed: Speed, number: u16, mps0: usize, honesty: Honesty) -> Self {
        let (mps, interrupt) = match speed {
            Speed::High => (512, false),
            Speed::Full => (64, false),
            Speed::Low => (8, true),
        };
        let mut device = Self::new(speed, mps0).endpoint(IN, Way::In, mps, interrupt).endpoint(
            OUT,
            Way::Out,
            mps,
            interrupt,
        );
        if !interrupt {
            device = device.endpoint(COUNT, Way::In, 8, true);
        }
        device.device_descriptor[10..12].copy_from_slice(&number.to_le_bytes());
        device.configurations = vec![configuration(mps as u16, interrupt, honesty)];
        device.echo = Some(Echo { taking: Vec::new(), sending: false, frames: Vec::new() });
        device
    }

    /// An OUT packet has been taken.
    pub fn echo_take(&mut self, number: u8, bytes: &[u8]) {
        let Some(echo) = self.echo.as_mut().filter(|_| number == OUT) else { return };
        echo.taking.extend_from_slice(bytes);
        let mps = self.endpoints[&(OUT, Way::Out)].mps;
        if bytes.len() == mps {
            return;
        }
        let frame = std::mem::take(&mut echo.taking);
        if frame.is_empty() {
            return;
        }
        echo.frames.push(frame.clone());
        let count = (echo.frames.len() as u32).to_le_bytes();
        self.at(IN, Way::In).send(&frame);
        if let Some(endpoint) = self.endpoints.get_mut(&(COUNT, Way::In)) {
            // Only the latest count is of interest, but what may be under way stays.
            endpoint.queue.truncate(1);
            endpoint.queue.push_back(count.to_vec());
        }
    }

    /// An IN packet has been acknowledged.
    pub fn echo_sent(&mut self, number: u8, length: usize) {
        let mps = self.endpoints[&(number, Way::In)].mps;
        if let Some(echo) = self.echo.as_mut().filter(|_| number == IN) {
            echo.sending = length == mps;
        }
    }

    /// The halt of an endpoint has been cleared: what was half done is forgotten.
    pub fn echo_clear(&mut self, number: u8, way: Way) {
        let Some(echo) = &mut self.echo else { return };
        match (number, way) {
            (OUT, Way::Out) => echo.taking.clear(),
            (IN, Way::In) if std::mem::take(&mut echo.sending) => {
                let endpoint = self.at(IN, Way::In);
                while endpoint.queue.pop_front().is_some_and(|rest| rest.len() == endpoint.mps) {}
            }
            _ => {}
        }
    }

    /// Bus reset, or a new configuration.
    pub fn echo_restart(&mut self) {
        let Some(echo) = &mut self.echo else { return };
        echo.taking.clear();
        echo.sending = false;
        self.at(IN, Way::In).queue.clear();
    }
}

fn configuration(mps: u16, interrupt: bool, honesty: Honesty) -> Vec<u8> {
    let claimed = if honesty == Honesty::Oversized { 1024 } else { mps };
    let endpoint = |address: u8, kind: u8, size: u16| {
        let [low, high] = size.to_le_bytes();
        [7, 5, address, kind, low, high, 4]
    };
    let kind = if interrupt { 3 } else { 2 };
    let mut endpoints = vec![endpoint(0x80 | IN, kind, claimed), endpoint(OUT, kind, claimed)];
    if !interrupt {
        endpoints.push(endpoint(0x80 | COUNT, 3, 8));
    }
    if honesty == Honesty::Duplicates {
        let zeros: Vec<_> = endpoints.iter().map(|e| endpoint(e[2], e[3], 0)).collect();
        endpoints = [zeros, endpoints.clone(), endpoints].concat();
    }
    let mut bytes = vec![9, 2, 0, 0, 1, 1, 0, 0x80, 50];
    bytes.extend([9, 4, 0, 0, endpoints.len() as u8, CLASS[0], CLASS[1], 0, 0]);
    bytes.extend(endpoints.concat());
    if honesty == Honesty::Loop {
        bytes.extend([0, 0, 0, 0]);
    }
    let total = match honesty {
        Honesty::TooLong => 60_000,
        _ => bytes.len() as u16,
    };
    bytes[2..4].copy_from_slice(&total.to_le_bytes());
    bytes
}
