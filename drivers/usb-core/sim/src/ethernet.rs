//! A simulated Ethernet adapter: CDC-NCM, CDC-ECM, CDC-EEM and RNDIS, whichever its descriptors
//! announce.

use crate::functions::{Function, is_bulk, packet_size};
use crate::world::{Answer, Model, World};
use crate::{eem, ncm};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use usb_core::host::SetupPacket;

/// Behavior that real adapters have.
#[derive(Clone, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "each quirk is there or not, in any combination")]
pub struct Quirks {
    /// The text of iMACAddress.
    pub mac_text: String,
    /// The permanent address that RNDIS tells.
    pub mac: [u8; 6],
    /// SET_ETHERNET_PACKET_FILTER is answered with STALL.
    pub no_packet_filter: bool,
    /// CLEAR_FEATURE(ENDPOINT_HALT) is answered with STALL, as in QEMU.
    pub no_clear_halt: bool,
    /// RNDIS answers come only after this many empty ones.
    pub late_answers: u32,
    /// RNDIS sends no zero-length packet, so that a message of full packets does not end its
    /// transfer.
    pub no_zero_length_packet: bool,
    /// RNDIS puts as many messages into a transfer as fit.
    pub batches: bool,
    /// The endpoint is never ready to take frames.
    pub deaf_out: bool,
    /// MaxTransferSize of RNDIS.
    pub max_transfer_size: u32,
    /// How NCM blocks look.
    pub ntb: ncm::Quirks,
}

impl Default for Quirks {
    fn default() -> Self {
        Self {
            mac_text: "525400123457".into(),
            mac: [0x52, 0x54, 0, 0x12, 0x34, 0x57],
            no_packet_filter: false,
            no_clear_halt: true,
            late_answers: 0,
            no_zero_length_packet: false,
            batches: false,
            deaf_out: false,
            max_transfer_size: 1580,
            ntb: ncm::Quirks::default(),
        }
    }
}

/// What goes on in an adapter.
#[derive(Default)]
pub struct Ethernet {
    /// How it behaves.
    pub quirks: Quirks,
    /// Frames for the host, in order.
    pub to_host: VecDeque<Vec<u8>>,
    /// Raw transfers for the host, which go before frames.
    pub raw_to_host: VecDeque<Vec<u8>>,
    /// Frames of the host.
    pub from_host: Vec<Vec<u8>>,
    /// Notifications that wait for a poll.
    pub notifications: VecDeque<Vec<u8>>,
    /// Answers that wait to be fetched (RNDIS).
    pub responses: VecDeque<Vec<u8>>,
    /// Fetches that are still answered with nothing.
    pub empty_fetches: u32,
    /// The packet filter that the host set.
    pub filter: Option<u32>,
    /// Keep-alive answers of the host.
    pub keepalive_answers: u32,
    /// Keep-alive questions of the host.
    pub keepalives: u32,
    /// Keep-alive questions are not answered.
    pub mute: bool,
    /// The present configuration.
    pub configuration: u8,
    /// Messages of the host that a device could not have understood.
    pub garbage: u32,
    /// What NCM keeps.
    pub ntb: ncm::State,
    /// Bulk transfers of the host.
    pub transfers: u32,
    /// What did not fit into the last transfer.
    partial_in: Vec<u8>,
    /// The beginning of a frame whose end has not come.
    partial: Vec<u8>,
}

/// An adapter to put into a [`World`]; the test keeps a clone to talk to it.
#[derive(Clone)]
pub struct EthernetDevice {
    /// What goes on in it.
    pub state: Rc<RefCell<Ethernet>>,
    device: Vec<u8>,
    configurations: Vec<Vec<u8>>,
}

/// The two configurations of QEMU's `usb-net`: RNDIS (value 2) and CDC-ECM (value 1).
#[must_use]
pub fn qemu_configurations() -> [Vec<u8>; 2] {
    let rndis = vec![
        9, 2, 67, 0, 2, 2, 6, 0xc0, 0x32, // configuration 2
        9, 4, 0, 0, 1, 2, 2, 0xff, 5, // interface 0
        5, 0x24, 0, 0x10, 1, 5, 0x24, 1, 0, 1, 4, 0x24, 2, 0, 5, 0x24, 6, 0, 1, // functional
        7, 5, 0x81, 3, 16, 0, 32, // notifications
        9, 4, 1, 0, 2, 10, 0, 0, 4, // interface 1
        7, 5, 0x82, 2, 64, 0, 0, 7, 5, 2, 2, 64, 0, 0, // bulk
    ];
    let ecm = vec![
        9, 2, 80, 0, 2, 1, 7, 0xc0, 0x32, // configuration 1
        9, 4, 0, 0, 1, 2, 6, 0, 5, // interface 0
        5, 0x24, 0, 0x10, 1, 5, 0x24, 6, 0, 1, // header, union
        13, 0x24, 0xf, 3, 0, 0, 0, 0, 0xea, 5, 0, 0, 0, // Ethernet
        7, 5, 0x81, 3, 16, 0, 32, // notifications
        9, 4, 1, 0, 0, 10, 0, 0, 0, // interface 1, setting 0
        9, 4, 1, 1, 2, 10, 0, 0, 4, // interface 1, setting 1
        7, 5, 0x82, 2, 64, 0, 0, 7, 5, 2, 2, 64, 0, 0, // bulk
    ];
    [rndis, ecm]
}

