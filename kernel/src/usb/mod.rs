//! USB as the kernel runs it: the DWC2 controller, the bus, and which driver takes which device.

mod diagnostics;
mod sysfs;

use crate::memory::dma::{self, DmaBuffer};
use crate::net::ethernet::EthernetPort;
use crate::sync::TaskCell;
use crate::time::{self, Duration};
use crate::{board, boot_arguments, executor, fs, net, random};
use ::net::netif::MacAddress;
use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::vec::Vec;
use cdc_ecm::{Adapter, Addresses, Choice, Counters, Preference};
use core::cell::{Cell, RefCell};
use usb_core::bus::{self, Bus, DevicePath};
use usb_core::class::{ClassDrivers, DriverEnd, Platform, Selection};
use usb_core::descriptor::DescriptorSet;
use usb_core::device::Device;
use usb_core::host::{Clock, HostController, RootPortState};
use usb_dwc2::registers::mmio::MmioRegisters;
use usb_dwc2::{Board, Dwc2, Interrupts, PowerError};

/// How long the controller stays without power in a power cycle.
const POWER_CYCLE: Duration = Duration::from_millis(200);

/// How long the first program waits for USB.
const SETTLE_LIMIT: Duration = Duration::from_secs(3);
/// How often that is looked at.
const SETTLE_STEP: Duration = Duration::from_millis(20);

/// What the interrupt handler and the driver share.
static INTERRUPTS: Interrupts = Interrupts::new();

/// The bus, once the controller runs.
static BUS: TaskCell<Option<&'static KernelBus>> = TaskCell::new(None);

type Controller = Dwc2<'static, MmioRegisters<'static>, KernelClock, ControllerBoard>;
type KernelBus = Bus<KernelPlatform, Drivers>;

/// Looks at the bus; nothing happens as long as there is none.
fn with_bus(look: impl FnOnce(&KernelBus)) {
    if let Some(bus) = BUS.with(|bus| *bus) {
        look(bus);
    }
}

/// The kernel's clock for the drivers.
struct KernelClock;

impl Clock for KernelClock {
    fn now(&self) -> Duration {
        time::now().saturating_since(time::Instant::ZERO)
    }

    async fn sleep(&self, duration: Duration) {
        time::sleep(duration).await;
    }
}

/// DMA memory for the controller's own transfers, and the power of its block.
struct ControllerBoard;

impl Board for ControllerBoard {
    type Buffer = DmaBuffer;

    fn allocate(&self, len: usize) -> Option<DmaBuffer> {
        dma::pool().take_for_receive(len)
    }

    async fn cycle_power(&self) -> Result<(), PowerError> {
        board::usb::power_off().map_err(|_| PowerError)?;
        let off = WithoutPower;
        time::sleep(POWER_CYCLE).await;
        core::mem::forget(off);
        board::usb::power_on().map_err(|_| PowerError)
    }
}

/// The controller is without power, until this is dropped.
struct WithoutPower;

impl Drop for WithoutPower {
    fn drop(&mut self) {
        if let Err(error) = board::usb::power_on() {
            log::error!("usb: no power: {error:?}");
        }
    }
}

/// What the bus runs on.
struct KernelPlatform {
    controller: Controller,
}

impl Platform for KernelPlatform {
    type Host = Controller;
    type Clock = KernelClock;

    fn host(&self) -> &Controller {
        &self.controller
    }

    fn clock(&self) -> &KernelClock {
        &KernelClock
    }

    fn allocate(&self) -> Option<DmaBuffer> {
        dma::pool().take(dma::RECEIVE_OFFSET)
    }
}

/// The class drivers: USB Ethernet.
struct Drivers {
    choice: Choice,
    /// Where the chip is that may have the board's address.
    board_address: Cell<Option<DevicePath>>,
    /// What the running adapters count, by the place they are plugged into.
    counters: RefCell<Vec<(DevicePath, Rc<Cell<Counters>>)>>,
}

impl Drivers {
    /// Boot argument `usb_net=ncm|ecm|eem|rndis` puts one protocol in front.
    fn from_boot_arguments() -> Self {
        let preference = match boot_arguments::get("usb_net") {
            None => Preference::default(),
            Some(name) => Preference::from_name(name).unwrap_or_else(|| {
                log::warn!("usb_net={name} is none of ncm, ecm, eem, rndis: taking what there is");
                Preference::default()
            }),
        };
        Self {
            choice: Choice::new(preference),
            board_address: Cell::default(),
            counters: RefCell::default(),
        }
    }

    /// What the adapter at a place counts; `None` when none runs there.
    fn counters_at(&self, path: DevicePath) -> Option<Counters> {
        let running = self.counters.borrow();
        running.iter().find(|(other, _)| *other == path).map(|(_, counters)| counters.get())
    }

    /// Zeros for an adapter that begins; those of an earlier one at the same place are forgotten.
    fn new_counters(&self, path: DevicePath) -> Rc<Cell<Counters>> {
        let counters = Rc::new(Cell::new(Counters::default()));
        let mut running = self.counters.borrow_mut();
        running.retain(|(other, _)| *other != path);
        running.push((path, counters.clone()));
        counters
    }

