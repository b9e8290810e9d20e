//! Register-level models of a LAN9514's and a LAN7515's Ethernet controller, after their databooks.
//!
//! Registers are there, keep what is written, and do what matters to a driver: resets take a few
//! looks, the PHY is busy after each access and negotiates, the receiver filters and packs frames
//! into runs of packets, the interrupt endpoint tells of the PHY. Whatever a driver does out of
//! order is counted as garbage.

use crate::world::{Answer, Model, World};
use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;
use usb_core::host::SetupPacket;

/// Which chip.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Family {
    /// LAN9514.
    Lan95xx,
    /// LAN7515.
    Lan78xx,
}

/// Addresses and bits that the two chips have in different places.
struct Map {
    product: u16,
    identity: u32,
    hardware: u16,
    lite_reset: u32,
    power: u16,
    power_ready: u32,
    address: (u16, u16),
    mii: (u16, u16),
    interrupt_status: u16,
    interrupt_enable: u16,
    interrupt_phy: u32,
    burst_cap: u16,
    /// The PHY's interrupt source and mask.
    phy_interrupt: (u8, u8),
    /// Of the mask: what a driver has to ask for to hear of a lost or new link.
    phy_mask: u16,
}

const LAN95XX: Map = Map {
    product: 0xec00,
    identity: 0xec00_0002,
    hardware: 0x14,
    lite_reset: 1 << 3,
    power: 0x20,
    power_ready: 0,
    address: (0x104, 0x108),
    mii: (0x114, 0x118),
    interrupt_status: 0x08,
    interrupt_enable: 0x68,
    interrupt_phy: 1 << 15,
    burst_cap: 0x38,
    phy_interrupt: (29, 30),
    phy_mask: 0x50,
};

const LAN78XX: Map = Map {
    product: 0x7800,
    identity: 0x7800_0002,
    hardware: 0x10,
    lite_reset: 1 << 1,
    power: 0x14,
    power_ready: 1 << 7,
    address: (0x118, 0x11c),
    mii: (0x120, 0x124),
    interrupt_status: 0x0c,
    interrupt_enable: 0x98,
    interrupt_phy: 1 << 17,
    burst_cap: 0x90,
    phy_interrupt: (26, 25),
    phy_mask: 0xa000,
};

impl Family {
    const fn map(self) -> &'static Map {
        match self {
            Self::Lan95xx => &LAN95XX,
            Self::Lan78xx => &LAN78XX,
        }
    }
}

/// What the other end of the cable offers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Partner {
    /// Its technology abilities, as register 5 shows them.
    pub abilities: u16,
    /// Its gigabit abilities, as register 10 shows them.
    pub gigabit: u16,
}

impl Partner {
    /// 100 Mbit/s, full duplex.
    pub const HUNDRED: Self = Self { abilities: 0x41e1, gigabit: 0 };
    /// 1000 Mbit/s, full duplex.
    pub const THOUSAND: Self = Self { abilities: 0x41e1, gigabit: 0x0c00 };
    /// 10 Mbit/s, half duplex.
    pub const TEN_HALF: Self = Self { abilities: 0x4021, gigabit: 0 };
}

/// What goes on in the chip.
pub struct Lan {
    family: Family,
    registers: HashMap<u16, u32>,
    phy: HashMap<u8, u16>,
    /// Reads that a busy bit still lasts, by register.
    busy: HashMap<u16, u32>,
    /// The address in the EEPROM.
    pub eeprom: Option<[u8; 6]>,
    /// The busy bit of the PHY access never clears.
    pub stuck: bool,
    partner: Option<Partner>,
    /// The status register has not been read since the link was lost.
    latched: bool,
    /// Frames of the network.
    pub to_host: VecDeque<Vec<u8>>,
    /// Transfers that are ready.
    ready: VecDeque<Vec<u8>>,
    /// Frames of the host.
    pub from_host: Vec<Vec<u8>>,
    /// The beginning of a transfer whose end has not come.
    partial: Vec<u8>,
    /// What a driver did out of order.
    pub garbage: u32,
}

