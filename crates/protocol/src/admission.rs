//! Admission defers, it never judges: what is over a quota comes later, by pull, and nobody is blamed.

use std::collections::BTreeMap;

use ecomesh_record::{MemberId, Time};

use crate::limits::{AUTHOR_BUDGET_BYTES, AUTHOR_BUDGET_BYTES_PER_DAY};

/// Tokens of one author and topic: one for each record.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    tokens: f64,
    filled_at: u64,
}

/// Records per second, and records at once, that one author may push on a topic: 0 flash, 1 urgent, 2 routine.
const RATES: [(f64, f64); 3] = [(20.0, 200.0), (100.0, 1_000.0), (500.0, 5_000.0)];

/// Quotas of pushes and budgets of authors.
#[derive(Debug, Default)]
pub struct Admission {
    buckets: BTreeMap<(MemberId, u8), Bucket>,
    bytes: BTreeMap<MemberId, u64>,
    deferred: u64,
}

impl Admission {
    /// With the bytes that each author's records take already.
    pub fn new(bytes: BTreeMap<MemberId, u64>) -> Self {
        Self { bytes, ..Self::default() }
    }

    /// Whether `count` pushed records of an author may be taken now; if not, they come by pull.
    pub fn admit(&mut self, author: MemberId, topic: u8, count: usize, mono: u64) -> bool {
        let (rate, burst) = RATES[usize::from(topic.min(2))];
        let full = Bucket { tokens: burst, filled_at: mono };
        let bucket = self.buckets.entry((author, topic)).or_insert(full);
        let seconds = mono.saturating_sub(bucket.filled_at) as f64 / 1000.0;
        bucket.tokens = (bucket.tokens + seconds * rate).min(burst);
        bucket.filled_at = mono;
        let wanted = count as f64;
        if bucket.tokens < wanted {
            self.deferred += count as u64;
            return false;
        }
        bucket.tokens -= wanted;
        true
    }

    /// Notes the bytes of stored records.
    pub fn stored(&mut self, author: MemberId, bytes: u64) {
        *self.bytes.entry(author).or_default() += bytes;
    }

    /// What an author's records take, in bytes.
    pub fn bytes_of(&self, author: MemberId) -> u64 {
        self.bytes.get(&author).copied().unwrap_or(0)
    }

    /// Whether an author's records take more than its budget: its lanes 1 to 3 are not pulled then, lane 0 always.
    pub fn is_over_budget(&self, author: MemberId, founded: Time, now: Time) -> bool {
        let days = now.since(founded) / (24 * 60 * 60 * 1000);
        let budget = AUTHOR_BUDGET_BYTES.saturating_add(days.saturating_mul(AUTHOR_BUDGET_BYTES_PER_DAY));
        self.bytes.get(&author).is_some_and(|bytes| *bytes > budget)
    }

    /// How many pushed records were left to the pull since the start.
    pub fn deferred(&self) -> u64 {
        self.deferred
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_left_to_the_pull_and_the_bucket_fills_again() {
        let ke = MemberId::parse("KE").unwrap();
        let mut admission = Admission::default();
        assert!(admission.admit(ke, 0, 200, 0));
        assert!(!admission.admit(ke, 0, 1, 0));
        assert!(admission.admit(ke, 0, 20, 1_000));
        assert!(!admission.admit(ke, 0, 1, 1_000));
        assert!(admission.admit(MemberId::parse("TZ").unwrap(), 0, 200, 1_000), "others have their own");
        assert!(admission.admit(ke, 2, 200, 1_000), "and so has every priority");
        assert_eq!(admission.deferred(), 2);
    }

    #[test]
    fn the_budget_grows_by_the_day() {
        let ke = MemberId::parse("KE").unwrap();
        let mut admission = Admission::new(BTreeMap::from([(ke, AUTHOR_BUDGET_BYTES)]));
        assert!(!admission.is_over_budget(ke, Time(0), Time(0)));
        admission.stored(ke, 1);
        assert!(admission.is_over_budget(ke, Time(0), Time(0)));
        assert!(!admission.is_over_budget(ke, Time(0), Time(24 * 60 * 60 * 1000)));
    }
}
