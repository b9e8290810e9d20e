//! Timers that all run equally long: the first to be set is the first to be due, so they stand in
//! a line, and setting one takes the same time however many there are.

use crate::time::Instant;

const NIL: u16 = u16::MAX;

#[derive(Clone, Copy, Debug)]
struct Place {
    /// When its timer is due; [`Instant::FAR_FUTURE`] outside of the line.
    at: Instant,
    /// Its neighbors in the line.
    before: u16,
    behind: u16,
}

/// Timers numbered 0 to `N - 1`, each set or not.
#[derive(Debug)]
pub(crate) struct WaitingLine<const N: usize> {
    places: [Place; N],
    first: u16,
    last: u16,
}

impl<const N: usize> WaitingLine<N> {
    pub(crate) const fn new() -> Self {
        assert!(N < NIL as usize);
        let nobody = Place { at: Instant::FAR_FUTURE, before: NIL, behind: NIL };
        Self { places: [nobody; N], first: NIL, last: NIL }
    }

    /// The earliest point that a timer is set to.
    pub(crate) fn first(&self) -> Option<(Instant, usize)> {
        let first = usize::from(self.first);
        self.places.get(first).map(|place| (place.at, first))
    }

    /// The same point in time, or [`Instant::FAR_FUTURE`] when no timer is set.
    #[inline]
    pub(crate) fn next(&self) -> Instant {
        self.places.get(usize::from(self.first)).map_or(Instant::FAR_FUTURE, |place| place.at)
    }

    /// When a timer is due, if it is set.
    pub(crate) fn get(&self, timer: usize) -> Option<Instant> {
        self.places.get(timer).map(|place| place.at).filter(|&at| at != Instant::FAR_FUTURE)
    }

    /// Sets a timer, perhaps anew: not earlier than any other one.
    pub(crate) fn join(&mut self, timer: usize, at: Instant) {
        self.leave(timer);
        let before = self.last;
        let Some(place) = self.places.get_mut(timer) else { return };
        *place = Place { at, before, behind: NIL };
        self.last = timer as u16;
        match self.places.get_mut(usize::from(before)) {
            Some(place) => place.behind = timer as u16,
            None => self.first = timer as u16,
        }
    }

    /// Stops a timer, if it is set.
    pub(crate) fn leave(&mut self, timer: usize) {
        let Some(place) = self.places.get_mut(timer) else { return };
        if place.at == Instant::FAR_FUTURE {
            return;
        }
        place.at = Instant::FAR_FUTURE;
        let (before, behind) = (place.before, place.behind);
        match self.places.get_mut(usize::from(before)) {
            Some(place) => place.behind = behind,
            None => self.first = behind,
        }
        match self.places.get_mut(usize::from(behind)) {
            Some(place) => place.before = before,
            None => self.last = before,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::vec::Vec;

    proptest! {
        #[test]
        fn the_first_in_line_is_the_first_to_be_due(
            steps in proptest::collection::vec((0usize..9, any::<bool>(), 0u64..3), 0..200),
        ) {
            let mut line: WaitingLine<8> = WaitingLine::new();
            let mut model: Vec<(usize, Instant)> = Vec::new();
            let mut seconds = 0;
            for (timer, join, wait) in steps {
                seconds += wait;
                let at = Instant::from_secs(seconds);
                model.retain(|&(other, _)| other != timer);
                if join {
                    line.join(timer, at);
                    model.extend((timer < 8).then_some((timer, at)));
                } else {
                    line.leave(timer);
                }
                let first = model.first().map(|&(timer, at)| (at, timer));
                prop_assert_eq!(line.first(), first);
                prop_assert_eq!(line.next(), first.map_or(Instant::FAR_FUTURE, |(at, _)| at));
                for timer in 0..9 {
                    let known = model.iter().find(|(other, _)| *other == timer);
                    prop_assert_eq!(line.get(timer), known.map(|&(_, at)| at));
                }
            }
        }
    }
}
