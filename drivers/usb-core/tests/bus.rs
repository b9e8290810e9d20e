//! The bus against simulated devices: enumeration, hubs, detaching at any moment, restarts.

use std::cell::{Cell, RefCell};
use std::time::Duration;
use usb_core::bus::Bus;
use usb_core::bus::{BusCounters, DevicePath, TASKS};
use usb_core::class::{ClassDrivers, DriverEnd, Selection};
use usb_core::descriptor::{DescriptorSet, EndpointKind};
use usb_core::device::Device;
use usb_core::host::{Recovery, TransferError};
use usb_core::pipe::{Direction, Speed};
use usb_sim::{
    Absent, EthernetDevice, Executor, HubOptions, Options, Pool, SimClock, SimHost, SimPlatform,
    Translators, World,
};

const SECOND: Duration = Duration::from_secs(1);
/// Long enough for anything that is not waiting for a retry.
const SETTLE: Duration = Duration::from_secs(10);

/// How the test driver behaves.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Behavior {
    /// Keeps a bulk IN transfer armed until the device goes.
    Listen,
    /// Ends with an error at once.
    Fail,
    /// Never ends.
    Hang,
}

/// A driver that takes every device that is no hub, in its first configuration.
struct TestDriver {
    behavior: Cell<Behavior>,
    started: RefCell<Vec<(String, u8)>>,
    ended: Cell<u32>,
}

impl ClassDrivers<SimPlatform> for TestDriver {
    fn select(&self, descriptors: &DescriptorSet) -> Option<Selection> {
        let configuration = descriptors.configurations().next()?.value();
        Some(Selection { configuration, driver: "test" })
    }

    async fn run(&self, device: &Device<'_, SimPlatform>) -> DriverEnd {
        let started = (device.path().to_string(), device.restarts());
        self.started.borrow_mut().push(started);
        match self.behavior.get() {
            Behavior::Fail => return DriverEnd::Restart,
            Behavior::Hang => std::future::pending().await,
            Behavior::Listen => {}
        }
        let endpoint = {
            let descriptors = device.descriptors().expect("a configured device has descriptors");
            let configuration =
                descriptors.configuration(device.configuration()).expect("the configuration");
            configuration
                .interfaces()
                .find_map(|interface| interface.endpoint(EndpointKind::Bulk, Direction::In))
                .expect("a bulk endpoint")
        };
        let pipe = device.open_pipe(&endpoint).expect("a pipe");
        let listen = async {
            loop {
                let mut buffer = device.platform().pool.allocate(0).expect("a buffer");
                assert!(usb_core::buffer::DmaBuffer::set_len(&mut buffer, 512));
                let _ = device.transfer_in(pipe, buffer, None).await;
            }
        };
        embassy_futures::select::select(device.until_gone(), listen).await;
        self.ended.set(self.ended.get() + 1);
        DriverEnd::Done
    }
}

/// A bus in its world.
struct Bench {
    world: World,
    clock: SimClock,
    pool: Pool,
    bus: &'static Bus<SimPlatform, TestDriver>,
    executor: Executor<'static>,
}

impl Bench {
    fn new(absent: Absent) -> Self {
        let clock = SimClock::default();
        let world = World::new(&clock, absent);
        let pool = Pool::new(64);
        let platform =
            SimPlatform { host: SimHost::new(&world), clock: clock.clone(), pool: pool.clone() };
        let drivers = TestDriver {
            behavior: Cell::new(Behavior::Listen),
            started: RefCell::default(),
            ended: Cell::new(0),
        };
        // As the kernel has it: for ever.
        let bus: &'static _ = Box::leak(Box::new(Bus::new(platform, drivers)));
        let mut executor = Executor::new(&clock);
        for task in 0..TASKS {
            executor.spawn(bus.run_task(task));
        }
        Self { world, clock, pool, bus, executor }
    }

