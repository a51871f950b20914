//! Records, frontiers and fork proofs that come in, by push, by pull and by import.

use std::sync::Arc;

use ecomesh_record::{Body, ForkProof, Kind, LogId, Position, Record, RecordId};

use super::Core;
use super::bodies::is_about_bodies;
use crate::disk::Disk;
use crate::evidence::Evidence;
use crate::frontiers::Taken;
use crate::io::{Alarm, Imported, Now, Output, PeerKey, PushVerdict};
use crate::ledger::{Ledger, LedgerError, Room};
use crate::replica::Receipt;
use crate::sync::{Assembled, Want};
use crate::verify::{KeyRing, Verified, VerifiedFrontier, verify_record};
use crate::wire::{Answer, PushReport};

impl<L: Ledger, D: Disk> Core<L, D> {
    pub(super) fn pushed(
        &mut self,
        token: u64,
        from: PeerKey,
        report: PushReport,
        now: Now,
    ) -> Result<(), LedgerError> {
        let (blamed, deferred) = (report.blame.is_some(), report.deferred > 0);
        if let Some(reason) = &report.blame {
            self.blame(from, reason, now);
        }
        let admitted = self.room == Room::Plenty && self.within_quota(&report, now);
        let mut news = false;
        if admitted {
            for record in report.records {
                news |= self.receive(Some(from), record, now)? != Receipt::Known;
            }
        }
        let verdict = match (blamed, news && !deferred) {
            (true, _) => PushVerdict::Reject,
            (false, true) => PushVerdict::Accept,
            (false, false) => PushVerdict::Ignore,
        };
        self.output(Output::Verdict { token, verdict });
        Ok(())
    }

    /// A message holds records of one author.
    fn within_quota(&mut self, report: &PushReport, now: Now) -> bool {
        let Some(first) = report.records.first() else { return false };
        let author = first.record().header().author;
        self.admission.admit(author, report.topic, report.records.len(), now.mono)
    }

    /// Takes one verified record, wherever it comes from.
    fn receive(
        &mut self,
        source: Option<PeerKey>,
        verified: Verified,
        now: Now,
    ) -> Result<Receipt, LedgerError> {
        if !self.is_verified_by_its_key(&verified) {
            // The ring has changed since the pool looked: it comes again by pull.
            return Ok(Receipt::Early);
        }
        // What ended is not taken in again, whoever serves it.
        let excused = self.is_excused(verified.record(), now);
        let was_hole = self.replica.is_hole(verified.record().id());
        let record = Arc::new(if excused { verified.without_body() } else { verified });
        let receipt = self.replica.receive(&self.ledger, record.clone(), now.wall, excused)?;
        let position = record.record().position();
        if receipt == Receipt::Early {
            self.learn_about_bodies(&record, false, now)?;
        }
        if was_hole && !self.replica.is_hole(record.record().id()) {
            self.learn_about_bodies(&record, true, now)?;
        }
        match &receipt {
            Receipt::Staged(_) | Receipt::Known => self.learn_key(&record),
            Receipt::Early => self.sync.hurry(position.log),
            Receipt::Forks(proof) => self.take_fork((**proof).clone(), now),
            Receipt::Parts => {
                if let (Some(peer), Some(below)) = (source, position.seq.checked_sub(1)) {
                    self.sync.want_bisection(peer, position.log, below);
                }
            }
            Receipt::WantsBody => {
                if let Some(peer) = source {
                    self.sync.want_body(peer, record);
                }
            }
            Receipt::Disputed => {}
        }
        self.check_own_history(position.log, &receipt, now);
        Ok(receipt)
    }

    /// An own record of the current generation that comes from outside was written by nobody here: the own history
    /// is not what this node thinks, so it goes on in the next generation.
    fn check_own_history(&mut self, log: LogId, receipt: &Receipt, now: Now) {
        let own = log.author == self.config.member;
        let current = self.own_generation().is_some_and(|generation| log.generation >= generation);
        if own && current && !matches!(receipt, Receipt::Known) {
            self.recover(now);
        }
    }

    pub(super) fn is_verified_by_its_key(&self, verified: &Verified) -> bool {
        let header = verified.record().header();
        match self.ring.key(header.author, header.generation) {
            Some(key) => key == verified.key(),
            // A record that opens its generation; the pool checked that it names an older key.
            None => header.seq == 0 && header.kind.is_control(),
        }
    }

    /// A record that opens a generation brings its key.
    pub(super) fn learn_key(&mut self, record: &Verified) {
        if !self.ring.would_learn(record) {
            return;
        }
        let mut ring = (*self.ring).clone();
        if ring.learn(record) {
            self.publish_keys(ring);
        }
    }

    /// So does the proof that two records open it.
    fn learn_forked_key(&mut self, proof: &ForkProof) {
        let log = proof.position().log;
        if self.ring.key(log.author, log.generation).is_some() {
            return;
        }
        let mut ring = (*self.ring).clone();
        if ring.learn_fork(proof) {
            self.publish_keys(ring);
        }
    }

