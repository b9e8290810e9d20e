//! What happens to a trial from outside.

use crate::model::core::Model;
use crate::model::device::{DeviceId, Fault, Way};
use crate::model::random::Random;
use crate::model::time::VirtualClock;
use crate::tree::Tree;
use std::time::Duration;
use usb_core::host::Clock;

const MS: fn(u64) -> Duration = Duration::from_millis;

/// What may happen to a transaction.
const FAULTS: [Fault; 10] = [
    Fault::Lost,
    Fault::HandshakeLost,
    Fault::Babble,
    Fault::BabbleAndDisable,
    Fault::Hang,
    Fault::HaltWithoutCause,
    Fault::Dma,
    Fault::Nak,
    Fault::NakAndHalt,
    Fault::TranslatorForgets,
];

/// Bad weather for a while, then sunshine: at the end everything is plugged in and nothing is
/// planned to fail.
pub async fn storm(
    model: &Model,
    clock: &VirtualClock,
    tree: &Tree,
    mut random: Random,
    qemu: bool,
) {
    for (id, _) in &tree.devices {
        // Some are there at power-on, some come late.
        if random.one_in(3) {
            clock.sleep(MS(random.below(300) as u64)).await;
        }
        tree.plug(model, *id);
    }
    let events = random.below(12);
    for _ in 0..events {
        clock.sleep(MS(random.below(250) as u64)).await;
        let (id, _) = tree.devices[random.below(tree.devices.len())];
        if qemu {
            replug(model, clock, tree, id, &mut random).await;
            continue;
        }
        match random.below(16) {
            0..8 => faults(model, id, &mut random),
            8..11 => replug(model, clock, tree, id, &mut random).await,
            11 => model.state().disable_port(),
            12 => model.state().slips = random.below(20) as u32,
            13 => {
                model.state().halts_work = false;
                clock.sleep(MS(random.below(200) as u64)).await;
                model.state().halts_work = true;
            }
            14 => {
                model.state().reset_stuck = true;
                model.state().power_works = random.one_in(2);
                faults(model, id, &mut random);
                model.device(id).fault(0, Way::In, &[Fault::Hang]);
                model.state().halts_work = random.one_in(2);
                clock.sleep(MS(random.below(1500) as u64)).await;
                let mut state = model.state();
                state.reset_stuck = false;
                state.power_works = true;
                state.halts_work = true;
            }
            _ => {
                model.state().over_current(true);
                clock.sleep(MS(random.below(1500) as u64)).await;
                model.state().over_current(false);
            }
        }
    }
    let mut state = model.state();
    for device in &mut state.devices {
        device.faults.clear();
    }
    state.slips = 0;
    // A transfer without deadline can't tell a channel that hangs from a device that has nothing.
    state.shake();
    drop(state);
    for (id, _) in &tree.devices {
        tree.plug(model, *id);
    }
}

/// A few transactions of an endpoint go wrong.
fn faults(model: &Model, id: DeviceId, random: &mut Random) {
    let mut endpoints: Vec<_> = model.device(id).endpoints.keys().copied().collect();
    endpoints.extend([(0, Way::In), (0, Way::Out)]);
    let (number, way) = random.of(&endpoints);
    for _ in 0..=random.below(4) {
        let fault = random.of(&FAULTS);
        // What an IN of endpoint 0 loses the model has no memory for.
        let fault = match fault {
            Fault::HandshakeLost if number == 0 && way == Way::In => Fault::Lost,
            other => other,
        };
        model.device(id).fault(number, way, &[fault]);
    }
}

async fn replug(
    model: &Model,
    clock: &VirtualClock,
    tree: &Tree,
    id: DeviceId,
    random: &mut Random,
) {
    tree.unplug(model, id);
    // Some bounce, some are exchanged quickly, some stay away.
    for _ in 0..random.below(3) {
        clock.sleep(MS(random.below(20) as u64)).await;
        tree.plug(model, id);
        clock.sleep(MS(random.below(20) as u64)).await;
        tree.unplug(model, id);
    }
    if random.one_in(2) {
        clock.sleep(MS(random.below(400) as u64)).await;
        tree.plug(model, id);
    }
}
