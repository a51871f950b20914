//! The simulated store: a [`Ledger`] in memory with the semantics of a crash.
//!
//! A commit that returned is durable, one that the power interrupts is there whole or not at all, and one that fails
//! left nothing behind. A record that many nodes hold is in memory once: all stores of a world share one [`Pool`].

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use ecomesh_protocol::lives::ERASURE_PREFIX;
use ecomesh_protocol::{Batch, Ledger, LedgerError, LogHead, Room};
use ecomesh_record::{ForkProof, HeaderHash, LogId, NetworkId, Position, Record, RecordId, Time};

use crate::fuse::{Failure, Fuse};

/// All records of a world, each once.
pub(crate) type Pool = Rc<RefCell<BTreeMap<RecordId, Rc<Record>>>>;

/// A handle to a simulated store.
#[derive(Clone, Debug)]
pub(crate) struct SimLedger(Rc<RefCell<State>>);

#[derive(Debug)]
struct State {
    network: NetworkId,
    instance: [u8; 16],
    room: Room,
    fuse: Rc<RefCell<Fuse>>,
    pool: Pool,
    logs: BTreeMap<LogId, Vec<Entry>>,
    forks: BTreeMap<LogId, ForkProof>,
    values: BTreeMap<String, Vec<u8>>,
    /// Records whose body is not here.
    holes: BTreeSet<RecordId>,
    /// Records whose body need not be here, and is not.
    excused: BTreeSet<Position>,
    /// Sabotage.
    broken: Broken,
}

/// What sabotage broke.
#[derive(Debug, Default)]
struct Broken {
    /// The next record is believed and not kept.
    forgets_next: bool,
    /// What is committed from here on is forgotten when the power goes: lengths of the logs then.
    durable: Option<BTreeMap<LogId, usize>>,
    forgets_forks: bool,
    loses_bodies: bool,
    forgets_erasures: bool,
    keeps_erased: bool,
}

#[derive(Clone, Debug)]
struct Entry {
    record: Rc<Record>,
    first_seen: Time,
}

impl SimLedger {
    /// An empty store.
    pub(crate) fn new(network: NetworkId, instance: [u8; 16], fuse: Rc<RefCell<Fuse>>, pool: Pool) -> Self {
        Self(Rc::new(RefCell::new(State {
            network,
            instance,
            room: Room::Plenty,
            fuse,
            pool,
            logs: BTreeMap::new(),
            forks: BTreeMap::new(),
            values: BTreeMap::new(),
            holes: BTreeSet::new(),
            excused: BTreeSet::new(),
            broken: Broken::default(),
        })))
    }

    /// How much it takes from now on.
    pub(crate) fn set_room(&self, room: Room) {
        self.0.borrow_mut().room = room;
    }

    /// Bit rot: the body at a place is gone. Returns whether there was one.
    pub(crate) fn lose_body(&self, position: Position) -> bool {
        let mut state = self.0.borrow_mut();
        let Some(id) = state.id_at(position) else { return false };
        // What is not here by right cannot be lost.
        !state.excused.contains(&position) && state.holes.insert(id)
    }

    /// Sabotage: the next new record is told to be committed and is forgotten.
    pub(crate) fn forget_next(&self) {
        self.0.borrow_mut().broken.forgets_next = true;
    }

    /// Sabotage: nothing is durable from now on.
    pub(crate) fn forget_syncs(&self) {
        let mut state = self.0.borrow_mut();
        let lengths = state.logs.iter().map(|(log, entries)| (*log, entries.len())).collect();
        state.broken.durable = Some(lengths);
    }

    /// Sabotage: fork proofs are not kept.
    pub(crate) fn forget_forks(&self) {
        self.0.borrow_mut().broken.forgets_forks = true;
    }

    /// Sabotage: bodies are not kept.
    pub(crate) fn lose_bodies(&self) {
        self.0.borrow_mut().broken.loses_bodies = true;
    }

    /// Sabotage: what is erased from now on is not remembered, and what was is forgotten.
    pub(crate) fn forget_erasures(&self) {
        let mut state = self.0.borrow_mut();
        state.broken.forgets_erasures = true;
        state.values.retain(|name, _| !name.starts_with(ERASURE_PREFIX));
    }

    /// Sabotage: bodies that are to be destroyed from now on stay.
    pub(crate) fn keep_erased(&self) {
        self.0.borrow_mut().broken.keeps_erased = true;
    }

