//! Keyed hashing, and hash chains over the slots of a table.
//!
//! Everything that is hashed comes from the network, so the key is secret and random: nobody
//! outside can choose inputs that fall into one chain.

use core::hash::{Hash, Hasher};
use siphasher::sip::SipHasher13;

/// A secret of 128 bits.
#[derive(Clone)]
pub(crate) struct HashKey([u8; 16]);

impl HashKey {
    /// Where a key is going to be.
    pub(crate) const UNSET: Self = Self([0; 16]);

    pub(crate) const fn new(secret: [u8; 16]) -> Self {
        Self(secret)
    }

    #[inline]
    pub(crate) fn hash(&self, value: &impl Hash) -> u64 {
        let mut hasher = Gathered::new(&self.0);
        value.hash(&mut hasher);
        hasher.finish()
    }

    /// How much those that share a port (SO_REUSEPORT) want a conversation: the greatest weight has it.
    /// So each gets its part, and who comes or goes changes nobody else's (rendezvous hashing).
    pub(crate) fn weight(&self, conversation: &impl Hash, slot: usize) -> u64 {
        self.hash(&(conversation, slot as u16))
    }
}

/// SipHash of what is gathered first: a value comes in many small pieces, and the function is
/// several times as fast over one long one.
struct Gathered {
    /// Over what did not fit.
    hasher: SipHasher13,
    octets: [u8; Self::ROOM],
    len: usize,
}

impl Gathered {
    /// Two addresses and ports, with the lengths that arrays are hashed with.
    const ROOM: usize = 64;

    #[inline]
    fn new(key: &[u8; 16]) -> Self {
        Self { hasher: SipHasher13::new_with_key(key), octets: [0; Self::ROOM], len: 0 }
    }

    fn gathered(&self) -> &[u8] {
        self.octets.get(..self.len).unwrap_or(&[])
    }
}

impl Hasher for Gathered {
    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        if let Some(room) = self.octets.get_mut(self.len..self.len + bytes.len()) {
            room.copy_from_slice(bytes);
            self.len += bytes.len();
            return;
        }
        self.hasher.write(self.octets.get(..self.len).unwrap_or(&[]));
        self.hasher.write(bytes);
        self.len = 0;
    }

    #[inline]
    fn finish(&self) -> u64 {
        self.hasher.hash(self.gathered())
    }
}

const NIL: u16 = u16::MAX;

/// Where a slot is in its chain, in one place: who looks for something touches little memory.
#[derive(Clone, Copy)]
struct Link {
    next: u16,
    /// What is in front of the slot: another one, or the number of slots and that of the bucket.
    previous: u16,
    /// Other bits of the hash than those that make the bucket.
    tag: u16,
}

/// Doubly linked chains through the slots 0 to `N - 1` of a table; the table keeps the values.
/// Taking a slot out takes no hash and the same time however long its chain is.
pub(crate) struct Chains<const N: usize> {
    heads: [u16; N],
    links: [Link; N],
}

impl<const N: usize> Chains<N> {
    pub(crate) const fn new() -> Self {
        assert!(2 * N < NIL as usize);
        Self { heads: [NIL; N], links: [Link { next: NIL, previous: NIL, tag: 0 }; N] }
    }

    const fn bucket(hash: u64) -> usize {
        (hash % N as u64) as usize
    }

    const fn tag(hash: u64) -> u16 {
        (hash >> 16) as u16
    }

    /// Puts `slot` in front of the chain of `hash`. It must not be in a chain already.
    pub(crate) fn insert(&mut self, hash: u64, slot: usize) {
        let bucket = Self::bucket(hash);
        let first = core::mem::replace(&mut self.heads[bucket], slot as u16);
        let previous = (N + bucket) as u16;
        self.links[slot] = Link { next: first, previous, tag: Self::tag(hash) };
        if let Some(link) = self.links.get_mut(usize::from(first)) {
            link.previous = slot as u16;
        }
    }