    /// The tree, a line a device: path, speed, address is not 0, configuration.
    fn tree(&self) -> Vec<String> {
        let mut lines = Vec::new();
        self.bus.for_each_device(|device| {
            let configuration = device.selection.map_or(0, |selection| selection.configuration);
            lines.push(format!("{} {:?} {configuration}", device.path, device.speed));
        });
        lines
    }

    /// Runs until the tree looks as wanted.
    fn expect_tree(&mut self, tree: &[&str]) {
        let end = self.clock_now() + SETTLE;
        while self.tree() != tree {
            assert!(self.clock_now() < end, "tree is {:?}, not {tree:?}", self.tree());
            self.executor.run_for(Duration::from_millis(10));
        }
    }

    fn clock_now(&self) -> Duration {
        usb_core::host::Clock::now(&self.clock)
    }

    fn counters(&self) -> BusCounters {
        self.bus.counters()
    }

    /// Nothing is left over, and nothing was done that a real bus would not bear.
    fn finish(mut self, attached: usize) {
        self.executor.run_for(SECOND);
        assert_eq!(self.world.violations(), Vec::<String>::new());
        assert_eq!(self.tree().len(), attached);
        if attached == 0 {
            assert_eq!(self.world.open_pipes(), 0, "open pipes");
            assert_eq!(self.world.in_flight(), 0, "transfers in flight");
            assert_eq!(self.pool.free(), 64, "buffers lost");
        }
    }
}

fn full_speed(world: &World) -> usb_sim::DeviceId {
    world.device(Options::new(Speed::Full), EthernetDevice::qemu())
}

fn high_speed(world: &World) -> usb_sim::DeviceId {
    world.device(Options::new(Speed::High), EthernetDevice::rtl8153())
}

#[test]
fn a_device_on_the_root_port() {
    let mut bench = Bench::new(Absent::Silent);
    let device = full_speed(&bench.world);
    bench.executor.run_for(SECOND);
    bench.world.attach_root(device);
    bench.expect_tree(&["1-1 Full 2"]);
    let root = DevicePath::ROOT_PORT;
    bench.bus.with_device(&root, |view| {
        assert_eq!(view.address.get(), 2);
        assert_eq!(view.strings.manufacturer, "QEMU");
        assert_eq!(view.strings.serial, "1-1");
        assert_eq!(view.descriptors.configurations().count(), 2);
        assert_eq!(view.descriptors.bytes().len(), 18 + 67 + 80);
    });
    assert_eq!(bench.world.address_and_configuration(device), (2, 2));
    bench.world.detach(device);
    bench.expect_tree(&[]);
    // Back again: another address.
    bench.world.attach_root(device);
    bench.expect_tree(&["1-1 Full 2"]);
    assert_eq!(bench.world.address_and_configuration(device), (3, 2));
    bench.world.detach(device);
    bench.expect_tree(&[]);
    assert_eq!((bench.counters().attached, bench.counters().detached), (2, 2));
    assert_eq!(bench.bus.drivers().ended.get(), 2);
    bench.finish(0);
}

#[test]
fn five_hubs_deep_and_no_deeper() {
    let mut bench = Bench::new(Absent::Silent);
    let hubs: Vec<_> = (0..6).map(|_| bench.world.hub(HubOptions::high_speed())).collect();
    for pair in hubs.windows(2) {
        bench.world.attach(pair[0], 2, pair[1]);
    }
    let device = full_speed(&bench.world);
    bench.world.attach(hubs[4], 4, device);
    bench.world.attach_root(hubs[0]);
    bench.expect_tree(&[
        "1-1 High 1",
        "1-1.2 High 1",
        "1-1.2.2 High 1",
        "1-1.2.2.2 High 1",
        "1-1.2.2.2.2 High 1",
        "1-1.2.2.2.2.2 High 1",
        "1-1.2.2.2.2.4 Full 2",
    ]);
    // What hangs on the sixth hub is out of reach.
    let too_deep = full_speed(&bench.world);
    bench.world.attach(hubs[5], 1, too_deep);
    bench.executor.run_for(SETTLE);
    assert_eq!(bench.tree().len(), 7);
    assert!(bench.counters().too_deep > 0);
    bench.world.detach(hubs[0]);
    bench.expect_tree(&[]);
    bench.finish(0);
}

