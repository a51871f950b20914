//! What the core needs of a store: the [`Ledger`] trait, and [`MemoryLedger`] for tests and simulation.
//!
//! The ledger keeps records in log order, the fork proofs, and a few small named values. One [`Batch`] is one
//! commit: when [`Ledger::commit`] returns, all of it survives a loss of power, and before that nothing of it may
//! be shown to anyone.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ecomesh_record::{Body, ForkProof, HeaderHash, LogId, NetworkId, Position, Record, RecordId, Time};
use thiserror::Error;

use crate::verify::Verified;

/// Up to where the ledger holds a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogHead {
    /// The log.
    pub log: LogId,
    /// Sequence number of its last record.
    pub seq: u64,
    /// Id of that record.
    pub head: RecordId,
}

/// How much the ledger may still take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Room {
    /// Nothing: not even control records.
    None,
    /// Control records only; the reserve is being used.
    ControlOnly,
    /// Everything.
    Plenty,
}

/// A record to append, with the time at which this node first saw it.
#[derive(Clone, Debug)]
pub struct NewRecord {
    /// The record; its position is the one after the log's head, or 0 of a new log.
    pub record: Arc<Verified>,
    /// This node's clock when it came.
    pub first_seen: Time,
}

/// One commit.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// New records; those of one log are in its order.
    pub records: Vec<NewRecord>,
    /// Bodies for records that are here without theirs, or whose body was damaged. Those of excused records are ignored.
    pub bodies: Vec<(Position, Body)>,
    /// Records whose body need not be here any more: it is destroyed if it is here, and no hole if it is not.
    pub excused: Vec<Position>,
    /// Excused records whose body is needed again: they are holes.
    pub wanted: Vec<Position>,
    /// New fork proofs; one for a log replaces an older one.
    pub forks: Vec<ForkProof>,
    /// Small named values, at most 4 KiB each; an empty value removes the name.
    pub values: Vec<(String, Vec<u8>)>,
}

impl Batch {
    /// Whether there is nothing to commit.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
            && self.bodies.is_empty()
            && self.excused.is_empty()
            && self.wanted.is_empty()
            && self.forks.is_empty()
            && self.values.is_empty()
    }
}

/// Why the ledger did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LedgerError {
    /// There is no room; nothing of the batch was written. The operator frees space, the node goes on by itself.
    #[error("no space left for records: free space on the disk that holds the store")]
    Full,
    /// What is stored is damaged.
    #[error(
        "the store is damaged: {0}; start the node again: it sets the store aside, and its peers fill a fresh one"
    )]
    Damaged(String),
    /// A sync failed: what was written may be lost, and the process must end.
    #[error("the disk did not confirm a write ({0}); the node must stop and start again")]
    SyncFailed(String),
    /// The batch breaks the order of a log: our own mistake.
    #[error("a batch does not fit the log {0}")]
    OutOfOrder(LogId),
    /// A small value, or its name, is too long: our own mistake.
    #[error("the value {0:?} does not fit {VALUE_BYTES_MAX} bytes, or its name {VALUE_NAME_BYTES_MAX}")]
    ValueTooLong(String),
}

/// Longest small named value in bytes.
pub const VALUE_BYTES_MAX: usize = 4 * 1024;
/// Longest name of a small value in bytes.
pub const VALUE_NAME_BYTES_MAX: usize = 256;

/// The store of records, as the core sees it. All reads see committed data only.
pub trait Ledger {
    /// Names this store; a fresh one has a new name.
    fn instance(&self) -> [u8; 16];

    /// How much it may still take.
    fn room(&mut self) -> Room;

    /// Writes a batch, all or nothing; durable when it returns.
    ///
    /// # Errors
    /// [`LedgerError`]; after [`LedgerError::SyncFailed`] the process must end.
    fn commit(&mut self, batch: &Batch) -> Result<(), LedgerError>;

    /// The heads of all logs, ascending.
    ///
    /// # Errors
    /// [`LedgerError::Damaged`].
    fn heads(&self) -> Result<Vec<LogHead>, LedgerError>;

    /// The record at a position; without its body if that is absent.
    ///
    /// # Errors
    /// [`LedgerError::Damaged`] if the header cannot be read back.
    fn record(&self, position: Position) -> Result<Option<Record>, LedgerError>;

