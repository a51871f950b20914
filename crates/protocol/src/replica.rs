//! The replica: every log of every member, whole and in order.
//!
//! Verified records come in any order. One that continues its log is *staged* for the next commit; one that comes
//! early is parked; one that is here already is dropped; one that contradicts what is here makes a fork proof. The
//! frontier covers only what is committed, so every log has two ends: the staged one and the durable one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ecomesh_record::{
    Body, ForkProof, FrontierEntry, LogId, MemberId, NetworkId, Position, RecordId, Time,
    limits::{FRONTIER_ENTRIES_MAX, HOLES_MAX},
};

use crate::forks::Forks;
use crate::ledger::{Batch, Ledger, LedgerError, NewRecord};
use crate::park::Park;
use crate::verify::Verified;

/// Where a log ends: the next sequence number and the id of the record before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// The next sequence number; 0 of an empty log.
    pub next: u64,
    /// Id of the last record; zeros of an empty log.
    pub head: RecordId,
}

impl End {
    const EMPTY: Self = Self { next: 0, head: RecordId::ZERO };
}

#[derive(Clone, Copy, Debug)]
struct Log {
    staged: End,
    durable: End,
}

impl Log {
    const EMPTY: Self = Self { staged: End::EMPTY, durable: End::EMPTY };
}

/// What became of a record.
#[derive(Debug, PartialEq)]
pub enum Receipt {
    /// It is staged, and so many with it that had waited for it.
    Staged(usize),
    /// It is here already.
    Known,
    /// It waits for its predecessors, or was dropped for want of room.
    Early,
    /// Its body is needed before it can be staged.
    WantsBody,
    /// It and a record that is here stand at one position.
    Forks(Box<ForkProof>),
    /// It does not continue what is here: the log parts somewhere below.
    Parts,
    /// Its log is disputed at or below it: it is not taken.
    Disputed,
}

/// All logs.
#[derive(Debug)]
pub struct Replica {
    network: NetworkId,
    logs: BTreeMap<LogId, Log>,
    park: Park,
    forks: Forks,
    holes: BTreeSet<RecordId>,
    staged: Batch,
    /// Holes that the staged bodies fill.
    filling: Vec<RecordId>,
    /// Proofs and staged records since the last commit, found by position, to see forks among them.
    staged_at: BTreeMap<Position, Arc<Verified>>,
}

impl Replica {
    /// Reads the ends of all logs, the fork proofs and the holes from the ledger.
    ///
    /// # Errors
    /// [`LedgerError::Damaged`].
    pub fn open(network: NetworkId, ledger: &impl Ledger) -> Result<Self, LedgerError> {
        let forks: Forks = ledger.forks()?.into_iter().collect();
        // A log of which only a proof is here is known of: its author does not begin it again.
        let mut logs: BTreeMap<LogId, Log> =
            forks.iter().map(|proof| (proof.position().log, Log::EMPTY)).collect();
        for head in ledger.heads()? {
            let end = End { next: head.seq + 1, head: head.head };
            logs.insert(head.log, Log { staged: end, durable: end });
        }
        Ok(Self {
            network,
            logs,
            park: Park::default(),
            forks,
            holes: ledger.holes()?.into_iter().collect(),
            staged: Batch::default(),
            filling: Vec::new(),
            staged_at: BTreeMap::new(),
        })
    }

    /// Decides about a verified record. `excused`: its body need not be here, and it comes without it.
    ///
    /// # Errors
    /// [`LedgerError::Damaged`].
    pub fn receive(
        &mut self,
        ledger: &impl Ledger,
        record: Arc<Verified>,
        first_seen: Time,
        excused: bool,
    ) -> Result<Receipt, LedgerError> {
        let position = record.record().position();
        let log = self.log(position.log);
        if self.disputed_from(position.log).is_some_and(|from| position.seq >= from) {
            return Ok(Receipt::Disputed);
        }
        if position.seq < log.staged.next {
            return self.compare(ledger, &record);
        }
        if let Some(proof) = self.park.at(position).and_then(|other| fork_of(&record, other)) {
            return Ok(Receipt::Forks(Box::new(proof)));
        }
        if position.seq > log.staged.next {
            // Without a body that is needed it would only have to be asked for again.
            if record.record().body().is_some() || excused {
                self.park.put(record, first_seen);
            }
            return Ok(Receipt::Early);
        }
        if record.record().header().prev != log.staged.head {
            return Ok(Receipt::Parts);
        }
        if record.record().body().is_none() && !excused {
            return Ok(Receipt::WantsBody);
        }
        self.stage(record, first_seen, excused);
        Ok(Receipt::Staged(1 + self.stage_parked(position.log)))
    }

