//! A hub's transaction translator (USB 2.0 sections 11.14, 11.17, 11.18): it carries out a packet on
//! the slower bus some time after the start-split and has the answer ready for a complete-split.

use super::core::{
    ACK, BBLERR, Channel, DATATGLERR, Event, NAK, NYET, STALL, State, XACTERR, XFERCOMPL,
};
use super::device::{Answer, Fault};
use super::execute::{CONTROL, INTERRUPT};
use std::time::Duration;
use usb_core::pipe::Speed;

/// Packets that a translator keeps for control and bulk endpoints.
const BUFFERS: usize = 2;
/// From a start-split to its last complete-split that finds a periodic answer, in microframes.
const LAST_COMPLETE: u32 = 5;

const US: fn(u64) -> Duration = Duration::from_micros;

/// Which endpoint, which way, as the tokens name it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Key {
    address: u8,
    endpoint: u8,
    kind: u32,
    is_in: bool,
}

impl Key {
    fn of(channel: &Channel) -> Self {
        Self {
            address: channel.address(),
            endpoint: channel.endpoint(),
            kind: channel.kind(),
            is_in: channel.is_in(),
        }
    }

    /// As CLEAR_TT_BUFFER names it.
    fn value(&self) -> u16 {
        u16::from(self.endpoint)
            | u16::from(self.address) << 4
            | (self.kind as u16) << 11
            | u16::from(self.is_in) << 15
    }
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Stage {
    /// Not yet on the slower bus.
    Waiting,
    /// The answer, not asked for yet.
    Ready(Answer),
    /// Part of the data has been given away.
    Partly { data1: bool, rest: Vec<u8> },
    /// The answer once more, should the first time have got lost.
    Old(Answer),
    /// There will never be one.
    Lost,
}

/// A packet in a translator.
#[derive(Clone, Debug)]
pub struct Packet {
    key: Key,
    device: usize,
    setup: bool,
    data1: bool,
    bytes: Vec<u8>,
    stage: Stage,
    /// The microframe of its start-split.
    start: u32,
    number: u64,
}

#[derive(Clone, Default, Debug)]
pub struct Translator {
    packets: Vec<Packet>,
    /// Periodic answers that nobody asked for in time.
    pub missed: u32,
    count: u64,
}

impl Translator {
    pub fn clear(&mut self, value: u16) {
        self.packets.retain(|packet| packet.key.value() != value);
    }

    fn find(&mut self, key: Key) -> Option<&mut Packet> {
        self.packets.iter_mut().find(|packet| packet.key == key)
    }

    /// Makes room; false when everything is in use.
    fn make_room(&mut self) -> bool {
        if self.packets.iter().filter(|packet| packet.key.kind != INTERRUPT).count() < BUFFERS {
            return true;
        }
        let old = self.packets.iter().position(|packet| matches!(packet.stage, Stage::Old(_)));
        old.map(|old| self.packets.remove(old)).is_some()
    }
}

impl State {
    fn translator(&mut self, hub: usize, port: usize) -> &mut Translator {
        self.devices[hub].hub.as_mut().expect("a hub").translator(port)
    }

    /// One half of a split transaction.
    pub fn split_transaction(&mut self, n: usize) {
        let channel = self.channels[n];
        let (hub_address, port) =
            ((channel.hcsplt >> 7 & 0x7f) as u8, (channel.hcsplt & 0x7f) as usize);
        assert_eq!(channel.hcsplt >> 14 & 3, 3, "XACTPOS");
        assert_eq!(self.root_speed(), Speed::High, "splits need a high-speed root port");
        let Some(hub) = self.find(hub_address) else {
            self.halt(n, XACTERR);
            return;
        };
        assert_eq!(self.devices[hub].speed, Speed::High, "a slower hub has no translator");
        if channel.is_complete_split() {
            self.complete_split(n, hub, port);
            return;
        }
        match self.find(channel.address()) {
            Some(id) => {
                let (mut place, mut at_port) = self.devices[id].parent.expect("behind a hub");
                while place != hub {
                    (place, at_port) = self.devices[place].parent.expect("the hub is upstream");
                }
                assert_eq!(port, at_port, "the translator's port");
                let low = self.devices[id].speed == Speed::Low;
                assert_eq!(channel.hcchar & 1 << 17 != 0, low, "LSPDDEV");
                self.start_split(n, id, hub, port);
            }
            // The translator takes the packet and finds out later; here it takes the short way.
            None => self.halt(n, XACTERR),
        }
    }