/// A chip to put into a [`World`]; the test keeps a clone to talk to it.
#[derive(Clone)]
pub struct LanDevice {
    /// What goes on in it.
    pub state: Rc<RefCell<Lan>>,
}

impl LanDevice {
    /// A chip without EEPROM and without a cable.
    #[must_use]
    pub fn new(family: Family) -> Self {
        let mut lan = Lan {
            family,
            registers: HashMap::new(),
            phy: HashMap::new(),
            busy: HashMap::new(),
            eeprom: None,
            stuck: false,
            partner: None,
            latched: false,
            to_host: VecDeque::new(),
            ready: VecDeque::new(),
            from_host: Vec::new(),
            partial: Vec::new(),
            garbage: 0,
        };
        lan.power_up();
        Self { state: Rc::new(RefCell::new(lan)) }
    }

    /// Plugs a cable in or pulls it out.
    pub fn cable(&self, partner: Option<Partner>) {
        let mut lan = self.state.borrow_mut();
        lan.partner = partner;
        lan.latched = true;
        let (source, mask) = lan.map().phy_interrupt;
        let wanted = lan.map().phy_mask;
        if lan.phy.get(&mask).copied().unwrap_or(0) & wanted == wanted {
            lan.phy.insert(source, wanted);
            let (status, bit) = (lan.map().interrupt_status, lan.map().interrupt_phy);
            *lan.registers.entry(status).or_default() |= bit;
        }
    }

    /// A frame of the network.
    pub fn send(&self, world: &World, frame: Vec<u8>) {
        self.state.borrow_mut().to_host.push_back(frame);
        world.wake();
    }

    /// A transfer as it is.
    pub fn send_raw(&self, world: &World, transfer: Vec<u8>) {
        self.state.borrow_mut().ready.push_back(transfer);
        world.wake();
    }

    /// A register.
    #[must_use]
    pub fn register(&self, register: u16) -> u32 {
        self.state.borrow().registers.get(&register).copied().unwrap_or(0)
    }
}

