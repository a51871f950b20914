//! The commit: once per batch of inputs. Journal, sync, sign, store, sync; then the world is told.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ecomesh_record::{ForkProof, MemberId, Position, Record, SignedFrontier, Time};
use sha2::{Digest, Sha256};

use super::{BYTES_PREFIX, Core, Journaled, ROOM_MS, difference};
use crate::author::{Remembered, Standing, Written, encode_remembered, fingerprint_of, idempotency_name};
use crate::delivery::Proved;
use crate::disk::{Disk, DiskError};
use crate::io::{Alarm, AuthorError, Now, Output, PeerKey, Recorded};
use crate::journal::Entry;
use crate::judge::judge;
use crate::ledger::{Batch, Ledger, LedgerError, Room};
use crate::limits::{
    CLOCK_SKEW_MS, DELTA_MS_MAX, DELTA_MS_MIN, DELTA_MS_PER_LINK, NOTIFY_FORKS_MAX, PUSH_BYTES_MAX,
    PUSH_RECORDS_MAX,
};
use crate::lives::Term;
use crate::sync::{Ask, View};
use crate::verify::Verified;
use crate::wire::{Waiting, ask, encode_push, push_len};

/// Most own records written in one commit.
const OWN_RECORDS_MAX: usize = 256;
/// Most journal entries released at once: each is read back, and together they should take some milliseconds.
const RELEASED_MAX: usize = 1024;
/// Pause between two slices while there is much to release, in milliseconds.
const RELEASE_MS_MIN: u64 = 100;
/// Pause between two slices while there is little, in milliseconds.
const RELEASE_MS_MAX: u64 = 2_000;

impl<L: Ledger, D: Disk> Core<L, D> {
    /// Makes everything durable that the inputs since the last commit led to, tells the clients and the network,
    /// and asks the peers for what is missing.
    pub fn commit(&mut self, now: Now) {
        let done = self.try_commit(now);
        self.check(done);
    }

    fn try_commit(&mut self, now: Now) -> Result<(), LedgerError> {
        self.look_for_room(now);
        self.open_generation_if_due(now)?;
        self.write_drafts(now);
        self.stage_journaled();
        self.store(now)?;
        self.keep_evidence();
        self.answer_imports();
        self.notify(now)?;
        self.ask_peers(now)
    }

    fn look_for_room(&mut self, now: Now) {
        let before = self.room;
        if before == Room::Plenty || now.mono >= self.room_at {
            self.room = self.ledger.room();
            self.room_at = now.mono + ROOM_MS;
        }
        if self.room < Room::Plenty && before == Room::Plenty {
            self.alarm(Alarm::Full);
        }
        if self.room == Room::Plenty && before < Room::Plenty {
            self.alarm(Alarm::SpaceAgain);
        }
    }

    /// After the peers were asked for the own history: the next generation begins.
    fn open_generation_if_due(&mut self, now: Now) -> Result<(), LedgerError> {
        let Standing::Recovering(until) = self.author.standing() else { return Ok(()) };
        let all_asked = self.others.iter().all(|member| self.asked_for_history.contains(member));
        if self.room == Room::None || (now.mono < until && !all_asked) {
            return Ok(());
        }
        let own = self.config.member;
        if self.replica.forks().is_discredited(own) {
            self.author.wait_until(now.mono + ROOM_MS);
            return Ok(());
        }
        let entries = self.replica.entries(&self.ledger)?;
        let heads = entries.iter().filter(|entry| entry.log.author == own);
        let heads: Vec<_> = heads
            .map(|entry| crate::ledger::LogHead { log: entry.log, seq: entry.seq, head: entry.head })
            .collect();
        let here = self.replica.logs().filter(|log| log.author == own).map(|log| log.generation).max();
        let journaled = self.journaled.keys().map(|position| position.log.generation).max();
        let hinted = self.frontiers.highest_generation(own, crate::author::generation_bound(now.wall));
        let highest = here.max(journaled).max(hinted);
        let salt = Sha256::new()
            .chain_update(self.config.boot_nonce)
            .chain_update(self.config.seed.to_be_bytes())
            .chain_update(now.wall.0.to_be_bytes())
            .finalize()
            .into();
        // Generation 0 is the charter's: even a home that lost everything does not begin it again.
        let Some(written) = self.author.open_generation(highest.or(Some(0)), heads, salt, now) else {
            self.author.wait_until(now.mono + ROOM_MS);
            return Ok(());
        };
        let generation = written.entry.record.header().generation;
        let instance = self.ledger.instance();
        // The journal belongs to this store only once the new generation is in it: a crash in between recovers again.
        let journaled = self.journal_and_sign(&[written]);
        match journaled.and_then(|()| self.journal.rebind(&mut self.disk, instance)) {
            Ok(()) => self.alarm(Alarm::GenerationOpened(generation)),
            Err(error) => {
                self.author.recover(now.mono + ROOM_MS);
                self.disk_failed(&error);
            }
        }
        Ok(())
    }

