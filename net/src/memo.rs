//! The last few answers to questions that are asked for every packet and cost a search.

use core::cell::RefCell;

/// Answers in `N` places. A question has one place, where a newer one puts it out, so remembering
/// costs no more than a comparison; whoever asks makes the place from something at hand, and an
/// unlucky or unkind choice of addresses only means to search as if nothing were remembered.
pub(crate) struct Memo<K, V, const N: usize>(RefCell<[Option<(K, V)>; N]>);

impl<K: PartialEq, V: Copy, const N: usize> Memo<K, V, N> {
    pub(crate) const fn new() -> Self {
        Self(RefCell::new([const { None }; N]))
    }

    /// The answer, if it is remembered.
    #[inline]
    pub(crate) fn get(&self, place: usize, question: &K) -> Option<V> {
        let answers = self.0.try_borrow().ok()?;
        let (known, answer) = answers.get(place % N)?.as_ref()?;
        (known == question).then_some(*answer)
    }

    /// The same for whoever wants to copy only a part of it.
    #[inline]
    pub(crate) fn find(&mut self, place: usize, question: &K) -> Option<&V> {
        self.find_by(place, |known| known == question)
    }

    /// The same for whoever has the question in pieces: comparing them where they lie is quicker
    /// than putting them together first.
    #[inline]
    pub(crate) fn find_by(
        &mut self,
        place: usize,
        is_asked: impl FnOnce(&K) -> bool,
    ) -> Option<&V> {
        let (known, answer) = self.0.get_mut().get(place % N)?.as_ref()?;
        is_asked(known).then_some(answer)
    }

    /// Nothing is remembered in this place any more.
    pub(crate) fn forget(&mut self, place: usize) {
        if let Some(slot) = self.0.get_mut().get_mut(place % N) {
            *slot = None;
        }
    }

    /// Remembers an answer.
    pub(crate) fn put(&self, place: usize, question: K, answer: V) {
        if let Ok(mut answers) = self.0.try_borrow_mut()
            && let Some(slot) = answers.get_mut(place % N)
        {
            *slot = Some((question, answer));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_holds_the_last_question() {
        let mut memo: Memo<&str, u8, 4> = Memo::new();
        assert_eq!(memo.get(1, &"a"), None);
        memo.put(1, "a", 7);
        memo.put(2, "b", 8);
        assert_eq!(
            (memo.get(1, &"a"), memo.get(6, &"b"), memo.get(1, &"b")),
            (Some(7), Some(8), None)
        );
        memo.put(5, "c", 9);
        assert_eq!((memo.get(1, &"a"), memo.get(1, &"c")), (None, Some(9)));
        assert_eq!(memo.find(1, &"a"), None);
        assert_eq!(memo.find(9, &"c"), Some(&9));
        memo.forget(5);
        assert_eq!((memo.get(1, &"c"), memo.get(2, &"b")), (None, Some(8)));
    }
}
