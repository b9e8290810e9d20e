//! An adapter on a simulated bus, with a stack that only keeps what it is told.

use cdc_ecm::{Adapter, Addresses, Choice, Counters, Preference};
use net::buffer::PacketBuffer;
use net::netif::{LinkDrop, LinkState, MacAddress, Port, ReceiveFilter};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use usb_core::bus::{Bus, TASKS};
use usb_core::class::{ClassDrivers, DriverEnd, Selection};
use usb_core::descriptor::DescriptorSet;
use usb_core::device::Device;
use usb_core::host::Clock;
use usb_sim::lan::LanDevice;
use usb_sim::{
    Absent, DeviceId, EthernetDevice, Executor, Model, Options, Pool, SimBuffer, SimClock, SimHost,
    SimPlatform, World,
};

/// Headroom of frames to send, as the contract promises.
const HEADROOM: usize = 64;
/// Buffers in the pool.
pub(crate) const BUFFERS: usize = 32;
const LIMIT: Duration = Duration::from_secs(10);

/// The stack's end of the interface.
pub(crate) struct TestPort {
    pool: Pool,
    pub(crate) received: RefCell<Vec<Vec<u8>>>,
    /// A burst has not been settled.
    unsettled: Cell<bool>,
    /// Frames are kept in their buffers, as by a socket that nobody reads.
    pub(crate) keep: Cell<bool>,
    pub(crate) kept: RefCell<Vec<SimBuffer>>,
    to_send: RefCell<VecDeque<Vec<u8>>>,
    waker: RefCell<Option<Waker>>,
    /// What the stack wants and the driver was not told yet.
    filter: Cell<Option<ReceiveFilter>>,
    filter_waker: RefCell<Option<Waker>>,
    pub(crate) links: RefCell<Vec<LinkState>>,
    pub(crate) drops: RefCell<Vec<LinkDrop>>,
}

impl Drop for TestPort {
    fn drop(&mut self) {
        assert!(std::thread::panicking() || !self.unsettled.get(), "a burst was not settled");
    }
}

impl Port for TestPort {
    type Buffer = SimBuffer;

    fn allocate(&self) -> Option<SimBuffer> {
        self.pool.allocate(0)
    }

    fn receive(&self, frame: SimBuffer) {
        self.received.borrow_mut().push(frame.data().to_vec());
        if self.keep.get() {
            self.kept.borrow_mut().push(frame);
        }
        self.unsettled.set(true);
    }

    fn settle(&self) {
        self.unsettled.set(false);
    }

    fn poll_transmit(&self, cx: &mut Context<'_>) -> Poll<SimBuffer> {
        let frame = self.to_send.borrow_mut().pop_front();
        let Some(frame) = frame else {
            *self.waker.borrow_mut() = Some(cx.waker().clone());
            return Poll::Pending;
        };
        let mut buffer = self.pool.allocate(HEADROOM).expect("a buffer for sending");
        buffer.append(frame.len()).expect("room for a frame").copy_from_slice(&frame);
        Poll::Ready(buffer)
    }

    fn poll_receive_filter(&self, cx: &mut Context<'_>) -> Poll<ReceiveFilter> {
        *self.filter_waker.borrow_mut() = Some(cx.waker().clone());
        self.filter.take().map_or(Poll::Pending, Poll::Ready)
    }

    fn set_link(&self, state: LinkState) {
        self.links.borrow_mut().push(state);
    }

    fn count(&self, drop: LinkDrop) {
        self.drops.borrow_mut().push(drop);
    }
}

/// Runs the adapter of every Ethernet device.
pub(crate) struct TestDrivers {
    choice: Choice,
    pub(crate) port: TestPort,
    pub(crate) counters: Cell<Counters>,
    pub(crate) identity: RefCell<Vec<(MacAddress, usize, &'static str)>>,
    pub(crate) ends: RefCell<Vec<cdc_ecm::Error>>,
}

impl ClassDrivers<SimPlatform> for TestDrivers {
    fn select(&self, descriptors: &DescriptorSet) -> Option<Selection> {
        let found = self.choice.function(descriptors)?;
        Some(Selection { configuration: found.configuration, driver: found.protocol.name() })
    }

    async fn run(&self, device: &Device<'_, SimPlatform>) -> DriverEnd {
        let found = device.descriptors().and_then(|set| self.choice.function(&set));
        let found = found.expect("the function that was selected");
        let addresses = Addresses {
            board: Some(MacAddress([0xb8, 0x27, 0xeb, 1, 2, 3])),
            random: [0xff, 1, 2, 3, 4, 5],
        };
        let error = match Adapter::start(device, &found, addresses, &self.counters).await {
            Ok(adapter) => {
                let identity = (adapter.mac(), adapter.mtu(), adapter.protocol().name());
                self.identity.borrow_mut().push(identity);
                adapter.run(&self.port).await
            }
            Err(error) => error,
        };
        self.ends.borrow_mut().push(error);
        match device.descriptors().and_then(|set| self.choice.failed(&set, error)) {
            Some(_) => DriverEnd::Restart,
            None => error.end(),
        }
    }
}

/// The end of the cable: an adapter as the network sees it.
pub(crate) trait FarEnd: Model + Clone + 'static {
    /// Sends a frame to the host.
    fn send(&self, world: &World, frame: Vec<u8>);
    /// The frames of the host.
    fn frames_of_host(&self) -> Vec<Vec<u8>>;
    /// What the host did that a device could not have understood.
    fn garbage(&self) -> u32;
}

impl FarEnd for EthernetDevice {
    fn send(&self, world: &World, frame: Vec<u8>) {
        Self::send(self, world, frame);
    }