    fn write_drafts(&mut self, now: Now) {
        if self.author.is_idle() {
            return;
        }
        if self.room < Room::Plenty {
            // The last space is kept for control records.
            self.refuse_drafts(&AuthorError::Full, self.room == Room::ControlOnly);
        }
        let journaled = &self.journaled;
        let pending = |key: &[u8; 32]| journaled.values().any(|own| own.idempotency == *key);
        let batch = self.author.write_waiting(&self.roster, OWN_RECORDS_MAX, pending, now);
        for (ticket, result) in batch.answers {
            self.authored(ticket, result);
        }
        if batch.written.is_empty() {
            return;
        }
        let tickets: Vec<u64> = batch.written.iter().filter_map(|w| w.ticket).collect();
        if let Err(error) = self.journal_and_sign(&batch.written) {
            self.author.take_back(&batch.written);
            let answer = match &error {
                DiskError::Full => AuthorError::Full,
                other => AuthorError::Disk(other.to_string()),
            };
            for ticket in tickets {
                self.authored(ticket, Err(answer.clone()));
            }
            self.disk_failed(&error);
        }
    }

    fn refuse_drafts(&mut self, error: &AuthorError, documents_only: bool) {
        for ticket in self.author.give_up_waiting(documents_only) {
            self.authored(ticket, Err(error.clone()));
        }
    }

    /// A failed sync ends the process; anything else is told, and tried again with the next record.
    pub(super) fn disk_failed(&mut self, error: &DiskError) {
        if matches!(error, DiskError::SyncFailed { .. }) {
            self.output(Output::Fatal(error.to_string()));
        }
    }

    /// Journal first, synced; only then is anything signed.
    fn journal_and_sign(&mut self, written: &[Written]) -> Result<(), DiskError> {
        let entries: Vec<&Entry> = written.iter().map(|w| &w.entry).collect();
        self.journal.append(&mut self.disk, &entries)?;
        for Written { ticket, entry } in written {
            self.sign(entry.clone(), *ticket);
        }
        Ok(())
    }

    /// Signs a journaled record: it waits for its place in the store.
    pub(super) fn sign(&mut self, entry: Entry, ticket: Option<u64>) {
        let Entry { record, idempotency, closed } = entry;
        // A retry of what is lost must be recorded again.
        let idempotency = if closed { [0; 32] } else { idempotency };
        let signing = &self.identity.signing;
        let network = self.network;
        let signed = record.signed(|id| *signing.sign_record(network, id).as_bytes());
        let position = signed.position();
        let record = Arc::new(Verified::own(signed, signing.public()));
        self.journaled.insert(position, Journaled { record, ticket, idempotency, closed });
    }

    /// Own records from the journal go into the store in the order of their logs.
    fn stage_journaled(&mut self) {
        if self.journaled.is_empty() {
            return;
        }
        self.give_up_disputed();
        self.strip_journaled();
        let mut staged = Vec::new();
        for (position, own) in &self.journaled {
            let end = self.replica.staged_end(position.log);
            let header = own.record.record().header();
            if position.seq == end.next && header.prev == end.head {
                // From the journal of a store that was lost, a record can come without its body: it was destroyed, or is
                // under another storage key, and then a peer may have it.
                let excused = own.record.record().body().is_none() && !own.closed;
                self.replica.stage_own(own.record.clone(), header.created_at, excused);
                self.holes_changed |= own.closed;
                staged.push(own.record.clone());
                if own.idempotency != [0; 32] {
                    let value = encode_remembered(&remembered(own));
                    self.replica.stage_value(idempotency_name(&own.idempotency), value);
                }
            }
        }
        staged.iter().for_each(|record| self.learn_key(record));
    }