#[test]
fn hubs_of_both_speeds_and_their_translators() {
    // The simulated controller compares the translator of every transfer with the tree.
    let mut bench = Bench::new(Absent::Silent);
    let high = bench.world.hub(HubOptions::high_speed());
    let full = bench.world.hub(HubOptions::qemu());
    let (a, b, c) = (full_speed(&bench.world), high_speed(&bench.world), full_speed(&bench.world));
    bench.world.attach(high, 1, a);
    bench.world.attach(high, 3, full);
    bench.world.attach(high, 4, b);
    bench.world.attach(full, 8, c);
    bench.world.attach_root(high);
    bench.expect_tree(&[
        "1-1 High 1",
        "1-1.1 Full 2",
        "1-1.3 Full 1",
        "1-1.4 High 1",
        "1-1.3.8 Full 2",
    ]);
    // A hub goes with everything below it, and comes back with it.
    bench.world.detach(full);
    bench.expect_tree(&["1-1 High 1", "1-1.1 Full 2", "1-1.4 High 1"]);
    bench.world.attach(high, 2, full);
    bench.expect_tree(&[
        "1-1 High 1",
        "1-1.1 Full 2",
        "1-1.2 Full 1",
        "1-1.4 High 1",
        "1-1.2.8 Full 2",
    ]);
    bench.finish(5);
}

#[test]
fn a_hub_with_a_translator_for_each_port_is_put_into_that_setting() {
    for (translators, settings) in
        [(Translators::Single, 0), (Translators::Multi, 1), (Translators::MultiRefused, 1)]
    {
        let mut bench = Bench::new(Absent::Silent);
        let high = bench.world.hub(HubOptions { translators, ..HubOptions::high_speed() });
        let device = full_speed(&bench.world);
        bench.world.attach(high, 3, device);
        bench.world.attach_root(high);
        // The simulated controller compares the translator of every transfer with the hub's setting.
        bench.expect_tree(&["1-1 High 1", "1-1.3 Full 2"]);
        let requests = bench.world.requests(high);
        let asked = requests.iter().filter(|s| (s.request_type, s.request, s.value) == (1, 11, 1));
        assert_eq!(asked.count(), settings, "{translators:?}");
        bench.finish(2);
    }
}

#[test]
fn what_resets_of_the_root_port_do_not_bring_back_the_controller_recovers() {
    let mut bench = Bench::new(Absent::Silent);
    // Three attempts ask three times each, and the fourth once in vain.
    let device = full_speed(&bench.world);
    bench.world.fail_control(device, &[TransferError::Transaction; 10]);
    bench.world.attach_root(device);
    bench.expect_tree(&["1-1 Full 2"]);
    assert_eq!(bench.world.recoveries(), [Recovery::Reset, Recovery::Power]);
    assert_eq!(bench.bus.counters().controller_recoveries, 2);
    bench.finish(1);
}

#[test]
fn a_hub_without_status_endpoint_is_asked() {
    let mut bench = Bench::new(Absent::Silent);
    let hub = bench.world.hub(HubOptions { endpoint: false, ..HubOptions::qemu() });
    let device = full_speed(&bench.world);
    bench.world.attach_root(hub);
    bench.expect_tree(&["1-1 Full 1"]);
    bench.world.attach(hub, 5, device);
    bench.expect_tree(&["1-1 Full 1", "1-1.5 Full 2"]);
    bench.world.detach(device);
    bench.expect_tree(&["1-1 Full 1"]);
    bench.finish(1);
}

#[test]
fn a_status_endpoint_that_fails_is_given_up() {
    let mut bench = Bench::new(Absent::Silent);
    let hub = bench.world.hub(HubOptions::qemu());
    let device = full_speed(&bench.world);
    bench.world.attach_root(hub);
    bench.expect_tree(&["1-1 Full 1"]);
    bench.world.fail_transfers(hub, &[TransferError::Transaction; 4]);
    bench.executor.run_for(SECOND);
    bench.world.attach(hub, 1, device);
    bench.expect_tree(&["1-1 Full 1", "1-1.1 Full 2"]);
    bench.finish(2);
}

