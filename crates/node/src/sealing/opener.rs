//! Learns the content key of what comes, and tells the author of what cannot be opened.
//!
//! A content key is kept before the prekey that brings it is destroyed; so a bureau can read its mail for as long as the
//! record lives. Nobody need have read it: `opened` is said by an officer.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use ecomesh_protocol::receipt::{Outcome, RECEIPT_ENTRIES_MAX, Reason, Receipt, ReceiptEntry};
use ecomesh_protocol::{Draft, LedgerError, Roster};
use ecomesh_record::{Kind, MemberId, Position, RecordId};
use ecomesh_store::LedgerReader;

use super::{Closed, Mail, Unwrapped, kept};
use crate::clock;
use crate::core_thread::CoreHandle;
use crate::views::Views;

/// Records that share a sync of the vault.
const BATCH: usize = 256;
/// What comes within this time shares it.
const GATHER: Duration = Duration::from_millis(100);
/// What could not be opened for a reason of the moment is tried again after this, if nothing comes before.
const AGAIN: Duration = Duration::from_secs(60);
/// After a failure.
const PAUSE: Duration = Duration::from_secs(5);

/// What the opener needs.
#[derive(Clone)]
pub(crate) struct Opener {
    pub(crate) mail: Arc<Mail>,
    pub(crate) reader: LedgerReader,
    pub(crate) views: Arc<RwLock<Views>>,
    pub(crate) core: CoreHandle,
    pub(crate) roster: Roster,
    pub(crate) own: MemberId,
}

/// What became of a batch.
#[derive(Default)]
struct Looked {
    /// Content keys that are kept now, and what needs none.
    done: Vec<Position>,
    /// What cannot be opened.
    closed: Vec<(Position, ReceiptEntry)>,
}

impl Opener {
    /// Runs until it is aborted.
    pub(crate) async fn run(self) {
        loop {
            if self.mail.safe().is_locked() {
                self.mail.news.notified().await;
                continue;
            }
            if let Err(error) = self.round().await {
                tracing::warn!(%error, "sealed mail waits");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
            // Whether something came or not: what is left is looked at again.
            let _ = tokio::time::timeout(AGAIN, self.mail.news.notified()).await;
            // Whoever wants to read a message opens it at once and does not wait for this.
            tokio::time::sleep(GATHER).await;
        }
    }

    /// Looks at everything once.
    async fn round(&self) -> Result<(), String> {
        let mut after = None;
        let mut unwrapped = Unwrapped::new();
        loop {
            let batch = self.mail.unopened(after, BATCH);
            let Some(last) = batch.last() else { return Ok(()) };
            after = Some(*last);
            let opener = self.clone();
            let looked = tokio::task::spawn_blocking(move || {
                let looked = opener.look(&batch, &mut unwrapped);
                (looked, unwrapped)
            });
            let (looked, known) = looked.await.map_err(|e| e.to_string())?;
            unwrapped = known;
            let Looked { done, closed } = looked?;
            self.mail.done(&done);
            for part in closed.chunks(RECEIPT_ENTRIES_MAX) {
                self.tell(part.iter().map(|(_, entry)| *entry).collect()).await?;
                self.mail.done(&part.iter().map(|(position, _)| *position).collect::<Vec<_>>());
            }
        }
    }

    fn look(&self, batch: &[Position], unwrapped: &mut Unwrapped) -> Result<Looked, String> {
        let mut looked = Looked::default();
        let (mut keys, mut opened) = (Vec::new(), Vec::new());
        for position in batch {
            let record = self.reader.record(*position).map_err(|e| e.to_string())?;
            let Some(record) = record else { continue };
            // It came while the vault was locked, and had come before.
            if self.mail.has_kept(record.header()) {
                looked.done.push(*position);
                continue;
            }
            let reason = match self.mail.content_key_with(&record, unwrapped) {
                Ok(key) => {
                    keys.extend(kept(record.header(), key));
                    opened.push(*position);
                    continue;
                }
                // It was erased or has expired before it came.
                Err(Closed::NoBody) if self.reader.is_excused(*position) => {
                    looked.done.push(*position);
                    continue;
                }
                // It is fetched again.
                Err(Closed::NoBody | Closed::NoGroupKey) => continue,
                Err(Closed::Locked(locked)) => return Err(locked.to_string()),
                Err(Closed::ToOthers | Closed::KeyLost) => {
                    looked.done.push(*position);
                    continue;
                }
                Err(Closed::PrekeyGone) => Reason::PREKEY_GONE,
                Err(Closed::Wrong(_)) => Reason::DOES_NOT_OPEN,
            };
            if self.has_said(record.id()).map_err(|e| e.to_string())? {
                looked.done.push(*position);
            } else {
                let entry = ReceiptEntry { id: record.id(), outcome: Outcome::CANNOT_OPEN, reason };
                looked.closed.push((*position, entry));
            }
        }
        if !keys.is_empty() {
            let vault = self.mail.vault().map_err(|e| e.to_string())?;
            vault.keep(&keys, clock::wall()).map_err(|e| e.to_string())?;
            looked.done.append(&mut opened);
        }
        Ok(looked)
    }

    /// Whether this bureau has told the author already that the record cannot be opened.
    fn has_said(&self, id: RecordId) -> Result<bool, LedgerError> {
        let places = self.views.read().unwrap_or_else(PoisonError::into_inner).receipts(id);
        for position in places.into_iter().filter(|position| position.log.author == self.own) {
            let Some(written) = self.reader.record(position)? else { continue };
            let receipt = written.body().and_then(|body| Receipt::decode(body.content()).ok());
            if receipt
                .and_then(|receipt| receipt.entry(id))
                .is_some_and(|e| e.outcome == Outcome::CANNOT_OPEN)
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn tell(&self, entries: Vec<ReceiptEntry>) -> Result<(), String> {
        if !self.roster.allows_control(self.roster.epoch(), Kind::RECEIPT) {
            return Ok(());
        }
        let count = entries.len();
        let receipt = Receipt::new(entries).map_err(|e| e.to_string())?;
        let mut salt = [0; 32];
        getrandom::fill(&mut salt).map_err(|e| e.to_string())?;
        let draft = Draft::control(Kind::RECEIPT, receipt.encode().map_err(|e| e.to_string())?, salt);
        let written = self.core.author(draft).await.map_err(|e| e.to_string())?;
        written.map_err(|e| e.to_string())?;
        tracing::warn!(count, "messages that cannot be opened; their senders are told");
        Ok(())
    }
}
