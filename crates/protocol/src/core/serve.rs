//! Answers to the questions of peers.

use ecomesh_record::{Record, RecordFrame, RecordId};

use super::Core;
use crate::disk::Disk;
use crate::io::{Now, Output, PeerKey};
use crate::ledger::{Ledger, LedgerError};
use crate::limits::{PAGE_BYTES_MAX, PAGE_RECORDS_MAX, SLICE_BYTES_MAX};
use crate::wire::{Question, Waiting, answer};

impl<L: Ledger, D: Disk> Core<L, D> {
    pub(super) fn asked(
        &mut self,
        peer: PeerKey,
        exchange: u64,
        question: Result<Question, String>,
        now: Now,
    ) -> Result<(), LedgerError> {
        let bytes = match question {
            Err(reason) => {
                self.blame(peer, &reason, now);
                answer::unavailable()
            }
            // A question from a peer whose link is not known yet, or no more: it asks again.
            Ok(_) if !self.sync.is_linked(peer) => answer::unavailable(),
            Ok(question) => self.serve(peer, question, now)?,
        };
        self.output(Output::Respond { exchange, bytes });
        Ok(())
    }

    fn serve(&mut self, peer: PeerKey, question: Question, now: Now) -> Result<Vec<u8>, LedgerError> {
        match question {
            Question::Exchange { digest, waiting } => self.serve_exchange(digest, &waiting, now),
            Question::Notify { frontiers, forks } => {
                for frontier in frontiers {
                    self.take_frontier(Some(peer), &frontier, now)?;
                }
                forks.into_iter().for_each(|proof| self.take_fork(proof, now));
                Ok(answer::taken())
            }
            Question::Page { log, from, max_bytes } => {
                let end = self.replica.durable_end(log).next;
                let end = self.replica.disputed_from(log).map_or(end, |disputed| disputed.min(end));
                if from >= end {
                    return Ok(answer::unavailable());
                }
                let max_bytes = max_bytes.min(PAGE_BYTES_MAX) as usize;
                let mut page = self.ledger.page(log, from, max_bytes, PAGE_RECORDS_MAX)?;
                page.truncate(usize::try_from(end - from).unwrap_or(usize::MAX));
                // Found damaged just now.
                let is_missing = |r: &&Record| r.body().is_none() && !self.ledger.is_excused(r.position());
                let missing: Vec<RecordId> = page.iter().filter(is_missing).map(Record::id).collect();
                missing.into_iter().for_each(|id| self.body_missing(id));
                let fits = |bytes: usize| bytes <= max_bytes;
                let frames: Vec<RecordFrame> = page
                    .into_iter()
                    .map(|record| {
                        let record = self.shown(record, now);
                        // A record that alone exceeds the page comes without its body, which is asked in slices.
                        let record = if fits(record.frame_len()) { record } else { record.without_body() };
                        record.to_frame()
                    })
                    .collect();
                Ok(answer::page(&frames))
            }
            Question::Slice { id, offset, max_bytes } => self.serve_slice(id, offset, max_bytes, now),
            Question::Bodies { ids } => self.serve_bodies(&ids, now),
            Question::Header { position } => {
                let record = self.ledger.record(position)?;
                Ok(answer::header(record.as_ref()))
            }
        }
    }

    fn serve_exchange(
        &mut self,
        digest: [u8; 32],
        waiting: &[Waiting],
        now: Now,
    ) -> Result<Vec<u8>, LedgerError> {
        let equal = digest == self.holdings()?;
        let frontier = if equal { None } else { self.complete_frontier(now)? };
        let third = self.frontiers.newer_than(waiting);
        Ok(answer::exchange(frontier.as_ref(), &third))
    }

    fn serve_slice(
        &self,
        id: RecordId,
        offset: u32,
        max_bytes: u32,
        now: Now,
    ) -> Result<Vec<u8>, LedgerError> {
        let Some(body) = self.durable_body(id, now)? else { return self.serve_erasures(&[id]) };
        let from = offset as usize;
        let until = body.len().min(from.saturating_add(max_bytes.min(SLICE_BYTES_MAX) as usize));
        match body.get(from..until) {
            Some(bytes) if !bytes.is_empty() => {
                Ok(answer::slice(offset, u32::try_from(body.len()).unwrap_or(u32::MAX), bytes))
            }
            _ => Ok(answer::unavailable()),
        }
    }

    fn serve_bodies(&self, ids: &[RecordId], now: Now) -> Result<Vec<u8>, LedgerError> {
        let mut bodies = Vec::new();
        let mut bytes = 0;
        for id in ids {
            let Some(body) = self.durable_body(*id, now)? else { continue };
            bytes += body.len() + 64;
            if bytes > PAGE_BYTES_MAX as usize && !bodies.is_empty() {
                break;
            }
            bodies.push((*id, body));
        }
        if bodies.is_empty() { self.serve_erasures(ids) } else { Ok(answer::bodies(&bodies)) }
    }

    /// A peer's word that a body was erased proves nothing: the erasures do.
    fn serve_erasures(&self, ids: &[RecordId]) -> Result<Vec<u8>, LedgerError> {
        let erasures = self.erasures_of(ids)?;
        Ok(if erasures.is_empty() { answer::unavailable() } else { answer::erased(&erasures) })
    }

    fn durable_body(&self, id: RecordId, now: Now) -> Result<Option<Vec<u8>>, LedgerError> {
        let Some(position) = self.ledger.find(id)? else { return Ok(None) };
        let record = self.ledger.record(position)?;
        let shown = record.map(|record| self.shown(record, now));
        Ok(shown.and_then(|record| record.body().map(ecomesh_record::Body::encode)))
    }
}