#[test]
fn a_device_that_needs_several_resets() {
    for absent in [Absent::Silent, Absent::Garbled] {
        let mut bench = Bench::new(absent);
        // Two attempts with one and two resets are in vain; the third is heard.
        let options = Options { deaf_resets: 3, ..Options::new(Speed::Full) };
        let device = bench.world.device(options, EthernetDevice::qemu());
        bench.world.attach_root(device);
        assert!(
            bench
                .executor
                .run_until(Duration::from_secs(30), || { bench.bus.counters().attached == 1 })
        );
        assert!(bench.counters().attempts_failed >= 1);
        bench.world.detach(device);
        bench.expect_tree(&[]);
        bench.finish(0);
    }
}

#[test]
fn each_scheme_has_its_devices() {
    for dislikes in [8, 64] {
        let mut bench = Bench::new(Absent::Silent);
        let options = Options { dislikes_length: Some(dislikes), ..Options::new(Speed::Full) };
        let device = bench.world.device(options, EthernetDevice::qemu());
        bench.world.attach_root(device);
        bench.expect_tree(&["1-1 Full 2"]);
        bench.finish(1);
    }
}

#[test]
fn small_packets_on_endpoint_zero() {
    for size in [8, 16, 32] {
        let mut bench = Bench::new(Absent::Silent);
        let mut ethernet = EthernetDevice::qemu();
        let mut descriptor = usb_sim::Model::device_descriptor(&ethernet);
        descriptor[7] = size as u8;
        ethernet =
            EthernetDevice::with_descriptors(descriptor, usb_sim::qemu_configurations().to_vec());
        let options = Options { packet_sizes: (size, 64), ..Options::new(Speed::Full) };
        let device = bench.world.device(options, ethernet);
        bench.world.attach_root(device);
        bench.expect_tree(&["1-1 Full 2"]);
        bench.finish(1);
    }
}

#[test]
fn single_faults_of_control_transfers_do_not_matter() {
    // Whichever of the first transfers fails, and however, the device comes up.
    for error in [TransferError::Transaction, TransferError::Stall, TransferError::Timeout] {
        for position in 0..12 {
            let mut bench = Bench::new(Absent::Silent);
            let hub = bench.world.hub(HubOptions::high_speed());
            let device = full_speed(&bench.world);
            bench.world.attach_root(hub);
            bench.expect_tree(&["1-1 High 1"]);
            bench.world.attach(hub, 1, device);
            let before = bench.world.requests(device).len();
            let world = bench.world.clone();
            assert!(
                bench
                    .executor
                    .run_until(SETTLE, || { world.requests(device).len() >= before + position })
            );
            bench.world.fail_control(device, &[error]);
            bench.expect_tree(&["1-1 High 1", "1-1.1 Full 2"]);
            bench.finish(2);
        }
    }
}

#[test]
fn a_device_that_never_answers_is_retried_ever_more_rarely() {
    let mut bench = Bench::new(Absent::Silent);
    let options = Options { deaf_resets: u32::MAX, ..Options::new(Speed::Full) };
    let device = bench.world.device(options, EthernetDevice::qemu());
    bench.world.attach_root(device);
    bench.executor.run_for(Duration::from_mins(1));
    let first = bench.counters().devices_failed;
    assert!((2..=4).contains(&first), "{first}");
    bench.executor.run_for(Duration::from_mins(10));
    assert!(bench.counters().devices_failed <= first + 9, "{}", bench.counters().devices_failed);
    bench.world.detach(device);
    // The next device does not pay for it.
    let good = full_speed(&bench.world);
    bench.executor.run_for(SECOND * 5);
    bench.world.attach_root(good);
    bench.expect_tree(&["1-1 Full 2"]);
    bench.world.detach(good);
    bench.expect_tree(&[]);
    bench.finish(0);
}

