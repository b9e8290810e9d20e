//! The models of paths that BBR makes: they are large, and most connections do without, so they
//! are kept outside of the connections.

use super::{Bbr, CongestionControl, NewReno};
use crate::limits;
use crate::slots::Slots;

/// Where the model of a connection is. It is given back by [`super::Congestion::release`].
#[derive(Debug)]
pub(crate) struct ModelPlace(u16);

/// The models of all connections that use BBR.
#[derive(Debug)]
pub(crate) struct Models {
    slots: Slots<Bbr, { limits::TCP_MODELS }>,
    /// What a connection would go by whose model is not there.
    none: NewReno,
}

impl Models {
    pub(crate) const fn new() -> Self {
        Self { slots: Slots::new(), none: NewReno }
    }

    /// Keeps a model, if there is room.
    pub(super) fn keep(&mut self, model: Bbr) -> Option<ModelPlace> {
        let slot = self.slots.insert(model).ok()?;
        Some(ModelPlace(slot as u16))
    }

    pub(super) fn get(&self, place: &ModelPlace) -> Option<&Bbr> {
        self.slots.get(place.0.into())
    }

    /// The model as an algorithm.
    pub(super) fn control(&mut self, place: &ModelPlace) -> &mut dyn CongestionControl {
        match self.slots.get_mut(place.0.into()) {
            Some(model) => model,
            None => &mut self.none,
        }
    }

    pub(super) fn forget(&mut self, place: &ModelPlace) {
        self.slots.remove(place.0.into());
    }

    /// How many there are.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }
}
