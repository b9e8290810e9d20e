//! A simulated USB device in QEMU, by the USB network redirection protocol (0.7): QEMU's
//! `usb-redir` asks at the other end of a unix socket, and the models of the simulated bus answer.
//! So the kernel meets adapters that QEMU itself does not have.
//!
//! QEMU leaves the standard requests that change something (address, configuration, interface) to
//! messages of their own; everything else comes as it is.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use usb_core::host::SetupPacket;
use usb_sim::lan::LanDevice;
use usb_sim::{Answer, EthernetDevice, Model};

/// Types of messages.
mod kind {
    pub(super) const HELLO: u32 = 0;
    pub(super) const DEVICE_CONNECT: u32 = 1;
    pub(super) const RESET: u32 = 3;
    pub(super) const INTERFACE_INFO: u32 = 4;
    pub(super) const EP_INFO: u32 = 5;
    pub(super) const SET_CONFIGURATION: u32 = 6;
    pub(super) const GET_CONFIGURATION: u32 = 7;
    pub(super) const CONFIGURATION_STATUS: u32 = 8;
    pub(super) const SET_ALT_SETTING: u32 = 9;
    pub(super) const ALT_SETTING_STATUS: u32 = 11;
    pub(super) const START_INTERRUPT_RECEIVING: u32 = 15;
    pub(super) const STOP_INTERRUPT_RECEIVING: u32 = 16;
    pub(super) const INTERRUPT_RECEIVING_STATUS: u32 = 17;
    pub(super) const CANCEL_DATA_PACKET: u32 = 21;
    pub(super) const CONTROL_PACKET: u32 = 100;
    pub(super) const BULK_PACKET: u32 = 101;
    pub(super) const INTERRUPT_PACKET: u32 = 103;
}

/// Capabilities: device_connect has a version, ep_info the packet sizes, identifiers 64 bits.
const CAPABILITIES: u32 = 1 << 1 | 1 << 4 | 1 << 5;
/// Bytes of a header with and without 64-bit identifiers; hello comes before that is settled.
const HEADER: usize = 16;
const HELLO_HEADER: usize = 12;

const SUCCESS: u8 = 0;
const CANCELLED: u8 = 1;
const STALL: u8 = 4;
const HIGH_SPEED: u8 = 2;

/// QEMU's controller cannot be told "not now" by a redirected bulk endpoint: it waits. The driver
/// takes a longer silence of that controller for a device that is gone, so an empty packet ends
/// the wait; an adapter may send one at any time.
const LONGEST_WAIT: Duration = Duration::from_millis(40);

/// A device as a network sees it.
pub trait Adapter: Model {
    /// Takes the frames that the host has sent.
    fn take_sent(&self) -> Vec<Vec<u8>>;
    /// Sends a frame to the host.
    fn give(&self, frame: Vec<u8>);
}

impl Adapter for EthernetDevice {
    fn take_sent(&self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.state.borrow_mut().from_host)
    }

    fn give(&self, frame: Vec<u8>) {
        self.state.borrow_mut().to_host.push_back(frame);
    }
}

impl Adapter for LanDevice {
    fn take_sent(&self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.state.borrow_mut().from_host)
    }

    fn give(&self, frame: Vec<u8>) {
        self.state.borrow_mut().to_host.push_back(frame);
    }
}

/// What a bench in another thread has the device do.
pub type Script<A> = Box<dyn FnOnce(&A) + Send>;

/// A device at the end of a socket.
pub struct Redirected<A> {
    path: PathBuf,
    stop: Arc<AtomicBool>,
    scripts: Arc<Mutex<Vec<Script<A>>>>,
}