#[test]
fn detached_at_any_moment() {
    // Cuts the connection after each step of bringing up a device behind a hub: first the device,
    // then the hub with the device on it.
    for absent in [Absent::Silent, Absent::Garbled] {
        for pull_hub in [false, true] {
            for step in (0..600).step_by(23) {
                let mut bench = Bench::new(absent);
                let hub = bench.world.hub(HubOptions::high_speed());
                let device = full_speed(&bench.world);
                bench.world.attach(hub, 1, device);
                bench.world.attach_root(hub);
                bench.executor.run_for(Duration::from_millis(step * 2));
                bench.world.detach(if pull_hub { hub } else { device });
                if pull_hub {
                    bench.expect_tree(&[]);
                    bench.finish(0);
                } else {
                    bench.expect_tree(&["1-1 High 1"]);
                    // And a fresh one in its place works.
                    bench.executor.run_for(SECOND * 2);
                    let next = high_speed(&bench.world);
                    bench.world.attach(hub, 1, next);
                    bench.expect_tree(&["1-1 High 1", "1-1.1 High 1"]);
                    bench.world.detach(hub);
                    bench.expect_tree(&[]);
                    bench.finish(0);
                }
            }
        }
    }
}

#[test]
fn a_quick_swap_is_two_devices() {
    let mut bench = Bench::new(Absent::Silent);
    let hub = bench.world.hub(HubOptions::qemu());
    let (first, second) = (full_speed(&bench.world), full_speed(&bench.world));
    bench.world.attach_root(hub);
    bench.world.attach(hub, 1, first);
    bench.expect_tree(&["1-1 Full 1", "1-1.1 Full 2"]);
    // Between two polls of the status endpoint.
    bench.world.detach(first);
    bench.world.attach(hub, 1, second);
    bench.executor.run_for(SECOND * 2);
    bench.expect_tree(&["1-1 Full 1", "1-1.1 Full 2"]);
    assert_ne!(bench.world.address_and_configuration(second).0, 0);
    assert_eq!(bench.counters().detached, 1);
    bench.finish(2);
}

/// Moments between two polls of a hub's status endpoint, in steps shorter than a request.
fn moments() -> impl Iterator<Item = Duration> {
    (0..700).map(|step| Duration::from_micros(100) * step)
}

#[test]
fn a_device_that_comes_back_at_any_moment_is_seen() {
    // Also between the answer that tells of its leaving and the request that clears the change.
    for moment in moments() {
        let mut bench = Bench::new(Absent::Silent);
        let hub = bench.world.hub(HubOptions::high_speed());
        let device = full_speed(&bench.world);
        bench.world.attach(hub, 1, device);
        bench.world.attach_root(hub);
        bench.expect_tree(&["1-1 High 1", "1-1.1 Full 2"]);
        bench.world.detach(device);
        bench.executor.run_for(moment);
        bench.world.attach(hub, 1, device);
        bench.executor.run_for(SECOND);
        bench.expect_tree(&["1-1 High 1", "1-1.1 Full 2"]);
        bench.finish(2);
    }
}

#[test]
fn over_current_may_end_at_any_moment() {
    // On a port, and on the hub as a whole.
    for (moment, whole) in moments().flat_map(|moment| [(moment, false), (moment, true)]) {
        let mut bench = Bench::new(Absent::Silent);
        let hub = bench.world.hub(HubOptions::high_speed());
        let device = full_speed(&bench.world);
        bench.world.attach(hub, 2, device);
        bench.world.attach_root(hub);
        bench.expect_tree(&["1-1 High 1", "1-1.2 Full 2"]);
        let over_current = |on| {
            if whole {
                bench.world.hub_over_current(hub, on);
            } else {
                bench.world.over_current(hub, 2, on);
            }
        };
        over_current(true);
        bench.executor.run_for(moment);
        over_current(false);
        bench.executor.run_for(SECOND);
        bench.expect_tree(&["1-1 High 1", "1-1.2 Full 2"]);
        bench.finish(2);
    }
}

