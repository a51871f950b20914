//! Reading many records of a log that follow each other: one walk over each table, which is several times faster than
//! asking for each record.

use std::ops::RangeInclusive;

use ecomesh_protocol::ledger::LedgerError;
use ecomesh_record::{LogId, Position, Record, Time};
use sled::IVec;

use crate::bodies;
use crate::read::{Shared, damaged};
use crate::schema;

/// Rows of records that are read at once.
const ROWS_AT_ONCE: usize = 256;

/// A record of a stretch, and whether its body belongs to it.
struct Found {
    record: Record,
    first_seen: Time,
    wants_body: bool,
}

impl Shared {
    /// Records of a log from `from` on without their bodies, at most `max_records`.
    pub(crate) fn headers(
        &self,
        log: LogId,
        from: u64,
        max_records: usize,
    ) -> Result<Vec<Record>, LedgerError> {
        Ok(self.headers_seen(log, from, max_records)?.into_iter().map(|(record, _)| record).collect())
    }

    /// The same, with the times at which the records were first seen.
    pub(crate) fn headers_seen(
        &self,
        log: LogId,
        from: u64,
        max_records: usize,
    ) -> Result<Vec<(Record, Time)>, LedgerError> {
        let rows = self.record_rows(log, from, max_records)?;
        rows.iter().map(|(position, row)| self.decode_header(*position, row)).collect()
    }

    /// Records of a log from `from` on, as many as fit `max_bytes` of frames, at least one if there is one, and at most
    /// `max_records`.
    pub(crate) fn page(
        &self,
        log: LogId,
        from: u64,
        max_bytes: usize,
        max_records: usize,
    ) -> Result<Vec<Record>, LedgerError> {
        let stretch = self.stretch(log, from, max_bytes, max_records, |_| true)?;
        Ok(stretch.into_iter().map(|(record, _)| record).collect())
    }

    /// The same, with the times at which they were first seen; only those that are wanted come with their bodies. A body
    /// that is missing or damaged is a hole from now on.
    pub(crate) fn stretch(
        &self,
        log: LogId,
        from: u64,
        max_bytes: usize,
        max_records: usize,
        wants_body: impl Fn(&Record) -> bool,
    ) -> Result<Vec<(Record, Time)>, LedgerError> {
        let mut stretch: Vec<Found> = Vec::new();
        let mut bytes = 0;
        'full: while stretch.len() < max_records {
            // Not all rows at once: bodies may be long, and then a few records fill the stretch.
            let count = ROWS_AT_ONCE.min(max_records - stretch.len());
            let rows = self.record_rows(log, from.saturating_add(stretch.len() as u64), count)?;
            let is_end = rows.len() < count;
            for (position, row) in rows {
                let (record, first_seen) = self.decode_header(position, &row)?;
                let wants_body = wants_body(&record) && self.has_body(position);
                bytes += record.frame_len() + if wants_body { bodies::bytes_of(&record) } else { 0 };
                if bytes > max_bytes && !stretch.is_empty() {
                    break 'full;
                }
                stretch.push(Found { record, first_seen, wants_body });
            }
            if is_end {
                break;
            }
        }
        self.attach_bodies(&mut stretch)?;
        Ok(stretch.into_iter().map(|found| (found.record, found.first_seen)).collect())
    }

    /// The rows of records of a log from `from` on.
    fn record_rows(
        &self,
        log: LogId,
        from: u64,
        max_records: usize,
    ) -> Result<Vec<(Position, IVec)>, LedgerError> {
        let Some(head) = self.state().heads.get(&log).copied() else { return Ok(Vec::new()) };
        let count = head.seq.saturating_add(1).saturating_sub(from);
        let count = usize::try_from(count).unwrap_or(usize::MAX).min(max_records);
        if count == 0 {
            return Ok(Vec::new());
        }
        let keys = schema::record_key(log.at(from))..=schema::record_key(log.at(head.seq));
        let rows: Vec<_> =
            self.engine.read(|db| db.range(keys).values().take(count).collect::<Result<_, _>>())?;
        if rows.len() < count {
            return Err(damaged(log.at(from), "it or one after it is missing"));
        }
        Ok((from..).map(|seq| log.at(seq)).zip(rows).collect())
    }

    /// One walk for each run of records whose bodies are one chunk each. Longer ones are asked for one by one: to walk over their
    /// chunks saves nothing, and was measured to leave hundreds of megabytes in use. What lies between is passed over.
    fn attach_bodies(&self, stretch: &mut [Found]) -> Result<(), LedgerError> {
        let is_walked = |found: &Found| found.wants_body && bodies::is_one_chunk(&found.record);
        for run in stretch.chunk_by_mut(|one, next| is_walked(one) == is_walked(next)) {
            match (run.first(), run.last()) {
                (Some(first), Some(last)) if is_walked(first) => {
                    let (first, last) = (first.record.position(), last.record.position());
                    self.walk_bodies(run, schema::chunk_key(first, 0)..=schema::chunk_key(last, 0))?;
                }
                _ => self.ask_for_bodies(run)?,
            }
        }
        Ok(())
    }

    fn walk_bodies(&self, run: &mut [Found], keys: RangeInclusive<Vec<u8>>) -> Result<(), LedgerError> {
        let chunks: Vec<_> = self.engine.read(|db| db.range(keys).collect::<Result<_, _>>())?;
        let mut chunks = chunks.into_iter().peekable();
        for found in run {
            let body = bodies::of_one_chunk(&self.storage, &found.record, &mut chunks);
            self.attach_or_miss(&mut found.record, body);
        }
        Ok(())
    }

    fn ask_for_bodies(&self, run: &mut [Found]) -> Result<(), LedgerError> {
        for found in run.iter_mut().filter(|found| found.wants_body) {
            let body = bodies::read(&self.engine, &self.storage, &found.record)?;
            self.attach_or_miss(&mut found.record, body);
        }
        Ok(())
    }
}