    fn start_split(&mut self, n: usize, id: usize, hub: usize, port: usize) {
        let channel = self.channels[n];
        assert!(
            self.now() >= self.devices[id].quiet_until,
            "device {id} is talked to {:?} too early",
            self.devices[id].quiet_until - self.now()
        );
        let (key, frame, setup) = (Key::of(&channel), self.frame(), channel.is_setup());
        let periodic = key.kind == INTERRUPT;
        let real_kind = self.devices[id].endpoint_kind(key.endpoint, channel.way());
        if periodic {
            assert_eq!(real_kind, INTERRUPT, "a periodic split for another endpoint");
            assert!(frame % 8 != 6, "a periodic start-split in microframe 6");
        }
        let fault = self.devices[id].next_fault(key.endpoint, channel.way());
        if matches!(fault, Some(Fault::Lost | Fault::TranslatorForgets)) {
            self.devices[id].take_fault(key.endpoint, channel.way());
        }
        if fault == Some(Fault::Lost) {
            self.halt(n, XACTERR);
            return;
        }
        let strict = self.devices[hub].hub.as_ref().expect("a hub").strict;
        let lost = fault == Some(Fault::TranslatorForgets)
            || strict && key.kind == CONTROL && real_kind == INTERRUPT;
        let bytes =
            if key.is_in { Vec::new() } else { self.memory.read(channel.hcdma, channel.length) };
        // The core's pointer moves although nothing is known to have arrived.
        self.channels[n].hcdma += channel.length as u32;
        let translator = self.translator(hub, port);
        if let Some(known) = translator.find(key) {
            if !periodic && matches!(known.stage, Stage::Waiting | Stage::Ready(_) | Stage::Lost) {
                // A repetition: the first one's acknowledgement was lost.
                known.stage = match (&known.stage, lost) {
                    (Stage::Lost, false) => Stage::Waiting,
                    (stage, _) => stage.clone(),
                };
                let (waiting, number) = (known.stage == Stage::Waiting, known.number);
                self.halt(n, ACK);
                if waiting {
                    self.after(US(200), Event::Translate(hub, port, number));
                }
                return;
            }
            translator.packets.retain(|packet| packet.key != key);
        }
        if !periodic && !translator.make_room() {
            self.halt(n, NAK);
            return;
        }
        translator.count += 1;
        let number = translator.count;
        let stage = if lost { Stage::Lost } else { Stage::Waiting };
        let data1 = channel.data1();
        translator.packets.push(Packet {
            key,
            device: id,
            setup,
            data1,
            bytes,
            stage,
            start: frame,
            number,
        });
        self.halt(n, ACK);
        let delay = if periodic {
            // In the microframe after this one.
            self.until_microframe(frame + 1) + US(60)
        } else {
            US(400)
        };
        self.after(delay, Event::Translate(hub, port, number));
    }

    /// The packet's turn on the slower bus.
    pub fn translate(&mut self, hub: usize, port: usize, number: u64) {
        let packet = self.translator(hub, port).packets.iter().find(|p| p.number == number);
        let Some(packet) = packet.filter(|packet| packet.stage == Stage::Waiting).cloned() else {
            return;
        };
        let Packet { key, setup, data1, bytes, .. } = packet;
        let answer = match self.find(key.address) {
            None => Answer::Nothing,
            Some(id) => {
                let way = if key.is_in { super::device::Way::In } else { super::device::Way::Out };
                let now = self.now();
                let device = &mut self.devices[id];
                if matches!(
                    device.next_fault(key.endpoint, way),
                    Some(Fault::Nak | Fault::NakAndHalt)
                ) {
                    device.take_fault(key.endpoint, way);
                    Answer::Nak
                } else if setup {
                    device.setup(bytes.try_into().expect("a SETUP has eight bytes"))
                } else if key.is_in {
                    let answer =
                        device.token_in(key.endpoint, device.packet_size(key.endpoint), now);
                    // The translator acknowledges; whether its answer is fetched is another matter.
                    if matches!(answer, Answer::Data { .. }) && key.endpoint != 0 {
                        device.acknowledged(key.endpoint);
                    }
                    answer
                } else {
                    device.token_out(key.endpoint, data1, &bytes)
                }
            }
        };
        let translator = self.translator(hub, port);
        if let Some(packet) = translator.packets.iter_mut().find(|p| p.number == number) {
            packet.stage = Stage::Ready(answer);
        }
        self.poke_hubs();
    }