#[test]
fn a_restart_is_not_forgotten_when_the_hub_fails_once() {
    let mut bench = Bench::new(Absent::Silent);
    bench.bus.drivers().behavior.set(Behavior::Fail);
    let hub = bench.world.hub(HubOptions::high_speed());
    let device = full_speed(&bench.world);
    bench.world.attach(hub, 1, device);
    bench.world.attach_root(hub);
    bench.expect_tree(&["1-1 High 1", "1-1.1 Full 0"]);
    bench.executor.run_for(Duration::from_millis(100));
    assert_eq!(bench.bus.drivers().started.borrow().len(), 1);
    bench.bus.drivers().behavior.set(Behavior::Listen);
    // The look at the port before its reset.
    bench.world.fail_control(hub, &[TransferError::Timeout]);
    bench.executor.run_for(SETTLE);
    bench.expect_tree(&["1-1 High 1", "1-1.1 Full 2"]);
    let started = bench.bus.drivers().started.borrow().clone();
    assert_eq!(started, [("1-1.1".to_string(), 0), ("1-1.1".to_string(), 1)]);
    bench.finish(2);
}

#[test]
fn a_port_that_drops_out_is_brought_back() {
    let mut bench = Bench::new(Absent::Silent);
    let hub = bench.world.hub(HubOptions::high_speed());
    let device = full_speed(&bench.world);
    bench.world.attach(hub, 2, device);
    bench.world.attach_root(hub);
    bench.expect_tree(&["1-1 High 1", "1-1.2 Full 2"]);
    let resets = bench.world.resets(device);
    bench.world.babble(device);
    bench.executor.run_for(SECOND);
    bench.expect_tree(&["1-1 High 1", "1-1.2 Full 2"]);
    assert!(bench.world.resets(device) > resets);
    // The root port likewise, with all that hangs on it.
    bench.world.babble(hub);
    bench.executor.run_for(SECOND * 2);
    bench.expect_tree(&["1-1 High 1", "1-1.2 Full 2"]);
    bench.finish(2);
}

#[test]
fn over_current_takes_the_device_and_its_end_brings_it_back() {
    let mut bench = Bench::new(Absent::Silent);
    let hub = bench.world.hub(HubOptions::high_speed());
    let device = full_speed(&bench.world);
    bench.world.attach(hub, 2, device);
    bench.world.attach_root(hub);
    bench.expect_tree(&["1-1 High 1", "1-1.2 Full 2"]);
    bench.world.over_current(hub, 2, true);
    bench.expect_tree(&["1-1 High 1"]);
    assert_eq!(bench.counters().over_current, 1);
    assert!(bench.counters().iter().any(|count| count == ("over_current", 1)));
    bench.executor.run_for(SECOND);
    bench.world.over_current(hub, 2, false);
    bench.expect_tree(&["1-1 High 1", "1-1.2 Full 2"]);
    bench.world.hub_over_current(hub, true);
    bench.expect_tree(&["1-1 High 1"]);
    bench.executor.run_for(SECOND);
    assert_eq!(bench.counters().over_current, 2);
    bench.world.hub_over_current(hub, false);
    bench.expect_tree(&["1-1 High 1", "1-1.2 Full 2"]);
    bench.world.root_over_current(true);
    bench.expect_tree(&[]);
    bench.world.root_over_current(false);
    bench.expect_tree(&["1-1 High 1", "1-1.2 Full 2"]);
    bench.finish(2);
}