    /// A record below the end of its log: the same as what is here, or a fork.
    fn compare(&mut self, ledger: &impl Ledger, record: &Verified) -> Result<Receipt, LedgerError> {
        let position = record.record().position();
        if let Some(staged) = self.staged_at.get(&position) {
            return Ok(
                fork_of(record, staged).map_or(Receipt::Known, |proof| Receipt::Forks(Box::new(proof)))
            );
        }
        let Some((hash, signature)) = ledger.header_hash(position)? else { return Ok(Receipt::Known) };
        let new = (record.record().hash(), *record.record().signature());
        if let Some(proof) = ForkProof::new(position, (hash, signature), new) {
            return Ok(Receipt::Forks(Box::new(proof)));
        }
        if let (true, Some(body)) = (self.holes.contains(&record.record().id()), record.record().body()) {
            self.fill(position, record.record().id(), body.clone());
        }
        Ok(Receipt::Known)
    }

    fn stage(&mut self, record: Arc<Verified>, first_seen: Time, excused: bool) {
        let position = record.record().position();
        if excused {
            self.staged.excused.push(position);
        }
        let log = self.log_mut(position.log);
        log.staged = End { next: position.seq + 1, head: record.record().id() };
        self.staged_at.insert(position, record.clone());
        self.staged.records.push(NewRecord { record, first_seen });
    }

    /// Stages what had waited, as far as it continues the log.
    fn stage_parked(&mut self, log: LogId) -> usize {
        let mut count = 0;
        loop {
            let end = self.log(log).staged;
            if self.disputed_from(log).is_some_and(|from| from <= end.next) {
                break;
            }
            let fits = |r: &Arc<Verified>| r.record().header().prev == end.head;
            if !self.park.at(log.at(end.next)).is_some_and(fits) {
                break;
            }
            let Some((record, first_seen)) = self.park.take(log.at(end.next)) else { break };
            let excused = record.record().body().is_none();
            self.stage(record, first_seen, excused);
            count += 1;
        }
        // What waits at a taken place now, or does not fit, comes again by pull if it is needed.
        self.park.forget_below(log, self.log(log).staged.next);
        count
    }

    /// Stages one's own new record, which continues its log; `excused` as with [`Replica::receive`]. One without its body that
    /// is not excused is a hole.
    pub fn stage_own(&mut self, record: Arc<Verified>, created_at: Time, excused: bool) {
        self.stage(record, created_at, excused);
    }

    /// Stages that the body of a durable record need not be here: it is destroyed, and no hole.
    pub fn excuse(&mut self, position: Position, id: RecordId) {
        self.holes.remove(&id);
        self.staged.excused.push(position);
    }

    /// Stages that a body which was excused is needed again. It is a hole until it comes.
    pub fn want(&mut self, position: Position, id: RecordId) {
        self.holes.insert(id);
        self.staged.wanted.push(position);
    }

    /// Drops what waits for its predecessors if it is one of these: it comes again by pull.
    pub fn forget_early(&mut self, author: MemberId, ids: &[RecordId]) {
        self.park.forget(author, |id| ids.binary_search(&id).is_ok());
    }

    /// Stages a body that was missing; the caller has checked that it is the right one.
    pub fn fill(&mut self, position: Position, id: RecordId, body: Body) {
        if self.holes.remove(&id) {
            self.staged.bodies.push((position, body));
            self.filling.push(id);
        }
    }

    /// Learns of a fork, verified. Returns whether it is news.
    pub fn dispute(&mut self, proof: ForkProof) -> bool {
        let news = self.forks.learn(proof.clone());
        if news {
            self.log_mut(proof.position().log);
            self.staged.forks.push(proof);
        }
        news
    }

    /// Stages a small named value with the next commit.
    pub fn stage_value(&mut self, name: String, value: Vec<u8>) {
        self.staged.values.push((name, value));
    }

    /// What the next commit writes.
    pub fn staged(&self) -> &Batch {
        &self.staged
    }

    /// The commit succeeded: what was staged is durable.
    pub fn committed(&mut self) -> Batch {
        let batch = std::mem::take(&mut self.staged);
        self.staged_at.clear();
        self.filling.clear();
        for new in &batch.records {
            let record = new.record.record();
            let log = self.log_mut(record.position().log);
            log.durable = log.staged;
            if record.body().is_none() && !batch.excused.contains(&record.position()) {
                self.holes.insert(record.id());
            }
        }
        batch
    }

