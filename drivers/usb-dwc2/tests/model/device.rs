//! A simulated USB device: control requests, endpoints with toggles, faults on demand.

use super::echo::Echo;
use super::hub::Hub;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;
use usb_core::pipe::Speed;

pub type DeviceId = usize;

/// What goes wrong with one transaction of an endpoint.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// The token or an OUT's data never arrives whole (noise, an underrun of the transmit FIFO):
    /// nothing happens in the device.
    Lost,
    /// What the device answers is lost (noise, an overrun of the receive FIFO): it has acted, the
    /// host does not know.
    HandshakeLost,
    /// More data than the endpoint may send.
    Babble,
    /// As `Babble`, and the port goes down.
    BabbleAndDisable,
    /// The channel stays enabled and says nothing.
    Hang,
    /// The channel halts without a cause.
    HaltWithoutCause,
    /// The controller's DMA fails.
    Dma,
    /// A NAK.
    Nak,
    /// A NAK that halts a bulk or control channel.
    NakAndHalt,
    /// A translator that never gets a result.
    TranslatorForgets,
}

/// What a device answers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Answer {
    Data {
        data1: bool,
        bytes: Vec<u8>,
    },
    Ack,
    Nyet,
    Nak,
    Stall,
    /// Nobody there, or a packet the device ignores.
    Nothing,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Way {
    Out,
    In,
}

pub struct Endpoint {
    pub mps: usize,
    pub interrupt: bool,
    pub data1: bool,
    pub halted: bool,
    /// IN: packets to send.
    pub queue: VecDeque<Vec<u8>>,
    /// OUT: packets taken, in order.
    pub received: Vec<Vec<u8>>,
    /// OUT at high speed: answer NYET after taking a packet, and want a PING next.
    pub nyet: bool,
    pub wants_ping: bool,
    /// PINGs to answer with NAK.
    pub ping_naks: u32,
    /// OUT packets dropped because their PID was the old one.
    pub repeated: u32,
    /// PINGs seen.
    pub pings: u32,
    /// Times it was asked or told anything.
    pub transactions: u32,
}

impl Endpoint {
    fn new(mps: usize, interrupt: bool) -> Self {
        Self {
            mps,
            interrupt,
            data1: false,
            halted: false,
            queue: VecDeque::new(),
            received: Vec::new(),
            nyet: false,
            wants_ping: false,
            ping_naks: 0,
            repeated: 0,
            pings: 0,
            transactions: 0,
        }
    }

    /// Queues a transfer, with the closing zero-length packet if it needs one.
    pub fn send(&mut self, data: &[u8]) {
        for packet in data.chunks(self.mps) {
            self.queue.push_back(packet.to_vec());
        }
        if data.len().is_multiple_of(self.mps) {
            self.queue.push_back(Vec::new());
        }
    }

    pub fn all_received(&self) -> Vec<u8> {
        self.received.concat()
    }
}

enum Control {
    Idle,
    In {
        data: Vec<u8>,
        sent: usize,
    },
    Out {
        setup: [u8; 8],
        data: Vec<u8>,
        wanted: usize,
    },
    Stalled,
    /// It answers nothing but NAK.
    Silent,
}

pub struct Device {
    pub address: u8,
    pub speed: Speed,
    pub mps0: usize,
    pub device_descriptor: Vec<u8>,
    pub configurations: Vec<Vec<u8>>,
    pub configured: u8,
    pub endpoints: BTreeMap<(u8, Way), Endpoint>,
    pub faults: BTreeMap<(u8, Way), VecDeque<Fault>>,
    /// Where it is plugged in: the root port, or a hub's port.
    pub parent: Option<(DeviceId, usize)>,
    pub attached: bool,
    /// It has been reset since it was attached, so it answers.
    pub alive: bool,
    pub hub: Option<Hub>,
    pub echo: Option<Echo>,
    /// It does not answer a request for so many bytes of its descriptor before it has an address.
    pub dislikes_length: Option<usize>,
    /// Vendor request 1 writes and reads this.
    pub memory: Vec<u8>,
    /// Count of control requests carried out.
    pub requests: u32,
    control: Control,
    control_in_data1: bool,
    control_out_data1: bool,
    new_address: Option<u8>,
    /// It must be left alone until then.
    pub quiet_until: Duration,
}

impl Device {
    pub fn new(speed: Speed, mps0: usize) -> Self {
        let mut device_descriptor =
            vec![18, 1, 0, 2, 0xff, 0, 0, mps0 as u8, 0x34, 0x12, 0x78, 0x56, 0, 1, 0, 0, 0, 1];
        device_descriptor[7] = mps0 as u8;
        Self {
            address: 0,
            speed,
            mps0,
            device_descriptor,
            configurations: Vec::new(),
            configured: 0,
            endpoints: BTreeMap::new(),
            faults: BTreeMap::new(),
            parent: None,
            attached: false,
            alive: false,
            hub: None,
            echo: None,
            dislikes_length: None,
            memory: vec![0; 4096],
            requests: 0,
            control: Control::Idle,
            control_in_data1: true,
            control_out_data1: true,
            new_address: None,
            quiet_until: Duration::ZERO,
        }
    }

