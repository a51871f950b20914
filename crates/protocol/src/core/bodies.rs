//! What becomes of bodies: hidden when they are erased or expire, later destroyed, told, and wanted again.

use std::collections::BTreeSet;
use std::sync::Arc;

use ecomesh_record::limits::HOLES_MAX;
use ecomesh_record::{Kind, Lane, LogId, MemberId, Position, Record, RecordFrame, RecordId, Time};
use sha2::{Digest, Sha256};

use super::{Core, Journaled};
use crate::author::idempotency_name;
use crate::disk::Disk;
use crate::erasure::{ERASED_MAX, Erased};
use crate::io::{AuthorError, Draft, Now, Output, PeerKey, Recorded};
use crate::judge::judge;
use crate::ledger::{Ledger, LedgerError};
use crate::lives::{
    Life, Lives, Stage, Term, decode_frame, erasure_name, erasure_value, frame_of_value, is_erasable,
};
use crate::verify::Verified;

/// The ticket of the node's own word that it has destroyed bodies: no client has it.
pub(super) const TOLD_TICKET: u64 = u64::MAX;
/// How often that is told, in milliseconds: once a day.
const TELL_MS: u64 = 24 * 60 * 60 * 1000;
/// Erasures that are carried out at once.
const DUE_MAX: usize = 4;
/// Headers that are looked at in one step of a walk over all logs.
const STEP: usize = 512;
/// About so many bytes are destroyed in one step: more would hold up the core, whose store removes them in small batches.
const BYTES_STEP: u64 = 4 * 1024 * 1024;
/// Holes that are looked at in one step.
const HOLES_STEP: usize = 128;
/// A walk begins so long after the one before, in milliseconds: 6 hours.
const WALK_MS: u64 = 6 * 60 * 60 * 1000;
/// And the first one so long after the start: a minute, in which the peers say what time it is.
const FIRST_WALK_MS: u64 = 60 * 1000;

/// A walk over all logs that looks for bodies whose time is over, slow enough to cost nothing.
#[derive(Debug)]
pub(super) struct Walk {
    /// When the next one begins, on the monotonic clock.
    at: u64,
    /// Where it goes on.
    next: Option<Position>,
}

impl Walk {
    pub(super) fn new(mono: u64) -> Self {
        Self { at: mono + FIRST_WALK_MS, next: None }
    }
}

/// What is to be done about one body.
enum Step {
    /// It is over, and here.
    Destroy,
    /// It is not here, and is needed.
    Want,
}

impl<L: Ledger, D: Disk> Core<L, D> {
    /// The median of the others' clocks, moved on by the time since; `None` while too few have said what time it is.
    fn median(&self, now: Now) -> Option<Time> {
        self.frontiers.median_clock(now.wall, self.others.len())
    }

    /// The time on which clocks agree: the lower of the own one and of that median. One wrong clock destroys nothing.
    pub(super) fn agreed(&self, now: Now) -> Option<Time> {
        Some(now.wall.min(self.median(now)?))
    }

    /// What is to be shown of a record's body. While too few others have said what time it is, the own clock alone hides.
    pub(super) fn life(&self, record: &Record, now: Now) -> Life {
        let term = Term::of(record);
        match self.lives.life(&term, now.wall) {
            // The agreed time is never later than the own, so that only what has expired by that is asked for it.
            Life::Expired => self.lives.life(&term, self.agreed(now).unwrap_or(now.wall)),
            other => other,
        }
    }

    /// Whether a record is to be held without its body. One that only addressees need is, where this bureau is none of
    /// them. One that comes with it keeps it unless both clocks say that its time
    /// is over. One that comes without it, or has lost it, is measured by the others' clocks: they serve it no more, and an
    /// own clock that runs behind would wait for it for ever; one that runs ahead must not excuse what the others have.
    pub(super) fn is_excused(&self, record: &Record, now: Now) -> bool {
        if !self.roster.needs_body(record.header(), self.config.member) {
            return true;
        }
        let term = Term::of(record);
        // Nearly all is living: only what has a chance to be over is worth a look at all clocks.
        if record.body().is_some() && self.lives.life(&term, now.wall) == Life::Living {
            return false;
        }
        let time = if record.body().is_some() { self.agreed(now) } else { self.median(now) };
        self.lives.life(&term, time.unwrap_or(Time(0))) != Life::Living
    }

