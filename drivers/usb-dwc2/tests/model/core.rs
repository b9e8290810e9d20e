//! The registers of the core and what writing them does.

use super::device::{Device, DeviceId};
use super::hub::ENABLE;
use super::memory::Memory;
use super::time::VirtualClock;
use std::cell::{Ref, RefCell, RefMut};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;
use usb_core::host::Clock;
use usb_core::pipe::Speed;
use usb_dwc2::registers::{Register, Registers};

pub const CHANNELS: usize = 8;

pub const CHENA: u32 = 1 << 31;
pub const CHDIS: u32 = 1 << 30;
pub const XFERCOMPL: u32 = 1 << 0;
pub const CHHLTD: u32 = 1 << 1;
pub const AHBERR: u32 = 1 << 2;
pub const STALL: u32 = 1 << 3;
pub const NAK: u32 = 1 << 4;
pub const ACK: u32 = 1 << 5;
pub const NYET: u32 = 1 << 6;
pub const XACTERR: u32 = 1 << 7;
pub const BBLERR: u32 = 1 << 8;
pub const FRMOVRUN: u32 = 1 << 9;
pub const DATATGLERR: u32 = 1 << 10;

const CONNSTS: u32 = 1 << 0;
const CONNDET: u32 = 1 << 1;
pub const ENA: u32 = 1 << 2;
const ENCHNG: u32 = 1 << 3;
const OVRCURRACT: u32 = 1 << 4;
const OVRCURRCHNG: u32 = 1 << 5;
const RST: u32 = 1 << 8;
const PWR: u32 = 1 << 12;
const W1C: u32 = CONNDET | ENA | ENCHNG | OVRCURRCHNG;
const CHANGES: u32 = CONNDET | ENCHNG | OVRCURRCHNG;

const DMAEN: u32 = 1 << 5;

const PRTINT: u32 = 1 << 24;
const HCHINT: u32 = 1 << 25;
const DISCONNINT: u32 = 1 << 29;

