//! What is committed, held in memory: heads, index, fork proofs, small values, holes.
//!
//! sled shows a batch to every thread as soon as it is applied, long before it is on the disk. So nobody asks sled
//! what there is: readers ask this state, which changes after the commit is durable, and then fetch from sled what
//! lies below the heads.

use std::collections::{BTreeMap, BTreeSet};

use ecomesh_protocol::ledger::LogHead;
use ecomesh_record::{ForkProof, LogId, Position, RecordId};

use crate::index::Index;
use crate::schema::{self, RowDigest};

/// What is committed.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) heads: BTreeMap<LogId, LogHead>,
    pub(crate) index: Index,
    pub(crate) forks: BTreeMap<LogId, ForkProof>,
    pub(crate) values: BTreeMap<String, Vec<u8>>,
    pub(crate) holes: Holes,
    /// Records whose body need not be here, and is not.
    pub(crate) excused: BTreeSet<Position>,
    /// Number of commits.
    pub(crate) commit: u64,
    /// Over the rows of the small tables as they are on disk.
    pub(crate) digest: RowDigest,
    /// Number of records.
    pub(crate) records: u64,
}

/// What a commit changes.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    pub(crate) heads: BTreeMap<LogId, LogHead>,
    pub(crate) ids: Vec<(RecordId, Position)>,
    pub(crate) forks: BTreeMap<LogId, ForkProof>,
    /// An empty value removes the name.
    pub(crate) values: BTreeMap<String, Vec<u8>>,
    pub(crate) new_holes: BTreeMap<Position, RecordId>,
    pub(crate) filled: BTreeSet<Position>,
    pub(crate) excused: BTreeSet<Position>,
    /// Excused no more.
    pub(crate) wanted: BTreeSet<Position>,
}

impl State {
    /// Whether a record stands here.
    pub(crate) fn covers(&self, position: Position) -> bool {
        self.heads.get(&position.log).is_some_and(|head| position.seq <= head.seq)
    }

    /// The rows that the changes touch: key, row before, row after.
    pub(crate) fn rows(&self, changes: &Changes) -> Vec<RowChange> {
        let mut rows = Vec::new();
        for (log, head) in &changes.heads {
            let before = self.heads.get(log).map(schema::head_row);
            rows.push(RowChange { key: schema::head_key(*log), before, after: Some(schema::head_row(head)) });
        }
        for (log, proof) in &changes.forks {
            let before = self.forks.get(log).map(ForkProof::encode);
            rows.push(RowChange { key: schema::fork_key(*log), before, after: Some(proof.encode()) });
        }
        for (name, value) in &changes.values {
            let after = (!value.is_empty()).then(|| value.clone());
            rows.push(RowChange {
                key: schema::value_key(name),
                before: self.values.get(name).cloned(),
                after,
            });
        }
        for (position, id) in &changes.new_holes {
            let before = self.holes.saved_row(*position);
            let after = Some(id.as_bytes().to_vec());
            rows.push(RowChange { key: schema::hole_key(*position), before, after });
        }
        for position in &changes.filled {
            let before = self.holes.saved_row(*position);
            rows.push(RowChange { key: schema::hole_key(*position), before, after: None });
        }
        for (positions, excused) in [(&changes.excused, true), (&changes.wanted, false)] {
            for position in positions {
                let row = |is_there: bool| is_there.then(Vec::new);
                let before = row(self.excused.contains(position));
                rows.push(RowChange { key: schema::excused_key(*position), before, after: row(excused) });
            }
        }
        rows
    }

    /// Makes the changes: they are durable now.
    pub(crate) fn apply(&mut self, changes: Changes, digest: RowDigest) {
        self.records += changes.ids.len() as u64;
        changes.ids.into_iter().for_each(|(id, position)| self.index.insert(id, position));
        self.heads.extend(changes.heads);
        self.forks.extend(changes.forks);
        for (name, value) in changes.values {
            if value.is_empty() {
                self.values.remove(&name);
            } else {
                self.values.insert(name, value);
            }
        }
        changes.filled.iter().for_each(|position| self.holes.remove(*position));
        changes.new_holes.into_iter().for_each(|(position, id)| self.holes.insert_saved(position, id));
        // Who read the body while it was being destroyed may have found a hole.
        changes.excused.iter().for_each(|position| self.holes.remove(*position));
        self.excused.extend(changes.excused);
        for position in &changes.wanted {
            self.excused.remove(position);
        }
        self.commit += 1;
        self.digest = digest;
    }
}

/// One row of a small table before and after.
#[derive(Debug)]
pub(crate) struct RowChange {
    pub(crate) key: Vec<u8>,
    pub(crate) before: Option<Vec<u8>>,
    pub(crate) after: Option<Vec<u8>>,
}

impl RowChange {
    /// Takes the row before out of the digest and puts the row after into it.
    pub(crate) fn toggle(&self, digest: &mut RowDigest) {
        for row in [&self.before, &self.after].into_iter().flatten() {
            digest.toggle(&self.key, row);
        }
    }
}

/// Records whose body is missing.
#[derive(Debug, Default)]
pub(crate) struct Holes {
    by_position: BTreeMap<Position, Hole>,
    ids: BTreeSet<RecordId>,
}

#[derive(Debug)]
struct Hole {
    id: RecordId,
    /// Whether it is on disk. A hole that a read found is written with the next commit.
    saved: bool,
}

impl Holes {
    pub(crate) fn contains(&self, position: Position) -> bool {
        self.by_position.contains_key(&position)
    }

    pub(crate) fn len(&self) -> usize {
        self.by_position.len()
    }

    /// All ids, lowest first.
    pub(crate) fn ids(&self) -> Vec<RecordId> {
        self.ids.iter().copied().collect()
    }

    pub(crate) fn insert_saved(&mut self, position: Position, id: RecordId) {
        self.ids.insert(id);
        self.by_position.insert(position, Hole { id, saved: true });
    }

    /// A read found this body missing or damaged.
    pub(crate) fn insert_found(&mut self, position: Position, id: RecordId) {
        self.ids.insert(id);
        self.by_position.entry(position).or_insert(Hole { id, saved: false });
    }

    pub(crate) fn unsaved(&self) -> impl Iterator<Item = (Position, RecordId)> + '_ {
        self.by_position.iter().filter(|(_, hole)| !hole.saved).map(|(position, hole)| (*position, hole.id))
    }

    fn remove(&mut self, position: Position) {
        if let Some(hole) = self.by_position.remove(&position) {
            self.ids.remove(&hole.id);
        }
    }

    fn saved_row(&self, position: Position) -> Option<Vec<u8>> {
        let hole = self.by_position.get(&position).filter(|hole| hole.saved)?;
        Some(hole.id.as_bytes().to_vec())
    }
}
