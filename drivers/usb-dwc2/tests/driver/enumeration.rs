//! The whole way up: the USB core enumerates simulated devices through hubs by this driver.

use crate::model::bench::{Driver, pattern};
use crate::model::device::Way;
use crate::model::memory::{Buffer, Memory};
use crate::model::time::VirtualClock;
use crate::model::{Bench, Device, Fault, Flavor};
use std::cell::RefCell;
use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;
use usb_core::buffer::DmaBuffer;
use usb_core::bus::{Bus, TASKS};
use usb_core::class::{ClassDrivers, DriverEnd, Platform, Selection};
use usb_core::descriptor::DescriptorSet;
use usb_core::host::Clock;
use usb_core::pipe::{Direction, Speed};

struct TestPlatform {
    driver: &'static Driver,
    clock: VirtualClock,
    memory: Memory,
}

impl Platform for TestPlatform {
    type Host = Driver;
    type Clock = VirtualClock;

    fn host(&self) -> &Driver {
        self.driver
    }

    fn clock(&self) -> &VirtualClock {
        &self.clock
    }

    fn allocate(&self) -> Option<Buffer> {
        Some(self.memory.buffer(2048))
    }
}

/// Sends back on bulk OUT what comes on bulk IN.
#[derive(Default)]
struct Echo {
    log: RefCell<Vec<String>>,
}

impl ClassDrivers<TestPlatform> for Echo {
    fn select(&self, descriptors: &DescriptorSet) -> Option<Selection> {
        let configuration = descriptors.configurations().next()?.value();
        Some(Selection { configuration, driver: "echo" })
    }

    async fn run(&self, device: &usb_core::device::Device<'_, TestPlatform>) -> DriverEnd {
        let path = device.path().to_string();
        self.log.borrow_mut().push(format!("{path} starts"));
        let (bulk_in, bulk_out) = {
            let descriptors = device.descriptors().expect("descriptors");
            let configuration = descriptors.configuration(1).expect("a configuration");
            let interface = configuration.interface(0, 0).expect("an interface");
            let find = |direction| {
                let endpoint = interface
                    .endpoints()
                    .find(|endpoint| {
                        endpoint.address.direction == direction && endpoint.max_packet_size() >= 8
                    })
                    .expect("an endpoint");
                device.open_pipe(&endpoint).expect("a pipe")
            };
            (find(Direction::In), find(Direction::Out))
        };
        let echo = async {
            loop {
                let mut buffer = device.platform().allocate().expect("a buffer");
                assert!(buffer.set_len(2048));
                let (mut buffer, result) = device.transfer_in(bulk_in, buffer, None).await;
                let Ok(length) = result else { break result };
                if length == 0 {
                    continue;
                }
                assert!(buffer.set_len(length));
                let second = Duration::from_secs(1);
                let (_, result) = device.transfer_out(bulk_out, buffer, true, second).await;
                if result.is_err() {
                    break result;
                }
            }
        };
        let end = embassy_futures::select::select(device.until_gone(), echo).await;
        let how = match end {
            embassy_futures::select::Either::First(()) => "gone".to_string(),
            embassy_futures::select::Either::Second(result) => format!("{result:?}"),
        };
        self.log.borrow_mut().push(format!("{path} ends: {how}"));
        DriverEnd::Done
    }
}

fn hub(speed: Speed) -> Device {
    Device::hub(speed, 4, false)
}

fn echo(speed: Speed) -> Device {
    let mps: u16 = if speed == Speed::High { 512 } else { 64 };
    let [low, high] = mps.to_le_bytes();
    let mut device = Device::new(speed, 64).endpoint(1, Way::In, mps.into(), false).endpoint(
        2,
        Way::Out,
        mps.into(),
        false,
    );
    device.configurations = vec![
        [
            &[9, 2, 32, 0, 1, 1, 0, 0x80, 50][..],
            &[9, 4, 0, 0, 2, 0xff, 0, 0, 0],
            &[7, 5, 0x81, 2, low, high, 0],
            &[7, 5, 0x02, 2, low, high, 0],
        ]
        .concat(),
    ];
    device
}

