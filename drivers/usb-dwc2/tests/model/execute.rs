//! What an enabled channel does, transaction by transaction, as the hardware does it.

use super::core::{
    ACK, AHBERR, BBLERR, CHDIS, CHENA, CHHLTD, Channel, DATATGLERR, ENA, Event, FRMOVRUN, NAK,
    NYET, STALL, State, XACTERR, XFERCOMPL,
};
use super::device::{Answer, Fault, Way};
use std::time::Duration;
use usb_core::pipe::Speed;

pub const CONTROL: u32 = 0;
const BULK: u32 = 2;
pub const INTERRUPT: u32 = 3;
const SETUP: u32 = 3;

const US: fn(u64) -> Duration = Duration::from_micros;

impl Channel {
    fn mps(&self) -> usize {
        (self.hcchar & 0x7ff) as usize
    }
    pub fn endpoint(&self) -> u8 {
        (self.hcchar >> 11 & 15) as u8
    }
    pub fn is_in(&self) -> bool {
        self.hcchar & 1 << 15 != 0
    }
    pub fn kind(&self) -> u32 {
        self.hcchar >> 18 & 3
    }
    pub fn address(&self) -> u8 {
        (self.hcchar >> 22 & 0x7f) as u8
    }
    pub fn bytes(&self) -> usize {
        (self.hctsiz & 0x7_ffff) as usize
    }
    pub fn packets(&self) -> u32 {
        self.hctsiz >> 19 & 0x3ff
    }
    pub fn pid(&self) -> u32 {
        self.hctsiz >> 29 & 3
    }
    pub fn data1(&self) -> bool {
        self.pid() == 2
    }
    pub fn is_setup(&self) -> bool {
        self.pid() == SETUP && self.kind() == CONTROL
    }
    fn is_split(&self) -> bool {
        self.hcsplt & 1 << 31 != 0
    }
    pub fn is_complete_split(&self) -> bool {
        self.hcsplt & 1 << 16 != 0
    }
    pub fn set_size(&mut self, bytes: usize, packets: u32, pid: u32) {
        self.hctsiz = bytes as u32 | packets << 19 | pid << 29;
    }
    pub fn way(&self) -> Way {
        if self.is_in() { Way::In } else { Way::Out }
    }
}

impl State {
    /// (Micro)frames since the port was enabled.
    pub fn frame(&self) -> u32 {
        let since = self.now().saturating_sub(self.enabled_since).as_micros() as u32;
        let frames = if self.root_speed() == Speed::High { since / 125 } else { since / 1000 };
        self.first_frame + frames
    }

    /// The time left until a microframe begins.
    pub fn until_microframe(&self, frame: u32) -> Duration {
        let begins = self.enabled_since + US(125) * (frame - self.first_frame);
        begins.saturating_sub(self.now())
    }

    /// A channel has been enabled.
    pub fn start(&mut self, n: usize) {
        self.check_core();
        let mut channel = self.channels[n];
        assert_eq!(channel.hcint, 0, "channel {n} enabled with old interrupts");
        assert!(channel.hcintmsk & CHHLTD != 0, "channel {n} enabled with its halt masked");
        assert!(self.haint_mask & 1 << n != 0, "channel {n} masked in HAINTMSK");
        assert!(channel.mps() > 0 && channel.packets() > 0, "an empty program");
        let tries = if channel.kind() == INTERRUPT && channel.is_split() { 3 } else { 1 };
        assert_eq!(channel.hcchar >> 20 & 3, tries, "multi count");
        assert_eq!(channel.hcdma % 4, 0, "HCDMA is not a word address");
        if channel.is_in() {
            let whole = channel.packets() as usize * channel.mps();
            // The rest of an answer that comes in parts has less room.
            let rest = channel.kind() == INTERRUPT && channel.is_complete_split();
            assert!(
                channel.bytes() == whole || rest && channel.bytes() < whole,
                "IN of broken packets"
            );
        } else if !channel.is_complete_split() {
            let packets = channel.bytes().div_ceil(channel.mps()).max(1);
            assert_eq!(channel.packets() as usize, packets, "packet count");
        }
        if channel.is_in() && channel.kind() == BULK && channel.program > 0 {
            let pause = self.now() - self.halted_at[n];
            self.pauses.push(pause);
        }
        channel.program += 1;
        channel.sent = 0;
        channel.naks = 0;
        channel.hung = false;
        channel.length = channel.bytes();
        self.memory.begin(n, channel.hcdma, channel.length);
        if !channel.is_in() {
            // The core fetches ahead, so the byte count says nothing about what arrived.
            let (packets, pid) = (channel.packets(), channel.pid());
            let ping = channel.hctsiz & 1 << 31;
            channel.set_size(0, packets, pid);
            channel.hctsiz |= ping;
        }
        self.channels[n] = channel;
        let delay = if channel.kind() == INTERRUPT {
            // The next frame's start.
            let length = if self.root_speed() == Speed::High { 125 } else { 1000 };
            let since = self.now().saturating_sub(self.enabled_since).as_micros() as u64;
            let slip = if self.slips > 0 && channel.is_split() {
                self.slips -= 1;
                2 * length
            } else {
                0
            };
            US(length - since % length + slip)
        } else {
            US(10)
        };
        self.after(delay, Event::Transaction(n, channel.program));
    }