    /// The power is gone. A store that works has everything that it said it has.
    pub(crate) fn crash(&self) {
        let mut state = self.0.borrow_mut();
        if let Some(durable) = state.broken.durable.clone() {
            for (log, entries) in &mut state.logs {
                entries.truncate(durable.get(log).copied().unwrap_or(0));
            }
            state.logs.retain(|_, entries| !entries.is_empty());
        }
    }

    /// The id of the record at a place.
    pub(crate) fn id_at(&self, position: Position) -> Option<RecordId> {
        self.0.borrow().id_at(position)
    }

    /// Whether a record is here with its body.
    pub(crate) fn holds(&self, position: Position, id: RecordId) -> bool {
        let state = self.0.borrow();
        state.id_at(position) == Some(id) && !state.holes.contains(&id)
    }

    /// Logs with their length.
    pub(crate) fn lengths(&self) -> Vec<(LogId, u64)> {
        self.0.borrow().logs.iter().map(|(log, entries)| (*log, entries.len() as u64)).collect()
    }

    /// Ids of one log, in its order.
    pub(crate) fn ids(&self, log: LogId) -> Vec<RecordId> {
        let state = self.0.borrow();
        state.logs.get(&log).into_iter().flatten().map(|entry| entry.record.id()).collect()
    }

    /// The fork proofs.
    pub(crate) fn proofs(&self) -> BTreeMap<LogId, u64> {
        self.0.borrow().forks.iter().map(|(log, proof)| (*log, proof.position().seq)).collect()
    }

    /// All records here, to find out where else they are.
    pub(crate) fn places(&self) -> BTreeMap<Position, RecordId> {
        let state = self.0.borrow();
        let all = state.logs.values().flatten();
        all.map(|entry| (entry.record.position(), entry.record.id())).collect()
    }
}

impl State {
    fn entry(&self, position: Position) -> Option<&Entry> {
        self.logs.get(&position.log)?.get(usize::try_from(position.seq).ok()?)
    }

    fn id_at(&self, position: Position) -> Option<RecordId> {
        self.entry(position).map(|entry| entry.record.id())
    }

    /// A copy as it is here: without its body if that is absent.
    fn copy(&self, entry: &Entry) -> Record {
        let record = (*entry.record).clone();
        let absent = self.holes.contains(&record.id()) || self.excused.contains(&record.position());
        if absent { record.without_body() } else { record }
    }

    fn check(&self, batch: &Batch) -> Result<(), LedgerError> {
        let mut next: BTreeMap<LogId, u64> = BTreeMap::new();
        for new in &batch.records {
            let position = new.record.record().position();
            let length = self.logs.get(&position.log).map_or(0, |entries| entries.len() as u64);
            let expected = next.entry(position.log).or_insert(length);
            if position.seq != *expected {
                return Err(LedgerError::OutOfOrder(position.log));
            }
            *expected += 1;
        }
        Ok(())
    }

    fn apply(&mut self, batch: &Batch) {
        for new in &batch.records {
            if std::mem::take(&mut self.broken.forgets_next) {
                continue;
            }
            let record = new.record.record();
            let shared = share(&self.pool, record);
            let entry = Entry { record: shared, first_seen: new.first_seen };
            self.logs.entry(record.position().log).or_default().push(entry);
            if self.broken.loses_bodies {
                self.holes.insert(record.id());
            }
        }
        for (position, body) in &batch.bodies {
            let Some(entry) = self.entry(*position) else { continue };
            let mut record = (*entry.record).clone().without_body();
            if record.attach(self.network, body.clone()).is_ok() {
                self.holes.remove(&record.id());
            }
        }
        let excused: &[Position] = if self.broken.keeps_erased { &[] } else { &batch.excused };
        for position in excused {
            if let Some(id) = self.id_at(*position) {
                self.holes.remove(&id);
                self.excused.insert(*position);
            }
        }
        for position in &batch.wanted {
            if let (true, Some(id)) = (self.excused.remove(position), self.id_at(*position)) {
                self.holes.insert(id);
            }
        }
        for (name, value) in &batch.values {
            if self.broken.forgets_erasures && name.starts_with(ERASURE_PREFIX) {
                continue;
            }
            if value.is_empty() {
                self.values.remove(name);
            } else {
                self.values.insert(name.clone(), value.clone());
            }
        }
        if self.broken.forgets_forks {
            return;
        }
        self.forks.extend(batch.forks.iter().map(|proof| (proof.position().log, proof.clone())));
    }
}

fn share(pool: &Pool, record: &Record) -> Rc<Record> {
    let mut pool = pool.borrow_mut();
    if let Some(shared) = pool.get(&record.id()).filter(|shared| shared.as_ref() == record) {
        return shared.clone();
    }
    let shared = Rc::new(record.clone());
    pool.insert(record.id(), shared.clone());
    shared
}

