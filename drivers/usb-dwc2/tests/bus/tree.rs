//! Random trees of devices.

use crate::model::core::Model;
use crate::model::device::{Device, DeviceId, Way};
use crate::model::echo::{self, Honesty};
use crate::model::random::Random;
use usb_core::pipe::Speed;

/// Where a device belongs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    Root,
    Hub(DeviceId, usize),
}

pub struct Tree {
    /// Every device with its place, hubs before what is on them.
    pub devices: Vec<(DeviceId, Place)>,
}

impl Tree {
    /// Makes one; nothing is plugged in.
    pub fn random(model: &Model, random: &mut Random, qemu: bool) -> Self {
        let mut tree = Self { devices: Vec::new() };
        let speeds: &[Speed] = if qemu {
            &[Speed::Full]
        } else {
            &[Speed::High, Speed::High, Speed::Full, Speed::Low]
        };
        let speed = random.of(speeds);
        if speed == Speed::Low || random.one_in(3) {
            tree.echo(model, random, speed, Place::Root);
        } else {
            tree.hub(model, random, speed, Place::Root, 2);
        }
        tree
    }

    fn hub(&mut self, model: &Model, random: &mut Random, speed: Speed, place: Place, deep: u32) {
        let multi = speed == Speed::High && random.one_in(2);
        let ports = 2 + random.below(3);
        let mut hub = Device::hub(speed, ports, multi);
        {
            let hub = hub.hub.as_mut().expect("a hub");
            hub.strict = random.one_in(4);
            hub.splits_answers = random.one_in(4);
        }
        let hub = model.add(hub);
        self.devices.push((hub, place));
        for port in 1..=ports {
            let place = Place::Hub(hub, port);
            let below = match speed {
                Speed::High => random.of(&[Speed::High, Speed::Full, Speed::Full, Speed::Low]),
                Speed::Full | Speed::Low => random.of(&[Speed::Full, Speed::Full, Speed::Low]),
            };
            match random.below(6) {
                0..3 => self.echo(model, random, below, place),
                3 if deep > 0 && below != Speed::Low => {
                    self.hub(model, random, below, place, deep - 1);
                }
                _ => {}
            }
        }
    }

    fn echo(&mut self, model: &Model, random: &mut Random, speed: Speed, place: Place) {
        let mps0 = match speed {
            Speed::High => 64,
            Speed::Full => random.of(&[8, 16, 32, 64]),
            Speed::Low => 8,
        };
        let honesty = random.of(&[
            Honesty::Honest,
            Honesty::Honest,
            Honesty::TooLong,
            Honesty::Loop,
            Honesty::Duplicates,
            Honesty::Oversized,
        ]);
        let number = self.devices.len() as u16 + 1;
        let mut device = Device::echo(speed, number, mps0, honesty);
        // Tested with one way of enumerating only.
        device.dislikes_length = match random.below(8) {
            0 => Some(8),
            1 => Some(64),
            _ => None,
        };
        if speed == Speed::High {
            device.at(echo::OUT, Way::Out).nyet = random.one_in(2);
        }
        let id = model.add(device);
        self.devices.push((id, place));
    }

    pub fn echoes(&self, model: &Model) -> Vec<DeviceId> {
        let state = model.peek();
        let all = self.devices.iter().map(|(id, _)| *id);
        all.filter(|id| state.devices[*id].echo.is_some()).collect()
    }

    fn place(&self, id: DeviceId) -> Place {
        self.devices.iter().find(|(other, _)| *other == id).expect("of this tree").1
    }

    /// Plugs a device in, unless it is.
    pub fn plug(&self, model: &Model, id: DeviceId) {
        let mut state = model.state();
        if state.devices[id].attached {
            return;
        }
        match self.place(id) {
            Place::Root => state.plug_root(id),
            Place::Hub(hub, port) => state.plug_hub(hub, port, id),
        }
    }

    /// Pulls a device out, if it is in.
    pub fn unplug(&self, model: &Model, id: DeviceId) {
        let mut state = model.state();
        if !state.devices[id].attached {
            return;
        }
        match self.place(id) {
            Place::Root => state.unplug_root(),
            Place::Hub(..) => state.unplug_hub(id),
        }
    }
}
