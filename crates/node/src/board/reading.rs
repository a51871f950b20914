//! Reading documents for the projections.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use ecomesh_document::Document;
use ecomesh_document::entry::EntryStep;
use ecomesh_document::projection::Place;
use ecomesh_protocol::lives::{Life, Term};
use ecomesh_protocol::{LedgerError, Roster, judge};
use ecomesh_record::{Kind, Lane, Record, RecordId};
use ecomesh_store::LedgerReader;

use super::{Board, Key, is_projected, place_of};
use crate::clock;
use crate::sealing::{Closed, Mail, Unwrapped};
use crate::vault::Locked;
use crate::views::Views;

/// Records that are read between two looks of clients at the projections.
const BATCH: usize = 1024;
/// Threads that read at most, and records from which a further one is worth starting.
const THREADS_MAX: usize = 4;
const RECORDS_PER_THREAD: usize = 64;
/// Headers are looked through in pages of this many.
const PAGE: usize = 1024;
/// What could not be read for a reason of the moment is tried again after this, if nothing comes before.
const AGAIN: Duration = Duration::from_secs(60);
/// Texts that were read are searched once nothing has come for this long.
const QUIET: Duration = Duration::from_secs(1);
/// And after this at the latest, while something always comes: making them searchable costs some milliseconds and a megabyte
/// that the allocator gives back late, however few they are.
const SHOW: Duration = Duration::from_secs(10);
/// After a failure.
const PAUSE: Duration = Duration::from_secs(5);

/// What reading needs.
#[derive(Clone)]
pub(crate) struct Reading {
    pub(crate) board: Arc<Board>,
    pub(crate) mail: Arc<Mail>,
    pub(crate) reader: LedgerReader,
    pub(crate) views: Arc<RwLock<Views>>,
    pub(crate) roster: Roster,
}

/// What a record says, if it says anything.
enum Said {
    Document(Document),
    /// An entry at this place is withdrawn, and erased already.
    Withdrawn(Place, Box<EntryStep>),
    /// Nothing, now and later: it is sealed to others, erased, or no document.
    Nothing,
    /// Its body is missing; it is fetched.
    NotYet,
    /// It is sealed to a group whose key record is not here.
    NoGroupKey(RecordId),
}

/// What was read at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Round {
    /// All there is, after a start or when the node was unlocked.
    Everything,
    /// What came since.
    News,
}

/// What some records came to.
#[derive(Default)]
struct Looked {
    /// Those that need not be looked at again.
    done: Vec<Key>,
    parked: Vec<(Key, RecordId)>,
    documents: Vec<(Place, Document)>,
    /// Places of entries that are erased, and their withdrawals.
    withdrawn: Vec<(Place, Place, Box<EntryStep>)>,
}