impl Ledger for SimLedger {
    fn instance(&self) -> [u8; 16] {
        self.0.borrow().instance
    }

    fn room(&mut self) -> Room {
        self.0.borrow().room
    }

    fn commit(&mut self, batch: &Batch) -> Result<(), LedgerError> {
        let mut state = self.0.borrow_mut();
        if state.room == Room::None {
            return Err(LedgerError::Full);
        }
        state.check(batch)?;
        let was_dead = state.fuse.borrow().is_dead();
        let begun = state.fuse.borrow_mut().write(true);
        let reason = || "injected by the simulation".to_owned();
        match begun {
            Ok(()) => {
                state.apply(batch);
                Ok(())
            }
            Err(Failure::Io) => Err(LedgerError::Full),
            Err(Failure::Sync) => Err(LedgerError::SyncFailed(reason())),
            Err(Failure::Power) => {
                // Interrupted: it is there, or it is not.
                if !was_dead && (batch.records.len() + batch.values.len()).is_multiple_of(2) {
                    state.apply(batch);
                }
                Err(LedgerError::SyncFailed(reason()))
            }
        }
    }

    fn heads(&self) -> Result<Vec<LogHead>, LedgerError> {
        let state = self.0.borrow();
        let head = |(log, entries): (&LogId, &Vec<Entry>)| {
            let last = entries.last()?;
            Some(LogHead { log: *log, seq: last.record.position().seq, head: last.record.id() })
        };
        Ok(state.logs.iter().filter_map(head).collect())
    }

    fn record(&self, position: Position) -> Result<Option<Record>, LedgerError> {
        let state = self.0.borrow();
        Ok(state.entry(position).map(|entry| state.copy(entry)))
    }

    fn header_hash(&self, position: Position) -> Result<Option<(HeaderHash, [u8; 64])>, LedgerError> {
        let state = self.0.borrow();
        Ok(state.entry(position).map(|entry| (entry.record.hash(), *entry.record.signature())))
    }

    fn page(
        &self,
        log: LogId,
        from: u64,
        max_bytes: usize,
        max_records: usize,
    ) -> Result<Vec<Record>, LedgerError> {
        let state = self.0.borrow();
        let from = usize::try_from(from).unwrap_or(usize::MAX);
        let entries = state.logs.get(&log).and_then(|entries| entries.get(from..)).unwrap_or_default();
        let mut page = Vec::new();
        let mut bytes = 0;
        for entry in entries {
            bytes += entry.record.frame_len();
            if page.len() >= max_records || (bytes > max_bytes && !page.is_empty()) {
                break;
            }
            page.push(state.copy(entry));
        }
        Ok(page)
    }

    fn headers(&self, log: LogId, from: u64, max_records: usize) -> Result<Vec<Record>, LedgerError> {
        let state = self.0.borrow();
        let from = usize::try_from(from).unwrap_or(usize::MAX);
        let entries = state.logs.get(&log).and_then(|entries| entries.get(from..)).unwrap_or_default();
        Ok(entries.iter().take(max_records).map(|entry| (*entry.record).clone().without_body()).collect())
    }

    fn find(&self, id: RecordId) -> Result<Option<Position>, LedgerError> {
        let state = self.0.borrow();
        let place = state.pool.borrow().get(&id).map(|record| record.position());
        Ok(place.filter(|position| state.id_at(*position) == Some(id)))
    }

    fn first_seen(&self, position: Position) -> Result<Option<Time>, LedgerError> {
        Ok(self.0.borrow().entry(position).map(|entry| entry.first_seen))
    }

    fn forks(&self) -> Result<Vec<ForkProof>, LedgerError> {
        Ok(self.0.borrow().forks.values().cloned().collect())
    }

    fn value(&self, name: &str) -> Result<Option<Vec<u8>>, LedgerError> {
        Ok(self.0.borrow().values.get(name).cloned())
    }

    fn values_with(&self, prefix: &str) -> Result<Vec<(String, Vec<u8>)>, LedgerError> {
        let state = self.0.borrow();
        let from = state.values.range(prefix.to_owned()..);
        let matching = from.take_while(|(name, _)| name.starts_with(prefix));
        Ok(matching.map(|(name, value)| (name.clone(), value.clone())).collect())
    }

    fn holes(&self) -> Result<Vec<RecordId>, LedgerError> {
        let state = self.0.borrow();
        Ok(state.holes.iter().copied().collect())
    }

    fn is_excused(&self, position: Position) -> bool {
        self.0.borrow().excused.contains(&position)
    }
}