/// The configuration of a high-speed NCM function, as Linux' gadget has it.
#[must_use]
pub fn ncm_configuration() -> Vec<u8> {
    vec![
        9, 2, 94, 0, 2, 1, 0, 0xc0, 1, // configuration 1
        8, 11, 0, 2, 2, 0x0d, 0, 0, // association
        9, 4, 0, 0, 1, 2, 0x0d, 0, 0, // interface 0
        5, 0x24, 0, 0x10, 1, 5, 0x24, 6, 0, 1, // header, union
        13, 0x24, 0xf, 3, 0, 0, 0, 0, 0xea, 5, 0, 0, 0, // Ethernet
        6, 0x24, 0x1a, 0, 1, 0x01, // NCM 1.0, with packet filter
        7, 5, 0x81, 3, 16, 0, 9, // notifications
        9, 4, 1, 0, 0, 10, 0, 1, 0, // interface 1, setting 0
        9, 4, 1, 1, 2, 10, 0, 1, 0, // interface 1, setting 1
        7, 5, 0x82, 2, 0, 2, 0, 7, 5, 1, 2, 0, 2, 0, // bulk, 512 bytes
    ]
}

/// Two configurations as an RTL8153 has them: the vendor's own, then CDC-ECM.
#[must_use]
pub fn rtl8153_configurations() -> [Vec<u8>; 2] {
    let vendor = vec![
        9, 2, 39, 0, 1, 1, 0, 0xa0, 0x32, // configuration 1
        9, 4, 0, 0, 3, 0xff, 0xff, 0, 0, // vendor interface
        7, 5, 0x81, 2, 0, 2, 0, 7, 5, 2, 2, 0, 2, 0, 7, 5, 0x83, 3, 2, 0, 8,
    ];
    let ecm = vec![
        9, 2, 80, 0, 2, 2, 0, 0xa0, 0x32, // configuration 2
        9, 4, 0, 0, 1, 2, 6, 0, 5, // interface 0
        5, 0x24, 0, 0x10, 1, 5, 0x24, 6, 0, 1, // header, union
        13, 0x24, 0xf, 3, 0, 0, 0, 0, 0xea, 5, 0, 0, 0, // Ethernet
        7, 5, 0x83, 3, 16, 0, 8, // notifications
        9, 4, 1, 0, 0, 10, 0, 0, 0, // interface 1, setting 0
        9, 4, 1, 1, 2, 10, 0, 0, 4, // interface 1, setting 1
        7, 5, 0x81, 2, 0, 2, 0, 7, 5, 2, 2, 0, 2, 0, // bulk, 512 bytes
    ];
    [vendor, ecm]
}

impl EthernetDevice {
    /// QEMU's `usb-net`.
    #[must_use]
    pub fn qemu() -> Self {
        Self {
            state: Rc::default(),
            device: vec![18, 1, 0, 2, 2, 0, 0, 64, 0x25, 0x05, 0xa2, 0xa4, 0, 0, 1, 2, 10, 2],
            configurations: qemu_configurations().to_vec(),
        }
    }

    /// A high-speed adapter whose second configuration is CDC-ECM.
    #[must_use]
    pub fn rtl8153() -> Self {
        Self {
            state: Rc::default(),
            device: vec![18, 1, 0, 2, 0, 0, 0, 64, 0xda, 0x0b, 0x53, 0x81, 0, 0x30, 1, 2, 10, 2],
            configurations: rtl8153_configurations().to_vec(),
        }
    }

    /// One with other descriptors, right or wrong.
    #[must_use]
    pub fn with_descriptors(device: Vec<u8>, configurations: Vec<Vec<u8>>) -> Self {
        Self { state: Rc::default(), device, configurations }
    }

    /// Sends a frame to the host.
    pub fn send(&self, world: &World, frame: Vec<u8>) {
        self.state.borrow_mut().to_host.push_back(frame);
        world.wake();
    }

    /// Sends bytes to the host as they are.
    pub fn send_raw(&self, world: &World, transfer: Vec<u8>) {
        self.state.borrow_mut().raw_to_host.push_back(transfer);
        world.wake();
    }

