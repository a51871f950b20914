//! The commit: apply, flush, fsync, mark. It runs on a thread of its own, so that a disk that does not answer ends the
//! process after a limit rather than hanging the node for ever.

use std::fs::File;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use ecomesh_protocol::ledger::LedgerError;
use sled::Batch;

use crate::marker::{Mark, Marker};
use crate::read::Shared;
use crate::system::System;

/// Steps in which the limit of a commit is waited for.
const LIMIT_STEPS: u32 = 10;

/// The thread that commits, and the way to it.
pub(crate) struct Committer {
    jobs: Option<SyncSender<Job>>,
    results: Receiver<Result<(), LedgerError>>,
    thread: Option<JoinHandle<()>>,
    limit: Duration,
    /// The first failure. What was written then may be lost, and a second fsync would not say so.
    failed: Option<LedgerError>,
}

struct Job {
    batches: Vec<Batch>,
    mark: Mark,
}

struct Worker {
    shared: Arc<Shared>,
    /// Kept open from the start: the system tells each descriptor once about a write that failed, and sled only
    /// logs what its own is told.
    db_file: File,
    marker: Marker,
    system: System,
}

impl Committer {
    /// Starts the thread.
    pub(crate) fn start(
        shared: Arc<Shared>,
        db_file: File,
        marker: Marker,
        system: System,
        limit: Duration,
    ) -> std::io::Result<Self> {
        let worker = Worker { shared, db_file, marker, system };
        let (jobs, inbox) = sync_channel::<Job>(1);
        let (outbox, results) = sync_channel(1);
        let work = move || {
            for job in inbox {
                if outbox.send(worker.commit(job)).is_err() {
                    break;
                }
            }
            worker.close();
        };
        let thread = thread::Builder::new().name("store commit".into()).spawn(work)?;
        Ok(Self { jobs: Some(jobs), results, thread: Some(thread), limit, failed: None })
    }

    /// Writes the batches; when this returns they are durable.
    ///
    /// # Errors
    /// [`LedgerError::SyncFailed`] or [`LedgerError::Damaged`], and the same one for ever after.
    pub(crate) fn commit(&mut self, batches: Vec<Batch>, mark: Mark) -> Result<(), LedgerError> {
        self.check()?;
        let result = self.run(Job { batches, mark });
        self.failed = result.as_ref().err().cloned();
        result
    }

    /// The first failure, if there was one.
    ///
    /// # Errors
    /// As [`Committer::commit`].
    pub(crate) fn check(&self) -> Result<(), LedgerError> {
        self.failed.clone().map_or(Ok(()), Err)
    }

    fn run(&self, job: Job) -> Result<(), LedgerError> {
        let gone = || LedgerError::SyncFailed("the thread that commits has ended".into());
        let jobs = self.jobs.as_ref().ok_or_else(gone)?;
        jobs.send(job).map_err(|_| gone())?;
        // In steps: a process that stood still for longer than the limit (stopped, or its machine frozen) finds one
        // step over when it wakes up, and the disk gets the others.
        for _ in 0..LIMIT_STEPS {
            match self.results.recv_timeout(self.limit / LIMIT_STEPS) {
                Ok(result) => return result,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Err(gone()),
            }
        }
        Err(LedgerError::SyncFailed(format!("no answer from the disk after {:?}", self.limit)))
    }
}

/// Waits for the thread, unless it failed: then it may hang for ever.
impl Drop for Committer {
    fn drop(&mut self) {
        self.jobs = None;
        if let (Some(thread), None) = (self.thread.take(), &self.failed) {
            // A panic of that thread was told as `SyncFailed` to whoever waited.
            let _ = thread.join();
        }
    }
}

impl Worker {
    fn commit(&self, job: Job) -> Result<(), LedgerError> {
        for batch in job.batches {
            self.apply(batch)?;
        }
        // Without the marker the commit is whole; only a later loss would be harder to see.
        if let Err(error) = self.marker.write(&job.mark) {
            tracing::warn!(%error, "the marker of the store was not written");
        }
        Ok(())
    }

    /// Applies one batch and makes it durable. Each batch is synced, not only the last one: sled moves pages and
    /// uses the segments again that they left, and both must not fall between the same two syncs.
    fn apply(&self, batch: Batch) -> Result<(), LedgerError> {
        self.shared.engine.write(|db| {
            db.apply_batch(batch)?;
            db.flush()
        })?;
        self.system
            .sync(&self.db_file)
            .map_err(|error| self.shared.engine.stop(LedgerError::SyncFailed(error.to_string())))
    }

    fn close(&self) {
        if let Err(error) = self.marker.sync() {
            tracing::warn!(%error, "the marker of the store was not synced");
        }
    }
}
