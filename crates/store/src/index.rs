//! From record ids to positions, in memory.
//!
//! A table of ids on disk is written at random places, and with millions of records each import waits for them. The
//! index needs 24 bytes per record instead: eight bytes of the id and where the record stands, sorted. It is built
//! from the records when the store opens, so it cannot disagree with them. Two ids with the same eight bytes are both
//! kept; whoever asks compares the whole id.

use std::collections::BTreeMap;

use ecomesh_record::{LogId, Position, RecordId};

use crate::runs::Runs;

/// Fingerprint, number of the log, sequence number.
type Entry = (u64, u32, u64);

/// The index.
#[derive(Debug, Default)]
pub(crate) struct Index {
    logs: Vec<LogId>,
    numbers: BTreeMap<LogId, u32>,
    entries: Runs<Entry>,
}

impl Index {
    /// Adds a record.
    pub(crate) fn insert(&mut self, id: RecordId, position: Position) {
        let entry = (fingerprint(id), self.number(position.log), position.seq);
        self.entries.insert(entry);
    }

    /// Where records stand whose ids begin as this one.
    pub(crate) fn candidates(&self, id: RecordId) -> impl Iterator<Item = Position> + '_ {
        let fingerprint = fingerprint(id);
        self.between(fingerprint, fingerprint)
    }

    /// Where records stand whose ids begin with eight bytes from `low` to `high`, big-endian.
    pub(crate) fn between(&self, low: u64, high: u64) -> impl Iterator<Item = Position> + '_ {
        let entries = self.entries.between((low, 0, 0), (high, u32::MAX, u64::MAX));
        entries.filter_map(|(_, log, seq)| Some(self.logs.get(log as usize)?.at(seq)))
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
    fn all_are_found_by_their_first_bytes() {
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
        for n in 0..20_000 {
            let found: Vec<Position> = index.candidates(id(n)).collect();
            assert_eq!(found, [log.at(n / 2 * 2), log.at(n / 2 * 2 + 1)], "{n}");
        }
        assert_eq!(index.candidates(RecordId([0xff; 32])).count(), 0);
        assert_eq!(index.between(0, u64::MAX).count(), 20_000);
    }
}