    /// A journaled record whose place is disputed gets no place: its author sends it again, in the next generation.
    fn give_up_disputed(&mut self) {
        let replica = &self.replica;
        let disputed = |position: &Position| {
            replica.disputed_from(position.log).is_some_and(|from| from <= position.seq)
        };
        let lost: Vec<Position> =
            self.journaled.keys().filter(|position| disputed(position)).copied().collect();
        for position in lost {
            let ticket = self.journaled.remove(&position).and_then(|own| own.ticket);
            if let Some(ticket) = ticket {
                self.authored(ticket, Err(AuthorError::Busy));
            }
        }
    }

    /// One commit of the store, then what it means.
    fn store(&mut self, now: Now) -> Result<(), LedgerError> {
        self.learn_staged(now)?;
        if self.replica.staged().is_empty() {
            return Ok(());
        }
        let mut bytes: BTreeMap<MemberId, u64> = BTreeMap::new();
        for new in &self.replica.staged().records {
            let record = new.record.record();
            *bytes.entry(record.header().author).or_default() += record.frame_len() as u64;
        }
        for (author, added) in &bytes {
            let sum = self.admission.bytes_of(*author) + added;
            self.replica.stage_value(format!("{BYTES_PREFIX}{author}"), sum.to_be_bytes().to_vec());
        }
        let committed = match self.room {
            Room::None => Err(LedgerError::Full),
            _ => self.ledger.commit(self.replica.staged()),
        };
        match committed {
            Ok(()) => {}
            Err(LedgerError::Full) => {
                // What others wrote comes again by pull; own records stay in the journal and are tried again.
                self.replica.aborted();
                if self.room > Room::None {
                    self.room = Room::None;
                    self.room_at = now.mono + ROOM_MS;
                    self.alarm(Alarm::Full);
                }
                return Ok(());
            }
            Err(error) => return Err(error),
        }
        for (author, added) in bytes {
            self.admission.stored(author, added);
            self.seek();
            let founded = self.roster.charter().drafted_at;
            let over = self.admission.is_over_budget(author, founded, now.wall);
            if over && self.over_budget.insert(author) {
                self.alarm(Alarm::OverBudget(author));
            }
        }
        let batch = self.replica.committed();
        self.tell_stored(batch, now);
        Ok(())
    }

    fn tell_stored(&mut self, batch: Batch, now: Now) {
        let mut own = Vec::new();
        let mut came_back = false;
        // What came without its body was not destroyed here.
        let came: BTreeSet<Position> = match batch.excused.is_empty() {
            true => BTreeSet::new(),
            false => batch.records.iter().map(|new| new.record.record().position()).collect(),
        };
        for new in batch.records {
            let record = new.record.record();
            let position = record.position();
            self.records += 1;
            self.touch(position.log);
            if record.header().author == self.config.member {
                self.follow(record);
            }
            let journaled = self.journaled.remove(&position);
            if journaled.is_some() {
                own.push(new.record.clone());
            } else if record.header().author == self.config.member {
                came_back = true;
            }
            let verdict = judge(&self.roster, record);
            self.output(Output::Stored { record: new.record, verdict, first_seen: new.first_seen });
            // Only now: whoever gets the answer looks at once at what came of it.
            if let Some(journaled) = journaled {
                self.answer_author(&journaled, now);
            }
        }
        for (position, _) in batch.bodies {
            self.holes_change();
            // The next delta has an entry of this log: only with it does the frontier prove a delivery.
            self.touch(position.log);
            self.output(Output::Filled { position });
        }
        for position in batch.excused.into_iter().filter(|position| !came.contains(position)) {
            self.output(Output::Destroyed { position });
        }
        if !own.is_empty() {
            self.sync.changed(now.mono);
            self.publish(&own, now);
        }
        if came_back {
            // Whoever holds these records said so before they were here: their word is wanted again.
            let peers: Vec<PeerKey> = self.sync.links().map(|(peer, _)| peer).collect();
            peers.into_iter().for_each(|peer| self.sync.want_exchange(peer));
        }
        self.sync.caught_up(&self.replica, &self.frontiers);
    }