    /// A record as others may get it: without its body if that is hidden.
    pub(super) fn shown(&self, record: Record, now: Now) -> Record {
        if self.life(&record, now) == Life::Living { record } else { record.without_body() }
    }

    /// Whether nobody need be asked for the body of this record: it is gone by right (whoever missed it read it while it was
    /// destroyed), or it was erased, so that nobody gives it.
    pub(super) fn is_no_loss(&mut self, id: RecordId) -> bool {
        let Ok(Some(position)) = self.ledger.find(id) else { return false };
        if self.ledger.is_excused(position) {
            return true;
        }
        let Ok(Some(record)) = self.header_at(position) else { return false };
        let erased = self.lives.erasure_of(&Term::of(&record)).is_some();
        if erased {
            self.replica.excuse(position, id);
        }
        erased
    }

    /// Takes the lost body of an own record from the journal, which has it until enough others do: of what is for few, nobody
    /// else may have it. Whether it was there.
    pub(super) fn fill_from_journal(&mut self, id: RecordId) -> bool {
        let Ok(Some(position)) = self.place_of(self.config.member, id) else { return false };
        let body = match self.journal.body(&mut self.disk, position) {
            Ok(body) => body,
            Err(error) => {
                self.disk_failed(&error);
                None
            }
        };
        let is_there = body.is_some();
        body.into_iter().for_each(|body| self.replica.fill(position, id, body));
        is_there
    }

    /// Learns what the staged control records say of bodies, so that it becomes durable together with them.
    pub(super) fn learn_staged(&mut self, now: Now) -> Result<(), LedgerError> {
        let staged = self.replica.staged().records.iter().map(|new| &new.record);
        let about = |record: &&Arc<Verified>| is_about_bodies(record.record().header().kind);
        for record in staged.filter(about).cloned().collect::<Vec<_>>() {
            self.learn_about_bodies(&record, true, now)?;
        }
        Ok(())
    }

    /// Learns what a control record says of bodies. An erasure counts by its signature alone, wherever it stands.
    pub(super) fn learn_about_bodies(
        &mut self,
        record: &Arc<Verified>,
        in_chain: bool,
        now: Now,
    ) -> Result<(), LedgerError> {
        let written = record.record();
        if !is_about_bodies(written.header().kind) || judge(&self.roster, written).is_err() {
            return Ok(());
        }
        match written.header().kind {
            Kind::ERASE => self.learn_erasure(record, in_chain, now),
            Kind::EXTEND if in_chain => self.learn_extension(written, now),
            _ => Ok(()),
        }
    }

    fn learn_erasure(&mut self, record: &Arc<Verified>, in_chain: bool, now: Now) -> Result<(), LedgerError> {
        let id = record.record().id();
        let was_known = self.lives.erasure(id).is_some();
        // The hold begins at the later time: a clock that runs behind must not cut it short.
        let seen_at = self.median(now).map_or(now.wall, |median| now.wall.max(median));
        let Some((name, value)) = self.lives.learn(record.record(), seen_at, in_chain) else { return Ok(()) };
        self.replica.stage_value(name, value);
        if was_known {
            return Ok(());
        }
        let author = record.record().header().author;
        let targets = self.lives.erasure(id).map(|erasure| erasure.targets.clone()).unwrap_or_default();
        self.replica.forget_early(author, &targets);
        for target in targets {
            let Some(position) = self.place_of(author, target)? else { continue };
            if !self.is_erasable_at(position)? {
                continue;
            }
            if author == self.config.member {
                self.deliveries.withdraw(position);
            }
            if self.replica.is_hole(target) {
                self.replica.excuse(position, target);
                self.holes_change();
            }
        }
        self.output(Output::Erased { record: record.clone(), seen_at });
        Ok(())
    }

