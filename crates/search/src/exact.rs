//! Exact look-ups: from the key of a number or a plate to the places where it stands.
//!
//! A key (the bytes of `lookup::Number::key` of `ecomesh-document`, say, with the kind of number before them) is not kept. What is
//! kept is its **fingerprint**, 64 bits of SipHash-2-4 under a secret, beside the place. Keys with one fingerprint are
//! possible (with five million entries one look-up in 3·10¹² meets one), so an answer names *candidates*: the caller compares
//! the entry itself. Without the secret nobody can make such keys, or keys that crowd one bucket.
//!
//! **Layout.** Entries lie in sorted runs, fingerprints and places in an array each, 12 bytes for an entry. Each run is at
//! least [`RUN_GROWTH`] times as long as the next, and the last few entries are a short sorted list; what grows too long is
//! merged into its neighbour. Since fingerprints are evenly spread, their first bits number a bucket of some
//! [`BUCKET_ENTRIES`](crate::limits::BUCKET_ENTRIES) entries, and a look-up reads a line or two of memory in each run. Removal sets a bit; a run of which
//! half is removed is written anew.
//!
//! **Costs.** A merge of all takes as much memory again as the index, for as long as it runs: about 10 ns for each entry. So one
//! insertion in some millions takes tens of milliseconds. What must answer meanwhile needs an index of its own.
//!

mod run;

use siphasher::sip::SipHasher24;
use std::hash::Hasher as _;

use crate::limits::{BATCH_ENTRIES_MAX, ENTRIES_MAX, RUN_GROWTH, TAIL_ENTRIES_MAX};
use run::Run;

/// Bytes of the secret.
pub const SECRET_BYTES: usize = 16;

/// A fingerprint and a place.
type Entry = (u64, u32);

/// No further entry fits: there are [`ENTRIES_MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the index of exact look-ups is full: it holds {ENTRIES_MAX} entries")]
pub struct Full;

/// A set of pairs of key and place, by key.
pub struct Exact {
    secret: [u8; SECRET_BYTES],
    /// From the longest to the shortest.
    runs: Vec<Run>,
    /// What no run holds yet, sorted.
    tail: Vec<Entry>,
    len: usize,
}

impl std::fmt::Debug for Exact {
    /// Sizes alone: the secret is one, and fingerprints with it tell of keys.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Exact")
            .field("len", &self.len)
            .field("runs", &self.runs.len())
            .finish_non_exhaustive()
    }
}

impl Exact {
    /// An empty index. The secret is random and known to nobody; it need not outlive the index.
    pub fn new(secret: [u8; SECRET_BYTES]) -> Self {
        Self { secret, runs: Vec::new(), tail: Vec::new(), len: 0 }
    }

    /// How many pairs it holds.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Memory of the entries, in bytes.
    pub fn bytes(&self) -> usize {
        self.runs.iter().map(Run::bytes).sum::<usize>() + self.tail.capacity() * size_of::<Entry>()
    }

    /// The places of a key, ascending, at most `limit`: the lowest. Some may be of another key with the same fingerprint:
    /// compare the entry itself.
    pub fn places(&self, key: &[u8], limit: usize) -> Vec<u32> {
        let fingerprint = self.fingerprint(key);
        let mut places = Vec::new();
        for run in &self.runs {
            run.collect(fingerprint, limit, &mut places);
        }
        let first = self.tail.partition_point(|entry| *entry < (fingerprint, 0));
        let same = self.tail[first..].iter().take_while(|entry| entry.0 == fingerprint);
        places.extend(same.take(limit).map(|entry| entry.1));
        places.sort_unstable();
        places.truncate(limit);
        places
    }

    /// Adds a pair; tells whether it is new.
    ///
    /// # Errors
    ///
    /// [`Full`] if there is no room.
    pub fn insert(&mut self, key: &[u8], place: u32) -> Result<bool, Full> {
        let entry = (self.fingerprint(key), place);
        if self.holds(entry) {
            return Ok(false);
        }
        if self.len >= ENTRIES_MAX {
            return Err(Full);
        }
        let at = self.tail.partition_point(|other| *other < entry);
        self.tail.insert(at, entry);
        self.len += 1;
        if self.tail.len() >= TAIL_ENTRIES_MAX {
            let tail = std::mem::take(&mut self.tail);
            self.push(Run::of(&tail));
        }
        Ok(true)
    }

