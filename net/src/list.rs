//! Queues of unforeseeable length in a fixed amount of memory: many lists share the slots of one
//! arena.

use heapless::Vec;

const NIL: u16 = u16::MAX;

/// A first-in, first-out list whose elements lie in an [`Arena`].
///
/// Dropping it without [`Arena::clear`] would leave its slots taken, so whoever owns a list clears
/// it first.
#[derive(Debug)]
pub(crate) struct List {
    head: u16,
    tail: u16,
    len: u16,
}

impl List {
    pub(crate) const fn new() -> Self {
        Self { head: NIL, tail: NIL, len: 0 }
    }

    pub(crate) const fn len(&self) -> usize {
        self.len as usize
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Takes the contents, leaving an empty list.
    pub(crate) const fn take(&mut self) -> Self {
        core::mem::replace(self, Self::new())
    }
}

#[derive(Debug)]
struct Slot<T> {
    value: Option<T>,
    next: u16,
}

/// `N` slots (fewer than 65535) for the elements of any number of lists.
#[derive(Debug)]
pub(crate) struct Arena<T, const N: usize> {
    slots: Vec<Slot<T>, N>,
    free: u16,
    used: usize,
}

impl<T, const N: usize> Arena<T, N> {
    pub(crate) const fn new() -> Self {
        assert!(N < NIL as usize);
        Self { slots: Vec::new(), free: NIL, used: 0 }
    }

    /// Slots that are free.
    pub(crate) const fn available(&self) -> usize {
        N - self.used
    }

    /// Appends to `list`, or gives the value back when all slots are taken.
    #[inline]
    pub(crate) fn push_back(&mut self, list: &mut List, value: T) -> Result<(), T> {
        let index = if let Some(slot) = self.slots.get_mut(usize::from(self.free)) {
            let index = self.free;
            self.free = slot.next;
            (slot.value, slot.next) = (Some(value), NIL);
            index
        } else {
            let index = self.slots.len() as u16;
            if let Err(slot) = self.slots.push(Slot { value: Some(value), next: NIL }) {
                return Err(slot.value.expect("the slot was just filled"));
            }
            index
        };
        match self.slots.get_mut(usize::from(list.tail)) {
            Some(tail) => tail.next = index,
            None => list.head = index,
        }
        list.tail = index;
        list.len += 1;
        self.used += 1;
        Ok(())
    }

    /// Removes the oldest element of `list`.
    pub(crate) fn pop_front(&mut self, list: &mut List) -> Option<T> {
        self.remove_front(list)?.take()
    }

    /// Drops the oldest element of `list` where it lies.
    #[inline]
    pub(crate) fn drop_front(&mut self, list: &mut List) {
        if let Some(value) = self.remove_front(list) {
            *value = None;
        }
    }

    /// Frees the slot of the oldest element of `list`; whoever calls takes the element out.
    #[inline]
    fn remove_front(&mut self, list: &mut List) -> Option<&mut Option<T>> {
        let index = list.head;
        let slot = self.slots.get_mut(usize::from(index))?;
        list.head = slot.next;
        slot.next = self.free;
        self.free = index;
        if list.head == NIL {
            list.tail = NIL;
        }
        list.len -= 1;
        self.used -= 1;
        Some(&mut slot.value)
    }

    /// The oldest element of `list`.
    #[inline]
    pub(crate) fn front(&self, list: &List) -> Option<&T> {
        self.slots.get(usize::from(list.head))?.value.as_ref()
    }

    /// The oldest element of `list`, to be changed.
    #[inline]
    pub(crate) fn front_mut(&mut self, list: &List) -> Option<&mut T> {
        self.slots.get_mut(usize::from(list.head))?.value.as_mut()
    }

    /// The elements of `list`, the oldest first.
    pub(crate) fn iter<'a>(&'a self, list: &List) -> impl Iterator<Item = &'a T> + use<'a, T, N> {
        let mut index = list.head;
        core::iter::from_fn(move || {
            let slot = self.slots.get(usize::from(index))?;
            index = slot.next;
            slot.value.as_ref()
        })
    }

    /// Drops all elements of `list`.
    #[inline]
    pub(crate) fn clear(&mut self, list: &mut List) {
        while !list.is_empty() {
            self.drop_front(list);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_lists_share_slots_and_keep_their_order() {
        let mut arena: Arena<u32, 4> = Arena::new();
        let (mut a, mut b) = (List::new(), List::new());
        for value in [1, 2] {
            arena.push_back(&mut a, value).unwrap();
            arena.push_back(&mut b, value * 10).unwrap();
        }
        assert_eq!(arena.push_back(&mut a, 3), Err(3));
        assert_eq!((a.len(), b.len(), arena.available()), (2, 2, 0));
        assert_eq!(arena.front(&b), Some(&10));
        assert_eq!(arena.pop_front(&mut a), Some(1));
        arena.push_back(&mut b, 30).unwrap();
        assert_eq!(arena.pop_front(&mut a), Some(2));
        assert_eq!(arena.pop_front(&mut a), None);
        assert!(a.is_empty());
        for value in [10, 20, 30] {
            assert_eq!(arena.pop_front(&mut b), Some(value));
        }
        assert_eq!(arena.available(), 4);
    }

    #[test]
    fn a_list_can_be_looked_at() {
        let mut arena: Arena<u32, 4> = Arena::new();
        let (mut a, mut b) = (List::new(), List::new());
        for value in [1, 2] {
            arena.push_back(&mut a, value).unwrap();
            arena.push_back(&mut b, value * 10).unwrap();
        }
        assert!(arena.iter(&a).eq(&[1, 2]) && arena.iter(&b).eq(&[10, 20]));
        assert_eq!(arena.iter(&List::new()).next(), None);
    }

    #[test]
    fn clear_frees_all() {
        let mut arena: Arena<u32, 3> = Arena::new();
        let mut list = List::new();
        for _ in 0..5 {
            for value in 0..3 {
                arena.push_back(&mut list, value).unwrap();
            }
            let mut taken = list.take();
            assert!(list.is_empty());
            arena.clear(&mut taken);
            assert_eq!(arena.available(), 3);
        }
    }
}