    fn learn_extension(&mut self, written: &Record, now: Now) -> Result<(), LedgerError> {
        let Some((name, value)) = self.lives.learn(written, now.wall, true) else { return Ok(()) };
        self.replica.stage_value(name, value);
        let extend = written.body().map(|body| crate::erasure::Extend::decode(body.content()));
        let Some(Ok(extend)) = extend else { return Ok(()) };
        for target in extend.targets() {
            let Some(position) = self.place_of(written.header().author, *target)? else { continue };
            let Some(record) = self.header_at(position)? else { continue };
            if let Some(ends_at) = self.lives.expiry(&Term::of(&record)) {
                self.deliveries.extend(position, ends_at);
            }
            if matches!(self.step(&record, None, now), Some(Step::Want)) {
                self.replica.want(position, *target);
                self.holes_change();
            }
        }
        Ok(())
    }

    /// Where a record of this author stands, if it is durable here.
    fn place_of(&self, author: MemberId, id: RecordId) -> Result<Option<Position>, LedgerError> {
        Ok(self.ledger.find(id)?.filter(|position| position.log.author == author))
    }

    fn header_at(&self, position: Position) -> Result<Option<Record>, LedgerError> {
        let found = self.ledger.headers(position.log, position.seq, 1)?.pop();
        Ok(found.filter(|record| record.position() == position))
    }

    fn is_erasable_at(&self, position: Position) -> Result<bool, LedgerError> {
        Ok(self.header_at(position)?.is_some_and(|record| is_erasable(record.header().kind)))
    }

    /// Stages how far this node is with an erasure.
    fn stage_stage(&mut self, id: RecordId) -> Result<(), LedgerError> {
        let Some(erasure) = self.lives.erasure(id) else { return Ok(()) };
        if let Some(frame) = self.ledger.value(&erasure_name(id))?.as_deref().and_then(frame_of_value) {
            let value = erasure_value(erasure, frame);
            self.replica.stage_value(erasure_name(id), value);
        }
        Ok(())
    }

    /// The erasures of these records, as they prove it to others.
    pub(super) fn erasures_of(&self, ids: &[RecordId]) -> Result<Vec<RecordFrame>, LedgerError> {
        let mut by = BTreeSet::new();
        for id in ids {
            let Some(position) = self.ledger.find(*id)? else { continue };
            let Some(record) = self.header_at(position)? else { continue };
            by.extend(self.lives.erasure_of(&Term::of(&record)).map(|(by, _)| by));
        }
        let mut frames = Vec::new();
        for id in by {
            let value = self.ledger.value(&erasure_name(id))?;
            frames.extend(value.as_deref().and_then(frame_of_value).and_then(decode_frame));
        }
        Ok(frames)
    }

    /// A peer answers that bodies were erased, and shows the erasures.
    pub(super) fn take_erasures(&mut self, records: Vec<Verified>, now: Now) -> Result<(), LedgerError> {
        for record in records {
            if self.is_verified_by_its_key(&record) {
                self.learn_about_bodies(&Arc::new(record), false, now)?;
            }
        }
        Ok(())
    }

    /// Carries out what is due, goes on with the walk, and tells the others once a day what was destroyed.
    pub(super) fn look_after_bodies(&mut self, now: Now) -> Result<(), LedgerError> {
        let agreed = self.agreed(now);
        self.ask_time(agreed, now);
        if let Some(agreed) = agreed {
            self.deliveries.forget_expired(agreed);
            let mut bytes = 0;
            for id in self.lives.due(agreed, DUE_MAX) {
                bytes += self.carry_out(id)?;
                if bytes >= BYTES_STEP {
                    break;
                }
            }
            if bytes == 0 {
                self.walk(agreed, now)?;
            }
            self.excuse_ended_holes(now)?;
        }
        self.tell_destroyed(now);
        Ok(())
    }

    /// In a quiet network nobody says by himself what time it is.
    fn ask_time(&mut self, agreed: Option<Time>, now: Now) {
        let due = now.mono >= self.walk.at || !self.lives.due(now.wall, 1).is_empty();
        self.asks_time = agreed.is_none() && due;
        if self.asks_time {
            let peers: Vec<PeerKey> = self.sync.links().map(|(peer, _)| peer).collect();
            peers.into_iter().for_each(|peer| self.sync.want_exchange(peer));
        }
    }

