//! Reading what is committed: shared by the ledger and by the handles for other threads.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use ecomesh_protocol::ledger::{LedgerError, LogHead};
use ecomesh_record::{Body, ForkProof, HeaderHash, LogId, NetworkId, Position, Record, RecordId, Time};
use ecomesh_seal::StorageKey;

use crate::bodies;
use crate::engine::Engine;
use crate::schema::{self, RecordRow};
use crate::state::State;

/// What the ledger and its readers share.
pub(crate) struct Shared {
    pub(crate) engine: Engine,
    pub(crate) network: NetworkId,
    pub(crate) instance: [u8; 16],
    /// Bodies are under it.
    pub(crate) storage: StorageKey,
    state: RwLock<State>,
}

/// How much there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Records.
    pub records: u64,
    /// Logs.
    pub logs: usize,
    /// Records whose body is missing.
    pub holes: usize,
    /// Records whose body need not be here, and is not: it was erased, has expired, or is for others only.
    pub excused: usize,
    /// Logs with a fork proof.
    pub forks: usize,
}

impl Shared {
    pub(crate) fn new(
        engine: Engine,
        network: NetworkId,
        instance: [u8; 16],
        storage: StorageKey,
        state: State,
    ) -> Self {
        Self { engine, network, instance, storage, state: RwLock::new(state) }
    }

