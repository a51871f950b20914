//! From the database to the state: what was committed is found again, and what was lost is noticed.
//!
//! Four things are checked against each other: the marker beside the database (how many commits there were), the meta
//! row (how many there are), the digest over the small tables (whether each of their rows is as the last commit left
//! it), and each log (whether it runs from 0 to its head without a gap and ends with the head's id). Bodies are not
//! read here; they are checked when they are read, and by [`crate::SledLedger::verify`].

use ecomesh_protocol::ledger::{LedgerError, LogHead};
use ecomesh_record::{ForkProof, LogId, Position, RecordId};
use sled::{Batch, Db};

use crate::engine::Engine;
use crate::schema::{self, Meta, OPERATIONS_MAX, RecordRow, Table};
use crate::state::State;

/// Reads the meta row. `None` if the database is empty.
///
/// # Errors
/// [`LedgerError::Damaged`], also if there are rows without a meta row.
pub(crate) fn meta(engine: &Engine) -> Result<Option<Meta>, LedgerError> {
    match engine.read(|db| db.get(schema::meta_key()))? {
        Some(row) => Meta::decode(&row).map(Some).ok_or_else(|| damaged("the meta row is too short")),
        None if engine.read(|db| db.iter().next().transpose())?.is_some() => {
            Err(damaged("the meta row is missing"))
        }
        None => Ok(None),
    }
}

/// Reads the state and cuts away what a crash left above the heads. Returns the number of records that were cut.
///
/// # Errors
/// [`LedgerError::Damaged`] if anything does not fit; [`LedgerError::SyncFailed`].
pub(crate) fn load(engine: &Engine, meta: &Meta) -> Result<(State, usize), LedgerError> {
    let mut state = State { commit: meta.commit, ..State::default() };
    for table in Table::SMALL {
        for row in read_table(engine, table)? {
            load_row(&mut state, table, &row)
                .ok_or_else(|| damaged(&format!("a row of {table:?} is wrong")))?;
        }
    }
    if state.digest != meta.digest {
        return Err(damaged("the small tables are not as the last commit left them"));
    }
    let leftover = load_records(engine, &mut state)?;
    cut(engine, &leftover)?;
    Ok((state, leftover.len()))
}

type Row = (sled::IVec, sled::IVec);

/// A small table as a whole.
fn read_table(engine: &Engine, table: Table) -> Result<Vec<Row>, LedgerError> {
    engine.read(|db| db.scan_prefix(table.prefix()).collect())
}

fn load_row(state: &mut State, table: Table, (key, value): &Row) -> Option<()> {
    state.digest.toggle(key, value);
    match table {
        Table::Heads => {
            let log = schema::read_log(key)?;
            state.heads.insert(log, schema::read_head(log, value)?);
        }
        Table::Forks => {
            let proof = ForkProof::decode(value).ok()?;
            state.forks.insert(schema::read_log(key)?, proof);
        }
        Table::Holes => {
            let id = RecordId(value.as_ref().try_into().ok()?);
            state.holes.insert_saved(schema::read_position(key)?, id);
        }
        Table::Excused => {
            state.excused.insert(schema::read_position(key)?);
        }
        Table::Values => {
            let name = String::from_utf8(key.get(1..)?.to_vec()).ok()?;
            state.values.insert(name, value.to_vec());
        }
        Table::Meta | Table::Records | Table::Bodies => return None,
    }
    Some(())
}

/// Walks over the records of all logs. Returns the positions above the heads.
fn load_records(engine: &Engine, state: &mut State) -> Result<Vec<Position>, LedgerError> {
    let mut walk = Walk::default();
    engine.read(|db| {
        for row in db.scan_prefix(Table::Records.prefix()) {
            let (key, value) = row?;
            walk.step(state, &key, &value);
        }
        Ok(())
    })?;
    match walk.finish(state) {
        Some(fault) => Err(engine.condemn(&fault)),
        None => Ok(walk.leftover),
    }
}

/// Counts each log against its head.
#[derive(Default)]
struct Walk {
    /// The log that is being counted, its next sequence number and the id of its last record.
    log: Option<(LogId, u64, RecordId)>,
    /// Logs that were counted up to their heads.
    whole: usize,
    leftover: Vec<Position>,
    fault: Option<String>,
}

impl Walk {
    fn step(&mut self, state: &mut State, key: &[u8], value: &[u8]) {
        let (Some(position), Some(row)) = (schema::read_position(key), RecordRow::decode(value)) else {
            self.fault.get_or_insert_with(|| "a row of a record is wrong".into());
            return;
        };
        let Some(head) = state.heads.get(&position.log).filter(|head| position.seq <= head.seq).copied()
        else {
            self.leftover.push(position);
            return;
        };
        let expected = match self.log {
            Some((log, next, _)) if log == position.log => next,
            _ => {
                self.end_log(state);
                0
            }
        };
        if position.seq != expected {
            self.fault.get_or_insert_with(|| format!("{} is missing", position.log.at(expected)));
        }
        self.log = Some((position.log, position.seq + 1, row.id));
        state.index.insert(row.id, position);
        state.records += 1;
        if position.seq == head.seq {
            self.whole += 1;
        }
    }

    fn end_log(&mut self, state: &State) {
        let Some((log, next, id)) = self.log.take() else {
            return;
        };
        let is_whole = |head: &LogHead| head.seq + 1 == next && head.head == id;
        if !state.heads.get(&log).is_some_and(is_whole) {
            self.fault.get_or_insert_with(|| format!("log {log} ends before its head"));
        }
    }

    /// What was wrong, if anything.
    fn finish(&mut self, state: &State) -> Option<String> {
        self.end_log(state);
        if self.fault.is_none() && self.whole != state.heads.len() {
            self.fault =
                Some(format!("{} of {} logs are missing", state.heads.len() - self.whole, state.heads.len()));
        }
        self.fault.take()
    }
}

/// Removes records that no head covers, with their bodies.
fn cut(engine: &Engine, leftover: &[Position]) -> Result<(), LedgerError> {
    let mut keys = Vec::new();
    for position in leftover {
        keys.extend(engine.read(|db| chunk_keys(db, *position))?);
        keys.push(schema::record_key(*position).into());
    }
    for some in keys.chunks(OPERATIONS_MAX) {
        let mut batch = Batch::default();
        some.iter().for_each(|key| batch.remove(key));
        engine.write(|db| db.apply_batch(batch))?;
    }
    Ok(())
}

fn chunk_keys(db: &Db, position: Position) -> sled::Result<Vec<sled::IVec>> {
    db.scan_prefix(schema::chunks_prefix(position)).keys().collect()
}

fn damaged(what: &str) -> LedgerError {
    LedgerError::Damaged(what.to_owned())
}