    /// Members that hold a record with its body, or know that it need not be there, by their own word.
    pub(super) fn holders(&self, record: &Record) -> Vec<MemberId> {
        let mut holders = self.frontiers.holders(record.position(), record.id());
        holders.retain(|member| self.roster.needs_body(record.header(), *member));
        holders
    }

    /// Follows an own record until all its addressees have it, unless its body has ended.
    pub(super) fn follow(&mut self, record: &Record) {
        let term = Term::of(record);
        if self.lives.erasure_of(&term).is_none() {
            let ends_at = self.lives.expiry(&term).unwrap_or(Time(u64::MAX));
            self.deliveries.follow(record.header(), record.id(), ends_at, &self.others);
        }
    }

    fn answer_author(&mut self, journaled: &Journaled, now: Now) {
        if journaled.idempotency != [0; 32] {
            self.author.remember(journaled.idempotency, remembered(journaled), now.mono);
        }
        if let Some(ticket) = journaled.ticket {
            self.authored(ticket, Ok(recorded(journaled)));
        }
    }

    /// Pushes own records, batched by topic. What is over the quota that the others grant is not pushed at all: they
    /// would check every signature, drop it and pull it.
    fn publish(&mut self, own: &[Arc<Verified>], now: Now) {
        for topic in 0..=2 {
            let records: Vec<&Record> =
                own.iter().map(|v| v.record()).filter(|r| r.header().priority.topic() == topic).collect();
            if !self.admission.admit(self.config.member, topic, records.len(), now.mono) {
                continue;
            }
            let mut open: Vec<&Record> = Vec::new();
            let mut bytes = 0;
            let mut messages = Vec::new();
            for record in records {
                let length = push_len(record) + 8;
                if !open.is_empty()
                    && (bytes + length > PUSH_BYTES_MAX - 64 || open.len() >= PUSH_RECORDS_MAX)
                {
                    messages.extend(encode_push(&open));
                    open.clear();
                    bytes = 0;
                }
                bytes += length;
                open.push(record);
            }
            if !open.is_empty() {
                messages.extend(encode_push(&open));
            }
            for bytes in messages {
                self.output(Output::Publish { topic, bytes });
            }
        }
    }

    /// Deliveries are told only after their evidence is durable.
    fn keep_evidence(&mut self) {
        if self.pending_evidence.is_empty() {
            return;
        }
        let pending = std::mem::take(&mut self.pending_evidence);
        let evidence: Vec<_> = pending.iter().map(|(evidence, _)| evidence.clone()).collect();
        if let Err(error) = self.evidence.append(&mut self.disk, &evidence) {
            self.unproved.extend(pending.iter().flat_map(|(_, proofs)| proofs).map(|proof| proof.member));
            return self.disk_failed(&error);
        }
        for (evidence, proofs) in pending {
            let at = evidence.received_at;
            // Two frontiers of one batch may prove the same: only the first is news.
            for proved in proofs.iter().flat_map(|proof| self.deliveries.prove(proof, at)).collect::<Vec<_>>()
            {
                let Proved { id, position, member } = proved;
                self.output(Output::Delivered { id, position, member, at });
            }
        }
    }

    fn answer_imports(&mut self) {
        for (ticket, counts) in std::mem::take(&mut self.pending_imports) {
            let full = self.room == Room::None;
            let result = if full { Err(AuthorError::Full) } else { Ok(counts) };
            self.output(Output::Imported { ticket, result });
        }
    }

