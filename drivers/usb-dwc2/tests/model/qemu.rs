//! What QEMU's model does with a channel instead: transactions inside the store that enables it,
//! no toggles, pending channels that can't be taken back, and an abort when their device is gone.

use super::core::{CHDIS, CHENA, CHHLTD, Event, NAK, STALL, State, XFERCOMPL};
use super::device::{Answer, Fault};
use std::time::Duration;

const STEP: usize = 1536;
const INTERRUPT: u32 = 3;

impl State {
    pub fn qemu_hcchar(&mut self, n: usize, value: u32) {
        let old = self.channels[n].hcchar;
        if value & CHDIS != 0 && old & CHDIS == 0 {
            // Takes effect at once, but a pending channel stays pending.
            self.channels[n].hcchar = value & !(CHENA | CHDIS);
            self.channels[n].hcint |= CHHLTD;
            if !self.channels[n].needs_service {
                self.memory.end(n);
            }
            return;
        }
        self.channels[n].hcchar = value | old & CHENA;
        if value & CHENA == 0 || old & CHENA != 0 {
            return;
        }
        let channel = &mut self.channels[n];
        channel.program += 1;
        channel.small = channel.bytes() <= STEP;
        channel.length = channel.bytes();
        channel.devadr = channel.address();
        let (address, length, devadr) = (channel.hcdma, channel.length, channel.devadr);
        self.memory.end(n);
        self.memory.begin(n, address, length);
        if self.find(devadr).is_none() {
            // Nothing, for ever.
            return;
        }
        self.qemu_packet(n);
        self.after(Duration::from_micros(1), Event::Service);
    }

    /// The bottom half.
    pub fn qemu_service(&mut self) {
        let mut found = false;
        for n in 0..self.channels.len() {
            if self.channels[n].needs_service {
                let devadr = self.channels[n].devadr;
                assert!(self.find(devadr).is_some(), "QEMU aborts: assertion `dev != NULL' failed");
                self.qemu_packet(n);
                found = true;
            }
        }
        if found {
            self.after(Duration::from_micros(250), Event::Service);
        }
    }

    fn qemu_packet(&mut self, n: usize) {
        let now = self.now();
        let mut channel = self.channels[n];
        let mps = (channel.hcchar & 0x7ff) as usize;
        if mps == 0 {
            return;
        }
        let id = self.find(channel.devadr).expect("looked up before");
        let endpoint = channel.endpoint();
        let whole = channel.bytes();
        let most = if channel.small { whole.min(mps) } else { whole };
        let fault = self.devices[id].take_fault(endpoint, channel.way());
        let answer = if matches!(fault, Some(Fault::Nak | Fault::NakAndHalt)) {
            Answer::Nak
        } else if channel.is_setup() {
            let bytes = self.memory.read(channel.hcdma, 8);
            self.devices[id].setup(bytes.try_into().expect("eight bytes"))
        } else if channel.is_in() {
            self.qemu_in(id, endpoint, most, now)
        } else {
            let bytes = self.memory.read(channel.hcdma, most);
            self.qemu_out(id, endpoint, &bytes)
        };
        let actual = match answer {
            Answer::Data { bytes, .. } => {
                self.memory.write(channel.hcdma, &bytes);
                bytes.len()
            }
            Answer::Ack => most,
            Answer::Nak if channel.kind() != INTERRUPT => {
                channel.hcint |= NAK;
                channel.needs_service = true;
                self.channels[n] = channel;
                return;
            }
            other => {
                channel.hcint |= CHHLTD | if other == Answer::Nak { NAK } else { STALL };
                self.qemu_done(n, channel);
                return;
            }
        };
        let broken = actual % mps != 0;
        let packets = channel.packets().saturating_sub(actual.div_ceil(mps) as u32);
        let left = whole - actual;
        channel.hctsiz = channel.hctsiz & 0xe000_0000 | packets << 19 | left as u32;
        channel.hcdma += actual as u32;
        if packets == 0 || left == 0 || actual == 0 || channel.is_in() && broken {
            channel.hcint |= XFERCOMPL | CHHLTD;
            self.qemu_done(n, channel);
        } else {
            channel.needs_service = true;
            self.channels[n] = channel;
        }
        self.poke_hubs();
    }

    fn qemu_done(&mut self, n: usize, mut channel: super::core::Channel) {
        channel.hcchar &= !CHENA;
        channel.needs_service = false;
        self.channels[n] = channel;
        self.memory.end(n);
    }

    /// A device of QEMU's fills the room it is given, until a short packet.
    fn qemu_in(&mut self, id: usize, endpoint: u8, most: usize, now: Duration) -> Answer {
        let device = &mut self.devices[id];
        if endpoint == 0 {
            return device.token_in(0, most, now);
        }
        let mut all = Vec::new();
        loop {
            match device.token_in(endpoint, most, now) {
                Answer::Data { bytes, .. } if all.len() + bytes.len() <= most => {
                    let size = device.endpoints.get(&(endpoint, super::device::Way::In));
                    let short = size.is_none_or(|endpoint| bytes.len() < endpoint.mps);
                    let empty = bytes.is_empty();
                    if empty && !all.is_empty() {
                        // The zero-length packet answers the next question.
                        return Answer::Data { data1: false, bytes: all };
                    }
                    device.acknowledged(endpoint);
                    all.extend(bytes);
                    if short || empty {
                        return Answer::Data { data1: false, bytes: all };
                    }
                }
                Answer::Data { .. } => return Answer::Data { data1: false, bytes: all },
                other => {
                    return if all.is_empty() {
                        other
                    } else {
                        Answer::Data { data1: false, bytes: all }
                    };
                }
            }
        }
    }

    fn qemu_out(&mut self, id: usize, endpoint: u8, bytes: &[u8]) -> Answer {
        let device = &mut self.devices[id];
        if endpoint == 0 {
            return device.control_out_any(bytes);
        }
        let Some(end) = device.endpoints.get_mut(&(endpoint, super::device::Way::Out)) else {
            return Answer::Stall;
        };
        end.transactions += 1;
        if end.halted {
            return Answer::Stall;
        }
        let mps = end.mps;
        if device.echo.is_some() {
            // The device's own packets.
            for packet in bytes.chunks(mps) {
                device.echo_take(endpoint, packet);
            }
            if bytes.is_empty() {
                device.echo_take(endpoint, bytes);
            }
        } else {
            end.received.push(bytes.to_vec());
        }
        Answer::Ack
    }
}