    /// Adds an endpoint.
    pub fn endpoint(mut self, number: u8, way: Way, mps: usize, interrupt: bool) -> Self {
        self.endpoints.insert((number, way), Endpoint::new(mps, interrupt));
        self
    }

    pub fn at(&mut self, number: u8, way: Way) -> &mut Endpoint {
        self.endpoints.get_mut(&(number, way)).expect("the endpoint")
    }

    pub fn fault(&mut self, number: u8, way: Way, faults: &[Fault]) {
        self.faults.entry((number, way)).or_default().extend(faults);
    }

    /// The fault that the next transaction meets.
    pub fn next_fault(&self, number: u8, way: Way) -> Option<Fault> {
        self.faults.get(&(number, way))?.front().copied()
    }

    pub fn take_fault(&mut self, number: u8, way: Way) -> Option<Fault> {
        self.faults.get_mut(&(number, way))?.pop_front()
    }

    /// The type of an endpoint, as HCCHAR.EPTYPE has it.
    pub fn endpoint_kind(&self, number: u8, way: Way) -> u32 {
        match self.endpoints.get(&(number, way)) {
            _ if number == 0 => 0,
            Some(endpoint) if endpoint.interrupt => 3,
            Some(_) => 2,
            None => 0,
        }
    }

    /// Bytes in a packet of an IN endpoint.
    pub fn packet_size(&self, number: u8) -> usize {
        self.endpoints.get(&(number, Way::In)).map_or(self.mps0, |endpoint| endpoint.mps)
    }

    pub fn reset(&mut self, now: Duration) {
        self.address = 0;
        self.configured = 0;
        self.alive = true;
        self.control = Control::Idle;
        self.new_address = None;
        self.quiet_until = now + Duration::from_millis(10);
        for endpoint in self.endpoints.values_mut() {
            endpoint.data1 = false;
            endpoint.halted = false;
            endpoint.wants_ping = false;
        }
        self.echo_restart();
        if let Some(hub) = &mut self.hub {
            hub.reset();
        }
    }

    pub fn setup(&mut self, setup: [u8; 8]) -> Answer {
        let wanted = usize::from(u16::from_le_bytes([setup[6], setup[7]]));
        self.control_in_data1 = true;
        self.control_out_data1 = true;
        let in_default_state = self.address == 0 && setup[1] == 6;
        self.control = if in_default_state && self.dislikes_length == Some(wanted) {
            Control::Silent
        } else if setup[0] & 0x80 != 0 {
            match self.request_in(setup) {
                Some(mut data) => {
                    data.truncate(wanted);
                    self.requests += 1;
                    Control::In { data, sent: 0 }
                }
                None => Control::Stalled,
            }
        } else {
            Control::Out { setup, data: Vec::new(), wanted }
        };
        Answer::Ack
    }

    /// IN on endpoint 0. `most` is the packet size, or for QEMU what fits.
    fn control_in(&mut self, most: usize, now: Duration) -> Answer {
        match &mut self.control {
            Control::In { data, sent } => {
                let end = (*sent + most).min(data.len());
                let bytes = data[*sent..end].to_vec();
                *sent = end;
                let data1 = self.control_in_data1;
                self.control_in_data1 = !data1;
                Answer::Data { data1, bytes }
            }
            Control::Out { setup, data, wanted } => {
                if data.len() < *wanted {
                    return Answer::Stall;
                }
                let (setup, data) = (*setup, core::mem::take(data));
                if !self.request_out(setup, &data) {
                    self.control = Control::Stalled;
                    return Answer::Stall;
                }
                self.requests += 1;
                self.control = Control::Idle;
                if let Some(address) = self.new_address.take() {
                    self.address = address;
                    self.quiet_until = now + Duration::from_millis(2);
                }
                Answer::Data { data1: true, bytes: Vec::new() }
            }
            Control::Stalled => Answer::Stall,
            Control::Silent => Answer::Nak,
            // The status stage once more: its handshake was lost.
            Control::Idle => Answer::Data { data1: true, bytes: Vec::new() },
        }
    }

    /// OUT on endpoint 0 without regard to its PID.
    pub fn control_out_any(&mut self, bytes: &[u8]) -> Answer {
        let data1 = self.control_out_data1 || matches!(self.control, Control::In { .. });
        self.control_out(data1, bytes)
    }

    fn control_out(&mut self, data1: bool, bytes: &[u8]) -> Answer {
        match &mut self.control {
            Control::Out { data, wanted, .. } => {
                if data1 == self.control_out_data1 {
                    self.control_out_data1 = !data1;
                    data.extend_from_slice(bytes);
                    assert!(data.len() <= *wanted, "more data than wLength");
                }
                Answer::Ack
            }
            Control::In { .. } | Control::Idle => {
                assert!(bytes.is_empty() && data1, "a status stage is empty and DATA1");
                self.control = Control::Idle;
                Answer::Ack
            }
            Control::Stalled => Answer::Stall,
            Control::Silent => Answer::Nak,
        }
    }