impl<A: Adapter + 'static> Redirected<A> {
    /// Waits for QEMU in a thread. `make` makes the device there; `answer` is the network: the
    /// frames that one of the host brings about.
    pub fn new(
        make: impl FnOnce() -> A + Send + 'static,
        answer: impl Fn(&[u8]) -> Vec<Vec<u8>> + Send + 'static,
    ) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("redirected-{}-{number}", std::process::id()));
        let listener = UnixListener::bind(&path).expect("the path is free");
        let stop = Arc::new(AtomicBool::new(false));
        let scripts = Arc::new(Mutex::new(Vec::new()));
        let (ended, to_do) = (Arc::clone(&stop), Arc::clone(&scripts));
        std::thread::spawn(move || {
            let device = make();
            let Ok((stream, _)) = listener.accept() else { return };
            let timeout = Duration::from_millis(1);
            stream.set_read_timeout(Some(timeout)).expect("a timeout can be set");
            let mut session = Session::new(stream, device);
            session.greet();
            // QEMU may end at any moment.
            while !ended.load(Ordering::Relaxed) && session.step(&answer) {
                for script in to_do.lock().expect("no test panics with it locked").drain(..) {
                    let script: Script<A> = script;
                    script(&session.device);
                }
            }
        });
        Self { path, stop, scripts }
    }

    /// Where it listens.
    pub fn path(&self) -> String {
        self.path.display().to_string()
    }

    /// Has the device do something.
    pub fn run(&self, script: impl FnOnce(&A) + Send + 'static) {
        self.scripts.lock().expect("the thread does not panic").push(Box::new(script));
    }
}

impl<A> Drop for Redirected<A> {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = std::fs::remove_file(&self.path);
    }
}

/// A bulk IN request that waits for data.
struct Waiting {
    id: u64,
    endpoint: u8,
    length: usize,
    since: Instant,
}

struct Session<A> {
    stream: UnixStream,
    device: A,
    received: Vec<u8>,
    greeted: bool,
    configuration: u8,
    alternates: Vec<(u8, u8)>,
    waiting: VecDeque<Waiting>,
    /// Interrupt endpoints that QEMU listens to.
    listening: Vec<u8>,
    next_interrupt: u64,
    alive: bool,
}

impl<A: Adapter> Session<A> {
    const fn new(stream: UnixStream, device: A) -> Self {
        Self {
            stream,
            device,
            received: Vec::new(),
            greeted: false,
            configuration: 0,
            alternates: Vec::new(),
            waiting: VecDeque::new(),
            listening: Vec::new(),
            next_interrupt: 0,
            alive: true,
        }
    }

    fn send(&mut self, kind: u32, id: u64, body: &[u8]) {
        let mut message = kind.to_le_bytes().to_vec();
        message.extend((body.len() as u32).to_le_bytes());
        if kind == kind::HELLO {
            message.extend([0; 4]);
        } else {
            message.extend(id.to_le_bytes());
        }
        message.extend(body);
        self.alive &= self.stream.write_all(&message).is_ok();
    }

    fn greet(&mut self) {
        let mut hello = b"simulated adapter".to_vec();
        hello.resize(64, 0);
        hello.extend(CAPABILITIES.to_le_bytes());
        self.send(kind::HELLO, 0, &hello);
    }

    fn connect(&mut self) {
        self.send_interfaces();
        let device = self.device.device_descriptor();
        let mut body = vec![HIGH_SPEED, device[4], device[5], device[6]];
        body.extend(&device[8..14]);
        self.send(kind::DEVICE_CONNECT, 0, &body);
    }

    /// The descriptors of the active configuration; of the first one before there is any.
    fn active(&self) -> Vec<u8> {
        let all = || (0..8).map_while(|index| self.device.configuration(index));
        all()
            .find(|bytes| bytes.get(5) == Some(&self.configuration))
            .or_else(|| all().next())
            .unwrap_or_default()
    }