    /// Adds many pairs, several times as fast as one by one. Returns how many are new.
    ///
    /// # Errors
    ///
    /// [`Full`] if there is no room; part of the pairs may have been added.
    pub fn extend<K: AsRef<[u8]>>(
        &mut self,
        pairs: impl IntoIterator<Item = (K, u32)>,
    ) -> Result<usize, Full> {
        let before = self.len;
        let mut pairs = pairs.into_iter();
        loop {
            let next = pairs.by_ref().take(BATCH_ENTRIES_MAX);
            let mut batch: Vec<Entry> =
                next.map(|(key, place)| (self.fingerprint(key.as_ref()), place)).collect();
            if batch.is_empty() {
                return Ok(self.len - before);
            }
            batch.sort_unstable();
            batch.dedup();
            // In order of fingerprints, so that this walks through the runs rather than jumping in them.
            batch.retain(|entry| !self.holds(*entry));
            if self.len + batch.len() > ENTRIES_MAX {
                return Err(Full);
            }
            self.len += batch.len();
            self.push(Run::of(&batch));
        }
    }

    /// Removes a pair; tells whether it was there.
    pub fn remove(&mut self, key: &[u8], place: u32) -> bool {
        let entry = (self.fingerprint(key), place);
        let was_there = if let Ok(at) = self.tail.binary_search(&entry) {
            self.tail.remove(at);
            true
        } else {
            self.runs.iter_mut().any(|run| run.remove(entry))
        };
        self.len -= usize::from(was_there);
        if was_there && let Some(at) = self.runs.iter().position(Run::is_mostly_dead) {
            let run = self.runs.remove(at).without_dead();
            self.place(run);
        }
        was_there
    }

    fn fingerprint(&self, key: &[u8]) -> u64 {
        let mut hasher = SipHasher24::new_with_key(&self.secret);
        hasher.write(key);
        hasher.finish()
    }

    fn holds(&self, entry: Entry) -> bool {
        self.tail.binary_search(&entry).is_ok() || self.runs.iter().any(|run| run.holds(entry))
    }

    /// Adds a run, and merges until each is [`RUN_GROWTH`] times as long as the next.
    fn push(&mut self, run: Run) {
        if run.len() > 0 {
            self.place(run);
        }
    }

    /// Puts a run where its length belongs, and merges.
    fn place(&mut self, run: Run) {
        let at = self.runs.partition_point(|other| other.len() >= run.len());
        self.runs.insert(at, run);
        self.runs.retain(|run| run.len() > 0);
        while let Some(at) = self.crowded() {
            let shorter = self.runs.remove(at + 1);
            let longer = self.runs.remove(at);
            let merged = longer.merge(shorter);
            let at = self.runs.partition_point(|other| other.len() >= merged.len());
            self.runs.insert(at, merged);
        }
    }

