//! Which protocol a device is spoken to in: the preferred one, and the next when that one turns out
//! not to work.

use crate::error::Error;
use crate::probe::{Match, candidates};
use crate::protocol::{Preference, Protocol};
use core::cell::RefCell;
use heapless::Deque;
use usb_core::descriptor::DescriptorSet;

/// Kinds of devices that are remembered; the oldest is forgotten first.
const MAX_UNFIT: usize = 8;

/// A protocol that a kind of device (idVendor, idProduct) announces and does not keep to.
type Unfit = (u16, u16, Protocol);

/// Chooses among the protocols of a device, and remembers what did not work.
#[derive(Debug, Default)]
pub struct Choice {
    preference: Preference,
    unfit: RefCell<Deque<Unfit, MAX_UNFIT>>,
}

impl Choice {
    /// With nothing to remember yet.
    pub fn new(preference: Preference) -> Self {
        Self { preference, unfit: RefCell::default() }
    }

    /// The function to drive, if there is one left.
    pub fn function(&self, descriptors: &DescriptorSet) -> Option<Match> {
        self.functions(descriptors).next()
    }

    /// The functions that are worth a try, the one to take in front.
    fn functions(&self, descriptors: &DescriptorSet) -> impl Iterator<Item = Match> {
        let (vendor, product) = (descriptors.device().vendor, descriptors.device().product);
        candidates(descriptors, self.preference).filter(move |function| {
            let entry = (vendor, product, function.protocol);
            self.unfit.borrow().iter().all(|unfit| *unfit != entry)
        })
    }

    /// Notes that the function to drive ended with an error. Where it speaks against the protocol
    /// and the device speaks another, that one will be chosen from now on, and is returned.
    pub fn failed(&self, descriptors: &DescriptorSet, error: Error) -> Option<Protocol> {
        if !error.is_of_protocol() {
            return None;
        }
        let (failed, next) = {
            let mut functions = self.functions(descriptors);
            (functions.next()?.protocol, functions.next()?.protocol)
        };
        let device = descriptors.device();
        let mut unfit = self.unfit.borrow_mut();
        if unfit.is_full() {
            unfit.pop_front();
        }
        // There is room.
        let _ = unfit.push_back((device.vendor, device.product, failed));
        Some(next)
    }
}