    /// The commit failed and wrote nothing: records of others are forgotten and come again by pull.
    pub fn aborted(&mut self) {
        let batch = std::mem::take(&mut self.staged);
        self.staged_at.clear();
        self.holes.extend(std::mem::take(&mut self.filling));
        for new in &batch.records {
            let log = self.log_mut(new.record.record().position().log);
            log.staged = log.durable;
        }
        // Proofs, what becomes of durable bodies, and the values that stand for themselves are written with the next
        // commit.
        self.staged.forks = batch.forks;
        let durable = |position: &Position| position.seq < self.log(position.log).durable.next;
        let excused = batch.excused.into_iter().filter(durable).collect();
        self.staged.wanted = batch.wanted;
        self.staged.excused = excused;
        self.staged.values = batch.values;
        self.staged.values.retain(|(name, _)| !follows_records(name));
    }

    /// Where the staged part of a log ends.
    pub fn staged_end(&self, log: LogId) -> End {
        self.log(log).staged
    }

    /// Where the durable part of a log ends.
    pub fn durable_end(&self, log: LogId) -> End {
        self.log(log).durable
    }

    /// From where on a log is disputed.
    pub fn disputed_from(&self, log: LogId) -> Option<u64> {
        self.forks.disputed_from(log)
    }

    /// All logs of which something is known, ascending.
    pub fn logs(&self) -> impl Iterator<Item = LogId> {
        self.logs.keys().copied()
    }

    /// The own frontier's entries: durable and undisputed; none while more bodies are missing than a frontier can list,
    /// since it would say that they are here.
    ///
    /// # Errors
    /// [`LedgerError::Damaged`], where the id below a fork must be read back.
    pub fn entries(&self, ledger: &impl Ledger) -> Result<Vec<FrontierEntry>, LedgerError> {
        let logs: Vec<LogId> = self.logs().collect();
        let mut entries: Vec<_> = self.entries_of(ledger, &logs)?.into_iter().flatten().collect();
        // A longer frontier could not be read by anyone.
        entries.truncate(FRONTIER_ENTRIES_MAX);
        Ok(entries)
    }

    /// The entries of some logs; `None` where nothing is held.
    ///
    /// # Errors
    /// As [`Replica::entries`].
    pub fn entries_of(
        &self,
        ledger: &impl Ledger,
        logs: &[LogId],
    ) -> Result<Vec<Option<FrontierEntry>>, LedgerError> {
        logs.iter().map(|log| self.entry(ledger, *log)).collect()
    }

    fn entry(&self, ledger: &impl Ledger, log: LogId) -> Result<Option<FrontierEntry>, LedgerError> {
        if self.has_unlisted_holes() {
            return Ok(None);
        }
        let state = self.log(log);
        let next = self.disputed_from(log).map_or(state.durable.next, |from| from.min(state.durable.next));
        let Some(seq) = next.checked_sub(1) else { return Ok(None) };
        if next == state.durable.next {
            return Ok(Some(FrontierEntry { log, seq, head: state.durable.head }));
        }
        let below = ledger.record(log.at(seq))?;
        Ok(below.map(|record| FrontierEntry { log, seq, head: record.id() }))
    }

    /// Ids of records whose body is missing, at most as many as a frontier lists.
    pub fn holes(&self) -> Vec<RecordId> {
        // A body that is only staged is not durable: its hole is still told.
        let mut holes: Vec<RecordId> = self.holes.iter().chain(&self.filling).copied().collect();
        holes.sort_unstable();
        holes.truncate(HOLES_MAX);
        holes
    }

    /// Whether more bodies are missing than a frontier can list.
    pub fn has_unlisted_holes(&self) -> bool {
        self.holes.len() + self.filling.len() > HOLES_MAX
    }

    /// Learns that the body of a record that is here is missing or damaged.
    pub fn mark_hole(&mut self, id: RecordId) -> bool {
        self.holes.insert(id)
    }

    /// Whether the body of this record is missing.
    pub fn is_hole(&self, id: RecordId) -> bool {
        self.holes.contains(&id)
    }

    /// The fork proofs.
    pub fn forks(&self) -> &Forks {
        &self.forks
    }

    /// What waits for its predecessors.
    pub fn park(&self) -> &Park {
        &self.park
    }

    /// The network.
    pub fn network(&self) -> NetworkId {
        self.network
    }

    fn log(&self, log: LogId) -> Log {
        self.logs.get(&log).copied().unwrap_or(Log::EMPTY)
    }

    fn log_mut(&mut self, log: LogId) -> &mut Log {
        self.logs.entry(log).or_insert(Log::EMPTY)
    }
}

fn fork_of(one: &Verified, other: &Verified) -> Option<ForkProof> {
    let half = |v: &Verified| (v.record().hash(), *v.record().signature());
    ForkProof::new(one.record().position(), half(one), half(other))
}

/// Values that tell of the records of their batch: they are staged again with those.
fn follows_records(name: &str) -> bool {
    name.starts_with(crate::core::BYTES_PREFIX) || name.starts_with(crate::author::IDEMPOTENCY_PREFIX)
}
