//! A table whose entries are known by the number of their slot.

use heapless::Vec;

/// Up to `N` entries (fewer than 65536). Adding and removing one takes the same time however many
/// there are.
#[derive(Debug)]
pub(crate) struct Slots<T, const N: usize> {
    slots: Vec<Option<T>, N>,
    /// The slots of `slots` that are free.
    free: Vec<u16, N>,
}

impl<T, const N: usize> Slots<T, N> {
    pub(crate) const fn new() -> Self {
        assert!(N <= 1 << 16);
        Self { slots: Vec::new(), free: Vec::new() }
    }

    /// How many entries there are.
    pub(crate) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.len() == N
    }

    /// Adds an entry; gives it back when there is no room.
    pub(crate) fn insert(&mut self, entry: T) -> Result<usize, T> {
        if let Some(slot) = self.free.pop().map(usize::from)
            && let Some(place) = self.slots.get_mut(slot)
        {
            *place = Some(entry);
            return Ok(slot);
        }
        let slot = self.slots.len();
        match self.slots.push(Some(entry)) {
            Ok(()) => Ok(slot),
            Err(Some(entry)) => Err(entry),
            Err(None) => unreachable!("what was pushed comes back"),
        }
    }

    #[inline]
    pub(crate) fn get(&self, slot: usize) -> Option<&T> {
        self.slots.get(slot)?.as_ref()
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, slot: usize) -> Option<&mut T> {
        self.slots.get_mut(slot)?.as_mut()
    }

    pub(crate) fn remove(&mut self, slot: usize) -> Option<T> {
        let entry = self.slots.get_mut(slot)?.take()?;
        // Each slot is free once at most, so there is room.
        let _always_fits = self.free.push(slot as u16);
        Some(entry)
    }

    /// The entries with their slots.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, &T)> {
        let entries = self.slots.iter().enumerate();
        entries.filter_map(|(slot, entry)| Some((slot, entry.as_ref()?)))
    }

    /// One more than the highest slot that was ever in use.
    pub(crate) fn end(&self) -> usize {
        self.slots.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_is_a_map_of_numbers_that_it_chooses(
            steps in proptest::collection::vec(proptest::option::of(0usize..9), 0..200),
        ) {
            let mut slots: Slots<usize, 8> = Slots::new();
            let mut model = std::collections::BTreeMap::new();
            for (number, step) in steps.into_iter().enumerate() {
                match step {
                    Some(slot) => prop_assert_eq!(slots.remove(slot), model.remove(&slot)),
                    None => match slots.insert(number) {
                        Ok(slot) => prop_assert_eq!(model.insert(slot, number), None),
                        Err(back) => prop_assert_eq!((back, model.len()), (number, 8)),
                    },
                }
                prop_assert_eq!((slots.len(), slots.is_full()), (model.len(), model.len() == 8));
                prop_assert!(slots.iter().eq(model.iter().map(|(&slot, entry)| (slot, entry))));
                for slot in 0..9 {
                    prop_assert_eq!(slots.get(slot), model.get(&slot));
                    prop_assert_eq!(slots.get_mut(slot).copied(), model.get(&slot).copied());
                    prop_assert!(slots.get(slot).is_none() || slot < slots.end());
                }
            }
        }
    }
}