    /// Tells of interfaces and endpoints, as the present alternate settings have them.
    fn send_interfaces(&mut self) {
        let active = self.active();
        let mut interfaces = [[0_u8; 32]; 4];
        let mut count = 0;
        let (mut types, mut intervals, mut of_interface) = ([255_u8; 32], [0_u8; 32], [0_u8; 32]);
        let mut sizes = [0_u16; 32];
        (types[0], types[16]) = (0, 0);
        let mut current = None;
        let mut rest = active.as_slice();
        while let Some((descriptor, behind)) =
            rest.first().and_then(|length| rest.split_at_checked(usize::from(*length).max(2)))
        {
            rest = behind;
            match *descriptor {
                [_, 4, number, alternate, _, class, subclass, protocol, ..] => {
                    let chosen = self
                        .alternates
                        .iter()
                        .find(|(other, _)| *other == number)
                        .map_or(0, |a| a.1);
                    current = (alternate == chosen).then_some(number);
                    if alternate == chosen {
                        for (list, value) in
                            interfaces.iter_mut().zip([number, class, subclass, protocol])
                        {
                            list[count] = value;
                        }
                        count += 1;
                    }
                }
                [_, 5, address, attributes, low, high, interval, ..] => {
                    let Some(number) = current else { continue };
                    let place = usize::from(address & 0x80) >> 3 | usize::from(address & 0x0f);
                    types[place] = attributes & 3;
                    intervals[place] = interval;
                    of_interface[place] = number;
                    sizes[place] = u16::from_le_bytes([low, high]);
                }
                _ => {}
            }
        }
        let mut info = (count as u32).to_le_bytes().to_vec();
        info.extend(interfaces.concat());
        self.send(kind::INTERFACE_INFO, 0, &info);
        let mut endpoints = [types, intervals, of_interface].concat();
        endpoints.extend(sizes.iter().flat_map(|size| size.to_le_bytes()));
        self.send(kind::EP_INFO, 0, &endpoints);
    }

    /// Reads and answers what has come, and gives what there is; whether QEMU is still there.
    fn step(&mut self, answer: &impl Fn(&[u8]) -> Vec<Vec<u8>>) -> bool {
        let mut buffer = [0; 8192];
        match self.stream.read(&mut buffer) {
            Ok(0) => return false,
            Ok(length) => self.received.extend(&buffer[..length]),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(_) => return false,
        }
        while let Some((kind, id, body)) = self.message() {
            self.handle(kind, id, &body);
        }
        for frame in self.device.take_sent() {
            for reply in answer(&frame) {
                self.device.give(reply);
            }
        }
        self.serve_bulk();
        self.serve_interrupts();
        self.alive
    }

