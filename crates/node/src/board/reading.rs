//! Reading documents for the projections.

use std::collections::VecDeque;
use std::ops::RangeInclusive;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use ecomesh_document::entry::EntryStep;
use ecomesh_document::projection::Place;
use ecomesh_document::{Document, ReadDocument};
use ecomesh_protocol::lives::{Life, Term};
use ecomesh_protocol::{LedgerError, Roster, judge};
use ecomesh_record::{Kind, Lane, LogId, Record, RecordId};
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
/// Of a log a thread reads so many bytes at once, and one record at least: as a document each takes ten times as much.
const STRETCH_BYTES: usize = 1024 * 1024;
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
    Document(ReadDocument),
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
    /// Those that are to be looked at, or looked at again.
    later: Vec<Key>,
    parked: Vec<(Key, RecordId)>,
    documents: Vec<(Place, ReadDocument)>,
    /// Of a part of a log what was not looked at.
    rest: Option<RangeInclusive<u64>>,
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
        // After a failure everything is read again, and what was taken already is taken once.
        if round == Round::Everything && !self.everything()? {
            return Ok(round);
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

    /// Reads all logs once, but for what speaks of another record: that is left to be read as news, after its text. Whether
    /// it came to the end; if not, the node was locked.
    fn everything(&self) -> Result<bool, LedgerError> {
        let opened = self.board.unread().opened;
        let mut heads = self.reader.heads();
        heads.retain(|head| head.log.lane != Lane::CONTROL);
        self.board.unread().unlooked = heads.iter().map(|head| head.seq.saturating_add(1)).sum();
        let mut left: VecDeque<_> = heads.into_iter().map(|head| (head.log, 0..=head.seq)).collect();
        while let Some((log, seqs)) = left.pop_front() {
            let (batch, rest) = cut(seqs);
            left.extend(rest.map(|rest| (log, rest)));
            // What is read here is in memory; who locks the node waits for it.
            let Ok(_in_use) = self.mail.safe().enter() else { return Ok(false) };
            let parts = in_parallel(split(&batch), |part| self.look_along(log, part))?;
            let Some(parts) = parts else { return Ok(false) };
            // The projections are others since: they are read for from the beginning.
            if self.board.unread().opened != opened {
                return Ok(false);
            }
            self.take(&parts);
            // Long records fill a part before its end.
            let rests: Vec<_> = parts.into_iter().filter_map(|part| part.rest).collect();
            let unlooked: u64 = rests.iter().map(|rest| rest.clone().count() as u64).sum();
            self.board.unread().looked_at(batch.count() as u64 - unlooked);
            rests.into_iter().for_each(|rest| left.push_front((log, rest)));
            self.forget();
        }
        self.board.unread().all_is_read(opened);
        Ok(true)
    }

    /// Reads a part of a log, as far as its records are not too long.
    fn look_along(
        &self,
        log: LogId,
        seqs: RangeInclusive<u64>,
    ) -> Result<Result<Looked, Locked>, LedgerError> {
        let mut looked = Looked::default();
        let mut unwrapped = Unwrapped::new();
        let (first, last) = seqs.into_inner();
        let count = usize::try_from(last - first).unwrap_or(usize::MAX).saturating_add(1);
        let wants = |record: &Record| self.is_heard(record) && !Key::of(record.header()).speaks_of_another;
        let stretch = self.reader.stretch(log, first, STRETCH_BYTES, count, wants)?;
        let next = first + stretch.len() as u64;
        looked.rest = (!stretch.is_empty() && next <= last).then_some(next..=last);
        for (record, _) in stretch.iter().filter(|(record, _)| self.is_heard(record)) {
            let key = Key::of(record.header());
            if key.speaks_of_another {
                looked.later.push(key);
            } else if let Err(locked) = self.hear(key, record, &mut looked, &mut unwrapped) {
                return Ok(Err(locked));
            }
        }
        Ok(Ok(looked))
    }

    /// Whether a record may come to something.
    fn is_heard(&self, record: &Record) -> bool {
        let header = record.header();
        is_projected(header.kind, header.lane) && judge(&self.roster, record).is_ok()
    }

    /// Reads the records at these places.
    fn read(&self, batch: &[Key]) -> Result<(), LedgerError> {
        let parts = batch.chunks(batch.len().div_ceil(threads(batch.len())).max(1));
        if let Some(parts) = in_parallel(parts.collect(), |part| self.look_at(part))? {
            self.take(&parts);
        }
        Ok(())
    }

    fn look_at(&self, keys: &[Key]) -> Result<Result<Looked, Locked>, LedgerError> {
        let mut looked = Looked::default();
        let mut unwrapped = Unwrapped::new();
        for key in keys {
            let Some(record) = self.reader.record(key.position)? else { continue };
            if let Err(locked) = self.hear(*key, &record, &mut looked, &mut unwrapped) {
                return Ok(Err(locked));
            }
        }
        Ok(Ok(looked))
    }

    /// Has the projections take what was read.
    fn take(&self, parts: &[Looked]) {
        let board = &self.board;
        if let Some(projections) = &mut *board.projections.write().unwrap_or_else(PoisonError::into_inner) {
            for (place, read) in parts.iter().flat_map(|part| &part.documents) {
                projections.take(place, read);
            }
            for (entry, place, step) in parts.iter().flat_map(|part| &part.withdrawn) {
                projections.withdrawn.take(entry, place, step);
            }
        }
        let mut unread = board.unread();
        for part in parts {
            part.done.iter().for_each(|key| {
                unread.positions.remove(key);
            });
            unread.positions.extend(&part.later);
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
    }

    /// Notes what a record says.
    fn hear(
        &self,
        key: Key,
        record: &Record,
        looked: &mut Looked,
        unwrapped: &mut Unwrapped,
    ) -> Result<(), Locked> {
        match self.said(record, unwrapped)? {
            Said::Document(read) => looked.documents.extend(place_of(record).map(|at| (at, read))),
            Said::Withdrawn(entry, step) => {
                looked.withdrawn.extend(place_of(record).map(|at| (entry, at, step)));
            }
            Said::Nothing => {}
            Said::NotYet => {
                looked.later.push(key);
                return Ok(());
            }
            Said::NoGroupKey(key_record) => {
                looked.parked.push((key, key_record));
                return Ok(());
            }
        }
        looked.done.push(key);
        Ok(())
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
                Ok(plaintext) => ReadDocument::decode(header.kind.0, &plaintext),
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
            ReadDocument::decode(header.kind.0, body.content())
        };
        // What speaks of a record that was erased would wait for it for ever.
        if let Ok(read) = &document
            && let Some(erased) = self.erased_target(&read.document)
        {
            // That an entry was withdrawn is told for as long as that is known, without anything that it said.
            let is_entry = matches!(erased.header().kind, Kind::ENTRY | Kind::ENTRY_BATCH)
                && judge(&self.roster, &erased).is_ok()
                && self.mail.is_for_us(erased.header());
            return Ok(match (&read.document, place_of(&erased).filter(|_| is_entry)) {
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

/// How many threads are worth having for so many records. Opening and decoding takes as long as all else.
fn threads(records: usize) -> usize {
    threads_at_most().min(records / RECORDS_PER_THREAD).max(1)
}

fn threads_at_most() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from).min(THREADS_MAX)
}

/// What is read at once of a part of a log, and the rest of it.
fn cut(seqs: RangeInclusive<u64>) -> (RangeInclusive<u64>, Option<RangeInclusive<u64>>) {
    let (first, last) = seqs.into_inner();
    let end = last.min(first.saturating_add(BATCH as u64 - 1));
    (first..=end, (end < last).then(|| end + 1..=last))
}

/// A part of a log, in a part for each thread: a few records may be long ones.
fn split(seqs: &RangeInclusive<u64>) -> Vec<RangeInclusive<u64>> {
    let (first, last) = (*seqs.start(), *seqs.end());
    let count = usize::try_from(last - first).unwrap_or(usize::MAX).saturating_add(1);
    let each = count.div_ceil(threads_at_most());
    (first..=last).step_by(each).map(|from| from..=last.min(from + (each as u64 - 1))).collect()
}

/// What each part says, in their order; the first on this thread. Nothing if the node is locked.
fn in_parallel<P: Send>(
    parts: Vec<P>,
    look: impl Fn(P) -> Result<Result<Looked, Locked>, LedgerError> + Sync,
) -> Result<Option<Vec<Looked>>, LedgerError> {
    let looked: Result<Result<Vec<_>, Locked>, LedgerError> = std::thread::scope(|scope| {
        let mut parts = parts.into_iter();
        let own = parts.next();
        let look = &look;
        let others: Vec<_> = parts.map(|part| scope.spawn(move || look(part))).collect();
        let own = own.map(look);
        own.into_iter().chain(others.into_iter().map(join)).collect()
    });
    Ok(looked?.ok())
}

/// What a thread gives; its panic is one of this thread.
fn join<T>(thread: std::thread::ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_cut_without_gap_or_overlap() {
        for count in [1, 63, 64, 129, BATCH as u64, BATCH as u64 + 1, 5_000] {
            let (mut rest, mut seqs) = (Some(7..=count + 6), Vec::new());
            while let Some(left) = rest {
                let (batch, after) = cut(left);
                assert!(batch.clone().count() <= BATCH);
                let parts = split(&batch);
                assert!(parts.len() <= THREADS_MAX);
                seqs.extend(parts.into_iter().flatten());
                rest = after;
            }
            assert_eq!(seqs, (7..=count + 6).collect::<Vec<_>>(), "{count}");
        }
    }
}
