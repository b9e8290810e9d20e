//! What was learned, for as long as it may be remembered (RFC 1034 section 5.3.3, RFC 2308 section
//! 5): also that something does not exist.
//!
//! It has a fixed number of entries. When it is full, what has expired goes first, then what has not
//! been asked for the longest: a flood of new names can't push out the ones in use.

use alloc::collections::BTreeMap;
use core::time::Duration;

use domain::base::iana::Rtype;

use crate::Instant;
use crate::answer::{Answer, Outcome};
use crate::message::Question;
use crate::name::Name;

/// Entries at most.
pub const CAPACITY: usize = 256;

#[derive(Debug)]
struct Entry {
    answer: Answer,
    learned: Instant,
    /// When it was asked for last, counted in questions.
    used: u64,
}

/// How often it helped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Questions answered.
    pub hits: u64,
    /// Questions not answered.
    pub misses: u64,
    /// Entries given up for others while they were still good.
    pub evicted: u64,
}

/// The memory.
#[derive(Debug, Default)]
pub struct Cache {
    entries: BTreeMap<(Name, Rtype), Entry>,
    questions: u64,
    statistics: Statistics,
}

impl Entry {
    fn age(&self, now: Instant) -> Duration {
        now.saturating_sub(self.learned)
    }

    fn is_good(&self, now: Instant) -> bool {
        self.age(now) < self.answer.lifetime
    }
}

impl Cache {
    /// How often it helped.
    #[must_use]
    pub const fn statistics(&self) -> Statistics {
        self.statistics
    }

    /// How many answers it holds, the expired among them.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether it holds nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// What is known about a question. Lifetimes are what is left of them.
    pub fn find(&mut self, question: &Question, now: Instant) -> Option<Answer> {
        self.questions += 1;
        let key = (question.name.clone(), question.kind);
        let Some(entry) = self.entries.get_mut(&key).filter(|entry| entry.is_good(now)) else {
            self.statistics.misses += 1;
            return None;
        };
        self.statistics.hits += 1;
        entry.used = self.questions;
        let age = entry.age(now);
        let mut answer = entry.answer.clone();
        answer.lifetime = answer.lifetime.saturating_sub(age);
        answer.authoritative = false;
        let seconds = age.as_secs() as u32;
        let records = match &mut answer.outcome {
            Outcome::Records(records) => records.as_mut_slice(),
            _ => &mut [],
        };
        for record in answer.aliases.iter_mut().chain(records) {
            record.ttl = record.ttl.saturating_sub(seconds);
        }
        Some(answer)
    }

    /// Remembers an answer for as long as it says.
    pub fn insert(&mut self, question: &Question, answer: &Answer, now: Instant) {
        if answer.lifetime.is_zero() {
            return;
        }
        let key = (question.name.clone(), question.kind);
        if self.entries.len() >= CAPACITY && !self.entries.contains_key(&key) {
            self.make_room(now);
        }
        let entry = Entry { answer: answer.clone(), learned: now, used: self.questions };
        self.entries.insert(key, entry);
    }

    fn make_room(&mut self, now: Instant) {
        self.entries.retain(|_, entry| entry.is_good(now));
        if self.entries.len() < CAPACITY {
            return;
        }
        let oldest = self.entries.iter().min_by_key(|(_, entry)| entry.used);
        if let Some(key) = oldest.map(|(key, _)| key.clone()) {
            self.entries.remove(&key);
            self.statistics.evicted += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::vec;
    use core::time::Duration;

    use domain::base::iana::Rtype;

    use super::{CAPACITY, Cache};
    use crate::answer::{Answer, Outcome};
    use crate::message::Question;
    use crate::name::parse;
    use crate::record::{Data, Record};

    fn question(name: &str) -> Question {
        Question { name: parse(name).unwrap(), kind: Rtype::AAAA }
    }

    fn answer(name: &str, ttl: u32) -> Answer {
        let data = Data::Aaaa("2001:db8::1".parse().unwrap());
        let records = vec![Record { owner: parse(name).unwrap(), ttl, data }];
        let lifetime = Duration::from_secs(ttl.into());
        Answer { outcome: Outcome::Records(records), lifetime, ..Answer::nothing(Outcome::NoData) }
    }

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn answers_grow_old() {
        let mut cache = Cache::default();
        cache.insert(&question("a.lab"), &answer("a.lab", 60), at(100));
        let found = cache.find(&question("A.LAB"), at(130)).unwrap();
        assert_eq!((found.lifetime, found.records()[0].ttl), (at(30), 30));
        assert_eq!(cache.find(&question("a.lab"), at(160)), None);
        let other = Question { kind: Rtype::PTR, ..question("a.lab") };
        assert_eq!(cache.find(&other, at(130)), None);
        assert_eq!((cache.statistics().hits, cache.statistics().misses), (1, 2));
    }

    #[test]
    fn what_must_not_be_remembered_is_not() {
        let mut cache = Cache::default();
        cache.insert(&question("a.lab"), &answer("a.lab", 0), at(0));
        assert!(cache.is_empty());
    }

    #[test]
    fn a_flood_leaves_what_is_in_use() {
        let mut cache = Cache::default();
        cache.insert(&question("used.lab"), &answer("used.lab", 3600), at(0));
        for number in 0..10 * CAPACITY {
            let name = format!("n{number}.lab");
            cache.insert(&question(&name), &answer(&name, 3600), at(1));
            assert!(cache.find(&question("used.lab"), at(1)).is_some(), "{number}");
        }
        assert_eq!(cache.len(), CAPACITY);
        assert_eq!(cache.statistics().evicted as usize, 9 * CAPACITY + 1);
    }

    #[test]
    fn the_expired_go_first() {
        let mut cache = Cache::default();
        for number in 0..CAPACITY {
            let name = format!("n{number}.lab");
            let ttl = if number == 7 { 10 } else { 1000 };
            cache.insert(&question(&name), &answer(&name, ttl), at(0));
        }
        cache.insert(&question("new.lab"), &answer("new.lab", 60), at(20));
        assert_eq!((cache.len(), cache.statistics().evicted), (CAPACITY, 0));
    }
}
