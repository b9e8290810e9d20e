//! One trial: a tree, its weather, and what must be true afterwards.

use crate::driver::{Controller, EchoDriver, Record, TestPlatform};
use crate::model::Flavor;
use crate::model::core::{CHENA, Model, ModelRegisters};
use crate::model::device::DeviceId;
use crate::model::memory::{Memory, ModelBoard};
use crate::model::random::Random;
use crate::model::time::{Tasks, VirtualClock};
use crate::tree::{Place, Tree};
use crate::weather::storm;
use std::cell::{Cell, RefCell};
use std::time::Duration;
use usb_core::bus::{Bus, BusCounters, TASKS};
use usb_core::host::{Clock, HostController};
use usb_core::pipe::{DeviceAddress, Direction, EndpointNumber, PipeConfig, Speed, TransferType};
use usb_dwc2::{Dwc2, Interrupts, Statistics};

/// By then everything must work again. Retries of devices that failed are up to 64 s apart.
const RECOVERY: Duration = Duration::from_secs(150);
/// Far more than any trial takes.
const STEPS: u64 = 4_000_000;
/// Pipes that the controller has room for.
const PIPES: usize = 64;

thread_local! {
    /// The time in this thread's trial, for what is logged.
    pub static NOW: Cell<Duration> = const { Cell::new(Duration::ZERO) };
}

/// What trials came to, for the report.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Totals {
    pub frames: u64,
    pub attached: u64,
    pub errors: u64,
    pub interrupts: u64,
    pub accesses: u64,
    pub split_nyets: u64,
    pub split_answers_missed: u64,
    pub split_ways_changed: u64,
    pub translator_clears: u64,
    pub dma_faults: u64,
    pub frame_overruns: u64,
    pub halts_failed: u64,
    pub core_resets: u64,
    pub power_cycles: u64,
    pub port_disables: u64,
    pub over_currents: u64,
    pub restarts: u64,
    pub drivers_cut_off: u64,
}

impl Totals {
    fn of(statistics: &Statistics, bus: &BusCounters) -> Self {
        Self {
            attached: bus.attached.into(),
            split_nyets: statistics.split_nyets,
            split_answers_missed: statistics.split_answers_missed,
            split_ways_changed: statistics.split_ways_changed,
            translator_clears: statistics.translator_clears,
            dma_faults: statistics.dma_faults,
            frame_overruns: statistics.frame_overruns,
            halts_failed: statistics.halts_failed,
            core_resets: statistics.core_resets,
            power_cycles: statistics.power_cycles,
            port_disables: statistics.port_disables,
            over_currents: statistics.over_currents,
            restarts: bus.restarts.into(),
            drivers_cut_off: bus.drivers_cut_off.into(),
            ..Self::default()
        }
    }

    fn fields(&mut self) -> [&mut u64; 18] {
        let Self {
            frames,
            attached,
            errors,
            interrupts,
            accesses,
            split_nyets,
            split_answers_missed,
            split_ways_changed,
            translator_clears,
            dma_faults,
            frame_overruns,
            halts_failed,
            core_resets,
            power_cycles,
            port_disables,
            over_currents,
            restarts,
            drivers_cut_off,
        } = self;
        [
            frames,
            attached,
            errors,
            interrupts,
            accesses,
            split_nyets,
            split_answers_missed,
            split_ways_changed,
            translator_clears,
            dma_faults,
            frame_overruns,
            halts_failed,
            core_resets,
            power_cycles,
            port_disables,
            over_currents,
            restarts,
            drivers_cut_off,
        ]
    }

    pub fn add(&mut self, other: &Self) {
        let mut other = other.clone();
        for (sum, more) in self.fields().into_iter().zip(other.fields()) {
            *sum += *more;
        }
    }

    /// Everything that can happen has happened; no driver had to be cut off.
    pub fn check(mut self) {
        assert_eq!(self.drivers_cut_off, 0);
        self.drivers_cut_off = 1;
        for (place, count) in self.fields().into_iter().enumerate() {
            assert!(*count > 0, "count {place} of the totals is zero");
        }
    }
}

/// The machine that tasks run on.
struct Machine<'m> {
    model: &'m Model,
    clock: &'m VirtualClock,
    interrupts: &'m Interrupts,
    handled: Cell<u64>,
    /// Steps left before a trial is taken to be one that does not end.
    steps: Cell<u64>,
}

impl Machine<'_> {
    /// Runs for `limit`, or until `done`; returns whether that came first.
    fn run(&self, tasks: &mut Tasks<'_>, limit: Duration, mut done: impl FnMut() -> bool) -> bool {
        let end = self.clock.now() + limit;
        let registers = ModelRegisters(self.model.clone());
        let mut busy = 0;
        loop {
            let steps = self.steps.get().checked_sub(1).expect("a trial that ends");
            self.steps.set(steps);
            let line = self.model.peek().interrupt_line();
            if line {
                self.handled.set(self.handled.get() + 1);
                self.interrupts.handle(&registers);
            }
            if tasks.poll() || line {
                busy += 1;
                assert!(busy < 20_000, "something happens all the time and no time passes");
                continue;
            }
            if done() {
                return true;
            }
            let next = [self.clock.next_timer(), self.model.peek().next_event()];
            let next = next.into_iter().flatten().min().filter(|next| *next <= end);
            let Some(next) = next else {
                self.clock.advance(end);
                return false;
            };
            if next > self.clock.now() {
                busy = 0;
            }
            self.clock.advance(next.max(self.clock.now()));
            NOW.set(self.clock.now());
            self.model.state().run_events();
        }
    }
}