    /// Takes `slot` out of its chain, if it is in one.
    pub(crate) fn remove(&mut self, slot: usize) {
        let Some(link) = self.links.get_mut(slot) else { return };
        let (next, before) = (link.next, core::mem::replace(&mut link.previous, NIL));
        if before == NIL {
            return;
        }
        match usize::from(before).checked_sub(N) {
            Some(bucket) => self.heads[bucket] = next,
            None => self.links[usize::from(before)].next = next,
        }
        if let Some(link) = self.links.get_mut(usize::from(next)) {
            link.previous = before;
        }
    }

    /// The slot behind `slot` in its chain.
    pub(crate) fn after(&self, slot: usize) -> Option<usize> {
        self.links.get(slot).filter(|link| link.next != NIL).map(|link| link.next.into())
    }

    /// The slots that were inserted with `hash`, and a few others.
    pub(crate) fn iter(&self, hash: u64) -> impl Iterator<Item = usize> + '_ {
        let mut at = self.heads[Self::bucket(hash)];
        core::iter::from_fn(move || {
            while let Some(link) = self.links.get(usize::from(at)) {
                let slot = core::mem::replace(&mut at, link.next);
                if link.tag == Self::tag(hash) {
                    return Some(slot.into());
                }
            }
            None
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::vec::Vec;

    #[test]
    fn chains_hold_what_was_inserted() {
        let mut chains: Chains<8> = Chains::new();
        for slot in 0..8 {
            chains.insert(slot as u64 % 3, slot);
        }
        assert_eq!(chains.iter(0).collect::<Vec<_>>(), [6, 3, 0]);
        chains.remove(3);
        assert_eq!(chains.iter(0).collect::<Vec<_>>(), [6, 0]);
        // What is in no chain, or was never anywhere.
        chains.remove(3);
        chains.remove(800);
        chains.remove(6);
        chains.remove(0);
        assert_eq!(chains.iter(8).count(), 0);
        assert_eq!(chains.iter(1).collect::<Vec<_>>(), [7, 4, 1]);
        chains.insert(0, 3);
        assert_eq!(chains.iter(0).collect::<Vec<_>>(), [3]);
        // The same bucket, but another hash.
        chains.insert(3 << 16, 0);
        assert_eq!(chains.iter(0).collect::<Vec<_>>(), [3]);
        assert_eq!(chains.iter(3 << 16).collect::<Vec<_>>(), [0]);
    }

    proptest! {
        #[test]
        fn chains_are_lists(
            steps in proptest::collection::vec((0usize..8, proptest::option::of(0u64..20)), 0..100),
        ) {
            let mut chains: Chains<8> = Chains::new();
            let mut model: [Vec<usize>; 8] = Default::default();
            for (slot, hash) in steps {
                let known = model.iter().any(|chain| chain.contains(&slot));
                match hash {
                    Some(hash) if !known => {
                        chains.insert(hash, slot);
                        model[hash as usize % 8].insert(0, slot);
                    }
                    Some(_) => {}
                    None => {
                        chains.remove(slot);
                        for chain in &mut model {
                            chain.retain(|&other| other != slot);
                        }
                    }
                }
                for (bucket, chain) in model.iter().enumerate() {
                    prop_assert_eq!(&chains.iter(bucket as u64).collect::<Vec<_>>(), chain);
                    for pair in chain.windows(2) {
                        prop_assert_eq!(chains.after(pair[0]), Some(pair[1]));
                    }
                }
            }
        }
    }

    #[test]
    fn gathering_changes_nothing() {
        for len in 0..200 {
            let value: std::vec::Vec<u8> = (0..len).collect();
            let mut plain = SipHasher13::new_with_key(&[7; 16]);
            (&value, 5u16).hash(&mut plain);
            assert_eq!(HashKey::new([7; 16]).hash(&(&value, 5u16)), plain.finish());
        }
    }

    /// Rows: SEC-3
    #[test]
    fn the_key_matters() {
        let (a, b) = (HashKey::new([1; 16]), HashKey::new([2; 16]));
        assert_eq!(a.hash(&7u32), a.hash(&7u32));
        assert_ne!(a.hash(&7u32), b.hash(&7u32));
    }
}