/// With the device side of the PHY not forced.
const POWER_ON_GUSBCFG: u32 = 0x2040_2700 & !(1 << 29);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Flavor {
    Hardware,
    Qemu,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event {
    CoreResetDone,
    HostMode,
    RxFlushed,
    TxFlushed,
    PortEnabled,
    PortDisabled,
    HubResetDone(DeviceId, usize),
    /// A translator's packet has its turn: hub, port, packet.
    Translate(DeviceId, usize, u64),
    /// A channel's next transaction; the number tells a program from the one before.
    Transaction(usize, u64),
    Halted(usize, u64),
    /// QEMU: the bottom half or its 250 µs timer.
    Service,
}

#[derive(Clone, Copy, Default, Debug)]
pub struct Channel {
    pub hcchar: u32,
    pub hcsplt: u32,
    pub hcint: u32,
    pub hcintmsk: u32,
    pub hctsiz: u32,
    pub hcdma: u32,
    /// Count of programs.
    pub program: u64,
    /// OUT: bytes taken by the device so far.
    pub sent: usize,
    pub length: usize,
    /// It says nothing, until it is shaken.
    pub hung: bool,
    /// NAKs in a row.
    pub naks: u32,
    /// QEMU.
    pub needs_service: bool,
    pub small: bool,
    pub devadr: u8,
}

pub struct State {
    pub flavor: Flavor,
    pub clock: VirtualClock,
    pub memory: Memory,
    pub devices: Vec<Device>,
    pub root: Option<DeviceId>,
    /// What a halt request does: nothing when false.
    pub halts_work: bool,
    /// A core reset never ends when true.
    pub reset_stuck: bool,
    /// Power can be switched.
    pub power_works: bool,
    pub power_cycles: u32,
    /// Nobody may touch a register.
    pub power_off: bool,
    /// Periodic splits that slip to a later microframe.
    pub slips: u32,
    /// The longest pause between two questions to a device that answers NAK, in microframes.
    pub most_patience: u32,
    /// When each channel's last program ended.
    pub halted_at: [Duration; CHANNELS],
    /// How long channels of bulk IN endpoints had nothing to do between two programs.
    pub pauses: Vec<Duration>,
    /// HFNUM when the port was enabled.
    pub first_frame: u32,
    pub channels: [Channel; CHANNELS],
    pub plain: BTreeMap<&'static str, u32>,
    pub gusbcfg: u32,
    pub gintsts: u32,
    pub hprt0: u32,
    pub haint_mask: u32,
    pub host_mode: bool,
    pub grstctl: u32,
    pub core_resets: u32,
    fifos_flushed: bool,
    attached_since: Duration,
    reset_since: Duration,
    pub enabled_since: Duration,
    events: BTreeMap<(Duration, u64), Event>,
    sequence: u64,
    /// Count of register accesses.
    pub accesses: u64,
    pub interrupts: u64,
}

impl State {
    pub fn now(&self) -> Duration {
        self.clock.now()
    }

    pub fn after(&mut self, delay: Duration, event: Event) {
        self.sequence += 1;
        self.events.insert((self.now() + delay, self.sequence), event);
    }

    fn get(&self, name: &'static str) -> u32 {
        self.plain.get(name).copied().unwrap_or(0)
    }

    /// The core can reach memory.
    pub fn has_master(&self) -> bool {
        self.get("GAHBCFG") & DMAEN != 0
    }

    pub fn interrupt_line(&self) -> bool {
        self.gintsts_now() & self.get("GINTMSK") != 0 && self.get("GAHBCFG") & 1 != 0
    }

    fn haint(&self) -> u32 {
        (0..CHANNELS)
            .filter(|n| self.channels[*n].hcint & self.channels[*n].hcintmsk != 0)
            .fold(0, |bits, n| bits | 1 << n)
    }

    fn gintsts_now(&self) -> u32 {
        let mut value = self.gintsts | u32::from(self.host_mode);
        if self.hprt0 & CHANGES != 0 {
            value |= PRTINT;
        }
        if self.haint() & self.haint_mask != 0 {
            value |= HCHINT;
        }
        value
    }

    pub fn root_speed(&self) -> Speed {
        match self.hprt0 >> 17 & 3 {
            0 => Speed::High,
            1 => Speed::Full,
            _ => Speed::Low,
        }
    }

    fn attach_root(&mut self) {
        if self.hprt0 & PWR == 0 {
            return;
        }
        if self.root.is_some() && self.hprt0 & CONNSTS == 0 {
            self.hprt0 |= CONNSTS | CONNDET;
            self.attached_since = self.now();
        }
    }

    pub fn plug_root(&mut self, device: DeviceId) {
        let now = self.now();
        let device_speed = {
            let device = &mut self.devices[device];
            device.attached = true;
            device.alive = false;
            device.parent = None;
            device.reset(now);
            device.alive = false;
            device.speed
        };
        self.root = Some(device);
        if self.flavor == Flavor::Qemu {
            self.set_speed(device_speed);
        }
        self.attach_root();
    }

    fn set_speed(&mut self, speed: Speed) {
        self.hprt0 &= !(3 << 17);
        self.hprt0 |= match speed {
            Speed::High => 0,
            Speed::Full => 1 << 17,
            Speed::Low => 2 << 17,
        };
    }

    pub fn unplug_root(&mut self) {
        let root = self.root.take().expect("something to unplug");
        self.devices[root].attached = false;
        self.devices[root].alive = false;
        if self.hprt0 & ENA != 0 || self.flavor == Flavor::Qemu {
            self.hprt0 |= ENCHNG;
        }
        self.hprt0 &= !(CONNSTS | ENA);
        if self.flavor == Flavor::Qemu {
            self.hprt0 |= CONNDET;
        } else {
            self.gintsts |= DISCONNINT;
        }
    }

    pub fn plug_hub(&mut self, hub: DeviceId, port: usize, device: DeviceId) {
        let child = &mut self.devices[device];
        child.attached = true;
        child.alive = false;
        child.parent = Some((hub, port));
        let speed = child.speed;
        self.devices[hub].hub.as_mut().expect("a hub").attach(port, speed);
    }

    pub fn unplug_hub(&mut self, device: DeviceId) {
        let (hub, port) = self.devices[device].parent.take().expect("behind a hub");
        self.devices[device].attached = false;
        self.devices[device].alive = false;
        self.devices[hub].hub.as_mut().expect("a hub").detach(port);
    }

    pub fn over_current(&mut self, active: bool) {
        self.hprt0 |= OVRCURRCHNG;
        if active {
            self.hprt0 |= OVRCURRACT;
        } else {
            self.hprt0 &= !OVRCURRACT;
        }
    }

    /// The device that answers to an address now.
    pub fn find(&self, address: u8) -> Option<DeviceId> {
        if self.hprt0 & ENA == 0 {
            return None;
        }
        (0..self.devices.len()).find(|id| {
            let device = &self.devices[*id];
            device.address == address && device.attached && device.alive && self.reachable(*id)
        })
    }

    fn reachable(&self, id: DeviceId) -> bool {
        match self.devices[id].parent {
            None => self.root == Some(id),
            Some((hub, port)) => {
                let parent = &self.devices[hub];
                let status = parent.hub.as_ref().expect("a hub").ports[port - 1].status;
                status & ENABLE != 0 && parent.attached && parent.alive && self.reachable(hub)
            }
        }
    }

    /// Begins resets that hub requests have asked for.
    pub fn poke_hubs(&mut self) {
        for id in 0..self.devices.len() {
            let Some(hub) = &mut self.devices[id].hub else { continue };
            let wanted: Vec<_> = (1..=hub.ports.len())
                .filter(|port| std::mem::take(&mut hub.ports[port - 1].reset_wanted))
                .collect();
            for port in wanted {
                self.after(Duration::from_millis(12), Event::HubResetDone(id, port));
            }
        }
    }

    fn write_hprt0(&mut self, value: u32) {
        let now = self.now();
        let old = self.hprt0;
        let cleared = value & old & W1C;
        self.hprt0 &= !cleared;
        if cleared & ENA != 0 {
            self.hprt0 |= ENCHNG;
        }
        self.hprt0 = self.hprt0 & !(PWR | RST) | value & (PWR | RST);
        if value & PWR != 0 && old & PWR == 0 {
            self.attach_root();
        }
        if value & PWR == 0 {
            if let Some(root) = self.root {
                self.devices[root].alive = false;
            }
            self.hprt0 &= !(CONNSTS | ENA);
        }
        if value & RST != 0 && old & RST == 0 {
            if self.flavor == Flavor::Hardware {
                self.hprt0 &= !ENA;
                assert!(
                    self.hprt0 & CONNSTS == 0
                        || now - self.attached_since >= Duration::from_millis(100),
                    "reset {:?} after the connection",
                    now - self.attached_since
                );
            }
            self.reset_since = now;
        }
        if value & RST == 0 && old & RST != 0 {
            if self.flavor == Flavor::Qemu {
                self.enable_port();
                self.hprt0 &= !CONNDET;
            } else {
                // One that began with another device, or none, may be cut short.
                let same = self.hprt0 & CONNSTS != 0 && self.attached_since <= self.reset_since;
                assert!(
                    !same || now - self.reset_since >= Duration::from_millis(50),
                    "reset for only {:?}",
                    now - self.reset_since
                );
                self.after(Duration::from_millis(1), Event::PortEnabled);
            }
        }
    }

    fn enable_port(&mut self) {
        let now = self.now();
        let Some(root) = self.root else { return };
        if self.hprt0 & CONNSTS == 0 || self.hprt0 & RST != 0 {
            return;
        }
        self.devices[root].reset(now);
        if self.flavor == Flavor::Qemu {
            self.devices[root].quiet_until = Duration::ZERO;
        }
        let speed = self.devices[root].speed;
        self.set_speed(speed);
        self.hprt0 |= ENA | ENCHNG;
        self.enabled_since = now;
    }

    pub fn disable_port(&mut self) {
        if self.hprt0 & ENA != 0 {
            self.hprt0 &= !ENA;
            self.hprt0 |= ENCHNG;
        }
    }

    /// The block has been without power.
    pub fn power_cycle(&mut self) {
        self.power_cycles += 1;
        self.reset_stuck = false;
        self.halts_work = true;
        self.reset_registers();
        self.gusbcfg = POWER_ON_GUSBCFG;
        self.grstctl = 0;
    }

    fn reset_registers(&mut self) {
        self.core_resets += 1;
        if let Some(root) = self.root {
            self.devices[root].alive = false;
        }
        self.channels = [Channel::default(); CHANNELS];
        for channel in 0..CHANNELS {
            self.memory.end(channel);
        }
        self.plain = power_on(self.flavor);
        self.gintsts = 0;
        self.haint_mask = 0;
        self.host_mode = false;
        self.gusbcfg &= !(1 << 29);
        self.hprt0 = 0;
        self.fifos_flushed = false;
    }

    /// Everything that must be in order before a channel is enabled.
    pub fn check_core(&self) {
        assert!(self.host_mode, "channel enabled outside host mode");
        assert!(self.has_master(), "DMA is off");
        let (rx, np, p) = (self.get("GRXFSIZ"), self.get("GNPTXFSIZ"), self.get("HPTXFSIZ"));
        let (np_start, np_depth) = (np & 0xffff, np >> 16);
        let (p_start, p_depth) = (p & 0xffff, p >> 16);
        assert!(rx >= 524 && np_depth >= 256 && p_depth >= 256, "FIFO too small");
        assert!(rx <= 0x1000 && np_depth <= 0x100 && p_depth <= 0x200, "more than at power-on");
        assert!(np_start >= rx && p_start >= np_start + np_depth, "FIFOs overlap");
        assert!(p_start + p_depth <= 4080 - 8, "FIFOs reach into the DMA words");
        assert!(self.fifos_flushed, "FIFOs not flushed after their sizes were set");
        assert_eq!(self.gusbcfg >> 10 & 0xf, 9, "turnaround time");
        let interval = match self.root_speed() {
            Speed::High => 7499,
            Speed::Full | Speed::Low => 59_999,
        };
        assert_eq!(self.get("HFIR"), interval, "frame interval");
    }

    fn host_only(&self, register: Register) {
        assert!(self.host_mode, "{register:?} touched outside host mode");
    }

    fn read(&mut self, register: Register) -> u32 {
        assert!(!self.power_off, "{register:?} read without power");
        self.accesses += 1;
        let qemu = self.flavor == Flavor::Qemu;
        match register {
            Register::Gsnpsid => {
                if qemu {
                    0x4f54_294a
                } else {
                    0x4f54_280a
                }
            }
            Register::Ghwcfg1 => 0,
            Register::Ghwcfg2 => {
                if qemu {
                    0x250d_c016
                } else {
                    0x228d_dd50
                }
            }
            Register::Ghwcfg3 => {
                if qemu {
                    0x1000_0044
                } else {
                    0x0ff0_00e8
                }
            }
            Register::Ghwcfg4 => {
                if qemu {
                    0
                } else {
                    0x1ff0_0020
                }
            }
            Register::Gusbcfg => self.gusbcfg,
            Register::Grstctl => {
                if qemu {
                    self.grstctl = 0;
                }
                self.grstctl | 1 << 31
            }
            Register::Gintsts => self.gintsts_now(),
            Register::Haint => self.haint(),
            Register::Haintmsk => self.haint_mask,
            Register::Hprt0 => {
                self.host_only(register);
                self.hprt0
            }
            Register::Hfnum => self.frame() & 0x3fff,
            Register::Hcchar(n) => self.channels[n.index()].hcchar,
            Register::Hcsplt(n) => self.channels[n.index()].hcsplt,
            Register::Hcint(n) => self.channels[n.index()].hcint,
            Register::Hcintmsk(n) => self.channels[n.index()].hcintmsk,
            Register::Hctsiz(n) => self.channels[n.index()].hctsiz,
            Register::Hcdma(n) => self.channels[n.index()].hcdma,
            other => self.get(name(other)),
        }
    }

    fn write(&mut self, register: Register, value: u32) {
        assert!(!self.power_off, "{register:?} written without power");
        self.accesses += 1;
        match register {
            Register::Gusbcfg => {
                if value & 1 << 29 != 0 && self.gusbcfg & 1 << 29 == 0 {
                    self.after(Duration::from_millis(25), Event::HostMode);
                }
                self.gusbcfg = value;
            }
            Register::Grstctl => self.write_grstctl(value),
            Register::Gahbcfg => {
                if value & DMAEN == 0 {
                    // Without its master the core reaches no memory.
                    (0..CHANNELS).for_each(|channel| self.memory.end(channel));
                }
                self.plain.insert("GAHBCFG", value);
            }
            Register::Gintsts => self.gintsts &= !value,
            Register::Haintmsk => self.haint_mask = value & 0xffff,
            Register::Hprt0 => {
                self.host_only(register);
                self.write_hprt0(value);
            }
            Register::Hfir => {
                assert!(self.hprt0 & ENA != 0, "HFIR written while the port is disabled");
                self.plain.insert("HFIR", value);
            }
            Register::Hcchar(n) => self.write_hcchar(n.index(), value),
            Register::Hcint(n) => self.channels[n.index()].hcint &= !value,
            Register::Hcintmsk(n) => self.channels[n.index()].hcintmsk = value,
            Register::Hcsplt(n) => self.idle_channel(n.index()).hcsplt = value,
            Register::Hctsiz(n) => self.idle_channel(n.index()).hctsiz = value,
            Register::Hcdma(n) => self.idle_channel(n.index()).hcdma = value,
            Register::Gsnpsid
            | Register::Ghwcfg1
            | Register::Ghwcfg2
            | Register::Ghwcfg3
            | Register::Ghwcfg4
            | Register::Hfnum
            | Register::Haint => panic!("{register:?} is read-only"),
            other => {
                if matches!(other, Register::Grxfsiz | Register::Gnptxfsiz | Register::Hptxfsiz) {
                    self.fifos_flushed = false;
                }
                self.plain.insert(name(other), value);
            }
        }
    }

    fn idle_channel(&mut self, channel: usize) -> &mut Channel {
        let channel = &mut self.channels[channel];
        assert!(channel.hcchar & CHENA == 0, "an enabled channel is reprogrammed");
        channel
    }

    fn write_grstctl(&mut self, value: u32) {
        let us = Duration::from_micros;
        self.grstctl = value & 0x31;
        if self.flavor == Flavor::Qemu {
            self.fifos_flushed |= value & 0x30 != 0;
            return;
        }
        if value & 1 != 0 && !self.reset_stuck {
            self.after(us(20), Event::CoreResetDone);
        }
        if value & 1 << 4 != 0 {
            self.after(us(3), Event::RxFlushed);
        }
        if value & 1 << 5 != 0 {
            assert_eq!(value >> 6 & 0x1f, 0x10, "not all transmit FIFOs are flushed");
            self.after(us(3), Event::TxFlushed);
        }
    }

    fn write_hcchar(&mut self, n: usize, value: u32) {
        if self.flavor == Flavor::Qemu {
            self.qemu_hcchar(n, value);
            return;
        }
        let old = self.channels[n].hcchar;
        if value & CHENA == 0 {
            assert!(old & CHENA == 0, "CHENA can't be cleared by writing 0");
            self.channels[n].hcchar = value;
        } else if value & CHDIS != 0 {
            self.channels[n].hcchar |= CHDIS | CHENA;
            let program = self.channels[n].program;
            if self.halts_work {
                self.after(Duration::from_micros(20), Event::Halted(n, program));
            }
        } else {
            assert!(old & CHENA == 0, "channel {n} enabled twice");
            self.channels[n].hcchar = value;
            self.start(n);
        }
    }

    pub fn next_event(&self) -> Option<Duration> {
        self.events.keys().next().map(|(at, _)| *at)
    }

    /// Carries out what is due.
    pub fn run_events(&mut self) {
        let now = self.now();
        while let Some(key) = self.events.keys().next().copied().filter(|(at, _)| *at <= now) {
            let event = self.events.remove(&key).expect("the key was just seen");
            match event {
                Event::CoreResetDone => {
                    self.reset_registers();
                    self.grstctl &= !1;
                }
                Event::HostMode => self.host_mode = self.gusbcfg & 1 << 29 != 0,
                Event::RxFlushed => {
                    self.grstctl &= !(1 << 4);
                    self.fifos_flushed = true;
                }
                Event::TxFlushed => self.grstctl &= !(1 << 5),
                Event::PortEnabled => self.enable_port(),
                Event::PortDisabled => self.disable_port(),
                Event::HubResetDone(hub, port) => {
                    if !self.devices[hub].hub.as_mut().expect("a hub").finish_reset(port) {
                        continue;
                    }
                    let child = (0..self.devices.len()).find(|id| {
                        self.devices[*id].parent == Some((hub, port)) && self.devices[*id].attached
                    });
                    if let Some(child) = child {
                        self.devices[child].reset(now);
                    }
                }
                Event::Translate(hub, port, number) => self.translate(hub, port, number),
                Event::Transaction(channel, program) => self.transaction(channel, program),
                Event::Halted(channel, program) => {
                    let state = &self.channels[channel];
                    if state.program == program && state.hcchar & CHENA != 0 {
                        self.halt(channel, 0);
                    }
                }
                Event::Service => self.qemu_service(),
            }
        }
    }
}

/// Sizes of the FIFOs after power-on. Those of the hardware exceed its RAM.
fn power_on(flavor: Flavor) -> BTreeMap<&'static str, u32> {
    let [rx, np, p] = match flavor {
        Flavor::Hardware => [0x1000, 0x0100_1000, 0x0200_2000],
        Flavor::Qemu => [1024, 1024 << 16, 500 << 16],
    };
    BTreeMap::from([("GRXFSIZ", rx), ("GNPTXFSIZ", np), ("HPTXFSIZ", p)])
}