#[test]
fn a_driver_that_fails_gets_a_fresh_device_a_few_times() {
    let mut bench = Bench::new(Absent::Silent);
    let hub = bench.world.hub(HubOptions::qemu());
    let device = full_speed(&bench.world);
    bench.bus.drivers().behavior.set(Behavior::Fail);
    bench.world.attach(hub, 1, device);
    bench.world.attach_root(hub);
    bench.executor.run_for(Duration::from_secs(200));
    let started = bench.bus.drivers().started.borrow().clone();
    let restarts: Vec<_> = started.iter().map(|(_, restarts)| *restarts).collect();
    assert_eq!(restarts, [0, 1, 2, 3, 4, 5, 6]);
    assert_eq!(bench.tree(), ["1-1 Full 1", "1-1.1 Full 0"]);
    // Pulled and plugged in again it gets its chance.
    bench.bus.drivers().behavior.set(Behavior::Listen);
    bench.world.detach(device);
    bench.expect_tree(&["1-1 Full 1"]);
    bench.world.attach(hub, 1, device);
    bench.expect_tree(&["1-1 Full 1", "1-1.1 Full 2"]);
    bench.finish(2);
}

#[test]
fn a_driver_that_fails_on_the_root_port() {
    let mut bench = Bench::new(Absent::Silent);
    let device = full_speed(&bench.world);
    bench.bus.drivers().behavior.set(Behavior::Fail);
    bench.world.attach_root(device);
    bench.executor.run_for(SECOND);
    bench.bus.drivers().behavior.set(Behavior::Listen);
    bench.executor.run_for(SETTLE);
    bench.expect_tree(&["1-1 Full 2"]);
    assert!(bench.counters().restarts >= 1);
    bench.finish(1);
}

#[test]
fn a_driver_that_does_not_end_is_cut_off() {
    let mut bench = Bench::new(Absent::Silent);
    let device = full_speed(&bench.world);
    bench.bus.drivers().behavior.set(Behavior::Hang);
    bench.world.attach_root(device);
    bench.expect_tree(&["1-1 Full 2"]);
    bench.world.detach(device);
    bench.expect_tree(&[]);
    assert_eq!(bench.counters().drivers_cut_off, 1);
    bench.finish(0);
}

#[test]
fn the_table_is_full_and_then_it_is_not() {
    let mut bench = Bench::new(Absent::Silent);
    let root = bench.world.hub(HubOptions::qemu());
    let second = bench.world.hub(HubOptions::qemu());
    bench.world.attach(root, 8, second);
    let mut devices = Vec::new();
    for port in 1..=7 {
        for hub in [root, second] {
            let device = full_speed(&bench.world);
            bench.world.attach(hub, port, device);
            devices.push((hub, port, device));
        }
    }
    // Two hubs and fourteen devices fill the table.
    bench.world.attach_root(root);
    let bus = bench.bus;
    assert!(bench.executor.run_until(SETTLE * 6, || bus.counters().attached == 16));
    let extra = full_speed(&bench.world);
    bench.world.attach(second, 8, extra);
    bench.executor.run_for(SECOND * 5);
    assert!(bench.counters().table_full >= 1);
    assert_eq!(bench.tree().len(), 16);
    // A place that becomes free is taken by the one that waits.
    bench.world.detach(devices[0].2);
    bench.executor.run_for(SECOND * 70);
    assert_eq!(bench.tree().len(), 16);
    assert_ne!(bench.world.address_and_configuration(extra).1, 0);
    bench.world.detach(root);
    bench.expect_tree(&[]);
    bench.finish(0);
}

#[test]
fn one_device_at_a_time_answers_to_address_zero() {
    // Two hubs find devices at about the same time. The simulation notices when two answer to
    // address 0.
    for offset in (0..240).step_by(12) {
        let mut bench = Bench::new(Absent::Silent);
        let high = bench.world.hub(HubOptions::high_speed());
        let hubs = [1, 2].map(|port| {
            let hub = bench.world.hub(HubOptions::qemu());
            bench.world.attach(high, port, hub);
            hub
        });
        bench.world.attach_root(high);
        bench.expect_tree(&["1-1 High 1", "1-1.1 Full 1", "1-1.2 Full 1"]);
        for hub in hubs {
            for port in 1..=3 {
                let device = full_speed(&bench.world);
                bench.world.attach(hub, port, device);
            }
            bench.executor.run_for(Duration::from_millis(offset));
        }
        let bus = bench.bus;
        assert!(bench.executor.run_until(SETTLE * 2, || bus.counters().attached == 9));
        bench.finish(9);
    }
}