    /// The state. A thread that panicked while it held the lock left it whole: changes are made by single calls.
    pub(crate) fn state(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn state_mut(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn counts(&self) -> Counts {
        let state = self.state();
        Counts {
            records: state.records,
            logs: state.heads.len(),
            holes: state.holes.len(),
            excused: state.excused.len(),
            forks: state.forks.len(),
        }
    }

    pub(crate) fn heads(&self) -> Vec<LogHead> {
        self.state().heads.values().copied().collect()
    }

    pub(crate) fn forks(&self) -> Vec<ForkProof> {
        self.state().forks.values().cloned().collect()
    }

    pub(crate) fn value(&self, name: &str) -> Option<Vec<u8>> {
        self.state().values.get(name).cloned()
    }

    pub(crate) fn values_with(&self, prefix: &str) -> Vec<(String, Vec<u8>)> {
        let state = self.state();
        let from = state.values.range(prefix.to_owned()..);
        let these = from.take_while(|(name, _)| name.starts_with(prefix));
        these.map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    pub(crate) fn is_excused(&self, position: Position) -> bool {
        self.state().excused.contains(&position)
    }

    pub(crate) fn holes(&self) -> Vec<RecordId> {
        self.state().holes.ids()
    }

    /// The record without its body, and when it was first seen.
    pub(crate) fn header(&self, position: Position) -> Result<Option<(Record, Time)>, LedgerError> {
        if !self.state().covers(position) {
            return Ok(None);
        }
        let row = self.engine.read(|db| db.get(schema::record_key(position)))?;
        let row = row.ok_or_else(|| damaged(position, "it is missing"))?;
        self.decode_header(position, &row).map(Some)
    }

    pub(crate) fn decode_header(
        &self,
        position: Position,
        row: &[u8],
    ) -> Result<(Record, Time), LedgerError> {
        let row = RecordRow::decode(row).ok_or_else(|| damaged(position, "its row is too short"))?;
        let record = Record::from_parts(self.network, row.header.to_vec(), row.signature, &[]);
        let record = record.map_err(|error| damaged(position, &error.to_string()))?;
        if record.id() != row.id || record.position() != position {
            return Err(damaged(position, "it is another record"));
        }
        Ok((record, row.first_seen))
    }

    /// The record with its body, unless that is missing or damaged; then it is a hole from now on.
    pub(crate) fn record(&self, position: Position) -> Result<Option<(Record, Time)>, LedgerError> {
        let Some((mut record, first_seen)) = self.header(position)? else {
            return Ok(None);
        };
        if self.has_body(position) {
            let body = bodies::read(&self.engine, &self.storage, &record)?;
            self.attach_or_miss(&mut record, body);
        }
        Ok(Some((record, first_seen)))
    }

    /// Whether the body of a record should be here.
    pub(crate) fn has_body(&self, position: Position) -> bool {
        let state = self.state();
        !state.holes.contains(position) && !state.excused.contains(&position)
    }

    /// Adds the body that was read to a record that should have one. If there is none, or another, it is a hole.
    pub(crate) fn attach_or_miss(&self, record: &mut Record, body: Option<Body>) {
        if body.is_some_and(|body| record.attach(self.network, body).is_ok()) {
            return;
        }
        let position = record.position();
        let mut state = self.state_mut();
        // It may have been destroyed while it was read.
        if !state.excused.contains(&position) {
            tracing::warn!(%position, "a body is missing or damaged; it is fetched again from peers");
            state.holes.insert_found(position, record.id());
        }
    }

    pub(crate) fn find(&self, id: RecordId) -> Result<Option<Position>, LedgerError> {
        let candidates: Vec<Position> = self.state().index.candidates(id).collect();
        for position in candidates {
            if self.header(position)?.is_some_and(|(record, _)| record.id() == id) {
                return Ok(Some(position));
            }
        }
        Ok(None)
    }

    pub(crate) fn starting_with(&self, digits: &str, max: usize) -> Result<Vec<(Record, Time)>, LedgerError> {
        let Some((low, high)) = fingerprints(digits) else { return Ok(Vec::new()) };
        let candidates: Vec<Position> = self.state().index.between(low, high).collect();
        let mut found = Vec::new();
        for position in candidates {
            let record = self.record(position)?;
            found.extend(record.filter(|(record, _)| record.id().to_string().starts_with(digits)));
            if found.len() == max {
                break;
            }
        }
        Ok(found)
    }
}

/// The lowest and the highest fingerprint of ids that begin with these digits; nothing if they are none.
fn fingerprints(digits: &str) -> Option<(u64, u64)> {
    let head: String = digits.chars().take(16).collect();
    let good = !head.is_empty() && head.bytes().all(|b| b.is_ascii_hexdigit());
    let low = u64::from_str_radix(&format!("{head:0<16}"), 16);
    let high = u64::from_str_radix(&format!("{head:f<16}"), 16);
    low.ok().zip(high.ok()).filter(|_| good)
}

pub(crate) fn damaged(position: Position, what: &str) -> LedgerError {
    LedgerError::Damaged(format!("record {position}: {what}"))
}

/// A handle for other threads, such as those of the API: reads what is committed, and nothing else.
///
/// The database stays open as long as a handle lives.
#[derive(Clone)]
pub struct LedgerReader {
    shared: Arc<Shared>,
}

impl LedgerReader {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// The network of the records.
    pub fn network(&self) -> NetworkId {
        self.shared.network
    }

    /// Names this store; a fresh one has a new name.
    pub fn instance(&self) -> [u8; 16] {
        self.shared.instance
    }

    /// How much there is. Costs nothing.
    pub fn counts(&self) -> Counts {
        self.shared.counts()
    }

    /// The heads of all logs, ascending.
    pub fn heads(&self) -> Vec<LogHead> {
        self.shared.heads()
    }

    /// The head of one log.
    pub fn head(&self, log: LogId) -> Option<LogHead> {
        self.shared.state().heads.get(&log).copied()
    }

    /// The record at a position; without its body if that is absent.
    ///
    /// # Errors
    /// [`LedgerError::Damaged`].
    pub fn record(&self, position: Position) -> Result<Option<Record>, LedgerError> {
        Ok(self.shared.record(position)?.map(|(record, _)| record))
    }

    /// The record at a position, and when this node first saw it.
    ///
    /// # Errors
    /// [`LedgerError::Damaged`].
    pub fn record_seen(&self, position: Position) -> Result<Option<(Record, Time)>, LedgerError> {
        self.shared.record(position)
    }

    /// Hash and signature of the header at a position.
    ///
    /// # Errors
    /// [`LedgerError::Damaged`].
    pub fn header_hash(&self, position: Position) -> Result<Option<(HeaderHash, [u8; 64])>, LedgerError> {
        Ok(self.shared.header(position)?.map(|(record, _)| (record.hash(), *record.signature())))
    }

    /// Records of a log from `from` on, as many as fit `max_bytes` of frames, at least one if there is one, and at
    /// most `max_records`.
    ///
    /// # Errors
    /// [`LedgerError::Damaged`].
    pub fn page(
        &self,
        log: LogId,
        from: u64,
        max_bytes: usize,
        max_records: usize,
    ) -> Result<Vec<Record>, LedgerError> {
        self.shared.page(log, from, max_bytes, max_records)
    }

    /// The same, with the times at which this node first saw them. Only those that are wanted come with their bodies.
    ///
    /// # Errors
    /// [`LedgerError::Damaged`].
    pub fn stretch(
        &self,
        log: LogId,
        from: u64,
        max_bytes: usize,
        max_records: usize,
        wants_body: impl Fn(&Record) -> bool,
    ) -> Result<Vec<(Record, Time)>, LedgerError> {
        self.shared.stretch(log, from, max_bytes, max_records, wants_body)
    }

    /// Where the record with this id stands.
    ///
    /// # Errors
    /// [`LedgerError::Damaged`].
    pub fn find(&self, id: RecordId) -> Result<Option<Position>, LedgerError> {
        self.shared.find(id)
    }

    /// Up to `max` records whose ids begin with these hexadecimal digits, lower case, and when this node first saw them.
    ///
    /// # Errors
    /// [`LedgerError::Damaged`].
    pub fn starting_with(&self, digits: &str, max: usize) -> Result<Vec<(Record, Time)>, LedgerError> {
        self.shared.starting_with(digits, max)
    }

    /// The record at a position without its body, and when this node first saw it.
    ///
    /// # Errors
    /// [`LedgerError::Damaged`].
    pub fn header(&self, position: Position) -> Result<Option<(Record, Time)>, LedgerError> {
        self.shared.header(position)
    }

    /// When this node first saw the record at a position.
    ///
    /// # Errors
    /// [`LedgerError::Damaged`].
    pub fn first_seen(&self, position: Position) -> Result<Option<Time>, LedgerError> {
        Ok(self.shared.header(position)?.map(|(_, time)| time))
    }

    /// All fork proofs.
    pub fn forks(&self) -> Vec<ForkProof> {
        self.shared.forks()
    }

    /// A small named value.
    pub fn value(&self, name: &str) -> Option<Vec<u8>> {
        self.shared.value(name)
    }

    /// Whether the body of the record at a position need not be here, and is not.
    pub fn is_excused(&self, position: Position) -> bool {
        self.shared.is_excused(position)
    }

    /// All small named values whose name begins with `prefix`, ascending by name.
    pub fn values_with(&self, prefix: &str) -> Vec<(String, Vec<u8>)> {
        self.shared.values_with(prefix)
    }

    /// Ids of all records whose body is missing or damaged, as far as known, lowest first.
    pub fn holes(&self) -> Vec<RecordId> {
        self.shared.holes()
    }

    /// Records of a log from `from` on without their bodies, at most `max_records`, with the times at which this node
    /// first saw them. Several times faster than asking for each.
    ///
    /// # Errors
    /// [`LedgerError::Damaged`].
    pub fn headers(
        &self,
        log: LogId,
        from: u64,
        max_records: usize,
    ) -> Result<Vec<(Record, Time)>, LedgerError> {
        self.shared.headers_seen(log, from, max_records)
    }

    /// All records that are committed now, log after log, each log in its order: for an export.
    pub fn records(&self) -> Records {
        let mut heads = self.heads();
        heads.reverse();
        Records { shared: Arc::clone(&self.shared), heads, seq: 0 }
    }
}

impl std::fmt::Debug for LedgerReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LedgerReader").field("counts", &self.counts()).finish_non_exhaustive()
    }
}

/// All records up to the heads of one moment, with the times at which they were first seen. Ends after an error.
pub struct Records {
    shared: Arc<Shared>,
    /// Logs still to be read, the next one last.
    heads: Vec<LogHead>,
    seq: u64,
}

impl Iterator for Records {
    type Item = Result<(Record, Time), LedgerError>;

    fn next(&mut self) -> Option<Self::Item> {
        let head = *self.heads.last()?;
        let item = self.shared.record(head.log.at(self.seq)).transpose();
        let item =
            item.unwrap_or_else(|| Err(LedgerError::Damaged(format!("log {} became shorter", head.log))));
        if item.is_err() {
            self.heads.clear();
        } else if self.seq < head.seq {
            self.seq += 1;
        } else {
            self.heads.pop();
            self.seq = 0;
        }
        Some(item)
    }
}

impl std::fmt::Debug for Records {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Records").field("logs_left", &self.heads.len()).finish_non_exhaustive()
    }
}