    /// What a record says that came without its body counts once that is here: a record that opens a generation brings its
    /// key, others say how long bodies live.
    fn learn_filled(&mut self, record: Record, now: Now) -> Result<(), LedgerError> {
        let header = record.header();
        let brings_key =
            header.kind == Kind::LOG_OPEN && self.ring.key(header.author, header.generation).is_none();
        if (brings_key || is_about_bodies(header.kind))
            && let Ok(verified) = verify_record(&self.ring, record)
        {
            self.learn_key(&verified);
            self.learn_about_bodies(&Arc::new(verified), true, now)?;
        }
        Ok(())
    }

    fn publish_keys(&mut self, ring: KeyRing) {
        self.ring = Arc::new(ring);
        self.output(Output::Keys(self.ring.clone()));
    }

    pub(super) fn take_fork(&mut self, proof: ForkProof, now: Now) {
        let log = proof.position().log;
        if !self.replica.dispute(proof.clone()) {
            return;
        }
        self.learn_forked_key(&proof);
        self.touch(log);
        self.output(Output::Forked(proof));
        if log.author == self.config.member && Some(log.generation) == self.own_generation() {
            self.recover(now);
        }
    }

    /// Takes a member's frontier, its own or passed on.
    pub(super) fn take_frontier(
        &mut self,
        source: Option<PeerKey>,
        frontier: &VerifiedFrontier,
        now: Now,
    ) -> Result<(), LedgerError> {
        let member = frontier.frontier().member;
        if member == self.config.member {
            return Ok(());
        }
        let own_word = |peer: &PeerKey| self.admitted.get(peer).is_some_and(|(m, _)| *m == member);
        let direct = source.filter(own_word);
        let taken = self.frontiers.take(frontier, direct.is_some(), now.wall);
        if taken == Taken::Contradicts {
            if let Some(peer) = direct {
                self.blame(peer, "two frontiers with one counter", now);
            }
            return Ok(());
        }
        if frontier.frontier().complete {
            self.unproved.remove(&member);
        }
        // An old word proves too: its evidence may have failed to be written, or the record was not here yet.
        let proofs = self.deliveries.proofs(frontier, |place| self.own_id_at(place))?;
        if !proofs.is_empty() {
            let evidence = Evidence { received_at: now.wall, frontier: frontier.signed().clone() };
            self.pending_evidence.push((evidence, proofs));
        }
        if taken == Taken::Old {
            return Ok(());
        }
        if let Some(peer) = source {
            self.look_for_parting(peer, frontier)?;
        }
        let ends = |log| self.replica.staged_end(log).next;
        if frontier.frontier().entries.iter().any(|entry| entry.seq >= ends(entry.log)) {
            self.sync.changed(now.mono);
        }
        Ok(())
    }

    /// The id of the durable record at a place.
    pub(super) fn own_id_at(&self, place: Position) -> Result<Option<RecordId>, LedgerError> {
        let end = self.replica.durable_end(place.log);
        if place.seq >= end.next {
            return Ok(None);
        }
        if place.seq + 1 == end.next {
            return Ok(Some(end.head));
        }
        Ok(self.ledger.headers(place.log, place.seq, 1)?.first().map(Record::id))
    }

    /// A complete frontier whose id at some place is not ours shows that a log parts at or below it.
    fn look_for_parting(&mut self, peer: PeerKey, frontier: &VerifiedFrontier) -> Result<(), LedgerError> {
        if !frontier.frontier().complete {
            return Ok(());
        }
        for entry in &frontier.frontier().entries {
            let end = self.replica.durable_end(entry.log);
            let disputed = self.replica.disputed_from(entry.log).is_some_and(|from| from <= entry.seq);
            if disputed || entry.seq >= end.next {
                continue;
            }
            let own = if entry.seq + 1 == end.next {
                Some(end.head)
            } else {
                self.ledger.record(entry.log.at(entry.seq))?.map(|record| record.id())
            };
            if own.is_some_and(|own| own != entry.head) {
                self.sync.want_bisection(peer, entry.log, entry.seq);
            }
        }
        Ok(())
    }

