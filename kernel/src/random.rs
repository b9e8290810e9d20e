//! Random bytes: ChaCha20, seeded and reseeded from the hardware generator.
//!
//! A request never waits. Before the hardware has given its first 32 bytes (it should have at
//! boot) the seed is what differs between boots and boards: counter, serial number, address.

use crate::sync::TaskCell;
use chacha20::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

/// Words in a seed.
const SEED_WORDS: usize = 8;

/// New entropy is mixed in after so many bytes, if the hardware has some.
const RESEED_INTERVAL: usize = 4096;

struct Generator {
    cipher: ChaCha20Rng,
    until_reseed: usize,
    /// Words of hardware entropy mixed in so far.
    entropy_words: usize,
}

static GENERATOR: TaskCell<Option<Generator>> = TaskCell::new(None);

impl Generator {
    fn new(seed: [u8; 32]) -> Self {
        Self { cipher: ChaCha20Rng::from_seed(seed), until_reseed: 0, entropy_words: 0 }
    }

    /// Starts a new key from the old one and whatever entropy `source` has ready. Whoever learns
    /// the state later can't compute earlier output.
    fn reseed(&mut self, mut source: impl FnMut() -> Option<u32>) {
        let mut seed = [0; 32];
        self.cipher.fill_bytes(&mut seed);
        for bytes in seed.chunks_exact_mut(4) {
            let Some(word) = source() else { break };
            self.entropy_words += 1;
            for (byte, entropy) in bytes.iter_mut().zip(word.to_le_bytes()) {
                *byte ^= entropy;
            }
        }
        self.cipher = ChaCha20Rng::from_seed(seed);
        self.until_reseed = RESEED_INTERVAL;
    }

    fn fill(&mut self, to: &mut [u8], source: impl FnMut() -> Option<u32>) {
        if self.until_reseed < to.len() || self.entropy_words < SEED_WORDS {
            self.reseed(source);
        }
        self.cipher.fill_bytes(to);
        self.until_reseed = self.until_reseed.saturating_sub(to.len());
    }
}

/// Seeds the generator. The hardware drops its first numbers, so this may wait a moment.
#[cfg(target_os = "none")]
pub(crate) fn initialize() {
    use crate::board::{self, firmware};
    use crate::time::{self, Duration};
    const LONGEST_WAIT: Duration = Duration::from_millis(500);

    let mut seed = [0; 32];
    let counter = time::now().as_nanos().to_le_bytes();
    let serial = firmware::board_serial().unwrap_or(0).to_le_bytes();
    let mac = firmware::board_mac_address().unwrap_or_default();
    for (byte, known) in seed.iter_mut().zip(counter.into_iter().chain(serial).chain(mac)) {
        *byte = known;
    }
    let mut generator = Generator::new(seed);
    let give_up = time::now() + LONGEST_WAIT;
    while generator.entropy_words < SEED_WORDS && time::now() < give_up {
        generator.reseed(board::entropy_word);
    }
    if generator.entropy_words < SEED_WORDS {
        log::warn!("the hardware random number generator is silent: weak seed for now");
    }
    GENERATOR.with(|slot| *slot = Some(generator));
}

/// Fills `to` with random bytes fit for keys.
pub fn fill(to: &mut [u8]) {
    #[cfg(target_os = "none")]
    let source = crate::board::entropy_word;
    // Host tests want to see the same bytes each time.
    #[cfg(not(target_os = "none"))]
    let source = || Some(0);
    GENERATOR.with(|generator| {
        generator.get_or_insert_with(|| Generator::new([0; 32])).fill(to, source);
    });
}

/// A random number.
pub fn next_u64() -> u64 {
    let mut bytes = [0; 8];
    fill(&mut bytes);
    u64::from_le_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entropy_changes_the_stream_and_nothing_repeats() {
        let mut outputs = std::collections::BTreeSet::new();
        for entropy in 0..4u32 {
            let mut generator = Generator::new([7; 32]);
            for _ in 0..4 {
                let mut bytes = [0; 16];
                generator.fill(&mut bytes, || Some(entropy));
                assert!(outputs.insert(bytes));
            }
        }
    }

    /// Rows: SEC-2
    #[test]
    fn a_silent_source_is_asked_until_the_seed_is_full() {
        let mut generator = Generator::new([0; 32]);
        let mut bytes = [0; 8];
        let mut asked = 0;
        for _ in 0..3 {
            generator.fill(&mut bytes, || {
                asked += 1;
                None
            });
        }
        assert_eq!(asked, 3);
        generator.fill(&mut bytes, || Some(1));
        assert_eq!(generator.entropy_words, SEED_WORDS);
        generator.fill(&mut bytes, || unreachable!("the seed is full"));
    }

    #[test]
    fn long_requests_bring_a_new_key() {
        let mut generator = Generator::new([0; 32]);
        let mut bytes = [0; RESEED_INTERVAL];
        generator.fill(&mut bytes, || Some(1));
        generator.fill(&mut bytes, || Some(1));
        assert_eq!(generator.entropy_words, 2 * SEED_WORDS);
    }
}