    /// Tells the direct peers what is newly held: a delta for all, a complete frontier for those who missed one.
    fn notify(&mut self, now: Now) -> Result<(), LedgerError> {
        if now.mono < self.delta_at {
            return Ok(());
        }
        if !self.changed.is_empty() || self.holes_changed {
            self.delta_at = now.mono + delta_ms(self.sync.links().count());
            let changed = std::mem::take(&mut self.changed);
            self.holes_changed = false;
            // With too many holes nothing is covered, and afterwards everything again: a delta would say neither.
            let unlisted = self.replica.has_unlisted_holes();
            let all = std::mem::replace(&mut self.covers_nothing, unlisted) || unlisted;
            let delta = self.sign_frontier(if all { None } else { Some(&changed) }, now)?;
            // Its counter is older than the delta's now.
            self.complete = None;
            let peers: Vec<PeerKey> = self.sync.links().map(|(peer, _)| peer).collect();
            for peer in peers {
                match self.sync.may_notify(peer, now.mono) {
                    Some(false) => self.send_notify(peer, delta.as_ref(), now),
                    Some(true) => self.notify_completely(peer, now)?,
                    None => {}
                }
            }
        }
        for peer in self.sync.late(self.replica.forks().newest(), now.mono) {
            match self.sync.may_notify(peer, now.mono) {
                Some(false) => self.send_notify(peer, None, now),
                Some(true) => self.notify_completely(peer, now)?,
                None => {}
            }
        }
        Ok(())
    }

    /// For a peer that missed something: all that is held.
    fn notify_completely(&mut self, peer: PeerKey, now: Now) -> Result<(), LedgerError> {
        let complete = self.complete_frontier(now)?;
        self.send_notify(peer, complete.as_ref(), now);
        Ok(())
    }

    /// A frontier, and the next of the fork proofs that the peer has not been told.
    fn send_notify(&mut self, peer: PeerKey, frontier: Option<&SignedFrontier>, now: Now) {
        let frontiers: Vec<SignedFrontier> = frontier.into_iter().cloned().collect();
        let told = self.sync.forks_told(peer);
        let (numbers, forks): (Vec<u64>, Vec<ForkProof>) = self
            .replica
            .forks()
            .after(told, NOTIFY_FORKS_MAX)
            .map(|(number, proof)| (number, proof.clone()))
            .unzip();
        let bytes = ask::notify(&frontiers, &forks);
        let request = self.sync.notified(peer, numbers.last().copied().unwrap_or(told), now.mono);
        self.output(Output::Ask { peer, request, bytes });
    }

    /// Gives every free peer its next question.
    fn ask_peers(&mut self, now: Now) -> Result<(), LedgerError> {
        let lanes = match self.room {
            Room::Plenty => 4,
            Room::ControlOnly => 1,
            Room::None => 0,
        };
        let peers: Vec<PeerKey> = self.sync.links().map(|(peer, _)| peer).collect();
        for peer in peers {
            let view = View {
                replica: &self.replica,
                frontiers: &self.frontiers,
                over_budget: &self.over_budget,
                mono: now.mono,
                lanes,
            };
            let Some((request, question)) = self.sync.next(peer, &view) else { continue };
            let bytes = match question {
                Ask::Frame(bytes) => bytes,
                Ask::Exchange => self.exchange_frame(peer)?,
            };
            self.output(Output::Ask { peer, request, bytes });
        }
        Ok(())
    }

    fn exchange_frame(&self, peer: PeerKey) -> Result<Vec<u8>, LedgerError> {
        let waits: Vec<MemberId> = self.deliveries.waiting_for().collect();
        let member = self.admitted.get(&peer).map(|(member, _)| *member);
        // An equal digest is no evidence: while something is on its way to this very member, its word is wanted.
        let recovering = self.own_generation().is_none();
        let wants_word = recovering
            || self.asks_time
            || member.is_some_and(|m| waits.contains(&m) || self.frontiers.of(m).is_none());
        let digest = if wants_word { [0; 32] } else { self.holdings()? };
        let third = waits.iter().filter(|m| Some(**m) != member).take(64);
        let known = |m: &MemberId| {
            if self.unproved.contains(m) { Waiting::anything(*m) } else { self.frontiers.waiting(*m) }
        };
        let waiting: Vec<_> = third.map(known).collect();
        Ok(ask::exchange(digest, &waiting))
    }

