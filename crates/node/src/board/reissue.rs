//! Writing batches anew without the lines that were withdrawn.
//!
//! A withdrawal hides a line at once, everywhere; the bytes of it stay in the batch. So some days later the source writes
//! what is left in a new batch and erases the old one, and nothing that was withdrawn stays on any disk beyond 30 days: it
//! is erased after [`AFTER_MS`], and destroyed three days later.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use ecomesh_document::Document;
use ecomesh_protocol::erasure::{Erase, Ground};
use ecomesh_protocol::{Draft, Roster};
use ecomesh_record::{Audience, Flags, Kind, Lane, Priority, Record, RecordId, Retention, Time};
use ecomesh_store::LedgerReader;
use sha2::{Digest, Sha256};

use super::{Board, position_of};
use crate::clock;
use crate::core_thread::CoreHandle;
use crate::sealing::Mail;
use crate::views::Views;

/// How old the first withdrawal of a batch is when what is left is written anew: others that follow within these days share
/// it.
const AFTER_MS: u64 = 7 * 24 * 60 * 60 * 1000;
/// Between two looks.
const EVERY: Duration = Duration::from_secs(60 * 60);
/// After a failure.
const PAUSE: Duration = Duration::from_secs(60);

/// What it needs.
pub(crate) struct Reissue {
    pub(crate) board: Arc<Board>,
    pub(crate) mail: Arc<Mail>,
    pub(crate) reader: LedgerReader,
    pub(crate) views: Arc<RwLock<Views>>,
    pub(crate) core: CoreHandle,
    pub(crate) roster: Roster,
}

impl Reissue {
    /// Runs until it is aborted.
    pub(crate) async fn run(self) {
        loop {
            // While the node is locked nobody knows the batches.
            let failed = self.round(clock::wall()).await.inspect_err(|error| {
                tracing::warn!(error, "batches with withdrawn lines wait to be written anew");
            });
            tokio::time::sleep(if failed.is_ok() { EVERY } else { PAUSE }).await;
        }
    }

    /// Writes every batch anew of which lines have been withdrawn for long enough.
    pub(crate) async fn round(&self, now: Time) -> Result<(), String> {
        for (id, lines) in self.due(now) {
            let Some(record) = self.record(id)? else { continue };
            let Some(left) = self.left(&record, &lines)? else { continue };
            if let Some(batch) = left {
                let draft = draft_of(&record, &batch)?;
                self.write(draft).await?;
            }
            // Only once what is left is durable.
            let erase = Erase::new(Ground::PURPOSE_MET, [id]).map_err(|e| e.to_string())?;
            let content = erase.encode().map_err(|e| e.to_string())?;
            self.write(Draft::control(Kind::ERASE, content, salt()?)).await?;
            tracing::info!(id = %id.short(), lines = lines.len(), "a batch was written anew without withdrawn lines");
        }
        Ok(())
    }

    /// Own batches, and the lines that were withdrawn from them.
    fn due(&self, now: Time) -> Vec<(RecordId, std::collections::BTreeSet<u32>)> {
        if !self.roster.allows_control(self.roster.epoch(), Kind::ERASE) {
            return Vec::new();
        }
        let own = self.mail.own();
        let is_disputed = |position: &_| {
            let views = self.views.read().unwrap_or_else(PoisonError::into_inner);
            position_of(position, Lane::ENTRIES).is_some_and(|position| views.is_disputed(position))
        };
        let due = self.board.look(|projections| {
            let own = projections.batches.batches().filter(|batch| batch.source().as_str() == own.as_str());
            let due = own.filter_map(|batch| {
                let (lines, since) = batch.withdrawn(is_disputed);
                let old = since.is_some_and(|since| since.saturating_add(AFTER_MS) <= now.0);
                (old && !lines.is_empty()).then(|| (batch.id(), lines))
            });
            due.collect()
        });
        due.unwrap_or_default()
    }

    fn record(&self, id: RecordId) -> Result<Option<Record>, String> {
        let Some(position) = self.reader.find(id).map_err(|e| e.to_string())? else { return Ok(None) };
        self.reader.record(position).map_err(|e| e.to_string())
    }

    /// What is left of a batch; `None` if it cannot be read, so that it must stay.
    #[expect(clippy::option_option, reason = "nothing is left, or it is not known what is")]
    fn left(
        &self,
        record: &Record,
        lines: &std::collections::BTreeSet<u32>,
    ) -> Result<Option<Option<Document>>, String> {
        let Some(body) = record.body() else { return Ok(None) };
        let kind = record.header().kind.0;
        let document = if matches!(record.header().audience, Audience::Sealed { .. }) {
            // It is sealed to others, and would have to be sealed anew: its source does that by hand.
            return Ok(None);
        } else {
            Document::decode(kind, body.content()).map_err(|e| e.to_string())?
        };
        let Document::Batch(batch) = document else { return Ok(None) };
        Ok(Some(batch.without(lines).map(Document::from)))
    }

    async fn write(&self, draft: Draft) -> Result<(), String> {
        self.core.author(draft).await.map_err(|e| e.to_string())?.map_err(|e| e.to_string())?;
        Ok(())
    }
}

/// The new batch: as the old one, with an expiry that is no later.
fn draft_of(record: &Record, batch: &Document) -> Result<Draft, String> {
    let header = record.header();
    let content = batch.encode().map_err(|e| e.to_string())?;
    // If the node ends between the two records, the same batch is not written twice.
    let key = [b"reissue".as_slice(), record.id().as_bytes(), &content].concat();
    Ok(Draft {
        kind: Kind::ENTRY_BATCH,
        priority: Priority::ROUTINE,
        to: header.to.clone(),
        retention: Retention(batch.retention()),
        expires_at: (header.expires_at > Time(0)).then_some(header.expires_at),
        flags: Flags(header.flags.0),
        content,
        salt: salt()?,
        idempotency: Some(Sha256::digest(key).into()),
        sealed: None,
    })
}

fn salt() -> Result<[u8; 32], String> {
    let mut salt = [0; 32];
    getrandom::fill(&mut salt).map_err(|e| e.to_string())?;
    Ok(salt)
}