    /// Says something on the notification endpoint.
    pub fn notify(&self, notification: &[u8]) {
        self.state.borrow_mut().notifications.push_back(notification.to_vec());
    }

    /// The active configuration.
    fn active(&self) -> &[u8] {
        let value = self.state.borrow().configuration;
        let active = self.configurations.iter().find(|bytes| bytes.get(5) == Some(&value));
        active.map_or(&[], Vec::as_slice)
    }

    fn bulk_in(&self, room: usize) -> Answer {
        let function = Function::of(self.active());
        let packet = packet_size(self.active());
        let mut state = self.state.borrow_mut();
        if let Some(raw) = state.raw_to_host.pop_front() {
            return Answer::Data(raw);
        }
        match function {
            Function::Rndis => Self::rndis_in(&mut state, room, packet),
            Function::Eem => Self::eem_in(&mut state, room),
            Function::Ncm => {
                let Ethernet { to_host, ntb, quirks, garbage, .. } = &mut *state;
                match ncm::transfer(ntb, &quirks.ntb, to_host, room, packet) {
                    ncm::Transfer::Nothing => Answer::Nak,
                    ncm::Transfer::Bytes(bytes) => Answer::Data(bytes),
                    ncm::Transfer::Misfit(bytes) => {
                        *garbage += 1;
                        Answer::Data(bytes)
                    }
                }
            }
            Function::Ecm | Function::Other => {
                let frame = state.to_host.pop_front();
                if frame.as_ref().is_some_and(|frame| frame.len() == room) {
                    // The end of the frame is a packet without data, in a transfer of its own.
                    state.raw_to_host.push_front(Vec::new());
                }
                frame.map_or(Answer::Nak, Answer::Data)
            }
        }
    }

    fn eem_in(state: &mut Ethernet, room: usize) -> Answer {
        let mut transfer = std::mem::take(&mut state.partial_in);
        while transfer.len() < room {
            let Some(frame) = state.to_host.pop_front() else { break };
            transfer.extend(eem::packet(&frame));
            if !state.quirks.batches {
                break;
            }
        }
        if transfer.len() > room {
            state.partial_in = transfer.split_off(room);
        } else if transfer.len() == room {
            state.raw_to_host.push_front(Vec::new());
        }
        if transfer.is_empty() { Answer::Nak } else { Answer::Data(transfer) }
    }

    fn rndis_in(state: &mut Ethernet, room: usize, packet: usize) -> Answer {
        if state.filter.unwrap_or(0) == 0 {
            state.to_host.clear();
            return Answer::Nak;
        }
        let Quirks { batches, no_zero_length_packet, .. } = state.quirks;
        let mut transfer = std::mem::take(&mut state.partial_in);
        while let Some(frame) = state.to_host.pop_front() {
            transfer.extend(packet_message(&frame));
            let open = no_zero_length_packet && transfer.len().is_multiple_of(packet);
            if !(batches || open) || transfer.len() >= room {
                break;
            }
        }
        if transfer.len() > room {
            state.partial_in = transfer.split_off(room);
        }
        if transfer.is_empty() { Answer::Nak } else { Answer::Data(transfer) }
    }

    fn command(&self, data: &[u8]) -> Answer {
        let mut state = self.state.borrow_mut();
        let word = |at: usize| {
            data.get(at..at + 4).map_or(0, |b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]))
        };
        let words = |words: &[u32]| words.iter().flat_map(|w| w.to_le_bytes()).collect::<Vec<_>>();
        if word(4) as usize != data.len() {
            state.garbage += 1;
            return Answer::Stall;
        }
        let id = word(8);
        state.empty_fetches = state.quirks.late_answers;
        let value = |value: &[u8]| {
            let mut answer =
                words(&[0x8000_0004, 24 + value.len() as u32, id, 0, value.len() as u32, 16]);
            answer.extend(value);
            answer
        };
        let response = match word(0) {
            2 => words(&[
                0x8000_0002,
                52,
                id,
                0,
                1,
                0,
                1,
                0,
                1,
                state.quirks.max_transfer_size,
                0,
                0,
                0,
            ]),
            4 if word(20) != 0 && word(20) + 8 >= word(4) => return Answer::Stall,
            4 => match word(12) {
                0x0001_0106 => value(&1514_u32.to_le_bytes()),
                0x0001_0107 => value(&1_000_000_u32.to_le_bytes()),
                0x0001_0114 => value(&0_u32.to_le_bytes()),
                0x0101_0101 => value(&state.quirks.mac),
                _ => value(&[]),
            },
            5 if word(12) == 0x0001_010e => {
                state.filter = Some(word(28));
                words(&[0x8000_0005, 16, id, 0])
            }
            5 => words(&[0x8000_0005, 16, id, 0xc000_00bb]),
            6 => {
                state.partial_in.clear();
                words(&[0x8000_0006, 16, 0, 1])
            }
            8 => {
                state.keepalives += 1;
                if state.mute {
                    return Answer::accept();
                }
                words(&[0x8000_0008, 16, id, 0])
            }
            0x8000_0008 => {
                state.keepalive_answers += 1;
                return Answer::accept();
            }
            _ => {
                state.garbage += 1;
                return Answer::Stall;
            }
        };
        state.responses.push_back(response);
        state.notifications.push_back(vec![0xa1, 1, 0, 0, 0, 0, 0, 0]);
        Answer::accept()
    }
}

