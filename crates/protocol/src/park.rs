//! The park: records that came before their predecessors, bounded per author and in all.

use std::collections::BTreeMap;
use std::sync::Arc;

use ecomesh_record::{LogId, MemberId, Position, RecordId, Time};

use crate::limits::{PARKED_BYTES_MAX, PARKED_BYTES_PER_AUTHOR, PARKED_RECORDS_PER_AUTHOR};
use crate::verify::Verified;

/// Records that wait for their predecessors.
#[derive(Debug, Default)]
pub struct Park {
    waiting: BTreeMap<Position, (Arc<Verified>, Time)>,
    used: BTreeMap<MemberId, Used>,
    bytes: usize,
    dropped: u64,
}

#[derive(Debug, Default, Clone, Copy)]
struct Used {
    records: usize,
    bytes: usize,
}

impl Park {
    /// Takes a record in, or drops it if its author's room or the whole room is used up: it comes again by pull.
    /// Returns whether it is in.
    pub fn put(&mut self, record: Arc<Verified>, first_seen: Time) -> bool {
        let position = record.record().position();
        if self.waiting.contains_key(&position) {
            return true;
        }
        let bytes = record.record().frame_len();
        let used = self.used.entry(position.log.author).or_default();
        let fits = used.records < PARKED_RECORDS_PER_AUTHOR
            && used.bytes + bytes <= PARKED_BYTES_PER_AUTHOR
            && self.bytes + bytes <= PARKED_BYTES_MAX;
        if !fits {
            self.dropped += 1;
            return false;
        }
        used.records += 1;
        used.bytes += bytes;
        self.bytes += bytes;
        self.waiting.insert(position, (record, first_seen));
        true
    }

    /// Takes the record at a position out.
    pub fn take(&mut self, position: Position) -> Option<(Arc<Verified>, Time)> {
        let (record, first_seen) = self.waiting.remove(&position)?;
        let bytes = record.record().frame_len();
        self.bytes -= bytes;
        if let Some(used) = self.used.get_mut(&position.log.author) {
            used.records -= 1;
            used.bytes -= bytes;
        }
        Some((record, first_seen))
    }

    /// The record that waits at a position.
    pub fn at(&self, position: Position) -> Option<&Arc<Verified>> {
        self.waiting.get(&position).map(|(record, _)| record)
    }

    /// Drops everything of a log below `seq`: it is no longer early.
    pub fn forget_below(&mut self, log: LogId, seq: u64) {
        let stale: Vec<Position> = self.waiting.range(log.at(0)..log.at(seq)).map(|(p, _)| *p).collect();
        for position in stale {
            self.take(position);
        }
    }

    /// Drops records of an author that are meant by `which`.
    pub fn forget(&mut self, author: MemberId, which: impl Fn(RecordId) -> bool) {
        let meant = |(position, (record, _)): (&Position, &(Arc<Verified>, Time))| {
            (position.log.author == author && which(record.record().id())).then_some(*position)
        };
        for position in self.waiting.iter().filter_map(meant).collect::<Vec<_>>() {
            self.take(position);
        }
    }

    /// The lowest position of a log that waits.
    pub fn first_of(&self, log: LogId) -> Option<u64> {
        self.waiting.range(log.at(0)..=log.at(u64::MAX)).next().map(|(p, _)| p.seq)
    }

    /// All waiting records.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Verified>> {
        self.waiting.values().map(|(record, _)| record)
    }

    /// Number of waiting records.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// How many were dropped since the start, for want of room.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }
}