    fn frames_of_host(&self) -> Vec<Vec<u8>> {
        self.state.borrow().from_host.clone()
    }

    fn garbage(&self) -> u32 {
        self.state.borrow().garbage
    }
}

impl FarEnd for LanDevice {
    fn send(&self, world: &World, frame: Vec<u8>) {
        Self::send(self, world, frame);
    }

    fn frames_of_host(&self) -> Vec<Vec<u8>> {
        self.state.borrow().from_host.clone()
    }

    fn garbage(&self) -> u32 {
        self.state.borrow().garbage
    }
}

pub(crate) struct Bench<E = EthernetDevice> {
    pub(crate) world: World,
    pub(crate) clock: SimClock,
    pub(crate) pool: Pool,
    pub(crate) bus: &'static Bus<SimPlatform, TestDrivers>,
    pub(crate) executor: Executor<'static>,
    pub(crate) ethernet: E,
    pub(crate) device: DeviceId,
}

impl<E: FarEnd> Bench<E> {
    /// An adapter, not attached yet.
    pub(crate) fn new(ethernet: &E, options: Options, preference: Preference) -> Self {
        let clock = SimClock::default();
        let world = World::new(&clock, Absent::Silent);
        let pool = Pool::new(BUFFERS);
        let platform =
            SimPlatform { host: SimHost::new(&world), clock: clock.clone(), pool: pool.clone() };
        let port = TestPort {
            pool: pool.clone(),
            received: RefCell::default(),
            unsettled: Cell::new(false),
            keep: Cell::new(false),
            kept: RefCell::default(),
            to_send: RefCell::default(),
            waker: RefCell::default(),
            filter: Cell::default(),
            filter_waker: RefCell::default(),
            links: RefCell::default(),
            drops: RefCell::default(),
        };
        let drivers = TestDrivers {
            choice: Choice::new(preference),
            port,
            counters: Cell::default(),
            identity: RefCell::default(),
            ends: RefCell::default(),
        };
        let bus: &'static _ = Box::leak(Box::new(Bus::new(platform, drivers)));
        let mut executor = Executor::new(&clock);
        for task in 0..TASKS {
            executor.spawn(bus.run_task(task));
        }
        let device = world.device(options, ethernet.clone());
        Self { world, clock, pool, bus, executor, ethernet: ethernet.clone(), device }
    }

    /// An adapter that is up.
    pub(crate) fn up(ethernet: &E, options: Options, preference: Preference) -> Self {
        let mut bench = Self::new(ethernet, options, preference);
        bench.world.attach_root(bench.device);
        bench.until("the link is up", |bench| !bench.port().links.borrow().is_empty());
        bench
    }

    pub(crate) fn port(&self) -> &'static TestPort {
        &self.bus.drivers().port
    }

    pub(crate) fn counters(&self) -> Counters {
        self.bus.drivers().counters.get()
    }

    pub(crate) fn now(&self) -> Duration {
        self.clock.now()
    }

    /// Runs until something is the case.
    pub(crate) fn until(&mut self, what: &str, done: impl Fn(&Self) -> bool) {
        let end = self.now() + LIMIT;
        while !done(self) {
            assert!(self.now() < end, "waited in vain until {what}");
            self.executor.run_for(Duration::from_millis(1));
        }
    }

    /// The stack wants other frames.
    pub(crate) fn stack_wants(&self, filter: ReceiveFilter) {
        let port = self.port();
        port.filter.set(Some(filter));
        if let Some(waker) = port.filter_waker.borrow_mut().take() {
            waker.wake();
        }
    }

    /// A frame from the network.
    pub(crate) fn network_sends(&self, frame: &[u8]) {
        self.ethernet.send(&self.world, frame.to_vec());
    }

    /// A frame from the stack.
    pub(crate) fn stack_sends(&self, frame: &[u8]) {
        let port = self.port();
        port.to_send.borrow_mut().push_back(frame.to_vec());
        if let Some(waker) = port.waker.borrow_mut().take() {
            waker.wake();
        }
    }

    pub(crate) fn expect_received(&mut self, frames: &[Vec<u8>]) {
        self.until("all frames are received", |bench| {
            bench.port().received.borrow().len() >= frames.len()
        });
        self.executor.run_for(Duration::from_millis(5));
        assert_eq!(*self.port().received.borrow(), frames);
    }

    pub(crate) fn expect_sent(&mut self, frames: &[Vec<u8>]) {
        self.until("all frames are sent", |bench| {
            bench.ethernet.frames_of_host().len() >= frames.len()
        });
        self.executor.run_for(Duration::from_millis(5));
        assert_eq!(self.ethernet.frames_of_host(), frames);
    }

    /// Unplugs the device; nothing may be left over.
    pub(crate) fn finish(mut self) {
        self.world.detach(self.device);
        self.executor.run_for(Duration::from_secs(3));
        assert_eq!(self.world.violations(), Vec::<String>::new());
        assert_eq!(self.world.open_pipes(), 0, "open pipes");
        assert_eq!(self.world.in_flight(), 0, "transfers in flight");
        assert_eq!(self.pool.free(), BUFFERS, "buffers lost");
        assert_eq!(self.ethernet.garbage(), 0, "garbage sent");
        assert_eq!(self.port().links.borrow().last(), Some(&LinkState::Down));
    }
}

/// A frame whose bytes tell its number and place.
pub(crate) fn frame(number: u8, length: usize) -> Vec<u8> {
    (0..length).map(|at| number.wrapping_mul(31).wrapping_add(at as u8)).collect()
}