fn name(register: Register) -> &'static str {
    match register {
        Register::Gotgctl => "GOTGCTL",
        Register::Gotgint => "GOTGINT",
        Register::Gahbcfg => "GAHBCFG",
        Register::Gintmsk => "GINTMSK",
        Register::Grxfsiz => "GRXFSIZ",
        Register::Gnptxfsiz => "GNPTXFSIZ",
        Register::Hptxfsiz => "HPTXFSIZ",
        Register::Hcfg => "HCFG",
        Register::Hfir => "HFIR",
        Register::Pcgctl => "PCGCTL",
        other => panic!("{other:?} is not a plain register"),
    }
}

/// The model, shared by the registers and the test.
#[derive(Clone)]
pub struct Model(Rc<RefCell<State>>);

impl Model {
    pub fn new(flavor: Flavor, clock: VirtualClock, memory: Memory) -> Self {
        let qemu = flavor == Flavor::Qemu;
        Self(Rc::new(RefCell::new(State {
            flavor,
            clock,
            memory,
            devices: Vec::new(),
            root: None,
            halts_work: true,
            reset_stuck: false,
            power_works: true,
            power_cycles: 0,
            power_off: false,
            slips: 0,
            most_patience: 1,
            halted_at: [Duration::ZERO; CHANNELS],
            pauses: Vec::new(),
            first_frame: 0,
            channels: [Channel::default(); CHANNELS],
            plain: power_on(flavor),
            gusbcfg: if qemu { 0x1400 } else { POWER_ON_GUSBCFG },
            gintsts: 0x1400_0020,
            hprt0: if qemu { PWR } else { 0 },
            haint_mask: 0,
            host_mode: qemu,
            grstctl: 0,
            core_resets: 0,
            fifos_flushed: false,
            attached_since: Duration::ZERO,
            reset_since: Duration::ZERO,
            enabled_since: Duration::ZERO,
            events: BTreeMap::new(),
            sequence: 0,
            accesses: 0,
            interrupts: 0,
        })))
    }

    pub fn state(&self) -> RefMut<'_, State> {
        self.0.borrow_mut()
    }

    pub fn device(&self, id: DeviceId) -> RefMut<'_, Device> {
        RefMut::map(self.0.borrow_mut(), |state| &mut state.devices[id])
    }

    pub fn peek(&self) -> Ref<'_, State> {
        self.0.borrow()
    }

    pub fn add(&self, device: Device) -> DeviceId {
        let mut state = self.0.borrow_mut();
        state.devices.push(device);
        state.devices.len() - 1
    }
}

/// The registers as the driver gets them.
#[derive(Clone)]
pub struct ModelRegisters(pub Model);

impl Registers for ModelRegisters {
    fn read(&self, register: Register) -> u32 {
        self.0.state().read(register)
    }

    fn write(&self, register: Register, value: u32) {
        self.0.state().write(register, value);
    }

    fn barrier(&self) {
        self.0.state().memory.barrier();
    }
}
