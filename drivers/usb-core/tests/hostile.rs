//! Devices whose descriptors are anything at all: the bus goes on, and a good device after them
//! works.

use proptest::collection::vec;
use proptest::prelude::*;
use std::time::Duration;
use usb_core::bus::{Bus, TASKS};
use usb_core::class::{ClassDrivers, DriverEnd, Selection};
use usb_core::descriptor::DescriptorSet;
use usb_core::device::Device;
use usb_core::pipe::Speed;
use usb_sim::{
    Absent, EthernetDevice, Executor, HubOptions, Options, Pool, SimClock, SimHost, SimPlatform,
    World,
};

/// Opens whatever endpoint there is.
struct Curious;

impl ClassDrivers<SimPlatform> for Curious {
    fn select(&self, descriptors: &DescriptorSet) -> Option<Selection> {
        let configuration = descriptors.configurations().last()?.value();
        Some(Selection { configuration, driver: "curious" })
    }

    async fn run(&self, device: &Device<'_, SimPlatform>) -> DriverEnd {
        let endpoints: Vec<_> = device.descriptors().map_or_else(Vec::new, |set| {
            set.configurations().flat_map(|c| c.interfaces().flat_map(|i| i.endpoints())).collect()
        });
        for endpoint in endpoints {
            let _ = device.open_pipe(&endpoint);
        }
        device.until_gone().await;
        DriverEnd::Done
    }
}

fn run(device: Vec<u8>, configurations: Vec<Vec<u8>>) {
    let clock = SimClock::default();
    let world = World::new(&clock, Absent::Silent);
    let platform =
        SimPlatform { host: SimHost::new(&world), clock: clock.clone(), pool: Pool::new(16) };
    let bus = Bus::new(platform, Curious);
    let mut executor = Executor::new(&clock);
    for task in 0..TASKS {
        executor.spawn(bus.run_task(task));
    }
    let hub = world.hub(HubOptions::high_speed());
    let hostile = world.device(
        Options::new(Speed::Full),
        EthernetDevice::with_descriptors(device, configurations),
    );
    world.attach(hub, 1, hostile);
    world.attach_root(hub);
    executor.run_for(Duration::from_secs(5));
    let good = world.device(Options::new(Speed::Full), EthernetDevice::qemu());
    world.attach(hub, 2, good);
    let configured =
        executor.run_until(Duration::from_mins(1), || world.address_and_configuration(good).1 != 0);
    assert!(configured, "the good device is not configured");
    assert_eq!(world.violations(), Vec::<String>::new());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn anything_for_descriptors(
        device in vec(any::<u8>(), 0..30),
        configurations in vec(vec(any::<u8>(), 0..100), 0..3),
    ) {
        run(device, configurations);
    }

    #[test]
    fn a_good_device_descriptor_and_anything_behind_it(
        configurations in vec(vec(any::<u8>(), 9..100), 0..3),
        class in prop_oneof![Just(9), Just(2)],
        count in any::<u8>(),
    ) {
        let device =
            vec![18, 1, 0, 2, class, 0, 0, 64, 0x25, 5, 0xa2, 0xa4, 0, 0, 1, 2, 3, count];
        let configurations = configurations
            .into_iter()
            .map(|mut bytes| {
                bytes[..2].copy_from_slice(&[9, 2]);
                bytes
            })
            .collect();
        run(device, configurations);
    }
}