    /// What is due every ten seconds: old idempotency keys, budgets, clocks.
    pub(super) fn housekeeping(&mut self, now: Now) -> Result<(), LedgerError> {
        // A clock that jumps ahead must not make one message of a client into two: most of the others must agree.
        if let Some(median) = self.frontiers.median_clock(now.wall, self.others.len()) {
            for key in self.author.forget_old(now.wall.min(median), now.mono) {
                self.replica.stage_value(idempotency_name(&key), Vec::new());
            }
        }
        self.seek();
        self.look_after_bodies(now)?;
        self.ask_for_unproved(now);
        let founded = self.roster.charter().drafted_at;
        let admission = &self.admission;
        self.over_budget.retain(|author| admission.is_over_budget(*author, founded, now.wall));
        let skew = self.clock_skew(now).unwrap_or(0);
        let far = skew.unsigned_abs() > CLOCK_SKEW_MS;
        if far && !self.skew_told {
            self.alarm(Alarm::ClockSkew(skew / 1000));
            if let Some(median) = self.frontiers.median_clock(now.wall, self.others.len()) {
                let far = self.frontiers.iter().map(|(m, known)| {
                    let then = known.said_at().after(now.wall.since(known.heard_at()));
                    (m, difference(then, median))
                });
                let far: Vec<_> = far.filter(|(_, ms)| ms.unsigned_abs() > CLOCK_SKEW_MS).collect();
                far.into_iter().for_each(|(m, ms)| self.alarm(Alarm::PeerClockSkew(m, ms / 1000)));
            }
        }
        self.skew_told = far;
        Ok(())
    }

    /// Asks again for words whose evidence could not be written: while nothing changes, nobody says them by themselves.
    fn ask_for_unproved(&mut self, now: Now) {
        if self.unproved.is_empty() || self.room < Room::Plenty {
            return;
        }
        let links: Vec<(PeerKey, MemberId)> = self.sync.links().collect();
        let direct = links.iter().filter(|(_, member)| self.unproved.contains(member));
        direct.for_each(|(peer, _)| self.sync.want_exchange(*peer));
        self.sync.changed(now.mono);
    }

    /// Seeks links with those whose word is waited for since the last time already: in a large network, members that
    /// have no link with a common peer would never hear of each other's frontiers.
    fn seek(&mut self) {
        let linked: BTreeSet<MemberId> = self.sync.links().map(|(_, member)| member).collect();
        let waits: BTreeSet<MemberId> =
            self.deliveries.waiting_for().filter(|member| !linked.contains(member)).collect();
        let members: Vec<MemberId> = waits.intersection(&self.unheard).copied().collect();
        self.unheard = waits;
        if members != self.sought {
            self.sought.clone_from(&members);
            self.output(Output::Seek { members });
        }
    }

    /// Releases a slice of the journal's entries that enough others hold and that can be read back here; soon again
    /// while there is more to do, so that the journal does not grow under load.
    pub(super) fn release_journal(&mut self, now: Now) -> Result<(), LedgerError> {
        let enough = 2.max(self.others.len() / 3 + 1).min(self.others.len());
        let due = self.journal.releasable(self.release_after, RELEASED_MAX);
        // Goes round, so that entries which cannot be released do not hide those behind them.
        self.release_after = due.last().copied().filter(|_| due.len() == RELEASED_MAX);
        let mut released = Vec::new();
        for position in due {
            let Some(record) = self.ledger.record(position)? else { continue };
            let readable = record.body().is_some() || self.ledger.is_excused(position);
            // Of what only some keep, so many as there are.
            let keepers = self.others.iter().filter(|m| self.roster.needs_body(record.header(), **m)).count();
            if readable && self.holders(&record).len() >= enough.min(keepers) {
                released.push(position);
            }
        }
        let pause = if released.len() >= RELEASED_MAX / 4 { RELEASE_MS_MIN } else { RELEASE_MS_MAX };
        self.release_at = now.mono + pause;
        self.journal.release(&released);
        if let Err(error) = self.journal.rewrite_if_due(&mut self.disk) {
            self.disk_failed(&error);
        }
        Ok(())
    }
}

/// How long commits share one delta frontier, in milliseconds. With few links a delivery is told at once; with many,
/// each delta costs as many messages.
fn delta_ms(links: usize) -> u64 {
    (links as u64 * DELTA_MS_PER_LINK).clamp(DELTA_MS_MIN, DELTA_MS_MAX)
}

fn remembered(own: &Journaled) -> Remembered {
    Remembered { recorded: recorded(own), draft: fingerprint_of(own.record.record()) }
}

fn recorded(own: &Journaled) -> Recorded {
    let record = own.record.record();
    let created_at = record.header().created_at;
    Recorded { id: record.id(), position: record.position(), created_at, repeated: false }
}
