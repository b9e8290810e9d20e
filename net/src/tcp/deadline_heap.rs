//! Which of many timers is due first: a binary heap that knows where each timer is, so that
//! setting one costs the logarithm of their number.

use crate::time::Instant;
use heapless::Vec;

const NOWHERE: u16 = u16::MAX;

/// Timers numbered 0 to `N - 1`, each set or not.
#[derive(Debug)]
pub(crate) struct DeadlineHeap<const N: usize> {
    heap: Vec<(Instant, u16), N>,
    position: [u16; N],
}

impl<const N: usize> DeadlineHeap<N> {
    pub(crate) const fn new() -> Self {
        assert!(N < NOWHERE as usize);
        Self { heap: Vec::new(), position: [NOWHERE; N] }
    }

    /// The earliest point that a timer is set to.
    #[inline]
    pub(crate) fn first(&self) -> Option<(Instant, usize)> {
        self.heap.first().map(|&(at, timer)| (at, timer.into()))
    }

    /// The same point in time, or [`Instant::FAR_FUTURE`] when no timer is set.
    #[inline]
    pub(crate) fn next(&self) -> Instant {
        match self.heap.first() {
            Some(&(at, _)) => at,
            None => Instant::FAR_FUTURE,
        }
    }

    /// When a timer is due, if it is set.
    pub(crate) fn get(&self, timer: usize) -> Option<Instant> {
        let position = *self.position.get(timer)?;
        self.heap.get(usize::from(position)).map(|&(at, _)| at)
    }

    /// Sets a timer; [`Instant::FAR_FUTURE`] is off.
    #[inline]
    pub(crate) fn set(&mut self, timer: usize, at: Instant) {
        let Some(&position) = self.position.get(timer) else { return };
        let index = usize::from(position);
        if at == Instant::FAR_FUTURE {
            if position != NOWHERE {
                self.remove(index);
            }
        } else if let Some(entry) = self.heap.get_mut(index) {
            let earlier = at < entry.0;
            entry.0 = at;
            if earlier { self.rise(index) } else { self.sink(index) }
        } else if self.heap.push((at, timer as u16)).is_ok() {
            let last = self.heap.len() - 1;
            self.note(last);
            self.rise(last);
        }
    }

    fn remove(&mut self, index: usize) {
        let (_, timer) = self.heap.swap_remove(index);
        if let Some(position) = self.position.get_mut(usize::from(timer)) {
            *position = NOWHERE;
        }
        if index < self.heap.len() {
            self.note(index);
            self.rise(index);
            self.sink(index);
        }
    }

    /// The entry at `index` tells its timer where it is.
    fn note(&mut self, index: usize) {
        if let Some(&(_, timer)) = self.heap.get(index)
            && let Some(position) = self.position.get_mut(usize::from(timer))
        {
            *position = index as u16;
        }
    }

    fn is_earlier(&self, a: usize, b: usize) -> bool {
        matches!((self.heap.get(a), self.heap.get(b)), (Some(a), Some(b)) if a < b)
    }

    fn swap(&mut self, a: usize, b: usize) {
        self.heap.swap(a, b);
        self.note(a);
        self.note(b);
    }

    fn rise(&mut self, mut index: usize) {
        while index > 0 {
            let parent = (index - 1) / 2;
            if !self.is_earlier(index, parent) {
                return;
            }
            self.swap(index, parent);
            index = parent;
        }
    }

    fn sink(&mut self, mut index: usize) {
        loop {
            let mut least = index;
            for child in [2 * index + 1, 2 * index + 2] {
                if self.is_earlier(child, least) {
                    least = child;
                }
            }
            if least == index {
                return;
            }
            self.swap(index, least);
            index = least;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_first_is_the_first(
            steps in proptest::collection::vec((0usize..12, proptest::option::of(0u64..50)), 0..200),
        ) {
            let mut heap: DeadlineHeap<12> = DeadlineHeap::new();
            let mut model = [Instant::FAR_FUTURE; 12];
            for (timer, at) in steps {
                let at = at.map_or(Instant::FAR_FUTURE, Instant::from_secs);
                heap.set(timer, at);
                model[timer] = at;
                let least = model.iter().copied().min().unwrap();
                let expected = (least != Instant::FAR_FUTURE).then_some(least);
                prop_assert_eq!(heap.first().map(|(at, _)| at), expected);
                if let Some((at, timer)) = heap.first() {
                    prop_assert_eq!(model[timer], at);
                }
            }
        }
    }
}