    /// Ends a channel's program.
    pub fn halt(&mut self, n: usize, bits: u32) {
        self.halted_at[n] = self.now();
        let channel = &mut self.channels[n];
        channel.hcchar &= !(CHENA | CHDIS);
        channel.hcint |= bits | CHHLTD;
        self.memory.end(n);
    }

    /// Channels that hang come to life again.
    pub fn shake(&mut self) {
        for n in 0..self.channels.len() {
            if std::mem::take(&mut self.channels[n].hung) {
                self.again(n, US(10));
            }
        }
    }

    fn again(&mut self, n: usize, delay: Duration) {
        let program = self.channels[n].program;
        self.after(delay, Event::Transaction(n, program));
    }

    /// One transaction of a channel.
    pub fn transaction(&mut self, n: usize, program: u64) {
        let channel = self.channels[n];
        if channel.program != program || channel.hcchar & CHENA == 0 {
            return;
        }
        if self.hprt0 & ENA == 0 || !self.has_master() {
            // No frames, no transactions, no halt.
            return;
        }
        if channel.kind() == INTERRUPT {
            let odd = channel.hcchar & 1 << 29 != 0;
            if odd != (self.frame() & 1 == 1) {
                self.halt(n, FRMOVRUN);
                return;
            }
        }
        if channel.is_split() {
            self.split_transaction(n);
            return;
        }
        let Some(id) = self.find(channel.address()) else {
            self.halt(n, XACTERR);
            return;
        };
        assert!(
            self.now() >= self.devices[id].quiet_until,
            "device {id} is talked to {:?} too early",
            self.devices[id].quiet_until - self.now()
        );
        let slower = self.root_speed() == Speed::High && self.devices[id].speed != Speed::High;
        assert!(!slower, "device {id} needs split transactions");
        match self.devices[id].take_fault(channel.endpoint(), channel.way()) {
            None => self.exchange(n, id, false),
            Some(Fault::HandshakeLost) => self.exchange(n, id, true),
            Some(Fault::Lost | Fault::TranslatorForgets) => self.halt(n, XACTERR),
            Some(Fault::Hang) => self.channels[n].hung = true,
            Some(Fault::HaltWithoutCause) => self.halt(n, 0),
            Some(Fault::Dma) => self.dma_fault(n),
            Some(Fault::Nak) => self.nak(n, false),
            Some(Fault::NakAndHalt) => self.nak(n, true),
            Some(Fault::Babble) => self.halt(n, BBLERR),
            Some(Fault::BabbleAndDisable) => {
                self.halt(n, BBLERR);
                self.after(US(200), Event::PortDisabled);
            }
        }
        self.poke_hubs();
    }

    /// The AHB answers with an error; that alone does not halt the channel.
    pub fn dma_fault(&mut self, n: usize) {
        self.channels[n].hcint |= AHBERR;
    }

    /// A NAK: periodic channels halt, the others ask again by themselves.
    fn nak(&mut self, n: usize, halts: bool) {
        if halts || self.channels[n].kind() == INTERRUPT {
            self.halt(n, NAK);
        } else {
            let channel = &mut self.channels[n];
            channel.hcint |= NAK;
            // Time passes faster where nothing happens: nobody can tell one question from many.
            channel.naks = (channel.naks + 1).min(self.most_patience);
            let delay = US(125) * channel.naks;
            self.again(n, delay);
        }
    }

