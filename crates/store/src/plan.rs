//! From a batch to what is written: everything is checked here, before any of it is written.

use std::collections::BTreeMap;

use ecomesh_protocol::ledger::{
    Batch, LedgerError, LogHead, NewRecord, VALUE_BYTES_MAX, VALUE_NAME_BYTES_MAX,
};
use ecomesh_record::{Body, LogId, Position, Record};
use sled::Batch as SledBatch;

use crate::bodies;
use crate::read::Shared;
use crate::schema::{self, Meta, OPERATIONS_MAX, RecordRow, RowDigest};
use crate::state::{Changes, State};

/// Key and value.
type Row = (Vec<u8>, Vec<u8>);

/// A batch, checked, in the form in which it is written.
#[derive(Debug)]
pub(crate) struct Plan {
    /// Rows of records and chunks of bodies; nobody sees them before the heads move.
    bulk: Vec<Row>,
    /// Keys of chunks of bodies that are destroyed.
    removed: Vec<Vec<u8>>,
    changes: Changes,
    /// Whether it holds nothing but control records and small things, which the reserve is kept for.
    pub(crate) control_only: bool,
}

/// What is handed to sled, and what changes in memory afterwards.
pub(crate) struct Writes {
    pub(crate) batches: Vec<SledBatch>,
    pub(crate) meta: Meta,
    pub(crate) changes: Changes,
}

impl Plan {
    /// Checks a batch.
    ///
    /// # Errors
    /// [`LedgerError::OutOfOrder`], [`LedgerError::ValueTooLong`], [`LedgerError::Damaged`].
    pub(crate) fn new(shared: &Shared, batch: &Batch) -> Result<Self, LedgerError> {
        let is_control = |new: &NewRecord| new.record.record().header().kind.is_control();
        let control_only = batch.bodies.is_empty() && batch.records.iter().all(is_control);
        let mut plan =
            Self { bulk: Vec::new(), removed: Vec::new(), changes: Changes::default(), control_only };
        plan.add_values(batch)?;
        plan.add_records(shared, &batch.records)?;
        for (position, body) in &batch.bodies {
            plan.add_body(shared, batch, *position, body)?;
        }
        for position in &batch.excused {
            plan.excuse(shared, *position)?;
        }
        for position in &batch.wanted {
            plan.want(shared, *position)?;
        }
        let forks = batch.forks.iter().map(|proof| (proof.position().log, proof.clone()));
        plan.changes.forks.extend(forks);
        plan.add_found_holes(&shared.state());
        Ok(plan)
    }

    /// Whether nothing is to be written.
    pub(crate) fn is_empty(&self) -> bool {
        let Changes { heads, ids, forks, values, new_holes, filled, excused, wanted } = &self.changes;
        let rows = self.bulk.len() + heads.len() + ids.len() + forks.len() + values.len();
        rows + new_holes.len() + filled.len() + excused.len() + wanted.len() + self.removed.len() == 0
    }

    /// Bytes that this may take on the disk, generously: sled writes a page again for a small change of it.
    pub(crate) fn disk_bytes(&self) -> u64 {
        let bulk = bytes_of(&self.bulk);
        let values: usize = self.changes.values.values().map(|value| value.len() + ROW_OVERHEAD).sum();
        let small = self.changes.heads.len() + self.changes.forks.len() + self.changes.new_holes.len();
        let small = small + self.changes.excused.len() + self.changes.wanted.len() + self.removed.len();
        (bulk + values + small * 512) as u64 * WRITE_FACTOR
    }

    /// The batches for sled. The last one moves the heads, writes the small rows and the meta row, all at once: a
    /// crash before it leaves rows above the heads, which are cut away when the store opens.
    pub(crate) fn into_writes(self, state: &State, mut meta: Meta) -> Writes {
        let rows = state.rows(&self.changes);
        let mut digest: RowDigest = state.digest;
        rows.iter().for_each(|row| row.toggle(&mut digest));
        meta.commit = state.commit + 1;
        meta.digest = digest;

        let mut bulk = self.bulk;
        // What fits goes along with the heads, so that a usual commit is one batch.
        let room = OPERATIONS_MAX.saturating_sub(rows.len() + 1);
        let fits = bulk.len() <= room && bytes_of(&bulk) <= BATCH_BYTES_MAX;
        let with_heads = if fits { std::mem::take(&mut bulk) } else { Vec::new() };
        let mut batches: Vec<SledBatch> = split(&bulk).into_iter().map(insert_all).collect();
        // A crash between these and the rows that excuse them leaves holes, which are excused again.
        let mut removed = self.removed;
        let room = room.saturating_sub(with_heads.len());
        let with_rows = if removed.len() <= room { std::mem::take(&mut removed) } else { Vec::new() };
        batches.extend(removed.chunks(OPERATIONS_MAX).map(remove_all));
        let mut last = insert_all(&with_heads);
        with_rows.into_iter().for_each(|key| last.remove(key));
        for row in rows {
            match row.after {
                Some(value) => last.insert(row.key, value),
                None => last.remove(row.key),
            }
        }
        last.insert(schema::meta_key(), meta.encode());
        batches.push(last);
        Writes { batches, meta, changes: self.changes }
    }

    fn add_values(&mut self, batch: &Batch) -> Result<(), LedgerError> {
        for (name, value) in &batch.values {
            if name.len() > VALUE_NAME_BYTES_MAX || value.len() > VALUE_BYTES_MAX {
                return Err(LedgerError::ValueTooLong(name.chars().take(64).collect()));
            }
            self.changes.values.insert(name.clone(), value.clone());
        }
        Ok(())
    }