    /// What the address of a device without one may be. A Raspberry Pi 3's own chip has neither an
    /// EEPROM nor anything else to tell it from one in a dongle; the first one is taken for it.
    fn addresses(&self, device: &Device<'_, KernelPlatform>) -> Addresses {
        let mut random = [0; 6];
        random::fill(&mut random);
        let is_soldered = device.descriptors().is_some_and(|descriptors| {
            let device = descriptors.device();
            matches!((device.vendor, device.product), (0x0424, 0xec00 | 0x7800))
        });
        let is_free = self.board_address.get().is_none_or(|holder| holder == device.path());
        if !is_soldered || !is_free {
            return Addresses { board: None, random };
        }
        self.board_address.set(Some(device.path()));
        Addresses { board: board::firmware::board_mac_address().ok().map(MacAddress), random }
    }

    async fn run_ethernet(&self, device: &Device<'_, KernelPlatform>) -> Option<cdc_ecm::Error> {
        // The descriptors stay borrowed only for the look at them.
        let matched = self.choice.function(&*device.descriptors()?)?;
        let addresses = self.addresses(device);
        let counters = self.new_counters(device.path());
        let adapter = match Adapter::start(device, &matched, addresses, &counters).await {
            Ok(adapter) => adapter,
            Err(error) => return Some(error),
        };
        let mtu = u16::try_from(adapter.mtu()).unwrap_or(u16::MAX);
        match EthernetPort::open("usb", adapter.mac(), mtu) {
            Ok(port) => Some(adapter.run(&port).await),
            Err(error) => {
                log::error!("usb {}: no network interface: {error}", device.path());
                None
            }
        }
    }
}

impl ClassDrivers<KernelPlatform> for Drivers {
    fn select(&self, descriptors: &DescriptorSet) -> Option<Selection> {
        if let Some(matched) = self.choice.function(descriptors) {
            let driver = matched.protocol.name();
            return Some(Selection { configuration: matched.configuration, driver });
        }
        let device = descriptors.device();
        let (vendor, product) = (device.vendor, device.product);
        match cdc_ecm::unsupported::name(vendor, product) {
            Some(chip) => log::warn!("{vendor:04x}:{product:04x} is a {chip}: not supported"),
            None => log::info!("{vendor:04x}:{product:04x}: no driver"),
        }
        None
    }

    async fn run(&self, device: &Device<'_, KernelPlatform>) -> DriverEnd {
        let end = self.run_ethernet(device).await;
        self.counters.borrow_mut().retain(|(path, _)| *path != device.path());
        if self.board_address.get() == Some(device.path()) {
            self.board_address.set(None);
        }
        match end {
            Some(error) => {
                log::info!("usb {}: {error}", device.path());
                let next = device.descriptors().and_then(|set| self.choice.failed(&set, error));
                if let Some(protocol) = next {
                    log::warn!("usb {}: trying {} instead", device.path(), protocol.name());
                    return DriverEnd::Restart;
                }
                error.end()
            }
            None => DriverEnd::Done,
        }
    }
}

/// Starts the controller and the bus.
pub fn start() {
    fs::sys::register("bus/usb/devices", sysfs::devices);
    executor::spawn("usb", run());
}

/// Returns when the devices that were there at power-on have their drivers, or there are none, or
/// they take too long: so that what programs print does not mix with what the kernel tells of them.
pub async fn settle() {
    let deadline = time::now() + SETTLE_LIMIT;
    while time::now() < deadline {
        time::sleep(SETTLE_STEP).await;
        let Some(bus) = BUS.with(|bus| *bus) else { continue };
        let is_empty = bus.platform().host().root_port() == RootPortState::Empty;
        let has_adapter = net::with_stack(|stack| stack.interfaces().nth(1).is_some());
        if is_empty || has_adapter {
            return;
        }
    }
}

async fn run() {
    board::interrupt::register(board::interrupt::Source::Usb, || {
        INTERRUPTS.handle(&board::usb::registers());
    });
    let Some(controller) = start_controller().await else { return };
    let platform = KernelPlatform { controller };
    let bus: &'static KernelBus =
        Box::leak(Box::new(Bus::new(platform, Drivers::from_boot_arguments())));
    BUS.with(|place| *place = Some(bus));
    diagnostics::register();
    for number in 0..bus::TASKS {
        executor::spawn("usb bus", bus.run_task(number));
    }
}

/// Powers the controller and starts it.
async fn start_controller() -> Option<Controller> {
    if let Err(error) = board::usb::power_on() {
        log::error!("usb: no power: {error:?}");
        return None;
    }
    let controller = Dwc2::new(board::usb::registers(), &INTERRUPTS, KernelClock, ControllerBoard);
    match controller.start().await {
        Ok(()) => Some(controller),
        Err(error) => {
            log::error!("usb: {error}");
            None
        }
    }
}