    fn complete_split(&mut self, n: usize, hub: usize, port: usize) {
        let channel = self.channels[n];
        let (key, frame) = (Key::of(&channel), self.frame());
        let periodic = key.kind == INTERRUPT;
        let splits_answers = self.devices[hub].hub.as_ref().expect("a hub").splits_answers;
        let translator = self.translator(hub, port);
        let Some(packet) = translator.find(key).map(|packet| packet.clone()) else {
            self.halt(n, NYET);
            return;
        };
        if periodic && frame - packet.start > LAST_COMPLETE {
            translator.missed += u32::from(!matches!(packet.stage, Stage::Old(_)));
            translator.packets.retain(|packet| packet.key != key);
            self.halt(n, NYET);
            return;
        }
        if matches!(packet.stage, Stage::Waiting | Stage::Lost)
            || periodic && frame - packet.start < 2
        {
            self.halt(n, NYET);
            return;
        }
        // What happens between the hub and here; the rest is for the next turn on the slower bus.
        let fault = self.devices[packet.device].next_fault(key.endpoint, channel.way());
        let fault = fault.filter(|fault| !matches!(fault, Fault::Nak | Fault::NakAndHalt));
        if let Some(fault) = fault {
            self.devices[packet.device].take_fault(key.endpoint, channel.way());
            match fault {
                Fault::Hang => self.channels[n].hung = true,
                Fault::HaltWithoutCause => self.halt(n, 0),
                Fault::Dma => self.dma_fault(n),
                Fault::Babble | Fault::BabbleAndDisable => self.halt(n, BBLERR),
                _ => self.halt(n, XACTERR),
            }
            if fault == Fault::BabbleAndDisable {
                self.after(US(200), Event::PortDisabled);
            }
            return;
        }
        let (answer, part) = match packet.stage {
            Stage::Ready(Answer::Data { data1, bytes })
                if periodic && splits_answers && bytes.len() >= 8 =>
            {
                let rest = bytes[4..].to_vec();
                self.set_stage(hub, port, key, Stage::Partly { data1, rest });
                self.memory.write(channel.hcdma, &bytes[..4]);
                let channel = &mut self.channels[n];
                channel.hcdma += 4;
                channel.set_size(channel.bytes() - 4, 1, channel.pid());
                self.halt(n, ACK);
                return;
            }
            Stage::Partly { data1, rest } => (Answer::Data { data1, bytes: rest }, true),
            Stage::Ready(answer) | Stage::Old(answer) => (answer, false),
            Stage::Waiting | Stage::Lost => unreachable!("sorted out above"),
        };
        let old = if part { Stage::Lost } else { Stage::Old(answer.clone()) };
        self.set_stage(hub, port, key, old);
        match answer {
            Answer::Data { data1, bytes } => {
                if data1 != channel.data1() {
                    self.halt(n, DATATGLERR | ACK);
                    return;
                }
                assert!(bytes.len() <= channel.bytes(), "more than there is room for");
                self.memory.write(channel.hcdma, &bytes);
                let left = channel.bytes() - bytes.len();
                self.channels[n].set_size(left, 0, if data1 { 0 } else { 2 });
                self.halt(n, XFERCOMPL | ACK);
            }
            Answer::Ack | Answer::Nyet => {
                let next = if packet.setup || !packet.data1 { 2 } else { 0 };
                self.channels[n].set_size(0, 0, next);
                self.halt(n, XFERCOMPL | ACK);
            }
            Answer::Nak => self.halt(n, NAK),
            Answer::Stall => self.halt(n, STALL),
            Answer::Nothing => self.halt(n, XACTERR),
        }
    }

    fn set_stage(&mut self, hub: usize, port: usize, key: Key, stage: Stage) {
        if let Some(packet) = self.translator(hub, port).find(key) {
            packet.stage = stage;
        }
    }
}