    fn message(&mut self) -> Option<(u32, u64, Vec<u8>)> {
        let header = if self.greeted { HEADER } else { HELLO_HEADER };
        let word = |at: usize| {
            self.received.get(at..)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))
        };
        let (kind, length, low) = (word(0)?, word(4)? as usize, word(8)?);
        let high = if self.greeted { word(12)? } else { 0 };
        let body = self.received.get(header..header + length)?.to_vec();
        self.received.drain(..header + length);
        Some((kind, u64::from(high) << 32 | u64::from(low), body))
    }

    fn handle(&mut self, kind: u32, id: u64, body: &[u8]) {
        match (kind, body) {
            (kind::HELLO, _) => {
                self.greeted = true;
                self.connect();
            }
            (kind::RESET, _) => {
                self.waiting.clear();
                self.listening.clear();
                self.alternates.clear();
                self.configuration = 0;
                self.device.restarted(0);
            }
            (kind::SET_CONFIGURATION, &[value]) => {
                self.configuration = value;
                self.alternates.clear();
                self.device.restarted(value);
                self.send_interfaces();
                self.send(kind::CONFIGURATION_STATUS, id, &[SUCCESS, value]);
            }
            (kind::GET_CONFIGURATION, _) => {
                self.send(kind::CONFIGURATION_STATUS, id, &[SUCCESS, self.configuration]);
            }
            (kind::SET_ALT_SETTING, &[interface, alternate]) => {
                self.alternates.retain(|(other, _)| *other != interface);
                self.alternates.push((interface, alternate));
                self.send_interfaces();
                self.send(kind::ALT_SETTING_STATUS, id, &[SUCCESS, interface, alternate]);
            }
            (kind::START_INTERRUPT_RECEIVING, &[endpoint]) => {
                self.listening.push(endpoint);
                self.send(kind::INTERRUPT_RECEIVING_STATUS, id, &[SUCCESS, endpoint]);
            }
            (kind::STOP_INTERRUPT_RECEIVING, &[endpoint]) => {
                self.listening.retain(|other| *other != endpoint);
                self.send(kind::INTERRUPT_RECEIVING_STATUS, id, &[SUCCESS, endpoint]);
            }
            (kind::CANCEL_DATA_PACKET, _) => {
                if let Some(at) = self.waiting.iter().position(|waiting| waiting.id == id)
                    && let Some(cancelled) = self.waiting.remove(at)
                {
                    self.finish_bulk(&cancelled, CANCELLED, &[]);
                }
            }
            (
                kind::CONTROL_PACKET,
                &[endpoint, request, request_type, _, v0, v1, i0, i1, l0, l1, ref data @ ..],
            ) => {
                let setup = SetupPacket {
                    request_type,
                    request,
                    value: u16::from_le_bytes([v0, v1]),
                    index: u16::from_le_bytes([i0, i1]),
                    length: u16::from_le_bytes([l0, l1]),
                };
                self.control(id, endpoint, setup, data);
            }
            (kind::BULK_PACKET, &[endpoint, _, l0, l1, _, _, _, _, ref data @ ..]) => {
                let length = usize::from(u16::from_le_bytes([l0, l1]));
                let request = Waiting { id, endpoint, length, since: Instant::now() };
                if endpoint & 0x80 != 0 {
                    self.waiting.push_back(request);
                    return;
                }
                // QEMU sends a transfer whole; where it ends is not told. The model's packets are
                // 512 bytes, and its driver pads or says that an empty one follows.
                let status = match self.device.transfer_out(endpoint & 0x0f, data, false) {
                    Answer::Data(_) => SUCCESS,
                    _ => STALL,
                };
                self.finish_bulk(&request, status, &[]);
            }
            _ => {}
        }
    }

    fn control(&mut self, id: u64, endpoint: u8, setup: SetupPacket, data: &[u8]) {
        let [index, kind] = setup.value.to_le_bytes();
        let found = |bytes: Option<Vec<u8>>| bytes.map_or(Answer::Stall, Answer::Data);
        let answer = match (setup.request_type, setup.request, kind) {
            (0x80, 6, 1) => Answer::Data(self.device.device_descriptor()),
            (0x80, 6, 2) => found(self.device.configuration(index)),
            (0x80, 6, 3) if index == 0 => Answer::Data(vec![4, 3, 9, 4]),
            (0x80, 6, 3) => found(self.device.string(index).map(|text| {
                let units: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
                [vec![units.len() as u8 + 2, 3], units].concat()
            })),
            (0x80, 6, _) => Answer::Stall,
            (0x80..=0x82, 0, _) => Answer::Data(vec![0, 0]),
            _ => self.device.request(setup, data),
        };
        let (status, mut bytes) = match answer {
            Answer::Data(bytes) => (SUCCESS, bytes),
            _ => (STALL, Vec::new()),
        };
        bytes.truncate(usize::from(setup.length));
        let length = if setup.is_in() { bytes.len() as u16 } else { setup.length };
        let mut body = vec![endpoint, setup.request, setup.request_type, status];
        for word in [setup.value, setup.index, length] {
            body.extend(word.to_le_bytes());
        }
        if setup.is_in() {
            body.extend(bytes);
        }
        self.send(kind::CONTROL_PACKET, id, &body);
    }

    fn finish_bulk(&mut self, request: &Waiting, status: u8, data: &[u8]) {
        let is_in = request.endpoint & 0x80 != 0;
        let length = if is_in { data.len() } else { request.length };
        let mut body = vec![request.endpoint, status];
        body.extend((length as u16).to_le_bytes());
        body.extend([0; 4]);
        body.extend(data);
        self.send(kind::BULK_PACKET, request.id, &body);
    }

    fn serve_bulk(&mut self) {
        while let Some(request) = self.waiting.front() {
            let data = match self.device.transfer_in(request.endpoint, request.length) {
                Answer::Data(data) => data,
                Answer::Nak if request.since.elapsed() < LONGEST_WAIT => return,
                _ => Vec::new(),
            };
            if let Some(request) = self.waiting.pop_front() {
                self.finish_bulk(&request, SUCCESS, &data);
            }
        }
    }

    fn serve_interrupts(&mut self) {
        for endpoint in self.listening.clone() {
            let Answer::Data(data) = self.device.transfer_in(endpoint, 64) else { continue };
            let mut body = vec![endpoint, SUCCESS];
            body.extend((data.len() as u16).to_le_bytes());
            body.extend(data);
            self.next_interrupt += 1;
            self.send(kind::INTERRUPT_PACKET, self.next_interrupt, &body);
        }
    }
}