fn packet_message(frame: &[u8]) -> Vec<u8> {
    let mut message: Vec<u8> = [1, 44 + frame.len() as u32, 36, frame.len() as u32]
        .into_iter()
        .chain([0; 7])
        .flat_map(u32::to_le_bytes)
        .collect();
    message.extend(frame);
    message
}

impl Model for EthernetDevice {
    fn device_descriptor(&self) -> Vec<u8> {
        self.device.clone()
    }

    fn configuration(&self, index: u8) -> Option<Vec<u8>> {
        self.configurations.get(usize::from(index)).cloned()
    }

    fn string(&self, index: u8) -> Option<String> {
        match index {
            1 => Some("QEMU".into()),
            2 => Some("RNDIS/QEMU USB Network Device".into()),
            3 => Some(self.state.borrow().quirks.mac_text.clone()),
            10 => Some("1-1".into()),
            _ => None,
        }
    }

    fn request(&mut self, setup: SetupPacket, data: &[u8]) -> Answer {
        match (setup.request_type, setup.request) {
            (0x21, 0x43) => {
                let mut state = self.state.borrow_mut();
                if state.quirks.no_packet_filter {
                    return Answer::Stall;
                }
                state.filter = Some(u32::from(setup.value));
                Answer::accept()
            }
            (0x21, 0) => self.command(data),
            (0xa1, 1) => {
                let mut state = self.state.borrow_mut();
                if let Some(left) = state.empty_fetches.checked_sub(1) {
                    state.empty_fetches = left;
                    return Answer::Data(vec![0]);
                }
                Answer::Data(state.responses.pop_front().unwrap_or_else(|| vec![0]))
            }
            (0x21 | 0xa1, 0x80..=0x8a) if Function::of(self.active()) == Function::Ncm => {
                let Ethernet { ntb, quirks, .. } = &mut *self.state.borrow_mut();
                ncm::request(ntb, &quirks.ntb, setup, data)
            }
            (0x02, 1) if !self.state.borrow().quirks.no_clear_halt => Answer::accept(),
            _ => Answer::Stall,
        }
    }

    fn transfer_in(&mut self, endpoint: u8, room: usize) -> Answer {
        if is_bulk(self.active(), endpoint) {
            return self.bulk_in(room);
        }
        self.state.borrow_mut().notifications.pop_front().map_or(Answer::Nak, Answer::Data)
    }

    fn transfer_out(&mut self, _: u8, data: &[u8], zero_length_packet: bool) -> Answer {
        let function = Function::of(self.active());
        let packet = packet_size(self.active());
        let mut state = self.state.borrow_mut();
        if state.quirks.deaf_out {
            return Answer::Nak;
        }
        state.transfers += 1;
        let ended = zero_length_packet || !data.len().is_multiple_of(packet);
        if function == Function::Rndis {
            let word = |at: usize| {
                data.get(at..at + 4).map_or(0, |b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]))
            };
            let (start, length) = (word(8) as usize + 8, word(12) as usize);
            let whole = word(0) == 1 && word(4) as usize == data.len() && ended;
            match data.get(start..start + length).filter(|_| whole) {
                Some(frame) => state.from_host.push(frame.to_vec()),
                None => state.garbage += 1,
            }
            return Answer::accept();
        }
        state.partial.extend(data);
        let largest = state.quirks.ntb.out_max_size as usize;
        if ended || data.is_empty() || (function == Function::Ncm && data.len() == largest) {
            let transfer = std::mem::take(&mut state.partial);
            let frames = match function {
                Function::Eem => eem::frames(&transfer),
                Function::Ncm => ncm::frames(&transfer, &state.quirks.ntb),
                _ if transfer.is_empty() => Some(Vec::new()),
                _ => Some(vec![transfer]),
            };
            match frames {
                Some(frames) => state.from_host.extend(frames),
                None => state.garbage += 1,
            }
        }
        Answer::accept()
    }

    fn restarted(&mut self, configuration: u8) {
        let mut state = self.state.borrow_mut();
        state.configuration = configuration;
        state.filter = None;
        state.ntb = ncm::State::default();
    }
}