    fn add_records(&mut self, shared: &Shared, records: &[NewRecord]) -> Result<(), LedgerError> {
        let mut next: BTreeMap<LogId, u64> = BTreeMap::new();
        for new in records {
            let record = new.record.record();
            let Position { log, seq } = record.position();
            let after_head = || shared.state().heads.get(&log).map_or(0, |head| head.seq + 1);
            let expected = next.entry(log).or_insert_with(after_head);
            if seq != *expected {
                return Err(LedgerError::OutOfOrder(log));
            }
            *expected += 1;
            self.add_record(shared, record, new);
        }
        Ok(())
    }

    fn add_record(&mut self, shared: &Shared, record: &Record, new: &NewRecord) {
        let position = record.position();
        let row = RecordRow {
            id: record.id(),
            first_seen: new.first_seen,
            signature: *record.signature(),
            header: record.header_bytes(),
        };
        // The row comes before its chunks: whoever cuts rows above a head finds all the chunks.
        self.bulk.push((schema::record_key(position), row.encode()));
        match record.body() {
            Some(body) => self.bulk.extend(bodies::rows(&shared.storage, position, record.id(), body)),
            None => {
                self.changes.new_holes.insert(position, record.id());
            }
        }
        self.changes.ids.push((record.id(), position));
        let head = LogHead { log: position.log, seq: position.seq, head: record.id() };
        self.changes.heads.insert(position.log, head);
    }

    /// A body for a record of this batch or of the ledger; ignored if there is no such record.
    fn add_body(
        &mut self,
        shared: &Shared,
        batch: &Batch,
        position: Position,
        body: &Body,
    ) -> Result<(), LedgerError> {
        if shared.state().excused.contains(&position) {
            return Ok(());
        }
        let in_batch = batch.records.iter().map(|new| new.record.record()).find(|r| r.position() == position);
        let record = match in_batch {
            Some(record) => Some(record.clone()),
            None => shared.header(position)?.map(|(record, _)| record),
        };
        let Some(mut record) = record else {
            return Ok(());
        };
        // A body that does not fit was refused before it came here.
        let fits = record.attach(shared.network, body.clone());
        fits.map_err(|error| LedgerError::Damaged(format!("{position}: {error}")))?;
        self.bulk.extend(bodies::rows(&shared.storage, position, record.id(), body));
        self.changes.new_holes.remove(&position);
        if shared.state().holes.contains(position) {
            self.changes.filled.insert(position);
        }
        Ok(())
    }

    /// A body that need not be here: its chunks go, those of this batch too.
    fn excuse(&mut self, shared: &Shared, position: Position) -> Result<(), LedgerError> {
        let state = shared.state();
        let in_batch = self.changes.new_holes.remove(&position).is_some();
        // One that comes without its body has no chunks here; of these there can be thousands.
        if !in_batch {
            let prefix = schema::chunks_prefix(position);
            self.bulk.retain(|(key, _)| !key.starts_with(&prefix));
        }
        if state.holes.contains(position) {
            self.changes.filled.insert(position);
        }
        let is_here = state.covers(position);
        if in_batch || is_here || self.changes.heads.get(&position.log).is_some_and(|h| position.seq <= h.seq)
        {
            self.changes.excused.insert(position);
        }
        drop(state);
        if is_here && let Some((record, _)) = shared.header(position)? {
            self.removed.extend(bodies::keys(&record));
        }
        Ok(())
    }

    /// A body that was excused is needed again.
    fn want(&mut self, shared: &Shared, position: Position) -> Result<(), LedgerError> {
        let is_excused = shared.state().excused.contains(&position);
        if let (true, Some((record, _))) = (is_excused, shared.header(position)?) {
            self.changes.wanted.insert(position);
            self.changes.new_holes.insert(position, record.id());
        }
        Ok(())
    }

    fn add_found_holes(&mut self, state: &State) {
        let found = state.holes.unsaved().filter(|(position, _)| !self.changes.filled.contains(position));
        let found: Vec<_> = found.collect();
        self.changes.new_holes.extend(found);
    }
}

/// Most bytes of rows in one batch: half a segment of sled, see [`crate::commit`].
const BATCH_BYTES_MAX: usize = 256 * 1024;
/// Bytes of a row beside its key and value, in sled's log.
const ROW_OVERHEAD: usize = 64;
/// Measured: the file grows to 1.9 times what is put in; while pages move, more.
const WRITE_FACTOR: u64 = 3;

fn bytes_of(rows: &[Row]) -> usize {
    rows.iter().map(|(key, value)| key.len() + value.len() + ROW_OVERHEAD).sum()
}

/// Parts of at most so many operations and bytes.
fn split(mut rows: &[Row]) -> Vec<&[Row]> {
    let mut parts = Vec::new();
    while !rows.is_empty() {
        let mut bytes = 0;
        let fits = |row: &&Row| {
            bytes += row.0.len() + row.1.len() + ROW_OVERHEAD;
            bytes <= BATCH_BYTES_MAX
        };
        // One row always fits: a value is at most 7,168 bytes.
        let count = rows.iter().take(OPERATIONS_MAX).take_while(fits).count();
        let (part, rest) = rows.split_at(count);
        parts.push(part);
        rows = rest;
    }
    parts
}

fn remove_all(keys: &[Vec<u8>]) -> SledBatch {
    let mut batch = SledBatch::default();
    keys.iter().for_each(|key| batch.remove(key.as_slice()));
    batch
}

fn insert_all(rows: &[Row]) -> SledBatch {
    let mut batch = SledBatch::default();
    rows.iter().for_each(|(key, value)| batch.insert(key.as_slice(), value.as_slice()));
    batch
}