impl Lan {
    const fn map(&self) -> &'static Map {
        self.family.map()
    }

    fn get(&self, register: u16) -> u32 {
        self.registers.get(&register).copied().unwrap_or(0)
    }

    /// Takes its power away for a moment.
    pub fn power_cycle(&mut self) {
        self.power_up();
    }

    fn power_up(&mut self) {
        self.registers.clear();
        self.busy.clear();
        self.ready.clear();
        self.partial.clear();
        self.phy = HashMap::from([(4, 0x01e1), (9, 0x0200)]);
        let map = self.map();
        let address = self.eeprom.unwrap_or([0xff; 6]);
        let [first @ .., _, _] = address;
        let [.., high, low] = address;
        self.registers.insert(map.address.0, u32::from_le_bytes([high, low, 0, 0]));
        self.registers.insert(map.address.1, u32::from_le_bytes(first));
        self.registers.insert(0, map.identity);
    }

    /// A lite reset: everything but the identity is as after power-on, the address is gone.
    fn lite_reset(&mut self) {
        let eeprom = self.eeprom.take();
        self.power_up();
        self.eeprom = eeprom;
    }

    fn read(&mut self, register: u16) -> u32 {
        let map = self.map();
        if let Some(left) = self.busy.get_mut(&register) {
            *left = left.saturating_sub(1);
            if *left == 0 {
                self.busy.remove(&register);
                let clear = match register {
                    _ if register == map.hardware => map.lite_reset,
                    _ if register == map.power => 1 << 4,
                    _ => 1,
                };
                let value = self.get(register);
                let ready = if register == map.power { map.power_ready } else { 0 };
                self.registers.insert(register, value & !clear | ready);
            }
        }
        self.get(register)
    }

    fn write(&mut self, register: u16, value: u32) {
        let map = self.map();
        if self.busy.contains_key(&map.hardware) {
            // In the middle of a reset.
            self.garbage += 1;
        }
        if register == map.interrupt_status {
            let before = self.get(register);
            self.registers.insert(register, before & !value);
            return;
        }
        self.registers.insert(register, value);
        if register == map.hardware && value & map.lite_reset != 0 {
            self.lite_reset();
            self.registers.insert(register, value);
            self.busy.insert(register, 3);
        } else if register == map.power && value & 1 << 4 != 0 {
            self.busy.insert(register, 5);
        } else if register == map.mii.0 {
            if self.busy.contains_key(&register) || value & 1 == 0 || value >> 11 & 31 != 1 {
                self.garbage += 1;
            }
            self.busy.insert(register, if self.stuck { u32::MAX } else { 2 });
            self.phy_access((value >> 6 & 31) as u8, value & 2 != 0);
        }
    }

    fn phy_access(&mut self, register: u8, write: bool) {
        let data = self.map().mii.1;
        if write {
            let value = self.get(data) as u16;
            self.phy.insert(register, value);
            return;
        }
        let negotiates = self.phy.get(&0).is_some_and(|control| control & 1 << 12 != 0);
        let partner = self.partner.filter(|_| negotiates);
        let value = match register {
            1 => {
                let latched = std::mem::take(&mut self.latched);
                if partner.is_some() && !latched { 0x782d } else { 0x7809 }
            }
            5 => partner.map_or(0, |partner| partner.abilities),
            10 => partner.map_or(0, |partner| partner.gigabit),
            _ if register == self.map().phy_interrupt.0 => {
                self.phy.insert(register, 0).unwrap_or(0)
            }
            _ => self.phy.get(&register).copied().unwrap_or(0),
        };
        self.registers.insert(data, u32::from(value));
    }

    fn receives(&self) -> bool {
        match self.family {
            Family::Lan95xx => self.get(0x100) & 1 << 2 != 0,
            Family::Lan78xx => self.get(0x104) & 1 != 0 && self.get(0xc0) & 1 << 31 != 0,
        }
    }

    fn transmits(&self) -> bool {
        match self.family {
            Family::Lan95xx => self.get(0x100) & 1 << 3 != 0 && self.get(0x10) & 1 << 2 != 0,
            Family::Lan78xx => self.get(0x108) & 1 != 0 && self.get(0xc4) & 1 << 31 != 0,
        }
    }

    /// Whether the receiver lets a frame in.
    fn passes(&self, frame: &[u8]) -> bool {
        let map = self.map();
        let multicast = match self.family {
            Family::Lan95xx => self.get(0x100) & 1 << 19 != 0,
            Family::Lan78xx => self.get(0xb0) & 1 << 9 != 0,
        };
        let all = match self.family {
            Family::Lan95xx => self.get(0x100) & 1 << 18 != 0,
            Family::Lan78xx => self.get(0xb0) & 1 << 8 != 0,
        };
        // The LAN95xx goes by its station address, the LAN78xx by its first perfect filter.
        let (low, high, valid) = match self.family {
            Family::Lan95xx => (self.get(map.address.1), self.get(map.address.0), true),
            Family::Lan78xx => (self.get(0x404), self.get(0x400), self.get(0x400) >> 31 == 1),
        };
        let station = [low.to_le_bytes(), high.to_le_bytes()].concat();
        match frame {
            [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, ..] => true,
            [first, ..] if first & 1 != 0 => multicast,
            _ => all || valid && frame.starts_with(&station[..6]),
        }
    }

    /// A frame with its status in front and FCS and padding behind.
    fn message(&self, frame: &[u8]) -> Vec<u8> {
        let length = frame.len() as u32 + 4;
        let mut message = match self.family {
            Family::Lan95xx => (length << 16 | 1 << 5).to_le_bytes().to_vec(),
            Family::Lan78xx => [&length.to_le_bytes()[..], &[0; 6]].concat(),
        };
        message.extend(frame);
        message.extend([0x5a; 4]);
        message.resize(message.len().next_multiple_of(4), 0);
        message
    }

    /// The next run of packets: as many frames as wait and fit.
    fn run(&mut self, room: usize) -> Option<Vec<u8>> {
        let several = self.get(self.map().hardware)
            & match self.family {
                Family::Lan95xx => 1 << 5,
                Family::Lan78xx => 1 << 4,
            }
            != 0;
        let cap = self.get(self.map().burst_cap) as usize * 512;
        let mut run = Vec::new();
        while let Some(frame) = self.to_host.front() {
            if self.partner.is_none() || !self.passes(frame) {
                self.to_host.pop_front();
                continue;
            }
            let message = self.message(frame);
            if !run.is_empty() && (!several || run.len() + message.len() > cap.min(room)) {
                break;
            }
            run.extend(message);
            self.to_host.pop_front();
        }
        (!run.is_empty()).then_some(run)
    }

    fn frames(&self, transfer: &[u8]) -> Option<Vec<Vec<u8>>> {
        let word =
            |at: usize| transfer.get(at..)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes));
        let (a, b) = (word(0)?, word(4)?);
        let length = match self.family {
            Family::Lan95xx if a & 0x3000 == 0x3000 && a & 0x7ff == b => b,
            Family::Lan78xx if a & 1 << 22 != 0 => a & 0x000f_ffff,
            _ => return None,
        };
        let frame = transfer.get(8..)?;
        (frame.len() == length as usize).then(|| vec![frame.to_vec()])
    }
}