    /// Destroys what an erasure names; how many bytes. If the journal cannot be written, it is tried again.
    fn carry_out(&mut self, id: RecordId) -> Result<u64, LedgerError> {
        let Some(erasure) = self.lives.erasure(id) else { return Ok(0) };
        let (author, targets) = (erasure.author, erasure.targets.clone());
        let mut here = Vec::new();
        let mut bytes = 0;
        for target in targets {
            let Some(position) = self.place_of(author, target)? else { continue };
            let Some(record) = self.header_at(position)?.filter(|r| is_erasable(r.header().kind)) else {
                continue;
            };
            bytes += u64::from(record.header().body_len);
            here.push((position, target));
        }
        if !self.destroy(here) {
            return Ok(0);
        }
        self.lives.reach(id, Stage::Destroyed);
        self.stage_stage(id)?;
        Ok(bytes)
    }

    /// Stages that bodies are destroyed; those of own records leave the journal first. Returns whether that went well.
    fn destroy(&mut self, here: Vec<(Position, RecordId)>) -> bool {
        let mut here = here;
        here.retain(|(position, _)| !self.ledger.is_excused(*position));
        let own: BTreeSet<Position> =
            here.iter().map(|(p, _)| *p).filter(|p| p.log.author == self.config.member).collect();
        if !own.is_empty()
            && let Err(error) = self.journal.strip(&mut self.disk, &own)
        {
            self.disk_failed(&error);
            return false;
        }
        for (position, id) in here {
            // A retry of so old a request makes a new record; what it said must not be guessed from what is kept of it.
            if position.log.author == self.config.member {
                let keys = self.author.forget_record(id);
                keys.iter().for_each(|key| self.replica.stage_value(idempotency_name(key), Vec::new()));
            }
            if self.replica.is_hole(id) {
                self.holes_change();
            }
            self.replica.excuse(position, id);
        }
        true
    }

    /// Own records from the journal of a store that was lost lose their bodies before they come into the new one, if these
    /// were to be destroyed meanwhile.
    pub(super) fn strip_journaled(&mut self) {
        let over = |own: &Journaled| {
            let erasure = self.lives.erasure_of(&Term::of(own.record.record()));
            own.record.record().body().is_some() && erasure.is_some_and(|(_, e)| e.stage > Stage::Held)
        };
        let own: BTreeSet<Position> =
            self.journaled.iter().filter(|(_, own)| over(own)).map(|(position, _)| *position).collect();
        if own.is_empty() {
            return;
        }
        if let Err(error) = self.journal.strip(&mut self.disk, &own) {
            return self.disk_failed(&error);
        }
        for position in own {
            if let Some(own) = self.journaled.get_mut(&position) {
                own.record = Arc::new(Verified::clone(&own.record).without_body());
            }
        }
    }

    /// One step of the walk over all logs.
    fn walk(&mut self, agreed: Time, now: Now) -> Result<(), LedgerError> {
        if self.walk.next.is_none() && now.mono < self.walk.at {
            return Ok(());
        }
        let from = self.walk.next.take();
        if from.is_none() {
            self.walk.at = now.mono + WALK_MS;
        }
        let Some(from) = from.or_else(|| self.log_after(None).map(|log| log.at(0))) else { return Ok(()) };
        let headers = self.ledger.headers(from.log, from.seq, STEP)?;
        self.walk.next = match headers.last() {
            Some(last) if headers.len() == STEP => Some(from.log.at(last.position().seq + 1)),
            _ => self.log_after(Some(from.log)).map(|log| log.at(0)),
        };
        let (mut over, mut bytes) = (Vec::new(), 0);
        for record in headers {
            let (position, id) = (record.position(), record.id());
            if bytes >= BYTES_STEP {
                self.walk.next = Some(position);
                break;
            }
            match self.step(&record, Some(agreed), now) {
                Some(Step::Destroy) => {
                    bytes += u64::from(record.header().body_len);
                    over.push((position, id));
                }
                // More than a frontier lists would make it cover nothing: the rest is for the next walk.
                Some(Step::Want) if self.replica.holes().len() >= HOLES_MAX / 2 => {}
                Some(Step::Want) => {
                    self.replica.want(position, id);
                    self.holes_change();
                }
                None => {}
            }
        }
        self.destroy(over);
        Ok(())
    }