impl Reading {
    /// Runs until it is aborted.
    pub(crate) async fn run(self) {
        let mut shown_at = Instant::now();
        loop {
            if self.mail.safe().is_locked() {
                self.board.news.notified().await;
                continue;
            }
            let reading = self.clone();
            match tokio::task::spawn_blocking(move || reading.round()).await {
                Ok(Ok(Round::Everything)) => {
                    self.show().await;
                    shown_at = Instant::now();
                }
                Ok(Ok(Round::News)) => {}
                Ok(Err(error)) => {
                    tracing::warn!(%error, "documents wait to be read");
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
                Err(error) => {
                    tracing::error!(%error, "reading documents failed");
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
            }
            self.rest(&mut shown_at).await;
        }
    }

    /// Waits for news, and has what was read searched when it is time. News are read at once all the same.
    async fn rest(&self, shown_at: &mut Instant) {
        if !self.board.look(|projections| projections.waits(Instant::now())).unwrap_or(false) {
            let _ = tokio::time::timeout(AGAIN, self.board.news.notified()).await;
            *shown_at = Instant::now();
            return;
        }
        let wait = QUIET.min(SHOW.saturating_sub(shown_at.elapsed()));
        let news = tokio::time::timeout(wait, self.board.news.notified()).await;
        if news.is_err() || shown_at.elapsed() >= SHOW {
            self.show().await;
            *shown_at = Instant::now();
        }
    }

    /// From now on the texts that were read are searched.
    async fn show(&self) {
        let board = self.board.clone();
        let shown = tokio::task::spawn_blocking(move || {
            if let Some(projections) = &mut *board.projections.write().unwrap_or_else(PoisonError::into_inner)
            {
                projections.show(Instant::now());
            }
        });
        if let Err(error) = shown.await {
            tracing::error!(%error, "texts cannot be searched");
        }
    }

    /// Reads everything that is unread once.
    fn round(&self) -> Result<Round, LedgerError> {
        let round = if self.board.unread().everything { Round::Everything } else { Round::News };
        if round == Round::Everything {
            self.look_through()?;
            // Only now: after a failure everything is looked through again.
            self.board.unread().everything = false;
        }
        self.forget();
        let mut after = None;
        loop {
            let batch = self.next(after);
            let Some(last) = batch.last() else { return Ok(round) };
            after = Some(*last);
            // What is read here is in memory; who locks the node waits for it.
            let Ok(_in_use) = self.mail.safe().enter() else { return Ok(round) };
            self.read(&batch)?;
            self.forget();
        }
    }

    /// Takes out what was erased or destroyed. After what was read before is in: so nothing slips through between the two.
    fn forget(&self) {
        let forgotten = std::mem::take(&mut self.board.unread().forgotten);
        if forgotten.is_empty() {
            return;
        }
        if let Some(projections) =
            &mut *self.board.projections.write().unwrap_or_else(PoisonError::into_inner)
        {
            forgotten.into_iter().for_each(|id| projections.forget(id));
            projections.stale = true;
        }
    }

    fn next(&self, after: Option<Key>) -> Vec<Key> {
        use std::ops::Bound;
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.board.unread().positions.range((from, Bound::Unbounded)).take(BATCH).copied().collect()
    }

    /// Finds all documents that come to something.
    fn look_through(&self) -> Result<(), LedgerError> {
        for head in self.reader.heads() {
            if head.log.lane == Lane::CONTROL {
                continue;
            }
            let mut next = 0;
            while next <= head.seq {
                let page = self.reader.headers(head.log, next, PAGE)?;
                if page.is_empty() {
                    break;
                }
                next += page.len() as u64;
                let wanted = page.iter().map(|(record, _)| record).filter(|record| {
                    is_projected(record.header().kind, record.header().lane)
                        && judge(&self.roster, record).is_ok()
                });
                self.board.unread().positions.extend(wanted.map(|record| Key::of(record.header())));
            }
        }
        Ok(())
    }

    fn read(&self, batch: &[Key]) -> Result<(), LedgerError> {
        let Ok(parts) = self.looked_at(batch)? else { return Ok(()) };
        let board = &self.board;
        if let Some(projections) = &mut *board.projections.write().unwrap_or_else(PoisonError::into_inner) {
            for (place, document) in parts.iter().flat_map(|part| &part.documents) {
                projections.take(place, document);
            }
            for (entry, place, step) in parts.iter().flat_map(|part| &part.withdrawn) {
                projections.withdrawn.take(entry, place, step);
            }
        }
        let mut unread = board.unread();
        for key in parts.iter().flat_map(|part| &part.done) {
            unread.positions.remove(key);
        }
        let parked = || parts.iter().flat_map(|part| &part.parked);
        for (key, key_record) in parked() {
            unread.positions.remove(key);
            unread.parked.entry(*key_record).or_default().insert(*key);
        }
        drop(unread);
        // One that came meanwhile found nothing that waited for it.
        for (_, key_record) in parked().filter(|(_, key_record)| self.mail.has(*key_record)) {
            board.unpark(*key_record);
        }
        board.read.send_modify(|count| *count += 1);
        Ok(())
    }

    /// What the records of a batch say, in their order. Opening and decoding takes as long as all else: several threads share it.
    fn looked_at(&self, batch: &[Key]) -> Result<Result<Vec<Looked>, Locked>, LedgerError> {
        let threads = std::thread::available_parallelism().map_or(1, usize::from).min(THREADS_MAX);
        let threads = threads.min(batch.len() / RECORDS_PER_THREAD).max(1);
        let parts: Vec<_> = std::thread::scope(|scope| {
            let mut parts = batch.chunks(batch.len().div_ceil(threads).max(1));
            let own = parts.next();
            let others: Vec<_> = parts.map(|part| scope.spawn(|| self.look_at(part))).collect();
            let own = own.map(|part| self.look_at(part));
            let others = others.into_iter().map(|other| match other.join() {
                Ok(looked) => looked,
                Err(panic) => std::panic::resume_unwind(panic),
            });
            own.into_iter().chain(others).collect()
        });
        parts.into_iter().collect()
    }

    fn look_at(&self, keys: &[Key]) -> Result<Result<Looked, Locked>, LedgerError> {
        let mut looked = Looked::default();
        let mut unwrapped = Unwrapped::new();
        for key in keys {
            let Some(record) = self.reader.record(key.position)? else { continue };
            match self.said(&record, &mut unwrapped) {
                Ok(Said::Document(document)) => {
                    looked.documents.extend(place_of(&record).map(|at| (at, document)));
                }
                Ok(Said::Withdrawn(entry, step)) => {
                    looked.withdrawn.extend(place_of(&record).map(|at| (entry, at, step)));
                }
                Ok(Said::Nothing) => {}
                Ok(Said::NotYet) => continue,
                Ok(Said::NoGroupKey(key_record)) => {
                    looked.parked.push((*key, key_record));
                    continue;
                }
                Err(locked) => return Ok(Err(locked)),
            }
            looked.done.push(*key);
        }
        Ok(Ok(looked))
    }

    /// The record of which a document is a step, a withdrawal or a new text, if that was erased.
    fn erased_target(&self, document: &Document) -> Option<Record> {
        let target = match document {
            Document::NoticeStep(step) => Some(step.notice),
            Document::EntryStep(step) => Some(step.entry),
            other => other.replaces(),
        };
        let position = target.and_then(|target| self.reader.find(target.0).ok().flatten())?;
        let (record, _) = self.reader.header(position).ok().flatten()?;
        let views = self.views.read().unwrap_or_else(PoisonError::into_inner);
        (views.lives().life(&Term::of(&record), clock::wall()) == Life::Erased).then_some(record)
    }

    fn said(&self, record: &Record, unwrapped: &mut Unwrapped) -> Result<Said, Locked> {
        let header = record.header();
        let life = {
            let views = self.views.read().unwrap_or_else(PoisonError::into_inner);
            views.lives().life(&Term::of(record), clock::wall())
        };
        if life == Life::Erased || self.reader.is_excused(record.position()) {
            return Ok(Said::Nothing);
        }
        let Some(body) = record.body() else { return Ok(Said::NotYet) };
        let document = if header.audience.is_closed() {
            match self.mail.open_with(record, unwrapped) {
                Ok(plaintext) => Document::decode(header.kind.0, &plaintext),
                Err(Closed::Locked(locked)) => return Err(locked),
                Err(Closed::NoBody) => return Ok(Said::NotYet),
                // Its key record is missing; or only the body of that is, which is fetched.
                Err(Closed::NoGroupKey) => {
                    let missing = header.audience.key_record().filter(|id| !self.mail.has(*id));
                    return Ok(missing.map_or(Said::NotYet, Said::NoGroupKey));
                }
                Err(_) => return Ok(Said::Nothing),
            }
        } else {
            Document::decode(header.kind.0, body.content())
        };
        // What speaks of a record that was erased would wait for it for ever.
        if let Ok(document) = &document
            && let Some(erased) = self.erased_target(document)
        {
            // That an entry was withdrawn is told for as long as that is known, without anything that it said.
            let is_entry = matches!(erased.header().kind, Kind::ENTRY | Kind::ENTRY_BATCH)
                && judge(&self.roster, &erased).is_ok();
            return Ok(match (document, place_of(&erased).filter(|_| is_entry)) {
                (Document::EntryStep(step), Some(entry)) => Said::Withdrawn(entry, step.clone()),
                _ => Said::Nothing,
            });
        }
        Ok(document.map_or_else(
            |error| {
                tracing::debug!(id = %record.id().short(), kind = header.kind.0, %error, "a record says nothing");
                Said::Nothing
            },
            Said::Document,
        ))
    }
}