    /// IN token.
    pub fn token_in(&mut self, number: u8, most: usize, now: Duration) -> Answer {
        if number == 0 {
            return self.control_in(most, now);
        }
        if let Some(hub) = &self.hub
            && number == 1
        {
            let bytes = hub.changes();
            let endpoint = self.at(1, Way::In);
            endpoint.transactions += 1;
            return match bytes {
                Some(bytes) => {
                    endpoint.queue.push_front(bytes.clone());
                    Answer::Data { data1: endpoint.data1, bytes }
                }
                None => Answer::Nak,
            };
        }
        let Some(endpoint) = self.endpoints.get_mut(&(number, Way::In)) else {
            return Answer::Nothing;
        };
        endpoint.transactions += 1;
        if endpoint.halted {
            return Answer::Stall;
        }
        match endpoint.queue.front() {
            Some(packet) => Answer::Data { data1: endpoint.data1, bytes: packet.clone() },
            None => Answer::Nak,
        }
    }

    /// The host has acknowledged what [`Device::token_in`] sent.
    pub fn acknowledged(&mut self, number: u8) {
        if let Some(endpoint) = self.endpoints.get_mut(&(number, Way::In)) {
            let sent = endpoint.queue.pop_front();
            endpoint.data1 = !endpoint.data1;
            self.echo_sent(number, sent.map_or(0, |packet| packet.len()));
        }
    }

    /// OUT token with its data.
    pub fn token_out(&mut self, number: u8, data1: bool, bytes: &[u8]) -> Answer {
        if number == 0 {
            return self.control_out(data1, bytes);
        }
        let Some(endpoint) = self.endpoints.get_mut(&(number, Way::Out)) else {
            return Answer::Nothing;
        };
        endpoint.transactions += 1;
        if endpoint.halted {
            return Answer::Stall;
        }
        assert!(!endpoint.wants_ping, "OUT without PING after NYET");
        assert!(bytes.len() <= endpoint.mps, "a packet larger than the endpoint's");
        if data1 == endpoint.data1 {
            endpoint.data1 = !data1;
            if self.echo.is_none() {
                endpoint.received.push(bytes.to_vec());
            }
            self.echo_take(number, bytes);
        } else {
            endpoint.repeated += 1;
        }
        let endpoint = self.at(number, Way::Out);
        if endpoint.nyet {
            endpoint.wants_ping = true;
            Answer::Nyet
        } else {
            Answer::Ack
        }
    }

    /// PING.
    pub fn ping(&mut self, number: u8) -> Answer {
        let Some(endpoint) = self.endpoints.get_mut(&(number, Way::Out)) else {
            return Answer::Ack;
        };
        endpoint.pings += 1;
        if endpoint.ping_naks > 0 {
            endpoint.ping_naks -= 1;
            return Answer::Nak;
        }
        endpoint.wants_ping = false;
        Answer::Ack
    }

    fn request_in(&mut self, setup: [u8; 8]) -> Option<Vec<u8>> {
        let [kind, request, value, index, ..] = setup;
        let number = usize::from(value);
        match (kind, request) {
            (0x80, 6) => match index {
                1 => Some(self.device_descriptor.clone()),
                2 => self.configurations.get(number).cloned(),
                _ => None,
            },
            (0x80, 0) => Some(vec![0, 0]),
            (0x80, 8) => Some(vec![self.configured]),
            (0xc0, 1) => Some(self.memory.clone()),
            _ => self.hub.as_mut()?.request_in(setup),
        }
    }

    fn request_out(&mut self, setup: [u8; 8], data: &[u8]) -> bool {
        let [kind, request, value, _, index, ..] = setup;
        match (kind, request) {
            (0x00, 5) => self.new_address = Some(value),
            (0x00, 9) => {
                self.configured = value;
                for endpoint in self.endpoints.values_mut() {
                    endpoint.data1 = false;
                    endpoint.halted = false;
                    // A new configuration begins with empty buffers.
                    endpoint.wants_ping = false;
                }
                self.echo_restart();
            }
            (0x01, 11) => match &mut self.hub {
                Some(hub) if hub.multi && value <= 1 => hub.alternate = value,
                _ if value == 0 => {}
                Some(_) => return false,
                None => {}
            },
            (0x02, 1) if value == 0 => {
                let way = if index & 0x80 != 0 { Way::In } else { Way::Out };
                match self.endpoints.get_mut(&(index & 15, way)) {
                    Some(endpoint) => {
                        endpoint.halted = false;
                        endpoint.data1 = false;
                        self.echo_clear(index & 15, way);
                    }
                    None => return false,
                }
            }
            (0x40, 1) => self.memory[..data.len()].copy_from_slice(data),
            _ => match &mut self.hub {
                Some(hub) => return hub.request_out(setup),
                None => return false,
            },
        }
        true
    }
}