struct Setup {
    bench: Bench,
    bus: &'static Bus<TestPlatform, Echo>,
    tasks: RefCell<Vec<Pin<Box<dyn Future<Output = ()>>>>>,
}

impl Setup {
    fn new(flavor: Flavor) -> Self {
        let bench = Bench::new(flavor);
        bench.run(bench.driver.start()).expect("the core starts");
        let platform = TestPlatform {
            driver: bench.driver,
            clock: bench.clock.clone(),
            memory: bench.memory.clone(),
        };
        let bus: &'static Bus<_, _> = Box::leak(Box::new(Bus::new(platform, Echo::default())));
        let tasks = (0..TASKS)
            .map(|number| -> Pin<Box<dyn Future<Output = ()>>> { Box::pin(bus.run_task(number)) })
            .collect();
        Self { bench, bus, tasks: RefCell::new(tasks) }
    }

    /// Runs the bus beside a future.
    fn run<T>(&self, future: impl Future<Output = T>) -> T {
        let mut future = std::pin::pin!(future);
        self.bench.run(poll_fn(|context| {
            for task in self.tasks.borrow_mut().iter_mut() {
                assert!(task.as_mut().poll(context).is_pending(), "a task of the bus ended");
            }
            future.as_mut().poll(context)
        }))
    }

    fn sleep(&self, milliseconds: u64) {
        self.run(self.bench.clock.sleep(Duration::from_millis(milliseconds)));
    }

    /// Waits until the class driver has said so.
    fn expect(&self, line: &str) {
        let clock = &self.bench.clock;
        let give_up = clock.now() + Duration::from_secs(60);
        self.run(async {
            while !self.bus.drivers().log.borrow().iter().any(|said| said.starts_with(line)) {
                let log = self.bus.drivers().log.borrow().clone();
                assert!(clock.now() < give_up, "no {line:?} in {log:?}");
                clock.sleep(Duration::from_millis(5)).await;
            }
        });
        self.bus.drivers().log.borrow_mut().retain(|said| !said.starts_with(line));
    }

    /// Lets a device send something and waits for it to come back.
    fn exchange(&self, id: usize, length: usize) {
        let data = pattern(length);
        let before = self.bench.model.device(id).at(2, Way::Out).all_received().len();
        self.bench.model.device(id).at(1, Way::In).send(&data);
        let clock = &self.bench.clock;
        let give_up = clock.now() + Duration::from_secs(5);
        self.run(async {
            loop {
                let received = self.bench.model.device(id).at(2, Way::Out).all_received();
                if received.len() >= before + length {
                    assert_eq!(received[before..], data);
                    return;
                }
                assert!(clock.now() < give_up, "the echo of {length} bytes does not come back");
                clock.sleep(Duration::from_micros(500)).await;
            }
        });
    }
}

const KINDS: [(Flavor, Speed, Speed); 4] = [
    // A full-speed device behind a high-speed hub: splits.
    (Flavor::Hardware, Speed::High, Speed::Full),
    (Flavor::Hardware, Speed::High, Speed::High),
    (Flavor::Hardware, Speed::Full, Speed::Full),
    (Flavor::Qemu, Speed::Full, Speed::Full),
];

fn plugged(flavor: Flavor, hub_speed: Speed, speed: Speed) -> (Setup, usize, usize) {
    let setup = Setup::new(flavor);
    let hub = setup.bench.model.add(hub(hub_speed));
    let device = setup.bench.model.add(echo(speed));
    setup.bench.model.state().plug_root(hub);
    setup.sleep(1000);
    setup.bench.model.state().plug_hub(hub, 3, device);
    setup.expect("1-1.3 starts");
    (setup, hub, device)
}