    /// Holes whose time is over need not be filled: nobody serves them any more.
    fn excuse_ended_holes(&mut self, now: Now) -> Result<(), LedgerError> {
        for id in self.replica.holes().into_iter().take(HOLES_STEP) {
            let Some(position) = self.ledger.find(id)? else { continue };
            let Some(record) = self.header_at(position)? else { continue };
            if self.is_excused(&record, now) {
                self.replica.excuse(position, id);
                self.holes_change();
            }
        }
        Ok(())
    }

    /// The next log with bodies that can end.
    fn log_after(&self, log: Option<LogId>) -> Option<LogId> {
        self.replica.logs().find(|next| log.is_none_or(|log| *next > log) && next.lane != Lane::CONTROL)
    }

    /// What is to be done about a body; it is destroyed only by an agreed time.
    fn step(&self, record: &Record, agreed: Option<Time>, now: Now) -> Option<Step> {
        let term = Term::of(record);
        let excused = self.ledger.is_excused(record.position());
        if excused {
            let wanted = self.roster.needs_body(record.header(), self.config.member)
                && self.lives.life(&term, self.median(now).unwrap_or(now.wall)) == Life::Living;
            return wanted.then_some(Step::Want);
        }
        agreed.filter(|agreed| self.lives.is_over(&term, *agreed)).map(|_| Step::Destroy)
    }

    /// What an erasure names and erases. Of what is not here nobody knows better.
    fn erased_by(&self, id: RecordId) -> Vec<RecordId> {
        let Some(erasure) = self.lives.erasure(id) else { return Vec::new() };
        let is_erased = |target: &RecordId| match self.place_of(erasure.author, *target) {
            Ok(Some(position)) => self.is_erasable_at(position).unwrap_or(false),
            Ok(None) | Err(_) => true,
        };
        erasure.targets.iter().copied().filter(is_erased).collect()
    }

    fn tell_destroyed(&mut self, now: Now) {
        if now.mono < self.tell_at || self.own_generation().is_none() {
            return;
        }
        let erasures = self.lives.untold(ERASED_MAX);
        let targets: Vec<RecordId> = erasures.iter().flat_map(|id| self.erased_by(*id)).collect();
        if targets.is_empty() {
            return self.reach_told(erasures);
        }
        let Ok(erased) = Erased::new(targets) else { return };
        let Ok(content) = erased.encode() else { return };
        let salt = Sha256::new()
            .chain_update(self.config.boot_nonce)
            .chain_update(self.config.seed.to_be_bytes())
            .chain_update(now.wall.0.to_be_bytes())
            .finalize();
        self.telling = erasures;
        // Tried again tomorrow, whatever becomes of it; what does not fit into one record, at once.
        self.tell_at = now.mono + TELL_MS;
        self.submit(TOLD_TICKET, Box::new(Draft::control(Kind::ERASED, content, salt.into())), now);
    }

    /// The own word is durable, or was not taken.
    pub(super) fn told(&mut self, result: &Result<Recorded, AuthorError>) {
        let told = std::mem::take(&mut self.telling);
        if result.is_err() {
            self.tell_at = 0;
            return;
        }
        self.reach_told(told);
        if !self.lives.untold(ERASED_MAX).is_empty() {
            self.tell_at = 0;
        }
    }

    fn reach_told(&mut self, erasures: Vec<RecordId>) {
        for id in erasures {
            self.lives.reach(id, Stage::Told);
            let staged = self.stage_stage(id);
            self.check(staged);
        }
    }

    /// Whether it will soon tell the others that it has destroyed something.
    pub fn is_about_to_tell(&self, now: Now) -> bool {
        now.mono >= self.tell_at && !self.lives.untold(ERASED_MAX).is_empty()
    }

    /// All that is known of how long bodies live.
    pub fn lives(&self) -> &Lives {
        &self.lives
    }

    /// The holes that are told have changed.
    pub(super) fn holes_change(&mut self) {
        self.holes_changed = true;
        self.complete = None;
    }
}

pub(super) fn is_about_bodies(kind: Kind) -> bool {
    matches!(kind, Kind::ERASE | Kind::EXTEND)
}