    fn exchange(&mut self, n: usize, id: usize, lose_handshake: bool) {
        let now = self.now();
        let channel = self.channels[n];
        let device = &mut self.devices[id];
        let endpoint = channel.endpoint();
        if channel.is_setup() {
            let bytes = self.memory.read(channel.hcdma, 8);
            assert_eq!((channel.length, channel.packets()), (8, 1), "a SETUP is one packet of 8");
            let answer = device.setup(bytes.try_into().expect("eight bytes"));
            assert_eq!(answer, Answer::Ack);
            if lose_handshake {
                self.halt(n, XACTERR);
            } else {
                self.channels[n].set_size(0, 0, 2);
                self.halt(n, XFERCOMPL | ACK);
            }
        } else if channel.is_in() {
            let answer = device.token_in(endpoint, channel.mps(), now);
            self.take_in(n, id, answer, lose_handshake);
        } else {
            if channel.hctsiz & 1 << 31 != 0 {
                match device.ping(endpoint) {
                    Answer::Nak => {
                        self.channels[n].hcint |= NAK;
                        self.again(n, US(125));
                        return;
                    }
                    _ => self.channels[n].hctsiz &= !(1 << 31),
                }
            }
            let length = channel.mps().min(channel.length - channel.sent);
            let bytes = self.memory.read(channel.hcdma, length);
            let answer = device.token_out(endpoint, channel.data1(), &bytes);
            if lose_handshake {
                self.halt(n, XACTERR);
                return;
            }
            self.put_out(n, id, answer, length);
        }
    }

    fn take_in(&mut self, n: usize, id: usize, answer: Answer, lose_handshake: bool) {
        let mut channel = self.channels[n];
        match answer {
            Answer::Data { data1, bytes } => {
                if bytes.len() > channel.mps() {
                    self.halt(n, BBLERR);
                    return;
                }
                if lose_handshake {
                    // The host never acknowledged, so the device will send it again.
                    if channel.endpoint() == 0 {
                        panic!("lose the handshakes of control OUT only");
                    }
                    self.halt(n, XACTERR);
                    return;
                }
                let repeated = data1 != channel.data1();
                if channel.endpoint() != 0 {
                    self.devices[id].acknowledged(channel.endpoint());
                }
                if repeated {
                    self.halt(n, DATATGLERR | ACK);
                    return;
                }
                self.memory.write(channel.hcdma, &bytes);
                channel.hcdma += bytes.len() as u32;
                let (left, packets) = (channel.bytes() - bytes.len(), channel.packets() - 1);
                channel.set_size(left, packets, if data1 { 0 } else { 2 });
                let done = bytes.len() < channel.mps() || packets == 0;
                self.channels[n] = channel;
                if done {
                    self.halt(n, XFERCOMPL | ACK);
                } else {
                    self.channels[n].hcint |= ACK;
                    self.again(n, US(10));
                }
            }
            Answer::Nak => self.nak(n, false),
            Answer::Stall => self.halt(n, STALL),
            _ => self.halt(n, XACTERR),
        }
    }

    fn put_out(&mut self, n: usize, id: usize, answer: Answer, length: usize) {
        let mut channel = self.channels[n];
        match answer {
            Answer::Ack | Answer::Nyet => {
                channel.sent += length;
                channel.hcdma += length as u32;
                let packets = channel.packets() - 1;
                channel.set_size(0, packets, if channel.data1() { 0 } else { 2 });
                channel.hcint |= if answer == Answer::Nyet { NYET } else { ACK };
                self.channels[n] = channel;
                if packets == 0 {
                    self.halt(n, XFERCOMPL);
                    return;
                }
                if answer == Answer::Nyet {
                    // Inside a program the core asks with PING by itself.
                    self.devices[id].ping(channel.endpoint());
                }
                self.again(n, US(10));
            }
            Answer::Nak => self.nak(n, false),
            Answer::Stall => self.halt(n, STALL),
            _ => self.halt(n, XACTERR),
        }
    }
}