#[test]
fn a_device_behind_a_hub_is_enumerated_and_carries_data() {
    for (flavor, hub_speed, speed) in KINDS {
        let (setup, hub, device) = plugged(flavor, hub_speed, speed);
        for length in [1, 63, 64, 65, 512, 1000, 1514] {
            setup.exchange(device, length);
        }
        assert_eq!(setup.bench.model.device(hub).configured, 1);
        assert_eq!(setup.bench.model.device(device).configured, 1);
        let counters = setup.bus.counters();
        assert_eq!((counters.attached, counters.attempts_failed), (2, 0));
        let statistics = setup.bench.driver.statistics();
        assert_eq!(statistics.toggle_errors, 0);
        assert_eq!(statistics.transaction_errors, 0);
    }
}

#[test]
fn a_device_on_the_root_port() {
    for (flavor, speed) in [
        (Flavor::Hardware, Speed::High),
        (Flavor::Hardware, Speed::Full),
        (Flavor::Qemu, Speed::Full),
    ] {
        let setup = Setup::new(flavor);
        let device = setup.bench.model.add(echo(speed));
        setup.bench.model.state().plug_root(device);
        setup.expect("1-1 starts");
        setup.exchange(device, 1514);
        setup.bench.model.state().unplug_root();
        setup.expect("1-1 ends");
        setup.bench.model.state().plug_root(device);
        setup.expect("1-1 starts");
        setup.exchange(device, 100);
    }
}

#[test]
fn unplugged_in_the_middle_and_plugged_in_again() {
    for (flavor, hub_speed, speed) in KINDS {
        let (setup, hub, device) = plugged(flavor, hub_speed, speed);
        for round in 0..3 {
            setup.exchange(device, 300);
            setup.bench.model.device(device).at(1, Way::In).send(&pattern(1000));
            setup.sleep(round);
            setup.bench.model.state().unplug_hub(device);
            setup.expect("1-1.3 ends");
            setup.sleep(300);
            setup.bench.model.device(device).at(1, Way::In).queue.clear();
            setup.bench.model.device(device).at(2, Way::Out).received.clear();
            setup.bench.model.state().plug_hub(hub, 3, device);
            setup.expect("1-1.3 starts");
        }
        setup.exchange(device, 700);
        // With the hub everything behind it goes.
        setup.bench.model.state().unplug_root();
        setup.expect("1-1.3 ends");
        setup.sleep(1500);
        let mut left = 0;
        setup.bus.for_each_device(|_| left += 1);
        assert_eq!(left, 0);
        setup.bench.check_clean();
    }
}

#[test]
fn a_device_that_is_hard_to_enumerate() {
    let (setup, hub, device) = plugged(Flavor::Hardware, Speed::High, Speed::High);
    setup.bench.model.state().unplug_hub(device);
    setup.expect("1-1.3 ends");
    setup.sleep(300);
    setup.bench.model.device(device).fault(0, Way::In, &[Fault::Lost; 20]);
    setup.bench.model.state().plug_hub(hub, 3, device);
    setup.expect("1-1.3 starts");
    setup.exchange(device, 64);
    assert!(setup.bus.counters().attempts_failed >= 1);
}

#[test]
fn a_port_disabled_by_babble_is_enumerated_again() {
    let (setup, hub, device) = plugged(Flavor::Hardware, Speed::High, Speed::High);
    setup.bench.model.device(device).fault(1, Way::In, &[Fault::BabbleAndDisable]);
    setup.bench.model.device(device).at(1, Way::In).send(b"x");
    setup.expect("1-1.3 ends");
    setup.bench.model.device(device).at(1, Way::In).queue.clear();
    // The hub lost its state with the port; so did the device behind it.
    setup.expect("1-1.3 starts");
    setup.exchange(device, 200);
    assert_eq!(setup.bench.driver.statistics().port_disables, 1);
    assert_eq!(setup.bench.model.device(hub).configured, 1);
}