    /// Hash and signature of the header at a position.
    ///
    /// # Errors
    /// [`LedgerError::Damaged`].
    fn header_hash(&self, position: Position) -> Result<Option<(HeaderHash, [u8; 64])>, LedgerError> {
        Ok(self.record(position)?.map(|r| (r.hash(), *r.signature())))
    }

    /// Records of a log from `from` on, as many as fit `max_bytes` of frames, at least one if there is one, and at
    /// most `max_records`.
    ///
    /// # Errors
    /// [`LedgerError::Damaged`].
    fn page(
        &self,
        log: LogId,
        from: u64,
        max_bytes: usize,
        max_records: usize,
    ) -> Result<Vec<Record>, LedgerError>;

    /// Records of a log from `from` on without their bodies, at most `max_records`.
    ///
    /// # Errors
    /// [`LedgerError::Damaged`].
    fn headers(&self, log: LogId, from: u64, max_records: usize) -> Result<Vec<Record>, LedgerError>;

    /// Where the record with this id stands.
    ///
    /// # Errors
    /// [`LedgerError::Damaged`].
    fn find(&self, id: RecordId) -> Result<Option<Position>, LedgerError>;

    /// When this node first saw the record at a position.
    ///
    /// # Errors
    /// [`LedgerError::Damaged`].
    fn first_seen(&self, position: Position) -> Result<Option<Time>, LedgerError>;

    /// All fork proofs.
    ///
    /// # Errors
    /// [`LedgerError::Damaged`].
    fn forks(&self) -> Result<Vec<ForkProof>, LedgerError>;

    /// A small named value.
    ///
    /// # Errors
    /// [`LedgerError::Damaged`].
    fn value(&self, name: &str) -> Result<Option<Vec<u8>>, LedgerError>;

    /// All small named values whose name begins with `prefix`, ascending by name.
    ///
    /// # Errors
    /// [`LedgerError::Damaged`].
    fn values_with(&self, prefix: &str) -> Result<Vec<(String, Vec<u8>)>, LedgerError>;

    /// Ids of all records below the heads whose body is missing or damaged, as far as known, lowest first; without those
    /// that are excused.
    ///
    /// # Errors
    /// [`LedgerError::Damaged`].
    fn holes(&self) -> Result<Vec<RecordId>, LedgerError>;

    /// Whether the body of the record at this position need not be here: see [`Batch::excused`].
    fn is_excused(&self, position: Position) -> bool;
}

/// A ledger in memory: the model that the real one is compared with, and the one of the simulator.
#[derive(Clone, Debug)]
pub struct MemoryLedger {
    network: NetworkId,
    instance: [u8; 16],
    room: Room,
    records: BTreeMap<Position, (Record, Time)>,
    ids: BTreeMap<RecordId, Position>,
    excused: BTreeSet<Position>,
    forks: BTreeMap<LogId, ForkProof>,
    values: BTreeMap<String, Vec<u8>>,
}

impl MemoryLedger {
    /// An empty ledger with this instance id.
    pub fn new(network: NetworkId, instance: [u8; 16]) -> Self {
        Self {
            network,
            instance,
            room: Room::Plenty,
            records: BTreeMap::new(),
            ids: BTreeMap::new(),
            excused: BTreeSet::new(),
            forks: BTreeMap::new(),
            values: BTreeMap::new(),
        }
    }

    /// Plays a full disk, or the end of it.
    pub fn set_room(&mut self, room: Room) {
        self.room = room;
    }

    /// Plays bit rot: the body at a position is gone.
    pub fn lose_body(&mut self, position: Position) {
        if let Some((record, _)) = self.records.get_mut(&position) {
            *record = record.clone().without_body();
        }
    }

    fn head(&self, log: LogId) -> Option<(&Position, &Record)> {
        self.records.range(log.at(0)..=log.at(u64::MAX)).next_back().map(|(p, (r, _))| (p, r))
    }

    /// Checks the whole batch before any of it is written.
    fn check(&self, batch: &Batch) -> Result<(), LedgerError> {
        for (name, value) in &batch.values {
            if name.len() > VALUE_NAME_BYTES_MAX || value.len() > VALUE_BYTES_MAX {
                return Err(LedgerError::ValueTooLong(name.chars().take(64).collect()));
            }
        }
        let mut next: BTreeMap<LogId, u64> = BTreeMap::new();
        for new in &batch.records {
            let position = new.record.record().position();
            let expected = match next.get(&position.log) {
                Some(seq) => *seq,
                None => self.head(position.log).map_or(0, |(p, _)| p.seq + 1),
            };
            if position.seq != expected {
                return Err(LedgerError::OutOfOrder(position.log));
            }
            next.insert(position.log, expected + 1);
        }
        Ok(())
    }
}