    pub(super) fn answered(
        &mut self,
        peer: PeerKey,
        request: u64,
        answer: Result<Answer, String>,
        now: Now,
    ) -> Result<(), LedgerError> {
        let Some(want) = self.sync.landed(peer, request, now.mono, true) else { return Ok(()) };
        let answer = match answer {
            Ok(answer) => answer,
            Err(reason) => {
                self.sync.left_empty(peer, &want, now.mono);
                self.blame(peer, &reason, now);
                return Ok(());
            }
        };
        match (&want, answer) {
            (Want::Exchange, Answer::Exchange { frontier, third }) => {
                if let Some((member, _)) = self.admitted.get(&peer) {
                    self.asked_for_history.insert(*member);
                }
                for one in frontier.into_iter().chain(third) {
                    self.take_frontier(Some(peer), &one, now)?;
                }
            }
            (Want::Page(log, from), Answer::Page { records }) if !is_page_of(&records, *log, *from) => {
                self.sync.left_empty(peer, &want, now.mono);
                self.blame(peer, "a page that does not begin where it was asked, or has a gap", now);
            }
            (Want::Page(log, _), Answer::Page { records }) => {
                let before = self.replica.staged_end(*log);
                for record in records {
                    self.receive(Some(peer), record, now)?;
                }
                if self.replica.staged_end(*log) == before && !self.sync.is_assembling(*log) {
                    self.sync.left_empty(peer, &want, now.mono);
                }
            }
            (Want::Slice(id), Answer::Slice { offset, total, bytes }) => {
                self.take_slice(peer, *id, (offset, total), &bytes, now)?;
            }
            (Want::Bodies(_), Answer::Bodies { bodies }) => {
                for (id, bytes) in bodies {
                    self.take_body(peer, id, &bytes, now)?;
                }
            }
            (Want::Header(position), Answer::Header { record }) => {
                let ours = self.ledger.header_hash(*position)?;
                let theirs = record.filter(|record| record.record().position() == *position);
                let theirs = theirs.map(|r| (r.record().hash(), *r.record().signature()));
                let both = ours.zip(theirs);
                let proof = both.and_then(|(ours, theirs)| ForkProof::new(*position, ours, theirs));
                self.sync.bisected(*position, proof.as_ref(), both.is_some());
                proof.into_iter().for_each(|proof| self.take_fork(proof, now));
            }
            (Want::Slice(_) | Want::Bodies(_), Answer::Erased { records }) => {
                self.sync.left_empty(peer, &want, now.mono);
                self.take_erasures(records, now)?;
            }
            (Want::Notify, Answer::Taken) => self.sync.notification_taken(peer),
            (_, Answer::Unavailable) => self.sync.left_empty(peer, &want, now.mono),
            _ => {
                self.sync.left_empty(peer, &want, now.mono);
                self.blame(peer, "an answer to another question", now);
            }
        }
        Ok(())
    }

    fn take_slice(
        &mut self,
        peer: PeerKey,
        id: RecordId,
        (offset, total): (u32, u32),
        bytes: &[u8],
        now: Now,
    ) -> Result<(), LedgerError> {
        match self.sync.assembled(id, offset, total, bytes) {
            Err(reason) => self.blame(peer, reason, now),
            Ok(None) => {}
            Ok(Some(Assembled { record, body })) => {
                let whole = Body::decode(&body)
                    .map_err(|e| e.to_string())
                    .and_then(|b| (*record).clone().attach(self.network, b).map_err(|e| e.to_string()));
                match whole {
                    Ok(record) => {
                        self.receive(Some(peer), record, now)?;
                    }
                    Err(reason) => self.blame(peer, &reason, now),
                }
            }
        }
        Ok(())
    }

    /// A body for a hole: it must be the one that the header here commits to.
    fn take_body(&mut self, peer: PeerKey, id: RecordId, bytes: &[u8], now: Now) -> Result<(), LedgerError> {
        let Some(position) = self.ledger.find(id)? else { return Ok(()) };
        let Some(mut record) = self.ledger.record(position)? else { return Ok(()) };
        let fits = Body::decode(bytes).ok().filter(|b| record.attach(self.network, b.clone()).is_ok());
        match fits {
            Some(body) => {
                self.replica.fill(position, id, body);
                self.learn_filled(record, now)?;
            }
            None => self.blame(peer, "a body that its header does not commit to", now),
        }
        Ok(())
    }

    /// What is missing is told in the frontier and fetched again.
    pub(super) fn body_missing(&mut self, id: RecordId) {
        if self.is_no_loss(id) {
            return;
        }
        if self.replica.mark_hole(id) {
            self.holes_change();
            if !self.fill_from_journal(id) {
                self.alarm(Alarm::Holes(self.replica.holes().len()));
            }
        }
    }

    pub(super) fn import(
        &mut self,
        ticket: u64,
        records: Vec<Verified>,
        refused: u64,
        now: Now,
    ) -> Result<(), LedgerError> {
        let mut counts = Imported { refused, ..Imported::default() };
        for record in records {
            match self.receive(None, record, now)? {
                Receipt::Staged(_) => counts.new += 1,
                Receipt::Known => counts.known += 1,
                Receipt::Early | Receipt::WantsBody => counts.early += 1,
                Receipt::Forks(_) | Receipt::Parts | Receipt::Disputed => counts.refused += 1,
            }
        }
        self.pending_imports.push((ticket, counts));
        Ok(())
    }
}

/// Whether records stand one behind the other in a log, from the place on that was asked for.
fn is_page_of(records: &[Verified], log: LogId, from: u64) -> bool {
    records.iter().zip(from..).all(|(record, seq)| record.record().position() == log.at(seq))
}