pub fn run(seed: u64) -> Totals {
    let mut random = Random(seed);
    let qemu = random.one_in(8);
    let flavor = if qemu { Flavor::Qemu } else { Flavor::Hardware };
    let clock = VirtualClock::default();
    let memory = Memory::new();
    let model = Model::new(flavor, clock.clone(), memory.clone());
    {
        let mut state = model.state();
        state.most_patience = 32;
        state.first_frame = random.below(0x4000) as u32;
    }
    let tree = Tree::random(&model, &mut random, qemu);
    let interrupts = Interrupts::new();
    let controller: Controller<'_> = Dwc2::new(
        ModelRegisters(model.clone()),
        &interrupts,
        clock.clone(),
        ModelBoard { memory: memory.clone(), model: model.clone() },
    );
    let driver = EchoDriver {
        random: RefCell::new(Random(random.next())),
        records: RefCell::default(),
        errors: Cell::new(0),
    };
    let platform = TestPlatform { controller, clock: clock.clone(), memory: memory.clone() };
    let bus = Box::new(Bus::new(platform, driver));
    let machine = Machine {
        model: &model,
        clock: &clock,
        interrupts: &interrupts,
        handled: Cell::new(0),
        steps: Cell::new(STEPS),
    };
    let calm_since = Cell::new(None);
    let mut tasks = Tasks::default();
    tasks.spawn(async {
        bus.platform().controller.start().await.expect("the controller starts");
    });
    machine.run(&mut tasks, Duration::from_secs(2), || false);
    for number in 0..TASKS {
        tasks.spawn(bus.run_task(number));
    }
    let weather = Random(random.next());
    tasks.spawn(async {
        storm(&model, &clock, &tree, weather, qemu).await;
        calm_since.set(Some(clock.now()));
    });
    machine.run(&mut tasks, Duration::from_secs(60), || calm_since.get().is_some());
    let since = calm_since.get().expect("bad weather ends");

    // Every device sends frames back again.
    let echoes = tree.echoes(&model);
    let works = |id: &DeviceId| {
        let records = bus.drivers().records.borrow();
        records.get(&number(&tree, *id)).is_some_and(|record| record.last > since)
    };
    if !machine.run(&mut tasks, RECOVERY, || echoes.iter().all(works)) {
        let dead: Vec<_> = echoes.iter().filter(|id| !works(id)).collect();
        let mut registers = String::new();
        bus.platform().controller.dump(&mut registers).unwrap();
        for (id, _) in &tree.devices {
            if let Some(hub) = &model.device(*id).hub {
                let (clears, translators) = (hub.clears.len(), &hub.translators);
                eprintln!("hub {id}: {clears} clears, {translators:?}");
            }
        }
        panic!(
            "devices {dead:?} of {:?} do not come back:\n{registers}{}\n{:?}",
            tree.devices,
            bus.platform().controller.statistics(),
            bus.counters(),
        );
    }

    // Pull the plug; nothing stays.
    for (id, place) in &tree.devices {
        if *place == Place::Root {
            tree.unplug(&model, *id);
        }
    }
    machine.run(&mut tasks, Duration::from_secs(3), || false);
    let mut left = 0;
    bus.for_each_device(|_| left += 1);
    assert_eq!(left, 0, "devices are left");
    assert_eq!(memory.live(), 0, "buffers are left");
    let enabled =
        model.peek().channels.iter().filter(|channel| channel.hcchar & CHENA != 0).count();
    assert!(qemu || enabled == 0, "{enabled} channels are enabled");
    check_pipes(&bus.platform().controller);
    for id in &echoes {
        let records = bus.drivers().records.borrow();
        let device = model.device(*id);
        let frames = &device.echo.as_ref().expect("an echo").frames;
        check_frames(&records[&number(&tree, *id)], frames);
    }

    let statistics = bus.platform().controller.statistics();
    let frames = bus.drivers().records.borrow().values().map(|r| r.received.len() as u64).sum();
    Totals {
        frames,
        errors: bus.drivers().errors.get().into(),
        interrupts: machine.handled.get(),
        accesses: model.peek().accesses,
        ..Totals::of(&statistics, &bus.counters())
    }
}

/// The number by which a device's driver knows it.
fn number(tree: &Tree, id: DeviceId) -> u16 {
    tree.devices.iter().position(|(other, _)| *other == id).expect("of this tree") as u16 + 1
}

/// All pipes of the controller are free.
fn check_pipes(controller: &Controller<'_>) {
    let config = PipeConfig {
        device: DeviceAddress::DEFAULT,
        speed: Speed::Full,
        translator: None,
        endpoint: EndpointNumber::ZERO,
        direction: Direction::Out,
        transfer_type: TransferType::Control,
        max_packet_size: 8,
        interval: 0,
    };
    let pipes: Vec<_> = (0..PIPES).map(|_| controller.open_pipe(config)).collect();
    assert!(pipes.iter().all(Result::is_ok), "pipes are left open");
}

/// Compares what the driver and the device say. `frames` is what the device took, in order.
fn check_frames(record: &Record, frames: &[Vec<u8>]) {
    // What the driver was told had arrived, arrived: once and in order.
    let mut rest = frames.iter();
    for taken in &record.taken {
        let which = &taken[..6];
        assert!(rest.any(|frame| frame == taken), "acknowledged, and not there: {which:?}");
    }
    let places: std::collections::BTreeMap<_, _> = frames.iter().zip(0_usize..).collect();
    assert_eq!(places.len(), frames.len(), "a frame arrived twice");
    // What the device sent back came once, in order, and without gaps but those of an error.
    let mut before: Option<usize> = None;
    for received in &record.received {
        let place = places[&received.frame];
        if let Some(before) = before {
            assert!(place > before, "a frame came twice, or late");
            assert!(!received.clean || place == before + 1, "a frame was lost on its way back");
        }
        before = Some(place);
    }
}
