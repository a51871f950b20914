//! The ledger on sled.

use std::sync::Arc;

use ecomesh_protocol::ledger::{Batch, Ledger, LedgerError, LogHead, Room};
use ecomesh_record::{ForkProof, HeaderHash, LogId, Position, Record, RecordId, Time};

use crate::commit::Committer;
use crate::marker::Mark;
use crate::plan::{Plan, Writes};
use crate::read::{Counts, LedgerReader, Shared};
use crate::schema::{Meta, RowDigest, SCHEMA_VERSION};
use crate::space::Space;

/// The store of records on disk. Open one with [`crate::open_or_create`].
///
/// There is one of these per store, owned by the thread that decides; other threads read through
/// [`SledLedger::reader`]. After [`LedgerError::SyncFailed`] or [`LedgerError::Damaged`] from a commit, every
/// further commit says the same.
pub struct SledLedger {
    shared: Arc<Shared>,
    committer: Committer,
    space: Space,
}

impl SledLedger {
    pub(crate) fn new(shared: Arc<Shared>, committer: Committer, space: Space) -> Self {
        Self { shared, committer, space }
    }

    /// A handle for other threads, which reads what is committed.
    pub fn reader(&self) -> LedgerReader {
        LedgerReader::new(Arc::clone(&self.shared))
    }

    /// How much there is. Costs nothing.
    pub fn counts(&self) -> Counts {
        self.shared.counts()
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    fn meta(&self) -> Meta {
        let Shared { network, instance, .. } = *self.shared;
        let key_id = self.shared.storage.id();
        Meta { schema: SCHEMA_VERSION, network, instance, key_id, commit: 0, digest: RowDigest::default() }
    }
}

impl Ledger for SledLedger {
    fn instance(&self) -> [u8; 16] {
        self.shared.instance
    }

    fn room(&mut self) -> Room {
        self.space.room()
    }

    fn commit(&mut self, batch: &Batch) -> Result<(), LedgerError> {
        self.committer.check()?;
        let plan = Plan::new(&self.shared, batch)?;
        if plan.is_empty() {
            return Ok(());
        }
        self.space.reserve(plan.disk_bytes(), plan.control_only)?;
        let Writes { batches, meta, changes } = plan.into_writes(&self.shared.state(), self.meta());
        let Meta { schema, network, instance, commit, digest, .. } = meta;
        self.committer.commit(batches, Mark { schema, network, instance, commit })?;
        self.shared.state_mut().apply(changes, digest);
        Ok(())
    }

    fn heads(&self) -> Result<Vec<LogHead>, LedgerError> {
        Ok(self.shared.heads())
    }

    fn record(&self, position: Position) -> Result<Option<Record>, LedgerError> {
        Ok(self.shared.record(position)?.map(|(record, _)| record))
    }

    fn header_hash(&self, position: Position) -> Result<Option<(HeaderHash, [u8; 64])>, LedgerError> {
        Ok(self.shared.header(position)?.map(|(record, _)| (record.hash(), *record.signature())))
    }

    fn page(
        &self,
        log: LogId,
        from: u64,
        max_bytes: usize,
        max_records: usize,
    ) -> Result<Vec<Record>, LedgerError> {
        self.shared.page(log, from, max_bytes, max_records)
    }

    fn headers(&self, log: LogId, from: u64, max_records: usize) -> Result<Vec<Record>, LedgerError> {
        self.shared.headers(log, from, max_records)
    }

    fn find(&self, id: RecordId) -> Result<Option<Position>, LedgerError> {
        self.shared.find(id)
    }

    fn first_seen(&self, position: Position) -> Result<Option<Time>, LedgerError> {
        Ok(self.shared.header(position)?.map(|(_, time)| time))
    }

    fn forks(&self) -> Result<Vec<ForkProof>, LedgerError> {
        Ok(self.shared.forks())
    }

    fn value(&self, name: &str) -> Result<Option<Vec<u8>>, LedgerError> {
        Ok(self.shared.value(name))
    }

    fn values_with(&self, prefix: &str) -> Result<Vec<(String, Vec<u8>)>, LedgerError> {
        Ok(self.shared.values_with(prefix))
    }

    fn is_excused(&self, position: Position) -> bool {
        self.shared.is_excused(position)
    }

    fn holes(&self) -> Result<Vec<RecordId>, LedgerError> {
        Ok(self.shared.holes())
    }
}

impl std::fmt::Debug for SledLedger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SledLedger").field("counts", &self.counts()).finish_non_exhaustive()
    }
}
