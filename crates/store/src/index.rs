//! From record ids to positions, in memory.
//!
//! A table of ids on disk is written at random places, and with millions of records each import waits for them. The
//! index needs 24 bytes per record instead: eight bytes of the id and where the record stands, sorted. It is built
//! from the records when the store opens, so it cannot disagree with them. Two ids with the same eight bytes are both
//! kept; whoever asks compares the whole id.

use std::collections::{BTreeMap, BTreeSet};

use ecomesh_record::{LogId, Position, RecordId};

/// Fingerprint, number of the log, sequence number.
type Entry = (u64, u32, u64);

/// The index.
#[derive(Debug, Default)]
pub(crate) struct Index {
    logs: Vec<LogId>,
    numbers: BTreeMap<LogId, u32>,
    sorted: Vec<Entry>,
    /// Newer than `sorted`; merged into it when they are many.
    recent: BTreeSet<Entry>,
}

impl Index {
    /// Adds a record.
    pub(crate) fn insert(&mut self, id: RecordId, position: Position) {
        let entry = (fingerprint(id), self.number(position.log), position.seq);
        self.recent.insert(entry);
        if self.recent.len() > RECENT_MIN + self.sorted.len() / 8 {
            self.merge();
        }
    }

    /// Where records stand whose ids begin as this one.
    pub(crate) fn candidates(&self, id: RecordId) -> Vec<Position> {
        let wanted = fingerprint(id);
        let from = self.sorted.partition_point(|entry| entry.0 < wanted);
        let old = self.sorted[from..].iter().take_while(|entry| entry.0 == wanted);
        let new = self.recent.range((wanted, 0, 0)..=(wanted, u32::MAX, u64::MAX));
        old.chain(new).filter_map(|entry| Some(self.logs.get(entry.1 as usize)?.at(entry.2))).collect()
    }

    fn merge(&mut self) {
        self.sorted.extend(std::mem::take(&mut self.recent));
        // Two ascending runs: the stable sort finds them and merges.
        self.sorted.sort();
    }

    fn number(&mut self, log: LogId) -> u32 {
        if let Some(number) = self.numbers.get(&log) {
            return *number;
        }
        // A log needs a head on disk; four thousand million of them do not fit there.
        let number = u32::try_from(self.logs.len()).unwrap_or(u32::MAX);
        self.logs.push(log);
        self.numbers.insert(log, number);
        number
    }
}

/// Entries that wait at least before a merge: a merge walks over all.
const RECENT_MIN: usize = 4_096;

fn fingerprint(id: RecordId) -> u64 {
    let mut first = [0; 8];
    first.copy_from_slice(&id.as_bytes()[..8]);
    u64::from_be_bytes(first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ecomesh_record::{Lane, MemberId};

    #[test]
    fn all_are_found_before_and_after_merges() {
        let log = LogId { author: MemberId::parse("KE").unwrap(), lane: Lane::CONTROL, generation: 0 };
        let id = |n: u64| {
            let mut bytes = [0; 32];
            // Scattered, and each fingerprint is shared by two ids.
            bytes[..8].copy_from_slice(&((n / 2).wrapping_mul(0x9e37_79b9_7f4a_7c15)).to_be_bytes());
            bytes[8..16].copy_from_slice(&n.to_be_bytes());
            RecordId(bytes)
        };
        let mut index = Index::default();
        for n in 0..20_000 {
            index.insert(id(n), log.at(n));
        }
        assert!(!index.sorted.is_empty() && !index.recent.is_empty());
        for n in 0..20_000 {
            assert_eq!(index.candidates(id(n)), [log.at(n / 2 * 2), log.at(n / 2 * 2 + 1)], "{n}");
        }
        assert_eq!(index.candidates(RecordId([0xff; 32])), []);
    }
}
