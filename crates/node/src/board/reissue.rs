//! Writing batches anew without the lines that were withdrawn.
//!
//! A withdrawal hides a line at once, everywhere; the bytes of it stay in the batch. So some days later the source writes
//! what is left in a new batch and erases the old one, and nothing that was withdrawn stays on any disk beyond 30 days: it
//! is erased after `[databases] rewrite_after_h` of `node.toml`, and destroyed three days later.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use ecomesh_document::Document;
use ecomesh_document::notice::life;
use ecomesh_document::projection::batches::BatchItem;
use ecomesh_protocol::erasure::{Erase, Ground};
use ecomesh_protocol::{Draft, Roster};
use ecomesh_record::{Flags, Kind, Lane, MemberId, Priority, Record, RecordId, Retention, Time};
use ecomesh_store::LedgerReader;
use sha2::{Digest, Sha256};

use super::{Board, position_of};
use crate::clock;
use crate::core_thread::CoreHandle;
use crate::sealing::{Mail, SealedDraft, seal_to_group};
use crate::views::Views;

/// Between two looks.
const EVERY: Duration = Duration::from_secs(60 * 60);
/// After a failure.
const PAUSE: Duration = Duration::from_secs(60);
/// Between two looks whether everything is read after a start.
const LOOK: Duration = Duration::from_secs(1);