    /// The last run that is not long enough beside the next: from the short end, so that little is copied first.
    fn crowded(&self) -> Option<usize> {
        (1..self.runs.len())
            .rev()
            .find(|at| self.runs[at - 1].len() < RUN_GROWTH * self.runs[*at].len())
            .map(|at| at - 1)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    const SECRET: [u8; SECRET_BYTES] = [7; SECRET_BYTES];

    /// The run layout's own rule.
    fn assert_in_order(exact: &Exact) {
        for pair in exact.runs.windows(2) {
            assert!(pair[0].len() >= RUN_GROWTH * pair[1].len());
        }
        assert!(exact.tail.is_sorted());
        assert!(exact.tail.len() < TAIL_ENTRIES_MAX);
    }

    #[test]
    fn a_key_has_all_of_its_places_and_no_others() {
        let mut exact = Exact::new(SECRET);
        assert!(exact.insert(b"KAA123X", 7).unwrap());
        assert!(exact.insert(b"KAA123X", 3).unwrap());
        assert!(!exact.insert(b"KAA123X", 3).unwrap(), "a pair is held once");
        assert!(exact.insert(b"KAA124X", 9).unwrap());
        assert_eq!(exact.places(b"KAA123X", 10), [3, 7]);
        assert_eq!(exact.places(b"KAA123X", 1), [3]);
        assert!(exact.places(b"", 10).is_empty());
        assert!(exact.remove(b"KAA123X", 3));
        assert!(!exact.remove(b"KAA123X", 3));
        assert_eq!(exact.places(b"KAA123X", 10), [7]);
        assert_eq!(exact.len(), 2);
    }

    #[test]
    fn another_secret_gives_other_fingerprints() {
        assert_ne!(Exact::new([1; 16]).fingerprint(b"A"), Exact::new([2; 16]).fingerprint(b"A"));
    }

    #[test]
    fn fingerprints_are_siphash_2_4() {
        // The first vectors of the reference implementation: key 00 01 … 0f, inputs of no byte and of the byte 00.
        let exact = Exact::new(std::array::from_fn(|n| u8::try_from(n).unwrap()));
        assert_eq!(exact.fingerprint(b"").to_le_bytes(), [0x31, 0x0e, 0x0e, 0xdd, 0x47, 0xdb, 0x6f, 0x72]);
        assert_eq!(exact.fingerprint(&[0]).to_le_bytes(), [0xfd, 0x67, 0xdc, 0x93, 0xc5, 0x39, 0xf8, 0x74]);
    }

    #[test]
    fn nothing_personal_is_printed() {
        let mut exact = Exact::new([0xab; 16]);
        exact.insert(b"KAA123X", 7).unwrap();
        assert_eq!(format!("{exact:?}"), "Exact { len: 1, runs: 0, .. }");
    }

    #[test]
    fn many_entries_lie_in_few_runs_and_are_all_found() {
        let mut exact = Exact::new(SECRET);
        let key = |n: u32| n.to_le_bytes();
        assert_eq!(exact.extend((0..50_000).map(|n| (key(n), n))), Ok(50_000));
        for n in 40_000..90_000 {
            assert_eq!(exact.insert(&key(n), n), Ok(n >= 50_000));
        }
        assert_eq!(exact.extend((80_000..120_000).map(|n| (key(n), n))), Ok(30_000));
        assert_in_order(&exact);
        assert!(exact.runs.len() <= 5, "{}", exact.runs.len());
        assert!((12 * 120_000..13 * 120_000).contains(&exact.bytes()), "{}", exact.bytes());
        for n in 0..120_000 {
            assert_eq!(exact.places(&key(n), 9), [n]);
        }
        assert!((120_000..240_000).all(|n| exact.places(&key(n), 9).is_empty()));
    }

    #[test]
    fn what_is_removed_gives_its_memory_back() {
        let mut exact = Exact::new(SECRET);
        let key = |n: u32| n.to_le_bytes();
        exact.extend((0..20_000).map(|n| (key(n), n))).unwrap();
        for n in 0..19_900 {
            assert!(exact.remove(&key(n), n));
            assert_eq!(exact.insert(&key(n), n), Ok(true), "a removed pair can come back");
            assert!(exact.remove(&key(n), n));
        }
        assert_in_order(&exact);
        assert_eq!(exact.len(), 100);
        let held: usize = exact.runs.iter().map(Run::len).sum();
        assert!(held <= 400, "{held} entries are held for 100");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn it_is_a_set_of_pairs(steps in proptest::collection::vec((0_u8..6, 0_u16..300, 0_u32..4, 1_u16..1500), 1..60)) {
            let mut exact = Exact::new(SECRET);
            let mut model: BTreeSet<(u16, u32)> = BTreeSet::new();
            for (what, key, place, many) in steps {
                match what {
                    0 | 1 => prop_assert_eq!(exact.insert(&key.to_le_bytes(), place), Ok(model.insert((key, place)))),
                    2 | 3 => prop_assert_eq!(exact.remove(&key.to_le_bytes(), place), model.remove(&(key, place))),
                    4 => {
                        let pairs = || (0..many).map(|n| (key.wrapping_add(n), u32::from(n) % 4));
                        let new = exact.extend(pairs().map(|(key, place)| (key.to_le_bytes(), place)));
                        prop_assert_eq!(new, Ok(pairs().filter(|pair| model.insert(*pair)).count()));
                    }
                    _ => for n in 0..many {
                        let pair = (key.wrapping_add(n), place);
                        prop_assert_eq!(exact.remove(&pair.0.to_le_bytes(), place), model.remove(&pair));
                    }
                }
                prop_assert_eq!(exact.len(), model.len());
                assert_in_order(&exact);
            }
            for key in 0..2_000_u16 {
                let expected: Vec<u32> = model.range((key, 0)..=(key, u32::MAX)).map(|pair| pair.1).collect();
                prop_assert_eq!(exact.places(&key.to_le_bytes(), 9), expected);
            }
        }
    }
}
