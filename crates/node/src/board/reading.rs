//! Reading documents for the projections.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use ecomesh_document::Document;
use ecomesh_document::projection::Place;
use ecomesh_protocol::lives::{Life, Term};
use ecomesh_protocol::{LedgerError, Roster, judge};
use ecomesh_record::{Audience, Lane, Position, Record};
use ecomesh_store::LedgerReader;

use super::{Board, is_projected, place_of};
use crate::clock;
use crate::sealing::{Closed, Mail};
use crate::vault::Locked;
use crate::views::Views;

/// Records that are read between two looks of clients at the projections.
const BATCH: usize = 256;
/// Headers are looked through in pages of this many.
const PAGE: usize = 1024;
/// What could not be read for a reason of the moment is tried again after this, if nothing comes before.
const AGAIN: Duration = Duration::from_secs(60);
/// Texts that were read are searched after this at the latest: making them searchable costs some milliseconds, however few
/// they are.
const SHOW: Duration = Duration::from_secs(1);
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
    /// Nothing, now and later: it is sealed to others, erased, or no document.
    Nothing,
    /// Its body is missing; it is fetched.
    NotYet,
}

impl Reading {
    /// Runs until it is aborted.
    pub(crate) async fn run(self) {
        loop {
            if self.mail.safe().is_locked() {
                self.board.news.notified().await;
                continue;
            }
            let reading = self.clone();
            match tokio::task::spawn_blocking(move || reading.round()).await {
                Ok(Ok(())) => {}
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
            self.rest().await;
        }
    }

    /// Waits for news. What was read meanwhile is searched once a while has passed.
    async fn rest(&self) {
        let unshown = self.board.look(|projections| projections.index.unshown()).unwrap_or(0);
        if unshown == 0 {
            let _ = tokio::time::timeout(AGAIN, self.board.news.notified()).await;
            return;
        }
        tokio::time::sleep(SHOW).await;
        let board = self.board.clone();
        let shown = tokio::task::spawn_blocking(move || {
            if let Some(projections) = &mut *board.projections.write().unwrap_or_else(PoisonError::into_inner)
            {
                projections.index.show();
            }
        });
        if let Err(error) = shown.await {
            tracing::error!(%error, "texts cannot be searched");
        }
    }

    /// Reads everything that is unread once.
    fn round(&self) -> Result<(), LedgerError> {
        if std::mem::take(&mut self.board.unread().everything) {
            self.look_through()?;
        }
        let mut after = None;
        loop {
            let batch = self.next(after);
            let Some(last) = batch.last() else { return Ok(()) };
            after = Some(*last);
            // What is read here is in memory; who locks the node waits for it.
            let Ok(_in_use) = self.mail.safe().enter() else { return Ok(()) };
            self.read(&batch)?;
        }
    }

    fn next(&self, after: Option<Position>) -> Vec<Position> {
        use std::ops::Bound;
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.board.unread().positions.range((from, Bound::Unbounded)).take(BATCH).copied().collect()
    }

    /// Finds all documents that come to something.
    fn look_through(&self) -> Result<(), LedgerError> {
        for head in self.reader.heads() {
            if !matches!(head.log.lane, Lane::MESSAGES | Lane::ENTRIES) {
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
                self.board.unread().positions.extend(wanted.map(Record::position));
            }
        }
        Ok(())
    }

    fn read(&self, batch: &[Position]) -> Result<(), LedgerError> {
        let mut done = Vec::with_capacity(batch.len());
        let mut documents: Vec<(Place, Document)> = Vec::new();
        for position in batch {
            let Some(record) = self.reader.record(*position)? else { continue };
            match self.said(&record) {
                Ok(Said::Document(document)) => documents.extend(place_of(&record).map(|at| (at, document))),
                Ok(Said::Nothing) => {}
                Ok(Said::NotYet) => continue,
                Err(Locked) => return Ok(()),
            }
            done.push(*position);
        }
        let board = &self.board;
        if let Some(projections) = &mut *board.projections.write().unwrap_or_else(PoisonError::into_inner) {
            for (place, document) in &documents {
                projections.take(place, document);
            }
        }
        let mut unread = board.unread();
        for position in done {
            unread.positions.remove(&position);
        }
        drop(unread);
        board.read.send_modify(|count| *count += 1);
        Ok(())
    }

    fn said(&self, record: &Record) -> Result<Said, Locked> {
        let header = record.header();
        let life = {
            let views = self.views.read().unwrap_or_else(PoisonError::into_inner);
            views.lives().life(&Term::of(record), clock::wall())
        };
        if life == Life::Erased || self.reader.is_excused(record.position()) {
            return Ok(Said::Nothing);
        }
        let Some(body) = record.body() else { return Ok(Said::NotYet) };
        let document = if matches!(header.audience, Audience::Sealed { .. }) {
            match self.mail.open(record) {
                Ok(plaintext) => Document::decode(header.kind.0, &plaintext),
                Err(Closed::Locked(locked)) => return Err(locked),
                Err(Closed::NoBody) => return Ok(Said::NotYet),
                Err(_) => return Ok(Said::Nothing),
            }
        } else {
            Document::decode(header.kind.0, body.content())
        };
        Ok(document.map_or_else(
            |error| {
                tracing::debug!(id = %record.id().short(), kind = header.kind.0, %error, "a record says nothing");
                Said::Nothing
            },
            Said::Document,
        ))
    }
}