/// What it needs.
pub(crate) struct Reissue {
    /// How old the first withdrawal of a batch is when what is left is written anew, in milliseconds: others that follow
    /// within this time share it.
    pub(crate) after_ms: u64,
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
            while self.board.has_unread_withdrawals(self.mail.own()) {
                tokio::time::sleep(LOOK).await;
            }
            let failed = self.round(clock::wall()).await.inspect_err(|error| {
                tracing::warn!(error, "batches with withdrawn lines wait to be written anew");
            });
            tokio::time::sleep(if failed.is_ok() { EVERY } else { PAUSE }).await;
        }
    }

    /// Writes every batch anew of which lines have been withdrawn for long enough.
    async fn round(&self, now: Time) -> Result<(), String> {
        let mut failed = None;
        for id in self.due(now) {
            // One that cannot be read keeps no other from it.
            if let Err(error) = self.rewrite(id).await {
                failed.get_or_insert(error);
            }
        }
        failed.map_or(Ok(()), Err)
    }

    /// Own batches of which a line has been withdrawn for long enough.
    fn due(&self, now: Time) -> Vec<RecordId> {
        if !self.roster.allows_control(self.roster.epoch(), Kind::ERASE) {
            return Vec::new();
        }
        let own = self.mail.own();
        let due = self.board.look(|projections| {
            let own = projections.batches.batches().filter(|batch| batch.source().as_str() == own.as_str());
            let due = own.filter(|batch| {
                let (_, since) = batch.withdrawn(|position| self.is_disputed(position));
                since.is_some_and(|since| since.saturating_add(self.after_ms) <= now.0)
            });
            due.map(BatchItem::id).collect()
        });
        due.unwrap_or_default()
    }

    /// Writes what is left of a batch, and erases the batch.
    async fn rewrite(&self, id: RecordId) -> Result<(), String> {
        let _alone = self.board.alone_with_own_batches().await;
        // What is opened here is in memory; who locks the node waits for it.
        let Ok(_in_use) = self.mail.safe().enter() else { return Ok(()) };
        // A line of which it is not known here that it was withdrawn would come back.
        if self.board.has_unread_withdrawals(self.mail.own()) {
            return Ok(());
        }
        let lines = self.board.look(|projections| {
            let batch = projections.batches.batch_of(id)?;
            Some(batch.withdrawn(|position| self.is_disputed(position)).0)
        });
        let Ok(Some(lines)) = lines else { return Ok(()) };
        let Some(record) = self.record(id)? else { return Ok(()) };
        if let Some(left) = self.left(&record, &lines)? {
            let draft = draft_of(&record, &left)?;
            let Some(draft) = self.sealed_as(&record, draft).await? else { return Ok(()) };
            self.write(draft).await?;
        }
        // Only once what is left is durable.
        let erase = Erase::new(Ground::PURPOSE_MET, [id]).map_err(|e| e.to_string())?;
        let content = erase.encode().map_err(|e| e.to_string())?;
        self.write(Draft::control(Kind::ERASE, content, salt()?)).await?;
        tracing::info!(id = %id.short(), lines = lines.len(), "a batch was written anew without withdrawn lines");
        Ok(())
    }

    fn is_disputed(&self, position: &life::Position) -> bool {
        let views = self.views.read().unwrap_or_else(PoisonError::into_inner);
        position_of(position, Lane::ENTRIES).is_some_and(|position| views.is_disputed(position))
    }

    fn record(&self, id: RecordId) -> Result<Option<Record>, String> {
        let Some(position) = self.reader.find(id).map_err(|e| e.to_string())? else { return Ok(None) };
        self.reader.record(position).map_err(|e| e.to_string())
    }

    /// What is left of a batch; `None` if nothing is.
    fn left(&self, record: &Record, lines: &BTreeSet<u32>) -> Result<Option<Document>, String> {
        let kind = record.header().kind.0;
        let document = if record.header().audience.is_closed() {
            let content = self.mail.open(record).map_err(|e| e.to_string())?;
            Document::decode(kind, &content)
        } else {
            let body = record.body().ok_or("the batch is not here; it is being fetched")?;
            Document::decode(kind, body.content())
        };
        let Document::Batch(batch) = document.map_err(|e| e.to_string())? else {
            return Err("the batch is none".into());
        };
        Ok(batch.without(lines).map(Document::from))
    }

    /// The draft, sealed to those who can read the old batch, if that is sealed to some. None if nothing can be sealed to any
    /// of them now: what is left of the batch would be lost to all.
    async fn sealed_as(&self, record: &Record, draft: Draft) -> Result<Option<Draft>, String> {
        let header = record.header();
        if !header.audience.is_closed() {
            return Ok(Some(draft));
        }
        let now = clock::wall();
        let members = self.mail.group_members(header).map_err(|e| e.to_string())?;
        // A member to whom nothing can be sealed now does not keep withdrawn lines on the disks of all others.
        let can_read = |member: &MemberId| {
            let views = self.views.read().unwrap_or_else(PoisonError::into_inner);
            views.prekey(*member, now).is_ok()
        };
        let (members, away): (Vec<_>, Vec<_>) = members.iter().map(|(member, _)| *member).partition(can_read);
        if members.is_empty() {
            tracing::warn!(
                id = %record.id().short(),
                "nothing can be sealed to any reader of a batch now: its withdrawn lines stay hidden, and are destroyed once \
                 one of them has been here again"
            );
            return Ok(None);
        }
        if !away.is_empty() {
            tracing::warn!(
                ?away,
                "nothing can be sealed to these members now: a batch is written anew without them"
            );
        }
        let key = self.mail.group_key(&self.core, &self.views, &members, draft.retention, now).await;
        let key = key.map_err(|e| e.to_string())?;
        let mail = self.mail.clone();
        let sealing = tokio::task::spawn_blocking(move || {
            let SealedDraft { draft, kept, .. } =
                seal_to_group(&mail, &draft, now, &key).map_err(|e| e.to_string())?;
            // Before the record: whoever has written it must be able to read it.
            mail.vault().map_err(|e| e.to_string())?.keep(&[kept], now).map_err(|e| e.to_string())?;
            Ok(Some(draft))
        });
        sealing.await.map_err(|e| e.to_string())?
    }

    async fn write(&self, draft: Draft) -> Result<(), String> {
        self.core.author(draft).await.map_err(|e| e.to_string())?.map_err(|e| e.to_string())?;
        Ok(())
    }
}

/// The new batch: as the old one, with an expiry that is no later.
fn draft_of(record: &Record, batch: &Document) -> Result<Draft, String> {
    let header = record.header();
    let content = batch.encode_again().map_err(|e| e.to_string())?;
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
