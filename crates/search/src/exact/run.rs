//! One sorted run of entries, with a directory of buckets.

use super::Entry;
use crate::limits::BUCKET_ENTRIES;

/// Sorted entries; each may be marked as removed.
pub(super) struct Run {
    /// Ascending; entries of one fingerprint ascend by place.
    fingerprints: Vec<u64>,
    places: Vec<u32>,
    /// Where each bucket begins, and the end.
    buckets: Vec<u32>,
    /// The first so many bits of a fingerprint number its bucket.
    bits: u32,
    /// A bit for each entry: removed. Empty as long as nothing is.
    dead: Vec<u64>,
    dead_entries: usize,
}

impl Run {
    /// Of sorted entries without duplicates.
    pub(super) fn of(entries: &[Entry]) -> Self {
        let fingerprints = entries.iter().map(|entry| entry.0).collect();
        Self::with_buckets(fingerprints, entries.iter().map(|entry| entry.1).collect())
    }

    fn with_buckets(fingerprints: Vec<u64>, places: Vec<u32>) -> Self {
        let bits = (fingerprints.len() / BUCKET_ENTRIES).max(1).ilog2();
        let mut run =
            Self { fingerprints, places, buckets: Vec::new(), bits, dead: Vec::new(), dead_entries: 0 };
        let mut buckets = vec![0_u32; (1 << bits) + 1];
        for fingerprint in &run.fingerprints {
            buckets[run.bucket(*fingerprint) + 1] += 1;
        }
        for n in 1..buckets.len() {
            buckets[n] += buckets[n - 1];
        }
        run.buckets = buckets;
        run
    }

    /// How many entries it holds, with those that are removed.
    pub(super) fn len(&self) -> usize {
        self.fingerprints.len()
    }

    /// Memory of its lists, in bytes.
    pub(super) fn bytes(&self) -> usize {
        8 * (self.fingerprints.capacity() + self.dead.capacity())
            + 4 * (self.places.capacity() + self.buckets.capacity())
    }

    /// Appends at most `limit` places of a fingerprint, the lowest.
    pub(super) fn collect(&self, fingerprint: u64, limit: usize, into: &mut Vec<u32>) {
        let first = self.first(fingerprint);
        let same = self.fingerprints[first..].iter().take_while(|other| **other == fingerprint);
        let alive = same.enumerate().map(|(n, _)| first + n).filter(|at| !self.is_dead(*at));
        into.extend(alive.take(limit).map(|at| self.places[at]));
    }

    /// Whether an entry is there and not removed.
    pub(super) fn holds(&self, entry: Entry) -> bool {
        self.find(entry).is_some()
    }

    /// Removes an entry; tells whether it was there.
    pub(super) fn remove(&mut self, entry: Entry) -> bool {
        let Some(at) = self.find(entry) else { return false };
        if self.dead.is_empty() {
            self.dead = vec![0; self.len().div_ceil(64)];
        }
        self.dead[at / 64] |= 1 << (at % 64);
        self.dead_entries += 1;
        true
    }

    /// Whether at least half of its entries are removed.
    pub(super) fn is_mostly_dead(&self) -> bool {
        2 * self.dead_entries >= self.len()
    }

    /// The same without what is removed.
    pub(super) fn without_dead(self) -> Self {
        let (fingerprints, places) = self.alive().unzip();
        Self::with_buckets(fingerprints, places)
    }

    /// Both in one, without what is removed. No entry may be in both.
    pub(super) fn merge(self, other: Self) -> Self {
        let room = self.len() + other.len() - self.dead_entries - other.dead_entries;
        let (mut fingerprints, mut places) = (Vec::with_capacity(room), Vec::with_capacity(room));
        let (mut ours, mut theirs) = (self.alive().peekable(), other.alive().peekable());
        loop {
            let next = match (ours.peek(), theirs.peek()) {
                (Some(our), Some(their)) if our < their => ours.next(),
                (_, Some(_)) => theirs.next(),
                _ => ours.next(),
            };
            let Some((fingerprint, place)) = next else { break };
            fingerprints.push(fingerprint);
            places.push(place);
        }
        drop((ours, theirs));
        drop((self, other));
        Self::with_buckets(fingerprints, places)
    }

    fn alive(&self) -> impl Iterator<Item = Entry> {
        let all = self.fingerprints.iter().copied().zip(self.places.iter().copied()).enumerate();
        all.filter(|(at, _)| !self.is_dead(*at)).map(|(_, entry)| entry)
    }

    fn is_dead(&self, at: usize) -> bool {
        self.dead.get(at / 64).is_some_and(|word| word >> (at % 64) & 1 == 1)
    }

    fn bucket(&self, fingerprint: u64) -> usize {
        // A shift by 64 is no shift: without bits there is one bucket.
        fingerprint.checked_shr(64 - self.bits).unwrap_or(0) as usize
    }

    /// Where the first entry with a fingerprint stands, or would.
    fn first(&self, fingerprint: u64) -> usize {
        let bucket = self.bucket(fingerprint);
        let (begin, end) = (self.buckets[bucket] as usize, self.buckets[bucket + 1] as usize);
        begin + self.fingerprints[begin..end].partition_point(|other| *other < fingerprint)
    }

    /// Where an entry stands that is not removed. Entries of one fingerprint may be many, so places are halved as well.
    fn find(&self, (fingerprint, place): Entry) -> Option<usize> {
        let first = self.first(fingerprint);
        if self.fingerprints.get(first) != Some(&fingerprint) {
            return None;
        }
        let end = self.buckets[self.bucket(fingerprint) + 1] as usize;
        let same = self.fingerprints[first..end].partition_point(|other| *other == fingerprint);
        let at = first + self.places[first..first + same].binary_search(&place).ok()?;
        // A removed entry that came back stands in another run or in the tail, never twice in one.
        (!self.is_dead(at)).then_some(at)
    }
}