impl Ledger for MemoryLedger {
    fn instance(&self) -> [u8; 16] {
        self.instance
    }

    fn room(&mut self) -> Room {
        self.room
    }

    fn commit(&mut self, batch: &Batch) -> Result<(), LedgerError> {
        if self.room == Room::None {
            return Err(LedgerError::Full);
        }
        self.check(batch)?;
        for new in &batch.records {
            let record = new.record.record().clone();
            self.ids.insert(record.id(), record.position());
            self.records.insert(record.position(), (record, new.first_seen));
        }
        for (position, body) in &batch.bodies {
            if self.excused.contains(position) {
                continue;
            }
            if let Some((record, _)) = self.records.get_mut(position) {
                // A body that does not fit was refused before it came here.
                record.attach(self.network, body.clone()).map_err(|e| LedgerError::Damaged(e.to_string()))?;
            }
        }
        for position in &batch.excused {
            self.lose_body(*position);
            self.excused.insert(*position);
        }
        self.excused.retain(|position| !batch.wanted.contains(position));
        self.forks.extend(batch.forks.iter().map(|proof| (proof.position().log, proof.clone())));
        for (name, value) in &batch.values {
            if value.is_empty() {
                self.values.remove(name);
            } else {
                self.values.insert(name.clone(), value.clone());
            }
        }
        Ok(())
    }

    fn heads(&self) -> Result<Vec<LogHead>, LedgerError> {
        let mut heads: BTreeMap<LogId, LogHead> = BTreeMap::new();
        for (position, (record, _)) in &self.records {
            let head = LogHead { log: position.log, seq: position.seq, head: record.id() };
            heads.insert(position.log, head);
        }
        Ok(heads.into_values().collect())
    }

    fn record(&self, position: Position) -> Result<Option<Record>, LedgerError> {
        Ok(self.records.get(&position).map(|(record, _)| record.clone()))
    }

    fn page(
        &self,
        log: LogId,
        from: u64,
        max_bytes: usize,
        max_records: usize,
    ) -> Result<Vec<Record>, LedgerError> {
        let mut page = Vec::new();
        let mut bytes = 0;
        for (record, _) in self.records.range(log.at(from)..=log.at(u64::MAX)).map(|(_, entry)| entry) {
            bytes += record.frame_len();
            if page.len() >= max_records || (bytes > max_bytes && !page.is_empty()) {
                break;
            }
            page.push(record.clone());
        }
        Ok(page)
    }

    fn headers(&self, log: LogId, from: u64, max_records: usize) -> Result<Vec<Record>, LedgerError> {
        let records = self.records.range(log.at(from)..=log.at(u64::MAX)).take(max_records);
        Ok(records.map(|(_, (record, _))| record.clone().without_body()).collect())
    }

    fn find(&self, id: RecordId) -> Result<Option<Position>, LedgerError> {
        Ok(self.ids.get(&id).copied())
    }

    fn first_seen(&self, position: Position) -> Result<Option<Time>, LedgerError> {
        Ok(self.records.get(&position).map(|(_, time)| *time))
    }

    fn forks(&self) -> Result<Vec<ForkProof>, LedgerError> {
        Ok(self.forks.values().cloned().collect())
    }

    fn value(&self, name: &str) -> Result<Option<Vec<u8>>, LedgerError> {
        Ok(self.values.get(name).cloned())
    }

    fn values_with(&self, prefix: &str) -> Result<Vec<(String, Vec<u8>)>, LedgerError> {
        let from = self.values.range(prefix.to_owned()..);
        let matching = from.take_while(|(name, _)| name.starts_with(prefix));
        Ok(matching.map(|(name, value)| (name.clone(), value.clone())).collect())
    }

    fn holes(&self) -> Result<Vec<RecordId>, LedgerError> {
        let without = self.records.values().filter(|(record, _)| record.body().is_none());
        let holes = without.filter(|(record, _)| !self.excused.contains(&record.position()));
        let mut holes: Vec<RecordId> = holes.map(|(record, _)| record.id()).collect();
        holes.sort_unstable();
        Ok(holes)
    }

    fn is_excused(&self, position: Position) -> bool {
        self.excused.contains(&position)
    }
}