impl Model for LanDevice {
    fn device_descriptor(&self) -> Vec<u8> {
        let [low, high] = self.state.borrow().map().product.to_le_bytes();
        vec![18, 1, 0, 2, 0xff, 0, 1, 64, 0x24, 0x04, low, high, 0, 2, 0, 0, 0, 1]
    }

    fn configuration(&self, index: u8) -> Option<Vec<u8>> {
        (index == 0).then(|| {
            vec![
                9, 2, 39, 0, 1, 1, 0, 0xe0, 1, // configuration 1
                9, 4, 0, 0, 3, 0xff, 0, 0xff, 0, // interface 0
                7, 5, 0x81, 2, 0, 2, 0, 7, 5, 2, 2, 0, 2, 0, // bulk, 512 bytes
                7, 5, 0x83, 3, 16, 0, 4, // interrupt
            ]
        })
    }

    fn string(&self, _: u8) -> Option<String> {
        None
    }

    fn request(&mut self, setup: SetupPacket, data: &[u8]) -> Answer {
        let mut lan = self.state.borrow_mut();
        match (setup.request_type, setup.request, data) {
            (0x40, 0xa0, &[a, b, c, d]) => {
                lan.write(setup.index, u32::from_le_bytes([a, b, c, d]));
                Answer::accept()
            }
            (0xc0, 0xa1, _) if setup.length == 4 => {
                Answer::Data(lan.read(setup.index).to_le_bytes().to_vec())
            }
            (0x02, 1, _) => Answer::accept(),
            _ => {
                lan.garbage += 1;
                Answer::Stall
            }
        }
    }

    fn transfer_in(&mut self, endpoint: u8, room: usize) -> Answer {
        let mut lan = self.state.borrow_mut();
        if endpoint == 0x83 {
            let status = lan.get(lan.map().interrupt_status) & lan.get(lan.map().interrupt_enable);
            return if status == 0 {
                Answer::Nak
            } else {
                Answer::Data(status.to_le_bytes().to_vec())
            };
        }
        if let Some(ready) = lan.ready.pop_front() {
            return Answer::Data(ready);
        }
        if !lan.receives() {
            lan.to_host.clear();
            return Answer::Nak;
        }
        let Some(run) = lan.run(room) else { return Answer::Nak };
        if run.len() == room {
            // The end of a run is a short packet or an empty one.
            lan.ready.push_back(Vec::new());
        }
        Answer::Data(run)
    }

    fn transfer_out(&mut self, _: u8, data: &[u8], zero_length_packet: bool) -> Answer {
        let mut lan = self.state.borrow_mut();
        lan.partial.extend(data);
        if !zero_length_packet && data.len().is_multiple_of(512) && !data.is_empty() {
            return Answer::accept();
        }
        let transfer = std::mem::take(&mut lan.partial);
        match lan.frames(&transfer) {
            Some(frames) if lan.transmits() => lan.from_host.extend(frames),
            _ => lan.garbage += 1,
        }
        Answer::accept()
    }

    fn restarted(&mut self, configuration: u8) {
        // A reset of the bus does not reset the MAC.
        if configuration == 0 {
            self.state.borrow_mut().partial.clear();
        }
    }
}
